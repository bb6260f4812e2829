"""Where a picture lies in a field of cells. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fit:
    """Where a picture lies in a field of cells, in pixels (a cell is one wide and two high)."""

    left: int
    top: int
    width: int
    height: int


def fit(width: int, height: int, cols: int, rows: int, cell_aspect: float = 2.0) -> Fit:
    """The largest place for a picture that shows all of it, in the middle of the field.

    ``cell_aspect`` is a cell's height over its width on the screen.
    """
    if width < 1 or height < 1 or cols < 1 or rows < 1:
        return Fit(0, 0, 0, 0)
    # A pixel is a cell wide and half a cell high, so it need not be square.
    pixel_aspect = cell_aspect / 2
    factor = min(cols / width, rows * 2 * pixel_aspect / height)
    shown = max(1, min(cols, round(width * factor)))
    tall = max(1, min(rows * 2, round(height * factor / pixel_aspect)))
    return Fit((cols - shown) // 2, (rows * 2 - tall) // 2, shown, tall)
