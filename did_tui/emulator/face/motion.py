"""What a face does by itself: blinks, glances, breath, sway, and the blending of moods."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal, TypeAlias

Mood: TypeAlias = Literal["neutral", "happy", "thinking", "listening", "sad"]

MOOD_SECONDS = 0.3
"""How long a face takes from one mood to the next."""

MOST_ROLL = 0.028
"""How far a head tilts to either side, radians."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A mood, written on the face."""

    smile: float = 0.8
    """-1 (corners of the mouth down) to 1 (up)."""
    grin: float = 0.0
    """How far the lips part in a smile, as `Mouth.open`."""
    brow_left: float = 0.0
    brow_right: float = 0.0
    """How far each brow is lifted, pixels; left and right of the picture."""
    worry: float = 0.2
    """How far the inner ends of the brows rise, 0..1."""
    lid: float = 0.14
    """How far the upper lids are down, 0..1."""
    squint: float = 0.0
    """How far the lower lids are up, 0..1."""
    look_x: float = 0.0
    look_y: float = 0.0
    """Where the eyes go besides their glances, pixels."""
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    """How the head is held, in the units of `Pose`."""
    nod: float = 0.0
    """How much the head nods along, 0..1."""

    def mixed(self, other: Expression, share: float) -> Expression:
        """Return the expression `share` (0..1) of the way to another one."""
        return Expression(
            *(
                getattr(self, field.name)
                + (getattr(other, field.name) - getattr(self, field.name)) * share
                for field in fields(self)
            )
        )


