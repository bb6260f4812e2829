"""The fields of everything that can be written, as tables (schemas.md; limits are in ``api``)."""

from __future__ import annotations

from functools import partial

from did_tui.api.limits import (
    DOCUMENT_TYPES,
    EXTERNAL_PROVIDERS,
    KNOWLEDGE_SOURCES,
    MODELS,
    PRESENTERS,
    PROVIDERS,
    SECRET_TYPES,
    TEMPLATES,
    VOICE_ACCESS,
    VOICE_PROVIDERS,
)
from did_tui.ui.forms import FormField as F

#: Where the form has a key of one's own at ElevenLabs; it is a header and no part of the agent.
ELEVENLABS_KEY = "x-api-key-external"
WEBHOOK = "triggers.chat/end.webhooks.0"

_VOICE = "presenter.voice"
_CONFIG = f"{_VOICE}.voice_config"
_CUSTOM = "llm.prompt_customization"
_talk = partial(F, when=("presenter.type", ("talk",)))
_person = partial(F, when=("presenter.type", ("clip", "expressive")))
_azure = partial(F, when=(f"{_VOICE}.type", ("microsoft", "azure-openai")))
_eleven = partial(F, when=(f"{_VOICE}.type", ("elevenlabs",)))
_custom = partial(F, when=("llm.provider", ("custom",)))
_basic = partial(F, when=("llm.custom.type", ("basic",)))
_oauth = partial(F, when=("llm.custom.type", ("oauth2",)))

