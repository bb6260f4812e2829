"""How long sound waits, on lines of every kind."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from did_tui.live.media.jitter import LEAST, MOST, MS, SPANS, Jitter


def after(
    seconds: float, late: Callable[[float], float], *, jitter: Jitter | None = None
) -> Jitter:
    """A line on which the packet of each moment comes so many seconds late."""
    jitter = jitter or Jitter()
    for number in range(int(seconds * 50)):
        moment = number * 0.02
        jitter.add(5.0 + late(moment), moment + late(moment))
    return jitter


def random_up_to(most: float) -> Callable[[float], float]:
    chance = random.Random(1)
    return lambda _moment: chance.random() * most


def stall(begin: float, lasting: float) -> Callable[[float], float]:
    return lambda moment: max(0.0, begin + lasting - moment) if moment >= begin else 0.0


@pytest.mark.parametrize(
    ("late", "least", "most"),
    [
        (lambda _moment: 0.0, 40, 40),
        (random_up_to(0.040), 45, 52),
        (random_up_to(0.100), 100, 112),
        (random_up_to(0.500), 240, 240),
        (stall(10, 0.4), 40, 40),
    ],
    ids=["clean", "40 ms", "100 ms", "500 ms", "one stall"],
)
def test_it_waits_for_what_the_line_needs(
    late: Callable[[float], float], least: int, most: int
) -> None:
    assert least * MS <= after(30, late).target <= most * MS


def test_what_happens_again_and_again_is_waited_for() -> None:
    assert after(30, lambda moment: max(0.0, 0.15 - moment % 2)).target > 150 * MS


def test_it_forgets_a_line_that_was_bad() -> None:
    jitter = after(20, random_up_to(0.15))
    assert jitter.target > 140 * MS
    assert after(SPANS / 2 + 10, lambda _moment: 0.0, jitter=jitter).target == LEAST


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), max_size=80))
def test_whatever_comes_it_stays_within_its_bounds(packets: list[tuple[float, float]]) -> None:
    jitter = Jitter()
    for delay, arrival in packets:
        jitter.add(delay, arrival)
        assert LEAST <= jitter.target <= MOST
