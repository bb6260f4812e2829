"""Every screen, walked through in a real terminal with data that means harm, or with none.

Run as a program: ``hostile.py harmless|hostile SEED``. What it writes to the terminal is judged by
``ui/test_hostile_text.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from scripted import RUNTIME, ScriptedApp, ScriptedKiosk, chat_on, connect
from textual import events
from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input
from world import World, kept, parents_of

from did_tui import configfile
from did_tui.config import Settings, log_directory
from did_tui.live import events as e
from did_tui.ui import stderr, terminal
from did_tui.ui.booth import Rules
from did_tui.ui.kinds import Place
from did_tui.ui.resources import BY_NAME
from did_tui.ui.screens.asking import Confirm, Shown
from did_tui.ui.screens.browser import Browser
from did_tui.ui.screens.chat import ChatScreen
from did_tui.ui.screens.diagnostics import Diagnostics
from did_tui.ui.screens.dialogs import Passage
from did_tui.ui.screens.filepick import FilePick
from did_tui.ui.screens.form import Form
from did_tui.ui.screens.pin import Pin
from did_tui.ui.screens.profiles import Profiles
from did_tui.ui.screens.query import Query
from did_tui.ui.screens.rebinding import Rebinding
from did_tui.ui.screens.settings import SettingsScreen
from did_tui.ui.screens.visit import Visit
from did_tui.ui.screens.welcome import SignIn, Welcome
from did_tui.ui.widgets.table import Table

#: What every payload has in it, in a form that no program emits by itself.
MARK = "HIJACK"
ESC, BEL, ST, CSI8, OSC8, DCS8 = "\x1b", "\x07", "\x1b\\", "\x9b", "\x9d", "\x90"
CRAFTED = (
    f"{ESC}]0;{MARK}{BEL}",
    f"{ESC}]52;c;{MARK}=={BEL}",
    f"{ESC}]8;;http://{MARK}/{ST}link{ESC}]8;;{ST}",
    f"{OSC8}2;{MARK}{ST}",
    f"{ESC}P1$q{MARK}{ST}",
    f"{DCS8}{MARK}{ST}",
    f"{ESC}_{MARK}{ST}{ESC}^{MARK}{ST}{ESC}X{MARK}{ST}",
    f"{ESC}[31337m{ESC}[?31337h{ESC}[31337;1H{ESC}[6n{ESC}[c{ESC}[5i",
    f"{CSI8}31337m{CSI8}2J{CSI8}?31337l",
    f"{ESC}c{ESC}(0{ESC}#8{ESC}[!p{ESC}[>31337u",
    f"{ESC}",
    f"{ESC}[",
    f"{ESC}]",
    "\r\x08\x08\x0b\x0c\x0e\x0f\x7f\x00\x05\x84\x85\x8d",
    "\u202e\u2066\u200f\u061c\u2028\u2029\ufeff\u200b\u2060\U000e0041\ud800",
    "[red]m[/red] [@click=app.quit]q[/] [link=x]l[/link] $error [/] [[ \\[",
    "*b* `c` [l](http://x) <b> &lt; | t | t |\n|---|---|\n# h\n```\nx\n```\n- i",
    "é" + "\u0301" * 40 + "日本" * 5 + "👩‍👩‍👧‍👦🏳️‍🌈" + "\U0001f1e9",
)
_NASTY = [chr(n) for n in (*range(32), *range(127, 160))] + list(
    "\u202e\u200b\u2028[]();?<>|*_`$&#@!\\\"'Ωж日😀 ahHmlJKnqc0123456789"
)
#: Where a poisoned text would only be another place: the walk could not go there.
STRUCTURE = frozenset(
    "id presenter_id driver_id export_id thumbnail_url thumbnail picture_url result_url client_key"
    " token type".split()
)
PAUSE = 0.02


class Poison:
    """Makes texts: the crafted ones in turn, each with random ones around it."""

    def __init__(self, seed: int, *, hostile: bool) -> None:
        self._random = random.Random(seed)
        self._hostile = hostile
        self._next = 0

    def text(self, before: str = "words") -> str:
        """A text in the place of this one."""
        if not self._hostile:
            return before
        crafted = CRAFTED[self._next % len(CRAFTED)]
        self._next += 1
        noise = "".join(self._random.choices(_NASTY, k=self._random.randrange(40)))
        return f"{before[:8]}{crafted}{noise}"

    def whole(self, value: Any, name: str = "") -> Any:
        """A JSON value with every text in it poisoned, but those that say where something is."""
        if isinstance(value, dict):
            return {key: self.whole(one, key) for key, one in value.items()}
        if isinstance(value, list):
            return [self.whole(one, name) for one in value]
        if isinstance(value, str) and name not in STRUCTURE:
            return self.text(value)
        return value

    def name(self, before: str = "file") -> str:
        """A text as the name of a file; bytes that are no UTF-8 come with those that are cut."""
        name = self.text(before).encode("utf-8", "ignore")
        return os.fsdecode(name.replace(b"/", b"_").replace(b"\0", b"")[:200])

    def toml(self, before: str = "words") -> str:
        """A text as TOML writes it."""
        text = self.text(before).encode("utf-8", "ignore").decode()
        return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

    @property
    def huge(self) -> str:
        """A megabyte."""
        return "".join(self.text() for _ in range(len(CRAFTED))) + "long " * 200_000


async def drawn(pilot: Pilot[None]) -> None:
    """Let what has happened come to the terminal."""
    await asyncio.sleep(PAUSE)
    await pilot.pause(0)


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Keys, each drawn."""
    for key in keys:
        await pilot.press(key)
        await drawn(pilot)


