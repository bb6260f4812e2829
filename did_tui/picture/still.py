"""A still picture (PNG, JPEG, WebP), read and scaled."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image

from did_tui.picture.cells import Words, packed

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

    @property
    def width(self) -> int:
        """Pixels across, once decoded."""
        return self._image.width

    @property
    def height(self) -> int:
        """Pixels down, once decoded."""
        return self._image.height

    def scaled(self, width: int, height: int) -> Words:
        """The picture in this size."""
        return packed(np.asarray(self._image.resize((width, height), Image.Resampling.BOX)))
