"""The wall behind the character: calm, dark, and out of focus."""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from did_tui.emulator.face.looks import Backdrop
from did_tui.emulator.face.paint import SIZE

_LIGHTS = 11
"""Out-of-focus lights on the wall."""
_MOST_LUMINANCE = 120.0
"""A face has to be the brightest thing in its picture."""


def paint_backdrop(backdrop: Backdrop, rng: random.Random) -> Image.Image:
    """Return the wall, RGB 512 x 512, nowhere brighter than half luminance."""
    top, bottom, glow = (
        np.asarray(colour, np.float32) for colour in (backdrop.top, backdrop.bottom, backdrop.glow)
    )
    down = np.linspace(0.0, 1.0, SIZE, dtype=np.float32)[:, None, None]
    x = np.linspace(-1.0, 1.0, SIZE, dtype=np.float32)[None, :]
    y = np.linspace(-0.8, 1.2, SIZE, dtype=np.float32)[:, None]
    halo = np.exp(-(x * x + y * y) * 1.1)[..., None]
    gradient = top * (1 - down) + bottom * down
    wall = np.asarray(gradient * (0.72 + 0.28 * halo) + glow * (0.26 * halo), np.float32)
    for _ in range(_LIGHTS):
        _add_light(wall, glow, rng)
    luminance = wall @ np.asarray((0.299, 0.587, 0.114), np.float32)
    wall *= np.minimum(1.0, _MOST_LUMINANCE / np.maximum(luminance, 1.0))[..., None]
    return Image.fromarray(np.clip(wall, 0, 255).astype(np.uint8))


def _add_light(wall: NDArray[np.float32], glow: NDArray[np.float32], rng: random.Random) -> None:
    """Add one soft disc to the wall, in place."""
    radius = rng.uniform(14, 38)
    centre_x, centre_y = rng.uniform(0, SIZE), rng.uniform(0, SIZE * 0.8)
    strength = rng.uniform(0.05, 0.13)
    edge = radius * 0.35
    reach = radius + edge
    left, right = (int(np.clip(centre_x + side * reach, 0, SIZE)) for side in (-1, 1))
    top, bottom = (int(np.clip(centre_y + side * reach, 0, SIZE)) for side in (-1, 1))
    x = np.arange(left, right, dtype=np.float32)[None, :] - centre_x
    y = np.arange(top, bottom, dtype=np.float32)[:, None] - centre_y
    disc = np.clip((reach - np.hypot(x, y)) / (2 * edge), 0.0, 1.0)[..., None]
    wall[top:bottom, left:right] += glow * (strength * disc)
