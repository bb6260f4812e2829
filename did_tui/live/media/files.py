"""Sound into a WAV file as it was played, with its pauses: it lasts as long as the call."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import BinaryIO

from did_tui.live.media.speaker import FRAME_BYTES, RATE, PacedSpeaker, SpeakerError

HEADER_BYTES = 44
MOST_BYTES = 0xFFFFFFFF - HEADER_BYTES - FRAME_BYTES
"""RIFF counts bytes with 32 bits: a file ends after 6.2 hours."""


def wav_header(data_bytes: int) -> bytes:
    """The header of s16 stereo at 48 kHz (Microsoft's Multimedia Programming Interface, 1991)."""
    fields = (16, 1, 2, RATE, RATE * FRAME_BYTES, FRAME_BYTES, 16)
    return (
        struct.pack("<4sI4s", b"RIFF", data_bytes + HEADER_BYTES - 8, b"WAVE")
        + struct.pack("<4sIHHIIHH", b"fmt ", *fields)
        + struct.pack("<4sI", b"data", data_bytes)
    )


class WavSpeaker(PacedSpeaker):
    """Writes a WAV file; one that exists is left alone and the next free name is taken.

    Until it is closed the header claims the largest size, so that what a crash leaves can be
    played. ``audible`` is false: nobody hears a file now.
    """

    audible = False

    def __init__(self, path: Path) -> None:
        self._file = _create(path)
        self._bytes = 0
        super().__init__(f"WAV · {Path(self._file.name).name}")
        self._write(wav_header(MOST_BYTES))

    def _play(self, pcm: bytes) -> None:
        if self._bytes + len(pcm) > MOST_BYTES:
            raise SpeakerError("The WAV file is full, at 4 GB")
        if sys.byteorder == "big":
            swapped = bytearray(pcm)
            swapped[0::2], swapped[1::2] = pcm[1::2], pcm[0::2]
            pcm = bytes(swapped)
        self._write(pcm)
        self._bytes += len(pcm)

    def _write(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            self._file.close()
            raise SpeakerError(f"The WAV file cannot be written: {error.strerror}") from None

    def _finish(self) -> None:
        try:
            self._file.seek(0)
            self._file.write(wav_header(self._bytes))
            self._file.close()
        except (OSError, ValueError):
            pass  # a full disk: what fits is there, and the file is closed


def _create(path: Path) -> BinaryIO:
    """Open a new file, ``call-2.wav`` where there is a ``call.wav``."""
    if path.is_dir():
        raise SpeakerError(f"{path} is a directory, not a WAV file")
    candidate, number = path, 1
    while True:
        try:
            return candidate.open("xb")
        except FileExistsError:
            number += 1
            candidate = path.with_stem(f"{path.stem}-{number}")
        except OSError as error:
            raise SpeakerError(f"The WAV file {path} cannot be written: {error.strerror}") from None
