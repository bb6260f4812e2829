"""A picture fitted to cells: for each one a glyph and at most two colours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from did_tui.picture.cells import UNKNOWN, Words, by_cell, channels, packed
from did_tui.picture.depth import DEPTHS, DOTS, LETTERS, TRUE, Depth
from did_tui.picture.shapes import ASCII, BRAILLE, HALF, SHAPES, Shape

Patterns = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Style:
    """A shape of cells in a depth of colours."""

    shape: Shape = HALF
    depth: Depth = TRUE

    @classmethod
    @lru_cache(64)
    def named(cls, shape: str, depth: str) -> Style:
        """The style for names of the settings; letters have no colours, and no colours need them.

        Raises ``KeyError`` for a name that is none.
        """
        chosen, colours = SHAPES[shape], DEPTHS[depth]
        if chosen is ASCII or (colours.kind == "none" and chosen is not BRAILLE):
            return cls(ASCII, LETTERS)
        if colours.kind == "none":
            return cls(BRAILLE, DOTS)
        return cls(chosen, colours)

    @property
    def reset(self) -> str:
        """What ends a piece of output: the terminal's own colours."""
        return "" if self.depth.kind == "none" else "\x1b[0m"

    @property
    def exact(self) -> bool:
        """Whether each cell can have just the colours that are wanted."""
        return self.shape.parts == 2 or self.depth.kind == "none"

    @property
    def cell_cost(self) -> float:
        """Bytes that a changed cell takes, about: what they depend on is in the encoder."""
        return {"rgb": 33.0, "indexed": 20.0, "basic": 9.0, "none": 2.0}[self.depth.kind]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Some cells as they will be drawn.

    ``shown`` is (cells, parts): the colour that each sub-pixel will have on the screen.
    """

    patterns: Patterns
    front: Words
    back: Words
    shown: Words


def fit_cells(parts: Words, style: Style) -> Fitted:
    """Fit (cells, parts) sub-pixels, which are in the style's colours already."""
    shape, depth = style.shape, style.depth
    if shape is ASCII:
        levels = depth.numbers(parts)
        patterns = (levels[:, 0] + 5 * levels[:, 1]).astype(np.uint8)
        nothing = np.zeros(len(parts), np.uint32)
        return Fitted(patterns, nothing, nothing, parts)
    if shape.parts == 2:
        upper, lower = parts[:, 0], parts[:, 1]
        patterns = (upper != lower).astype(np.uint8)
        return Fitted(patterns, upper, lower, parts)
    if depth.kind == "none":
        lit = parts != 0
        nothing = np.zeros(len(parts), np.uint32)
        return Fitted(np.packbits(lit, axis=1, bitorder="little")[:, 0], nothing, nothing, parts)
    return _two_colours(parts, style)


def _two_colours(parts: Words, style: Style) -> Fitted:
    """The two colours and the mask that come nearest to more than two sub-pixels.

    The sub-pixels are divided along the direction in which they differ most, found from the one
    that is farthest from the mean, then once more by the nearer of the two means.
    """
    pixels = channels(parts)[..., :3].astype(np.float32)
    apart = pixels - pixels.mean(axis=1, keepdims=True)
    farthest = (apart * apart).sum(axis=2).argmax(axis=1)
    start = apart[np.arange(len(apart)), farthest]
    along = np.einsum("cpk,ck->cp", apart, start)
    axis = np.einsum("cpk,cp->ck", apart, along)  # one step of the power method
    mask = np.einsum("cpk,ck->cp", apart, axis) > 0
    front, back = _means(pixels, mask)
    nearer = ((pixels - front[:, None]) ** 2).sum(2) < ((pixels - back[:, None]) ** 2).sum(2)
    mask = np.where(nearer.any(axis=1, keepdims=True), nearer, mask)
    front, back = _means(pixels, mask)
    front_words, back_words = _words(front, style.depth), _words(back, style.depth)
    same = front_words == back_words
    mask &= ~same[:, None]
    shown = np.where(mask, front_words[:, None], back_words[:, None])
    patterns = np.packbits(mask, axis=1, bitorder="little")[:, 0]
    return Fitted(patterns, front_words, back_words, shown)


def _means(pixels: Floats, mask: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    weights = mask.astype(np.float32)
    inside = weights.sum(axis=1, keepdims=True)
    total = pixels.sum(axis=1)
    lit = np.einsum("cpk,cp->ck", pixels, weights)
    outside = pixels.shape[1] - inside
    return lit / np.maximum(inside, 1), (total - lit) / np.maximum(outside, 1)


def _words(colours: Floats, depth: Depth) -> Words:
    return depth.nearest(packed(np.rint(colours).astype(np.uint8)))


class Art:
    """A whole picture, fitted: what Textual's own repaint needs.

    ``patterns``, ``front`` and ``back`` are (rows, cols), ``shown`` is (rows, cols, parts).
    """

    __slots__ = ("back", "cols", "front", "patterns", "rows", "shown", "style")

    def __init__(self, picture: Words, style: Style) -> None:
        shape = style.shape
        parts = by_cell(style.depth.reduce(picture), shape.across, shape.down)
        self.style = style
        self.rows, self.cols, count = parts.shape
        fitted = fit_cells(parts.reshape(-1, count), style)
        field = (self.rows, self.cols)
        self.patterns = fitted.patterns.reshape(field)
        self.front = fitted.front.reshape(field)
        self.back = fitted.back.reshape(field)
        self.shown = fitted.shown.reshape(*field, count)

    @classmethod
    def flat(cls, rows: int, cols: int, style: Style, colour: int) -> Art:
        """A picture that is all one colour."""
        shape = style.shape
        return cls(np.full((rows * shape.down, cols * shape.across), colour, np.uint32), style)

    def runs(self, y: int, x0: int, x1: int) -> Iterator[tuple[str, int, int]]:
        """A part of a row as ``(text, front, back)`` of equal colours.

        Colours are packed words in 24 bits, else the terminal's numbers, and -1 for none at all.
        """
        glyphs = self.style.shape.glyphs
        patterns = self.patterns[y, x0:x1].tolist()
        front, back = (self._colours(words[y, x0:x1]) for words in (self.front, self.back))
        start = 0
        for x in range(1, len(patterns) + 1):
            if x == len(patterns) or (front[x], back[x]) != (front[start], back[start]):
                text = "".join(glyphs[pattern] for pattern in patterns[start:x])
                yield text, front[start], back[start]
                start = x

    def _colours(self, words: Words) -> list[int]:
        depth = self.style.depth
        if depth.kind == "none":
            return [-1] * len(words)
        listed: list[int] = (words if depth.kind == "rgb" else depth.numbers(words)).tolist()
        return listed


class Shadow:
    """What the terminal shows now, sub-pixel by sub-pixel, as far as it is known."""

    def __init__(self, rows: int, cols: int, style: Style) -> None:
        self.style = style
        self.shown: Words = np.full((rows, cols, style.shape.parts), UNKNOWN)

    def forget(self) -> None:
        """Nothing is known any more."""
        self.shown[:] = UNKNOWN

    def written(self, art: Art, y: int, x0: int, x1: int) -> None:
        """A part of a row was written as in ``art``."""
        self.shown[y, x0:x1] = art.shown[y, x0:x1]
