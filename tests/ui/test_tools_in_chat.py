"""What an agent has done on this machine is seen in the transcript, and asked about before."""

from __future__ import annotations

import asyncio

from golden import Golden, words
from scripted import ScriptedApp, chat_on, connect, settle, show_face, well

from did_tui.live import events as e
from did_tui.live.tools import Tool, Verdict

TOOL = Tool("book_table", ("book", "--at", "the \x1b[2J[b]harbour"))
GIVEN = '{"people":4,"at":"20:00","note":"by the [b]window[/b]"}'


async def test_tools(golden: Golden) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, runner = await chat_on(pilot)
        connect(runner, room=True)
        runner.say("Is there a table for four tonight?")
        runner.tell(
            e.TurnBegun(1),
            e.Answer("Let me look.", "channel"),
            e.ToolCalled("a", "weather", '{"city": "Haifa"}'),
            e.ToolReturned("a", "sunny, 24 degrees"),
            e.ToolCalled("b", "send_mail", "{}"),
            e.ToolReturned("b", "The user did not allow this.", failed=True),
            e.ToolCalled("c", "book_table", GIVEN),
        )
        await settle(pilot)
        show_face(screen)
        screen._tick()
        await settle(pilot)
        seen = app.export_screenshot()
        golden(seen, "chat-tools-80x24")
        assert "weather" in words(seen)
        assert "using a tool" in words(seen)

        for keys, verdict in (
            ("enter", "no"),  # which ended a sentence that was being written
            ("y e s escape", "no"),
            ("down enter", "once"),
            ("down down enter", "always"),
        ):
            asking: asyncio.Task[Verdict] = asyncio.create_task(screen.ask_tool(TOOL, GIVEN))
            await settle(pilot)
            if verdict == "once":
                golden(app.export_screenshot(), "chat-permission-80x24")
            await pilot.press(*keys.split())
            assert await asking == verdict
        asking = asyncio.create_task(screen.ask_tool(TOOL, GIVEN))
        await settle(pilot)
        asking.cancel()  # the agent waits no longer
        await settle(pilot)
        assert app.screen is screen
