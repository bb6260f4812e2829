"""However one comes into a conversation and leaves it: one stream at most, and none is left."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from golden import words
from scripted import (
    ScriptedApp,
    ScriptedRunner,
    chat_on,
    connect,
    refusing,
    settle,
    well,
)
from textual.screen import ModalScreen

from did_tui.api.models import RuntimeAgent
from did_tui.live import events as e
from did_tui.ui.screens import chat
from did_tui.ui.screens.browser import Browser
from did_tui.ui.screens.chat import ChatScreen


class SlowApp(ScriptedApp):
    """It takes a while to make a runner; all of them are kept."""

    def __init__(self, *rest: Any, **options: Any) -> None:
        super().__init__(*rest, **options)
        self.ready = asyncio.Event()
        self.runners: list[ScriptedRunner] = []

    async def make_runner(self, agent_id: str, screen: ChatScreen) -> Any:
        await self.ready.wait()
        runner = await super().make_runner(agent_id, screen)
        self.runners.append(runner)
        return runner


class Microphone:
    """A microphone that only knows whether it is on."""

    talking, held, level = True, False, 0.5

    def toggle(self) -> None:
        self.talking = not self.talking


async def test_who_is_impatient_opens_one_stream() -> None:
    broken = [True]

    def answer(request: httpx.Request) -> httpx.Response:
        return refusing(request) if broken[0] else well(request)

    app = SlowApp(answer, agent="ada")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "not connected" in words(app.export_screenshot())
        broken[0] = False
        await pilot.press("f2", "f2")
        await settle(pilot)
        assert "◐ connecting" in words(app.export_screenshot())
        app.ready.set()
        await settle(pilot)
        assert len(app.runners) == 1
        assert len(app._open) == 1


async def test_one_may_quit_instead_of_saying_how_it_was() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        _, runner = await chat_on(pilot)
        connect(runner)
        runner.say("What is new?")
        wish = {"enabled": True, "closing_message": "How was it?"}
        runner.agent = RuntimeAgent.parse({"name": "Ada", "end_of_call_feedback": wish})
        await pilot.press("escape", "escape")
        await settle(pilot)
        assert "How was it?" in words(app.export_screenshot())
        await pilot.press("ctrl+q")
    assert app.return_code == 0
    assert runner.closed == 1


async def test_a_microphone_that_nobody_hears_can_be_turned_off_but_not_on() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        screen, runner = await chat_on(pilot)
        microphone = Microphone()
        screen.sound.microphone = microphone  # type: ignore[assignment]
        for why in (None, "It only sends."):
            microphone.talking, runner.no_microphone_because = True, why
            await pilot.press("ctrl+t")
            assert not microphone.talking
            assert list(app._notifications)[-1].message == "The microphone is off."
            await pilot.press("ctrl+t")
            assert not microphone.talking
            assert list(app._notifications)[-1].message != "The microphone is off."


@pytest.mark.parametrize("over_it", ["f1", "ctrl+p"])
async def test_what_is_opened_while_it_closes_goes_with_it(
    over_it: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "LINGER", 100.0)
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        _, runner = await chat_on(pilot)
        connect(runner)
        await settle(pilot)
        close, closing = runner.close, asyncio.Event()

        async def close_slowly(reason: e.EndReason = "user") -> None:
            await closing.wait()
            await close(reason)

        runner.close = close_slowly  # type: ignore[method-assign]
        await pilot.press("escape", "escape", over_it)
        await settle(pilot)
        assert isinstance(app.screen, ModalScreen)
        closing.set()
        await settle(pilot)
        await settle(pilot)
        assert isinstance(app.screen, Browser), "no screen of a conversation that is over"
