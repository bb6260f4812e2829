"""What can be made and changed, kind by kind: each a conversation of forms and questions."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from did_tui.api import limits, sources
from did_tui.api.changes import editable, text_of
from did_tui.api.errors import DidError
from did_tui.api.http import is_loopback
from did_tui.api.inventory import MOST_DOCUMENTS
from did_tui.api.models import Agent
from did_tui.editor import head, object_of, with_comments, without_comments
from did_tui.files import write_private
from did_tui.ui import fields, trash
from did_tui.ui.editor import edited
from did_tui.ui.forms import get
from did_tui.ui.kinds import Also
from did_tui.ui.saving import Target, save
from did_tui.ui.screens import access, agentfiles, history, likeness
from did_tui.ui.screens.accountdeeds import edit_account, new_account_key
from did_tui.ui.screens.detail import Detail
from did_tui.ui.screens.dialogs import Choice, Pick
from did_tui.ui.screens.form import Form, Trial, filled_in
from did_tui.ui.text import one_line

if TYPE_CHECKING:
    from did_tui.api.client import Client
    from did_tui.ui.screens.browser import Browser

NEW_AGENT: Mapping[str, Any] = {
    "presenter": {"type": "clip"},
    "llm": {"provider": "openai"},
}

Deed = Callable[["Browser", Any], Awaitable[bool]]


# Agents


async def _target(browser: Browser, agent: Agent, key: Sequence[str] = ()) -> Target:
    """The agent as it is now; the last of ``key`` is the one for voices that the form holds."""
    client = await browser.app.client()
    whole = await client.agent(agent.id)
    return Target(
        one_line(whole.name),
        whole.raw,
        lambda: client.agent(agent.id),
        lambda patch: client.update_agent(agent.id, patch, elevenlabs_key=_key(key)),
        lambda patch: limits.agent_problems(patch, creating=False),
    )


def _key(typed: Sequence[str]) -> str:
    """One's own key for voices: typed, else of the environment."""
    return typed[-1] if typed else os.environ.get("DID_TUI_ELEVENLABS_KEY", "")


async def edit_agent(browser: Browser, agent: Agent) -> bool:
    """Every field of an agent in a form."""
    key: list[str] = []
    target = await _target(browser, agent, key)

    async def change(after: dict[str, Any]) -> Mapping[str, str] | None:
        typed = after.pop(fields.ELEVENLABS_KEY, None)
        key[:] = [typed] if typed else []
        return await save(browser.app, target, after)

    form = Form(
        ("Agents", target.name, "Edit"),
        fields.AGENT,
        target.have,
        change,
        likeness.chooser(browser),
        f"agent-{agent.id}",
        _trials(browser),
    )
    return await filled_in(browser.app, form)


def _trials(browser: Browser) -> dict[str, Trial]:
    """What can be tried in the form of an agent, by the paths of its fields."""
    return {
        "presenter.voice.voice_id": lambda b: likeness.hear_voice(browser, b, "presenter.voice"),
        "presenter.source_url": lambda body: likeness.find_faces(browser, body),
        f"{fields.WEBHOOK}.url": lambda body: _call(browser, get(body, fields.WEBHOOK)),
    }


async def _call(browser: Browser, hook: Any) -> str:
    """Have D-ID call a webhook as at the end of a chat; what it answered."""
    hook = hook if isinstance(hook, Mapping) else {}
    problems = limits.webhook_problems(hook)
    if problems:
        return " ".join(f"{path}: {said}" for path, said in problems.items())
    tested = await (await browser.app.client()).test_webhook(
        hook["url"], headers=hook.get("headers"), secret_id=str(get(hook, "auth.secret_id") or "")
    )
    if not tested.success:
        return f"It failed: {tested.error_message or tested.status_code}."
    return f"It answered {tested.status_code}: {one_line(str(tested.response_data))[:200]}"


async def test_webhooks(browser: Browser, agent: Agent) -> bool:
    """Have D-ID call every webhook of an agent."""
    whole = await (await browser.app.client()).agent(agent.id)
    hooks = get(whole.raw, "triggers.chat/end.webhooks") or []
    if not hooks:
        browser.notify(f"It has no webhooks: {browser.app.key('edit-row')} gives it one.")
    for hook in hooks:
        said = await _call(browser, hook)
        browser.notify(said, title=one_line(str(get(hook, "url")))[:60])
    return False


async def write_agent(browser: Browser, agent: Agent) -> bool:
    """The agent as JSON in the user's own editor, again and again until it can be saved."""
    target = await _target(browser, agent)
    first = text = text_of(target.have)
    complaints: list[str] = []
    while True:
        before = text
        shown = with_comments(text, head(f"{target.name}, {agent.id}", complaints))
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
        typed = after.pop(fields.ELEVENLABS_KEY, None)
        problems = limits.agent_problems(after)
        if not problems:
            key = _key([typed] if typed else [])
            made = await (await browser.app.client()).create_agent(after, elevenlabs_key=key)
            browser.notify(f"“{made.name}” is being made.")
        return problems

    choose, trials = likeness.chooser(browser), _trials(browser)
    form = Form(crumbs, fields.AGENT, like, create, choose, draft, trials)
    return await filled_in(browser.app, form)


