"""Echo cancellation by LiveKit's SDK, which brings WebRTC's own: a room's microphone stays open.

What the speaker is given is told as it is given; what the microphone hears goes through here before
it is sent. Both take pieces of 10 ms.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from did_tui.live.media.speaker import RATE

PIECE = RATE // 100
CAPTURED = 0.02  # seconds from the ear of the microphone to us, about


class EchoCanceller:
    """Takes the agent's voice out of the user's; ``far`` and ``near`` in a thread each."""

    def __init__(self, sdk: Any) -> None:
        self._frame = sdk.AudioFrame
        self._module = sdk.AudioProcessingModule(
            echo_cancellation=True, noise_suppression=True, high_pass_filter=True
        )
        self._latency = 0.0

    def far(self, pcm: bytes, latency: float) -> None:
        """The speaker was given ``PIECE`` frames, s16 stereo, heard so many seconds later."""
        both = np.frombuffer(pcm, np.int16).reshape(-1, 2).astype(np.int32)
        mono = (both.sum(axis=1) // 2).astype(np.int16)
        self._latency = latency
        self._module.process_reverse_stream(self._frame(mono.tobytes(), RATE, 1, PIECE))

    def near(self, pcm: bytes) -> bytes:
        """What the microphone heard, s16 mono of whole pieces, without what is the agent's."""
        pieces = []
        for start in range(0, len(pcm), 2 * PIECE):
            piece = self._frame(bytearray(pcm[start : start + 2 * PIECE]), RATE, 1, PIECE)
            self._module.set_stream_delay_ms(round((self._latency + CAPTURED) * 1000))
            self._module.process_stream(piece)
            pieces.append(bytes(piece.data))
        return b"".join(pieces)
