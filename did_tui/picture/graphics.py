"""The picture in pixels, for terminals that take them: Kitty graphics or sixel.

It stands where the painter of cells stands, with whole pictures instead of changed cells.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from did_tui.picture import kitty, sixel
from did_tui.picture.art import Style
from did_tui.picture.cells import Mask, Words
from did_tui.picture.depth import TRUE
from did_tui.picture.painter import Update
from did_tui.picture.shapes import Shape

#: Pixels each way that terminals take in one sixel picture: xterm draws nothing of a larger one
#: unless its resource maxGraphicSize allows it.
MOST = 1000
KITTY_PART = 2  # kitty scales: half of the pixels each way are a quarter of the bytes


@lru_cache(16)
def pixel_style(kind: str, cell: tuple[int, int]) -> Style:
    """The style for pictures of pixels; ``cell`` is the width and height of one in pixels."""
    part = KITTY_PART if kind == "kitty" else 1
    return Style(Shape(kind, max(1, cell[0] // part), max(1, cell[1] // part), (" ",)), TRUE)


class PixelPainter:
    """Keeps a field of cells on a terminal covered with a moving picture."""

    def __init__(self, rows: int, cols: int, style: Style) -> None:
        self.rows, self.cols, self.style = rows, cols, style
        self._image = 1
        self._shown: Words | None = None

    def fits(self, rows: int, cols: int, style: Style) -> bool:
        """Whether this painter is of use for such a field."""
        return (rows, cols, style) == (self.rows, self.cols, self.style)

    def plan(
        self,
        picture: Words,
        *,
        top: int = 0,
        left: int = 0,
        visible: Mask | None = None,
        budget: float | None = None,
        price: float = 1.0,
    ) -> Update:
        """What shows a picture of pixels; nothing where it would cover what lies over it.

        A whole picture cannot be cut to a budget and has no price: it is sent, and the next one
        waits for it.
        """
        del budget, price
        same = self._shown is not None and np.array_equal(self._shown, picture)
        covered = visible is not None and not visible.all()
        if same or (covered and self.style.shape.name == "sixel"):
            data = b""
        else:
            data = self._frame(picture, top, left)
        nothing = np.zeros(0, np.intp)
        floor = np.zeros(0, np.float32)
        cells = self.rows * self.cols if data else 0
        shown = picture if data else picture[:0]
        return Update(data, cells, nothing, shown, floor, len(data), True)

    def commit(self, update: Update) -> None:
        """The update is on its way to the terminal."""
        if update.data:
            self._shown = update.shown
            self._image = kitty.other(self._image)

    def erased(self) -> None:
        """Something was written over the picture."""
        self._shown = None

    def clear(self) -> bytes:
        """What takes the picture away, where writing cells does not."""
        self._shown = None
        if self.style.shape.name != "kitty":
            return b""
        return kitty.delete(self._image) + kitty.delete(kitty.other(self._image))

    def _frame(self, picture: Words, top: int, left: int) -> bytes:
        if self.style.shape.name == "sixel":
            return self._sixels(picture[: sixel.fit_height(len(picture))], top, left)
        return _at(top, left) + kitty.frame(
            picture,
            self.cols,
            self.rows,
            image_id=self._image,
            replaces=kitty.other(self._image),
        )

    def _sixels(self, picture: Words, top: int, left: int) -> bytes:
        """The picture in parts that are not too large, each of whole cells and whole bands."""
        across, down = self.style.shape.across, self.style.shape.down
        width = max(1, MOST // across) * across
        whole = math.lcm(down, sixel.BAND)
        height = max(1, MOST // whole) * whole
        return b"".join(
            _at(top + y // down, left + x // across)
            + sixel.frame(picture[y : y + height, x : x + width])
            for y in range(0, picture.shape[0], height)
            for x in range(0, picture.shape[1], width)
        )


def _at(row: int, column: int) -> bytes:
    return f"\x1b[{row + 1};{column + 1}H".encode()
