"""What opens doors: client keys, secrets, rooms and tokens; shown once, kept nowhere here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from did_tui.api import limits
from did_tui.api.inventory import ClientKey, Session
from did_tui.ui import fields
from did_tui.ui.kinds import Also, Place, owner
from did_tui.ui.local import note_room
from did_tui.ui.resources import AGENTS
from did_tui.ui.saving import Target, save
from did_tui.ui.screens.asking import Shown
from did_tui.ui.screens.form import Form, filled_in
from did_tui.ui.text import one_line

if TYPE_CHECKING:
    from did_tui.ui.screens.browser import Browser

SAMPLE_RATES = (16_000, 24_000, 48_000)


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
    return await filled_in(browser.app, form)


async def edit_key(browser: Browser, key: Any) -> bool:
    """Name and domains of a client key."""
    client, agent_id = await browser.app.client(), owner(browser.place)

    async def look() -> ClientKey:
        keys = await client.client_keys(agent_id)
        return _open_part(next((one for one in keys if one.client_key == key.client_key), key))

    async def send(patch: Mapping[str, Any]) -> None:
        await client.update_client_key(
            agent_id, key.client_key, domains=patch.get("allowed_domains"), name=patch.get("name")
        )

    label = browser.kind.label(key)
    target = Target(one_line(label), _open_part(key).raw, look, send, domain_problems)
    form = Form(
        ("Agents", label, "Edit client key"),
        fields.CLIENT_KEY,
        target.have,
        lambda after: save(browser.app, target, after),
    )
    return await filled_in(browser.app, form)


def _open_part(key: ClientKey) -> ClientKey:
    """What can be changed of a client key, which is nothing of the key itself."""
    return ClientKey.parse({"name": key.name, "allowed_domains": list(key.allowed_domains)})


def domain_problems(patch: Mapping[str, Any]) -> Mapping[str, str]:
    """What D-ID would refuse of the domains, where they are changed."""
    domains = patch.get("allowed_domains")
    return {} if domains is None else limits.domain_problems(domains)


# Secrets


async def new_secret(browser: Browser, _under: Any) -> bool:
    """A form for a secret; nothing of it is kept here."""

    async def create(after: dict[str, Any]) -> Mapping[str, str]:
        problems = limits.secret_problems(after)
        if not problems:
            await (await browser.app.client()).create_secret(after)
        return problems

    form = Form(("Secrets", "New"), fields.SECRET, {"type": "bearer"}, create)
    return await filled_in(browser.app, form)


async def edit_secret(browser: Browser, secret: Any) -> bool:
    """What is typed is replaced; D-ID sends nothing of a secret back."""
    client = await browser.app.client()
    whole = await client.secret(secret.id)
    before = {name: whole.raw[name] for name in ("provider", "type") if whole.raw.get(name)}
    if before.get("provider") in limits.EXTERNAL_PROVIDERS:
        before.pop("type", None)  # a language model's has none to send

    async def change(after: dict[str, Any]) -> Mapping[str, str]:
        if after == before:
            browser.notify("Nothing was changed.")
        else:
            await client.update_secret(secret.id, after)
            browser.notify("Saved.")
        return {}

    form = Form(("Secrets", browser.kind.label(secret), "Edit"), fields.SECRET, before, change)
    return await filled_in(browser.app, form)


# Rooms


async def _agent_of(browser: Browser, agent: Any) -> Any:
    """The agent that is meant: the one that the list is of, else one that is chosen."""
    if agent is not None:
        return agent
    return await browser.app.push_screen_wait(browser.picker(Place(AGENTS)))


async def new_session(browser: Browser, agent: Any) -> bool:
    """A room for an expressive agent; what opens it is shown once."""
    agent = await _agent_of(browser, agent)
    if agent is None:
        return False

    async def create(after: dict[str, Any]) -> Mapping[str, str]:
        client = await browser.app.client()
        made = await client.create_session(
            agent.id, chat_persist=after.get("chat_persist"), verbose=after.get("verbose")
        )
        await _keep_and_show(browser, agent, made, "A new session")
        return {}

    crumbs = ("Agents", one_line(agent.name), "New session")
    form = Form(crumbs, fields.SESSION, {"chat_persist": False, "verbose": False}, create)
    return await filled_in(browser.app, form)


async def join_session(browser: Browser, _row: Any) -> bool:
    """Have the avatar of an agent come into one's own room."""
    agent = await _agent_of(browser, browser.place.parents[-1] if browser.place.parents else None)
    if agent is None:
        return False

    async def join(after: dict[str, Any]) -> Mapping[str, str]:
        problems = _join_problems(after)
        if not problems:
            room = {name: after[name] for name in ("server_url", "token", "room_name")}
            client = await browser.app.client()
            made = await client.join_session(agent.id, room, sample_rate=after["sample_rate"])
            await _keep_and_show(browser, agent, made, "The avatar is on its way")
        return problems

    crumbs = ("Agents", one_line(agent.name), "Join your room")
    form = Form(crumbs, fields.JOIN, {"sample_rate": 24_000}, join)
    return await filled_in(browser.app, form)


def _join_problems(room: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    if not limits.is_web(room.get("server_url"), "ws", "wss", "http", "https"):
        found["server_url"] = "This is an address that begins with wss."
    for name in ("room_name", "token"):
        if not str(room.get(name) or "").strip():
            found[name] = "The avatar needs it to come in."
    if room.get("sample_rate") not in SAMPLE_RATES:
        found["sample_rate"] = f"One of {', '.join(map(str, SAMPLE_RATES))}."
    return found


async def _keep_and_show(browser: Browser, agent: Any, made: Session, title: str) -> None:
    if browser.app.state is not None and made.id:
        client = await browser.app.client()
        await asyncio.to_thread(note_room, browser.app.state, client, agent.id, made)
    words = f"id {made.id}"
    if made.session_url:
        words += f"\nroom {made.session_url}"
    if made.session_token:
        words += "\n\nThe token opens the room. It is shown this once."
    whole = json.dumps(dict(made.raw), indent=2, ensure_ascii=False)
    await browser.app.push_screen_wait(Shown(title, words, made.session_token, whole))


async def speech_token(browser: Browser, row: Any) -> bool:
    """A token for speech recognition, shown once."""
    parent = browser.place.parents[-1] if browser.place.parents else None
    agent = await _agent_of(browser, row if browser.kind.name == "agents" else parent)
    if agent is None:
        return False
    token = await (await browser.app.client()).speech_token(agent.id)
    words = f"For Azure Speech, region {token.region or 'unknown'}. It is good for some minutes."
    whole = json.dumps(dict(token.raw), indent=2)
    await browser.app.push_screen_wait(Shown("A speech token", words, token.token, whole))
    return False


SESSIONS_ALSO = (
    Also("j", "Have the avatar join your own room", join_session, True, True),
    Also("t", "A token for speech recognition", speech_token, True),
)
