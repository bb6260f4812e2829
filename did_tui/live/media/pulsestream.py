"""What streams of libpulse have in common, whichever way the sound goes."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from ctypes import byref
from typing import Any, Literal

from did_tui.live.media import libpulse
from did_tui.live.media.libpulse import Connection
from did_tui.live.media.speaker import RATE, Device

OPEN_SECONDS = 3.0
"""How long a server may take to let us in, all steps together."""

Kind = Literal["sink", "source"]
"""What a stream is connected to."""


def listed(kind: Kind, env: Mapping[str, str]) -> list[Device]:
    """The server's devices of a kind; blocks for at most 3 s, raises SpeakerError."""
    connection = Connection()
    found: list[tuple[str, str]] = []
    default: list[str] = []
    finished = False

    def device(_context: int, info: Any, end: int, _userdata: int) -> None:
        nonlocal finished
        finished = finished or bool(end)
        if not end:
            name = (info.contents.name or b"").decode(errors="replace")
            words = (info.contents.description or b"").decode(errors="replace")
            found.append((name, words or name))
        connection.note()

    def server(_context: int, info: Any, _userdata: int) -> None:
        name = getattr(info.contents, f"default_{kind}_name") if info else None
        default.append((name or b"").decode(errors="replace"))
        connection.note()

    on_device, on_server = libpulse.DeviceInfoNotify(device), libpulse.ServerInfoNotify(server)
    try:
        deadline = time.monotonic() + OPEN_SECONDS
        connection.connect(env, deadline)
        with connection.locked():
            pa, context = connection.pa, connection.context
            connection.forget(pa.pa_context_get_server_info(context, on_server, None))
            ask = getattr(pa, f"pa_context_get_{kind}_info_list")
            connection.forget(ask(context, on_device, None))
        connection.wait_for(lambda: finished and bool(default), deadline)
    finally:
        connection.close()
    return [
        Device(f"pulse:{name}", f"PulseAudio · {words}", name == default[0])
        for name, words in found
    ]


class PulseStream:
    """A stream with a connection of its own, from ``_open`` to ``close``.

    Subclasses say in ``_connect`` what it is. It follows its device: when that is unplugged the
    server moves it to another one.
    """

    def __init__(self, kind: Kind) -> None:
        self.name = ""
        self._kind: Kind = kind
        self._gate = threading.Lock()  # against use after close(); callbacks never take it
        self._stream: int | None = None
        self._closed = True  # until there is something to close
        # libpulse keeps the bare addresses of these: they must live as long as the stream.
        self._on_state = libpulse.Notify(self._note_state)
        self._on_moved = libpulse.Notify(self._note_moved)
        self._on_device = libpulse.DeviceInfoNotify(self._note_device)

    def _open(self, env: Mapping[str, str], title: bytes, channels: int) -> None:
        """Connect to the server and the device; raises SpeakerError."""
        deadline = time.monotonic() + OPEN_SECONDS
        self._connection = connection = Connection()
        self._closed = False
        self._pa = pa = connection.pa
        with ExitStack() as undo:
            undo.callback(self.close)
            self._admitted(connection.connect(env, deadline), env)
            with connection.locked():
                spec = libpulse.SampleSpec(libpulse.SAMPLE_S16, RATE, channels)
                self._stream = pa.pa_stream_new(connection.context, title, byref(spec), None)
                if not self._stream:
                    raise connection.refusal()
                pa.pa_stream_set_state_callback(self._stream, self._on_state, None)
                pa.pa_stream_set_moved_callback(self._stream, self._on_moved, None)
                if self._connect() < 0:
                    raise connection.refusal()
            connection.wait_for(
                lambda: pa.pa_stream_get_state(self._stream) == libpulse.STREAM_READY, deadline
            )
            with connection.locked():
                self._ask_name()
            connection.wait_for(lambda: bool(self.name), deadline)
            undo.pop_all()

    def close(self) -> None:
        """Leave the server and end libpulse's thread."""
        with self._gate:
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

    def _admitted(self, server: str, env: Mapping[str, str]) -> None:
        """The server of this address lets us in."""

    # With libpulse's lock held

    def _connect(self) -> int:
        """Connect the stream to its device; negative where that is refused."""
        raise NotImplementedError

    def _ask_name(self) -> None:
        """Ask how the device is called; the answer comes to ``_note_device``."""
        index = self._pa.pa_stream_get_device_index(self._stream)
        ask = getattr(self._pa, f"pa_context_get_{self._kind}_info_by_index")
        self._connection.forget(ask(self._connection.context, index, self._on_device, None))

    # Callbacks, on libpulse's thread with its lock held

    def _note_state(self, _stream: int, _userdata: int) -> None:
        state = self._pa.pa_stream_get_state(self._stream) if self._stream else 0
        self._connection.note(gone=state == libpulse.STREAM_FAILED)

    def _note_moved(self, _stream: int, _userdata: int) -> None:
        self._ask_name()

    def _note_device(self, _context: int, info: Any, end: int, _userdata: int) -> None:
        if not end:
            words = info.contents.description or info.contents.name or b""
            self.name = f"PulseAudio · {words.decode(errors='replace')}"
        elif end < 0:
            self.name = "PulseAudio"
        self._connection.note()