EXPRESSIONS: dict[Mood, Expression] = {
    "neutral": Expression(),
    "happy": Expression(
        smile=1.0, grin=0.26, brow_left=5.0, brow_right=5.0, lid=0.16, squint=0.75, roll=0.006
    ),
    "thinking": Expression(
        smile=0.1, brow_left=2.0, brow_right=9.0, lid=0.08, look_x=6.0, look_y=-6.0,
        yaw=0.45, pitch=-0.5, roll=0.012,
    ),
    "listening": Expression(
        smile=0.8, brow_left=6.0, brow_right=6.0, lid=0.06, pitch=-0.1, roll=-0.012, nod=1.0
    ),
    "sad": Expression(
        smile=-0.75, brow_left=2.0, brow_right=2.0, worry=0.9, lid=0.32, look_y=3.0, pitch=0.9,
        roll=-0.004,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pose:
    """How the head and the eyes are held at one moment."""

    yaw: float = 0.0
    """-1 (turned to the left of the picture) to 1."""
    pitch: float = 0.0
    """-1 (up) to 1 (down)."""
    roll: float = 0.0
    """Tilt to the right, radians; never more than `MOST_ROLL`."""
    breath: float = 0.0
    """0 (shoulders up, breathed in) to 1 (shoulders down)."""
    blink: float = 0.0
    """0 (no blink) to 1 (shut)."""
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    """The eyes' glance, pixels."""


@dataclass(frozen=True, slots=True)
class Bearing:
    """A face's smoothed state: mood, and how much and how strongly it is speaking."""

    expression: Expression
    speaking: float = 0.0
    energy: float = 0.0


class Temper:
    """Follows mood, speech and energy without jumps: the only memory that a face has."""

    _SPEAKING_SECONDS = 0.25
    _RISE_SECONDS = 0.07
    _FALL_SECONDS = 0.25

    def __init__(self) -> None:
        self._time: float | None = None
        self._mood: Mood = "neutral"
        self._start = self._now = EXPRESSIONS["neutral"]
        self._elapsed = MOOD_SECONDS
        self._speaking = 0.0
        self._energy = 0.0

    def advance(self, t: float, mood: Mood, speaking: bool, energy: float) -> Bearing:
        """Return the bearing at `t` seconds; the very first one is taken on at once."""
        energy = min(max(energy, 0.0), 1.0)
        if self._time is None:
            self._time, self._mood, self._speaking, self._energy = t, mood, float(speaking), energy
            self._start = self._now = EXPRESSIONS[mood]
        passed = min(max(t - self._time, 0.0), 1.0)
        self._time = t
        if mood != self._mood:
            self._mood, self._start, self._elapsed = mood, self._now, 0.0
        self._elapsed = min(self._elapsed + passed, MOOD_SECONDS)
        share = smooth_step(self._elapsed / MOOD_SECONDS)
        self._now = self._start.mixed(EXPRESSIONS[mood], share)
        self._speaking += (speaking - self._speaking) * _caught_up(passed, self._SPEAKING_SECONDS)
        pace = self._RISE_SECONDS if energy > self._energy else self._FALL_SECONDS
        self._energy += (energy - self._energy) * _caught_up(passed, pace)
        return Bearing(self._now, self._speaking, self._energy)


def _caught_up(passed: float, seconds: float) -> float:
    """Return how much of a difference is made up in `passed` seconds."""
    return 1.0 - math.exp(-passed / seconds)


def smooth_step(share: float) -> float:
    """Return 0..1 for 0..1, starting and ending gently; outside it stays at the nearer end."""
    share = min(max(share, 0.0), 1.0)
    return share * share * (3.0 - 2.0 * share)


class Idle:
    """Involuntary motion as a function of time alone: the same seed moves in the same way."""

    _BLINK_WINDOW = 3.7
    _GLANCE_WINDOW = 1.7

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def pose(self, t: float, bearing: Bearing) -> Pose:
        """Return the pose at `t` seconds."""
        held, speaking, energy = bearing.expression, bearing.speaking, bearing.energy
        lively = 1.0 + 0.7 * speaking
        stress = speaking * energy
        yaw = 0.6 * lively * self._wander(t, 0.32, 0) + 0.25 * speaking * self._wander(t, 1.3, 1)
        pitch = 0.4 * lively * self._wander(t, 0.36, 2) + 0.25 * speaking * self._wander(t, 1.6, 3)
        roll = 0.01 * lively * self._wander(t, 0.27, 4) + 0.006 * stress * self._wander(t, 1.1, 5)
        glance_x, glance_y = self._glance(t)
        attention = 1.0 - 0.6 * speaking
        return Pose(
            yaw=_limited(held.yaw + yaw, 1.0),
            pitch=_limited(held.pitch + pitch + 0.5 * stress + held.nod * self._nod(t), 1.0),
            roll=_limited(held.roll + roll, MOST_ROLL),
            breath=0.5 - 0.5 * math.sin(t * 1.55),
            blink=self._blink(t),
            gaze_x=held.look_x + attention * glance_x,
            gaze_y=held.look_y + attention * glance_y,
        )

    def brow_play(self, t: float, bearing: Bearing) -> float:
        """Return how far speech lifts the brows at `t`, pixels."""
        accents = 3.5 * bearing.energy + 2.0 * self._wander(t, 1.4, 6)
        return bearing.speaking * max(accents, 0.0)

    def _nod(self, t: float) -> float:
        """Return how far the head is down in a nod; nods come in groups, with pauses between."""
        eagerness = smooth_step(2.2 * self._wander(t, 0.45, 7))
        return 0.7 * eagerness * max(0.0, math.sin(t * 5.2))

    def _blink(self, t: float) -> float:
        """Return how far a blink has shut the eyes: one in every window, at times a double."""
        window = math.floor(t / self._BLINK_WINDOW)
        start = (window + 0.08 + 0.72 * self._chance(window, 20)) * self._BLINK_WINDOW
        shut = _blink_curve(t - start)
        if self._chance(window, 21) < 0.18:
            shut = max(shut, _blink_curve(t - start - 0.3))
        return shut

    def _glance(self, t: float) -> tuple[float, float]:
        """Return where the eyes rest, pixels: mostly on the viewer, with quick moves between."""
        window = math.floor(t / self._GLANCE_WINDOW)
        turn = (window + 0.6 * self._chance(window, 30)) * self._GLANCE_WINDOW
        share = smooth_step((t - turn) / 0.09)
        before, after = self._glance_target(window - 1), self._glance_target(window)
        return (
            before[0] + (after[0] - before[0]) * share + 0.4 * self._wander(t, 0.9, 8),
            before[1] + (after[1] - before[1]) * share,
        )

    def _glance_target(self, window: int) -> tuple[float, float]:
        if self._chance(window, 31) < 0.5:
            return 0.0, 0.0
        return (self._chance(window, 32) - 0.5) * 11.0, (self._chance(window, 33) - 0.5) * 5.0

    def _wander(self, t: float, rate: float, channel: int) -> float:
        """Return smooth noise in -1..1 that takes about 1 / `rate` seconds for one turn."""
        place = t * rate
        step = math.floor(place)
        before, after = (2.0 * self._chance(step + i, 100 + channel) - 1.0 for i in (0, 1))
        return before + (after - before) * smooth_step(place - step)

    def _chance(self, step: int, channel: int) -> float:
        """Return a number in 0..1 that depends on the seed, the step and the channel alone."""
        bits = (self._seed * 0x9E3779B1 + step * 0x85EBCA77 + channel * 0xC2B2AE3D) & 0xFFFFFFFF
        bits = ((bits ^ (bits >> 15)) * 0x2C1B3C6D) & 0xFFFFFFFF
        bits = ((bits ^ (bits >> 12)) * 0x297A2D39) & 0xFFFFFFFF
        return (bits ^ (bits >> 15)) / 0x100000000


def _blink_curve(since: float) -> float:
    """Return how far the lids are down `since` seconds after a blink began."""
    if since < 0.0:
        return 0.0
    return smooth_step(since / 0.08) * (1.0 - smooth_step((since - 0.1) / 0.14))


def _limited(value: float, most: float) -> float:
    return min(max(value, -most), most)
