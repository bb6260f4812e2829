"""The fields of everything that can be written, as tables (schemas.md; limits are in ``api``)."""

from __future__ import annotations

from did_tui.api.limits import (
    DOCUMENT_TYPES,
    KNOWLEDGE_SOURCES,
    MODELS,
    PRESENTERS,
    PROVIDERS,
    SECRET_TYPES,
    TEMPLATES,
    VOICE_PROVIDERS,
)
from did_tui.ui.forms import FormField as F

_VOICE = "presenter.voice"
_CUSTOM = "llm.prompt_customization"

AGENT = (
    F("preview_name", "Name", "What people see."),
    F("preview_description", "About", "One line about it, for lists."),
    F("presenter.type", "Presenter", "talk, clip or expressive.", choices=PRESENTERS),
    F("presenter.presenter_id", "Face", "A clip presenter or an expressive avatar.", pick="face"),
    F("presenter.source_url", "Picture", "A talk agent's own picture: an address of an image."),
    F("presenter.thumbnail", "Thumbnail", "A talk agent's small picture."),
    F("presenter.stitch", "Stitch", "Put a talk agent's head back into its picture.", "flag"),
    F("presenter.background.color", "Background", "A colour such as #102030."),
    F("presenter.background.source_url", "or picture", "The address of a background picture."),
    F(f"{_VOICE}.type", "Voice by", "Who makes the voice.", choices=VOICE_PROVIDERS),
    F(f"{_VOICE}.voice_id", "Voice", "Its id at that provider.", pick="voices"),
    F(f"{_VOICE}.language", "Language", "As en-US; empty for the voice's own."),
    F(f"{_VOICE}.voice_config", "Voice config", "JSON: style, rate, pitch.", "json", rows=2),
    F("llm.provider", "Model by", "d-id and google are for expressive agents.", choices=PROVIDERS),
    F(
        "llm.model",
        "Model",
        "The language model; empty for D-ID's choice.",
        choices=tuple(name for names in MODELS.values() for name in names),
    ),
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
    F(f"{_CUSTOM}.knowledge_source", "Answers from", "", choices=KNOWLEDGE_SOURCES),
    F(f"{_CUSTOM}.prompt_knowledge", "Knows", "What is always in its prompt.", "text", rows=3),
    F("llm.custom", "Custom model", "JSON: type, url, key …, for provider custom.", "json", rows=2),
    F("llm.secretId", "Model's secret", "For external models: where its key is.", pick="secrets"),
    F("knowledge.id", "Knowledge", "The knowledge base that it answers from.", pick="knowledge"),
    F("greetings", "Greetings", "Words said first, one a line.", "lines", rows=2),
    F("starter_message", "Starters", "Questions that are offered, one a line.", "lines", rows=3),
    F("user_data", "User data", "What it is told about its user, at most 1000 characters."),
    F("embed", "Embed", "Whether web pages may show it.", "flag"),
    F("triggers", "Triggers", "JSON: webhooks that D-ID calls when a chat ends.", "json", rows=3),
    F("tools", "Tools", "JSON, as D-ID documents it.", "json", rows=3),
)

KNOWLEDGE = (
    F("name", "Name", "What it is called."),
    F("description", "Description", "What is in it: agents read this.", "text", rows=3),
)

DOCUMENT = (
    F(
        "source_url",
        "Address",
        "Where D-ID can fetch it: a web page, PDF, PowerPoint or text file (https, http or s3).",
    ),
    F("title", "Title", "What it is called."),
    F("documentType", "Type", "What it is.", choices=DOCUMENT_TYPES),
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

SECRET = (
    F("provider", "Provider", "Who it is for."),
    F("type", "Type", "What kind of secret.", choices=SECRET_TYPES),
    F("username", "User name", "For type basic."),
    F("password", "Password", "For type basic. It is shown nowhere again."),
    F("token", "Token", "For type bearer. It is shown nowhere again."),
    F("api_key", "API key", "For type api_key and for models. It is shown nowhere again."),
    F("header_name", "Header", "For type api_key: where it is sent; may be empty."),
)

EXPORT = (
    F("from", "From", "As 2026-11-21 or 2026-11-21T15:30:00Z; empty for the beginning."),
    F("to", "To", "The same; empty for now."),
)
