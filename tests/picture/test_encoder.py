"""The encoder against a terminal that decodes its bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vt import Terminal

from did_tui.picture.cells import Cells, Shadow
from did_tui.picture.encoder import delta, row_text


def swapped(word: int) -> int:
    """0x00BBGGRR -> 0xRRGGBB."""
    return (word & 255) << 16 | word & 0xFF00 | word >> 16


def shown(cells: Cells) -> list[list[tuple[int, int]]]:
    return [
        [
            (swapped(int(cells.upper[y, x])), swapped(int(cells.lower[y, x])))
            for x in range(cells.cols)
        ]
        for y in range(cells.rows)
    ]


def seen(terminal: Terminal, cells: Cells, top: int = 0, left: int = 0) -> list[list[object]]:
    return [
        [terminal.pixels(left + x, top + y) for x in range(cells.cols)] for y in range(cells.rows)
    ]


def random_cells(rng: np.random.Generator, rows: int, cols: int, colours: int) -> Cells:
    palette = rng.integers(0, 1 << 24, colours, dtype=np.uint32)
    return Cells.from_words(palette[rng.integers(0, colours, (2 * rows, cols))])


@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 7),
    cols=st.integers(1, 9),
    colours=st.integers(1, 5),
    frames=st.integers(1, 5),
    top=st.integers(0, 3),
    left=st.integers(0, 5),
)
@settings(max_examples=300, deadline=None)
def test_any_sequence_of_frames_ends_in_the_right_picture(
    seed: int, rows: int, cols: int, colours: int, frames: int, top: int, left: int
) -> None:
    rng = np.random.default_rng(seed)
    terminal = Terminal(left + cols + 1, top + rows + 1)
    shadow = Shadow(rows, cols)
    for _ in range(frames):
        cells = random_cells(rng, rows, cols, colours)
        if rng.random() < 0.2:
            shadow.forget()
        data = delta(cells, shadow, top=top, left=left)
        terminal.feed_bytes(data + b"\x1b[0m")
        assert seen(terminal, cells, top, left) == shown(cells)
    assert not terminal.strange


def test_an_unchanged_picture_costs_nothing() -> None:
    cells = random_cells(np.random.default_rng(1), 4, 6, 9)
    shadow = Shadow(4, 6)
    assert delta(cells, shadow)
    assert delta(cells, shadow) == b""


@pytest.mark.parametrize("threshold", [0, 4, 20])
def test_the_error_never_exceeds_the_threshold(threshold: int) -> None:
    rng = np.random.default_rng(2)
    words = rng.integers(0, 255, (8, 10, 3)).astype(np.int16)
    terminal, shadow = Terminal(10, 4), Shadow(4, 10)
    for _ in range(30):
        words = np.clip(words + rng.integers(-3, 4, words.shape), 0, 255)
        cells = Cells.from_rgb(words.astype(np.uint8))
        data = delta(cells, shadow, threshold=threshold)
        terminal.feed_bytes(data + b"\x1b[0m")
        for row, expected in zip(seen(terminal, cells), shown(cells), strict=True):
            for got, want in zip(row, expected, strict=True):
                for a, b in zip(got, want, strict=True):  # type: ignore[call-overload]
                    assert all(
                        abs((a >> s & 255) - (b >> s & 255)) <= threshold for s in (0, 8, 16)
                    )


def test_cells_that_are_covered_are_left_alone() -> None:
    cells = random_cells(np.random.default_rng(3), 3, 5, 9)
    shadow = Shadow(3, 5)
    visible = np.ones((3, 5), bool)
    visible[1, 2:4] = False
    terminal = Terminal(5, 3)
    terminal.feed_bytes(delta(cells, shadow, visible=visible))
    for y in range(3):
        for x in range(5):
            assert (terminal.pixels(x, y) == (None, None)) is not visible[y, x]
    # Uncovered, they are still unknown, and are sent.
    terminal.feed_bytes(delta(cells, shadow))
    assert seen(terminal, cells) == shown(cells)


@given(seed=st.integers(0, 2**32 - 1), cut=st.tuples(st.integers(0, 8), st.integers(0, 8)))
@settings(max_examples=100, deadline=None)
def test_a_part_of_a_row_is_text_of_its_own(seed: int, cut: tuple[int, int]) -> None:
    x0, x1 = sorted(cut)
    cells = random_cells(np.random.default_rng(seed), 2, 8, 4)
    terminal = Terminal(8, 2)
    terminal.x = x0
    terminal.feed(row_text(cells, 1, x0, x1))
    terminal.feed("!" if x1 < 8 else "")
    for x in range(x0, x1):
        assert terminal.pixels(x, 0) == shown(cells)[1][x]
    if x1 < 8:
        assert terminal.cells[0][x1][1:3] == (None, None)
