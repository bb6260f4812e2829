"""The way to the terminal: nobody waits for one that does not read, and nothing is lost before."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import struct
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator

import pytest

from did_tui.config import Look
from did_tui.ui.base import TerminalApp
from did_tui.ui.terminal import (
    CONGESTED,
    Outlet,
    capabilities,
    cell_size,
    chosen,
    grid_size,
    typed_early,
)


@pytest.fixture
def pair() -> Iterator[tuple[int, int]]:
    """A terminal's side, and ours."""
    master, slave = pty.openpty()
    attributes = termios.tcgetattr(slave)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    yield master, slave
    os.close(master)
    os.close(slave)


def happens(what: Callable[[], bool], seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end:
        time.sleep(0.005)
    return what()


def read(master: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += os.read(master, size - len(data))
    return data


def test_enter_is_enter_also_where_it_was_typed_early(pair: tuple[int, int]) -> None:
    master, slave = pair
    assert typed_early(slave) == ""
    os.write(master, "ä?\rand".encode())
    assert read(master, 7) == "ä?\nand".encode(), "the echo: it has arrived"
    tty.setcbreak(slave, termios.TCSANOW)
    assert typed_early(slave) == "ä?\rand"


def test_all_of_it_arrives_in_order(pair: tuple[int, int]) -> None:
    master, slave = pair
    eased = threading.Event()
    outlet = Outlet(slave, eased.set)
    texts = [f"{number} äöü {'x' * number}\n" for number in range(300)]
    for text in texts:
        outlet.write(text)
    expected = "".join(texts).encode()
    assert outlet.bytes_written == len(expected) > CONGESTED
    assert read(master, len(expected)) == expected
    assert eased.wait(5)
    assert outlet.pending == 0
    outlet.close(1)


def test_a_terminal_that_does_not_read_keeps_nobody(pair: tuple[int, int]) -> None:
    master, slave = pair
    outlet = Outlet(slave)
    begun = time.monotonic()
    outlet.write("x" * 1_000_000)
    assert happens(lambda: outlet.pending < 1_000_000)  # the kernel has taken some
    assert outlet.pending > 900_000
    outlet.clear()
    outlet.write("the end")
    assert outlet.pending == len("the end")
    outlet.close(0.1)
    assert time.monotonic() - begun < 3
    assert len(os.read(master, 100_000)) < 100_000


def test_what_comes_after_a_stall_arrives(pair: tuple[int, int]) -> None:
    master, slave = pair
    outlet = Outlet(slave)
    outlet.write("x" * 200_000)
    assert happens(lambda: outlet.pending < 200_000)
    outlet.clear()
    outlet.write("THE END")
    seen = b""
    while b"THE END" not in seen:
        seen += os.read(master, 65536)
    assert len(seen) < 100_000
    outlet.close(1)


def test_a_terminal_that_is_gone_swallows_everything(pair: tuple[int, int]) -> None:
    master, slave = pair
    outlet = Outlet(slave)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, master)  # closes it, and keeps its number from whoever opens something next
    os.close(nowhere)
    outlet.write("hello")
    assert happens(lambda: outlet.gone)
    outlet.write("more")
    assert outlet.pending == 0
    outlet.close(1)


def test_a_terminal_that_somebody_made_non_blocking(pair: tuple[int, int]) -> None:
    master, slave = pair
    os.set_blocking(slave, False)
    outlet = Outlet(slave)
    outlet.write("y" * 300_000)
    assert read(master, 300_000) == b"y" * 300_000
    outlet.close(1)


@pytest.mark.parametrize(
    ("env", "trusted"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, ("half", "true")),
        ({"TERM": "xterm-256color"}, ("half", "256")),
        ({"TERM": "xterm"}, ("half", "16")),
        ({"TERM": "xterm-kitty"}, ("half", "true")),
        ({"TERM": "linux"}, ("ascii", "none")),
        ({"TERM": "vt220"}, ("ascii", "none")),
        ({}, ("ascii", "none")),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "1"}, ("ascii", "none")),
    ],
)
def test_what_the_environment_says(env: dict[str, str], trusted: tuple[str, str]) -> None:
    assert capabilities(env) == trusted


@pytest.mark.parametrize(
    ("wish", "trusted", "result"),
    [
        (("auto", "auto"), ("half", "256"), ("half", "256")),
        (("octant", "auto"), ("half", "true"), ("octant", "true")),
        (("auto", "true"), ("half", "256"), ("half", "true")),
        (("auto", "256"), ("ascii", "none"), ("half", "256")),
        (("half", "auto"), ("ascii", "none"), ("half", "16")),
        (("braille", "auto"), ("ascii", "none"), ("braille", "none")),
        (("ascii", "auto"), ("half", "true"), ("ascii", "true")),
    ],
)
def test_wishes_come_first(
    wish: tuple[str, str], trusted: tuple[str, str], result: tuple[str, str]
) -> None:
    assert chosen(*wish, trusted) == result


def test_the_terminal_knows_its_size_better_than_the_environment(
    pair: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    for rows, cols, size in ((19, 60, (60, 19)), (0, 0, (80, 24)), (30, 0, (80, 24))):
        fcntl.ioctl(pair[1], termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        assert grid_size(pair[1]) == size
    assert grid_size(10_000) == (80, 24), "not a terminal"


@pytest.mark.parametrize(
    ("winsize", "cell"),
    [
        ((24, 80, 640, 384), (8, 16)),
        ((24, 80, 0, 0), None),
        ((0, 0, 640, 384), None),
        ((24, 80, 65535, 1), None),
        ((1, 1, 9, 18), (9, 18)),
    ],
)
def test_the_size_of_a_cell(
    pair: tuple[int, int], winsize: tuple[int, int, int, int], cell: tuple[int, int] | None
) -> None:
    fcntl.ioctl(pair[1], termios.TIOCSWINSZ, struct.pack("HHHH", *winsize))
    assert cell_size(pair[1]) == cell


async def test_tasks_begin_in_their_turn_on_every_python() -> None:
    loop = asyncio.get_running_loop()
    loop.set_task_factory(lambda loop, work, **options: asyncio.Task(work, loop=loop, **options))
    async with TerminalApp[None](Look()).run_test():
        assert loop.get_task_factory() is None
