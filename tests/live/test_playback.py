"""The feeder between the voice's buffer and a speaker that has some sound in hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from feeder import wait_until

from did_tui.live.media.playback import Playback
from did_tui.live.media.speaker import RATE, SilentSpeaker

PACKET = RATE // 50


class Device(SilentSpeaker):
    """Takes whatever it is given and says that it has so many seconds in hand."""

    def __init__(self) -> None:
        super().__init__()
        self.in_hand = 0.1
        self.wants = RATE // 100
        self.taken = bytearray()
        self.looks = threading.Semaphore(0)

    def writable(self) -> int:
        self.looks.release()
        return self.wants

    def write(self, pcm: bytes) -> None:
        self.taken += pcm

    def latency(self) -> float:
        return self.in_hand


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def playback(device: Device) -> Iterator[Playback]:
    playing = Playback(open_speaker=lambda _sink: device)
    playing.start()
    yield playing
    playing.close()


def say(playback: Playback, packets: int, first: int = 0) -> None:
    wave = 8000 * np.sin(2 * np.pi * 220 * np.arange(packets * PACKET) / RATE)
    sound = np.repeat(wave.astype(np.int16)[:, None], 2, axis=1)
    for number in range(packets):
        piece = sound[number * PACKET : (number + 1) * PACKET].tobytes()
        playback.hear(piece, (first + number) / 50)


def heard(playback: Playback) -> int:
    return playback.figures.voice.heard


def test_nothing_is_made_up_while_the_device_has_sound_in_hand(
    device: Device, playback: Playback
) -> None:
    say(playback, 5)
    assert wait_until(lambda: playback.figures.depth_ms < 10, 10)
    for _ in range(20):
        device.looks.acquire()
    voice = playback.figures.voice
    assert voice.concealed == 0, "what is late may still come in time"
    say(playback, 5, first=5)
    assert wait_until(lambda: heard(playback) >= 10 * PACKET, 10)
    assert voice.concealed == 0


def test_what_is_missing_is_made_up_before_the_device_is_empty(
    device: Device, playback: Playback
) -> None:
    say(playback, 5)
    assert wait_until(lambda: heard(playback) >= 5 * PACKET, 10)
    device.in_hand = 0.05
    assert wait_until(lambda: playback.figures.voice.concealed > 0, 10)


def test_what_is_in_the_device_is_not_heard_yet(device: Device, playback: Playback) -> None:
    device.in_hand = 0.3
    began = time.monotonic()
    say(playback, 5)
    assert wait_until(lambda: playback.heard_seconds > 0, 10)
    assert time.monotonic() - began >= 0.3
    assert heard(playback) >= 4 * PACKET, "all of it was handed out long ago"
    assert wait_until(lambda: playback.heard_seconds >= 0.08, 10)
    assert playback.heard_seconds <= 0.1


def loudest(device: Device, since: int) -> int:
    """Of what was written behind so many bytes."""
    return int(np.abs(np.frombuffer(device.taken[since:], np.int16).astype(int)).max(initial=0))


def test_an_interrupted_voice_dies_away_and_what_is_on_its_way_is_not_heard(
    device: Device, playback: Playback
) -> None:
    say(playback, 20)
    assert wait_until(lambda: loudest(device, 0) > 7000, 10)
    playback.hush()
    assert wait_until(lambda: playback.figures.depth_ms == 0, 10)
    said, known = len(device.taken), heard(playback)
    say(playback, 5, first=20)
    assert wait_until(lambda: heard(playback) >= known + 4 * PACKET, 10)
    assert loudest(device, said) == 0
    sound = np.frombuffer(device.taken[:said], np.int16)[::2].astype(int)
    assert np.abs(np.diff(sound)).max() < 2 * 8000 * 2 * np.pi * 220 / RATE, "it was cut off"


def test_the_next_utterance_is_heard_from_its_beginning(device: Device, playback: Playback) -> None:
    say(playback, 20)
    assert wait_until(lambda: loudest(device, 0) > 7000, 10)
    playback.hush()
    assert wait_until(lambda: playback.figures.depth_ms == 0, 10)
    said = len(device.taken)
    playback.expect()
    say(playback, 5, first=20)
    assert wait_until(lambda: loudest(device, said) > 7000, 10)


def test_mute_does_not_click(device: Device, playback: Playback) -> None:
    say(playback, 40)
    assert wait_until(lambda: loudest(device, 0) > 7000, 10)
    playback.muted = True
    assert wait_until(
        lambda: len(device.taken) > 0 and loudest(device, len(device.taken) - 4000) == 0, 10
    )
    sound = np.frombuffer(bytes(device.taken), np.int16)[::2].astype(int)
    assert np.abs(np.diff(sound)).max() < 2 * 8000 * 2 * np.pi * 220 / RATE


def test_a_pause_does_not_click_and_what_waits_is_heard_after_it(
    device: Device, playback: Playback
) -> None:
    say(playback, 30)
    assert wait_until(lambda: loudest(device, 0) > 7000, 10)
    playback.held = True
    assert wait_until(lambda: loudest(device, max(0, len(device.taken) - 4000)) == 0, 10)
    waiting, written = playback.figures.depth_ms, len(device.taken)
    assert wait_until(lambda: len(device.taken) > written + 20_000, 10)
    assert playback.figures.depth_ms == waiting > 50
    playback.held = False
    assert wait_until(lambda: loudest(device, written + 20_000) > 7000, 10)
    sound = np.frombuffer(bytes(device.taken), np.int16)[::2].astype(int)
    assert np.abs(np.diff(sound)).max() < 2 * 8000 * 2 * np.pi * 220 / RATE
