"""Terminals that stop reading, or answer nothing, or nonsense, and a program that goes on."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from ptyrun import PtyProgram
from vt import Terminal

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

STALL = 3.0


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return os.environ | {"DID_TUI_HOME": str(tmp_path)}


def memory(pid: int) -> int:
    """What a process has in memory, in KiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+)", status)
    assert found is not None
    return int(found.group(1))


def face_is_there(terminal: Terminal) -> bool:
    cells = sum(cell[0] in "▀▄" for row in terminal.cells for cell in row)
    return cells > 300 and "fps" in terminal.text


def test_a_terminal_that_stops_reading(home: dict[str, str]) -> None:
    arguments = ["demo", "Mira", "--audio", "none"]
    with PtyProgram(arguments, cols=100, rows=30, env=home) as program:
        program.until(face_is_there)
        program.read(3)
        before = memory(program.process.pid)
        stalled = time.monotonic()
        while time.monotonic() < stalled + STALL:
            program.type("k")
            time.sleep(0.1)
        assert memory(program.process.pid) < before + 4096
        program.until(lambda terminal: "k" * 20 in terminal.text)
        program.until(face_is_there)
        assert program.terminal.strange == []
        program.type("\x11")
        assert program.wait() == 0
        assert program.modes == program.modes_before
        assert program.terminal.modes[1049] is False


def test_leaving_does_not_wait_for_a_terminal_that_does_not_read(home: dict[str, str]) -> None:
    arguments = ["demo", "Mira", "--audio", "none"]
    with PtyProgram(arguments, cols=100, rows=30, env=home) as program:
        program.until(face_is_there)
        time.sleep(1)
        program.process.send_signal(signal.SIGTERM)
        assert program.process.wait(12) == 143


@pytest.mark.parametrize("answer", [b"", b"\x1b[1;1R" * 3, b"\x1b[0;99999R", b"\x1b[;R"])
def test_a_terminal_that_answers_nothing_or_nonsense(home: dict[str, str], answer: bytes) -> None:
    arguments = ["demo", "Mira", "--audio", "none"]
    with PtyProgram(arguments, cols=100, rows=30, env=home, answer=answer) as program:
        program.until(face_is_there)
        program.type("hello there")
        program.until(lambda terminal: "hello there" in terminal.text, 5)
        program.type("\x11")
        assert program.wait() == 0
        assert program.terminal.strange == []


class LateProgram(PtyProgram):
    """In a terminal that answers 0.15 s late."""

    _due: tuple[float, ...] = ()

    def questions(self, count: int) -> None:
        self._due += (time.monotonic() + 0.15,) * count

    def read(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            super().read(0.01)
            while self._due and self._due[0] <= time.monotonic():
                self._due = self._due[1:]
                super().questions(1)


def clip_in(directory: Path) -> Path:
    """A clip of 20 s in which everything moves."""
    path = directory / "clip.mp4"
    rng = np.random.default_rng(1)
    with av.open(path, "w") as clip:
        stream = clip.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(500):
            pixels = np.kron(
                rng.integers(0, 256, (8, 8, 3), np.uint8), np.ones((8, 8, 1), np.uint8)
            )
            clip.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        clip.mux(stream.encode(None))
    return path


def test_late_answers_are_not_left_at_the_prompt(home: dict[str, str], tmp_path: Path) -> None:
    path = clip_in(tmp_path)
    with LateProgram(["play", str(path), "--audio", "none"], env=home) as program:
        program.until(lambda terminal: "▀" in terminal.text)
        program.read(1)
        program.type("q")
        assert program.wait() == 0
        program.read(0.5)
        assert "[1;1R" not in program.terminal.text
        assert program.modes == program.modes_before


def test_the_player_says_its_keys_and_that_it_is_paused(
    home: dict[str, str], tmp_path: Path
) -> None:
    with PtyProgram(["play", str(clip_in(tmp_path)), "--audio", "none"], env=home) as program:
        program.until(lambda terminal: "space pause   f5 shape   esc leave" in terminal.text)
        program.until(lambda terminal: "▀" in terminal.text)
        program.type(" ")
        program.until(lambda terminal: "paused   space go on" in terminal.text)
        program.type(" ")
        program.until(lambda terminal: "paused" not in terminal.text)
        program.type("q")
        assert program.wait() == 0
