"""Frames and still pictures -> the sub-pixels of a field of cells."""

from __future__ import annotations

import io
import itertools
import random
import struct
import warnings
import zlib

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.video.reformatter import ColorRange
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from did_tui.picture.cells import Words, channels
from did_tui.picture.fit import (
    FILL_WIDTH,
    KEEP_FROM,
    KEEP_TO,
    KEEP_WIDTH,
    NOWHERE,
    Framing,
    Placement,
    place,
)
from did_tui.picture.scale import Scaler
from did_tui.picture.shapes import BRAILLE, HALF, OCTANT, QUADRANT, SEXTANT, SHAPES, Shape
from did_tui.picture.still import MOST_PIXELS, NotAPicture, Still

Pixels = npt.NDArray[np.uint8]

FORMATS = ["yuv420p", "yuv422p10le", "nv12", "rgb24", "gray", "yuvj420p", "yuv444p", "bgra", "rgb0"]
FIELDS = [(1, 1), (80, 24), (500, 200), (3, 1), (1, 60)]
FRAMINGS: list[Framing] = ["fit", "crop", "fill"]
MARK = 0x123456
BT_709, UNTAGGED, BT_601 = 1, 2, 6  # AVColorSpace
#: How much red and blue weigh in the brightness: ITU-R BT.601 and BT.709.
WEIGHTS = {BT_601: (0.299, 0.114), BT_709: (0.2126, 0.0722)}


def ramp(width: int, height: int) -> Pixels:
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([x * 255 // max(width - 1, 1), y * 255 // max(height - 1, 1), x * 0 + 90], -1)
    return rgb.astype(np.uint8)


def gradient(width: int, height: int, pixel_format: str = "yuv420p") -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(ramp(width, height), format="rgb24")
    return frame.reformat(format=pixel_format)


def rgb(words: Words) -> npt.NDArray[np.float64]:
    return channels(words)[..., :3].astype(float)


# Scaling


def test_the_same_frame_gives_the_same_picture_each_time() -> None:
    scaler, frame = Scaler(), gradient(512, 512)
    first = scaler.picture(frame, 60, 30)
    for _ in range(50):
        assert (scaler.picture(frame, 60, 30) == first).all()


def test_a_picture_is_averaged_not_picked() -> None:
    checks = np.zeros((64, 64, 3), np.uint8)
    checks[::2, ::2] = checks[1::2, 1::2] = 255
    frame = av.VideoFrame.from_ndarray(checks, format="rgb24")
    grey = rgb(Scaler().picture(frame, 16, 8))
    assert ((grey > 120) & (grey < 136)).all()


def test_a_scaled_picture_is_the_mean_of_its_parts() -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (160, 160, 3)).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    shown = rgb(Scaler().picture(frame, 20, 10))
    means = pixels.reshape(20, 8, 20, 8, 3).mean((1, 3))
    assert np.abs(shown - means).max() < 4


@pytest.mark.parametrize("size", [(1, 1), (1, 4096), (4096, 1), (3, 5), (641, 359), (2, 2)])
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("framing", FRAMINGS)
def test_any_size_in_any_field(
    size: tuple[int, int], field: tuple[int, int], framing: Framing
) -> None:
    cols, rows = field
    picture = Scaler().picture(gradient(*size, "rgb24"), cols, rows, framing=framing)
    assert picture.shape == (2 * rows, cols)
    assert picture.dtype == np.uint32
    assert (picture <= 0xFFFFFF).all()


@pytest.mark.parametrize("pixel_format", ["yuv420p", "rgb24"])
def test_a_large_frame_in_any_field(pixel_format: str) -> None:
    frame, scaler = gradient(4096, 4096, pixel_format), Scaler()
    for cols, rows in FIELDS:
        assert scaler.picture(frame, cols, rows).shape == (2 * rows, cols)


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (17, 33), (640, 360), (101, 7)])
def test_any_pixel_format_in_any_size(pixel_format: str, size: tuple[int, int]) -> None:
    frame = gradient(*size, pixel_format)
    for shape in SHAPES.values():
        picture = Scaler().picture(frame, 13, 9, shape=shape)
        assert picture.shape == (9 * shape.down, 13 * shape.across)


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_every_pixel_format_shows_the_same_picture(pixel_format: str) -> None:
    frame = gradient(320, 320, pixel_format)
    shown = rgb(Scaler().picture(frame, 40, 20))
    truth = ramp(320, 320).reshape(40, 8, 40, 8, 3).mean((1, 3))
    if pixel_format == "gray":
        truth = np.repeat((truth @ [0.299, 0.587, 0.114])[..., None], 3, -1)
    assert np.abs(shown - truth).max() < 8
    assert np.abs(shown - truth).mean() < 2.5


