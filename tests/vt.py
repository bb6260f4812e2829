"""A small terminal: decodes what the program writes, so that tests can ask what a viewer sees.

It understands what did-tui and Textual send: text, CUP and its relatives, SGR with direct and
indexed colours, erasing, and private modes, which it records. Cells hold (glyph, foreground,
background, flags); a colour is 0xRRGGBB, an index as -2 - n, or None for the terminal's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from did_tui.picture.shapes import Shape

Colour = int | None
Cell = tuple[str, Colour, Colour, frozenset[int]]

BLANK: Cell = (" ", None, None, frozenset())

#: xterm's first sixteen colours.
_XTERM = (
    0x000000, 0xCD0000, 0x00CD00, 0xCDCD00, 0x0000EE, 0xCD00CD, 0x00CDCD, 0xE5E5E5,
    0x7F7F7F, 0xFF0000, 0x00FF00, 0xFFFF00, 0x5C5CFF, 0xFF00FF, 0x00FFFF, 0xFFFFFF,
)  # fmt: skip


def xterm(colour: Colour) -> Colour:
    """What xterm's palette shows for a colour: an index becomes 0xRRGGBB."""
    if colour is None or colour >= 0:
        return colour
    number = -2 - colour
    if number < 16:
        return _XTERM[number]
    if number >= 232:
        return (8 + 10 * (number - 232)) * 0x010101
    steps = (0, 95, 135, 175, 215, 255)
    number -= 16
    return steps[number // 36] << 16 | steps[number // 6 % 6] << 8 | steps[number % 6]


@lru_cache(16)
def _patterns(shape: Shape) -> dict[str, int]:
    """The patterns of the glyphs; the first one where a glyph stands for several."""
    found: dict[str, int] = {}
    for pattern, glyph in enumerate(shape.glyphs):
        found.setdefault(glyph, pattern)
    found.setdefault(" ", 0)
    return found


_TOKEN = re.compile(
    r"\x1b\[(?P<private>[<=>?]?)(?P<parameters>[0-9;:]*)(?P<middle>[ -/]*)(?P<final>[@-~])"
    r"|\x1b\](?P<osc>.*?)(?:\x07|\x1b\\)"
    r"|\x1b[P_^X](?P<dcs>.*?)\x1b\\"
    r"|(?P<cut>\x1b\[[<=>?]?[0-9;:]*[ -/]*)(?=\x1b)"
    r"|\x1b(?P<escape>[ -/]*[0-~])"
    r"|(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    r"|(?P<control>[\x00-\x1f\x7f-\x9f])",
    re.DOTALL,
)


@dataclass
class Terminal:
    """A screen of ``cols`` by ``rows`` cells."""

    cols: int
    rows: int
    x: int = 0
    y: int = 0
    front: Colour = None
    back: Colour = None
    flags: frozenset[int] = frozenset()
    modes: dict[int, bool] = field(default_factory=dict)
    titles: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    bytes_fed: int = 0

    def __post_init__(self) -> None:
        self.cells: list[list[Cell]] = [[BLANK] * self.cols for _ in range(self.rows)]
        self._rest = ""
        self._bytes = b""
        self._left_at = (0, 0)  # where the cursor was before the alternate screen
        self._saved = (self.x, self.y, self.front, self.back, self.flags)

    def resize(self, cols: int, rows: int) -> None:
        self.cols, self.rows = cols, rows
        self.cells = [[BLANK] * cols for _ in range(rows)]
        self.x = self.y = 0

    def feed_bytes(self, data: bytes) -> None:
        """Decode bytes, which may end in the middle of a character or a sequence."""
        self.bytes_fed += len(data)
        data = self._bytes + data
        cut = len(data)
        for back in range(1, min(4, len(data)) + 1):
            lead = data[-back]
            if lead & 0xC0 == 0xC0:
                need = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
                if back < need:
                    cut = len(data) - back
                break
            if lead < 0x80:
                break
        self._bytes = data[cut:]
        self.feed(data[:cut].decode("utf-8", "replace"))

    def feed(self, text: str) -> None:
        text = self._rest + text
        self._rest = ""
        end = 0
        while end < len(text):
            match = _TOKEN.match(text, end)
            if match is None or (
                text[match.start()] == "\x1b"
                and (match.group() == "\x1b" or match.group("escape") in ("[", "]", "P"))
            ):
                self._rest = text[end:]
                break
            end = match.end()
            self._token(match)

    def _token(self, match: re.Match[str]) -> None:
        kind = match.lastgroup
        if match.group("text") is not None:
            self._write(match.group("text"))
        elif match.group("final") is not None:
            self._csi(match)
        elif match.group("control") is not None:
            self._control(match.group("control"))
        elif match.group("cut") is not None:
            pass  # ESC ends what came before it and begins anew (ECMA-48)
        elif match.group("escape") == "\\":
            pass  # ST without a string to end
        elif match.group("escape") == "7":
            self._saved = (self.x, self.y, self.front, self.back, self.flags)
        elif match.group("escape") == "8":
            self.x, self.y, self.front, self.back, self.flags = self._saved
        elif match.group("osc") is not None:
            self.titles.append(match.group("osc"))
        elif kind is not None:
            self.strange.append(match.group())

    def _write(self, text: str) -> None:
        from rich.cells import cell_len

        for glyph in text:
            width = cell_len(glyph)
            if width == 0:
                continue
            if self.x >= self.cols and self.modes.get(7, True):
                self.x, self.y = 0, min(self.y + 1, self.rows - 1)
            if self.x < self.cols and self.y < self.rows:
                row = self.cells[self.y]
                row[self.x] = (glyph, self.front, self.back, self.flags)
                if width == 2 and self.x + 1 < self.cols:
                    row[self.x + 1] = ("", self.front, self.back, self.flags)
            self.x = min(self.x + width, self.cols)

    def _control(self, control: str) -> None:
        if control == "\r":
            self.x = 0
        elif control == "\n":
            # A terminal in raw mode: Textual moves absolutely after it.
            self.y = min(self.y + 1, self.rows - 1)
        elif control == "\b":
            self.x = max(0, self.x - 1)
        elif control not in "\x07\x00":
            self.strange.append(control)

    def _csi(self, match: re.Match[str]) -> None:
        final = match.group("final")
        private, middle = match.group("private"), match.group("middle")
        parameters = [
            int(value) if value else 0 for value in re.split("[;:]", match.group("parameters"))
        ]
        if private or middle:
            if private == "?" and final in "hl" and not middle:
                for mode in parameters:
                    self.modes[mode] = final == "h"
                    if mode == 1049:
                        self._erase_all()
                        if final == "h":
                            self._left_at = self.x, self.y
                        else:
                            self.x, self.y = self._left_at
            return
        count = parameters[0] or 1
        if final in "Hf":
            column = parameters[1] if len(parameters) > 1 else 1
            self.y = min(count, self.rows) - 1
            self.x = min(column or 1, self.cols) - 1
        elif final == "C":
            self.x = min(self.x + count, self.cols - 1)
        elif final == "D":
            self.x = max(0, self.x - count)
        elif final == "A":
            self.y = max(0, self.y - count)
        elif final == "B":
            self.y = min(self.rows - 1, self.y + count)
        elif final == "E":
            self.y, self.x = min(self.rows - 1, self.y + count), 0
        elif final == "G":
            self.x = min(count, self.cols) - 1
        elif final == "d":
            self.y = min(count, self.rows) - 1
        elif final == "b":
            glyph = self.cells[self.y][self.x - 1][0] if self.x else " "
            self._write(glyph * count)
        elif final == "X":
            for x in range(self.x, min(self.x + count, self.cols)):
                self.cells[self.y][x] = (" ", None, self.back, frozenset())
        elif final == "J":
            self._erase_all()
        elif final == "K":
            start = 0 if parameters[0] else self.x
            for x in range(start, self.cols):
                self.cells[self.y][x] = (" ", None, self.back, frozenset())
        elif final == "m":
            self._sgr(parameters)
        elif final not in "nctur":
            self.strange.append(match.group())

    def _erase_all(self) -> None:
        self.cells = [[BLANK] * self.cols for _ in range(self.rows)]

    def _sgr(self, parameters: list[int]) -> None:
        rest = list(parameters)
        while rest:
            code = rest.pop(0)
            if code == 0:
                self.front = self.back = None
                self.flags = frozenset()
            elif code in (38, 48):
                colour = self._colour(rest)
                if code == 38:
                    self.front = colour
                else:
                    self.back = colour
            elif 30 <= code <= 37:
                self.front = -2 - (code - 30)
            elif 90 <= code <= 97:
                self.front = -2 - (code - 82)
            elif 40 <= code <= 47:
                self.back = -2 - (code - 40)
            elif 100 <= code <= 107:
                self.back = -2 - (code - 92)
            elif code == 39:
                self.front = None
            elif code == 49:
                self.back = None
            elif 1 <= code <= 9:
                self.flags |= {code}
            elif 21 <= code <= 29:
                off = {22: {1, 2}}.get(code, {code - 20})
                self.flags -= off

    def _colour(self, rest: list[int]) -> Colour:
        kind = rest.pop(0) if rest else 0
        if kind == 2 and len(rest) >= 3:
            red, green, blue = rest[0], rest[1], rest[2]
            del rest[:3]
            return red << 16 | green << 8 | blue
        if kind == 5 and rest:
            return -2 - rest.pop(0)
        return None

    # What a viewer sees

    def line(self, y: int) -> str:
        return "".join(cell[0] for cell in self.cells[y])

    @property
    def text(self) -> str:
        return "\n".join(self.line(y).rstrip() for y in range(self.rows))

    def pixels(self, x: int, y: int) -> tuple[Any, Any]:
        """The upper and the lower colour of a cell of half-block art."""
        glyph, front, back, _ = self.cells[y][x]
        if glyph == "▀":
            return front, back
        if glyph == "▄":
            return back, front
        if glyph == "█":
            return front, front
        return back, back

    def pattern(self, x: int, y: int, shape: Shape) -> int:
        """The pattern of a cell, the smallest one where the glyph stands for several."""
        glyph = self.cells[y][x][0]
        found = _patterns(shape).get(glyph)
        if found is None:
            raise AssertionError(f"{glyph!r} at {x}, {y} is no glyph of {shape.name}")
        return found

    def parts(
        self, x: int, y: int, shape: Shape, *, front: Colour = None, back: Colour = None
    ) -> tuple[Colour, ...]:
        """The colours of a cell's sub-pixels, row by row, in 0xRRGGBB.

        ``front`` and ``back`` are the terminal's own colours.
        """
        pattern = self.pattern(x, y, shape)
        _, ink, paper, _ = self.cells[y][x]
        ink = front if ink is None else xterm(ink)
        paper = back if paper is None else xterm(paper)
        return tuple(ink if pattern >> bit & 1 else paper for bit in range(shape.parts))
