"""One clock for sound and picture: the device's.

Three times meet here. *Positions* are seconds of a track's own RTP clock. The *sender's time* ties
the tracks together: a sender report says which position is at which moment (RFC 3550 section
6.4.1). The *machine's time* is monotonic; in it the speaker says when a position of the voice is
heard. A picture is shown when the sound of its moment is heard.

Everything here is pure: moments are arguments.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from typing import Generic, Literal, TypeVar

Picture = TypeVar("Picture")

BELIEVABLE = 0.2
"""Seconds by which a sender report may differ from those before it."""

INSANE = 0.5
"""Seconds between what reports and what arrivals say, beyond which reports are wrong."""

SLEW = 0.5
"""Seconds a second by which pictures are held back longer, or shorter."""

LONGEST_WAIT = 1.5
"""Seconds that a picture waits for its sound at most."""

MOST_PICTURES = 64
"""Pictures that wait at most."""


class DeviceClock:
    """When positions of the voice are heard, from what the speaker said lately."""

    def __init__(self) -> None:
        self._offsets: deque[float] = deque(maxlen=15)
        self._offset: float | None = None

    def anchor(self, position: float, heard: float) -> None:
        """A frame at this position is heard at this moment."""
        self._offsets.append(heard - position)
        self._offset = statistics.median(self._offsets)

    def heard_at(self, position: float) -> float | None:
        """The moment at which a position is, was or will be heard; None before there is sound."""
        return None if self._offset is None else self._offset + position


class SenderReports:
    """The sender's time of a track's positions; one bad report changes nothing."""

    def __init__(self) -> None:
        self._offsets: deque[float] = deque(maxlen=8)
        self._suspects: deque[float] = deque(maxlen=3)
        self.refused = 0

    def add(self, sender_time: float, position: float) -> None:
        """A report: the sender's seconds, and the position of its RTP timestamp."""
        offset = sender_time - position
        known = self.offset
        if known is None or abs(offset - known) <= BELIEVABLE:
            self._offsets.append(offset)
            self._suspects.clear()
            return
        self.refused += 1
        self._suspects.append(offset)
        agree = max(self._suspects) - min(self._suspects) <= BELIEVABLE
        if len(self._suspects) == self._suspects.maxlen and agree:  # so it is true after all
            self._offsets.clear()
            self._offsets.extend(self._suspects)
            self._suspects.clear()

    @property
    def offset(self) -> float | None:
        """The sender's time minus the position; None before the first report."""
        return statistics.median(self._offsets) if self._offsets else None


class Arrivals:
    """How soon after their position the packets of a track come, at best."""

    def __init__(self) -> None:
        self._delays: deque[float] = deque(maxlen=200)

    def add(self, arrival: float, position: float) -> None:
        """A packet, or the first of a frame, came."""
        delay = arrival - position
        if self._delays and not -1.0 < delay - self._delays[-1] < 3.0:
            self._delays.clear()  # the track's clock is another one
        self._delays.append(delay)

    @property
    def offset(self) -> float | None:
        """Arrival minus position of the fastest packet of late; None before the first."""
        return min(self._delays) if self._delays else None


class LipSync:
    """From a picture's position to the moment at which it is to be seen.

    Reports tell best which sound belongs to a picture. Without them, or where they contradict the
    arrivals by half a second, what was sent together is taken to belong together.
    """

    def __init__(self) -> None:
        self.device = DeviceClock()
        self.voice_reports, self.picture_reports = SenderReports(), SenderReports()
        self.voice_arrivals, self.picture_arrivals = Arrivals(), Arrivals()
        self.told: float | None = None
        """Seconds from a picture's position to that of its sound, where a file tells it."""

    @property
    def refused(self) -> int:
        """Reports that contradicted those before them."""
        return self.voice_reports.refused + self.picture_reports.refused

    @property
    def source(self) -> Literal["told", "reports", "arrivals", "none"]:
        """What the mapping rests on."""
        return self._mapping()[0]

    def moment(self, position: float) -> float | None:
        """When a picture is to be seen; None: at once, there is no sound to wait for."""
        shift = self._mapping()[1]
        return None if shift is None else self.device.heard_at(position + shift)

    def _mapping(self) -> tuple[Literal["told", "reports", "arrivals", "none"], float | None]:
        if self.told is not None:
            return "told", self.told
        came = _difference(self.picture_arrivals.offset, self.voice_arrivals.offset)
        said = _difference(self.picture_reports.offset, self.voice_reports.offset)
        if came is None:
            return "none", None
        if said is not None and abs(said - came) <= INSANE:
            return "reports", said
        return "arrivals", came


