"""What can happen in a conversation, whoever says so and by whichever way.

The names follow D-ID's events (protocol 3.5, 3.6). An event carries text as it came: what it means
is decided in ``conversation``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from did_tui.api.modes import Mode as Mode

Step: TypeAlias = Literal["agent", "chat", "stream", "answer", "network", "channel", "picture"]
STEPS: tuple[Step, ...] = ("agent", "chat", "stream", "answer", "network", "channel", "picture")

Source: TypeAlias = Literal["socket", "channel", "response"]
EndReason: TypeAlias = Literal[
    "user",  # this side closed it
    "inactivity",  # D-ID closed it: nobody said anything
    "network",  # the connection was lost
    "service",  # D-ID closed it for a reason of its own
    "message_limit",  # D-ID closed a room: the account's messages are used up
    "time_limit",  # D-ID closed a room: it was open for as long as the account allows
    "ended_by_agent",  # the agent closed the room
    "error",  # it could not be set up
]

Connectivity: TypeAlias = Literal["unknown", "strong", "weak"]
Hindrance: TypeAlias = Literal[
    "",  # nothing in particular
    "key",  # 401: the key is refused
    "credits",  # 402: none are left
    "streams",  # 403: too many streams are open
    "rate",  # 429: the service asks to wait
    "offer",  # an offer that cannot be read
]


@dataclass(frozen=True, slots=True)
class Opening:
    """The conversation begins to connect."""


@dataclass(frozen=True, slots=True)
class StepBegun:
    """A step of connecting is under way."""

    step: Step


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step of connecting is done."""

    step: Step


@dataclass(frozen=True, slots=True)
class Failed:
    """Connecting failed: which step, why, and what to do about it.

    ``hindrance`` says what kind of trouble it is where a key of its own helps, ``retry_after`` how
    many seconds the service wants to be left alone.
    """

    step: Step
    reason: str
    advice: str = ""
    hindrance: Hindrance = ""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Reconnecting:
    """A new stream is opened for the same chat: why, and which attempt it is of how many."""

    reason: str
    attempt: int
    most: int


@dataclass(frozen=True, slots=True)
class Delayed:
    """Nothing is asked of the service before ``until``, by the caller's clock."""

    reason: str
    until: float


@dataclass(frozen=True, slots=True)
class Measured:
    """How well media arrive, from the figures of the last interval."""

    connectivity: Connectivity


@dataclass(frozen=True, slots=True)
class ModeChanged:
    """The service answers in another mode than was asked for."""

    mode: str


@dataclass(frozen=True, slots=True)
class SocketLost:
    """The notifications socket is gone; ``again`` says whether it is being opened again."""

    again: bool


@dataclass(frozen=True, slots=True)
class StreamGranted:
    """What the service granted; ``timeout`` are the seconds of silence it allows, None: unknown.

    ``room`` says that it is a room, not a stream: the agent greets by itself and may use tools.
    ``anew`` says that its chat has only begun, whatever was said before.
    """

    fluent: bool
    interruptible: bool
    warmup: bool
    timeout: float | None = None
    room: bool = False
    anew: bool = False


@dataclass(frozen=True, slots=True)
class WarmupEnded:
    """``stream/ready``: a legacy stream's warm-up clip has ended."""


@dataclass(frozen=True, slots=True)
class UserSaid:
    """The user sends a message."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Greeted:
    """The agent was asked to say a greeting."""

    text: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Spoke:
    """The agent was asked to say this, which answers no question."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Transcribed:
    """The service heard the user say this."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class SendFailed:
    """A message did not reach the service."""

    id: str
    reason: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class AnswerStalled:
    """The rest of an answer does not come."""


@dataclass(frozen=True, slots=True)
class Citation:
    """A passage that an answer rests on."""

    title: str
    text: str
    source_url: str = ""
    id: str = ""
    document_id: str = ""
    knowledge_id: str = ""


@dataclass(frozen=True, slots=True)
class Responded:
    """The service took the message; its text may be here, or come another way."""

    id: str
    text: str
    citations: tuple[Citation, ...] = ()
    mode: str = ""


@dataclass(frozen=True, slots=True)
class Rated:
    """The user has rated a message, 1 or -1, or taken that back, 0."""

    id: str
    score: int
    rating_id: str = ""


@dataclass(frozen=True, slots=True)
class Partial:
    """A piece of an answer; pieces count from 0, and None means the next one."""

    text: str
    sequence: int | None
    source: Source
    id: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole text of an answer."""

    text: str
    source: Source
    id: str = ""


@dataclass(frozen=True, slots=True)
class UtteranceStarted:
    """The agent begins to speak; ``video_id`` is only known on fluent streams.

    ``interruptible`` says whether this utterance may be cut off.
    """

    video_id: str = ""
    interruptible: bool = True


@dataclass(frozen=True, slots=True)
class UtteranceDone:
    """The agent has finished speaking."""


@dataclass(frozen=True, slots=True)
class UtteranceFailed:
    """The agent could not speak."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class TurnBegun:
    """The agent has begun to work on an answer; turns count up, None where they are not counted."""

    turn_id: int | None = None


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The agent has done with a turn."""

    turn_id: int | None = None


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """The agent uses a tool, at D-ID or here; while a blocking one runs it cannot be interrupted.

    ``client`` says that this side was asked to run it.
    """

    id: str
    name: str
    given: str = ""
    blocking: bool = True
    client: bool = False


@dataclass(frozen=True, slots=True)
class ToolReturned:
    """A tool is done: what it said, or why it failed."""

    id: str
    output: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Resuming:
    """The connection to a room is being taken up again by itself, or it is back."""

    on: bool


@dataclass(frozen=True, slots=True)
class InterruptAsked:
    """The user wants the agent to stop speaking."""


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The whole session is over, not just an utterance."""

    reason: EndReason
    said: str = ""


@dataclass(frozen=True, slots=True)
class Closing:
    """Our side begins to close the stream."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The stream is closed at the service, or closing it was given up."""

    reason: EndReason = "user"


Event: TypeAlias = (
    Opening
    | StepBegun
    | StepDone
    | Failed
    | Reconnecting
    | Delayed
    | Measured
    | ModeChanged
    | SocketLost
    | StreamGranted
    | WarmupEnded
    | UserSaid
    | Greeted
    | Spoke
    | Transcribed
    | SendFailed
    | AnswerStalled
    | Responded
    | Rated
    | Partial
    | Answer
    | UtteranceStarted
    | UtteranceDone
    | UtteranceFailed
    | TurnBegun
    | TurnEnded
    | ToolCalled
    | ToolReturned
    | Resuming
    | InterruptAsked
    | SessionEnded
    | Closing
    | Closed
)
