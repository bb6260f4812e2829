"""A peer on this machine, a line that loses packets, and what is heard and seen at its end."""

from __future__ import annotations

import asyncio
import fractions
import itertools
import random
import time
from collections.abc import Callable
from typing import Any

import av
import numpy as np
import pytest
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCRtpReceiver

from did_tui.live import rtc
from did_tui.live.media.playback import Playback
from did_tui.live.media.speaker import FRAME_BYTES, RATE, SilentSpeaker, Speaker

LATENCY = 0.09
"""What a PulseAudio server really holds, in seconds."""


class Ear(SilentSpeaker):
    """Takes frames ahead of time, as devices do, and remembers when they are heard."""

    def __init__(self) -> None:
        super().__init__()
        self._started -= LATENCY
        self.heard = bytearray()
        self.began = self._started + LATENCY

    def write(self, pcm: bytes) -> None:
        super().write(pcm)
        self.heard += pcm

    def latency(self) -> float:
        return self.began + len(self.heard) / FRAME_BYTES / RATE - time.monotonic()

    def beeps(self) -> list[float]:
        """The moments at which beeps begin."""
        sound = np.abs(np.frombuffer(bytes(self.heard), np.int16)[::2].astype(int))
        loud = sound.reshape(-1, 48).max(axis=1) > 12_000
        starts = np.flatnonzero(loud[1:] & ~loud[:-1])
        return [self.began + ms / 1000 for ms in starts if not loud[max(0, ms - 200) : ms].any()]

    def gaps(self, longest: float) -> list[float]:
        sound = np.frombuffer(bytes(self.heard), np.int16)[::2].astype(int)
        loud = np.flatnonzero(np.abs(sound) > 300)
        return [gap for gap in (np.diff(loud) / RATE).tolist() if gap > longest]


class Beeper(MediaStreamTrack):
    """A hum with a beep at the start of every second."""

    kind = "audio"

    def __init__(self, began: float) -> None:
        super().__init__()
        self.began, self.number = began, 0

    async def recv(self) -> av.AudioFrame:
        await asyncio.sleep(self.began + self.number * 0.02 - time.monotonic())
        at = (self.number * 960 + np.arange(960)) / RATE
        sound = 3000 * np.sin(2 * np.pi * 200 * at)
        sound += np.where((at % 1) < 0.1, 20_000 * np.sin(2 * np.pi * 1000 * at), 0)
        frame = av.AudioFrame.from_ndarray(sound.astype(np.int16)[None], "s16", "mono")
        frame.sample_rate, frame.time_base = RATE, fractions.Fraction(1, RATE)
        frame.pts = self.number * 960
        self.number += 1
        return frame


class Flasher(MediaStreamTrack):
    """25 pictures a second, white in the first tenth of every second."""

    kind = "video"

    def __init__(self, began: float) -> None:
        super().__init__()
        self.began, self.number = began, 0
        noise = np.random.default_rng(1).integers(0, 90, (240, 320), np.uint8)
        self.dark = np.stack([noise] * 3, axis=2)

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(self.began + self.number / 25 - time.monotonic())
        white = self.number % 25 < 3
        image = np.roll(self.dark, self.number, axis=1) + np.uint8(150 if white else 0)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = self.number * 3600, fractions.Fraction(1, 90_000)
        self.number += 1
        return frame


