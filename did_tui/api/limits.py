"""D-ID's own limits, checked before anything is sent: a field's path -> what is wrong with it.

No I/O. The limits are those of D-ID's OpenAPI (schemas.md). A field that is not documented, and a
value of an enum that is newer than this program, is D-ID's to judge: it is never refused here,
except where the documents say that a choice decides which other fields there are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from did_tui.api.inventory import MOST_DOCUMENTS

PRESENTERS = ("talk", "clip", "expressive")
PROVIDERS = ("openai", "d-id", "google", "custom", "external-openai", "external-azure-openai")
MODELS = {
    "openai": (
        "gpt-4o-global gpt-4o-mini gpt-4.1 gpt-4.1-mini gpt-4.1-nano gpt-5-mini gpt-5-nano"
    ).split(),
    "d-id": ["gpt-oss-120b"],
    "google": ["gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-3-flash"],
}
TEMPLATES = ("rag-grounded", "rag-ungrounded", "assistant")
KNOWLEDGE_SOURCES = ("base_knowledge", "documents")
VOICE_PROVIDERS = ("microsoft", "elevenlabs", "azure-openai")
VOICE_ACCESS = ("public", "premium", "private", "external-private")
DOCUMENT_TYPES = ("text", "pdf", "powerpoint")
SECRET_TYPES = ("basic", "bearer", "api_key")
EXTERNAL_PROVIDERS = ("external-openai", "external-azure-openai")
LONGEST_USER_DATA = 1000  # characters

_VIDEOS = (".mp4", ".mov", ".mpeg")
_COLOUR = re.compile(r"#[a-fA-F0-9]{6}")
_RATE = re.compile(r"(|0\.[7-9][0-9]*|1(\.[0-1][0-9]*|\.2|\.20*)?)")
_STYLE = re.compile(r"(|0(\.[0-9]+)?|1(\.0+)?)")

Problems = dict[str, str]


def agent_problems(agent: Mapping[str, Any], *, creating: bool = True) -> Problems:
    """What D-ID would refuse of an agent; a change of one needs no presenter."""
    found: Problems = {}
    _texts(agent, ("preview_name", "preview_description"), "", found)
    if creating and "presenter" not in agent:
        found["presenter"] = "An agent needs a presenter."
    if "presenter" in agent:
        _check_presenter(agent["presenter"], found, creating=creating)
    if "llm" in agent:
        _check_llm(agent["llm"], _mapping(agent.get("presenter")).get("type"), found)
    if "knowledge" in agent and not _filled(_mapping(agent["knowledge"]).get("id")):
        found["knowledge.id"] = "Knowledge is named by its id."
    for name in ("greetings", "starter_message"):
        if name in agent and not _is_texts(agent[name]):
            found[name] = "This is a list of texts."
    if "user_data" in agent:
        text = agent["user_data"]
        if not isinstance(text, str) or not text.strip() or len(text) > LONGEST_USER_DATA:
            found["user_data"] = f"1 to {LONGEST_USER_DATA} characters, not only spaces."
    if "embed" in agent and not isinstance(agent["embed"], bool):
        found["embed"] = "This is true or false."
    if "triggers" in agent:
        _check_triggers(agent["triggers"], found)
    return found


def _check_presenter(presenter: object, found: Problems, *, creating: bool) -> None:
    if not isinstance(presenter, Mapping):
        found["presenter"] = "This is an object with a type."
        return
    kind = presenter.get("type")
    if kind not in PRESENTERS:
        if creating or kind is not None:
            found["presenter.type"] = f"One of {', '.join(PRESENTERS)}."
        return
    needed = ("source_url", "thumbnail") if kind == "talk" else ("presenter_id",)
    for name in needed:
        if not _filled(presenter.get(name)):
            found[f"presenter.{name}"] = f"A presenter of type {kind} needs it."
    for name in ("source_url", "thumbnail"):
        if kind == "talk" and _filled(presenter.get(name)) and not is_web(presenter[name]):
            found[f"presenter.{name}"] = "This is an address that begins with http."
    background = presenter.get("background")
    if background is not None:
        colour = _mapping(background).get("color")
        if not isinstance(background, Mapping):
            found["presenter.background"] = "This is an object with a color or a source_url."
        elif colour is not None and not _matches(_COLOUR, colour):
            found["presenter.background.color"] = "A colour is written as #a1b2c3."
    if presenter.get("voice") is not None:
        _check_voice(presenter["voice"], found)


def _check_voice(voice: object, found: Problems) -> None:
    where = "presenter.voice"
    if not isinstance(voice, Mapping):
        found[where] = "This is an object with a type and a voice_id."
        return
    if not _filled(voice.get("type")):
        found[f"{where}.type"] = f"One of {', '.join(VOICE_PROVIDERS)}."
    elif voice["type"] != "elevenlabs" and not _filled(voice.get("voice_id")):
        found[f"{where}.voice_id"] = "A voice is named by its id."
    config = voice.get("voice_config")
    if config is None:
        return
    if not isinstance(config, Mapping):
        found[f"{where}.voice_config"] = "This is an object."
    elif voice.get("type") == "elevenlabs":
        for name in ("stability", "similarity_boost"):
            _number(config, name, 0, 1, f"{where}.voice_config.", found)
        if "rate" in config and not _matches(_RATE, config["rate"]):
            found[f"{where}.voice_config.rate"] = 'A text from "0.7" to "1.2".'
        if "style" in config and not _matches(_STYLE, config["style"]):
            found[f"{where}.voice_config.style"] = 'A text from "0" to "1".'


def _check_llm(llm: object, presenter: object, found: Problems) -> None:
    if not isinstance(llm, Mapping):
        found["llm"] = "This is an object with a provider."
        return
    _texts(llm, ("instructions", "provider", "model"), "llm.", found)
    _one_of(llm, "template", TEMPLATES, "llm.", found)
    _number(llm, "temperature", 0, 1, "llm.", found)
    provider = llm.get("provider")
    if provider in ("d-id", "google") and presenter in ("talk", "clip"):
        found["llm.provider"] = f"{provider} goes with expressive presenters only."
    known = MODELS.get(str(provider), ())
    if known and llm.get("model") is not None and llm["model"] not in known:
        found["llm.model"] = f"{provider} has {', '.join(known)}."
    if provider == "custom":
        _check_custom(llm.get("custom"), found)
    custom = llm.get("prompt_customization")
    if custom is not None and not isinstance(custom, Mapping):
        found["llm.prompt_customization"] = "This is an object."
    elif custom is not None:
        where = "llm.prompt_customization."
        _texts(custom, ("role", "personality", "prompt_knowledge"), where, found)
        _one_of(custom, "knowledge_source", KNOWLEDGE_SOURCES, where, found)
        _number(custom, "max_response_length", 1, 1e6, where, found)
        if "topics_to_avoid" in custom and not _is_texts(custom["topics_to_avoid"]):
            found[f"{where}topics_to_avoid"] = "This is a list of texts."


def _check_custom(custom: object, found: Problems) -> None:
    if not isinstance(custom, Mapping):
        found["llm.custom"] = "A custom model needs a type and an address."
        return
    needed = {"basic": ("key",), "oauth2": ("client_id", "client_secret", "token_url")}
    kind = custom.get("type")
    if kind not in needed:
        found["llm.custom.type"] = f"One of {', '.join(needed)}."
    elif not is_web(custom.get("url")):
        found["llm.custom.url"] = "This is an address that begins with http."
    for name in needed.get(str(kind), ()):
        if not _filled(custom.get(name)):
            found[f"llm.custom.{name}"] = f"A model of type {kind} needs it."


def _check_triggers(triggers: object, found: Problems) -> None:
    if not isinstance(triggers, Mapping):
        found["triggers"] = "This is an object."
        return
    for event, trigger in triggers.items():
        hooks = _mapping(trigger).get("webhooks", [])
        where = f"triggers.{event}.webhooks"
        if not isinstance(hooks, list):
            found[where] = "This is a list."
            continue
        for index, hook in enumerate(hooks):
            for name, said in webhook_problems(_mapping(hook)).items():
                found[f"{where}.{index}.{name}"] = said


def webhook_problems(hook: Mapping[str, Any]) -> Problems:
    """What D-ID would refuse of a webhook: ``url``, ``headers``, ``auth.secret_id``."""
    found: Problems = {}
    if not is_web(hook.get("url")):
        found["url"] = "This is an address that begins with http."
    headers = hook.get("headers")
    if headers is not None and not (
        isinstance(headers, Mapping) and all(isinstance(v, str) for v in headers.values())
    ):
        found["headers"] = "This is an object of texts."
    if hook.get("auth") is not None and not _filled(_mapping(hook["auth"]).get("secret_id")):
        found["auth.secret_id"] = "A secret is named by its id."
    return found


def knowledge_problems(knowledge: Mapping[str, Any], *, creating: bool = True) -> Problems:
    """What D-ID would refuse of a knowledge base: both texts are required."""
    found: Problems = {}
    for name in ("name", "description"):
        if (creating or name in knowledge) and not _filled(knowledge.get(name)):
            found[name] = f"Knowledge needs a {name}."
    return found


def document_problems(document: Mapping[str, Any], *, present: int = 0) -> Problems:
    """What D-ID would refuse of a document for a base in which so many are ``present``."""
    found: Problems = {}
    if present >= MOST_DOCUMENTS:
        found[""] = f"A knowledge base holds at most {MOST_DOCUMENTS} documents: delete one first."
    if not _filled(document.get("title")):
        found["title"] = "A document needs a title."
    if document.get("documentType") not in DOCUMENT_TYPES:
        found["documentType"] = f"One of {', '.join(DOCUMENT_TYPES)}."
    source = document.get("source_url")
    # The emulator takes what is in the address itself; D-ID is the one to refuse that.
    is_inline = isinstance(source, str) and source.startswith("data:")
    if not is_inline and not is_web(source, "https", "http", "s3"):
        found["source_url"] = "This is an address from which D-ID can fetch it."
    if _filled(document.get("webhook")) and not is_web(document["webhook"]):
        found["webhook"] = "This is an address that begins with http."
    return found


def domain_problems(domains: Sequence[str]) -> Problems:
    """What is wrong with the origins of a client key: scheme, name and port, nothing after."""
    for domain in domains:
        parts = _split(domain)
        if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
            return {"allowed_domains": f"{domain!r} is no origin: write https://example.com."}
        if parts.path or parts.query or parts.fragment:
            return {"allowed_domains": f"{domain!r} goes too far: end it before the path."}
    return {} if domains else {"allowed_domains": "A key needs an origin that may use it."}


def export_problems(start: str, end: str) -> Problems:
    """What is wrong with the times of an export: ISO 8601, the earlier first; both may be empty."""
    found: Problems = {}
    times: dict[str, datetime] = {}
    for name, text in (("from", start), ("to", end)):
        try:
            if text:
                times[name] = datetime.fromisoformat(text).astimezone()
        except (ValueError, OverflowError):
            found[name] = "A time is written as 2026-11-21 or 2026-11-21T15:30:00Z."
    if len(times) == 2 and times["from"] > times["to"]:
        found["to"] = "This is before the beginning."
    return found


def secret_problems(secret: Mapping[str, Any]) -> Problems:
    """What D-ID would refuse of a secret: one of three types, or an external language model's."""
    found: Problems = {}
    if secret.get("provider") in EXTERNAL_PROVIDERS:
        for name in ("model", "endpoint"):
            if not _filled(secret.get(name)):
                found[name] = f"{secret['provider']} needs it."
        if not isinstance(secret.get("isStreaming"), bool):
            found["isStreaming"] = "This is true or false."
        _number(secret, "maxMessages", 1, 1000, "", found)
        return found
    if secret.get("type") not in SECRET_TYPES:
        found["type"] = f"One of {', '.join(SECRET_TYPES)}."
    if not _filled(secret.get("provider")):
        found["provider"] = "A secret needs a name of who it is for."
    if secret.get("type") == "basic" and not _filled(secret.get("username")):
        found["username"] = "A secret of type basic needs it."
    return found


