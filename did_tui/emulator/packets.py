"""LiveKit's data packets, made and read: D-ID's events, text streams and calls; no I/O.

A text stream is a header, chunks and a trailer (LiveKit's data streams); newer clients put a short
text into the header, and may deflate it.
"""

from __future__ import annotations

import json
import time
import uuid
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import DecodeError
from livekit.protocol.models import DataPacket, DataStream, RpcError, UserPacket

CHUNK = 15_000  # bytes of a text in one packet, as LiveKit's own clients cut it
LONGEST_TEXT = 256 * 1024  # bytes of a text stream; what is longer is dropped
MOST_STREAMS = 16  # text streams that are open at once; the oldest gives way


def read(data: bytes) -> DataPacket | None:
    """The packet, None where it is damaged."""
    try:
        return DataPacket.FromString(data)
    except DecodeError:
        return None


def event(subject: str, payload: Mapping[str, Any]) -> DataPacket:
    """One of D-ID's events: its subject is the topic and in the payload (protocol 5.4)."""
    return user(json.dumps({"subject": subject, **payload}).encode(), subject)


def user(payload: bytes, topic: str = "") -> DataPacket:
    """Bytes as they stand, with a topic if one is given."""
    return DataPacket(user=UserPacket(payload=payload, topic=topic or None))


def text(content: str, topic: str) -> Iterator[DataPacket]:
    """A text stream."""
    stream, raw = str(uuid.uuid4()), content.encode()
    yield DataPacket(
        stream_header=DataStream.Header(
            stream_id=stream,
            timestamp=int(time.time() * 1000),
            topic=topic,
            mime_type="text/plain",
            total_length=len(raw),
            text_header=DataStream.TextHeader(),
        )
    )
    for number, start in enumerate(range(0, len(raw), CHUNK)):
        chunk = DataStream.Chunk(
            stream_id=stream, chunk_index=number, content=raw[start : start + CHUNK]
        )
        yield DataPacket(stream_chunk=chunk)
    yield DataPacket(stream_trailer=DataStream.Trailer(stream_id=stream))


@dataclass(slots=True)
class _Text:
    topic: str
    deflated: bool
    content: bytearray = field(default_factory=bytearray)
    next: int = 0


class Texts:
    """Puts arriving text streams together; streams of bytes are left alone."""

    def __init__(self) -> None:
        self._open: dict[str, _Text] = {}

    def take(self, packet: DataPacket) -> tuple[str, str] | None:
        """The topic and the text that this packet completes, if it does."""
        match packet.WhichOneof("value"):
            case "stream_header":
                return self._begin(packet.stream_header)
            case "stream_chunk":
                self._add(packet.stream_chunk)
            case "stream_trailer":
                whole = self._open.pop(packet.stream_trailer.stream_id, None)
                return _finished(whole) if whole else None
        return None

    def _begin(self, header: DataStream.Header) -> tuple[str, str] | None:
        if header.WhichOneof("content_header") != "text_header":
            return None
        begun = _Text(header.topic, header.compression == DataStream.DEFLATE_RAW)
        if header.HasField("inline_content"):
            begun.content += header.inline_content
            return _finished(begun)
        if len(self._open) >= MOST_STREAMS:
            del self._open[next(iter(self._open))]
        self._open[header.stream_id] = begun
        return None

    def _add(self, chunk: DataStream.Chunk) -> None:
        begun = self._open.get(chunk.stream_id)
        if begun is None:
            return
        # The channel keeps the order: a chunk that is out of it is a damaged stream.
        fits = len(begun.content) + len(chunk.content) <= LONGEST_TEXT
        if chunk.chunk_index != begun.next or not fits:
            del self._open[chunk.stream_id]
            return
        begun.content += chunk.content
        begun.next += 1


def _finished(whole: _Text) -> tuple[str, str] | None:
    content = bytes(whole.content)
    try:
        if whole.deflated:
            inflate = zlib.decompressobj(-15)
            content = inflate.decompress(content, LONGEST_TEXT)
            if inflate.unconsumed_tail:
                return None
        return whole.topic, content.decode()
    except (UnicodeDecodeError, zlib.error):
        return None


class CallFailed(Exception):
    """A method of the other side gave no result; ``code`` is LiveKit's."""

    def __init__(self, code: int, message: str, data: str = "") -> None:
        super().__init__(message)
        self.code, self.data = code, data


#: LiveKit's own errors of calls.
UNSUPPORTED = (1400, "Method not supported at destination")
NO_CONNECTION = (1501, "Connection timeout")
NO_RESPONSE = (1502, "Response timeout")
GONE = (1503, "Recipient disconnected")


def error_of(code: int, message: str) -> RpcError:
    """An error as LiveKit sends it."""
    return RpcError(code=code, message=message)
