"""A speaker through libpulse: PulseAudio and PipeWire, here or behind ``PULSE_SERVER``.

libpulse is called through ctypes, so there is nothing to install and nothing to compile. It runs a
thread of its own, on which the callbacks below are called with libpulse's lock held. Facts about
libpulse are from its headers: def.h, context.h, introspect.h, stream.h, thread-mainloop.h.
"""

from __future__ import annotations

import ctypes
import functools
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from ctypes import CFUNCTYPE, POINTER, byref, c_char_p, c_int, c_size_t, c_uint32, c_void_p
from pathlib import PurePosixPath
from typing import Any

from did_tui.live.media.speaker import FRAME_BYTES, RATE, STALLED_SECONDS, SpeakerError

OPEN_SECONDS = 3.0
"""How long a server may take to let us in, all steps together."""

LOCAL_BUFFER = 0.160
"""Seconds of sound the server holds for us: what a busy Python process needs never to be late."""

REMOTE_BUFFER, REMOTE_BUFFER_MOST, REMOTE_BUFFER_GROWTH = 0.300, 0.800, 1.5
"""The same over a network: where it starts, and how it grows each time it ran dry."""

REQUEST_SECONDS = 0.010
"""The smallest piece the server asks for."""

CALM_SECONDS = 1.0
"""For so long after a flush, or after an underflow, running dry is no news."""

# def.h, sample.h
_CONTEXT_READY, _CONTEXT_FAILED = 4, 5
_STREAM_READY, _STREAM_FAILED = 2, 3
_NO_AUTOSPAWN = 0x0001
_INTERPOLATE_TIMING, _AUTO_TIMING_UPDATE, _ADJUST_LATENCY = 0x0002, 0x0008, 0x2000
_SEEK_RELATIVE = 0
_SAMPLE_S16 = 3 if sys.byteorder == "little" else 4
_SERVER_DECIDES = 0xFFFFFFFF
_SIZE_UNKNOWN = c_size_t(-1).value


class _SampleSpec(ctypes.Structure):
    _fields_ = [("format", c_int), ("rate", c_uint32), ("channels", ctypes.c_uint8)]


class _BufferAttributes(ctypes.Structure):
    _fields_ = [
        ("maxlength", c_uint32),
        ("tlength", c_uint32),
        ("prebuf", c_uint32),
        ("minreq", c_uint32),
        ("fragsize", c_uint32),
    ]


class _SinkInfo(ctypes.Structure):
    """The beginning of pa_sink_info, which is all that is read."""

    _fields_ = [("name", c_char_p), ("index", c_uint32), ("description", c_char_p)]


_Notify = CFUNCTYPE(None, c_void_p, c_void_p)
_SinkInfoNotify = CFUNCTYPE(None, c_void_p, POINTER(_SinkInfo), c_int, c_void_p)

