"""The glyph tables against Unicode's names."""

from __future__ import annotations

import unicodedata

import pytest
from rich.cells import cell_len

from did_tui.picture.shapes import (
    ASCII,
    BRAILLE,
    HALF,
    OCTANT,
    QUADRANT,
    SEXTANT,
    SHAPES,
    Shape,
)

MASKS = [HALF, QUADRANT, SEXTANT, OCTANT, BRAILLE]
FILLED = [HALF, QUADRANT, SEXTANT, OCTANT]

#: From the Unicode Character Database, version 16.
OCTANTS_OF_UNICODE_16 = {
    0x1CD00: "3",
    0x1CD01: "23",
    0x1CD02: "123",
    0x1CD03: "4",
    0x1CD05: "124",
    0x1CD09: "5",
    0x1CD0D: "135",
    0x1CD18: "6",
    0x1CD20: "146",
    0x1CD35: "23456",
    0x1CD36: "17",
    0x1CD48: "357",
    0x1CD70: "1234567",
    0x1CD71: "18",
    0x1CD90: "168",
    0x1CDAB: "1234568",
    0x1CDAC: "178",
    0x1CDCB: "678",
    0x1CDDB: "15678",
    0x1CDE4: "1345678",
    0x1CDE5: "2345678",
}
#: The octants that had a code point already, or that the same version put elsewhere.
OCTANTS_ELSEWHERE = {
    "": " ",
    "1": "\U0001cea8",  # LEFT HALF UPPER ONE QUARTER BLOCK
    "2": "\U0001ceab",  # RIGHT HALF UPPER ONE QUARTER BLOCK
    "7": "\U0001cea3",  # LEFT HALF LOWER ONE QUARTER BLOCK
    "8": "\U0001cea0",  # RIGHT HALF LOWER ONE QUARTER BLOCK
    "12": "\U0001fb82",
    "35": "\U0001fbe6",
    "46": "\U0001fbe7",
    "78": "▂",
    "123456": "\U0001fb85",
    "345678": "▆",
    "1234": "▀",
    "5678": "▄",
    "1357": "▌",
    "2468": "▐",
    "13": "▘",
    "24": "▝",
    "57": "▖",
    "68": "▗",
    "12345678": "█",
}


def pattern_of(digits: str) -> int:
    """'135' -> bits 0, 2 and 4."""
    return sum(1 << int(digit) - 1 for digit in digits)


def mask(shape: Shape, *filled: tuple[int, int]) -> int:
    """The pattern of sub-pixels given as (column, row)."""
    return sum(1 << x + y * shape.across for x, y in filled)


@pytest.mark.parametrize("shape", MASKS, ids=lambda shape: shape.name)
def test_there_is_one_glyph_for_each_pattern(shape: Shape) -> None:
    assert len(shape.glyphs) == 1 << shape.parts == len(set(shape.glyphs))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=lambda shape: shape.name)
def test_every_glyph_is_one_column_wide_and_fits_a_word(shape: Shape) -> None:
    for glyph in shape.glyphs:
        assert len(glyph) == 1
        assert cell_len(glyph) == 1
        assert len(glyph.encode()) <= 4


@pytest.mark.parametrize("shape", FILLED, ids=lambda shape: shape.name)
def test_nothing_is_a_space_and_everything_a_full_block(shape: Shape) -> None:
    assert shape.glyphs[0] == " "
    assert shape.glyphs[-1] == "█"


def test_the_names_are_those_of_the_shapes() -> None:
    assert {name: shape.name for name, shape in SHAPES.items()} == {name: name for name in SHAPES}


def test_half_blocks() -> None:
    names = ["SPACE", "UPPER HALF BLOCK", "LOWER HALF BLOCK", "FULL BLOCK"]
    assert [unicodedata.name(glyph) for glyph in HALF.glyphs] == names


def test_quadrants_are_what_their_names_say() -> None:
    whole = {
        "SPACE": 0,
        "UPPER HALF BLOCK": mask(QUADRANT, (0, 0), (1, 0)),
        "LOWER HALF BLOCK": mask(QUADRANT, (0, 1), (1, 1)),
        "LEFT HALF BLOCK": mask(QUADRANT, (0, 0), (0, 1)),
        "RIGHT HALF BLOCK": mask(QUADRANT, (1, 0), (1, 1)),
        "FULL BLOCK": 15,
    }
    corners = {
        f"{vertical} {horizontal}": mask(QUADRANT, (x, y))
        for y, vertical in enumerate(("UPPER", "LOWER"))
        for x, horizontal in enumerate(("LEFT", "RIGHT"))
    }
    for pattern, glyph in enumerate(QUADRANT.glyphs):
        name = unicodedata.name(glyph)
        if name in whole:
            assert whole[name] == pattern
        else:
            parts = name.removeprefix("QUADRANT ").split(" AND ")
            assert sum(corners[part] for part in parts) == pattern


