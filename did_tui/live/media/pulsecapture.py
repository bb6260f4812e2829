"""A microphone through libpulse: PulseAudio and PipeWire, here or behind ``PULSE_SERVER``."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from ctypes import byref, c_size_t, c_void_p

from did_tui.live.media import libpulse
from did_tui.live.media.capture import MOST_BYTES
from did_tui.live.media.pulsestream import PulseStream, listed
from did_tui.live.media.speaker import RATE, Device, SpeakerError

PIECE_SECONDS = 0.020
"""The pieces in which the server sends what it records."""


def devices(env: Mapping[str, str] = os.environ) -> list[Device]:
    """The microphones of the server; blocks for at most 3 s, raises SpeakerError.

    What a sink plays can be recorded too, but is no microphone.
    """
    return [device for device in listed("source", env) if not device.sink.endswith(".monitor")]


class PulseCapture(PulseStream):
    """Records from a source, the server's default one if none is named.

    Opening takes at most 3 s and raises SpeakerError.
    """

    def __init__(self, device: str | None = None, *, env: Mapping[str, str] = os.environ) -> None:
        super().__init__("source")
        self._source = device
        self._open(env, b"microphone", 1)

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

    # With libpulse's lock held

    def _connect(self) -> int:
        unset = libpulse.SERVER_DECIDES
        piece = int(PIECE_SECONDS * RATE) * 2
        attributes = libpulse.BufferAttributes(unset, unset, unset, unset, piece)
        source = self._source.encode() if self._source else None
        refused: int = self._pa.pa_stream_connect_record(
            self._stream, source, byref(attributes), libpulse.ADJUST_LATENCY
        )
        return refused

    def _piece(self) -> bytes:
        """The next piece; silence where there is a hole (pa_stream_peek in stream.h)."""
        data, size = c_void_p(), c_size_t()
        self._pa.pa_stream_peek(self._stream, byref(data), byref(size))
        pcm = ctypes.string_at(data.value, size.value) if data.value else bytes(size.value)
        self._pa.pa_stream_drop(self._stream)
        return pcm
