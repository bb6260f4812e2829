"""What a kind of resource is made of: its columns, where its rows come from, what they can."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from did_tui.api.models import Resource
from did_tui.ui.moments import ago, elapsed, seconds_of
from did_tui.ui.rows import Row, Value, rows_of
from did_tui.ui.widgets.table import Column

if TYPE_CHECKING:
    from did_tui.api.client import Client


@dataclass(slots=True)
class Place:
    """Where a list is: a kind, and the resources that one has come through.

    ``names`` are those of knowledge bases by their ids, learned on the way. ``keymap`` has the keys
    that the user has changed.
    """

    kind: Kind
    parents: tuple[Resource, ...] = ()
    state: Path | None = None
    names: dict[str, str] = field(default_factory=dict)
    keymap: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Also:
    """Something that can be done besides what has a key: the menu under ``a`` has it.

    ``deed`` gets the list's screen and the row under the cursor, None where there is none;
    ``alone`` says that it needs no row, ``writes`` that a read-only profile may not do it.
    """

    key: str
    words: str
    deed: Callable[[Any, Any], Awaitable[bool]]
    alone: bool = False
    writes: bool = False


Pages = Callable[["Client", Place], AsyncIterator[Sequence[Resource]]]


@dataclass(frozen=True, slots=True)
class Field:
    """A column: what of a resource it holds, how that is written, and in which colour."""

    column: Column
    value: Callable[[Any, Place], Value]
    write: Callable[[Value, float], str] = lambda value, _now: str(value)
    colour: Callable[[Value], str] = lambda _value: ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource.

    ``inside`` is the kind that enter opens, ``beside`` are others that belong to a row. ``can``
    names the actions that its rows have beside those of every list, ``hides`` the fields that hold
    a secret. ``path`` is where D-ID has one: ``{0}`` stands for its id, ``{1}`` for the id of what
    it is in. ``fetch`` asks for all of one; a list may have less.
    """

    name: str
    title: str
    one: str
    model: type[Resource]
    fields: tuple[Field, ...]
    pages: Pages
    key: Callable[[Any], str]
    empty: str
    path: str = ""
    label: Callable[[Any], str] = lambda resource: name_of(resource)
    picture: Callable[[Any], str] | None = None
    said: Callable[[Any], str] | None = None  # words that a filter looks at beside the columns
    aliases: tuple[str, ...] = ()
    can: frozenset[str] = frozenset()
    inside: str = ""
    beside: tuple[str, ...] = ()
    fetch: Callable[[Client, Place, Any], Awaitable[Resource]] | None = None
    delete: Callable[[Client, Place, Any], Awaitable[None]] | None = None
    warning: str = "This cannot be undone."
    hides: frozenset[str] = frozenset()
    most: int = 0  # how many there can be in one place, 0 where that is not limited
    changes: bool = True  # whether looking again from time to time is worth a request

    def rows(self, resources: Sequence[Resource], place: Place) -> list[Row]:
        """Resources as rows."""
        return rows_of(
            resources,
            self.key,
            lambda resource: [f.value(resource, place) for f in self.fields],
            self.said,
        )

    def resource(self, row: Row) -> Any:
        """A row as a resource."""
        return self.model.parse(row.raw)

    @property
    def many(self) -> str:
        """What several of them are called."""
        if self.name == "credits":
            return "purchases"
        return "knowledge bases" if self.name == "knowledge" else f"{self.one}s"

    def unfinished(self, row: Row) -> bool:
        """Whether it is still being made."""
        return any(
            each.column.title == "STATUS" and each.colour(value) == "busy"
            for each, value in zip(self.fields, row.values, strict=True)
        )

    def address(self, place: Place, resource: Resource) -> str:
        """Its path at D-ID, empty where it is only here."""
        ids = [str(getattr(parent, "id", "")).rpartition("#")[2] for parent in place.parents]
        own = self.key(resource).rpartition("#")[2]
        parts = [quote(part, safe="", errors="replace") for part in (own, *reversed(ids))]
        return self.path.format(*parts, "", "")


