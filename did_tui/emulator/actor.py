"""What an agent does in a room, whoever carries it: listens, answers, speaks, calls tools, leaves.

Its events are D-ID's (protocol 5.4). How they reach the user is the business of an ``Outlet``: the
emulator's own room or one of a real LiveKit server.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from did_tui.emulator.audio import speech_at
from did_tui.emulator.face import Mood
from did_tui.emulator.limits import Limits
from did_tui.emulator.markdown import spoken
from did_tui.emulator.packets import CallFailed
from did_tui.emulator.refusal import Refusal
from did_tui.emulator.stage import Stage, Utterance
from did_tui.emulator.store import timestamp
from did_tui.emulator.voice import Timbre, Voice, sentences

GLANCE = 0.25  # seconds between two looks at the limits
BREATH = 0.8  # seconds before a greeting: a client that has just come does not listen at once
TOOL_SECONDS = 10.0  # that a client tool has
LONGEST_MESSAGE = 40_000  # characters that are looked at
MOST_WAITING = 10  # utterances that wait to be heard; more are rejected

NO_EARS = (
    "I hear you, but I cannot make out words: this is D-ID's emulator, which has nobody who"
    " understands speech. Please type what you want to say."
)

#: Why D-ID ends a session by an error; every other reason is an ordinary end.
ERRORS = ("unknown_error", "network_issue")
MOODS: dict[str, Mood] = {"professional": "neutral", "friendly": "happy", "sad": "sad"}

_TOOL = re.compile(
    r"(?:please )?(?:call|use|run) the tool ([\w-]+(?:\.[\w-]+)*)(?: with (\{.*\}))?[.!]?", re.S
)


class Mind(Protocol):
    """Where answers come from."""

    def answer(
        self, text: str, head: Mapping[str, Any], said: str | None = None
    ) -> AsyncGenerator[str | Mapping[str, Any]]:
        """The pieces of the answer, then the whole of it: its content and what it cites.

        ``head`` goes with the message into the transcript; ``said`` is an answer that is known
        already. Raises ``Refusal`` where there is none.
        """
        ...


class Outlet(Protocol):
    """What carries an agent's words to the user."""

    def send(self, subject: str, payload: Mapping[str, Any]) -> None:
        """Send an event, if anybody is there."""
        ...

    async def call(self, method: str, payload: str, seconds: float) -> str:
        """Have the user's client run a method; raises ``CallFailed``."""
        ...

    async def end(self, reason: str) -> None:
        """Close the room."""
        ...


@dataclass(slots=True)
class _Answer:
    """An answer that is being given."""

    head: Mapping[str, Any]
    pieces: list[str]


