"""Runs one conversation: lets events happen to it and does what it says is to be done.

Code that has no screen uses it like this::

    client = Client(Credentials.parse(key))
    runner = Runner(client, "agt_…", Playback(sink="none"))
    try:
        await runner.open()
        reply = await runner.ask("How long does delivery take?")
        print(reply.text, [citation.title for citation in reply.citations])
    finally:
        await runner.close()
        await client.close()
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from did_tui.api.client import Client
from did_tui.api.credentials import new_connection_id
from did_tui.api.errors import (
    RateLimited,
    ServiceFailure,
    SessionLost,
    TooManyStreams,
    Unreachable,
)
from did_tui.api.models import RuntimeAgent
from did_tui.live.archive import Archive, Keeping
from did_tui.live.conversation import (
    Conversation,
    DropStream,
    Effect,
    Explain,
    Greet,
    Interrupt,
    Send,
)
from did_tui.live.events import (
    AnswerStalled,
    Closed,
    Closing,
    Delayed,
    EndReason,
    Event,
    Failed,
    InterruptAsked,
    Measured,
    Mode,
    Opening,
    Reconnecting,
    SendFailed,
    SessionEnded,
    UserSaid,
    UtteranceDone,
    UtteranceStarted,
)
from did_tui.live.export import Record, record_of
from did_tui.live.journal import Journal, sweep
from did_tui.live.line import RATE_SECONDS, Known, Line, Wishes
from did_tui.live.media.microphone import Microphone
from did_tui.live.media.playback import Playback
from did_tui.live.media.recorder import Recorder
from did_tui.live.streams import OfferUnreadable
from did_tui.live.talk import LONGEST_WAIT, NotAnswered, Reply, Talk
from did_tui.live.tools import ToolBox
from did_tui.live.voicetrack import NO_VOICE, NOT_TAKEN

STREAM_OPTIONS: Mapping[str, Any] = {"compatibility_mode": "on", "fluent": True}
CLOSING_SECONDS = 2.0  # that closing waits for D-ID; the journal keeps what takes longer
RECOVERY_PAUSES = (0.0, 1.0, 4.0)  # seconds before each attempt to connect again
STEADY_SECONDS = 30.0  # of being connected, after which the attempts are counted anew
TICK_SECONDS = 1.0

#: What a caller needs to make a runner, which is loaded in a thread.
__all__ = [
    "STREAM_OPTIONS",
    "Archive",
    "Journal",
    "NotAnswered",
    "Playback",
    "Recorder",
    "Reply",
    "Runner",
    "ToolBox",
]


class Runner:
    """One conversation with one agent, from ``open`` to ``close``.

    ``changed`` is called in the event loop after each event, ``explain`` with sentences for the
    user. ``microphone`` is sent where the service takes it, and turned off where nobody hears it;
    it is not closed here. ``presenter`` is the agent's type where that is known, which saves asking
    first; ``tools`` are what it may call. ``journal`` keeps what is open, for the next start,
    ``archive`` what was said. Everything is used from one event loop.
    """

    def __init__(
        self,
        client: Client,
        agent_id: str,
        playback: Playback,
        *,
        options: Mapping[str, Any] = STREAM_OPTIONS,
        mode: Mode = "Functional",
        persist: bool = False,
        relay_only: bool = False,
        journal: Journal | None = None,
        archive: Archive | None = None,
        changed: Callable[[], None] = lambda: None,
        explain: Callable[[str], None] = lambda _sentence: None,
        microphone: Microphone | None = None,
        presenter: str = "",
        tools: ToolBox | None = None,
    ) -> None:
        self.agent_id = agent_id
        self.conversation = Conversation(mode)
        self.playback = playback
        self.microphone = microphone
        self.known = Known(presenter=presenter)
        self._client, self._journal = client, journal
        self._wishes = Wishes(options, persist, relay_only, tools)
        self._changed, self._explain = changed, explain
        self._line: Line | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closings: set[asyncio.Task[None]] = set()
        self.talk = Talk(
            client,
            agent_id,
            self.conversation,
            self.known,
            line=lambda: self._line,
            emit=self.emit,
            explain=explain,
            recover=self._recover,
        )
        self._attempt = 0
        self._resumed = False
        self._connected_at: float | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self._keeping = Keeping(archive, self.record, explain) if archive is not None else None

    @property
    def agent(self) -> RuntimeAgent | None:
        """Who the agent is, as soon as that is known."""
        return self.known.agent

    @property
    def unread_offer(self) -> str:
        """The offer that could not be read, for a report; empty where there is none."""
        error = self._line.error if self._line is not None else None
        return error.sdp if isinstance(error, OfferUnreadable) else ""

    # Opening

    def resume(self, chat_id: str, said: Sequence[tuple[str, str]]) -> None:
        """Go on with an earlier chat: its messages by who said them, before ``open``.

        D-ID is sent all of them with the next message; nobody is greeted again. Without an id
        there will be a new chat that begins so.
        """
        self.known.chat_id = chat_id
        now = time.monotonic()
        for role, text in said:
            self.conversation.transcript.remember(
                "user" if role == "user" else "assistant", text, now
            )
        self._resumed = bool(said)

    async def open(self) -> None:
        """Connect, again if there was a connection before; events tell how far it is.

        Never raises: trouble is an event.
        """
        retry_at = self.conversation.retry_at
        # At once: what is still lost on the old line must not lead to a third one.
        line, self._line = self._line, None
        await self._stop()
        if line is not None:
            await self._let_go(line)
        if not self.conversation.over and self.conversation.phase != "new":
            self.emit(Closed())
        self.emit(Opening())
        self._attempt, self.known.room.session = 0, None
        wait = retry_at - time.monotonic() if retry_at is not None else 0.0
        if wait > 0:
            self.emit(Delayed("D-ID is asking us to slow down", time.monotonic() + wait))
            await asyncio.sleep(wait)
        if self.conversation.phase != "connecting":
            return  # closed while it waited
        self._spawn(self._tick())
        await self._connect()

    async def _connect(self) -> None:
        line = self._new_line()
        await line.connect()
        journal = self._journal
        if self._line is line and journal is not None and isinstance(line.error, TooManyStreams):
            # What a crash left counts against the limit: close that, and try once more.
            swept = await sweep(self._client, journal)
            if swept.said:
                self._explain(swept.said)
            if swept.closed and self._line is line:
                await self._let_go(line)
                self.emit(Opening())
                await self._new_line().connect()

    def _new_line(self) -> Line:
        line: Line

        def emit(event: Event) -> None:
            if self._line is line:  # what an older line still says is of no interest
                self._heard(event)

        def lost(reason: str) -> None:
            if self._line is line:
                self._recover(reason)

        line = Line(
            self._client,
            self.agent_id,
            self.conversation,
            self.playback,
            self._wishes,
            self.known,
            emit,
            lost,
            self._journal,
            self._attempt,
            self.microphone,
        )
        self._line = line
        self.playback.start()
        return line

    def _heard(self, event: Event) -> None:
        """Of what a line says, some can be helped by another line."""
        match event:
            case SessionEnded("network") if self.conversation.plan.video:
                if self._recover("the connection was lost"):
                    return
            case Failed("network", hindrance="") if self.conversation.plan.video:
                if self._recover("there is no way through the network", event):
                    return
            case Failed("channel", hindrance="") if self.conversation.room:
                if self._recover("no agent came into the room", event):
                    return
            case Failed() if self._attempt and self._try_again(event):
                return
        self.emit(event)

    def _try_again(self, event: Failed) -> bool:
        """Whether an attempt that failed is followed by another; refusals are not hammered."""
        error = self._line.error if self._line is not None else None
        if isinstance(error, RateLimited):
            wait = event.retry_after or RATE_SECONDS
            return wait <= LONGEST_WAIT and self._recover(event.reason, event, wait)
        passing = isinstance(error, (Unreachable, ServiceFailure, SessionLost))
        return passing and self._recover(event.reason.rstrip("."), event)

    # Recovering

    def _recover(self, reason: str, failed: Failed | None = None, wait: float = 0.0) -> bool:
        """Open a new stream for the same chat; False where that has been tried often enough."""
        line, now = self._line, time.monotonic()
        if line is None or self.conversation.phase not in ("connecting", "connected"):
            return False
        if self.conversation.closes_in(now) == 0:  # where there is no socket nobody says why
            self.emit(SessionEnded("inactivity"))
            return True
        if self._connected_at is not None and now - self._connected_at > STEADY_SECONDS:
            self._attempt = 0
        self._connected_at = None
        most = len(RECOVERY_PAUSES)
        if self._attempt >= most:
            advice = failed.advice if failed is not None else "Check the network."
            self.emit(failed or Failed("network", f"{reason[:1].upper()}{reason[1:]}.", advice))
            return True
        pause = max(RECOVERY_PAUSES[self._attempt], wait)
        self._attempt += 1
        self._line = None
        self.talk.stop()
        self.playback.hush()
        self.emit(Reconnecting(reason, self._attempt, most))
        self._spawn(self._connect_again(self._begin_to_close(line), pause))
        return True

    async def _connect_again(self, closing: asyncio.Task[None], pause: float) -> None:
        # The old stream first: it counts against the account's limit.
        await asyncio.wait([closing], timeout=CLOSING_SECONDS)
        await asyncio.sleep(pause)
        if self.conversation.phase == "connecting":
            await self._connect()

    async def _tick(self) -> None:
        """Once a second: how strong the connection is, and whether an answer is overdue."""
        before, since = ("", 0), 0.0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            conversation, line, now = self.conversation, self._line, time.monotonic()
            if self._keeping is not None:
                self._keeping.look(self.conversation.transcript, now)
            if line is None or conversation.phase != "connected":
                continue
            strength = line.strength()
            if conversation.plan.video and strength != conversation.connectivity:
                self.emit(Measured(strength))
            progress = conversation.transcript.progress
            if progress != before:
                before, since = progress, now
            awaiting, begun = progress
            line.watch.asked = since if awaiting else None
            if line.watch.unanswered(now):
                waited = f"for {now - since:.0f} s"
                if begun:
                    self.emit(AnswerStalled())
                    self._explain(f"Nothing more of the answer came {waited}.")
                else:
                    self.emit(SendFailed(awaiting, f"No answer came {waited}.", "Send it again."))

    # Talking

    def say(self, text: str) -> str:
        """Send a message, now or as soon as its turn comes; its id.

        In a mode without chat the agent says it instead.
        """
        plan = self.conversation.plan
        if not plan.asks and plan.video:
            return self.speak(text)
        message_id = new_connection_id()  # the SDK's message ids have the same form
        self.emit(UserSaid(message_id, text))
        return message_id

    async def ask(self, text: str) -> Reply:
        """Send a message and return the whole answer with its citations.

        Raises ``NotAnswered`` where there will be none; waits while the conversation connects.
        """
        message_id = self.say(text)
        while True:
            reply = self.talk.reply_to(message_id)
            if reply is not None:
                return reply
            happened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(happened)
            try:
                await happened
            finally:
                self._waiting.discard(happened)

    def speak(self, text: str, *, ssml: bool = False) -> str:
        """Have the agent say a text, after what it has to say already; its id, or nothing."""
        return self.talk.speak(text, ssml=ssml)

    def speak_audio(self, url: str) -> str:
        """Have the agent say the recording at an address; its id, or nothing."""
        return self.talk.speak_audio(url)

    @property
    def no_microphone_because(self) -> str | None:
        """Why nobody would hear the user's voice; empty if somebody does, None: not connected."""
        if not self.conversation.plan.video:
            return NO_VOICE
        if self._line is None or self.conversation.phase != "connected":
            return None
        takes = self._line.stream.takes_voice
        return None if takes is None else "" if takes else NOT_TAKEN

    async def rate(self, message_id: str, score: int) -> None:
        """Rate an answer 1 or -1, or take that back with 0; also after the end.

        Raises ``DidError``.
        """
        await self.talk.rate(message_id, score)

    async def give_feedback(self, rating: int, answer: str = "") -> None:
        """Say how the call was, 1 to 5, and why; also after the end; raises ``DidError``."""
        await self.talk.give_feedback(rating, answer)

    def interrupt(self) -> None:
        """Stop the agent's speech and drop what waits behind it, or explain why that cannot be."""
        self.emit(InterruptAsked())

    def emit(self, event: Event) -> None:
        """Let an event happen and do what follows from it."""
        was_connected = self.conversation.phase == "connected"
        now = time.monotonic()
        if isinstance(event, (UtteranceStarted, UtteranceDone)):
            now += self._delay  # what is told now is heard later
        for effect in self.conversation.apply(event, now):
            self._do(effect)
        if not was_connected and self.conversation.phase == "connected":
            self._connected_at = time.monotonic()
        if isinstance(event, UtteranceStarted):
            self.playback.expect()
            self.talk.speech.begun()
        if self.conversation.over and self._line is not None and self._line.closing is None:
            self._begin_to_close(self._line)
        self._turn_microphone_off()
        self.talk.speak_next()
        self._changed()
        for happened in self._waiting:
            if not happened.done():
                happened.set_result(None)

    def _turn_microphone_off(self) -> None:
        """Turn the microphone off where nobody hears it: it is not to go on by itself later."""
        microphone = self.microphone
        if microphone is None or not microphone.talking or self.no_microphone_because == "":
            return
        microphone.talk(on=False)
        if self.conversation.phase != "disconnecting":  # then the user knows
            self._explain("The microphone is off: nobody hears it now.")

    @property
    def _delay(self) -> float:
        """Seconds from the arrival of sound to the ear."""
        figures = self.playback.figures
        return (figures.depth_ms + (figures.device_ms or 0.0)) / 1000

    # Doing

    def _do(self, effect: Effect) -> None:
        match effect:
            case Send(message_id):
                self.talk.send(message_id)
            case Greet() if not self._resumed:
                self.talk.greet()
            case Interrupt(video_id):
                self.talk.speech.clear()
                self.playback.hush()
                if self._line is not None:
                    self._line.stream.interrupt(video_id)
            case DropStream() if self._line is not None:
                self._spawn(self._line.drop_stream())
            case Explain(sentence):
                self._explain(sentence)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Ending

    async def close(self, reason: EndReason = "user") -> None:
        """End the conversation; returns when the stream is deleted at the service.

        It waits two seconds for that. What takes longer goes on while the program runs, and is in
        the journal for when it does not. A caller that is cancelled does not cancel it.
        """
        if not self.conversation.over:
            self.emit(Closing())
        await self._stop()
        if self._line is not None:
            self._begin_to_close(self._line)
        if self._closings:
            await asyncio.wait(set(self._closings), timeout=CLOSING_SECONDS)
        self.emit(Closed(reason))
        self._line = None
        if self._keeping is not None:
            await self._keeping.end()
        await asyncio.to_thread(self.playback.close)

    def record(self, zero: float | None = None) -> Record:
        """What was said, for keeping and exporting.

        Times count from the first message, or from ``zero`` by the clock of ``time.monotonic``.
        """
        name = self.agent.name if self.agent is not None else ""
        return record_of(self.conversation, self.agent_id, name, self.known.chat_id, zero)

    async def _stop(self) -> None:
        """End what runs beside the line: messages on their way, the watch, a recovery."""
        self.talk.stop()
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSING_SECONDS)

    async def _let_go(self, line: Line) -> None:
        await asyncio.wait([self._begin_to_close(line)], timeout=CLOSING_SECONDS)
        if self._line is line:
            self._line = None

    def _begin_to_close(self, line: Line) -> asyncio.Task[None]:
        closing = line.begin_to_close()
        if not closing.done():
            self._closings.add(closing)
            closing.add_done_callback(self._closings.discard)
        return closing
