"""Masks and soft paint on a transparent film: the portrait's brushes.

A mask is an `L` picture as large as the film it is used on; 255 is fully painted.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from did_tui.emulator.face.shapes import Curve

SIZE = 512
"""Width and height of the whole picture, pixels."""

Colour: TypeAlias = tuple[int, int, int]
Mask: TypeAlias = Image.Image
Box: TypeAlias = tuple[int, int, int, int]

_Area: TypeAlias = tuple[slice, slice]
_OVERSAMPLE = 4


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Return the colour `share` (0..1) of the way from `one` to `other`."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def fill(outlines: Iterable[Curve], size: tuple[int, int] = (SIZE, SIZE)) -> Mask:
    """Return an anti-aliased mask of all outlines together."""
    shapes = list(outlines)
    mask = Image.new("L", size)
    if not shapes:
        return mask
    points = np.concatenate(shapes)
    left, top = np.maximum(np.floor(points.min(axis=0)), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(points.max(axis=0)) + 1, size).astype(int).tolist()
    if right <= left or bottom <= top:
        return mask
    large = Image.new("L", ((right - left) * _OVERSAMPLE, (bottom - top) * _OVERSAMPLE))
    draw = ImageDraw.Draw(large)
    for shape in shapes:
        draw.polygon(((shape - (left, top)) * _OVERSAMPLE).ravel().tolist(), fill=255)
    mask.paste(large.reduce(_OVERSAMPLE), (left, top))
    return mask


def soft(mask: Mask, radius: float) -> Mask:
    """Return the mask blurred; wide blurs work on a smaller copy, where nobody can tell."""
    shrink = 4 if radius >= 8 else 2 if radius >= 4 else 1
    if shrink == 1:
        return mask.filter(ImageFilter.GaussianBlur(radius))
    small = mask.reduce(shrink).filter(ImageFilter.GaussianBlur(radius / shrink))
    return small.resize(mask.size, Image.Resampling.BILINEAR)


def spray(
    centre: tuple[float, float],
    radii: tuple[float, float],
    angle: float = 0.0,
    size: tuple[int, int] = (SIZE, SIZE),
) -> Mask:
    """Return a soft oval spot that fades to nothing at `radii`, turned clockwise by `angle`."""
    reach_x = float(np.hypot(radii[0] * np.cos(angle), radii[1] * np.sin(angle)))
    reach_y = float(np.hypot(radii[0] * np.sin(angle), radii[1] * np.cos(angle)))
    left, top = round(centre[0] - reach_x), round(centre[1] - reach_y)
    width, height = max(round(2 * reach_x), 2), max(round(2 * reach_y), 2)
    x = (np.arange(width) + 0.5 + left - centre[0])[None, :]
    y = (np.arange(height) + 0.5 + top - centre[1])[:, None]
    cos, sin = np.cos(angle), np.sin(angle)
    distance = ((x * cos + y * sin) / radii[0]) ** 2 + ((y * cos - x * sin) / radii[1]) ** 2
    values = np.clip(1 - distance, 0.0, 1.0) ** 2
    mask = Image.new("L", size)
    mask.paste(Image.fromarray((values * 255).astype(np.uint8)), (left, top))
    return mask


def shifted(mask: Mask, dx: int, dy: int) -> Mask:
    """Return the mask moved by whole pixels; what comes in from outside is empty."""
    moved = Image.new("L", mask.size)
    moved.paste(mask, (dx, dy))
    return moved


def union(*masks: Mask) -> Mask:
    """Return what any of the masks covers."""
    return functools.reduce(ImageChops.screen, masks)


def overlap(*masks: Mask) -> Mask:
    """Return what all of the masks cover."""
    return functools.reduce(ImageChops.multiply, masks)


def outside(mask: Mask) -> Mask:
    """Return what the mask leaves free."""
    return ImageChops.invert(mask)


def vertical_fade(start: float, end: float, size: tuple[int, int] = (SIZE, SIZE)) -> Mask:
    """Return a mask that is empty above y = `start` and full below `end` (or the reverse)."""
    rows = np.clip((np.arange(size[1]) - start) / (end - start), 0.0, 1.0)
    column = (rows * rows * (3 - 2 * rows) * 255).astype(np.uint8)
    return Image.fromarray(np.repeat(column[:, None], size[0], axis=1))


def carried_over_edges(picture: Image.Image) -> Image.Image:
    """Return the RGBA picture with its colours carried a little into what is transparent."""
    alpha = picture.getchannel("A")
    carried = picture.convert("RGBa").filter(ImageFilter.BoxBlur(2)).convert("RGBA")
    carried.paste(picture, mask=alpha.point(lambda value: 255 if value else 0))
    carried.putalpha(alpha)
    return carried


class Film:
    """A transparent sheet to paint on, with straight (not premultiplied) alpha."""

    def __init__(self, size: tuple[int, int] = (SIZE, SIZE)) -> None:
        width, height = size
        self.size = size
        self._colour: NDArray[np.float32] = np.zeros((height, width, 3), np.float32)
        self._alpha: NDArray[np.float32] = np.zeros((height, width), np.float32)

    def lay(self, mask: Mask, colour: Colour, strength: float = 1.0) -> None:
        """Paint `colour` over everything, also where the film was still clear."""
        for area, paint in self._painted(mask, strength):
            self._cover(area, paint, np.asarray(colour, np.float32))

    def tint(self, mask: Mask, colour: Colour, strength: float = 1.0) -> None:
        """Colour only what is painted already; the film's outline stays."""
        for area, paint in self._painted(mask, strength):
            missing = np.asarray(colour, np.float32) - self._colour[area]
            self._colour[area] += missing * paint[..., None]

    def stamp(self, picture: Image.Image, left: int, top: int) -> None:
        """Lay an RGBA picture over everything; it must lie within the film."""
        pixels = np.asarray(picture, np.float32)
        area = (slice(top, top + picture.height), slice(left, left + picture.width))
        self._cover(area, pixels[..., 3] / np.float32(255), pixels[..., :3])

    def mask(self) -> Mask:
        """Return what is painted so far."""
        return Image.fromarray((self._alpha * 255 + 0.5).astype(np.uint8))

    def picture(self) -> Image.Image:
        """Return the film as RGBA, its colours carried a little beyond every edge.

        A moved edge then mixes with its own colour rather than with the black of clear film.
        """
        channels = np.dstack((self._colour, self._alpha * 255))
        return carried_over_edges(
            Image.fromarray((np.clip(channels, 0, 255) + 0.5).astype(np.uint8))
        )

    @staticmethod
    def _painted(mask: Mask, strength: float) -> Iterator[tuple[_Area, NDArray[np.float32]]]:
        """Yield the touched area and how much of it is painted (0..1); nothing if nothing is."""
        box = mask.getbbox()
        if box is None:
            return
        left, top, right, bottom = box
        values = np.asarray(mask.crop(box), np.float32) * np.float32(strength / 255)
        yield (slice(top, bottom), slice(left, right)), values

    def _cover(self, area: _Area, paint: NDArray[np.float32], colours: NDArray[np.float32]) -> None:
        """Lay colours over an area; `paint` (0..1) is how much of each."""
        covered = paint + self._alpha[area] * (1 - paint)
        share = (paint / np.maximum(covered, np.float32(1e-6)))[..., None]
        self._colour[area] += (colours - self._colour[area]) * share
        self._alpha[area] = covered
