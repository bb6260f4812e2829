"""The pace of the picture, on simulated lines. Times are simulated: no clock is read."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from did_tui.picture.pace import EFFORTS, UNFOCUSED_FPS, Effort, Ladder, Pace

KB = 1000.0
QUERY = 4
Rate = Callable[[float], float]


@dataclass
class Wire:
    """A line with a hidden buffer without end, and the terminal behind it.

    ``rate``: bytes a second at a time; ``one_way``: seconds; the terminal parses ``parses`` bytes a
    second and takes ``wakes`` seconds to begin.
    """

    rate: Rate
    one_way: float
    parses: float = 20e6
    wakes: float = 0.0005
    jitter: float = 0.0
    random: random.Random = field(default_factory=lambda: random.Random(5))
    _through: float = 0.0
    _parsed: float = 0.0

    def write(self, size: int, now: float) -> float:
        """The time at which these bytes have been parsed."""
        at = max(now, self._through)
        left = float(size)
        while left > 0:
            step = math.floor(at * 10 + 1e-6) / 10 + 0.1 - at
            takes = left / self.rate(at)
            left -= min(step, takes) * self.rate(at)
            at += min(step, takes)
            left = 0.0 if takes <= step else left
        self._through = at
        late = self.jitter * self.random.random() ** 4
        begin = max(at + self.one_way + late, self._parsed)
        self._parsed = begin + self.wakes + size / self.parses
        return self._parsed

    def would_take(self, size: int, now: float) -> float:
        """The same without writing them."""
        return replace(self, random=random.Random(1)).write(size, now)

    def backlog(self, now: float) -> float:
        """Seconds until what was written is through."""
        return max(0.0, self._through - now)


@dataclass
class Picture:
    """A talking head: what each frame would take, at an effort."""

    random: random.Random
    full: float = 100 * KB
    median: float = 11 * KB
    burst: float = 40 * KB
    _left: float = 0.0
    _last: float = -1.0
    _effort: Effort | None = None

    def wants(self, now: float, effort: Effort) -> int:
        scale = effort.price**-0.33 * effort.size**2  # as the painter does
        if self._effort is None:
            self._left = self.full * scale
        elif effort.size != self._effort.size:
            self._left = self.full / 2 * scale  # all is painted anew
        frames = min(max((now - self._last) * 25, 1.0), 9.0) if self._last >= 0 else 1.0
        fresh = self.median * self.random.lognormvariate(0, 0.35) * math.sqrt(frames)
        if self.random.random() < 0.01:
            fresh += self.burst
        self._effort, self._last = effort, now
        return int(0.7 * self._left + fresh * scale)

    def sent(self, wanted: int, sent: int) -> None:
        self._left = wanted - sent


@dataclass
class Frame:
    at: float
    parsed: float
    size: int
    wanted: int
    effort: Effort


class Run:
    """Plays a picture over a line."""

    def __init__(
        self,
        wire: Wire,
        *,
        seconds: float = 60.0,
        pace: Pace | None = None,
        answer: Callable[[float, int], int] = lambda now, i: 1,
        picture: Picture | None = None,
        seed: int = 1,
        on_time: Callable[[float, Pace], None] = lambda now, pace: None,
        clock: float = 86_400.0,
    ) -> None:
        self.clock = clock  # what the clock of the pace says at 0
        self.wire, self.pace, self.seconds = wire, pace or Pace(), seconds
        self.random = random.Random(seed)
        self.picture = picture or Picture(random.Random(seed + 1))
        self.frames: list[Frame] = []
        self.echoes: list[tuple[float, float]] = []
        self.backlogs: list[tuple[float, float]] = []
        self.efforts: list[tuple[float, Effort]] = []
        self.rates: list[tuple[float, float]] = []
        self.words: list[tuple[float, str]] = []
        self.bytes: list[tuple[float, int]] = []
        self._unasked = 0
        self._play(answer, on_time)

    def _play(
        self, answer: Callable[[float, int], int], on_time: Callable[[float, Pace], None]
    ) -> None:
        events: list[tuple[float, int, str]] = []
        count = 0

        def at(time: float, what: str) -> None:
            nonlocal count
            count += 1
            heapq.heappush(events, (time, count, what))

        at(0.0, "screen")
        at(0.001, "frame")
        at(0.25, "status")
        at(5.0, "key")
        at(13.0, "page")
        planned = 0.001
        while events:
            now, _, what = heapq.heappop(events)
            if now > self.seconds:
                break
            on_time(now, self.pace)
            if what == "screen":
                self._paint(6000, now)
            elif what == "page":
                self._paint(6000, now)
                at(now + 20.0, "page")
            elif what == "status":
                self._paint(300, now)
                self.backlogs.append((now, self.wire.backlog(now)))
                self.words.append((now, self.pace.in_words))
                self.rates.append((now, self.pace.rate or 0.0))
                at(now + 0.25, "status")
            elif what == "key":
                # As if one were written: really writing so many would fill the line.
                self.echoes.append((now, self.wire.would_take(60, now)))
                at(now + self.random.expovariate(40.0), "key")
            elif what == "answer":
                self.pace.answered(now + self.clock)
            if what == "frame" and now < planned:
                continue
            if what in ("frame", "answer"):
                wait = self.pace.wait(now + self.clock, 0)
                assert wait >= 0
                if wait == 0:
                    parsed = self._frame(now)
                    for _ in range(answer(now, len(self.frames) - 1)):
                        at(parsed + self.wire.one_way, "answer")
                    wait = max(self.pace.wait(now + self.clock, 0), 0.001)
                planned = now + wait
                at(planned, "frame")

    def _paint(self, size: int, now: float) -> float:
        self._unasked += size
        self.bytes.append((now, size))
        return self.wire.write(size, now)

    def _frame(self, now: float) -> float:
        effort = self.pace.effort
        if not self.efforts or self.efforts[-1][1] != effort:
            self.efforts.append((now, effort))
        wanted = self.picture.wants(now, effort)
        budget = self.pace.budget(now + self.clock)
        size = wanted if budget is None else min(wanted, int(budget))
        self.picture.sent(wanted, size)
        parsed = self.wire.write(size + QUERY, now)
        self.bytes.append((now, size + QUERY))
        self.pace.sent(self._unasked + size + QUERY, now + self.clock, wanted=wanted)
        self._unasked = 0
        self.frames.append(Frame(now, parsed, size, wanted, effort))
        return parsed

    # Figures

    def age(self, begin: float = 3.0, end: float = math.inf, part: float = 0.95) -> float:
        """Seconds from sending a frame to its being parsed."""
        return quantile([f.parsed - f.at for f in self.frames if begin <= f.at < end], part)

    def echo(self, begin: float = 3.0, part: float = 0.95) -> float:
        """Seconds from a key's echo to its being parsed."""
        return quantile([parsed - at for at, parsed in self.echoes if at >= begin], part)

    def shown(self, begin: float = 3.0, end: float = math.inf) -> float:
        """Frames a second."""
        end = min(end, self.seconds)
        return sum(begin <= frame.parsed < end for frame in self.frames) / (end - begin)

    def used(self, begin: float = 3.0) -> float:
        """The part of the line's rate that was used."""
        sent = sum(size for at, size in self.bytes if at >= begin)
        return sent / (self.wire.rate(self.seconds) * (self.seconds - begin))

    def backlog(self, begin: float, end: float = math.inf) -> float:
        return max(backlog for at, backlog in self.backlogs if begin <= at < end)

    def step(self, at: float = math.inf) -> int:
        """Which of the efforts was in use."""
        effort = [effort for time, effort in self.efforts if time <= at][-1]
        return [effort for _, effort in EFFORTS].index(effort)

    def rate_at(self, time: float) -> float:
        return next(rate for at, rate in self.rates if at >= time)


