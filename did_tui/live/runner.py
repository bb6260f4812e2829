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
from did_tui.api.errors import DidError, NotFound, NotSignedIn, Unreachable
from did_tui.api.models import RuntimeAgent
from did_tui.live import rtc, wire
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
from did_tui.live.media.decode import Converter
from did_tui.live.media.microphone import Microphone
from did_tui.live.media.playback import Playback
from did_tui.live.streams import NotificationsSocket, WebRtcStream
from did_tui.live.talk import NOT_TAKEN, MicrophoneTrack

STREAM_OPTIONS: Mapping[str, Any] = {"compatibility_mode": "on", "fluent": True}


@dataclass(slots=True)
class _Line:
    """What is open for one attempt: the socket, the stream and what runs for them."""

    connection: str
    stream: WebRtcStream = field(init=False)
    socket: NotificationsSocket = field(init=False)
    pumps: set[asyncio.Task[None]] = field(default_factory=set)
    connecting: asyncio.Task[None] | None = None
    closing: asyncio.Task[None] | None = None


class Runner:
    """One conversation with one agent, from ``open`` to ``close``.

    ``changed`` is called in the event loop after each event, ``explain`` with sentences for the
    user. ``microphone`` is sent where the service takes it; it is not closed here. Everything is
    used from one event loop.
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
        microphone: Microphone | None = None,
    ) -> None:
        self.agent_id = agent_id
        self.conversation = Conversation()
        self.playback = playback
        self.agent: RuntimeAgent | None = None
        self._client, self._options = client, options
        self._changed, self._explain = changed, explain
        self._microphone = microphone
        self._line: _Line | None = None
        self._chat_id = ""
        self._sending: set[asyncio.Task[None]] = set()
        self._said = 0

    async def open(self) -> None:
        """Connect, again if there was a connection before; events tell how far it is.

        Never raises: trouble is an event.
        """
        if self._line is not None:
            await self._hang_up(self._line, "user")
        line = _Line(new_connection_id())
        self._line = line

        def emit(event: Event) -> None:
            if self._line is line:  # what an older line still says is of no interest
                self.emit(event)

        client, connection = self._client, line.connection
        voice = MicrophoneTrack(self._microphone) if self._microphone is not None else None
        line.stream = WebRtcStream(
            client, self.agent_id, connection, emit, lambda track: self._play(line, track), voice
        )
        line.socket = NotificationsSocket(client, connection, emit)
        self.emit(Opening())
        self.playback.start()
        line.connecting = asyncio.create_task(self._connect(line))
        await asyncio.wait([line.connecting])

    def say(self, text: str) -> str:
        """Send a message, now or as soon as its turn comes; its id."""
        self._said += 1
        message_id = f"user-{self._said}"
        self.emit(UserSaid(message_id, text))
        return message_id

    @property
    def no_microphone_because(self) -> str | None:
        """Why nobody would hear the user's voice; empty if somebody does, None: not known yet."""
        takes = self._line.stream.takes_voice if self._line is not None else None
        return None if takes is None else "" if takes else NOT_TAKEN

    def interrupt(self) -> None:
        """Stop the agent's speech, or explain why it cannot be stopped."""
        self.emit(InterruptAsked())

    async def close(self, reason: EndReason = "user") -> None:
        """End the conversation; returns when the stream is deleted at the service.

        However often it is called, and even where the caller is cancelled, the stream is deleted
        once and whole.
        """
        if self._line is not None:
            if not self.conversation.over:
                self.emit(Closing())
            await self._hang_up(self._line, reason)
        for task in self._sending:
            task.cancel()  # a message that is still on its way
        await asyncio.to_thread(self.playback.close)

    def emit(self, event: Event) -> None:
        """Let an event happen and do what follows from it."""
        for effect in self.conversation.apply(event, time.monotonic()):
            self._do(effect)
        line = self._line
        if self.conversation.over and line is not None and line.closing is None:
            self._begin_to_hang_up(line, self.conversation.end_reason or "service")
        self._changed()

    # Connecting

    async def _connect(self, line: _Line) -> None:
        steps: list[tuple[Step, Coroutine[Any, Any, None]]] = [
            ("agent", self._meet(line)),
            ("chat", self._start_chat(line)),
            ("stream", line.stream.open(self._options)),
        ]
        try:
            async with asyncio.TaskGroup() as tasks:
                for step, work in steps:
                    tasks.create_task(self._step(step, work))
        except* _StepFailed as failures:
            first = failures.exceptions[0]
            if isinstance(first, _StepFailed):
                self.emit(Failed(first.step, str(first.error), first.error.advice))

    async def _step(self, step: Step, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except DidError as error:
            raise _StepFailed(self._step_at_fault(step), error) from error
        except Exception as error:  # whatever WebRTC raises ends the attempt, not the program
            trouble = DidError(f"WebRTC failed: {type(error).__name__} {error}".strip())
            raise _StepFailed(self._step_at_fault(step), trouble) from error

    def _step_at_fault(self, step: Step) -> Step:
        """Of the steps that the stream goes through, the one that is under way."""
        if step == "stream":
            for later in ("answer", "network", "stream"):
                if self.conversation.steps[later].state == "running":
                    return later
        return step

    async def _meet(self, line: _Line) -> None:
        """Learn about the agent; what is merely nice to know may be missing."""
        self.emit(StepBegun("agent"))
        try:
            self.agent = await self._client.runtime(self.agent_id, connection=line.connection)
        except (NotFound, NotSignedIn, Unreachable):
            raise
        except DidError:
            self.agent = None
        if self.agent is not None and self.agent.avatar.type == "expressive":
            raise NotYet("Expressive agents speak over LiveKit, which is not built in yet.")
        self.emit(StepDone("agent"))

    async def _start_chat(self, line: _Line) -> None:
        """Open the thread, the same one when connecting again, and its notifications."""
        self.emit(StepBegun("chat"))
        opening = asyncio.create_task(line.socket.open())
        try:
            if not self._chat_id:
                chat = await self._client.create_chat(self.agent_id, connection=line.connection)
                self._chat_id = chat.id
            await opening
        finally:
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
        self.emit(StepDone("chat"))

    def _play(self, line: _Line, track: MediaStreamTrack) -> None:
        receiver = line.stream.receiver_of(track)
        pumps = [self._hear(track) if track.kind == "audio" else self._watch(track)]
        if receiver is not None and track.kind == "audio":
            rtc.tap_voice(receiver, self.playback)  # then the track gives nothing more
        elif receiver is not None:
            tap = rtc.tap_pictures(receiver, self.playback)
            pumps += [tap.run()] if tap is not None else []
        line.pumps.update(map(asyncio.create_task, pumps))

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
        """Take the sound that aiortc has decoded, where our buffer could not take its place."""
        convert = Converter()
        try:
            while True:
                frame = await track.recv()
                self.playback.hear(convert(frame).tobytes())  # type: ignore[arg-type]
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

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, message_id: str) -> None:
        line = self._line
        if line is None:
            return
        transcript = self.conversation.transcript_until(message_id)
        try:
            response = await self._client.send_message(
                self.agent_id,
                self._chat_id,
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
                self.agent_id, line.stream.stream, script, connection=line.connection
            )
        except DidError:
            return  # a greeting less; what follows says what is wrong, if anything is
        self.emit(Greeted(text))

    # Ending

    def _begin_to_hang_up(self, line: _Line, reason: EndReason) -> asyncio.Task[None]:
        if line.closing is None:
            line.closing = asyncio.create_task(self._close_line(line, reason))
        return line.closing

    async def _hang_up(self, line: _Line, reason: EndReason) -> None:
        """Close a line and wait for it; a caller that is cancelled does not cancel the closing."""
        await asyncio.shield(self._begin_to_hang_up(line, reason))
        if self._line is line:
            self._line = None

    async def _close_line(self, line: _Line, reason: EndReason) -> None:
        if line.connecting is not None:
            line.connecting.cancel()
            await asyncio.wait([line.connecting])
        for pump in line.pumps:
            pump.cancel()
        await asyncio.gather(line.stream.close(), line.socket.close())
        if self._line is line:
            self.emit(Closed(reason))


class NotYet(DidError):
    """Something of D-ID's that this version cannot do."""


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
