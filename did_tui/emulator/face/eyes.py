"""Eyes and eyebrows: small pictures, drawn for every opening and kept."""

from __future__ import annotations

import random
from functools import lru_cache

import numpy as np
from PIL import Image, ImageOps

from did_tui.emulator.face.layers import Layer, cut_out
from did_tui.emulator.face.looks import Brows, Look
from did_tui.emulator.face.paint import (
    Colour,
    Film,
    Mask,
    fill,
    mix,
    outside,
    overlap,
    shifted,
    soft,
    spray,
    union,
)
from did_tui.emulator.face.shapes import Curve, Widths, moved, open_curve, oval, stroke, tapered

_EYE_SIZE = (128, 96)
_EYE_CENTRE = (64, 50)
_BROW_SIZE = (120, 60)
_BROW_CENTRE = (60, 34)

_LID_STEPS = 12
_SQUINT_STEPS = 4
_GAZE_STEP = 0.5
_IRIS_RADIUS = 22.5
_IRIS_SIZE = 50
_LID_SHADOW: Colour = (46, 22, 40)

# The open eye around its middle, from the inner to the outer corner (which is on the right).
_UPPER_LID = ((-40.0, 7.0), (-28.0, -12.0), (-6.0, -25.0), (19.0, -23.0), (35.0, -9.5), (43.0, 1.0))
_LOWER_LID = ((-40.0, 7.0), (-26.0, 15.0), (-2.0, 20.5), (21.0, 17.5), (35.0, 9.5), (43.0, 1.0))
_SHUT_LID = ((-40.0, 7.0), (-26.0, 12.0), (-4.0, 15.0), (19.0, 13.0), (34.0, 7.0), (43.0, 1.0))


class EyePictures:
    """Draws both eyes of one look; keeps a bounded number of finished pictures."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._ball = _paint_ball(look)
        self._iris = _paint_iris(look)
        self._lids = lru_cache(maxsize=64)(self._paint_lids)
        self._finished = lru_cache(maxsize=96)(self._compose)

    def layer(self, side: int, lid: float, squint: float, gaze: tuple[float, float]) -> Layer:
        """Return one eye, RGBA, with its middle as the origin.

        `side` is -1 for the eye on the left of the picture; `lid` goes from 0 (wide open) to 1
        (shut), `squint` raises the lower lid (0..1), `gaze` moves the iris (pixels).
        """
        return self._finished(
            side,
            round(min(max(lid, 0.0), 1.0) * _LID_STEPS),
            round(min(max(squint, 0.0), 1.0) * _SQUINT_STEPS),
            round(gaze[0] / _GAZE_STEP),
            round(gaze[1] / _GAZE_STEP),
        )

    def kept(self) -> int:
        """Return how many pictures are kept at the moment."""
        return self._lids.cache_info().currsize + self._finished.cache_info().currsize

    def _compose(self, side: int, lid: int, squint: int, across: int, down: int) -> Layer:
        lids, opening = self._lids(lid, squint)
        if side < 0:
            lids, opening = ImageOps.mirror(lids), ImageOps.mirror(opening)
        ball = self._ball.copy()
        # Both eyes turn in a little, towards somebody who stands before the screen.
        x = _EYE_CENTRE[0] + across * _GAZE_STEP - side * 2.0
        y = _EYE_CENTRE[1] + down * _GAZE_STEP - 2.0
        left, top = x - _IRIS_SIZE / 2, y - _IRIS_SIZE / 2
        iris = self._iris[(round(left * 2) % 2, round(top * 2) % 2)]
        ball.paste(iris, (int(left), int(top)), iris)
        # Where the ball shows, the lid's shadow is a glaze on it; elsewhere lids keep their colour.
        ball.paste(lids, mask=lids)
        colour = lids.convert("RGB")
        colour.paste(ball, mask=opening)
        colour.putalpha(union(opening, lids.getchannel("A")))
        return cut_out(colour).from_origin(*_EYE_CENTRE)

    def _paint_lids(self, lid_step: int, squint_step: int) -> tuple[Image.Image, Mask]:
        """Return what lies over the right eyeball, and the opening it is seen through."""
        lid, squint = lid_step / _LID_STEPS, squint_step / _SQUINT_STEPS
        upper, lower = _lid_lines(lid, squint, self._look.eyes.height)
        opening = fill([np.vstack((upper, lower[::-1]))], _EYE_SIZE)
        film = Film(_EYE_SIZE)
        _paint_skin_folds(film, self._look, upper, lower, lid)
        _paint_lashes(film, self._look, upper, lower, lid)
        shadow = overlap(soft(shifted(outside(opening), 0, 6), 3), opening)
        film.lay(overlap(shadow, outside(film.mask())), _LID_SHADOW, 0.5)
        return film.picture(), opening


def _lid_lines(lid: float, squint: float, height: float) -> tuple[Curve, Curve]:
    """Return the edges of the upper and the lower lid, in the eye's picture."""
    scale = np.array((1.0, height))
    wide, low, shut = (open_curve(points) * scale for points in (_UPPER_LID, _LOWER_LID, _SHUT_LID))
    lower = low + (shut - low) * max(0.65 * squint, 0.5 * lid)
    upper = wide + (np.minimum(shut, lower) - wide) * lid
    return upper + _EYE_CENTRE, lower + _EYE_CENTRE


