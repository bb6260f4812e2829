"""What D-ID's OpenAPI demands of a request's body (schemas.md); what it does not name is let in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from did_tui.emulator.refusal import bad_request


class Body(BaseModel):
    """An object of a request."""

    model_config = ConfigDict(strict=True, extra="allow", regex_engine="python-re")


WebAddress = Annotated[str, Field(pattern=r"^https?://\S+$")]
Share = Annotated[float, Field(ge=0, le=1)]
Texts = list[str]


class Background(Body):
    """What is behind a presenter."""

    color: Annotated[str, Field(pattern=r"^#[a-fA-F0-9]{6}$")] = "#000000"
    source_url: str = ""


class VoiceConfig(Body):
    """How a voice of Microsoft's speaks."""

    style: str = ""
    rate: str = ""
    pitch: str = ""


class ElevenLabsConfig(Body):
    """How a voice of ElevenLabs' speaks."""

    stability: Share = 0
    similarity_boost: Share = 0
    rate: Annotated[str, Field(pattern=r"^(|0\.[7-9][0-9]*|1(\.[0-1][0-9]*|\.2|\.20*)?)$")] = ""
    style: Annotated[str, Field(pattern=r"^(|0(\.[0-9]+)?|1(\.0+)?)$")] = ""
    use_speaker_boost: bool = False


class PlainVoice(Body):
    """A voice of Microsoft's or of Azure OpenAI."""

    type: Literal["microsoft", "azure-openai"]
    voice_id: str
    voice_config: VoiceConfig | None = None
    language: str = ""


class ElevenLabsVoice(Body):
    """A voice of ElevenLabs'."""

    type: Literal["elevenlabs"]
    voice_id: str = ""
    voice_config: ElevenLabsConfig | None = None
    language: str = ""
    access: Literal["public", "premium", "private", "external-private"] = "public"


Voice = Annotated[PlainVoice | ElevenLabsVoice, Field(discriminator="type")]


class Talk(Body):
    """A presenter made from a photograph."""

    type: Literal["talk"]
    source_url: str
    thumbnail: str
    stitch: bool = False
    voice: Voice | None = None


class Clip(Body):
    """A presenter that was filmed, or an expressive one."""

    type: Literal["clip", "expressive"]
    presenter_id: str
    background: Background | None = None
    voice: Voice | None = None


Presenter = Annotated[Talk | Clip, Field(discriminator="type")]


class PromptCustomization(Body):
    """How the prompt is made."""

    role: str = ""
    personality: str = ""
    topics_to_avoid: Texts = []
    max_response_length: float = 75
    knowledge_source: Literal["base_knowledge", "documents"] = "documents"
    prompt_knowledge: str = ""


class Custom(Body):
    """A language model of one's own."""

    type: Literal["basic", "oauth2"]
    url: str
    streaming: bool = False
    max_messages: float = 1
    headers: dict[str, str] = {}


class Llm(Body):
    """The language model of an agent."""

    provider: str = "openai"
    instructions: str = ""
    template: Literal["rag-grounded", "rag-ungrounded", "assistant"] = "rag-grounded"
    prompt_customization: PromptCustomization | None = None
    temperature: Share = 0
    model: str = ""
    custom: Custom | None = None
    secretId: str = ""  # noqa: N815 (the wire's own spelling)


class KnowledgeRef(Body):
    """The knowledge of an agent."""

    id: str


class Auth(Body):
    """How a webhook is told that it is D-ID."""

    secret_id: str


class Webhook(Body):
    """An address that is told of something."""

    url: WebAddress
    headers: dict[str, str] = {}
    auth: Auth | None = None


class WebhookTest(Webhook):
    """``POST /agents/webhooks/test``."""

    event_type: Literal["chat/end"]


class Trigger(Body):
    """What happens at an event."""

    webhooks: list[Webhook] = []


class AgentChange(Body):
    """``PATCH /agents/{id}``; a presenter that is changed is given whole (protocol 2.1)."""

    preview_name: str = ""
    preview_description: str = ""
    presenter: Presenter = Field(default_factory=lambda: Clip(type="clip", presenter_id=""))
    llm: Llm = Field(default_factory=Llm)
    knowledge: KnowledgeRef = Field(default_factory=lambda: KnowledgeRef(id=""))
    starter_message: Texts = []
    greetings: Texts = []
    user_data: Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^(?!\s*$).+$")] = "-"
    embed: bool = False
    triggers: dict[str, Trigger] = {}


