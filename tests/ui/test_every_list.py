"""Every list, form and detail, empty, loading, broken and full, as pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from golden import SIZES, Golden
from scripted import NOW, ScriptedApp
from textual.pilot import Pilot
from textual.widgets import Input
from world import World, kept, parents_of

from did_tui.api.client import Client
from did_tui.api.errors import Unreachable
from did_tui.api.requestlog import Request
from did_tui.ui import fields
from did_tui.ui.kinds import Place
from did_tui.ui.resources import BY_NAME
from did_tui.ui.rows import Rows
from did_tui.ui.screens.browser import Browser
from did_tui.ui.screens.detail import Detail
from did_tui.ui.screens.form import Form
from did_tui.ui.screens.query import Query
from did_tui.ui.widgets.keyline import KeyLine
from did_tui.ui.widgets.video import VideoView

#: Lists of what is on this computer: they are broken where there is no connection to be made.
HERE = ("chats", "requests", "files", "exports", "exported")
#: What is waited for before a picture is taken.
GROUPS = frozenset(("load", "more", "face", "credits", "fetch", "ask"))
ASKED = Request(datetime(2026, 9, 21, 14, 2, 11, tzinfo=UTC), "GET", "/agents/me", 200, 0.12, "")


@pytest.fixture
def still_footer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A footer that changes when the test wants it, and not at any time."""
    monkeypatch.setattr(KeyLine, "bindings_changed", lambda _footer, _screen: None)


def waits(video: VideoView) -> bool:
    """Whether a picture is being drawn, or has still to be where it can be seen."""
    flow = video.flow
    return flow.busy or (bool(video.region) and (flow.again or flow.fresh))


async def drawn(pilot: Pilot[None], groups: Collection[str] = GROUPS) -> None:
    """Wait until what was loaded is on the screen."""
    app = pilot.app
    async with asyncio.timeout(20):
        for _ in range(2):
            await pilot.pause(0)
            while any(
                worker.is_running and worker.group in groups for worker in app.workers
            ) or any(map(waits, app.screen.query(VideoView))):
                await asyncio.sleep(0.005)
    await footed(pilot)


async def footed(pilot: Pilot[None]) -> None:
    """Have the footer say what can be done now."""
    pilot.app.screen.refresh_bindings()
    await pilot.pause(0)
    if not pilot.app.screen.query(KeyLine):
        return  # a dialog
    footer = pilot.app.screen.query_one(KeyLine)
    footer._bindings_ready = True  # what the call that is left out does
    done = asyncio.Event()

    async def compose() -> None:
        await footer.recompose()
        done.set()

    footer.call_next(compose)  # it has to be the footer's own task
    await asyncio.wait_for(done.wait(), 20)
    await pilot.pause(0)
    assert footer.children, "the footer is in the picture"


