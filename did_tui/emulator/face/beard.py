"""Beard and moustache."""

from __future__ import annotations

import random

from did_tui.emulator.face.looks import Look, Skull
from did_tui.emulator.face.paint import (
    Film,
    fill,
    mix,
    outside,
    overlap,
    soft,
    spray,
    vertical_fade,
)
from did_tui.emulator.face.shapes import (
    AXIS,
    Curve,
    Points,
    closed_curve,
    closed_symmetric,
    mirrored,
    open_curve,
    stroke,
    tapered,
)

# Right halves: offsets from the axis.
_UPPER_EDGE: Points = ((0, 330), (40, 322), (74, 322), (98, 296), (112, 258))
_MOUSTACHE: Points = (
    (-1, 322), (16, 318), (42, 326), (62, 344), (72, 366), (54, 356), (34, 343), (14, 340),
    (-1, 342),
)  # fmt: skip


def paint_beard(look: Look, film: Film, rng: random.Random) -> None:
    """Lay a full short beard over jaw and chin, a little beyond the skin."""
    hair = look.hair
    outline = fill([closed_symmetric((*_UPPER_EDGE, *_lower_edge(look.skull)))])
    beard = overlap(soft(outline, 2.0), vertical_fade(236, 300))
    film.lay(beard, hair.base)
    film.tint(overlap(soft(outside(outline), 12), beard), hair.dark, 0.55)
    film.tint(overlap(spray((AXIS + 70, 380), (70, 80)), beard), hair.dark, 0.4)
    film.tint(overlap(spray((AXIS - 34, 396), (60, 46)), beard), hair.light, 0.8)
    for colour, strength, count in ((hair.dark, 0.35, 260), (hair.light, 0.75, 320)):
        bristles = fill(_bristle(look.skull, rng) for _ in range(count))
        film.tint(overlap(soft(bristles, 0.6), beard), colour, strength)


def _lower_edge(skull: Skull) -> Points:
    return (
        (skull.cheek + 2, 250), (skull.cheek + 2, 300), (skull.jaw + 8, 352),
        (skull.chin + 12, skull.chin_y + 8), (0, skull.chin_y + 26),
    )  # fmt: skip


def _bristle(skull: Skull, rng: random.Random) -> Curve:
    """Return a short stroke somewhere in the beard; all of them fan out from the mouth."""
    across, down = rng.uniform(-1, 1), rng.uniform(0, 1)
    x = AXIS + across * (skull.cheek - 30 * down)
    y = 286 + down * (skull.chin_y - 266) * (1 - 0.25 * across * across)
    length = rng.uniform(12, 26)
    tip_x = x + length * (across * 0.7 + rng.uniform(-0.2, 0.2))
    bend = ((x + tip_x) / 2 + rng.uniform(-2, 2), y + length / 2)
    return _hair(((x, y), bend, (tip_x, y + length)), rng.uniform(1.0, 2.0))


def paint_moustache(look: Look, film: Film, rng: random.Random) -> None:
    """Paint the moustache, which hangs over the upper lip and moves with the mouth."""
    hair = look.hair
    half = closed_curve([(AXIS + dx, y) for dx, y in _MOUSTACHE])
    shape = soft(fill((half, mirrored(half))), 1.0)
    film.lay(shape, mix(hair.base, hair.light, 0.35))
    film.tint(overlap(spray((AXIS, 350), (74, 16)), shape), hair.dark, 0.7)
    for colour, strength, count in ((hair.dark, 0.6, 26), (hair.light, 0.9, 40)):
        hairs = fill(_moustache_hair(rng) for _ in range(count))
        film.tint(overlap(soft(hairs, 0.5), shape), colour, strength)


def _moustache_hair(rng: random.Random) -> Curve:
    """Return a stroke that runs outwards and down, on either side."""
    side, start, reach = rng.choice((-1, 1)), rng.uniform(0, 40), rng.uniform(14, 26)
    x, y = AXIS + side * start, 320 + start * 0.25 + rng.uniform(0, 12)
    bend, tip = (x + side * reach * 0.5, y + 4), (x + side * reach, y + 13)
    return _hair(((x, y), bend, tip), rng.uniform(1.4, 2.6))


def _hair(points: Points, width: float) -> Curve:
    line = open_curve(points, steps=4)
    return stroke(line, tapered(len(line), width, tip=0.3))
