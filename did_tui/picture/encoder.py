"""Cells -> the bytes that a terminal needs, vectorised.

Each cell to be drawn becomes a record of fourteen 32-bit words, each holding up to four bytes of
output; words that are not needed stay zero, and the zero bytes are taken out at the end. There is
no Python loop over cells.

    0      ESC [                         13     m and the glyph
    1..2   row ; column H, or n C        3      ESC [
    4..7   38;2 ;R ;G ;B                 8      ;
    9..12  48;2 ;R ;G ;B

A terminal has one foreground and one background colour at a time (its pen). A half block can be the
upper one (▀) or the lower one (▄) with the colours exchanged, so each cell is drawn with whichever
needs fewer new colours; where both pixels have the same colour, a space needs only one.

Sequences: ECMA-48 CUP, CUF and SGR; direct colours as in ITU-T T.416 with semicolons, which is what
terminals understand.
"""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt

from did_tui.picture.cells import Cells, Shadow, Words

Index = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

LAST_LINE = 1000  # rows and columns of a terminal that can be addressed


def _word(text: str | bytes) -> int:
    data = text.encode() if isinstance(text, str) else text
    return int.from_bytes(data.ljust(4, b"\0"), sys.byteorder)


_CSI = np.uint32(_word("\x1b["))
_FOREGROUND = np.uint32(_word("38;2"))
_BACKGROUND = np.uint32(_word("48;2"))
_SEMICOLON = np.uint32(_word(";"))
_SGR_END = np.uint32(_word("m"))
#: The glyphs leave their first byte to the "m" before them.
_UPPER_HALF = np.uint32(_word(b"\0" + "▀".encode()))
_LOWER_HALF = np.uint32(_word(b"\0" + "▄".encode()))
_SPACE = np.uint32(_word(b"\0 "))

_CHANNEL = np.array([_word(f";{value}") for value in range(256)], np.uint32)
_ROW = np.array([_word(f"{line + 1};") for line in range(LAST_LINE - 1)], np.uint32)
_COLUMN = np.array([_word(f"{line + 1}H") for line in range(LAST_LINE - 1)], np.uint32)
_FORWARD = np.array(
    [_word(f"{count}C" if count != 1 else "C") for count in range(LAST_LINE)], np.uint32
)


def changed(cells: Cells, shadow: Shadow, threshold: int, visible: Mask | None = None) -> Index:
    """The flat indices of cells of which a channel differs by more than ``threshold``, in order."""
    far = _far(cells.upper, shadow.upper, threshold)
    far |= _far(cells.lower, shadow.lower, threshold)
    if visible is not None:
        far &= visible
    return np.flatnonzero(far)


def _far(a: Words, b: Words, threshold: int) -> Mask:
    if threshold <= 0:
        return np.asarray(a != b)
    bytes_a, bytes_b = a.view(np.uint8), b.view(np.uint8)
    distance = np.maximum(bytes_a, bytes_b)
    distance -= np.minimum(bytes_a, bytes_b)
    return np.asarray((distance > threshold).view(np.uint32) != 0)


def delta(
    cells: Cells,
    shadow: Shadow,
    *,
    top: int = 0,
    left: int = 0,
    threshold: int = 0,
    visible: Mask | None = None,
) -> bytes:
    """What turns the shadow into the cells, and the shadow brought up to date.

    ``top`` and ``left`` are the screen position of the first cell, from 0. The bytes leave the pen
    in some colour: end with SGR 0.
    """
    index = changed(cells, shadow, threshold, visible)
    if not len(index):
        return b""
    upper, lower = cells.upper.ravel()[index], cells.lower.ravel()[index]
    shadow.upper.ravel()[index] = upper
    shadow.lower.ravel()[index] = lower
    records = np.zeros((len(index), 14), np.uint32)
    _move(records, index, cells.cols, top, left)
    _paint(records, upper, lower)
    return records.tobytes().translate(None, b"\0")


