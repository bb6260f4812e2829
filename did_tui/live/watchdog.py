"""When a connection counts as lost, and how strong it is. Pure: what was seen, and the time.

aiortc notices a peer that vanished after 30 s and a path that never opens after 64 s; nobody should
have to wait that long to be told.
"""

from __future__ import annotations

from dataclasses import dataclass

from did_tui.live.events import Connectivity

CONNECT_SECONDS = 15.0  # from the answer to an open data channel
SILENT_SECONDS = 5.0  # without a packet, or without a picture while the agent talks
VIDEO_SECONDS = 20.0  # in which a room shows its first picture (protocol 5.2)
RESUME_SECONDS = 20.0  # in which a connection to a room is taken up again
TURN_SECONDS = 60.0  # from a message to the first of its answer
WARM_SECONDS = 5.0  # after which a stream is ready, whatever it says
STILL_LOOKS = 4  # without a further picture, after which a clip has ended
LOOKS_SECONDS = 2.0  # between two looks, beyond which this program itself stood still

STRONG_SECONDS, WEAK_SECONDS = 0.25, 0.28  # of delay in the receive buffer (protocol 6)


@dataclass(slots=True)
class Watch:
    """What was seen of a line, in seconds of one clock; None: not yet.

    ``flows`` says that packets come all the time, as on a fluent stream; elsewhere they only have
    to while the agent talks. ``seen`` is when the first picture of a room came, ``resuming`` says
    that its connection is being taken up again.
    """

    flows: bool = False
    answered: float | None = None
    opened: float | None = None
    packet: float | None = None
    picture: float | None = None
    talks: float | None = None
    asked: float | None = None
    room: bool = False
    seen: float | None = None
    resuming: bool = False
    _resumed: float | None = None
    _packets: int = 0
    _pictures: int = 0
    _looked: float | None = None

    def look(self, now: float, packets: int, pictures: int) -> None:
        """Take the counters of packets and pictures as they are now."""
        if self._looked is not None and now - self._looked > LOOKS_SECONDS:
            self._stood_still(now - self._looked)
        self._looked = now
        if packets != self._packets:
            self._packets, self.packet = packets, now
        if pictures != self._pictures:
            self._pictures, self.picture = pictures, now
        self._resumed = (self._resumed or now) if self.resuming else None

    def _stood_still(self, seconds: float) -> None:
        """Nothing was missed while this program was stopped: all that was seen is as late."""
        for name in (
            "answered",
            "opened",
            "packet",
            "picture",
            "talks",
            "asked",
            "seen",
            "_resumed",
        ):
            seen = getattr(self, name)
            if seen is not None:
                setattr(self, name, seen + seconds)

    def lost(self, now: float) -> str:
        """Why the connection is lost, in words; empty where it is not."""
        if self.opened is None:
            if self.answered is not None and now - self.answered > CONNECT_SECONDS:
                return f"no connection {CONNECT_SECONDS:.0f} s after the answer"
            return ""
        if self._resumed is not None:
            over = now - self._resumed > RESUME_SECONDS
            return f"no way back into the room for {RESUME_SECONDS:.0f} s" if over else ""
        if self.room and self.seen is None:
            over = now - self.opened > VIDEO_SECONDS
            return f"no video within {VIDEO_SECONDS:.0f} s" if over else ""
        if self.flows or self.talks is not None:
            since = max(self.opened, self.packet or 0.0, 0.0 if self.flows else self.talks or 0.0)
            if now - since > SILENT_SECONDS:
                return f"no packet for {SILENT_SECONDS:.0f} s"
        if self.talks is not None and now - max(self.talks, self.picture or 0.0) > SILENT_SECONDS:
            return f"no picture for {SILENT_SECONDS:.0f} s"
        return ""

    def unanswered(self, now: float) -> bool:
        """Whether a message has waited too long for its answer."""
        return self.asked is not None and now - self.asked > TURN_SECONDS


@dataclass(slots=True)
class WarmUp:
    """Whether a legacy stream's warm-up clip has ended (protocol 3.1): looked at every 100 ms.

    It has when pictures came and four looks in a row see no further one; a service that shows none
    and never says ``stream/ready`` is believed to be ready after five seconds.
    """

    began: float
    _pictures: int = -1
    _still: int = 0
    _moved: bool = False

    def ended(self, now: float, pictures: int) -> bool:
        """Take the counter of decoded pictures."""
        if self._pictures < 0:
            self._pictures = pictures
        self._moved = self._moved or pictures != self._pictures
        self._still = 0 if pictures != self._pictures else self._still + 1
        self._pictures = pictures
        return (self._moved and self._still >= STILL_LOOKS) or now - self.began > WARM_SECONDS


def strength(delay: float, freezes: int, before: Connectivity) -> Connectivity:
    """How strong a connection is by the buffer's delay in seconds and the freezes of an interval.

    Between the two thresholds, and after a single freeze, it stays what it was.
    """
    if delay > WEAK_SECONDS and freezes > 1:
        return "weak"
    if delay < STRONG_SECONDS and freezes <= 1:
        return "strong"
    return "strong" if before == "unknown" else before
