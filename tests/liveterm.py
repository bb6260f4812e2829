"""An app on a decoding terminal, in one process: what the viewer sees, and what should be seen."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

from rich.cells import cell_len
from textual import events
from textual.app import App
from textual.drivers.headless_driver import HeadlessDriver
from textual.geometry import Size
from vt import Cell, Terminal

from did_tui.picture.shapes import SHAPES

QUERY = "\x1b[6n"


class LiveDriver(HeadlessDriver):
    """A driver whose output goes to ``terminal``, which answers each query after ``delay``."""

    terminal: Terminal
    delay = 0.0
    pending = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.terminal = Terminal(*(self._size or (80, 24)))
        self.bytes_written = 0
        self._writing = threading.Lock()

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        with self._writing:
            self.bytes_written += len(data.encode())
            self.terminal.feed(data)
        for _ in range(data.count(QUERY)):
            self._loop.call_soon_threadsafe(self._loop.call_later, self.delay, self._answer)

    def _answer(self) -> None:
        self.process_message(events.CursorPosition(0, 0))


def terminal_of(app: App[Any]) -> Terminal:
    assert isinstance(app._driver, LiveDriver)
    return app._driver.terminal


async def resize(app: App[Any], cols: int, rows: int) -> None:
    """The terminal has another size; what it showed is anybody's guess."""
    assert isinstance(app._driver, LiveDriver)
    terminal_of(app).resize(cols, rows)
    app._driver._size = (cols, rows)
    size = Size(cols, rows)
    await app._post_message(events.Resize(size, size))


def truth(app: App[Any]) -> Iterator[list[Cell]]:
    """What Textual would paint, cell by cell, had it to paint all of it."""
    from textual._context import visible_screen_stack

    with app._context():
        visible_screen_stack.set(app._background_screens)
        strips = app.screen._compositor.render_strips()
        segments = [list(strip) for strip in strips]
    for strip in segments:
        row: list[Cell] = []
        for text, style, _ in strip:
            front = back = None
            if style is not None:
                front = _colour(style.color)
                back = _colour(style.bgcolor)
                if style.reverse:
                    front, back = back, front
            for glyph in text:
                row.append((glyph, front, back, frozenset()))
                row += [("", front, back, frozenset())] * (cell_len(glyph) - 1)
        yield row


def _colour(colour: Any) -> int | None:
    if colour is None or colour.is_default:
        return None
    if colour.triplet is None:
        return -2 - int(colour.number)
    red, green, blue = colour.triplet
    return int(red << 16 | green << 8 | blue)


def _inverses() -> dict[str, str]:
    """Glyphs that look the same as another one with the colours exchanged."""
    found = {}
    for shape in SHAPES.values():
        if shape.filled:
            last = len(shape.glyphs) - 1
            for pattern in range(0, last, 2):  # those that leave the upper left corner
                found[shape.glyphs[pattern]] = shape.glyphs[last - pattern]
    return found


INVERSES = _inverses()


def looks(cell: Cell) -> tuple[Any, ...]:
    """What can be seen of a cell: a glyph, its colour and the one behind it."""
    glyph, front, back, flags = cell
    if 7 in flags:
        front, back = back, front
    if glyph in INVERSES:
        glyph, front, back = INVERSES[glyph], back, front
    if glyph in ("\u2800", " "):
        front = back
    if front == back or glyph == "█":
        return "█", front, front
    return glyph, front, back


async def calm(seconds: float = 0.02) -> None:
    await asyncio.sleep(seconds)
