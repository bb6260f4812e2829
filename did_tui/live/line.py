"""One attempt at a connection: the socket, the chat, the stream, and what runs for them.

A conversation that reconnects has one line after the other. Events of a line that was replaced go
nowhere.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from did_tui.api.client import Client
from did_tui.api.credentials import new_connection_id
from did_tui.api.errors import (
    DidError,
    NotFound,
    NotSignedIn,
    OutOfCredits,
    RateLimited,
    TooManyStreams,
    Unreachable,
)
from did_tui.api.models import ChatResponse, RuntimeAgent
from did_tui.api.modes import Mode
from did_tui.live import rtc
from did_tui.live.conversation import Conversation
from did_tui.live.echo import EchoCanceller
from did_tui.live.events import (
    Connectivity,
    Failed,
    Hindrance,
    ModeChanged,
    SocketLost,
    Step,
    StepBegun,
    StepDone,
    WarmupEnded,
)
from did_tui.live.journal import Journal
from did_tui.live.media.decode import Converter
from did_tui.live.media.microphone import Microphone
from did_tui.live.media.playback import Playback
from did_tui.live.roommedia import CUSHION
from did_tui.live.rooms import Kept, NoRoomServer, Room
from did_tui.live.streams import Emit, NotificationsSocket, OfferUnreadable, WebRtcStream
from did_tui.live.tools import ToolBox
from did_tui.live.transcript import Message
from did_tui.live.voicetrack import MicrophoneTrack
from did_tui.live.watchdog import WarmUp, Watch, strength

if TYPE_CHECKING:
    import av

LOOK_SECONDS = 0.5  # between two looks at what arrives
WARM_LOOK_SECONDS = 0.1
FREEZE_SECONDS = 0.25  # between two pictures of a stream that always has some
SOCKET_PAUSES = (0.5, 2.0, 5.0)  # seconds before each try to open a lost socket again
SOCKET_STEADY_SECONDS = 10.0  # of being open, after which the tries are counted anew
RATE_SECONDS = 5.0  # to leave the service alone where it does not say how long

_HINDRANCES: Mapping[type[DidError], Hindrance] = {
    NotSignedIn: "key",
    OutOfCredits: "credits",
    TooManyStreams: "streams",
    RateLimited: "rate",
    OfferUnreadable: "offer",
    NoRoomServer: "offer",
}


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a stream is wished for: D-ID's options, and what this side adds to them.

    ``persist`` keeps the chat at D-ID, ``relay_only`` sends media through D-ID's relay only.
    ``tools`` are what an agent in a room may call.
    """

    options: Mapping[str, Any]
    persist: bool = False
    relay_only: bool = False
    tools: ToolBox | None = None


@dataclass(slots=True)
class Known:
    """What one line learns and the next one need not ask again.

    ``presenter`` is the agent's type where somebody knows it before its runtime view is read.
    """

    agent: RuntimeAgent | None = None
    chat_id: str = ""
    presenter: str = ""
    room: Kept = field(default_factory=Kept)

    @property
    def expressive(self) -> bool | None:
        """Whether the agent is met in a room; None while that is not known."""
        kind = self.agent.avatar.type if self.agent is not None else self.presenter
        return kind == "expressive" if kind else None


class Transport(Protocol):
    """What carries a conversation: a stream or a room."""

    takes_voice: bool | None
    """Whether the user's voice is taken; None before that is known."""

    @property
    def granted(self) -> bool:
        """Whether there is an agent that could say something."""

    async def open(self, options: Mapping[str, Any]) -> None:
        """Connect, with D-ID's options; raises ``DidError``. ``close`` must be called after it."""

    async def ask(
        self, chat_id: str, said: Sequence[Message], mode: Mode, *, voiced: bool
    ) -> ChatResponse:
        """Send the last of these messages; raises ``DidError``."""

    async def speak(self, script: Mapping[str, Any]) -> None:
        """Have the agent say a script; raises ``DidError``."""

    def interrupt(self, video_id: str) -> None:
        """Stop an utterance."""

    async def packets(self) -> int:
        """A number that grows as long as sound and picture come."""

    async def close(self) -> None:
        """End it; never raises."""


