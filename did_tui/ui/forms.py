"""Fields of a form: a JSON value as text that one types, and back. No I/O, no widgets."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Sort = Literal["line", "secret", "text", "lines", "number", "flag", "json"]
Condition = tuple[str, tuple[str, ...]]  # the path of another field, and values of it

_WORDS = {"yes": True, "true": True, "no": False, "false": False}


@dataclass(frozen=True, slots=True)
class FormField:
    """One field: ``path`` is where it is in the object, with dots; a number counts in a list.

    ``lines`` is a list of texts, one a line; a ``secret`` is a line that nobody reads on the
    screen. ``choices`` are offered and others may be typed; ``pick`` names what to choose from, a
    kind of resource or ``path``; ``rows`` is how high it is on the screen. It is there ``when``
    another field has one of some values, and ``unless`` one has; "" is none. ``trial`` says what
    can be tried with it.
    """

    path: str
    label: str
    help: str
    sort: Sort = "line"
    choices: tuple[str, ...] = ()
    pick: str = ""
    rows: int = 1
    when: Condition | None = None
    unless: Condition | None = None
    trial: str = ""


class BadField(ValueError):
    """What was typed is no such value; the text says what one is."""


def get(body: Mapping[str, Any], path: str) -> Any:
    """What is at a path; None where nothing is."""
    found: Any = body
    for name in path.split("."):
        if isinstance(found, list) and name.isdigit():
            found = found[int(name)] if int(name) < len(found) else None
        elif isinstance(found, Mapping):
            found = found.get(name)
        else:
            return None
    return found


def put(body: dict[str, Any], path: str, value: Any) -> None:
    """Put something at a path; what is no object on the way there is replaced."""
    name, _, rest = path.partition(".")
    body[name] = _with(body.get(name), rest.split("."), value) if rest else value


def drop(body: dict[str, Any], path: str) -> None:
    """Take away what is deep inside, and what is empty then; the topmost block stays."""
    name, _, rest = path.partition(".")
    if get(body, path) is not None and rest:
        body[name] = _without(body[name], rest.split("."))


def _with(value: Any, way: Sequence[str], leaf: Any) -> Any:
    if not way:
        return leaf
    name, *rest = way
    if name.isdigit():
        items = list(value) if isinstance(value, list) else []
        items += [{}] * (int(name) + 1 - len(items))
        items[int(name)] = _with(items[int(name)], rest, leaf)
        return items
    inner = dict(value) if isinstance(value, Mapping) else {}
    inner[name] = _with(inner.get(name), rest, leaf)
    return inner


def _without(value: Any, way: Sequence[str]) -> Any:
    name, *rest = way
    key = int(name) if isinstance(value, list) else name
    left = value.copy()
    if rest:
        left[key] = _without(left[key], rest)
    if not rest or left[key] == {}:
        del left[key]
    return left


def applies(field: FormField, body: Mapping[str, Any]) -> bool:
    """Whether an object of this sort has the field."""

    def holds(condition: Condition) -> bool:
        value = get(body, condition[0])
        return ("" if value is None else value) in condition[1]

    return (field.when is None or holds(field.when)) and (
        field.unless is None or not holds(field.unless)
    )


def written(field: FormField, value: Any) -> str:
    """A value as one would type it."""
    if value is None:
        return ""
    if field.sort in ("line", "secret", "text") and isinstance(value, str):
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
    if field.sort in ("line", "secret", "text"):
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

    A field that was not touched stays exactly as it was, so do those that no form shows. One that
    was emptied deep inside is taken away, and so is one that another choice has made pointless.
    """
    after = copy.deepcopy(dict(before))
    problems = {}
    for field in fields:
        text = texts.get(field.path)
        if text is None or text == written(field, get(before, field.path)):
            if applies(field, before) and not applies(field, after):
                drop(after, field.path)
            continue
        if not applies(field, after) or (
            not text.strip() and "." in field.path and field.sort not in ("text", "lines")
        ):
            drop(after, field.path)
        else:
            try:
                put(after, field.path, read(field, text))
            except BadField as error:
                problems[field.path] = str(error)
    return after, problems
