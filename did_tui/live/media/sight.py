"""Pictures between the network and the decoder: whole frames in order, and no freeze that lasts.

A hole is asked for again and again (NACK, RFC 4585 section 6.2.1). When it does not fill, a key
frame is asked for (PLI, section 6.3.1), and as soon as one is there everything before it is
forgotten. Until then the last good picture stands still, as long as repairs may take on this line.
When none comes, the hole is passed over: in the end a smeared picture that moves is better than a
still one.

Pure: moments are arguments, packets go in, frames and what is to be asked for come out.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

ASK_AGAIN = 0.05
"""Seconds between two requests for the same packet."""

ASKED_OFTEN = 10
"""How often a packet is asked for at most."""

PATIENCE = 0.2
"""Seconds that a hole may stay before a key frame is asked for."""

KEY_AGAIN = 0.3
"""Seconds between two requests for a key frame."""

KEYS = 10
"""Requests for one key frame at most: there are senders that have none to give."""

GIVE_UP, GIVE_UP_LAST = 0.4, 1.5
"""Seconds after which a hole is passed over, at least and at most."""

REPAIRS = 4
"""Repairs that would have fit in this time; one that is not measured yet may take long."""

REPAIR_FADES = 0.9
"""What is left of a slow repair at each quicker one."""

MISORDER, DROPOUT = 100, 1000
"""How far back and ahead a sequence number may be of this source."""

CLOCK = 90_000
"""Ticks in a second, of every video codec in RTP."""


@dataclass(slots=True, frozen=True)
class Piece:
    """What one packet brings of a frame."""

    timestamp: int
    last: bool
    """The frame ends with it (the marker bit)."""
    first: bool
    """The frame is known to begin with it."""
    key: bool
    """It is of a frame that needs none before it."""
    data: bytes


@dataclass(slots=True, frozen=True)
class Frame:
    """One encoded picture; ``timestamp`` has no wrap-arounds."""

    timestamp: int
    data: bytes
    key: bool = False


@dataclass(slots=True)
class Wanted:
    """What the sender is to be asked for."""

    packets: list[int] = field(default_factory=list)
    key: bool = False


@dataclass(slots=True)
class SightCounters:
    """What happened on the way."""

    packets: int = 0
    missed: int = 0
    """Packets that did not come in their turn."""
    filled: int = 0
    """Of them, those that came later."""
    asked: int = 0
    """Requests for a packet."""
    keys_asked: int = 0
    """Requests for a key frame."""
    skipped: int = 0
    """Holes that were passed over."""
    restarts: int = 0
    """Times that the source or its sequence was another."""


@dataclass(slots=True)
class _Hole:
    since: float
    asked: float
    times: int = 1  # aiortc asks once by itself


class FrameBuffer:
    """Packets in, frames in order out."""

    def __init__(self) -> None:
        self.counters = SightCounters()
        self._source: Hashable = None
        self._repair: float | None = None  # seconds that one takes
        self._ticks: int | None = None
        self._forget()

    def _forget(self) -> None:
        self._pieces: dict[int, Piece] = {}
        self._holes: dict[int, _Hole] = {}
        self._next: int | None = None
        self._highest = 0
        self._suspect: int | None = None
        self._key_asked: float | None = None
        self._keys_left = KEYS
        self._damaged = True  # until there was a key frame

    @property
    def missing(self) -> set[int]:
        """Sequence numbers, of 16 bits, that would still help."""
        return {number & 0xFFFF for number in self._holes}

    def add(self, sequence: int, piece: Piece, now: float, source: Hashable = None) -> list[Frame]:
        """Take a packet; the frames that are complete now."""
        self.counters.packets += 1
        if source != self._source:
            self._restart(source)
        number = self._number(sequence)
        if self._ticks is None:
            self._ticks = piece.timestamp
        if number is None or self._next is None or number < self._next:
            return []
        if piece.key and self._damaged and self._key_asked is None:
            self._key_asked = now  # it is on its way
        for lacking in range(self._highest + 1, number):
            self._holes[lacking] = _Hole(now, now)
            self.counters.missed += 1
        self._highest = max(self._highest, number)
        hole = self._holes.pop(number, None)
        if hole is not None:
            self.counters.filled += 1
            self._repair = max(now - hole.since, (self._repair or 0.0) * REPAIR_FADES)
        self._pieces[number] = piece
        return self._complete()

    def tick(self, now: float) -> tuple[list[Frame], Wanted]:
        """What to ask for now, and the frames that are no longer held back."""
        wanted = Wanted()
        since = min((hole.since for hole in self._holes.values()), default=now)
        frames: list[Frame] = []
        if now - since >= self._patience:
            frames = self._pass_over()
        for number, hole in self._holes.items():
            if hole.times < ASKED_OFTEN and now - hole.asked >= ASK_AGAIN:
                hole.asked, hole.times = now, hole.times + 1
                wanted.packets.append(number & 0xFFFF)
        self.counters.asked += len(wanted.packets)
        needed = (self._damaged and self._next is not None) or now - since >= PATIENCE
        again = self._key_asked is None or now - self._key_asked >= KEY_AGAIN
        if needed and again and self._keys_left:
            self._key_asked = now
            self._keys_left -= 1
            self.counters.keys_asked += 1
            wanted.key = True
        return frames, wanted

    def need_key(self) -> None:
        """A frame was thrown away: what builds upon it is of no use."""
        self._damaged = True

    @property
    def _patience(self) -> float:
        """Seconds that a hole keeps the picture still; a smeared one is not worth more of them."""
        if self._damaged:
            return GIVE_UP
        if self._repair is None:
            return GIVE_UP_LAST
        return min(max(REPAIRS * self._repair, GIVE_UP), GIVE_UP_LAST)

    def position_of(self, timestamp: int) -> float | None:
        """Seconds of the track's clock, without wrap-arounds; None before the first packet."""
        if self._ticks is None:
            return None
        return (self._ticks + _signed(timestamp - self._ticks, 32)) / CLOCK

    def _restart(self, source: Hashable) -> None:
        self.counters.restarts += self._next is not None
        self._forget()
        self._source = source

    def _number(self, sequence: int) -> int | None:
        """The sequence number without wrap-arounds; None where it is not to be believed yet."""
        if self._next is None:
            self._next, self._highest = sequence, sequence - 1
            return sequence
        step = _signed(sequence - self._highest, 16)
        if -MISORDER <= step <= DROPOUT:
            self._suspect = None
            return self._highest + step
        if sequence != self._suspect:
            self._suspect = (sequence + 1) & 0xFFFF
            return None
        self._restart(self._source)
        self._next, self._highest = sequence, sequence - 1
        return sequence

    def _complete(self) -> list[Frame]:
        frames: list[Frame] = []
        while True:
            found = self._frame_at(self._next)
            if found is None and self._holes and self._jump_to_key():
                continue
            if found is None:
                return frames
            frame, after, key = found
            if frame is not None:
                frames.append(frame)
            if key:
                self._damaged = False
                self._key_asked, self._keys_left = None, KEYS
            self._advance(after)

    def _frame_at(self, start: int | None) -> tuple[Frame | None, int, bool] | None:
        """The frame that begins here, if it is whole: it, the number after it, whether it is key.

        Packets without content (padding) are a frame of nothing.
        """
        if start is None or start not in self._pieces:
            return None
        pieces = []
        number, timestamp = start, None
        while (piece := self._pieces.get(number)) is not None:
            if piece.data:
                if timestamp is not None and piece.timestamp != timestamp:
                    break
                timestamp = piece.timestamp
                pieces.append(piece)
            elif timestamp is None:
                return None, number + 1, False
            number += 1
            if piece.last:
                break
        else:
            return None
        if timestamp is None:
            return None
        key = any(piece.key for piece in pieces)
        data = b"".join(piece.data for piece in pieces)
        return Frame(self._unwrap(timestamp), data, key), number, key

    def _unwrap(self, timestamp: int) -> int:
        if self._ticks is None:
            self._ticks = timestamp
        self._ticks += _signed(timestamp - self._ticks, 32)
        return self._ticks

    def _advance(self, number: int) -> None:
        """Go on here, and forget what lies before."""
        for old in [n for n in self._pieces if n < number]:
            del self._pieces[old]
        for old in [n for n in self._holes if n < number]:
            del self._holes[old]
        self._next = number
        self._highest = max(self._highest, number - 1)

    def _jump_to_key(self) -> bool:
        """If a whole key frame lies behind the hole, the hole is of no interest any more."""
        for number in sorted(n for n, piece in self._pieces.items() if piece.key):
            if self._begins(number):
                found = self._frame_at(number)
                if found is not None and found[2]:
                    self.counters.skipped += 1
                    self._advance(number)
                    return True
        return False

    def _begins(self, number: int) -> bool:
        before = self._pieces.get(number - 1)
        return self._pieces[number].first or (
            before is not None
            and (before.last or before.timestamp != self._pieces[number].timestamp)
        )

    def _pass_over(self) -> list[Frame]:
        """Go on with the first frame behind the hole, though what it builds upon is missing."""
        self.counters.skipped += 1
        self._damaged = True
        first = min(self._holes)
        for number in sorted(n for n in self._pieces if n > first):
            if self._begins(number):
                self._advance(number)
                return self._complete()
        self._advance(self._highest + 1)
        return []


