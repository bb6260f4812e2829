"""Cells -> the bytes that a terminal needs, vectorised.

Each cell to be drawn becomes a record of 32-bit words, each holding up to four bytes of output;
words that are not needed stay zero, and the zero bytes are taken out at the end. There is no Python
loop over cells. A record is

    CSI, row;, column H      where the cursor has to move (or CSI, n C inside a row)
    CSI, colours, m          where the pen has to change
    the glyph

A terminal has one foreground and one background colour at a time, its pen. A glyph that fills its
sub-pixels can be drawn as its inverse with the colours exchanged, so each cell is drawn with
whichever needs fewer new colours; where there is only one colour, a space needs only a background.

Sequences: ECMA-48 CUP, CUF and SGR; direct and indexed colours as in ITU-T T.416, but with
semicolons, which is what terminals understand.
"""

from __future__ import annotations

import sys
from functools import lru_cache

import numpy as np

from did_tui.picture.art import Art, Patterns, Style
from did_tui.picture.cells import Index, Mask, Words, channels
from did_tui.picture.depth import Depth
from did_tui.picture.shapes import Shape

LAST_LINE = 1000  # rows and columns of a terminal that can be addressed


def _word(text: str) -> int:
    return int.from_bytes(text.encode().ljust(4, b"\0"), sys.byteorder)


def _table(texts: list[str]) -> Words:
    return np.array([_word(text) for text in texts], np.uint32)


_CSI = np.uint32(_word("\x1b["))
_SEMICOLON = np.uint32(_word(";"))
_SGR_END = np.uint32(_word("m"))
_VALUE = _table([f";{value}" for value in range(256)])
_ROW = _table([f"{line + 1};" for line in range(LAST_LINE - 1)])
_COLUMN = _table([f"{line + 1}H" for line in range(LAST_LINE - 1)])
_FORWARD = _table(["", "C", *(f"{count}C" for count in range(2, LAST_LINE))])
_BASIC_FRONT = _table([f"{30 + n}" if n < 8 else f"{82 + n}" for n in range(16)])
_BASIC_BACK = _table([f"{40 + n}" if n < 8 else f"{92 + n}" for n in range(16)])


@lru_cache(16)
def _glyphs(shape: Shape) -> Words:
    return _table(list(shape.glyphs))


def encode(
    index: Index,
    cols: int,
    patterns: Patterns,
    front: Words,
    back: Words,
    style: Style,
    *,
    top: int = 0,
    left: int = 0,
) -> bytes:
    """What draws these cells of a field that is ``cols`` wide.

    ``index`` are their flat indices in ascending order; ``top`` and ``left`` are the screen
    position of the field's first cell, from 0. The pen is left in some colour: end with SGR 0.
    """
    if not len(index):
        return b""
    records = np.zeros((len(index), 3 + _width(style)), np.uint32)
    _move(records[:, :3], index, cols, top, left)
    _draw(records[:, 3:], patterns, front, back, style)
    return records.tobytes().translate(None, b"\0")


def row_text(art: Art, y: int, x0: int, x1: int) -> str:
    """A part of a row as text that begins with a fresh pen and ends with one."""
    if x0 >= x1:
        return ""
    part = np.s_[y, x0:x1]
    records = np.zeros((x1 - x0, _width(art.style)), np.uint32)
    _draw(records, art.patterns[part], art.front[part], art.back[part], art.style)
    return records.tobytes().translate(None, b"\0").decode() + art.style.reset


def _move(records: Words, index: Index, cols: int, top: int, left: int) -> None:
    """Cursor movements: absolute for a new row, forward over a gap, none else."""
    y = index // cols
    new_row = np.ones(len(index), bool)
    np.not_equal(y[1:], y[:-1], out=new_row[1:])
    gap = np.zeros(len(index), np.intp)
    np.subtract(index[1:], index[:-1] + 1, out=gap[1:])
    row = _ROW.take(y + top, mode="clip")
    column = _COLUMN.take(index - y * cols + left, mode="clip")
    np.multiply(new_row | (gap > 0), _CSI, out=records[:, 0])
    np.multiply(row, new_row, out=records[:, 1])
    records[:, 2] = np.where(new_row, column, _FORWARD.take(gap, mode="clip"))