async def reach(pilot: Pilot[None], key: str, sort: type[Screen[Any]]) -> Any:
    """The screen of a sort that a key opens."""
    before = pilot.app.screen
    await pilot.press(key)
    async with asyncio.timeout(20):
        while pilot.app.screen is before or not isinstance(pilot.app.screen, sort):
            await asyncio.sleep(0.01)
    await drawn(pilot)
    return pilot.app.screen


async def paste(pilot: Pilot[None], text: str) -> None:
    """What comes out of the clipboard of the terminal."""
    pilot.app.post_message(events.Paste(text))
    await drawn(pilot)


async def walk(pilot: Pilot[None], world: World, poison: Poison, home: Path) -> None:
    """Go everywhere."""
    app = pilot.app
    assert isinstance(app, ScriptedApp)
    await drawn(pilot)
    await form(pilot, poison)
    await files(pilot, poison, home)
    await accounts(pilot, poison)
    await settings(pilot, poison)
    app.clear_notifications()
    for name, kind in BY_NAME.items():
        screen = Browser(Place(kind, parents_of(name)))
        await app.push_screen(screen)
        await drawn(pilot)
        await pilot.press("d")
        await drawn(pilot)
        if app.screen is not screen:
            await pilot.press("right_square_bracket")
            await drawn(pilot)
            await app.pop_screen()
        screen.workers.cancel_all()
        await app.pop_screen()
    app.copy(poison.text(), poison.text("what"))
    await drawn(pilot)
    for dialog in (
        Confirm(poison.text("Delete?"), poison.text(), poison.text("name")),
        Shown(poison.text("Made"), poison.text(), poison.text("shown")),
        Passage([e.Citation(poison.text(), poison.text(), poison.text())]),
        Query("knl_1", poison.text("base")),
    ):
        await app.push_screen(dialog)
        await drawn(pilot)
        await app.pop_screen()
    for key in ("comma", "5", "right_square_bracket", "right_square_bracket", "1"):
        app.notify(poison.text("notice"), title=poison.text("title"))
        await pilot.press(key)
        await drawn(pilot)
    world.status = 500
    world.error = poison.whole({"kind": "ServerError", "description": "out of order"})
    await pilot.press("r")
    await drawn(pilot)
    await app.push_screen(Browser(Place(BY_NAME["voices"])))
    await drawn(pilot)
    await app.pop_screen()
    world.status = 200
    await talk(pilot, poison)


