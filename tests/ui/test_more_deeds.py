"""Rooms, voices, files, transcripts and what is found in them."""

from __future__ import annotations

import asyncio
import io
import json
import wave
from pathlib import Path

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import ScriptedApp, here, press, said, settle
from world import World, kept

from did_tui.api.client import Client
from did_tui.api.errors import Unreachable
from did_tui.live.media import sample
from did_tui.live.media.speaker import PacedSpeaker
from did_tui.ui.exports import unpack
from did_tui.ui.kinds import Place
from did_tui.ui.resources import BY_NAME
from did_tui.ui.screens.asking import Shown
from did_tui.ui.screens.browser import Browser
from did_tui.ui.screens.chat import ChatScreen
from did_tui.ui.screens.detail import Detail, hits
from did_tui.ui.screens.filepick import matching
from did_tui.ui.screens.form import Form
from did_tui.ui.widgets.topbar import TopBar


def written(directory: Path) -> str:
    """Everything that was written there."""
    return "".join(path.read_text() for path in directory.rglob("*.json"))


async def test_a_room_is_shown_once_and_listed(tmp_path: Path) -> None:
    world = World()
    made = {"id": "ses_9", "session_url": "wss://room", "session_token": "tok_secret_9"}
    world.answers["/v2/agents/agt_ada/sessions"] = lambda _: httpx.Response(201, json=made)
    app = ScriptedApp(world, state=tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "i", "s", "n", "f2")
        assert isinstance(here(pilot), Shown)
        assert "tok_secret_9" in said(pilot)
        await press(pilot, "y")
        assert app.clipboard == "tok_secret_9"
        await press(pilot, "Y")
        assert json.loads(app.clipboard) == made
        await press(pilot, "enter")
        assert "ses_9" in said(pilot)
        assert "this computer" in said(pilot)
        assert "D-ID" in said(pilot), "that which the service lists is there, too"
        assert "tok_secret" not in written(tmp_path)
        bodies = [body for verb, path, body in world.asked if path.startswith("/v2")]
        assert bodies == [
            {"transport": {"provider": "livekit"}, "chat_persist": False, "verbose": False}
        ]


def tone() -> bytes:
    """A tenth of a second of a tone, as WAV."""
    out = io.BytesIO()
    with wave.open(out, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(16_000)
        wav.writeframes((np.sin(np.arange(1600) / 6) * 9000).astype(np.int16).tobytes())
    return out.getvalue()


class Ear(PacedSpeaker):
    """Keeps what it plays."""

    def __init__(self) -> None:
        super().__init__("an ear")
        self.heard = b""

    def _play(self, pcm: bytes) -> None:
        self.heard += pcm


async def test_a_sample_is_heard_whole() -> None:
    pcm, ear = sample.decoded(tone()), Ear()
    assert len(pcm) == pytest.approx(4800 * 4, rel=0.1)
    assert await sample.ready(ear)
    await sample.play(pcm, ear)
    assert ear.heard == pcm
    ear.close()
    await sample.play(pcm, ear)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"\x00" * 64])
def test_what_is_no_sample_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(sample.NotPlayable, match="sample"):
        sample.decoded(content)


async def test_a_voice_is_heard_from_its_list_and_in_the_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.paths["/tts/voices"][0]["languages"][0]["previewUrl"] = "http://pictures/jenny.wav"
    heard: list[str] = []

    async def hear(_app: object, address: str, name: str) -> str:
        heard.append(f"{name} {address}")
        return "You hear it."

    monkeypatch.setattr("did_tui.ui.screens.likeness.hear", hear)
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        app.go(BY_NAME["voices"])
        await settle(pilot)
        await press(pilot, "l")
        assert heard.pop() == "Jenny http://pictures/jenny.wav"
        app.go(BY_NAME["agents"])
        await settle(pilot)
        await press(pilot, "n", *["tab"] * 7, "enter", "enter", "f6")
        form = here(pilot)
        assert isinstance(form, Form)
        assert form.texts()["presenter.voice.voice_id"] == "en-US-JennyNeural"
        assert form.texts()["presenter.voice.type"] == "microsoft"
        assert heard == ["Jenny http://pictures/jenny.wav"]


