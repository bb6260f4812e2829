from __future__ import annotations

import base64
import re
import zlib
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from did_tui.picture import kitty
from did_tui.picture.cells import UNKNOWN, Words, packed

COMMAND = re.compile(
    rb"\x1b_G([A-Za-z]=[A-Za-z0-9-]+(?:,[A-Za-z]=[A-Za-z0-9-]+)*)(?:;([^\x1b]*))?\x1b\\"
)
PICTURES = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(
    lambda shape: arrays(np.uint32, shape, elements=st.integers(0, 0xFFFFFF))
)


@dataclass
class Terminal:
    """What a terminal makes of graphics commands, by the protocol's document."""

    images: dict[int, Words] = field(default_factory=dict)
    placements: dict[tuple[int, int], dict[str, str]] = field(default_factory=dict)
    shown: list[set[int]] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    _keys: dict[str, str] = field(default_factory=dict)
    _data: bytes = b""

    def feed(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            command = COMMAND.match(data, at)
            assert command, data[at : at + 80]
            at = command.end()
            self._do(command[1].decode(), command[2] or b"")

    def _do(self, text: str, payload: bytes) -> None:
        pairs = [key.split("=") for key in text.split(",")]
        keys: dict[str, str] = dict(pairs)
        assert len(keys) == len(pairs)
        assert keys["q"] == "2"
        if keys.get("a") == "d":
            assert not self._keys, "deleting aborts an upload"
            assert keys["d"] == "I"
            self._forget(int(keys["i"]))
            self.shown.append({image for image, _ in self.placements})
            return
        assert len(payload) <= 4096
        assert keys["m"] == "0" or len(payload) % 4 == 0
        if self._keys:
            assert keys.keys() <= {"m", "q"}
        else:
            assert keys["a"] == "T"
            self._keys, self._data = keys, b""
            self._forget(int(keys["i"]))
        self._data += payload
        if keys["m"] == "0":
            self._place()
        self.shown.append({image for image, _ in self.placements})

    def _forget(self, image: int) -> None:
        self.images.pop(image, None)
        self.placements = {at: of for at, of in self.placements.items() if at[0] != image}

    def _place(self) -> None:
        keys, self._keys = self._keys, {}
        assert (keys["f"], keys["o"]) == ("24", "z")
        pixels = np.frombuffer(
            zlib.decompress(base64.b64decode(self._data, validate=True)), np.uint8
        )
        image = int(keys["i"])
        self.images[image] = packed(pixels.reshape(int(keys["v"]), int(keys["s"]), 3))
        self.placements[image, int(keys["p"])] = keys


def noise(height: int, width: int) -> Words:
    pixels = np.random.default_rng(1).integers(0, 1 << 24, (height, width))
    return pixels.astype(np.uint32)


@given(PICTURES, st.integers(1, 500), st.integers(1, 300), st.integers(1, (1 << 32) - 1))
def test_the_terminal_gets_every_pixel(picture: Words, cols: int, rows: int, number: int) -> None:
    terminal = Terminal()
    terminal.feed(kitty.frame(picture, cols, rows, image_id=number))
    np.testing.assert_array_equal(terminal.images[number], picture)
    placed = terminal.placements[number, 1]
    assert (placed["c"], placed["r"], placed["C"]) == (str(cols), str(rows), "1")


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 2), (3, 5), (7, 9), (200, 301)])
def test_any_size_and_any_number_of_chunks(height: int, width: int) -> None:
    terminal = Terminal()
    terminal.feed(kitty.frame(noise(height, width), 3, 2, image_id=5, placement=8))
    np.testing.assert_array_equal(terminal.images[5], noise(height, width))
    assert list(terminal.placements) == [(5, 8)]


def test_a_chunk_that_is_just_full_is_the_last() -> None:
    sizes = set()
    for width in range(1010, 1030):
        data = kitty.frame(noise(1, width), 3, 2, image_id=5)
        payloads = [found[2] for found in COMMAND.finditer(data)]
        assert all(payloads)
        sizes.add(len(b"".join(payloads)))
        terminal = Terminal()
        terminal.feed(data)
        assert 5 in terminal.images
    assert {4096, 4100} <= sizes


