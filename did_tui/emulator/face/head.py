"""The head without its moving parts: skull, ears, neck, nose, and the light on the skin."""

from __future__ import annotations

import random

from did_tui.emulator.face.looks import Look, Skin, Skull
from did_tui.emulator.face.paint import (
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
    closed_symmetric,
    mirrored,
    open_curve,
    oval,
    stroke,
    tapered,
)

# Where the features belong, in the whole picture. A DX is a distance from the axis.
EYE_Y, EYE_DX = 240.0, 60.0
BROW_Y, BROW_DX = 190.0, 62.0
NOSE_Y = 304.0
MOUTH_Y = 346.0

_SIDES = (-1, 1)
_NECK_HALF: Points = (
    (0, 350), (56, 352), (55, 424), (66, 446), (118, 468), (140, 520), (0, 530),
)  # fmt: skip


def paint_neck(look: Look, film: Film) -> None:
    """Paint the neck, down to where every collar hides it, in the shadow of the chin."""
    skin = look.skin
    neck = fill([closed_symmetric(_NECK_HALF)])
    film.lay(neck, mix(skin.base, skin.shade, 0.18))
    chin = spray((AXIS + 6, look.skull.chin_y - 4), (118, 66))
    film.tint(overlap(chin, neck), skin.shade, 0.95)
    film.tint(overlap(spray((AXIS + 60, 430), (44, 90)), neck), skin.shade, 0.6)
    film.tint(overlap(spray((AXIS - 30, 470), (40, 46)), neck), skin.light, 0.35)


def paint_ears(look: Look, film: Film) -> None:
    """Paint both ears, which the face then half covers."""
    skin = look.skin
    for side in _SIDES:
        x = AXIS + side * (look.skull.cheek + 7)
        ear = fill([oval((x, 252), (20, 36), side * 0.16)])
        film.lay(ear, mix(skin.base, skin.shade, 0.12))
        hollow = spray((x - side * 2, 254), (17, 30), side * 0.16)
        film.tint(overlap(hollow, ear), skin.shade, 0.9)
        film.tint(overlap(spray((x + side * 8, 240), (10, 24)), ear), skin.light, 0.35)


# -------------------------------------------------------------------------------- face


def paint_face(look: Look, film: Film, hair_front: Mask, rng: random.Random) -> None:
    """Paint the face with all its soft shading, but no eyes, brows, nose or mouth."""
    skin = look.skin
    face = fill([_skull_outline(look.skull)])
    film.lay(face, skin.base)
    _shade_form(film, face, skin, look.skull)
    _shade_eyes(film, face, look)
    hair_shadow = overlap(soft(shifted(hair_front, 3, 12), 9), face)
    film.tint(hair_shadow, skin.shade, 0.6)
    if look.freckles:
        _paint_freckles(film, skin, rng)
    if look.lines:
        _paint_age_lines(film, look)


def _skull_outline(skull: Skull) -> Curve:
    """Return the outline of the face, from the crown to the chin and back."""
    half: Points = (
        (0, 62), (0.64 * skull.cheek, 82), (0.95 * skull.cheek, 146), (skull.cheek, 214),
        (0.97 * skull.cheek, 276), (skull.jaw, 346), (skull.chin, skull.chin_y - 18),
        (0, skull.chin_y),
    )  # fmt: skip
    return closed_symmetric(half)


def _shade_form(film: Film, face: Mask, skin: Skin, skull: Skull) -> None:
    """Round the face: key light from the upper left, shadow along the right and the jaw."""
    film.tint(overlap(soft(outside(face), 20), face), skin.shade, 0.62)
    film.tint(overlap(spray((AXIS + 104, 290), (64, 150)), face), skin.shade, 0.5)
    film.tint(overlap(spray((AXIS - 34, 170), (130, 96)), face), skin.light, 0.75)
    for side, strength in ((-1, 0.6), (1, 0.35)):
        cheekbone = spray((AXIS + side * 74, 284), (50, 30), side * -0.35)
        film.tint(overlap(cheekbone, face), skin.light, strength)
        blush = spray((AXIS + side * 80, 306), (62, 42), side * -0.3)
        film.tint(overlap(blush, face), skin.blush, skin.blush_strength)
    film.tint(spray((AXIS, MOUTH_Y + 32), (44, 16)), skin.shade, 0.42)
    film.tint(spray((AXIS - 4, skull.chin_y - 26), (40, 22)), skin.light, 0.5)
    film.tint(overlap(spray((AXIS, skull.chin_y + 8), (120, 40)), face), skin.shade, 0.5)


