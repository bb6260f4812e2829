"""Pictures of pixels, as the painter sends them."""

from __future__ import annotations

import re

import numpy as np
import pytest

from did_tui.picture import sixel
from did_tui.picture.graphics import MOST, PixelPainter, pixel_style

PART = re.compile(rb'\x1b\[(\d+);(\d+)H\x1bP9;0q"1;1;(\d+);(\d+)')


@pytest.mark.parametrize("cell", [(9, 18), (8, 16), (10, 21), (7, 397), (300, 20)])
@pytest.mark.parametrize("field", [(4, 10), (40, 120), (90, 250)])
def test_a_large_sixel_picture_is_sent_in_parts(
    cell: tuple[int, int], field: tuple[int, int]
) -> None:
    (width, height), (rows, cols) = cell, field
    rows, cols = min(rows, 2400 // height), min(cols, 2400 // width)
    painter = PixelPainter(rows, cols, pixel_style("sixel", cell))
    picture = np.zeros((rows * height, cols * width), np.uint32)
    covered = np.zeros((rows * height, cols * width), np.uint8)
    data = painter.plan(picture, top=3, left=5).data
    for found in PART.finditer(data):
        row, column, across, down = map(int, found.groups())
        assert across <= max(MOST, width)
        assert down <= max(MOST, 6 * height)
        y, x = (row - 4) * height, (column - 6) * width
        covered[y : y + down, x : x + across] += 1
    seen = sixel.fit_height(rows * height)
    assert (covered[:seen] == 1).all()
    assert not covered[seen:].any()
    assert data.count(b"\x1bP") == len(PART.findall(data))
