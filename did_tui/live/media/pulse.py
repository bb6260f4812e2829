"""A speaker through libpulse: PulseAudio and PipeWire, here or behind ``PULSE_SERVER``."""

from __future__ import annotations

import ctypes
import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ctypes import byref, c_int
from pathlib import PurePosixPath
from typing import Any

from did_tui.live.media import libpulse
from did_tui.live.media.pulsestream import PulseStream, listed
from did_tui.live.media.speaker import (
    FADE,
    FRAME_BYTES,
    RATE,
    STALLED_SECONDS,
    Device,
    SpeakerError,
    faded,
)

LOCAL_BUFFER = (0.150, 0.320, 1.25)
"""Seconds of sound the server holds for us at first and at most, and how that grows each time it
ran dry. A busy Python process needs 0.1 s never to be late."""

REMOTE_BUFFER = (0.300, 0.800, 1.5)
"""The same over a network."""

PATIENCE, MOST_PATIENCE = 30.0, 480.0
"""Seconds without running dry after which it shrinks by a step; doubled each time it ran dry."""

REQUEST_SECONDS = 0.010
"""The smallest piece the server asks for."""

CALM_SECONDS = 1.0
"""For so long after an underflow, running dry is no news."""

TOO_LATE_SECONDS = 0.010
"""What is heard sooner than this, after what the sink has taken, is not changed any more."""

RETURN_SECONDS = 0.5
"""How often a stream that lost its sink to another looks whether it is back."""


def crosses_network(server: str, env: Mapping[str, str]) -> bool:
    """Tell whether sound for the server at this address leaves the machine.

    ``server`` is an address as libpulse writes it: ``unix:/path``, ``tcp:host:port``, ``host``. A
    socket that somebody named and that lies outside the places of running services is taken for
    the end of a tunnel, and so is any named one within an ssh session.
    """
    address = server.rpartition("}")[2]  # "{machine}address" restricts it to a machine
    if not address.startswith(("unix:", "/")):
        return True
    if not env.get("PULSE_SERVER"):
        return False
    if "SSH_CONNECTION" in env:
        return True
    path = PurePosixPath(address.removeprefix("unix:"))
    services = ["/run", "/var/run", env.get("XDG_RUNTIME_DIR") or "/run"]
    return not any(path.is_relative_to(place) for place in services)


def devices(env: Mapping[str, str] = os.environ) -> list[Device]:
    """The sinks of the server; blocks for at most 3 s, raises SpeakerError."""
    return listed("sink", env)


class Buffer:
    """How many seconds the server should hold: more when it ran dry, less when it long did not."""

    def __init__(self, least: float, most: float, growth: float) -> None:
        self.seconds = least
        self._least, self._most, self._growth = least, most, growth
        self._patience = PATIENCE / 2
        self._changed = 0.0

    def follow(self, starved: bool, now: float) -> bool:
        """Learn whether it ran dry since the last call; whether ``seconds`` is another now."""
        before = self.seconds
        if starved:
            self._patience = min(2 * self._patience, MOST_PATIENCE)
            self._changed = now
            self.seconds = min(self.seconds * self._growth, self._most)
        elif now - self._changed >= self._patience:
            self._changed = now
            self.seconds = max(self.seconds / self._growth, self._least)
        return self.seconds != before


