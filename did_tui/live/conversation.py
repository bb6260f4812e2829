"""The rules of a conversation, without I/O.

``Conversation.apply`` takes one event and returns what is to be done about it. It accepts any event
in any order, any number of times, and never raises; a text that arrives by several ways is shown
once. The rules are those of CONTRIBUTING.md, "The conversation"; texts are ``transcript``'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from did_tui.live.events import (
    STEPS,
    Answer,
    AnswerStalled,
    Closed,
    Closing,
    Connectivity,
    Delayed,
    EndReason,
    Event,
    Failed,
    Greeted,
    Hindrance,
    InterruptAsked,
    Measured,
    Mode,
    ModeChanged,
    Opening,
    Partial,
    Rated,
    Reconnecting,
    Responded,
    Resuming,
    SendFailed,
    SessionEnded,
    SocketLost,
    Spoke,
    Step,
    StepBegun,
    StepDone,
    StreamGranted,
    ToolCalled,
    ToolReturned,
    Transcribed,
    TurnBegun,
    TurnEnded,
    UserSaid,
    UtteranceDone,
    UtteranceFailed,
    UtteranceStarted,
    WarmupEnded,
)
from did_tui.live.modes import DOWNGRADED, PLANS, STREAM_STEPS, Plan, known_mode
from did_tui.live.toolcalls import ToolCalls
from did_tui.live.transcript import LONGEST_MESSAGE as LONGEST_MESSAGE
from did_tui.live.transcript import Message as Message
from did_tui.live.transcript import Transcript

Phase: TypeAlias = Literal[
    "new", "connecting", "connected", "disconnecting", "disconnected", "failed"
]
Activity: TypeAlias = Literal["idle", "loading", "working", "talking", "interrupted"]
StepState: TypeAlias = Literal["waiting", "running", "done", "failed", "skipped"]

IDLE_SECONDS = 120.0  # without a message, after which D-ID closes a stream (streams guide)
WARN_SECONDS = 30.0  # before that, from which it is counted down


@dataclass(slots=True)
class StepProgress:
    """One step of connecting and when it ran, in seconds of the caller's clock."""

    state: StepState = "waiting"
    begun: float | None = None
    ended: float | None = None

    def seconds(self, now: float) -> float | None:
        """How long it took, or has taken until now; None before it begins."""
        if self.begun is None:
            return None
        return (self.ended if self.ended is not None else now) - self.begun


@dataclass(frozen=True, slots=True)
class Send:
    """To do: send the message with this id, and the transcript before it."""

    id: str


@dataclass(frozen=True, slots=True)
class Greet:
    """To do: have the agent greet the user, who has not said anything yet."""


@dataclass(frozen=True, slots=True)
class Interrupt:
    """To do: tell the service to stop this utterance, and silence the speaker at once."""

    video_id: str


@dataclass(frozen=True, slots=True)
class DropStream:
    """To do: close the stream, which this mode does not show; the chat goes on."""


@dataclass(frozen=True, slots=True)
class Explain:
    """To do: tell the user in words."""

    text: str


Effect: TypeAlias = Send | Greet | Interrupt | DropStream | Explain


