"""Hair and head cloth: what lies behind the face and what falls in front of it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from did_tui.emulator.face.looks import Hair, HairStyle
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
    union,
    vertical_fade,
)
from did_tui.emulator.face.shapes import (
    AXIS,
    Curve,
    Points,
    closed_curve,
    closed_symmetric,
    moved,
    open_curve,
    oval,
    stroke,
    tapered,
)


def paint_hair(hair: Hair, behind: Film, front: Film, rng: random.Random) -> None:
    """Paint one style: on the film behind the face and on the one in front of it."""
    _PAINTERS[hair.style](hair, behind, front, rng)


def paint_tresses(hair: Hair, body: Film, rng: random.Random) -> None:
    """Paint the hair that falls over the clothes, for the styles that have some."""
    if hair.style != "long":
        return
    tresses = fill((closed_curve(_LEFT_TRESS), closed_curve(_RIGHT_TRESS)))
    shape = overlap(tresses, vertical_fade(330, 380))  # grows out of the hair above
    shadow = overlap(soft(shifted(shape, 5, 6), 6), body.mask())
    body.tint(shadow, hair.dark, 0.35)
    body.lay(shape, hair.base)
    for guides in (_LEFT_TRESS_FLOW, _RIGHT_TRESS_FLOW):
        _comb(body, shape, hair, guides, rng, dark=16, light=12)


# ------------------------------------------------------------------------------ strands


def _strands(
    guides: Sequence[Points],
    count: int,
    rng: random.Random,
    *,
    width: tuple[float, float] = (1.2, 3.6),
    wander: float = 3.0,
) -> list[Curve]:
    """Return strand outlines that follow the guides and everything between them.

    The guides are lines with the same number of points, in order from one side to the other.
    """
    lines = np.stack([open_curve(guide) for guide in guides])
    outlines = []
    for _ in range(count):
        place = rng.uniform(0, len(lines) - 1)
        index = min(int(place), len(lines) - 2)
        share = place - index
        line = lines[index] * (1 - share) + lines[index + 1] * share
        first = int(rng.uniform(0, 0.45) * len(line))
        last = int(rng.uniform(0.6, 1.0) * len(line))
        line = moved(line[first:last], rng.uniform(-wander, wander), rng.uniform(-wander, wander))
        if len(line) > 3:
            outlines.append(stroke(line, tapered(len(line), rng.uniform(*width), tip=0.3)))
    return outlines


def _on_the_right(guides: Sequence[Points]) -> Sequence[Points]:
    """Return guides for the left half of the picture as they run on the right."""
    return [[(2 * AXIS - x, y) for x, y in guide] for guide in guides]


def _comb(
    film: Film,
    shape: Mask,
    hair: Hair,
    guides: Sequence[Points],
    rng: random.Random,
    *,
    dark: int,
    light: int,
    width: tuple[float, float] = (1.2, 4.0),
) -> None:
    """Draw dark strands, lighter ones over them, and a few bright ones on top."""
    shades = (
        (hair.dark, dark, 0.5, width),
        (mix(hair.base, hair.light, 0.55), light, 0.65, width),
        (hair.light, light // 2, 0.6, (0.8, width[1] * 0.55)),
    )
    for colour, count, strength, widths in shades:
        lines = soft(fill(_strands(guides, count, rng, width=widths)), 0.7)
        film.tint(overlap(lines, shape), colour, strength)


# --------------------------------------------------------------------------- long, parted

_LONG_BEHIND: Points = (
    (256, 32), (330, 42), (388, 88), (416, 170), (420, 260), (422, 340), (416, 400), (422, 470),
    (420, 520), (92, 520), (90, 470), (96, 400), (90, 340), (92, 260), (96, 170), (124, 88),
    (182, 42),
)  # fmt: skip
_LONG_FRONT: Points = (
    (262, 30), (336, 42), (392, 90), (418, 176), (420, 262), (412, 352), (396, 392), (384, 350),
    (383, 292), (378, 236), (364, 190), (344, 154), (318, 126), (298, 108), (270, 134), (228, 154),
    (180, 172), (150, 208), (135, 276), (130, 344), (116, 392), (98, 352), (92, 262), (96, 176),
    (122, 90), (184, 42),
)  # fmt: skip
_LONG_LEFT_FLOW: tuple[Points, ...] = (
    ((292, 92), (226, 140), (160, 190), (132, 270), (122, 380)),
    ((288, 78), (210, 112), (140, 170), (114, 260), (108, 370)),
    ((284, 62), (196, 82), (124, 150), (100, 250), (98, 350)),
    ((280, 44), (190, 54), (116, 120), (94, 230), (94, 330)),
)
_LONG_RIGHT_FLOW: tuple[Points, ...] = (
    ((296, 94), (334, 126), (370, 190), (384, 280), (394, 380)),
    ((298, 78), (350, 110), (388, 180), (398, 270), (402, 370)),
    ((298, 60), (356, 82), (402, 160), (412, 260), (410, 350)),
    ((296, 42), (360, 58), (406, 130), (420, 240), (418, 330)),
)
_LONG_BEHIND_FLOW: tuple[Points, ...] = (
    ((110, 200), (98, 300), (100, 400), (84, 510)),
    ((140, 220), (130, 320), (132, 420), (120, 510)),
    ((180, 240), (176, 330), (180, 420), (180, 510)),
    ((332, 240), (336, 330), (332, 420), (332, 510)),
    ((372, 220), (382, 320), (380, 420), (392, 510)),
    ((402, 200), (414, 300), (412, 400), (428, 510)),
)
_LEFT_TRESS: Points = (
    (100, 330), (92, 400), (76, 452), (84, 530), (150, 540), (164, 470), (146, 420), (140, 372),
    (132, 330),
)  # fmt: skip
_RIGHT_TRESS: Points = (
    (382, 330), (378, 376), (370, 424), (352, 476), (372, 540), (436, 530), (440, 456), (422, 400),
    (416, 330),
)  # fmt: skip
_LEFT_TRESS_FLOW: tuple[Points, ...] = (
    ((104, 330), (96, 400), (84, 460), (92, 530)),
    ((118, 330), (116, 400), (116, 460), (122, 530)),
    ((134, 330), (140, 400), (154, 464), (146, 530)),
)
_RIGHT_TRESS_FLOW: tuple[Points, ...] = (
    ((384, 330), (376, 400), (360, 470), (380, 530)),
    ((398, 330), (398, 400), (396, 466), (404, 530)),
    ((412, 330), (418, 400), (434, 460), (430, 530)),
)


def _paint_long(hair: Hair, behind: Film, front: Film, rng: random.Random) -> None:
    back = fill([closed_curve(_LONG_BEHIND)])
    behind.lay(back, mix(hair.base, hair.dark, 0.55))
    behind.tint(overlap(spray((256, 330), (170, 190)), back), hair.dark, 0.8)
    _comb(behind, back, hair, _LONG_BEHIND_FLOW, rng, dark=40, light=20)
    shape = fill([closed_curve(_LONG_FRONT)])
    front.lay(shape, hair.base)
    front.tint(overlap(soft(outside(shape), 10), shape), hair.dark, 0.55)
    front.tint(overlap(spray((176, 116), (110, 40), -0.75), shape), hair.light, 0.7)
    front.tint(overlap(spray((372, 128), (30, 90), -0.45), shape), hair.light, 0.55)
    parting = fill([stroke(open_curve(((286, 34), (289, 66), (292, 98))), 3.0)])
    for flow in (_LONG_LEFT_FLOW, _LONG_RIGHT_FLOW):
        _comb(front, shape, hair, flow, rng, dark=34, light=30)
    front.tint(overlap(soft(parting, 1.5), shape), hair.dark, 0.9)


# -------------------------------------------------------------------------- short, faded

_SHORT_FRONT: Points = (
    (256, 46), (318, 48), (366, 76), (390, 124), (394, 186), (386, 236), (380, 228), (375, 186),
    (362, 152), (342, 136), (300, 128), (256, 124), (212, 128), (170, 136), (150, 152), (137, 186),
    (132, 228), (126, 236), (118, 186), (122, 124), (146, 76), (194, 48),
)  # fmt: skip


def _paint_short(hair: Hair, behind: Film, front: Film, rng: random.Random) -> None:
    del behind  # nothing shows behind so little hair
    top = [
        oval((256 + 122 * np.sin(turn), 128 - 84 * np.cos(turn)), (17, 15))
        for turn in np.linspace(-1.25, 1.25, 17)
    ]
    cap = union(fill([closed_curve(_SHORT_FRONT)]), fill(top))
    shaved = outside(vertical_fade(150, 236))
    middle = fill([oval((256, 110), (118, 90))])
    shape = overlap(cap, union(shaved, middle))
    front.lay(shape, hair.base)
    front.tint(overlap(spray((206, 84), (90, 44), -0.3), shape), hair.light, 0.55)
    _curl_rows(hair, front, middle, rng)


def _curl_rows(hair: Hair, front: Film, within: Mask, rng: random.Random) -> None:
    """Scatter short bent strokes, as tight curls catch the light."""
    for colour, strength, lift, count in (
        (hair.dark, 0.9, 3.0, 90),
        (hair.light, 0.55, 0.0, 110),
    ):
        curls = []
        for _ in range(count):
            x, y = rng.uniform(134, 378), rng.uniform(44, 136) + lift
            size, bend = rng.uniform(4, 7.5), rng.uniform(-0.5, 0.5)
            turn = np.linspace(-2.6 + bend, -0.4 + bend, 7)
            line = np.stack((x + size * np.cos(turn), y + size * np.sin(turn)), axis=1)
            curls.append(stroke(line, tapered(7, rng.uniform(1.6, 3.0), tip=0.4)))
        front.tint(overlap(soft(fill(curls), 0.6), within), colour, strength)


# ------------------------------------------------------------------------- big soft curls


@dataclass(frozen=True, slots=True)
class _Ring:
    """Curls along an arc around the head; angles in degrees, clockwise from the right."""

    centre: tuple[float, float]
    radii: tuple[float, float]
    angles: tuple[float, float]
    count: int
    sizes: tuple[float, float]
    depth: float
    """How deep in the shadow they lie, 0..1."""


_CURLS_BEHIND = (
    _Ring((256, 250), (118, 128), (10, 170), 18, (24, 32), 0.42),
    _Ring((256, 220), (148, 156), (118, 422), 34, (24, 33), 0.3),
    _Ring((256, 208), (130, 138), (150, 390), 24, (22, 30), 0.18),
)
_CURLS_IN_FRONT = (
    _Ring((256, 206), (149, 142), (160, 380), 30, (18, 25), 0.08),
    _Ring((256, 196), (126, 114), (192, 348), 24, (16, 23), 0.0),
    _Ring((256, 194), (104, 92), (206, 334), 17, (14, 20), 0.0),
)
_CURL_VARIANTS = 9
_CURL_RADIUS = 32.0
_CURL_SIZE = (72, 72)


def _paint_curly(hair: Hair, behind: Film, front: Film, rng: random.Random) -> None:
    behind.lay(fill([oval((256, 214), (160, 166))]), hair.dark)
    for film, rings in ((behind, _CURLS_BEHIND), (front, _CURLS_IN_FRONT)):
        for ring in rings:
            _lay_ring(film, hair, ring, rng)


def _lay_ring(film: Film, hair: Hair, ring: _Ring, rng: random.Random) -> None:
    curls = [_painted_curl(hair, ring.depth, rng) for _ in range(_CURL_VARIANTS)]
    turns = np.radians(np.linspace(*ring.angles, ring.count)).tolist()
    for turn in rng.sample(turns, len(turns)):
        reach = rng.uniform(0.95, 1.04)
        x = ring.centre[0] + ring.radii[0] * reach * math.cos(turn)
        y = ring.centre[1] + ring.radii[1] * reach * math.sin(turn)
        side = round(_CURL_SIZE[0] * rng.uniform(*ring.sizes) / _CURL_RADIUS)
        curl = rng.choice(curls).resize((side, side), Image.Resampling.BILINEAR)
        film.stamp(curl, round(x - side / 2), round(y - side / 2))


def _painted_curl(hair: Hair, depth: float, rng: random.Random) -> Image.Image:
    """Paint one curl: a soft ball lit from the upper left, with loose strands around it."""
    film = Film(_CURL_SIZE)
    x, y = middle = (_CURL_SIZE[0] / 2, _CURL_SIZE[1] / 2)
    radius = _CURL_RADIUS
    flattened = (radius, radius * rng.uniform(0.82, 1.0))
    ball = fill([oval(middle, flattened, rng.uniform(0, math.pi))], _CURL_SIZE)
    film.lay(ball, mix(hair.base, hair.dark, depth + rng.uniform(0.0, 0.2)))
    shade = spray((x + radius * 0.55, y + radius * 0.6), (radius * 1.1,) * 2, size=_CURL_SIZE)
    film.tint(shade, hair.dark, 0.6)
    glint = spray((x - radius * 0.3, y - radius * 0.4), (radius * 0.85,) * 2, size=_CURL_SIZE)
    film.tint(glint, hair.light, 0.5 - depth)
    start = rng.uniform(0, 2 * math.pi)
    dark, light = [], []
    for ring in (0.9, 0.7, 0.5, 0.3):
        start += rng.uniform(1.2, 2.4)
        turn = np.linspace(start, start + rng.uniform(1.4, 2.8), 14)
        reach = radius * ring * np.linspace(1.0, 0.8, 14)
        line = np.stack((x + reach * np.cos(turn), y + reach * np.sin(turn)), axis=1)
        dark.append(stroke(line, tapered(14, 3.4, tip=0.4)))
        light.append(stroke(moved(line, -3.0, -3.0), tapered(14, 2.8, tip=0.4)))
    film.tint(soft(fill(dark, _CURL_SIZE), 0.9), hair.dark, 0.45)
    film.tint(soft(fill(light, _CURL_SIZE), 0.9), hair.light, 0.5 - depth)
    return film.picture()


# ----------------------------------------------------------------------- grey, swept back

_SWEPT_FRONT: Points = (
    (250, 48), (316, 50), (364, 78), (392, 124), (404, 180), (400, 232), (388, 262), (378, 244),
    (376, 206), (368, 172), (356, 146), (338, 122), (324, 96), (300, 104), (256, 112), (214, 106),
    (188, 96), (174, 122), (156, 146), (144, 172), (136, 206), (134, 244), (124, 262), (112, 232),
    (108, 180), (120, 124), (148, 78), (190, 52),
)  # fmt: skip
_SWEPT_TOP_FLOW: tuple[Points, ...] = (
    ((182, 104), (164, 84), (160, 72)),
    ((204, 106), (194, 74), (206, 54)),
    ((256, 112), (258, 76), (276, 50)),
    ((300, 106), (318, 76), (334, 58)),
    ((328, 102), (352, 88), (366, 84)),
)
_SWEPT_SIDE_FLOW: tuple[Points, ...] = (
    ((176, 116), (146, 156), (134, 240)),
    ((170, 100), (130, 156), (120, 250)),
    ((158, 84), (116, 150), (112, 230)),
)


def _paint_swept(hair: Hair, behind: Film, front: Film, rng: random.Random) -> None:
    tufts = fill([oval((118, 226), (16, 40), 0.1), oval((394, 226), (16, 40), -0.1)])
    behind.lay(tufts, mix(hair.base, hair.dark, 0.3))
    shape = fill([closed_curve(_SWEPT_FRONT)])
    front.lay(shape, hair.base)
    front.tint(overlap(soft(outside(shape), 9), shape), hair.dark, 0.5)
    front.tint(overlap(spray((216, 74), (90, 30), -0.15), shape), hair.light, 0.9)
    for flow in (_SWEPT_TOP_FLOW, _SWEPT_SIDE_FLOW, _on_the_right(_SWEPT_SIDE_FLOW)):
        _comb(front, shape, hair, flow, rng, dark=30, light=34, width=(1.0, 3.2))


# -------------------------------------------------------------------------------- scarf

_SCARF_HALF: Points = (
    (0, 30), (66, 40), (122, 86), (148, 172), (149, 270), (136, 352), (106, 416), (120, 470),
    (110, 520), (0, 540),
)  # fmt: skip
_SCARF_OPENING_HALF: Points = (
    (0, 112), (60, 120), (99, 166), (109, 236), (102, 302), (79, 358), (42, 396), (0, 406),
)  # fmt: skip
_SCARF_BAND_HALF: Points = (
    (0, 98), (65, 107), (108, 160), (118, 236), (110, 310), (86, 370), (48, 406), (0, 416),
)  # fmt: skip
_SCARF_FLOW: tuple[Points, ...] = (
    ((250, 104), (170, 120), (132, 220), (150, 340), (230, 430)),
    ((250, 84), (156, 100), (120, 220), (136, 350), (220, 450)),
    ((250, 60), (142, 84), (110, 220), (120, 360), (200, 470)),
    ((250, 42), (136, 66), (104, 210), (112, 350), (180, 480)),
)


def _paint_scarf(hair: Hair, behind: Film, front: Film, rng: random.Random) -> None:
    opening = fill([closed_symmetric(_SCARF_OPENING_HALF)])
    cloth = overlap(fill([closed_symmetric(_SCARF_HALF)]), outside(opening))
    behind.lay(fill([closed_symmetric(_SCARF_HALF)]), hair.dark)
    front.lay(cloth, hair.base)
    front.tint(overlap(soft(outside(cloth), 14), cloth), hair.dark, 0.6)
    front.tint(overlap(spray((170, 110), (100, 44), -0.8), cloth), hair.light, 0.75)
    front.tint(overlap(spray((356, 380), (110, 70), -0.9), cloth), hair.dark, 0.6)
    for flow in (_SCARF_FLOW, _on_the_right(_SCARF_FLOW)):
        _comb(front, cloth, hair, flow, rng, dark=9, light=9, width=(3.0, 9.0))
    band = overlap(fill([closed_symmetric(_SCARF_BAND_HALF)]), outside(opening))
    upper = outside(vertical_fade(190, 300))
    front.tint(overlap(band, upper), mix(hair.dark, (0, 0, 0), 0.35), 0.9)


_PAINTERS: dict[HairStyle, Callable[[Hair, Film, Film, random.Random], None]] = {
    "long": _paint_long,
    "short": _paint_short,
    "curly": _paint_curly,
    "swept": _paint_swept,
    "scarf": _paint_scarf,
}
