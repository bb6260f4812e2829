"""Where a picture lies in a field of cells, and which part of it is seen. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from did_tui.picture.cells import Mask

Framing: TypeAlias = Literal["fit", "crop", "fill"]

#: What a crop never takes from a portrait: the head, from above the hair to below the chin.
KEEP_FROM, KEEP_TO = 0.06, 0.86
KEEP_WIDTH = 0.6  # of the width, in the middle
FILL_WIDTH = 0.1  # what filling leaves of the width: less would be scaled up without bounds

CELL = (8, 16)  # pixels of a cell, where the terminal does not tell


@dataclass(frozen=True, slots=True)
class Placement:
    """A scaled picture and the part of it that is put on the field, all in sub-pixels.

    The picture is scaled to ``width`` by ``height``; of that, ``shown_width`` by ``shown_height``
    from (``skip_x``, ``skip_y``) go to (``left``, ``top``) of the field.
    """

    width: int
    height: int
    skip_x: int
    skip_y: int
    shown_width: int
    shown_height: int
    left: int
    top: int


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Where a field of cells lies on the screen, and its (rows, cols) that nothing covers."""

    left: int
    top: int
    visible: Mask


NOWHERE = Placement(0, 0, 0, 0, 0, 0, 0, 0)


@lru_cache(64)
def place(
    width: int,
    height: int,
    cols: int,
    rows: int,
    *,
    across: int = 1,
    down: int = 2,
    cell: tuple[int, int] = CELL,
    framing: Framing = "fit",
    size: float = 1.0,
) -> Placement:
    """Place a picture of ``width`` by ``height`` pixels in the middle of a field of cells.

    ``cell`` is the size of a cell on the screen in pixels. ``fit`` shows all of the picture,
    ``crop`` may leave out what a portrait can spare to show the face larger, ``fill`` leaves out as
    much at the sides as it takes to cover the field. ``size`` is the linear part of the field that
    is used, in whole cells and in its middle.
    """
    if min(width, height, cols, rows) < 1:
        return NOWHERE
    used_cols, used_rows = max(1, round(cols * size)), max(1, round(rows * size))
    field_width, field_height = used_cols * across, used_rows * down
    # The shape of a sub-pixel: its width over its height on the screen.
    aspect = (cell[0] / across) / (cell[1] / down)
    part_x, part_y = _kept(width / height, field_width * aspect / field_height, framing)
    scale = min(field_width / (width * part_x), field_height / (height * part_y * aspect))
    full_width = max(1, round(width * scale))
    full_height = max(1, round(height * scale * aspect))
    shown_width = max(1, min(field_width, full_width, round(full_width * part_x)))
    shown_height = max(1, min(field_height, full_height, round(full_height * part_y)))
    spare = full_height - shown_height
    return Placement(
        full_width,
        full_height,
        (full_width - shown_width) // 2,
        round(spare * KEEP_FROM / (1 - KEEP_TO + KEEP_FROM)),
        shown_width,
        shown_height,
        (cols - used_cols) // 2 * across + (field_width - shown_width) // 2,
        (rows - used_rows) // 2 * down + (field_height - shown_height) // 2,
    )


def _kept(picture: float, field: float, framing: Framing) -> tuple[float, float]:
    """The parts of width and height that are shown; both arguments are width over height."""
    if framing == "fit":
        return 1.0, 1.0
    if field > picture:
        return 1.0, max(picture / field, KEEP_TO - KEEP_FROM)
    least = FILL_WIDTH if framing == "fill" else KEEP_WIDTH
    return max(field / picture, least), 1.0
