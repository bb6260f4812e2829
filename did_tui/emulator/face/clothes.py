"""Shoulders and what is worn on them."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np

from did_tui.emulator.face.looks import Clothes, ClothesStyle
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
)
from did_tui.emulator.face.shapes import (
    AXIS,
    Curve,
    Points,
    closed_curve,
    closed_symmetric,
    mirrored,
    open_curve,
    oval,
    stroke,
    tapered,
)

_WHITE: Colour = (255, 255, 255)
_BLACK: Colour = (0, 0, 0)


def paint_clothes(clothes: Clothes, film: Film, rng: random.Random) -> None:
    """Paint one style of clothes; an open collar leaves the neck free."""
    _PAINTERS[clothes.style](clothes, film, rng)


# ----------------------------------------------------------------------- what all share

# Outlines with "HALF" in their name are right halves: offsets from the axis, top to bottom.
_SHOULDERS_HALF: Points = (
    (0, 430), (52, 432), (104, 446), (168, 470), (206, 506), (226, 580), (0, 600),
)  # fmt: skip
_NECKLINE_HALF: Points = ((0, 380), (58, 400), (57, 436), (29, 460), (0, 474))


def _lay_torso(film: Film, clothes: Clothes, *, open_neck: bool = False) -> Mask:
    """Lay the shoulders in the main cloth, lit from the left; return their mask."""
    torso = fill([closed_symmetric(_SHOULDERS_HALF)])
    if open_neck:
        torso = overlap(torso, outside(fill([closed_symmetric(_NECKLINE_HALF)])))
    film.lay(torso, clothes.base)
    film.tint(overlap(soft(outside(torso), 12), torso), clothes.second, 0.6)
    film.tint(overlap(spray((AXIS + 150, 520), (130, 80)), torso), clothes.second, 0.8)
    film.tint(overlap(spray((AXIS - 120, 468), (90, 40)), torso), _WHITE, 0.16)
    return torso


def _pair(points: Points) -> Mask:
    """Return a smooth shape together with its mirror image."""
    shape = closed_curve(points)
    return fill((shape, mirrored(shape)))


def _cut_pair(points: Points) -> Mask:
    """Return a shape with sharp corners together with its mirror image."""
    shape = np.asarray(points, np.float64)
    return fill((shape, mirrored(shape)))


def _seam(points: Points, width: float) -> Curve:
    line = open_curve(points)
    return stroke(line, tapered(len(line), width, tip=0.6))


# ------------------------------------------------------------------------------- blouse

_COLLAR: Points = ((306, 430), (330, 440), (352, 478), (300, 506), (262, 514), (288, 472))


def _paint_blouse(clothes: Clothes, film: Film, rng: random.Random) -> None:
    del rng
    _lay_torso(film, clothes, open_neck=True)
    collar = _cut_pair(_COLLAR)
    film.tint(soft(shifted(collar, 3, 6), 4), clothes.second, 0.9)
    film.lay(collar, mix(clothes.base, _WHITE, 0.5))
    edge = _seam(_COLLAR[2:5], 2.2)
    film.tint(fill((edge, mirrored(edge))), clothes.second, 0.9)


# ------------------------------------------------------------------------------- hoodie

_SHIRT_AT_NECK: Points = ((306, 440), (318, 446), (286, 492), (256, 500), (256, 464))
_HOOD: Points = (
    (304, 420), (332, 418), (356, 442), (340, 478), (296, 512), (262, 530), (268, 502), (296, 470),
)  # fmt: skip


def _paint_hoodie(clothes: Clothes, film: Film, rng: random.Random) -> None:
    del rng
    torso = _lay_torso(film, clothes, open_neck=True)
    film.lay(overlap(_pair(_SHIRT_AT_NECK), torso), clothes.accent)
    hood = _pair(_HOOD)
    film.tint(soft(shifted(hood, 4, 7), 5), clothes.second, 0.9)
    film.lay(hood, mix(clothes.base, _WHITE, 0.1))
    film.tint(overlap(soft(outside(hood), 5), hood), clothes.second, 0.7)
    cords = fill((_cord(292, 498), _cord(220, 500)))
    film.tint(soft(shifted(cords, 3, 3), 2), clothes.second, 0.9)
    film.lay(cords, clothes.accent)


def _cord(x: float, y: float) -> Curve:
    return stroke(open_curve(((x, y), (x + 1, y + 10), (x - 1, y + 20))), 5.0)


# ----------------------------------------------------------------------------- pullover

_ROLL_HALF: Points = (
    (0, 440), (46, 434), (66, 424), (74, 440), (72, 462), (44, 478), (0, 484),
)  # fmt: skip
_STRIPE: Points = ((20, 520), (256, 498), (492, 520))


def _paint_pullover(clothes: Clothes, film: Film, rng: random.Random) -> None:
    del rng
    torso = _lay_torso(film, clothes)
    knit = fill(_rib(x, 440, 520, lean=0.18, width=2.4) for x in range(40, 480, 11))
    film.tint(overlap(soft(knit, 0.8), torso), clothes.second, 0.45)
    roll = fill([closed_symmetric(_ROLL_HALF)])
    film.tint(soft(shifted(roll, 2, 8), 6), clothes.second, 0.9)
    film.lay(roll, clothes.base)
    film.tint(overlap(spray((AXIS - 26, 458), (40, 22)), roll), _WHITE, 0.25)
    film.tint(overlap(spray((AXIS + 56, 462), (40, 40)), roll), clothes.second, 0.8)
    ribs = fill(_rib(x, 426, 484, lean=0.0, width=3.0) for x in range(184, 332, 12))
    film.tint(overlap(soft(ribs, 0.8), roll), clothes.second, 0.6)
    stripe = fill([stroke(open_curve(_STRIPE), 7.0)])
    film.tint(overlap(stripe, torso), clothes.accent, 0.9)


def _rib(x: float, top: float, bottom: float, *, lean: float, width: float) -> Curve:
    """Return one line of knitting, which leans outwards as it goes down."""
    out = (x - AXIS) * lean
    return _seam(((x, top), (x + out / 2, (top + bottom) / 2), (x + out, bottom)), width)


# ------------------------------------------------------------------------------- jacket

_SHIRT_HALF: Points = ((0, 420), (58, 426), (62, 452), (40, 520), (0, 530))
_SHIRT_COLLAR: Points = ((258, 470), (300, 436), (322, 440), (306, 474), (276, 484))
_LAPEL: Points = (
    (310, 430), (336, 440), (372, 470), (340, 484), (352, 500), (300, 540), (290, 500),
)  # fmt: skip
_BOW: Points = (
    (254, 470), (272, 458), (302, 454), (304, 476), (300, 496), (272, 486), (254, 480),
)  # fmt: skip
_LINEN: Colour = (238, 236, 230)
_LINEN_SHADE: Colour = (164, 166, 180)


def _paint_jacket(clothes: Clothes, film: Film, rng: random.Random) -> None:
    torso = _lay_torso(film, clothes)
    tweed = fill(
        oval((rng.uniform(20, 492), rng.uniform(430, 512)), (1.3, 1.0), samples=8)
        for _ in range(900)
    )
    film.tint(overlap(tweed, torso), mix(clothes.base, (255, 240, 210), 0.3), 0.5)
    shirt = fill([closed_symmetric(_SHIRT_HALF)])
    film.lay(shirt, _LINEN)
    film.tint(overlap(spray((AXIS + 30, 500), (60, 60)), shirt), _LINEN_SHADE, 0.6)
    collar = _pair(_SHIRT_COLLAR)
    film.tint(overlap(soft(shifted(collar, 2, 5), 3), shirt), _LINEN_SHADE, 0.9)
    film.lay(collar, mix(_LINEN, _WHITE, 0.7))
    lapels = _cut_pair(_LAPEL)
    film.tint(soft(shifted(lapels, 3, 4), 4), clothes.second, 0.8)
    film.lay(lapels, mix(clothes.base, clothes.second, 0.45))
    _paint_bow_tie(clothes.accent, film)


def _paint_bow_tie(silk: Colour, film: Film) -> None:
    dark = mix(silk, _BLACK, 0.5)
    bow = _pair(_BOW)
    film.tint(soft(shifted(bow, 1, 5), 3), (90, 84, 90), 0.6)
    film.lay(bow, silk)
    film.tint(overlap(spray((AXIS, 476), (26, 22)), bow), dark, 0.8)
    knot = fill([oval((AXIS, 474), (10, 13))])
    film.lay(knot, mix(silk, _WHITE, 0.08))
    film.tint(overlap(spray((AXIS + 5, 480), (9, 12)), knot), dark, 0.6)


# -------------------------------------------------------------------------------- drape

_FOLD: Points = ((66, 470), (170, 446), (300, 470), (450, 520))
_TRIM: Points = ((60, 486), (170, 462), (300, 488), (440, 540))


def _paint_drape(clothes: Clothes, film: Film, rng: random.Random) -> None:
    torso = fill([closed_symmetric(_SHOULDERS_HALF)])
    film.lay(torso, clothes.base)
    film.tint(overlap(spray((AXIS + 140, 510), (150, 90)), torso), clothes.second, 0.85)
    film.tint(overlap(spray((AXIS - 110, 474), (100, 44)), torso), _WHITE, 0.2)
    film.tint(overlap(soft(_folds(8, rng), 2.0), torso), clothes.second, 0.6)
    film.tint(overlap(soft(_folds(7, rng), 1.6), torso), mix(clothes.base, _WHITE, 0.4), 0.4)
    film.tint(overlap(fill([_seam(_TRIM, 6.0)]), torso), clothes.accent, 0.95)


def _folds(count: int, rng: random.Random) -> Mask:
    """Return folds that hang from the left shoulder, at random heights."""
    folds = []
    for _ in range(count):
        down = rng.uniform(-6, 70)
        folds.append(_seam([(x, y + down) for x, y in _FOLD], rng.uniform(3, 8)))
    return fill(folds)


_PAINTERS: dict[ClothesStyle, Callable[[Clothes, Film, random.Random], None]] = {
    "blouse": _paint_blouse,
    "hoodie": _paint_hoodie,
    "pullover": _paint_pullover,
    "jacket": _paint_jacket,
    "drape": _paint_drape,
}