class PulseSpeaker(PulseStream):
    """Plays through a PulseAudio or PipeWire server, which buffers and tells the true latency.

    Opening takes at most 3 s and raises SpeakerError; no other call waits for the server. The
    stream follows its sink: when that is unplugged the server moves it to another one, and only
    when none is left does the next call raise SpeakerError. A sink that was named gets the stream
    back when it is plugged in again, unless somebody has moved the stream meanwhile.
    """

    audible = True

    def __init__(self, device: str | None = None, *, env: Mapping[str, str] = os.environ) -> None:
        super().__init__("sink")
        self.remote = False
        self.underflows = 0
        self._starved = False
        self._calm_until = 0.0
        self._last_wanted = time.monotonic()
        self._past = bytearray()  # what was written last
        self._wanted_sink = device
        self._strayed = False
        self._last_return = 0.0
        # libpulse keeps the bare addresses of these, too.
        self._on_underflow = libpulse.Notify(self._note_underflow)
        self._on_wanted_info = libpulse.DeviceInfoNotify(self._note_wanted_info)
        self._open(env, b"voice", 2)

    def writable(self) -> int:
        """Return how many frames the server wants now; raise SpeakerError when it is gone."""
        with self._in_use():
            size: int = self._pa.pa_stream_writable_size(self._stream)
            frames = 0 if size == libpulse.SIZE_UNKNOWN else size // FRAME_BYTES
            self._watch(frames)
            return frames

    def write(self, pcm: bytes) -> None:
        """Send whole frames; raise SpeakerError when the server or its last sink is gone."""
        with self._in_use():
            starved, self._starved = self._starved, False
            if self._buffer.follow(starved, time.monotonic()):
                self._resize()
            self._send(pcm)
            self._past += pcm
            del self._past[: -int(REMOTE_BUFFER[1] * RATE) * FRAME_BYTES]

    def latency(self) -> float:
        """Return the seconds until a frame written now is heard: server, sink and network."""
        try:
            with self._in_use():
                return self._latency()
        except SpeakerError:
            return math.nan

    def flush(self) -> bool:
        """Write silence over what the server has and the sink has not taken yet, fading into it.

        To drop it would be heard as a click, and the server would run dry.
        """
        try:
            with self._in_use():
                timing = self._pa.pa_stream_get_timing_info(self._stream)
                latency = self._latency()
                if not timing or math.isnan(latency):
                    return False
                taken = (timing.contents.sink + timing.contents.transport) / 1e6
                frames = int((latency - taken - TOO_LATE_SECONDS) * RATE)
                if frames < FADE:
                    return False
                past = bytes(self._past[-frames * FRAME_BYTES :])
                self._past[-len(past) :] = silent = faded(past)
                self._send(silent, back=len(past))
                return True
        except SpeakerError:
            return True  # what is gone is silent

    # Opening

    def _admitted(self, server: str, env: Mapping[str, str]) -> None:
        self.remote = crosses_network(server, env)
        self._buffer = Buffer(*(REMOTE_BUFFER if self.remote else LOCAL_BUFFER))

    def _connect(self) -> int:
        self._pa.pa_stream_set_underflow_callback(self._stream, self._on_underflow, None)
        flags = libpulse.INTERPOLATE_TIMING | libpulse.AUTO_TIMING_UPDATE | libpulse.ADJUST_LATENCY
        sink = self._wanted_sink.encode() if self._wanted_sink else None
        buffer = byref(self._attributes())
        refused: int = self._pa.pa_stream_connect_playback(
            self._stream, sink, buffer, flags, None, None
        )
        return refused

    def _attributes(self) -> libpulse.BufferAttributes:
        """Return the buffer to ask for.

        The server begins to play when it has ``prebuf``, and with any stops reading when it runs
        dry. With none it would read on into the void: the first sound, and the first after every
        hole, would be written behind the reader and dropped. Seeking back to the reader saves that
        sound but, over a network, cuts off what arrived in the meantime. One frame avoids both.
        """
        return libpulse.BufferAttributes(
            maxlength=libpulse.SERVER_DECIDES,
            tlength=int(self._buffer.seconds * RATE) * FRAME_BYTES,
            prebuf=FRAME_BYTES,
            minreq=int(REQUEST_SECONDS * RATE) * FRAME_BYTES,
            fragsize=libpulse.SERVER_DECIDES,
        )

    # Callbacks, on libpulse's thread with its lock held

    def _note_underflow(self, _stream: int, _userdata: int) -> None:
        now = time.monotonic()
        if now >= self._calm_until:
            self._calm_until = now + CALM_SECONDS
            self.underflows += 1
            self._starved = True

    def _note_moved(self, stream: int, userdata: int) -> None:
        super()._note_moved(stream, userdata)
        if self._wanted_sink:
            wanted = self._wanted_sink.encode()
            self._connection.forget(
                self._pa.pa_context_get_sink_info_by_name(
                    self._connection.context, wanted, self._on_wanted_info, None
                )
            )

    def _note_wanted_info(self, _context: int, info: Any, end: int, _userdata: int) -> None:
        """Learn, after a move, whether the sink that was asked for still exists."""
        if end < 0:
            self._strayed = True
        elif not end:
            self._strayed = False
            here = self._pa.pa_stream_get_device_index(self._stream)
            if info.contents.index != here:  # somebody has moved us on purpose
                self._wanted_sink = None

    # With libpulse's lock held

    def _send(self, pcm: bytes, back: int = 0) -> None:
        """Write behind what was written, or over its last ``back`` bytes."""
        sent = self._pa.pa_stream_write(
            self._stream, pcm, len(pcm), None, -back, libpulse.SEEK_RELATIVE
        )
        if sent < 0:
            raise SpeakerError(f"PulseAudio takes no sound: {self._connection.reason()}")

    def _latency(self) -> float:
        microseconds, negative = ctypes.c_uint64(), c_int()
        unknown = self._pa.pa_stream_get_latency(self._stream, byref(microseconds), byref(negative))
        if unknown:
            return math.nan
        return microseconds.value / 1e6 * (-1 if negative.value else 1)

    def _resize(self) -> None:
        attributes = self._attributes()
        self._connection.forget(
            self._pa.pa_stream_set_buffer_attr(self._stream, byref(attributes), None, None)
        )

    def _watch(self, wanted: int) -> None:
        """Raise SpeakerError when the server has wanted nothing for too long.

        A network that is cut says nothing for minutes. A sink that sleeps wants nothing either,
        but that was somebody's wish.
        """
        now = time.monotonic()
        if self._strayed and now - self._last_return > RETURN_SECONDS:
            self._last_return = now
            self._go_back()
        if wanted or self._pa.pa_stream_is_suspended(self._stream) == 1:
            self._last_wanted = now
        elif now - self._last_wanted > STALLED_SECONDS:
            raise SpeakerError("The sound server has stopped playing")

    def _go_back(self) -> None:
        """Ask for the sink that was named; refused by the server while it is not there."""
        wanted = (self._wanted_sink or "").encode()
        index = self._pa.pa_stream_get_index(self._stream)
        self._connection.forget(
            self._pa.pa_context_move_sink_input_by_name(
                self._connection.context, index, wanted, None, None
            )
        )

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Hold the lock of a speaker that is open and works, or raise SpeakerError."""
        with self._gate:
            if self._closed:
                raise SpeakerError("The speaker is closed")
            with self._connection.locked():
                if self._connection.gone_because:
                    raise SpeakerError(f"The sound device is gone: {self._connection.gone_because}")
                yield
