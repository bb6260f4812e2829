"""Frames -> cells."""

from __future__ import annotations

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from did_tui.picture.fit import Fit, fit
from did_tui.picture.scale import Scaler


def gradient(width: int, height: int, pixel_format: str = "yuv420p") -> av.VideoFrame:
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([x * 255 // max(width - 1, 1), y * 255 // max(height - 1, 1), x * 0 + 90], -1)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb, np.uint8), format="rgb24")
    return frame.reformat(format=pixel_format)


def test_the_same_frame_gives_the_same_cells_each_time() -> None:
    scaler, frame = Scaler(), gradient(512, 512)
    first = scaler.cells(frame, 60, 30)
    for _ in range(50):
        again = scaler.cells(frame, 60, 30)
        assert (again.upper == first.upper).all()
        assert (again.lower == first.lower).all()


def test_a_picture_is_averaged_not_picked() -> None:
    checks = np.zeros((64, 64, 3), np.uint8)
    checks[::2, ::2] = checks[1::2, 1::2] = 255
    frame = av.VideoFrame.from_ndarray(checks, format="rgb24")
    cells = Scaler().cells(frame, 16, 8)
    grey = cells.upper & 255
    assert ((grey > 120) & (grey < 136)).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 4096), (4096, 1), (3, 5), (4096, 4096), (641, 359)])
@pytest.mark.parametrize("field", [(1, 1), (80, 24), (500, 200), (3, 1)])
def test_any_size_in_any_field(size: tuple[int, int], field: tuple[int, int]) -> None:
    cells = Scaler().cells(gradient(*size, "rgb24"), *field)
    assert (cells.cols, cells.rows) == field


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 500), st.integers(1, 200))
def test_the_picture_lies_inside_the_field(width: int, height: int, cols: int, rows: int) -> None:
    place = fit(width, height, cols, rows)
    assert place.left >= 0
    assert place.top >= 0
    assert 1 <= place.width <= cols - place.left
    assert 1 <= place.height <= rows * 2 - place.top


def test_a_square_fills_the_height_of_a_wide_field() -> None:
    assert fit(512, 512, 120, 40) == Fit(20, 0, 80, 80)
    assert fit(512, 512, 60, 30) == Fit(0, 0, 60, 60)