class PictureQueue(Generic[Picture]):
    """Pictures that wait for their moment; the newest that is due is the one that is shown."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, float, Picture]] = deque()  # position, arrival, picture
        self._offset: float | None = None  # from a position to the moment at which it is shown
        self._at = 0.0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, picture: Picture, position: float, now: float) -> None:
        """Take a picture that was decoded now."""
        if self._waiting and position <= self._waiting[-1][0]:
            # The clock of the pictures went back: what waits belongs to the old one.
            self.dropped += len(self._waiting)
            self._waiting.clear()
            self._offset = None
        self._waiting.append((position, now, picture))
        if len(self._waiting) > MOST_PICTURES:
            self._waiting.popleft()
            self.dropped += 1

    def due(self, now: float, moment: float | None) -> Picture | None:
        """Take the newest picture that is due.

        ``moment`` is when the oldest that waits should be seen (``LipSync.moment``), or None.
        """
        if not self._waiting:
            return None
        self._follow(now, moment)
        newest = None
        while self._waiting and self._wait(now) <= 0:
            self.dropped += newest is not None
            newest = self._waiting.popleft()
        return newest[2] if newest is not None else None

    @property
    def waiting(self) -> list[Picture]:
        """The pictures that wait, in the order in which they are due."""
        return [picture for _, _, picture in self._waiting]

    @property
    def first(self) -> float | None:
        """The position of the picture that waits longest; None where none does."""
        return self._waiting[0][0] if self._waiting else None

    def next_in(self, now: float) -> float | None:
        """Seconds until it is worth while to ask again; None where nothing waits."""
        return max(0.0, self._wait(now)) if self._waiting else None

    def _wait(self, now: float) -> float:
        position, arrival, _ = self._waiting[0]
        shown = position + (self._offset or 0.0)
        return min(shown, arrival + LONGEST_WAIT) - now

    def _follow(self, now: float, moment: float | None) -> None:
        """Come nearer to the moment that is wanted, never by a leap that would be seen as one."""
        position, arrival, _ = self._waiting[0]
        if moment is None:
            self._offset, self._at = now - self._waiting[-1][0], now
            return
        wanted = min(moment, arrival + LONGEST_WAIT) - position
        if self._offset is None or abs(wanted - self._offset) > LONGEST_WAIT:
            # The first is shown at once, before its sound: those after it wait longer and longer.
            self._offset, self._at = min(wanted, now - position), now
        most = SLEW * min(0.2, max(0.0, now - self._at))
        self._offset += max(-most, min(most, wanted - self._offset))
        self._at = now


class Drift:
    """How fast one clock runs away from another: the least of noisy differences is the truth."""

    SPAN = 5.0

    def __init__(self) -> None:
        self._least: deque[tuple[float, float]] = deque(maxlen=24)  # two minutes
        self._began: float | None = None

    def add(self, now: float, difference: float) -> None:
        """The difference of the clocks at this moment, in seconds, too large by some delay."""
        if math.isnan(difference):  # nobody knows just now
            return
        if self._least and abs(difference - self._least[-1][1]) > 1.0:
            self._least.clear()  # one of them was set
            self._began = None
        if self._began is None or now - self._began >= self.SPAN:
            self._began = now
            self._least.append((now, difference))
        elif difference < self._least[-1][1]:
            self._least[-1] = (now, difference)

    @property
    def ppm(self) -> float | None:
        """Millionths by which the difference grows; None before a minute has passed.

        The least of five seconds is still 1 or 2 ms off: over a minute, that is 30 ppm.
        """
        whole = list(self._least)[:-1]
        if len(whole) < 12:
            return None
        slope = statistics.linear_regression([t for t, _ in whole], [d for _, d in whole]).slope
        return slope * 1e6


def _difference(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
