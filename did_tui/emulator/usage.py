"""What ``did-tui emulator --help`` says of the control API, with nothing to import."""

from __future__ import annotations

CONTROL = """\
the control API, for programs on this machine:
  GET    /__control/state            streams, sockets, chats, counts, limits, waiting faults
  GET    /__control/requests         the last 500 requests, with their bodies; DELETE forgets them
  PATCH  /__control/limits           {"idle_seconds", "linger_seconds", "sessions", "credits",
                                     "pending", "requests_a_minute", "chat_mode", "ice_servers"}
  POST   /__control/faults           {"route": "send_message", "status": 500}: a fault for the next
                                     request of a route ("*": of any)
           "count": 3                for so many of them (0: until it is removed), after "skip": 2
           "status": 429             with D-ID's words for it, or your "kind", "description",
                                     "body", "headers"
           "delay": 2.5              seconds late
           "drop": true              the connection breaks without an answer
           "cut": true               the answer is half of its JSON
           "when": "after"           the request has its effect, and only its answer is hit
  DELETE /__control/faults[/N]       forget them all, or number N
  POST   /__control/streams/ID/...   ID is a stream's, or "all":
           media {"lose": "video", "seconds": 5}   or "audio", "both"; without seconds for ever,
                                                   0 ends it
           vanish                    the peer answers nothing from now on, without a word
           lose-session              every request is a SessionError; the media play on
           data {"text": ...}        write that on the data channel; or {"base64": ...}
           notify {"event": {...}}   send that on the notifications socket; or "text", "base64"
           hear {"text": ...}        as if the user had said it: transcribe, then the answer
           close {"reason": ...}     shutdown, inactivity, peer_disconnected or any other
  POST   /__control/sockets/drop     {"code": 1011}: close every notifications socket
routes: list_agents list_agents_bare create_agent get_agent update_agent delete_agent get_runtime
  list_knowledge create_chat delete_chats send_message rate change_rating delete_rating
  send_feedback open_stream send_answer send_candidate speak close_stream get_credits notifications
"""
