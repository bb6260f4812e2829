"""What can be changed of an account: D-ID's settings, the logo, its deprecated client key."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from did_tui.api import limits
from did_tui.api.inventory import ClientKey
from did_tui.ui.accountpage import Fact
from did_tui.ui.forms import FormField as F
from did_tui.ui.saving import Target, save
from did_tui.ui.screens.access import domain_problems
from did_tui.ui.screens.asking import Shown
from did_tui.ui.screens.form import Form

if TYPE_CHECKING:
    from did_tui.ui.screens.browser import Browser

INSIGHTS = (F("agents_insights_is_enabled", "Insights", "Whether D-ID evaluates chats.", "flag"),)
LOGO = (
    F("file", "File", "A picture on this computer."),
    F("top", "Top", "Where its upper edge is, in pixels.", "number"),
    F("left", "Left", "Where its left edge is, in pixels.", "number"),
)
DOMAINS = (
    F(
        "allowed_domains",
        "Domains",
        "Web pages that may use it, one a line, as https://example.com.",
        "lines",
        rows=4,
    ),
)
DEPRECATED = "Client key of the account (deprecated)"


async def edit_account(browser: Browser, fact: Fact) -> bool:
    """Change what is under the cursor, where it can be."""
    if fact.part == "logo":
        form = _logo(browser)
    elif fact.part == "client key" and fact.raw.get("allowed_domains") is not None:
        form = await _key(browser, list(fact.raw["allowed_domains"]))
    elif fact.part == "client key":
        return await new_account_key(browser, None)
    elif fact.part == "settings":
        form = _insights(browser, fact.value == "yes")
    else:
        browser.notify("D-ID decides this: it goes with the plan.", severity="warning")
        return False
    saved = await browser.app.push_screen_wait(form)
    return bool(saved)


async def new_account_key(browser: Browser, _under: Any) -> bool:
    """Make the client key of the account; there is one at most."""
    saved = await browser.app.push_screen_wait(_new_key(browser))
    return bool(saved)


def _insights(browser: Browser, on: bool) -> Form:
    async def save(after: dict[str, Any]) -> Mapping[str, str]:
        await (await browser.app.client()).update_settings(after)
        return {}

    before = {"agents_insights_is_enabled": on}
    return Form(("Account", "Settings"), INSIGHTS, before, save)


def _logo(browser: Browser) -> Form:
    async def save(after: dict[str, Any]) -> Mapping[str, str]:
        try:
            name, content = await asyncio.to_thread(_read, str(after.get("file") or ""))
        except OSError as error:
            return {"file": f"It cannot be read: {error.strerror}."}
        top, left = (int(after.get(edge) or 0) for edge in ("top", "left"))
        await (await browser.app.client()).upload_logo(name, content, top=top, left=left)
        return {}

    return Form(("Account", "Logo"), LOGO, {"file": "", "top": 0, "left": 0}, save)


def _read(file: str) -> tuple[str, bytes]:
    path = Path(file).expanduser()
    return path.name, path.read_bytes()


def _new_key(browser: Browser) -> Form:
    async def make(after: dict[str, Any]) -> Mapping[str, str]:
        domains = after.get("allowed_domains", [])
        problems = limits.domain_problems(domains)
        if not problems:
            made = await (await browser.app.client()).create_account_key(domains)
            words = (
                "It is shown this once. Agents have keys of their own, which are better: y copies."
            )
            await browser.app.push_screen_wait(Shown(DEPRECATED, words, made.client_key))
        return problems

    return Form(("Account", DEPRECATED), DOMAINS, {"allowed_domains": []}, make)


async def _key(browser: Browser, domains: list[str]) -> Form:
    client = await browser.app.client()

    async def look() -> ClientKey:
        key = await client.account_key()
        return ClientKey.parse({"allowed_domains": list(key.allowed_domains)})

    target = Target(
        DEPRECATED,
        {"allowed_domains": domains},
        look,
        lambda patch: client.update_account_key(patch["allowed_domains"]),
        domain_problems,
    )
    crumbs = ("Account", DEPRECATED)
    return Form(crumbs, DOMAINS, target.have, lambda after: save(browser.app, target, after))
