"""Pictures as arrays of packed colours.

A colour is a 32-bit word 0x00BBGGRR: the byte order of libswscale's ``rgb0`` on a little-endian
machine. A *picture* is a (rows x down, cols x across) array of them: one for each sub-pixel of each
character cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from did_tui.picture.fit import Placement

Words = npt.NDArray[np.uint32]
Mask = npt.NDArray[np.bool_]
Index = npt.NDArray[np.intp]

#: A colour that no pixel has: what the terminal shows there is not known.
UNKNOWN = np.uint32(0xFF000000)


def packed(pixels: npt.NDArray[np.uint8]) -> Words:
    """(rows, cols, 3) red, green, blue -> (rows, cols) words."""
    words = pixels[..., 0].astype(np.uint32)
    words |= pixels[..., 1].astype(np.uint32) << 8
    words |= pixels[..., 2].astype(np.uint32) << 16
    return words


def channels(words: Words) -> npt.NDArray[np.uint8]:
    """Words of any shape -> the same shape with a last axis of red, green, blue, nothing."""
    return np.ascontiguousarray(words).view(np.uint8).reshape(*words.shape, 4)


def by_cell(picture: Words, across: int, down: int) -> Words:
    """(rows x down, cols x across) -> (rows, cols, down x across), sub-pixels row by row."""
    rows, cols = picture.shape[0] // down, picture.shape[1] // across
    cells: Words = np.empty((rows, cols, down * across), np.uint32)
    for part in range(down * across):  # a transposed copy of such short axes takes three times that
        y, x = divmod(part, across)
        cells[:, :, part] = picture[y : rows * down : down, x : cols * across : across]
    return cells


def laid(scaled: Words, placed: Placement, cols: int, rows: int, around: int) -> Words:
    """The part of a scaled picture that is seen, on cols x rows sub-pixels of another colour."""
    field: Words = np.full((rows, cols), around, np.uint32)
    field[
        placed.top : placed.top + placed.shown_height,
        placed.left : placed.left + placed.shown_width,
    ] = scaled[
        placed.skip_y : placed.skip_y + placed.shown_height,
        placed.skip_x : placed.skip_x + placed.shown_width,
    ]
    return field


def resized(picture: Words, height: int, width: int) -> Words:
    """The same picture in another size, pixels repeated or left out: a stop-gap."""
    if picture.shape == (height, width) or not picture.size:
        return picture
    ys = np.arange(height) * picture.shape[0] // max(height, 1)
    xs = np.arange(width) * picture.shape[1] // max(width, 1)
    return np.ascontiguousarray(picture[ys][:, xs])
