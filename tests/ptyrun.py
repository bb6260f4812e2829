"""A program in a pseudo-terminal, seen through a decoding terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from vt import Terminal


class PtyProgram:
    """Runs ``did-tui`` with these arguments in a terminal of ``cols`` by ``rows`` cells.

    ``program`` is what Python runs instead. ``answer`` is what the terminal says to each question
    for the place of its cursor; None: where it is when all that was read is shown. ``colours``
    False sets ``NO_COLOR``.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        cols: int = 80,
        rows: int = 24,
        env: Mapping[str, str] | None = None,
        program: Sequence[str] = ("-m", "did_tui"),
        answer: bytes | None = b"\x1b[1;1R",
        colours: bool = True,
    ) -> None:
        self._answer = answer
        self.terminal = Terminal(cols, rows)
        self.written = bytearray()  # by the program, all of it
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        self.modes_before = termios.tcgetattr(slave)
        self._slave = slave
        environment = dict(os.environ if env is None else env)
        environment |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        for name in ("NO_COLOR", "COLUMNS", "LINES"):
            environment.pop(name, None)
        if not colours:
            environment["NO_COLOR"] = "1"
        self.process = subprocess.Popen(
            [sys.executable, *program, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    def read(self, seconds: float) -> None:
        """Take what the program writes for a while."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select([self._master], [], [], left)
            if not ready or not self._take():
                return

    def _take(self) -> bool:
        """Take what lies there; False where the line is gone."""
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False
        self.terminal.feed_bytes(data)
        self.written += data
        self.questions(data.count(b"\x1b[6n"))
        return bool(data)

    def questions(self, count: int) -> None:
        """Answer so many."""
        terminal = self.terminal
        answer = self._answer
        if answer is None:
            answer = f"\x1b[{terminal.y + 1};{min(terminal.x, terminal.cols - 1) + 1}R".encode()
        os.write(self._master, answer * count)

    def until(self, happened: Callable[[Terminal], object], seconds: float = 20) -> None:
        """Read until the screen shows something; fails with what it showed instead."""
        end = time.monotonic() + seconds
        while not happened(self.terminal):
            assert time.monotonic() < end, f"not seen within {seconds} s:\n{self.terminal.text}"
            self.read(0.1)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def resize(self, cols: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        self.terminal.resize(cols, rows)
        os.kill(self.process.pid, signal.SIGWINCH)

    def wait(self, seconds: float = 10) -> int:
        """Read until the program has ended; its exit code."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, f"still running:\n{self.terminal.text}"
            self.read(0.05)
        while select.select([self._master], [], [], 0)[0] and self._take():
            pass
        return self.process.returncode

    def hang_up(self) -> None:
        """The line drops: the terminal is gone."""
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = -1

    @property
    def modes(self) -> list[object]:
        return termios.tcgetattr(self._slave)

    def __enter__(self) -> PtyProgram:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for descriptor in (self._slave, self._master):
            if descriptor >= 0:
                os.close(descriptor)


def children(pid: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    found: list[int] = []
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        direct = [int(child) for child in listed.split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    for child in direct:
        found += [child, *children(child)]
    return found


def alive(pid: int) -> bool:
    """Whether a process still runs."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
        return stat.rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
