"""The lower face, which stretches downwards as the mouth opens."""

from __future__ import annotations

from functools import lru_cache

from PIL import Image

from did_tui.emulator.face.layers import Layer

JAW_DROP = 20
"""How far below its rest the chin may go, pixels."""
_STEPS = 2
"""Steps to a pixel."""


class Jaw:
    """Drops the chin of one face; keeps a picture for every step it has used."""

    def __init__(self, rest: Layer) -> None:
        self._rest = rest
        self._stretched = lru_cache(maxsize=JAW_DROP * _STEPS + 1)(self._stretch)

    def drop(self, canvas: Image.Image, outline: Image.Image, opening: float) -> None:
        """Open the jaw on the head's canvas and in its outline, in place; `opening` is 0..1."""
        steps = round(opening * JAW_DROP * _STEPS)
        if steps:
            jaw = self._stretched(steps)
            canvas.paste(jaw, (self._rest.left, self._rest.top), jaw)
            outline.paste(255, (self._rest.left, self._rest.top), jaw.getchannel("A"))

    def _stretch(self, steps: int) -> Image.Image:
        width, height = self._rest.picture.size
        scale = 1 + steps / _STEPS / height
        rows = int(height * scale)
        # A picture has whole rows only: the source is cut by what the last row would lack.
        box = (0, 0, width, rows / scale)
        return self._rest.picture.resize((width, rows), Image.Resampling.BILINEAR, box=box)
