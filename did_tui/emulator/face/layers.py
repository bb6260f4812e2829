"""Cut-out pictures that know where they belong."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

_PHASES = 8
"""Steps of a layer's position within a pixel."""
_BORDER = 2
"""Transparent pixels around a cut-out, for moving it by parts of a pixel."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A picture and where its upper left corner lies, counted from some origin."""

    picture: Image.Image
    left: int
    top: int

    def from_origin(self, x: int, y: int) -> Layer:
        """Return the layer with its corner counted from another origin."""
        return Layer(self.picture, self.left - x, self.top - y)


def cut_out(picture: Image.Image) -> Layer:
    """Cut an RGBA picture to what is painted on it, and a transparent border."""
    left, top, right, bottom = picture.getchannel("A").getbbox() or (0, 0, 0, 0)
    left, top = left - _BORDER, top - _BORDER
    return Layer(picture.crop((left, top, right + _BORDER, bottom + _BORDER)), left, top)


def place(canvas: Image.Image, layer: Layer, dx: float = 0.0, dy: float = 0.0) -> None:
    """Paste an RGBA layer, moved by dx, dy, which need not be whole numbers.

    Between two pixels the layer is cross-faded with itself one pixel on, first across and then
    down, so slow motion glides instead of jumping from pixel to pixel.
    """
    across, down = round(dx * _PHASES), round(dy * _PHASES)
    left, top = layer.left + across // _PHASES, layer.top + down // _PHASES
    across, down = across % _PHASES, down % _PHASES
    sprite = layer.picture
    if across:
        width, height = sprite.size
        here, there = sprite.crop((1, 0, width, height)), sprite.crop((0, 0, width - 1, height))
        sprite = Image.blend(here, there, across / _PHASES)
        left += 1
    if down:
        width, height = sprite.size
        here, there = sprite.crop((0, 1, width, height)), sprite.crop((0, 0, width, height - 1))
        sprite = Image.blend(here, there, down / _PHASES)
        top += 1
    canvas.paste(sprite, (left, top), sprite)