class Line:
    """A connection to an agent, from ``connect`` to ``begin_to_close``."""

    def __init__(
        self,
        client: Client,
        agent_id: str,
        conversation: Conversation,
        playback: Playback,
        wishes: Wishes,
        known: Known,
        emit: Emit,
        lost: Callable[[str], None],
        journal: Journal | None,
        attempt: int,
        microphone: Microphone | None = None,
    ) -> None:
        self.connection = new_connection_id()
        self.known = known
        self.error: DidError | None = None
        self.closing: asyncio.Task[None] | None = None
        self.watch = Watch()
        self.rtp_packets = 0
        self._client, self._agent_id, self._wishes = client, agent_id, wishes
        self._conversation, self._playback = conversation, playback
        self._emit, self._lost = emit, lost
        self._freezes = self._gaps = 0
        self._socket_tries, self._socket_opened = 0, 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._connecting: asyncio.Task[None] | None = None
        self._opening: asyncio.Task[None] | None = None  # the stream
        self._seen_at = time.monotonic()
        self._microphone = microphone
        self._web_rtc = WebRtcStream(
            client,
            agent_id,
            self.connection,
            emit,
            self._play,
            voice=MicrophoneTrack(microphone) if microphone is not None else None,
            relay_only=wishes.relay_only,
            attempt=attempt,
            journal=journal,
        )
        self.stream: Transport = self._web_rtc
        self.socket = NotificationsSocket(client, self.connection, emit, self._socket_lost)

    @property
    def room(self) -> Room | None:
        """The room, where the agent is met in one."""
        return self.stream if isinstance(self.stream, Room) else None

    # Connecting

    async def connect(self) -> None:
        """Open all that the mode needs; never raises, ``error`` says what was in the way."""
        self._connecting = asyncio.create_task(self._connect())
        await asyncio.wait([self._connecting])

    async def _connect(self) -> None:
        plan, known = self._conversation.plan, self.known
        self._spawn(self._guard())
        try:
            first = known.expressive is None
            if first:  # whether it has streams or rooms has to be known
                await self._step("agent", self._meet())
            async with asyncio.TaskGroup() as tasks:
                steps: list[tuple[Step, Coroutine[Any, Any, None]]] = []
                if not first:
                    steps.append(("agent", self._meet()))
                room = plan.video and known.expressive
                if room:
                    self.stream = self._new_room()
                if plan.video:
                    steps.append(("stream", self.stream.open(self._wishes.options)))
                if (plan.chat or plan.socket) and not room:
                    steps.append(("chat", self._start_chat(chat=plan.chat, socket=plan.socket)))
                for step, work in steps:
                    task = tasks.create_task(self._step(step, work))
                    if step == "stream":
                        self._opening = task
        except* _StepFailed as failures:
            failed = failures.exceptions[0]
            if isinstance(failed, _StepFailed):
                self.error = failed.error
                self._emit(failure(failed.step, failed.error))

    def _new_room(self) -> Room:
        def named(chat_id: str) -> None:
            self.known.chat_id = chat_id

        def echo(canceller: EchoCanceller | None) -> None:
            """While the microphone is open, the speaker's sound is told to whoever takes it out."""
            microphone = self._microphone
            if microphone is None:
                return
            if canceller is None:
                microphone.clean = self._playback.told = None
                return

            def told(pcm: bytes, latency: float) -> None:
                if microphone.talking:
                    canceller.far(pcm, latency)

            microphone.clean, self._playback.told = canceller.near, told

        return Room(
            self._client,
            self._agent_id,
            self.connection,
            self._emit,
            self.known.room,
            see=self._see,
            hear=partial(self._playback.hear, cushion=CUSHION),
            named=named,
            microphone=self._microphone,
            echo=echo,
            tools=self._wishes.tools,
            persist=self._wishes.persist,
            relay_only=self._wishes.relay_only,
        )

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
            for later in ("answer", "network", "stream", "channel"):
                if self._conversation.steps[later].state == "running":
                    return later
        return step

    async def _meet(self) -> None:
        """Learn about the agent; what is merely nice to know may be missing."""
        self._emit(StepBegun("agent"))
        if self.known.agent is None:
            try:
                self.known.agent = await self._client.runtime(
                    self._agent_id, connection=self.connection
                )
            except (NotFound, NotSignedIn, Unreachable):
                raise
            except DidError:
                self.known.agent = None
        self._emit(StepDone("agent"))

    async def _start_chat(self, *, chat: bool, socket: bool) -> None:
        """Open the thread, the same one when connecting again, and its notifications."""
        self._emit(StepBegun("chat"))
        opening = asyncio.create_task(self.socket.open()) if socket else None
        mode = ""
        try:
            if chat and not self.known.chat_id:
                thread = await self._client.create_chat(
                    self._agent_id,
                    persist=self._wishes.persist,
                    mode=self._conversation.mode,
                    connection=self.connection,
                )
                self.known.chat_id, mode = thread.id, thread.chat_mode
            if opening is not None:
                await opening
        finally:
            if opening is not None:
                opening.cancel()
                await asyncio.gather(opening, return_exceptions=True)
        if mode and mode != "Functional":
            self._emit(ModeChanged(mode))
        self._emit(StepDone("chat"))

    # Media

    def _play(self, track: MediaStreamTrack) -> None:
        receiver = self._web_rtc.receiver_of(track)
        self._spawn(self._hear(track) if track.kind == "audio" else self._watch_pictures(track))
        if receiver is not None and track.kind == "audio":
            rtc.tap_voice(receiver, self._playback)  # then the track gives nothing more
        elif receiver is not None:
            tap = rtc.tap_pictures(receiver, self._playback)
            if tap is not None:
                self._spawn(tap.run())

    async def _watch_pictures(self, track: MediaStreamTrack) -> None:
        """Take every picture from the track, whose queue has no bound."""
        self._emit(StepBegun("picture"))
        self._seen_at = time.monotonic()
        try:
            while True:
                self._see(await track.recv())  # type: ignore[arg-type]
        except MediaStreamError:
            pass  # the track has ended

    def _see(self, frame: av.VideoFrame, position: float | None = None) -> None:
        """Take a picture, with its position where it is not the frame's own time."""
        if self._conversation.steps["picture"].state != "done":
            self._emit(StepDone("picture"))
        now = time.monotonic()
        if now - self._seen_at > FREEZE_SECONDS and self.watch.flows:
            self._freezes += 1
        self._seen_at = now
        self._playback.show(frame, position)

    async def _hear(self, track: MediaStreamTrack) -> None:
        """Take the sound that aiortc has decoded, where our buffer could not take its place."""
        convert = Converter()
        try:
            while True:
                frame = await track.recv()
                self._playback.hear(convert(frame).tobytes())  # type: ignore[arg-type]
        except MediaStreamError:
            pass  # the track has ended

    # Watching

    async def _guard(self) -> None:
        """Look at what arrives, and say when that is no longer enough."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now, conversation, watch = time.monotonic(), self._conversation, self.watch
            self.rtp_packets = await self.stream.packets()
            watch.look(now, self.rtp_packets, self._playback.counters.pictures_decoded)
            watch.flows = conversation.fluent and conversation.plan.video
            watch.answered = conversation.steps["answer"].ended
            if watch.opened is None and conversation.steps["channel"].ended is not None:
                self._spawn(self._warm_up())
            watch.opened = conversation.steps["channel"].ended
            watch.room, watch.resuming = conversation.room, conversation.resuming
            watch.seen = conversation.steps["picture"].ended
            if not conversation.speaking:
                watch.talks = None
            elif watch.talks is None:
                watch.talks = now
            reason = watch.lost(now)
            if reason and conversation.plan.video:
                self._lost(reason)

    async def _warm_up(self) -> None:
        """See a legacy stream's warm-up clip end, should nothing be said about that."""
        warm_up = WarmUp(time.monotonic())
        while self._conversation.warming:
            if warm_up.ended(time.monotonic(), self._playback.counters.pictures_decoded):
                self._emit(WarmupEnded())
            await asyncio.sleep(WARM_LOOK_SECONDS)

    def strength(self) -> Connectivity:
        """How strong the connection is now, by what has happened since the last time."""
        figures = self._playback.figures
        freezes = self._freezes + figures.voice.gaps - self._gaps
        self._freezes, self._gaps = 0, figures.voice.gaps
        return strength(figures.depth_ms / 1000, freezes, self._conversation.connectivity)

    def _socket_lost(self) -> None:
        self._spawn(self._open_socket_again())

    async def _open_socket_again(self) -> None:
        """The socket alone was lost: it is opened again while the conversation goes on."""
        self._emit(SocketLost(again=True))
        if time.monotonic() - self._socket_opened > SOCKET_STEADY_SECONDS:
            self._socket_tries = 0
        while self._socket_tries < len(SOCKET_PAUSES):
            pause = SOCKET_PAUSES[self._socket_tries]
            self._socket_tries += 1
            await asyncio.sleep(pause)
            try:
                await self.socket.open()
            except Unreachable:
                continue
            self._socket_opened = time.monotonic()
            return
        self._emit(SocketLost(again=False))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Ending

    async def drop_stream(self) -> None:
        """Close the stream, also while it is being opened; the conversation goes on in text."""
        if self._opening is not None and not self._opening.done():
            self._opening.cancel()
            await asyncio.wait([self._opening])
        await self.stream.close()

    def begin_to_close(self) -> asyncio.Task[None]:
        """Close it; the same task however often it is called."""
        if self.closing is None:
            self.closing = asyncio.create_task(self._close())
        return self.closing

    async def _close(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(self.stream.close(), self.socket.close())


def failure(step: Step, error: DidError) -> Failed:
    """What an error means for connecting."""
    kinds = (kind for cls, kind in _HINDRANCES.items() if isinstance(error, cls))
    retry_after = None
    if isinstance(error, RateLimited):
        retry_after = error.retry_after if error.retry_after is not None else RATE_SECONDS
    return Failed(step, str(error), error.advice, next(kinds, ""), retry_after)


class _StepFailed(Exception):
    """A step of connecting failed."""

    def __init__(self, step: Step, error: DidError) -> None:
        super().__init__(step)
        self.step = step
        self.error = error