def quantile(values: list[float], part: float) -> float:
    return sorted(values)[min(int(part * len(values)), len(values) - 1)]


def steady(kilobytes: float, one_way: float, *, jitter: float = 0.0) -> Wire:
    return Wire(lambda now: kilobytes * KB, one_way, jitter=jitter)


def stepped(before: float, after: float, when: float, one_way: float) -> Wire:
    return Wire(lambda now: (before if now < when else after) * KB, one_way)


LINES = [
    (rate, one_way, jitter)
    for rate in (16, 64, 256, 1024)
    for one_way in (0.005, 0.025, 0.1)
    for jitter in (0.0, 0.03)
]


@pytest.mark.parametrize(("rate", "one_way", "jitter"), LINES)
def test_nothing_queues_and_little_is_wasted_on_a_line(
    rate: float, one_way: float, jitter: float
) -> None:
    run = Run(steady(rate, one_way, jitter=jitter), seconds=90)
    trip = 2 * (one_way + jitter)
    assert run.age() <= 0.150 + trip
    assert run.echo() <= 0.100 + trip
    assert run.backlog(3.0) < 0.8  # a whole page of the user interface on the slowest
    assert run.backlog(45.0) < run.backlog(3.0) + 0.1
    assert run.shown() >= (10 if rate < 256 else 20)
    if rate < 1024:
        assert run.used() >= 0.45  # sizes are steps
        assert any("slow line" in words for _, words in run.words)
    else:
        assert run.step() == 0
        assert run.pace.in_words == ""
    assert sum(at > 30 for at, _ in run.efforts) <= (10 if jitter else 6)


