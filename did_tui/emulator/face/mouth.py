"""The mouth: lips, teeth and tongue for any `Mouth`, drawn when needed and kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from did_tui.emulator.face.layers import Layer
from did_tui.emulator.face.looks import Lips, Look
from did_tui.emulator.face.paint import Colour, Mask, fill, mix, spray, union
from did_tui.emulator.face.shapes import Curve
from did_tui.emulator.face.visemes import Mouth

_WIDEST_GAP = 52.0
"""How far apart the lips are in the middle at `open` = 1, pixels."""
_OVERSAMPLE = 3
_BORDER = 10
"""Pixels around the lips, for the dimples at their corners."""
_ACROSS: NDArray[np.float64] = np.linspace(-1.0, 1.0, 33)
_TEETH: Colour = (252, 248, 240)
_TEETH_SHADE: Colour = (222, 210, 204)
_INSIDE: Colour = (58, 12, 24)
_TONGUE: Colour = (202, 88, 96)


class MouthPictures:
    """Draws the mouth of one look; keeps the pictures of the shapes used last."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._dimple = spray((9, 8), (9, 8), size=(18, 16)).point(lambda value: value * 0.55)
        self._finished = lru_cache(maxsize=256)(self._paint)

    def layer(self, mouth: Mouth, smile: float) -> Layer:
        """Return the mouth, RGBA, with the middle of the closed lips as the origin.

        `smile` (-1..1) lifts the corners.
        """
        return self._finished(
            round(mouth.open * 20),
            round(mouth.width * 8),
            round(mouth.teeth * 4),
            round(mouth.press * 4),
            round(mouth.tongue * 3),
            round(smile * 8),
        )

    def kept(self) -> int:
        """Return how many pictures are kept at the moment."""
        return self._finished.cache_info().currsize

    def _paint(
        self, opening: int, width: int, teeth: int, press: int, tongue: int, smile: int
    ) -> Layer:
        mouth = Mouth(opening / 20, width / 8, teeth / 4, press / 4, tongue / 3)
        return _paint_mouth(self._look, mouth, smile / 8, self._dimple)


# ---------------------------------------------------------------------------- geometry


@dataclass(frozen=True, slots=True)
class _Outline:
    """The four edges of the lips: heights along the same x, from the middle of the mouth."""

    x: NDArray[np.float64]
    outer_upper: NDArray[np.float64]
    inner_upper: NDArray[np.float64]
    inner_lower: NDArray[np.float64]
    outer_lower: NDArray[np.float64]

    @property
    def half_width(self) -> float:
        """Half the width of the mouth, pixels."""
        return float(self.x[-1])

    @property
    def gap(self) -> float:
        """The widest opening between the lips, pixels."""
        return float((self.inner_lower - self.inner_upper).max())


def _outline(lips: Lips, mouth: Mouth, smile: float) -> _Outline:
    rounded, spread = max(-mouth.width, 0.0), max(mouth.width, 0.0)
    happy = max(smile, 0.0)
    half = lips.half_width * (1 + 0.16 * spread - 0.44 * rounded)
    half *= (1 + 0.16 * happy) * (1 - 0.06 * mouth.open)
    upper = lips.upper * (1 - 0.5 * mouth.press - 0.22 * happy) + 3.5 * rounded
    lower = lips.lower * (1 - 0.5 * mouth.press - 0.12 * happy) + 2.0 * rounded
    gap = _WIDEST_GAP * mouth.open * (1 - mouth.press)

    distance = np.abs(_ACROSS)
    # A round mouth is an ellipse, a spread one a flat lens with pointed corners.
    arch = (1 - distance ** (2.2 + rounded)) ** (1 - 0.4 * rounded)
    corners = (-13.0 * smile + 2.0 * mouth.open) * distance**1.7
    bow = 2.6 * np.exp(-(((distance - 0.2) / 0.16) ** 2)) - 1.6 * np.exp(-((distance / 0.1) ** 2))
    middle = corners + 1.4 * np.exp(-((distance / 0.16) ** 2)) * (1 - mouth.open)

    inner_upper = middle - gap * (0.2 + 0.14 * rounded) * arch**0.8
    inner_lower = middle + gap * 0.8 * arch**0.75
    return _Outline(
        x=half * _ACROSS,
        outer_upper=inner_upper - (upper * arch**0.8 + bow * (1 - mouth.press) * arch),
        inner_upper=inner_upper,
        inner_lower=inner_lower,
        outer_lower=inner_lower + lower * arch**0.7,
    )


# ------------------------------------------------------------------------------ drawing


