"""The rules of a conversation, without I/O.

``Conversation.apply`` takes one event and returns what is to be done about it. It accepts any event
in any order, any number of times, and never raises; a text that arrives by several ways is shown
once. The rules are those of CONTRIBUTING.md, "The conversation".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from did_tui.live.events import (
    STEPS,
    Answer,
    Citation,
    Closed,
    Closing,
    EndReason,
    Event,
    Failed,
    Greeted,
    InterruptAsked,
    Opening,
    Partial,
    Responded,
    SendFailed,
    SessionEnded,
    Step,
    StepBegun,
    StepDone,
    StreamGranted,
    UserSaid,
    UtteranceDone,
    UtteranceFailed,
    UtteranceStarted,
    WarmupEnded,
)

Phase: TypeAlias = Literal[
    "new", "connecting", "connected", "disconnecting", "disconnected", "failed"
]
Activity: TypeAlias = Literal["idle", "loading", "talking"]
StepState: TypeAlias = Literal["waiting", "running", "done", "failed"]
MessageState: TypeAlias = Literal[
    "waiting",  # the user's: sent when connected
    "sent",
    "failed",
    "streaming",  # the agent's: pieces are arriving
    "done",
    "interrupted",
]

LONGEST_MESSAGE = 2000  # characters; D-ID's limit for a user's message (protocol 4.1)
MOST_PIECES = 4096  # of one answer, kept while they arrive out of order


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


@dataclass(slots=True)
class Message:
    """One message of the transcript; ``at`` is when it began, by the caller's clock."""

    id: str
    role: Literal["user", "assistant"]
    text: str
    state: MessageState
    at: float
    citations: tuple[Citation, ...] = ()
    trouble: str = ""
    returned: bool = False  # the text went back to where it was written
    _pieces: dict[int, str] = field(default_factory=dict)
    _next: int = 0

    def add_piece(self, sequence: int | None, text: str) -> None:
        """Keep a piece and show the prefix without gaps."""
        if sequence is None:
            sequence = self._next
        if sequence < self._next or len(self._pieces) >= MOST_PIECES:
            return
        self._pieces[sequence] = text
        while self._next in self._pieces:
            self.text += self._pieces.pop(self._next)
            self._next += 1


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
class Explain:
    """To do: tell the user in words why something cannot be done."""

    text: str


Effect: TypeAlias = Send | Greet | Interrupt | Explain


