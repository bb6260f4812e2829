"""When the next frame may be sent to the terminal, how large, and how good.

Pure: times are the caller's, in seconds of a clock that never goes back; sizes are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from did_tui.picture.line import SHORTEST, Line

PENDING = 4096  # bytes the pty has not taken yet, above which nothing is added
PENDING_HOLD = 0.02  # seconds until the next look then
STALLED = 0.5  # seconds without any of them taken, after which the terminal does not read
SOON = 0.25  # part of a frame's time by which it may come before its turn
#: Of a frame's time until the next one's turn: a source that is just as fast as is allowed would
#: for ever wait for what it was late once, or for two pictures that came at once. That took a sixth
#: of a player's processor time: what waits is the event loop's, what is on time needs none of it.
TURN = 0.99
UNFOCUSED_FPS = 8.0


@dataclass(frozen=True, slots=True)
class Effort:
    """How good a picture is tried.

    ``price``: what a change must be worth, times this. ``fps``: frames a second. ``size``: linear
    part of the field that is used, 0 to 1.

    There is no step to 256 colours: dithered they take 0.8 of the bytes and are 25 dB away from the
    picture; at a price of 16 it takes 0.4 of them, and the colours are 41 dB away.
    """

    price: float = 1.0
    fps: float = 25.0
    size: float = 1.0


#: From all to little, and what the steps are called.
EFFORTS = (
    ("", Effort()),
    ("fewer changes", Effort(2.0)),
    ("fewer changes", Effort(4.0)),
    ("coarser colours", Effort(8.0)),
    ("coarser colours", Effort(16.0)),
    ("fewer frames", Effort(16.0, fps=18.0)),
    ("fewer frames", Effort(16.0, fps=12.0)),
    ("smaller picture", Effort(16.0, fps=12.0, size=0.75)),
    ("smaller picture", Effort(16.0, fps=12.0, size=0.55)),
    ("smaller picture", Effort(16.0, fps=12.0, size=0.4)),
)

JUDGED_EVERY = 1.0  # seconds of frames that are judged together
TOO_MUCH = 0.9  # part of the frames that were cut short, from which a step down is due
GAINING = 0.8  # wanted over wanted before, below which it is on its way without a step
WHOLE = 2.0  # seconds that all that is missing may take, before it is made smaller at once
PLENTY = 0.55  # wanted over possible, below which a step up may be tried
UP_AFTER = 3.0  # seconds of plenty before a step up
UP_AFTER_MOST = 120.0  # the same when steps up have failed again and again
TRIAL = 20.0  # seconds that a step up must last to have been right
FASTER = 2.0  # times the rate at which a step up failed: reason to try again soon


class Ladder:
    """Chooses the step of ``EFFORTS``: down when the line is too slow for a while, up with care."""

    def __init__(self) -> None:
        self.step = 0
        self._began: float | None = None
        self._frames = 0
        self._short = 0
        self._wanted = 0.0
        self._possible = 0.0
        self._plenty = 0.0
        self._patience = UP_AFTER
        self._climbed_at: float | None = None
        self._least_rate = 0.0  # in the time of plenty
        self._failed_rate = 0.0
        self._before = 0.0  # what frames wanted when they were judged last

    def note(self, wanted: float, possible: float, now: float, *, limited: bool) -> None:
        """A frame wanted so many bytes; so many were possible at a steady pace."""
        if self._began is None or now - self._began > 5 * JUDGED_EVERY:
            self._begin(now)
        self._frames += 1
        self._short += limited
        self._wanted += wanted
        self._possible += possible
        if self._began is not None and now - self._began >= JUDGED_EVERY and self._frames > 2:
            self._judge(now, now - self._began)
            self._begin(now)

    def _begin(self, now: float) -> None:
        self._began = now
        self._frames = self._short = 0
        self._wanted = self._possible = 0.0

    def _judge(self, now: float, took: float) -> None:
        rate = self._possible / self._frames * EFFORTS[self.step][1].fps
        climbed = now - self._climbed_at if self._climbed_at is not None else None
        if climbed is not None and climbed > TRIAL:
            self._patience = max(UP_AFTER, self._patience / 2)
            self._climbed_at = None
        before, self._before = self._before, self._wanted / self._frames
        if self._short >= TOO_MUCH * self._frames:
            self._plenty = 0.0
            if self._before < GAINING * before:
                return  # a picture that is being painted anew
            if self._climbed_at is not None:
                self._patience = min(2 * self._patience, UP_AFTER_MOST)
                self._failed_rate, self._climbed_at = rate, None
            self.step = self._lower(rate)
        elif self._wanted < PLENTY * self._possible:
            self._least_rate = min(rate, self._least_rate) if self._plenty else rate
            self._plenty += took
            faster = self._least_rate > FASTER * self._failed_rate
            if self._plenty >= (UP_AFTER if faster else self._patience) and self.step:
                self.step -= 1
                self._plenty, self._climbed_at = 0.0, now
        else:
            self._plenty = 0.0

    def _lower(self, rate: float) -> int:
        """The next step, or the one at which what is wanted now does not take too long."""
        size = EFFORTS[self.step][1].size
        for step in range(self.step + 1, len(EFFORTS)):
            part = (EFFORTS[step][1].size / size) ** 2
            if self._before * part <= WHOLE * rate:
                return step
        return len(EFFORTS) - 1


class Pace:
    """When the next frame may be sent, how large, and how good.

    ``fps``: frames a second at most. ``most``: bytes a second at most, None for no bound.
    """

    def __init__(self, fps: float = 25.0, most: float | None = None) -> None:
        self.focused = True  # whether the terminal has the focus; set by the caller
        self._fps = max(fps, 1.0)
        self._line = Line(most)
        self._ladder = Ladder()
        self._next = 0.0
        self._pending = 0  # what the pty had not taken when that was last known
        self._pressed = 0.0  # when it had taken something
        self._stalled: float | None = None  # since when the terminal does not read
        self._lost = 0.0  # seconds of that, so far

    @property
    def effort(self) -> Effort:
        """How good a picture to try now."""
        effort = EFFORTS[self._ladder.step][1]
        fps = min(effort.fps, self._fps) if effort.fps < EFFORTS[0][1].fps else self._fps
        fps = fps if self.focused else min(fps, UNFOCUSED_FPS)
        return effort if effort.fps == fps else replace(effort, fps=fps)

    @property
    def rate(self) -> float | None:
        """Bytes a second that the line has been seen to take, None before the first answer."""
        return self._line.rate

    @property
    def slow(self) -> bool:
        """Whether the line is too slow for the full picture."""
        return self._ladder.step > 0

    @property
    def in_words(self) -> str:
        """What is going on, "" when all is well."""
        if self._line.silent:
            return "terminal does not answer"
        return f"slow line: {EFFORTS[self._ladder.step][0]}" if self.slow else ""

    def wait(self, now: float, pending: int) -> float:
        """Seconds until the next frame may be sent, 0.0 for now; never more than a second.

        Ask again then, and also when the terminal answers: that may allow a frame earlier.
        ``pending``: bytes written that the pty has not taken yet.
        """
        now = self._time(now, pending)
        # A frame may come a little early: sources are not that regular.
        early = SOON / self.effort.fps
        wait = max(self._line.wait(now), min(self._next - early - now, 1.0))
        if pending > PENDING or self._stalled is not None:
            return max(wait, PENDING_HOLD)
        return wait if wait > SHORTEST else 0.0

    def budget(self, now: float) -> float | None:
        """Bytes that the frame may take, None for no bound; ask when ``wait`` says 0.0."""
        return self._line.budget(self._time(now))

    def sent(self, size: int, now: float, *, wanted: float) -> None:
        """A frame was written, and a query after it.

        ``size``: all bytes written to the terminal since the query before, also those of the rest
        of the user interface. ``wanted``: what the frame would have taken without a budget.
        """
        now = self._time(now)
        budget = self._line.budget(now)
        limited = budget is not None and wanted > budget
        picture = wanted if budget is None else min(wanted, budget)
        capacity, effort = self._line.capacity(now), self.effort
        searching = self._line.rising and limited and not self._line.silent
        if capacity is not None and self.focused and not (searching or self._line.silent):
            self._ladder.note(wanted, capacity / effort.fps, now, limited=limited)
        self._line.sent(size, now, picture=picture, limited=limited)
        self._shown(now)

    def shown(self, now: float) -> None:
        """A frame was written without a query: the next ``sent`` has its bytes."""
        self._shown(self._time(now))

    def _shown(self, now: float) -> None:
        slot = TURN / self.effort.fps
        # Half a frame of lateness is made up for, so that the mean rate holds.
        self._next = max(self._next + slot, now + slot / 2)

    def answered(self, now: float) -> None:
        """The terminal has answered the oldest query."""
        self._read_again(now)
        self._line.answered(self._time(now))

    def _time(self, now: float, pending: int | None = None) -> float:
        """The time without that in which the terminal read nothing: it says nothing of the line."""
        if pending is not None:
            if pending == 0 or self._pending == 0 or pending < self._pending:
                self._read_again(now)
                self._pressed = now
            elif self._stalled is None and now - self._pressed > STALLED:
                self._stalled = now
            self._pending = pending
        return (now if self._stalled is None else self._stalled) - self._lost

    def _read_again(self, now: float) -> None:
        if self._stalled is not None:
            self._lost += now - self._stalled
            self._stalled = None
            self._pressed = now
