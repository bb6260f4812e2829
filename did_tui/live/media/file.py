"""A local video file through the same picture and sound as a conversation."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import av
import av.error

from did_tui.live.media.decode import Converter
from did_tui.live.media.playback import Playback

SMALL = 1280 * 720  # pixels that one thread decodes in time
AHEAD = 0.5  # seconds of the file that are decoded before they are due
#: Seconds of it that are decoded at once, then none for as long: with other work between two
#: pictures the decoder finds its memory gone from the processor's caches, and takes a third more.
BURST = 0.16
SOUND_AHEAD = 0.3  # seconds of sound that wait for the speaker: a thread may come late
SOUND_LEAD = SOUND_AHEAD + 0.1  # seconds that sound is handed over before its picture
LAST = 0.2  # seconds that the last picture is seen


class NotPlayable(Exception):
    """The file cannot be played; the text says why."""


class FilePlayer:
    """Plays one file at its own speed, in a thread, into a ``Playback``."""

    def __init__(self, path: Path, playback: Playback) -> None:
        """Open the file; raises ``NotPlayable``."""
        self._playback = playback
        try:
            self._container = av.open(str(path))
        except (av.error.FFmpegError, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise NotPlayable(f"{path} cannot be played: {reason}.") from error
        if not self._container.streams.video:
            self._container.close()
            raise NotPlayable(f"{path} has no picture in it.")
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._running = threading.Event()
        self._running.set()
        self._stop = threading.Event()
        self._burst = 0.0
        self.trouble = ""

    def start(self) -> None:
        """Begin to play."""
        threading.Thread(target=self._run, name="file", daemon=True).start()

    def pause(self) -> bool:
        """Stop, or go on; whether it plays now."""
        if self._running.is_set():
            self._running.clear()
        else:
            self._running.set()
        self._playback.held = not self._running.is_set()
        return self._running.is_set()

    def stop(self) -> None:
        """Play no more."""
        self._stop.set()
        self._running.set()

    async def ended(self) -> None:
        """Wait until the file has ended."""
        await self._ended.wait()

    def _run(self) -> None:
        try:
            self._play()
        except av.error.FFmpegError as error:
            self.trouble = f"The file is damaged: {error.strerror}."
        finally:
            self._container.close()
            self._loop.call_soon_threadsafe(self._ended.set)

    def _play(self) -> None:
        began = time.monotonic() + SOUND_LEAD
        for burst in self._in_order():
            self._playback.announce(one for _, one in burst if isinstance(one, av.VideoFrame))
            for due, one in burst:
                if not self._running.is_set():
                    paused = time.monotonic()
                    self._running.wait()
                    began += time.monotonic() - paused
                if self._stop.wait(max(0.0, began + due - time.monotonic())):
                    return
                if isinstance(one, bytes):
                    # The player's clock, which stands still in a pause.
                    self._playback.hear(one, due + SOUND_LEAD, time.monotonic() - began)
                elif self._playback.offer(one, due) is not None:
                    self._loop.call_soon_threadsafe(self._playback.look)
        self._stop.wait(self._playback.behind + LAST)

    def _in_order(self) -> Iterator[list[tuple[float, av.VideoFrame | bytes]]]:
        """Bursts of pictures and sound in the order in which they are due, each with its second."""
        order = itertools.count()
        waiting: list[tuple[float, int, av.VideoFrame | bytes]] = []
        for due, frame in self._decoded():
            heapq.heappush(waiting, (due, next(order), frame))
            if waiting[0][0] < due - AHEAD - self._burst:
                burst = []
                while waiting[0][0] < due - AHEAD:
                    first, _, ready = heapq.heappop(waiting)
                    burst.append((first, ready))
                yield burst
        yield [(first, ready) for first, _, ready in sorted(waiting, key=lambda one: one[:2])]

    def _decoded(self) -> Iterator[tuple[float, av.VideoFrame | bytes]]:
        """Everything in the file, in the order in which it lies there."""
        video = self._container.streams.video[0]
        # One thread where that is enough: handing frames between threads costs a third more.
        small = video.width * video.height <= SMALL
        self._burst = BURST if small else 0.0  # large pictures take too much memory
        video.thread_type = "SLICE" if small else "AUTO"
        video.codec_context.thread_count = 1 if small else 0
        streams = [video, *self._container.streams.audio[:1]]
        convert = Converter()
        start = (self._container.start_time or 0) / av.time_base
        for packet in self._container.demux(streams):
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    yield (frame.time or 0.0) - start, frame
                elif isinstance(frame, av.AudioFrame):
                    due = (frame.time or 0.0) - start - SOUND_LEAD
                    yield due, convert(frame).tobytes()
