"""The transcript shows what was said, and nothing that was not."""

from __future__ import annotations

from scripted import ScriptedApp, chat_on, connect, settle, well

from did_tui.live import events as e
from did_tui.ui.widgets.message import MessageView


async def test_an_answer_that_is_withdrawn_leaves_no_line() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, runner = await chat_on(pilot)
        connect(runner)
        runner.say("One?")
        runner.tell(e.Answer("One.", "socket"))
        runner.say("Two?")
        runner.tell(e.Partial("left over", 1, "channel"))
        await settle(pilot)
        assert len(screen.query(MessageView)) == 4, "something seems to come"
        runner.tell(e.Answer("One.", "channel"))
        await settle(pilot)
        shown = [view.message.text for view in screen.query(MessageView)]
        assert shown == ["One?", "One.", "Two?"]