class Conversation:
    """What is true about one conversation: phase, activity, transcript."""

    def __init__(self) -> None:
        self.phase: Phase = "new"
        self.activity: Activity = "idle"
        self.mode = "Functional"
        self.steps: dict[Step, StepProgress] = {step: StepProgress() for step in STEPS}
        self.messages: list[Message] = []
        self.fluent = False
        self.interruptible = False
        self.video_id = ""
        self.end_reason: EndReason | None = None
        self.trouble = ""
        self.advice = ""
        self._warming = False
        #: Answers of this turn that each source has delivered; the same answer comes by several.
        self._answered: Counter[str] = Counter()
        self._answers_of_turn: list[Message] = []
        self._abandoned = ""

    def apply(self, event: Event, now: float) -> tuple[Effect, ...]:
        """Let an event happen; ``now`` is the caller's clock in seconds."""
        return tuple(self._effects(event, now))

    # Reading it

    def message(self, message_id: str) -> Message | None:
        """The message with this id."""
        return next((message for message in self.messages if message.id == message_id), None)

    def transcript_until(self, message_id: str) -> list[Message]:
        """What goes out with a message: all that was said before it, and itself."""
        said: list[Message] = []
        for message in self.messages:
            if message.id == message_id:
                return [*said, message]
            if message.text and message.state not in ("waiting", "failed"):
                said.append(message)
        return said

    @property
    def over(self) -> bool:
        """Whether it has ended for good."""
        return self.phase in ("disconnected", "failed")

    # What each event does

    def _effects(self, event: Event, now: float) -> Iterator[Effect]:
        match event:
            case Opening():
                if self.phase in ("new", "disconnected", "failed"):
                    self._begin()
            case StepBegun(step):
                self._step_begun(step, now)
            case StepDone(step):
                self._step_done(step, now)
                yield from self._maybe_connected()
            case Failed():
                self._failed(event, now)
            case StreamGranted():
                self.fluent, self.interruptible = event.fluent, event.interruptible
                self._warming = event.warmup and not event.fluent
            case WarmupEnded():
                self._warming = False
                yield from self._maybe_connected()
            case UserSaid():
                yield from self._user_said(event, now)
            case Greeted(text):
                if text.strip():
                    number = f"greeting-{len(self.messages)}"
                    self.messages.append(Message(number, "assistant", text, "done", now))
            case Responded():
                self._responded(event, now)
            case SendFailed():
                self._send_failed(event)
            case Partial():
                self._partial(event, now)
            case Answer(text, source):
                self._answer(text, source, now)
            case UtteranceStarted(video_id):
                if self.phase == "connected":
                    self.activity, self.video_id = "talking", video_id
            case UtteranceDone() | UtteranceFailed():
                if self.activity == "talking" or isinstance(event, UtteranceFailed):
                    self.activity = "idle"
                self.video_id = ""
            case InterruptAsked():
                yield from self._interrupt()
            case SessionEnded(reason, said):
                self._end(reason, f"D-ID ended the session ({said})." if said else "")
            case Closing():
                if not self.over:
                    self.phase = "disconnecting"
            case Closed(reason):
                self._end(self.end_reason or reason, self.trouble)

    def _begin(self) -> None:
        self.phase, self.activity = "connecting", "idle"
        self.steps = {step: StepProgress() for step in STEPS}
        self.end_reason, self.trouble, self.advice, self.video_id = None, "", "", ""

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

    def _maybe_connected(self) -> Iterator[Effect]:
        """Connected is: the data channel is open, the chat exists, the warm-up has ended."""
        ready = all(self.steps[step].state == "done" for step in ("channel", "chat"))
        if self.phase == "connecting" and ready and not self._warming:
            self.phase = "connected"
            if not self.messages:
                yield Greet()
            for message in self.messages:
                if message.state == "waiting":
                    yield from self._sent(message)

    def _failed(self, event: Failed, now: float) -> None:
        if self.over or self.phase == "disconnecting":
            return
        progress = self.steps[event.step]
        progress.state, progress.ended = "failed", now
        if progress.begun is None:
            progress.begun = now
        self.trouble, self.advice = event.reason, event.advice
        self.end_reason, self.phase, self.activity = "error", "failed", "idle"

    def _user_said(self, event: UserSaid, now: float) -> Iterator[Effect]:
        text = event.text.strip()
        if not text or self.message(event.id) is not None:
            return
        message = Message(event.id, "user", text[:LONGEST_MESSAGE], "waiting", now)
        self.messages.append(message)
        if self.phase == "connected":
            yield from self._sent(message)

    def _sent(self, message: Message) -> Iterator[Effect]:
        """A new turn begins; what was left of the one before is abandoned."""
        self._abandoned = ""
        for earlier in self.messages:
            if earlier.state == "streaming":
                self._abandoned = earlier.text
                earlier.state = "interrupted"
        self._answered.clear()
        self._answers_of_turn = []
        message.state = "sent"
        self.activity = "loading"
        yield Send(message.id)

    def _responded(self, event: Responded, now: float) -> None:
        if event.mode:
            self.mode = event.mode
        if event.text:
            self._answer(event.text, "response", now)
        question = self.message(event.id)
        if question is None or not event.citations:
            return
        question.citations = event.citations
        if self._answers_of_turn:
            self._answers_of_turn[0].citations = event.citations

    def _send_failed(self, event: SendFailed) -> None:
        message = self.message(event.id)
        if message is not None and message.state in ("waiting", "sent"):
            message.state, message.trouble = "failed", event.reason
            if self.activity == "loading":
                self.activity = "idle"

    def _partial(self, event: Partial, now: float) -> None:
        if not event.text:
            return
        if self._answered[event.source] and event.sequence != 0:
            return  # left over from an answer that is closed; a further one begins at 0
        message = self._open_answer()
        if message is None:
            if len(self._answers_of_turn) > self._answered[event.source]:
                return  # another way was faster
            message = self._new_answer(event.id, now)
        message.add_piece(event.sequence, event.text)

    def _answer(self, text: str, source: str, now: float) -> None:
        if not text.strip():
            return
        message = self._open_answer()
        if message is None and self._is_of_abandoned_turn(text):
            self._abandoned = ""
            return
        index = self._answered[source]
        self._answered[source] += 1
        if index < len(self._answers_of_turn):
            message = self._answers_of_turn[index]
            if message.state != "streaming":
                return  # the same answer, by another way
        elif message is None:
            message = self._new_answer("", now)
        shown = message.text.rstrip()
        cut = len(text.rstrip()) < len(shown) and shown.startswith(text.rstrip())
        message.text = text
        message.state = "interrupted" if cut else "done"
        if self.activity == "loading":
            self.activity = "idle"

    def _is_of_abandoned_turn(self, text: str) -> bool:
        return bool(self._abandoned) and text.startswith(self._abandoned)

    def _open_answer(self) -> Message | None:
        last = self._answers_of_turn[-1] if self._answers_of_turn else None
        return last if last is not None and last.state == "streaming" else None

    def _new_answer(self, message_id: str, now: float) -> Message:
        taken = not message_id or self.message(message_id) is not None
        new_id = f"answer-{len(self.messages)}" if taken else message_id
        message = Message(new_id, "assistant", "", "streaming", now)
        asked = next((said for said in reversed(self.messages) if said.role == "user"), None)
        if asked is not None and not self._answers_of_turn:
            message.citations = asked.citations
        self.messages.append(message)
        self._answers_of_turn.append(message)
        return message

    def _interrupt(self) -> Iterator[Effect]:
        if self.activity != "talking":
            return
        if not self.fluent or not self.interruptible:
            yield Explain("This agent cannot be interrupted: it does not stream fluently.")
        elif not self.video_id:
            yield Explain("The agent cannot be interrupted yet: it has only just begun.")
        else:
            yield Interrupt(self.video_id)
            self.activity, self.video_id = "idle", ""
            if self._answers_of_turn:
                self._answers_of_turn[-1].state = "interrupted"

    def _end(self, reason: EndReason, trouble: str) -> None:
        if self.phase == "failed":
            return
        self.phase, self.activity, self.video_id = "disconnected", "idle", ""
        self.end_reason = reason
        self.trouble = trouble
        for message in self.messages:
            if message.state == "streaming":
                message.state = "interrupted"
