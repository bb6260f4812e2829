"""What an edit changed: no I/O.

D-ID replaces nested blocks whole (protocol 2.1), so a change is made of top-level keys.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any

#: What D-ID writes into an agent: no file for git holds it, no edit sends it.
SERVER_MADE = frozenset(
    (
        "id owner_id created modified created_at modified_at created_by status access provider "
        "metadata error client_key preview_thumbnail preview_url"
    ).split()
)
_SERVER_MADE_OF_PRESENTER = ("idle_video",)


def editable(agent: Mapping[str, Any]) -> dict[str, Any]:
    """The agent as one writes it: without what D-ID made, unknown fields kept."""
    kept = {key: value for key, value in agent.items() if key not in SERVER_MADE}
    presenter = kept.get("presenter")
    if isinstance(presenter, Mapping):
        made = list(_SERVER_MADE_OF_PRESENTER)
        if presenter.get("type") != "talk":
            made.append("thumbnail")  # a talk's own is required (schemas.md, Presenter1)
        kept["presenter"] = {key: value for key, value in presenter.items() if key not in made}
    return kept


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The body of the PATCH that makes ``after`` of ``before``: changed top-level keys, whole.

    A key that is missing from ``after`` stays as it is: see ``removed``.
    """
    return {
        key: value
        for key, value in after.items()
        if key not in before or not same(before[key], value)
    }


def removed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The top-level keys that are no more in ``after``; D-ID documents no way to remove one."""
    return [key for key in before if key not in after]


def same(one: object, other: object) -> bool:
    """Whether two JSON values are equal; true is not 1, as it is in Python."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The lines of a unified diff of two objects as JSON, without its header; [] for no change."""
    one, other = text_of(before).splitlines(), text_of(after).splitlines()
    return list(difflib.unified_diff(one, other, n=2, lineterm=""))[2:]


def text_of(value: Mapping[str, Any]) -> str:
    """An object as JSON for people and for git: keys in order, one a line."""
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
