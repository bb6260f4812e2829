"""Every kind of resource, in one table: what its list shows, where rows come from, what they can.

The browser (``ui/screens/browser.py``) is one screen with a row of this table.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from did_tui.api import inventory as inv
from did_tui.api.errors import ApiError, BadAnswer
from did_tui.api.models import Agent, Resource, state_of
from did_tui.ui import exports, local, trash
from did_tui.ui.accountpage import ACCOUNT
from did_tui.ui.faces import AVATARS, DRIVERS, FILES, PRESENTERS, SCENES, VOICES
from did_tui.ui.kinds import (
    Field,
    Kind,
    Place,
    count,
    masked,
    name_of,
    once,
    owner,
    ready,
    status,
    text,
    when,
)
from did_tui.ui.widgets.table import Column

if TYPE_CHECKING:
    from did_tui.api.client import Client


async def _agents(client: Client, place: Place) -> AsyncIterator[Sequence[Resource]]:
    try:
        place.names.update(await client.knowledge_names())
    except (ApiError, BadAnswer):
        place.names.clear()  # a key need not be allowed to see knowledge
    async for page in client.agent_pages():
        yield page.rows


async def _delete_agent(client: Client, place: Place, agent: Agent) -> None:
    """Keep a copy, then delete it; raises ``OSError`` where there is no room for the copy."""
    whole = await client.agent(agent.id)
    await asyncio.to_thread(trash.keep, place.state, agent.id, whole.raw)
    await client.delete_agent(agent.id)


AGENTS = Kind(
    name="agents",
    title="Agents",
    one="agent",
    aliases=("agent", "ag"),
    model=Agent,
    fields=(
        text("NAME", 14, 2, 9, lambda a: a.name, "strong"),
        text("PRESENTER", 11, 0, 6, lambda a: a.presenter.type),
        status(ready),
        Field(
            Column("KNOWLEDGE", 14, 0, 3),
            lambda a, p: p.names.get(a.knowledge.id, a.knowledge.id) if a.knowledge else "",
            lambda v, _: str(v) or "–",
        ),
        text("MODEL", 14, 1, 2, lambda a: a.llm.model),
        when("MODIFIED", 4, lambda a: a.modified),
        text("ABOUT", 16, 3, 5, lambda a: a.preview_description, "dim"),
    ),
    pages=_agents,
    key=lambda a: str(a.id),
    picture=lambda a: str(a.thumbnail),
    can=frozenset(("chat",)),
    fetch=lambda client, _, a: client.agent(a.id),
    delete=_delete_agent,
    warning="A copy of it is kept here: “Restore a deleted agent” in the palette ({palette}) makes"
    " it again, with a new id. Its chats are not kept.",
    beside=("client-keys", "sessions", "exports"),
    path="/agents/{0}",
    empty="An agent is a face with a brief. {new-row} makes one.",
)

KNOWLEDGE = Kind(
    name="knowledge",
    title="Knowledge",
    one="knowledge base",
    aliases=("kb", "knowledge-bases", "knl"),
    model=inv.Knowledge,
    fields=(
        text("NAME", 18, 2, 9, name_of, "strong"),
        status(ready),
        text("DESCRIPTION", 20, 3, 5, lambda k: k.description, "dim"),
        when("MODIFIED", 4, lambda k: k.when_modified),
        text("ID", 16, 0, 2, lambda k: k.id, "dim"),
    ),
    pages=once(lambda client, _: client.knowledge_bases()),
    key=lambda k: str(k.id),
    inside="documents",
    can=frozenset(("query",)),
    fetch=lambda client, _, k: client.knowledge(k.id),
    delete=lambda client, _, k: client.delete_knowledge(k.id),
    warning="Its documents go with it, and agents that use it find nothing. This cannot be undone.",
    path="/knowledge/{0}",
    empty="A knowledge base is a set of documents that agents answer from. {new-row} makes one.",
)

DOCUMENTS = Kind(
    name="documents",
    title="Documents",
    one="document",
    model=inv.Document,
    fields=(
        text("TITLE", 20, 2, 9, name_of, "strong"),
        text("TYPE", 10, 0, 6, lambda d: d.documentType),
        status(lambda d: str(d.state), lambda d: d.when_created),
        when("ADDED", 5, lambda d: d.when_created),
        text("SOURCE", 20, 3, 3, lambda d: d.trouble or d.source_url, "dim"),
    ),
    pages=once(lambda client, place: client.documents(owner(place))),
    key=lambda d: str(d.id),
    inside="records",
    most=inv.MOST_DOCUMENTS,
    can=frozenset(("query",)),
    fetch=lambda client, place, d: client.document(owner(place), d.id),
    delete=lambda client, place, d: client.delete_document(owner(place), d.id),
    path="/knowledge/{1}/documents/{0}",
    empty="Agents find nothing in this knowledge base. {new-row} adds a web page, a PDF or a text.",
)

RECORDS = Kind(
    name="records",
    title="Records",
    one="record",
    model=inv.Record,
    fields=(
        text("TITLE", 16, 1, 7, lambda r: r.title, "strong"),
        text("TEXT", 30, 5, 9, lambda r: r.data),
        when("ADDED", 3, lambda r: r.when_created),
    ),
    pages=once(lambda client, place: client.records(owner(place, -2), owner(place))),
    key=lambda r: str(r.id),
    path="/knowledge/{2}/documents/{1}/records",
    empty="No passages yet: D-ID makes them when it has read the document.",
)

CLIENT_KEYS = Kind(
    name="client-keys",
    title="Client keys",
    one="client key",
    aliases=("keys",),
    model=inv.ClientKey,
    fields=(
        text("NAME", 14, 1, 9, lambda k: k.name, "strong"),
        text("KEY", 12, 0, 6, lambda k: masked(k.client_key), "dim"),
        text("DOMAINS", 24, 3, 8, lambda k: ", ".join(k.allowed_domains)),
        when("CREATED", 4, lambda k: k.created_at),
    ),
    pages=once(lambda client, place: client.client_keys(owner(place))),
    key=lambda k: str(k.client_key),
    label=lambda k: k.name or masked(k.client_key),
    delete=lambda client, place, k: client.delete_client_key(owner(place), k.client_key),
    hides=frozenset(("client_key",)),
    path="/agents/{1}/client-keys",
    empty="A client key lets a web page talk with this agent, from its domains."
    " {new-row} makes one.",
)

SESSIONS = Kind(
    name="sessions",
    title="Sessions",
    one="session",
    aliases=("streams",),
    model=local.OpenStream,
    fields=(
        text("ID", 20, 2, 8, lambda s: s.id, "strong"),
        text("AGENT", 16, 1, 7, lambda s: s.agent_id),
        text("SORT", 8, 0, 4, lambda s: s.sort),
        when("OPENED", 6, lambda s: s.opened_at),
        text("TOLD BY", 14, 0, 5, lambda s: s.told_by, "dim"),
    ),
    pages=once(local.sessions),
    key=lambda s: str(s.id),
    label=lambda s: s.id,
    fetch=local.session,
    delete=local.end,
    warning="A stream is closed at D-ID. A room ends by itself when nobody is in it; only the note"
    " of it goes.",
    hides=frozenset(("session_token",)),
    path="/agents/{1}/sessions/{0}",
    empty="Nothing is open. Those of this computer are here; {inside-row} on an agent has what"
    " D-ID lists of it. {new-row} opens a room for an expressive agent.",
)

CHATS = Kind(
    name="chats",
    title="Chats",
    one="chat",
    aliases=("transcripts",),
    model=local.KeptChat,
    fields=(
        when("WHEN", 8, lambda c: c.began_at),
        text("AGENT", 16, 1, 7, lambda c: c.agent_name, "strong"),
        count("MESSAGES", 4, lambda c: len(c.messages)),
        text("FIRST WORDS", 24, 4, 6, lambda c: c.first_words, "dim"),
    ),
    pages=once(local.chats),
    key=lambda c: str(c.file),
    label=lambda c: f"{c.agent_name}, {c.began_at[:16].replace('T', ' ')}",
    said=lambda c: c.text,
    can=frozenset(("chat",)),
    delete=lambda _client, place, c: local.forget(place, c),
    changes=False,
    empty="What you say to agents is kept here, on this computer only.",
)

SECRETS = Kind(
    name="secrets",
    title="Secrets",
    one="secret",
    model=inv.Secret,
    fields=(
        text("PROVIDER", 18, 2, 9, lambda s: s.provider, "strong"),
        text("TYPE", 10, 0, 7, lambda s: s.type),
        text("SECRET", 16, 1, 5, lambda s: s.sanitized_secret, "dim"),
        when("USED", 4, lambda s: s.last_used_at),
        text("ID", 20, 1, 6, lambda s: s.id, "dim"),
    ),
    pages=once(lambda client, _: client.secrets()),
    key=lambda s: str(s.id),
    label=lambda s: s.provider or s.id,
    fetch=lambda client, _, s: client.secret(s.id),
    delete=lambda client, _, s: client.delete_secret(s.id),
    path="/secrets/{0}",
    empty="Secrets are what D-ID keeps to call your webhooks and language models."
    " {new-row} makes one.",
)

CREDITS = Kind(
    name="credits",
    title="Credits",
    one="purchase",
    aliases=("purchases",),
    model=inv.Credit,
    fields=(
        text("PLAN", 18, 2, 9, lambda c: c.plan_group, "strong"),
        count("REMAINING", 8, lambda c: c.remaining),
        count("OF", 7, lambda c: c.total),
        text("BILLED", 10, 0, 3, lambda c: c.product_billing_interval),
        when("SINCE", 4, lambda c: c.valid_from or c.when_created),
        text("EXPIRES", 12, 0, 6, lambda c: c.expire_at[:10]),
    ),
    pages=once(lambda client, _: _credits(client)),
    key=lambda c: f"{c.plan_group} {c.expire_at}",
    label=lambda c: c.plan_group,
    path="/credits",
    empty="This account never had credits.",
)

REQUESTS = Kind(
    name="requests",
    title="Requests",
    one="request",
    aliases=("network",),
    model=local.Asked,
    fields=(
        text("TIME", 9, 0, 8, lambda r: r.at[11:19], "dim"),
        text("METHOD", 7, 0, 6, lambda r: r.method),
        text("PATH", 24, 4, 9, lambda r: r.path, "strong"),
        text("STATUS", 8, 0, 7, lambda r: r.status or "–"),
        count("SECONDS", 5, lambda r: r.seconds),
        text("SAID", 20, 3, 4, lambda r: r.error, "bad"),
    ),
    pages=once(lambda client, _: local.requests(client)),
    key=lambda r: r.at,
    label=lambda r: f"{r.method} {r.path}",
    empty="Nothing was asked of D-ID yet.",
)


async def _credits(client: Client) -> Sequence[Resource]:
    found = await client.credits()
    return found.credits or ([inv.Credit.parse(found.raw)] if "remaining" in found.raw else [])


async def _export(client: Client, export: exports.OrderedExport) -> Resource:
    found = await client.export(export.export_id)
    return exports.OrderedExport.parse({**export.raw, **found.raw})


EXPORTS = Kind(
    name="exports",
    title="Exports",
    one="export",
    model=exports.OrderedExport,
    fields=(
        text("AGENT", 14, 2, 9, lambda e: e.agent_name or e.agent_id, "strong"),
        status(lambda e: state_of(e.status), lambda e: e.when_created),
        count("FILES", 6, lambda e: e.total_files_count),
        count("BYTES", 4, lambda e: e.total_files_size),
        when("ORDERED", 5, lambda e: e.when_created),
        text("TROUBLE", 12, 2, 3, lambda e: e.error, "bad"),
        text("ID", 18, 1, 2, lambda e: e.export_id, "dim"),
    ),
    pages=once(exports.exports),
    key=lambda e: str(e.export_id),
    label=lambda e: e.agent_name or e.export_id,
    inside="exported",
    can=frozenset(("fetch",)),
    fetch=lambda client, _, e: _export(client, e),
    delete=exports.delete_export,
    warning="What was fetched of it stays in its file.",
    path="/agents/chats/exports/{0}",
    empty="An export is the chats of an agent. {new-row} orders one; {open-row} fetches it"
    " and shows them.",
)


LISTED_AGENTS = replace(
    AGENTS,
    name="listed-agents",
    title="Listed agents",
    aliases=("GET /agents",),
    pages=once(lambda client, _: client.bare_agents()),
    empty="Older documents of D-ID's list agents here; newer ones list yours under Agents.",
)

EXPORTED = replace(
    CHATS,
    name="exported",
    title="Chats",
    aliases=(),
    pages=once(exports.chats),
    key=lambda c: str(c.file),
    delete=None,
    can=frozenset(("chat",)),
    empty="There is no chat in this export.",
)

#: The kinds that stand by themselves; the first ones have a digit.
ROOTS: tuple[Kind, ...] = (
    AGENTS,
    SESSIONS,
    KNOWLEDGE,
    CHATS,
    REQUESTS,
    ACCOUNT,
    CREDITS,
    PRESENTERS,
    AVATARS,
    SCENES,
    VOICES,
    FILES,
    SECRETS,
    EXPORTS,
    LISTED_AGENTS,
)

KINDS: tuple[Kind, ...] = (*ROOTS, DOCUMENTS, RECORDS, CLIENT_KEYS, DRIVERS, EXPORTED)

BY_NAME = {kind.name: kind for kind in KINDS}

DIGITS = 6


def kind_of(resource: Resource) -> Kind:
    """The kind that a resource is of."""
    return next(kind for kind in KINDS if isinstance(resource, kind.model))
