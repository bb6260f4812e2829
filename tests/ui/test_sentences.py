"""What the program says is true in every state in which it says so."""

from __future__ import annotations

import asyncio

import pytest
from scripted import ScriptedApp, ScriptedRunner, chat_on, connect, settle, well

from did_tui.api.modes import Mode
from did_tui.live import events as e
from did_tui.live.conversation import Conversation, Explain


@pytest.mark.parametrize(
    ("over", "sentence"),
    [
        (True, "Not connected. Press f2 to connect again; what you wrote is kept."),
        (False, "Not connected. Wait a moment; what you wrote is kept."),
    ],
)
async def test_a_command_that_needs_a_connection_says_what_to_do(over: bool, sentence: str) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        screen, runner = await chat_on(pilot)
        if over:
            runner.tell(e.SessionEnded("network"))
        else:
            screen.runner = None  # as long as it is looked up
        await pilot.press(*"/speak Hello", "enter")
        assert [notice.message for notice in app._notifications] == [sentence]
        assert screen.prompt.text == "/speak Hello"


async def test_the_key_that_leaves_has_one_name() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        _, runner = await chat_on(pilot)
        connect(runner)
        await settle(pilot)
        await pilot.press("ctrl+c")
        assert "ctrl+q leaves did-tui" in next(iter(app._notifications)).message


@pytest.mark.parametrize(("number", "streams"), [(1, "1 stream"), (2, "2 streams")])
async def test_streams_that_are_being_closed_are_counted(
    number: int, streams: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for limit in ("SOON", "PATIENCE"):
        monkeypatch.setattr(f"did_tui.ui.app.{limit}", 0.01)

    class Slow(ScriptedRunner):
        async def close(self, reason: e.EndReason = "user") -> None:
            await asyncio.sleep(0.1)

    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, _ = await chat_on(pilot)
    app._open.clear()
    for _ in range(number):
        app.opened(Slow("agt_ada", screen), lambda: 0)  # type: ignore[arg-type]
    await app.hang_up()
    assert f"Closing {streams} at" in capsys.readouterr().err
    await asyncio.wait({entry.closing for entry in app._open.values() if entry.closing})


@pytest.mark.parametrize(
    ("mode", "way"), [("Functional", "the video's way"), ("TextOnly", "whole")]
)
def test_lost_notifications_leave_the_way_that_is_there(mode: Mode, way: str) -> None:
    conversation = Conversation(mode)
    for event in (e.Opening(), e.StepDone("chat"), e.StepDone("channel")):
        conversation.apply(event, 0)
    (effect,) = conversation.apply(e.SocketLost(again=False), 0)
    assert isinstance(effect, Explain)
    assert way in effect.text
