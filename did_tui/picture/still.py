"""A still picture (PNG, JPEG, WebP) -> the sub-pixels of a field of cells."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image

from did_tui.picture.cells import Words, packed
from did_tui.picture.fit import CELL, Framing, place
from did_tui.picture.shapes import HALF, Shape

FORMATS = ("PNG", "JPEG", "WEBP")  # no others: some of Pillow's start programs or fail strangely
MOST_PIXELS = 50_000_000  # more would take hundreds of megabytes to decode


class NotAPicture(Exception):
    """The bytes are no picture in one of the formats, or one that is far too large."""


class Still:
    """A decoded picture that can be had in any size."""

    def __init__(self, image: Image.Image) -> None:
        self._image = image

    @classmethod
    def decode(cls, data: bytes) -> Still:
        """Read a picture; raises ``NotAPicture``."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
                if image.width * image.height > MOST_PIXELS:
                    raise NotAPicture(f"{image.width} by {image.height} pixels are too many")
                image.thumbnail((1024, 1024), Image.Resampling.BOX)
                if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would clip
                    image = image.point(lambda level: level * (1 / 257))
                return cls(image.convert("RGB"))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise NotAPicture(str(error)) from error

    def picture(
        self,
        cols: int,
        rows: int,
        *,
        shape: Shape = HALF,
        cell: tuple[int, int] = CELL,
        framing: Framing = "fit",
        around: int = 0,
    ) -> Words:
        """The picture in a field of (rows x down, cols x across); ``around`` it is this colour."""
        placed = place(
            self._image.width, self._image.height, cols, rows,
            across=shape.across, down=shape.down, cell=cell, framing=framing,
        )  # fmt: skip
        field: Words = np.full((rows * shape.down, cols * shape.across), around, np.uint32)
        if placed.width:
            scaled = self._image.resize((placed.width, placed.height), Image.Resampling.BOX)
            seen = scaled.crop(
                (
                    placed.skip_x,
                    placed.skip_y,
                    placed.skip_x + placed.shown_width,
                    placed.skip_y + placed.shown_height,
                )
            )
            field[
                placed.top : placed.top + placed.shown_height,
                placed.left : placed.left + placed.shown_width,
            ] = packed(np.asarray(seen))
        return field
