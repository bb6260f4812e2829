"""What an agent does in a room, without a room."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from did_tui.emulator import actor
from did_tui.emulator.actor import MOST_WAITING, Actor
from did_tui.emulator.ears import Ears
from did_tui.emulator.limits import Limits
from did_tui.emulator.packets import CallFailed
from did_tui.emulator.refusal import Refusal
from did_tui.emulator.stage import Stage
from did_tui.emulator.voice import Speech, Timbre, Voice

PRESENTER = "public_iris_professional@avt_iris"
AGENT: dict[str, Any] = {
    "id": "agt_1",
    "greetings": ["Hello, I am Iris."],
    "presenter": {"presenter_id": PRESENTER},
}
SAMPLES = 960


class FakeVoice:
    """A tenth of a second of something for each sentence."""

    async def say(self, text: str, timbre: Timbre, *, ssml: bool = False) -> Speech:
        return Speech(48_000, b"\x01\x10" * 4800, (), ())


class Play:
    """An actor whose mind, outlet and clock the test has."""

    def __init__(self, limits: Limits | None = None, pieces: tuple[str, ...] = ("One ", "two.")):
        self.events: list[dict[str, Any]] = []
        self.ended: list[str] = []
        self.tool: Callable[[], Any] = lambda: "sun"
        self.pieces: Any = pieces
        self.hold = asyncio.Event()
        self.hold.set()
        self.stage = Stage()
        self.limits = limits or Limits()
        self.actor = Actor(
            AGENT,
            Timbre(),
            mind=self,
            voice=cast("Voice", FakeVoice()),
            stage=self.stage,
            outlet=self,
            limits=self.limits,
        )

    async def answer(
        self, text: str, head: Mapping[str, Any], said: str | None = None
    ) -> AsyncGenerator[str | Mapping[str, Any]]:
        for piece in self.pieces if said is None else (said,):
            yield piece
        await self.hold.wait()
        if text == "refuse":
            raise Refusal(502, "Gateway", "nobody answers")
        yield {"content": said or "".join(self.pieces), "matches": []}

    def send(self, subject: str, payload: Mapping[str, Any]) -> None:
        self.events.append({"subject": subject, **payload})

    async def call(self, method: str, payload: str, seconds: float) -> str:
        await self.hold.wait()
        answer = self.tool()
        if isinstance(answer, Exception):
            raise answer
        return f"{method} {payload} {answer}"

    async def end(self, reason: str) -> None:
        self.ended.append(reason)

    async def settle(self, seconds: float = 0.0) -> None:
        """Let everything happen that does not wait, then let so much sound be heard."""
        for _ in range(20):
            await asyncio.sleep(0)
        for _ in range(round(seconds * 50)):
            self.stage.sound(SAMPLES)
        for _ in range(20):
            await asyncio.sleep(0)

    def subjects(self) -> list[str]:
        return [event["subject"] for event in self.events]

    def last(self, subject: str) -> dict[str, Any]:
        return [event for event in self.events if event["subject"] == subject][-1]


TURN = [
    "turn/started",
    "chat/partial",
    "chat/partial",
    "chat/answer",
    "stream-video/started",
    "stream-video/done",
    "turn/ended",
]


async def test_a_turn_from_its_start_to_its_end() -> None:
    play = Play()
    play.actor.read("lk.chat", " Hello \n")
    await play.settle(1.0)
    assert play.subjects() == TURN
    assert [e["turn_id"] for e in play.events if "turn_id" in e] == [1, 1]
    assert play.last("chat/answer")["content"] == "One two."
    assert play.last("chat/answer")["id"] == play.last("chat/partial")["id"]
    sentiment = play.last("stream-video/done")["metadata"]["sentiment"]
    assert sentiment == {"id": PRESENTER, "sentiment": "Professional"}
    assert not play.actor.busy
    play.actor.close()


async def test_the_greeting_is_one_partial_and_nobody_asked_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(actor, "BREATH", 0.0)
    play = Play()
    play.actor.greet()
    await play.settle(1.0)
    assert play.subjects() == [TURN[0], *TURN[2:]]
    assert play.last("chat/partial")["content"] == AGENT["greetings"][0]
    play.actor.close()
    monkeypatch.undo()
    play = Play()
    play.actor.greet()
    play.actor.read("lk.chat", "I am faster")
    await play.settle(1.0)
    assert play.subjects() == TURN
    play.actor.close()


async def test_a_new_message_cuts_the_answer_before() -> None:
    play = Play()
    play.hold.clear()
    play.actor.read("lk.chat", "First")
    await play.settle()
    play.pieces = ("Three.",)
    assert play.subjects() == ["turn/started", "chat/partial", "chat/partial"]
    play.actor.read("lk.chat", "Second")
    play.hold.set()
    await play.settle(1.0)
    assert play.subjects()[3:6] == ["chat/answer", "turn/ended", "turn/started"]
    cut, whole = (e["content"] for e in play.events if e["subject"] == "chat/answer")
    assert (cut, whole) == ("One", "Three.")
    assert play.last("turn/ended")["turn_id"] == 2
    play.actor.close()


async def test_an_interrupt_ends_speech_and_turn_but_no_tool() -> None:
    play = Play()
    play.actor.read("lk.chat", "Hello")
    await play.settle(0.2)
    assert play.subjects()[-1] == "stream-video/started"
    play.actor.read("did.interrupt", "")
    assert play.subjects()[-2:] == ["stream-video/done", "turn/ended"]
    assert not play.stage.speaking
    play.hold.clear()
    play.actor.read("lk.chat", "call the tool look")
    await play.settle()
    play.actor.read("did.interrupt", "")
    play.hold.set()
    await play.settle(1.0)
    assert play.last("tool-call/done")["output"] == "look {} sun"
    assert "look {} sun" in play.last("chat/answer")["content"]
    play.actor.close()


async def test_a_tool_that_fails_or_is_left_waiting_is_told_of() -> None:
    play = Play()
    play.tool = lambda: CallFailed(1500, "no sun today", "rain")
    play.actor.read("lk.chat", 'use the tool look with {"at": 1}')
    await play.settle(1.0)
    wrong = play.last("tool-call/error")
    assert wrong["input"] == {"at": 1}
    assert wrong["extra"]["error"]["message"] == wrong["output"] == "no sun today"
    assert (wrong["extra"]["error"]["code"], wrong["extra"]["error"]["data"]) == (1500, "rain")
    assert "no sun today" in play.last("chat/answer")["content"]
    play.actor.read("lk.chat", "use the tool look with {1}")
    await play.settle(1.0)
    assert "no JSON" in play.last("chat/answer")["content"]
    play.hold.clear()
    play.actor.read("lk.chat", "use the tool look")
    await play.settle()
    play.actor.read("lk.chat", "never mind")
    await play.settle()
    assert play.last("tool-call/error")["output"] == "interrupted"
    play.actor.close()


def script(text: str = "Yes.", **more: object) -> str:
    return json.dumps({"script": {"type": "text", "input": text, **more}})


async def test_what_is_to_be_spoken_interrupts_or_waits_its_turn() -> None:
    play = Play()
    play.actor.read("did.speak", script())
    await play.settle(0.2)
    play.actor.read("did.speak", script(should_queue_speaks=True))
    await play.settle(1.0)
    told = ["turn/started", "stream-video/started", "stream-video/done", "turn/ended"]
    assert play.subjects() == told * 2
    play.actor.read("did.speak", script())
    await play.settle(0.2)
    play.actor.read("did.speak", script(sentiment="friendly"))
    assert play.subjects()[8:] == told
    play.actor.close()


async def test_what_cannot_be_spoken_is_rejected() -> None:
    play = Play()
    for _ in range(MOST_WAITING + 1):
        play.actor.read("did.speak", script(should_queue_speaks=True))
    await play.settle()
    assert play.last("stream-video/rejected")["description"] == "too many speeches wait"
    play.actor.read("did.speak", '{"script": {"type": "audio", "audio_url": "nowhere"}}')
    await play.settle()
    assert play.last("stream-video/error")["description"]
    play.limits.credits = 0
    play.actor.read("did.speak", script())
    assert play.last("stream-video/rejected")["description"] == "not enough credits"
    play.actor.read("lk.chat", "Hello")
    await play.settle(1.0)
    assert play.subjects()[-2:] == ["stream-video/rejected", "turn/ended"]
    play.limits.credits = None
    play.actor.read("lk.chat", "refuse")
    await play.settle(1.0)
    assert play.last("stream-video/error")["description"] == "nobody answers"
    assert not play.actor.busy
    play.actor.close()


@pytest.mark.parametrize("reason", ["ended_by_agent", "unknown_error"])
async def test_an_end_is_told_once(reason: str) -> None:
    play = Play()
    play.actor.read("lk.chat", "Hello")
    await play.settle(0.1)
    await play.actor.end(reason)
    await play.actor.end("inactivity")
    subject = "stream/error" if reason == "unknown_error" else "stream/done"
    assert play.events[-1] == {"subject": subject, "reason": reason}
    assert play.ended == [reason]
    play.actor.read("lk.chat", "Hello")
    await play.settle()
    assert play.events[-1]["subject"] == subject
    play.actor.close()


async def test_what_is_said_aloud_is_answered_once() -> None:
    play = Play()
    play.actor.overhear()
    await play.settle(1.0)
    assert "type" in play.last("chat/answer")["content"]
    told = len(play.events)
    play.actor.overhear()
    await play.settle(1.0)
    assert len(play.events) == told
    play.actor.close()


def test_ears_know_speech_from_clicks_and_silence() -> None:
    quiet, loud = np.zeros((1, 1920), np.int16), np.full((1, 1920), 3000, np.int16)

    def said(*sounds: tuple[np.ndarray[Any, Any], float]) -> int:
        ears = Ears()
        return sum(
            ears.take(samples, 0.02) for samples, long in sounds for _ in range(round(long / 0.02))
        )

    assert said((quiet, 5)) == said((loud, 0.2), (quiet, 2)) == said((loud, 5)) == 0
    assert said((loud, 1), (quiet, 2), (quiet, 2)) == 1
    assert said((loud, 0.3), (quiet, 0.5), (loud, 0.3), (quiet, 2), (loud, 1), (quiet, 1)) == 2


TOPICS = ("lk.chat", "did.speak", "did.interrupt", "did.stt-language", "did.presentation", "x")


@given(st.lists(st.tuples(st.sampled_from(TOPICS), st.text() | st.just("[" * 100_000)), max_size=8))
def test_anything_may_be_said(said: list[tuple[str, str]]) -> None:
    async def play_it() -> None:
        play = Play()
        for topic, text in said:
            play.actor.read(topic, text)
            await play.settle()
        await play.settle(3.0)
        turns = [s for s in play.subjects() if s.startswith("turn/")]
        assert turns == ["turn/started", "turn/ended"] * (len(turns) // 2)
        assert not play.actor.busy
        play.actor.close()

    asyncio.run(play_it())
