"""A person's own editor, without running it: which one, and what stands in its file. No I/O."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from did_tui.text import one_line

COMMENT = "//"


class NoEditor(Exception):
    """The editor cannot be used; the text says why."""


def command(env: Mapping[str, str]) -> list[str]:
    """The editor's command line; raises ``NoEditor``."""
    chosen = env.get("VISUAL") or env.get("EDITOR") or "vi"
    try:
        return shlex.split(chosen) or ["vi"]
    except ValueError as error:
        raise NoEditor(f"EDITOR is {chosen!r}, which is no command.") from error


def with_comments(text: str, lines: Sequence[str]) -> str:
    """A text under comments."""
    return "".join(f"{COMMENT} {one_line(line)}\n" for line in lines) + text


def without_comments(text: str) -> str:
    """The text alone."""
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(COMMENT))


def head(title: str, complaints: Sequence[str]) -> list[str]:
    """What stands over a text: what it is, and what was wrong with it before."""
    rules = "Lines that begin with // are left out. An empty text changes nothing."
    return [title, rules, *(f"! {said}" for said in complaints)]


def object_of(text: str) -> Mapping[str, Any] | str:
    """The JSON object of a text, or what is wrong with it."""
    try:
        value = json.loads(text)
    except RecursionError:
        return "This is nested too deeply."
    except ValueError as error:
        return f"This is no JSON: {error}."
    return value if isinstance(value, dict) else "This is no object: it begins with {."
