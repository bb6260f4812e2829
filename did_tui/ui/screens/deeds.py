"""What can be made and changed, kind by kind: each a conversation of forms and questions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from did_tui.api import limits
from did_tui.api.changes import editable, text_of
from did_tui.api.errors import DidError
from did_tui.api.inventory import MOST_DOCUMENTS
from did_tui.api.models import Agent
from did_tui.live.archive import write_private
from did_tui.ui import fields, trash
from did_tui.ui.editor import edited, object_of, with_comments, without_comments
from did_tui.ui.forms import FormField, get
from did_tui.ui.kinds import Place
from did_tui.ui.local import OrderedExport, export_file
from did_tui.ui.resources import AGENTS, AVATARS, BY_NAME, PRESENTERS
from did_tui.ui.saving import Target, save
from did_tui.ui.screens.accountdeeds import edit_account, new_account_key
from did_tui.ui.screens.asking import Confirm, Shown
from did_tui.ui.screens.dialogs import Choice, Pick
from did_tui.ui.screens.form import Form
from did_tui.ui.text import one_line

if TYPE_CHECKING:
    from did_tui.ui.screens.browser import Browser

NEW_AGENT: Mapping[str, Any] = {
    "presenter": {"type": "clip"},
    "llm": {"provider": "openai"},
}

Deed = Callable[["Browser", Any], Awaitable[bool]]


async def _show(browser: Browser, form: Form) -> bool:
    saved = await browser.app.push_screen_wait(form)
    return bool(saved)


# Agents


async def _target(browser: Browser, agent: Agent) -> Target:
    client = await browser.app.client()
    whole = await client.agent(agent.id)
    return Target(
        one_line(whole.name),
        whole.raw,
        lambda: client.agent(agent.id),
        lambda patch: client.update_agent(agent.id, patch),
        lambda patch: limits.agent_problems(patch, creating=False),
    )


async def edit_agent(browser: Browser, agent: Agent) -> bool:
    """Every field of an agent in a form."""
    target = await _target(browser, agent)
    form = Form(
        ("Agents", target.name, "Edit"),
        fields.AGENT,
        target.have,
        lambda after: save(browser.app, target, after),
        _chooser(browser),
        f"agent-{agent.id}",
    )
    return await _show(browser, form)


async def write_agent(browser: Browser, agent: Agent) -> bool:
    """The agent as JSON in the user's own editor, again and again until it can be saved."""
    target = await _target(browser, agent)
    first = text = text_of(target.have)
    complaints: list[str] = []
    head = [f"{target.name}, {agent.id}", "These lines are left out; no text changes nothing."]
    while True:
        before = text
        shown = with_comments(text, [*head, *(f"! {said}" for said in complaints)])
        text = without_comments(await edited(browser.app, shown, "agent.json"))
        if text.strip() in ("", first.strip()):
            browser.notify("Nothing was changed.")
            return False
        if complaints and text == before:
            _keep_text(browser, agent.id, text, complaints[0])
            return False
        after = object_of(text)
        if isinstance(after, str):
            complaints = [after]
            continue
        problems = await _saved(browser, target, after, text)
        if problems is None:
            _keep_text(browser, agent.id, text, "Nothing was saved.")
            return False
        if not problems:
            return True
        complaints = [f"{path}: {said}" for path, said in problems.items()]


async def _saved(
    browser: Browser, target: Target, after: Mapping[str, Any], text: str
) -> Mapping[str, str] | None:
    try:
        return await save(browser.app, target, after)
    except DidError:
        _keep_text(browser, str(target.before.get("id")), text, "It could not be saved.")
        raise


def _keep_text(browser: Browser, agent_id: str, text: str, why: str) -> None:
    """What was typed stays on the disk."""
    if browser.app.state is None:
        return
    path = browser.app.state / "drafts" / f"{trash.file_name(agent_id)}.text.json"
    write_private(path, text)
    browser.notify(f"{why} Your text is in {path}.", severity="warning")


async def new_agent(browser: Browser, _under: Any) -> bool:
    """A form for an agent that is not there yet."""
    return await _make_agent(browser, NEW_AGENT, ("Agents", "New"), "agent-new")


async def clone_agent(browser: Browser, agent: Agent) -> bool:
    """The same form, filled with what another agent is."""
    whole = await (await browser.app.client()).agent(agent.id)
    like = editable(whole.raw) | {"preview_name": f"{whole.name} (copy)"}
    return await _make_agent(browser, like, ("Agents", one_line(whole.name), "Clone"), "")


