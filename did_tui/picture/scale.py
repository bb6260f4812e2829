"""A decoded frame or a still -> the sub-pixels of a field of cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import av
import numpy as np
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

from did_tui.picture.cells import Words, laid
from did_tui.picture.fit import CELL, Framing, place
from did_tui.picture.shapes import HALF, Shape

if TYPE_CHECKING:
    from did_tui.picture.still import Still

Source: TypeAlias = "av.VideoFrame | Still"

#: The area filter, with the chroma of each pixel and not of two: 17 dB nearer to the true average.
_FILTER = Interpolation.AREA | Interpolation.FULL_CHR_H_INT
_UNTAGGED = 2  # AVCOL_SPC_UNSPECIFIED
#: What libswscale 9.5 ends the process for, instead of refusing it.
_FATAL = frozenset({"yaf32be", "yaf32le"})
_HD = 720  # lines from which an untagged picture is BT.709, as players assume


class Scaler:
    """Scales one picture at a time; not thread-safe. Gives the GIL back while it works."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def picture(
        self,
        source: Source,
        cols: int,
        rows: int,
        *,
        shape: Shape = HALF,
        cell: tuple[int, int] = CELL,
        framing: Framing = "fit",
        size: float = 1.0,
        around: int = 0,
    ) -> Words:
        """The picture in a field of (rows x down, cols x across); ``around`` it is this colour."""
        placed = place(
            source.width, source.height, cols, rows,
            across=shape.across, down=shape.down, cell=cell, framing=framing, size=size,
        )  # fmt: skip
        scaled: Words
        if not placed.width:
            scaled = np.zeros((0, 0), np.uint32)
        elif isinstance(source, av.VideoFrame):
            scaled = self._scaled(source, placed.width, placed.height)
        else:
            scaled = source.scaled(placed.width, placed.height)
        return laid(scaled, placed, cols * shape.across, rows * shape.down, around)

    def _scaled(self, frame: av.VideoFrame, width: int, height: int) -> Words:
        if frame.format.name in _FATAL:
            raise ValueError("libswscale cannot scale this format")
        untagged_hd = frame.colorspace == _UNTAGGED and frame.height >= _HD
        # One thread: with more, libswscale 9.5 leaves garbage where two slices of an area-filtered
        # picture meet, and a picture this small gains nothing from them.
        small = self._reformatter.reformat(
            frame,
            width,
            height,
            "rgb0",
            src_colorspace=Colorspace.ITU709 if untagged_hd else None,
            interpolation=_FILTER,
            threads=1,
        )
        plane = small.planes[0]
        pixels: Words = np.frombuffer(memoryview(plane), np.uint32)
        pixels = pixels.reshape(height, plane.line_size // 4)[:, :width]
        return pixels & np.uint32(0x00FFFFFF)  # libswscale leaves the fourth byte undefined
