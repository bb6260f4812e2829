"""What ``did-tui emulator --help`` says of LiveKit and the control API, with little to import."""

from __future__ import annotations

import argparse

CONTROL = """\
The control API looks into the emulator and has things go wrong, for programs on
this machine and for no web page. Bodies are JSON, as in
  curl localhost:8787/__control/faults -d '{"route": "speak", "status": 500}'

GET    /__control/state         streams, rooms, sockets, chats, ratings, counts,
                                limits
GET    /__control/requests      the last 500, with their bodies (DELETE: forget)
PATCH  /__control/limits        as the options: "idle_seconds" "linger_seconds"
                                "sessions" "credits" "pending" "chat_mode"
                                "session_seconds" "session_messages"
                                "requests_a_minute" "fetch_anywhere", and
                                "participants" (1: every room is full),
                                "ice_servers" [...]
POST   /__control/faults        the next request of a "route" ("*": of any) gets
  "status": 429                 D-ID's words for it, or your own "kind",
                                "description", "body", "headers"
  "delay": 2.5                  its answer so many seconds late
  "drop": true                  no answer: the connection breaks
  "cut": true                   half of the answer's JSON
  "when": "after"               all of this only when it has had its effect
  "count": 3, "skip": 2         three requests (0: all), after the next two
GET    /__control/faults        those that wait; DELETE .../faults[/NUMBER]
POST   /__control/streams/ID/   of one stream, or "all":
  media {"lose": "video", "seconds": 5}
                                no "video", "audio" or "both"; without seconds
                                for ever, 0 ends it
  vanish                        the peer answers nothing more, without a word
  lose-session                  its requests are SessionErrors; the media go on
  data {"text": "..."}          on the data channel; or {"base64": "..."}
  notify {"event": {...}}       on its socket; or "text", "base64"
  hear {"text": "..."}          as if the user had said it aloud
  close {"reason": "..."}       inactivity, shutdown, peer_disconnected, any
POST   /__control/sessions/ID/  of one room that somebody is in, or "all":
  media, hear                   as of a stream
  vanish                        nothing answers any more: the server is frozen
  data {"text": "...", "topic": "..."}
                                a data packet as it stands; or {"base64": "..."}
  text {"text": "...", "topic": "..."}
                                a text stream from the agent
  call {"tool": "...", "arguments": {}, "seconds": 10}
                                have the client run a tool; what it has said
  agent {"here": false}         the agent leaves without a word; true: is back
  drop                          the signalling breaks: the client comes again
  leave {"action": "reconnect"} LiveKit sends the client away: "disconnect",
                                "resume"; its "reason": "server_shutdown", ...
  close {"reason": "..."}       inactivity, time_limit, message_limit,
                                ended_by_agent, network_issue, any
POST   /__control/sockets/drop  {"code": 1011} closes every notifications socket

Routes: list_agents list_agents_bare create_agent get_agent update_agent
  delete_agent get_runtime list_knowledge create_chat delete_chats
  send_message rate change_rating delete_rating send_feedback open_stream
  send_answer send_candidate speak close_stream get_credits get_account_key
  create_account_key change_account_key test_webhook create_export get_export
  delete_export list_keys create_key change_key delete_key get_speech_token
  list_sessions get_session create_session join_session create_knowledge
  get_knowledge change_knowledge delete_knowledge query_knowledge
  list_documents create_document get_document delete_document list_records
  list_presenters get_presenter change_presenter delete_presenter list_drivers
  list_expressives get_expressive list_avatars create_avatar get_avatar
  delete_avatar list_voices clone_voice delete_voice upload_image detect_faces
  delete_image upload_audio delete_audio get_settings change_settings get_logo
  change_logo delete_logo list_secrets create_secret get_secret change_secret
  delete_secret
  notifications join_room (a socket's handshake: late, refused or dropped)
"""


def add_livekit(parser: argparse.ArgumentParser) -> None:
    """The options of a real LiveKit server."""
    parser.add_argument(
        "--livekit-url",
        default="",
        metavar="URL",
        help="have the rooms on a LiveKit server instead of here, as ws://localhost:7880; for a"
        " worker LIVEKIT_URL will do",
    )
    parser.add_argument(
        "--livekit-key", default="", metavar="KEY", help="its key (also LIVEKIT_API_KEY)"
    )
    parser.add_argument(
        "--livekit-secret",
        default="",
        metavar="SECRET",
        help="its secret; better in LIVEKIT_API_SECRET, which no process list shows",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="processes that play the agents on that server (default: %(default)s)",
    )
    parser.add_argument(
        "--worker",
        action="store_true",
        help="serve nothing, only be one more such process, on this or any other machine",
    )