class Conversation:
    """What is true about one conversation: phase, activity, connectivity, mode, transcript.

    ``recovery`` is the event that tells of a connection being made anew, until it is there.
    ``delayed`` is what the service makes us wait for, and until when. ``room`` says that it is held
    in a room, ``resuming`` that the connection to it is being taken up again.
    """

    def __init__(self, mode: Mode = "Functional") -> None:
        self.phase: Phase = "new"
        self.wished_mode = mode
        self.mode: Mode = mode
        self.connectivity: Connectivity = "unknown"
        self.steps: dict[Step, StepProgress] = {step: StepProgress() for step in STEPS}
        self.transcript = Transcript()
        self.tools = ToolCalls(self.transcript)
        self.fluent = self.interruptible = self.speaking = False
        self.room = self.resuming = False
        self.video_id = ""
        self.utterances_done = 0
        self.reconnections = 0
        self.end_reason: EndReason | None = None
        self.trouble = ""
        self.advice = ""
        self.hindrance: Hindrance = ""
        self.retry_at: float | None = None
        self.recovery: Reconnecting | None = None
        self.delayed: Delayed | None = None
        self.idle_seconds = IDLE_SECONDS
        self._interrupted = False
        self._may_cut = True  # what is being said
        self._turn: int | None = None  # the newest that was told of
        self._in_turn = False
        self.warming = False
        self._active_at: float | None = None

    def apply(self, event: Event, now: float) -> tuple[Effect, ...]:
        """Let an event happen; ``now`` is the caller's clock in seconds."""
        return tuple(self._effects(event, now))

    # Reading it

    @property
    def messages(self) -> list[Message]:
        """What was said, in its order."""
        return self.transcript.messages

    @property
    def plan(self) -> Plan:
        """What can be done in this mode."""
        return PLANS[self.mode]

    @property
    def activity(self) -> Activity:
        """What the agent does: talking, even while a further question waits for its answer."""
        if self.phase != "connected":
            return "idle"
        if self.speaking:
            return "talking"
        if self.tools.working:
            return "working"
        if self.transcript.awaiting or self._in_turn:
            return "loading"
        return "interrupted" if self._interrupted else "idle"

    @property
    def busy(self) -> bool:
        """Whether the agent talks or is about to."""
        return self.activity in ("loading", "working", "talking")

    @property
    def deaf(self) -> bool:
        """Whether the agent talks and cannot be interrupted."""
        may = self.fluent and self.interruptible and self._may_cut and not self.tools.working
        return self.speaking and not may

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.phase in ("disconnected", "failed")

    @property
    def in_words(self) -> str:
        """What is being waited for where that is out of the ordinary; empty otherwise."""
        if self.phase == "disconnecting":
            return "closing the stream at D-ID"
        if self.phase == "connecting" and self.recovery is not None:
            recovery = self.recovery
            return f"reconnecting ({recovery.attempt} of {recovery.most}): {recovery.reason}"
        return "the connection is being taken up again" if self.resuming else ""

    def closes_in(self, now: float) -> float | None:
        """Seconds until D-ID closes the stream because nobody says anything.

        None where that is further away than 30 s, or there is no stream.
        """
        if self.phase != "connected" or self._active_at is None or not self.plan.video:
            return None
        left = self._active_at + self.idle_seconds - now
        return max(0.0, left) if left <= WARN_SECONDS else None

    def waits_until(self, now: float) -> Delayed | None:
        """What the service makes us wait for just now."""
        return self.delayed if self.delayed is not None and now < self.delayed.until else None

    def message(self, message_id: str) -> Message | None:
        """The message with this id."""
        return self.transcript.message(message_id)

    def transcript_until(self, message_id: str) -> list[Message]:
        """What goes out with a message: all that was said before it, and itself."""
        return self.transcript.until(message_id)

    # What each event does

    def _effects(self, event: Event, now: float) -> Iterator[Effect]:
        transcript = self.transcript
        match event:
            case Opening():
                if self.phase in ("new", "disconnected", "failed"):
                    self.recovery, self.mode = None, self.wished_mode
                    self._begin()
            case Reconnecting():
                if self.phase in ("connecting", "connected"):
                    transcript.lose_line(now)
                    self._begin()
                    self.recovery = event
                    self.reconnections += 1
            case StepBegun(step):
                self._step_begun(step, now)
            case StepDone(step):
                self._step_done(step, now)
                yield from self._maybe_connected(now)
            case Failed():
                self._failed(event, now)
            case StreamGranted():
                self.fluent, self.interruptible = event.fluent, event.interruptible
                self.idle_seconds = event.timeout or IDLE_SECONDS
                self.room = event.room
                if event.room and self.steps["answer"].state == "waiting":
                    self.steps["answer"].state = "skipped"
                if event.anew and any(said.role == "assistant" for said in self.messages):
                    yield Explain("This is a new room: the agent does not know what was said.")
                self.warming = event.warmup and not event.fluent
            case WarmupEnded():
                self.warming = False
                yield from self._maybe_connected(now)
            case Delayed():
                self.delayed = event
            case Resuming(on):
                self.resuming = on and self.phase == "connected"
            case Measured(connectivity):
                self.connectivity = connectivity if self.phase == "connected" else "unknown"
            case ModeChanged(mode):
                yield from self._change_mode(mode, now)
            case SocketLost(again):
                if not again and self.phase == "connected":
                    way = "by the video's way" if self.plan.video else "whole, as it responds"
                    yield Explain(f"D-ID's notifications are lost; answers come {way}.")
            case SessionEnded(reason, said):
                if self.plan.video:  # else it is the stream that was dropped, and the talk goes on
                    named = said and reason in ("service", "user", "network")
                    self._end(reason, f"D-ID ended the session ({said})." if named else "", now)
            case Closing():
                if not self.over:
                    self.phase = "disconnecting"
            case Closed(reason):
                self._end(self.end_reason or reason, self.trouble, now)
            case _:
                yield from self._talk(event, now)

    def _talk(self, event: Event, now: float) -> Iterator[Effect]:
        """What each event does to what is said."""
        transcript = self.transcript
        match event:
            case UserSaid(message_id, text):
                if transcript.say(message_id, text, now):
                    self._active_at = now
                    if not self.plan.asks:
                        transcript.fail(message_id, self.plan.refusal)
                yield from self._next_turn()
            case Transcribed(message_id, text):
                transcript.transcribe(message_id, text, now)
                self._active_at = now
            case Greeted(text, message_id):
                transcript.greet(message_id, text, now)
            case Spoke(message_id, text):
                transcript.speak(message_id, text, now)
                self._active_at = now
            case Responded():
                answer = transcript.respond(event.id, event.text, event.citations)
                if answer is not None:
                    transcript.add_answer(answer, now)
                yield from self._change_mode(event.mode, now)
                yield from self._next_turn()
            case SendFailed():
                transcript.fail(event.id, f"{event.reason} {event.advice}".strip())
                yield from self._next_turn()
            case Rated():
                message = transcript.message(event.id)
                if message is not None:
                    message.rating, message.rating_id = event.score, event.rating_id
            case AnswerStalled():
                transcript.give_up()
                yield from self._next_turn()
            case Partial():
                transcript.add_partial(event, now)
            case Answer():
                transcript.add_answer(event, now)
                yield from self._next_turn()
            case TurnBegun(turn):
                if self.phase == "connected" and not self._is_old(turn):
                    self._turn, self._in_turn = turn, True
            case TurnEnded(turn):
                if not self._is_old(turn):
                    self._in_turn = False
            case ToolCalled():
                if self.phase == "connected":
                    self.tools.call(event, now)
            case ToolReturned():
                self.tools.give_back(event)
            case UtteranceStarted(video_id, interruptible):
                if self.phase == "connected":
                    self.speaking, self.video_id, self._interrupted = True, video_id, False
                    self._may_cut = interruptible
                    transcript.begin_speech(now)
            case UtteranceDone():
                if self.speaking:
                    transcript.finish_speech(now)
                self._utterance_over(now)
            case UtteranceFailed(reason):
                self._utterance_over(now)
                if self.phase == "connected":
                    why = f": {reason}" if reason else "."
                    yield Explain(f"The agent could not say this{why}")
            case InterruptAsked():
                yield from self._interrupt(now)

    # Connecting

    def _begin(self) -> None:
        self.phase = "connecting"
        self.steps = {step: StepProgress() for step in STEPS}
        for step in self.plan.skipped:
            self.steps[step].state = "skipped"
        self.end_reason, self.trouble, self.advice = None, "", ""
        self.hindrance, self.retry_at, self.delayed = "", None, None
        self.speaking, self.video_id, self.warming, self._interrupted = False, "", False, False
        self._forget_room()
        self.connectivity = "unknown"

    def _step_begun(self, step: Step, now: float) -> None:
        progress = self.steps[step]
        if self.phase == "connecting" and progress.state == "waiting":
            progress.state, progress.begun = "running", now

    def _step_done(self, step: Step, now: float) -> None:
        progress = self.steps[step]
        if self.phase not in ("connecting", "connected") or progress.state == "done":
            return
        if progress.begun is None:
            progress.begun = now
        progress.state, progress.ended = "done", now

    def _maybe_connected(self, now: float) -> Iterator[Effect]:
        """Connected is: the data channel is open, the chat exists, the warm-up has ended.

        A mode that shows no picture needs the chat only.
        """
        ready = all(self.steps[step].state == "done" for step in self.plan.needs)
        warming = self.warming and self.plan.video
        if self.phase == "connecting" and ready and not warming:
            self.phase, self._active_at = "connected", now
            if self.recovery is not None:
                self.recovery = None
                yield Explain("Connected again.")
            elif not (self.messages or self.room) and self.plan.video and self.plan.asks:
                yield Greet()
            yield from self._next_turn()

    def _failed(self, event: Failed, now: float) -> None:
        if self.over or self.phase == "disconnecting":
            return
        if event.step in STREAM_STEPS and not self.plan.video:
            return  # of the stream that was dropped
        if event.step == "answer" and self.phase == "connected":
            self._step_done("answer", now)  # it did arrive, only the receipt was lost
            return
        progress = self.steps[event.step]
        progress.state, progress.ended = "failed", now
        if progress.begun is None:
            progress.begun = now
        self.trouble, self.advice = event.reason, event.advice
        self.hindrance = event.hindrance
        if event.retry_after is not None:
            self.retry_at = now + event.retry_after
        self._stop_speech(now)
        self._forget_room()
        self.transcript.lose_line(now)
        self.end_reason, self.phase, self.recovery = "error", "failed", None

    def _change_mode(self, text: str, now: float) -> Iterator[Effect]:
        mode = known_mode(text)
        if mode is None or mode == self.mode:
            return
        had_video = self.plan.video
        if PLANS[mode].video and not had_video and self.phase in ("connecting", "connected"):
            return  # there is no stream that could show it; connecting again opens one
        self.mode = mode
        if mode != self.wished_mode and mode in DOWNGRADED:
            yield Explain(DOWNGRADED[mode])
        if had_video and not self.plan.video:
            self._stop_speech(now)
            for step in STREAM_STEPS:
                if self.steps[step].state in ("waiting", "running"):
                    self.steps[step].state = "skipped"
            yield DropStream()
        for message in self.messages:
            if message.state == "waiting" and not self.plan.asks:
                self.transcript.fail(message.id, self.plan.refusal)
        yield from self._maybe_connected(now)

    # Talking

    def _next_turn(self) -> Iterator[Effect]:
        """Send what waits, one message at a time: the next when the one before is answered.

        D-ID refuses requests that pile up on a stream (protocol 2.8, "pending requests limit").
        """
        if self.phase != "connected" or not self.plan.asks:
            return
        message_id = self.transcript.send_next()
        if message_id:
            self._interrupted = False
            if not self.speaking:
                self.transcript.fall_silent()
            yield Send(message_id)

    def _utterance_over(self, now: float) -> None:
        if self.speaking:
            self.utterances_done += 1
            self.transcript.end_speech(now)
        self.speaking, self.video_id, self._interrupted = False, "", False

    def _stop_speech(self, now: float) -> None:
        self.transcript.end_speech(now)
        self.speaking, self.video_id, self._interrupted = False, "", False

    def _is_old(self, turn: int | None) -> bool:
        """Whether a later turn was told of already."""
        return turn is not None and self._turn is not None and turn < self._turn

    def _forget_room(self) -> None:
        """What was going on in a room goes on no more."""
        self.tools.stop()
        self._turn, self._in_turn, self._may_cut, self.resuming = None, False, True, False

    def _interrupt(self, now: float) -> Iterator[Effect]:
        if self.phase != "connected":
            return
        if not self.speaking:
            if self.room and self.busy and self.interruptible and not self.tools.working:
                self._in_turn = False
                yield Interrupt("")
            if self.transcript.awaiting:
                self.transcript.give_up()
                yield from self._next_turn()
        elif self.deaf:
            yield Explain(self._why_deaf)
        elif not self.video_id and not self.room:
            yield Explain("The agent cannot be interrupted yet: it has only just begun.")
        else:
            yield Interrupt(self.video_id)
            self.transcript.cut_speech(now)
            self._utterance_over(now)
            self._interrupted = True

    @property
    def _why_deaf(self) -> str:
        if self.tools.working:
            return "The agent cannot be interrupted while a tool is at work."
        if self.fluent and self.interruptible:
            return "The agent does not let itself be interrupted in what it says now."
        if self.fluent:
            return "This agent cannot be interrupted: that is switched off at D-ID."
        return "This agent cannot be interrupted: it does not stream fluently."

    # Ending

    def _end(self, reason: EndReason, trouble: str, now: float) -> None:
        if self.phase == "failed":
            return
        self._stop_speech(now)
        self._forget_room()
        self.transcript.lose_line(now)
        self.phase, self.end_reason, self.trouble = "disconnected", reason, trouble
        self.recovery, self.connectivity = None, "unknown"
