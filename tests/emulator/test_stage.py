"""The time line of a stream: sound and face from the same clock."""

from __future__ import annotations

import numpy as np

from did_tui.emulator.stage import LEAD_IN, RATE, Stage, Utterance
from did_tui.emulator.voice import Speech


def speech(seconds: float, level: int = 8000) -> Speech:
    samples = np.full(int(seconds * RATE), level, np.int16)
    return Speech(RATE, samples.tobytes(), (), ((0.0, "m"), (60.0, "ɑ"), (seconds * 1000, "")))


class Watched:
    def __init__(self) -> None:
        self.events: list[str] = []
        self.stage = Stage()

    def say(self, name: str, *parts: Speech, complete: bool = True) -> Utterance:
        utterance = Utterance(
            name,
            lambda: self.events.append(f"{name} started"),
            lambda: self.events.append(f"{name} done"),
        )
        self.stage.add(utterance)
        for part in parts:
            self.stage.extend(utterance, part)
        utterance.complete = complete
        return utterance

    def hear(self, seconds: float) -> np.ndarray:
        blocks = [self.stage.sound(960) for _ in range(int(seconds * 50))]
        return np.concatenate(blocks)


def test_silence_is_silent_and_time_passes() -> None:
    watched = Watched()
    assert not watched.hear(1).any()
    assert watched.stage.position == RATE
    assert watched.events == []


def test_every_sample_is_heard_once_in_order() -> None:
    watched = Watched()
    ramp = np.arange(1, 24_001, dtype=np.int16)
    watched.say("a", Speech(RATE, ramp.tobytes(), (), ()))
    heard = watched.hear(1)
    assert (heard[heard != 0] == ramp).all()
    assert watched.events == ["a started", "a done"]


def test_the_lips_open_before_the_sound() -> None:
    watched = Watched()
    watched.say("a", speech(1))
    watched.hear(0.02)
    begins = LEAD_IN
    assert not watched.stage.pose(0.0).mouth.open > 0.2
    assert watched.stage.pose(begins + 0.2).mouth.open > 0.2
    assert watched.stage.pose(begins + 0.2).speaking


def test_a_late_sentence_begins_as_soon_as_it_is_there() -> None:
    watched = Watched()
    utterance = watched.say("a", speech(0.1), complete=False)
    watched.hear(1)
    assert watched.events == ["a started"]
    watched.stage.extend(utterance, speech(0.1))
    utterance.complete = True
    assert watched.hear(0.2).any()
    assert watched.events == ["a started", "a done"]


def test_utterances_wait_for_each_other() -> None:
    watched = Watched()
    watched.say("a", speech(0.2))
    watched.say("b", speech(0.2))
    watched.hear(2)
    assert watched.events == ["a started", "a done", "b started", "b done"]


def test_interrupting_is_silence_at_once_and_forgets_the_rest() -> None:
    watched = Watched()
    watched.say("a", speech(2))
    watched.say("b", speech(2))
    watched.hear(0.5)
    watched.stage.interrupt()
    assert not watched.hear(1).any()
    assert watched.events == ["a started", "a done"]
    assert not watched.stage.speaking


def test_an_utterance_without_a_sound_does_not_block() -> None:
    watched = Watched()
    watched.say("a")
    watched.say("b", speech(0.1))
    watched.hear(1)
    assert watched.events == ["b started", "b done"]