def _paint_skin_folds(film: Film, look: Look, upper: Curve, lower: Curve, lid: float) -> None:
    skin = look.skin
    if lid > 0.02:
        bare = mix(skin.base, skin.shade, 0.35)
        colour = bare if look.eyes.lid is None else mix(bare, look.eyes.lid, 0.6)
        top = moved(_lid_lines(0.0, 0.0, look.eyes.height)[0], 0.0, -4.0)
        covered = fill([np.vstack((top, upper[::-1]))], _EYE_SIZE)
        film.lay(soft(covered, 1.2), colour)
        gleam = spray((_EYE_CENTRE[0] - 4, _EYE_CENTRE[1] - 10 + 10 * lid), (26, 9), size=_EYE_SIZE)
        film.tint(overlap(gleam, covered), skin.light, 0.4)
    crease = moved(upper[6:-2], 0.0, 4.0 * lid - 9.5)
    line = fill([stroke(crease, tapered(len(crease), 3.0, tip=0.5))], _EYE_SIZE)
    film.lay(soft(line, 0.9), mix(skin.shade, skin.line, 0.5), 0.75 * (1 - 0.6 * lid))
    rim = moved(lower[5:-3], 0.0, 1.2)
    waterline = fill([stroke(rim, tapered(len(rim), 2.4, tip=0.6))], _EYE_SIZE)
    film.lay(soft(waterline, 0.6), mix(skin.line, look.eyes.lash, 0.3), 0.6)


def _paint_lashes(film: Film, look: Look, upper: Curve, lower: Curve, lid: float) -> None:
    eyes = look.eyes
    widths = tapered(len(upper), eyes.lash_width, fullest=0.66, tip=1.6)
    shapes = [stroke(moved(upper, 0.0, -1.0), widths)]
    if eyes.wing:
        before, corner = upper[-9], upper[-1]
        tip = moved(corner, eyes.wing * (1 - 0.4 * lid), -eyes.wing * (0.75 - 0.9 * lid))
        shapes.append(np.vstack((moved(before, 0, -2.4), tip, moved(corner, -1, 1.6), before)))
        shapes.append(stroke(moved(lower[-14:-1], 0.0, 0.6), tapered(13, 2.2, fullest=0.8)))
    film.lay(fill(shapes, _EYE_SIZE), eyes.lash)


def _paint_ball(look: Look) -> Image.Image:
    """Return the white of the eye, RGB; it is darker and warmer towards the corners."""
    film = Film(_EYE_SIZE)
    film.lay(Image.new("L", _EYE_SIZE, 255), (226, 214, 212))
    x, y = _EYE_CENTRE
    film.tint(spray((x, y + 2), (46, 40), size=_EYE_SIZE), (255, 254, 252), 1.0)
    for corner in (x - 40, x + 40):
        film.tint(spray((corner, y + 4), (12, 10), size=_EYE_SIZE), look.skin.blush, 0.45)
    return film.picture().convert("RGB")


def _paint_iris(look: Look) -> dict[tuple[int, int], Image.Image]:
    """Return the iris at the four half-pixel positions, RGBA, keyed by (half x, half y)."""
    return {
        (half_x, half_y): _paint_iris_at(
            look, _IRIS_SIZE / 2 + half_x / 2, _IRIS_SIZE / 2 + half_y / 2
        )
        for half_x in (0, 1)
        for half_y in (0, 1)
    }


