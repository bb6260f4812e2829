"""A program in a pseudo-terminal: what it writes and when, what it costs."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import resource
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from screen import Screen

ROOT = Path(__file__).resolve().parents[2]
DID_TUI = [sys.executable, "-m", "did_tui"]
CELL = (8, 16)  # pixels a cell, as the terminal tells it

#: Anything that may be a question to the terminal.
_QUESTION = re.compile(rb"\x1b\[[?>=]?[0-9;]*\$?[cnpt]|\x1b\]1[012];\?")


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a program needs to know that it runs in a good terminal, and this checkout's code."""
    not_for_it = ("NO_COLOR", "TMUX", "OPENBLAS_NUM_THREADS")
    env = {key: value for key, value in os.environ.items() if key not in not_for_it}
    env |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
    path = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    env["PYTHONPATH"] = os.pathsep.join(filter(None, path))
    return env | dict(more or {})


class Program:
    """A running program and its side of the terminal.

    ``answering`` False leaves the terminal's answers to the caller (a terminal behind a line).
    """

    def __init__(
        self,
        arguments: Sequence[str],
        cols: int,
        rows: int,
        *,
        env: Mapping[str, str] | None = None,
        answering: bool = True,
    ) -> None:
        self.peak_pending = 0
        self.usage: resource.struct_rusage | None = None
        self.code = 0
        self._screen = Screen(cols, rows) if answering else None
        self._unseen = bytearray()
        self._tail = b""
        self._out = bytearray()
        self.master, slave = os.openpty()
        size = struct.pack("HHHH", rows, cols, cols * CELL[0], rows * CELL[1])
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
        self.began = time.monotonic()
        self._process = subprocess.Popen(
            arguments,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment(env),
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self.pid = self._process.pid
        os.close(slave)
        os.set_blocking(self.master, False)

    def read(self, seconds: float) -> bytes | None:
        """What it wrote, waited for so long at most; None when it has ended."""
        self._flush()
        ready, _, _ = select.select(
            [self.master], [self.master] if self._out else [], [], max(0.0, seconds)
        )
        if not ready:
            return None if self._ended() else b""
        with contextlib.suppress(OSError):
            waiting = struct.unpack("i", fcntl.ioctl(self.master, termios.FIONREAD, b"\0" * 4))[0]
            self.peak_pending = max(self.peak_pending, waiting)
        try:
            data = os.read(self.master, 65536)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._ended(wait=True)
            return None
        if self._screen is not None:
            self._answer(data)
        return data

    def _answer(self, data: bytes) -> None:
        """Answer questions; what holds none is decoded only when one comes, if ever."""
        assert self._screen is not None
        self._unseen += data
        if _QUESTION.search(self._tail + data):
            self._screen.feed(bytes(self._unseen))
            self._unseen.clear()
            self._out += self._screen.answers
            self._screen.answers.clear()
            self._flush()
        self._tail = data[-16:]

    def type(self, data: bytes) -> None:
        """Write to the program's standard input."""
        self._out += data
        self._flush()

    def _flush(self) -> None:
        if self._out:
            with contextlib.suppress(OSError):
                del self._out[: os.write(self.master, self._out)]

    def _ended(self, *, wait: bool = False) -> bool:
        if self.usage is None:
            pid, status, usage = os.wait4(self.pid, 0 if wait else os.WNOHANG)
            if pid:
                self.usage = usage
                self.code = self._process.returncode = os.waitstatus_to_exitcode(status)
        return self.usage is not None

    def cpu(self) -> float | None:
        """User and system seconds so far; None where the system does not tell."""
        if self.usage is not None:
            return self.usage.ru_utime + self.usage.ru_stime
        try:
            stat = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii")
        except OSError:
            return None
        return sum(map(int, stat.rsplit(")", 1)[1].split()[11:15])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> int | None:
        """Resident bytes; None where the system does not tell."""
        try:
            pages = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]
        except OSError:
            return None
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def close(self) -> None:
        """End it, if it has not ended."""
        if not self._ended():
            os.kill(self.pid, signal.SIGTERM)
            deadline = time.monotonic() + 3
            while not self._ended() and time.monotonic() < deadline:
                with contextlib.suppress(OSError):
                    os.read(self.master, 65536)
                time.sleep(0.01)
            if not self._ended():
                os.kill(self.pid, signal.SIGKILL)
                self._ended(wait=True)
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