def beginning(codec: str, payload: bytes) -> tuple[bool, bool]:
    """Whether a frame is known to begin with this RTP payload, and whether it is of a key frame.

    VP8: RFC 7741 sections 4.2 and 4.3. H.264: RFC 6184 section 5.2; a key frame is an IDR picture,
    before which its parameter sets are sent.
    """
    if codec == "VP8":
        return _vp8_beginning(payload)
    if codec == "H264" and len(payload) > 1:
        kind = payload[0] & 31
        if kind == 24 and len(payload) > 3:  # several units in one packet
            kind = payload[3] & 31
        elif kind == 28:  # a part of a unit
            kind = payload[1] & 31 if payload[1] & 0x80 else 0
        return kind in (7, 9), kind in (5, 7)
    return False, False


def _vp8_beginning(payload: bytes) -> tuple[bool, bool]:
    if not payload or not payload[0] & 0x10 or payload[0] & 0x07:
        return False, False
    at = 1
    if payload[0] & 0x80 and len(payload) > 2:
        extensions = payload[1]
        at = 2
        if extensions & 0x80:
            at += 2 if payload[2] & 0x80 else 1
        at += bool(extensions & 0x40) + bool(extensions & 0x30)
    return True, len(payload) > at and not payload[at] & 1


def _signed(difference: int, bits: int) -> int:
    """The shortest way between two numbers that wrap around."""
    half = 1 << (bits - 1)
    return (difference + half) % (1 << bits) - half
