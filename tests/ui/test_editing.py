"""Agents and knowledge are made, changed and deleted with the keyboard alone."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from golden import Golden, sizes
from scripted import AGENTS, ScriptedApp, here, press, said, settle
from textual.widgets import Input
from world import World, zipped

from did_tui.ui import fields
from did_tui.ui.resources import BY_NAME
from did_tui.ui.screens.asking import Confirm, Shown
from did_tui.ui.screens.browser import Browser
from did_tui.ui.screens.detail import Detail
from did_tui.ui.screens.form import Form
from did_tui.ui.screens.query import Query


def files_in(directory: Path) -> set[Path]:
    return {path.relative_to(directory) for path in directory.rglob("*") if path.is_file()}


def editable_world() -> World:
    """A world whose agent can be changed."""
    world = World()
    agent = world.paths["/agents/agt_ada"]

    def change(body: Any) -> httpx.Response:
        agent.update(body)
        return httpx.Response(200, json=agent)

    def create(body: Any) -> httpx.Response:
        made = body | {"id": "agt_new"}
        world.paths["/agents/me"]["agents"].append(made)
        return httpx.Response(200, json=made)

    world.answers["/agents/agt_ada"] = change
    world.answers["/agents"] = create
    return world


def bodies(world: World, method: str) -> list[Any]:
    return [body for verb, _, body in world.asked if verb == method]


@sizes
async def test_an_edit_shows_its_diff_sends_what_changed_and_is_taken_back(
    size: tuple[int, int], golden: Golden
) -> None:
    world = editable_world()
    app = ScriptedApp(world)
    name = f"{size[0]}x{size[1]}"
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "e")
        assert isinstance(here(pilot), Form)
        for field in app.screen.query(Input):
            field.cursor_blink = False
        await press(pilot, "space", "L", "tab")
        golden(app.export_screenshot(), f"form-agent-{name}")
        await press(pilot, "f2")
        golden(app.export_screenshot(), f"form-diff-{name}")
        await press(pilot, "enter")
        assert bodies(world, "PATCH") == [], "the safe answer has the focus"
        await press(pilot, "f2", "y")
        assert bodies(world, "PATCH") == [{"preview_name": "Ada L"}]
        assert isinstance(here(pilot), Browser)
        await press(pilot, "u", "y")
        assert bodies(world, "PATCH")[1:] == [{"preview_name": "Ada"}]


async def test_a_save_that_fails_keeps_the_form() -> None:
    world = editable_world()
    world.answers["/agents/agt_ada"] = lambda _: httpx.Response(500, json={})
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        await press(pilot, "e", "X", "f2", "y")
        assert isinstance(here(pilot), Form)
        assert app.screen.query_one("#f0", Input).value == "AdaX"
        assert "Not saved" in said(pilot)


async def test_what_is_being_saved_is_not_saved_twice_nor_left() -> None:
    app = ScriptedApp(World())
    asked = answered = 0
    gate = asyncio.Event()

    async def save(_after: dict[str, Any]) -> dict[str, str]:
        nonlocal asked, answered
        asked += 1
        await gate.wait()
        answered += 1
        return {}

    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        left: list[bool | None] = []
        form = Form(("New",), fields.KNOWLEDGE, {}, save)
        app.push_screen(form, left.append)
        await press(pilot, "f2", "f2", "escape")
        assert (asked, left) == (1, [])
        assert "being saved" in said(pilot)
        gate.set()
        await settle(pilot)
        assert (asked, answered, left) == (1, 1, [True])


async def test_what_d_id_would_refuse_is_said_at_its_field_and_not_sent() -> None:
    world = editable_world()
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "e")
        number = next(
            n for n, field in enumerate(here(pilot)._fields) if field.path == "llm.temperature"
        )
        app.screen.query_one(f"#f{number}", Input).value = "7"
        await press(pilot, "f2")
        assert isinstance(here(pilot), Form)
        assert "✗ A number from 0 to 1" in said(pilot)
        assert bodies(world, "PATCH") == []


async def test_a_change_made_meanwhile_is_noticed_before_it_is_overwritten() -> None:
    world = editable_world()
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "e", "X")
        world.paths["/agents/agt_ada"]["preview_name"] = "Somebody else's"
        await press(pilot, "f2", "y")
        assert "Somebody has changed this" in said(pilot)
        assert bodies(world, "PATCH") == []
        await press(pilot, "escape")
        assert isinstance(here(pilot), Form)
        await press(pilot, "f2", "y", "y")
        assert bodies(world, "PATCH") == [{"preview_name": "AdaX"}]


async def test_a_draft_is_kept_for_this_user_only_and_comes_back(tmp_path: Path) -> None:
    world = editable_world()
    app = ScriptedApp(world, state=tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "e", "X", "escape", "s")
        draft = tmp_path / "drafts" / "agent-agt_ada.json"
        assert json.loads(draft.read_text()) == {"preview_name": "AdaX"}
        assert draft.stat().st_mode & 0o777 == 0o600
        await press(pilot, "e")
        assert app.screen.query_one("#f0", Input).value == "AdaX"
        await press(pilot, "f2", "y")
        assert not draft.exists()


async def test_escape_in_a_form_loses_nothing_unasked() -> None:
    world = editable_world()
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "e", "X", "escape", "escape")
        assert isinstance(here(pilot), Form)
        await press(pilot, "escape", "d")
        assert isinstance(here(pilot), Browser)
        assert bodies(world, "PATCH") == []


async def test_an_agent_is_deleted_by_its_name_and_can_be_made_again(tmp_path: Path) -> None:
    world = editable_world()
    app = ScriptedApp(world, state=tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "X")
        assert isinstance(here(pilot), Confirm)
        await press(pilot, "y", "enter")
        assert world.did("DELETE") == []
        await press(pilot, "A", "d", "a", "enter")
        assert world.did("DELETE") == ["/agents/agt_ada"]
        copy = tmp_path / "trash" / "agt_ada.json"
        assert json.loads(copy.read_text())["new_in_2027"] == {"a": [1, None]}
        assert copy.stat().st_mode & 0o777 == 0o600
        screen = here(pilot)
        assert isinstance(screen, Browser)
        await press(pilot, "a", "r", "enter")
        (made,) = bodies(world, "POST")
        assert made["preview_name"] == "Ada"
        assert made["new_in_2027"] == {"a": [1, None]}
        assert "id" not in made
        assert not copy.exists()


async def test_an_agent_whose_copy_cannot_be_kept_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "trash").write_text("in the way")
    world = editable_world()
    app = ScriptedApp(world, state=tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "X", "A", "d", "a", "enter")
        assert world.did("DELETE") == []


async def test_a_new_agent_is_chosen_a_face_made_and_written_to_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    world = editable_world()
    world.paths["/agents/agt_new"] = {"id": "agt_new", "preview_name": "../Eve"}
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "n", *"Eve", "f2")
        assert isinstance(here(pilot), Form), "an agent needs a face"
        assert "✗" in said(pilot)
        await press(pilot, "enter")
        assert isinstance(here(pilot), Browser)
        await press(pilot, "enter")
        await press(pilot, "f2")
        (made,) = bodies(world, "POST")
        assert made["preview_name"] == "Eve"
        assert here(pilot).current().id == "agt_new", "the cursor is on what was made"
        await press(pilot, "a", "f")
        written = tmp_path / "-Eve.json"
        assert json.loads(written.read_text()) == {"preview_name": "../Eve"}
        written.write_text("mine")
        await press(pilot, "a", "f")
        assert isinstance(here(pilot), Confirm)
        await press(pilot, "escape")
        assert written.read_text() == "mine"
        assert made["presenter"] == {"type": "clip", "presenter_id": "anna"}


async def test_a_file_makes_or_changes_its_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {
        "ada.json": '{"preview_name": "Ada", "greetings": ["Hi"]}',
        "eve.json": '{"preview_name": "Eve", "presenter": {"type": "clip", "presenter_id": "a"}}',
        "half.json": '{"preview_name": ',
        "none.json": "{}",
        "wrong.json": '{"preview_name": "Ada", "greetings": "Hi"}',
        "sound.wav": "RIFF\0",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "sound.wav").write_bytes(b"\xff\xfe")
    world = editable_world()
    world.paths["/agents/agt_new"] = {"id": "agt_new", "preview_name": "Eve"}
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)

        async def take(name: str) -> None:
            await press(pilot, "a", "i", *name, "enter")

        for name, why in (
            ("half", "This is no JSON"),
            ("none", "no preview_name"),
            ("wrong", "greetings: "),
            ("sound", "it is not UTF-8"),
        ):
            await take(name)
            assert why in said(pilot)
            app.clear_notifications()
        await take("ada")
        assert "The file is without" in said(pilot)
        assert "Leave it" in said(pilot)
        assert bodies(world, "PATCH") == []
        await press(pilot, "y")
        assert bodies(world, "PATCH") == [{"greetings": ["Hi"]}]
        await take("eve")
        assert "Make “Eve”?" in said(pilot)
        await press(pilot, "y")
        assert bodies(world, "POST") == [json.loads(files["eve.json"])]
        assert here(pilot).current().id == "agt_new", "the cursor is on what was made"


async def test_a_clone_is_another_agent() -> None:
    world = editable_world()
    world.paths["/agents/agt_ada"]["presenter"]["presenter_id"] = "anna"
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "C", "f2")
        (made,) = bodies(world, "POST")
        assert made["preview_name"] == "Ada (copy)"
        assert made["new_in_2027"] == {"a": [1, None]}


EDITOR = """#!/bin/sh
n=$(cat {dir}/n 2>/dev/null || echo 0); n=$((n+1)); echo $n > {dir}/n
cp "$1" {dir}/seen$n
[ -f {dir}/give$n ] && cp {dir}/give$n "$1"
exit 0
"""


async def test_json_in_an_editor_comes_back_until_it_can_be_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "editor"
    script.write_text(EDITOR.format(dir=tmp_path))
    script.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(script))
    (tmp_path / "give1").write_text('{"preview_name": ')
    (tmp_path / "give2").write_text('{"preview_name": 7}')
    world = editable_world()
    app = ScriptedApp(world, state=tmp_path / "state")
    monkeypatch.setattr(app, "suspend", app.batch_update)
    have = {k: v for k, v in AGENTS[0].items() if k in ("llm", "starter_message", "knowledge")}
    good = have | {"preview_name": "Ada L", "preview_description": "x", "new_in_2027": 1}
    good["presenter"] = {"type": "clip"}
    (tmp_path / "give3").write_text(json.dumps(good))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "E")
        for _ in range(200):
            if isinstance(here(pilot), Confirm):
                break
            await settle(pilot)
        assert "// ! This is no JSON" in (tmp_path / "seen2").read_text()
        assert "// ! preview_name: This is a text." in (tmp_path / "seen3").read_text()
        await press(pilot, "y")
        (sent,) = bodies(world, "PATCH")
        assert sent == {"preview_name": "Ada L", "preview_description": "x", "new_in_2027": 1}


async def test_a_document_is_added_while_there_is_room() -> None:
    world = World()
    path = "/knowledge/knl_1/documents"
    world.answers[path] = lambda body: httpx.Response(200, json=body | {"id": "knl_1#doc_9"})
    app = ScriptedApp(world)
    app.follow = lambda errand: None  # type: ignore[method-assign]
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        app.go(BY_NAME["knowledge"])
        await settle(pilot)
        await press(pilot, "enter", "n", *"http://a/b", "tab", *"B", "f2")
        assert bodies(world, "POST") == [
            {"documentType": "text", "source_url": "http://a/b", "title": "B"}
        ]
        world.paths[path]["documents"] *= 2
        await press(pilot, "n")
        assert isinstance(here(pilot), Browser)
        assert "at most 5 documents" in said(pilot)


@sizes
async def test_a_question_shows_what_an_agent_would_find(
    size: tuple[int, int], golden: Golden
) -> None:
    world = World()
    matches = [
        {"title": "manual p. 4", "data": "The kettle is [blue].", "score": 0.83},
        {"title": "faq", "data": "A kettle boils water.", "score": 0.31},
    ]
    world.answers["/knowledge/knl_1/query"] = lambda _: httpx.Response(
        200, json={"matches": matches}
    )
    app = ScriptedApp(world)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        app.go(BY_NAME["knowledge"])
        await settle(pilot)
        await press(pilot, "f")
        assert isinstance(here(pilot), Query)
        app.screen.query_one(Input).cursor_blink = False
        await press(pilot, *"kettle", "enter")
        golden(app.export_screenshot(), f"query-{size[0]}x{size[1]}")


async def test_a_client_key_is_shown_once() -> None:
    world = World()
    key = {"client_key": "ck_new_0002", "allowed_domains": ["https://a.example"]}
    world.answers["/agents/agt_ada/client-keys"] = lambda _: httpx.Response(201, json=key)
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "i", "c", "n", "tab", *"https://a.example", "f2")
        assert isinstance(here(pilot), Shown)
        assert "ck_new_0002" in said(pilot)
        await press(pilot, "y")
        assert app.clipboard == "ck_new_0002"
        await press(pilot, "enter")
        assert "ck_new_0002" not in said(pilot)
        assert bodies(world, "POST") == [{"allowed_domains": ["https://a.example"]}]


async def test_a_client_key_that_somebody_else_edits_is_not_overwritten() -> None:
    world = World()
    path = "/agents/agt_ada/client-keys"
    world.answers[f"{path}/ck_secret_0001"] = lambda _: httpx.Response(204)
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "i", "c", "e", "X")
        world.paths[path][0]["allowed_domains"] = ["https://theirs.example"]
        await press(pilot, "f2")
        assert "ck_secret_0001" not in said(pilot)
        await press(pilot, "y")
        assert "Somebody has changed this" in said(pilot)
        assert "https://theirs.example" in said(pilot)
        assert bodies(world, "PATCH") == []
        await press(pilot, "y")
        assert bodies(world, "PATCH") == [{"name": "shopX"}]
        await press(pilot, "u", "y")
        assert bodies(world, "PATCH")[1:] == [{"name": "shop"}]


async def test_chats_are_exported_and_fetched(tmp_path: Path) -> None:
    world = World()
    world.answers["/agents/chats/exports"] = lambda _: httpx.Response(
        200, json={"export_id": "exp_1"}
    )
    app = ScriptedApp(world, state=tmp_path)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        await press(pilot, "i", "e", "n", *"2026-01-01", "f2")
        assert bodies(world, "POST") == [
            {"agent_id": "agt_ada", "from": "2026-01-01", "persistent_chats": False}
        ]
        assert "Ada ● done 3 4,096" in said(pilot)
        await press(pilot, "o")
        kept = tmp_path / "exports" / "exp_1.zip"
        assert kept.read_bytes() == zipped()
        assert kept.stat().st_mode & 0o777 == 0o600
        assert files_in(tmp_path / "exports" / "exp_1") == {
            Path("00000-cht_1.json"),
            Path("00001-broken.json"),
        }
        await press(pilot, "enter")
        assert "Ada 2 What is new?" in said(pilot)
        await press(pilot, "slash", *"tea", "enter", "j", "d")
        assert isinstance(here(pilot), Detail)
        assert here(pilot)._hits, "the words that the list was filtered by"
        await press(pilot, "escape", "escape", "escape", "escape")
        await press(pilot, "X", "y")
        assert world.did("DELETE") == ["/agents/chats/exports/exp_1"]
        assert "No exports yet" in said(pilot)


async def test_all_chats_at_d_id_are_deleted_by_the_agents_name() -> None:
    world = World()
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        screen = here(pilot)
        assert isinstance(screen, Browser)
        await press(pilot, "a", "x")
        await press(pilot, "enter")
        assert world.did("DELETE") == []
        await press(pilot, "A", "d", "a", "enter")
        assert world.did("DELETE") == ["/agents/agt_ada/chats"]


async def test_a_form_is_not_left_by_going_elsewhere() -> None:
    world = editable_world()
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        await press(pilot, "n", "E", "tab", "tab", "tab", "enter")
        assert isinstance(here(pilot), Browser)
        await press(pilot, "1")
        assert "Save or leave what is open first" in said(pilot)
        await press(pilot, "escape")
        assert isinstance(here(pilot), Form)
        assert app.screen.query_one("#f0", Input).value == "E"


async def test_an_id_cannot_lead_a_draft_or_a_copy_out_of_its_directory(tmp_path: Path) -> None:
    world = editable_world()
    bad = AGENTS[0] | {"id": "../../../evil"}
    world.paths["/agents/me"]["agents"] = [bad]
    world.paths["/agents/../../../evil"] = bad
    state = tmp_path / "a" / "b" / "state"
    app = ScriptedApp(world, state=state)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "e", "X", "escape", "s")
        await press(pilot, "X", "A", "d", "a", "enter")
    assert files_in(tmp_path) == {
        Path("a/b/state/drafts/agent--evil.json"),
        Path("a/b/state/trash/-evil.json"),
    }
