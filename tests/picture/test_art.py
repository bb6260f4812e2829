"""Cells fitted to glyphs with two colours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import STYLES, TRUE_STYLES, best_of_all, random_picture, style_id

from did_tui.picture.art import Art, Style, fit_cells
from did_tui.picture.cells import Words, by_cell, channels, packed, resized
from did_tui.picture.depth import BASIC, DOTS, INDEXED, LETTERS, TRUE
from did_tui.picture.shapes import ASCII, BRAILLE, HALF, OCTANT, QUADRANT

RED, GREEN, BLUE = 0x0000FF, 0x00FF00, 0xFF0000


def shown_by_glyphs(art: Art) -> Words:
    """The sub-pixels that patterns and colours say."""
    bits = np.arange(art.shown.shape[2])
    lit = (art.patterns[..., None].astype(int) >> bits) & 1 == 1
    return np.where(lit, art.front[..., None], art.back[..., None])


def squared_error(a: Words, b: Words) -> float:
    difference = channels(a)[..., :3].astype(float) - channels(b)[..., :3]
    return float((difference**2).sum())


@given(
    seed=st.integers(0, 2**32 - 1),
    style=st.sampled_from([style for style in STYLES if style.depth.kind != "none"]),
    colours=st.integers(1, 9),
)
@settings(max_examples=150, deadline=None)
def test_what_is_shown_is_what_glyph_and_colours_say(seed: int, style: Style, colours: int) -> None:
    art = Art(random_picture(np.random.default_rng(seed), style, 4, 6, colours), style)
    assert (shown_by_glyphs(art) == art.shown).all()
    if style.depth.palette is not None:
        assert np.isin(art.shown, style.depth.words).all()


def test_two_colours_that_become_one_are_a_space() -> None:
    """It needs only a background."""
    parts = np.array([[0x5F5F5F, 0x626262, 0x5F5F5F, 0x626262]], np.uint32)
    fitted = fit_cells(parts, Style(QUADRANT, INDEXED))
    assert len(np.unique(fitted.shown)) == 1
    assert fitted.patterns.tolist() == [0]


@given(seed=st.integers(0, 2**32 - 1), style=st.sampled_from(STYLES), colours=st.integers(1, 5))
@settings(max_examples=150, deadline=None)
def test_a_cell_is_fitted_the_same_alone_and_among_others(
    seed: int, style: Style, colours: int
) -> None:
    picture = random_picture(np.random.default_rng(seed), style, 5, 7, colours)
    parts = by_cell(style.depth.reduce(picture), style.shape.across, style.shape.down)
    parts = parts.reshape(-1, style.shape.parts)
    together = fit_cells(parts, style)
    for count in (1, 2, 17):
        some = fit_cells(parts[:count], style)
        assert (some.patterns == together.patterns[:count]).all()
        assert (some.shown == together.shown[:count]).all()


@given(seed=st.integers(0, 2**32 - 1), style=st.sampled_from(TRUE_STYLES), mask=st.integers(0, 255))
@settings(max_examples=200, deadline=None)
def test_two_colours_are_shown_exactly(seed: int, style: Style, mask: int) -> None:
    colours = np.random.default_rng(seed).integers(0, 1 << 24, 2, dtype=np.uint32)
    lit = (mask >> np.arange(style.shape.parts)) & 1
    parts = colours[lit][None]
    assert (fit_cells(parts, style).shown == parts).all()


@pytest.mark.parametrize("style", TRUE_STYLES, ids=style_id)
@pytest.mark.parametrize("pair", [(RED, BLUE), (RED, GREEN), (0xFF00FF, 0x00FF00), (0x640000, 100)])
def test_an_edge_between_equally_bright_colours_is_kept(
    style: Style, pair: tuple[int, int]
) -> None:
    parts = np.array([[pair[0]] + [pair[1]] * (style.shape.parts - 1)], np.uint32)
    assert (fit_cells(parts, style).shown == parts).all()


def test_two_colours_are_near_the_best_that_there_are() -> None:
    """Trying every division of four sub-pixels is no more than a little better."""
    rng = np.random.default_rng(11)
    style = Style(QUADRANT, TRUE)
    pixels = rng.integers(0, 256, (300, 4, 3)).astype(np.uint8)
    parts = packed(pixels)
    shown = fit_cells(parts, style).shown
    best = sum(best_of_all(cell.tolist()) for cell in pixels)
    mean = packed(np.repeat(pixels.mean(1, keepdims=True), 4, 1).round().astype(np.uint8))
    assert squared_error(parts, shown) < 1.25 * best
    assert squared_error(parts, shown) < 0.6 * squared_error(parts, mean)


def test_no_cell_is_worse_than_its_mean() -> None:
    rng = np.random.default_rng(12)
    style = Style(OCTANT, TRUE)
    pixels = rng.integers(0, 256, (500, 8, 3)).astype(np.uint8)
    parts, shown = packed(pixels), fit_cells(packed(pixels), style).shown
    mean = packed(np.repeat(pixels.mean(1, keepdims=True), 8, 1).round().astype(np.uint8))
    for cell in range(500):
        fitted = squared_error(parts[cell], shown[cell])
        assert fitted <= squared_error(parts[cell], mean[cell]) + 8 * 3


def test_half_blocks_show_the_picture_as_it_is() -> None:
    picture = random_picture(np.random.default_rng(13), Style(), 3, 5, 9)
    art = Art(picture, Style())
    assert (art.shown == by_cell(picture, 1, 2)).all()
    assert (art.shown[1, 2] == picture[2:4, 2]).all()


def test_dots_are_there_where_it_is_bright() -> None:
    style = Style(BRAILLE, DOTS)
    picture = np.zeros((4, 4), np.uint32)
    picture[0, 0] = picture[3, 1] = picture[:, 2:] = 0xFFFFFF
    art = Art(picture, style)
    assert [style.shape.glyphs[pattern] for pattern in art.patterns[0]] == ["⢁", "⣿"]


def test_letters_grow_with_the_brightness() -> None:
    style = Style(ASCII, LETTERS)
    black, white = (Art(np.full((2, 1), word, np.uint32), style) for word in (0, 0xFFFFFF))
    assert style.shape.glyphs[black.patterns[0, 0]] == " "
    assert style.shape.glyphs[white.patterns[0, 0]] == "@"


@pytest.mark.parametrize("depth", ["true", "256", "16", "grey", "none"])
@pytest.mark.parametrize("shape", ["half", "quadrant", "sextant", "octant", "braille", "ascii"])
def test_any_two_names_are_a_style(shape: str, depth: str) -> None:
    style = Style.named(shape, depth)
    assert (style.depth.kind == "none") == (depth == "none" or shape == "ascii")
    assert style.cell_cost > 0
    if depth != "none":
        assert style.shape.name == shape
    else:
        assert style.shape in (ASCII, BRAILLE)


@pytest.mark.parametrize("names", [("round", "true"), ("half", "8"), ("", "")])
def test_other_names_are_none(names: tuple[str, str]) -> None:
    with pytest.raises(KeyError):
        Style.named(*names)


def test_styles_are_equal_by_value() -> None:
    assert Style.named("half", "256") == Style(HALF, INDEXED)
    assert Style(HALF, INDEXED) != Style(HALF, BASIC)
    assert len({Style(), Style(HALF, TRUE)}) == 1


@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    new=st.tuples(st.integers(1, 20), st.integers(1, 20)),
)
def test_a_resized_picture_has_only_its_own_pixels(
    size: tuple[int, int], new: tuple[int, int]
) -> None:
    picture = np.arange(size[0] * size[1], dtype=np.uint32).reshape(size)
    other = resized(picture, *new)
    assert other.shape == new
    assert np.isin(other, picture).all()
    assert other[0, 0] == picture[0, 0]
    if new == size:
        assert (other == picture).all()


def test_sub_pixels_are_numbered_row_by_row() -> None:
    picture = np.arange(4 * 4, dtype=np.uint32).reshape(4, 4)
    assert by_cell(picture, 2, 4)[0, 1].tolist() == [2, 3, 6, 7, 10, 11, 14, 15]
    assert by_cell(picture, 1, 2)[1, 3].tolist() == [11, 15]


def test_packed_and_channels_are_inverse() -> None:
    pixels = np.random.default_rng(14).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    assert (channels(packed(pixels))[..., :3] == pixels).all()
    assert int(packed(np.array([[[1, 2, 3]]], np.uint8))[0, 0]) == 0x030201