def row_text(cells: Cells, y: int, x0: int, x1: int) -> str:
    """A part of a row as text that begins with a fresh pen and ends with SGR 0."""
    if x0 >= x1:
        return ""
    records = np.zeros((x1 - x0, 14), np.uint32)
    _paint(records, cells.upper[y, x0:x1], cells.lower[y, x0:x1])
    return records.tobytes().translate(None, b"\0").decode() + "\x1b[0m"


def _move(records: Words, index: Index, cols: int, top: int, left: int) -> None:
    """Fill in the cursor movements: absolute for a new row, forward over a gap, none else."""
    y, x = np.divmod(index, cols)
    new_row = np.ones(len(index), bool)
    new_row[1:] = y[1:] != y[:-1]
    step = np.ones(len(index), np.intp)
    step[1:] = index[1:] - index[:-1]
    moves = new_row | (step != 1)
    records[:, 0] = np.where(moves, _CSI, 0)
    records[:, 1] = np.where(new_row, _ROW[np.minimum(y + top, LAST_LINE - 2)], 0)
    forward = _FORWARD[np.clip(step - 1, 0, LAST_LINE - 1)]
    records[:, 2] = np.where(
        new_row, _COLUMN[np.minimum(x + left, LAST_LINE - 2)], np.where(moves, forward, 0)
    )


def _paint(records: Words, upper: Words, lower: Words) -> None:
    """Fill in colours and glyphs, with as few changes of the pen as can be."""
    plain = upper == lower
    flipped = _orientation(upper, lower, plain)
    front = np.where(flipped, lower, upper)
    back = np.where(flipped, upper, lower)
    new_back = np.ones(len(back), bool)
    new_back[1:] = back[1:] != back[:-1]
    new_front = _needs_foreground(front, ~plain)
    coloured = new_front | new_back
    records[:, 3] = np.where(coloured, _CSI, 0)
    records[:, 4] = np.where(new_front, _FOREGROUND, 0)
    records[:, 5:8] = _channels(front) * new_front[:, None]
    records[:, 8] = np.where(new_front & new_back, _SEMICOLON, 0)
    records[:, 9] = np.where(new_back, _BACKGROUND, 0)
    records[:, 10:13] = _channels(back) * new_back[:, None]
    glyph = np.where(plain, _SPACE, np.where(flipped, _LOWER_HALF, _UPPER_HALF))
    records[:, 13] = glyph + np.where(coloured, _SGR_END, np.uint32(0))


def _channels(colours: Words) -> Words:
    """The words ``;R``, ``;G`` and ``;B`` of each colour."""
    return _CHANNEL[colours.view(np.uint8).reshape(-1, 4)[:, :3]]


def _orientation(upper: Words, lower: Words, plain: Mask) -> Mask:
    """Which cells are drawn as a lower half block, because that keeps more of the pen.

    Whether turning pays depends on how the cell before was drawn, which depends on the one before
    it; the number of turns so far, odd or even, says it for all at once. A plain cell ends such a
    chain: after it, its colour is in the background.
    """
    count = len(upper)
    turns = np.zeros(count, np.int32)
    keeps = (upper[1:] != upper[:-1]).astype(np.int8) + (lower[1:] != lower[:-1])
    turned = (upper[1:] != lower[:-1]).astype(np.int8) + (lower[1:] != upper[:-1])
    np.cumsum(turned < keeps, out=turns[1:])
    anchored = np.zeros(count, bool)
    anchored[0] = True
    anchored[1:] = plain[:-1]
    anchor = np.maximum.accumulate(np.where(anchored, np.arange(count), 0))
    begins_turned = np.zeros(count, np.int32)
    begins_turned[1:] = (upper[1:] == lower[:-1]) & (lower[1:] != upper[:-1])
    odd = (turns - turns[anchor] + begins_turned[anchor]) & 1
    return odd.astype(bool) & ~plain


def _needs_foreground(front: Words, draws: Mask) -> Mask:
    """Cells that draw with a foreground other than the last one that was set."""
    order = np.arange(len(front))
    last = np.maximum.accumulate(np.where(draws, order, -1))
    before = np.empty(len(front), np.intp)
    before[0] = -1
    before[1:] = last[:-1]
    return np.asarray(draws & ((before < 0) | (front != front[np.maximum(before, 0)])))
