"""Data packets of a room <-> events, and how a room is found and ends. Pure.

Formats: protocol 5.1 to 5.4. A packet's subject is its topic, or ``subject`` in its JSON where it
has no topic. Nothing that arrives raises: what cannot be read is no event.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from did_tui.live.events import (
    Answer,
    EndReason,
    Event,
    SessionEnded,
    ToolCalled,
    ToolReturned,
    Transcribed,
    TurnBegun,
    TurnEnded,
    UtteranceDone,
    UtteranceFailed,
    UtteranceStarted,
)
from did_tui.live.wire import LONGEST_MESSAGE, object_of, partial_of, text_of

CHAT, SPEAK, INTERRUPT = "lk.chat", "did.speak", "did.interrupt"
LANGUAGE, PRESENTATION = "did.stt-language", "did.presentation"
LONGEST_TOOL_TEXT = 2000  # characters of what a tool was given or said that are kept

_REASONS: Mapping[str, EndReason] = {
    "network_issue": "network",
    "message_limit": "message_limit",
    "time_limit": "time_limit",
    "inactivity": "inactivity",
    "ended_by_agent": "ended_by_agent",
}

#: LiveKit's reasons to put a participant out for good; after the others one comes back.
_PUT_OUT: Mapping[str, str] = {
    "DUPLICATE_IDENTITY": "somebody else came in with the same session",
    "PARTICIPANT_REMOVED": "this side was removed from the room",
    "ROOM_DELETED": "the room was closed",
    "ROOM_CLOSED": "the room was closed",
}

NO_SERVER = "The server of the room is no LiveKit server."

#: What LiveKit's words for a connection that failed mean; the first that fits.
_REFUSALS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("expired",), "The session's token has expired.", "Is this machine's clock right?"),
    (
        ("unauthorized", "401", "invalid token", "permission"),
        "The room refuses the session's token.",
        "Connect again for another.",
    ),
    (
        ("max participants", "is full", "join failure", "500 internal"),
        "The room lets nobody in: it is full, or its server is in trouble.",
        "Connect again for another.",
    ),
    (("timeout", "timed out"), "The room does not answer.", "Check the network."),
    (
        ("client error", "http", "upgrade", "handshake", "websocket"),
        NO_SERVER,
        "Please report this.",
    ),
)


def from_packet(topic: str, data: bytes) -> Event | None:
    """Read a data packet; ``SessionEnded`` is what the agent says will follow."""
    if len(data) > LONGEST_MESSAGE:
        return None
    payload = object_of(data.decode("utf-8", "replace"))
    match topic or text_of(payload, "subject"):
        case "chat/partial":
            if text_of(payload, "role") == "user":
                return None  # what the user is saying; the whole of it comes as audio-transcribed
            return partial_of(payload, text_of(payload, "content"), "channel")
        case "chat/answer":
            if text_of(payload, "role") == "user":
                return None
            return Answer(text_of(payload, "content"), "channel", text_of(payload, "id"))
        case "chat/audio-transcribed":
            return Transcribed(text_of(payload, "id"), text_of(payload, "content"))
        case "stream-video/started":
            about = object_of(payload.get("metadata"))
            return UtteranceStarted(
                text_of(about, "videoId"), about.get("interruptible") is not False
            )
        case "stream-video/done":
            return UtteranceDone()
        case "stream-video/error" | "stream-video/rejected":
            return UtteranceFailed(text_of(payload, "description"))
        case "turn/started":
            return TurnBegun(_turn(payload))
        case "turn/ended":
            return TurnEnded(_turn(payload))
        case "tool-call/started":
            return _called(payload)
        case "tool-call/done":
            return _returned(payload, failed=False)
        case "tool-call/error":
            return _returned(payload, failed=True)
        case "stream/done" | "stream/error":
            said = text_of(payload, "reason")
            return SessionEnded(_REASONS.get(said, "service"), said if said != "ok" else "")
    return None


def speak(script: Mapping[str, Any], agent_id: str, chat_id: str) -> str:
    """The text on ``did.speak``: a script that waits for what is being said."""
    queued = {**script, "should_queue_speaks": True}
    about = {"chat_id": chat_id, "agent_id": agent_id}
    return json.dumps({"script": queued, "metadata": about}, separators=(",", ":"))


def language(name: str) -> str:
    """The text on ``did.stt-language``: a language's English name, or its code of BCP 47.

    D-ID's SDK (2.0.10, ``setSttLanguage``) sends it in the middle of a conversation, and only when
    it is told to: until then D-ID listens in the language that the agent was made with. It leaves
    alone what it does not know, without a word (protocol 5.3).
    """
    return json.dumps({"language": name}, separators=(",", ":"))


def presentation(message: Mapping[str, Any]) -> str:
    """The text on ``did.presentation``: any object that the agent's presentation understands.

    D-ID's SDK (2.0.10, ``sendDataChannelMessage``) sends what it is given, when it is given it; its
    example is ``{"type": "navigate", "slide": 3}``.
    """
    return json.dumps(message, separators=(",", ":"))


def ended_by(reason: str) -> SessionEnded | None:
    """What LiveKit's reason for the end of a connection means; None where this side wanted it."""
    if reason == "CLIENT_INITIATED":
        return None
    if reason in _PUT_OUT:
        return SessionEnded("service", _PUT_OUT[reason])
    return SessionEnded("network", reason.lower().replace("_", " "))


def room_url(address: str) -> str:
    """The address of a room server; empty where a session names none.

    Some sessions come with ``/room/…`` behind it, which is not for LiveKit (protocol 5.1).
    """
    try:
        parts = urlsplit(address.strip())
        host = parts.hostname
    except ValueError:
        return ""
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    if scheme not in ("ws", "wss") or not host:
        return ""
    path = parts.path.partition("/room/")[0].rstrip("/")
    return urlunsplit((scheme, parts.netloc, path, "", ""))


def refusal(said: str) -> tuple[str, str]:
    """Why a room could not be entered and what to do about it, by LiveKit's words."""
    lower = said.lower()
    for words, reason, advice in _REFUSALS:
        if any(word in lower for word in words):
            return reason, advice
    return "The room cannot be reached.", "Check the network."


def as_text(value: object) -> str:
    """What a tool was given or said, in one line of JSON where it is no text; bounded."""
    if value is None:
        return ""
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "…"
    return text if len(text) <= LONGEST_TOOL_TEXT else text[: LONGEST_TOOL_TEXT - 1] + "…"


def _called(payload: Mapping[str, Any]) -> ToolCalled | None:
    name, call = text_of(payload, "name"), text_of(payload, "call_id")
    if not name or not call:
        return None
    blocking = payload.get("execution_mode") != "async"
    return ToolCalled(call, name, as_text(payload.get("input")), blocking)


def _returned(payload: Mapping[str, Any], *, failed: bool) -> ToolReturned | None:
    call = text_of(payload, "call_id")
    if not call:
        return None
    output = as_text(payload.get("output"))
    if failed and not output:
        error = object_of(object_of(payload.get("extra")).get("error"))
        output = text_of(error, "message")
    return ToolReturned(call, output, failed)


def _turn(payload: Mapping[str, Any]) -> int | None:
    turn = payload.get("turn_id")
    return turn if type(turn) is int else None