def _paint_iris_at(look: Look, x: float, y: float) -> Image.Image:
    size = (_IRIS_SIZE, _IRIS_SIZE)
    film = Film(size)
    radius, colour = _IRIS_RADIUS, look.eyes.iris
    disc = fill([oval((x, y), (radius, radius))], size)
    film.lay(disc, mix(colour, (8, 6, 14), 0.62))
    film.tint(soft(fill([oval((x, y + 0.5), (radius - 4.5,) * 2)], size), 1.6), colour)
    bright = mix(colour, (255, 250, 220), 0.5)
    film.tint(overlap(spray((x, y + 10), (19, 13), size=size), disc), bright, 0.85)
    film.tint(overlap(spray((x, y - 16), (24, 15), size=size), disc), (10, 8, 16), 0.55)
    film.tint(soft(fill([oval((x, y), (10.0, 10.0))], size), 0.7), (10, 8, 12))
    film.tint(fill([oval((x - 7.0, y - 7.5), (5.6, 6.0), 0.4)], size), (255, 255, 255), 0.97)
    film.tint(fill([oval((x + 7.5, y + 8.0), (2.8, 2.6))], size), (255, 255, 255), 0.6)
    return film.picture()


# ------------------------------------------------------------------------------- brows

_WORRY_STEPS = 4


class BrowPictures:
    """Draws both eyebrows of one look, for a few heights of their inner ends."""

    def __init__(self, look: Look) -> None:
        self._brows = look.brows
        self._finished = lru_cache(maxsize=2 * (_WORRY_STEPS + 1))(self._paint)

    def layer(self, side: int, worry: float) -> Layer:
        """Return one brow, RGBA, with its middle as the origin.

        `worry` (0..1) lifts its inner end.
        """
        return self._finished(side, round(min(max(worry, 0.0), 1.0) * _WORRY_STEPS))

    def kept(self) -> int:
        """Return how many pictures are kept at the moment."""
        return self._finished.cache_info().currsize

    def _paint(self, side: int, worry_step: int) -> Layer:
        film = Film(_BROW_SIZE)
        _paint_brow(film, self._brows, worry_step / _WORRY_STEPS)
        picture = film.picture()
        upright = ImageOps.mirror(picture) if side < 0 else picture
        return cut_out(upright).from_origin(*_BROW_CENTRE)


def _paint_brow(film: Film, brows: Brows, worry: float) -> None:
    """Paint the brow on the right: thick towards the nose, highest past its middle."""
    lift = 10.0 * worry
    line = open_curve((
        (-41, 1 - lift), (-24, -brows.arch * 0.5 - 0.7 * lift), (-2, -brows.arch * 0.95),
        (18, -brows.arch), (34, -brows.arch * 0.4), (46, 6 + 0.3 * lift),
    )) + _BROW_CENTRE  # fmt: skip
    along = np.linspace(0.0, 1.0, len(line))
    widths = brows.width * (0.72 + 0.5 * np.sin(along * np.pi * 0.9)) * (1 - along**2.6 * 0.92)
    shape = fill([stroke(line, widths)], _BROW_SIZE)
    film.lay(soft(shape, 0.8), brows.colour, 0.94)
    dark = _brow_hairs(line, widths, brows, count=34)
    film.tint(fill(dark, _BROW_SIZE), mix(brows.colour, (0, 0, 0), 0.35), 0.4)
    tufts = _brow_hairs(line, widths, brows, count=round(26 * brows.bushy))
    film.lay(fill(tufts, _BROW_SIZE), mix(brows.colour, (255, 255, 255), 0.3))


def _brow_hairs(line: Curve, widths: Widths, brows: Brows, count: int) -> list[Curve]:
    """Return single hairs that grow out of the brow towards its tail, the same at every call."""
    rng = random.Random(count)
    hairs = []
    for _ in range(count):
        start = rng.uniform(0, 0.86)
        index = int(start * (len(line) - 1))
        root = moved(line[index], 0.0, rng.uniform(-0.4, 0.4) * float(widths[index]))
        reach = rng.uniform(8, 13)
        rise = rng.uniform(-0.55, 0.05) - brows.bushy * rng.uniform(0, 0.5)
        hair = np.linspace(root, moved(root, reach, reach * (rise + 0.5 * start)), 5)
        hairs.append(stroke(hair, tapered(5, 1.8, fullest=0.3, tip=0.2)))
    return hairs