def scene_problems(avatar: Mapping[str, Any]) -> Problems:
    """What D-ID would refuse of a video that a scene avatar is trained from."""
    found: Problems = {}
    source = avatar.get("source_url")
    if not (is_web(source, "https", "s3") and str(source).lower().endswith(_VIDEOS)):
        found["source_url"] = "An https or s3 address that ends with .mp4, .mov or .mpeg."
    if _filled(avatar.get("webhook")) and not is_web(avatar["webhook"], "https"):
        found["webhook"] = "This is an address that begins with https."
    if len(str(avatar.get("user_data", ""))) > LONGEST_USER_DATA:
        found["user_data"] = f"At most {LONGEST_USER_DATA} characters."
    return found


def is_web(address: object, *schemes: str) -> bool:
    """Whether this is an address with one of the schemes: http and https where none is given."""
    if not isinstance(address, str) or any(letter.isspace() for letter in address):
        return False
    parts = _split(address)
    return parts is not None and parts.scheme in (schemes or ("http", "https")) and bool(parts[1])


def _split(address: str) -> Any:
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises for a port that is none
    except ValueError:
        return None
    return parts


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _filled(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _texts(body: Mapping[str, Any], names: Sequence[str], where: str, found: Problems) -> None:
    for name in names:
        if body.get(name) is not None and not isinstance(body[name], str):
            found[where + name] = "This is a text."


def _one_of(
    body: Mapping[str, Any], name: str, known: Sequence[str], where: str, found: Problems
) -> None:
    if body.get(name) is not None and body[name] not in known:
        found[where + name] = f"One of {', '.join(known)}."


def _number(
    body: Mapping[str, Any], name: str, least: float, most: float, where: str, found: Problems
) -> None:
    value = body.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        found[where + name] = f"A number from {least:g} to {most:g}."
