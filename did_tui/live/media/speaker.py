"""What a speaker is, and which one to use.

A speaker is pushed: one feeder thread asks how many frames the device wants, gives it that many
(silence when there is nothing to say) and learns when they will be heard. The device's clock is the
master clock of a conversation, so a machine without sound gets a speaker too: one that listens to
the clock and plays nothing.

The back ends are imported when they are opened, so that naming a speaker loads no sound library.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

RATE = 48_000
"""Frames per second of every speaker."""

FRAME_BYTES = 4
"""Bytes in a frame: two channels, interleaved, signed 16 bits in the machine's byte order."""

STALLED_SECONDS = 5.0
"""A device that wants no sound for this long, without a reason, counts as gone."""

FADE = RATE // 100
"""Frames in which a voice that is interrupted dies away: cut off, it would click."""


class SpeakerError(Exception):
    """No sound device, or no longer one; the message is one sentence for a user."""


class Speaker(Protocol):
    """Something that plays s16 stereo at 48 kHz, frame after frame.

    Every method may be called from any thread. Frames come from one feeder thread, which keeps
    writing while the device wants frames: a device that runs dry counts an underflow.
    """

    @property
    def name(self) -> str:
        """Words for the status line, such as ``PulseAudio · Built-in Audio``; follows a move."""

    @property
    def audible(self) -> bool:
        """Whether somebody may hear it; a clock without a loudspeaker is not audible."""

    @property
    def remote(self) -> bool:
        """Whether the sound crosses a network before it is heard."""

    @property
    def underflows(self) -> int:
        """How often the device ran dry while it should have been fed."""

    def writable(self) -> int:
        """Return how many frames the device wants now; raise SpeakerError when it is gone."""

    def write(self, pcm: bytes) -> None:
        """Play whole frames after those already written, without waiting.

        Raises SpeakerError when the device is gone. Frames beyond ``writable()`` come late or are
        dropped.
        """

    def latency(self) -> float:
        """Return the seconds until a frame written now is heard, nan while that is unknown."""

    def flush(self) -> bool:
        """Let what was written and not yet heard die away; whether it ends in silence now.

        It may end in silence that takes as long. False where it is heard to its end as it was.
        Silent within 30 ms through libpulse (and a trip over the network), within the 0.1 s that
        the device holds through PortAudio. Does nothing when the device is gone.
        """

    def close(self) -> None:
        """Give the device back; may be called again. Writing afterwards raises SpeakerError."""


@dataclass(frozen=True, slots=True)
class Device:
    """Something to choose: ``sink`` is what ``--audio`` takes, ``words`` is for people."""

    sink: str
    words: str
    default: bool = False


def faded(pcm: bytes) -> bytes:
    """Return s16 stereo that dies away within ``FADE`` frames and is silent from there on."""
    import numpy as np

    samples = np.frombuffer(pcm, np.int16).reshape(-1, 2)
    gain = np.zeros((len(samples), 1), np.float32)
    fall = min(FADE, len(samples))
    gain[:fall, 0] = np.linspace(1, 0, fall, dtype=np.float32)
    quieter: bytes = np.rint(samples * gain).astype(np.int16).tobytes()
    return quieter


