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
    Source,
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
    "waiting",  # the user's: for the line, or for the turn before it
    "sent",
    "failed",
    "streaming",  # the agent's: pieces are arriving
    "done",
    "interrupted",
]

LONGEST_MESSAGE = 2000  # characters; D-ID's limit for a user's message (protocol 4.1)
LONGEST_ANSWER = 256 * 1024  # characters of an answer that are kept
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
    source: Source | None = None  # the way by which its pieces come
    wire_id: str = ""  # what the service calls it
    _raw: str = ""
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
            self._raw = (self._raw + self._pieces.pop(self._next))[:LONGEST_ANSWER]
            self._next += 1
        self.text = well_formed(self._raw)


@dataclass(slots=True)
class _Turn:
    """A user's message and what was answered to it.

    ``delivered`` counts the answers that each way has brought: the n-th of one is the n-th of all.
    """

    id: str = ""
    answers: list[Message] = field(default_factory=list)
    delivered: Counter[str] = field(default_factory=Counter)
    citations: tuple[Citation, ...] = ()

    @property
    def open_answer(self) -> Message | None:
        """The answer of which pieces are still arriving."""
        last = self.answers[-1] if self.answers else None
        return last if last is not None and last.state == "streaming" else None


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
    """To do: tell the user in words."""

    text: str


Effect: TypeAlias = Send | Greet | Interrupt | Explain


