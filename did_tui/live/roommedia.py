"""Sound and picture of a room, between LiveKit's SDK and the playback, and the microphone.

The SDK has put packets in order, concealed what was lost and tied the picture to the sound: what it
hands out at one moment belongs together. So both get their moment as position, and wait here only
for the speaker: sound has a small cushion instead of what its jitter would demand. So it came to
the ear after 187 ms instead of 212, on a busy machine after 207 instead of 234, with no gap of
40 ms in either (``tests/bench/sound.py --viewers room``). The SDK's readers do not end by
themselves: each is closed with its track.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from did_tui.live import roomsdk
from did_tui.live.media.microphone import FRAME, FRAME_BYTES, Microphone
from did_tui.live.media.speaker import RATE

if TYPE_CHECKING:
    from livekit import rtc

PIECE_MS = 20  # of sound at once: with the 10 that are usual, a call costs 2 % of a core more
CUSHION = 0.03  # seconds of sound that wait for the threads on its way
LATE = 0.01  # seconds that the library lets sound be behind the picture, about
VECTOR = 64  # pixels of a row, whose colour differences take 32 bytes
MOST_SOUND = 25  # of them that wait; the oldest goes
STEP = 0.0005  # seconds that a position is put right by with each frame: a longer gap is filled
APART = 0.2  # seconds by which sound may come early or late before it is counted anew
CLOSING_SECONDS = 2.0
SILENCE = 40  # such frames after the user's voice: whoever listens hears that it has ended
PATIENCE = 0.04  # seconds without a frame from the microphone, after which there is silence


class Positions:
    """Where sound that comes in frames of equal length is, in seconds of ``time.monotonic``.

    Frames that come late in a bunch are one behind the other, as they were sent. The frame that
    comes soonest of a second tells where they are: what the first one's delay and what was left out
    have made wrong is put right little by little, which nobody hears.
    """

    def __init__(self) -> None:
        self._next: float | None = None
        self._soonest = math.inf  # of this second: from a frame's position to its arrival
        self._seconds = 0.0
        self._wrong = 0.0

    def next(self, now: float, seconds: float) -> float:
        """The position of a frame of so many seconds that begins now, as far as one can tell."""
        at = self._next
        if at is None or not -APART < now - at < APART:
            at, self._wrong, self._soonest, self._seconds = now, 0.0, math.inf, 0.0
        step = max(-STEP, min(STEP, self._wrong))
        self._wrong -= step
        at += step
        self._soonest = min(self._soonest - step, now - at)
        self._seconds += seconds
        if self._seconds >= 1.0:
            self._wrong, self._soonest, self._seconds = self._soonest, math.inf, 0.0
        self._next = at + seconds
        return at


def frame_of(width: int, height: int, data: memoryview | bytes | bytearray) -> av.VideoFrame:
    """The picture of planes Y, U and V that lie without gaps one behind the other.

    ``data`` becomes the picture's own where its rows are whole vectors: swscale reads so much at
    once, behind the last row, too.
    """
    if width % VECTOR == height % 2 == 0:
        planes = np.frombuffer(data, np.uint8).reshape(height * 3 // 2, width)
        return av.VideoFrame.from_numpy_buffer(planes, format="yuv420p")
    frame = av.VideoFrame(width, height, "yuv420p")
    pixels = np.frombuffer(data, np.uint8)
    half = (width + 1) // 2, (height + 1) // 2
    at = 0
    for plane, (wide, high) in zip(frame.planes, ((width, height), half, half), strict=True):
        rows = pixels[at : at + wide * high].reshape(high, wide)
        at += wide * high
        room = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        room[:high, :wide] = rows
    return frame


class Ear:
    """Reads a track of sound in a thread of its own: no work of the screen makes it late.

    ``hear`` gets s16 stereo at 48 kHz and its position, in that thread.
    """

    def __init__(self, sdk: Any, track: rtc.Track, hear: Callable[[bytes, float], None]) -> None:
        self._sdk, self._track, self._hear = sdk, track, hear
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over = False
        self._thread = threading.Thread(target=self._run, name="room sound", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Read no more; waits for nothing."""
        self._over = True
        if self._task is not None and self._loop is not None:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._task.cancel)

    @property
    def alive(self) -> bool:
        """Whether it reads, or still closes."""
        return self._thread.is_alive()

    def join(self) -> None:
        """Wait until it is closed; blocks."""
        self._thread.join(2 * CLOSING_SECONDS)

    def _run(self) -> None:
        with suppress(asyncio.CancelledError):
            asyncio.run(self._listen())

    async def _listen(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if self._over:
            return
        positions = Positions()
        stream = self._sdk.AudioStream(
            self._track,
            sample_rate=RATE,
            num_channels=2,
            capacity=MOST_SOUND,
            frame_size_ms=PIECE_MS,
        )
        try:
            async for event in stream:
                pcm = bytes(event.frame.data)
                seconds = len(pcm) / 4 / RATE
                began = time.monotonic() - seconds - LATE
                self._hear(pcm, positions.next(began, seconds))
        finally:
            await _closed(stream.aclose())
            roomsdk.give_back(self._track)


class Reception:
    """The newest track of each kind, read until another takes its place.

    ``see`` gets pictures with their positions, in the event loop; ``hear`` is ``Ear``'s.
    """

    def __init__(
        self,
        see: Callable[[av.VideoFrame, float], None],
        hear: Callable[[bytes, float], None],
    ) -> None:
        self._see, self._hear = see, hear
        self._eye: tuple[str, asyncio.Task[None]] | None = None
        self._ear: tuple[str, Ear] | None = None
        self._ended: list[Ear] = []
        #: How many pictures came.
        self.pictures = 0

    def take(self, sdk: Any, track: rtc.Track, video: bool) -> None:
        """Read this track from now on."""
        if video:
            self._stop_eye()
            self._eye = track.sid, asyncio.create_task(self._watch(sdk, track))
        else:
            self._stop_ear()
            self._ear = track.sid, Ear(sdk, track, self._hear)

    def drop(self, sid: str) -> None:
        """A track has ended; one that is not read is none of ours."""
        if self._eye is not None and self._eye[0] == sid:
            self._stop_eye()
        if self._ear is not None and self._ear[0] == sid:
            self._stop_ear()

    async def close(self) -> None:
        """Read no more; returns when nothing is read."""
        eye = self._eye
        self._stop_eye()
        self._stop_ear()
        ears, self._ended = self._ended, []
        if eye is not None:
            await asyncio.gather(eye[1], return_exceptions=True)
        for ear in ears:
            await asyncio.to_thread(ear.join)

    def _stop_eye(self) -> None:
        if self._eye is not None:
            self._eye[1].cancel()
            self._eye = None

    def _stop_ear(self) -> None:
        if self._ear is not None:
            self._ear[1].close()
            self._ended = [*(ear for ear in self._ended if ear.alive), self._ear[1]]
            self._ear = None

    async def _watch(self, sdk: Any, track: rtc.Track) -> None:
        stream = sdk.VideoStream(track, capacity=1, format=sdk.VideoBufferType.I420)
        try:
            async for event in stream:
                self.pictures += 1
                found = event.frame
                self._see(frame_of(found.width, found.height, found.data), time.monotonic())
        finally:
            await _closed(stream.aclose())
            roomsdk.give_back(track)


async def _closed(closing: Coroutine[Any, Any, None]) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(closing, CLOSING_SECONDS)


class Voice:
    """The microphone as a track of the room: published when somebody first talks, else muted."""

    def __init__(self, microphone: Microphone) -> None:
        self._microphone = microphone

    async def run(self, sdk: Any, room: rtc.Room) -> None:
        """Send what is said, until cancelled; silence behind it, then nothing."""
        microphone = self._microphone
        pcm = await microphone.read()
        source = sdk.AudioSource(RATE, 1, queue_size_ms=200)
        track = sdk.LocalAudioTrack.create_audio_track("microphone", source)
        options = sdk.TrackPublishOptions(source=sdk.TrackSource.SOURCE_MICROPHONE)
        await room.local_participant.publish_track(track, options)
        silence = bytes(FRAME_BYTES)
        quiet = 0
        try:
            while True:
                await source.capture_frame(sdk.AudioFrame(pcm, RATE, 1, FRAME))
                if quiet >= SILENCE:
                    track.mute()
                    pcm, quiet = await microphone.read(), 0
                    track.unmute()
                    continue
                try:
                    async with asyncio.timeout(PATIENCE):
                        pcm, quiet = await microphone.read(), 0
                except TimeoutError:
                    pcm, quiet = silence, quiet + 1
        finally:
            await _closed(source.aclose())
