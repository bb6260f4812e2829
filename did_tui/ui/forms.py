"""Fields of a form: a JSON value as text that one types, and back. No I/O, no widgets."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Sort = Literal["line", "text", "lines", "number", "flag", "json"]

_WORDS = {"yes": True, "true": True, "no": False, "false": False}


@dataclass(frozen=True, slots=True)
class FormField:
    """One field: ``path`` is where it is in the object, with dots.

    ``lines`` is a list of texts, one a line. ``choices`` are offered and others may be typed;
    ``pick`` names a kind of resource to choose from; ``rows`` is how high it is on the screen.
    """

    path: str
    label: str
    help: str
    sort: Sort = "line"
    choices: tuple[str, ...] = ()
    pick: str = ""
    rows: int = 1


class BadField(ValueError):
    """What was typed is no such value; the text says what one is."""


def get(body: Mapping[str, Any], path: str) -> Any:
    """What is at a path; None where nothing is."""
    found: Any = body
    for name in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


def put(body: dict[str, Any], path: str, value: Any) -> None:
    """Put something at a path; what is no object on the way there is replaced."""
    *way, last = path.split(".")
    for name in way:
        inner = body.get(name)
        body[name] = inner = dict(inner) if isinstance(inner, Mapping) else {}
        body = inner
    body[last] = value


def written(field: FormField, value: Any) -> str:
    """A value as one would type it."""
    if value is None:
        return ""
    if field.sort in ("line", "text") and isinstance(value, str):
        return value
    if field.sort == "lines" and _is_lines(value):
        return "\n".join(value)
    if field.sort == "flag" and isinstance(value, bool):
        return "yes" if value else "no"
    return json.dumps(value, ensure_ascii=False, indent=2 if field.rows > 1 else None)


def _is_lines(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) and "\n" not in v for v in value)


def read(field: FormField, text: str) -> Any:
    """The value of what was typed; raises ``BadField``."""
    stripped = text.strip()
    if field.sort == "lines":
        return [line for line in text.split("\n") if line.strip()]
    if field.sort in ("line", "text"):
        return text
    if field.sort == "flag":
        if stripped.lower() not in _WORDS:
            raise BadField("This is yes or no.")
        return _WORDS[stripped.lower()]
    try:
        value = json.loads(stripped)
    except (ValueError, RecursionError):
        value = None
    if field.sort == "number":
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadField("This is a number.")
    elif value is None and stripped != "null":
        raise BadField("This is no JSON.")
    return value


def filled(
    fields: Sequence[FormField], before: Mapping[str, Any], texts: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The object with what was typed into its fields, and what is wrong by path.

    A field that was not touched stays exactly as it was, so do those that no form shows.
    """
    after = copy.deepcopy(dict(before))
    problems = {}
    for field in fields:
        text = texts.get(field.path)
        if text is None or text == written(field, get(before, field.path)):
            continue
        try:
            put(after, field.path, read(field, text))
        except BadField as error:
            problems[field.path] = str(error)
    return after, problems
