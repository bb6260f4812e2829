"""Messages as they come over the wire (protocol 3.5 and 3.6), and as they should not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from did_tui.live import wire
from did_tui.live.events import (
    Answer,
    Partial,
    SessionEnded,
    UtteranceDone,
    UtteranceFailed,
    UtteranceStarted,
    WarmupEnded,
)

CHANNEL = [
    ("stream/ready", WarmupEnded()),
    ("stream/ready:{}", WarmupEnded()),
    ('stream/ready:{"metadata":{}}', WarmupEnded()),
    ('stream/started:{"metadata":{"videoId":"v1"}}', UtteranceStarted("v1")),
    ("stream/started", UtteranceStarted("")),
    ('stream/started:{"metadata":null}', UtteranceStarted("")),
    ("stream/done", UtteranceDone()),
    ('stream/done:{"any":1}', UtteranceDone()),
    ("stream/error", UtteranceFailed("")),
    ('stream/error:{"description":"no voice"}', UtteranceFailed("no voice")),
    ("stream/error:no%20voice", UtteranceFailed("no voice")),
    ("chat/answer:Hello%2C%20you", Answer("Hello, you", "channel")),
    ("chat/answer:100% sure", Answer("100% sure", "channel")),
    ("chat/answer:12:30", Answer("12:30", "channel")),
    ('chat/answer:{"content":"Hi","id":"m"}', Answer("Hi", "channel", "m")),
    ('chat/answer:"Hi"', Answer("Hi", "channel")),
    ('chat/answer:"Hi" she said', Answer('"Hi" she said', "channel")),
    ("chat/answer:42", Answer("42", "channel")),
    ("chat/partial:Hel", Partial("Hel", None, "channel")),
    ('chat/partial:{"content":"Hel","sequence":2}', Partial("Hel", 2, "channel")),
    ('chat/partial:{"content":"Hel","sequence":-1}', None),
    ('chat/partial:{"content":"Hel","sequence":true}', None),
    ('chat/partial:{"content":"Hel","sequence":"1"}', None),
    ("", None),
    ("nonsense", None),
    (":", None),
    ("stream/unheard-of:{}", None),
    (b"stream/done", None),
    ("chat/answer:" + "x" * 1_000_000, None),
]

SOCKET = [
    ({"event": "partial", "content": "a", "sequence": 0}, Partial("a", 0, "socket")),
    (
        {"event": "partial", "content": "a", "sequence": 10**9, "id": "m"},
        Partial("a", 10**9, "socket", "m"),
    ),
    ({"event": "answer", "content": "all"}, Answer("all", "socket")),
    ({"event": "chat/answer", "content": "all"}, Answer("all", "socket")),
    (
        {"event": "stream/done", "close_reason": "inactivity"},
        SessionEnded("inactivity", "inactivity"),
    ),
    ({"event": "stream/done", "close_reason": "manual"}, SessionEnded("user", "manual")),
    (
        {"event": "stream/done", "close_reason": "peer_disconnected"},
        SessionEnded("network", "peer_disconnected"),
    ),
    ({"event": "stream/done", "close_reason": "shutdown"}, SessionEnded("service", "shutdown")),
    ({"event": "stream/done"}, SessionEnded("service", "")),
    ({"event": "stream-video/rejected", "description": "no"}, UtteranceFailed("no")),
    ({"event": "stream/error"}, UtteranceFailed("")),
    ({"event": "embed"}, None),
    ({"event": ["answer"]}, None),
    ({"event": "answer", "content": 5}, Answer("", "socket")),
    ({}, None),
]


@pytest.mark.parametrize(("text", "event"), CHANNEL)
def test_the_data_channel(text: object, event: object) -> None:
    assert wire.from_channel(text) == event


@pytest.mark.parametrize(("message", "event"), SOCKET)
def test_the_notifications_socket(message: object, event: object) -> None:
    assert wire.from_socket(json.dumps(message)) == event


@pytest.mark.parametrize("text", ["", "null", "[]", '{"event": "ans', "5", "[" * 100_000, b"{}"])
def test_a_notification_that_is_none(text: object) -> None:
    assert wire.from_socket(text) is None


def test_stream_done_means_two_things() -> None:
    assert wire.from_channel("stream/done") == UtteranceDone()
    assert isinstance(wire.from_socket('{"event":"stream/done"}'), SessionEnded)


NAMES = ["stream/ready", "stream/started", "stream/done", "stream/error", "chat/answer"]
NAMES += ["chat/partial", "partial", "answer", "transcribe", "stream-video/started"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.sampled_from(NAMES), st.text() | json_values.map(json.dumps))
def test_any_payload_of_a_known_event(name: str, payload: str) -> None:
    wire.from_channel(f"{name}:{payload}")


@given(
    st.sampled_from(NAMES),
    st.dictionaries(st.sampled_from(["content", "sequence", "id", "metadata"]), json_values),
)
def test_any_fields_of_a_known_notification(name: str, fields: dict[str, object]) -> None:
    wire.from_socket(json.dumps({**fields, "event": name}))


def test_the_interrupt_is_the_sdks_to_the_letter() -> None:
    said = wire.interrupt("v1", 1700000000000)
    assert said == '{"type":"stream/interrupt","videoId":"v1","timestamp":1700000000000}'