class Actor:
    """One agent in one room. ``read`` takes what the user's client sends, by its topic."""

    def __init__(
        self,
        agent: Mapping[str, Any],
        timbre: Timbre,
        *,
        mind: Mind,
        voice: Voice,
        stage: Stage,
        outlet: Outlet,
        limits: Limits,
    ) -> None:
        self._agent, self._timbre = agent, timbre
        self._mind, self._voice, self._stage = mind, voice, stage
        self._outlet, self._limits = outlet, limits
        self._sentiment = _sentiment(agent)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._speeches: set[asyncio.Task[Any]] = set()
        self._answer: _Answer | None = None
        self._turns = self._messages = self._calling = 0
        self._turn: int | None = None
        self._over = self._has_overheard = False
        self._begun = self._touched = asyncio.get_running_loop().time()
        self.heard: dict[str, Any] = {}
        """What the client has said on D-ID's quiet topics, the latest of each."""
        self._readers: dict[str, Callable[[str], None]] = {
            "lk.chat": self._asked,
            "did.speak": self._told_to_speak,
            "did.interrupt": self._interrupted,
            "did.stt-language": lambda text: self._note("did.stt-language", text),
            "did.presentation": lambda text: self._note("did.presentation", text),
        }

    @property
    def busy(self) -> bool:
        """Whether it is thinking or talking."""
        return self._turn is not None or self._stage.speaking

    @property
    def remaining(self) -> float:
        """Seconds until the session ends if nothing is said."""
        return self._touched + self._limits.idle_seconds - asyncio.get_running_loop().time()

    def start(self) -> None:
        """Look at the limits from now on."""
        _kept(self._tasks, self._watch())

    def greet(self) -> None:
        """Say the first greeting, if there is one."""
        greetings: Sequence[str] = self._agent.get("greetings") or ()
        if greetings:
            _kept(self._speeches, self._greet(str(greetings[0])))

    def read(self, topic: str, text: str) -> None:
        """Take a text stream of the client's; topics and JSON that mean nothing are left alone."""
        reader = self._readers.get(topic)
        if reader is not None and not self._over:
            self.touch()
            reader(text[:LONGEST_MESSAGE])

    def hear(self, text: str) -> None:
        """Have it hear a text as if the user had said it aloud."""
        said = {"content": text, "role": "user", "id": _new("msg_"), "created_at": timestamp()}
        self._outlet.send("chat/audio-transcribed", said)
        self.read("lk.chat", text)

    def overhear(self) -> None:
        """The user has said something aloud: it cannot tell what, and says so, once."""
        self.touch()
        if not self._over and not self._has_overheard:
            self._has_overheard = True
            self._cut()
            _kept(self._speeches, self._think("", NO_EARS))

    def touch(self) -> None:
        """Note that the client has said something."""
        self._touched = asyncio.get_running_loop().time()

    async def call(
        self, name: str, arguments: Mapping[str, Any], seconds: float = TOOL_SECONDS
    ) -> str:
        """Run a client tool and tell of it; raises ``CallFailed``."""
        call = {"call_id": _new("call_"), "name": name, "input": dict(arguments)}
        begun = time.monotonic()

        def tell(what: str, **more: Any) -> None:
            now = time.monotonic()
            more |= {"timestamp": int(time.time() * 1000), "turn_id": self._turn}
            more |= {} if what == "started" else {"duration_ms": int((now - begun) * 1000)}
            self._outlet.send(f"tool-call/{what}", call | more)

        tell("started", output=None, interruptible=False, execution_mode="blocking")
        self._calling += 1
        try:
            output = await self._outlet.call(name, json.dumps(arguments), seconds)
        except CallFailed as error:
            wrong = {"kind": "ToolError", "code": error.code, "message": str(error)}
            tell("error", output=str(error), extra={"error": wrong | {"data": error.data}})
            raise
        except asyncio.CancelledError:
            wrong = {"kind": "Interrupted", "code": 0, "message": "interrupted", "data": ""}
            tell("error", output="interrupted", extra={"error": wrong})
            raise
        finally:
            self._calling -= 1
        tell("done", output=output, extra={})
        return output

    async def end(self, reason: str) -> None:
        """Say why, and close the room; doing it again does nothing."""
        if self._over:
            return
        self._cut()
        self._over = True
        self._outlet.send(f"stream/{'error' if reason in ERRORS else 'done'}", {"reason": reason})
        await self._outlet.end(reason)

    def close(self) -> None:
        """Stop everything at once, without a word."""
        self._over = True
        for task in (*self._tasks, *self._speeches):
            if task is not asyncio.current_task():
                task.cancel()
        self._stage.interrupt()

    # What the client sends

    def _asked(self, text: str) -> None:
        text = text.strip()
        if not text:
            return
        self._cut()
        self._messages += 1
        most = self._limits.session_messages
        if most and self._messages > most:
            _kept(self._tasks, self.end("message_limit"))
        else:
            _kept(self._speeches, self._think(text))

    def _told_to_speak(self, text: str) -> None:
        match _json(text):
            case {"script": {"type": "text", "input": str(words), **script}} if words.strip():
                told = self._say(words, ssml=bool(script.get("ssml")))
            case {"script": {"type": "audio", "audio_url": str(url), **script}}:
                told = self._play(url)
            case _:
                return
        mood = MOODS.get(str(script.get("sentiment")).lower(), self._mood)
        if not script.get("should_queue_speaks"):
            self._cut()
        utterance = self._utterance(mood, begins_turn=True)
        if self._limits.broke:
            self._reject(utterance, "not enough credits")
        elif self._stage.waiting >= MOST_WAITING:
            self._reject(utterance, "too many speeches wait")
        else:
            self._limits.spend()
            self._stage.add(utterance)
            _kept(self._speeches, told(utterance))

    def _note(self, topic: str, text: str) -> None:
        said = _json(text)
        if isinstance(said, dict):
            self.heard[topic] = said

    def _interrupted(self, _text: str) -> None:
        if not self._calling:
            self._cut()

    def _cut(self) -> None:
        """End what it thinks and says, and the turn with it."""
        for task in self._speeches:
            task.cancel()
        if self._answer is not None and self._answer.pieces:
            # Shorter than what has come of it: that is how a client sees an answer that was cut.
            begun = "".join(self._answer.pieces[:-1]).strip()
            self._outlet.send("chat/answer", {"content": begun, **self._answer.head})
        self._finish(self._answer)
        self._stage.interrupt()
        self._end_turn()

    # Turns

    async def _greet(self, greeting: str) -> None:
        """Say hello, unless the user is faster."""
        await asyncio.sleep(BREATH)
        await self._think("", greeting)

    async def _think(self, text: str, said: str | None = None) -> None:
        """Answer: in pieces, then whole, then aloud."""
        if cut := self._speeches - {asyncio.current_task()}:
            await asyncio.wait(cut)  # the transcript has them first
        self._begin_turn()
        self._stage.mood = "thinking"
        utterance = self._utterance(self._mood)
        self._stage.add(utterance)  # now, so that what is queued meanwhile comes behind it
        head = {"id": _new("msg_"), "role": "assistant", "created_at": timestamp()}
        answer = self._answer = _Answer(head, [])
        whole: Mapping[str, Any] = {"content": ""}
        try:
            if said is None:
                said = await self._tool_said(text)
            async with aclosing(self._mind.answer(text, head, said)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, str):
                        partial = {"content": piece, "sequence": len(answer.pieces)}
                        self._outlet.send("chat/partial", partial | head)
                        answer.pieces.append(piece)
                    else:
                        whole = piece
        except Refusal as error:
            self._reject(utterance, error.description, "error")
            return
        finally:
            self._finish(answer)
        self._outlet.send("chat/answer", {**whole, **head})
        if self._limits.broke:
            self._reject(utterance, "not enough credits")
        else:
            self._limits.spend()
            await self._say(spoken(whole["content"]))(utterance)

    async def _tool_said(self, text: str) -> str | None:
        """What a tool says to a message that asks for it by name; None for any other message."""
        asked = _TOOL.fullmatch(text)
        if asked is None:
            return None
        arguments = _json(asked[2] or "{}")
        if not isinstance(arguments, dict):
            return "What the tool is to get is no JSON object."
        try:
            return f"The tool {asked[1]} says: {await self.call(asked[1], arguments)}"
        except CallFailed as error:
            return f"The tool {asked[1]} has failed: {error}"

    def _finish(self, answer: _Answer | None) -> None:
        """Think no more of an answer, unless it has given way to another."""
        if answer is not None and self._answer is answer:
            self._answer = None
            self._stage.mood = "listening"

    def _begin_turn(self) -> None:
        self._end_turn()
        self._turns += 1
        self._turn = self._turns
        self._outlet.send("turn/started", {"turn_id": self._turn})

    def _end_turn(self) -> None:
        if self._turn is not None:
            self._outlet.send("turn/ended", {"turn_id": self._turn})
            self._turn = None

    # Speech

    @property
    def _mood(self) -> Mood:
        return MOODS.get(self._sentiment["sentiment"].lower(), "happy")

    def _utterance(self, mood: Mood, *, begins_turn: bool = False) -> Utterance:
        """What is to be said next; one that is no answer begins a turn when it is heard."""
        asked = time.monotonic()
        video = _new("vid_")

        def started() -> None:
            if begins_turn:
                self._begin_turn()
            latency = int((time.monotonic() - asked) * 1000)
            told = {"stt": {"latency": 0}, "serviceLatency": latency}
            self._outlet.send("stream-video/started", {"metadata": self._video(video), **told})

        def done() -> None:
            self._outlet.send("stream-video/done", {"metadata": self._video(video)})
            self._end_turn()

        return Utterance(video, started, done, mood)

    def _video(self, video_id: str) -> dict[str, Any]:
        return {"videoId": video_id, "interruptible": True, "sentiment": self._sentiment}

    def _reject(self, utterance: Utterance, why: str, what: str = "rejected") -> None:
        utterance.complete = True
        payload = {"metadata": self._video(utterance.video_id), "description": why}
        self._outlet.send(f"stream-video/{what}", payload)
        self._end_turn()

    def _say(self, text: str, *, ssml: bool = False) -> _Speaking:
        async def say(utterance: Utterance) -> None:
            heard = False
            try:
                for sentence in [text] if ssml else sentences(text):
                    speech = await self._voice.say(sentence, self._timbre, ssml=ssml)
                    self._stage.extend(utterance, speech)
                    heard = heard or bool(speech.pcm)
            finally:
                utterance.complete = True
            if not heard:
                self._end_turn()

        return say

    def _play(self, url: str) -> _Speaking:
        async def play(utterance: Utterance) -> None:
            try:
                self._stage.extend(utterance, await speech_at(url))
            except Refusal as error:
                self._reject(utterance, error.description, "error")
            finally:
                utterance.complete = True

        return play

    # Limits

    async def _watch(self) -> None:
        """End the session when its time is over, or nothing has been said for long."""
        while not self._over:
            await asyncio.sleep(GLANCE)
            most = self._limits.session_seconds
            if most and asyncio.get_running_loop().time() - self._begun >= most:
                await self.end("time_limit")
            elif self.remaining <= 0 and not self.busy:
                await self.end("inactivity")


_Speaking = Callable[[Utterance], Coroutine[Any, Any, None]]


def _kept(tasks: set[asyncio.Task[Any]], coroutine: Coroutine[Any, Any, Any]) -> None:
    """Run something beside, in a set that holds it while it runs."""
    task = asyncio.create_task(coroutine)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


def _sentiment(agent: Mapping[str, Any]) -> dict[str, str]:
    """The sentiment that the presenter is, in the form of an event's metadata."""
    presenter = str((agent.get("presenter") or {}).get("presenter_id") or "")
    kinds = [kind for kind in MOODS if f"_{kind}@" in presenter]
    return {"id": presenter, "sentiment": (kinds or ["friendly"])[0].title()}


def _json(text: str) -> Any:
    """What a text means as JSON, None where it is none."""
    try:
        return json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return None


def _no_json(name: str) -> None:
    """Refuse NaN and infinities, which Python reads and nobody else."""
    raise ValueError(name)


def _new(prefix: str) -> str:
    return prefix + uuid.uuid4().hex[:16]
