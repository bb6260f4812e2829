"""A speaker through PortAudio: macOS, Windows, and Linux machines without libpulse.

The sounddevice package brings PortAudio along on macOS and Windows and looks for the system's on
Linux. It is imported when a speaker is opened: importing it already searches for sound devices.

PortAudio pulls, so a bounded ring lies between the feeder and PortAudio's callback. The stream is
a callback stream: closing a blocking one while somebody writes to it corrupts memory.
"""

from __future__ import annotations

import ctypes
import functools
import math
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, Protocol
from weakref import WeakSet

from did_tui.live.media.capture import MOST_BYTES
from did_tui.live.media.speaker import (
    FADE,
    FRAME_BYTES,
    RATE,
    STALLED_SECONDS,
    Device,
    SpeakerError,
    faded,
)

DEVICE_SECONDS = 0.1
"""Latency asked of PortAudio: what a busy Python process needs to answer the callback in time."""

FEEDER_FRAMES = RATE * 40 // 1000
"""What the ring should hold beyond the device's largest request, for a feeder that comes late."""

RING_FRAMES = RATE // 2
"""The most that the ring holds."""

PLAUSIBLE_SECONDS = 2.0
"""No device plays later than this: a longer delay is a driver's mistake."""


class CallbackTimes(Protocol):
    """PortAudio's PaStreamCallbackTimeInfo: seconds of the stream's own clock (portaudio.h)."""

    @property
    def currentTime(self) -> float:
        """When the callback was called."""

    @property
    def outputBufferDacTime(self) -> float:
        """When the first frame of the buffer will be heard."""


class CallbackFlags(Protocol):
    """What went wrong since the last callback."""

    @property
    def output_underflow(self) -> bool:
        """Whether a gap was heard because the callback came too late."""


class Stream(Protocol):
    """What is used of a sounddevice.RawOutputStream and RawInputStream."""

    @property
    def active(self) -> bool:
        """Whether the callback is still being called."""

    @property
    def device(self) -> int:
        """The index of the device, the default one if none was asked for."""

    @property
    def latency(self) -> float:
        """The device's own idea of its latency, in seconds."""

    def start(self) -> None:
        """Begin to call back."""

    def abort(self) -> None:
        """Stop calling back; drop what is not yet heard."""

    def close(self) -> None:
        """Give the device back."""


class SoundDevice(Protocol):
    """What is used of the sounddevice module."""

    @property
    def PortAudioError(self) -> type[Exception]:
        """What every function raises."""

    def RawOutputStream(self, **settings: Any) -> Stream:
        """Open a stream that plays."""

    def RawInputStream(self, **settings: Any) -> Stream:
        """Open a stream that records."""

    def query_devices(self, device: int | None = None) -> Any:
        """Return a dictionary that describes the device, or a list of all of them."""

    def query_hostapis(self, index: int | None = None) -> Any:
        """Return a dictionary that describes the sound interface, or a tuple of all of them."""


class PortAudioStream:
    """A stream of PortAudio's default device, or of one named by its index or part of its name.

    ``sounddevice`` is the module to use instead of the installed one. Raises SpeakerError.
    """

    def __init__(
        self,
        way: Literal["RawOutputStream", "RawInputStream"],
        device: str | None,
        sounddevice: SoundDevice | None,
        **settings: Any,
    ) -> None:
        self._stream: Stream | None = None
        module = sounddevice or _load_sounddevice()
        self._errors = (module.PortAudioError, ValueError)
        try:
            with _portaudio:
                _look_again(module)
                self._stream = stream = getattr(module, way)(
                    samplerate=RATE,
                    dtype="int16",
                    device=int(device) if device and device.isdecimal() else device,
                    **settings,
                )
                _open_streams.add(self)
            self.name = _describe(module, stream.device)
            stream.start()
        except self._errors as error:
            self.close()
            raise SpeakerError(_why_not(error)) from None

    def close(self) -> None:
        """Stop the device and give it back; what it has not played is dropped."""
        stream, self._stream = self._stream, None
        if stream is None:
            return
        with _portaudio:
            try:
                stream.abort()
                stream.close()
            except self._errors:
                pass  # it was gone already
            _open_streams.discard(self)


