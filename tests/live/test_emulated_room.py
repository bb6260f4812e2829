"""The demo's expressive agent: the client in the emulator's own room, two readings of one paper."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from conftest import RunningEmulator
from test_loopback import Call, agent_named, client_of, silent

from did_tui.live.media.playback import Playback
from did_tui.live.tools import Tool, ToolBox

pytest.importorskip("livekit.rtc", reason="LiveKit's library is not for this machine")

ECHO = (sys.executable, "-c", "import sys; print(sys.stdin.read())")


async def test_an_expressive_agent_is_met_like_any_other(emulator: RunningEmulator) -> None:
    client = client_of(emulator)
    iris = await agent_named(client, "Iris")
    tools = ToolBox([Tool("echo", ECHO, allow="always")])
    call = Call(client, iris, Playback(open_speaker=silent), tools=tools)
    talk = call.runner.conversation
    asking = asyncio.create_task(call.runner.ask('use the tool echo with {"a": 1}'))
    await call.runner.open()
    await call.until(lambda: len(call.pictures) > 20)
    assert "a" in (await asking).text
    lines = [m.text for m in talk.messages if m.role == "tool"]
    assert [json.loads(line.partition(" → ")[2]) for line in lines] == [{"a": 1}]
    told = call.runner.talk
    assert told.set_language("de-DE")
    assert told.present({"type": "navigate", "slide": 3, "title": "\ud800 Über"})
    await call.until(lambda: talk.activity == "talking")
    call.runner.interrupt()
    await call.until(lambda: talk.activity != "talking")
    chat = call.runner.known.chat_id
    assert chat.startswith("cht_sess_")
    async with httpx.AsyncClient(base_url=emulator.url) as http, asyncio.timeout(10):
        heard: Mapping[str, Any] = {}
        while "did.presentation" not in heard:
            rooms = (await http.get("/__control/state")).json()["rooms"]
            [heard] = [room["heard"] for room in rooms if f"cht_{room['id']}" == chat]
    assert heard["did.stt-language"] == {"language": "de-DE"}
    assert heard["did.presentation"]["slide"] == 3
    assert call.runner.no_microphone_because == ""
    assert call.playback.figures.sync == "told"
    await call.runner.close()
    assert (talk.phase, talk.end_reason, call.explained) == ("disconnected", "user", [])
    await client.close()
