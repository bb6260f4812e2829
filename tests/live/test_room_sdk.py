"""LiveKit's library keeps off the screen, also when it dies."""

from __future__ import annotations

import ctypes
import importlib
import logging
import os
import signal
import sys

import pytest

from did_tui.live import roomsdk

pytest.importorskip("livekit.rtc", reason="LiveKit's library is not for this machine")


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
