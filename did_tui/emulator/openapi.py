"""The emulator's own OpenAPI: its routes, and the bodies that it checks; no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic.json_schema import models_json_schema

from did_tui import __version__
from did_tui.emulator import bodies
from did_tui.emulator.bodies import Body

#: The body that a route takes, by the route's name; the others take any object.
TAKES: dict[str, type[Body]] = {
    "create_agent": bodies.NewAgent,
    "update_agent": bodies.AgentChange,
    "test_webhook": bodies.WebhookTest,
    "create_export": bodies.NewExport,
    "create_account_key": bodies.NewKey,
    "change_account_key": bodies.NewKey,
    "create_key": bodies.NewKey,
    "create_session": bodies.NewSession,
    "join_session": bodies.JoinSession,
    "change_key": bodies.KeyChange,
    "create_knowledge": bodies.NewKnowledge,
    "change_knowledge": bodies.KnowledgeChange,
    "query_knowledge": bodies.Query,
    "create_document": bodies.NewDocument,
    "change_presenter": bodies.PresenterChange,
    "create_avatar": bodies.NewAvatar,
    "detect_faces": bodies.FaceDetection,
    "change_settings": bodies.SettingsChange,
    "create_secret": bodies.TypedSecret,
    "change_secret": bodies.SecretChange,
}

#: The fields of a route's form; those that end in ``!`` are files.
FORMS: dict[str, tuple[str, ...]] = {
    "clone_voice": ("name", "language", "source_url", "file!"),
    "upload_image": ("image!",),
    "upload_audio": ("audio!",),
    "change_logo": ("top", "left", "logo!"),
}

QUERIES: dict[str, tuple[str, ...]] = {
    "list_agents": ("sort_by", "order", "limit", "token"),
    "list_agents_bare": ("sort_by", "order"),
    "list_presenters": ("limit", "token"),
    "list_avatars": ("limit", "token"),
    "list_voices": ("provider", "id"),
}


def document(routes: Iterable[tuple[str, str, str]]) -> dict[str, Any]:
    """The document for routes of verb, path and name."""
    models = {model.__name__: model for model in TAKES.values()}
    _, schemas = models_json_schema(
        [(model, "validation") for model in models.values()],
        ref_template="#/components/schemas/{model}",
    )
    paths: dict[str, dict[str, Any]] = {}
    for verb, path, name in routes:
        paths.setdefault(path, {})[verb.lower()] = _operation(verb, path, name)
    return {
        "openapi": "3.1.0",
        "info": {"title": "A local stand-in for D-ID's API", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
        },
        "security": [{"basic": []}],
    }


def _operation(verb: str, path: str, name: str) -> dict[str, Any]:
    text = {"type": "string"}
    parameters = [
        {"name": part, "in": "path", "required": True, "schema": {**text, "minLength": 1}}
        for part in re.findall(r"{(\w+)}", path)
    ]
    parameters += [{"name": part, "in": "query", "schema": text} for part in QUERIES.get(name, ())]
    operation: dict[str, Any] = {
        "operationId": f"{name}{'_slash' if path.endswith('/') else ''}_{verb.lower()}",
        "parameters": parameters,
        "responses": {"default": {"description": "the result, or D-ID's error envelope"}},
    }
    if name in FORMS:
        fields = {
            field.rstrip("!"): {**text, "format": "binary"} if field.endswith("!") else text
            for field in FORMS[name]
        }
        form = {"type": "object", "properties": fields}
        operation["requestBody"] = {"content": {"multipart/form-data": {"schema": form}}}
    elif verb in ("POST", "PATCH", "PUT", "DELETE"):
        schema: dict[str, Any] = {"type": "object"}
        if name in TAKES:
            schema = {"$ref": f"#/components/schemas/{TAKES[name].__name__}"}
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return operation