async def test_words_are_found_in_all_transcripts_and_a_chat_goes_on(tmp_path: Path) -> None:
    state = kept(tmp_path)
    more = {"agent_name": "Ada", "agent_id": "agt_ada", "chat_id": "cht_7", "began": 1.7e9}
    talk = [{"role": "user", "text": "A kettle? " * 3}, {"role": "assistant", "text": "Blue."}]
    path = state / "transcripts" / "2026-01-01_Ada.json"
    path.write_text(json.dumps(more | {"messages": talk}))
    app = ScriptedApp(World(), state=state)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.go(BY_NAME["chats"])
        await settle(pilot)
        await press(pilot, "slash", *"kettle", "enter", "enter")
        screen = here(pilot)
        assert isinstance(screen, Detail)
        assert (screen._hit, len(screen._hits)) == (0, 1)
        await press(pilot, "n", "n")
        assert screen.resource.raw["chat_id"] == "cht_7", "the next transcript comes after it"
        assert (screen._hit, len(screen._hits)) == (1, 3)
        await press(pilot, "N", "N")
        assert len(screen._hits) == 1
        await press(pilot, "n", "c")
        assert isinstance(here(pilot), ChatScreen)
        assert here(pilot).earlier.chat_id == "cht_7"
        assert here(pilot).earlier.said[1] == ("assistant", "Blue.")


async def test_a_detail_asks_for_all_of_it_finds_and_edits() -> None:
    world = World()
    app = ScriptedApp(world)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "v")
        assert "● whole" in said(pilot)
        await press(pilot, "slash", *"new_in", "enter")
        assert "1 of 1" in said(pilot)
        assert "[ 1, null ]" in said(pilot), "it was scrolled to"
        await press(pilot, "escape", "e")
        assert isinstance(here(pilot), Form)
        world.status = 500
        await press(pilot, "escape", "escape", "d")
        assert "as listed" in said(pilot)


async def test_a_list_that_is_left_while_it_loads_harms_nobody() -> None:
    app = ScriptedApp(World())
    gate = asyncio.Event()
    connected = app.client

    async def late() -> Client:
        await gate.wait()
        return await connected()

    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for broken in (False, True):
            app.client = late  # type: ignore[method-assign]
            gate.clear()
            screen = Browser(Place(BY_NAME["voices"]))
            await app.push_screen(screen)
            await screen.query_one(TopBar).remove()
            if broken:
                app._client = asyncio.get_running_loop().create_future()
                app._client.set_exception(Unreachable("gone"))
                app._open_client = unreachable
            gate.set()
            await settle(pilot)
            await app.pop_screen()
        assert app.is_running


async def unreachable() -> Client:
    raise Unreachable("gone")


@given(st.text(), st.text())
def test_every_hit_is_one(text: str, words: str) -> None:
    for start in hits(text, words):
        assert text[start : start + len(words)].casefold() == words.casefold() or len(words) > 0


def test_a_zip_leads_nowhere_else(tmp_path: Path) -> None:
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("../../evil.json", "/etc/evil.json", "a/b.json", "dir/", "a/b.json "):
            archive.writestr(name, "{}")
    assert unpack(out.getvalue(), tmp_path / "here") == 4
    assert {path.parent for path in tmp_path.rglob("*.json")} == {tmp_path / "here"}
    with pytest.raises(Exception, match="no zip"):
        unpack(b"PK nothing", tmp_path / "there")


def test_files_are_found_as_one_types(tmp_path: Path) -> None:
    (tmp_path / "Docs").mkdir()
    for name in ("manual.pdf", "Manual.txt", ".hidden"):
        (tmp_path / name).touch()
    assert [name for name, _ in matching(f"{tmp_path}/ma")] == ["Manual.txt", "manual.pdf"]
    assert [name for name, _ in matching(f"{tmp_path}/")] == [
        "..",
        "Docs",
        "Manual.txt",
        "manual.pdf",
    ]
    assert [name for name, _ in matching(f"{tmp_path}/.")] == [".hidden"]
    assert list(matching(f"{tmp_path}/none/\0")) == []