def test_where_the_clock_began_does_not_matter() -> None:
    runs = [Run(steady(256, 0.1), seconds=30, clock=clock) for clock in (0.0, 1e6)]
    assert runs[0].shown() == pytest.approx(runs[1].shown(), abs=1)
    assert runs[0].age() == pytest.approx(runs[1].age(), abs=0.02)


@pytest.mark.parametrize("rate", [16, 64, 256, 1024])
def test_the_first_frame_is_small_on_any_line(rate: float) -> None:
    run = Run(steady(rate, 0.025), seconds=5)
    assert run.frames[0].size <= 2500
    assert run.frames[1].at >= run.frames[0].parsed  # not before something is known


@pytest.mark.parametrize("one_way", [0.0001, 0.0005, 0.0025])
@pytest.mark.parametrize(("median", "full"), [(12, 100), (40, 500)])
def test_a_local_terminal_is_never_limited(one_way: float, median: float, full: float) -> None:
    picture = Picture(random.Random(3), median=median * KB, full=full * KB, burst=100 * KB)
    run = Run(steady(50_000, one_way), seconds=70, picture=picture)
    assert all(frame.size == frame.wanted for frame in run.frames[10:])
    assert run.step() == 0
    assert run.shown(1.0) > 24.5


@pytest.mark.parametrize("wire", [Wire(lambda now: 5e7, 0.0001, wakes=0.016), steady(5e4, 0.01)])
def test_a_terminal_that_wakes_late_is_not_taken_for_a_slow_one(wire: Wire) -> None:
    run = Run(wire, seconds=20)
    assert all(frame.size == frame.wanted for frame in run.frames[10:])


@pytest.mark.parametrize("one_way", [0.005, 0.1])
def test_a_line_that_becomes_slower_is_noticed(one_way: float) -> None:
    run = Run(stepped(1024, 16, 20, one_way), seconds=70)
    drained = 20.0 + run.backlog(20.0, 24.0) + 1.0
    sent = sum(frame.size for frame in run.frames if 20.5 <= frame.at < drained - 1)
    assert sent < 3 * KB  # it has stopped within half a second
    assert run.age(drained + 5) <= 0.250 + 2 * one_way
    assert run.age(50) <= 0.150 + 2 * one_way
    assert run.step() >= 7


@pytest.mark.parametrize("one_way", [0.005, 0.1])
def test_a_line_that_becomes_faster_is_found_again_step_by_step(one_way: float) -> None:
    run = Run(stepped(16, 1024, 20, one_way), seconds=80)
    assert run.step(20) >= 7
    assert run.rate_at(26) > 100 * KB
    steps = [run.step(at) for at in range(22, 80, 2)]
    assert all(after <= before for before, after in pairwise(steps))
    assert steps[-1] == 0
    assert run.shown(60) > 24


@pytest.mark.parametrize(("before", "after"), [(0.005, 0.1), (0.1, 0.005)])
def test_another_way_to_the_terminal_is_learned(before: float, after: float) -> None:
    wire = steady(256, before)

    def switch(now: float, pace: Pace) -> None:
        wire.one_way = before if now < 20 else after

    run = Run(wire, seconds=100, on_time=switch)
    assert run.shown(70) > 20
    assert run.age(70) <= 0.150 + 2 * after


def test_no_queue_survives_a_line_that_was_dead() -> None:
    run = Run(Wire(lambda now: 1.0 if 20 < now < 25 else 256 * KB, 0.025), seconds=60)
    assert "terminal does not answer" in {words for at, words in run.words if 20 < at < 27}
    assert run.backlog(27.0) < 0.3
    assert run.shown(40) > 20


