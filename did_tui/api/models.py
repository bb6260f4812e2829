"""Agents and conversations as far as they are documented, and everything else they carry.

Every field may be missing, null or of a type nobody promised: a field that cannot be read is left
at its default and the object lives on, so one bad row never hides the others. ``raw`` is the JSON
as it came, unknown fields included, so that an edit loses nothing; ``note`` says what in it could
not be read.

Fields are those of D-ID's OpenAPI and SDK types (schemas.md; protocol 2.1 to 2.3).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from did_tui.api.errors import BadAnswer

_IDS = re.compile(r'"(id|session_id)"\s*:\s*("(?:[^"\\]|\\.)*")')


class Resource(BaseModel):
    """Something that D-ID sent."""

    model_config = ConfigDict(extra="allow", frozen=True)
    _raw: Mapping[str, Any] = PrivateAttr(default_factory=dict)
    _note: str = PrivateAttr("")

    @property
    def raw(self) -> Mapping[str, Any]:
        """The JSON object as it came."""
        return self._raw

    @property
    def note(self) -> str:
        """What of it could not be read, empty where all could."""
        return self._note

    @classmethod
    def parse(cls, data: object) -> Self:
        """Read an object of any quality; never raises."""
        if isinstance(data, Mapping):
            return cls.model_validate(data)
        resource = cls.model_validate({})
        resource._note = f"not an object: {data!r:.60}"
        return resource

    @model_validator(mode="wrap")
    @classmethod
    def _leave_out_what_does_not_fit(
        cls, data: Any, handler: ModelWrapValidatorHandler[Self]
    ) -> Self:
        if not isinstance(data, Mapping):
            raise ValueError("not an object")
        good = {str(key): value for key, value in data.items() if value is not None}
        try:
            resource = handler(good)
        except ValidationError as error:
            bad = {str(problem["loc"][0]) for problem in error.errors() if problem["loc"]}
            resource = handler({key: value for key, value in good.items() if key not in bad})
            resource._note = f"could not be read: {', '.join(sorted(bad))}"
        resource._raw = data
        return resource


def _objects_only(value: object) -> list[object]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _texts_only(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def rows(kind: type[R], answer: object, *names: str) -> list[R]:
    """The objects of a list, which is the answer itself or is in it under one of these names.

    A row that is no object is kept as an empty one with a note; no answer and null are no rows.
    Raises ``BadAnswer`` where there is something else than a list.
    """
    found = answer
    if isinstance(answer, Mapping):
        found = next((answer[name] for name in names if name in answer), answer or None)
    if found is None:
        found = []
    if not isinstance(found, list):
        raise BadAnswer("D-ID answered with something that is no list.")
    return [kind.parse(row) for row in found]


T = TypeVar("T")
R = TypeVar("R", bound=Resource)
Objects = Annotated[list[T], BeforeValidator(_objects_only)]
Texts = Annotated[list[str], BeforeValidator(_texts_only)]


class Voice(Resource):
    """How a presenter speaks."""

    type: str = ""
    voice_id: str = ""
    language: str = ""


class Presenter(Resource):
    """An agent's face and voice; the runtime view calls it ``avatar``."""

    type: str = ""
    thumbnail: str = ""
    idle_video: str = ""
    source_url: str = ""
    presenter_id: str = ""
    voice: Voice = Field(default_factory=Voice)


class Llm(Resource):
    """The language model behind an agent."""

    provider: str = ""
    model: str = ""
    template: str = ""
    instructions: str = ""


class KnowledgeRef(Resource):
    """The knowledge base an agent answers from."""

    id: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """One page of a list and the cursor to the next, empty on the last."""

    rows: list[R]
    token: str = ""

    @classmethod
    def read(cls, kind: type[R], answer: object, name: str) -> Page[R]:
        """Read ``{name: [...], "token"?}``, or a bare list."""
        token = answer.get("token") if isinstance(answer, Mapping) else None
        return cls(rows(kind, answer, name), token if isinstance(token, str) else "")


def state_of(status: str) -> str:
    """A status without its prefix: ``document/processing`` is ``processing`` (protocol 2.4)."""
    return status.rpartition("/")[2]


DONE = ("done", "ready")
FAILED = ("error", "rejected")


