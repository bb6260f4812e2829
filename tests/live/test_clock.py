"""Which picture belongs to which sound, and when it is seen."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from did_tui.live.media.clock import (
    MOST_PICTURES,
    DeviceClock,
    Drift,
    LipSync,
    PictureQueue,
    SenderReports,
)


def test_one_wrong_latency_moves_nothing() -> None:
    clock = DeviceClock()
    assert clock.heard_at(1.0) is None
    for block in range(100):
        clock.anchor(block * 0.01, 5 + block * 0.01 + (0.3 if block == 50 else 0.0))
    assert clock.heard_at(2.0) == pytest.approx(7.0)


def test_reports_that_go_backwards_are_refused_and_a_new_clock_is_believed() -> None:
    reports = SenderReports()
    for second in range(5):
        reports.add(1000.0 + second, second)
    reports.add(400.0, 5)
    reports.add(900.0, 6)
    assert reports.offset == pytest.approx(1000)
    assert reports.refused == 2
    for second in range(7, 10):
        reports.add(5000.0 + second, second)
    assert reports.offset == pytest.approx(5000)


def synced(*, reports: tuple[float, float] | None, picture_ahead: float = 0.0) -> LipSync:
    """Voice positions begin at 100, pictures' at 900; both are sent together."""
    sync = LipSync()
    for tick in range(50):
        now = tick * 0.02
        sync.voice_arrivals.add(now + random.random() * 0.02, 100 + now)
        sync.picture_arrivals.add(now + picture_ahead, 900 + now)
        sync.device.anchor(100 + now, now + 0.15)
    if reports is not None:
        sync.voice_reports.add(reports[0], 100.0)
        sync.picture_reports.add(reports[1], 900.0)
    return sync


def test_a_picture_is_seen_when_its_sound_is_heard() -> None:
    sync = synced(reports=(50.0, 50.03))
    assert sync.source == "reports"
    # The report says that the picture at 900 is 30 ms younger than the sound at 100.
    assert sync.moment(901.0) == pytest.approx(1.0 + 0.15 + 0.03)


@pytest.mark.parametrize("reports", [None, (50.0, 57.0), (50.0, 3.0)])
def test_without_reports_or_with_mad_ones_arrivals_tell(
    reports: tuple[float, float] | None,
) -> None:
    sync = synced(reports=reports)
    assert sync.source == "arrivals"
    assert sync.moment(901.0) == pytest.approx(1.15, abs=0.02)


def test_without_sound_a_picture_is_due_at_once() -> None:
    sync = LipSync()
    sync.picture_arrivals.add(1.0, 5.0)
    assert sync.source == "none"
    assert sync.moment(5.0) is None
    queue: PictureQueue[str] = PictureQueue()
    queue.add("one", 5.0, 1.0)
    assert queue.due(1.0, None) == "one"


def test_the_first_picture_does_not_wait_for_its_sound() -> None:
    queue: PictureQueue[str] = PictureQueue()
    queue.add("one", 5.0, 100.0)
    assert queue.due(100.0, 100.15) == "one"
    queue.add("two", 5.04, 100.04)
    assert queue.due(100.04, 100.19) is None, "the next waits a little"


def test_the_newest_that_is_due_wins_and_the_others_are_counted() -> None:
    queue: PictureQueue[int] = PictureQueue()
    for number in range(10):
        queue.add(number, number * 0.04, number * 0.04)
    assert queue.due(0.2, 0.0) == 5
    assert queue.dropped == 5
    assert queue.next_in(0.2) == pytest.approx(0.04)
    assert queue.due(0.3, 0.24) == 7


def test_when_sound_begins_pictures_are_held_back_little_by_little() -> None:
    queue: PictureQueue[int] = PictureQueue()
    seen: list[tuple[float, int]] = []
    now = 0.0
    while now < 4:
        if round(now * 1000) % 40 == 0:
            queue.add(round(now * 25), now, now)
        first = queue.first
        if first is not None:
            delayed = first + 0.2 if now > 1 else None
            picture = queue.due(now, delayed)
            if picture is not None:
                seen.append((now, picture))
        now = round(now + 0.005, 3)
    apart = [b[0] - a[0] for a, b in itertools.pairwise(seen)]
    assert max(apart) <= 0.09
    assert [p for _, p in seen] == sorted({p for _, p in seen})
    last_at, last = seen[-1]
    assert last_at - last / 25 == pytest.approx(0.2, abs=0.02)


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0, 0.1), st.none() | st.floats(-1e6, 1e6)))
)
def test_whatever_the_clocks_say_pictures_neither_pile_up_nor_stay(
    steps: list[tuple[float, float, float | None]],
) -> None:
    queue: PictureQueue[int] = PictureQueue()
    now = 0.0
    for number, (position, pause, moment) in enumerate(steps):
        now += pause
        queue.add(number, position, now)
        queue.due(now, moment)
        assert len(queue) <= MOST_PICTURES
    queue.due(now + 2, now + 100)
    assert len(queue) == 0


def test_drift_is_measured_through_jitter() -> None:
    chance = random.Random(1)
    drift = Drift()
    for tick in range(5000):
        drift.add(tick * 0.02, tick * 0.02 * 300e-6 + chance.random() * 0.02)
        assert tick >= 3000 or drift.ppm is None, "too short to tell"
    assert drift.ppm == pytest.approx(300, abs=40)
