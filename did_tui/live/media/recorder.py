"""A conversation as it was seen and heard, in a file that any player plays.

The file is MP4 in fragments of a second (``frag_keyframe+empty_moov+default_base_moof``), H.264
and AAC: what was written is playable although the program was killed. Pictures and sound get the
time at which they are seen and heard, so they are in sync as the user had them. All is encoded in a
thread behind a bounded queue; a machine that is too slow loses pictures, and sound keeps its time.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from did_tui.live.media.decode import Samples
from did_tui.live.media.speaker import RATE

MOST_WAITING = 256  # pictures and blocks of 10 ms
FRAGMENT_SECONDS = 1
CLOSING_SECONDS = 5.0
SLACK = RATE // 20  # frames that sound may be off before it is put where it belongs
CLOCK = 90_000  # ticks a second of a picture's time
_FLAGS = "frag_keyframe+empty_moov+default_base_moof"
_ENCODERS: tuple[tuple[str, dict[str, str]], ...] = (
    ("libx264", {"preset": "veryfast", "tune": "zerolatency", "crf": "22"}),
    ("libopenh264", {}),
    ("mpeg4", {"qscale": "4"}),
)


class Recorder:
    """Writes one file, from the first picture to ``close``.

    Only this user can read it. A file that exists is never overwritten: the next free name is
    taken, ``path`` says which. ``began`` is when the first picture was seen, where the file's time
    begins, by ``time.monotonic``; None before that.
    ``on_trouble`` is called once, from a thread, with a sentence, when nothing more can be written.
    """

    def __init__(
        self, path: Path, *, on_trouble: Callable[[str], None] = lambda _sentence: None
    ) -> None:
        self.path = path
        self.began: float | None = None
        self.pictures_lost = 0
        self.trouble = ""
        self._on_trouble = on_trouble
        self._queue: queue.Queue[tuple[Any, float] | None] = queue.Queue(MOST_WAITING)
        self._writer: threading.Thread | None = None
        self._closed = False

    def see(self, frame: av.VideoFrame, moment: float) -> None:
        """A picture is seen, at a moment of ``time.monotonic``."""
        if self._writer is None and not self._closed:
            self._writer = threading.Thread(target=self._write, name="recorder", daemon=True)
            self._writer.start()
            self.began = moment
        self.pictures_lost += not self._put(frame, moment)

    def hear(self, samples: Samples, moment: float) -> None:
        """Sound is heard, s16 stereo at 48 kHz; before the first picture it is not kept."""
        if self._writer is not None:
            self._put(samples, moment)

    def close(self) -> None:
        """Finish the file; waits a few seconds at most, any thread."""
        writer, self._closed = self._writer, True
        if writer is None or not writer.is_alive():
            return
        try:
            self._queue.put(None, timeout=CLOSING_SECONDS)
        except queue.Full:
            return  # the disk stands still; what it has is playable
        writer.join(CLOSING_SECONDS)

    def _put(self, what: Any, moment: float) -> bool:
        if self._closed or self.trouble:
            return False
        try:
            self._queue.put_nowait((what, moment))
        except queue.Full:
            return False
        return True

    # In the writer's thread

    def _write(self) -> None:
        try:
            self._write_all()
        except (OSError, av.FFmpegError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            self.trouble = f"The recording has ended: {reason or error}."
            self._on_trouble(self.trouble)
        finally:
            self._closed = True  # nobody takes anything from the queue any more

    def _write_all(self) -> None:
        first = self._queue.get()
        while first is not None and not isinstance(first[0], av.VideoFrame):
            first = self._queue.get()  # sound came in between
        if first is None:
            return
        self.path = _created(self.path)
        options = {
            "movflags": _FLAGS,
            "frag_duration": str(FRAGMENT_SECONDS * 1_000_000),
            "flush_packets": "1",
        }
        with av.open(str(self.path), "w", format="mp4", options=options) as file:
            film = _Film(file, *first)
            item: tuple[Any, float] | None = first
            while item is not None:
                what, moment = item
                if isinstance(what, av.VideoFrame):
                    film.see(what, moment)
                else:
                    film.hear(what, moment)
                item = self._queue.get()
            film.finish()


class _Film:
    """The two tracks of a file, whose time begins with the first picture."""

    def __init__(self, file: Any, frame: av.VideoFrame, moment: float) -> None:
        self._file, self._zero = file, moment
        self._picture = _video_stream(file, frame)
        self._sound = file.add_stream("aac", rate=RATE)
        self._sound.layout = "stereo"
        self._sound.bit_rate = 128_000
        self._last = -1
        self._heard = 0  # frames of sound that were written

    def see(self, frame: av.VideoFrame, moment: float) -> None:
        ticks = round((moment - self._zero) * CLOCK)
        if ticks <= self._last:
            return
        self._last = ticks
        # A copy: the frame itself is being drawn by somebody else. It keeps the first one's size.
        copy = frame.reformat(self._picture.width, self._picture.height, "yuv420p")
        if copy is frame:
            copy = av.VideoFrame.from_ndarray(frame.to_ndarray(), format="yuv420p")
        copy.pts, copy.time_base = ticks, Fraction(1, CLOCK)
        copy.pict_type = av.video.frame.PictureType.NONE
        self._file.mux(self._picture.encode(copy))

    def hear(self, samples: Samples, moment: float) -> None:
        due = round((moment - self._zero) * RATE)
        if due < 0:
            return
        gap = due - self._heard
        if gap > SLACK:
            # Sound that is missing is silence, at most ten seconds of it at a time.
            self._encode(np.zeros((min(gap, 10 * RATE), 2), np.int16))
        elif gap < -SLACK:
            return  # it would come too late
        self._encode(samples)

    def _encode(self, samples: Samples) -> None:
        flat = np.ascontiguousarray(samples, np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(flat, format="s16", layout="stereo")
        frame.sample_rate = RATE
        frame.pts, frame.time_base = self._heard, Fraction(1, RATE)
        self._heard += flat.shape[1] // 2
        self._file.mux(self._sound.encode(frame))

    def finish(self) -> None:
        """Write what the encoders still hold."""
        for stream in (self._picture, self._sound):
            self._file.mux(stream.encode(None))


def _video_stream(file: Any, frame: av.VideoFrame) -> Any:
    """The track of pictures, by the best encoder that this build of FFmpeg has."""
    for name, options in _ENCODERS:
        if name in av.codecs_available:
            stream = file.add_stream(name, rate=25, options=options)
            break
    else:
        raise ValueError("this build of FFmpeg has no encoder for it")
    # Encoders want even sizes.
    stream.width, stream.height = frame.width & ~1, frame.height & ~1
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, CLOCK)
    stream.codec_context.gop_size = 25 * FRAGMENT_SECONDS
    return stream


def _created(path: Path) -> Path:
    """Create a file that only this user can read: the path, or the first like it not taken."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, free = 2, path
    while True:
        try:
            os.close(os.open(free, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            free = path.with_stem(f"{path.stem}-{number}")
            number += 1
        else:
            return free