def test_pictures_that_are_a_part_of_another() -> None:
    terminal = Terminal()
    terminal.feed(kitty.frame(noise(20, 30)[3:17:2, 5:20:3], 3, 2, image_id=1))
    np.testing.assert_array_equal(terminal.images[1], noise(20, 30)[3:17:2, 5:20:3])


def test_the_fourth_byte_is_no_colour() -> None:
    terminal = Terminal()
    terminal.feed(kitty.frame(noise(5, 5) | UNKNOWN, 3, 2, image_id=1))
    np.testing.assert_array_equal(terminal.images[1], noise(5, 5))


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0)])
def test_nothing_to_show(shape: tuple[int, int]) -> None:
    assert kitty.frame(np.zeros(shape, np.uint32), 3, 2, image_id=1) == b""


@pytest.mark.parametrize(("cols", "rows"), [(0, 2), (3, 0), (-1, 2)])
def test_no_cells_to_show_it_on(cols: int, rows: int) -> None:
    assert kitty.frame(noise(5, 5), cols, rows, image_id=1, replaces=2) == b""


def test_video_is_never_gone() -> None:
    terminal = Terminal()
    number = 7
    for at in range(6):
        number = kitty.other(number)
        picture = noise(60, 60 + at)
        terminal.feed(kitty.frame(picture, 9, 9, image_id=number, replaces=kitty.other(number)))
        np.testing.assert_array_equal(terminal.images[number], picture)
        assert list(terminal.images) == [number]
    first = next(at for at, images in enumerate(terminal.shown) if images)
    assert all(terminal.shown[first:])
    assert first > 1


def test_the_same_id_again_is_gone_while_it_arrives() -> None:
    """Why there are two: a terminal that follows the protocol shows nothing meanwhile."""
    terminal = Terminal()
    terminal.feed(kitty.frame(noise(60, 60), 9, 9, image_id=1) * 2)
    assert terminal.shown[-2] == set()


def test_ids_come_in_pairs() -> None:
    numbers = range(1, 9)
    assert [kitty.other(number) for number in numbers] == [2, 1, 4, 3, 6, 5, 8, 7]


def test_a_deleted_picture_is_forgotten() -> None:
    terminal = Terminal()
    terminal.feed(kitty.frame(noise(5, 5), 3, 2, image_id=1) + kitty.delete(1))
    assert not terminal.images
    assert not terminal.placements


def test_it_lies_below_cells_that_have_a_colour() -> None:
    terminal = Terminal()
    terminal.feed(kitty.frame(noise(5, 5), 3, 2, image_id=1))
    assert int(terminal.placements[1, 1]["z"]) < -(1 << 31) / 2
    terminal.feed(kitty.frame(noise(5, 5), 3, 2, image_id=1, z=-1))
    assert terminal.placements[1, 1]["z"] == "-1"


def test_the_question_sends_one_pixel() -> None:
    command = COMMAND.fullmatch(kitty.QUERY)
    assert command
    keys = dict(key.split("=") for key in command[1].decode().split(","))
    assert keys["a"] == "q"
    assert "q" not in keys
    pixels: npt.NDArray[np.uint8] = np.frombuffer(
        zlib.decompress(base64.b64decode(command[2])), np.uint8
    )
    assert len(pixels) == int(keys["s"]) * int(keys["v"]) * 3


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (b"\x1b_Gi=3121;OK\x1b\\\x1b[?62;c", True),
        (b"\x1b[?62;4c\x1b_Gi=3121;OK\x1b\\", True),
        (b"\x1b_Gi=3121,p=1;OK\x1b\\", True),
        (b"\x1b_Ga=q,i=3121;OK\x1b\\", True),
        (b"\x1b_Gi=3121;EINVAL:bad\x1b\\\x1b[?62;c", False),
        (b"\x1b_Gi=31;OK\x1b\\\x1b[?62;c", False),
        (b"\x1b_Gi=31211;OK\x1b\\\x1b[?62;c", False),
        (b"\x1b[?1;2c", False),
        (b"\x1b[?6c", False),
        (b"", None),
        (b"\x1b_Gi=3121;O", None),
        (b"\x1b[?1;2", None),
    ],
)
def test_answers(answers: bytes, expected: bool | None) -> None:
    assert kitty.supported(answers) is expected
