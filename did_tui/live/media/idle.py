"""A short film that is shown over and over: an agent's face while it says nothing.

Legacy streams send pictures only while the agent speaks; D-ID gives a film for the time between
(``idle_video``), which begins and ends as an utterance does. Where one gives way to the other, the
face fades from here to there: what moves in both need not stand the same way.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable

import av
import numpy as np

FADE = 0.2  # seconds from one source's pictures to the other's
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
        """Play no more; any thread, waits for nothing."""
        over, self._over = self._over, None
        if over is not None:
            over.set()
        self._newest = None

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


class Crossing:
    """The pictures of several sources as one row; a change of source takes ``FADE`` seconds."""

    def __init__(self) -> None:
        self._source: object = None
        self._last: av.VideoFrame | None = None
        self._under: av.VideoFrame | None = None
        self._since = 0.0

    def next(self, frame: av.VideoFrame, source: object, now: float) -> av.VideoFrame:
        """What is to be seen where a source gives this picture."""
        if source != self._source:
            self._source, self._under, self._since = source, self._last, now
        share = (now - self._since) / FADE
        if self._under is not None and share < 1:
            frame = blended(self._under, frame, share)
        else:
            self._under = None
        self._last = frame
        return frame


def blended(under: av.VideoFrame, over: av.VideoFrame, share: float) -> av.VideoFrame:
    """One picture through which the one under it is seen; ``share``, 0 to 1, is of the upper one.

    The upper one alone where it is no 4:2:0 picture of even size, as video is.
    """
    form = over.format.name
    if form not in ("yuv420p", "yuvj420p") or over.width % 2 or over.height % 2:
        return over
    below = under.reformat(over.width, over.height, form).to_ndarray().astype(np.float32)
    mixed = below + (over.to_ndarray() - below) * np.float32(share)
    frame = av.VideoFrame.from_ndarray((mixed + 0.5).astype(np.uint8), form)
    frame.colorspace, frame.color_range = over.colorspace, over.color_range
    return frame
