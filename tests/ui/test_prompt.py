"""What is written comes out as it was typed, however fast the keys come."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import nullcontext
from pathlib import Path

import pytest
from scripted import ScriptedApp, chat_on, connect, settle, well
from textual import events
from textual.pilot import Pilot

from did_tui.live import events as e


async def burst(pilot: Pilot[None], keys: str) -> None:
    """All keys at once, as they come over a slow line."""
    for key in keys:
        name = {"\n": "enter", " ": "space"}.get(key, key)
        pilot.app.post_message(events.Key(name, key if name != "enter" else "\r"))
    await settle(pilot)


@pytest.mark.parametrize(
    ("keys", "said", "left"),
    [
        ("2", ["Where is my order?"], ""),
        ("22", ["Where is my order?"], "2"),
        ("3 ap", [], "3 ap"),
        ("hi\n\n", ["hi"], ""),
        ("hi\nyo", ["hi"], "yo"),
        ("hi\nyo\n3 ap\n", ["hi", "yo", "3 ap"], ""),
        ("/foo\n bar", [], "/foo bar"),
    ],
)
async def test_keys_that_come_at_once(keys: str, said: list[str], left: str) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, runner = await chat_on(pilot)
        connect(runner)
        await burst(pilot, keys)
        assert (runner.said, screen.prompt.text) == (said, left)


async def test_nothing_is_lost_without_a_connection() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, runner = await chat_on(pilot)
        runner.tell(e.SessionEnded("network"))
        await burst(pilot, "2hi\nyo\n")
        assert screen.prompt.text == "2hiyo"
        assert runner.said == []


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("no-such\0.md", "embedded null"),
        ("~no-such-user/a.md", "home directory"),
        ("file/b/a.md", "Not a directory"),
        (f"{'x' * 300}.md", "File name too long"),
        ("a.doc", ".md, .json, .srt, .vtt"),
    ],
)
async def test_a_transcript_that_cannot_be_kept_says_why_in_words(
    name: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        screen, _ = await chat_on(pilot)
        screen.prompt.text = command = f"/export {name}"
        await pilot.press("enter")
        await settle(pilot)
        assert screen.prompt.text == command, "it is there to be put right"
        (notice,) = app._notifications
        assert why in notice.message
        assert "Errno" not in notice.message


async def test_an_editor_that_is_no_command_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "vi '")
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        screen, _ = await chat_on(pilot)
        await pilot.press(*"words", "f4")
        await settle(pilot)
        assert screen.prompt.text == "words"
        (notice,) = app._notifications
        assert "The editor cannot be run: No closing quotation." in notice.message


async def test_an_interrupt_in_the_editor_is_for_the_editor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = tmp_path / "editor"
    # The terminal sends control+C to all of us.
    editor.write_text("#!/bin/sh\nkill -INT $PPID\nsleep 0.1\necho written > $1\n")
    editor.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(editor))
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        monkeypatch.setattr(app, "suspend", nullcontext)
        screen, _ = await chat_on(pilot)
        await pilot.press("f4")
        async with asyncio.timeout(20):
            while screen.prompt.text != "written":
                await asyncio.sleep(0.02)
        assert app.return_code is None
        os.kill(os.getpid(), signal.SIGINT)
        await settle(pilot)
    assert app.return_code == 130, "behind the editor it ends the program again"
