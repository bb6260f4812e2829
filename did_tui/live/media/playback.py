"""What was received, on its way to eye and ear: the newest picture, and a feeder for the speaker.

No queue grows here: a picture that nobody took is overwritten by the next, and the voice buffer is
bounded (the oldest sound goes first).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from did_tui.live.media.speaker import FRAME_BYTES, RATE, SilentSpeaker, Speaker, SpeakerError
from did_tui.live.media.speaker import open_speaker as open_default_speaker

if TYPE_CHECKING:
    import av

MOST_VOICE = RATE * 2 // 5  # frames of sound that wait at most
START_VOICE = RATE * 3 // 50  # frames that must wait before a pause ends
BLOCK = RATE // 100  # frames the feeder writes at a time
NAP = 0.006  # seconds between two looks at the speaker


@dataclass(slots=True)
class Counters:
    """What became of frames and sound; sound is counted in frames at 48 kHz."""

    pictures_decoded: int = 0
    sound_heard: int = 0
    sound_lost: int = 0


class VoiceBuffer:
    """Sound that waits to be heard; a pause ends when a little has gathered. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chunks: deque[bytes] = deque()
        self._waiting = 0
        self._playing = False
        self.lost = 0

    def push(self, pcm: bytes) -> None:
        """Add s16 stereo frames at 48 kHz."""
        with self._lock:
            self._chunks.append(pcm)
            self._waiting += len(pcm) // FRAME_BYTES
            while self._waiting > MOST_VOICE:
                frames = len(self._chunks.popleft()) // FRAME_BYTES
                self._waiting -= frames
                self.lost += frames

    def pull(self, frames: int) -> bytes:
        """Take up to this many frames; nothing while a pause lasts."""
        with self._lock:
            if not self._playing and self._waiting < START_VOICE:
                return b""
            taken = bytearray()
            wanted = frames * FRAME_BYTES
            while self._chunks and len(taken) < wanted:
                chunk = self._chunks.popleft()
                rest = wanted - len(taken)
                if len(chunk) > rest:
                    self._chunks.appendleft(chunk[rest:])
                    chunk = chunk[:rest]
                taken += chunk
            self._waiting -= len(taken) // FRAME_BYTES
            self._playing = bool(self._chunks)
            return bytes(taken)

    def clear(self) -> None:
        """Forget what waits."""
        with self._lock:
            self._chunks.clear()
            self._waiting = 0
            self._playing = False


class Playback:
    """The newest picture and the voice of one conversation or file.

    ``on_picture`` is called in the event loop for each new picture. ``on_trouble`` is called once
    for each speaker that is lost, from any thread, with a sentence for the user.
    """

    def __init__(
        self,
        *,
        sink: str = "auto",
        on_picture: Callable[[], None] = lambda: None,
        on_trouble: Callable[[str], None] = lambda _sentence: None,
        open_speaker: Callable[[str], Speaker] = open_default_speaker,
    ) -> None:
        self.counters = Counters()
        self.muted = False
        self.level = 0.0
        self._sink = sink
        self._on_picture, self._on_trouble = on_picture, on_trouble
        self._open_speaker = open_speaker
        self._newest: av.VideoFrame | None = None
        self._voice = VoiceBuffer()
        self._speaker: Speaker | None = None
        self._stop = threading.Event()
        self._feeder: threading.Thread | None = None

    def start(self) -> None:
        """Open the speaker and begin to feed it, in a thread."""
        if self._feeder is None:
            self._feeder = threading.Thread(target=self._feed, name="speaker", daemon=True)
            self._feeder.start()

    def close(self) -> None:
        """Stop the sound and give the speaker back; waits up to two seconds, any thread."""
        self._stop.set()
        if self._feeder is not None:
            self._feeder.join(2)
            self._feeder = None

    @property
    def speaker_name(self) -> str:
        """Words for the status line; empty while the speaker is being opened."""
        return self._speaker.name if self._speaker is not None else ""

    @property
    def audible(self) -> bool:
        """Whether somebody could hear something."""
        return not isinstance(self._speaker, SilentSpeaker | None)

    # Pictures

    def show(self, frame: av.VideoFrame) -> None:
        """Take a decoded picture; event loop only."""
        self.counters.pictures_decoded += 1
        self._newest = frame
        self._on_picture()

    def take_picture(self) -> av.VideoFrame | None:
        """The newest picture that was not taken yet."""
        frame, self._newest = self._newest, None
        return frame

    # Sound

    def hear(self, pcm: bytes) -> None:
        """Take decoded sound, s16 stereo at 48 kHz; any thread."""
        self._voice.push(pcm)

    def hush(self) -> None:
        """Be silent at once: forget what waits, here and in the device."""
        self._voice.clear()
        if self._speaker is not None:
            self._speaker.flush()

    def _feed(self) -> None:
        try:
            self._speaker = self._open_speaker(self._sink)
        except SpeakerError as error:
            self._speaker = SilentSpeaker()
            self._complain(error)
        while not self._stop.wait(NAP):
            try:
                self._fill(self._speaker)
            except SpeakerError as error:
                self._speaker.close()
                self._speaker = SilentSpeaker()
                self._complain(error)
        self._speaker.close()

    def _complain(self, error: SpeakerError) -> None:
        if not self._stop.is_set():
            self._on_trouble(f"{error}.")

    def _fill(self, speaker: Speaker) -> None:
        wanted = speaker.writable()
        while wanted >= BLOCK:
            pcm = self._voice.pull(BLOCK)
            heard = len(pcm) // FRAME_BYTES
            self._meter(pcm)
            if self.muted:
                pcm = b""
            speaker.write(pcm.ljust(BLOCK * FRAME_BYTES, b"\0"))
            self.counters.sound_heard += heard
            self.counters.sound_lost = self._voice.lost
            wanted -= BLOCK

    def _meter(self, pcm: bytes) -> None:
        """Follow the loudness, 0 to 1: up at once, down slowly."""
        peak = 0
        if pcm:
            samples = memoryview(pcm).cast("h")[::24]
            peak = max(max(samples), -min(samples))
        self.level = max(peak / 32768, self.level * 0.9)
