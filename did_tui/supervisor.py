"""Runs a program again when it has crashed, and gives it a terminal that is in order.

The two hold the ends of a socket. The child gives a sign of life over it now and then, and ends
when the parent is gone, however that went.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any

KEEPER = "DID_TUI_KEEPER"  # the child's end of the socket, as a descriptor
USAGE_ERROR = 2
PAUSES = (0.5, 1.0, 2.0, 3.0)  # seconds before each new start; with the start itself below 5
STEADY = 60.0  # seconds of running after which the pauses are counted anew
HUNG = 60.0  # seconds without a sign of life after which it is taken to hang
STOPPING = 10.0  # seconds that a child has to end in order

#: For glibc, which else gives each thread a heap of its own, and keeps what was freed there.
HEAPS = {"MALLOC_ARENA_MAX": "2"}

#: Ends what was cut off, then the alternate screen, mouse, paste, focus, key and update modes.
RESET = (
    "\x1b\\\x1b[?2026l\x1b[0m\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l"
    "\x1b[?1006l\x1b[?1015l\x1b[?2004l\x1b[?1004l\x1b[<u"
)


class Supervisor:
    """Keeps a program running until it wants to end, or a signal wants it to.

    ``on_crash`` is told the exit code of each crash, negative for a signal's number.
    """

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        on_crash: Callable[[int], None] = lambda _code: None,
    ) -> None:
        self._command, self._env, self._on_crash = command, env, on_crash
        self._child: subprocess.Popen[bytes] | None = None
        self._stopped: int | None = None  # by this signal
        self._stopped_at = 0.0

    def run(self) -> int:
        """The last exit code, or 128 and the number of a signal."""
        modes = _modes()
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        # What a visitor can press while the screen is not the child's; that one takes them as keys.
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP):
            signal.signal(number, signal.SIG_IGN)
        tries = 0
        while self._stopped is None:
            begun = time.monotonic()
            code = self._once()
            if code in (0, USAGE_ERROR) or self._stopped is not None:
                break
            _restore(modes)
            self._on_crash(code)
            tries = 0 if time.monotonic() - begun > STEADY else tries
            self._wait(PAUSES[min(tries, len(PAUSES) - 1)])
            tries += 1
        return code if self._stopped is None else 128 + self._stopped

    def _once(self) -> int:
        """Run it until it has ended; its exit code."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                self._child = child = subprocess.Popen(  # noqa: S603 (our own program)
                    self._command,
                    env={**HEAPS, **self._env, KEEPER: str(theirs.fileno())},
                    pass_fds=[theirs.fileno()],
                )
            seen = time.monotonic()
            while child.poll() is None:
                ready = select.select([ours], [], [], 0.5)[0]
                now = time.monotonic()
                if ready and not ours.recv(4096):
                    self._wait_for(child)
                    break
                seen = now if ready else seen
                late = self._stopped is not None and now - self._stopped_at > STOPPING
                if late or now - seen > HUNG:
                    child.kill()
            return child.wait()

    @staticmethod
    def _wait_for(child: subprocess.Popen[bytes]) -> None:
        """It has let go of the socket, so it is about to end."""
        try:
            child.wait(STOPPING)
        except subprocess.TimeoutExpired:
            child.kill()

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        """A signal: hand it on, and start nothing any more."""
        if self._stopped is None:
            self._stopped, self._stopped_at = number, time.monotonic()
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while self._stopped is None and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))


def _modes() -> list[Any] | None:
    """How the terminal is set; None where there is none."""
    import termios

    try:
        return termios.tcgetattr(sys.stdin.fileno())
    except (termios.error, OSError, ValueError):
        return None


def _restore(modes: list[Any] | None) -> None:
    """Give the terminal back as it was; a child that was killed has left it anyhow."""
    import termios

    if modes is None:
        return
    try:
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, modes)
        os.write(sys.stderr.fileno(), RESET.encode())
    except (termios.error, OSError):
        return  # it is gone
