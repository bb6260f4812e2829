"""A terminal's screen, decoded fast enough to follow a video: text, colours, cursor, erasing.

It also answers what programs ask a terminal, and tells where frames may end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
#: Columns, glyphs, foregrounds and backgrounds.
Cells = tuple[int, list[str], list[int], list[int]]

_TOKEN = re.compile(
    rb"\x1b\[([0-9;:]*)m"  # 1 colours
    rb"|((?:[\x20-\x7e]|[\xc2-\xf4][\x80-\xbf]+)+)"  # 2 text
    rb"|\x1b\[([<=>?]?)([0-9;:]*)([ -/]*)([@-~])"  # 3 to 6
    rb"|\x1b[\]P_^X](.*?)(?:\x07|\x1b\\)"  # 7 a string
    rb"|\x1b([ -/]*[0-~])"  # 8 a short sequence
    rb"|([\x00-\xff])",  # 9 a control character
    re.DOTALL,
)
_BEGUN = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|[ -/]*)?|[\xc2-\xf4][\x80-\xbf]{0,2}")
_STRINGS = (b"\x1b]", b"\x1bP", b"\x1b_", b"\x1b^")
_WIDE = re.compile(
    "[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60"
    "\U0001f300-\U0001f64f\U0001f900-\U0001f9ff\U00020000-\U0003fffd]"
)
_NO_WIDTH = re.compile("[\u0300-\u036f\u200b-\u200d\ufe0f]")

FRONT, BACK = 0xCCCCCC, 0x000000  # the terminal's own colours
_MODES = {7: 1, 25: 1, 1000: 2, 1002: 2, 1003: 2, 1004: 2, 1006: 2, 1049: 2, 2004: 2, 2026: 2}

#: Told of a place where a frame may end ("sync", "jump" or "end") and of the bytes up to there.
Mark = Callable[[str, int], None]


def _covers() -> dict[str, tuple[float, float]]:
    """How much of a cell's upper and lower half a glyph paints."""
    covers = {"▀": (1.0, 0.0), "█": (1.0, 1.0), "▌": (0.5, 0.5), "▐": (0.5, 0.5)}
    for eighths, glyph in enumerate("▁▂▃▄▅▆▇", 1):
        covers[glyph] = (max(0.0, eighths / 4 - 1), min(1.0, eighths / 4))
    for eighths, glyph in enumerate("▏▎▍▌▋▊▉", 1):
        covers[glyph] = (eighths / 8, eighths / 8)
    for quarters, glyph in enumerate("░▒▓", 1):
        covers[glyph] = (quarters / 4, quarters / 4)
    quadrants = {"▖": (0, 1), "▗": (0, 1), "▘": (1, 0), "▝": (1, 0), "▙": (1, 2), "▛": (2, 1)}
    quadrants |= {"▜": (2, 1), "▟": (1, 2), "▚": (1, 1), "▞": (1, 1)}
    return covers | {glyph: (up / 2, low / 2) for glyph, (up, low) in quadrants.items()}


_COVERS = _covers()
_COVER_OF = {glyph: number for number, glyph in enumerate(_COVERS, 1)}
_COVER = np.array([(0.0, 0.0), *_COVERS.values()], np.float32)


def pixels_of(cells: Cells) -> Pixels:
    """Cells as half blocks: (2 x rows, cols, 3) red, green, blue."""
    cols, glyphs, front, back = cells
    cover = _COVER[np.array([_COVER_OF.get(glyph, 0) for glyph in glyphs])].reshape(-1, cols, 2)
    above, below = (
        np.array(colours, ">u4").view(np.uint8).reshape(-1, cols, 4)[..., 1:]
        for colours in (front, back)
    )
    pixels = np.empty((2 * len(cover), cols, 3), np.uint8)
    for half in (0, 1):
        share = cover[:, :, half, None]
        pixels[half::2] = (above * share + below * (1 - share) + 0.5).astype(np.uint8)
    return pixels


