from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from did_tui.picture import sixel
from did_tui.picture.cells import Words, channels, packed

PICTURE = re.compile(rb'\x1bP9;0q(?:"1;1;(\d+);(\d+))?([!-~]*)\x1b\\')
PART = re.compile(rb"#(\d+)(?:;2;(\d+);(\d+);(\d+))?|(?:!(\d+))?([?-~])|([$-])")
SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40))
PICTURES = st.one_of(
    SHAPES.flatmap(lambda shape: arrays(np.uint32, shape, elements=st.integers(0, 0xFFFFFF))),
    # Few colours, so that there are runs and gaps of all lengths.
    SHAPES.flatmap(
        lambda shape: arrays(np.uint32, shape, elements=st.sampled_from([0, 0xFFFFFF, 0xFF]))
    ),
)


def decoded(data: bytes, palette: dict[int, tuple[int, ...]] | None = None) -> Words:
    """What a terminal draws, by the manual; every pixel has to be drawn, and only once."""
    whole = PICTURE.fullmatch(data)
    assert whole, data[:80]
    width, height, body = int(whole[1] or 0), int(whole[2] or 0), whole[3]
    registers = {} if palette is None else palette
    drawn = np.zeros((height, width, 3), np.uint8)
    times = np.zeros((height, width), int)
    x = y = at = 0
    colour: tuple[int, ...] | None = None
    while at < len(body):
        part = PART.match(body, at)
        assert part, body[at : at + 40]
        at = part.end()
        register, red, green, blue, count, character, move = part.groups()
        if red:
            assert max(int(red), int(green), int(blue)) <= 100
            registers[int(register)] = (int(red), int(green), int(blue))
        elif register:
            colour = registers[int(register)]
        elif character:
            length, bits = int(count or 1), character[0] - ord("?")
            for row in range(6):
                if bits >> row & 1:
                    assert colour is not None
                    assert y + row < height
                    drawn[y + row, x : x + length] = [round(part * 2.55) for part in colour]
                    times[y + row, x : x + length] += 1
            x += length
            assert x <= width
        else:
            x, y = 0, y + 6 * (move == b"-")
    assert y < max(height, 1), "a line feed after the last band"
    assert (times == 1).all()
    return packed(drawn)


def shown(picture: Words) -> Words:
    return sixel.colours()[sixel.registers(picture)]


def noise(height: int, width: int) -> Words:
    pixels = np.random.default_rng(1).integers(0, 1 << 24, (height, width))
    return pixels.astype(np.uint32)


def smooth(height: int, width: int) -> Words:
    rows, cols = np.mgrid[:height, :width]
    pixels = np.stack([rows * 255 // height, cols * 255 // width, rows * 0 + 90], -1)
    return packed(pixels.astype(np.uint8))


@given(PICTURES)
def test_the_terminal_draws_the_dithered_picture(picture: Words) -> None:
    np.testing.assert_array_equal(decoded(sixel.frame(picture)), shown(picture))


@pytest.mark.parametrize("picture", [noise, smooth])
@pytest.mark.parametrize(
    ("height", "width"),
    [(1, 1), (1, 9), (5, 1), (6, 6), (7, 3), (13, 101), (1600, 1), (1, 3000), (401, 331)],
)  # fmt: skip
def test_any_size(picture: Callable[[int, int], Words], height: int, width: int) -> None:
    drawn = picture(height, width)
    np.testing.assert_array_equal(decoded(sixel.frame(drawn)), shown(drawn))


@pytest.mark.parametrize("length", [1, 2, 3, 4, 9, 10, 99, 100, 999, 1000, 1023, 1024, 9999, 10000])
def test_runs_and_gaps_of_any_length(length: int) -> None:
    picture = np.zeros((2, length + 2), np.uint32)
    picture[:, 0] = picture[:, -1] = 0xFFFFFF
    np.testing.assert_array_equal(decoded(sixel.frame(picture)), picture)


def test_a_run_is_written_once() -> None:
    data = sixel.frame(np.zeros((12, 500), np.uint32))
    assert data.endswith(b"100;100;100#0!500~-#0!500~\x1b\\")


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0)])
def test_nothing_to_show(shape: tuple[int, int]) -> None:
    assert sixel.frame(np.zeros(shape, np.uint32)) == b""


def test_pictures_that_are_a_part_of_another() -> None:
    part = noise(40, 50)[3:31:2, 5:40:3]
    np.testing.assert_array_equal(decoded(sixel.frame(part)), shown(part.copy()))


def test_the_palette_can_be_sent_before() -> None:
    registers: dict[int, tuple[int, ...]] = {}
    assert decoded(sixel.palette(), registers).size == 0
    assert len(registers) == len(set(registers.values())) == len(sixel.colours()) <= 256
    without = sixel.frame(noise(9, 9), with_palette=False)
    assert b";2;" not in without
    np.testing.assert_array_equal(decoded(without, registers), shown(noise(9, 9)))
    assert len(sixel.frame(noise(9, 9))) - len(without) < 4096


def test_the_colours_of_the_palette_are_not_dithered() -> None:
    corners = np.array([0, 0xFF, 0xFF00, 0xFF0000, 0xFFFFFF], np.uint32)
    for colour in corners:
        assert (shown(np.full((8, 8), colour, np.uint32)) == colour).all()


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_an_area_has_its_colour_on_average(red: int, green: int, blue: int) -> None:
    picture = np.full((8, 8), red | green << 8 | blue << 16, np.uint32)
    average = channels(shown(picture))[..., :3].astype(float).mean((0, 1))
    assert np.abs(average - [red, green, blue]).max() < 2


@pytest.mark.parametrize("level", [30, 77, 128, 200])
def test_green_makes_up_for_the_brightness_of_red_and_blue(level: int) -> None:
    drawn = channels(shown(np.full((8, 8), level * 0x010101, np.uint32)))[..., :3].astype(float)
    red_and_blue, green = drawn[..., ::2].sum(-1), drawn[..., 1]
    assert np.corrcoef(red_and_blue.ravel(), green.ravel())[0, 1] < 0


def test_a_still_picture_stays_still() -> None:
    moved = smooth(60, 80)
    moved[20:30, 20:30] = 0
    same = np.ones(moved.shape, bool)
    same[20:30, 20:30] = False
    np.testing.assert_array_equal(shown(smooth(60, 80))[same], shown(moved)[same])


def test_memory_does_not_grow_with_what_is_in_the_picture() -> None:
    picture = noise(1500, 1500)
    sixel.frame(picture)
    tracemalloc.start()
    try:
        data = sixel.frame(picture)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * len(data) + 8 * picture.size + (16 << 20)


def test_bands_that_fit() -> None:
    assert [sixel.fit_height(height) for height in (0, 5, 6, 11, 12, 640)] == [0, 0, 6, 6, 12, 636]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"\x1b[?62;4;22c", True),
        (b"\x1b[?63;1;2;3;4;7;29c", True),
        (b"\x1b[?62;4c", True),
        (b"\x1b[?62;22c", False),
        (b"\x1b[?64;14;24;44c", False),
        (b"\x1b[?1;2c", False),
        (b"\x1b[?6c", False),
        (b"\x1b[?4c", False),
        (b"", None),
        (b"\x1b[?62;4", None),
        (b"\x1b[>1;4;0c", None),
    ],
)
def test_answers(answer: bytes, expected: bool | None) -> None:
    assert sixel.supported(answer) is expected
