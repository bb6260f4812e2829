"""What comes out of a room as data packets, and how a room is found, refused and ended."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from did_tui.live import events as e
from did_tui.live import roomwire
from did_tui.live.roomwire import ended_by, from_packet, refusal, room_url

READ: list[tuple[str, Any, e.Event | None]] = [
    ("chat/partial", {"content": "Hel", "sequence": 0}, e.Partial("Hel", 0, "channel")),
    ("chat/partial", {"content": "Hel", "sequence": -1}, None),
    ("chat/partial", {"content": "Hel", "sequence": 0, "role": "user"}, None),
    ("chat/answer", {"content": "Hello", "id": "m1"}, e.Answer("Hello", "channel", "m1")),
    ("chat/answer", {"content": "Hello", "role": "user"}, None),
    ("chat/audio-transcribed", {"content": "Hi", "role": "user"}, e.Transcribed("", "Hi")),
    ("stream-video/started", {"metadata": {"videoId": "v"}}, e.UtteranceStarted("v", True)),
    ("stream-video/started", {"metadata": "v"}, e.UtteranceStarted("", True)),
    (
        "stream-video/started",
        {"metadata": {"interruptible": False, "sentiment": {"id": "x"}}},
        e.UtteranceStarted("", False),
    ),
    ("stream-video/done", {}, e.UtteranceDone()),
    ("stream-video/error", {"description": "bad"}, e.UtteranceFailed("bad")),
    ("stream-video/rejected", {}, e.UtteranceFailed("")),
    ("turn/started", {"turn_id": 3}, e.TurnBegun(3)),
    ("turn/started", {"turn_id": True}, e.TurnBegun(None)),
    ("turn/ended", {"turn_id": None}, e.TurnEnded(None)),
    (
        "tool-call/started",
        {"call_id": "c", "name": "look", "input": {"at": "sea"}},
        e.ToolCalled("c", "look", '{"at": "sea"}'),
    ),
    (
        "tool-call/started",
        {"call_id": "c", "name": "look", "execution_mode": "async"},
        e.ToolCalled("c", "look", "", blocking=False),
    ),
    ("tool-call/started", {"call_id": "c"}, None),
    ("tool-call/done", {"call_id": "c", "output": "42"}, e.ToolReturned("c", "42")),
    ("tool-call/done", {"output": "42"}, None),
    (
        "tool-call/error",
        {"call_id": "c", "extra": {"error": {"message": "no"}}},
        e.ToolReturned("c", "no", failed=True),
    ),
    ("stream/done", {"reason": "message_limit"}, e.SessionEnded("message_limit", "message_limit")),
    ("stream/done", {"reason": "ok"}, e.SessionEnded("service")),
    ("stream/error", {"reason": "network_issue"}, e.SessionEnded("network", "network_issue")),
    ("stream/error", {"reason": "new_in_2027"}, e.SessionEnded("service", "new_in_2027")),
    ("lk.anything", {"content": "Hello"}, None),
    ("", {"content": "Hello"}, None),
]


@pytest.mark.parametrize(("topic", "payload", "event"), READ)
def test_a_packet_is_read_by_its_topic_or_its_subject(
    topic: str, payload: dict[str, Any], event: e.Event | None
) -> None:
    assert from_packet(topic, json.dumps(payload).encode()) == event
    assert from_packet("", json.dumps({**payload, "subject": topic}).encode()) == event
    assert from_packet("lk.other", json.dumps({**payload, "subject": topic}).encode()) is None


TOPICS = sorted({topic for topic, _, _ in READ})


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[1]", b"null", b'"x"', b"[" * 9999])
def test_damaged_packets_do_no_harm(topic: str, data: bytes) -> None:
    from_packet(topic, data)


@given(st.sampled_from(TOPICS), st.binary(max_size=60))
def test_any_bytes(topic: str, data: bytes) -> None:
    from_packet(topic, data)


def test_a_flood_is_not_looked_at() -> None:
    assert from_packet("chat/answer", b'{"content": "' + b"x" * 300_000 + b'"}') is None
    event = from_packet(
        "tool-call/started",
        json.dumps({"call_id": "c", "name": "n", "input": "y" * 9999}).encode(),
    )
    assert isinstance(event, e.ToolCalled)
    assert len(event.given) == roomwire.LONGEST_TOOL_TEXT


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("wss://x.livekit.cloud", "wss://x.livekit.cloud"),
        ("wss://x.livekit.cloud/", "wss://x.livekit.cloud"),
        ("https://x.livekit.cloud/a/b?c=d", "wss://x.livekit.cloud/a/b"),
        ("wss://x.livekit.cloud/room/user_1", "wss://x.livekit.cloud"),
        ("http://127.0.0.1:7880", "ws://127.0.0.1:7880"),
        ("ftp://x", ""),
        ("wss://", ""),
        ("wss://[", ""),
        ("", ""),
    ],
)
def test_the_address_of_a_room_server(address: str, found: str) -> None:
    assert room_url(address) == found


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("engine: signal failure: client error: 401 Unauthorized - token expired", "expired"),
        ("engine: signal failure: client error: 401 Unauthorized - invalid token: x", "refuses"),
        ("could not join: room has exceeded its max participants", "full"),
        ("engine: signal failure: handshake error: 500 Internal Server Error", "full"),
        ("signal failure: ws failure: HTTP error: 200 OK", "no LiveKit"),
        ("engine: signal failure: timeout: validate request", "does not answer"),
        ("engine: signal failure: ws failure: IO error: Connection refused", "reached"),
        ("something new", "reached"),
    ],
)
def test_why_a_room_is_not_entered(said: str, reason: str) -> None:
    assert reason in refusal(said)[0]


def test_how_livekit_ends_a_stay() -> None:
    assert ended_by("CLIENT_INITIATED") is None
    assert ended_by("ROOM_DELETED") == e.SessionEnded("service", "the room was closed")
    assert ended_by("SERVER_SHUTDOWN") == e.SessionEnded("network", "server shutdown")
    assert ended_by("NEW_IN_2027") == e.SessionEnded("network", "new in 2027")


def test_what_is_spoken_waits_for_what_is_being_said() -> None:
    said = json.loads(roomwire.speak({"type": "text", "input": "Hi"}, "agt_1", "cht_1"))
    assert said == {
        "script": {"type": "text", "input": "Hi", "should_queue_speaks": True},
        "metadata": {"chat_id": "cht_1", "agent_id": "agt_1"},
    }
