"""The voice between the network and the speaker: in order, mended, and neither late nor early.

Packets come as the network brings them, frames go as the device wants them. Between them waits as
much sound as the network's jitter demands, 40 to 240 ms. What is missing is taken from the packet
after it (in-band FEC) or made up from the last pitch period, dying away; what is too much or too
little is left out or repeated by whole pitch periods. WebRTC's NetEq is the model.

No threads, no clock, no WebRTC here: packets carry the time at which they came, and a call to
``pull`` is the passing of time. Positions are seconds of the sender's sampling clock, without
wrap-arounds; a source that restarts goes on where the one before it would have been.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from did_tui.live.media.decode import Decoder, Samples
from did_tui.live.media.jitter import MS, Jitter
from did_tui.live.media.speaker import RATE
from did_tui.live.media.stretch import (
    HISTORY,
    LONGEST,
    QUIET,
    WINDOW,
    Ghost,
    cross_fade,
    longer,
    loudness,
    period_at_start,
    shorter,
    to_samples,
)

BOUND = 800 * MS
"""What waits at most, whatever comes: the oldest goes."""

GIVEN_UP = 500 * MS
"""After so long without sound a pause begins: enough must gather before it ends."""

ABOVE, BELOW = 16 * MS, 10 * MS
"""How far from the target nothing is done."""

FAR = 80 * MS
"""How far from it much is done, whatever the sound is."""

MISORDER, DROPOUT = 100, 3000
"""How far back and ahead a sequence number may be of this source (RFC 3550 appendix A.1)."""

TURN = 1.0
"""Seconds by which a timestamp may come too early or late before the clock behind it is another."""

_JOIN = 240  # frames of cross-fade from made-up sound to real sound


@dataclass(slots=True)
class VoiceCounters:
    """What became of the sound; frames at 48 kHz, unless said otherwise."""

    packets: int = 0
    """Packets that came."""
    heard: int = 0
    """As it was said."""
    concealed: int = 0
    """Made up in the place of what was missing."""
    recovered: int = 0
    """Taken from the packet after the lost one; heard as well."""
    lost: int = 0
    """Said, and neither heard nor concealed."""
    squeezed: int = 0
    """Left out to come nearer to the target."""
    stretched: int = 0
    """Repeated to come nearer to the target."""
    gaps: int = 0
    """Times that something was missing."""
    late: int = 0
    """Packets that came when their time was over, or twice."""
    broken: int = 0
    """Packets that cannot be decoded."""
    restarts: int = 0
    """Times that the source, its sequence or its clock was another."""


@dataclass(slots=True, frozen=True)
class Sound:
    """Some frames for the speaker."""

    samples: Samples
    position: float | None
    """Where in the sender's time the first frame is; None unless all of it was said so."""
    real: int
    """How many of the frames are not silence for want of sound."""


@dataclass(slots=True)
class _Packet:
    at: int
    payload: bytes
    frames: int
    decoder: Decoder


