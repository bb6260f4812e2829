"""A decoder that is too slow does not fill the memory."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from aiortc import RTCRtpReceiver

from did_tui.live.rtc import MOST_UNDECODED, PictureTap, _NoTransport

DECODER_QUEUE = "_RTCRtpReceiver__decoder_queue"


class Sink:
    def picture_came(self, position: float) -> None: ...

    def picture_report(self, sender_time: float, position: float) -> None: ...


def packet(number: int, *, key: bool) -> Any:
    """A VP8 frame of one packet (RFC 7741)."""
    payload = bytes([0x10, 0 if key else 1, 0, 0])
    return SimpleNamespace(
        sequence_number=number & 0xFFFF,
        timestamp=number * 3600,
        payload_type=96,
        marker=1,
        ssrc=1,
        payload=payload,
        _data=payload,
    )


def test_frames_that_nobody_decodes_are_dropped_until_the_next_key_frame() -> None:
    receiver = RTCRtpReceiver("video", _NoTransport())  # type: ignore[arg-type]
    setattr(receiver, "_RTCRtpReceiver__codecs", {96: SimpleNamespace(name="VP8")})  # noqa: B010
    tap = PictureTap(receiver, Sink())
    waiting = getattr(receiver, DECODER_QUEUE)
    tap.add(packet(0, key=True))
    for number in range(1, 3 * MOST_UNDECODED):
        tap.add(packet(number, key=False))
    assert waiting.qsize() == MOST_UNDECODED
    _, wanted = tap.buffer.tick(10.0**9)
    assert wanted.key
    while not waiting.empty():
        waiting.get()
    tap.add(packet(number + 1, key=False))
    assert waiting.empty(), "it builds upon what was dropped"
    tap.add(packet(number + 2, key=True))
    tap.add(packet(number + 3, key=False))
    assert waiting.qsize() == 2
