"""Welcome, sign-in, profiles and settings: what a person does, and what it leaves behind."""

from __future__ import annotations

import asyncio
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partialmethod
from pathlib import Path
from typing import Any

import httpx
import pytest
from golden import Golden, sizes, words
from scripted import ScriptedApp, chat_on, settle
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input
from world import World

from did_tui import configfile
from did_tui.api.client import Client
from did_tui.api.errors import ReadOnly
from did_tui.config import Settings
from did_tui.ui.resources import BY_NAME
from did_tui.ui.screens.asking import Confirm
from did_tui.ui.screens.browser import Browser
from did_tui.ui.screens.settings import SettingsScreen
from did_tui.ui.screens.welcome import SignIn, Welcome
from did_tui.ui.widgets.table import Table

SECRET = "aBcDeFgHiJkLmNoPqRsTu"
KEY = f"bWVAZXhhbXBsZS5jb20=:{SECRET}"
CONFIG = """\
# mine
profile = "home"
fps = 20

[profiles.home]
key_file = "keys/home.key"

[profiles.work]
api_url = "https://work.example.com"
key_file = "keys/work.key"
production = true
confirm = "name"
read_only = true
"""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A D-ID for every client, whoever makes it; no key in the environment."""
    found = World()
    transport = httpx.MockTransport(found)
    monkeypatch.setattr(Client, "__init__", partialmethod(Client.__init__, transport=transport))
    for name in ("DID_API_KEY", "DID_API_URL", "DID_TUI_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "keyring", None)  # keys go into files, wherever tests run
    return found


class TellingApp(ScriptedApp):
    """The app, and everything that it has told."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.told: list[str] = []

    def notify(self, message: str, **options: Any) -> None:
        self.told.append(message)
        super().notify(message, **options)


async def until(pilot: Pilot[None], there: Callable[[], bool]) -> None:
    """Wait for something that takes its time."""
    async with asyncio.timeout(30):
        while not there():
            await asyncio.sleep(0.01)
    await settle(pilot)


async def see(pilot: Pilot[None], text: str) -> None:
    """Wait until a text is on the screen."""
    await until(pilot, lambda: text in words(pilot.app.export_screenshot()))


def app_in(directory: Path, world: World, env: dict[str, str] | None = None, **more: Any) -> Any:
    """The app with a directory of settings."""

    def load(profile: str) -> Settings:
        return Settings.load(env or {}, {"profile": profile}, configfile.read(directory))

    app = TellingApp(world, config=directory, load=load, **more)
    app.settings = load("")
    app.place = app.settings.place
    return app


def home(directory: Path) -> Path:
    """A directory with two profiles and their keys; its path is the same in every screenshot."""
    (directory / "config.toml").write_text(CONFIG)
    (directory / "keys").mkdir()
    for name in ("home", "work"):
        (directory / "keys" / f"{name}.key").write_text(f"{name}:{SECRET}\n")
        (directory / "keys" / f"{name}.key").chmod(0o600)
    return directory


async def paste(pilot: Pilot[None], text: str) -> None:
    assert isinstance(pilot.app.focused, Input)
    pilot.app.focused.post_message(events.Paste(text))
    await settle(pilot)


@sizes
async def test_who_has_no_key_is_welcome_and_signs_in(
    size: tuple[int, int], golden: Golden, world: World, tmp_path: Path
) -> None:
    at = f"{size[0]}x{size[1]}"
    app = app_in(tmp_path, world, welcome="There is no D-ID account here yet.")
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, Welcome)
        assert world.asked == []
        golden(app.export_screenshot(), f"welcome-{at}")
        await pilot.press("2")
        await settle(pilot)
        await paste(pilot, "sk-proj-0123456789")
        app.focused.cursor_blink = False
        await settle(pilot)
        golden(app.export_screenshot(), f"signin-wrong-{at}")
        app.focused.value = ""
        await paste(pilot, f"curl -H \\\n 'Authorization: Basic {KEY[:30]}\n  {KEY[30:]}' x")
        assert "has the form of a key" in words(app.export_screenshot())
        world.status = 401
        await pilot.press("enter")
        await see(pilot, "D-ID refused the key")
        assert not (tmp_path / "config.toml").exists(), "a key that does not work is not kept"
        world.status = 200
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, Browser)
        shown = words(app.export_screenshot())
        assert "default ▸ Agents" in shown
        assert SECRET not in shown
    key = tmp_path / "keys" / "default.key"
    assert key.read_text() == f"Basic {KEY}\n"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    file = configfile.read(tmp_path)
    assert (file.profile, list(file.profiles)) == ("default", ["default"])
    assert SECRET not in (tmp_path / "config.toml").read_text()
    assert app.secret == KEY, "a crash's report strikes it out"


