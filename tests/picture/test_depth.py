"""Pictures in the colours that a terminal has."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import smooth_picture, swapped
from vt import xterm

from did_tui.picture.art import Style
from did_tui.picture.cells import Words, channels, packed
from did_tui.picture.depth import (
    BASIC,
    DEPTHS,
    DOTS,
    GREY,
    INDEXED,
    LETTERS,
    LUMA,
    TRUE,
    Depth,
)

REDUCED = [INDEXED, BASIC, GREY, LETTERS, DOTS]
GREYS = [GREY, LETTERS, DOTS]


def depth_id(depth: Depth) -> str:
    return depth.name if depth is not DOTS else "dots"


def flat(red: int, green: int, blue: int, size: int = 16) -> Words:
    return np.full((size, size), red | green << 8 | blue << 16, np.uint32)


def mean(words: Words) -> npt.NDArray[np.float64]:
    return np.asarray(channels(words)[..., :3].reshape(-1, 3).astype(float).mean(0))


def colourful(seed: int, rows: int = 24, cols: int = 40) -> Words:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 1 << 24, (rows, cols)).astype(np.uint32)


@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 20), cols=st.integers(1, 20))
@settings(max_examples=50, deadline=None)
@pytest.mark.parametrize("depth", REDUCED, ids=depth_id)
def test_a_reduced_picture_has_only_the_terminals_colours(
    depth: Depth, seed: int, rows: int, cols: int
) -> None:
    reduced = depth.reduce(colourful(seed, rows, cols))
    assert reduced.shape == (rows, cols)
    assert reduced.dtype == np.uint32
    assert np.isin(reduced, depth.words).all()


def test_24_bits_are_left_as_they_are() -> None:
    picture = colourful(1)
    assert TRUE.reduce(picture) is picture
    assert TRUE.nearest(picture) is picture


@pytest.mark.parametrize("depth", REDUCED, ids=depth_id)
def test_the_same_picture_is_reduced_the_same_each_time(depth: Depth) -> None:
    picture = smooth_picture(np.random.default_rng(2), Style(), 12, 40)
    first = depth.reduce(picture)
    assert (depth.reduce(picture.copy()) == first).all()


@pytest.mark.parametrize("depth", REDUCED, ids=depth_id)
def test_what_changes_changes_only_there(depth: Depth) -> None:
    picture = smooth_picture(np.random.default_rng(3), Style(), 12, 40)
    other = picture.copy()
    other[5:9, 10:20] = 0x30C0F0
    changed = depth.reduce(picture) != depth.reduce(other)
    assert changed[5:9, 10:20].any()
    changed[5:9, 10:20] = False
    assert not changed.any()


@pytest.mark.parametrize("depth", [BASIC, GREY, LETTERS, DOTS], ids=depth_id)
def test_what_is_reduced_stays_as_it_is(depth: Depth) -> None:
    reduced = depth.reduce(colourful(4))
    assert (depth.reduce(reduced) == reduced).all()
    assert (depth.nearest(depth.words) == depth.words).all()


def test_of_256_colours_few_are_taken_for_their_neighbours() -> None:
    """Two greys are so near to grey entries of the cube that the table cannot tell them."""
    kept = INDEXED.nearest(INDEXED.words) == INDEXED.words
    assert (~kept).sum() <= 4
    assert np.abs(mean(INDEXED.nearest(INDEXED.words)) - mean(INDEXED.words)).max() < 1
    others = INDEXED.words[kept]
    assert (INDEXED.reduce(others[None]) == others[None]).all()


@pytest.mark.parametrize("depth", REDUCED, ids=depth_id)
def test_black_and_white_are_pure(depth: Depth) -> None:
    """A dark room is not speckled."""
    for words in (flat(0, 0, 0), flat(255, 255, 255)):
        assert len(np.unique(depth.reduce(words))) == 1


@pytest.mark.parametrize("depth", REDUCED, ids=depth_id)
def test_numbers_are_the_terminals(depth: Depth) -> None:
    numbers = depth.numbers(depth.words)
    assert numbers.tolist() == list(range(depth.first, depth.first + len(depth.words)))
    reduced = depth.reduce(colourful(5))
    assert (depth.words[depth.numbers(reduced) - depth.first] == reduced).all()


@pytest.mark.parametrize("depth", [INDEXED, BASIC, GREY], ids=depth_id)
def test_the_palettes_are_xterms(depth: Depth) -> None:
    for place, word in enumerate(depth.words.tolist()):
        assert xterm(-2 - (depth.first + place)) == swapped(word)


def test_the_numbers_of_some_colours() -> None:
    words = np.array([0x000000, 0x0000FF, 0xFFFFFF, 0x080808, 0xEEEEEE], np.uint32)
    assert INDEXED.numbers(words).tolist() == [16, 196, 231, 232, 255]
    assert BASIC.numbers(words[:3]).tolist() == [0, 9, 15]


@given(st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255)))
@settings(max_examples=300, deadline=None)
def test_a_flat_colour_in_256_has_the_right_mean(colour: tuple[int, int, int]) -> None:
    error = np.abs(mean(INDEXED.reduce(flat(*colour))) - colour)
    assert error.max() < 70
    assert abs(error @ LUMA) < 18


def test_flat_colours_in_256_are_within_a_few_units_on_average() -> None:
    rng = np.random.default_rng(6)
    errors = [
        np.abs(mean(INDEXED.reduce(flat(*colour))) - colour).max()
        for colour in rng.integers(0, 256, (200, 3)).tolist()
    ]
    assert np.mean(errors) < 6
    assert np.percentile(errors, 90) < 9


@pytest.mark.parametrize(
    "colour",
    [(224, 172, 140), (198, 134, 102), (150, 100, 80), (90, 60, 50), (60, 40, 34), (30, 40, 70)],
)
def test_skin_and_hair_keep_their_colour(colour: tuple[int, int, int]) -> None:
    """Also where the palette has few colours: a dark brown is not grey."""
    shown = mean(INDEXED.reduce(flat(*colour)))
    assert np.abs(shown - colour).max() < 9
    in_sixteen = mean(BASIC.reduce(flat(*colour)))
    assert abs(in_sixteen @ LUMA - np.array(colour) @ LUMA) < 25


@pytest.mark.parametrize(("depth", "near"), [(INDEXED, 6), (BASIC, 12)], ids=["256", "16"])
def test_a_flat_grey_has_the_right_mean_in_colours(depth: Depth, near: float) -> None:
    for level in range(256):
        assert np.abs(mean(depth.reduce(flat(level, level, level))) - level).max() < near


@pytest.mark.parametrize(
    ("depth", "near"), [(GREY, 9), (LETTERS, 14), (DOTS, 20)], ids=["grey", "letters", "dots"]
)
@given(st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255)))
@settings(max_examples=100, deadline=None)
def test_a_flat_colour_in_greys_has_its_brightness(
    depth: Depth, near: float, colour: tuple[int, int, int]
) -> None:
    shown = mean(depth.reduce(flat(*colour)))
    assert shown[0] == shown[1] == shown[2]
    lowest, highest = channels(depth.words)[[0, -1], 0].astype(float)
    bright = np.clip(np.array(colour) @ LUMA, lowest, highest)
    assert abs(shown[0] - bright) < near


@pytest.mark.parametrize("depth", GREYS, ids=depth_id)
def test_brighter_is_never_darker(depth: Depth) -> None:
    shown = [mean(depth.reduce(flat(level, level, level)))[0] for level in range(0, 256, 5)]
    assert (np.diff(shown) >= 0).all()


def test_the_grid_of_the_dither_repeats_and_is_fine() -> None:
    """No lines: each row and column of a half-bright field has about as much as any other."""
    shown = DOTS.reduce(flat(128, 128, 128, 64)) != 0
    assert abs(shown.mean() - 0.5) < 0.1
    assert np.ptp(shown.mean(0)) <= 0.3
    assert np.ptp(shown.mean(1)) <= 0.3
    assert (shown[:8, :8] == shown[8:16, 24:32]).all()


@pytest.mark.parametrize("depth", [*REDUCED, TRUE], ids=depth_id)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1), (8, 8), (17, 33)])
def test_any_size(depth: Depth, size: tuple[int, int]) -> None:
    picture = colourful(7, *size)
    assert depth.reduce(picture).shape == size
    # Where a colour stands decides about its dither, nothing else does.
    larger = np.zeros((40, 40), np.uint32)
    larger[: size[0], : size[1]] = picture
    assert (depth.reduce(larger)[: size[0], : size[1]] == depth.reduce(picture)).all()


def test_the_names_are_those_of_the_depths() -> None:
    assert {name: depth.name for name, depth in DEPTHS.items()} == {name: name for name in DEPTHS}


def test_nearest_is_near() -> None:
    rng = np.random.default_rng(8)
    pixels = rng.integers(0, 256, (500, 3)).astype(np.uint8)
    for depth in (INDEXED, BASIC):
        assert depth.palette is not None
        chosen = channels(depth.nearest(packed(pixels)))[:, :3].astype(float)
        weights = np.array([0.6, 1.0, 0.45])
        distance = (((chosen - pixels) * weights) ** 2).sum(1) ** 0.5
        best = ((pixels[:, None].astype(float) - depth.palette) * weights) ** 2
        # The table has 32 steps a channel: as near as that makes it.
        assert (distance <= best.sum(2).min(1) ** 0.5 + 12).all()
