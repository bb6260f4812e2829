"""How a character cell is divided into sub-pixels, and which glyph draws which of them.

A *pattern* is a bit mask: bit i is sub-pixel i (row by row, the upper left one is 0), set where the
glyph paints in the foreground colour. Block elements and quadrants: Unicode 1.1 and 3.2; sextants:
Unicode 13 (Symbols for Legacy Computing); octants: Unicode 16 (its Supplement).
"""

from __future__ import annotations

from dataclasses import dataclass

BLOCKS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"  # the sixteen quadrant patterns


@dataclass(frozen=True, slots=True)
class Shape:
    """A division of the cell into ``across`` by ``down`` sub-pixels.

    ``glyphs`` has one for each pattern. ``filled`` says that the glyphs fill their sub-pixels, so
    that the inverse pattern with exchanged colours looks the same.
    """

    name: str
    across: int
    down: int
    glyphs: tuple[str, ...]
    filled: bool = True

    @property
    def parts(self) -> int:
        """Sub-pixels in a cell."""
        return self.across * self.down

    @property
    def probe(self) -> str:
        """A glyph that is as new as any of them, to see how wide a terminal takes it to be."""
        return self.glyphs[4]


def _sextants() -> tuple[str, ...]:
    glyphs = []
    for pattern in range(64):
        special = {0: " ", 21: "▌", 42: "▐", 63: "█"}.get(pattern)
        glyphs.append(special or chr(0x1FB00 + pattern - 1 - (pattern > 21) - (pattern > 42)))
    return tuple(glyphs)


def _octants() -> tuple[str, ...]:
    """Those that other blocks do not have were given code points in the order of their bits."""
    elsewhere = {
        0b00000001: "\U0001cea8",  # left half upper one quarter block
        0b00000010: "\U0001ceab",  # right half upper one quarter block
        0b01000000: "\U0001cea3",  # left half lower one quarter block
        0b10000000: "\U0001cea0",  # right half lower one quarter block
        0b00000011: "\U0001fb82",  # upper one quarter block
        0b00111111: "\U0001fb85",  # upper three quarters block
        0b11000000: "▂",
        0b11111100: "▆",
        0b00010100: "\U0001fbe6",  # middle left one quarter block
        0b00101000: "\U0001fbe7",  # middle right one quarter block
    }
    for quadrants, glyph in enumerate(BLOCKS):
        halves = (quadrants & 3, quadrants >> 2)
        elsewhere[halves[0] | halves[0] << 2 | halves[1] << 4 | halves[1] << 6] = glyph
    glyphs = []
    code_point = 0x1CD00
    for pattern in range(256):
        if pattern in elsewhere:
            glyphs.append(elsewhere[pattern])
        else:
            glyphs.append(chr(code_point))
            code_point += 1
    return tuple(glyphs)


def _braille() -> tuple[str, ...]:
    dots = (0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80)  # Unicode's order of the dots
    return tuple(
        chr(0x2800 + sum(dot for bit, dot in enumerate(dots) if pattern >> bit & 1))
        for pattern in range(256)
    )


def _letters() -> tuple[str, ...]:
    """ASCII by brightness: five levels of the upper half by five of the lower one."""
    lower_by_upper = (" .,_o", "'::;c", "^!|iz", '"*+xX', '"YF$@')
    return tuple(row[lower] for lower in range(5) for row in lower_by_upper)


HALF = Shape("half", 1, 2, (" ", "▀", "▄", "█"))
QUADRANT = Shape("quadrant", 2, 2, tuple(BLOCKS))
SEXTANT = Shape("sextant", 2, 3, _sextants())
OCTANT = Shape("octant", 2, 4, _octants())
BRAILLE = Shape("braille", 2, 4, _braille(), filled=False)
#: Not a mask: the pattern is the level of the upper half plus five times that of the lower.
ASCII = Shape("ascii", 1, 2, _letters(), filled=False)

SHAPES: dict[str, Shape] = {
    shape.name: shape for shape in (HALF, QUADRANT, SEXTANT, OCTANT, BRAILLE, ASCII)
}
