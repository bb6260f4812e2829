"""A decoded frame -> cells, by libswscale with its area filter."""

from __future__ import annotations

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from did_tui.picture.cells import Cells, Words
from did_tui.picture.fit import fit


class Scaler:
    """Scales frames of one conversation; not thread-safe. Gives the GIL back while it works."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def cells(self, frame: av.VideoFrame, cols: int, rows: int, around: int = 0) -> Cells:
        """The frame in a field of ``rows`` by ``cols`` cells; ``around`` it is this colour."""
        place = fit(frame.width, frame.height, cols, rows)
        words = np.full((rows * 2, cols), around, np.uint32)
        if place.width:
            words[place.top : place.top + place.height, place.left : place.left + place.width] = (
                self._scaled(frame, place.width, place.height)
            )
        return Cells.from_words(words)

    def _scaled(self, frame: av.VideoFrame, width: int, height: int) -> Words:
        # One thread: with more, libswscale 9.5 leaves garbage where two slices of an area-filtered
        # picture meet, and a picture this small gains nothing from them.
        small = self._reformatter.reformat(
            frame, width, height, "rgb0", interpolation=Interpolation.AREA, threads=1
        )
        plane = small.planes[0]
        pixels: Words = np.frombuffer(memoryview(plane), np.uint32)
        pixels = pixels.reshape(height, plane.line_size // 4)[:, :width]
        return pixels & np.uint32(0x00FFFFFF)  # libswscale leaves the fourth byte undefined
