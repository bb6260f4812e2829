"""A number painted into a picture, to be read where the picture is shown.

Black and white blocks near the upper left corner: a Gray code, so that little changes from one
frame to the next, and a block that makes the number of white ones even.
"""

from __future__ import annotations

import av
import numpy as np
from ideal import Pixels, Place

BITS = 10
WRAP = 1 << BITS
BLOCK = 20  # pixels of a picture 512 wide: at 120 columns a block is nearly three pixels
EDGE = 4
BLACK, WHITE, GREY = 16, 235, 128


def paint(frame: av.VideoFrame, number: int) -> None:
    """Write a number into a frame (yuv420p), in place."""
    code = (number ^ number >> 1) % WRAP
    bits = [code >> bit & 1 for bit in range(BITS)]
    bits.append(sum(bits) & 1)
    for plane, half in zip(frame.planes, (1, 2, 2), strict=True):
        pixels = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        for place, bit in enumerate(bits):
            x, y = (EDGE + place * BLOCK) // half, EDGE // half
            colour = GREY if half == 2 else WHITE if bit else BLACK
            pixels[y : y + BLOCK // half, x : x + BLOCK // half] = colour


def read(screen: Pixels, place: Place, width: int = 512) -> int | None:
    """The number, modulo ``WRAP``, on a screen; None where there is none."""
    bits = []
    for block in range(BITS + 1):
        x = place.x + (EDGE + (block + 0.5) * BLOCK) * place.width / width
        y = place.y + (EDGE + 0.5 * BLOCK) * place.width / width
        bits.append(int(screen[int(y), int(x)].mean()) > 128)
    if sum(bits) % 2:
        return None
    number = 0
    for bit in reversed(bits[:BITS]):
        number = number << 1 | ((number & 1) ^ bit)
    return number
