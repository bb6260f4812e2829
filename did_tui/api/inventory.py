"""What an account holds beside its agents: knowledge, keys, exports, faces, voices, credits.

Fields are those of D-ID's OpenAPI (schemas.md; protocol 1.4 and 2.3 to 2.7). Every one may be
missing; see ``did_tui.api.models``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field

from did_tui.api.models import DONE, FAILED, Match, Objects, Resource, Texts, Voice, state_of

MOST_DOCUMENTS = 5  # of a knowledge base (protocol 2.4)


class _Dated(Resource):
    """D-ID writes ``created_at`` here and ``created`` there (protocol 2.1)."""

    created_at: str = ""
    modified_at: str = ""
    created: str = ""
    modified: str = ""

    @property
    def when_created(self) -> str:
        """Whichever of the two it has."""
        return self.created_at or self.created

    @property
    def when_modified(self) -> str:
        """Whichever of the two it has."""
        return self.modified_at or self.modified


class _Made(_Dated):
    """Something that takes time to be made."""

    id: str = ""
    status: str = ""

    @property
    def state(self) -> str:
        """Its status in one word, without a prefix."""
        return state_of(self.status)

    @property
    def done(self) -> bool:
        """Whether it is ready."""
        return self.state in DONE

    @property
    def failed(self) -> bool:
        """Whether it never will be."""
        return self.state in FAILED


class Knowledge(_Made):
    """``GET /knowledge/{id}``: a named set of documents."""

    name: str = ""
    description: str = ""


class Document(_Made):
    """``GET /knowledge/{id}/documents/{id}``: one source of a knowledge base."""

    documentType: str = ""  # noqa: N815 (the wire's own spelling)
    title: str = ""
    source_url: str = ""
    parsed_url: str = ""
    error: str | dict[str, Any] = ""
    webhook: str = ""

    @property
    def key(self) -> str:
        """What a path calls it: the part of its id after the ``#`` (protocol 2.4)."""
        return document_key(self.id)

    @property
    def knowledge_id(self) -> str:
        """The part of its id before the ``#``, empty where it has none."""
        return self.id.partition("#")[0] if "#" in self.id else ""

    @property
    def trouble(self) -> str:
        """Why it failed, in D-ID's words."""
        if isinstance(self.error, str):
            return self.error
        return str(self.error.get("description") or self.error.get("kind") or "")


def document_key(document_id: str) -> str:
    """The part of a composite document id that a path takes: ``knl_1#doc_2`` is ``doc_2``."""
    return document_id.rpartition("#")[2]


class Record(_Dated):
    """A passage of a document, as it was indexed."""

    id: str = ""
    title: str = ""
    data: str = ""
    document_id: str = ""


class ScoredMatch(Match):
    """A passage that a query found; None where D-ID gives no score."""

    score: float | None = None


class Found(Resource):
    """``POST /knowledge/{id}/query``: what an agent would find."""

    result: str = ""
    matches: Objects[ScoredMatch] = Field(default_factory=list)
    documentIds: Texts = Field(default_factory=list)  # noqa: N815


class ClientKey(Resource):
    """A key for web pages: good for one agent, from some origins. Its ``repr`` never shows it."""

    client_key: str = Field(default="", repr=False)
    allowed_domains: Texts = Field(default_factory=list)
    name: str = ""
    resource_id: str = ""
    created_at: str = ""


class ExportResult(Resource):
    """Where an export is, and the token with which the next part is ordered."""

    result_url: str = ""
    token: str = ""


class Export(_Dated):
    """``GET /agents/chats/exports/{id}``: chats of an agent as a zip of JSON files."""

    export_id: str = ""
    agent_id: str = ""
    status: str = ""
    error: str = ""
    result: ExportResult = Field(default_factory=ExportResult)
    persistent_chats: bool = True
    completed_at: str = ""
    total_files_count: int = 0
    total_files_size: int = 0

    @property
    def state(self) -> str:
        """Its status in one word."""
        return state_of(self.status)

    @property
    def done(self) -> bool:
        """Whether there is something to fetch; ``partial`` means that there is more to order."""
        return state_of(self.status) in ("done", "partial")

    @property
    def failed(self) -> bool:
        """Whether nothing will come; ``error`` says why."""
        return state_of(self.status) == "error"

    @property
    def trouble(self) -> str:
        """Why it failed, in D-ID's words."""
        return self.error


class WebhookTest(Resource):
    """``POST /agents/webhooks/test``: what the address answered."""

    success: bool = False
    status_code: int = 0
    response_data: Any = None
    error_message: str = ""
    request_payload: dict[str, Any] = Field(default_factory=dict)


class Session(Resource):
    """A V2 session: a room and the token that opens it, which ``repr`` never shows."""

    id: str = ""
    session_url: str = ""
    session_token: str = Field(default="", repr=False)
    interrupt_enabled: bool = True  # what it is where nothing is said (protocol 5.1)


