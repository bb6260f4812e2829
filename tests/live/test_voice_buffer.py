"""The voice buffer on every kind of line, without a network: what goes in, what would be heard."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from did_tui.live.media.decode import (
    Companded,
    Converter,
    Decoder,
    Plain,
    Samples,
    decoder_of,
    opus_carries_previous,
)
from did_tui.live.media.jitter import MOST
from did_tui.live.media.voice import BOUND, VoiceBuffer

RATE = 48_000
PACKET = 960
BLOCK = 480


def tone(packets: int, *, hertz: float = 220.0, level: float = 8000.0) -> Samples:
    """A voiced sound: a pitch with harmonics."""
    at = np.arange(packets * PACKET) / RATE
    wave = np.sum([np.sin(2 * np.pi * hertz * n * at) / n for n in (1, 2, 3)], axis=0)
    return np.repeat((level * wave).astype(np.int16)[:, None], 2, axis=1)


def cut(sound: Samples, size: int = PACKET) -> list[bytes]:
    return [sound[i : i + size].tobytes() for i in range(0, len(sound), size)]


@dataclass
class Line:
    """Packets with the seconds at which they come, and a speaker of some speed."""

    decoder: Decoder = field(default_factory=Plain)
    buffer: VoiceBuffer = field(default_factory=VoiceBuffer)
    arrivals: list[tuple[float, int, int, bytes]] = field(default_factory=list)
    positions: list[tuple[float, float]] = field(default_factory=list)

    def send(self, at: float, sequence: int, timestamp: int, payload: bytes) -> None:
        self.arrivals.append((at, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, payload))

    def delays(self) -> list[float]:
        """Seconds from when a frame came to when the device got it."""
        first = min(self.arrivals)[2] / RATE
        return [now - (position - first) for now, position in self.positions]

    def play(self, seconds: float, *, ppm: float = 0.0) -> Samples:
        out, todo = [], sorted(self.arrivals, key=lambda arrival: arrival[0])
        step = BLOCK / RATE * (1 + ppm * 1e-6)
        next_one = 0
        for block in range(int(seconds / step)):
            now = block * step
            while next_one < len(todo) and todo[next_one][0] <= now:
                at, sequence, timestamp, payload = todo[next_one]
                self.buffer.push(sequence, timestamp, payload, at, self.decoder)
                next_one += 1
            sound = self.buffer.pull(BLOCK)
            assert sound.samples.shape == (BLOCK, 2)
            if sound.position is not None:
                self.positions.append((now, sound.position))
            out.append(sound.samples)
        return np.concatenate(out)


def gaps(heard: Samples, longest_ms: float = 5.0) -> list[float]:
    """Silences between the first and the last sound, in ms."""
    loud = np.flatnonzero(np.abs(heard[:, 0].astype(int)) > 200)
    apart = np.diff(loud) / 48
    return [float(gap) for gap in apart if gap > longest_ms]


def clicks(heard: Samples, clean: Samples) -> float:
    """How much sharper the sharpest bend of the sound is than it is meant to be."""

    def bend(samples: Samples) -> float:
        return float(np.abs(np.diff(samples[:, 0].astype(float), 2)).max())

    return bend(heard) / bend(clean)


def over(
    seconds: float,
    *,
    loss: float = 0.0,
    jitter: float = 0.0,
    ppm: float = 0.0,
    seed: int = 1,
    lost: Any = lambda number: False,
) -> tuple[Line, Samples, Samples]:
    chance = random.Random(seed)
    clean = tone(int(seconds * 50))
    line = Line()
    for number, payload in enumerate(cut(clean)):
        if chance.random() >= loss and not lost(number):
            at = number * 0.02 + chance.random() * jitter
            line.send(at, number + 65_500, number * PACKET + 0xFFFFF000, payload)
    return line, line.play(seconds, ppm=ppm), clean


def test_a_clean_line_is_heard_as_it_was_said() -> None:
    line, heard, clean = over(10)
    counters = line.buffer.counters
    assert counters.concealed == counters.lost == counters.broken == counters.restarts == 0
    assert not gaps(heard)
    assert clicks(heard, clean) < 2.5, "no sharper than its own beginning"
    assert max(line.delays()) < 0.08, "from arrival to the device"


@pytest.mark.parametrize(("loss", "jitter"), [(0.01, 0.02), (0.05, 0.04), (0.05, 0.1)])
def test_losses_and_jitter_leave_no_gap(loss: float, jitter: float) -> None:
    line, heard, clean = over(60, loss=loss, jitter=jitter)
    counters = line.buffer.counters
    assert not gaps(heard, 40)
    whole = counters.heard + counters.concealed
    assert whole >= 0.99 * len(clean) - PACKET * 10
    assert counters.lost <= 0.005 * len(clean)
    assert counters.concealed >= loss * len(clean) * 0.6
    assert line.buffer.target <= MOST
    assert clicks(heard, clean) < 3


def test_a_burst_is_one_faded_gap_and_the_time_line_is_kept() -> None:
    line, heard, clean = over(20, lost=lambda number: number % 500 in range(250, 260))
    counters = line.buffer.counters
    assert counters.gaps == 2
    assert len(gaps(heard, 40)) == 2
    assert all(gap < 200 for gap in gaps(heard, 40))
    before = [now - position for now, position in line.positions if now < 5]
    after = [now - position for now, position in line.positions if 6.3 < now < 10]
    assert abs(np.median(after) - np.median(before)) < 0.04
    assert counters.concealed + counters.lost == pytest.approx(20 * PACKET, abs=PACKET)
    assert clicks(heard, clean) < 3


@pytest.mark.parametrize("ppm", [300.0, -300.0])
def test_drift_is_absorbed_without_a_click(ppm: float) -> None:
    line, heard, clean = over(120, ppm=ppm)
    counters = line.buffer.counters
    assert counters.concealed == counters.lost == 0
    assert counters.squeezed + counters.stretched > 0
    assert not gaps(heard)
    assert clicks(heard, clean) < 2.5
    assert max(line.delays()) - min(line.delays()) < 0.08


def test_reordering_and_duplicates_are_put_right() -> None:
    clean = tone(500)
    line = Line()
    for number, payload in enumerate(cut(clean)):
        at = number * 0.02 + (0.03 if number % 7 == 0 else 0)
        line.send(at, number, number * PACKET, payload)
        line.send(at + 0.005, number, number * PACKET, payload)
    heard = line.play(10)
    counters = line.buffer.counters
    assert counters.concealed < PACKET * 3
    assert counters.late >= 490
    assert not gaps(heard, 40)


def noise(packets: int) -> Samples:
    """A sound that never repeats itself."""
    wave = np.random.default_rng(1).normal(0, 3000, (packets * PACKET, 1))
    return np.repeat(wave.astype(np.int16), 2, axis=1)


@pytest.mark.parametrize(("sound", "left"), [(tone, 0.03), (noise, 0.09)])
def test_a_line_that_stood_still_once_is_not_late_for_long(sound: Any, left: float) -> None:
    line = Line()
    for number, payload in enumerate(cut(sound(750))):
        at = number * 0.02
        line.send(6.5 if 6.0 < at < 6.5 else at, number, number * PACKET, payload)
    line.play(14)
    before = np.median([now - position for now, position in line.positions if 3 < now < 6])
    after = np.median([now - position for now, position in line.positions if 9 < now < 10])
    assert 0 <= after - before < left
    assert line.buffer.counters.lost == 0


@pytest.mark.parametrize("ppm", [300.0, -300.0])
def test_what_comes_smoothed_waits_no_longer_than_its_cushion(ppm: float) -> None:
    line = Line()
    line.buffer.cushion = round(0.03 * RATE)
    for number, payload in enumerate(cut(tone(1500))):
        at = number * 0.02 + 0.004 * (number % 3)
        stalled = 10 <= at < 10.12  # the machine is busy
        line.send(10.12 if stalled else at, number, number * PACKET, payload)
    heard = line.play(29, ppm=ppm)
    settled = [now - position for now, position in line.positions if not 9.9 < now < 13]
    assert max(settled) < 0.05
    assert not gaps(heard[: 9 * RATE]) + gaps(heard[13 * RATE :])
    assert line.buffer.counters.lost == 0


def test_a_line_that_stands_still_again_and_again_is_waited_for() -> None:
    line = Line()
    for number, payload in enumerate(cut(tone(1500))):
        at = number * 0.02
        late = at % 2 > 1.85
        line.send(at - at % 2 + 2 if late else at, number, number * PACKET, payload)
    line.play(15)
    concealed = line.buffer.counters.concealed
    line.play(30)
    assert line.buffer.counters.concealed - concealed < 3 * PACKET


def test_packets_in_heaps_of_100_ms() -> None:
    clean = tone(1000)
    line = Line()
    for number, payload in enumerate(cut(clean)):
        line.send((number // 5 + 1) * 0.1, number, number * PACKET, payload)
    heard = line.play(20)
    assert not gaps(heard, 40)
    assert line.buffer.counters.concealed < 0.02 * len(clean)
    assert line.buffer.counters.lost == 0


@pytest.mark.parametrize("jump", [3600 * RATE, -3600 * RATE, 2**31 - 5])
def test_a_jump_of_the_timestamps_is_at_most_one_gap(jump: int) -> None:
    line = Line()
    for number, payload in enumerate(cut(tone(500))):
        offset = jump if number >= 250 else 0
        line.send(number * 0.02, number, number * PACKET + offset, payload)
    heard = line.play(10)
    counters = line.buffer.counters
    assert counters.restarts == 1
    assert len(gaps(heard, 40)) <= 1
    assert counters.lost + counters.concealed < 10 * PACKET
    assert [p for _, p in line.positions] == sorted(p for _, p in line.positions)


def test_a_sequence_that_restarts() -> None:
    line = Line()
    for number, payload in enumerate(cut(tone(500))):
        sequence = number if number < 250 else number + 40_000
        line.send(number * 0.02, sequence, number * PACKET, payload)
    heard = line.play(10)
    counters = line.buffer.counters
    assert counters.restarts == 1
    assert len(gaps(heard, 40)) <= 1
    assert counters.heard > 490 * PACKET


def test_another_codec_in_mid_stream() -> None:
    buffer = VoiceBuffer()
    plain, other = Plain(), decoder_of("PCMU")
    heard = []
    companded = av.CodecContext.create("pcm_mulaw", "w")
    assert companded.name == "pcm_mulaw"
    at8k = np.sin(2 * np.pi * 220 * np.arange(160 * 200) / 8000)
    for block in range(800):
        if block % 2 == 0:
            number = block // 2
            if number < 200:
                payload = cut(tone(1))[0]
                buffer.push(number, number * PACKET, payload, block * 0.01, plain)
            else:
                piece = at8k[(number - 200) * 160 :][:160]
                buffer.push(number, number * 160 + 77, mulaw(piece), block * 0.01, other)
        heard.append(buffer.pull(BLOCK).samples)
    assert len(gaps(np.concatenate(heard), 40)) <= 1
    assert buffer.counters.restarts == 1
    assert buffer.counters.lost + buffer.counters.concealed < 10 * PACKET


def mulaw(sound: Any) -> bytes:
    """G.711, as the formula has it."""
    bits = np.floor(np.log1p(255 * np.abs(sound)) / np.log(256) * 127).astype(np.uint8)
    signed = bits | np.where(sound < 0, 0x80, 0).astype(np.uint8)
    return bytes(np.invert(signed).astype(np.uint8))


def test_a_pause_ends_when_enough_has_gathered_and_is_not_a_loss() -> None:
    line = Line()
    for number, payload in enumerate(cut(tone(300))):
        pause = 4.0 if number >= 150 else 0.0
        line.send(number * 0.02 + pause, number, number * PACKET + int(pause * RATE), payload)
    line.play(11)
    counters = line.buffer.counters
    assert counters.lost == 0
    assert counters.restarts <= 1
    assert counters.heard == 300 * PACKET


def test_what_waits_is_bounded_and_the_oldest_goes() -> None:
    buffer = VoiceBuffer()
    plain = Plain()
    for number, payload in enumerate(cut(tone(500))):
        buffer.push(number, number * PACKET, payload, number * 0.02, plain)
        assert buffer.depth <= BOUND
    assert buffer.counters.lost == 500 * PACKET - buffer.depth
    buffer.pull(BLOCK)
    assert buffer.depth <= buffer.target + 3 * PACKET


def test_clear_is_silence_at_once_and_what_follows_is_heard() -> None:
    line = Line()
    for number, payload in enumerate(cut(tone(100))):
        line.send(number * 0.02, number, number * PACKET, payload)
    line.play(1.0)
    line.buffer.clear()
    assert not line.buffer.pull(BLOCK).samples.any()
    line.arrivals = line.arrivals[51:]
    assert line.play(2.0).any()


def test_opus_with_losses_is_recovered_from_the_next_packet() -> None:
    encoder: Any = av.CodecContext.create("libopus", "w")
    encoder.options = {"application": "voip", "fec": "1", "packet_loss": "30"}
    encoder.bit_rate, encoder.sample_rate, encoder.layout = 16_000, RATE, "mono"
    encoder.format = "s16"
    chance = np.random.default_rng(1)
    sound = tone(200)[:, :1] + chance.integers(-200, 200, (200 * PACKET, 1)).astype(np.int16)
    packets = []
    for number in range(200):
        piece = np.ascontiguousarray(sound[number * PACKET : (number + 1) * PACKET].T)
        frame = av.AudioFrame.from_ndarray(piece, format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, number * PACKET
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    lost = [n for n in range(20, 198) if opus_carries_previous(packets[n + 1])][::3]
    assert len(lost) > 5
    line = Line(decoder_of("opus"))
    for number, payload in enumerate(packets):
        if number not in lost:
            line.send(number * 0.02, number, number * PACKET, payload)
    heard = line.play(4.0)
    assert line.buffer.counters.recovered == len(lost) * PACKET
    assert not gaps(heard, 40)


def test_a_broken_opus_packet_is_one_concealed_gap() -> None:
    line = Line(decoder_of("opus"))
    silence = b"\xf8\xff\xfe"  # CELT, 20 ms of nothing (RFC 6716)
    for number in range(100):
        payload = b"\xff\x3f\x00" if number == 50 else silence
        line.send(number * 0.02, number, number * PACKET, payload)
    line.play(2.0)
    assert line.buffer.counters.broken == 1
    assert line.buffer.counters.gaps <= 2


def test_sound_of_any_kind_becomes_stereo_at_48_khz() -> None:
    convert = Converter()
    for rate, layout, kind in (
        (16_000, "mono", "s16"),
        (48_000, "mono", "s16"),
        (44_100, "stereo", "fltp"),
    ):
        total = 0
        for part in range(50):
            size = rate // 50
            channels = 1 if layout == "mono" else 2
            samples: Any = np.zeros((channels, size), np.float32 if kind == "fltp" else np.int16)
            frame = av.AudioFrame.from_ndarray(samples, format=kind, layout=layout)
            frame.sample_rate, frame.pts = rate, part * size
            total += len(convert(frame))
        assert total == pytest.approx(RATE, abs=200)
    loud = np.full((1, 1600), 10_000, np.int16)
    frame = av.AudioFrame.from_ndarray(loud, format="s16", layout="mono")
    frame.sample_rate = 16_000
    assert np.abs(convert(frame)).max() == pytest.approx(10_000, rel=0.02), "no quieter than it was"
    assert Companded("g722", 16_000).frames(bytes(160)) == PACKET


packet = st.tuples(
    st.integers(0, 65_535) | st.integers(0, 40),
    st.integers(0, 2**32 - 1) | st.integers(0, 40).map(lambda n: n * PACKET),
    st.integers(0, 3),
    st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(packet, max_size=60))
def test_whatever_comes_something_is_heard_and_nothing_grows(packets: list[Any]) -> None:
    buffer = VoiceBuffer()
    decoders: list[Decoder] = [Plain(), decoder_of("opus")]
    payloads = [cut(tone(1))[0], b"\xf8\xff\xfe", b"\x00\x01\x02\x03\x04\x05\x06\x07", b""]
    for number, (sequence, timestamp, kind, opus) in enumerate(packets):
        buffer.push(sequence, timestamp, payloads[kind], number * 0.02, decoders[opus])
        assert len(buffer.pull(BLOCK).samples) == BLOCK
        assert buffer.depth <= BOUND * 3
    for _ in range(100):
        assert len(buffer.pull(BLOCK).samples) == BLOCK
    assert buffer.depth == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 60), st.booleans()), min_size=40, max_size=120)
)
def test_any_order_loss_and_duplication(fates: list[tuple[bool, int, bool]]) -> None:
    line = Line()
    clean = tone(len(fates))
    for number, (arrives, delay, twice) in enumerate(fates):
        payload = clean[number * PACKET : (number + 1) * PACKET].tobytes()
        if arrives:
            for copy in range(1 + twice):
                line.send(
                    number * 0.02 + delay / 1000 + copy * 0.01, number, number * PACKET, payload
                )
    line.play(len(fates) * 0.02 + 2)
    counters = line.buffer.counters
    arrived = {sequence for _, sequence, _, _ in line.arrivals}
    assert counters.heard <= len(arrived) * PACKET
    if arrived:
        said = (max(arrived) - min(arrived) + 1) * PACKET
        assert counters.heard + counters.concealed + counters.lost >= said * 0.98 - PACKET