def name_of(resource: Resource) -> str:
    """What to call a resource of any kind."""
    for name in ("name", "title", "agent_name", "id", "presenter_id"):
        text = getattr(resource, name, "")
        if isinstance(text, str) and text:
            return text
    return "?"


# Columns


def text(
    title: str,
    least: int,
    share: int,
    importance: int,
    value: Callable[[Any], object],
    colour: str = "",
) -> Field:
    """A column of texts."""

    def get(resource: Any, _place: Place) -> Value:
        found = value(resource)
        return found if isinstance(found, float | int | str) else str(found or "")

    return Field(
        Column(title, least, share, importance), get, lambda v, _: str(v) or "–", lambda _: colour
    )


def when(title: str, importance: int, value: Callable[[Any], str]) -> Field:
    """A column of moments, written as how long ago they were."""
    return Field(
        Column(title, 12, 0, importance), lambda r, _: seconds_of(value(r)), ago, lambda _: "dim"
    )


def count(title: str, importance: int, value: Callable[[Any], float]) -> Field:
    """A column of numbers."""
    return Field(
        Column(title, max(7, len(title) + 2), 0, importance),
        lambda r, _: value(r),
        lambda v, _: number(v) if isinstance(v, float | int) else v,
    )


def number(value: float) -> str:
    """A number for people: at most two decimals, a comma between the thousands."""
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def status(value: Callable[[Any], str], since: Callable[[Any], str] | None = None) -> Field:
    """The column of states; what is neither done nor failed is being made, ``since`` a moment."""

    def get(resource: Any, _place: Place) -> Value:
        state = value(resource)
        began: float | str = ""
        if since is not None and state and state not in _SIGNS:
            began = seconds_of(since(resource))
        return f"{state} since {began:.0f}" if isinstance(began, float) else state

    def write(found: Value, now: float) -> str:
        state, began = _state(found)
        took = f" {elapsed(now - began)}" if began is not None else ""
        return f"{_SIGNS.get(state, '◐')} {state}{took}" if state else "–"

    def colour(found: Value) -> str:
        state, _ = _state(found)
        return {"●": "good", "✗": "bad"}.get(_SIGNS.get(state, "◐"), "busy") if state else "dim"

    return Field(Column("STATUS", 18 if since is not None else 12, 0, 8), get, write, colour)


def _state(found: Value) -> tuple[str, float | None]:
    """A state, and the second since when it is one where something is being made."""
    begun = re.fullmatch(r"(.*) since (\d{1,12})", str(found))
    return (begun[1], float(begun[2])) if begun else (str(found), None)


_SIGNS = dict.fromkeys(("ready", "done", "partial", "200", "201", "204"), "●") | dict.fromkeys(
    ("error", "rejected", "failed"), "✗"
)


def ready(resource: Any) -> str:
    """Its state; what D-ID calls done is ready."""
    return "ready" if resource.state == "done" else str(resource.state)


def once(get: Callable[[Client, Place], Awaitable[Sequence[Resource]]]) -> Pages:
    """A list that comes whole."""

    async def pages(client: Client, place: Place) -> AsyncIterator[Sequence[Resource]]:
        yield await get(client, place)

    return pages


def paged(get: Callable[[Client, str], Awaitable[Any]]) -> Pages:
    """A list that comes in pages, each of which has a token."""

    async def pages(client: Client, _place: Place) -> AsyncIterator[Sequence[Resource]]:
        token, seen = "", {""}
        while True:
            page = await get(client, token)
            yield page.rows
            if page.token in seen or not page.rows:
                return
            token = page.token
            seen.add(token)

    return pages


def owner(place: Place, index: int = -1) -> str:
    """The id of a resource that one has come through."""
    return str(getattr(place.parents[index], "id", ""))


def masked(secret: str) -> str:
    """The last letters of a secret, enough to tell it from another."""
    return f"…{secret[-4:]}" if len(secret) > 8 else "…"
