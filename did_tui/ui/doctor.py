"""``did-tui doctor``: what this terminal can show, side by side."""

from __future__ import annotations

import shutil
import sys
from typing import TextIO

import numpy as np

from did_tui.config import COLOURS, SHAPES, Look
from did_tui.picture.art import Art, Style
from did_tui.picture.cells import Words, packed
from did_tui.picture.encoder import row_text
from did_tui.ui import terminal

FACE = (22, 11)  # columns and rows of one picture
GAP = 2


def examine(look: Look, out: TextIO = sys.stdout) -> int:
    """Show a drawn face in every shape and every depth of colours; always 0."""
    width = shutil.get_terminal_size().columns
    trusted = terminal.capabilities()
    shape, colours = terminal.chosen(look.shape, look.colours, trusted)
    cell = terminal.cell_size(out.fileno()) if out.isatty() else None
    depth = colours if colours != "none" else "true"
    _show([(name, Style.named(name, depth)) for name in SHAPES[1:]], width, out)
    _show([(name, Style.named("half", name)) for name in COLOURS[1:]], width, out)
    print(f"Shape {shape}, colours {colours}.", file=out)
    told = f"{cell[0]}×{cell[1]} pixels" if cell else "not told by the terminal, taken as 8×16"
    print(f"Cell: {told}.", file=out)
    print("Choose what looks right with --shape and --colours, or f5 in a conversation.", file=out)
    print("--shape kitty and --shape sixel send pixels, to terminals that take them.", file=out)
    return 0


def _show(styles: list[tuple[str, Style]], width: int, out: TextIO) -> None:
    cols, rows = FACE
    abreast = max(1, (width + GAP) // (cols + GAP))
    for start in range(0, len(styles), abreast):
        group = styles[start : start + abreast]
        print((" " * GAP).join(name.ljust(cols) for name, _ in group).rstrip(), file=out)
        arts = [Art(_face(style, cols, rows), style) for _, style in group]
        columns = [f"\x1b[{1 + (cols + GAP) * number}G" for number in range(len(arts))]
        for y in range(rows):  # by columns: not every terminal knows how wide each glyph is
            parts = (row_text(art, y, 0, cols) for art in arts)
            print("".join(map("".join, zip(columns, parts, strict=True))), file=out)
        print(file=out)


def _face(style: Style, cols: int, rows: int) -> Words:
    """A head with light from the upper left: enough to see edges, gradients and skin."""
    height, width = rows * style.shape.down, cols * style.shape.across
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x = (x + 0.5) / width * 2 - 1
    y = (y + 0.5) / height * 2 - 1
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = np.stack([86 + 20 * y, 92 + 14 * x, 104 - 20 * y], -1)

    def paint(mask: np.ndarray[tuple[int, int], np.dtype[np.bool_]], colour: object) -> None:
        picture[mask] = np.broadcast_to(np.asarray(colour, np.float32), picture.shape)[mask]

    light = (1.05 - 0.35 * x - 0.25 * y)[..., None]
    paint((x / 0.95) ** 2 + ((y - 1.35) / 0.75) ** 2 < 1, [45, 95, 120] * light)
    paint((x / 0.62) ** 2 + ((y + 0.12) / 0.86) ** 2 < 1, [58, 38, 30] * light)
    paint((x / 0.5) ** 2 + (y / 0.72) ** 2 < 1, [214, 164, 134] * light)
    for side in (-0.2, 0.2):
        paint(((x - side) / 0.11) ** 2 + ((y + 0.1) / 0.08) ** 2 < 1, [245, 245, 240])
        paint(((x - side) / 0.05) ** 2 + ((y + 0.1) / 0.07) ** 2 < 1, [50, 60, 70])
    paint((x / 0.2) ** 2 + ((y - 0.38) / 0.07) ** 2 < 1, [170, 70, 75])
    return packed(np.clip(picture, 0, 255).astype(np.uint8))
