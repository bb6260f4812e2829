"""libpulse through ctypes: what is used of it, and a connection to a sound server.

There is nothing to install and nothing to compile. libpulse runs a thread of its own, on which the
callbacks are called with its lock held. Facts about libpulse are from its headers: def.h,
context.h, introspect.h, stream.h, thread-mainloop.h.
"""

from __future__ import annotations

import ctypes
import functools
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_size_t, c_uint32, c_void_p
from typing import Any

from did_tui.live.media.speaker import SpeakerError

# def.h, sample.h
CONTEXT_READY, CONTEXT_FAILED = 4, 5
STREAM_READY, STREAM_FAILED = 2, 3
INTERPOLATE_TIMING, AUTO_TIMING_UPDATE, ADJUST_LATENCY = 0x0002, 0x0008, 0x2000
SEEK_RELATIVE = 0
SAMPLE_S16 = 3 if sys.byteorder == "little" else 4
SERVER_DECIDES = 0xFFFFFFFF
SIZE_UNKNOWN = c_size_t(-1).value
_NO_AUTOSPAWN = 0x0001


class SampleSpec(ctypes.Structure):
    """pa_sample_spec."""

    _fields_ = [("format", c_int), ("rate", c_uint32), ("channels", ctypes.c_uint8)]


class BufferAttributes(ctypes.Structure):
    """pa_buffer_attr, in bytes."""

    _fields_ = [
        ("maxlength", c_uint32),
        ("tlength", c_uint32),
        ("prebuf", c_uint32),
        ("minreq", c_uint32),
        ("fragsize", c_uint32),
    ]


class DeviceInfo(ctypes.Structure):
    """The beginning of pa_sink_info and of pa_source_info, which is all that is read."""

    _fields_ = [("name", c_char_p), ("index", c_uint32), ("description", c_char_p)]


class ServerInfo(ctypes.Structure):
    """The beginning of pa_server_info."""

    _fields_ = [
        ("user_name", c_char_p),
        ("host_name", c_char_p),
        ("server_version", c_char_p),
        ("server_name", c_char_p),
        ("sample_spec", SampleSpec),
        ("default_sink_name", c_char_p),
        ("default_source_name", c_char_p),
    ]


class TimingInfo(ctypes.Structure):
    """The beginning of pa_timing_info, which is all that is read; times in microseconds."""

    _fields_ = [
        ("seconds", ctypes.c_long),  # a struct timeval
        ("microseconds", ctypes.c_long),
        ("synchronized_clocks", c_int),
        ("sink", ctypes.c_uint64),
        ("source", ctypes.c_uint64),
        ("transport", ctypes.c_uint64),
    ]


Notify = CFUNCTYPE(None, c_void_p, c_void_p)
DeviceInfoNotify = CFUNCTYPE(None, c_void_p, POINTER(DeviceInfo), c_int, c_void_p)
ServerInfoNotify = CFUNCTYPE(None, c_void_p, POINTER(ServerInfo), c_void_p)

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
    "pa_context_set_state_callback": (None, [_Object, Notify, _Object]),
    "pa_context_connect": (c_int, [_Object, c_char_p, c_int, _Object]),
    "pa_context_get_state": (c_int, [_Object]),
    "pa_context_get_server": (c_char_p, [_Object]),
    "pa_context_get_sink_info_by_index": (_Object, [_Object, c_uint32, DeviceInfoNotify, _Object]),
    "pa_context_get_sink_info_by_name": (
        _Object,
        [_Object, c_char_p, DeviceInfoNotify, _Object],
    ),
    "pa_context_get_sink_info_list": (_Object, [_Object, DeviceInfoNotify, _Object]),
    "pa_context_get_source_info_by_index": (
        _Object,
        [_Object, c_uint32, DeviceInfoNotify, _Object],
    ),
    "pa_context_get_source_info_list": (_Object, [_Object, DeviceInfoNotify, _Object]),
    "pa_context_get_server_info": (_Object, [_Object, ServerInfoNotify, _Object]),
    "pa_context_move_sink_input_by_name": (
        _Object,
        [_Object, c_uint32, c_char_p, _Object, _Object],
    ),
    "pa_context_errno": (c_int, [_Object]),
    "pa_context_disconnect": (None, [_Object]),
    "pa_context_unref": (None, [_Object]),
    "pa_stream_new": (_Object, [_Object, c_char_p, POINTER(SampleSpec), _Object]),
    "pa_stream_set_state_callback": (None, [_Object, Notify, _Object]),
    "pa_stream_set_underflow_callback": (None, [_Object, Notify, _Object]),
    "pa_stream_set_moved_callback": (None, [_Object, Notify, _Object]),
    "pa_stream_connect_playback": (
        c_int,
        [_Object, c_char_p, POINTER(BufferAttributes), c_int, _Object, _Object],
    ),
    "pa_stream_connect_record": (
        c_int,
        [_Object, c_char_p, POINTER(BufferAttributes), c_int],
    ),
    "pa_stream_readable_size": (c_size_t, [_Object]),
    "pa_stream_peek": (c_int, [_Object, POINTER(c_void_p), POINTER(c_size_t)]),
    "pa_stream_drop": (c_int, [_Object]),
    "pa_stream_get_state": (c_int, [_Object]),
    "pa_stream_get_index": (c_uint32, [_Object]),
    "pa_stream_get_device_index": (c_uint32, [_Object]),
    "pa_stream_is_suspended": (c_int, [_Object]),
    "pa_stream_set_buffer_attr": (_Object, [_Object, POINTER(BufferAttributes), _Object, _Object]),
    "pa_stream_writable_size": (c_size_t, [_Object]),
    "pa_stream_write": (c_int, [_Object, c_char_p, c_size_t, _Object, ctypes.c_int64, c_int]),
    "pa_stream_get_latency": (c_int, [_Object, POINTER(ctypes.c_uint64), POINTER(c_int)]),
    "pa_stream_get_timing_info": (POINTER(TimingInfo), [_Object]),
    "pa_stream_disconnect": (c_int, [_Object]),
    "pa_stream_unref": (None, [_Object]),
    "pa_operation_unref": (None, [_Object]),
    "pa_strerror": (c_char_p, [c_int]),
}


