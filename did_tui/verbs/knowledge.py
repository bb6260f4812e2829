"""``did-tui knowledge …`` and ``did-tui documents …``."""

from __future__ import annotations

import asyncio
import time

from did_tui.api import sources
from did_tui.api.inventory import Document
from did_tui.api.limits import document_problems, knowledge_problems
from did_tui.text import one_line
from did_tui.verbs.desk import Desk, Refused, Undone, check, read_file
from did_tui.verbs.output import Column, Output, Result, Table, Whole

POLL_SECONDS = 1.0
LONGEST_WAIT = 30 * 60.0  # seconds until a document is indexed

KNOWLEDGE_COLUMNS: tuple[Column, ...] = (
    ("id", lambda base: base.id),
    ("name", lambda base: base.name),
    ("state", lambda base: base.state),
    ("description", lambda base: base.description),
    ("created", lambda base: base.when_created),
)
DOCUMENT_COLUMNS: tuple[Column, ...] = (
    ("id", lambda document: document.id),
    ("title", lambda document: document.title),
    ("type", lambda document: document.documentType),
    ("state", lambda document: document.state),
    ("trouble", lambda document: document.trouble),
)
RECORD_COLUMNS: tuple[Column, ...] = (
    ("id", lambda record: record.id),
    ("title", lambda record: record.title),
    ("data", lambda record: record.data),
)


async def knowledge_list(desk: Desk) -> Output:
    """``knowledge list``."""
    return Table(await desk.client.knowledge_bases(), KNOWLEDGE_COLUMNS)


async def knowledge_show(desk: Desk) -> Output:
    """``knowledge show``."""
    return Whole((await desk.client.knowledge(await desk.knowledge_id())).raw)


async def knowledge_create(desk: Desk) -> Output:
    """``knowledge create``."""
    options = desk.options
    check(knowledge_problems({"name": options.name, "description": options.description}))
    made = await desk.client.create_knowledge(options.name, options.description)
    return Result(made.id, made.raw)


async def knowledge_edit(desk: Desk) -> Output:
    """``knowledge edit``."""
    given = {"name": desk.options.name, "description": desk.options.description}
    patch = {name: value for name, value in given.items() if value is not None}
    if not patch:
        raise Refused("There is nothing to change: say --name or --description.")
    check(knowledge_problems(patch, creating=False))
    changed = await desk.client.update_knowledge(await desk.knowledge_id(), patch)
    return Result(f"updated {changed.id}", changed.raw)


async def knowledge_delete(desk: Desk) -> Output:
    """``knowledge delete``."""
    knowledge_id = await desk.knowledge_id()
    desk.confirm(f"the knowledge base {knowledge_id} and its documents")
    await desk.client.delete_knowledge(knowledge_id)
    return Result(knowledge_id, {"deleted": [knowledge_id]})


async def knowledge_query(desk: Desk) -> Output:
    """``knowledge query``: matches with their scores, best first."""
    found = await desk.client.query_knowledge(await desk.knowledge_id(), desk.options.text)
    if desk.options.json:
        return Whole(found.raw)
    columns: tuple[Column, ...] = (
        ("score", lambda match: match.score),
        ("title", lambda match: match.title),
        ("text", lambda match: match.data),
    )
    return Table(found.matches, columns)


# Documents


async def documents_list(desk: Desk) -> Output:
    """``documents list``."""
    return Table(await desk.client.documents(await desk.knowledge_id()), DOCUMENT_COLUMNS)


async def documents_show(desk: Desk) -> Output:
    """``documents show``."""
    knowledge_id = await desk.knowledge_id()
    return Whole((await desk.client.document(knowledge_id, desk.options.document)).raw)


async def documents_create(desk: Desk) -> Output:
    """``documents create``."""
    options = desk.options
    source, name = _source(desk)
    wanted = {
        "documentType": options.type or sources.document_type(name),
        "source_url": source,
        "title": options.title or name,
        "webhook": options.webhook or "",
    }
    knowledge_id = await desk.knowledge_id()
    present = len(await desk.client.documents(knowledge_id))
    check(document_problems(wanted, present=present))
    document = await desk.client.create_document(
        knowledge_id, wanted["documentType"], source, wanted["title"], wanted["webhook"]
    )
    if options.wait:
        document = await _followed(desk, knowledge_id, document)
    return Result(document.id, document.raw)


async def _followed(desk: Desk, knowledge_id: str, document: Document) -> Document:
    """The document when it is done; its states are told on the way."""
    begun, state = time.monotonic(), ""
    while not (document.done or document.failed):
        if document.state != state:
            state = document.state
            desk.say(f"{time.monotonic() - begun:5.0f} s  {one_line(state)}")
        if time.monotonic() - begun > LONGEST_WAIT:
            raise Undone(f"{document.id} is still {one_line(state)}.")
        await asyncio.sleep(POLL_SECONDS)
        document = await desk.client.document(knowledge_id, document.id)
    desk.say(f"{time.monotonic() - begun:5.0f} s  {one_line(document.state)}")
    if document.failed:
        raise Undone(f"{document.title} could not be used: {one_line(document.trouble)}")
    return document


def _source(desk: Desk) -> tuple[str, str]:
    """The address of a document and what it may be called."""
    source: str = desk.options.source
    if sources.is_address(source):
        return source, sources.name_in(source)
    if not desk.is_local:
        raise Refused(sources.NEEDS_ADDRESS)
    name, content = read_file(source)
    return sources.inline(name, content), name


async def documents_delete(desk: Desk) -> Output:
    """``documents delete``."""
    knowledge_id = await desk.knowledge_id()
    desk.confirm(f"the document {desk.options.document}")
    await desk.client.delete_document(knowledge_id, desk.options.document)
    return Result(desk.options.document, {"deleted": [desk.options.document]})


async def documents_records(desk: Desk) -> Output:
    """``documents records``."""
    records = await desk.client.records(await desk.knowledge_id(), desk.options.document)
    return Table(records, RECORD_COLUMNS)
