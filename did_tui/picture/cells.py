"""A picture in character cells: two pixels a cell, one above the other.

A cell is drawn as a half block: the upper pixel's colour and the lower pixel's colour are the two
colours that a terminal has for it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]

#: A colour that no pixel has: what the terminal shows there is not known.
UNKNOWN = np.uint32(0xFF000000)


def packed(pixels: npt.NDArray[np.uint8]) -> Words:
    """(rows, cols, 3) red, green, blue -> (rows, cols) colours as 0x00BBGGRR."""
    words = pixels[..., 0].astype(np.uint32)
    words |= pixels[..., 1].astype(np.uint32) << 8
    words |= pixels[..., 2].astype(np.uint32) << 16
    return words


class Cells:
    """An immutable picture of ``rows`` by ``cols`` cells.

    ``upper`` and ``lower`` are (rows, cols) arrays of colours packed as 0x00BBGGRR, the byte order
    of libswscale's ``rgb0`` on a little-endian machine.
    """

    __slots__ = ("cols", "lower", "rows", "upper")

    def __init__(self, upper: Words, lower: Words) -> None:
        self.upper, self.lower = upper, lower
        self.rows, self.cols = upper.shape

    @classmethod
    def from_rgb(cls, pixels: npt.NDArray[np.uint8]) -> Cells:
        """From a (2 x rows, cols, 3) array of red, green, blue."""
        return cls.from_words(packed(pixels))

    @classmethod
    def from_words(cls, words: Words) -> Cells:
        """From a (2 x rows, cols) array of packed colours."""
        return cls(np.ascontiguousarray(words[0::2]), np.ascontiguousarray(words[1::2]))

    @classmethod
    def blank(cls, rows: int, cols: int, colour: int = 0) -> Cells:
        """One colour everywhere."""
        field = np.full((rows, cols), colour, np.uint32)
        return cls(field, field)

    def resized(self, rows: int, cols: int) -> Cells:
        """The same picture in another size, pixels repeated or left out: a stop-gap."""
        if (rows, cols) == (self.rows, self.cols):
            return self
        words = np.empty((2 * self.rows, self.cols), np.uint32)
        words[0::2], words[1::2] = self.upper, self.lower
        ys = np.arange(2 * rows) * (2 * self.rows) // (2 * rows)
        xs = np.arange(cols) * self.cols // max(cols, 1)
        return Cells.from_words(words[ys][:, xs])


class Shadow:
    """What the terminal shows now, cell by cell, as far as it is known."""

    def __init__(self, rows: int, cols: int) -> None:
        self.upper: Words = np.full((rows, cols), UNKNOWN)
        self.lower: Words = np.full((rows, cols), UNKNOWN)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, cols = self.upper.shape
        return rows, cols

    def forget(self) -> None:
        """Nothing is known any more: the terminal was cleared, or wrote something else."""
        self.upper[:] = UNKNOWN
        self.lower[:] = UNKNOWN

    def shown(self, cells: Cells, y: int, x0: int, x1: int) -> None:
        """A part of a row was written as in ``cells``."""
        self.upper[y, x0:x1] = cells.upper[y, x0:x1]
        self.lower[y, x0:x1] = cells.lower[y, x0:x1]
