"""The agent's voice is taken out of what the microphone hears, the user's is not."""

from __future__ import annotations

import numpy as np
import pytest

from did_tui.live import roomsdk
from did_tui.live.echo import PIECE, EchoCanceller
from did_tui.live.media.speaker import RATE

SECONDS = 4
DELAY = RATE // 20  # from the speaker to the microphone


def noise(seed: int, frames: int) -> np.ndarray:
    """Something like speech: noise that comes and goes, low in its spectrum."""
    random = np.random.default_rng(seed)
    rough = np.convolve(random.normal(0, 1, frames), np.ones(16) / 16, "same")
    syllables = 0.5 + 0.5 * np.sin(np.arange(frames) * 2 * np.pi * 3 / RATE + seed)
    return np.asarray(rough * syllables * 12_000)


def loud(sound: np.ndarray) -> float:
    return float(np.sqrt(np.square(sound[len(sound) // 2 :]).mean()))


@pytest.mark.parametrize("talks", [False, True])
def test_the_echo_goes_and_the_user_stays(talks: bool) -> None:
    pytest.importorskip("livekit.rtc", reason="LiveKit's library is not for this machine")
    from livekit import rtc

    roomsdk.load()
    canceller = EchoCanceller(rtc)
    frames = SECONDS * RATE
    far = noise(1, frames)
    echo = 0.4 * np.concatenate((np.zeros(DELAY), far[:-DELAY]))
    user = noise(2, frames) if talks else np.zeros(frames)
    heard = (echo + user).astype(np.int16)
    sent = []
    for at in range(0, frames - PIECE + 1, PIECE):
        both = np.repeat(far[at : at + PIECE, None], 2, axis=1).astype(np.int16)
        canceller.far(both.tobytes(), DELAY / RATE)
        sent.append(np.frombuffer(canceller.near(heard[at : at + PIECE].tobytes()), np.int16))
    out = np.concatenate(sent).astype(float)
    assert len(out) == len(heard) // PIECE * PIECE
    if talks:
        assert loud(out) > 0.3 * loud(user)
    else:
        assert loud(out) < 0.05 * loud(echo)