class Line:
    """Both peers, and what the receiving one hears and sees."""

    def __init__(self, fate: Callable[[str], float | None], *, taps: bool = True) -> None:
        self.fate, self.taps = fate, taps
        self.ear = Ear()
        self.playback = Playback(open_speaker=self._open, on_picture=self._picture)
        self.seen: list[tuple[float, bool]] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.tap: rtc.PictureTap | None = None

    def _open(self, _sink: str) -> Speaker:
        self.ear = Ear()
        return self.ear

    def _picture(self) -> None:
        frame = self.playback.take_picture()
        assert frame is not None
        bright = np.frombuffer(bytes(frame.planes[0]), np.uint8).mean() > 120
        self.seen.append((time.monotonic(), bool(bright)))

    def freezes(self) -> float:
        times = [at for at, _ in self.seen]
        return max(b - a for a, b in itertools.pairwise(times[25:]))

    def flashes(self) -> list[float]:
        pairs = itertools.pairwise(self.seen)
        return [after[0] for before, after in pairs if after[1] and not before[1]]

    def sound_minus_picture(self) -> list[float]:
        flashes = self.flashes()
        beeps = [beep for beep in self.ear.beeps() if flashes and beep > flashes[0] - 0.4]
        nearest = [(beep, min(flashes, key=lambda flash: abs(flash - beep))) for beep in beeps]
        return [beep - flash for beep, flash in nearest if abs(beep - flash) < 0.5]

    def _track(self, pc: RTCPeerConnection, track: Any) -> None:
        receiver: Any = next(r for r in pc.getReceivers() if r.track is track)
        self._damage(receiver, track.kind)
        if self.taps and track.kind == "audio":
            assert rtc.tap_voice(receiver, self.playback)
        elif self.taps:
            self.tap = rtc.tap_pictures(receiver, self.playback)
            assert self.tap is not None
            self.tasks.append(asyncio.create_task(self.tap.run()))
        self.tasks.append(asyncio.create_task(self._take(track)))

    def _damage(self, receiver: Any, kind: str) -> None:
        handle = receiver._handle_rtp_packet

        async def later(wait: float, packet: Any, arrival: int) -> None:
            await asyncio.sleep(wait)
            await handle(packet, arrival_time_ms=arrival)

        async def damaged(packet: Any, arrival_time_ms: int) -> None:
            wait = self.fate(kind)
            if wait is not None:
                self.tasks.append(asyncio.ensure_future(later(wait, packet, arrival_time_ms)))

        receiver._handle_rtp_packet = damaged

    async def _take(self, track: Any) -> None:
        while True:
            frame = await track.recv()
            if track.kind == "video":
                self.playback.show(frame)
            else:
                self.playback.hear(frame.to_ndarray().tobytes())

    async def run(self, seconds: float) -> None:
        sender, receiver = RTCPeerConnection(), RTCPeerConnection()
        receiver.on("track", lambda track: self._track(receiver, track))
        began = time.monotonic() + 0.5
        sender.addTrack(Beeper(began))
        sender.addTrack(Flasher(began))
        await sender.setLocalDescription(await sender.createOffer())
        await receiver.setRemoteDescription(sender.localDescription)
        self.playback.start()
        await receiver.setLocalDescription(await receiver.createAnswer())
        await sender.setRemoteDescription(receiver.localDescription)
        await asyncio.sleep(seconds)
        for task in self.tasks:
            task.cancel()
        await sender.close()
        await receiver.close()
        await asyncio.to_thread(self.playback.close)


def line_of(loss: float, jitter: float, seed: int = 3) -> Callable[[str], float | None]:
    chance = random.Random(seed)
    return lambda _kind: None if chance.random() < loss else chance.random() * jitter


def burst(times: list[tuple[float, float]]) -> Callable[[str], float | None]:
    began = time.monotonic()
    return lambda _kind: None if any(a < time.monotonic() - began < b for a, b in times) else 0.0


async def test_five_percent_loss_and_jitter_are_hardly_noticed() -> None:
    line = Line(line_of(0.05, 0.04))
    await line.run(7.5)
    figures = line.playback.figures
    voice = figures.voice
    assert voice.heard + voice.concealed >= 0.98 * voice.packets * 960
    assert voice.concealed > 0
    assert line.ear.gaps(0.04) == []
    assert line.freezes() < 0.5
    apart = line.sound_minus_picture()[2:]
    assert len(apart) >= 2
    assert abs(float(np.mean(apart))) < 0.04, apart
    assert figures.sync == "reports"
    assert abs(figures.sound_minus_picture_ms or 1000) < 30


async def test_after_a_burst_everything_is_back_in_step_within_a_second() -> None:
    line = Line(burst([(3.6, 3.8)]))
    await line.run(6.5)
    voice = line.playback.figures.voice
    assert len(line.ear.gaps(0.04)) <= 1
    assert line.freezes() < 0.65
    assert voice.concealed + voice.lost == pytest.approx(RATE * 0.2, abs=RATE * 0.1)
    apart = line.sound_minus_picture()[-2:]
    assert all(abs(difference) < 0.06 for difference in apart), apart


@pytest.mark.parametrize("deaf", [["_send_rtcp_nack"], ["_send_rtcp_nack", "_send_rtcp_pli"]])
async def test_no_freeze_lasts_though_nobody_answers(
    deaf: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unheard(_receiver: Any, *_rest: Any) -> None:
        pass

    for name in deaf:
        monkeypatch.setattr(RTCRtpReceiver, name, unheard)
    chance = random.Random(5)
    calm = time.monotonic() + 1.5

    def fate(kind: str) -> float | None:
        lost = kind == "video" and time.monotonic() > calm and chance.random() < 0.005
        return None if lost else 0.0

    line = Line(fate)
    await line.run(4.5)
    assert line.tap is not None
    assert line.tap.buffer.counters.missed > 0
    assert line.tap.buffer.counters.skipped > 0
    assert line.freezes() < 0.75
    assert line.ear.gaps(0.04) == []


async def test_without_our_buffers_there_is_still_something_to_hear_and_see() -> None:
    line = Line(lambda _kind: 0.0, taps=False)
    await line.run(4)
    assert len(line.seen) > 60
    assert len(line.ear.beeps()) >= 2
    assert line.playback.figures.voice.heard > 2 * RATE
