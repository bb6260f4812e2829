"""How much picture the line to the terminal takes, learned from the terminal's own answers.

What the kernel's buffer says is no help: over SSH megabytes hide behind it. So each picture update
ends with a query that terminals answer (DSR 6, the cursor position); the answer means that the
terminal has parsed that far. Sizes and times give the delivery rate and the smallest round trip,
and those say how many bytes may be on their way at once (BBR: N. Cardwell, Y. Cheng, C. S. Gunn,
S. H. Yeganeh, V. Jacobson, "BBR: Congestion-Based Congestion Control", ACM Queue 14(5), 2016).

- ``Line`` knows the line: its rate, its round trip, what is on its way, what may follow.
- ``Ladder`` chooses the effort: how good a picture to try on such a line.
- ``Pace`` is both together, and all that the user interface sees.

Pure: times are the caller's, in seconds of a clock that never goes back; sizes are bytes, rates are
bytes a second.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

# The line
QUEUE = 0.07  # seconds of the line's time that our bytes may wait for each other
BURST = 0.1  # seconds of the line's time that one frame may take
NARROW = 32_000.0  # bytes a second; below it the rest of the user interface takes time as well
NARROW_PART = 0.7  # of QUEUE and BURST, there
FIRST = 2500.0  # bytes of a frame before anything is known
LEAST = 400.0  # bytes; with less room a frame is not worth its overhead
ENOUGH = 1_000_000.0  # bytes; more than any picture takes, so a larger budget is none
RATE_FOR = 2.0  # seconds, besides some round trips, over which the best rate is kept
RISING = 2.0  # gain while the rate is searched
PROBING = 1.25  # gain for one phase in eight, to see whether the line has become faster
DRAINING = 0.75  # gain while there is a queue
EARLY = 0.005  # seconds of the line's time; a frame that takes less proves nothing by being early
LATE = 0.08  # seconds beyond what was expected after which frames wait for the answer
MOST_ASKED = 256  # queries that are remembered
SHORTEST = 0.0005  # seconds; no time is measured finer

# The smallest round trip
TRIP_FOR = 10.0  # seconds for which it is believed without being seen again
TRIP_CHECKED = 60.0  # seconds after which it is measured anew in any case
CALM = 0.1  # seconds, at least a round trip, that nothing must be heard before it is measured
CALM_STRAY = 0.5  # the same after an answer that nothing had asked for
CHECK_SIZE = 0.02  # seconds of the line's time that the frame which measures it may take
DOUBT = 3.0  # seconds of queueing without a break after which it is doubted

# A terminal that does not answer
LOST = 3.0  # seconds without an answer that is due
SILENT_RATE = 1_000_000.0  # for a terminal that has never answered
SILENT_START = 32_000.0  # where that begins; it doubles every second
#: The same for one that has answered: that it does not read, or that the line is down, is likelier
#: than that it is mute, and whatever is sent now stands before the picture that will be due then.
STOPPED_RATE = 32_000.0
STOPPED_START = 1_000.0
STOPPED_DOUBLES = 2.0  # seconds

# What the caller is told
HOLD = 0.25  # seconds until the next look when only an answer can tell more


@dataclass(slots=True)
class _Query:
    """What was written up to a query, and what was known when it was sent."""

    size: int
    counts: float  # bytes that the line surely took after `since`
    picture: float  # bytes that were written at the time of the query
    at: float
    due: float
    before: float  # bytes that had been delivered
    since: float  # the time by which they had been, or of sending on an empty line
    limited: bool
    alone: bool  # sent on a line known to be empty


class Line:
    """The line to the terminal.

    ``most`` bounds the rate, None for no bound.
    """

    def __init__(self, most: float | None = None) -> None:
        self.most = most if most is None else max(most, 1.0)
        self.rising = True
        self._queries: deque[_Query] = deque()
        self._in_flight = 0
        self._delivered = 0.0
        self._heard_at = 0.0
        self._heard = False
        self._silent_since: float | None = None
        self._rates: deque[tuple[float, float]] = deque(maxlen=128)
        self._rate: float | None = None  # the largest of them
        self._plateau = 0.0
        self._rounds = 0
        self._round_end = 0.0
        self._cut_at = 0.0
        self._queue = 0.0
        self._no_queue_at = 0.0
        self._trip: float | None = None
        self._trip_size = 0
        self._trip_seen = 0.0
        self._trip_checked = 0.0
        self._checking = False
        self._calm = CALM
        self._trial = False  # after silence: whether what was known is still true
        self._forgotten = 0  # queries that may still be answered, but are not waited for
        self._credit = FIRST
        self._credit_at = 0.0

    @property
    def rate(self) -> float | None:
        """The most that the line has been seen to take of late, None before the first answer."""
        return self._rate

    @property
    def silent(self) -> bool:
        """Whether the terminal leaves queries unanswered."""
        return self._silent_since is not None

    def capacity(self, now: float) -> float | None:
        """What may be sent in the long run, None as long as nothing is known."""
        known = self.rate
        if self._silent_since is not None:
            silent = min(now - self._silent_since, 30.0)
            if self._heard:
                top, grown = STOPPED_RATE, STOPPED_START * 2.0 ** (silent / STOPPED_DOUBLES)
            else:
                top, grown = SILENT_RATE, SILENT_START * 2.0**silent
            known = min(top, grown, (self._heard and known) or top)
        if self.most is not None and known is not None:
            return min(known, self.most)
        return known

    def wait(self, now: float) -> float:
        """Seconds until a frame may go, or until it is time to look again."""
        self._look(now)
        if self._queries and not self.silent:
            held = self._checking or self._trial or self.rate is None
            if held or now > self._queries[0].due:
                return HOLD
            if self._room() < self._worthwhile(now):
                return HOLD
        if self._checking and not self.silent:
            calm = self._heard_at + max(self._calm, self._trip or 0.0)
            if now < calm and not self._trial:
                return min(calm - now, 1.0)
        flow = self._flow(now)
        missing = self._worthwhile(now) - self._credit_then(now)
        return 0.0 if flow is None or missing <= 0 else min(missing / flow, 1.0)

    def budget(self, now: float) -> float | None:
        """Bytes that a frame may take, None for no bound."""
        budget = self._credit_then(now)
        if self.rate is not None and not self.silent:
            room = self._room()
            budget = min(budget, room, self.rate * CHECK_SIZE if self._checking else room)
            if self._trial:
                budget = min(budget, FIRST)
        return None if budget > ENOUGH else max(budget, LEAST)

    def sent(self, size: int, now: float, *, picture: float, limited: bool) -> None:
        """``size`` bytes that end with a query were written, the last ``picture`` of them now.

        ``limited``: there would have been more.
        """
        self._look(now)
        self._credit = max(self._credit_then(now) - size, -(self._flow(now) or FIRST))
        self._credit_at = now
        empty = not self._queries
        # On an empty line, what was written before the picture may be through already.
        picture = min(picture, size)
        counts = picture if empty else size
        since = now if empty else max(self._heard_at, self._queries[0].since)
        self._in_flight += size
        due = now + 1.1 * (self._trip or LOST) + self._in_flight / (self.rate or FIRST) + LATE
        alone = empty and self._checking
        query = _Query(size, counts, picture, now, due, self._delivered, since, limited, alone)
        self._queries.append(query)
        if alone:
            self._checking, self._calm = False, CALM
        if len(self._queries) > MOST_ASKED:
            self._in_flight -= self._queries.popleft().size

    def answered(self, now: float) -> None:
        """The terminal has parsed up to the oldest query."""
        self._look(now)
        self._credit = self._credit_then(now)
        self._credit_at = now
        self._heard_at = now
        if self._forgotten and not (self._queries and now <= self._queries[0].due):
            self._forgotten -= 1
            return
        self._forgotten = 0
        if not self._queries:
            self._calm = CALM_STRAY
            if now - self._trip_checked > DOUBT:
                self._check(now)
            return
        query = self._queries.popleft()
        self._heard = True
        self._in_flight -= query.size
        self._delivered += query.counts
        if not self._queries:
            self._credit = max(self._credit, 0.0)  # all is through: no debts
        if self.silent:
            self._try_again(now)
            return
        if self._trial:
            if not query.alone:
                return
            self._judge_trial(query, now)
        self._note_trip(query, now)
        self._note_rate(query, now)
        self._note_early(query, now)
        self._search(query)

    # What is known

    def _look(self, now: float) -> None:
        """Notice what time alone tells."""
        if self._queries and not self.silent:
            waited = now - max(self._heard_at, self._queries[0].at)
            if self._checking and waited > min(LOST, max(1.0, 4 * self._expected())):
                self._forgotten = min(self._forgotten + len(self._queries), MOST_ASKED)
                self._queries.clear()
                self._in_flight = 0
            elif waited > LOST:
                self._silent_since = now
        seen, checked = now - self._trip_seen, now - self._trip_checked
        if self._trip is not None and (seen > TRIP_FOR or checked > TRIP_CHECKED):
            self._check(now)

    def _expected(self) -> float:
        """Seconds until all that is on its way has been answered, as it should be."""
        return (self._trip or 0.0) + self._in_flight / (self.rate or FIRST)

    def _check(self, now: float) -> None:
        """Let the line run empty, then measure the round trip anew.

        It also puts answers back in step with queries when one was lost or came unasked.
        """
        self._checking = True
        self._trip_seen = self._trip_checked = self._no_queue_at = now

    def _try_again(self, now: float) -> None:
        """After silence, see by one small frame whether the line is as it was."""
        self._silent_since = None
        self._queue = 0.0
        self._credit = FIRST
        self._check(now)
        self._trial = True

    def _judge_trial(self, query: _Query, now: float) -> None:
        """Believe no more of the rate than the trial has shown: the search goes on from there."""
        self._trial = False
        took = max(SHORTEST, now - query.at - (self._trip or 0.0))
        shown = query.counts / took
        if self.rate is not None and shown < self.rate:
            self._rates.clear()
            self._add_rate(now, shown)
        self._rise()

    def _note_trip(self, query: _Query, now: float) -> None:
        trip = max(SHORTEST, now - query.at)
        if self._trip is None:
            self._trip_checked = self._no_queue_at = now
        if self._trip is None or query.alone or trip < self._trip:
            # Fewer bytes would not have taken longer.
            known = self._trip is not None and not query.alone
            size = min(query.size, self._trip_size) if known else query.size
            self._trip, self._trip_size, self._trip_seen = trip, size, now
            if query.alone:
                self._trip_checked = now
        # All bytes may have waited for each other, also those written before the picture.
        extra = max(0.0, query.size - self._trip_size) / (self.rate or FIRST)
        self._queue = trip - self._trip - extra if self.rate is not None else 0.0
        if self._queue < 0.1 * self._trip + 0.002:
            self._trip_seen = now
        if self._queue < QUEUE:
            self._no_queue_at = now
        elif now - self._no_queue_at > DOUBT:
            self._check(now)

    def _note_rate(self, query: _Query, now: float) -> None:
        """A frame that asked little of the line proves no slowness, unless it was late."""
        sample = (self._delivered - query.before) / max(SHORTEST, now - query.since)
        if query.alone and self.rate is not None:
            return
        late = self._queue > 2 * QUEUE
        if late:
            sample = max(sample, query.size / (now - query.at - (self._trip or 0.0)))
        if late and query.at >= self._cut_at:
            self._cut_at = now
            self._rates.clear()
            self._rate = None
        if query.limited or late or sample > (self.rate or 0.0):
            keep = RATE_FOR + 4 * (self._trip or 0.0)
            while self._rates and self._rates[0][0] < now - keep:
                self._rates.popleft()
            self._add_rate(now, sample)

    def _add_rate(self, now: float, rate: float) -> None:
        self._rates.append((now, max(rate, 1.0)))
        self._rate = max(rate for _, rate in self._rates)

    def _rise(self) -> None:
        self.rising = True
        self._rounds = 0
        self._plateau = self.rate or 0.0

    def _note_early(self, query: _Query, now: float) -> None:
        """A frame that came sooner than it could proves a faster line, though it did not fill it.

        On a long line, frames that ask little cannot show how fast it is: so step by step.
        """
        rate = self.rate or 1.0
        takes = (query.picture - self._trip_size) / rate
        took = max(SHORTEST, now - query.at - (self._trip or 0.0))
        if takes > EARLY and took < 0.75 * takes:
            self._add_rate(now, rate * min(1.5, 0.9 * takes / took))

    def _search(self, query: _Query) -> None:
        """Begin or end the search for the rate."""
        rate = self.rate or 1.0
        if self._queue > QUEUE:
            self.rising, self._plateau = False, rate
            return
        if not self.rising:
            if rate > 1.25 * self._plateau:
                self._rise()
            return
        if query.before < self._round_end:
            return
        self._round_end = self._delivered + self._in_flight
        if rate > 1.25 * self._plateau:
            self._plateau, self._rounds = rate, 0
        elif query.limited:
            self._rounds += 1
            self.rising = self._rounds < 3

    # What may go

    def _gain(self, now: float) -> float:
        if self.rising:
            return RISING
        if self._queue > QUEUE / 2 and self._queries:
            return DRAINING
        phase = int(now / max(0.2, self._trip or 0.0)) % 8
        return PROBING if phase == 0 else 1.0

    def _flow(self, now: float) -> float | None:
        """Bytes a second that may go now, None as long as nothing is known."""
        capacity = self.capacity(now)
        if capacity is None or self.silent:
            return capacity
        flow = capacity * self._gain(now)
        return flow if self.most is None else min(flow, self.most)

    def _credit_then(self, now: float) -> float:
        """Bytes that may go at once: the flow since the last frame, never more than a queue."""
        flow = self._flow(now)
        if flow is None:
            return self._credit
        most = max(flow * BURST * self._part, LEAST)
        return min(most, self._credit + flow * max(0.0, now - self._credit_at))

    @property
    def _part(self) -> float:
        return NARROW_PART if (self.rate or FIRST) < NARROW else 1.0

    def _room(self) -> float:
        """Bytes that may still be put on their way."""
        rate = (self.rate or 0.0) * (RISING if self.rising else 1.0)
        window = rate * ((self._trip or 0.0) + QUEUE * self._part)
        return max(window, LEAST) - self._in_flight

    def _worthwhile(self, now: float) -> float:
        """Bytes below which it is better to wait for more."""
        return max(LEAST, 0.3 * BURST * self._part * (self._flow(now) or 0.0))