async def restore_agent(browser: Browser, _row: Any = None) -> bool:
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


# Knowledge


async def new_knowledge(browser: Browser, _under: Any) -> bool:
    """A form for a knowledge base."""

    async def create(after: dict[str, Any]) -> Mapping[str, str]:
        problems = limits.knowledge_problems(after)
        if not problems:
            client = await browser.app.client()
            await client.create_knowledge(
                after["name"],
                after["description"],
                starter_message=after.get("starter_message", ()),
            )
        return problems

    form = Form(("Knowledge", "New"), fields.KNOWLEDGE, {}, create, draft="knowledge-new")
    return await filled_in(browser.app, form)


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
    return await filled_in(browser.app, form)


async def add_document(browser: Browser, base: Any) -> bool:
    """A form for a document; said before, where there is no room for one."""
    client = await browser.app.client()
    present = len(await client.documents(base.id))
    if present >= MOST_DOCUMENTS:
        full = limits.document_problems({}, present=present)[""]
        browser.notify(full, title="No room", severity="warning")
        return False

    async def create(after: dict[str, Any]) -> Mapping[str, str]:
        wanted = await _document(client, after)
        problems = limits.document_problems(wanted, present=present)
        if not sources.is_address(wanted["source_url"]) and wanted["source_url"]:
            problems["source_url"] = sources.NEEDS_ADDRESS
        if not problems:
            made = await client.create_document(
                base.id,
                wanted["documentType"],
                wanted["source_url"],
                wanted["title"],
                wanted["webhook"],
            )
            browser.app.follow_document(base.id, made)
        return problems

    left = f"{present} of {MOST_DOCUMENTS} are used"
    crumbs = ("Knowledge", one_line(base.name), f"Add a document ({left})")
    form = Form(crumbs, fields.DOCUMENT, {}, create, draft="document-new")
    return await filled_in(browser.app, form)


async def _document(client: Client, typed: Mapping[str, Any]) -> dict[str, str]:
    """A document as D-ID takes it; a file of this computer goes to a service on it as it is."""
    source = str(typed.get("source_url") or "").strip()
    name = sources.name_in(source)
    if source and not sources.is_address(source) and is_loopback(client.api_url):
        name, content = await likeness.read_here(source)
        source = sources.inline(name, content)
    return {
        "source_url": source,
        "title": typed.get("title") or name,
        "documentType": typed.get("documentType") or sources.document_type(name),
        "webhook": typed.get("webhook") or "",
    }


# Tables


async def show_runtime(browser: Browser, agent: Agent) -> bool:
    """What a client sees of an agent."""
    seen = await (await browser.app.client()).runtime(agent.id)
    browser.app.push_screen(Detail(browser.place, seen, title="What a client sees"))
    return False


#: By the kind of the list: what ``n`` makes in it, and what ``e`` and ``E`` do to a row.
NEW: dict[str, Deed] = {
    "agents": new_agent,
    "sessions": access.new_session,
    "knowledge": new_knowledge,
    "documents": add_document,
    "client-keys": access.new_key,
    "secrets": access.new_secret,
    "exports": history.new_export,
    "scenes": likeness.new_scene,
    "voices": likeness.new_voice,
    "files": likeness.new_file,
    "account": new_account_key,
}
EDIT: dict[str, Deed] = {
    "agents": edit_agent,
    "listed-agents": edit_agent,
    "knowledge": edit_knowledge,
    "client-keys": access.edit_key,
    "secrets": access.edit_secret,
    "presenters": likeness.edit_presenter,
    "account": edit_account,
}
WRITE: dict[str, Deed] = {"agents": write_agent}
CLONE: dict[str, Deed] = {"agents": clone_agent}
ALSO: dict[str, tuple[Also, ...]] = {
    "agents": (
        Also("v", "What a client sees of it", show_runtime),
        Also("t", "A token for speech recognition", access.speech_token),
        Also("w", "Have D-ID call its webhooks", test_webhooks, writes=True),
        Also("f", "Write it to a file, for git and did-tui agents apply", agentfiles.export_agent),
        Also("i", "Import a file: make or change its agent", agentfiles.import_agent, True, True),
        Also("x", "Delete its chats at D-ID", history.delete_chats, writes=True),
        Also("r", "Restore a deleted agent", restore_agent, True, True),
    ),
    "sessions": access.SESSIONS_ALSO,
    "files": likeness.FILES_ALSO,
}
