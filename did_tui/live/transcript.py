"""What was said: messages, the turns that they make, and which of them is being spoken. Pure.

A turn is a user's message and what was answered to it. Text of an answer comes by up to three ways,
in pieces and whole, late, twice or not at all; it is shown once.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from did_tui.live.events import Answer, Citation, Partial, Source
from did_tui.live.spoken import RECORDING, spoken

MessageState: TypeAlias = Literal[
    "waiting",  # the user's: for the line, or for the turn before it
    "sent",
    "failed",
    "streaming",  # the agent's: pieces are arriving
    "done",
    "interrupted",
    "running",  # a tool's: nothing has come back yet
]

LONGEST_MESSAGE = 2000  # characters; D-ID's limit for a user's message (protocol 4.1)
LONGEST_ANSWER = 256 * 1024  # characters of an answer that are kept
MOST_PIECES = 4096  # of one answer, kept while they arrive out of order
LETTERS_A_SECOND = 15.0  # of speech, until an utterance was heard to its end
LONG_ENOUGH = 2.0  # seconds of an utterance that tells how fast this voice speaks


@dataclass(slots=True)
class Message:
    """One message of the transcript; ``at`` is when it began, by the caller's clock.

    ``heard`` is from when to when its speech was heard, by the same clock; the end is None while it
    is being spoken. ``cut`` is how many characters were heard of a message that was interrupted.
    """

    id: str
    role: Literal["user", "assistant", "tool"]
    text: str
    state: MessageState
    at: float
    citations: tuple[Citation, ...] = ()
    trouble: str = ""
    returned: bool = False  # the text went back to where it was written
    source: Source | None = None  # the way by which its pieces come
    wire_id: str = ""  # what the service calls it
    heard: tuple[float, float | None] | None = None
    cut: int | None = None
    transcribed: bool = False  # the service heard the user say it
    rating: int = 0  # 1, -1, or 0 for none
    rating_id: str = ""
    resent: bool = False  # the user's: it went out once more after the line was lost
    _raw: str = ""
    _pieces: dict[int, str] = field(default_factory=dict)
    _next: int = 0

    @property
    def heard_text(self) -> str:
        """The text as far as it was spoken: all of it, unless it was cut."""
        return self.text if self.cut is None else self.text[: self.cut].rstrip()

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

    def begin_again(self, wire_id: str, source: Source) -> None:
        """Take the pieces of an answer that is given anew, in place of what came of it before."""
        self.text, self.state, self.wire_id, self.source = "", "streaming", wire_id, source
        self.heard, self.cut = None, None
        self._raw, self._next = "", 0
        self._pieces.clear()


@dataclass(slots=True)
class _Turn:
    """A user's message and what was answered to it.

    ``delivered`` counts the answers that each way has brought. ``torn`` is what had come of the
    answer when the line was lost: the answer to the repeated message takes its place.
    """

    id: str = ""
    answers: list[Message] = field(default_factory=list)
    delivered: Counter[str] = field(default_factory=Counter)
    citations: tuple[Citation, ...] = ()
    responded: bool = False
    ids: set[str] = field(default_factory=set)  # what the service calls its answers
    torn: Message | None = None

    @property
    def open_answer(self) -> Message | None:
        """The answer of which pieces are still arriving."""
        last = self.answers[-1] if self.answers else None
        return last if last is not None and last.state == "streaming" else None

    def brought(self, event: Answer) -> int | None:
        """Which of the finished answers this is again, None where it is a new one."""
        same = _letters(event.text)
        for index, answer in enumerate(self.answers):
            if answer.state == "streaming":
                continue
            if event.source == "response" or same == _letters(answer.text):
                return index
        return None


class Transcript:
    """The messages in their order.

    ``awaiting`` is the id of the message whose answer is awaited, ``spoken`` is the message that
    the agent is saying.
    """

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.awaiting = ""
        self.spoken: Message | None = None
        self._turn = _Turn()
        self._before = _Turn()
        self._turns: dict[str, _Turn] = {}
        self._abandoned_text = ""
        self._old_ids: set[str] = set()  # of answers of earlier turns, and of abandoned ones
        self._speech_over: set[str] = set()  # ids of what was spoken, or never will be
        self._speech_began: float | None = None
        self._speed = LETTERS_A_SECOND

    # Reading it

    def message(self, message_id: str) -> Message | None:
        """The message with this id."""
        return next((message for message in self.messages if message.id == message_id), None)

    def until(self, message_id: str) -> list[Message]:
        """What goes out with a message: all that was said before it, and itself."""
        said: list[Message] = []
        for message in self.messages:
            if message.id == message_id:
                return [*said, message]
            fit = message.role != "tool" and message.state not in ("waiting", "failed")
            if message.text and fit:
                said.append(message)
        return said

    def answers_to(self, message_id: str) -> list[Message] | None:
        """What was answered to a message; None while more is to be expected."""
        turn = self._turns.get(message_id)
        if turn is None or self.awaiting == message_id or turn.open_answer is not None:
            return None
        return list(turn.answers) if turn.responded else None

    def stamp(self) -> tuple[object, ...]:
        """Changes whenever something that is kept of the messages does."""
        return tuple(
            (said.id, said.state, len(said.text), said.heard, said.cut, said.rating, said.citations)
            for said in self.messages
        )

    @property
    def at_rest(self) -> bool:
        """Whether nothing is being answered or said."""
        return not self.awaiting and self.spoken is None and self._turn.open_answer is None

    @property
    def progress(self) -> tuple[str, int]:
        """Changes whenever something of the awaited answer comes: its message, its length."""
        answer = self._turn.open_answer
        return self.awaiting, len(answer.text) if answer is not None else 0

    # What the user says

    def say(self, message_id: str, text: str, now: float) -> bool:
        """Keep a message that is to be sent; False where it is none, or is here already."""
        text = well_formed(text.strip())
        if not text or self.message(message_id) is not None:
            return False
        self.messages.append(Message(message_id, "user", text[:LONGEST_MESSAGE], "waiting", now))
        return True

    def transcribe(self, message_id: str, text: str, now: float) -> None:
        """Keep what the service heard the user say: it has the answer in the making already."""
        text = well_formed(text.strip())[:LONGEST_ANSWER]
        if not text or (message_id and self.message(message_id) is not None):
            return
        message = Message(self._free_id(message_id, "heard"), "user", text, "sent", now)
        message.transcribed = True
        self.messages.append(message)
        self.awaiting = message.id
        self._begin_turn(message.id)

    def remember(self, role: Literal["user", "assistant"], text: str, now: float) -> None:
        """Keep what was said in an earlier conversation that goes on."""
        state: MessageState = "sent" if role == "user" else "done"
        own_id = self._free_id("", "earlier")
        self.messages.append(Message(own_id, role, well_formed(text)[:LONGEST_ANSWER], state, now))

    def send_next(self) -> str:
        """Begin the turn of the first message that waits; its id, empty where there is none."""
        message = next((said for said in self.messages if said.state == "waiting"), None)
        if message is None or self.awaiting:
            return ""
        message.state = "sent"
        self.awaiting = message.id
        self._begin_turn(message.id)
        return message.id

    def _begin_turn(self, message_id: str) -> None:
        for earlier in self.messages:
            if earlier.state == "streaming":
                self._abandon(earlier)
        self._old_ids |= self._turn.ids
        before = self._turns.get(message_id)
        # A message that goes out again does so by a new line: the old one says nothing late.
        self._before = self._turn if before is None else _Turn()
        torn = None if before is None else before.torn
        self._turn = self._turns[message_id] = _Turn(message_id, torn=torn)

    def fail(self, message_id: str, trouble: str) -> None:
        """A message did not get through, unless its answer is here."""
        message = self.message(message_id)
        turn = self._turns.get(message_id)
        if message is None or message.state not in ("waiting", "sent"):
            return
        if turn is not None and turn.answers:
            return  # it did arrive
        message.state, message.trouble = "failed", trouble
        if self.awaiting == message_id:
            self.awaiting = ""

    def lose_line(self, now: float) -> None:
        """The stream is gone: the message that nobody answered waits again, once."""
        message = self.message(self.awaiting)
        turn, self.awaiting = self._turn, ""
        self.end_speech(now)
        torn = turn.open_answer
        if torn is not None:
            self._abandon(torn)
        self._abandoned_text = ""  # what the old line still had to say is lost with it
        if message is None:
            return
        if message.resent:
            message.state = "failed"
            message.trouble = "The connection was lost twice before an answer came."
            return
        message.state, message.resent = "waiting", True
        turn.torn = torn

    def give_up(self) -> None:
        """Wait no longer for an answer: a late one is dropped."""
        self.awaiting = ""
        answer = self._turn.open_answer
        if answer is not None:
            self._abandon(answer)

    def _abandon(self, answer: Message) -> None:
        self._abandoned_text = answer.text
        if answer.wire_id:
            self._old_ids.add(answer.wire_id)
        answer.state = "interrupted"

    # What the agent says

    def greet(self, message_id: str, text: str, now: float) -> None:
        """A greeting belongs before the first thing the user says, however late it is known."""
        if not text.strip() or (message_id and self.message(message_id) is not None):
            return
        greeting = Message(self._free_id(message_id, "greeting"), "assistant", text, "done", now)
        first = next((i for i, said in enumerate(self.messages) if said.role == "user"), None)
        self.messages.insert(len(self.messages) if first is None else first, greeting)
        self._follow_speech()

    def speak(self, message_id: str, text: str, now: float) -> None:
        """The agent was asked to say this."""
        if text.strip() and self.message(message_id) is None:
            own_id = self._free_id(message_id, "spoken")
            text = well_formed(text)[:LONGEST_ANSWER]
            self.messages.append(Message(own_id, "assistant", text, "done", now))
            self._follow_speech()

    def note_tool(self, text: str, now: float) -> Message:
        """A tool is at work: a line among what is said."""
        message = Message(self._free_id("", "tool"), "tool", text, "running", now)
        self.messages.append(message)
        return message

    def respond(self, message_id: str, text: str, citations: tuple[Citation, ...]) -> Answer | None:
        """The service took a message; the answer to take in, where its text came along."""
        turn = self._turns.get(message_id)
        if turn is None:
            return None
        turn.responded = True
        if citations:
            turn.citations = citations
            if turn.answers:
                turn.answers[0].citations = citations
        return Answer(text, "response") if text and turn is self._turn else None

    def add_partial(self, event: Partial, now: float) -> None:
        """Take a piece of an answer."""
        turn = self._turn
        if not event.text or self._is_of_old(event.id):
            return
        if turn.delivered[event.source] and event.sequence != 0:
            return  # left over from an answer that is closed; a further one begins at 0
        message = turn.open_answer
        if message is None:
            if len(turn.answers) > turn.delivered[event.source]:
                return  # another way was faster
            if self._abandoned_text and event.sequence not in (0, None):
                return  # left over from the turn before
            if self._repeats(turn, event) or self._repeats(self._before, event):
                return
            message = self._new_answer(event.id, event.source, now)
        elif not message.text and self._repeats(self._before, event):
            self._withdraw(message)
            return
        if message.source == event.source:
            message.add_piece(event.sequence, event.text)
            self._follow_speech()

    def add_answer(self, event: Answer, now: float) -> None:
        """Take a whole answer."""
        text = well_formed(event.text.strip())[:LONGEST_ANSWER]
        turn = self._turn
        message = turn.open_answer
        if self._is_of_old(event.id) or self._is_of_abandoned_turn(event, message):
            return
        if not text:
            self.awaiting = ""
            return
        again = turn.brought(event)
        if again is not None:
            turn.delivered[event.source] = max(turn.delivered[event.source], again + 1)
            return
        if (message is None or not message.text) and self._is_late(event):
            if message is not None:
                self._withdraw(message)
            return
        turn.delivered[event.source] += 1
        if message is None:
            message = self._new_answer(event.id, event.source, now)
        elif not message.text and event.id != message.wire_id:
            self._old_ids.add(message.wire_id)  # it was opened by something left over
            message.wire_id = event.id
        self._abandoned_text = ""
        shown = message.text.rstrip()
        cut = len(text) < len(shown) and shown.startswith(text)
        message.text = text
        message.state = "interrupted" if cut else "done"
        self.awaiting = ""
        self._follow_speech()

    def _is_of_old(self, wire_id: str) -> bool:
        """Whether an id belongs to an answer that is over; what is new is this turn's."""
        if not wire_id:
            return False
        if wire_id in self._old_ids:
            return True
        self._turn.ids.add(wire_id)
        return False

    def _withdraw(self, answer: Message) -> None:
        """Forget an answer of which nothing is shown: it was one of the turn before."""
        self._old_ids.add(answer.wire_id)
        self._turn.answers.remove(answer)
        self.messages.remove(answer)

    def _is_late(self, event: Answer) -> bool:
        """Whether it is the answer of the turn before, by a way that is slower."""
        again = self._before.brought(event) if event.source != "response" else None
        if again is None or self._before.delivered[event.source] > again:
            return False
        self._before.delivered[event.source] = again + 1
        self._old_ids.add(event.id)
        return True

    def _repeats(self, turn: _Turn, event: Partial) -> bool:
        """Whether a piece begins an answer that this turn has already, whole."""
        if event.sequence not in (0, None):
            return False
        skipped = 0 if turn is self._turn else turn.delivered[event.source]
        begin = event.text.rstrip()
        return any(answer.text.startswith(begin) for answer in turn.answers[skipped:])

    def _is_of_abandoned_turn(self, event: Answer, open_answer: Message | None) -> bool:
        if open_answer is not None or not self._abandoned_text:
            return False
        if not event.text.startswith(self._abandoned_text):
            return False
        self._abandoned_text = ""
        return True

    def _new_answer(self, wire_id: str, source: Source, now: float) -> Message:
        turn = self._turn
        message, turn.torn = turn.torn, None
        if message is not None:
            message.begin_again(wire_id, source)
            self._speech_over.discard(message.id)
        else:
            own_id = self._free_id(wire_id, "answer")
            message = Message(own_id, "assistant", "", "streaming", now, source=source)
            message.wire_id = wire_id
            self.messages.append(message)
        if not turn.answers:
            message.citations = turn.citations
        turn.answers.append(message)
        asked = self.message(turn.id)
        if asked is not None and asked.state == "failed":
            asked.state, asked.trouble = "sent", ""  # it did arrive: only the receipt was lost
        return message

    def _free_id(self, wished: str, kind: str) -> str:
        if wished and self.message(wished) is None:
            return wished
        number = len(self.messages)
        while self.message(f"{kind}-{number}") is not None:
            number += 1
        return f"{kind}-{number}"

    # What is heard of it

    def begin_speech(self, now: float) -> None:
        """The agent begins to say the oldest message that was not spoken yet, or one to come."""
        self.end_speech(now)
        self._speech_began = now
        self._follow_speech()

    def end_speech(self, now: float) -> None:
        """The agent has finished."""
        self._speech_began = None
        if self.spoken is not None and self.spoken.heard is not None:
            self.spoken.heard = (self.spoken.heard[0], max(now, self.spoken.heard[0]))
        self.spoken = None

    def finish_speech(self, now: float) -> None:
        """The agent has said all of it, which tells how fast this voice speaks."""
        message = self.spoken
        if message is not None and message.heard is not None and message.state == "done":
            seconds = now - message.heard[0]
            words = spoken(message.text)
            if seconds > LONG_ENOUGH and words != RECORDING:
                self._speed = len(words) / seconds
        self.end_speech(now)

    def cut_speech(self, now: float) -> None:
        """The agent was interrupted: what it was saying ends with the word that was heard.

        What it had still to say is forgotten: the next speech is of what comes after this.
        """
        message = self.spoken
        if message is None:
            answer = self._turn.answers[-1] if self._turn.answers else None
            if answer is not None:
                answer.state = "interrupted"
        else:
            message.state = "interrupted"
            if message.heard is not None:
                message.cut = cut_after(message.text, now - message.heard[0], self._speed)
        self.end_speech(now)
        self._forget_speech()

    def fall_silent(self) -> None:
        """A new question in silence: what was said before it will not be spoken any more."""
        if self.spoken is None and self._speech_began is None:
            self._forget_speech()

    def _forget_speech(self) -> None:
        self._speech_over.update(m.id for m in self.messages if m.role == "assistant")

    def _follow_speech(self) -> None:
        if self.spoken is not None or self._speech_began is None:
            return
        for message in self.messages:
            fresh = message.role == "assistant" and message.id not in self._speech_over
            if fresh and message.text and message.state != "interrupted":
                self._speech_over.add(message.id)
                self.spoken, message.heard = message, (self._speech_began, None)
                return


def cut_after(text: str, seconds: float, speed: float) -> int:
    """How many characters of a text are heard in so many seconds, to the end of a word.

    ``speed`` is in letters that are spoken: addresses and the marks of Markdown take no time.
    """
    heard = int(max(0.0, seconds) * speed)
    if not heard:
        return 0
    ends = [found.end() for found in re.finditer(r"\S+", text)]
    cut = bisect_left(ends, heard, key=lambda end: len(spoken(text[:end])))
    return ends[cut] if cut < len(ends) else len(text)


def well_formed(text: str) -> str:
    """The text without half characters: two that belong together are joined, others replaced.

    JSON may carry the two halves of a character of another plane in two messages.
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _letters(text: str) -> str:
    """What makes two texts the same words, however spaces and signs were carried."""
    return "".join(filter(str.isalnum, well_formed(text))).casefold() or text.strip()