def test_sextants_are_what_their_names_say() -> None:
    others = {"SPACE": "", "LEFT HALF BLOCK": "135", "RIGHT HALF BLOCK": "246"}
    others["FULL BLOCK"] = "123456"
    for pattern, glyph in enumerate(SEXTANT.glyphs):
        name = unicodedata.name(glyph)
        digits = others.get(name, name.removeprefix("BLOCK SEXTANT-"))
        assert pattern_of(digits) == pattern


def test_braille_dots_are_where_their_names_say() -> None:
    place = {1: (0, 0), 2: (0, 1), 3: (0, 2), 4: (1, 0), 5: (1, 1), 6: (1, 2), 7: (0, 3), 8: (1, 3)}
    for pattern, glyph in enumerate(BRAILLE.glyphs):
        name = unicodedata.name(glyph)
        dots = [] if name.endswith("BLANK") else name.removeprefix("BRAILLE PATTERN DOTS-")
        assert mask(BRAILLE, *(place[int(dot)] for dot in dots)) == pattern


def test_octants_have_the_code_points_of_unicode_16() -> None:
    for code_point, digits in OCTANTS_OF_UNICODE_16.items():
        assert OCTANT.glyphs[pattern_of(digits)] == chr(code_point)
    for digits, glyph in OCTANTS_ELSEWHERE.items():
        assert OCTANT.glyphs[pattern_of(digits)] == glyph


def test_the_octant_block_is_used_up_in_the_order_of_the_patterns() -> None:
    own = [ord(glyph) for glyph in OCTANT.glyphs if 0x1CD00 <= ord(glyph) <= 0x1CDE5]
    assert own == list(range(0x1CD00, 0x1CDE6))
    elsewhere = [glyph for glyph in OCTANT.glyphs if not 0x1CD00 <= ord(glyph) <= 0x1CDE5]
    assert len(elsewhere) == 16 + 10


def test_octants_that_are_quadrants_are_those() -> None:
    for pattern, glyph in enumerate(QUADRANT.glyphs):
        doubled = mask(
            OCTANT,
            *(
                (bit % 2, 2 * (bit // 2) + half)
                for bit in range(4)
                if pattern >> bit & 1
                for half in (0, 1)
            ),
        )
        assert OCTANT.glyphs[doubled] == glyph


def test_octants_agree_with_this_pythons_names() -> None:
    """Newer Pythons know their names."""
    for pattern, glyph in enumerate(OCTANT.glyphs):
        name = unicodedata.name(glyph, "")
        if name.startswith("BLOCK OCTANT-"):
            assert pattern_of(name.removeprefix("BLOCK OCTANT-")) == pattern


@pytest.mark.parametrize("shape", FILLED, ids=lambda shape: shape.name)
def test_the_inverse_pattern_is_the_complement(shape: Shape) -> None:
    """By name, as far as names say which sub-pixels a glyph fills."""
    full = (1 << shape.parts) - 1
    opposite = {" ": "█", "▀": "▄", "▌": "▐", "▘": "▟", "▝": "▙", "▖": "▜", "▗": "▛", "▚": "▞"}
    opposite |= {b: a for a, b in opposite.items()}
    for pattern, glyph in enumerate(shape.glyphs):
        if glyph in opposite:
            assert shape.glyphs[full - pattern] == opposite[glyph]


def test_letters_are_plain_text() -> None:
    assert len(ASCII.glyphs) == 25
    assert ASCII.glyphs[0] == " "
    assert all(" " <= glyph <= "~" for glyph in ASCII.glyphs)


def test_letters_tell_up_from_down() -> None:
    """What is bright only above or only below is drawn above or below."""
    bright_above = {ASCII.glyphs[upper] for upper in range(1, 5)}
    bright_below = {ASCII.glyphs[5 * lower] for lower in range(1, 5)}
    assert not bright_above & bright_below
    assert bright_above <= set("'^\"`*")
    assert bright_below <= set("._,o")
