"""One conversation: its rules, its WebRTC connection, its picture and its sound."""
