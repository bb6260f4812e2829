"""How many colours a terminal has, and how a picture is brought down to them.

Fewer than 24 bits are dithered with an ordered matrix: it stands still, so that a still picture
stays still, and what moves only changes where it moves.

For colours the matrix chooses between some that come near together: each makes good a part of what
those before it left, and they are ordered by brightness (T. Knoll's "pattern dithering"). Adding
the matrix to the colour, which will do for greys, would turn a dark brown grey: palettes have few
dark colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from did_tui.picture.cells import Words, channels, packed

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

#: How much a difference in red, green and blue counts when colours are compared.
WEIGHTS = np.array([0.6, 1.0, 0.45], np.float32)
LUT_BITS = 5
MIXED = 16  # how many palette colours make up one colour
AMENDS = 0.5  # how much each of them makes good of what those before it left
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


@dataclass(frozen=True, eq=False)
class Depth:
    """A terminal's colours.

    ``palette`` is (n, 3) red, green, blue, and ``first`` the terminal's number for its first entry;
    None means that every 24-bit colour can be had. ``spread`` is the amplitude of the dither of
    greys. ``kind`` says how a colour is written: ``rgb`` (38;2), ``indexed`` (38;5), ``basic`` (30
    to 37 and 90 to 97) or ``none``. ``grey`` says that only the brightness counts.
    """

    name: str
    kind: str
    palette: Bytes | None = None
    first: int = 0
    grey: bool = False
    spread: float = 0.0

    def reduce(self, picture: Words) -> Words:
        """The picture in colours that the terminal has; those that it has already are kept."""
        if self.palette is None:
            return picture
        rows, cols = picture.shape
        pixels = channels(picture)[..., :3]
        places = _places(pixels)
        if self.grey:
            grey = pixels.astype(np.float32) @ LUMA + _pattern(rows, cols) * self.spread
            whole = np.rint(np.clip(grey, 0, 255)).astype(np.uint8)
            dithered = self._lut[_places(np.repeat(whole[..., None], 3, axis=2))]
        else:
            turn = ((_pattern(rows, cols) + 0.5) * MIXED).astype(np.intp)
            dithered = self._mixes[places, turn]
        exact = self.words[self._lut[places]]
        return np.where(exact == picture, picture, self.words[dithered])

    def nearest(self, words: Words) -> Words:
        """The nearest colours that the terminal has, without dither."""
        if self.palette is None:
            return words
        return self.words[self._lut[_places(channels(words)[..., :3])]]

    def numbers(self, words: Words) -> npt.NDArray[np.intp]:
        """The terminal's numbers for colours that ``reduce`` has given."""
        found = self._order[np.searchsorted(self.words, words, sorter=self._order)]
        return np.asarray(found + self.first)

    @cached_property
    def _order(self) -> npt.NDArray[np.intp]:
        return np.argsort(self.words)

    @cached_property
    def words(self) -> Words:
        """The palette as packed colours."""
        assert self.palette is not None  # noqa: S101
        return packed(self.palette)

    @cached_property
    def _lut(self) -> npt.NDArray[np.uint8]:
        """The nearest palette entry for each colour of five bits a channel."""
        assert self.palette is not None  # noqa: S101
        wanted = _grid() * WEIGHTS
        have = self.palette.astype(np.float32) * WEIGHTS
        distance = (have * have).sum(1) - 2 * wanted @ have.T
        return np.asarray(distance.argmin(1), np.uint8)

    @cached_property
    def _mixes(self) -> npt.NDArray[np.uint8]:
        """For each colour of five bits a channel the palette entries that make it up."""
        assert self.palette is not None  # noqa: S101
        have, wanted = self.palette.astype(np.float32), _grid()
        left = np.zeros_like(wanted)
        mixed = np.empty((len(wanted), MIXED), np.uint8)
        for turn in range(MIXED):
            amended = np.clip(wanted + AMENDS * left, 0, 255)
            mixed[:, turn] = self._lut[_places(np.rint(amended).astype(np.uint8))]
            left += wanted - have[mixed[:, turn]]
        by_brightness = np.argsort((have @ LUMA)[mixed], axis=1, kind="stable")
        return np.take_along_axis(mixed, by_brightness, axis=1)


def _places(pixels: Bytes) -> npt.NDArray[np.intp]:
    """Where (..., 3) pixels are in tables of five bits a channel."""
    step = _STEP[pixels]
    return np.asarray(step[..., 0] << 2 * LUT_BITS | step[..., 1] << LUT_BITS | step[..., 2])


def _grid() -> Floats:
    """The colours that such tables are for."""
    levels = np.linspace(0, 255, 1 << LUT_BITS, dtype=np.float32)
    return np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(-1, 3)


#: The nearest of those levels for each value.
_STEP = np.rint(np.arange(256) * (((1 << LUT_BITS) - 1) / 255)).astype(np.intp)


def _pattern(rows: int, cols: int) -> Floats:
    """A Bayer matrix of 8 by 8 over the field, -0.5 to 0.5."""
    tile = np.tile(_BAYER, (rows // 8 + 1, cols // 8 + 1))[:rows, :cols]
    return np.asarray(tile, np.float32)


def _bayer(order: int) -> Floats:
    matrix = np.zeros((1, 1))
    for _ in range(order):
        four = 4 * matrix
        matrix = np.block([[four, four + 2], [four + 3, four + 1]])
    return np.asarray((matrix + 0.5) / matrix.size - 0.5, np.float32)


_BAYER = _bayer(3)

_STEPS = (0, 95, 135, 175, 215, 255)
_CUBE = [(red, green, blue) for red in _STEPS for green in _STEPS for blue in _STEPS]
_GREYS = [(level, level, level) for level in range(8, 248, 10)]
#: xterm's sixteen; every terminal has its own, near these.
_BASIC = [
    (0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0),
    (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229),
    (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0),
    (92, 92, 255), (255, 0, 255), (0, 255, 255), (255, 255, 255),
]  # fmt: skip


def _palette(colours: list[tuple[int, int, int]]) -> Bytes:
    return np.array(colours, np.uint8)


def _levels(count: int) -> Bytes:
    return _palette([(level, level, level) for level in np.linspace(0, 255, count).astype(int)])


TRUE = Depth("true", "rgb")
INDEXED = Depth("256", "indexed", _palette(_CUBE + _GREYS), 16)
BASIC = Depth("16", "basic", _palette(_BASIC), 0)
GREY = Depth("grey", "indexed", _palette(_GREYS), 232, grey=True, spread=10.0)
#: No colours: characters that stand for brightness, and dots that are there or not.
LETTERS = Depth("none", "none", _levels(5), 0, grey=True, spread=50.0)
DOTS = Depth("none", "none", _levels(2), 0, grey=True, spread=230.0)

DEPTHS: dict[str, Depth] = {depth.name: depth for depth in (TRUE, INDEXED, BASIC, GREY, LETTERS)}