@pytest.mark.usefixtures("still_footer")
async def test_every_list_in_every_state(golden: Golden, tmp_path: Path) -> None:
    world = World()
    state, nothing = kept(tmp_path), tmp_path / "nothing"
    (nothing / "exports" / "exp_1").mkdir(parents=True)
    app = ScriptedApp(world, state=state)
    wrong: list[str] = []

    def compare(name: str) -> None:
        try:
            golden(app.export_screenshot(), name)
        except AssertionError as error:
            wrong.append(str(error))

    async def offline() -> Client:
        raise Unreachable("api.d-id.com cannot be reached: nothing answers there.")

    async def never() -> Client:
        await asyncio.Event().wait()
        raise AssertionError

    def become(condition: str, name: str) -> None:
        """Have the world and this computer in a condition."""
        here = name in HERE
        world.fill()
        if condition == "empty":
            world.empty()
        world.status = 500 if condition == "error" and not here else 200
        client.log._requests.clear()
        if condition == "full" and name == "requests":
            client.log._requests.append(ASKED)
        broken = offline if condition == "error" and here else connected
        app.client = never if condition == "loading" else broken  # type: ignore[method-assign]

    connected = app.client
    async with app.run_test(size=SIZES[0]) as pilot:
        client = await app.client()
        await drawn(pilot)
        for name, kind in BY_NAME.items():
            become("full", name)
            screen = Browser(Place(kind, parents_of(name)))
            await app.push_screen(screen)
            await drawn(pilot)
            for size in SIZES:
                become("full", name)
                screen.workers.cancel_all()
                await pilot.resize_terminal(*size)
                await drawn(pilot)
                for condition in ("full", "empty", "error", "loading"):
                    become(condition, name)
                    screen.place.state = nothing if condition == "empty" else state
                    screen.rows, screen._loaded = Rows(), False
                    screen.fill()
                    screen.load()
                    if condition == "loading":
                        await pilot.pause(0)
                        screen._say_loading(NOW)
                        await footed(pilot)
                    else:
                        await drawn(pilot)
                    # Each part of the account says itself that it is not known.
                    rows = condition == "full" or (name == "account" and condition != "loading")
                    assert bool(screen.rows.all) == rows, (name, condition)
                    tail = "" if condition == "full" else f"-{condition}"
                    compare(f"list-{name}{tail}-{size[0]}x{size[1]}")
            screen.workers.cancel_all()
            await app.pop_screen()
    assert not wrong, "\n".join(wrong)


@pytest.mark.usefixtures("still_footer")
async def test_details_forms_and_questions_in_every_state(golden: Golden) -> None:
    world = World()
    app = ScriptedApp(world)
    wrong: list[str] = []
    connected = app.client

    async def never() -> Client:
        await asyncio.Event().wait()
        raise AssertionError

    async with app.run_test(size=SIZES[0]) as pilot:
        await drawn(pilot)
        browser = app.screen
        assert isinstance(browser, Browser)

        async def compare(name: str) -> None:
            for size in SIZES:
                await pilot.resize_terminal(*size)
                await drawn(pilot, () if name.endswith("loading") else GROUPS)
                for line in app.screen.query(Input):
                    line.cursor_blink = False
                try:
                    golden(app.export_screenshot(), f"{name}-{size[0]}x{size[1]}")
                except AssertionError as error:
                    wrong.append(str(error))

        async def press(*keys: str) -> None:
            for key in keys:
                await pilot.press(key)
                await drawn(pilot, () if app.client is never else GROUPS)

        def become(condition: str) -> None:
            world.status = 500 if condition == "error" else 200
            app.client = never if condition == "loading" else connected  # type: ignore[method-assign]

        for condition in ("full", "error", "loading"):
            become(condition)
            await press("d")
            assert isinstance(app.screen, Detail)
            await compare(f"detail-{condition}")
            app.screen.workers.cancel_all()
            await press("escape")

        become("loading")
        await pilot.press("e")
        browser.say_busy()
        await compare("form-loading")
        browser.workers.cancel_group(browser, "deed")
        become("full")
        await press("n")
        assert isinstance(app.screen, Form)
        await compare("form-empty")
        await press("f2")
        await compare("form-error")
        await press("f3", *"knowl")
        await compare("form-find")
        await press("enter")
        assert app.screen.focused is not None
        paths = [field.path for field in fields.AGENT]
        assert app.screen.focused.id == f"f{paths.index('knowledge.id')}"
        await press("escape")

        app.go(BY_NAME["knowledge"])
        await drawn(pilot)
        await press("f")
        assert isinstance(app.screen, Query)
        await compare("query-empty")
        question = "How long is the warranty?"
        app.screen.query_one(Input).value = question
        for condition in ("loading", "error", "nothing"):
            become(condition)
            world.answers["/knowledge/knl_1/query"] = lambda _: httpx.Response(
                200, json={"matches": []}
            )
            await pilot.press("enter")
            await compare(f"query-{condition}")
    assert not wrong, "\n".join(wrong)