# Every object of libpulse is opaque. A function that starts an operation returns it, to be unref'd.
_Object = c_void_p
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "pa_threaded_mainloop_new": (_Object, []),
    "pa_threaded_mainloop_get_api": (_Object, [_Object]),
    "pa_threaded_mainloop_start": (c_int, [_Object]),
    "pa_threaded_mainloop_stop": (None, [_Object]),
    "pa_threaded_mainloop_free": (None, [_Object]),
    "pa_threaded_mainloop_lock": (None, [_Object]),
    "pa_threaded_mainloop_unlock": (None, [_Object]),
    "pa_context_new": (_Object, [_Object, c_char_p]),
    "pa_context_set_state_callback": (None, [_Object, _Notify, _Object]),
    "pa_context_connect": (c_int, [_Object, c_char_p, c_int, _Object]),
    "pa_context_get_state": (c_int, [_Object]),
    "pa_context_get_server": (c_char_p, [_Object]),
    "pa_context_get_sink_info_by_index": (_Object, [_Object, c_uint32, _SinkInfoNotify, _Object]),
    "pa_context_errno": (c_int, [_Object]),
    "pa_context_disconnect": (None, [_Object]),
    "pa_context_unref": (None, [_Object]),
    "pa_stream_new": (_Object, [_Object, c_char_p, POINTER(_SampleSpec), _Object]),
    "pa_stream_set_state_callback": (None, [_Object, _Notify, _Object]),
    "pa_stream_set_underflow_callback": (None, [_Object, _Notify, _Object]),
    "pa_stream_set_moved_callback": (None, [_Object, _Notify, _Object]),
    "pa_stream_connect_playback": (
        c_int,
        [_Object, c_char_p, POINTER(_BufferAttributes), c_int, _Object, _Object],
    ),
    "pa_stream_get_state": (c_int, [_Object]),
    "pa_stream_get_device_index": (c_uint32, [_Object]),
    "pa_stream_is_suspended": (c_int, [_Object]),
    "pa_stream_set_buffer_attr": (_Object, [_Object, POINTER(_BufferAttributes), _Object, _Object]),
    "pa_stream_writable_size": (c_size_t, [_Object]),
    "pa_stream_write": (c_int, [_Object, c_char_p, c_size_t, _Object, ctypes.c_int64, c_int]),
    "pa_stream_get_latency": (c_int, [_Object, POINTER(ctypes.c_uint64), POINTER(c_int)]),
    "pa_stream_flush": (_Object, [_Object, _Object, _Object]),
    "pa_stream_disconnect": (c_int, [_Object]),
    "pa_stream_unref": (None, [_Object]),
    "pa_operation_unref": (None, [_Object]),
    "pa_strerror": (c_char_p, [c_int]),
}


@functools.cache
def _libpulse() -> ctypes.CDLL:
    """Load libpulse and declare what is used of it; raise SpeakerError where there is none."""
    try:
        library = ctypes.CDLL("libpulse.so.0")
    except OSError:
        raise SpeakerError("PulseAudio's library libpulse is not installed") from None
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


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


