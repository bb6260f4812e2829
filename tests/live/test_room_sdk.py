"""LiveKit's library keeps off the screen, also when it dies."""

from __future__ import annotations

import ctypes
import importlib
import logging
import os
import signal
import sys
from types import SimpleNamespace

import httpx
import pytest

from did_tui.api.client import Client
from did_tui.api.credentials import Credentials
from did_tui.live import roomsdk
from did_tui.live.media.playback import Playback
from did_tui.live.media.speaker import SilentSpeaker
from did_tui.live.runner import Runner

pytest.importorskip("livekit.rtc", reason="LiveKit's library is not for this machine")


@pytest.mark.parametrize(
    ("addresses", "alone"),
    [
        ([], True),
        (["127.0.0.1", ("::1", 0, 0)], True),
        (["127.0.0.1", "192.0.2.7"], False),
        ([("::1", 0, 0), ("fd00::2", 0, 0)], False),
    ],
)
def test_whether_there_is_a_network(
    monkeypatch: pytest.MonkeyPatch, addresses: list[object], alone: bool
) -> None:
    have(monkeypatch, addresses)
    assert roomsdk.only_loopback() is alone


async def test_a_machine_without_a_network_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, json={"id": "agt_1", "avatar": {"type": "expressive"}})

    have(monkeypatch, ["127.0.0.1"])
    client = Client(Credentials.parse("user:pass"), transport=httpx.MockTransport(answer))
    runner = Runner(client, "agt_1", Playback(open_speaker=lambda _sink: SilentSpeaker()))
    await runner.open()
    conversation = runner.conversation
    assert (conversation.phase, "no network but itself" in conversation.trouble) == ("failed", True)
    assert conversation.advice == "Agents with streams work all the same."
    assert asked == ["/agents/agt_1/runtime"], "no session is asked for in vain"
    await runner.close()
    await client.close()


def have(monkeypatch: pytest.MonkeyPatch, addresses: list[object]) -> None:
    """Let the machine have these addresses."""
    there = [SimpleNamespace(ips=[SimpleNamespace(ip=ip)]) for ip in addresses]
    monkeypatch.setattr("ifaddr.get_adapters", lambda: there)


async def test_what_is_changed_of_it_is_still_there() -> None:
    roomsdk.load()
    assert roomsdk.unmended() == []


def test_a_panic_is_no_word_on_the_screen_and_ends_the_program_in_order(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    roomsdk.load()
    client = importlib.import_module("livekit.rtc._ffi_client")
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(client.os, "kill", lambda *what: killed.append(what))
    screen = os.dup(1)  # what sys.stderr means while the screen is ours
    with os.fdopen(screen, "w") as shown:
        monkeypatch.setattr(sys, "stderr", shown)
        event = client.proto_ffi.FfiEvent()
        event.panic.message = "called `Option::unwrap()` on a `None` value"
        data = event.SerializeToString()
        room = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
        client.ffi_event_callback(room, len(data))
    assert killed == [(os.getpid(), signal.SIGTERM)]
    out, err = capfd.readouterr()
    assert (out, "unwrap" in err) == ("", True)


def test_a_topic_that_nobody_reads_gives_the_root_logger_no_handler() -> None:
    roomsdk.load()
    room = importlib.import_module("livekit.rtc.room")
    before = list(logging.getLogger().handlers)
    room.logging.info("ignoring text stream with topic '%s'", "lk.transcription")
    assert logging.getLogger().handlers == before
    assert room.logging is logging.getLogger("livekit")
    assert not room.logging.propagate