class SpeechToken(Resource):
    """``GET /agents/{id}/stt-token``: an Azure Speech token, which ``repr`` never shows."""

    token: str = Field(default="", repr=False)
    region: str = ""


class ClipPresenter(_Dated):
    """``GET /clips/presenters``: a face that agents of type ``clip`` can have."""

    presenter_id: str = ""
    name: str = ""
    gender: str = ""
    status: str = ""
    owner_id: str = ""
    thumbnail_url: str = ""
    image_url: str = ""
    preview_url: str = ""
    talking_preview_url: str = ""
    is_streamable: bool = True
    voice: Voice = Field(default_factory=Voice)

    @property
    def picture_url(self) -> str:
        """The address of a still picture, empty where there is none."""
        return self.thumbnail_url or self.image_url


class Driver(_Dated):
    """``GET /clips/presenters/{id}/drivers``: a way in which a presenter moves."""

    driver_id: str = ""
    presenter_id: str = ""
    name: str = ""
    gender: str = ""
    width: int = 0
    height: int = 0
    thumbnail_url: str = ""
    preview_url: str = ""


class Sentiment(Resource):
    """A mood that an expressive avatar can be in."""

    id: str = ""
    sentiment: str = ""
    description: str = ""
    preview_url: str = ""


class ExpressiveAvatar(Resource):
    """``GET /expressives/avatars``: a face that agents of type ``expressive`` can have."""

    id: str = ""
    name: str = ""
    owner_id: str = ""
    gender: str = ""
    thumbnail_url: str = ""
    is_greenscreen: bool = False
    sentiments: Objects[Sentiment] = Field(default_factory=list)


class SceneAvatar(_Made):
    """``GET /scenes/avatars``: an avatar trained from somebody's own video."""

    name: str = ""
    thumbnail_url: str = ""
    preview_url: str = ""
    voice_id: str = ""
    source_url: str = ""


class VoiceLanguage(Resource):
    """A language that a voice speaks, and where to hear it."""

    language: str = ""
    locale: str = ""
    accent: str = ""
    previewUrl: str = ""  # noqa: N815


class CatalogueVoice(Resource):
    """``GET /tts/voices``: a voice that an agent can have."""

    id: str = ""
    name: str = ""
    gender: str = ""
    access: str = ""
    provider: str = ""
    description: str = ""
    age: str = ""
    useCase: str = ""  # noqa: N815
    voiceType: str = ""  # noqa: N815
    languages: Objects[VoiceLanguage] = Field(default_factory=list)
    styles: Texts = Field(default_factory=list)


class Credit(_Dated):
    """Credits from one purchase or plan."""

    remaining: float = 0
    total: float = 0
    expire_at: str = ""
    valid_from: str = ""
    plan_group: str = ""
    product_billing_interval: str = ""


class Credits(Resource):
    """``GET /credits``: what is left."""

    remaining: float = 0
    total: float = 0
    credits: Objects[Credit] = Field(default_factory=list)

    @classmethod
    def read(cls, answer: object) -> Self:
        """Read the documented object, or the bare list that some accounts get (protocol 2.7)."""
        if isinstance(answer, list):
            parts = [Credit.parse(part) for part in answer if isinstance(part, Mapping)]
            remaining, total = sum(p.remaining for p in parts), sum(p.total for p in parts)
            answer = {"credits": answer, "remaining": remaining, "total": total}
        return cls.parse(answer)


class AgentSettings(Resource):
    """The account's limits for agents; ``session_ttl`` is in seconds."""

    num_embed: int | None = None
    num_origins: int | None = None
    session_ttl: int | None = None
    messages_limit: int | None = None
    llm_model: str = ""


class AccountSettings(Resource):
    """``GET /settings``."""

    agents: AgentSettings = Field(default_factory=AgentSettings)
    agents_insights_is_enabled: bool = False
    logo: dict[str, Any] = Field(default_factory=dict)
    avatars: dict[str, Any] = Field(default_factory=dict)


class Secret(Resource):
    """``GET /secrets``: what D-ID keeps for webhooks and language models, never in clear text."""

    id: str = ""
    provider: str = ""
    type: str = ""
    created_at: str = ""
    last_used_at: str = ""
    sanitized_secret: str = ""


class Upload(Resource):
    """``POST /images`` or ``/audios``: where an uploaded file is."""

    id: str = ""
    url: str = ""
    duration: float | None = None
    faces: list[Any] = Field(default_factory=list)


class FaceDetection(Resource):
    """``POST /images/face-detection``: where the faces of a picture are, in its pixels."""

    faceCrops: list[Any] = Field(default_factory=list)  # noqa: N815
    metadata: dict[str, Any] = Field(default_factory=dict)