class Agent(Resource):
    """``GET /agents/{id}``: presenter, language model and knowledge."""

    id: str = ""
    preview_name: str = ""
    preview_description: str = ""
    preview_thumbnail: str = ""
    status: str = ""
    presenter: Presenter = Field(default_factory=Presenter)
    llm: Llm = Field(default_factory=Llm)
    knowledge: KnowledgeRef | None = None
    greetings: Texts = Field(default_factory=list)
    starter_message: Texts = Field(default_factory=list)
    created: str = ""
    modified: str = ""
    access: str = ""
    embed: bool = False
    user_data: str = ""

    @property
    def state(self) -> str:
        """Its status in one word: created, started, done, ready, error or rejected."""
        return state_of(self.status)

    @property
    def name(self) -> str:
        """What to call it: its name, or its id where it has none."""
        return self.preview_name or self.id

    @property
    def thumbnail(self) -> str:
        """The address of a still picture, empty where there is none."""
        return self.presenter.thumbnail or self.preview_thumbnail


class EndOfCall(Resource):
    """Whether an agent wants to know how a call was, and what it says then."""

    enabled: bool = False
    closing_message: str = ""


class RuntimeAgent(Resource):
    """``GET /agents/{id}/runtime``: what a client needs to meet an agent."""

    id: str = ""
    name: str = ""
    thumbnail: str = ""
    idle_video: str = ""
    greetings: Texts = Field(default_factory=list)
    starter_message: Texts = Field(default_factory=list)
    knowledge: KnowledgeRef | None = None
    end_of_call_feedback: EndOfCall = Field(default_factory=EndOfCall)
    avatar: Presenter = Field(default_factory=Presenter)


class Chat(Resource):
    """``POST /agents/{id}/chat``: a message thread."""

    id: str = ""
    chat_mode: str = ""


class Rating(Resource):
    """``POST …/ratings``: what somebody thought of an answer, 1 or -1."""

    id: str = ""
    message_id: str = ""
    score: int = 0


class Match(Resource):
    """A passage of the knowledge base that an answer rests on."""

    id: str = ""
    title: str = ""
    data: str = ""
    document_id: str = ""
    knowledge_id: str = ""
    source_url: str = ""


class ChatResponse(Resource):
    """``POST /agents/{id}/chat/{chat}``: often without the text, which comes another way."""

    result: str = ""
    matches: Objects[Match] = Field(default_factory=list)
    chatMode: str = ""  # noqa: N815 (the wire's own spelling)
    videoId: str = ""  # noqa: N815

    @property
    def readable(self) -> bool:
        """Whether it has a field that such an answer has (protocol 4.1), and a ``result`` is text.

        Without one nothing says that the message was taken, and nobody should wait for its answer.
        """
        known = {"result", "matches", "documentIds", "chatMode", "context", "videoId"}
        return bool(known & set(self.raw)) and isinstance(self.raw.get("result") or "", str)


class IceServer(Resource):
    """A STUN or TURN server."""

    urls: str | list[str] = ""
    username: str = ""
    credential: str = ""


class Stream(Resource):
    """``POST /agents/{id}/streams``: an offer and where to find the service.

    ``session_id`` is an opaque text with spaces and semicolons: echo it verbatim.
    """

    id: str = ""
    session_id: str = ""
    offer: dict[str, Any] | str = ""
    jsep: dict[str, Any] | str = ""
    ice_servers: Objects[IceServer] = Field(default_factory=list)
    fluent: bool = False
    interrupt_enabled: bool = False

    @classmethod
    def salvaged(cls, damaged: bytes) -> Stream | None:
        """A stream of which only the ids can be read; None where they cannot."""
        found: dict[str, str] = {}
        for name, text in _IDS.findall(damaged.decode(errors="replace")):
            with suppress(ValueError):
                found.setdefault(name, json.loads(text))
        return cls(**found) if len(found) == 2 else None

    @property
    def offer_sdp(self) -> str:
        """The SDP of the offer, whichever of its three documented forms was used."""
        for form in (self.offer, self.jsep):
            sdp = form.get("sdp") if isinstance(form, dict) else form
            if isinstance(sdp, str) and sdp:
                return sdp
        return ""


class Spoken(Resource):
    """``POST /agents/{id}/streams/{stream}``: an utterance has begun."""

    status: str = ""
    duration: float | None = None
    video_id: str = ""
