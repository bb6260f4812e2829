"""A picture -> sixels, which some terminals draw as pixels.

Format: VT330/VT340 Programmer Reference Manual, chapter 14, https://vt100.net/docs/vt3xx-gp/. A
picture is ``DCS 9;0 q "1;1;width;height`` (square pixels, opaque), the palette, the bands and ST. A
band is six rows of pixels, and has one line for each colour in it: ``#register``, then a character
for each column with one bit for each row, the upper row lowest, from "?" for none on. ``!n``
repeats the next character, ``$`` goes back to the start of the band and ``-`` to the next band.

Colour registers: terminals have 256 and more, but xterm as a VT340 only 16, unless its resource
numColorRegisters or XTSMGRAPHICS (``CSI ? 1;3;256 S``, which it answers) says otherwise. The
colours are a fixed cube and the rest is dithered, in an order that stands still. Of the cubes of at
most 256 colours, 6 x 7 x 6 is nearest to the picture. Where red and blue are rounded up, green is
rounded down: that takes 4 dB off the noise in brightness.

Where it goes: the picture's upper left corner is at the cursor, and where the cursor is afterwards
differs between terminals. If the picture reaches below the screen, the screen scrolls. No line feed
follows the last band, but terminals that go on below the picture scroll also if it ends in the
screen's last row, and some count a last band of less than six rows as six. So: leave the last row
of the screen free, and let no band reach below the field; a height that ``fit_height`` gives is
safe. Sixel display mode (DECSDM, ``CSI ? 80 h``) turns scrolling off, but draws at the upper left
corner of the screen; it means the opposite in xterm before patch 369 and others of that time, so
leave it alone: reset, which is sixel scrolling, is the default.

In most terminals text written over a picture replaces it, cell by cell; the next frame covers the
text in all of them.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from did_tui.picture.cells import Words, channels, packed

Bytes = npt.NDArray[np.uint8]
#: Up to eight bytes of output each, the first one lowest; zero bytes are no output.
Tokens = npt.NDArray[np.uint64]

#: How many levels of red, green and blue there are; register = (red * 7 + green) * 6 + blue.
LEVELS = (6, 7, 6)
BAND = 6

#: Asks the terminal what it is (DA1).
QUERY = b"\x1b[c"

_START = b"\x1bP9;0q"
_END = b"\x1b\\"
_DA1 = re.compile(rb"\x1b\[\?\d*;?([\d;]*)c")

_NOTHING = 255  # no register has this number
_BLANK = ord("?")
#: Bands are coded in blocks: a band's number in its block has eight bits, and what a block of this
#: size needs stays in the processor's cache, 6 ms quicker for 640 x 640 than all at once.
_BLOCK_BANDS = 256
_BLOCK_PIXELS = 1 << 16


def supported(answers: bytes) -> bool | None:
    """Whether the answer to ``QUERY`` says that sixels are drawn; None if it has not come yet."""
    found = _DA1.search(answers)
    return b"4" in found[1].split(b";") if found else None


def fit_height(height: int) -> int:
    """The greatest height, in pixels, of whole bands within this height."""
    return height // BAND * BAND


def frame(picture: Words, *, with_palette: bool = True) -> bytes:
    """A picture of (height, width) pixels, from the cursor on; where that stays is undefined.

    Without the palette the terminal uses the registers as they are. That is right only where all
    pictures share them (xterm: private mode 1070 reset) and ``palette`` was sent before: elsewhere
    each picture starts with the terminal's own colours.
    """
    if not picture.size:
        return b""
    height, width = picture.shape
    bands = -(-height // BAND)
    lines = np.full((bands * BAND, width), _NOTHING, np.uint8)
    lines[:height] = registers(picture)
    lines = lines.reshape(bands, BAND, width)
    step = min(_BLOCK_BANDS, max(_BLOCK_PIXELS // (BAND * width), 1))
    parts = [_bands(lines[top : top + step]) for top in range(0, bands, step)]
    parts[0] = parts[0][1:]  # the first band needs no line feed before it
    size = b'"1;1;%d;%d' % (width, height)
    return b"".join([_START, size, _definitions() if with_palette else b"", *parts, _END])


def palette() -> bytes:
    """The palette alone: a picture without pixels."""
    return _START + _definitions() + _END


def registers(picture: Words) -> Bytes:
    """(height, width) words -> the registers that stand for them, dithered."""
    pixels = channels(picture)
    thresholds = _thresholds(*picture.shape)
    found = np.zeros(picture.shape, np.uint8)
    for channel, levels in enumerate(LEVELS):
        # The level is (value * (levels - 1) + threshold) // 255, the division by shifts.
        value = pixels[..., channel].astype(np.uint16)
        value *= levels - 1
        value += thresholds[channel & 1]
        value += (value >> 8) + 1
        value >>= 8
        found *= levels
        found += value.astype(np.uint8)
    return found


@cache
def colours() -> Words:
    """The colour of each register."""
    percents = np.array(_percents(), np.float64)
    return packed(np.rint(percents * 2.55).astype(np.uint8))


def _percents() -> list[tuple[int, ...]]:
    """Red, green and blue of each register in percent, which is how sixels have them."""
    steps = ([round(100 * at / (levels - 1)) for at in range(levels)] for levels in LEVELS)
    reds, greens, blues = steps
    return [(red, green, blue) for red in reds for green in greens for blue in blues]


@cache
def _definitions() -> bytes:
    # ``#register;2;red;green;blue``: 2 is for RGB.
    return b"".join(b"#%d;2;%d;%d;%d" % (at, *of) for at, of in enumerate(_percents()))


@lru_cache(maxsize=4)
def _thresholds(height: int, width: int) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint16]]:
    """A Bayer matrix of 8 by 8 over the field, 2 to 253, and its opposite."""
    matrix = np.zeros((1, 1), np.int64)
    for _ in range(3):
        four = 4 * matrix
        matrix = np.block([[four, four + 2], [four + 3, four + 1]])
    tile = (matrix * 2 + 1) * 254 // 128 + 1
    field = np.tile(tile, (height // 8 + 1, width // 8 + 1))[:height, :width].astype(np.uint16)
    return field, 254 - field


def _bands(lines: Bytes) -> bytes:
    """(bands, 6, width) registers -> the sixels of these bands, each with a line feed before it."""
    bands, _, width = lines.shape
    register = np.empty((bands, width, BAND), np.uint8)
    sixel = np.empty((bands, width, BAND), np.uint8)
    rows = [np.ascontiguousarray(lines[:, row]) for row in range(BAND)]
    bits = [(row != _NOTHING).view(np.uint8) << at for at, row in enumerate(rows)]
    for at in range(BAND):
        # The uppermost row of each colour in a column gets the bits of those below.
        for below in range(at + 1, BAND):
            moved = bits[below] * (rows[at] == rows[below])
            bits[at] |= moved
            bits[below] ^= moved
        register[..., at] = rows[at]
        sixel[..., at] = bits[at]

    # What is to be drawn: in each band by colours, in each colour from left to right.
    drawn = np.flatnonzero(sixel)
    place = drawn // BAND
    line = (place // width << 8).astype(np.uint16) | register.ravel()[drawn]
    order = np.argsort(line, kind="stable")
    line, place, sixel = line[order], place[order], sixel.ravel()[drawn[order]]

    # Runs of the same sixel, side by side.
    starts = np.ones(len(line), bool)
    starts[1:] = line[1:] != line[:-1]
    breaks = starts.copy()
    breaks[1:] |= (np.diff(place) != 1) | (sixel[1:] != sixel[:-1])
    first = np.flatnonzero(breaks)
    length = np.diff(first, append=len(line))
    starts, line, left = starts[first], line[first], place[first] % width
    gap = left.copy()
    gap[1:] -= np.where(starts[1:], 0, (left + length)[:-1])

    repeat, copies = _repeats(1 << width.bit_length())
    tokens = np.zeros((len(first), 3), "<u8")
    heads = np.flatnonzero(starts)
    band, colour = line[heads] >> 8, line[heads] & 0xFF
    new_band = np.ones(len(heads), np.uint8)
    new_band[1:] = band[1:] != band[:-1]
    tokens[heads, 0] = _heads()[new_band, colour]
    tokens[:, 1] = repeat[gap] + copies[gap] * np.uint64(_BLANK)
    tokens[:, 2] = repeat[length] + copies[length] * (sixel[first] + np.uint64(_BLANK))
    return tokens.tobytes().translate(None, b"\0")


def _token(text: bytes) -> int:
    return int.from_bytes(text, "little")


@cache
def _heads() -> Tokens:
    """(2, 256): the start of a line of each colour: in the same band, and in the next one."""
    return np.array([[_token(b"%c#%d" % (to, at)) for at in range(256)] for to in b"$-"], np.uint64)


@lru_cache(maxsize=4)
def _repeats(size: int) -> tuple[Tokens, Tokens]:
    """For 0 to size - 1 times a character: what comes before it, and what to multiply it with."""
    before = [b"" if count < 4 else b"!%d" % count for count in range(size)]
    copies = [sum(1 << 8 * at for at in range(count)) for count in range(4)]
    copies += [1 << 8 * len(text) for text in before[4:]]
    return np.array([_token(text) for text in before], np.uint64), np.array(copies, np.uint64)