async def test_what_the_environment_has_can_be_used_and_a_name_is_not_taken_unasked(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("D_ID_API_KEY", KEY)
    app = app_in(home(tmp_path), world, welcome="No key.")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        assert isinstance(app.screen, SignIn)
        await paste(pilot, KEY)
        await pilot.press("tab", *"home", "enter")
        await see(pilot, "Replace the key")
        await pilot.press("escape")
        await see(pilot, "Choose another name")
        await pilot.press("escape", "3")
        await settle(pilot)
        assert isinstance(app.screen, Browser)
        assert app.settings.profile == ""
        assert (await app.client()).credentials.secret == KEY
    assert (tmp_path / "keys" / "home.key").read_text() == f"home:{SECRET}\n"


@sizes
async def test_another_profile_is_another_account(
    size: tuple[int, int], golden: Golden, world: World, tmp_path: Path
) -> None:
    at = f"{size[0]}x{size[1]}"
    app = app_in(home(tmp_path), world)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        old = await app.client()
        app.edits.append(object())
        await pilot.press("1", "p")
        await settle(pilot)
        shot = app.export_screenshot().replace(str(tmp_path), "/home/me/.config/did-tui")
        golden(shot, f"profiles-{at}")
        await pilot.press("t")
        await until(pilot, lambda: any("312 credits are left" in said for said in app.told))
        assert app.screen.query("OptionList")
        world.asked.clear()
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.place == "work" and bool(app.screen.query("#list")))
        client = await app.client()
        assert client is not old
        assert client.api_url == "https://work.example.com"
        assert client.read_only
        assert app.edits == []
        assert "/agents/me" in world.did("GET"), "the list is that of the other account"
        app.clear_notifications()
        await settle(pilot)
        golden(app.export_screenshot(), f"agents-production-{at}")


async def test_a_read_only_profile_says_so_and_sends_nothing(world: World, tmp_path: Path) -> None:
    app = app_in(home(tmp_path), world)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert await app.use_profile("work")
        await settle(pilot)
        for key in ("n", "e", "E", "C", "u", "X"):
            app.told.clear()
            await pilot.press(key)
            assert isinstance(app.screen, Browser), key
            assert app.told == ["This profile is read-only: nothing is changed."], key
        for key in "wixr":
            app.told.clear()
            await pilot.press("a", key)
            await settle(pilot)
            assert isinstance(app.screen, Browser), key
            assert app.told == ["This profile is read-only: nothing is changed."], key
        app.go(BY_NAME["sessions"])
        await settle(pilot)
        app.told.clear()
        await pilot.press("n")
        assert app.told == ["This profile is read-only: nothing is changed."]
        app.go(BY_NAME["agents"])
        client = await app.client()
        with pytest.raises(ReadOnly):
            await client.delete_agent("agt_ada")
        assert {method for method, _, _ in world.asked} == {"GET"}
        await pilot.press("ctrl+p")
        await settle(pilot)
        assert "Restore" not in words(app.export_screenshot())


async def test_a_switch_waits_until_what_is_open_was_left(world: World, tmp_path: Path) -> None:
    app = app_in(home(tmp_path), world)
    async with app.run_test(size=(80, 24)) as pilot:
        await chat_on(pilot)
        assert not await app.use_profile("work")
        assert app.settings.profile == "home"
        assert app.told[-1] == "Save or leave what is open first."
        assert not await app.use_profile("work")


async def test_a_profile_whose_key_cannot_be_read_leaves_everything_as_it_was(
    world: World, tmp_path: Path
) -> None:
    app = app_in(home(tmp_path), world)
    (tmp_path / "keys" / "work.key").chmod(0o644)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        before = await app.client()
        await pilot.press("p", "down", "enter")
        await settle(pilot)
        await until(pilot, lambda: any("chmod 600" in said for said in app.told))
        assert await app.client() is before
        assert app.place == "home"
        await pilot.press("p", "down", "d")
        await settle(pilot)
        assert configfile.read(tmp_path).profile == "work"
        await pilot.press("X")
        await settle(pilot)
        await pilot.press("y")
        await settle(pilot)
        await pilot.press("escape")
    assert list(configfile.read(tmp_path).profiles) == ["home"]
    assert not (tmp_path / "keys" / "work.key").exists()
    assert (tmp_path / "config.toml").read_text().startswith("# mine\n")