class NewAgent(AgentChange):
    """``POST /agents``: only ``presenter`` is required."""

    presenter: Presenter


class KnowledgeChange(Body):
    """``PATCH /knowledge/{id}``."""

    name: str = ""
    description: str = ""
    starter_message: Texts = []


class NewKnowledge(KnowledgeChange):
    """``POST /knowledge``."""

    name: str
    description: str


class NewDocument(Body):
    """``POST /knowledge/{id}/documents``; the mission's document has no ``documentType``."""

    documentType: Literal["pdf", "text", "powerpoint"] | None = None  # noqa: N815
    source_url: str
    title: str
    webhook: str = ""


class Query(Body):
    """``POST /knowledge/{id}/query``."""

    query: str


class NewSession(Body):
    """``POST /v2/agents/{id}/sessions``; older forms have a text for the transport."""

    transport: dict[str, Any] | str = "livekit"
    transport_provider: str = "livekit"
    chat_persist: bool = True
    verbose: bool = False


class OwnRoom(Body):
    """A room of the caller's own."""

    provider: Literal["livekit"]
    server_url: Annotated[str, Field(pattern=r"^(ws|http)s?://\S+$")]
    token: Annotated[str, Field(min_length=1)]
    room_name: Annotated[str, Field(min_length=1)]


class AudioConfig(Body):
    """The sound that is sent to an avatar."""

    sample_rate: Literal[16_000, 24_000, 48_000] = 24_000


class JoinSession(Body):
    """``POST /v2/agents/{id}/sessions/join``."""

    transport: OwnRoom
    audio_config: AudioConfig = AudioConfig()


class KeyChange(Body):
    """``PATCH /agents/{id}/client-keys/{key}``."""

    allowed_domains: Texts = []
    name: str = ""


class NewKey(KeyChange):
    """``POST /agents/{id}/client-keys``, and all calls of the account's key."""

    allowed_domains: Texts


class NewExport(Body):
    """``POST /agents/chats/exports``."""

    agent_id: str
    start: str = Field("", alias="from")
    end: str = Field("", alias="to")
    persistent_chats: bool = True
    token: str = ""


class TypedSecret(Body):
    """A secret of a webhook."""

    type: Literal["basic", "bearer", "api_key"]
    provider: str
    username: str = ""
    password: str | None = None
    token: str | None = None
    api_key: str | None = None
    header_name: str = ""


class ModelSecret(Body):
    """A secret of an external language model."""

    provider: Literal["external-openai", "external-azure-openai"]
    model: str
    endpoint: str
    isStreaming: bool  # noqa: N815
    maxMessages: Annotated[float, Field(ge=1, le=1000)] = 1  # noqa: N815
    api_key: str | None = None
    version: str = ""


class SecretChange(Body):
    """``PUT /secrets/{id}``."""

    type: Literal["basic", "bearer", "api_key"] = "basic"
    provider: str = ""
    username: str = ""
    password: str | None = None
    token: str | None = None
    api_key: str | None = None
    header_name: str = ""


class Logo(Body):
    """A picture in the corner."""

    url: str
    position: Annotated[list[int], Field(min_length=2, max_length=2)]


class SettingsChange(Body):
    """``POST /settings``."""

    agents_insights_is_enabled: bool = False
    logo: Logo | None = None


class NewAvatar(Body):
    """``POST /scenes/avatars``."""

    source_url: str
    consent_id: str = ""
    name: str = ""
    is_greenscreen: bool = False


class PresenterChange(Body):
    """``PATCH /clips/presenters/{id}``."""

    name: str = ""
    gender: str = ""
    show: bool = True
    labels: Texts = []
    is_streamable: bool = True
    is_greenscreen: bool = False


class FaceDetection(Body):
    """``POST /images/face-detection``."""

    source_url: str


def check(kind: type[Body], body: Mapping[str, Any]) -> None:
    """Refuse a body that is none of this kind, with the field's name and what is wrong with it."""
    try:
        kind.model_validate(body)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        # A discriminated union puts the name of the variant into the path.
        names = [str(part) for part in problem["loc"] if part not in _VARIANTS]
        said = re.sub(r"^Value error, ", "", problem["msg"])
        raise bad_request(f"{'.'.join(names) or 'body'}: {said}") from error


_VARIANTS = ("talk", "clip", "expressive", "microsoft", "azure-openai", "elevenlabs")
