"""``did-tui demo``: the emulator as a process of its own, which never outlives this one."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from did_tui.api.errors import DidError

START_SECONDS = 30.0
STOP_SECONDS = 3.0

_ADDRESS = re.compile(rb"emulator at (http://\S+) .*?; voice: (.*?)\)")


class EmulatorFailed(DidError):
    """The emulator did not come up; the text says why."""

    advice = "did-tui emulator shows what it says."


class Emulator:
    """The emulator's process.

    It holds the other end of a pipe as its standard input and ends when the pipe does, so that it
    goes with this process however that ends, a kill included. What it says on standard error goes
    to ``log``.
    """

    def __init__(self, arguments: Sequence[str], log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        command = [sys.executable, "-m", "did_tui", "emulator", "--port", "0", "--until-eof"]
        with log.open("wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603 (our own program)
                [*command, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                # It needs no key of the user's, so it gets none.
                env={name: value for name, value in os.environ.items() if name != "DID_API_KEY"},
                # A control-C of the terminal is for the app, which then ends the emulator.
                start_new_session=sys.platform != "win32",
            )
        self._log = log
        self.voice = ""

    async def url(self) -> str:
        """The emulator's address as soon as it answers; raises ``EmulatorFailed``."""
        assert self._process.stdout is not None  # noqa: S101 (it is a pipe)
        try:
            line = await asyncio.wait_for(
                asyncio.to_thread(self._process.stdout.readline), START_SECONDS
            )
        except TimeoutError:
            raise EmulatorFailed(
                f"The emulator did not start within {START_SECONDS:.0f} s."
            ) from None
        found = _ADDRESS.search(line)
        if found is None:
            raise EmulatorFailed(f"The emulator did not start: {self._last_words()}")
        self.voice = found[2].decode()
        return found[1].decode()

    def _last_words(self) -> str:
        with suppress(OSError):
            lines = self._log.read_text(errors="replace").strip().splitlines()
            if lines:
                return lines[-1]
        return f"it ended with {self._process.poll()}"

    def __enter__(self) -> Emulator:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the emulator down and wait for it."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
