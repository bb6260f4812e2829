"""A still picture (PNG, JPEG, WebP) -> cells."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image

from did_tui.picture.cells import Cells, packed
from did_tui.picture.fit import fit


class NotAPicture(Exception):
    """The bytes are no picture that Pillow can read, or one that is far too large."""


class Still:
    """A decoded picture that can be had in any size."""

    def __init__(self, image: Image.Image) -> None:
        self._image = image

    @classmethod
    def decode(cls, data: bytes) -> Still:
        """Read a picture; raises ``NotAPicture``."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                # Only these: other formats start programs, print, or raise whatever they like.
                image = Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP"))
                image.thumbnail((1024, 1024), Image.Resampling.BOX)
                return cls(image.convert("RGB"))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise NotAPicture(str(error)) from error
        except Image.DecompressionBombWarning as error:
            raise NotAPicture(str(error)) from error

    def cells(self, cols: int, rows: int, around: int = 0) -> Cells:
        """The picture in a field of ``rows`` by ``cols`` cells; ``around`` it is this colour."""
        place = fit(self._image.width, self._image.height, cols, rows)
        words = np.full((rows * 2, cols), around, np.uint32)
        if place.width:
            small = self._image.resize((place.width, place.height), Image.Resampling.BOX)
            words[place.top : place.top + place.height, place.left : place.left + place.width] = (
                packed(np.asarray(small))
            )
        return Cells.from_words(words)