class _Easel:
    """Flat shapes on an enlarged picture, in coordinates of the mouth."""

    def __init__(self, size: tuple[int, int], origin: tuple[int, int], ground: Colour) -> None:
        self.origin = origin
        self.picture = Image.new("RGB", (size[0] * _OVERSAMPLE, size[1] * _OVERSAMPLE), ground)
        self._draw = ImageDraw.Draw(self.picture)

    def between(
        self,
        x: NDArray[np.float64],
        upper: NDArray[np.float64],
        lower: NDArray[np.float64],
        colour: Colour,
    ) -> None:
        """Fill the area between two edges over the same x."""
        self._draw.polygon(self._enlarged(_area(x, upper, lower)), fill=colour)

    def ellipse(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fill an ellipse given by its box."""
        box = np.array(((left, top), (right, bottom)))
        self._draw.ellipse(self._enlarged(box), fill=colour)

    def line(
        self, x: NDArray[np.float64], y: NDArray[np.float64], colour: Colour, width: float
    ) -> None:
        """Draw a line of even width."""
        points = self._enlarged(np.stack((x, y), axis=1))
        self._draw.line(points, fill=colour, width=round(width * _OVERSAMPLE))

    def _enlarged(self, points: Curve) -> list[float]:
        enlarged: list[float] = ((points - self.origin) * _OVERSAMPLE).ravel().tolist()
        return enlarged


def _area(x: NDArray[np.float64], upper: NDArray[np.float64], lower: NDArray[np.float64]) -> Curve:
    """Return the closed outline between two edges."""
    there = np.stack((x, upper), axis=1)
    back = np.stack((x[::-1], lower[::-1]), axis=1)
    return np.vstack((there, back))


def _paint_mouth(look: Look, mouth: Mouth, smile: float, dimple: Mask) -> Layer:
    shape = _outline(look.lips, mouth, smile)
    left = int(np.floor(shape.x[0])) - _BORDER
    top = int(np.floor(shape.outer_upper.min())) - _BORDER
    bottom = int(np.ceil(shape.outer_lower.max())) + _BORDER
    size = (-2 * left, bottom - top)
    lip = look.lips.colour
    easel = _Easel(size, (left, top), mix(lip, look.skin.line, 0.5))
    upper_lip = mix(lip, (40, 0, 16), 0.18)
    easel.between(shape.x, shape.outer_upper, shape.inner_lower, upper_lip)
    easel.between(shape.x, shape.inner_lower, shape.outer_lower, lip)
    _paint_gleam(easel, shape, mix(lip, (255, 232, 224), 0.32))
    if shape.gap > 1.0:
        _paint_inside(easel, shape, mouth)
    seam = np.minimum(shape.inner_upper + 0.5, (shape.inner_upper + shape.inner_lower) / 2)
    easel.line(shape.x, seam, mix(look.skin.line, _INSIDE, 0.6), 2.2)

    picture = easel.picture.reduce(_OVERSAMPLE)
    picture.putalpha(_coverage(shape, size, (left, top), dimple))
    return Layer(picture, left, top)


def _coverage(
    shape: _Outline, size: tuple[int, int], origin: tuple[int, int], dimple: Mask
) -> Mask:
    """Return where the lips are, with a faint shadow at either corner of the mouth."""
    lips = _area(shape.x, shape.outer_upper, shape.outer_lower)
    mask = fill([lips - origin], size)
    y = round(float(shape.inner_upper[0])) - origin[1] - dimple.height // 2
    for side in (-1, 1):
        x = round(side * (shape.half_width + 1)) - origin[0] - dimple.width // 2
        corner = mask.crop((x, y, x + dimple.width, y + dimple.height))
        mask.paste(union(corner, dimple), (x, y))
    return mask


def _paint_gleam(easel: _Easel, shape: _Outline, colour: Colour) -> None:
    """Light the lower lip along its middle."""
    part = slice(9, 23)
    thickness = (shape.outer_lower - shape.inner_lower)[part]
    middle = shape.inner_lower[part] + thickness * 0.42
    half = thickness * 0.16 * np.sin(np.linspace(0, np.pi, len(middle))) ** 0.7
    easel.between(shape.x[part], middle - half, middle + half, colour)


def _paint_inside(easel: _Easel, shape: _Outline, mouth: Mouth) -> None:
    """Fill the open mouth: darkness, tongue, and the white upper teeth that read from afar."""
    size = (easel.picture.width // _OVERSAMPLE, easel.picture.height // _OVERSAMPLE)
    inside = _Easel(size, easel.origin, _INSIDE)
    half, gap = shape.half_width, shape.gap
    tongue_top = float(shape.inner_lower.max()) - gap * (0.3 + 0.45 * mouth.tongue)
    inside.ellipse(-0.6 * half, tongue_top, 0.6 * half, tongue_top + 46, _TONGUE)

    rounded = max(-mouth.width, 0.0)
    height = min(9.0 + 0.12 * gap, 16.0) * max(1 - 1.5 * rounded, 0.0) + 7.0 * mouth.teeth
    sides = np.clip((0.93 - np.abs(_ACROSS)) / 0.2, 0.0, 1.0) ** 0.5
    edge = shape.inner_upper - 2
    if mouth.teeth > 0.4 and mouth.open < 0.35:
        inside.between(shape.x, edge, edge + 40 * sides, _TEETH_SHADE)
    inside.between(shape.x, edge, edge + 2 + height * sides, _TEETH)

    opening = _area(shape.x, shape.inner_upper, shape.inner_lower) - easel.origin
    hole = Image.new("L", easel.picture.size)
    ImageDraw.Draw(hole).polygon((opening * _OVERSAMPLE).ravel().tolist(), fill=255)
    easel.picture.paste(inside.picture, mask=hole)