async def _make_agent(
    browser: Browser, like: Mapping[str, Any], crumbs: tuple[str, ...], draft: str
) -> bool:
    async def create(after: dict[str, Any]) -> Mapping[str, str]:
        problems = limits.agent_problems(after)
        if not problems:
            made = await (await browser.app.client()).create_agent(after)
            browser.notify(f"“{made.name}” is being made.")
        return problems

    form = Form(crumbs, fields.AGENT, like, create, _chooser(browser), draft)
    return await _show(browser, form)


async def restore_agent(browser: Browser) -> bool:
    """Make an agent again from the copy that was kept when it was deleted."""
    copies = trash.kept(browser.app.state)
    if not copies:
        browser.notify("No agent was deleted from here.")
        return False
    choices = [
        Choice(number, str(raw.get("preview_name") or path.stem))
        for number, (path, raw) in enumerate(copies)
    ]
    number = await browser.app.push_screen_wait(Pick("Restore a deleted agent", choices))
    if number is None:
        return False
    path, raw = copies[number]
    made = await (await browser.app.client()).create_agent(editable(raw))
    path.unlink(missing_ok=True)
    browser.notify(f"“{made.name}” is there again, with a new id: {made.id}.")
    return True


def _chooser(browser: Browser) -> Callable[[FormField, Mapping[str, Any]], Awaitable[str | None]]:
    async def choose(field: FormField, body: Mapping[str, Any]) -> str | None:
        kind = BY_NAME.get(field.pick, PRESENTERS)
        if field.pick == "face" and get(body, "presenter.type") == "expressive":
            kind = AVATARS
        resource = await browser.app.push_screen_wait(browser.picker(Place(kind)))
        return kind.key(resource) if resource is not None else None

    return choose


# Knowledge


async def new_knowledge(browser: Browser, _under: Any) -> bool:
    """A form for a knowledge base."""

    async def create(after: dict[str, Any]) -> Mapping[str, str]:
        problems = limits.knowledge_problems(after)
        if not problems:
            client = await browser.app.client()
            await client.create_knowledge(after["name"], after["description"])
        return problems

    form = Form(("Knowledge", "New"), fields.KNOWLEDGE, {}, create, draft="knowledge-new")
    return await _show(browser, form)


async def edit_knowledge(browser: Browser, base: Any) -> bool:
    """Name and description."""
    client = await browser.app.client()
    whole = await client.knowledge(base.id)
    target = Target(
        one_line(whole.name),
        whole.raw,
        lambda: client.knowledge(base.id),
        lambda patch: client.update_knowledge(base.id, patch),
        lambda patch: limits.knowledge_problems(patch, creating=False),
    )
    form = Form(
        ("Knowledge", target.name, "Edit"),
        fields.KNOWLEDGE,
        target.have,
        lambda after: save(browser.app, target, after),
        draft=f"knowledge-{base.id}",
    )
    return await _show(browser, form)


async def add_document(browser: Browser, base: Any) -> bool:
    """A form for a document; said before, where there is no room for one."""
    client = await browser.app.client()
    present = len(await client.documents(base.id))
    if present >= MOST_DOCUMENTS:
        full = limits.document_problems({}, present=present)[""]
        browser.notify(full, title="No room", severity="warning")
        return False

    async def create(after: dict[str, Any]) -> Mapping[str, str]:
        problems = limits.document_problems(after, present=present)
        if not problems:
            made = await client.create_document(
                base.id,
                after["documentType"],
                after["source_url"],
                after["title"],
                after.get("webhook") or "",
            )
            browser.app.follow(base, made)
        return problems

    left = f"{present} of {MOST_DOCUMENTS} are used"
    crumbs = ("Knowledge", one_line(base.name), f"Add a document ({left})")
    form = Form(crumbs, fields.DOCUMENT, {"documentType": "text"}, create, draft="document-new")
    return await _show(browser, form)


# Client keys and secrets


