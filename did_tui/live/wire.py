"""Messages of the data channel and the notifications socket <-> events. Pure.

Formats: data channel, protocol 3.5 and 3.7; notifications socket, protocol 3.6; the two use
``stream/done`` for different things. Nothing that arrives raises: what cannot be read is no event.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from did_tui.live.events import (
    Answer,
    EndReason,
    Event,
    Partial,
    SessionEnded,
    Transcribed,
    UtteranceDone,
    UtteranceFailed,
    UtteranceStarted,
    WarmupEnded,
)
from did_tui.live.transcript import Message

LONGEST_MESSAGE = 256 * 1024  # characters that are looked at; nothing documented comes near

_CLOSE_REASONS: Mapping[str, EndReason] = {
    "manual": "user",
    "inactivity": "inactivity",
    "peer_disconnected": "network",
}


def from_channel(data: object) -> Event | None:
    """Read ``event`` or ``event:payload`` from the data channel."""
    if not isinstance(data, str) or len(data) > LONGEST_MESSAGE:
        return None
    name, _, rest = data.partition(":")
    payload = object_of(rest)
    match name.strip():
        case "stream/ready":
            return WarmupEnded()
        case "stream/started":
            return UtteranceStarted(text_of(object_of(payload.get("metadata")), "videoId"))
        case "stream/done":
            return UtteranceDone()
        case "stream/error":
            return UtteranceFailed(text_of(payload, "description") or _readable(rest))
        case "chat/answer":
            return Answer(_chat_text(rest, payload), "channel", text_of(payload, "id"))
        case "chat/partial":
            return partial_of(payload, _chat_text(rest, payload), "channel")
    return None


def from_socket(data: object) -> Event | None:
    """Read a notification, a JSON object with an ``event``."""
    if not isinstance(data, str) or len(data) > LONGEST_MESSAGE:
        return None
    message = object_of(data)
    match message.get("event"):
        case "partial" | "chat/partial":
            return partial_of(message, text_of(message, "content"), "socket")
        case "answer" | "chat/answer":
            return Answer(text_of(message, "content"), "socket", text_of(message, "id"))
        case "transcribe" | "chat/audio-transcribed":
            return Transcribed(text_of(message, "id"), text_of(message, "content"))
        case "stream-video/error" | "stream-video/rejected" | "stream/error":
            return UtteranceFailed(text_of(message, "description") or text_of(message, "reason"))
        case "stream/done":
            said = text_of(message, "close_reason")
            return SessionEnded(_CLOSE_REASONS.get(said, "service"), said)
    return None


def interrupt(video_id: str, milliseconds: int) -> str:
    """The text that stops an utterance of a fluent stream; the time is since the epoch."""
    return json.dumps(
        {"type": "stream/interrupt", "videoId": video_id, "timestamp": milliseconds},
        separators=(",", ":"),
    )


def candidate_fields(line: str, mid: str | None, index: int | None) -> dict[str, Any]:
    """W3C's ``RTCIceCandidate.toJSON`` fields for a local candidate."""
    return {"candidate": f"candidate:{line}", "sdpMid": mid, "sdpMLineIndex": index}


def message_for(message: Message, created: str) -> dict[str, Any]:
    """A message as the chat endpoint takes it; ``created`` is an ISO time (protocol 4.1)."""
    text = message.heard_text
    fields: dict[str, Any] = {
        "id": message.id,
        "role": message.role,
        "content": text,
        "parts": [{"type": "text", "content": text}],
        "created_at": created,
    }
    if message.state == "interrupted":
        fields["interrupted"] = True
    if message.transcribed:
        fields["transcribed"] = True
    return fields


def partial_of(payload: Mapping[str, Any], text: str, source: Any) -> Partial | None:
    """A piece of an answer; None where its number is none."""
    sequence = payload.get("sequence")
    if sequence is not None and (type(sequence) is not int or sequence < 0):
        return None
    return Partial(text, sequence, source, text_of(payload, "id"))


def _chat_text(rest: str, payload: Mapping[str, Any]) -> str:
    """The text of a chat event: JSON's ``content``, a JSON text, or the percent-encoded rest."""
    if "content" in payload:
        return text_of(payload, "content")
    if rest.startswith('"'):
        try:
            return str(json.loads(rest))
        except ValueError:
            pass  # a percent-encoded text that happens to begin with a quotation mark
    return _readable(rest)


def _readable(text: str) -> str:
    """Undo percent-encoding; a percent sign that encodes nothing stays as it is."""
    return unquote(text, errors="replace")


def object_of(value: object) -> Mapping[str, Any]:
    """A JSON object given as such or as text, and an empty one for anything else."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, Mapping) else {}


def text_of(payload: Mapping[str, Any], key: str) -> str:
    """The text under a key; empty where there is none."""
    value = payload.get(key)
    return value if isinstance(value, str) else ""
