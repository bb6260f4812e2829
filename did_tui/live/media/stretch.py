"""Pure arithmetic on speech: its pitch, and making it longer or shorter without a click.

What is done is what WebRTC's NetEq does (modules/audio_coding/neteq: expand, accelerate and
preemptive_expand): a piece that repeats itself is left out or put in once more, with a cross-fade.
Sound is an array of shape (frames, 2) at 48 kHz; lengths are in frames.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from did_tui.live.media.decode import Samples

SHORTEST, LONGEST = 120, 640
"""Periods that are looked for: 400 to 75 Hz."""

WINDOW = 480
"""How much of the sound is compared with itself: 10 ms."""

HISTORY = LONGEST + 2 * WINDOW
"""What has to be known of the past to go on without it."""

QUIET = 90.0
"""Root mean square, of 32768, below which anything may be left out."""

HARDLY = 0.05
"""A likeness that much smaller is as good."""

_SEAM = 120  # 2.5 ms


def mono(samples: Samples) -> NDArray[np.float32]:
    """Both channels in one."""
    both: NDArray[np.float32] = samples.astype(np.float32).sum(axis=1) * np.float32(0.5)
    return both


def loudness(samples: Samples) -> float:
    """The root mean square, of 32768."""
    if not len(samples):
        return 0.0
    return float(np.sqrt(np.square(mono(samples)).mean()))


def period_at_end(samples: Samples) -> int:
    """How long the piece is that the end of the sound repeats best."""
    sound = mono(samples[-HISTORY:])
    if len(sound) < LONGEST + WINDOW:
        return WINDOW
    lags = _likeness(sound[-WINDOW:], sound[-LONGEST - WINDOW : -SHORTEST])
    return LONGEST - int(np.argmax(lags))


def period_at_start(samples: Samples, *, longest: bool = False) -> tuple[int, float]:
    """How long the piece is that the start repeats best, and how alike the two are, up to 1.

    At least two windows of sound are wanted; the piece is in them twice. ``longest`` prefers
    several periods at once to a single one that is hardly more alike.
    """
    most = min(LONGEST, len(samples) // 2, len(samples) - WINDOW)
    sound = mono(samples[: most + WINDOW])
    lags = _likeness(sound[:WINDOW], sound[SHORTEST:])
    best = int(np.argmax(lags))
    if longest:
        best = int(np.flatnonzero(lags >= lags[best] - HARDLY)[-1])
    return SHORTEST + best, float(lags[best])


def _likeness(piece: NDArray[np.float32], where: NDArray[np.float32]) -> NDArray[np.float32]:
    """The normalized correlation of a piece with every place of a longer sound."""
    products = np.correlate(where, piece, "valid")
    energy = np.concatenate(([0.0], np.cumsum(np.square(where, dtype=np.float64))))
    energies = energy[len(piece) :] - energy[: -len(piece)]
    own = float(np.square(piece, dtype=np.float64).sum())
    alike = products / np.sqrt(energies * own + 1e3)
    return alike.astype(np.float32)


def cross_fade(old: NDArray[np.float32] | Samples, new: Samples) -> Samples:
    """From one to the other, both equally long."""
    rise = np.linspace(0.0, 1.0, len(new), dtype=np.float32)[:, None]
    return to_samples(old * (1 - rise) + new * rise)


def shorter(samples: Samples, period: int) -> Samples:
    """The sound without one period, which must be in it twice at the start."""
    joint = cross_fade(samples[:period], samples[period : 2 * period])
    return np.concatenate((joint, samples[2 * period :]))


def longer(samples: Samples, period: int) -> Samples:
    """The sound with one period, which must be in it twice at the start, once more."""
    joint = cross_fade(samples[period : 2 * period], samples[:period])
    return np.concatenate((samples[:period], joint, samples[period:]))


def to_samples(sound: NDArray[np.float32]) -> Samples:
    """Rounded, and within 16 bits."""
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)


class Ghost:
    """What is heard where sound is missing: its last period again and again, dying away."""

    FADE = 4800
    """It is silent after 100 ms; a longer one sounds like a machine."""

    def __init__(self, past: Samples) -> None:
        """Continue ``past``, of which at least ``HISTORY`` frames are wanted."""
        self.frames = 0
        if not len(past):
            past = np.zeros((1, 2), np.int16)
        period = min(period_at_end(past), len(past))
        piece = past[-period:].astype(np.float32)
        seam = min(_SEAM, len(past) - period, period)
        if seam > 0:  # so that its end goes over into its beginning
            before = past[-period - seam : -period].astype(np.float32)
            rise = np.linspace(0.0, 1.0, seam, dtype=np.float32)[:, None]
            piece[-seam:] = piece[-seam:] * (1 - rise) + before * rise
        self._piece = piece
        # The step from the last frame heard to the first one repeated is smoothed away.
        self._step = past[-1].astype(np.float32) - past[max(-period - 1, -len(past))]

    @property
    def silent(self) -> bool:
        """Whether it has died away."""
        return self.frames >= self.FADE

    def go_on(self, frames: int) -> NDArray[np.float32]:
        """The next of it."""
        at = self.frames + np.arange(frames)
        self.frames += frames
        if not frames or at[0] >= self.FADE:
            return np.zeros((frames, 2), np.float32)
        gain = np.clip(1 - at / self.FADE, 0, 1).astype(np.float32)[:, None]
        smooth = np.exp(-at / 40.0).astype(np.float32)[:, None] * self._step
        sound: NDArray[np.float32] = (self._piece[at % len(self._piece)] + smooth) * gain
        return sound
