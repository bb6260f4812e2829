"""What C libraries write on descriptor 2 never comes on the screen; what we say at the end does."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from ptyrun import PtyProgram

from did_tui.ui.stderr import NAME, kept_off_the_screen

APP = """
import asyncio, ctypes, sys
from textual.widgets import Static
from did_tui.config import Look, log_directory
from did_tui.ui.base import TerminalApp
from did_tui.ui.stderr import kept_off_the_screen

class Noisy(TerminalApp[None]):
    def compose(self):
        yield Static("HELLO")
    def on_mount(self):
        ctypes.CDLL(None).perror(b"NOISE of a library")
        self.call_later(self.say)
    def say(self):
        self.query_one(Static).update("STILL HERE")
    def key_x(self):
        if "crash" in sys.argv:
            raise RuntimeError("BURST")
        self.exit()

with kept_off_the_screen(log_directory()):
    asyncio.run(Noisy(Look()).run_async())
    print("SAID INSIDE", file=sys.stderr)
print("SAID AFTERWARDS", file=sys.stderr)
ctypes.CDLL(None).perror(b"NOISE afterwards")
"""


@pytest.mark.parametrize("way", ["leave", "crash"])
def test_noise_goes_to_the_file_and_words_to_the_terminal(tmp_path: Path, way: str) -> None:
    env = os.environ | {"DID_TUI_HOME": str(tmp_path)}
    with PtyProgram([way], program=["-c", APP], env=env) as program:
        program.until(lambda terminal: "STILL HERE" in terminal.text)
        assert "NOISE" not in program.terminal.text
        program.type("x")
        program.wait()
        assert "SAID INSIDE" in program.terminal.text
        assert "SAID AFTERWARDS" in program.terminal.text
        assert "NOISE afterwards" in program.terminal.text
        assert "NOISE of" not in program.terminal.text
        assert ("BURST" in program.terminal.text) == (way == "crash")
    log = tmp_path / "log" / NAME
    assert log.read_text().startswith("NOISE of a library")
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_directory_that_cannot_be_written_is_no_reason_to_fail(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    before = sys.stderr, sys.__stderr__
    with kept_off_the_screen(tmp_path / "file" / "log"):
        os.write(2, b"noise\n")
        print("words", file=sys.stderr)
    os.write(2, b"later\n")
    assert capfd.readouterr().err == "words\nlater\n"
    assert (sys.stderr, sys.__stderr__) == before