@pytest.mark.parametrize("rate", [1024, 50_000])
@pytest.mark.parametrize("one_way", [0.0005, 0.025])
@pytest.mark.parametrize("stall", [1.5, 3.2, 5.0, 10.0])
def test_after_a_stall_the_picture_is_soon_one_of_now(
    rate: float, one_way: float, stall: float
) -> None:
    for seed in range(4):
        begin = 20 + 0.73 * seed
        end = begin + stall
        wire = Wire(lambda now, b=begin, e=end: 1.0 if b <= now < e else rate * KB, one_way)  # type: ignore[misc]
        run = Run(wire, seconds=end + 6, seed=seed)
        fresh = 0.150 + 2 * one_way
        right = next(f.parsed for f in run.frames if f.parsed > end and f.parsed - f.at <= fresh)
        assert right - end <= 0.200 + 2 * one_way
        assert sum(f.size for f in run.frames if begin + 0.5 < f.at < end) < 25 * KB
        assert run.age(end + 1) <= fresh
        assert run.shown(end + 1) > 20


def test_a_line_that_is_slower_after_a_silence_is_noticed_by_one_small_frame() -> None:
    wire = Wire(lambda now: 50e6 if now < 20 else 1.0 if now < 26 else 16e3, 0.005)
    run = Run(wire, seconds=60)
    through = max(f.parsed for f in run.frames if f.at < 26.5)  # what was sent before it was known
    first, second = [f for f in run.frames if f.at > through][:2]
    assert first.size <= 2500
    assert second.at > first.parsed
    assert run.backlog(through + 1) < 0.8
    assert run.age(through + 5) <= 0.160


def test_a_terminal_that_never_answers_is_paced() -> None:
    run = Run(steady(20_000, 0.0001), seconds=30, answer=lambda now, i: 0)
    assert run.pace.rate is None
    assert run.pace.in_words == "terminal does not answer"
    assert sum(frame.size for frame in run.frames if frame.at < 3) <= 2500
    assert run.shown(10) > 24
    assert max(frame.size for frame in run.frames) <= 0.1 * 1_000_000
    assert run.step() == 0


def test_a_terminal_that_stops_answering_and_begins_again() -> None:
    run = Run(steady(20_000, 0.0001), seconds=60, answer=lambda now, i: int(not 10 < now < 30))
    assert run.shown(11, 13) == 0
    words = [words for at, words in run.words if 14 < at < 30]
    assert set(words) == {"terminal does not answer"}
    sent = sum(frame.size for frame in run.frames if 14 < frame.at < 30)
    assert 15 * KB < sent / 16 <= 35 * KB
    assert run.shown(50) > 24.5
    assert run.pace.in_words == ""


@pytest.mark.parametrize("rate", [16, 256])
@pytest.mark.parametrize("one_way", [0.005, 0.1])
@pytest.mark.parametrize("answers", [0, 4])
def test_answers_lost_and_answers_unasked_do_no_lasting_harm(
    rate: float, one_way: float, answers: int
) -> None:
    run = Run(
        steady(rate, one_way),
        seconds=200,
        answer=lambda now, i: answers if 200 <= i < 203 else 1,
    )
    assert run.age() <= 0.300 + 2 * one_way
    assert run.age(150) <= 0.150 + 2 * one_way
    assert run.shown(150) >= (10 if rate == 16 else 20)


def test_an_answer_that_nothing_asked_for_is_ignored() -> None:
    pace = Pace()
    pace.answered(1.0)
    assert pace.rate is None
    assert pace.wait(1.0, 0) == 0.0


def test_a_night_of_sleep_is_harmless() -> None:
    pace = Pace()
    now = 0.0
    for _ in range(100):
        pace.sent(12_000, now, wanted=12_000)
        pace.answered(now + 0.01)
        now += 0.04
    pace.sent(12_000, now, wanted=12_000)
    now += 8 * 3600
    pace.wait(now, 0)
    pace.answered(now)
    for _ in range(20):
        now += max(pace.wait(now, 0), 0.04)
        budget = pace.budget(now)
        size = 12_000 if budget is None else min(12_000, int(budget))
        pace.sent(size, now, wanted=12_000)
        pace.answered(now + 0.001)
    assert size == 12_000
    assert pace.in_words == ""


def test_a_bound_on_the_rate_is_kept() -> None:
    run = Run(steady(50_000, 0.0001), pace=Pace(most=64 * KB), seconds=60)
    sent = sum(size for at, size in run.bytes if at >= 3)
    assert 0.7 * 64 * KB < sent / 57 < 64 * KB
    assert run.pace.slow


