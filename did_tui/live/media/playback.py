"""What was received, on its way to eye and ear: the voice's buffer, the pictures that wait for it.

The speaker's clock is the master. A feeder thread gives the speaker what it wants and notes when
that will be heard; a picture is handed out when its sound is heard, and the newest that is due
wins. No queue grows here: what is too much goes, the oldest first.
"""

from __future__ import annotations

import asyncio
import math
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from did_tui import pauses
from did_tui.live.media.clock import Drift, LipSync, PictureQueue
from did_tui.live.media.decode import Decoder, Plain, Samples, decoder_of
from did_tui.live.media.output import scaled
from did_tui.live.media.recorder import Recorder
from did_tui.live.media.speaker import FADE, RATE, SilentSpeaker, Speaker, SpeakerError
from did_tui.live.media.speaker import open_speaker as open_default_speaker
from did_tui.live.media.voice import Sound, VoiceBuffer, VoiceCounters

if TYPE_CHECKING:
    import av

BLOCK = RATE // 100  # frames the feeder writes at a time
NAP = 0.01  # seconds between two looks at the speaker
RESERVE = 0.06  # seconds that a device here is to hold, whatever is missing
SOONEST = 0.001  # seconds between two looks at the pictures
TURN = 0.001  # seconds that a busy thread has before others: after 5 ms, devices run dry
ON_ITS_WAY = 0.6  # seconds in which sound of an interrupted utterance may still come

PAUSE = Sound(np.zeros((BLOCK, 2), np.int16), None, 0)


@dataclass(slots=True)
class Counters:
    """What became of frames and sound; sound is counted in frames at 48 kHz."""

    pictures_decoded: int = 0
    pictures_dropped: int = 0
    sound_heard: int = 0
    sound_concealed: int = 0
    sound_lost: int = 0


@dataclass(slots=True, frozen=True)
class Figures:
    """How it goes just now, for the status line and the report; None: not known."""

    depth_ms: float
    """Sound that waits in the buffer."""
    target_ms: float
    """How much of it should."""
    device_ms: float | None
    """From the buffer to the ear."""
    voice: VoiceCounters
    underflows: int
    pictures_decoded: int
    pictures_dropped: int
    sound_minus_picture_ms: float | None
    """Positive: the picture is seen first. The wished offset does not count."""
    sync: str
    """What tells which sound belongs to a picture: told, reports, arrivals or none."""
    reports_refused: int
    """Sender reports that contradicted those before them."""
    drift_ppm: float | None
    """How much slower the device's clock is than the sender's."""


