"""What a microphone is to this program, and which one to use: speakers the other way round."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Protocol

from did_tui.live.media.programs import end, started
from did_tui.live.media.speaker import RATE, Device, SpeakerError

MOST_BYTES = RATE
"""What waits to be read at most: half a second; a reader that sleeps longer loses the rest."""


class Capture(Protocol):
    """Something that records s16 mono at 48 kHz; used by one thread."""

    @property
    def name(self) -> str:
        """Words for the status line."""

    def read(self) -> bytes:
        """What was recorded since the last call, without waiting; SpeakerError when it is gone."""

    def close(self) -> None:
        """Give the device back; may be called again."""


DEVICES = (
    "auto",
    "pulse[:DEVICE]",
    "sounddevice[:DEVICE]",
    "parec[:DEVICE]",
    "arecord[:DEVICE]",
)
"""What a microphone may be called."""


def candidates(device: str, platform: str = sys.platform) -> tuple[str, ...]:
    """The devices to try for this one, best first; as with speakers."""
    if device != "auto":
        return (device,)
    if platform in {"darwin", "win32"}:
        return ("sounddevice",)
    return ("pulse", "sounddevice", "parec", "arecord")


def open_capture(device: str = "auto", *, env: Mapping[str, str] = os.environ) -> Capture:
    """Open the microphone of this name, one of ``DEVICES``; blocks for up to some seconds.

    Raises SpeakerError.
    """
    errors = []
    for candidate in candidates(device):
        try:
            return _open(candidate, env)
        except SpeakerError as error:
            errors.append(str(error))
    raise SpeakerError("; ".join(errors[:2]))


def _open(device: str, env: Mapping[str, str]) -> Capture:
    kind, _, rest = device.partition(":")
    if kind == "pulse":
        from did_tui.live.media.pulsecapture import PulseCapture

        return PulseCapture(rest or None, env=env)
    if kind == "sounddevice":
        from did_tui.live.media.portaudio import PortAudioCapture

        return PortAudioCapture(rest or None)
    if kind in _ARGUMENTS:
        return ProgramCapture(kind, rest, env=env)
    raise SpeakerError(f"Unknown microphone “{device}”: use {', '.join(DEVICES)}")


def microphones(env: Mapping[str, str] = os.environ) -> list[Device]:
    """What could be chosen on this machine now; blocks for up to some seconds."""
    found: list[Device] = []
    for device in candidates("auto"):
        try:
            if device == "pulse":
                from did_tui.live.media import pulsecapture

                found += pulsecapture.devices(env)
            elif device == "sounddevice":
                from did_tui.live.media import portaudio

                found += portaudio.devices(recording=True)
        except SpeakerError:
            continue  # there is nothing of this kind here
    return found


class ProgramCapture:
    """Records through parec or arecord."""

    def __init__(
        self, program: str, device: str = "", *, env: Mapping[str, str] = os.environ
    ) -> None:
        self.name = program
        self._process = started(
            program, _ARGUMENTS[program], device, env, what="microphone", stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None  # noqa: S101 (it is a pipe)
        self._pipe = self._process.stdout
        os.set_blocking(self._pipe.fileno(), False)

    def read(self) -> bytes:
        """What was recorded since the last call; SpeakerError when the program has ended."""
        pcm: bytes | None = self._pipe.read(MOST_BYTES)
        if pcm == b"":
            raise SpeakerError(f"{self.name} has ended")
        return pcm or b""

    def close(self) -> None:
        """End the program."""
        self._pipe.close()
        end(self._process)


_ARGUMENTS = {
    "parec": [
        *"--record --raw --format=s16le --rate=48000 --channels=1".split(),
        *"--latency-msec=20 --client-name=did-tui".split(),
    ],
    # ALSA's sizes are in microseconds.
    "arecord": "-q -t raw -f S16_LE -r 48000 -c 1 -B 200000 -F 20000".split(),
}
