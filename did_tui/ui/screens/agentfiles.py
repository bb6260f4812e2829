"""Agents as files, fit for git: written, and taken back in."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from did_tui.api import limits
from did_tui.api.agentfile import NotOneAgent, plan
from did_tui.api.changes import editable, text_of
from did_tui.api.models import Agent
from did_tui.editor import object_of
from did_tui.ui import trash
from did_tui.ui.saving import Target, coloured, save
from did_tui.ui.screens.asking import Confirm
from did_tui.ui.screens.filepick import FilePick
from did_tui.ui.text import one_line

if TYPE_CHECKING:
    from did_tui.ui.screens.browser import Browser

LARGEST = 4 * 2**20  # bytes of an agent's file


async def export_agent(browser: Browser, agent: Agent) -> bool:
    """Write it where the program was started, as ``did-tui agents apply`` takes it."""
    whole = await (await browser.app.client()).agent(agent.id)
    path = Path.cwd() / f"{trash.file_name(whole.name or agent.id)}.json"
    question = Confirm("Replace the file?", f"There is {path}", deed="Replace")
    if path.exists() and not await browser.app.push_screen_wait(question):
        return False
    content = text_of(editable(whole.raw))
    await asyncio.to_thread(path.write_text, content, encoding="utf-8")
    browser.notify(str(path), title="Written")
    return False


async def import_agent(browser: Browser, _row: Any) -> bool:
    """Have an agent as a file says: the one of its id or name, else a new one; the diff first."""
    chosen = await browser.app.push_screen_wait(FilePick())
    if chosen is None:
        return False
    title = one_line(Path(chosen).name)
    file = await asyncio.to_thread(_read, Path(chosen))
    if isinstance(file, str):
        browser.notify(file, title=title, severity="error")
        return False
    client = await browser.app.client()
    try:
        wanted = await plan(client, file)
    except NotOneAgent as error:
        browser.notify(str(error), title=title, severity="error")
        return False
    problems = wanted.problems
    if problems:
        words = "\n".join(f"{path}: {said}" for path, said in problems.items())
        browser.notify(words, title=title, severity="error")
        return False
    if wanted.kept:
        fields = ", ".join(wanted.kept)
        browser.notify(f"The file is without {fields}: that stays as it is.", title=title)
    if wanted.before is None:
        return await _create(browser, wanted.wanted, wanted.diff)
    agent = wanted.before
    target = Target(
        one_line(agent.name),
        agent.raw,
        lambda: client.agent(agent.id),
        lambda patch: client.update_agent(agent.id, patch, elevenlabs_key=_key()),
        lambda patch: limits.agent_problems(patch, creating=False),
    )
    return await save(browser.app, target, {**target.have, **wanted.patch}, "Leave it") == {}


async def _create(browser: Browser, wanted: Mapping[str, Any], diff: list[str]) -> bool:
    name = one_line(str(wanted.get("preview_name") or "an agent"))[:60]
    question = Confirm(f"Make “{name}”?", coloured(diff), deed="Make it", safe="Leave it")
    if not await browser.app.push_screen_wait(question):
        return False
    made = await (await browser.app.client()).create_agent(wanted, elevenlabs_key=_key())
    browser.notify(f"“{made.name}” is being made.")
    return True


def _key() -> str:
    """One's own key for voices."""
    return os.environ.get("DID_TUI_ELEVENLABS_KEY", "")


def _read(path: Path) -> Mapping[str, Any] | str:
    """The object of a file, or what is wrong with it; raises ``OSError``."""
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        return "This is too large for an agent."
    try:
        return object_of(content.decode("utf-8"))
    except UnicodeDecodeError:
        return "This is no JSON: it is not UTF-8."
