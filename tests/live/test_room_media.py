"""What a room's sound and picture look like before the playback gets them. Pure."""

from __future__ import annotations

import numpy as np
import pytest

from did_tui.live.roommedia import Positions, frame_of


@pytest.mark.parametrize(("width", "height"), [(512, 512), (640, 360), (33, 17), (1, 1)])
def test_a_picture_keeps_its_pixels(width: int, height: int) -> None:
    wide, high = (width + 1) // 2, (height + 1) // 2
    planes = [
        np.arange(h * w, dtype=np.uint32).astype(np.uint8).reshape(h, w) + shift
        for (w, h), shift in (((width, height), 0), ((wide, high), 40), ((wide, high), 80))
    ]
    frame = frame_of(width, height, b"".join(plane.tobytes() for plane in planes))
    assert (frame.width, frame.height, frame.format.name) == (width, height, "yuv420p")
    for plane, expected in zip(frame.planes, planes, strict=True):
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        high, wide = expected.shape
        assert np.array_equal(rows[:high, :wide], expected)


def test_sound_that_comes_in_a_bunch_is_one_behind_the_other() -> None:
    positions = Positions()
    found = [positions.next(now, 0.01) for now in (5.0, 5.012, 5.02, 5.1, 5.1, 5.1, 5.1)]
    assert found == pytest.approx([5.0, 5.01, 5.02, 5.03, 5.04, 5.05, 5.06])


def test_a_first_frame_that_was_late_and_a_clock_that_drifts_are_put_right() -> None:
    positions, late = Positions(), []
    for number in range(1000):
        sent = number * 0.02 * (1 + 300e-6)  # as a clock of 300 ppm less has it
        now = 5 + sent + (0.1 if number < 5 else 0.004 * (number % 3))
        late.append(now - positions.next(now, 0.02) - 0.004 * (number % 3))
    assert max(abs(apart) for apart in late[300:]) < 0.002
    for now in (30.0, *[30.6] * 25):  # a stall, then a bunch
        positions.next(now, 0.02)
    moments = [30.6 + number * 0.02 for number in range(1, 500)]
    late = [now - positions.next(now, 0.02) for now in moments]
    assert abs(late[-1]) < 0.002


def test_sound_after_a_gap_is_where_it_comes() -> None:
    positions = Positions()
    assert [positions.next(now, 0.01) for now in (5.0, 7.0, 7.01)] == pytest.approx([5, 7, 7.01])
    assert positions.next(5.0, 0.01) == 5.0
