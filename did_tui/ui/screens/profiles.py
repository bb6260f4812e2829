"""The switcher of profiles: every account that there is, and what can be done with it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from did_tui import configfile
from did_tui.api.endpoints import DEFAULT_API_URL
from did_tui.configfile import ConfigFile, Profile
from did_tui.ui.accounts import TROUBLE, tried
from did_tui.ui.screens.asking import Confirm
from did_tui.ui.screens.dialogs import Dialog
from did_tui.ui.screens.welcome import has_demo, sign_in
from did_tui.ui.text import literal, one_line

if TYPE_CHECKING:
    from did_tui.ui.app import DidTui

Sort = Literal["profile", "environment", "demo"]
Deed = Literal["switch", "add", "try", "default", "remove"]
LEFT = 20  # columns of the names
MOST = 43  # columns beside them


@dataclass(frozen=True, slots=True)
class Account:
    """A line of the switcher; ``name`` is empty where it is no profile's."""

    sort: Sort
    title: str
    words: str
    name: str = ""
    here: bool = False
    production: bool = False


def accounts_of(file: ConfigFile, settings_profile: str, place: str) -> list[Account]:
    """What there is to go over to."""
    found = [
        Account(
            "profile",
            name,
            _words(profile, name == file.profile),
            name,
            name == settings_profile,
            profile.production,
        )
        for name, profile in file.profiles.items()
    ]
    if os.environ.get("DID_API_KEY") and not os.environ.get("DID_TUI_PROFILE"):
        address = os.environ.get("DID_API_URL") or DEFAULT_API_URL
        here = not settings_profile and place != "demo"
        found.append(Account("environment", "environment", f"DID_API_KEY · {address}", here=here))
    if has_demo():
        found.append(Account("demo", "demo", "the built-in emulator", here=place == "demo"))
    return found


def _words(profile: Profile, default: bool) -> str:
    read_only = profile.settings.get("read_only")
    parts = (
        "default" if default else "",
        "read-only" if read_only is not None and read_only.text == "yes" else "",
        profile.api_url.partition("://")[2] or "D-ID",
        profile.key.words if profile.key is not None else "DID_API_KEY",
    )
    return " · ".join(filter(None, parts))


class Profiles(Dialog[tuple[Deed, Account] | None]):
    """The accounts; what is to be done with one of them."""

    BINDINGS = [
        ("n", "do('add')", "sign in"),
        ("t", "do('try')", "try"),
        ("d", "do('default')", "default"),
        ("X,delete", "do('remove')", "remove"),
    ]
    title_text = "Profiles"
    hint_text = "enter switch · n sign in · t try · d default · X remove · esc back"

    def __init__(self, accounts: Sequence[Account], at: int) -> None:
        super().__init__()
        self._accounts, self._at = accounts, at

    def compose(self) -> ComposeResult:
        """A list."""
        with self.frame():
            if not self._accounts:
                yield Static(literal("There is no profile yet. n signs in with a key.", "$muted"))
            options = OptionList(*(Option(_line(account)) for account in self._accounts))
            if self._accounts:
                options.highlighted = min(self._at, len(self._accounts) - 1)
            yield options

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Go over to it."""
        self.dismiss(("switch", self._accounts[event.option_index]))

    def action_do(self, deed: Deed) -> None:
        """Something else."""
        at = self.query_one(OptionList).highlighted
        account = self._accounts[at] if at is not None else None
        if deed == "add":
            self.dismiss((deed, account or Account("profile", "", "")))
        elif account is None:
            return
        elif deed != "try" and account.sort != "profile":
            self.notify("This is no profile of config.toml.", severity="warning")
        else:
            self.dismiss((deed, account))


def _line(account: Account) -> Content:
    mark = Content.styled("● ", "$success") if account.here else Content("  ")
    title = literal(f"{one_line(account.title):<{LEFT}} ", "bold")
    room = MOST - len("PRODUCTION · ") * account.production
    words = literal(one_line(account.words)[:room], "$muted")
    if account.production:
        words = literal("PRODUCTION", "bold $warning") + literal(" · ", "$muted") + words
    return mark + title + words


async def choose_profile(app: DidTui) -> None:
    """Show the switcher until one was chosen or none is wanted."""
    at = None
    while True:
        file = app.profiles()
        if file is None:
            if app.config is None:
                app.notify("There are no profiles here.", severity="warning")
            return
        accounts = accounts_of(file, app.settings.profile, app.place)
        if at is None:
            at = next((i for i, account in enumerate(accounts) if account.here), 0)
        chosen = await app.push_screen_wait(Profiles(accounts, at))
        if chosen is None:
            return
        deed, account = chosen
        at = accounts.index(account) if account in accounts else 0
        if deed == "add":
            await sign_in(app)
            return
        if deed == "switch":
            await _switch(app, account)
            return
        try:
            await _do(app, deed, account, file)
        except TROUBLE as error:
            app.notify(str(error), title=account.title, severity="error")


async def _switch(app: DidTui, account: Account) -> None:
    if account.here:
        return
    if account.sort == "demo":
        app.notify("The built-in D-ID is starting…")
        await app.use_demo()
    else:
        await app.use_profile(account.name)


async def _do(app: DidTui, deed: Deed, account: Account, file: ConfigFile) -> None:
    directory = file.path.parent
    if deed == "default":
        configfile.change(directory, configfile.make_default(account.name))
        app.notify(f"did-tui begins with {account.name} from now on.")
    elif deed == "remove":
        await _remove(app, account, file)
    elif account.sort == "demo":
        app.notify("The built-in emulator needs no key.")
    elif app.load is not None:
        client = await asyncio.to_thread(app.load(account.name).client)
        try:
            app.notify(await tried(client), title=account.title)
        finally:
            await client.close()


async def _remove(app: DidTui, account: Account, file: ConfigFile) -> None:
    directory = file.path.parent
    key = file.profiles[account.name].key
    ours = key is not None and (
        key.sort == "keyring"
        or (key.sort == "file" and Path(key.value).is_relative_to(directory / "keys"))
    )
    words = "Its key is deleted here, too; at D-ID it stays valid." if ours else "Its key stays."
    question = Confirm(f"Remove the profile “{account.name}”?", words, deed="Remove")
    if not await app.push_screen_wait(question):
        return
    configfile.change(directory, configfile.remove_profile(account.name))
    if key is not None and ours:
        await asyncio.to_thread(key.forget)
    more = " It is in use until you switch." if account.here else ""
    app.notify(f"The profile {account.name} is gone.{more}")
