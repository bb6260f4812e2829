"""How much sound has to wait for packets that come late: enough for nearly every half second.

What is looked at is the latest packet of each half second and not every packet, as in WebRTC's
NetEq (modules/audio_coding/neteq/underrun_optimizer): a line that stands still once sends a heap of
late packets, and should not make everything late that comes after it.
"""

from __future__ import annotations

import statistics
from collections import deque

from did_tui.live.media.speaker import RATE

MS = RATE // 1000

LEAST, MOST = 40 * MS, 240 * MS
"""What may be meant to wait, in frames."""

FIRST = 60 * MS
"""What is meant to wait before anything is known of the network."""

SLACK = 10 * MS
"""What is added to the jitter."""

SPAN = 0.5
"""Seconds of which the latest packet counts."""

SPANS = 60
"""So many of them are remembered."""

ENOUGH = 0.95
"""In so many of them every packet must come in time."""

FALL = 0.02
"""The share by which the target may sink with each look, which is every fourth packet."""


class Jitter:
    """The delays of the packets of late, and the ``target`` that follows from them, in frames."""

    def __init__(self) -> None:
        self.target = FIRST
        self.usual = 0.0
        """Seconds from a packet's position to its arrival, the middle of the last 5 s."""
        self._delays: deque[float] = deque(maxlen=250)
        self._worst: deque[float] = deque([0.0], maxlen=SPANS)
        self._began = 0.0
        self._count = 0

    def __bool__(self) -> bool:
        """Whether anything is known."""
        return bool(self._delays)

    def add(self, delay: float, arrival: float) -> None:
        """A packet came ``delay`` seconds after its position, at this moment."""
        self._delays.append(delay)
        if not 0 <= arrival - self._began < SPAN:
            self._began = arrival
            self._worst.append(0.0)
        late = delay - min(self._delays)
        look = late > self._worst[-1] or self._count % 4 == 0
        self._worst[-1] = max(self._worst[-1], late)
        self._count += 1
        if look:
            self._aim()

    def _aim(self) -> None:
        """Set the target: at once to more, slowly to less."""
        self.usual = statistics.median(self._delays)
        late = sorted(self._worst)[int((len(self._worst) - 1) * ENOUGH)]
        wanted = min(MOST, max(LEAST, int(late * RATE) + SLACK))
        if self._count < 40:
            wanted = max(wanted, FIRST)
        self.target = max(wanted, self.target - int(self.target * FALL))