class PortAudioSpeaker(PortAudioStream):
    """Plays.

    What ``flush()`` cannot reach is in the device: it is heard for up to 0.1 s more. A stream
    never moves to another device; when its own is unplugged the next call raises SpeakerError.
    """

    audible = True

    def __init__(
        self, device: str | None = None, *, sounddevice: SoundDevice | None = None
    ) -> None:
        self.remote = False
        self.underflows = 0
        self._gate = threading.Lock()  # against use after close(); the callback never takes it
        self._lock = threading.Lock()  # for what the callback shares
        self._ring = bytearray()
        self._fed = False
        self._largest_request = 0
        self._given_is_heard_by = math.nan
        self._last_request = time.monotonic()
        super().__init__(
            "RawOutputStream",
            device,
            sounddevice,
            channels=2,
            latency=DEVICE_SECONDS,
            callback=self._give,
        )

    def writable(self) -> int:
        """Return how many frames fit into the ring; raise SpeakerError when the device is gone.

        The ring is meant to hold the largest request the device has made, and what it takes while
        the feeder sleeps.
        """
        with self._in_use(), self._lock:
            wanted = min(self._largest_request + FEEDER_FRAMES, RING_FRAMES)
            return max(0, wanted - len(self._ring) // FRAME_BYTES)

    def write(self, pcm: bytes) -> None:
        """Put frames into the ring, as many as fit; raise SpeakerError when the device is gone."""
        with self._in_use(), self._lock:
            self._ring += pcm[: RING_FRAMES * FRAME_BYTES - len(self._ring)]
            self._fed = True

    def latency(self) -> float:
        """Return the seconds until a frame written now is heard: ring and device."""
        with self._lock:
            ring = len(self._ring) / FRAME_BYTES / RATE
            return self._given_is_heard_by + ring - time.monotonic()

    def flush(self) -> bool:
        """Let what is in the ring die away, if there is enough of it."""
        with self._lock:
            self._fed = False
            fade = bytes(self._ring[: FADE * FRAME_BYTES])
            if len(fade) < FADE * FRAME_BYTES:
                return False
            self._ring[:] = faded(fade)
            return True

    def close(self) -> None:
        """Stop the device and give it back; up to 0.1 s of sound is dropped."""
        with self._gate:
            super().close()

    def _give(self, out: Any, frames: int, times: CallbackTimes, flags: CallbackFlags) -> None:
        """Fill PortAudio's buffer; called on PortAudio's thread."""
        now = time.monotonic()
        with self._lock:
            wanted = frames * FRAME_BYTES
            given = bytes(self._ring[:wanted])
            del self._ring[:wanted]
            ran_dry = self._fed and len(given) < wanted
            self._fed = self._fed and not ran_dry
            self.underflows += bool(flags.output_underflow or ran_dry)
            self._largest_request = max(self._largest_request, frames)
            self._given_is_heard_by = now + self._delay(times) + frames / RATE
            self._last_request = now
        out[:] = given.ljust(wanted, b"\0")

    def _delay(self, times: CallbackTimes) -> float:
        """Return the seconds until the first frame of this callback is heard.

        Only the difference of the two times means something: through ALSA's pulse plug-in the
        clock stands still at 0 (PortAudio issue 586). DirectSound and WDM-KS report no delay at
        all (issues 530 and 531), where the device's own idea has to do.
        """
        delay = times.outputBufferDacTime - times.currentTime
        stream = self._stream
        return delay if 0 < delay < PLAUSIBLE_SECONDS or stream is None else stream.latency

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Hold on to a stream that is open and works, or raise SpeakerError."""
        with self._gate:
            if self._stream is None:
                raise SpeakerError("The speaker is closed")
            try:
                active = self._stream.active
            except self._errors as error:
                raise SpeakerError(f"The sound device is gone: {_one_line(error)}") from None
            if not active:
                raise SpeakerError("The sound device is gone")
            if time.monotonic() - self._last_request > STALLED_SECONDS:
                raise SpeakerError("The sound device has stopped playing")
            yield


class PortAudioCapture(PortAudioStream):
    """Records."""

    def __init__(
        self, device: str | None = None, *, sounddevice: SoundDevice | None = None
    ) -> None:
        self._lock = threading.Lock()
        self._recorded = bytearray()
        super().__init__(
            "RawInputStream",
            device,
            sounddevice,
            channels=1,
            blocksize=RATE // 50,
            callback=self._take,
        )

    def read(self) -> bytes:
        """What was recorded since the last call; SpeakerError when the device is gone."""
        stream = self._stream
        try:
            active = stream is not None and stream.active
        except self._errors:
            active = False
        if not active:
            raise SpeakerError("The microphone is gone")
        with self._lock:
            pcm = bytes(self._recorded)
            self._recorded.clear()
        return pcm

    def _take(self, pcm: Any, _frames: int, _times: CallbackTimes, _flags: CallbackFlags) -> None:
        """Keep what PortAudio recorded; called on PortAudio's thread."""
        with self._lock:
            self._recorded += bytes(pcm)
            del self._recorded[:-MOST_BYTES]


def _load_sounddevice() -> SoundDevice:
    """Import sounddevice, which loads and starts PortAudio; raise SpeakerError."""
    _silence_alsa()
    try:
        import sounddevice
    except ImportError:
        raise SpeakerError("The sounddevice package is not installed") from None
    except OSError:
        raise SpeakerError("PortAudio is not installed") from None
    module: SoundDevice = sounddevice
    return module


#: Held while a stream is opened or closed: PortAudio must not start again in the middle of that.
_portaudio = threading.Lock()
_open_streams: set[PortAudioStream] = set()
_seen: WeakSet[SoundDevice] = WeakSet()  # whose list of devices is not fresh any more


def _look_again(module: SoundDevice) -> None:
    """Make PortAudio find what was plugged in since it looked.

    It looks when it is initialized, and only then; the functions for that are private names of
    sounddevice. Starting again would end every stream, so it is not done while one is open, and
    not the first time: importing has just looked. ``_portaudio`` is held.
    """
    known = module in _seen
    _seen.add(module)
    if _open_streams or not known:
        return
    end, begin = getattr(module, "_terminate", None), getattr(module, "_initialize", None)
    if end is None or begin is None:
        return
    try:
        end()
        begin()
    except module.PortAudioError as error:
        raise SpeakerError(_why_not(error)) from None


def devices(sounddevice: SoundDevice | None = None, *, recording: bool = False) -> list[Device]:
    """The devices that can play, or record; raises SpeakerError."""
    way, channels = ("input", 1) if recording else ("output", 2)
    module = sounddevice or _load_sounddevice()
    try:
        with _portaudio:
            _look_again(module)
            apis = module.query_hostapis()
            every = module.query_devices()
    except module.PortAudioError as error:
        raise SpeakerError(_why_not(error)) from None
    defaults = {api[f"default_{way}_device"] for api in apis}
    return [
        Device(
            f"sounddevice:{number}",
            f"{apis[device['hostapi']]['name']} · {device['name']}",
            number in defaults,
        )
        for number, device in enumerate(every)
        if device[f"max_{way}_channels"] >= channels
    ]


def _describe(module: SoundDevice, device: int) -> str:
    """Return words such as ``Core Audio · MacBook Pro Speakers``."""
    facts = module.query_devices(device)
    return f"{module.query_hostapis(facts['hostapi'])['name']} · {facts['name']}"


def _why_not(error: Exception) -> str:
    reason = _one_line(error)
    if reason == "Error querying device -1":  # sounddevice's words for: there is no default device
        return "PortAudio finds no sound device"
    return f"PortAudio cannot be used: {reason}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


# snd_lib_error_handler_t of alsa-lib's error.h, whose further arguments nobody reads.
_AlsaErrorHandler = ctypes.CFUNCTYPE(
    None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p
)

# ALSA keeps only the address: the handler must live as long as the process.
_ignore_alsa_error = _AlsaErrorHandler(lambda *_details: None)


@functools.cache
def _silence_alsa() -> None:
    """Keep ALSA from writing its errors over the screen, in this process and for good."""
    if not sys.platform.startswith("linux"):
        return
    try:
        set_handler = ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler
    except (OSError, AttributeError):
        return  # no ALSA, nothing to silence
    set_handler.argtypes = [_AlsaErrorHandler]
    set_handler.restype = ctypes.c_int
    set_handler(_ignore_alsa_error)
