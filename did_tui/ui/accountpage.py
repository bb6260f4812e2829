"""The account as a list of facts: credits and their use, D-ID's settings, the logo, its key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from did_tui.api.errors import DidError, NotFound
from did_tui.api.models import Resource
from did_tui.ui.keys import key_of
from did_tui.ui.kinds import Kind, Place, masked, number, once, text
from did_tui.ui.text import one_line

if TYPE_CHECKING:
    from did_tui.api.client import Client


class Fact(Resource):
    """A line of the account: ``part`` is what of it one can change."""

    id: str = ""
    part: str = ""
    name: str = ""
    value: str = ""
    more: str = ""


class Fixed(DidError):
    """Something that cannot be deleted."""


async def _facts(client: Client, place: Place) -> Sequence[Resource]:
    """All parts at once; one that D-ID does not give says why, and hides no other."""
    parts = await asyncio.gather(
        *(_part(client, name, ask, place.keymap) for name, ask in _PARTS.items()),
    )
    return [Fact.parse(fact) for part in parts for fact in part]


async def _part(client: Client, name: str, ask: Ask, keymap: Keymap) -> list[Mapping[str, Any]]:
    try:
        return [
            {"id": f"{name} {number}", "part": name, **fact}
            for number, fact in enumerate([one async for one in ask(client, keymap)])
        ]
    except DidError as error:
        return [{"id": name, "name": name.capitalize(), "value": "✗ not known", "more": str(error)}]


Keymap = Mapping[str, str]
Facts = AsyncIterator[Mapping[str, Any]]
Ask = Callable[["Client", Keymap], Facts]


async def _credits(client: Client, _keymap: Keymap) -> Facts:
    try:
        found = await client.credits()
    except NotFound:
        yield {"name": "Credits", "value": "none", "more": "This account never had any."}
        return
    used = found.total - found.remaining
    share = f", {used / found.total:.0%}" if found.total > 0 else ""
    yield {
        "name": "Credits",
        "value": f"{number(found.remaining)} left",
        "more": f"of {number(found.total)}",
    }
    yield {"name": "Usage", "value": f"{number(used)} used{share}", "more": "of what is valid now"}
    for one in found.credits:
        until = f"until {one.expire_at[:10]}" if one.expire_at else ""
        yield {
            "name": f"Plan {one.plan_group or '–'}",
            "value": f"{number(one.remaining)} of {number(one.total)}",
            "more": " · ".join(filter(None, (until, one.product_billing_interval))),
        }


#: D-ID's names of limits, and what they are called here.
_LIMITS = {
    "session_ttl": ("Sessions", "seconds until one ends"),
    "messages_limit": ("Messages", "in one chat"),
    "num_embed": ("Embedded agents", "at most"),
    "num_origins": ("Origins", "of client keys, at most"),
    "llm_model": ("Language model", "where an agent names none"),
}


async def _settings(client: Client, keymap: Keymap) -> Facts:
    found = await client.settings()
    yield {
        "name": "Insights",
        "value": "yes" if found.agents_insights_is_enabled else "no",
        "more": f"{key_of('edit-row', keymap)} changes it · of agents' chats",
    }
    raw = found.raw.get("agents")
    for name, value in _known(raw):
        title, more = _LIMITS.get(name, (name, ""))
        yield {"part": "limits", "name": title, "value": value, "more": more}
    for name, value in _known(found.avatars):
        yield {"part": "limits", "name": f"Avatars: {name}", "value": value}


def _known(raw: object) -> Iterator[tuple[str, str]]:
    if isinstance(raw, Mapping):
        for name, value in raw.items():
            if value is not None:
                said = number(value) if isinstance(value, int | float) else str(value)
                yield one_line(str(name)), one_line(said)


async def _logo(client: Client, keymap: Keymap) -> Facts:
    found = await client.logo()
    position = found.get("position")
    where = f"at {', '.join(map(str, position))}" if isinstance(position, list) else ""
    edit, delete = (key_of(action, keymap) for action in ("edit-row", "delete-row"))
    there = f"{edit} replaces it, {delete} deletes it"
    does = there if found.get("url") else f"{edit} uploads one"
    yield {
        "name": "Logo",
        "value": str(found.get("url") or "none"),
        "more": " · ".join(filter(None, (does, where))),
    }


async def _client_key(client: Client, keymap: Keymap) -> Facts:
    name = "Client key (deprecated)"
    try:
        found = await client.account_key()
    except NotFound:
        key = key_of("new-row", keymap)
        more = f"{key} makes one; agents have keys of their own"
        yield {"name": name, "value": "none", "more": more}
        return
    domains = list(found.allowed_domains)
    yield {
        "name": name,
        "value": masked(found.client_key),
        "more": f"{key_of('edit-row', keymap)} changes it · {', '.join(domains)}",
        "allowed_domains": domains,
    }


_PARTS: dict[str, Ask] = {
    "credits": _credits,
    "settings": _settings,
    "logo": _logo,
    "client key": _client_key,
}


async def _delete(client: Client, _place: Place, fact: Fact) -> None:
    if fact.part != "logo":
        raise Fixed("Of an account only the logo can be deleted.")
    await client.delete_logo()


ACCOUNT = Kind(
    name="account",
    title="Account",
    one="fact",
    aliases=("usage", "balance"),
    model=Fact,
    fields=(
        text("WHAT", 23, 0, 9, lambda f: f.name, "strong"),
        text("VALUE", 16, 1, 8, lambda f: f.value),
        text("MORE", 24, 2, 5, lambda f: f.more, "dim"),
    ),
    pages=once(_facts),
    key=lambda f: str(f.id),
    label=lambda f: f.name,
    delete=_delete,
    empty="D-ID says nothing about this account.",
)