AGENT = (
    F("preview_name", "Name", "What people see."),
    F("preview_description", "About", "One line about it, for lists."),
    F("presenter.type", "Presenter", "talk, clip or expressive.", choices=PRESENTERS),
    _person("presenter.presenter_id", "Face", "Who it is; its voice comes with it.", pick="face"),
    _talk(
        "presenter.source_url",
        "Picture",
        "The address of its picture, one face in it.",
        pick="face",
        trial="find the faces",
    ),
    _talk("presenter.thumbnail", "Thumbnail", "The address of a small picture for lists."),
    _talk("presenter.stitch", "Stitch", "Put the head back into its picture.", "flag"),
    _person("presenter.background.color", "Background", "A colour such as #102030."),
    _person("presenter.background.source_url", "or picture", "The address of a background."),
    F(f"{_VOICE}.type", "Voice by", "Who makes the voice.", choices=VOICE_PROVIDERS),
    F(f"{_VOICE}.voice_id", "Voice", "Its id there.", pick="voices", trial="hear it"),
    F(f"{_VOICE}.language", "Language", "As en-US; empty for the voice's own."),
    F(f"{_CONFIG}.style", "Style", "As cheerful; with ElevenLabs from 0 to 1."),
    F(f"{_CONFIG}.rate", "Speed", "1 is usual; with ElevenLabs from 0.7 to 1.2."),
    _azure(f"{_CONFIG}.pitch", "Pitch", "As +5%."),
    _eleven(f"{_CONFIG}.stability", "Stability", "0 lively to 1 even.", "number"),
    _eleven(f"{_CONFIG}.similarity_boost", "Similarity", "0 to 1.", "number"),
    _eleven(f"{_CONFIG}.use_speaker_boost", "Speaker boost", "Closer to the original.", "flag"),
    _eleven(
        f"{_CONFIG}.apply_language_text_normalization",
        "Normalise text",
        "Numbers and dates as words, in some languages.",
        "flag",
    ),
    _eleven(f"{_VOICE}.model_id", "Voice model", "As eleven_multilingual_v2."),
    _eleven(f"{_VOICE}.access", "Voice access", "Whose voice it is.", choices=VOICE_ACCESS),
    _eleven(
        ELEVENLABS_KEY,
        "ElevenLabs key",
        "Bills the voice to your own account there; it is sent along and not kept here.",
        "secret",
    ),
    F("llm.provider", "Model by", "d-id and google are for expressive agents.", choices=PROVIDERS),
    F(
        "llm.model",
        "Model",
        "The language model; empty for D-ID's choice.",
        choices=tuple(name for names in MODELS.values() for name in names),
        unless=("llm.provider", ("custom", *EXTERNAL_PROVIDERS)),
    ),
    F(
        "llm.secretId",
        "Model's secret",
        "The secret with its address and key: Secrets ({palette}) makes one.",
        pick="secrets",
        when=("llm.provider", EXTERNAL_PROVIDERS),
    ),
    _custom("llm.custom.type", "Signs in by", "A key, or OAuth.", choices=("basic", "oauth2")),
    _custom("llm.custom.url", "Model's address", "Where D-ID asks it."),
    _basic("llm.custom.key", "Model's key", "D-ID sends it along.", "secret"),
    _basic("llm.custom.version", "Version", "Of its interface; may be empty."),
    _oauth("llm.custom.client_id", "Client id", "For OAuth."),
    _oauth("llm.custom.client_secret", "Client secret", "For OAuth.", "secret"),
    _oauth("llm.custom.token_url", "Token address", "Where D-ID gets a token."),
    _custom("llm.custom.streaming", "Streams", "Whether it answers in pieces.", "flag"),
    _custom("llm.custom.max_messages", "Messages", "How many it gets at most.", "number"),
    _custom("llm.custom.headers", "Headers", 'JSON, as {"X-Team": "shop"}.', "json"),
    _custom("llm.custom.supports_sentiment", "Sentiments", "Whether it names moods.", "flag"),
    F("llm.template", "Template", "How it uses its knowledge.", choices=TEMPLATES),
    F("llm.instructions", "Instructions", "Who it is and what it does.", "text", rows=6),
    F("llm.temperature", "Temperature", "0 sober to 1 playful.", "number"),
    F(f"{_CUSTOM}.role", "Role", "Who it is, where a template has that."),
    F(f"{_CUSTOM}.personality", "Personality", "How it is."),
    F(f"{_CUSTOM}.topics_to_avoid", "Avoids", "Topics, one a line.", "lines", rows=2),
    F(
        f"{_CUSTOM}.max_response_length",
        "Max words",
        "Longer answers cost more credits a reply.",
        "number",
    ),
    F(
        f"{_CUSTOM}.knowledge_source",
        "Answers from",
        "What the model knows, or documents only.",
        choices=KNOWLEDGE_SOURCES,
    ),
    F(f"{_CUSTOM}.prompt_knowledge", "Knows", "What is always in its prompt.", "text", rows=3),
    F("knowledge.id", "Knowledge", "The knowledge base that it answers from.", pick="knowledge"),
    F("greetings", "Greetings", "Words said first, one a line.", "lines", rows=2),
    F("starter_message", "Starters", "Questions that are offered, one a line.", "lines", rows=3),
    F("user_data", "User data", "What it is told about its user, at most 1000 characters."),
    F("embed", "Embed", "Whether web pages may show it.", "flag"),
    F(
        f"{WEBHOOK}.url",
        "Webhook",
        "The address that D-ID calls when a chat ends; more of them with {write-row}.",
        trial="have D-ID call it",
    ),
    F(f"{WEBHOOK}.auth.secret_id", "Its secret", "How D-ID signs in there.", pick="secrets"),
    F(f"{WEBHOOK}.headers", "Its headers", 'JSON, as {"X-Team": "shop"}.', "json"),
    F(
        "tools",
        "Tools",
        'JSON: {"items": [{"tool_id": "tool_…"}], "tool_choice": "auto"}.',
        "json",
        rows=3,
    ),
)

KNOWLEDGE = (
    F("name", "Name", "What it is called."),
    F("description", "Description", "What is in it: agents read this.", "text", rows=3),
    F("starter_message", "Starters", "One a line; deprecated by D-ID.", "lines", rows=2),
)

DOCUMENT = (
    F(
        "source_url",
        "Address",
        "Where D-ID can fetch it: a web page, PDF, PowerPoint or text.",
        pick="path",
    ),
    F("title", "Title", "What it is called; empty for the end of the address."),
    F("documentType", "Type", "Empty for what its name says.", choices=DOCUMENT_TYPES),
    F("webhook", "Webhook", "Who is told when it is indexed; may be empty."),
)

CLIENT_KEY = (
    F("name", "Name", "What tells it from the others; may be empty."),
    F(
        "allowed_domains",
        "Domains",
        "Web pages that may use it, one a line, as https://example.com.",
        "lines",
        rows=4,
    ),
)

_model = partial(F, when=("provider", EXTERNAL_PROVIDERS))
_kept = "D-ID shows it nowhere again."