class Conversation:
    """What is true about one conversation: phase, activity, transcript."""

    def __init__(self) -> None:
        self.phase: Phase = "new"
        self.mode = "Functional"
        self.steps: dict[Step, StepProgress] = {step: StepProgress() for step in STEPS}
        self.messages: list[Message] = []
        self.fluent = False
        self.interruptible = False
        self.speaking = False
        self.video_id = ""
        self.utterances_done = 0
        self.end_reason: EndReason | None = None
        self.trouble = ""
        self.advice = ""
        self._warming = False
        self._awaiting = ""  # the message whose answer is awaited
        self._turn = _Turn()
        self._turns: dict[str, _Turn] = {}
        self._abandoned_text = ""
        self._abandoned_ids: set[str] = set()

    def apply(self, event: Event, now: float) -> tuple[Effect, ...]:
        """Let an event happen; ``now`` is the caller's clock in seconds."""
        return tuple(self._effects(event, now))

    # Reading it

    @property
    def activity(self) -> Activity:
        """What the agent does: talking, even while a further question waits for its answer."""
        if self.phase != "connected":
            return "idle"
        if self.speaking:
            return "talking"
        return "loading" if self._awaiting else "idle"

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.phase in ("disconnected", "failed")

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
                self._user_said(event, now)
                yield from self._next_turn()
            case Greeted(text):
                self._greeted(text, now)
            case Responded():
                yield from self._responded(event, now)
            case SendFailed():
                self._send_failed(event)
                yield from self._next_turn()
            case Partial():
                self._partial(event, now)
            case Answer():
                self._answer(event, now)
                yield from self._next_turn()
            case UtteranceStarted(video_id):
                if self.phase == "connected":
                    self.speaking, self.video_id = True, video_id
            case UtteranceDone():
                self._utterance_over()
            case UtteranceFailed(reason):
                self._utterance_over()
                if self.phase == "connected":
                    why = f": {reason}" if reason else "."
                    yield Explain(f"The agent could not say this{why}")
            case InterruptAsked():
                yield from self._interrupt()
            case SessionEnded(reason, said):
                self._end(reason, f"D-ID ended the session ({said})." if said else "")
            case Closing():
                if not self.over:
                    self.phase = "disconnecting"
            case Closed(reason):
                self._end(self.end_reason or reason, self.trouble)

    # Connecting

    def _begin(self) -> None:
        self.phase = "connecting"
        self.steps = {step: StepProgress() for step in STEPS}
        self.end_reason, self.trouble, self.advice = None, "", ""
        self.speaking, self.video_id, self._warming, self._awaiting = False, "", False, ""
        self._abandoned_text = ""
        self._abandoned_ids.clear()

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
            yield from self._next_turn()

    def _failed(self, event: Failed, now: float) -> None:
        if self.over or self.phase == "disconnecting":
            return
        progress = self.steps[event.step]
        progress.state, progress.ended = "failed", now
        if progress.begun is None:
            progress.begun = now
        self.trouble, self.advice = event.reason, event.advice
        self.end_reason, self.phase = "error", "failed"

    # Talking

    def _user_said(self, event: UserSaid, now: float) -> None:
        text = well_formed(event.text.strip())
        if text and self.message(event.id) is None:
            self.messages.append(Message(event.id, "user", text[:LONGEST_MESSAGE], "waiting", now))

    def _next_turn(self) -> Iterator[Effect]:
        """Send what waits, one message at a time: the next when the one before is answered.

        D-ID refuses requests that pile up on a stream (protocol 2.8, "pending requests limit").
        """
        if self.phase != "connected" or self._awaiting:
            return
        message = next((said for said in self.messages if said.state == "waiting"), None)
        if message is None:
            return
        for earlier in self.messages:
            if earlier.state == "streaming":
                self._abandon(earlier)
        message.state = "sent"
        self._awaiting = message.id
        self._turn = self._turns[message.id] = _Turn(message.id)
        yield Send(message.id)

    def _abandon(self, answer: Message) -> None:
        self._abandoned_text = answer.text
        if answer.wire_id:
            self._abandoned_ids.add(answer.wire_id)
        answer.state = "interrupted"

    def _greeted(self, text: str, now: float) -> None:
        """A greeting belongs before the first thing the user says, however late it is known."""
        if not text.strip():
            return
        greeting = Message(f"greeting-{len(self.messages)}", "assistant", text, "done", now)
        first = next((i for i, said in enumerate(self.messages) if said.role == "user"), None)
        self.messages.insert(len(self.messages) if first is None else first, greeting)

    def _responded(self, event: Responded, now: float) -> Iterator[Effect]:
        if event.mode and event.mode != self.mode:
            self.mode = event.mode
            if event.mode == "TextOnly":
                yield Explain("D-ID answers in text only now: the account's credits ran out.")
        turn = self._turns.get(event.id)
        if turn is None:
            return
        if event.citations:
            turn.citations = event.citations
            if turn.answers:
                turn.answers[0].citations = event.citations
        if event.text and turn is self._turn:
            self._answer(Answer(event.text, "response"), now)
        yield from self._next_turn()

    def _send_failed(self, event: SendFailed) -> None:
        message = self.message(event.id)
        turn = self._turns.get(event.id)
        if message is None or message.state not in ("waiting", "sent"):
            return
        if turn is not None and turn.answers:
            return  # it did arrive: its answer is here
        message.state = "failed"
        message.trouble = f"{event.reason} {event.advice}".strip()
        if self._awaiting == event.id:
            self._awaiting = ""

    def _partial(self, event: Partial, now: float) -> None:
        turn = self._turn
        if not event.text or (event.id and event.id in self._abandoned_ids):
            return
        if turn.delivered[event.source] and event.sequence != 0:
            return  # left over from an answer that is closed; a further one begins at 0
        message = turn.open_answer
        if message is None:
            if len(turn.answers) > turn.delivered[event.source]:
                return  # another way was faster
            if self._abandoned_text and event.sequence not in (0, None):
                return  # left over from the turn before
            message = self._new_answer(event.id, event.source, now)
        if message.source == event.source:
            message.add_piece(event.sequence, event.text)

    def _answer(self, event: Answer, now: float) -> None:
        text = well_formed(event.text.strip())[:LONGEST_ANSWER]
        turn = self._turn
        message = turn.open_answer
        if self._is_of_abandoned_turn(event, message):
            return
        if not text:
            self._awaiting = ""
            return
        index = turn.delivered[event.source]
        turn.delivered[event.source] += 1
        if index < len(turn.answers):
            message = turn.answers[index]
            if message.state != "streaming":
                return  # the same answer, by another way
        elif message is None:
            message = self._new_answer(event.id, event.source, now)
        self._abandoned_text = ""
        shown = message.text.rstrip()
        cut = len(text) < len(shown) and shown.startswith(text)
        message.text = text
        message.state = "interrupted" if cut else "done"
        self._awaiting = ""

    def _is_of_abandoned_turn(self, event: Answer, open_answer: Message | None) -> bool:
        if event.id and event.id in self._abandoned_ids:
            return True
        if open_answer is not None or not self._abandoned_text:
            return False
        if not event.text.startswith(self._abandoned_text):
            return False
        self._abandoned_text = ""
        return True

    def _new_answer(self, wire_id: str, source: Source, now: float) -> Message:
        taken = not wire_id or self.message(wire_id) is not None
        own_id = f"answer-{len(self.messages)}" if taken else wire_id
        message = Message(own_id, "assistant", "", "streaming", now, source=source, wire_id=wire_id)
        if not self._turn.answers:
            message.citations = self._turn.citations
        self.messages.append(message)
        self._turn.answers.append(message)
        return message

    # Speaking

    def _utterance_over(self) -> None:
        if self.speaking:
            self.utterances_done += 1
        self.speaking, self.video_id = False, ""

    def _interrupt(self) -> Iterator[Effect]:
        if self.phase != "connected":
            return
        if not self.speaking:
            yield from self._give_up_waiting()
        elif not self.fluent or not self.interruptible:
            yield Explain("This agent cannot be interrupted: it does not stream fluently.")
        elif not self.video_id:
            yield Explain("The agent cannot be interrupted yet: it has only just begun.")
        else:
            yield Interrupt(self.video_id)
            self._utterance_over()
            if self._turn.answers:
                self._turn.answers[-1].state = "interrupted"

    def _give_up_waiting(self) -> Iterator[Effect]:
        """Wait no longer for an answer: the next message goes out, a late answer is dropped."""
        if not self._awaiting:
            return
        self._awaiting = ""
        answer = self._turn.open_answer
        if answer is not None:
            self._abandon(answer)
        yield from self._next_turn()

    # Ending

    def _end(self, reason: EndReason, trouble: str) -> None:
        if self.phase == "failed":
            return
        self.phase, self.speaking, self.video_id, self._awaiting = "disconnected", False, "", ""
        self.end_reason = reason
        self.trouble = trouble
        for message in self.messages:
            if message.state == "streaming":
                message.state = "interrupted"


def well_formed(text: str) -> str:
    """The text without half characters: two that belong together are joined, others replaced.

    JSON may carry the two halves of a character of another plane in two messages.
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