def test_one_scaler_takes_a_new_size_every_frame() -> None:
    scaler, rng = Scaler(), random.Random(2)
    for pixel_format in itertools.islice(itertools.cycle(FORMATS), 60):
        width, height = rng.randint(1, 300), rng.randint(1, 300)
        cols, rows = rng.randint(1, 60), rng.randint(1, 40)
        shape = rng.choice([HALF, QUADRANT, SEXTANT, OCTANT])
        frame = gradient(width, height, pixel_format)
        options = {"shape": shape, "framing": rng.choice(FRAMINGS)}
        picture = scaler.picture(frame, cols, rows, **options)  # type: ignore[arg-type]
        alone = Scaler().picture(frame, cols, rows, **options)  # type: ignore[arg-type]
        assert (picture == alone).all()


def test_a_frame_of_the_right_size_and_format_is_not_kept() -> None:
    """The words are a copy: the decoder may use the frame's memory again."""
    frame = gradient(8, 8, "rgb0")
    picture = Scaler().picture(frame, 8, 4)
    before = picture.copy()
    frame.planes[0].update(bytes(frame.planes[0].buffer_size))
    assert (picture == before).all()
    assert picture.flags.writeable


# Colours


def decoded(y: int, cb: int, cr: int, space: int, *, full: bool) -> tuple[float, float, float]:
    """8-bit Y'CbCr -> R'G'B', from the definitions."""
    kr, kb = WEIGHTS[space]
    if full:
        luma, blue, red = y / 255, (cb - 128) / 255, (cr - 128) / 255
    else:
        luma, blue, red = (y - 16) / 219, (cb - 128) / 224, (cr - 128) / 224
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    g = (luma - kr * r - kb * b) / (1 - kr - kb)
    low, middle, high = (255 * min(max(value, 0.0), 1.0) for value in (r, g, b))
    return low, middle, high


