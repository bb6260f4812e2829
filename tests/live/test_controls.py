"""What the user does to the voices: the own one that goes out, the agent's that comes in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from did_tui.live import events as e
from did_tui.live.media.microphone import Microphone
from did_tui.live.media.playback import Playback
from did_tui.live.runner import Runner
from did_tui.live.voicetrack import NO_VOICE, NOT_TAKEN


class Switch:
    """A microphone without a device."""

    talking = False

    def talk(self, on: bool) -> None:
        self.talking = on


def connected(explained: list[str]) -> tuple[Runner, Switch]:
    """A conversation on a stream that takes the voice, and its microphone."""
    switch = Switch()
    runner = Runner(
        cast("Any", None),
        "agt_1",
        Playback(sink="none"),
        microphone=cast("Microphone", switch),
        explain=explained.append,
    )
    stream = SimpleNamespace(takes_voice=True, granted=False, interrupt=lambda _video: None)
    runner._line = cast("Any", SimpleNamespace(stream=stream, closing=True, drop_stream=str))
    for event in (e.Opening(), e.StepDone("chat"), e.StepDone("channel")):
        runner.emit(event)
    return runner, switch


async def test_it_stays_on_while_the_agent_hears_it() -> None:
    runner, switch = connected([])
    switch.talk(on=True)
    runner.emit(e.UserSaid("u1", "?"))
    runner.emit(e.Answer("Yes.", "socket"))
    runner.emit(e.UtteranceStarted("v1"))
    assert switch.talking
    assert runner.no_microphone_because == ""


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (e.Reconnecting("no packet came for 5 s", 1, 3), None),
        (e.SessionEnded("inactivity"), None),
        (e.Failed("network", "No way."), None),
        (e.ModeChanged("Maintenance"), NO_VOICE),
    ],
)
async def test_it_is_turned_off_where_nobody_hears_it(event: e.Event, why: str | None) -> None:
    explained: list[str] = []
    runner, switch = connected(explained)
    runner._spawn = lambda _work: None  # type: ignore[assignment]
    switch.talk(on=True)
    runner.emit(event)
    assert not switch.talking
    assert explained[-1] == "The microphone is off: nobody hears it now."
    assert runner.no_microphone_because == why


async def test_who_leaves_knows_that_it_is_off() -> None:
    explained: list[str] = []
    runner, switch = connected(explained)
    switch.talk(on=True)
    runner.emit(e.Closing())
    assert not switch.talking
    assert explained == []


async def test_a_stream_that_only_sends_says_so() -> None:
    runner, _ = connected([])
    assert runner._line is not None
    runner._line.stream.takes_voice = False
    assert runner.no_microphone_because == NOT_TAKEN


@pytest.mark.parametrize("interruptible", [True, False])
async def test_what_waits_is_dropped_only_where_the_agent_is_interrupted(
    interruptible: bool,
) -> None:
    runner, _ = connected([])
    runner.emit(e.StreamGranted(fluent=True, interruptible=interruptible, warmup=False))
    runner.emit(e.UtteranceStarted("v1"))
    runner.speak("One more thing.")
    runner.interrupt()
    assert len(runner.talk.speech) == (0 if interruptible else 1)