class Playback:
    """The newest picture and the voice of one conversation or file.

    ``on_picture`` is called for each new picture, in the event loop or the thread that ``offer``s.
    ``on_trouble`` is called once for each speaker that is lost, from any thread, with a sentence
    for the user. ``av_offset`` is how many seconds later than their sound pictures are wished;
    earlier where it is negative. ``ahead`` are seconds of sound that should wait at least, where it
    comes so much before it is due.
    """

    def __init__(
        self,
        *,
        sink: str = "auto",
        on_picture: Callable[[], None] = lambda: None,
        on_trouble: Callable[[str], None] = lambda _sentence: None,
        open_speaker: Callable[[str], Speaker] = open_default_speaker,
        av_offset: float = 0.0,
        ahead: float = 0.0,
    ) -> None:
        self.counters = Counters()
        self.muted = False
        self.held = False
        """Silent, and what waits goes on waiting."""
        self.hushed = False
        """Silent for as long as the user speaks, whatever ``muted`` is."""
        self.level = 0.0
        self.av_offset = av_offset
        #: Gets what the speaker is given and the seconds until it is heard, in the feeder's thread.
        self.told: Callable[[bytes, float], None] | None = None
        #: Keeps what is seen and heard, where somebody wants that.
        self.recorder: Recorder | None = None
        self._sink = sink
        self._on_picture, self._on_trouble = on_picture, on_trouble
        self._open_speaker = open_speaker
        self._newest: av.VideoFrame | None = None
        self._pictures: PictureQueue[tuple[av.VideoFrame, float]] = PictureQueue()
        self._expected: deque[av.VideoFrame] = deque()
        self._picture_lock = threading.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._dropped = 0
        self._voice = VoiceBuffer(round(ahead * RATE))
        self._voice_lock = threading.Lock()
        self._decoder: tuple[Hashable, Decoder | None] = (None, None)
        self._plain = Plain()
        self._handed = self._handed_frames = 0
        self._sync = LipSync()
        self._offset_seen: float | None = None
        self._latency = math.nan
        self._written = self._underflows = 0
        self._hushing = False
        self._held_until = 0.0
        self._gain = 1.0
        self._heard = 0.0
        self._to_be_heard: deque[tuple[float, float]] = deque(maxlen=1000)
        self._sender_drift, self._device_drift = Drift(), Drift()
        self._speaker: Speaker | None = None
        self._stop = threading.Event()
        self._feeder: threading.Thread | None = None

    def start(self) -> None:
        """Open the speaker and begin to feed it, in a thread; what comes is of another source."""
        self._sync = LipSync()
        with self._picture_lock:
            self._pictures = PictureQueue()
            self._expected.clear()
        self._sender_drift = Drift()
        if self._feeder is None:
            pauses.begin()
            self._feeder = threading.Thread(target=self._feed, name="speaker", daemon=True)
            self._feeder.start()

    def close(self) -> None:
        """Stop the sound and give the speaker back; waits up to two seconds, any thread."""
        self._stop.set()
        feeder, self._feeder = self._feeder, None
        if feeder is not None:
            feeder.join(2)
            pauses.end()
        if self.recorder is not None:
            self.recorder.close()

    @property
    def speaker_name(self) -> str:
        """Words for the status line; empty while the speaker is being opened."""
        return self._speaker.name if self._speaker is not None else ""

    @property
    def audible(self) -> bool:
        """Whether somebody could hear something."""
        return self._speaker is not None and self._speaker.audible

    @property
    def behind(self) -> float:
        """Seconds until the sound that came last is heard."""
        device = 0.0 if math.isnan(self._latency) else self._latency
        return self._voice.depth / RATE + device

    @property
    def heard_seconds(self) -> float:
        """How much of the voice was heard by now, as it was said: 10 ms exact, and it only grows.

        What waits here or in the device does not count, as far as the device tells.
        """
        return self._heard

    @property
    def loudness(self) -> float:
        """How loud the voice is for whoever sits here, 0 to 1: what a microphone would hear."""
        return self.level if self.audible and not self._silenced else 0.0

    @property
    def _silenced(self) -> bool:
        return self.muted or self.hushed or time.monotonic() < self._held_until

    @property
    def figures(self) -> Figures:
        """How it goes; any thread."""
        slow, late = self._device_drift.ppm, self._sender_drift.ppm
        offset = self._offset_seen
        return Figures(
            depth_ms=self._voice.depth / RATE * 1000,
            target_ms=self._voice.target / RATE * 1000,
            device_ms=None if math.isnan(self._latency) else self._latency * 1000,
            voice=self._voice.counters,
            underflows=self._speaker.underflows if self._speaker is not None else 0,
            pictures_decoded=self.counters.pictures_decoded,
            pictures_dropped=self.counters.pictures_dropped,
            sound_minus_picture_ms=None if offset is None else offset * 1000,
            sync=self._sync.source,
            reports_refused=self._sync.refused,
            drift_ppm=None if slow is None or late is None else slow - late,
        )

    # Pictures, in the event loop if nothing else is said

    def picture_came(self, position: float) -> None:
        """The first packet of a picture came."""
        self._sync.picture_arrivals.add(time.monotonic(), position)

    def picture_report(self, sender_time: float, position: float) -> None:
        """A sender report about the pictures."""
        self._sync.picture_reports.add(sender_time, position)

    def show(self, frame: av.VideoFrame, position: float | None = None) -> None:
        """Take a decoded picture and hand it out when its sound is heard.

        ``position`` is in seconds of the picture's clock; without it, the frame's own time.
        """
        self._look_in(self.offer(frame, position))

    def offer(self, frame: av.VideoFrame, position: float | None = None) -> float | None:
        """The same in any thread: the seconds after which the event loop is to ``look``, if any."""
        position = frame.time if position is None else position
        with self._picture_lock:
            self.counters.pictures_decoded += 1
            if self._expected and self._expected[0] is frame:
                self._expected.popleft()
            if position is not None:
                self._pictures.add((frame, position), position, time.monotonic())
        if position is not None:
            return self._hand_out_due()
        self._hand_out(frame)
        return None

    def announce(self, frames: Iterable[av.VideoFrame]) -> None:
        """These are offered next, in this order; any thread."""
        with self._picture_lock:
            self._expected = deque(frames)

    def upcoming(self) -> list[av.VideoFrame]:
        """What will probably be due next, in this order; any thread."""
        with self._picture_lock:
            return [frame for frame, _ in self._pictures.waiting] + list(self._expected)

    def take_picture(self) -> av.VideoFrame | None:
        """The newest picture that is due and was not taken yet; any thread."""
        with self._picture_lock:
            frame, self._newest = self._newest, None
        return frame

    def look(self) -> None:
        """Hand out what is due, and look again when the next one is."""
        self._look_in(self._hand_out_due())

    def _look_in(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(max(SOONEST, seconds), self.look)

    def _hand_out_due(self) -> float | None:
        """Hand out what is due; the seconds until the next one is."""
        with self._picture_lock:
            first = self._pictures.first
            if first is None:
                return None
            now = time.monotonic()
            found = self._pictures.due(now, self._moment(first))
            wait = self._pictures.next_in(now)
        if found is not None:
            frame, position = found
            moment = self._moment(position)
            if moment is not None:
                late = now - moment
                seen = self._offset_seen
                self._offset_seen = -late if seen is None else seen - (seen + late) * 0.05
            self._hand_out(frame)
        return wait

    def _moment(self, position: float) -> float | None:
        moment = self._sync.moment(position)
        return None if moment is None else moment + self.av_offset

    def _hand_out(self, frame: av.VideoFrame) -> None:
        with self._picture_lock:
            self._dropped += self._newest is not None
            self.counters.pictures_dropped = self._dropped + self._pictures.dropped
            self._newest = frame
        if self.recorder is not None:
            self.recorder.see(frame, time.monotonic() - self.av_offset)
        self._on_picture()

    # Sound

    def voice_packet(
        self, sequence: int, timestamp: int, payload: bytes, codec: str, source: int
    ) -> None:
        """Take a packet of sound that came just now; a codec that is not known is silent."""
        now = time.monotonic()
        kind, decoder = self._decoder
        if kind != (codec, source):
            try:
                decoder = decoder_of(codec)
            except ValueError:
                decoder = None
            self._decoder = (codec, source), decoder
        if decoder is None:
            self._voice.counters.broken += 1
            return
        with self._voice_lock:
            self._voice.push(sequence, timestamp, payload, now, decoder, source)
            position = self._voice.position_of(timestamp)
        if position is not None:
            self._sync.voice_arrivals.add(now, position)
            self._sender_drift.add(now, now - position)

    def voice_report(self, sender_time: float, timestamp: int) -> None:
        """A sender report about the sound."""
        position = self._voice.position_of(timestamp)
        if position is not None:
            self._sync.voice_reports.add(sender_time, position)

    def hear(
        self,
        pcm: bytes,
        position: float | None = None,
        handed: float | None = None,
        cushion: float | None = None,
    ) -> None:
        """Take decoded sound, s16 stereo at 48 kHz; one thread at a time.

        ``position`` is in seconds of the clock that the pictures' positions are of; without it the
        sound follows on what came before. ``handed`` is the present on the clock of whoever hands
        it over, where that one may stand still. ``cushion`` are seconds that should wait where the
        sound has been smoothed already, and only threads on the way make it late.
        """
        now = time.monotonic()
        frame = self._handed_frames if position is None else round(position * RATE)
        with self._voice_lock:
            self._voice.cushion = None if cushion is None else round(cushion * RATE)
            self._voice.push(
                self._handed & 0xFFFF,
                frame & 0xFFFFFFFF,
                pcm,
                now if handed is None else handed,
                self._plain,
            )
            heard = self._voice.position_of(frame & 0xFFFFFFFF)
        self._handed += 1
        self._handed_frames = frame + len(pcm) // 4
        if position is not None and heard is not None:
            self._sync.told = heard - position
        elif heard is not None:
            self._sync.voice_arrivals.add(now, heard)

    def hush(self) -> None:
        """Be silent at once: forget what waits, here and in the device, and what is on its way.

        What comes within ``ON_ITS_WAY`` is not heard, or until ``expect``.
        """
        self._held_until = time.monotonic() + ON_ITS_WAY
        self._hushing = True

    def expect(self) -> None:
        """Another utterance begins: what comes from now on is heard."""
        self._held_until = 0.0

    def _feed(self) -> None:
        sys.setswitchinterval(TURN)
        try:
            self._speaker = self._open_speaker(self._sink)
        except SpeakerError as error:
            self._speaker = SilentSpeaker()
            self._complain(error)
        while not self._stop.wait(NAP):
            try:
                if self._hushing:
                    self._hushing = False
                    self._fall_silent(self._speaker)
                self._fill(self._speaker)
                self._listen()
            except SpeakerError as error:
                self._speaker.close()
                self._speaker = SilentSpeaker()
                self._complain(error)
        self._speaker.close()

    def _complain(self, error: SpeakerError) -> None:
        if not self._stop.is_set():
            self._on_trouble(f"{error}.")

    def _fall_silent(self, speaker: Speaker) -> None:
        """Forget what waits; what was heard last dies away, in the device or behind it."""
        silent = speaker.flush()
        with self._voice_lock:
            rest = self._voice.dying(FADE)
            self._voice.clear()
        if not silent:
            speaker.write(scaled(rest.tobytes(), self._gain, self._gain))
            self._written += FADE
        self._gain = 0.0

    def _fill(self, speaker: Speaker) -> None:
        wanted = speaker.writable()
        if wanted < BLOCK:
            return
        latency, now = speaker.latency(), time.monotonic()
        if speaker.underflows != self._underflows:
            # A device that stood still is later from then on, and its clock no slower.
            self._underflows, self._device_drift = speaker.underflows, Drift()
        self._device_drift.add(now, now + latency - self._written / RATE)
        blocks: list[bytes] = []
        while wanted >= BLOCK:
            with self._voice_lock:
                # What is missing may still come while the device plays what it has.
                if latency > RESERVE and not speaker.remote and not self._voice.ready(BLOCK):
                    break
                # Held, one more block is pulled, to fade away.
                rest = self.held and not self._gain
                sound = PAUSE if rest else self._voice.pull(BLOCK)
            self._meter(sound.samples)
            if self.recorder is not None:
                self.recorder.hear(sound.samples, now + (0 if math.isnan(latency) else latency))
            before, self._gain = self._gain, 0.0 if self._silenced or self.held else 1.0
            blocks.append(scaled(sound.samples.tobytes(), before, self._gain))
            told = self.told
            if told is not None:
                told(blocks[-1], 0.0 if math.isnan(latency) else latency)
            if sound.position is not None and not math.isnan(latency):
                self._sync.device.anchor(sound.position, now + latency)
            latency += BLOCK / RATE
            self._latency = latency
            self._written += BLOCK
            wanted -= BLOCK
        if blocks:
            speaker.write(b"".join(blocks))
        end = now if math.isnan(latency) else now + latency
        self._to_be_heard.append((end, self._voice.handed / RATE))
        counters, voice = self.counters, self._voice.counters
        counters.sound_heard, counters.sound_lost = voice.heard, voice.lost
        counters.sound_concealed = voice.concealed

    def _listen(self) -> None:
        """Follow what is heard by now."""
        now = time.monotonic()
        while self._to_be_heard and self._to_be_heard[0][0] <= now:
            self._heard = max(self._heard, self._to_be_heard.popleft()[1])

    def _meter(self, samples: Samples) -> None:
        """Follow the loudness, 0 to 1: up at once, down slowly."""
        peak = int(np.abs(samples[::12].astype(np.int32)).max())
        self.level = max(peak / 32768, self.level * 0.9)