def _indexed(number: int) -> int:
    """A colour of xterm's 256."""
    if number < 16:
        basic = (0, 0xCD0000, 0xCD00, 0xCDCD00, 0xEE, 0xCD00CD, 0xCDCD, 0xE5E5E5)
        bright = (0x7F7F7F, 0xFF0000, 0xFF00, 0xFFFF00, 0x5C5CFF, 0xFF00FF, 0xFFFF, 0xFFFFFF)
        return (*basic, *bright)[number]
    if number > 231:
        return (8 + 10 * (number - 232)) * 0x010101
    levels = (0, 95, 135, 175, 215, 255)
    number -= 16
    return levels[number // 36] << 16 | levels[number // 6 % 6] << 8 | levels[number % 6]


@lru_cache(100_000)
def _pen(parameters: bytes) -> tuple[int | None, int | None, bool | None]:
    """What SGR parameters set: foreground, background, inverse; None: as before."""
    front: int | None = None
    back: int | None = None
    inverse: bool | None = None
    rest = [int(value or 0) for value in parameters.replace(b":", b";").split(b";")]
    at = 0
    while at < len(rest):
        code = rest[at]
        at += 1
        if code == 0:
            front, back, inverse = FRONT, BACK, False
        elif code in (38, 48):
            colour = None
            if rest[at : at + 1] == [2] and len(rest) >= at + 4:
                colour = rest[at + 1] << 16 | rest[at + 2] << 8 | rest[at + 3]
                at += 4
            elif rest[at : at + 1] == [5] and len(rest) >= at + 2:
                colour = _indexed(rest[at + 1])
                at += 2
            if colour is not None and code == 38:
                front = colour
            elif colour is not None:
                back = colour
        elif 30 <= code <= 37 or 90 <= code <= 97:
            front = _indexed(code - 30 if code < 90 else code - 82)
        elif 40 <= code <= 47 or 100 <= code <= 107:
            back = _indexed(code - 40 if code < 100 else code - 92)
        elif code in (39, 49):
            front, back = (FRONT, back) if code == 39 else (front, BACK)
        elif code in (7, 27):
            inverse = code == 7
    return front, back, inverse


class Screen:
    """``rows`` by ``cols`` cells, each with a glyph and two colours (0xRRGGBB)."""

    def __init__(self, cols: int, rows: int, on_mark: Mark | None = None) -> None:
        self.cols, self.rows = cols, rows
        self.x = self.y = 0
        self.offset = 0  # bytes decoded so far
        self.answers = bytearray()  # what the program is to be told
        self.strange: dict[str, int] = {}  # sequences that are not understood
        self._on_mark = on_mark
        self._front, self._back, self._inverse = FRONT, BACK, False
        self._saved = (0, 0)
        self._last = " "
        self._rest = b""
        self._erase(0, cols * rows, begin=True)

    def _erase(self, start: int, end: int, *, begin: bool = False) -> None:
        count = max(0, end - start)
        if begin:
            self.glyphs, self.front, self.back = [" "] * count, [FRONT] * count, [BACK] * count
            return
        self.glyphs[start:end] = [" "] * count
        self.front[start:end] = [FRONT] * count
        self.back[start:end] = [self._back] * count

    # What a viewer sees

    def line(self, y: int) -> str:
        """The text of a row."""
        return "".join(self.glyphs[y * self.cols : (y + 1) * self.cols])

    @property
    def text(self) -> str:
        """The text of the screen."""
        return "\n".join(self.line(y).rstrip() for y in range(self.rows))

    def cells(self) -> Cells:
        """What stands there now, to be looked at later; cheap."""
        return self.cols, list(self.glyphs), list(self.front), list(self.back)

    def pixels(self) -> Pixels:
        """The screen as half blocks: (2 x rows, cols, 3) red, green, blue."""
        return pixels_of((self.cols, self.glyphs, self.front, self.back))

    # Decoding

    def feed(self, data: bytes) -> None:
        """Decode what a program wrote; it may end in the middle of anything."""
        base = self.offset - len(self._rest)
        self.offset += len(data)
        data = self._rest + data
        end = self._complete(data)
        self._rest = data[end:]
        for token in _TOKEN.finditer(data, 0, end):
            kind = token.lastindex
            if kind == 1:
                front, back, inverse = _pen(token[1])
                if front is not None:
                    self._front = front
                if back is not None:
                    self._back = back
                if inverse is not None:
                    self._inverse = inverse
            elif kind == 2:
                self._write(token[2].decode("utf-8", "replace"))
            elif kind == 6:
                self._sequence(token, base)
            elif kind == 7:
                self._string(token)
            elif kind == 8:
                self._short(token[8])
            else:
                self._control(token[9])

    @staticmethod
    def _complete(data: bytes) -> int:
        """How far the data can be decoded without what follows."""
        end = len(data)
        string = max(data.rfind(start) for start in _STRINGS)
        if string >= 0 and not re.search(rb"\x07|\x1b\\", data[string + 2 :]):
            return string
        escape = data.rfind(b"\x1b")
        if escape >= 0 and _BEGUN.fullmatch(data, escape):
            return escape
        for back in range(1, min(3, end) + 1):
            lead = data[end - back]
            if lead >= 0xC2:
                return end - back if back < (2 if lead < 0xE0 else 3 if lead < 0xF0 else 4) else end
            if lead < 0x80:
                break
        return end

    def _write(self, text: str) -> None:
        if len(text) > 1 and not text.isascii():
            text = _NO_WIDTH.sub("", text)
        self._last = text[-1:] or self._last
        if not text.isascii() and _WIDE.search(text):
            text = _WIDE.sub(lambda wide: wide[0] + "\0", text)
        front, back = self._front, self._back
        if self._inverse:
            front, back = back, front
        while text:
            if self.x >= self.cols:
                self.x = 0
                self._line_feed()
            part = text[: self.cols - self.x]
            count = len(part)
            text = text[count:]
            start = self.y * self.cols + self.x
            if count == 1:
                self.glyphs[start], self.front[start], self.back[start] = part, front, back
            else:
                self.glyphs[start : start + count] = part
                self.front[start : start + count] = [front] * count
                self.back[start : start + count] = [back] * count
            self.x += count

    def _line_feed(self) -> None:
        if self.y < self.rows - 1:
            self.y += 1
            return
        for cells in (self.glyphs, self.front, self.back):
            del cells[: self.cols]
        self.glyphs += [" "] * self.cols
        self.front += [FRONT] * self.cols
        self.back += [self._back] * self.cols

    def _control(self, control: bytes) -> None:
        if control == b"\r":
            self.x = 0
        elif control in b"\n\x0b\x0c":
            self._line_feed()
        elif control == b"\b":
            self.x = max(0, min(self.x, self.cols - 1) - 1)
        elif control == b"\t":
            self.x = min(self.cols - 1, (self.x // 8 + 1) * 8)

    def _short(self, name: bytes) -> None:
        if name == b"7":
            self._saved = self.x, self.y
        elif name == b"8":
            self.x, self.y = self._saved
        elif name == b"M":
            self.y = max(0, self.y - 1)
        elif name == b"c":
            self._erase(0, self.cols * self.rows)

    def _string(self, token: re.Match[bytes]) -> None:
        asked = re.match(rb"(1[012]);\?", token[7])
        if asked and token[0][1:2] == b"]":
            colour = b"cccc" if asked[1] == b"10" else b"0000"
            self.answers += b"\x1b]%s;rgb:%s\x1b\\" % (asked[1], b"/".join([colour] * 3))

    def _sequence(self, token: re.Match[bytes], base: int) -> None:
        private, middle, final = token[3], token[5], chr(token[6][0])
        numbers = [int(value or 0) for value in token[4].replace(b":", b";").split(b";")]
        if private or middle:
            self._private(private, middle, final, numbers, base + token.end())
            return
        count, second = numbers[0] or 1, numbers[1] if len(numbers) > 1 else 0
        row = self.y
        if final in "HfABCDEFGdu`ae":
            self._move(final, count, second or 1)
            if self.y < row and self._on_mark is not None:
                self._on_mark("jump", base + token.start())
        elif final == "b":
            self._write(self._last * count)
        elif final in "JKX":
            self._erase_part(final, numbers[0], count)
        elif final == "s":
            self._saved = self.x, self.y
        elif final in "nct":
            self._answer(final, numbers[0])
        elif final not in "hlqrg":
            self.strange[final] = self.strange.get(final, 0) + 1

    def _move(self, final: str, count: int, second: int) -> None:
        x, y = min(self.x, self.cols - 1), self.y
        match final:
            case "H" | "f":
                x, y = second - 1, count - 1
            case "A":
                y -= count
            case "B" | "e":
                y += count
            case "C" | "a":
                x += count
            case "D":
                x -= count
            case "E":
                x, y = 0, y + count
            case "F":
                x, y = 0, y - count
            case "G" | "`":
                x = count - 1
            case "d":
                y = count - 1
            case "u":
                x, y = self._saved
        self.x, self.y = max(0, min(x, self.cols - 1)), max(0, min(y, self.rows - 1))

    def _erase_part(self, final: str, which: int, count: int) -> None:
        row = self.y * self.cols
        here = row + min(self.x, self.cols - 1)
        start, end = (row, row + self.cols) if final == "K" else (0, self.cols * self.rows)
        if final == "X":
            start, end = here, min(here + count, row + self.cols)
        elif which == 0:
            start = here
        elif which == 1:
            end = here + 1
        self._erase(start, end)

    def _private(
        self, private: bytes, middle: bytes, final: str, numbers: list[int], end: int
    ) -> None:
        if private == b"?" and final in "hl" and not middle:
            for mode in numbers:
                if mode == 2026 and final == "l" and self._on_mark is not None:
                    self._on_mark("sync", end)
                elif mode in (47, 1047, 1049):
                    if final == "l" and self._on_mark is not None:
                        self._on_mark("end", end)
                    self._erase(0, self.cols * self.rows)
        elif private == b"?" and middle == b"$" and final == "p":
            mode = numbers[0]
            self.answers += b"\x1b[?%d;%d$y" % (mode, _MODES.get(mode, 0))
        elif private == b"?" and final == "n" and numbers[0] == 6:
            self.answers += b"\x1b[?%d;%dR" % self._cursor
        elif private == b">" and final == "c":
            self.answers += b"\x1b[>41;400;0c"

    def _answer(self, final: str, number: int) -> None:
        if final == "n" and number == 6:
            self.answers += b"\x1b[%d;%dR" % self._cursor
        elif final == "n" and number == 5:
            self.answers += b"\x1b[0n"
        elif final == "c":
            self.answers += b"\x1b[?62;22c"
        elif final == "t" and number == 18:
            self.answers += b"\x1b[8;%d;%dt" % (self.rows, self.cols)
        elif final == "t" and number == 14:
            self.answers += b"\x1b[4;%d;%dt" % (self.rows * 16, self.cols * 8)
        elif final == "t" and number == 16:
            self.answers += b"\x1b[6;16;8t"

    @property
    def _cursor(self) -> tuple[int, int]:
        return self.y + 1, min(self.x, self.cols - 1) + 1
