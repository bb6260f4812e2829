"""LiveKit's data packets, made and read."""

from __future__ import annotations

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit.protocol.models import DataPacket, DataStream

from did_tui.emulator import packets
from did_tui.emulator.packets import LONGEST_TEXT, MOST_STREAMS, Texts

HEADER = DataStream.Header(stream_id="s", topic="t", text_header=DataStream.TextHeader())


def put_together(*parts: DataPacket) -> list[tuple[str, str]]:
    texts = Texts()
    return [whole for part in parts if (whole := texts.take(part)) is not None]


def header(**more: object) -> DataPacket:
    made = DataStream.Header(stream_id="s", topic="t", text_header=DataStream.TextHeader(), **more)  # type: ignore[arg-type]
    return DataPacket(stream_header=made)


def chunk(number: int, content: bytes) -> DataPacket:
    made = DataStream.Chunk(stream_id="s", chunk_index=number, content=content)
    return DataPacket(stream_chunk=made)


TRAILER = DataPacket(stream_trailer=DataStream.Trailer(stream_id="s"))


@given(st.text(max_size=100))
def test_a_text_comes_out_as_it_went_in(text: str) -> None:
    for content in (text, text * 700):
        assert put_together(*packets.text(content, "lk.chat")) == [("lk.chat", content)]


def test_a_short_text_may_be_in_the_header_and_deflated() -> None:
    assert put_together(header(inline_content=b"hi")) == [("t", "hi")]
    squeeze = zlib.compressobj(wbits=-15)
    squeezed = squeeze.compress("é".encode() * 9) + squeeze.flush()
    deflated = {"compression": DataStream.DEFLATE_RAW}
    assert put_together(header(inline_content=squeezed, **deflated)) == [("t", "é" * 9)]
    assert put_together(header(**deflated), chunk(0, squeezed), TRAILER) == [("t", "é" * 9)]


BOMB = zlib.compress(bytes(LONGEST_TEXT * 4), wbits=-15)


@pytest.mark.parametrize(
    "damaged",
    [
        [header(), chunk(1, b"a"), TRAILER],
        [header(), chunk(0, b"a"), chunk(0, b"b"), TRAILER],
        [header(), chunk(0, b"\xff"), TRAILER],
        [header(), chunk(0, bytes(LONGEST_TEXT)), chunk(1, b"b"), TRAILER],
        [header(inline_content=b"no deflate", compression=DataStream.DEFLATE_RAW)],
        [header(inline_content=BOMB, compression=DataStream.DEFLATE_RAW)],
        [DataPacket(stream_header=DataStream.Header(stream_id="s")), chunk(0, b"a"), TRAILER],
        [chunk(0, b"a"), TRAILER],
        [header(), TRAILER, TRAILER][1:],
    ],
)
def test_what_is_damaged_or_too_long_is_dropped(damaged: list[DataPacket]) -> None:
    assert put_together(*damaged) == []


def test_streams_that_never_end_give_way() -> None:
    texts = Texts()

    def begin(number: int) -> DataPacket:
        made = DataStream.Header(
            stream_id=str(number), topic="t", text_header=DataStream.TextHeader()
        )
        return DataPacket(stream_header=made)

    for number in range(MOST_STREAMS + 1):
        texts.take(begin(number))

    def ended(number: str) -> DataPacket:
        return DataPacket(stream_trailer=DataStream.Trailer(stream_id=number))

    assert texts.take(ended("0")) is None
    assert texts.take(ended("1")) == ("t", "")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_packet_or_none(content: bytes) -> None:
    packet = packets.read(content)
    if packet is not None:
        Texts().take(packet)


def test_an_event_has_its_subject_twice() -> None:
    event = packets.event("chat/answer", {"content": "é"})
    assert event.user.topic == "chat/answer"
    assert json.loads(event.user.payload) == {"subject": "chat/answer", "content": "é"}
