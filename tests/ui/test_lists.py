"""Every kind of list in every state, its keys, and rows that mean harm."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from golden import Golden, sizes, words
from scripted import AGENTS, ScriptedApp, here, settle
from textual.command import Command, CommandList, CommandPalette
from textual.pilot import Pilot
from world import DOCUMENTS, World, pages_of, parents_of

from did_tui.api.operations import OPERATIONS, Operation
from did_tui.ui.kinds import Place
from did_tui.ui.resources import BY_NAME, ROOTS
from did_tui.ui.screens import deeds
from did_tui.ui.screens.asking import Confirm
from did_tui.ui.screens.browser import Browser
from did_tui.ui.screens.chat import ChatScreen
from did_tui.ui.screens.detail import Detail
from did_tui.ui.screens.diagnostics import Diagnostics

HOSTILE = "[red]A[/x] \x1b[31m\x1b]2;t\x07\u202eB\x9bm[@click=app.quit]c[/]"


async def at(pilot: Pilot[None], world: World, name: str) -> Browser:
    """Go to a list."""
    app = pilot.app
    assert isinstance(app, ScriptedApp)
    await settle(pilot)
    world.asked.clear()
    kind = BY_NAME[name]
    if kind in ROOTS:
        app.go(kind)
    else:
        app.open_place(Place(kind, parents_of(name)))
    await settle(pilot)
    return browser(pilot)


def browser(pilot: Pilot[None]) -> Browser:
    screen = pilot.app.screen
    assert isinstance(screen, Browser)
    return screen


@sizes
async def test_a_list_that_had_something_is_never_blank(
    size: tuple[int, int], golden: Golden
) -> None:
    world = World()
    app = ScriptedApp(world)
    async with app.run_test(size=size) as pilot:
        screen = await at(pilot, world, "documents")
        world.status = 500
        await pilot.press("r")
        await settle(pilot)
        assert len(screen.rows.shown) == 3
        golden(app.export_screenshot(), f"list-stale-{size[0]}x{size[1]}")


@sizes
async def test_filter_and_marks_and_order(size: tuple[int, int], golden: Golden) -> None:
    world = World()
    # It is still being indexed when it is looked at, which a busy machine comes to.
    world.paths["/knowledge/knl_1/documents/doc_1"] = DOCUMENTS[0]
    app = ScriptedApp(world)
    async with app.run_test(size=size) as pilot:
        screen = await at(pilot, world, "documents")
        await pilot.press("space", "slash", *"f t", "enter", "s", "S")
        await settle(pilot)
        assert [row.values[0] for row in screen.rows.shown] == ["manual-2026.pdf", "faq.txt"]
        golden(app.export_screenshot(), f"list-filter-{size[0]}x{size[1]}")
        await pilot.press("slash", *"zz", "enter")
        await settle(pilot)
        assert "Nothing matches" in words(app.export_screenshot())
        await pilot.press("escape")
        assert len(screen.rows.shown) == 3
        assert screen.rows.marks
        await pilot.press("escape")
        assert not screen.rows.marks


@sizes
async def test_the_keys_and_a_question(size: tuple[int, int], golden: Golden) -> None:
    world = World()
    app = ScriptedApp(world)
    async with app.run_test(size=size) as pilot:
        await at(pilot, world, "documents")
        await pilot.press("question_mark")
        await settle(pilot)
        golden(app.export_screenshot(), f"list-help-{size[0]}x{size[1]}")
        await pilot.press("escape", "X")
        await settle(pilot)
        golden(app.export_screenshot(), f"list-delete-{size[0]}x{size[1]}")
        await pilot.press("escape", "v")
        await settle(pilot)
        golden(app.export_screenshot(), f"detail-json-{size[0]}x{size[1]}")


async def test_a_delete_asks_and_the_safe_answer_changes_nothing() -> None:
    world = World()
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await at(pilot, world, "documents")
        for answer in ("escape", "n", "enter"):
            await pilot.press("X")
            await settle(pilot)
            assert isinstance(here(pilot), Confirm)
            await pilot.press(answer)
            await settle(pilot)
            assert here(pilot) is screen
            assert world.did("DELETE") == [], answer
        await pilot.press("X")
        await settle(pilot)
        await pilot.press("y")
        await settle(pilot)
        assert world.did("DELETE") == ["/knowledge/knl_1/documents/doc_1"]


async def test_a_delete_is_of_all_that_are_marked() -> None:
    world = World()
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24)) as pilot:
        await at(pilot, world, "documents")
        await pilot.press("space", "down", "space", "X")
        await settle(pilot)
        assert "2 documents" in words(app.export_screenshot())
        await pilot.press("y")
        await settle(pilot)
        ids = [path.rpartition("/")[2] for path in world.did("DELETE")]
        assert ids == ["doc_1", "doc_3"]


async def test_a_secret_is_on_no_screen() -> None:
    world = World()
    app = ScriptedApp(world)
    async with app.run_test(size=(120, 36)) as pilot:
        await at(pilot, world, "client-keys")
        for keys in ("w", "d", "right_square_bracket"):
            await pilot.press(keys)
            await settle(pilot)
            assert "ck_secret" not in app.export_screenshot()


async def test_the_digits_lead_everywhere_and_minus_leads_back() -> None:
    world = World()
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for digit, kind in zip("123456", ROOTS, strict=False):
            await pilot.press(digit)
            await settle(pilot)
            if digit == "5":
                assert isinstance(app.screen, Diagnostics)
                continue
            assert isinstance(app.screen, Browser)
            assert app.screen.kind is kind
        await pilot.press("minus")
        await settle(pilot)
        assert isinstance(app.screen, Diagnostics)
        assert len(app.screen_stack) == 1


async def test_enter_goes_down_and_escape_comes_back() -> None:
    world = World()
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24)) as pilot:
        first = await at(pilot, world, "knowledge")
        for name in ("documents", "records"):
            await pilot.press("enter")
            await settle(pilot)
            assert isinstance(app.screen, Browser)
            assert app.screen.kind.name == name
        assert "… ▸ manual-2026.pdf ▸ Records" in words(app.export_screenshot())
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, Detail)
        await pilot.press("escape", "escape", "escape")
        await settle(pilot)
        assert here(pilot) is first


async def test_what_belongs_to_an_agent_is_found_with_i() -> None:
    world = World()
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24)) as pilot:
        await at(pilot, world, "agents")
        await pilot.press("i")
        await settle(pilot)
        await pilot.press("s")
        await settle(pilot)
        assert isinstance(app.screen, Browser)
        assert app.screen.kind.name == "sessions"
        assert "ses_1 agt_ada" in words(app.export_screenshot())


def offered(screen: object, name: str) -> bool:
    """Whether the palette has a line with this name first."""
    assert isinstance(screen, CommandPalette)
    options = screen.query_one(CommandList).options
    return bool(options) and isinstance(options[0], Command) and options[0].hit.text == name


async def test_the_palette_goes_places() -> None:
    world = World()
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("colon")
        await settle(pilot)
        await pilot.press(*"voices")
        async with asyncio.timeout(20):
            while not offered(app.screen, "Go to Voices"):
                await asyncio.sleep(0.01)
        async with asyncio.timeout(20):
            while not isinstance(app.screen, Browser):
                await pilot.press("enter")
        assert isinstance(app.screen, Browser)
        assert app.screen.kind.name == "voices"


async def test_pages_come_as_one_scrolls() -> None:
    app = ScriptedApp(pages_of(1000, 100))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, Browser)
        assert 100 <= len(screen.rows.all) < 1000
        assert "+ agents" in words(app.export_screenshot())
        await pilot.press("slash", *"agent 987", "enter")
        for _ in range(100):
            await settle(pilot)
            if len(screen.rows.all) == 1000:
                break
        assert [row.identity for row in screen.rows.shown] == ["agt_987"], "a filter looks at all"
        await pilot.press("escape", "G")
        await settle(pilot)
        assert screen.current().id == "agt_999"
        assert "1000 agents" in words(app.export_screenshot())


async def test_a_refresh_keeps_the_cursor_on_its_row() -> None:
    world = World()
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await at(pilot, world, "agents")
        await pilot.press("j")
        world.paths["/agents/me"]["agents"].insert(0, {"id": "agt_new", "preview_name": "New"})
        screen.load(quietly=True)
        await settle(pilot)
        assert len(screen.rows.shown) == 4
        assert screen.current().id == "agt_draft"


async def test_a_list_looks_again_by_itself_and_soon_while_something_is_made() -> None:
    world = World()
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await at(pilot, world, "documents")
        now = app.now()
        world.paths["/knowledge/knl_1/documents"]["documents"][0]["status"] = "done"
        app.now = lambda: now + 2.1
        screen._look_again()
        await settle(pilot)
        assert "processing" not in words(app.export_screenshot())
        world.asked.clear()
        app.now = lambda: now + 2.1 + 9
        screen._look_again()
        assert not world.asked
        app.now = lambda: now + 2.1 + 10.1
        screen._look_again()
        await settle(pilot)
        assert world.did("GET") == ["/knowledge/knl_1/documents"]


async def test_loading_can_be_cancelled() -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    app = ScriptedApp(World())
    app._open_client = never  # type: ignore[assignment]
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert "Not loaded" in words(app.export_screenshot())


async def test_copying_says_what_was_copied() -> None:
    world = World()
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24)) as pilot:
        await at(pilot, world, "documents")
        await pilot.press("space", "space", "y")
        assert app.clipboard == "knl_1#doc_1\nknl_1#doc_2"
        await pilot.press("escape", "Y")
        await settle(pilot)
        await pilot.press("c")
        await settle(pilot)
        assert app.clipboard.startswith('curl -H "Authorization: Basic $DID_API_KEY" ')
        assert app.clipboard.endswith("/knowledge/knl_1/documents/doc_3")


@pytest.mark.parametrize("name", ["agents", "knowledge", "documents", "voices", "client-keys"])
async def test_hostile_rows_are_shown_as_text_and_hide_nothing(name: str) -> None:
    world = World()
    path = {
        "agents": "/agents/me",
        "documents": "/knowledge/knl_1/documents",
        "voices": "/tts/voices",
        "client-keys": "/agents/agt_ada/client-keys",
    }.get(name, "/knowledge")
    texts = ("id", "name", "preview_name", "title", "status", "created_at", "modified")
    rows = [
        dict.fromkeys(texts, HOSTILE),
        dict.fromkeys(texts, 7),
        dict.fromkeys(texts),
        None,
        "text",
        {"id": "same"},
        {"id": "same"},
        {"id": "long", "name": "x" * 1_000_000, "title": "x" * 1_000_000},
        {"id": "good", "name": "Good", "preview_name": "Good", "title": "Good"},
    ]
    answer = world.paths[path]
    if isinstance(answer, dict):
        answer[next(iter(answer))] = rows
    else:
        world.paths[path] = rows
    app = ScriptedApp(world)
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await at(pilot, world, name)
        assert len(screen.rows.shown) == len(rows)
        for key in ("down", "down", "down", "down", "down", "G", "g", "s", "S"):
            await pilot.press(key)
            await settle(pilot)
            shot = app.export_screenshot()
            for control in ("\x1b", "\x9b", "\u202e", "\x07"):
                assert control not in shot
        assert "Good" in words(shot)
        assert "[red]A[/x]" in words(shot)
        await pilot.press("v")
        await settle(pilot)
        assert isinstance(app.screen, Detail)


async def test_a_row_without_an_id_is_not_deleted_as_something_else() -> None:
    world = World()
    world.paths["/knowledge/knl_1/documents"] = [{"title": "damaged"}]
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await at(pilot, world, "documents")
        await pilot.press("X")
        await settle(pilot)
        await pilot.press("y")
        await settle(pilot)
        assert world.did("DELETE") == []
        assert "no id" in words(app.export_screenshot())


async def test_c_talks_with_the_agent_under_the_cursor() -> None:
    world = World()
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24)) as pilot:
        await at(pilot, world, "agents")
        await pilot.press("j", "c")
        await settle(pilot)
        assert isinstance(app.screen, ChatScreen)
        assert app.runner is not None
        assert app.runner.agent_id == "agt_draft"


async def test_where_the_service_lists_no_sessions_there_are_those_of_this_computer() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/sessions"):
            text = "'abc' not a valid key=value pair (missing equal-sign) in Authorization header"
            return httpx.Response(403, json={"message": text})
        return World()(request)

    app = ScriptedApp(answer)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        agent = BY_NAME["agents"].model.parse(AGENTS[0])
        app.open_place(Place(BY_NAME["sessions"], (agent,)))
        await settle(pilot)
        assert "No sessions yet" in words(app.export_screenshot())


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method} {one.path}")
def test_the_screen_that_an_operation_names_has_the_key_that_it_names(operation: Operation) -> None:
    place, _, key = operation.screen.partition(" ")
    if place in ("", "chat"):
        return
    kind = BY_NAME[place]
    menu = {f"a {also.key}" for also in deeds.ALSO.get(place, ())}
    has = {
        "": True,
        "n": place in deeds.NEW,
        "e": place in deeds.EDIT,
        "d": kind.fetch is not None,
        "X": kind.delete is not None,
        "f": "query" in kind.can,
        "i": bool(kind.beside),
    }
    assert key in menu or has[key]
