"""Expressive agents in rooms of a real LiveKit server: both directions, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import numpy as np
import pytest
from roomserver import RATE, SIZE, RoomsOfDid, Server, needs_server, running_server

from did_tui.live import line, rooms, roomsdk, watchdog
from did_tui.live import runner as running
from did_tui.live.media.microphone import Microphone
from did_tui.live.media.playback import Playback
from did_tui.live.media.speaker import SilentSpeaker, Speaker
from did_tui.live.roommedia import Voice
from did_tui.live.runner import Runner
from did_tui.live.tools import Tool, ToolBox, Verdict
from did_tui.live.voicetrack import NOT_TAKEN

pytestmark = needs_server
SECONDS = 30.0


def silent(_sink: str) -> Speaker:
    return SilentSpeaker()


async def until(happened: Callable[[], object]) -> None:
    async with asyncio.timeout(SECONDS):
        while not happened():
            await asyncio.sleep(0.01)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as found:
        yield found


@pytest.fixture
async def did(server: Server) -> AsyncIterator[RoomsOfDid]:
    found = RoomsOfDid(server)
    yield found
    await found.close()


class Call:
    """A conversation in a room, and what it explained."""

    def __init__(self, did: RoomsOfDid, **options: Any) -> None:
        self.explained: list[str] = []
        self.playback = Playback(open_speaker=silent)
        self.runner = Runner(
            did.client, "agt_1", self.playback, explain=self.explained.append, **options
        )
        self.conversation = self.runner.conversation

    async def connected(self) -> Call:
        await self.runner.open()
        await until(lambda: self.conversation.phase == "connected")
        return self

    @property
    def said(self) -> list[tuple[str, str]]:
        return [(m.role, m.text) for m in self.conversation.messages]


async def test_a_conversation(did: RoomsOfDid) -> None:
    call = await Call(did, persist=True).connected()
    talk, agent = call.conversation, did.agent
    assert did.asked[-1][1] == {"transport": {"provider": "livekit"}, "chat_persist": True}
    assert call.runner.known.chat_id == f"cht_{agent.name}"
    await until(lambda: call.playback.counters.pictures_decoded > 5)
    await until(lambda: call.playback.counters.sound_heard > 24_000)
    frame = call.playback.take_picture()
    assert frame is not None
    assert (frame.width, frame.height) == (SIZE, SIZE)
    assert int(np.ptp(frame.to_ndarray(format="gray8"))) < 30, "it is one grey"
    assert talk.steps["picture"].state == "done"
    await until(lambda: "timezone" in agent.attributes)
    assert agent.attributes["device"].endswith(", Desktop")

    await agent.tell("chat/partial", content="Hello, ", sequence=0)
    await agent.tell("chat/answer", content="Hello, I am Ada.")
    await until(lambda: call.said == [("assistant", "Hello, I am Ada.")])
    asking = asyncio.create_task(call.runner.ask("What is new?"))
    await until(lambda: ("lk.chat", "What is new?") in agent.texts)
    await agent.tell("turn/started", turn_id=1)
    await agent.tell("stream-video/started", metadata={"videoId": "v1"})
    await agent.tell("chat/answer", content="A blue kettle.")
    assert (await asking).text == "A blue kettle."
    assert talk.activity == "talking"
    call.runner.interrupt()
    await until(lambda: ("did.interrupt", "") in agent.texts)
    await agent.tell("stream-video/done")
    await agent.tell("turn/ended", turn_id=1)
    await until(lambda: talk.activity == "idle")

    call.runner.speak("Say this.")
    await until(lambda: agent.texts[-1][0] == "did.speak")
    spoken = json.loads(agent.texts[-1][1])
    assert spoken["script"]["input"] == "Say this."
    assert spoken["metadata"] == {"chat_id": f"cht_{agent.name}", "agent_id": "agt_1"}
    await agent.tell("chat/audio-transcribed", content="And now?", role="user")
    for junk in ("", "{", "[1]"):
        await agent.room.local_participant.publish_data(junk, topic="chat/answer")
    await agent.room.local_participant.send_text("a caption", topic="lk.transcription")
    await agent.tell("unheard-of", content="x")
    await agent.tell("chat/answer", content="Now this.")
    await until(lambda: call.said[-1] == ("assistant", "Now this."))
    assert call.said == [
        ("assistant", "Hello, I am Ada."),
        ("user", "What is new?"),
        ("assistant", "A blue kettle."),
        ("assistant", "Say this."),
        ("user", "And now?"),
        ("assistant", "Now this."),
    ]
    assert call.explained == []
    await call.runner.close()
    assert talk.end_reason == "user"


ECHO = (sys.executable, "-c", "import sys; print(sys.stdin.read())")
HANGS = (sys.executable, "-c", "import time; time.sleep(60)")


async def test_tools(did: RoomsOfDid) -> None:
    verdicts: list[Verdict] = ["no", "once"]

    async def ask(_tool: Tool, _given: str) -> Verdict:
        return verdicts.pop(0)

    tools = ToolBox(
        [
            Tool("echo", ECHO, allow="always"),
            Tool("asked", ECHO),
            Tool("hangs", HANGS, seconds=0.2, allow="always"),
        ],
        ask,
    )
    call = await Call(did, tools=tools).connected()
    agent = did.agent
    assert json.loads(await agent.call("echo", city="Haifa")) == {"city": "Haifa"}
    for name, code, why in (
        ("asked", 1500, "The user did not allow this."),
        ("hangs", 1500, "hangs took longer than 0.2 s."),
        ("unheard-of", 1400, "Method not supported at destination"),
    ):
        with pytest.raises(agent.sdk.RpcError) as caught:
            await agent.call(name)
        assert (caught.value.code, caught.value.message) == (code, why)
    assert await agent.call("asked") == "{}"
    lines = [(m.text, m.state, m.trouble) for m in call.conversation.messages]
    assert lines == [
        ('echo({"city": "Haifa"}) → {"city":"Haifa"}', "done", ""),
        ("asked({})", "failed", "The user did not allow this."),
        ("hangs({})", "failed", "hangs took longer than 0.2 s."),
        ("asked({}) → {}", "done", ""),
    ]
    await call.runner.close()


class Mouth:
    """A microphone into which somebody talks without a breath."""

    name = "mouth"

    def __init__(self, *_: Any, **__: Any) -> None:
        self._random = np.random.default_rng(3)

    def read(self) -> bytes:
        return self._random.normal(0, 8000, RATE // 100).astype(np.int16).tobytes()

    def close(self) -> None:
        pass


async def test_the_user_is_heard_while_talking(
    did: RoomsOfDid, monkeypatch: pytest.MonkeyPatch
) -> None:
    microphone = Microphone(agent=lambda: 1.0, open_device=Mouth)
    call = await Call(did, microphone=microphone).connected()
    agent = did.agent
    assert call.runner.no_microphone_because == ""
    microphone.talk(on=True)
    await until(lambda: agent.loud > 30)  # although the agent talks: its echo is taken out
    microphone.talk(on=False)
    [who] = agent.room.remote_participants.values()
    await until(lambda: all(track.muted for track in who.track_publications.values()))
    before = agent.loud
    microphone.talk(on=True)
    await until(lambda: agent.loud > before + 10)
    await call.runner.close()
    assert microphone.clean is None

    async def refused(*_: Any) -> None:
        await microphone.read()
        raise agent.sdk.participant.PublishTrackError("not allowed")

    monkeypatch.setattr(Voice, "run", refused)
    await call.runner.open()
    await until(lambda: call.conversation.phase == "connected")
    microphone.talk(on=True)
    await until(lambda: not microphone.talking)
    assert call.explained[-1] == "The microphone is off: nobody hears it now."
    did.grants = {"canPublish": False}
    await call.runner.close()
    await call.runner.open()
    await until(lambda: call.conversation.phase == "connected")
    assert call.runner.no_microphone_because == NOT_TAKEN
    await call.runner.close()
    await asyncio.to_thread(microphone.close)


@pytest.mark.parametrize("reason", ["message_limit", "time_limit", "inactivity", "ended_by_agent"])
async def test_why_the_agent_goes(
    did: RoomsOfDid, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "LAST_SECONDS", 0.1)
    call = await Call(did).connected()
    await did.agent.tell("stream/done", reason=reason)
    await until(lambda: call.conversation.over)
    assert call.conversation.end_reason == reason
    assert did.sessions == 1
    await call.runner.close()


async def test_an_agent_that_leaves_is_looked_for_in_another_room(
    did: RoomsOfDid, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "BACK_SECONDS", 0.3)
    call = Call(did)
    assert call.runner.talk.set_language("German")  # told as soon as somebody is there
    assert not call.runner.talk.present({"slide": 3})
    await call.connected()
    told = ("did.stt-language", '{"language":"German"}')
    await until(lambda: told in did.agent.texts)
    await did.agent.leave()
    await until(lambda: did.sessions == 2 and call.conversation.phase == "connected")
    await until(lambda: told in did.agent.texts)
    assert "The agent is not there yet." in call.explained
    assert call.runner.talk.present({"slide": 3})
    await until(lambda: ("did.presentation", '{"slide":3}') in did.agent.texts)
    assert "Connected again." in call.explained
    await call.runner.close()


async def test_a_line_that_is_lost_comes_back_into_the_same_room(did: RoomsOfDid) -> None:
    call = await Call(did).connected()
    before = call.runner._line
    assert before is not None
    call.runner._recover("no packet for 5 s")
    await until(lambda: call.runner._line not in (None, before))
    await until(lambda: call.conversation.phase == "connected")
    assert did.sessions == 1
    asking = asyncio.create_task(call.runner.ask("Are you there?"))
    await until(lambda: ("lk.chat", "Are you there?") in did.agent.texts)
    await did.agent.tell("chat/answer", content="Yes.")
    assert (await asking).text == "Yes."
    await call.runner.close()


async def test_a_server_that_stands_still(
    did: RoomsOfDid, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "SILENT_SECONDS", 1.0)
    call = await Call(did).connected()
    await until(lambda: call.playback.counters.pictures_decoded > 5)
    words: set[str] = set()
    call.runner._changed = lambda: words.add(call.conversation.in_words)
    server.process.send_signal(signal.SIGSTOP)
    try:
        await until(lambda: "reconnecting (1 of 3): no packet for 1 s" in words)
    finally:
        server.process.send_signal(signal.SIGCONT)
    await until(lambda: call.conversation.phase == "connected")
    assert did.sessions == 1
    await call.runner.close()


async def test_nobody_in_the_room(did: RoomsOfDid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "AGENT_SECONDS", 0.2)
    did.absent = 1
    call = await Call(did).connected()
    assert did.sessions == 2
    await call.runner.close()


async def test_a_face_that_does_not_come(did: RoomsOfDid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "VIDEO_SECONDS", 0.2)
    monkeypatch.setattr(line.Line, "_see", lambda *_: None)
    call = Call(did)
    words: set[str] = set()
    call.runner._changed = lambda: words.add(call.conversation.in_words)
    await call.runner.open()
    await until(lambda: any("no video within" in said for said in words))
    await call.runner.close()


async def test_rooms_that_cannot_be_entered(
    did: RoomsOfDid, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "RECOVERY_PAUSES", ())
    elsewhere = await asyncio.start_server(_not_livekit, "127.0.0.1", 0)
    port = elsewhere.sockets[0].getsockname()[1]
    for url, seconds, trouble in (
        (did.server.url, -120.0, "The session's token has expired."),
        (f"ws://127.0.0.1:{port}", 600.0, "The server of the room is no LiveKit server."),
        ("ws://127.0.0.1:9", 600.0, "The room cannot be reached."),
        ("ftp://room", 600.0, "D-ID named no room for this session."),
    ):
        did.url, did.seconds = url, seconds
        call = Call(did)
        await call.runner.open()
        await until(lambda: call.conversation.over)  # noqa: B023
        assert call.conversation.trouble == trouble
        await call.runner.close()
    elsewhere.close()


async def test_a_room_that_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "RECOVERY_PAUSES", ())
    with running_server(max_participants=1) as small:
        did = RoomsOfDid(small)
        call = Call(did)
        await call.runner.open()
        await until(lambda: call.conversation.over)
        assert call.conversation.trouble.startswith("The room lets nobody in: it is full")
        assert call.conversation.hindrance == ""
        await call.runner.close()
        await did.close()


async def _not_livekit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1000)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    writer.close()


async def test_a_library_that_is_not_here(did: RoomsOfDid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "livekit.rtc", None)
    call = Call(did)
    await call.runner.open()
    assert "pip install livekit" in call.conversation.trouble
    assert did.sessions == 0, "no session is asked for in vain"
    await call.runner.close()


async def test_nothing_is_left_and_nothing_is_written(
    did: RoomsOfDid, capfd: pytest.CaptureFixture[str]
) -> None:
    assert roomsdk.unmended() == []
    handlers = list(logging.getLogger().handlers)
    for _ in range(3):
        call = await Call(did).connected()
        await call.runner.close()
    await until(lambda: not any(agent.room.remote_participants for agent in did.agents))
    assert logging.getLogger().handlers == handlers
    assert capfd.readouterr() == ("", "")
