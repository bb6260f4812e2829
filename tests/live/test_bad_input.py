"""What a sender may get wrong: heard as at most one faded gap, and counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import av
import numpy as np
import pytest

from did_tui.live.media.decode import Samples, decoder_of
from did_tui.live.media.playback import Playback
from did_tui.live.media.voice import VoiceBuffer, VoiceCounters

RATE = 48_000
PACKET = 960
COUNT = 300
MIDDLE = 150
HOUR = 3600


@dataclass(frozen=True)
class Packet:
    """What comes, and when."""

    at: float
    sequence: int
    timestamp: int
    payload: bytes
    codec: str = "opus"


def encoded(codec: str, rate: int, hertz: float = 220.0) -> list[bytes]:
    """Packets of 20 ms of a mono tone."""
    encoder: Any = av.CodecContext.create(codec, "w")
    encoder.sample_rate, encoder.layout, encoder.format = rate, "mono", "s16"
    if codec == "libopus":
        encoder.bit_rate, encoder.options = 32_000, {"application": "voip"}
    size = rate // 50
    at = np.arange(COUNT * size) / rate
    wave = np.sum([np.sin(2 * np.pi * hertz * n * at) / n for n in (1, 2, 3)], axis=0)
    sound = (8000 * wave).astype(np.int16)
    packets = []
    for number in range(COUNT):
        piece = sound[number * size : (number + 1) * size].reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(piece, format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate, number * size
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets


OPUS = encoded("libopus", RATE)


def sent(payloads: list[bytes], ticks: int = PACKET, codec: str = "opus") -> list[Packet]:
    return [
        Packet(number * 0.02, number, number * ticks, payload, codec)
        for number, payload in enumerate(payloads)
    ]


def heard(packets: list[Packet]) -> tuple[Samples, VoiceCounters]:
    """Play packets; what is heard, and what is counted."""
    buffer = VoiceBuffer()
    decoders = {name: decoder_of(name) for name in {packet.codec for packet in packets}}
    todo = sorted(packets, key=lambda packet: packet.at)
    out = []
    for block in range(int(COUNT * 2)):
        while todo and todo[0].at <= block * 0.01:
            packet = todo.pop(0)
            buffer.push(
                packet.sequence & 0xFFFF,
                packet.timestamp & 0xFFFFFFFF,
                packet.payload,
                packet.at,
                decoders[packet.codec],
                packet.codec,
            )
        out.append(buffer.pull(RATE // 100).samples)
    return np.concatenate(out), buffer.counters


def gaps(sound: Samples) -> list[float]:
    """Silences of more than 40 ms between the first and the last sound, in ms."""
    loud = np.flatnonzero(np.abs(sound[:, 0].astype(int)) > 200)
    apart = np.diff(loud) / 48
    return [float(gap) for gap in apart if gap > 40]


def sharpest(sound: Samples) -> float:
    """The sharpest bend of the wave: a click is sharper than any tone."""
    return float(np.abs(np.diff(sound[:, 0].astype(float), 2)).max())


def changed(packets: list[Packet], where: Callable[[int], bool], **what: Any) -> list[Packet]:
    return [
        replace(packet, **{name: change(packet) for name, change in what.items()})
        if where(number)
        else packet
        for number, packet in enumerate(packets)
    ]


def late_half(number: int) -> bool:
    return number >= MIDDLE


def middle(number: int) -> bool:
    return number == MIDDLE


FAULTS: dict[str, tuple[list[Packet], Callable[[VoiceCounters], int]]] = {
    "a packet of noughts": (
        changed(sent(OPUS), middle, payload=lambda _packet: b"\xff\x3f\x00"),
        lambda counters: counters.broken,
    ),
    "two halves of different lengths": (
        changed(sent(OPUS), middle, payload=lambda p: bytes([p.payload[0] | 1]) + bytes(7)),
        lambda counters: counters.broken,
    ),
    "an empty packet": (
        changed(sent(OPUS), middle, payload=lambda _packet: b""),
        lambda counters: counters.concealed,
    ),
    "timestamps an hour ahead": (
        changed(sent(OPUS), late_half, timestamp=lambda p: p.timestamp + HOUR * RATE),
        lambda counters: counters.restarts,
    ),
    "timestamps an hour back": (
        changed(sent(OPUS), late_half, timestamp=lambda p: p.timestamp - HOUR * RATE),
        lambda counters: counters.restarts,
    ),
    "a sequence that restarts": (
        changed(sent(OPUS), late_half, sequence=lambda p: p.sequence + 40_000),
        lambda counters: counters.restarts,
    ),
    "100 ms at once": (
        changed(sent(OPUS), lambda n: MIDDLE <= n < MIDDLE + 5, at=lambda _p: MIDDLE * 0.02 + 0.1),
        lambda counters: counters.concealed,
    ),
    "another codec": (
        sent(OPUS)[:MIDDLE]
        + [
            replace(packet, sequence=packet.sequence + 9, timestamp=packet.timestamp + 5)
            for packet in sent(encoded("pcm_alaw", 8000), 160, "PCMA")[MIDDLE:]
        ],
        lambda counters: counters.restarts,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_it_is_at_most_one_faded_gap_and_counted(fault: str) -> None:
    packets, count = FAULTS[fault]
    clean, _ = heard(sent(OPUS))
    sound, counters = heard(packets)
    assert count(counters) > 0
    assert len(gaps(sound)) <= 1
    assert sum(gaps(sound)) < 200
    assert sharpest(sound) < 3 * sharpest(clean)
    assert counters.heard > (COUNT - 12) * PACKET


@pytest.mark.parametrize(
    ("codec", "name", "rate", "ticks"),
    [
        ("libopus", "opus", 16_000, PACKET),
        ("libopus", "opus", 8_000, PACKET),
        ("g722", "G722", 16_000, 160),
        ("pcm_mulaw", "PCMU", 8_000, 160),
        ("pcm_alaw", "PCMA", 8_000, 160),
    ],
)
def test_mono_at_any_rate_is_heard_on_both_sides(
    codec: str, name: str, rate: int, ticks: int
) -> None:
    sound, counters = heard(sent(encoded(codec, rate), ticks, name))
    assert gaps(sound) == []
    assert counters.concealed == counters.lost == counters.broken == counters.restarts == 0
    assert (sound[:, 0] == sound[:, 1]).mean() > 0.95
    power = np.abs(np.fft.rfft(sound[RATE : 2 * RATE, 0]))
    assert int(power.argmax()) == pytest.approx(220, abs=3)


def test_a_codec_that_nobody_knows_is_silent_and_counted() -> None:
    playback = Playback(sink="none")
    for packet in sent(OPUS)[:5]:
        playback.voice_packet(packet.sequence, packet.timestamp, packet.payload, "speex", 1)
    assert playback.figures.voice.broken == 5
    assert playback.figures.depth_ms == 0
    for packet in sent(OPUS)[5:9]:
        playback.voice_packet(packet.sequence, packet.timestamp, packet.payload, "opus", 1)
    assert playback.figures.depth_ms == 80