async def talk(pilot: Pilot[None], poison: Poison) -> None:
    """A conversation in which everything that is said, cited and refused is poisoned."""
    screen, runner = await chat_on(pilot)
    assert isinstance(screen, ChatScreen)
    connect(runner)
    for number, event in enumerate(said(poison)):
        runner.tell(event)
        if number % 3 == 0:
            await drawn(pilot)
    await pilot.press("escape", "k", "k", "enter")
    await drawn(pilot)
    await pilot.press("escape")
    screen.warn(poison.text("warning"))
    screen.no_sound(poison.text("device"))
    runner.tell(e.Failed("network", poison.text("why"), poison.text("advice")))
    screen.prompt.focus()
    await paste(pilot, poison.text("pasted"))
    screen.stage.focus()
    behind = await reach(pilot, "L", Diagnostics)
    await press(pilot, "right_square_bracket", "right_square_bracket", "Y", "slash")
    await paste(pilot, poison.text("pasted"))
    assert behind.lines() == []
    await press(pilot, "escape", "escape")
    await screen.end()


async def form(pilot: Pilot[None], poison: Poison) -> None:
    """An agent, its fields, what is wrong with it, and what would be sent of it."""
    await reach(pilot, "e", Form)
    await paste(pilot, poison.text("pasted"))
    await press(pilot, "f2", "escape", "escape", "d")


async def files(pilot: Pilot[None], poison: Poison, home: Path) -> None:
    """Files of this computer, all of them in the list and each in the line."""
    directory = home / poison.name("directory")
    directory.mkdir()
    for _ in CRAFTED:
        (directory / poison.name()).touch()
    await pilot.app.push_screen(FilePick(f"{directory}/"))
    await drawn(pilot)
    for path in directory.iterdir():
        pilot.app.screen.query_one(Input).value = str(path)
        await drawn(pilot)
    await pilot.app.pop_screen()


async def accounts(pilot: Pilot[None], poison: Poison) -> None:
    """Who has no account, who has some, and a key that is none."""
    await pilot.app.push_screen(Welcome(poison.text("why")))
    await drawn(pilot)
    await pilot.app.pop_screen()
    await reach(pilot, "p", Profiles)
    await pilot.press("down")
    await reach(pilot, "t", Profiles)
    await reach(pilot, "X", Confirm)
    await reach(pilot, "escape", Profiles)
    await reach(pilot, "n", SignIn)
    await paste(pilot, poison.text("not a key"))
    await press(pilot, "tab")
    await paste(pilot, poison.text("pasted"))
    await press(pilot, "enter", "escape")


async def settings(pilot: Pilot[None], poison: Poison) -> None:
    """Every setting and key with what config.toml says of it; then a file that cannot be used."""
    app = pilot.app
    assert isinstance(app, ScriptedApp)
    assert app.config is not None
    screen = await reach(pilot, "comma", SettingsScreen)
    names = [line.name for line in screen.table.rows]
    for name in ("profile", "api_url", "key"):
        screen.table.cursor = names.index(name)
        await drawn(pilot)
    screen.table.cursor = names.index("audio")
    await press(pilot, "enter", "escape")
    keys = await reach(pilot, "K", Rebinding)
    table = keys.query_one(Table)
    table.cursor = [key.id for key in table.rows].index("sort")
    await press(pilot, "enter", "j", "escape")
    (app.config / configfile.NAME).write_text(f"theme = {poison.toml()}\n", encoding="utf-8")
    await press(pilot, "p", "minus")


async def booth(pilot: Pilot[None], poison: Poison) -> None:
    """A booth: nobody there, a visitor, the answer in words, and the way out."""
    app = pilot.app
    assert isinstance(app, ScriptedKiosk)
    while app.agent is None:
        await drawn(pilot)
    await drawn(pilot)
    await reach(pilot, "1", Visit)
    (runner,) = app.runners
    connect(runner)
    await paste(pilot, poison.text("pasted"))
    for event in answers(poison, "u1"):
        runner.tell(event)
    runner.playback.counters.sound_heard = 48_000 * 60
    app.visit._tick()
    await drawn(pilot)
    runner.tell(e.ModeChanged("TextOnly"), e.Answer(poison.text("answer"), "response"))
    await drawn(pilot)
    runner.tell(e.Failed("stream", poison.text("why"), poison.text("advice")))
    await drawn(pilot)
    await reach(pilot, "ctrl+q", Pin)
    await paste(pilot, poison.text("pasted"))
    await press(pilot, "enter")


