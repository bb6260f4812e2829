"""What is seen and heard at each moment of one stream: a time line without I/O.

The clock is the stream's own, in seconds since its media began; sound and face are read from the
same time line, so they cannot drift apart. Synthesised sentences are appended while earlier ones
are being spoken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from did_tui.emulator.face import REST, Mood, Mouth, mouth_at, visemes
from did_tui.emulator.voice import Speech

RATE = 48_000  # Hz of the sound that leaves
LEAD_IN = 0.12  # seconds of picture before the first word: the lips open before it is heard
ENVELOPE = 0.02  # seconds a step of the loudness curve

Samples = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Pose:
    """How the face looks at one moment."""

    mouth: Mouth = REST
    mood: Mood = "neutral"
    speaking: bool = False
    energy: float = 0.0


@dataclass(slots=True)
class _Sentence:
    start: int
    samples: Samples
    visemes: list[tuple[float, str]]
    loudness: npt.NDArray[np.float32]

    @property
    def end(self) -> int:
        return self.start + len(self.samples)


@dataclass(slots=True)
class Utterance:
    """One spoken reply; ``on_started`` and ``on_done`` are called once each, in this order."""

    video_id: str
    on_started: Callable[[], None]
    on_done: Callable[[], None]
    mood: Mood = "happy"
    complete: bool = False
    _sentences: list[_Sentence] = field(default_factory=list)
    _begun: bool = False


class Stage:
    """The time line of one stream. Positions are samples at 48 kHz since the media began."""

    def __init__(self) -> None:
        self.mood: Mood = "listening"
        self.position = 0
        self._queue: deque[Utterance] = deque()

    @property
    def speaking(self) -> bool:
        """Whether an utterance is being spoken or waits to be."""
        return bool(self._queue)

    @property
    def waiting(self) -> int:
        """How many utterances have not begun."""
        return sum(not utterance._begun for utterance in self._queue)

    @property
    def video_id(self) -> str:
        """The utterance being spoken, empty in silence."""
        return self._queue[0].video_id if self._queue and self._queue[0]._begun else ""

    def add(self, utterance: Utterance) -> None:
        """Queue an utterance; its sentences follow with ``extend``."""
        self._queue.append(utterance)

    def extend(self, utterance: Utterance, speech: Speech) -> None:
        """Append a sentence to an utterance that is queued or being spoken."""
        samples = np.frombuffer(speech.pcm, dtype=np.int16)
        if not len(samples):
            return
        start = 0  # known when its turn comes
        if utterance._sentences:
            # A sentence ends with its own pause; a late one begins as soon as it is there.
            start = max(utterance._sentences[-1].end, self.position)
        utterance._sentences.append(
            _Sentence(start, samples, visemes(speech.phonemes), _loudness(samples))
        )

    def interrupt(self) -> None:
        """Stop speaking at once and forget what was queued."""
        cut, self._queue = list(self._queue), deque()
        for utterance in cut:
            if utterance._begun:
                utterance.on_done()

    def sound(self, count: int) -> Samples:
        """The next ``count`` samples (mono); moves the position."""
        out = np.zeros(count, np.int16)
        begin, end = self.position, self.position + count
        utterance = self._current()
        if utterance is not None:
            for sentence in utterance._sentences:
                low, high = max(begin, sentence.start), min(end, sentence.end)
                if low < high:
                    out[low - begin : high - begin] = sentence.samples[
                        low - sentence.start : high - sentence.start
                    ]
        self.position = end
        if utterance is not None and utterance.complete and self._over(utterance):
            self._queue.popleft()
            if utterance._begun:
                utterance.on_done()
        return out

    def pose(self, seconds: float) -> Pose:
        """How the face looks at a moment of the stream's clock."""
        if not self._queue or not self._queue[0]._begun:
            return Pose(mood=self.mood)
        utterance = self._queue[0]
        position = int(seconds * RATE)
        for sentence in utterance._sentences:
            # The lips prepare for the first sound and come to rest after the last.
            if sentence.start - RATE // 5 <= position < sentence.end + RATE // 10:
                ms = (position - sentence.start) * 1000 / RATE
                step = int(ms / 1000 / ENVELOPE)
                loud = sentence.loudness[step] if 0 <= step < len(sentence.loudness) else 0.0
                return Pose(mouth_at(sentence.visemes, ms), utterance.mood, True, float(loud))
        return Pose(mood=utterance.mood, speaking=True)

    def _current(self) -> Utterance | None:
        """The utterance at the head of the queue, begun if it has something to say."""
        if not self._queue:
            return None
        utterance = self._queue[0]
        if not utterance._begun and utterance._sentences:
            utterance._begun = True
            start = self.position + int(LEAD_IN * RATE)
            for sentence in utterance._sentences:
                sentence.start = start
                start = sentence.end
            utterance.on_started()
        return utterance

    def _over(self, utterance: Utterance) -> bool:
        return not utterance._sentences or self.position >= utterance._sentences[-1].end


def _loudness(samples: Samples) -> npt.NDArray[np.float32]:
    """The loudness curve of a sentence, 0 to 1, one value each 20 ms."""
    step = int(ENVELOPE * RATE)
    whole = len(samples) // step * step
    if not whole:
        return np.zeros(1, np.float32)
    blocks = samples[:whole].reshape(-1, step).astype(np.float32) / 32768
    rms = np.sqrt((blocks * blocks).mean(axis=1))
    return np.asarray(np.minimum(rms / 0.2, 1.0), np.float32)
