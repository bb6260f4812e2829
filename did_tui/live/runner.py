"""Runs one conversation: lets events happen to it and does what it says is to be done."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from did_tui.api.client import Client
from did_tui.api.credentials import new_connection_id
from did_tui.api.errors import DidError
from did_tui.api.models import RuntimeAgent
from did_tui.live import wire
from did_tui.live.conversation import (
    Conversation,
    Effect,
    Explain,
    Greet,
    Interrupt,
    Message,
    Send,
)
from did_tui.live.events import (
    Citation,
    Closed,
    Closing,
    EndReason,
    Event,
    Failed,
    Greeted,
    InterruptAsked,
    Opening,
    Responded,
    SendFailed,
    Step,
    StepBegun,
    StepDone,
    UserSaid,
)
from did_tui.live.media.playback import Playback
from did_tui.live.streams import CLOSE_SECONDS, NotificationsSocket, WebRtcStream

STREAM_OPTIONS: Mapping[str, Any] = {"compatibility_mode": "on", "fluent": True}


@dataclass(slots=True)
class _Line:
    """What is open for one attempt: the socket, the stream, the chat."""

    connection: str
    stream: WebRtcStream
    socket: NotificationsSocket
    chat_id: str = ""
    pumps: set[asyncio.Task[None]] = field(default_factory=set)
    connecting: asyncio.Task[None] | None = None


class Runner:
    """One conversation with one agent, from ``open`` to ``close``.

    ``changed`` is called in the event loop after each event, ``explain`` with sentences for the
    user. Everything is used from one event loop.
    """

    def __init__(
        self,
        client: Client,
        agent_id: str,
        playback: Playback,
        *,
        options: Mapping[str, Any] = STREAM_OPTIONS,
        changed: Callable[[], None] = lambda: None,
        explain: Callable[[str], None] = lambda _sentence: None,
    ) -> None:
        self.conversation = Conversation()
        self.playback = playback
        self.agent: RuntimeAgent | None = None
        self.agent_id = agent_id
        self._client, self._agent_id, self._options = client, agent_id, options
        self._changed, self._explain = changed, explain
        self._line: _Line | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._said = 0

    async def open(self) -> None:
        """Connect; events tell how far it is. Never raises: trouble is an event."""
        self.emit(Opening())
        self.playback.start()
        connection = new_connection_id()
        line = _Line(
            connection,
            WebRtcStream(self._client, self._agent_id, connection, self.emit, self._play),
            NotificationsSocket(self._client, connection, self.emit),
        )
        self._line = line
        line.connecting = asyncio.create_task(self._connect(line))
        await asyncio.wait([line.connecting])
        if not line.connecting.cancelled():
            line.connecting.result()

    def say(self, text: str) -> str:
        """Send a message, now or as soon as the line is open; its id."""
        self._said += 1
        message_id = f"user-{self._said}"
        self.emit(UserSaid(message_id, text))
        return message_id

    def interrupt(self) -> None:
        """Stop the agent's speech, or explain why it cannot be stopped."""
        self.emit(InterruptAsked())

    async def close(self, reason: EndReason = "user") -> None:
        """End the conversation; returns when the stream is deleted or that was given up."""
        if self._line is not None and not self.conversation.over:
            self.emit(Closing())
        await self._hang_up(reason)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_SECONDS)
        for task in self._tasks:
            task.cancel()  # a message that is still on its way
        self.playback.close()

    async def ended(self) -> None:
        """Wait until the conversation is over, whoever ended it."""
        await self._ended.wait()

    def emit(self, event: Event) -> None:
        """Let an event happen and do what follows from it."""
        for effect in self.conversation.apply(event, time.monotonic()):
            self._do(effect)
        if self.conversation.over:
            self._ended.set()
            if self._line is not None and not isinstance(event, Closed | Failed):
                self._spawn(self._hang_up(self.conversation.end_reason or "service"))
        self._changed()

    # Connecting

    async def _connect(self, line: _Line) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._step("agent", self._meet(line)))
                tasks.create_task(self._step("chat", self._start_chat(line)))
                tasks.create_task(self._step("stream", line.stream.open(self._options)))
        except* _StepFailed as failures:
            first = failures.exceptions[0]
            assert isinstance(first, _StepFailed)  # noqa: S101 (narrows the group's type)
            self.emit(Failed(first.step, str(first.error), first.error.advice))
            self._spawn(self._hang_up("error"))

    async def _step(self, step: Step, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except DidError as error:
            raise _StepFailed(self._step_at_fault(step), error) from error

    def _step_at_fault(self, step: Step) -> Step:
        """Of the steps that the stream goes through, the one that is under way."""
        if step == "stream":
            for later in ("answer", "network", "stream"):
                if self.conversation.steps[later].state == "running":
                    return later
        return step

    async def _meet(self, line: _Line) -> None:
        self.emit(StepBegun("agent"))
        self.agent = await self._client.runtime(self._agent_id, connection=line.connection)
        self.emit(StepDone("agent"))

    async def _start_chat(self, line: _Line) -> None:
        self.emit(StepBegun("chat"))
        chat, _ = await asyncio.gather(
            self._client.create_chat(self._agent_id, connection=line.connection),
            line.socket.open(),
        )
        line.chat_id = chat.id
        self.emit(StepDone("chat"))

    def _play(self, track: MediaStreamTrack) -> None:
        if self._line is None:
            return
        pump = self._hear(track) if track.kind == "audio" else self._watch(track)
        task = asyncio.create_task(pump)
        self._line.pumps.add(task)

    async def _watch(self, track: MediaStreamTrack) -> None:
        """Take every picture from the track, whose queue has no bound."""
        self.emit(StepBegun("picture"))
        try:
            while True:
                frame = await track.recv()
                if self.conversation.steps["picture"].state != "done":
                    self.emit(StepDone("picture"))
                self.playback.show(frame)  # type: ignore[arg-type]
        except MediaStreamError:
            pass  # the track has ended

    async def _hear(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                self.playback.hear(frame.to_ndarray().tobytes())  # type: ignore[union-attr]
        except MediaStreamError:
            pass  # the track has ended

    # Doing

    def _do(self, effect: Effect) -> None:
        match effect:
            case Send(message_id):
                self._spawn(self._send(message_id))
            case Greet():
                self._spawn(self._greet())
            case Interrupt(video_id):
                self.playback.hush()
                if self._line is not None:
                    self._line.stream.send(wire.interrupt(video_id, int(time.time() * 1000)))
            case Explain(sentence):
                self._explain(sentence)

    async def _send(self, message_id: str) -> None:
        line = self._line
        if line is None:
            return
        transcript = self.conversation.transcript_until(message_id)
        try:
            response = await self._client.send_message(
                self._agent_id,
                line.chat_id,
                wire.messages_for([_wire_fields(message) for message in transcript]),
                stream=line.stream.stream,
                connection=line.connection,
            )
        except DidError as error:
            self.emit(SendFailed(message_id, str(error), error.advice))
            return
        citations = tuple(
            Citation(match.title, match.data, match.source_url) for match in response.matches
        )
        self.emit(Responded(message_id, response.result, citations, response.chatMode))

    async def _greet(self) -> None:
        """Have one of the agent's greetings said, chosen at random, as D-ID's own clients do."""
        line = self._line
        greetings = self.agent.greetings if self.agent is not None else []
        if line is None or line.stream.stream is None or not greetings:
            return
        text = random.choice(greetings)
        script = {"type": "text", "input": text}
        try:
            await self._client.speak(
                self._agent_id, line.stream.stream, script, connection=line.connection
            )
        except DidError:
            return  # a greeting less; what follows says what is wrong, if anything is
        self.emit(Greeted(text))

    # Ending

    async def _hang_up(self, reason: EndReason) -> None:
        line, self._line = self._line, None
        if line is None:
            return
        if line.connecting is not None:
            line.connecting.cancel()
            await asyncio.wait([line.connecting])
        for pump in line.pumps:
            pump.cancel()
        await asyncio.gather(line.stream.close(), line.socket.close())
        self.emit(Closed(reason))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _StepFailed(Exception):
    """A step of connecting failed."""

    def __init__(self, step: Step, error: DidError) -> None:
        super().__init__(step)
        self.step = step
        self.error = error


def _wire_fields(message: Message) -> tuple[str, str, str, str]:
    wall = message.at - time.monotonic() + time.time()
    created = datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds")
    return message.id, message.role, message.text, created.replace("+00:00", "Z")
