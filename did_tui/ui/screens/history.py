"""What was said: exports of an agent's chats, and going on with one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from did_tui.api import limits
from did_tui.api.models import Agent
from did_tui.ui import fields
from did_tui.ui.exports import OrderedExport, fetched, keep_note
from did_tui.ui.kinds import Place
from did_tui.ui.resources import AGENTS
from did_tui.ui.screens.asking import Confirm
from did_tui.ui.screens.form import Form, filled_in
from did_tui.ui.text import one_line

if TYPE_CHECKING:
    from did_tui.ui.local import KeptChat
    from did_tui.ui.screens.browser import Browser


async def new_export(browser: Browser, agent: Any) -> bool:
    """Order an export of an agent's chats; it is followed until it can be fetched."""
    if agent is None:
        agent = await browser.app.push_screen_wait(browser.picker(Place(AGENTS)))
        if agent is None:
            return False
    if browser.app.state is None:
        browser.notify("There is no place to keep the export's id, so it could not be fetched.")
        return False

    async def order(after: dict[str, Any]) -> Mapping[str, str]:
        start, end = after.get("from", ""), after.get("to", "")
        problems = limits.export_problems(start, end)
        if not problems:
            note = {"agent_id": agent.id, "agent_name": agent.name, "from": start, "to": end}
            await _order(browser, note | {"persistent_chats": after["persistent_chats"]})
        return problems

    crumbs = ("Agents", one_line(agent.name), "Export its chats")
    form = Form(crumbs, fields.EXPORT, {"persistent_chats": False}, order)
    return await filled_in(browser.app, form)


async def _order(browser: Browser, note: dict[str, Any], token: str = "") -> None:
    """Order an export, or with a token its next part; the note says of what."""
    state = browser.app.state
    assert state is not None  # noqa: S101 (looked at before)
    client = await browser.app.client()
    export_id = await client.start_export(
        note["agent_id"],
        start=note["from"],
        end=note["to"],
        persistent=None if note["persistent_chats"] else False,
        token=token,
    )
    await asyncio.to_thread(keep_note, state, note | {"export_id": export_id})
    browser.app.follow_export(export_id, note["agent_name"])


async def fetch_export(browser: Browser, export: OrderedExport) -> bool:
    """Fetch and unpack an export, and order the part that comes after it."""
    state = browser.app.state
    if not export.done or state is None:
        why = f"It failed: {export.error}." if export.failed else "There is nothing to fetch yet."
        browser.notify(why, severity="warning")
        return False
    directory, count = await fetched(await browser.app.client(), state, export)
    files = f"{count} file{'s' if count != 1 else ''}"
    browser.notify(
        f"{files} are in {directory}. {browser.app.key('open-row')} shows the chats.",
        title="Fetched",
    )
    token = export.result.token
    if not token or export.raw.get("continued"):
        return False
    note: dict[str, Any] = {
        "agent_id": export.agent_id,
        "agent_name": export.agent_name,
        "from": str(export.raw.get("from") or ""),
        "to": str(export.raw.get("to") or ""),
        "persistent_chats": export.persistent_chats,
    }
    await _order(browser, note, token)
    mark = note | {"export_id": export.export_id, "continued": True}
    await asyncio.to_thread(keep_note, state, mark)
    browser.notify("It came in parts: the next one is ordered.")
    return True


async def delete_chats(browser: Browser, agent: Any) -> bool:
    """Delete all chats of an agent at D-ID."""
    name = one_line(agent.name)[:60]
    words = "Transcripts that are kept here stay. This cannot be undone."
    question = Confirm(f"Delete all chats of “{name}” at D-ID?", words, name)
    agreed = await browser.app.push_screen_wait(question)
    if agreed:
        await (await browser.app.client()).delete_chats(agent.id)
        browser.notify(f"The chats of “{name}” are deleted.")
    return False


async def resume(browser: Browser, chat: KeptChat) -> bool:
    """Go on with a chat: the agent is told what was said in it."""
    if not chat.agent_id:
        browser.notify("The transcript does not say whose chat it was.", severity="warning")
        return False
    agent: Agent = await (await browser.app.client()).agent(chat.agent_id)
    browser.app.meet(agent, b"", chat)
    return False
