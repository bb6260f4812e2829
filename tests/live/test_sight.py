"""Frames out of packets, on lines that lose and shuffle them."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from did_tui.live.media.sight import (
    GIVE_UP,
    GIVE_UP_LAST,
    KEY_AGAIN,
    Frame,
    FrameBuffer,
    Piece,
    beginning,
)

START = 65_530


def frame(number: int, pieces: int = 3, *, key: bool = False, marker: bool = True) -> list[Piece]:
    stamp = (0xFFFF_F000 + number * 3600) & 0xFFFF_FFFF
    return [
        Piece(stamp, marker and i == pieces - 1, i == 0, key and i == 0, b"%d.%d " % (number, i))
        for i in range(pieces)
    ]


def stream(frames: int, **options: Any) -> list[tuple[int, Piece]]:
    pieces = [piece for n in range(frames) for piece in frame(n, key=n == 0, **options)]
    return [((START + at) & 0xFFFF, piece) for at, piece in enumerate(pieces)]


def texts(frames: list[Frame]) -> list[str]:
    return [frame.data.decode().split(".")[0] for frame in frames]


@pytest.mark.parametrize("marker", [True, False])
def test_whole_frames_come_in_order(marker: bool) -> None:
    buffer, got = FrameBuffer(), []
    for sequence, piece in stream(10, marker=marker):
        got += buffer.add(sequence, piece, 0.0)
    assert texts(got) == [str(n) for n in range(10 if marker else 9)]
    stamps = [frame.timestamp for frame in got]
    assert stamps == sorted(stamps), "no wrap-around"


def test_a_hole_is_asked_for_again_and_its_filling_lets_everything_out() -> None:
    buffer = FrameBuffer()
    packets = stream(6)
    late = packets.pop(4)
    got = [f for sequence, piece in packets for f in buffer.add(sequence, piece, 1.0)]
    assert texts(got) == ["0"]
    assert buffer.missing == {late[0]}
    asked = [bool(buffer.tick(1.0 + ms / 1000)[1].packets) for ms in range(0, 180, 10)]
    assert sum(asked) == 3
    assert texts(buffer.add(*late, 1.18)) == ["1", "2", "3", "4", "5"]
    assert not buffer.missing
    assert buffer.counters.filled == 1


def test_a_key_frame_behind_a_hole_makes_it_uninteresting() -> None:
    buffer = FrameBuffer()
    packets = stream(4)
    del packets[4]
    for sequence, piece in packets:
        buffer.add(sequence, piece, 1.0)
    wanted = [buffer.tick(1.0 + ms / 1000)[1].key for ms in range(0, 400, 20)]
    assert wanted.index(True) == pytest.approx(10, abs=1), "after 200 ms"
    key = frame(4, key=True)
    got = [
        f for i, piece in enumerate(key) for f in buffer.add(START + 12 + i - 65_536, piece, 1.39)
    ]
    assert texts(got) == ["4"]
    assert buffer.tick(1.4)[1].key is False


def test_a_key_frame_that_is_coming_is_not_asked_for() -> None:
    packets = stream(2)
    buffer = FrameBuffer()
    buffer.add(*packets[0], 1.0)
    assert not buffer.tick(1.02)[1].key
    assert buffer.tick(1.0 + KEY_AGAIN)[1].key, "the rest of it does not come"
    buffer = FrameBuffer()
    buffer.add(*packets[3], 1.0)
    assert buffer.tick(1.02)[1].key, "the call begins in the middle"


def test_what_nobody_repairs_is_passed_over_and_a_key_frame_asked_for_until_it_comes() -> None:
    buffer = FrameBuffer()
    packets = stream(8)
    del packets[4]
    for sequence, piece in packets:
        buffer.add(sequence, piece, 1.0)
    assert buffer.tick(1.0 + GIVE_UP_LAST - 0.01)[0] == []
    frames, _ = buffer.tick(1.01 + GIVE_UP_LAST)
    assert texts(frames) == ["2", "3", "4", "5", "6", "7"]
    assert buffer.tick(1.0 + GIVE_UP_LAST + 2 * KEY_AGAIN)[1].key


@pytest.mark.parametrize(
    ("repair", "wait"), [(0.02, GIVE_UP), (0.15, 0.6), (0.3, 1.2), (0.9, GIVE_UP_LAST)]
)
def test_the_picture_stands_still_for_as_long_as_repairs_take_here(
    repair: float, wait: float
) -> None:
    buffer = FrameBuffer()
    packets = stream(12)
    late, lost = packets[4], packets[16]
    for sequence, piece in packets[:12]:
        if (sequence, piece) != late:
            buffer.add(sequence, piece, 1.0)
    buffer.add(*late, 1.0 + repair)
    for sequence, piece in packets[12:24]:
        if (sequence, piece) != lost:
            buffer.add(sequence, piece, 3.0)
    assert buffer.tick(3.0 + wait - 0.01)[0] == []
    assert texts(buffer.tick(3.0 + wait + 0.01)[0]) == ["6", "7"]
    # It is smeared until a key frame comes: standing still would not help it.
    for sequence, piece in packets[25:]:
        buffer.add(sequence, piece, 6.0)
    assert texts(buffer.tick(6.01 + GIVE_UP)[0]) == ["9", "10", "11"]


def test_a_sequence_or_source_that_restarts() -> None:
    buffer = FrameBuffer()
    for sequence, piece in stream(3):
        buffer.add(sequence, piece, 0.0, 1)
    got = []
    for at, piece in enumerate(p for n in (3, 4, 5) for p in frame(n)):
        got += buffer.add(30_000 + at, piece, 0.1, 1)
    assert texts(got)[-1] == "5"
    assert texts([f for at, p in enumerate(frame(9)) for f in buffer.add(5 + at, p, 0.2, 2)]) == [
        "9"
    ]
    assert buffer.counters.restarts == 2


def test_beginnings() -> None:
    assert beginning("VP8", b"\x10\x00") == (True, True)
    assert beginning("VP8", b"\x10\x01") == (True, False)
    assert beginning("VP8", b"\x90\x80\x81\x02\x00") == (True, True), "picture id of 15 bits"
    assert beginning("VP8", b"\x90\x80\x01\x01") == (True, False)
    assert beginning("VP8", b"\x00\x00") == (False, False)
    assert beginning("VP8", b"") == (False, False)
    assert beginning("H264", b"\x67\x42") == (True, True)
    assert beginning("H264", b"\x78\x00\x04\x67\x42") == (True, True)
    assert beginning("H264", b"\x7c\x85\x00") == (False, True)
    assert beginning("H264", b"\x7c\x05\x00") == (False, False)
    assert beginning("H264", b"\x41\x00") == (False, False)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 0.5), st.floats(0, 0.3))
def test_any_loss_order_and_duplication_gives_frames_in_order(
    seed: int, loss: float, spread: float
) -> None:
    chance = random.Random(seed)
    arrivals = [
        (at * 0.013 + chance.random() * spread, sequence, piece)
        for at, (sequence, piece) in enumerate(stream(40))
        for _ in range(chance.choice([1, 1, 2]))
        if chance.random() >= loss
    ]
    buffer, got = FrameBuffer(), []
    for at, sequence, piece in sorted(arrivals, key=lambda arrival: arrival[0]):
        got += buffer.add(sequence, piece, at)
        got += buffer.tick(at)[0]
    got += buffer.tick(100.0)[0]
    numbers = [int(text) for text in texts(got)]
    assert numbers == sorted(set(numbers))
    if loss == 0 and spread == 0:
        assert numbers == list(range(40))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 65_535), st.integers(0, 2**32 - 1), st.booleans(), st.binary(max_size=3)
        )
    )
)
def test_whatever_comes_nothing_breaks(packets: list[tuple[int, int, bool, bytes]]) -> None:
    buffer = FrameBuffer()
    for at, (sequence, timestamp, flag, data) in enumerate(packets):
        buffer.add(sequence, Piece(timestamp, flag, not flag, flag, data), at * 0.1)
        buffer.tick(at * 0.1)
        assert len(buffer._pieces) <= 2000