class PulseSpeaker:
    """Plays through a PulseAudio or PipeWire server, which buffers and tells the true latency.

    Opening takes at most 3 s and raises SpeakerError; no other call waits for the server. The
    stream follows its sink: when that is unplugged the server moves it to another one, and only
    when none is left does the next call raise SpeakerError.
    """

    def __init__(self, device: str | None = None, *, env: Mapping[str, str] = os.environ) -> None:
        self.name = ""
        self.remote = False
        self.underflows = 0
        self._loop: int | None = None
        self._pa = _libpulse()
        self._gate = threading.Lock()  # against use after close(); callbacks never take it
        self._changed = threading.Event()
        self._gone_because: str | None = None
        self._starved = False
        self._calm_until = 0.0
        self._last_wanted = time.monotonic()
        self._context: int | None = None
        self._stream: int | None = None
        # libpulse keeps the bare addresses of these: they must live as long as the stream.
        self._on_state = _Notify(self._note_state)
        self._on_underflow = _Notify(self._note_underflow)
        self._on_moved = _Notify(self._note_moved)
        self._on_sink_info = _SinkInfoNotify(self._note_sink_info)

        deadline = time.monotonic() + OPEN_SECONDS
        self._loop = self._pa.pa_threaded_mainloop_new()
        with ExitStack() as undo:
            undo.callback(self.close)
            server = self._connect(env.get("PULSE_SERVER"), deadline)
            self.remote = crosses_network(server, env)
            self._buffer = REMOTE_BUFFER if self.remote else LOCAL_BUFFER
            self._play_to(device, deadline)
            undo.pop_all()

    def writable(self) -> int:
        """Return how many frames the server wants now; raise SpeakerError when it is gone."""
        with self._in_use():
            size: int = self._pa.pa_stream_writable_size(self._stream)
            frames = 0 if size == _SIZE_UNKNOWN else size // FRAME_BYTES
            self._watch(frames)
            return frames

    def write(self, pcm: bytes) -> None:
        """Send whole frames; raise SpeakerError when the server or its last sink is gone."""
        with self._in_use():
            if self._starved:
                self._starved = False
                self._grow()
            sent = self._pa.pa_stream_write(self._stream, pcm, len(pcm), None, 0, _SEEK_RELATIVE)
            if sent < 0:
                raise SpeakerError(f"PulseAudio takes no sound: {self._reason()}")

    def latency(self) -> float:
        """Return the seconds until a frame written now is heard: server, sink and network."""
        microseconds, negative = ctypes.c_uint64(), c_int()
        try:
            with self._in_use():
                unknown = self._pa.pa_stream_get_latency(
                    self._stream, byref(microseconds), byref(negative)
                )
        except SpeakerError:
            return math.nan
        if unknown:
            return math.nan
        return microseconds.value / 1e6 * (-1 if negative.value else 1)

    def flush(self) -> None:
        """Make the server drop what it has not played, in its buffer and in the sink's."""
        try:
            with self._in_use():
                self._forget(self._pa.pa_stream_flush(self._stream, None, None))
                self._calm_until = time.monotonic() + CALM_SECONDS
        except SpeakerError:
            pass  # what is gone is silent

    def close(self) -> None:
        """Leave the server and end libpulse's thread."""
        pa = self._pa
        with self._gate:
            loop, self._loop = self._loop, None
            if loop is None:
                return
            pa.pa_threaded_mainloop_lock(loop)
            if self._stream:
                pa.pa_stream_set_state_callback(self._stream, _Notify(), None)
                pa.pa_stream_disconnect(self._stream)
                pa.pa_stream_unref(self._stream)
            if self._context:
                pa.pa_context_set_state_callback(self._context, _Notify(), None)
                pa.pa_context_disconnect(self._context)
                pa.pa_context_unref(self._context)
            pa.pa_threaded_mainloop_unlock(loop)
            pa.pa_threaded_mainloop_stop(loop)
            pa.pa_threaded_mainloop_free(loop)

    def __del__(self) -> None:
        # The callbacks go with the object: libpulse's thread must not call them any more.
        if self._loop is not None:
            self.close()

    # Opening

    def _connect(self, server: str | None, deadline: float) -> str:
        """Connect to the server and return its address."""
        pa = self._pa
        api = pa.pa_threaded_mainloop_get_api(self._loop)
        self._context = pa.pa_context_new(api, b"did-tui")
        pa.pa_context_set_state_callback(self._context, self._on_state, None)
        address = server.encode() if server else None
        # A sound server that is not running is not ours to start.
        if pa.pa_context_connect(self._context, address, _NO_AUTOSPAWN, None) < 0:
            raise self._refusal()
        pa.pa_threaded_mainloop_start(self._loop)
        self._wait_for(lambda: pa.pa_context_get_state(self._context) == _CONTEXT_READY, deadline)
        with self._locked():
            return (pa.pa_context_get_server(self._context) or b"").decode(errors="replace")

    def _play_to(self, device: str | None, deadline: float) -> None:
        """Start the stream to a sink, the server's default one if none is named."""
        pa = self._pa
        with self._locked():
            spec = _SampleSpec(_SAMPLE_S16, RATE, 2)
            self._stream = pa.pa_stream_new(self._context, b"voice", byref(spec), None)
            if not self._stream:
                raise self._refusal()
            pa.pa_stream_set_state_callback(self._stream, self._on_state, None)
            pa.pa_stream_set_underflow_callback(self._stream, self._on_underflow, None)
            pa.pa_stream_set_moved_callback(self._stream, self._on_moved, None)
            flags = _INTERPOLATE_TIMING | _AUTO_TIMING_UPDATE | _ADJUST_LATENCY
            sink = device.encode() if device else None
            buffer = byref(self._attributes())
            if pa.pa_stream_connect_playback(self._stream, sink, buffer, flags, None, None) < 0:
                raise self._refusal()
        self._wait_for(lambda: pa.pa_stream_get_state(self._stream) == _STREAM_READY, deadline)
        with self._locked():
            self._ask_name()
        self._wait_for(lambda: bool(self.name), deadline)

    def _wait_for(self, ready: Callable[[], bool], deadline: float) -> None:
        """Wait until a callback has made it so; ``ready`` is called with the lock held."""
        while True:
            with self._locked():
                if self._gone_because:
                    raise self._refusal()
                if ready():
                    return
                self._changed.clear()
            if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                raise SpeakerError("PulseAudio does not answer")

    def _attributes(self) -> _BufferAttributes:
        """Return the buffer to ask for.

        The server begins to play when it has ``prebuf``, and with any stops reading when it runs
        dry. With none it would read on into the void: the first sound, and the first after every
        hole, would be written behind the reader and dropped. Seeking back to the reader saves that
        sound but, over a network, cuts off what arrived in the meantime. One frame avoids both.
        """
        return _BufferAttributes(
            maxlength=_SERVER_DECIDES,
            tlength=int(self._buffer * RATE) * FRAME_BYTES,
            prebuf=FRAME_BYTES,
            minreq=int(REQUEST_SECONDS * RATE) * FRAME_BYTES,
            fragsize=_SERVER_DECIDES,
        )

    # Callbacks, on libpulse's thread with its lock held

    def _note_state(self, _source: int, _userdata: int) -> None:
        stream_failed = (
            self._stream and self._pa.pa_stream_get_state(self._stream) == _STREAM_FAILED
        )
        if stream_failed or self._pa.pa_context_get_state(self._context) >= _CONTEXT_FAILED:
            self._gone_because = self._gone_because or self._reason()
        self._changed.set()

    def _note_underflow(self, _stream: int, _userdata: int) -> None:
        now = time.monotonic()
        if now >= self._calm_until:
            self._calm_until = now + CALM_SECONDS
            self.underflows += 1
            self._starved = self.remote

    def _note_moved(self, _stream: int, _userdata: int) -> None:
        self._ask_name()

    def _note_sink_info(self, _context: int, info: Any, end: int, _userdata: int) -> None:
        if not end:
            words = info.contents.description or info.contents.name or b""
            self.name = f"PulseAudio · {words.decode(errors='replace')}"
        elif end < 0:
            self.name = "PulseAudio"
        self._changed.set()

    # With libpulse's lock held

    def _ask_name(self) -> None:
        """Ask how the sink is called; the answer comes to ``_note_sink_info``."""
        index = self._pa.pa_stream_get_device_index(self._stream)
        self._forget(
            self._pa.pa_context_get_sink_info_by_index(
                self._context, index, self._on_sink_info, None
            )
        )

    def _grow(self) -> None:
        self._buffer = min(self._buffer * REMOTE_BUFFER_GROWTH, REMOTE_BUFFER_MOST)
        attributes = self._attributes()
        self._forget(
            self._pa.pa_stream_set_buffer_attr(self._stream, byref(attributes), None, None)
        )

    def _watch(self, wanted: int) -> None:
        """Raise SpeakerError when the server has wanted nothing for too long.

        A network that is cut says nothing for minutes. A sink that sleeps wants nothing either,
        but that was somebody's wish.
        """
        now = time.monotonic()
        if wanted or self._pa.pa_stream_is_suspended(self._stream) == 1:
            self._last_wanted = now
        elif now - self._last_wanted > STALLED_SECONDS:
            raise SpeakerError("The sound server has stopped playing")

    def _forget(self, operation: int | None) -> None:
        if operation:
            self._pa.pa_operation_unref(operation)

    def _refusal(self) -> SpeakerError:
        return SpeakerError(f"PulseAudio cannot be used: {self._gone_because or self._reason()}")

    def _reason(self) -> str:
        words: bytes = self._pa.pa_strerror(self._pa.pa_context_errno(self._context)) or b"?"
        return words.decode(errors="replace")

    # Locks

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._pa.pa_threaded_mainloop_lock(self._loop)
        try:
            yield
        finally:
            self._pa.pa_threaded_mainloop_unlock(self._loop)

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Hold the lock of a speaker that is open and works, or raise SpeakerError."""
        with self._gate:
            if self._loop is None:
                raise SpeakerError("The speaker is closed")
            with self._locked():
                if self._gone_because:
                    raise SpeakerError(f"The sound device is gone: {self._gone_because}")
                yield
