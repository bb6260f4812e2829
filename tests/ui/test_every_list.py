"""Every kind of list, empty, loading, broken and full, as pictures, in one run of the app."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from scripted import NOW, ScriptedApp
from textual.pilot import Pilot
from textual.widgets import Footer
from world import World, kept, parents_of

from did_tui.api.client import Client
from did_tui.api.errors import Unreachable
from did_tui.api.requestlog import Request
from did_tui.ui.kinds import Place
from did_tui.ui.resources import BY_NAME
from did_tui.ui.rows import Rows
from did_tui.ui.screens.browser import Browser
from did_tui.ui.widgets.video import VideoView

SIZES = [(80, 24), (120, 36)]
Golden = Callable[[str, str], None]
#: Lists of what is on this computer: they are broken where there is no connection to be made.
HERE = ("chats", "requests", "files", "exports", "exported")
ASKED = Request(datetime(2026, 9, 21, 14, 2, 11, tzinfo=UTC), "GET", "/agents/me", 200, 0.12, "")


@pytest.fixture
def still_footer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A footer that changes when the test wants it, and not at any time."""
    monkeypatch.setattr(Footer, "bindings_changed", lambda _footer, _screen: None)


async def drawn(pilot: Pilot[None]) -> None:
    """Wait until what was loaded is on the screen."""
    app = pilot.app
    async with asyncio.timeout(20):
        for _ in range(2):
            await pilot.pause(0)
            while any(
                worker.is_running and worker.group in ("load", "more", "face", "credits")
                for worker in app.workers
            ) or any(video.flow.busy for video in app.screen.query(VideoView)):
                await asyncio.sleep(0.005)
    await footed(pilot)


async def footed(pilot: Pilot[None]) -> None:
    """Have the footer say what can be done now."""
    pilot.app.screen.refresh_bindings()
    await pilot.pause(0)
    footer = pilot.app.screen.query_one(Footer)
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