def flat_frame(
    pixel_format: str, y: int, cb: int, cr: int, space: int, full: bool | None, lines: int = 64
) -> av.VideoFrame:
    frame = av.VideoFrame(lines, lines, pixel_format)
    values = [bytes([value]) for value in (y, cb, cr)]
    if pixel_format == "nv12":
        values = [values[0], values[1] + values[2]]
    elif pixel_format.endswith("10le"):
        values = [struct.pack("<H", value << 2) for value in (y, cb, cr)]
    for plane, value in zip(frame.planes, values, strict=True):
        plane.update(value * (plane.buffer_size // len(value)))
    frame.colorspace = space
    if full is not None:
        frame.color_range = ColorRange.JPEG if full else ColorRange.MPEG
    return frame


COLOURS = [(81, 90, 240), (145, 54, 34), (41, 240, 110), (126, 128, 128), (180, 110, 150)]
PLANAR = ["yuv420p", "yuv422p10le", "nv12", "yuv444p"]


@pytest.mark.parametrize("pixel_format", PLANAR)
@pytest.mark.parametrize("space", [BT_601, BT_709])
@pytest.mark.parametrize("full", [False, True])
def test_tagged_colours_are_right(pixel_format: str, space: int, full: bool) -> None:
    for colour in COLOURS:
        frame = flat_frame(pixel_format, *colour, space, full)
        shown = rgb(Scaler().picture(frame, 10, 5))
        assert np.abs(shown - decoded(*colour, space, full=full)).max() < 4


@pytest.mark.parametrize("pixel_format", PLANAR)
@pytest.mark.parametrize(("lines", "space"), [(64, BT_601), (576, BT_601), (720, BT_709)])
def test_untagged_colours_are_those_of_their_size(
    pixel_format: str, lines: int, space: int
) -> None:
    for colour in COLOURS:
        frame = flat_frame(pixel_format, *colour, UNTAGGED, None, lines)
        shown = rgb(Scaler().picture(frame, 10, 5))
        assert np.abs(shown - decoded(*colour, space, full=False)).max() < 4


def test_yuvj_is_of_full_range() -> None:
    for colour in COLOURS:
        frame = flat_frame("yuvj420p", *colour, BT_601, None)
        shown = rgb(Scaler().picture(frame, 10, 5))
        assert np.abs(shown - decoded(*colour, BT_601, full=True)).max() < 4


def test_black_and_white_of_limited_range_are_pure() -> None:
    for luma, word in [(16, 0), (235, 0xFFFFFF), (5, 0), (250, 0xFFFFFF)]:
        frame = flat_frame("yuv420p", luma, 128, 128, BT_601, False)
        assert (Scaler().picture(frame, 10, 5) == word).all()


def test_a_scaler_follows_a_change_of_tags() -> None:
    scaler = Scaler()
    for space, full in [(BT_601, False), (BT_709, False), (BT_709, True), (BT_601, False)] * 2:
        frame = flat_frame("yuv420p", 81, 90, 240, space, full)
        shown = rgb(scaler.picture(frame, 10, 5))
        assert np.abs(shown - decoded(81, 90, 240, space, full=full)).max() < 4


# Framing

sides = st.integers(1, 5000)
places = st.tuples(
    sides,
    sides,
    st.integers(1, 500),
    st.integers(1, 200),
    st.sampled_from([HALF, QUADRANT, SEXTANT, OCTANT, BRAILLE]),
    st.tuples(st.integers(4, 20), st.integers(8, 40)),
)


def placed(case: tuple[int, int, int, int, Shape, tuple[int, int]], framing: Framing) -> Placement:
    width, height, cols, rows, shape, cell = case
    return place(
        width,
        height,
        cols,
        rows,
        across=shape.across,
        down=shape.down,
        cell=cell,
        framing=framing,
    )


@given(places, st.sampled_from(FRAMINGS))
@settings(max_examples=500)
def test_the_picture_lies_inside_the_field(
    case: tuple[int, int, int, int, Shape, tuple[int, int]], framing: Framing
) -> None:
    _, _, cols, rows, shape, _ = case
    there = placed(case, framing)
    field_width, field_height = cols * shape.across, rows * shape.down
    assert there.left >= 0
    assert there.top >= 0
    assert there.shown_width >= 1
    assert there.shown_height >= 1
    assert there.left + there.shown_width <= field_width
    assert there.top + there.shown_height <= field_height
    assert 0 <= there.skip_x <= there.width - there.shown_width
    assert 0 <= there.skip_y <= there.height - there.shown_height
    # In the middle, to a sub-pixel.
    assert abs(field_width - there.shown_width - 2 * there.left) <= 1
    assert abs(field_height - there.shown_height - 2 * there.top) <= 1
    assert abs(there.width - there.shown_width - 2 * there.skip_x) <= 1


@given(places)
@settings(max_examples=500)
def test_fitting_shows_all_of_the_picture(
    case: tuple[int, int, int, int, Shape, tuple[int, int]],
) -> None:
    there = placed(case, "fit")
    assert (there.shown_width, there.shown_height) == (there.width, there.height)
    assert (there.skip_x, there.skip_y) == (0, 0)
    _, _, cols, rows, shape, _ = case
    assert there.width == cols * shape.across or there.height == rows * shape.down


@given(places, st.sampled_from(FRAMINGS))
@settings(max_examples=1000)
def test_no_framing_cuts_what_a_portrait_needs(
    case: tuple[int, int, int, int, Shape, tuple[int, int]], framing: Framing
) -> None:
    """The head from 6 to 86 % of the height, to a sub-pixel."""
    there = placed(case, framing)
    assert there.skip_y <= KEEP_FROM * there.height + 1
    assert there.skip_y + there.shown_height >= KEEP_TO * there.height - 1
    least = {"fit": 1.0, "crop": KEEP_WIDTH, "fill": FILL_WIDTH}[framing]
    assert there.shown_width >= least * there.width - 1


@given(places, st.sampled_from(FRAMINGS))
@settings(max_examples=500)
def test_nothing_is_scaled_without_bounds(
    case: tuple[int, int, int, int, Shape, tuple[int, int]], framing: Framing
) -> None:
    _, _, cols, rows, shape, _ = case
    there = placed(case, framing)
    assert there.width <= cols * shape.across / FILL_WIDTH + 1
    assert there.height <= rows * shape.down / (KEEP_TO - KEEP_FROM) + 1


@given(places, st.sampled_from(FRAMINGS))
@settings(max_examples=500)
def test_the_proportions_are_kept(
    case: tuple[int, int, int, int, Shape, tuple[int, int]], framing: Framing
) -> None:
    width, height, _, _, shape, cell = case
    there = placed(case, framing)
    wide = there.width * cell[0] / shape.across
    high = there.height * cell[1] / shape.down
    step = max(cell[0] / shape.across, cell[1] / shape.down)
    # To half a sub-pixel in each direction, and at least one.
    assert abs(wide - high * width / height) <= step * (1 + width / height) or (
        min(there.width, there.height) == 1
    )


@given(places)
@settings(max_examples=300)
def test_filling_covers_the_field_and_cropping_shows_more_than_fitting(
    case: tuple[int, int, int, int, Shape, tuple[int, int]],
) -> None:
    width, height, cols, rows, shape, cell = case
    fit, crop, fill = (placed(case, framing) for framing in FRAMINGS)
    areas = [there.shown_width * there.shown_height for there in (fit, crop, fill)]
    rounding = cols * shape.across + rows * shape.down
    assert areas[0] <= areas[1] + rounding
    assert areas[1] <= areas[2] + rounding
    field, picture = cols * cell[0] / (rows * cell[1]), width / height
    if FILL_WIDTH * picture < field <= picture:
        assert fill.shown_height == rows * shape.down
        assert fill.shown_width >= cols * shape.across - 1


def test_a_square_fills_the_height_of_a_wide_field() -> None:
    assert place(512, 512, 120, 40) == Placement(80, 80, 0, 0, 80, 80, 20, 0)
    assert place(512, 512, 60, 30) == Placement(60, 60, 0, 0, 60, 60, 0, 0)


def test_a_cropped_square_loses_more_below_than_above() -> None:
    there = place(512, 512, 120, 40, framing="crop")
    assert (there.width, there.height) == (100, 100)
    assert (there.shown_width, there.shown_height) == (100, 80)
    assert there.skip_y == 6


def test_a_smaller_picture_lies_in_whole_cells_in_the_middle() -> None:
    there = place(512, 512, 120, 41, size=0.5)
    assert (there.width, there.height) == (40, 40)
    assert (there.left, there.top) == (40, 20)
    assert place(512, 512, 120, 41, across=2, down=4, size=0.5).top == 40
    assert place(512, 512, 1, 1, size=0.1) == place(512, 512, 1, 1)


def test_wide_cells_make_a_narrow_picture() -> None:
    assert place(100, 100, 100, 20, cell=(10, 20)).width == 40
    assert place(100, 100, 100, 20, cell=(10, 10)).width == 20
    assert place(100, 100, 100, 20, cell=(10, 20), across=2, down=4).width == 80


@pytest.mark.parametrize("nothing", [(0, 5, 5, 5), (5, 0, 5, 5), (5, 5, 0, 5), (5, 5, 5, 0)])
def test_nothing_lies_nowhere(nothing: tuple[int, int, int, int]) -> None:
    assert place(*nothing) == NOWHERE


@pytest.mark.parametrize("shape", SHAPES.values(), ids=lambda shape: shape.name)
def test_around_the_picture_is_the_colour_that_was_asked_for(shape: Shape) -> None:
    frame = flat_frame("yuv420p", 180, 110, 150, BT_601, False)
    there = place(64, 64, 40, 10, across=shape.across, down=shape.down)
    picture = Scaler().picture(frame, 40, 10, shape=shape, around=MARK)
    inside = np.zeros(picture.shape, bool)
    inside[
        there.top : there.top + there.shown_height, there.left : there.left + there.shown_width
    ] = True
    assert ((picture != MARK) == inside).all()


def test_frames_and_stills_are_framed_alike() -> None:
    image = Image.fromarray(ramp(300, 200))
    frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
    for framing in FRAMINGS:
        for cols, rows in [(40, 10), (20, 20), (7, 30)]:
            still = Scaler().picture(Still(image), cols, rows, framing=framing, around=MARK)
            live = Scaler().picture(frame, cols, rows, framing=framing, around=MARK)
            assert ((still == MARK) == (live == MARK)).all()
            assert np.abs(rgb(still) - rgb(live)).max() < 14


# Still pictures


def saved(image: Image.Image, kind: str = "PNG") -> bytes:
    data = io.BytesIO()
    image.save(data, kind)
    return data.getvalue()


PORTRAIT = Image.fromarray(ramp(64, 48))
KINDS = ["PNG", "JPEG", "WEBP"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_still_picture_is_read(kind: str) -> None:
    picture = Scaler().picture(Still.decode(saved(PORTRAIT, kind)), 32, 12)
    truth = ramp(64, 48).reshape(24, 2, 32, 2, 3).mean((1, 3))
    assert np.abs(rgb(picture) - truth).max() < (3 if kind == "PNG" else 14)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_a_still_picture_of_any_mode_is_read(mode: str) -> None:
    grey = Image.new("L", (40, 40), 200)
    image = Image.new("I;16", (40, 40), 200 * 257) if mode == "I;16" else grey.convert(mode)
    data = saved(image, "JPEG" if mode == "CMYK" else "PNG")
    picture = rgb(Scaler().picture(Still.decode(data), 20, 10))
    assert abs(picture.mean() - 200) < 4


@pytest.mark.parametrize("size", [(1, 1), (1, 4096), (4096, 1), (3, 5), (2000, 1500)])
@pytest.mark.parametrize("field", FIELDS)
def test_a_still_picture_of_any_size_in_any_field(
    size: tuple[int, int], field: tuple[int, int]
) -> None:
    still = Still.decode(saved(Image.new("RGB", size, (1, 2, 3))))
    for framing in FRAMINGS:
        picture = Scaler().picture(still, *field, framing=framing, around=0x030201)
        assert picture.shape == (2 * field[1], field[0])
        assert (picture == 0x030201).all()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 1000,
        b"<html><body>404</body></html>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
)
def test_other_bytes_are_not_a_picture(data: bytes) -> None:
    with pytest.raises(NotAPicture):
        Still.decode(data)


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"]))
@settings(max_examples=200, deadline=None)
def test_random_bytes_are_not_a_picture(data: bytes, head: bytes) -> None:
    with pytest.raises(NotAPicture):
        Still.decode(head + data)


@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_picture_is_none(kind: str) -> None:
    data = saved(PORTRAIT, kind)
    for length in range(0, len(data) * 3 // 4, 7):
        with pytest.raises(NotAPicture):
            Still.decode(data[:length])


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_picture_is_a_picture_or_none(kind: str) -> None:
    rng, whole = random.Random(3), saved(PORTRAIT, kind)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(min(len(data), rng.choice((60, 400, 100_000))))] = rng.randrange(256)
        try:
            Scaler().picture(Still.decode(bytes(data)), 4, 4)
        except NotAPicture:
            pass


def chunk(kind: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def claimed(width: int, height: int) -> bytes:
    """A small PNG that says that it is large."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(10_000)))
    return b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "size", [(60_000, 60_000), (12_000, 9_000), (8_000, 8_000), (1, 2**31 - 1), (2**31 - 1, 1)]
)
def test_a_bomb_is_not_a_picture(size: tuple[int, int]) -> None:
    assert size[0] * size[1] > MOST_PIXELS
    with pytest.raises(NotAPicture):
        Still.decode(claimed(*size))


def test_a_text_that_unpacks_to_much_is_not_a_picture() -> None:
    data = saved(PORTRAIT)
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(80_000_000)))
    with pytest.raises(NotAPicture):
        Still.decode(data[:33] + text + data[33:])


def test_reading_says_nothing_on_the_way() -> None:
    """A warning would be written into the user interface."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with pytest.raises(NotAPicture):
            Still.decode(claimed(10_000, 9_500))
    assert not said


def test_a_still_picture_is_the_same_each_time() -> None:
    still = Still.decode(saved(PORTRAIT))
    first = Scaler().picture(still, 30, 10, shape=OCTANT)
    Scaler().picture(still, 3, 1)
    assert (Scaler().picture(still, 30, 10, shape=OCTANT) == first).all()
