"""Slow and obvious: what the encoder's bytes and the fitting of a cell are compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from vt import Colour, Terminal

from did_tui.picture.art import Style
from did_tui.picture.cells import UNKNOWN, Words, packed
from did_tui.picture.depth import DEPTHS
from did_tui.picture.shapes import SHAPES, Shape

#: Every style that names of settings can give.
STYLES = sorted(
    {Style.named(shape, depth) for shape in SHAPES for depth in DEPTHS},
    key=lambda style: (style.shape.name, style.depth.name),
)
TRUE_STYLES = [style for style in STYLES if style.depth.kind == "rgb"]


def style_id(style: Style) -> str:
    return f"{style.shape.name}-{style.depth.name}"


def swapped(word: int) -> int:
    """0x00BBGGRR -> 0xRRGGBB."""
    return (word & 255) << 16 | word & 0xFF00 | word >> 16


def height_width(style: Style, rows: int, cols: int) -> tuple[int, int]:
    return rows * style.shape.down, cols * style.shape.across


def random_picture(
    rng: np.random.Generator, style: Style, rows: int, cols: int, colours: int
) -> Words:
    """Few colours, so that neighbours are often alike."""
    palette = rng.integers(0, 1 << 24, colours, dtype=np.uint32)
    return palette[rng.integers(0, colours, height_width(style, rows, cols))]


def smooth_picture(rng: np.random.Generator, style: Style, rows: int, cols: int) -> Words:
    """Like a photograph: near pixels are near in colour."""
    height, width = height_width(style, rows, cols)
    ys, xs = np.mgrid[0:height, 0:width].astype(float)
    layers = []
    for _ in range(3):
        a, b, c = rng.uniform(0.05, 0.6, 3)
        layers.append(128 + 60 * np.sin(a * xs + b * ys) + 60 * np.cos(c * xs - a * ys))
    return packed(np.clip(np.stack(layers, -1), 0, 255).astype(np.uint8))


def colours_of(word: int, style: Style) -> list[bytes]:
    """The SGR parameters that name a colour, for the foreground and for the background."""
    depth = style.depth
    if depth.kind == "rgb":
        red, green, blue = word & 255, word >> 8 & 255, word >> 16
        return [b"%d;2;%d;%d;%d" % (layer, red, green, blue) for layer in (38, 48)]
    number = depth.words.tolist().index(word) + depth.first
    if depth.kind == "indexed":
        return [b"%d;5;%d" % (layer, number) for layer in (38, 48)]
    first = (30, 40) if number < 8 else (82, 92)
    return [b"%d" % (layer + number) for layer in first]


def naive(
    index: Iterable[int],
    cols: int,
    patterns: Sequence[int],
    front: Sequence[int],
    back: Sequence[int],
    style: Style,
    *,
    top: int = 0,
    left: int = 0,
) -> bytes:
    """Each cell by itself: the position, both colours, the glyph."""
    pieces = []
    for place, pattern, ink, paper in zip(index, patterns, front, back, strict=True):
        y, x = divmod(place, cols)
        pieces.append(b"\x1b[%d;%dH" % (top + y + 1, left + x + 1))
        if style.depth.kind != "none":
            pieces.append(b"\x1b[%b;%bm" % (colours_of(ink, style)[0], colours_of(paper, style)[1]))
        pieces.append(style.shape.glyphs[pattern].encode())
    return b"".join(pieces)


# What is on a screen


def levels(shape: Shape, upper: int, lower: int) -> int:
    """The smallest pattern that has the glyph of these levels: some letters stand for several."""
    return shape.glyphs.index(shape.glyphs[upper + 5 * lower])


def on_screen(terminal: Terminal, x: int, y: int, style: Style) -> tuple[Colour, ...]:
    """What a cell shows, to be compared with ``expected``."""
    if style.shape.name == "ascii":
        return (terminal.pattern(x, y, style.shape),)
    if style.depth.kind == "none":
        return terminal.parts(x, y, style.shape, front=0xFFFFFF, back=0)
    return terminal.parts(x, y, style.shape)


def expected(words: Any, style: Style) -> tuple[Colour, ...]:
    """What a cell with these sub-pixels shows."""
    if style.shape.name == "ascii":
        steps = style.depth.words.tolist()
        return (levels(style.shape, *(steps.index(int(word)) for word in words)),)
    return tuple(swapped(int(word)) for word in words)


def differences(
    terminal: Terminal, shown: Words, style: Style, top: int = 0, left: int = 0
) -> list[tuple[int, int]]:
    """The known cells of a (rows, cols, parts) field that the terminal shows otherwise."""
    rows, cols, _ = shown.shape
    return [
        (x, y)
        for y in range(rows)
        for x in range(cols)
        if shown[y, x, 0] != UNKNOWN
        and on_screen(terminal, left + x, top + y, style) != expected(shown[y, x], style)
    ]


def best_of_all(parts: Sequence[tuple[int, int, int]]) -> float:
    """The least squared error of any two colours in a cell, by trying every division."""
    pixels = np.array(parts, float)
    least = float(((pixels - pixels.mean(0)) ** 2).sum())
    for mask in range(1, 1 << (len(parts) - 1)):
        lit = np.array([bool(mask >> bit & 1) for bit in range(len(parts))])
        error = sum(
            float(((side - side.mean(0)) ** 2).sum()) for side in (pixels[lit], pixels[~lit])
        )
        least = min(least, error)
    return least