SECRET = (
    F(
        "provider",
        "Provider",
        "Who it is for; external-… are language models.",
        choices=EXTERNAL_PROVIDERS,
    ),
    F(
        "type",
        "Type",
        "What kind of secret.",
        choices=SECRET_TYPES,
        unless=("provider", EXTERNAL_PROVIDERS),
    ),
    F("username", "User name", "Who signs in.", when=("type", ("basic",))),
    F("password", "Password", _kept, "secret", when=("type", ("basic",))),
    F("token", "Token", _kept, "secret", when=("type", ("bearer",))),
    F("api_key", "API key", _kept, "secret", unless=("type", ("basic", "bearer"))),
    F(
        "header_name",
        "Header",
        "Where it is sent; may be empty.",
        unless=("provider", EXTERNAL_PROVIDERS),
    ),
    _model("model", "Model", "Its name there."),
    _model("endpoint", "Address", "Where D-ID asks it."),
    _model("isStreaming", "Streams", "Whether it answers in pieces.", "flag"),
    _model("maxMessages", "Messages", "How many it gets at most, to 1000.", "number"),
    F(
        "version",
        "Version",
        "Of Azure's interface; may be empty.",
        when=("provider", ("external-azure-openai",)),
    ),
)

EXPORT = (
    F("from", "From", "As 2026-11-21 or 2026-11-21T15:30:00Z; empty for the beginning."),
    F("to", "To", "The same; empty for now."),
    F("persistent_chats", "Kept only", "yes: only chats that D-ID was told to keep.", "flag"),
)

SESSION = (
    F("chat_persist", "Keep the chat", "Whether D-ID keeps what is said.", "flag"),
    F("verbose", "Verbose", "Whether D-ID tells more in the room.", "flag"),
)

JOIN = (
    F("server_url", "Server", "The address of your LiveKit server, as wss://…"),
    F("room_name", "Room", "The name of your room."),
    F("token", "Token", "What lets the avatar in.", "secret"),
    F("sample_rate", "Sample rate", "Of the sound that you send.", "number"),
)

PRESENTER = (
    F("name", "Name", "What it is called."),
    F("gender", "Gender", "As D-ID lists it."),
    F("show", "Shown", "Whether it is in lists.", "flag"),
    F("labels", "Labels", "One a line.", "lines", rows=2),
    F("voice.type", "Voice by", "Who makes its usual voice.", choices=VOICE_PROVIDERS),
    F("voice.voice_id", "Voice", "Its id there.", pick="voices", trial="hear it"),
    F("voice.language", "Language", "As en-US; empty for the voice's own."),
    F("is_streamable", "Streams", "Whether one can talk with it.", "flag"),
    F("is_greenscreen", "Greenscreen", "Whether its background can be replaced.", "flag"),
    F("image_url", "Picture", "The address of a still picture."),
    F("thumbnail_url", "Thumbnail", "The address of a small one."),
    F("video_url", "Video", "The address of its video."),
    F("preview_url", "Preview", "The address of a short one."),
    F("talking_preview_url", "Talking", "The address of one where it talks."),
    F("idle_video", "Idle video", "The address of one where it listens."),
    F("a2e_model", "Model", "What moves its face.", choices=("Baseline (default)", "Finetuned")),
    *(
        F(f"face_rect.{side}", f"Face {side}", "In pixels.", "number")
        for side in ("top", "left", "bottom", "right")
    ),
    F("newOwnerId", "New owner", "The id of the account that gets it."),
)

SCENE = (
    F("source_url", "Video", "The address of a video of the person: mp4, mov or mpeg."),
    F("name", "Name", "What it is called."),
    F("consent_id", "Consent", "The id of the person's consent."),
    F("webhook", "Webhook", "An https address that is told when it is done."),
    F("user_data", "User data", "What is kept with it, at most 1000 characters."),
    F("is_greenscreen", "Greenscreen", "Whether its background can be replaced.", "flag"),
)

VOICE = (
    F("name", "Name", "What it is called."),
    F("language", "Language", "What is spoken, as en-US."),
    F("source", "Recording", "A sound file of this computer, or its address.", pick="path"),
)

FILE = (F("file", "File", "A picture or a recording of this computer.", pick="path"),)