async def new_key(browser: Browser, agent: Any) -> bool:
    """A form for a client key, which is shown once."""

    async def create(after: dict[str, Any]) -> Mapping[str, str]:
        domains = after.get("allowed_domains", [])
        problems = limits.domain_problems(domains)
        if not problems:
            client = await browser.app.client()
            made = await client.create_client_key(agent.id, domains, name=after.get("name", ""))
            words = "It is shown this once. Put it into your web page; y copies it."
            await browser.app.push_screen_wait(Shown("A new client key", words, made.client_key))
        return problems

    form = Form(("Agents", one_line(agent.name), "New client key"), fields.CLIENT_KEY, {}, create)
    return await _show(browser, form)


async def edit_key(browser: Browser, key: Any) -> bool:
    """Name and domains of a client key."""
    agent = browser.place.parents[-1]

    async def change(after: dict[str, Any]) -> Mapping[str, str]:
        domains = after.get("allowed_domains", [])
        problems = limits.domain_problems(domains)
        if not problems:
            client = await browser.app.client()
            await client.update_client_key(
                getattr(agent, "id", ""), key.client_key, domains=domains, name=after.get("name")
            )
            browser.notify("Saved.")
        return problems

    crumbs = ("Agents", browser.kind.label(key), "Edit client key")
    form = Form(crumbs, fields.CLIENT_KEY, key.raw, change)
    return await _show(browser, form)


async def new_secret(browser: Browser, _under: Any) -> bool:
    """A form for a secret; nothing of it is kept here."""

    async def create(after: dict[str, Any]) -> Mapping[str, str]:
        problems = limits.secret_problems(after)
        if not problems:
            await (await browser.app.client()).create_secret(after)
        return problems

    form = Form(("Secrets", "New"), fields.SECRET, {"type": "bearer"}, create)
    return await _show(browser, form)


# Chats at D-ID


async def new_export(browser: Browser, agent: Any) -> bool:
    """Order an export of an agent's chats; the list shows when it can be fetched."""
    if agent is None:
        agent = await browser.app.push_screen_wait(browser.picker(Place(AGENTS)))
        if agent is None:
            return False
    state = browser.app.state
    if state is None:
        browser.notify("There is no place to keep the export's id, so it could not be fetched.")
        return False

    async def order(after: dict[str, Any]) -> Mapping[str, str]:
        start, end = after.get("from", ""), after.get("to", "")
        problems = limits.export_problems(start, end)
        if not problems:
            client = await browser.app.client()
            export_id = await client.start_export(agent.id, start=start, end=end)
            note = {"export_id": export_id, "agent_id": agent.id, "agent_name": agent.name}
            write_private(export_file(state, export_id, ".json"), json.dumps(note))
        return problems

    form = Form(("Agents", one_line(agent.name), "Export its chats"), fields.EXPORT, {}, order)
    return await _show(browser, form)


async def fetch_export(browser: Browser, export: OrderedExport) -> bool:
    """Fetch the zip of an export into a file."""
    if not export.done or browser.app.state is None:
        why = f"It failed: {export.error}." if export.failed else "There is nothing to fetch yet."
        browser.notify(why, severity="warning")
        return False
    content = await (await browser.app.client()).fetch_export(export)
    file = export_file(browser.app.state, export.export_id, ".zip")
    file.touch(0o600)
    await asyncio.to_thread(file.write_bytes, content)
    browser.notify(f"{len(content):,} bytes are in {file}.", title="Fetched")
    return False


async def delete_chats(browser: Browser, agent: Any) -> bool:
    """Delete all chats of an agent at D-ID."""
    if agent is None:
        return False
    name = one_line(agent.name)[:60]
    words = "Transcripts that are kept here stay. This cannot be undone."
    question = Confirm(f"Delete all chats of “{name}” at D-ID?", words, name)
    agreed = await browser.app.push_screen_wait(question)
    if agreed:
        await (await browser.app.client()).delete_chats(agent.id)
        browser.notify(f"The chats of “{name}” are deleted.")
    return False


#: By the kind of the list: what ``n`` makes in it, and what ``e`` and ``E`` do to a row.
NEW: dict[str, Deed] = {
    "agents": new_agent,
    "knowledge": new_knowledge,
    "documents": add_document,
    "client-keys": new_key,
    "secrets": new_secret,
    "exports": new_export,
    "account": new_account_key,
}
EDIT: dict[str, Deed] = {
    "agents": edit_agent,
    "knowledge": edit_knowledge,
    "client-keys": edit_key,
    "account": edit_account,
}
WRITE: dict[str, Deed] = {"agents": write_agent}
CLONE: dict[str, Deed] = {"agents": clone_agent}