async def test_every_setting_has_a_value_and_an_origin(world: World, tmp_path: Path) -> None:
    app = app_in(home(tmp_path), world, env={"DID_TUI_AUDIO": "none"})
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("comma")
        await settle(pilot)
        assert isinstance(app.screen, SettingsScreen)
        await pilot.press(*["down"] * 5)
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        app.focused.value = "99"
        await pilot.press("enter")
        await settle(pilot)
        await until(pilot, lambda: any("1 to 60" in said for said in app.told))
        app.focused.value = "12"
        await pilot.press("enter")
        await settle(pilot)
        assert app.settings.look.fps == 12
        assert "fps = 12" in (tmp_path / "config.toml").read_text()
        await pilot.press("X")
        await settle(pilot)
        assert app.settings.values["fps"].origin == "default"

        await pilot.press("up", "enter", "down", "enter")  # colours: the one after auto
        await settle(pilot)
        assert app.settings.look.colours == "true"
        assert app.shape_and_colours[1] == "true", "it applies at once"
        await pilot.press("down", "down", "down", "enter")
        await settle(pilot)
        app.focused.value = "auto"
        await pilot.press("enter")
        await settle(pilot)
        await until(pilot, lambda: any("DID_TUI_AUDIO still beats it" in said for said in app.told))
        assert app.settings.audio == "none"
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, Browser)


@sizes
async def test_the_settings_look_like_this(
    size: tuple[int, int], golden: Golden, world: World
) -> None:
    keys = '\n[keys]\nfilter = "ctrl+f"\nmute = "f10,ctrl+e"\nsort = "e"\n'
    file = configfile.parse(CONFIG + keys, Path("/home/me/.config/did-tui/config.toml"))
    settings = Settings.load({"DID_TUI_AUDIO": "none"}, {"shape": "half"}, file)
    app = ScriptedApp(world, config=file.path.parent)
    app.settings, app.place = settings, settings.place
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await pilot.press("comma", "down", "down", "down", "down")
        await settle(pilot)
        golden(app.export_screenshot(), f"settings-{size[0]}x{size[1]}")
        app.rebind(settings.keys)
        await pilot.press("K")
        await settle(pilot)
        table = app.screen.query_one(Table)
        table.cursor = [key.id for key in table.rows].index("sort")
        await settle(pilot)
        golden(app.export_screenshot(), f"keys-{size[0]}x{size[1]}")


async def test_the_account_is_a_page_where_one_part_hides_no_other(world: World) -> None:
    world.answers["/settings"] = lambda body: httpx.Response(201, json=body)
    del world.paths["/settings/logo"]
    app = ScriptedApp(world)
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("6")
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, Browser)
        rows = {row.values[0]: row.values[1] for row in screen.rows.all}
        assert rows["Credits"] == "312 left"
        assert rows["Usage"] == "188 used, 38%"
        assert rows["Insights"] == "yes"
        assert rows["Logo"] == "✗ not known"
        assert rows["Client key (deprecated)"] == "…0009"
        assert "ck_account" not in app.export_screenshot()
        at = [row.values[0] for row in screen.rows.shown].index("Insights")
        await pilot.press(*["down"] * at, "e")
        await settle(pilot)
        assert isinstance(app.focused, Input)
        app.focused.value = "no"
        await pilot.press("f2")
        await settle(pilot)
        assert ("POST", "/settings", {"agents_insights_is_enabled": False}) in world.asked


async def test_where_a_profile_wants_it_a_name_is_typed_before_anything_is_deleted(
    world: World, tmp_path: Path
) -> None:
    app = app_in(home(tmp_path), world)
    app.settings = replace(app.settings, confirm="name")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.go(BY_NAME["secrets"])
        await settle(pilot)
        assert isinstance(app.screen, Browser)
        assert app.screen.table.rows
        await pilot.press("X")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press(*"cr", "enter")
        await settle(pilot)
        assert world.did("DELETE") == []
        await pilot.press(*"crm", "enter")
        await until(pilot, lambda: world.did("DELETE") == ["/secrets/sec_1"])