@functools.cache
def library() -> ctypes.CDLL:
    """Load libpulse and declare what is used of it; raise SpeakerError where there is none."""
    try:
        loaded = ctypes.CDLL("libpulse.so.0")
    except OSError:
        raise SpeakerError("PulseAudio's library libpulse is not installed") from None
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments
    return loaded


class Connection:
    """A connection to a server, with libpulse's thread behind it; opens nothing by itself.

    Callbacks that change something call ``note``, so that ``wait_for`` looks again.
    """

    def __init__(self) -> None:
        self.pa = library()
        self.gone_because: str | None = None
        self.context: int | None = None
        self.loop: int | None = self.pa.pa_threaded_mainloop_new()
        self._changed = threading.Event()
        # libpulse keeps the bare address: it must live as long as the connection.
        self._on_state = Notify(self._note_state)

    def connect(self, env: Mapping[str, str], deadline: float) -> str:
        """Connect to ``PULSE_SERVER`` or the usual place; its address. Raises SpeakerError.

        ``deadline`` is a moment of ``time.monotonic()``. May be called once.
        """
        pa = self.pa
        api = pa.pa_threaded_mainloop_get_api(self.loop)
        self.context = pa.pa_context_new(api, b"did-tui")
        pa.pa_context_set_state_callback(self.context, self._on_state, None)
        server = env.get("PULSE_SERVER")
        address = server.encode() if server else None
        # A sound server that is not running is not ours to start.
        if pa.pa_context_connect(self.context, address, _NO_AUTOSPAWN, None) < 0:
            raise self.refusal()
        pa.pa_threaded_mainloop_start(self.loop)
        self.wait_for(lambda: pa.pa_context_get_state(self.context) == CONTEXT_READY, deadline)
        with self.locked():
            return (pa.pa_context_get_server(self.context) or b"").decode(errors="replace")

    def wait_for(self, ready: Callable[[], bool], deadline: float) -> None:
        """Wait until a callback has made it so; ``ready`` is called with the lock held.

        Raises SpeakerError when the connection breaks, or at the deadline.
        """
        while True:
            with self.locked():
                if self.gone_because:
                    raise self.refusal()
                if ready():
                    return
                self._changed.clear()
            if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                raise SpeakerError("PulseAudio does not answer")

    def close(self) -> None:
        """Leave the server and end libpulse's thread; may be called again, never while locked."""
        loop, self.loop = self.loop, None
        if loop is None:
            return
        pa = self.pa
        pa.pa_threaded_mainloop_lock(loop)
        if self.context:
            pa.pa_context_set_state_callback(self.context, Notify(), None)
            pa.pa_context_disconnect(self.context)
            pa.pa_context_unref(self.context)
        pa.pa_threaded_mainloop_unlock(loop)
        pa.pa_threaded_mainloop_stop(loop)
        pa.pa_threaded_mainloop_free(loop)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold libpulse's lock."""
        loop = self.loop
        self.pa.pa_threaded_mainloop_lock(loop)
        try:
            yield
        finally:
            self.pa.pa_threaded_mainloop_unlock(loop)

    # With libpulse's lock held

    def note(self, gone: bool = False) -> None:
        """Something has changed; ``gone`` when nothing will be heard any more."""
        if gone:
            self.gone_because = self.gone_because or self.reason()
        self._changed.set()

    def forget(self, operation: int | None) -> None:
        """Do not wait for an operation."""
        if operation:
            self.pa.pa_operation_unref(operation)

    def refusal(self) -> SpeakerError:
        """Why it cannot be used."""
        return SpeakerError(f"PulseAudio cannot be used: {self.gone_because or self.reason()}")

    def reason(self) -> str:
        """Say in libpulse's words what went wrong last."""
        words: bytes = self.pa.pa_strerror(self.pa.pa_context_errno(self.context)) or b"?"
        return words.decode(errors="replace")

    def _note_state(self, _context: int, _userdata: int) -> None:
        self.note(gone=self.pa.pa_context_get_state(self.context) >= CONTEXT_FAILED)
