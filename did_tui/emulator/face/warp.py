"""Turning a picture a little, by parts of a pixel, so that slow motion does not jerk.

Pillow's general transforms cost several milliseconds for a head. Small turns and moves can be
had for a fraction of that by shearing: every row (then every column) moves by a whole number of
pixels, and the rest of the way by cross-fading with the same picture one pixel further on.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_Moves: TypeAlias = NDArray[np.float64]
"""How far each row or column moves, pixels."""


def turned(
    picture: Image.Image, angle: float, pivot: tuple[float, float], dx: float, dy: float
) -> Image.Image:
    """Return the picture turned clockwise by a small `angle` (radians), then moved.

    What leaves the picture is lost, what comes in is transparent or black; its colours must be
    carried over its edges. Good for angles up to a few hundredths.
    """
    width, height = picture.size
    across: _Moves = dx - angle * (np.arange(height, dtype=np.float64) - pivot[1])
    down: _Moves = dy + angle * (np.arange(width, dtype=np.float64) - pivot[0] - dx)
    return _with_moved_columns(_with_moved_rows(picture, across), down)


def _with_moved_rows(picture: Image.Image, moves: _Moves) -> Image.Image:
    width, height = picture.size
    near = Image.new(picture.mode, picture.size)
    for first, last, move in _equal_moves(moves):
        near.paste(picture.crop((0, first, width, last)), (move, first))
    further_on = near.crop((-1, 0, width - 1, height))
    weights = np.repeat(_fractions(moves)[:, None], width, axis=1)
    near.paste(further_on, mask=Image.fromarray(weights))
    return near


def _with_moved_columns(picture: Image.Image, moves: _Moves) -> Image.Image:
    width, height = picture.size
    near = Image.new(picture.mode, picture.size)
    for first, last, move in _equal_moves(moves):
        near.paste(picture.crop((first, 0, last, height)), (first, move))
    further_on = near.crop((0, -1, width, height - 1))
    weights = np.repeat(_fractions(moves)[None, :], height, axis=0)
    near.paste(further_on, mask=Image.fromarray(weights))
    return near


def _equal_moves(moves: _Moves) -> list[tuple[int, int, int]]:
    """Return runs of lines that move by the same whole pixels: (first, after last, pixels)."""
    whole = np.floor(moves).astype(int)
    cuts = [0, *(np.flatnonzero(np.diff(whole)) + 1).tolist(), len(moves)]
    return [(first, last, int(whole[first])) for first, last in pairwise(cuts)]


def _fractions(moves: _Moves) -> NDArray[np.uint8]:
    """Return what whole pixels leave of the moves, 0 (nothing) to 255 (almost a pixel)."""
    fractions: NDArray[np.uint8] = ((moves - np.floor(moves)) * 255).astype(np.uint8)
    return fractions