#: Words that say how a colour is written, foreground and background, before its values.
_HEADS = {
    "rgb": _table(["38;2", "48;2"]),
    "indexed": _table(["38;5", "48;5"]),
}
_VALUES = {"rgb": 3, "indexed": 1, "basic": 0}


def _width(style: Style) -> int:
    """Words that draw a cell: twice a separator, a head and values, then an end and a glyph."""
    kind = style.depth.kind
    return 1 if kind == "none" else 2 * (2 + _VALUES[kind]) + 2


def _draw(records: Words, patterns: Patterns, front: Words, back: Words, style: Style) -> None:
    """Colours and glyphs, with as few changes of the pen as can be."""
    shape, depth = style.shape, style.depth
    if depth.kind == "none":
        records[:, 0] = _glyphs(shape)[patterns]
        return
    plain = patterns == 0
    if shape.filled:
        turned = _turned(front, back, plain)
        front, back = np.where(turned, back, front), np.where(turned, front, back)
        patterns = np.where(turned, (1 << shape.parts) - 1 - patterns, patterns)
    count = len(patterns)
    new = np.ones((count, 2), bool)
    new[:, 0] = _new_front(front, plain)
    np.not_equal(back[1:], back[:-1], out=new[1:, 1])
    changed = new[:, 0] | new[:, 1]
    inks = records[:, :-2].reshape(count, 2, -1)
    inks[:, 0, 0] = changed * _CSI
    inks[:, 1, 0] = (new[:, 0] & new[:, 1]) * _SEMICOLON
    inks[:, :, 1:] = _inks(front, back, depth) * new[..., None]
    records[:, -2] = changed * _SGR_END
    records[:, -1] = _glyphs(shape).take(patterns)


def _inks(front: Words, back: Words, depth: Depth) -> Words:
    """(cells, 2, words) that name foreground and background colours."""
    if depth.kind == "basic":
        numbers = depth.numbers(front), depth.numbers(back)
        return np.stack((_BASIC_FRONT[numbers[0]], _BASIC_BACK[numbers[1]]), 1)[..., None]
    inks: Words = np.empty((len(front), 2, 1 + _VALUES[depth.kind]), np.uint32)
    inks[..., 0] = _HEADS[depth.kind]
    both = np.empty((len(front), 2), np.uint32)
    both[:, 0], both[:, 1] = front, back
    if depth.kind == "rgb":
        inks[..., 1:] = _VALUE.take(channels(both)[..., :3])
    else:
        inks[..., 1] = _VALUE.take(depth.numbers(both))
    return inks


def _turned(front: Words, back: Words, plain: Mask) -> Mask:
    """Which cells are drawn inverted, because that keeps more of the pen.

    Whether turning pays depends on how the cell before was drawn, which depends on the one before
    it; the number of turns so far, odd or even, says it for all at once. A plain cell ends such a
    chain: after it, its colour is in the background.
    """
    count = len(front)
    kept, crossed = back[1:] == back[:-1], front[1:] == back[:-1]
    straight = (front[1:] == front[:-1]).view(np.int8) + kept
    turns = np.zeros(count, np.int32)
    np.cumsum((back[1:] == front[:-1]).view(np.int8) + crossed > straight, out=turns[1:])
    anchors = np.zeros(count, np.intp)
    np.multiply(plain[:-1], np.arange(1, count), out=anchors[1:])
    np.maximum.accumulate(anchors, out=anchors)
    begins_turned = np.zeros(count, bool)
    np.greater(crossed, kept, out=begins_turned[1:])
    odd = turns - (turns - begins_turned).take(anchors) & 1
    return np.asarray(odd.astype(bool) & ~plain)


def _new_front(front: Words, plain: Mask) -> Mask:
    """Cells that draw with a foreground other than the last one that was set."""
    draws = np.flatnonzero(~plain)
    drawn = front[draws]
    new = np.ones(len(draws), bool)
    np.not_equal(drawn[1:], drawn[:-1], out=new[1:])
    found = np.zeros(len(front), bool)
    found[draws] = new
    return found
