"""From tracks to the newest picture and the speaker."""