def _shade_eyes(film: Film, face: Mask, look: Look) -> None:
    """Sink the eyes into their sockets: white eyes shine only out of a shadow."""
    skin = look.skin
    for side in _SIDES:
        socket = spray((AXIS + side * (EYE_DX - 2), EYE_Y - 10), (66, 42), side * -0.1)
        film.tint(overlap(socket, face), skin.shade, 0.5)
        inner = spray((AXIS + side * 26, EYE_Y - 14), (20, 34), side * 0.25)
        film.tint(overlap(inner, face), skin.shade, 0.4)
        if look.eyes.lid is not None:
            make_up = spray((AXIS + side * (EYE_DX + 6), EYE_Y - 18), (58, 30), side * -0.2)
            film.tint(overlap(make_up, face), look.eyes.lid, 0.6)
        below = spray((AXIS + side * EYE_DX, EYE_Y + 34), (48, 16))
        film.tint(overlap(below, face), skin.shade, 0.12 + 0.2 * look.lines)


def _paint_freckles(film: Film, skin: Skin, rng: random.Random) -> None:
    """Scatter freckles over the nose and, rising a little, over the cheeks."""
    spots = []
    for _ in range(46):
        dx, dy = rng.gauss(0, 46), rng.gauss(0, 11)
        radius = rng.uniform(1.2, 2.4)
        spots.append(oval((AXIS + dx, 296 + dy - 0.0012 * dx * dx), (radius,) * 2, samples=10))
    film.tint(soft(fill(spots), 0.8), mix(skin.shade, skin.line, 0.2), 0.6)


# Lines that the years draw, on the right half of the face: offsets from the axis.
_FOREHEAD_LINES: tuple[Points, ...] = (
    ((0, 135), (29, 132), (58, 136)),
    ((0, 153), (32, 149), (64, 154)),
)
_EYE_LINES: tuple[Points, ...] = (
    ((106, 237), (112, 235), (119, 230)),
    ((106, 242), (112, 242), (119, 242)),
    ((106, 246), (112, 247), (119, 253)),
    ((34, 267), (60, 274), (90, 265)),
)
_CHEEK_FOLD: Points = ((32, 300), (52, 318), (66, 344))


def _paint_age_lines(film: Film, look: Look) -> None:
    """Draw the lines of a long and friendly life: forehead, crow's feet, cheeks."""
    fine = [_line(points, 2.6) for points in (*_FOREHEAD_LINES, *_EYE_LINES)]
    film.tint(soft(_both_sides(fine), 1.2), look.skin.line, 0.3 * look.lines)
    fold = _both_sides([_line(_CHEEK_FOLD, 5.0)])
    film.tint(soft(fold, 2.2), look.skin.shade, 0.8 * look.lines)


def _line(right_half: Points, width: float) -> Curve:
    """Return a tapered line through offsets from the axis."""
    curve = open_curve([(AXIS + dx, y) for dx, y in right_half])
    return stroke(curve, tapered(len(curve), width, tip=0.4))


def _both_sides(shapes: list[Curve]) -> Mask:
    return fill([*shapes, *(mirrored(shape) for shape in shapes)])


# -------------------------------------------------------------------------------- nose


def paint_nose(look: Look, film: Film) -> None:
    """Paint the nose as glazes over the skin: a shadow on its right, light along its ridge."""
    skin, width = look.skin, look.nose_width
    film.tint(spray((AXIS + 13, NOSE_Y - 42), (16, 62)), skin.shade, 0.4)
    film.tint(spray((AXIS - 4, NOSE_Y - 50), (11, 62)), skin.light, 0.75)
    for side in _SIDES:
        film.tint(spray((AXIS + side * width, NOSE_Y), (12, 16)), skin.shade, 0.5)
    film.tint(spray((AXIS + 2, NOSE_Y + 12), (width + 12, 13)), skin.shade, 0.7)
    film.tint(spray((AXIS, NOSE_Y), (width - 2, 20)), skin.base, 0.6)
    film.tint(spray((AXIS - 4, NOSE_Y - 5), (16, 14)), skin.light, 0.95)
    wing: Points = (
        (width - 1, NOSE_Y - 7), (width + 5, NOSE_Y + 2), (width, NOSE_Y + 11),
        (width - 9, NOSE_Y + 10),
    )  # fmt: skip
    film.tint(soft(_both_sides([_line(wing, 3.2)]), 1.4), skin.line, 0.32)
    nostril = oval((AXIS + width * 0.46, NOSE_Y + 10.5), (5.6, 2.6), -0.3)
    film.tint(soft(_both_sides([nostril]), 1.3), skin.line, 0.75)