def said(poison: Poison) -> Iterator[e.Event]:
    """Questions and answers."""
    for number in range(len(CRAFTED)):
        question = f"u{number}"
        yield e.UserSaid(question, poison.text("question"))
        yield from answers(poison, question)
    yield e.UserSaid("last", poison.huge)


def answers(poison: Poison, question: str) -> Iterator[e.Event]:
    """An answer in parts, whole, with a passage that it rests on; or none."""
    citation = e.Citation(poison.text("title"), poison.text("passage"), poison.text("http://x/"))
    yield e.Partial(poison.text("part"), 0, "socket")
    yield e.Answer(poison.text("answer"), "socket")
    yield e.Responded(question, "", (citation,))
    yield e.SendFailed(question, poison.text("reason"), poison.text("advice"))


def config(home: Path, poison: Poison) -> Path:
    """A directory of settings; it is called something itself, and so is what is in it."""
    directory = home / poison.name("config")
    directory.mkdir()
    lines = (
        'profile = "home"',
        f"audio = {poison.toml()}",
        "[keys]",
        f"sort = {poison.toml()}",
        f"{poison.toml()} = {poison.toml()}",
        "[profiles.home]",
        f"api_url = {poison.toml('https://x')}",
        f"key_command = {poison.toml()}",
        "[profiles.work]",
        f"key_file = {poison.toml()}",
    )
    (directory / configfile.NAME).write_text("\n".join(lines), encoding="utf-8")
    return directory


def app_of(world: World, poison: Poison, home: Path) -> ScriptedApp:
    """The program on all of that."""
    directory = config(home, poison)
    log_directory().mkdir(parents=True, exist_ok=True)
    noise = "\n".join(poison.text("noise") for _ in CRAFTED)
    (log_directory() / stderr.NAME).write_bytes(noise.encode("utf-8", "replace") + b"\xff\x9b2J")

    def load(profile: str) -> Settings:
        return Settings.load({}, {"profile": profile}, configfile.read(directory))

    app = ScriptedApp(
        world,
        state=kept(home),
        driver_class=terminal.driver_class({}),
        place=poison.text("place"),
        config=directory,
        load=load,
    )
    app.settings = load("")
    app.rebind(app.settings.keys)
    return app


async def run(app: App[Any], drive: Callable[[Pilot[Any]], Awaitable[None]]) -> None:
    """Run an app in the terminal until it was driven everywhere."""
    failed: list[BaseException] = []

    async def driven(pilot: Pilot[Any]) -> None:
        try:
            await drive(pilot)
        except BaseException as error:
            failed.append(error)
            raise
        finally:
            app.exit()

    with contextlib.suppress(asyncio.CancelledError):
        await app.run_async(auto_pilot=driven)
    if failed:
        raise failed[0]


async def main(which: str, seed: int) -> None:
    poison = Poison(seed, hostile=which == "hostile")
    world = World()
    world.paths["/agents/agt_ada/runtime"] = RUNTIME
    world.paths = poison.whole(world.paths)
    world.paths["/agents/me"]["agents"][0]["preview_description"] = poison.huge
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        os.environ["DID_TUI_HOME"] = directory
        await run(app_of(world, poison, home), lambda pilot: walk(pilot, world, poison, home))
        rules = Rules(pin="4711")
        kiosk = ScriptedKiosk(
            world, rules, "agt_ada", logs=home, driver_class=terminal.driver_class({})
        )
        await run(kiosk, lambda pilot: booth(pilot, poison))
    sys.stdout.write("walked everywhere\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
