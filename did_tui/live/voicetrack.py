"""The microphone as a WebRTC track."""

from __future__ import annotations

import fractions
import time

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from did_tui.live.media.microphone import FRAME, Microphone
from did_tui.live.media.speaker import RATE

NOT_TAKEN = "This agent's stream takes no microphone: it only sends. Type what you want to say."
"""Why there is no microphone where ``rtc.takes_sound`` says no."""

NO_VOICE = "This conversation is in text. Type what you want to say."
"""Why there is no microphone in a mode that has no stream."""


class MicrophoneTrack(MediaStreamTrack):
    """Frames while somebody talks, and nothing in between.

    The timestamps go on in between, so that a pause is a pause at the other end and no loss. The
    microphone is not closed with the track: the next connection may want it.
    """

    kind = "audio"

    def __init__(self, microphone: Microphone) -> None:
        super().__init__()
        self._microphone = microphone
        self._began: float | None = None
        self._next = 0

    async def recv(self) -> av.AudioFrame:
        """The next frame, when somebody has said it."""
        if self.readyState != "live":
            raise MediaStreamError
        pcm = await self._microphone.read()
        now = time.monotonic()
        if self._began is None:
            self._began = now
        passed = int((now - self._began) * RATE)
        if passed - self._next > RATE // 2:  # nobody talked meanwhile
            self._next = passed // FRAME * FRAME
        samples = np.frombuffer(pcm, np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.time_base = RATE, fractions.Fraction(1, RATE)
        frame.pts = self._next
        self._next += FRAME
        return frame
