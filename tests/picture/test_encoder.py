"""The encoder against a slow one and against a terminal that decodes its bytes."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import (
    STYLES,
    differences,
    expected,
    naive,
    on_screen,
    random_picture,
    smooth_picture,
    style_id,
    swapped,
)
from vt import Terminal, xterm

from did_tui.picture.art import Art, Style
from did_tui.picture.cells import Index
from did_tui.picture.depth import INDEXED, TRUE
from did_tui.picture.encoder import LAST_LINE, encode, row_text
from did_tui.picture.shapes import HALF, OCTANT

RESET = b"\x1b[0m"


def whole(art: Art) -> Index:
    return np.arange(art.rows * art.cols)


def encoded(art: Art, index: Index, top: int = 0, left: int = 0) -> bytes:
    return encode(
        index,
        art.cols,
        art.patterns.ravel()[index],
        art.front.ravel()[index],
        art.back.ravel()[index],
        art.style,
        top=top,
        left=left,
    )


def slowly(art: Art, index: Index, top: int = 0, left: int = 0) -> bytes:
    return naive(
        index.tolist(),
        art.cols,
        art.patterns.ravel()[index].tolist(),
        art.front.ravel()[index].tolist(),
        art.back.ravel()[index].tolist(),
        art.style,
        top=top,
        left=left,
    )


def filled(cols: int, rows: int) -> Terminal:
    """A terminal full of something else."""
    terminal = Terminal(cols, rows)
    for y in range(rows):
        terminal.feed(f"\x1b[{y + 1}H\x1b[31;42m" + "x" * cols)
    terminal.feed("\x1b[0m\x1b[H")
    return terminal


@given(
    seed=st.integers(0, 2**32 - 1),
    style=st.sampled_from(STYLES),
    rows=st.integers(1, 5),
    cols=st.integers(1, 9),
    colours=st.integers(1, 6),
    share=st.sampled_from([0.1, 0.5, 0.9, 1.0]),
    top=st.integers(0, 3),
    left=st.integers(0, 5),
)
@settings(max_examples=300, deadline=None)
def test_some_cells_end_as_if_each_had_been_drawn_by_itself(
    seed: int, style: Style, rows: int, cols: int, colours: int, share: float, top: int, left: int
) -> None:
    rng = np.random.default_rng(seed)
    art = Art(random_picture(rng, style, rows, cols, colours), style)
    index = np.flatnonzero(rng.random(rows * cols) < share)
    fast, slow = encoded(art, index, top, left), slowly(art, index, top, left)
    assert len(fast) <= len(slow)
    screens = []
    for data in (fast, slow):
        terminal = filled(left + cols + 1, top + rows + 1)
        terminal.feed_bytes(data + RESET)
        assert not terminal.strange
        screens.append(terminal)
    drawn = set(index.tolist())
    for y in range(top + rows + 1):
        for x in range(left + cols + 1):
            inside = 0 <= y - top < rows and 0 <= x - left < cols
            if inside and (y - top) * cols + x - left in drawn:
                both = [on_screen(terminal, x, y, style) for terminal in screens]
                assert both[0] == both[1] == expected(art.shown[y - top, x - left], style)
            else:
                assert screens[0].cells[y][x] == screens[1].cells[y][x]
                assert screens[0].cells[y][x][0] == "x"


@pytest.mark.parametrize("style", STYLES, ids=style_id)
def test_a_whole_picture_of_a_photograph(style: Style) -> None:
    rng = np.random.default_rng(4)
    art = Art(smooth_picture(rng, style, 12, 30), style)
    terminal = Terminal(33, 14)
    data = encoded(art, whole(art), 2, 3)
    terminal.feed_bytes(data + RESET)
    assert not differences(terminal, art.shown, style, 2, 3)
    assert len(data) <= len(slowly(art, whole(art), 2, 3))


def test_no_cells_take_no_bytes() -> None:
    art = Art(random_picture(np.random.default_rng(5), Style(), 2, 2, 3), Style())
    assert encoded(art, whole(art)[:0]) == b""


def test_one_colour_takes_one_pen_and_spaces() -> None:
    style = Style(HALF, TRUE)
    art = Art(np.full((4, 5), 0x0A0B0C, np.uint32), style)
    assert encoded(art, whole(art)) == b"\x1b[1;1H\x1b[48;2;12;11;10m     \x1b[2;1H     "


def test_an_inverted_glyph_saves_a_pen() -> None:
    """Upper and lower colour exchanged from cell to cell: the colours are sent once."""
    style = Style(HALF, TRUE)
    picture = np.array([[1, 2, 1, 2], [2, 1, 2, 1]], np.uint32)
    data = encoded(Art(picture, style), np.arange(4))
    assert data.decode() == "\x1b[1;1H\x1b[38;2;1;0;0;48;2;2;0;0m▀▄▀▄"


def test_after_a_plain_cell_its_colour_stays_in_the_background() -> None:
    style = Style(HALF, TRUE)
    picture = np.array([[1, 1], [1, 2]], np.uint32)
    data = encoded(Art(picture, style), np.arange(2))
    assert data.decode() == "\x1b[1;1H\x1b[48;2;1;0;0m \x1b[38;2;2;0;0m▄"


def test_a_gap_in_a_row_moves_forward_and_a_new_row_is_addressed() -> None:
    style = Style(HALF, TRUE)
    art = Art(np.full((4, 20), 7, np.uint32), style)
    data = encoded(art, np.array([0, 2, 15, 20, 39]), 4, 9)
    moves = re.findall(rb"\x1b\[[0-9;]*[HC]", data)
    assert moves == [b"\x1b[5;10H", b"\x1b[C", b"\x1b[12C", b"\x1b[6;10H", b"\x1b[18C"]


def test_every_row_and_column_that_can_be_addressed() -> None:
    style = Style(HALF, TRUE)
    rng = np.random.default_rng(6)
    last = LAST_LINE - 2
    for y, x in [(0, 0), (last, last), (9, 99), (99, 9), (last, 0), (0, last)]:
        art = Art(random_picture(rng, style, 1, 1, 2), style)
        data = encoded(art, whole(art), y, x)
        assert data.startswith(b"\x1b[%d;%dH" % (y + 1, x + 1))


def test_a_field_that_begins_above_the_screen() -> None:
    """Only the rows on the screen are asked for."""
    style = Style(HALF, TRUE)
    art = Art(random_picture(np.random.default_rng(7), style, 5, 4, 4), style)
    terminal = Terminal(4, 3)
    terminal.feed_bytes(encoded(art, np.arange(8, 20), -2, 0) + RESET)
    assert not differences(terminal, art.shown[2:], style)


def test_every_value_of_a_channel() -> None:
    """256 values, each at each place of a colour."""
    values = np.arange(256, dtype=np.uint32)
    picture = np.stack([values | values[::-1] << 8, values << 16])
    art = Art(picture, Style(HALF, TRUE))
    terminal = Terminal(256, 1)
    terminal.feed_bytes(encoded(art, whole(art)) + RESET)
    for x in range(256):
        assert terminal.pixels(x, 0) == tuple(swapped(int(word)) for word in picture[:, x])


def test_every_number_of_the_palette() -> None:
    words = INDEXED.words
    every = np.arange(240)
    patterns = np.ones(240, np.uint8)
    terminal = Terminal(240, 1)
    terminal.feed_bytes(encode(every, 240, patterns, words, words[::-1], Style(HALF, INDEXED)))
    for x in range(240):
        upper, lower = terminal.pixels(x, 0)
        assert (upper, lower) == (-2 - 16 - x, -2 - 16 - (239 - x))
        assert xterm(upper) == swapped(int(words[x]))


@given(
    seed=st.integers(0, 2**32 - 1),
    style=st.sampled_from(STYLES),
    cut=st.tuples(st.integers(0, 8), st.integers(0, 8)),
)
@settings(max_examples=200, deadline=None)
def test_a_part_of_a_row_is_text_of_its_own(seed: int, style: Style, cut: tuple[int, int]) -> None:
    x0, x1 = sorted(cut)
    art = Art(random_picture(np.random.default_rng(seed), style, 2, 8, 4), style)
    terminal = filled(9, 2)
    terminal.x = x0
    text = row_text(art, 1, x0, x1)
    terminal.feed(text)
    assert terminal.x == x0 + (x1 - x0 if text else 0)
    terminal.feed("!")
    for x in range(x0, x1):
        assert on_screen(terminal, x, 0, style) == expected(art.shown[1, x], style)
    assert terminal.cells[0][x1] == ("!", None, None, frozenset())


@given(
    seed=st.integers(0, 2**32 - 1),
    style=st.sampled_from(STYLES),
    cut=st.tuples(st.integers(0, 8), st.integers(0, 8)),
)
@settings(max_examples=200, deadline=None)
def test_runs_are_the_same_row_in_other_words(
    seed: int, style: Style, cut: tuple[int, int]
) -> None:
    x0, x1 = sorted(cut)
    art = Art(random_picture(np.random.default_rng(seed), style, 2, 8, 3), style)
    runs = list(art.runs(1, x0, x1))
    assert sum(len(text) for text, _, _ in runs) == x1 - x0
    terminal = Terminal(9, 1)
    terminal.x = x0
    for text, front, back in runs:
        if style.depth.kind == "rgb":
            terminal.front, terminal.back = swapped(front), swapped(back)
        elif style.depth.kind == "none":
            assert front == back == -1
        else:
            terminal.front, terminal.back = -2 - front, -2 - back
        terminal.feed(text)
    for x in range(x0, x1):
        assert on_screen(terminal, x, 0, style) == expected(art.shown[1, x], style)
    for one, other in pairwise(runs):
        assert one[1:] != other[1:]


@pytest.mark.parametrize("style", STYLES, ids=style_id)
def test_bytes_are_text_without_zeros_in_whole_characters(style: Style) -> None:
    art = Art(random_picture(np.random.default_rng(9), style, 6, 7, 5), style)
    data = encoded(art, whole(art))
    assert b"\0" not in data
    data.decode()


def test_octants_cost_no_more_than_their_colours() -> None:
    """A record has room for everything that a cell may need."""
    rng = np.random.default_rng(10)
    style = Style(OCTANT, TRUE)
    art = Art(rng.integers(0, 1 << 24, (8 * 4, 20 * 2)).astype(np.uint32), style)
    data = encoded(art, whole(art), 800, 800)
    assert len(data) <= len(slowly(art, whole(art), 800, 800))
    assert len(data) < 160 * 60