class PacedSpeaker:
    """Takes frames at the pace of a monotonic clock: what has no clock of its own plays by it.

    Subclasses say in ``_play`` what becomes of the frames, and in ``_finish`` how it ends.
    """

    MOST_WANTED = RATE // 2

    audible: bool = True
    remote: bool = False

    #: What the user has to do to hear it, if anything; may hold a secret.
    invitation: str = ""

    def __init__(self, name: str) -> None:
        self.name = name
        self.underflows = 0
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._taken = 0
        self._closed = False

    def writable(self) -> int:
        """Return the frames of the time that has passed, at most half a second of them."""
        with self._lock:
            due = int((time.monotonic() - self._started) * RATE) - self._taken
            # A feeder that slept would have to hurry through what nobody heard: skip it instead.
            self._taken += max(0, due - self.MOST_WANTED)
            return max(0, min(due, self.MOST_WANTED))

    def write(self, pcm: bytes) -> None:
        """Take the frames; raise SpeakerError after ``close()``."""
        with self._lock:
            if self._closed:
                raise SpeakerError("The speaker is closed")
            self._taken += len(pcm) // FRAME_BYTES
            self._play(pcm)

    def latency(self) -> float:
        """Return 0: a frame is over when its time has come."""
        return 0.0

    def flush(self) -> bool:
        """Return False: nothing waits to be heard."""
        return False

    def close(self) -> None:
        """Take no more frames."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._finish()

    def _play(self, pcm: bytes) -> None:
        """Do something with frames; the lock is held. May raise SpeakerError."""

    def _finish(self) -> None:
        """Give back what is open; the lock is held."""


class SilentSpeaker(PacedSpeaker):
    """Plays nothing, so that time still passes."""

    audible = False

    def __init__(self) -> None:
        super().__init__("no sound")


SINKS = (
    "auto",
    "none",
    "pulse[:DEVICE]",
    "sounddevice[:DEVICE]",
    "pacat[:DEVICE]",
    "aplay[:DEVICE]",
    "wav:FILE",
    "fifo:PATH",
    "web[:PORT]",
)
"""What ``--audio`` takes."""


def candidates(sink: str, platform: str = sys.platform) -> tuple[str, ...]:
    """Return the sinks to try for this one, best first.

    ``auto`` is libpulse wherever there is one, else PortAudio. On Linux PortAudio comes second: as
    distributions ship it, it knows neither PulseAudio nor PipeWire and reaches them through an ALSA
    plug-in, or takes the sound card for itself. Programs come last: they do not tell the latency.
    """
    if sink != "auto":
        return (sink,)
    if platform in {"darwin", "win32"}:
        return ("sounddevice",)
    return ("pulse", "sounddevice", "pacat", "aplay")


def open_speaker(sink: str = "auto", *, env: Mapping[str, str] = os.environ) -> Speaker:
    """Open the speaker that ``sink`` asks for, one of ``SINKS``; blocks for up to some seconds.

    ``env`` is where ``PULSE_SERVER`` and the signs of a remote session are looked up. Raises
    SpeakerError.
    """
    errors = []
    for candidate in candidates(sink):
        try:
            return _open(candidate, env)
        except SpeakerError as error:
            errors.append(error)
    raise SpeakerError("; ".join(str(error) for error in errors[:2]))


def _open(sink: str, env: Mapping[str, str]) -> Speaker:
    kind, _, rest = sink.partition(":")
    if sink == "none":
        return SilentSpeaker()
    if kind == "pulse":
        from did_tui.live.media.pulse import PulseSpeaker

        return PulseSpeaker(rest or None, env=env)
    if kind == "sounddevice":
        from did_tui.live.media.portaudio import PortAudioSpeaker

        return PortAudioSpeaker(rest or None)
    if kind in {"pacat", "aplay"}:
        from did_tui.live.media.pipes import ProgramSpeaker

        return ProgramSpeaker(kind, rest, env=env)
    if kind == "wav" and rest:
        from did_tui.live.media.files import WavSpeaker

        return WavSpeaker(Path(rest))
    if kind == "fifo" and rest:
        from did_tui.live.media.pipes import FifoSpeaker

        return FifoSpeaker(Path(rest))
    if kind == "web" and (not rest or (rest.isdecimal() and int(rest) < 65536)):
        from did_tui.live.media.web import WebSpeaker

        return WebSpeaker(int(rest)) if rest else WebSpeaker()
    raise SpeakerError(f"Unknown sound output “{sink}”: use {', '.join(SINKS)}")


def devices(env: Mapping[str, str] = os.environ) -> list[Device]:
    """Return what could be chosen on this machine now; blocks for up to some seconds."""
    found: list[Device] = []
    for sink in candidates("auto"):
        try:
            if sink == "pulse":
                from did_tui.live.media import pulse

                found += pulse.devices(env)
            elif sink == "sounddevice":
                from did_tui.live.media import portaudio

                found += portaudio.devices()
        except SpeakerError:
            continue  # there is nothing of this kind here
    return found
