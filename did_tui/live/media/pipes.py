"""Sound into a pipe: a named one that somebody reads, or the input of pacat or aplay.

What is written is raw s16le stereo at 48 kHz. The reader sets the pace, as a sound card does, as
long as it reads at all; for one that has stopped nobody waits, and what does not fit is dropped.
"""

from __future__ import annotations

import array
import errno
import os
import stat
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from did_tui.live.media.programs import end, started
from did_tui.live.media.speaker import FRAME_BYTES, RATE, PacedSpeaker, SpeakerError

PIECE = 4096
"""Bytes of one write: POSIX's PIPE_BUF on Linux, so that all of it fits or none, and a multiple of
a frame, so that left stays left."""

PIPE_BYTES = 32_768
"""The size asked for where it can be chosen."""

FILLED_BYTES = 12_288
"""What is written ahead, 64 ms. Linux counts in pages, and a write may leave half of one empty."""

STUCK_SECONDS = 0.5
"""A reader that has taken nothing for so long does not set the pace any more."""

READER_SECONDS = 0.25
"""How often is looked whether somebody reads."""

PROGRAM_SECONDS = 0.060
"""What pacat and aplay are asked to buffer, and are believed to."""

_F_SETPIPE_SZ = 1031  # Linux's fcntl.h


class Pipe:
    """The writing end of a pipe, which never makes anybody wait."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        os.set_blocking(descriptor, False)
        if sys.platform == "linux":
            import fcntl

            try:
                fcntl.fcntl(descriptor, _F_SETPIPE_SZ, PIPE_BYTES)
            except OSError:
                pass  # a bigger one is later, not worse

    def write(self, pcm: bytes) -> int:
        """Write what fits, in whole frames; the bytes dropped. Raises BrokenPipeError."""
        for start in range(0, len(pcm), PIECE):
            try:
                os.write(self._descriptor, pcm[start : start + PIECE])
            except BlockingIOError:
                return len(pcm) - start
        return 0

    def waiting(self) -> int:
        """Bytes that the reader has not taken, 0 where the system does not tell."""
        import fcntl
        import termios

        answer = array.array("i", [0])
        try:
            fcntl.ioctl(self._descriptor, termios.FIONREAD, answer)
        except OSError:
            return 0
        return answer[0]

    def close(self) -> None:
        """Let the reader see the end."""
        os.close(self._descriptor)


class PipeSpeaker(PacedSpeaker):
    """What both kinds have: a pipe, while there is one, and its reader's pace."""

    def __init__(self, name: str, pipe: Pipe | None = None) -> None:
        super().__init__(name)
        self._pipe = pipe
        self._moved_at = self._started

    def writable(self) -> int:
        """Return the frames of the time that has passed, or fewer if the reader is slower."""
        frames = super().writable()
        with self._lock:
            if self._pipe is None:
                return frames
            now = time.monotonic()
            room = max(0, FILLED_BYTES - self._pipe.waiting()) // FRAME_BYTES
            if room:
                self._moved_at = now
            elif now - self._moved_at > STUCK_SECONDS:
                return frames
            # The clock waits for the reader: what has no room now is not due.
            self._taken += max(0, frames - room)
            return min(frames, room)

    def latency(self) -> float:
        """Return the seconds of sound in the pipe: the reader's own are not known."""
        with self._lock:
            return self._pipe.waiting() / FRAME_BYTES / RATE if self._pipe is not None else 0.0


class FifoSpeaker(PipeSpeaker):
    """Plays into a named pipe, made where there is none; ``audible`` while somebody reads."""

    def __init__(self, path: Path) -> None:
        if sys.platform == "win32":
            raise SpeakerError("Windows has no named pipes of this kind: use wav:FILE or web")
        try:
            if not path.exists():
                os.mkfifo(path, 0o600)
            if not stat.S_ISFIFO(path.stat().st_mode):
                raise SpeakerError(f"{path} is not a named pipe")
        except OSError as error:
            raise SpeakerError(f"The pipe {path} cannot be used: {error.strerror}") from None
        self._path = path
        super().__init__(f"pipe · {path.name}")
        self._open()

    def _open(self) -> None:
        self._look_at = time.monotonic() + READER_SECONDS
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno != errno.ENXIO:  # nobody reads it
                raise SpeakerError(
                    f"The pipe {self._path} cannot be used: {error.strerror}"
                ) from None
        else:
            self._pipe = Pipe(descriptor)
        self.audible = self._pipe is not None

    def _play(self, pcm: bytes) -> None:
        if self._pipe is None:
            if time.monotonic() < self._look_at:
                return
            self._open()
            pcm = pcm[-FILLED_BYTES:]  # a feeder that was late: the newest of it fits
        if self._pipe is None:
            return
        try:
            self.underflows += self._pipe.write(pcm) > 0
        except BrokenPipeError:
            self._finish()

    def _finish(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
            self._pipe, self.audible = None, False


class ProgramSpeaker(PipeSpeaker):
    """Plays through pacat or aplay; their latency is a guess."""

    def __init__(
        self, program: str, device: str = "", *, env: Mapping[str, str] = os.environ
    ) -> None:
        self._program = program
        self._process = started(program, _ARGUMENTS[program], device, env, stdin=subprocess.PIPE)
        assert self._process.stdin is not None  # noqa: S101 (it is a pipe)
        super().__init__(program, Pipe(self._process.stdin.fileno()))

    def latency(self) -> float:
        """Return the seconds of sound in the pipe, and what the program was asked to buffer."""
        return PROGRAM_SECONDS + super().latency()

    def _play(self, pcm: bytes) -> None:
        assert self._pipe is not None  # noqa: S101 (it has one until it is closed)
        try:
            self.underflows += self._pipe.write(pcm) > 0
        except BrokenPipeError:
            raise SpeakerError(f"{self._program} has ended") from None

    def _finish(self) -> None:
        self._pipe = None
        assert self._process.stdin is not None  # noqa: S101 (it is a pipe)
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        end(self._process)


_ARGUMENTS = {
    "pacat": [
        *"--playback --raw --format=s16le --rate=48000 --channels=2".split(),
        *f"--latency-msec={PROGRAM_SECONDS * 1000:.0f} --client-name=did-tui".split(),
    ],
    # ALSA's sizes are in microseconds.
    "aplay": f"-q -t raw -f S16_LE -r 48000 -c 2 -B {PROGRAM_SECONDS * 1e6:.0f}".split(),
}
