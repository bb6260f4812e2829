"""A part of a row of the picture, as Textual wants it: a strip."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from rich.color import Color
from rich.color_triplet import ColorTriplet
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.cache import FIFOCache
from textual.strip import Strip

if TYPE_CHECKING:
    from did_tui.picture.art import Art


class Writer(Protocol):
    """Writes a part of a row for Textual, and knows then what the terminal shows there."""

    def row(self, art: Art, y: int, x0: int, x1: int) -> str:
        """The bytes."""


class CellStrip(Strip):
    """A part of a row of cells that knows how to write itself.

    Cutting it gives further views on the same row, so overlays cost nothing special. Whatever else
    touches its segments (screenshots, tints, filters) makes them once.
    """

    __slots__ = ("_art", "_writer", "_x0", "_x1", "_y")

    def __init__(self, art: Art, y: int, x0: int, x1: int, writer: Writer) -> None:
        # Without super().__init__: it would make seven caches a row a frame.
        self._art, self._y, self._x0, self._x1, self._writer = art, y, x0, x1, writer
        self._cell_length = x1 - x0
        self._cell_count = x1 - x0
        self._render_cache = None
        self._link_ids = None

    def __getattr__(self, name: str) -> Any:
        if name == "_segments":
            self._segments = list(self._make_segments())
            return self._segments
        if name.endswith("_cache"):
            cache: FIFOCache[Any, Any] = FIFOCache(4)
            setattr(self, name, cache)
            return cache
        raise AttributeError(name)

    def __bool__(self) -> bool:
        return self._x1 > self._x0

    def render(self, console: Console) -> str:  # noqa: ARG002 (Textual's signature)
        """Write the row."""
        return self._writer.row(self._art, self._y, self._x0, self._x1)

    def crop(self, start: int, end: int | None = None) -> Strip:
        """A part of this part."""
        start = max(0, start)
        end = self._x1 - self._x0 if end is None else min(end, self._x1 - self._x0)
        return self._part(start, end) if end > start else Strip([], 0)

    def divide(self, cuts: Iterable[int]) -> list[Strip]:
        """The parts between these cuts."""
        parts: list[Strip] = []
        position = 0
        for cut in cuts:
            parts.append(self.crop(position, cut))
            position = cut
        return parts

    def _part(self, start: int, end: int) -> Strip:
        if start == 0 and end == self._x1 - self._x0:
            return self
        return CellStrip(self._art, self._y, self._x0 + start, self._x0 + end, self._writer)

    def _make_segments(self) -> Iterable[Segment]:
        kind = self._art.style.depth.kind
        for text, front, back in self._art.runs(self._y, self._x0, self._x1):
            if kind == "none":
                yield Segment(text, None)
            else:
                yield Segment(text, Style(color=_colour(front, kind), bgcolor=_colour(back, kind)))


@lru_cache(16384)
def _colour(value: int, kind: str) -> Color:
    if kind == "rgb":
        return Color.from_triplet(ColorTriplet(value & 255, value >> 8 & 255, value >> 16 & 255))
    return Color.from_ansi(value)