class VoiceBuffer:
    """Packets in, frames out; see the module. ``least`` frames should wait, whatever comes."""

    def __init__(self, least: int = 0) -> None:
        self.counters = VoiceCounters()
        #: What should wait, whatever the jitter, in frames; None where the jitter decides.
        self.cushion: int | None = None
        self._least = least
        self._source: Hashable = None
        self._decoder: Decoder | None = None
        self._next: int | None = None  # sequence number to be decoded next
        self._highest: int | None = None
        self._suspect: int | None = None
        self._ticks: int | None = None  # last timestamp, without wrap-arounds
        self._shift = 0  # frames from the source's timestamps to positions
        self._jitter = Jitter()
        self._waiting: dict[int, _Packet] = {}
        self._coming = 0  # frames in the waiting packets
        self.clear()

    # The network's side

    def push(
        self,
        sequence: int,
        timestamp: int,
        payload: bytes,
        arrival: float,
        decoder: Decoder,
        source: Hashable = None,
    ) -> None:
        """Take a packet: RTP's numbers, the seconds at which it came, who decodes it.

        A ``decoder`` or ``source`` other than before is another beginning.
        """
        self.counters.packets += 1
        if decoder is not self._decoder or source != self._source:
            self._turn_over()
            self._decoder, self._source = decoder, source
        number = self._number(sequence)
        if number is None:
            return
        frames = decoder.frames(payload)
        at = self._position(timestamp, arrival, decoder)
        if not frames:
            self.counters.broken += bool(payload)
            return
        if number in self._waiting or (self._next is not None and number < self._next):
            self.counters.late += 1
            return
        self._waiting[number] = _Packet(at, payload, frames, decoder)
        self._coming += frames
        while self._coming > BOUND:
            self._skip()

    def position_of(self, timestamp: int) -> float | None:
        """The position of a timestamp of the present source; None before there is one."""
        if self._ticks is None or self._decoder is None:
            return None
        ticks = self._ticks + _signed(timestamp - self._ticks, 32)
        return (ticks * RATE // self._decoder.clock + self._shift) / RATE

    def dying(self, frames: int) -> Samples:
        """So many frames in which what was pulled last dies away."""
        rest = Ghost(self._past).go_on(frames)
        return cross_fade(rest, np.zeros((frames, 2), np.int16))

    def clear(self) -> None:
        """Forget what waits; what comes later is heard."""
        if self._waiting:
            self._next = max(self._waiting) + 1
        self._waiting.clear()
        self._coming = 0
        self._wave = np.zeros((0, 2), np.int16)  # decoded, to be heard next
        self._past = np.zeros((HISTORY, 2), np.int16)  # heard last
        self._end: int | None = None  # position after the decoded sound
        self._ghost: Ghost | None = None
        self._spliced = False
        self._playing = False
        self._dry = 0  # frames that were made up since the last that came
        self._patience = 0
        self._fresh = True
        self._mean = 0.0
        self._rest = 0

    def _forget_numbers(self) -> None:
        self._next = self._highest = self._suspect = self._ticks = None

    def _number(self, sequence: int) -> int | None:
        """The sequence number without wrap-arounds; None where it is not to be believed yet."""
        if self._highest is None:
            self._highest = sequence
            return sequence
        step = _signed(sequence - self._highest, 16)
        if -MISORDER <= step < DROPOUT:
            self._suspect = None
            number = self._highest + step
            self._highest = max(self._highest, number)
            return number
        if sequence != self._suspect:
            self._suspect = (sequence + 1) & 0xFFFF
            self.counters.late += 1
            return None
        self._turn_over()
        self._highest = sequence
        return sequence

    def _position(self, timestamp: int, arrival: float, decoder: Decoder) -> int:
        """Where a timestamp is, in frames; follows the network's delay, and a clock that jumps."""
        fresh = self._ticks is None
        if self._ticks is None:
            self._ticks = timestamp
        ticks = self._ticks + _signed(timestamp - self._ticks, 32)
        self._ticks = ticks
        at = ticks * RATE // decoder.clock + self._shift
        delay = arrival - at / RATE
        early = delay - self._jitter.usual
        if self._jitter and (fresh or not -TURN < early < 3 * TURN):
            turn = round(early * RATE)
            self._shift += turn
            at += turn
            delay = arrival - at / RATE
            if not fresh:
                self.counters.restarts += 1
        self._jitter.add(delay, arrival)
        return at

    def _turn_over(self) -> None:
        """Another source begins: what waits of the old one is decoded."""
        if self._decoder is None:
            return
        while self._waiting:
            self._decode_next()
        self._forget_numbers()
        self._spliced = True
        self.counters.restarts += 1

    # The speaker's side

    @property
    def target(self) -> int:
        """Frames that should wait."""
        return max(self._least, self._jitter.target) if self.cushion is None else self.cushion

    @property
    def depth(self) -> int:
        """Frames that wait."""
        return len(self._wave) + self._coming

    @property
    def handed(self) -> int:
        """Frames, as they were said, that were pulled."""
        return max(0, self.counters.heard - len(self._wave))

    def ready(self, frames: int) -> bool:
        """Whether so many can be pulled now without making any up for want of packets."""
        return not self._playing or self.depth >= frames

    def pull(self, frames: int) -> Sound:
        """So many frames for the speaker; silence while a pause lasts."""
        if not self._playing and not self._begin(frames):
            return Sound(np.zeros((frames, 2), np.int16), None, 0)
        self._mean += (self.depth - self._mean) * min(1.0, frames / (RATE // 2))
        self._rest -= frames
        made_up = self.counters.concealed
        self._near_target()
        while len(self._wave) < frames:
            if self._waiting:
                self._decode_next()
            else:
                self._go_without(frames - len(self._wave))
        samples, self._wave = self._wave[:frames], self._wave[frames:]
        self._past = np.concatenate((self._past, samples))[-HISTORY:]
        position = None
        if self._ghost is None and made_up == self.counters.concealed and self._end is not None:
            position = (self._end - len(self._wave) - frames) / RATE
        silent = self._ghost is not None and self._ghost.silent
        return Sound(samples, position, 0 if silent else frames)

    def _begin(self, frames: int) -> bool:
        """Whether enough has gathered, or what there is has waited long enough."""
        if not self.depth:
            self._patience = 0
            return False
        self._patience += frames
        if self.depth < self.target and self._patience <= self.target:
            return False
        while self._fresh and self.depth > self.target + 40 * MS and len(self._waiting) > 1:
            self._skip()
        self._playing, self._fresh = True, False
        self._spliced = True
        self._patience = 0
        self._mean = float(self.depth)
        return True

    def _skip(self) -> None:
        """Leave out the oldest packet that waits."""
        first = min(self._waiting)
        packet = self._waiting.pop(first)
        self._coming -= packet.frames
        self.counters.lost += packet.frames
        self._next = first + 1
        self._end = packet.at + packet.frames
        self._spliced = True

    def _decode_next(self) -> None:
        """Decode the first packet that waits, after whatever is missing before it."""
        number = min(self._waiting)
        packet = self._waiting.pop(number)
        self._coming -= packet.frames
        missing = self._next is not None and number > self._next
        self._next = number + 1
        gap = packet.at - self._end if self._end is not None else 0
        if missing and gap > 0:
            self.counters.gaps += self._dry == 0
        if 0 < gap <= GIVEN_UP and not self._spliced:
            if missing:
                self.counters.lost += max(0, min(gap, self._dry) - Ghost.FADE)
            self._fill(gap, packet, missing)
        elif missing:
            self.counters.lost += max(0, gap - min(self._dry, Ghost.FADE))
        samples = packet.decoder.decode(packet.payload)
        if samples is None:
            self.counters.broken += 1
            self.counters.gaps += 1
            self._conceal(packet.frames)
        else:
            self._join(samples)
        self._end = packet.at + packet.frames
        if self._dry >= Ghost.FADE:  # what came then is no outlier
            self._mean = float(self.depth)
        self._dry = 0

    def _fill(self, gap: int, packet: _Packet, missing: bool) -> None:
        """Bridge a gap in the sender's time, as far as it was not bridged while it was unknown."""
        before = packet.decoder.recover(packet.payload, packet.frames) if missing else None
        left = gap - self._dry
        if before is not None and left >= len(before):
            self._conceal(left - len(before))
            self._join(before)
            self.counters.recovered += len(before)
        elif left > MS:
            self._conceal(left)

    def _go_without(self, frames: int) -> None:
        """Nothing is there: make it up, until it is a pause."""
        if self._dry == 0:
            self.counters.gaps += 1
        self._dry += frames
        self._conceal(frames, lost=False)
        if self._dry >= GIVEN_UP:
            self._playing = False

    def _conceal(self, frames: int, *, lost: bool = True) -> None:
        if frames <= 0:
            return
        if self._ghost is None:
            self._ghost = Ghost(np.concatenate((self._past, self._wave))[-HISTORY:])
        audible = min(frames, max(0, Ghost.FADE - self._ghost.frames))
        self.counters.concealed += audible
        if lost:
            self.counters.lost += frames - audible
        self._wave = np.concatenate((self._wave, to_samples(self._ghost.go_on(frames))))

    def _join(self, samples: Samples) -> None:
        """Append real sound, without a click after sound that does not belong to it."""
        if self._spliced and self._ghost is None:
            self._ghost = Ghost(np.concatenate((self._past, self._wave))[-HISTORY:])
        if self._ghost is not None and len(samples):
            seam = min(_JOIN, len(samples))
            old = self._ghost.go_on(seam)
            samples = np.concatenate((cross_fade(old, samples[:seam]), samples[seam:]))
            self._ghost = None
        self._spliced = False
        self.counters.heard += len(samples)
        self._wave = np.concatenate((self._wave, samples))

    def _near_target(self) -> None:
        """Come nearer to the target by one period: of voice, or of what nobody hears."""
        away = self._mean - self.target
        if -BELOW <= away <= ABOVE or self._rest > 0 or self._ghost is not None:
            return
        while len(self._wave) < 2 * WINDOW and self._waiting:
            self._decode_next()
        if len(self._wave) < 2 * WINDOW or self._ghost is not None:
            return
        hurry = abs(away) > FAR
        period, alike = period_at_start(self._wave, longest=hurry)
        quiet = loudness(self._wave[: 2 * LONGEST]) < QUIET
        alike_enough = quiet or alike > (0.5 if hurry else 0.85)
        if not (alike_enough or hurry):
            return
        if away > 0:
            self._wave = shorter(self._wave, period)
            self.counters.squeezed += period
            self._mean -= period
        else:
            self._wave = longer(self._wave, period)
            self.counters.stretched += period
            self._mean += period
        # At most a third faster or slower, and hardly noticeable where there is no hurry.
        fast = quiet or (hurry and alike_enough) or abs(away) > 2 * FAR
        self._rest = 40 * MS if fast else 150 * MS


def _signed(difference: int, bits: int) -> int:
    """The shortest way between two numbers that wrap around."""
    half = 1 << (bits - 1)
    return (difference + half) % (1 << bits) - half
