"""A short film that is shown over and over: an agent's face while it says nothing.

Legacy streams send pictures only while the agent speaks; D-ID gives a film for the time between
(``idle_video``), which begins and ends as an utterance does.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable

import av

SLOWEST = 0.5  # seconds that a picture stands at most, whatever its time says
FASTEST = 1 / 60


class IdleLoop:
    """Decodes a film again and again, at its own pace, in a thread; only the newest picture waits.

    ``on_picture`` is called from that thread. What is no MP4 is no picture, and no
    error: FFmpeg is not to guess the form of what comes from outside.
    """

    def __init__(self, film: bytes, on_picture: Callable[[], None]) -> None:
        self._film, self._on_picture = film, on_picture
        self._newest: av.VideoFrame | None = None
        self._over: threading.Event | None = None
        #: How many pictures were taken.
        self.taken = 0

    @property
    def running(self) -> bool:
        """Whether it plays."""
        return self._over is not None

    def start(self) -> None:
        """Play from the beginning, if it does not play."""
        if self._over is None:
            self._over = threading.Event()
            threading.Thread(
                target=self._play, args=(self._over,), name="idle", daemon=True
            ).start()

    def stop(self) -> None:
        """Play no more; waits for nothing."""
        if self._over is not None:
            self._over.set()
        self._over = self._newest = None

    def take(self) -> av.VideoFrame | None:
        """The newest picture, once."""
        frame, self._newest = self._newest, None
        self.taken += frame is not None
        return frame

    def _play(self, over: threading.Event) -> None:
        while not over.is_set():
            begun, shown = time.monotonic(), 0
            try:
                with av.open(io.BytesIO(self._film), "r", format="mp4") as file:
                    for frame in file.decode(video=0):
                        due = begun + (frame.time or 0.0) - time.monotonic()
                        if over.wait(min(max(due, FASTEST), SLOWEST)):
                            return
                        self._newest = frame
                        shown += 1
                        self._on_picture()
            except (av.FFmpegError, IndexError):
                return  # no film, or broken: the last picture stands
            if not shown:
                return
