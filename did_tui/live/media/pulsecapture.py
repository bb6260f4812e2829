"""A microphone through libpulse: PulseAudio and PipeWire, here or behind ``PULSE_SERVER``."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from ctypes import byref, c_size_t, c_void_p
from typing import Any

from did_tui.live.media import libpulse
from did_tui.live.media.capture import MOST_BYTES
from did_tui.live.media.libpulse import Connection
from did_tui.live.media.pulse import OPEN_SECONDS, listed
from did_tui.live.media.speaker import RATE, Device, SpeakerError

PIECE_SECONDS = 0.020
"""The pieces in which the server sends what it records."""


def devices(env: Mapping[str, str] = os.environ) -> list[Device]:
    """The microphones of the server; blocks for at most 3 s, raises SpeakerError.

    What a sink plays can be recorded too, but is no microphone.
    """
    return [device for device in listed("source", env) if not device.sink.endswith(".monitor")]


class PulseCapture:
    """Records from a source, the server's default one if none is named.

    Opening takes at most 3 s and raises SpeakerError. The stream follows its source: when that is
    unplugged the server moves it to another one.
    """

    def __init__(self, device: str | None = None, *, env: Mapping[str, str] = os.environ) -> None:
        self.name = ""
        self._stream: int | None = None
        self._closed = True
        # libpulse keeps the bare addresses of these: they must live as long as the stream.
        self._on_state = libpulse.Notify(self._note_state)
        self._on_moved = libpulse.Notify(self._note_moved)
        self._on_source_info = libpulse.DeviceInfoNotify(self._note_source_info)

        deadline = time.monotonic() + OPEN_SECONDS
        self._connection = Connection()
        self._closed = False
        self._pa = self._connection.pa
        with ExitStack() as undo:
            undo.callback(self.close)
            self._connection.connect(env, deadline)
            self._record_from(device, deadline)
            undo.pop_all()

    def read(self) -> bytes:
        """What was recorded since the last call; SpeakerError when server or source are gone."""
        if self._closed:
            raise SpeakerError("The microphone is closed")
        pcm = b""
        with self._connection.locked():
            if self._connection.gone_because:
                raise SpeakerError(f"The microphone is gone: {self._connection.gone_because}")
            while self._pa.pa_stream_readable_size(self._stream) not in (0, libpulse.SIZE_UNKNOWN):
                pcm += self._piece()
        return pcm[-MOST_BYTES:]

    def close(self) -> None:
        """Leave the server and end libpulse's thread."""
        if self._closed:
            return
        self._closed = True
        if self._stream:
            with self._connection.locked():
                self._pa.pa_stream_set_state_callback(self._stream, libpulse.Notify(), None)
                self._pa.pa_stream_disconnect(self._stream)
                self._pa.pa_stream_unref(self._stream)
        self._connection.close()

    def __del__(self) -> None:
        # The callbacks go with the object: libpulse's thread must not call them any more.
        if not self._closed:
            self.close()

    def _record_from(self, device: str | None, deadline: float) -> None:
        pa, connection = self._pa, self._connection
        with connection.locked():
            spec = libpulse.SampleSpec(libpulse.SAMPLE_S16, RATE, 1)
            self._stream = pa.pa_stream_new(connection.context, b"microphone", byref(spec), None)
            if not self._stream:
                raise connection.refusal()
            pa.pa_stream_set_state_callback(self._stream, self._on_state, None)
            pa.pa_stream_set_moved_callback(self._stream, self._on_moved, None)
            unset = libpulse.SERVER_DECIDES
            piece = int(PIECE_SECONDS * RATE) * 2
            attributes = libpulse.BufferAttributes(unset, unset, unset, unset, piece)
            source = device.encode() if device else None
            flags = libpulse.ADJUST_LATENCY
            if pa.pa_stream_connect_record(self._stream, source, byref(attributes), flags) < 0:
                raise connection.refusal()
        connection.wait_for(
            lambda: pa.pa_stream_get_state(self._stream) == libpulse.STREAM_READY, deadline
        )
        with connection.locked():
            self._ask_name()
        connection.wait_for(lambda: bool(self.name), deadline)

    # With libpulse's lock held

    def _piece(self) -> bytes:
        """The next piece; silence where there is a hole (pa_stream_peek in stream.h)."""
        data, size = c_void_p(), c_size_t()
        self._pa.pa_stream_peek(self._stream, byref(data), byref(size))
        pcm = ctypes.string_at(data.value, size.value) if data.value else bytes(size.value)
        self._pa.pa_stream_drop(self._stream)
        return pcm

    def _ask_name(self) -> None:
        index = self._pa.pa_stream_get_device_index(self._stream)
        self._connection.forget(
            self._pa.pa_context_get_source_info_by_index(
                self._connection.context, index, self._on_source_info, None
            )
        )

    # Callbacks, on libpulse's thread with its lock held

    def _note_state(self, _stream: int, _userdata: int) -> None:
        state = self._pa.pa_stream_get_state(self._stream) if self._stream else 0
        self._connection.note(gone=state == libpulse.STREAM_FAILED)

    def _note_moved(self, _stream: int, _userdata: int) -> None:
        self._ask_name()

    def _note_source_info(self, _context: int, info: Any, end: int, _userdata: int) -> None:
        if not end:
            words = info.contents.description or info.contents.name or b""
            self.name = f"PulseAudio · {words.decode(errors='replace')}"
        elif end < 0:
            self.name = "PulseAudio"
        self._connection.note()