def test_frames_keep_their_rate_and_are_fewer_without_focus() -> None:
    def focus(now: float, pace: Pace) -> None:
        pace.focused = now < 10 or now > 20

    run = Run(steady(50_000, 0.0005), seconds=30, on_time=focus, pace=Pace(fps=30))
    assert run.shown(2, 10) == pytest.approx(30, abs=0.5)
    assert run.shown(11, 20) == pytest.approx(UNFOCUSED_FPS, abs=0.3)
    assert run.shown(21, 30) == pytest.approx(30, abs=0.5)
    assert not run.pace.slow


@pytest.mark.parametrize("measured", [False, True])
def test_a_source_as_fast_as_is_allowed_soon_waits_no_more(measured: bool) -> None:
    pace = Pace(fps=25)
    waits: list[float] = []
    sent = 0.0
    due = [0.0, 0.075, *(number / 25 for number in range(2, 76))]  # the second came late
    for at, following in pairwise([*due, 9.0]):
        sent = max(at, sent)
        while (wait := pace.wait(sent, 0)) and sent + wait < following:
            sent += wait
        waits.append(sent + wait - at)
        if wait:
            continue  # the next picture takes its place
        if measured:
            pace.sent(2000, sent, wanted=2000)
            pace.answered(sent + 0.001)
        else:
            pace.shown(sent)
    assert max(waits) > 0.004, "at most so many a second"
    assert not any(waits[-10:])


def test_nothing_is_added_while_the_pty_is_full() -> None:
    pace = Pace()
    assert pace.wait(0.0, 0) == 0.0
    assert pace.wait(0.0, 4096) == 0.0
    assert 0 < pace.wait(0.0, 100_000) <= 1.0


def test_each_effort_asks_for_less_than_the_one_before() -> None:
    def load(effort: Effort) -> float:
        return effort.fps / effort.price * effort.size**2

    loads = [load(effort) for _, effort in EFFORTS]
    assert loads == sorted(loads, reverse=True)
    assert len(set(loads)) == len(loads)
    order = ["", "fewer changes", "coarser colours", "fewer frames", "smaller picture"]
    assert list(dict.fromkeys(words for words, _ in EFFORTS)) == order


def test_a_line_that_shows_nothing_when_it_is_tried_has_a_rate_all_the_same() -> None:
    pace = Pace()
    frames = ((0.0, 10**6, 1000, 1.0), (101.0, 1000, 0, 100.0), (301.0, 0, 1000, 0.001))
    for at, size, wanted, later in frames:
        pace.sent(size, at, wanted=wanted)
        pace.answered(at + later)
        assert pace.rate
        assert 0.0 <= pace.wait(at + later, 0) <= 1.0


CALLS = st.tuples(
    st.sampled_from(["wait", "budget", "sent", "answered", "focus"]),
    st.one_of(st.floats(0, 0.2), st.floats(0, 1e9), st.just(0.0)),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(CALLS, max_size=120),
    st.one_of(st.none(), st.floats(0, 1e9)),
    st.floats(0.1, 240),
)
def test_no_calls_at_any_times_do_harm(
    calls: list[tuple[str, float, int, int]], most: float | None, fps: float
) -> None:
    pace = Pace(fps, most)
    now = 0.0
    for call, later, size, wanted in calls:
        now += later
        if call == "sent":
            pace.sent(size, now, wanted=wanted)
        elif call == "answered":
            pace.answered(now)
        elif call == "focus":
            pace.focused = not pace.focused
        budget, wait, rate = pace.budget(now), pace.wait(now, size), pace.rate
        assert 0.0 <= wait <= 1.0
        assert budget is None or 0.0 < budget < math.inf
        assert rate is None or 0.0 < rate < math.inf
        assert 0 < pace.effort.size <= 1
        assert pace.effort.fps >= 1
        assert pace.slow or pace.in_words in ("", "terminal does not answer")


@pytest.mark.parametrize(
    ("rate", "step"), [(16_000, 8), (32_000, 7), (64_000, 1), (256_000, 1), (1_000, 9)]
)
def test_a_picture_that_would_take_seconds_is_made_smaller_at_once(rate: float, step: int) -> None:
    ladder = Ladder()
    for frame in range(30):
        ladder.note(100_000, rate / 25, frame / 25, limited=True)
    assert ladder.step == step


def test_what_does_not_fit_by_a_little_goes_down_step_by_step() -> None:
    ladder = Ladder()
    steps = []
    for frame in range(25 * 4):
        ladder.note(5_000, 4_000, frame / 25, limited=True)
        steps.append(ladder.step)
    assert sorted(set(steps)) == list(range(max(steps) + 1))
    assert max(steps) >= 3
