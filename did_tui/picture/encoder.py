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
import numpy.typing as npt

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
_FORWARD = _table([f"{count}C" if count != 1 else "C" for count in range(LAST_LINE)])
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
    drawn = _drawn(patterns, front, back, style)
    return np.hstack((_moves(index, cols, top, left), drawn)).tobytes().translate(None, b"\0")


def row_text(art: Art, y: int, x0: int, x1: int) -> str:
    """A part of a row as text that begins with a fresh pen and ends with one."""
    if x0 >= x1:
        return ""
    part = np.s_[y, x0:x1]
    drawn = _drawn(art.patterns[part], art.front[part], art.back[part], art.style)
    return drawn.tobytes().translate(None, b"\0").decode() + art.style.reset


def _moves(index: Index, cols: int, top: int, left: int) -> Words:
    """Cursor movements: absolute for a new row, forward over a gap, none else."""
    y, x = np.divmod(index, cols)
    new_row = np.ones(len(index), bool)
    new_row[1:] = y[1:] != y[:-1]
    step = np.ones(len(index), np.intp)
    step[1:] = index[1:] - index[:-1]
    moves = new_row | (step != 1)
    records = np.zeros((len(index), 3), np.uint32)
    records[moves, 0] = _CSI
    records[new_row, 1] = _ROW[np.minimum(y[new_row] + top, LAST_LINE - 2)]
    records[new_row, 2] = _COLUMN[np.minimum(x[new_row] + left, LAST_LINE - 2)]
    gap = moves & ~new_row
    records[gap, 2] = _FORWARD[np.clip(step[gap] - 1, 0, LAST_LINE - 1)]
    return records


def _drawn(patterns: Patterns, front: Words, back: Words, style: Style) -> Words:
    """Colours and glyphs, with as few changes of the pen as can be."""
    shape, depth = style.shape, style.depth
    if depth.kind == "none":
        return _glyphs(shape)[patterns][:, None]
    plain = patterns == 0
    if shape.filled:
        turned = _turned(front, back, plain)
        front, back = np.where(turned, back, front), np.where(turned, front, back)
        patterns = np.where(turned, (1 << shape.parts) - 1 - patterns, patterns).astype(np.uint8)
    new_back = np.ones(len(back), bool)
    new_back[1:] = back[1:] != back[:-1]
    new_front = _new_front(front, ~plain)
    changed = new_front | new_back
    fore, rear = _inks(front, back, depth)
    width = fore.shape[1]
    records = np.zeros((len(patterns), 2 * width + 4), np.uint32)
    records[:, 0] = np.where(changed, _CSI, 0)
    records[:, 1 : width + 1] = fore * new_front[:, None]
    records[:, width + 1] = np.where(new_front & new_back, _SEMICOLON, 0)
    records[:, width + 2 : -2] = rear * new_back[:, None]
    records[:, -2] = np.where(changed, _SGR_END, 0)
    records[:, -1] = _glyphs(shape)[patterns]
    return records


def _inks(front: Words, back: Words, depth: Depth) -> tuple[Words, Words]:
    """The words that name foreground and background colours."""
    if depth.kind == "basic":
        fore, rear = _BASIC_FRONT[depth.numbers(front)], _BASIC_BACK[depth.numbers(back)]
        return fore[:, None], rear[:, None]
    heads = _word("38;2"), _word("48;2")
    if depth.kind == "indexed":
        heads = _word("38;5"), _word("48;5")
    inks = []
    for head, words in zip(heads, (front, back), strict=True):
        values = (
            channels(words)[:, :3] if depth.kind == "rgb" else depth.numbers(words).reshape(-1, 1)
        )
        ink = np.empty((len(words), values.shape[1] + 1), np.uint32)
        ink[:, 0] = head
        ink[:, 1:] = _VALUE[values]
        inks.append(ink)
    return inks[0], inks[1]


def _turned(front: Words, back: Words, plain: Mask) -> Mask:
    """Which cells are drawn inverted, because that keeps more of the pen.

    Whether turning pays depends on how the cell before was drawn, which depends on the one before
    it; the number of turns so far, odd or even, says it for all at once. A plain cell ends such a
    chain: after it, its colour is in the background.
    """
    count = len(front)
    turns = np.zeros(count, np.int32)
    straight = (front[1:] != front[:-1]).astype(np.int8) + (back[1:] != back[:-1])
    crossed = (front[1:] != back[:-1]).astype(np.int8) + (back[1:] != front[:-1])
    np.cumsum(crossed < straight, out=turns[1:])
    anchored = np.zeros(count, bool)
    anchored[0] = True
    anchored[1:] = plain[:-1]
    anchor = np.maximum.accumulate(np.where(anchored, np.arange(count), 0))
    begins_turned = np.zeros(count, np.int32)
    begins_turned[1:] = (front[1:] == back[:-1]) & (back[1:] != back[:-1])
    odd: npt.NDArray[np.int32] = (turns - turns[anchor] + begins_turned[anchor]) & 1
    return odd.astype(bool) & ~plain


def _new_front(front: Words, draws: Mask) -> Mask:
    """Cells that draw with a foreground other than the last one that was set."""
    order = np.arange(len(front))
    last = np.maximum.accumulate(np.where(draws, order, -1))
    before = np.empty(len(front), np.intp)
    before[0] = -1
    before[1:] = last[:-1]
    return np.asarray(draws & ((before < 0) | (front != front[np.maximum(before, 0)])))
