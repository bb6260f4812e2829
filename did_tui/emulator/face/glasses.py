"""Round glasses."""

from __future__ import annotations

from did_tui.emulator.face.head import EYE_DX, EYE_Y
from did_tui.emulator.face.paint import (
    Colour,
    Film,
    fill,
    mix,
    outside,
    overlap,
    shifted,
    soft,
    spray,
)
from did_tui.emulator.face.shapes import AXIS, Points, mirrored, open_curve, oval, stroke

_Y = EYE_Y + 6
_LENS = (49.0, 46.0)
_WIDTH = 6.0
_BRIDGE: Points = ((AXIS - 12, _Y - 8), (AXIS, _Y - 14), (AXIS + 12, _Y - 8))
_TEMPLE: Points = ((AXIS + 107, _Y - 10), (AXIS + 124, _Y - 13))


def paint_glasses(colour: Colour, film: Film) -> None:
    """Paint the frame with its shadow, and a faint gleam on each lens."""
    shapes = [stroke(open_curve(_BRIDGE), _WIDTH), stroke(open_curve(_TEMPLE), _WIDTH)]
    shapes.append(mirrored(shapes[-1]))
    for side in (-1, 1):
        x = AXIS + side * EYE_DX
        lens = oval((x, _Y), _LENS)
        closed = [*range(len(lens)), 0, 1]  # the stroke ends on its own beginning
        shapes.append(stroke(lens[closed], _WIDTH))
        gleam = fill([stroke(open_curve(((x - 34, _Y + 8), (x - 4, _Y - 34))), 9.0)])
        film.lay(soft(overlap(gleam, fill([lens])), 1.5), (255, 255, 255), 0.2)
    frame = fill(shapes)
    film.lay(soft(shifted(frame, 2, 4), 2.5), (70, 30, 30), 0.35)
    film.lay(frame, colour)
    lit = overlap(frame, outside(shifted(frame, 2, 2)), spray((AXIS - 90, _Y - 50), (260, 70)))
    film.tint(lit, mix(colour, (255, 230, 240), 0.6), 0.8)
