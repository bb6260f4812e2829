"""A booth as its visitors see it, and what it never lets them do."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from golden import Golden, sizes, words
from scripted import FACE, ScriptedKiosk, booth, connect, refusing, settle
from textual.pilot import Pilot

from did_tui.live import events as e
from did_tui.picture.still import Still
from did_tui.ui.booth import Rules
from did_tui.ui.screens import visit as visits
from did_tui.ui.screens.attract import Attract
from did_tui.ui.screens.pin import Pin
from did_tui.ui.screens.visit import Visit


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "FAREWELL", 0.0)


def look(app: ScriptedKiosk, golden: Golden | None = None, name: str = "") -> str:
    shot = app.export_screenshot()
    if golden is not None:
        golden(shot, f"{name}-{app.size.width}x{app.size.height}")
    return words(shot)


async def passes(app: ScriptedKiosk, pilot: Pilot[None], seconds: float) -> None:
    """Let time pass, for the booth."""
    app.clock += seconds
    if isinstance(app.screen, Visit):
        app.screen._tick()
    await settle(pilot)


@sizes
async def test_a_visit_from_the_first_key_to_the_goodbye(
    size: tuple[int, int], golden: Golden, tmp_path: Path
) -> None:
    app = ScriptedKiosk(state=tmp_path, logs=tmp_path)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        shown = look(app, golden, "kiosk-attract")
        assert "Ask me anything" in shown
        assert "1 What is new?" in shown
        assert app.runners == [], "no stream while nobody is there"

        await pilot.press("W")
        await settle(pilot)
        assert app.visit._prompt.text == "W", "no letter is lost"
        await pilot.press("h", "o", "?", "enter")
        runner = app.runners[0]
        assert runner.said == ["Who?"]
        connect(runner)
        app.visit.face.show(Still.decode(FACE))
        app.visit.face.frames_shown = 1
        runner.tell(e.UtteranceStarted("v"), e.Answer("I am Ada, the shop's assistant.", "socket"))
        runner.playback.counters.sound_heard = 48_000
        await settle(pilot)
        runner.playback.counters.sound_heard = 48_000 * 60
        await passes(app, pilot, 0.5)
        shown = look(app, golden, "kiosk-talking")
        assert "You asked: Who?" in shown
        assert "● talking" in shown
        assert "I am Ada" in shown

        runner.tell(e.UtteranceDone(), e.Responded("u1", ""))
        await passes(app, pilot, 50.0)
        assert "Still there? Press any key. (10 s)" in look(app)
        await pilot.press("x")
        await passes(app, pilot, 50.0)
        assert app.visit.conversation.phase == "connected"
        await passes(app, pilot, 11.0)
        assert isinstance(app.screen, Attract)
        assert runner.closed == 1

        await pilot.press("2")
        await settle(pilot)
        assert app.runners[1].said == ["Where is my order?"]
        assert app.visit._prompt.text == ""
        await pilot.press("up")
        assert app.visit._prompt.text == "", "what the one before has written is nobody's business"
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, Attract)
        # Textual would keep every text box that has watched the theme, and its screen with it.
        assert getattr(app, "__watchers")["theme"] == []
    lines = [json.loads(line) for line in (tmp_path / "kiosk.jsonl").read_text().splitlines()]
    seen = [line for line in lines if line["event"] == "visit"]
    assert [one["ended"] for one in seen] == ["idle", "visitor"]
    assert (seen[0]["questions"], seen[0]["answered"], seen[0]["connected_ms"]) == (1, 1, 600)
    assert seen[0]["stream_seconds"] == pytest.approx(111.5, abs=1)
    assert app.purse.spent == pytest.approx(111.5, abs=1)
    assert "Who" not in (tmp_path / "kiosk.jsonl").read_text()


@sizes
async def test_trouble_is_one_moment_and_is_tried_again_for_ever(
    size: tuple[int, int], golden: Golden, tmp_path: Path
) -> None:
    app = ScriptedKiosk(rules=Rules(idle=3600), logs=tmp_path)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        runner = app.runners[0]
        await pilot.press(*"Hello", "enter")
        for attempt, wait in enumerate((2, 4, 8)):
            runner.tell(e.Failed("stream", "D-ID is out of order.", "Try later."))
            await passes(app, pilot, wait - 0.1)
            assert runner.conversation.phase == "failed", attempt
            if not attempt:
                shown = look(app, golden, "kiosk-retry")
                assert "One moment…" in shown
                assert "order" not in shown
                assert "stream" not in shown
            await passes(app, pilot, 0.2)
            assert str(runner.conversation.phase) == "connecting", attempt
        connect(runner)
        await settle(pilot)
        assert runner.conversation.phase == "connected"
        assert runner.said.count("Hello") >= 1
        assert "D-ID is out of order." in (tmp_path / "kiosk.jsonl").read_text()


async def test_a_booth_that_starts_before_its_network_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("did_tui.ui.kiosk.pause", lambda _attempt: 0.05)
    broken = [True]

    def answer(request: httpx.Request) -> httpx.Response:
        return refusing(request) if broken[0] else booth(request)

    app = ScriptedKiosk(answer)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "One moment…" in look(app)
        await pilot.press("x")
        assert app.runners == []
        broken[0] = False
        async with asyncio.timeout(10):
            while "Ask me anything" not in look(app):
                await settle(pilot)


async def test_the_days_minutes_are_used_up(tmp_path: Path) -> None:
    app = ScriptedKiosk(rules=Rules(day=60), state=tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        connect(app.runners[0])
        for _ in range(3):
            await passes(app, pilot, 10.0)
        assert "0:30 left" in look(app)
        await pilot.press("x")
        await passes(app, pilot, 31.0)
        assert app.runners[0].closed == 1
        assert isinstance(app.screen, Attract)
        app.screen.say()
        assert "See you tomorrow." in look(app)
        await pilot.press("enter")
        await settle(pilot)
        assert len(app.runners) == 1
    again = ScriptedKiosk(rules=Rules(day=60), state=tmp_path)
    assert again.left == 0, "a restart gives nothing back"


ADMIN = "ctrl+p f1 f2 f4 f8 ctrl+r ctrl+z ctrl+c tab".split()


async def test_nothing_leads_out_without_the_pin() -> None:
    app = ScriptedKiosk(rules=Rules(pin="4711"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        connect(app.runners[0])
        for key in ADMIN:
            await pilot.press(key)
            assert isinstance(app.screen, Visit), key
        for _ in range(2):
            await pilot.press("ctrl+q", "ctrl+q", "1", "2", "enter")
            assert isinstance(app.screen, Pin)
            assert "not the PIN" in look(app)
            await pilot.press("escape")
        await pilot.press("ctrl+q", *"4711", "enter")
        assert "Wait 5 s" in look(app), "after two wrong ones the right one has to wait"
        app.clock += 6
        await pilot.press(*"4711", "enter")
    assert app.return_code == 0
    await app.hang_up()
    assert app.runners[0].closed == 1


async def test_without_a_pin_the_same_key_twice() -> None:
    app = ScriptedKiosk()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("ctrl+q", "x")
        assert isinstance(app.screen, Attract)
        await pilot.press("ctrl+q")
        assert "once more" in look(app)
        await pilot.press("ctrl+q")
    assert app.return_code == 0


async def test_where_the_agent_has_no_voice_one_reads() -> None:
    app = ScriptedKiosk()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("1")
        await settle(pilot)
        runner = app.runners[0]
        connect(runner)
        runner.tell(e.ModeChanged("TextOnly"), e.Answer("[b]Tea[/b] \x1b[2J is back.", "response"))
        await settle(pilot)
        assert "[b]Tea[/b] [2J is back." in look(app)
