"""Rooms with expressive agents, joined with LiveKit's own SDK."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import websockets
from conftest import KEY, RunningEmulator, running_emulator
from livekit import rtc
from livekit.protocol.models import DisconnectReason
from livekit.protocol.rtc import (
    SessionDescription,
    SignalRequest,
    SignalResponse,
    TrickleRequest,
)
from livekituser import FAREWELL, SECONDS, User
from roomserver import KEY as LIVEKIT_KEY
from roomserver import SECRET, needs_server, running_server

AGENT = "Iris"


class Emulator:
    """An emulator's API and control API, and the agent that has rooms."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Basic {KEY}"}, timeout=30
        )

    async def session(self) -> dict[str, Any]:
        agents = (await self._http.get("/agents/me")).json()["agents"]
        agent = next(agent["id"] for agent in agents if agent["preview_name"] == AGENT)
        made = await self._http.post(
            f"/v2/agents/{agent}/sessions", json={"transport": {"provider": "livekit"}}
        )
        assert made.status_code == 201, made.text
        return {**made.json(), "agent": agent}

    async def order(self, path: str, verb: str = "POST", **body: object) -> Any:
        answer = await self._http.request(verb, f"/__control/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def room(self, session: dict[str, Any]) -> dict[str, Any] | None:
        rooms = (await self.order("state", "GET"))["rooms"]
        return next((room for room in rooms if room["id"] == session["id"]), None)

    async def transcript(self, session: dict[str, Any]) -> list[str]:
        chats = (await self.order("state", "GET"))["chats"]
        chat = next(chat for chat in chats if chat["id"] == f"cht_{session['id']}")
        return [message["content"] for message in chat["messages"]]

    @asynccontextmanager
    async def joined(self) -> AsyncIterator[tuple[dict[str, Any], User]]:
        """A user in a new room; who speaks at once is not greeted."""
        session = await self.session()
        user = await User().join(session)
        try:
            yield session, user
        finally:
            await user.leave()

    async def close(self) -> None:
        await self._http.aclose()


@pytest.fixture(scope="module")
def running() -> Iterator[RunningEmulator]:
    """An emulator that has the rooms itself."""
    with running_emulator("--seed", "7") as running:
        yield running
        time.sleep(FAREWELL)


@pytest.fixture(scope="module")
def beside_livekit() -> Iterator[RunningEmulator]:
    """An emulator whose rooms are on a LiveKit server, with a worker there."""
    with pytest.MonkeyPatch.context() as patch, running_server() as server:
        patch.setenv("LIVEKIT_API_KEY", LIVEKIT_KEY)
        patch.setenv("LIVEKIT_API_SECRET", SECRET)
        with running_emulator("--livekit-url", server.url) as running:
            yield running
            time.sleep(FAREWELL)


@pytest.fixture(autouse=True)
async def nobody_stays() -> AsyncIterator[None]:
    yield
    await User.all_leave()


@pytest.fixture
async def emulator(running: RunningEmulator) -> AsyncIterator[Emulator]:
    emulator = Emulator(running.url)
    yield emulator
    await emulator.close()


@pytest.fixture(params=["running", pytest.param("beside_livekit", marks=needs_server)])
async def either(request: pytest.FixtureRequest) -> AsyncIterator[Emulator]:
    """The emulator with its own rooms, then with those of a LiveKit server."""
    emulator = Emulator(request.getfixturevalue(request.param).url)
    yield emulator
    await emulator.close()


async def test_a_conversation(either: Emulator) -> None:
    session = await either.session()
    user = await User().join(session)
    assert await user.event("turn/started") == {"subject": "turn/started", "turn_id": 1}
    greeting = (await user.event("chat/partial"))["content"]
    assert "Iris" in greeting
    assert (await user.event("chat/answer"))["content"] == greeting
    started = await user.event("stream-video/started")
    assert started["metadata"]["interruptible"] is True
    (frame,) = await user.frames(1)
    assert (frame.width, frame.height) == (512, 512)
    await user.hears()

    await user.say("Why is the sky blue?")  # which cuts the greeting off
    assert (await user.event("stream-video/done"))["metadata"] == started["metadata"]
    assert (await user.event("turn/ended"))["turn_id"] == 1
    assert (await user.event("turn/started"))["turn_id"] == 2
    answer = await user.event("chat/answer")
    partials = [e for e in user.events if e["subject"] == "chat/partial"][1:]
    assert [partial["sequence"] for partial in partials] == list(range(len(partials)))
    assert "".join(partial["content"] for partial in partials).strip() == answer["content"]
    assert answer["content"].startswith("Sunlight")
    assert answer["matches"][0]["title"] == "Why is the sky blue?"
    await user.event("stream-video/started")
    await user.hears()
    await user.say("", "did.interrupt")
    await user.event("stream-video/done")
    assert (await user.event("turn/ended"))["turn_id"] == 2

    script = {"type": "text", "input": "Yes.", "sentiment": "professional"}
    await user.say(json.dumps({"script": script}), "did.speak")
    assert (await user.event("turn/started"))["turn_id"] == 3
    await user.event("stream-video/started")
    await user.event("stream-video/done")
    assert (await user.event("turn/ended"))["turn_id"] == 3
    assert await either.transcript(session) == [
        greeting,
        "Why is the sky blue?",
        answer["content"],
    ]
    await user.leave()
    assert user.damaged == []


async def test_tools_are_called_both_ways(either: Emulator) -> None:
    async with either.joined() as (_, user):
        me = user.room.local_participant

        async def weather(call: rtc.RpcInvocationData) -> str:
            return f"{json.loads(call.payload)['city']}: sun"

        async def break_it(_call: rtc.RpcInvocationData) -> str:
            raise rtc.RpcError(1500, "no umbrella")

        me.register_rpc_method("get_weather", weather)
        me.register_rpc_method("break", break_it)
        await user.say('use the tool get_weather with {"city": "Haifa"}')
        started = await user.event("tool-call/started")
        assert (started["name"], started["input"]) == ("get_weather", {"city": "Haifa"})
        assert (await user.event("tool-call/done"))["output"] == "Haifa: sun"
        assert "Haifa: sun" in (await user.event("chat/answer"))["content"]
        await user.say("Call the tool break.".lower())
        wrong = await user.event("tool-call/error")
        assert (wrong["output"], wrong["extra"]["error"]["code"]) == ("no umbrella", 1500)
        await user.say("call the tool nobody_has")
        wrong = await user.event("tool-call/error")
        assert wrong["extra"]["error"]["code"] == 1400
        (agent,) = user.room.remote_participants
        with pytest.raises(rtc.RpcError) as refused:
            await me.perform_rpc(destination_identity=agent, method="dance", payload="{}")
        assert refused.value.code == 1400


async def test_what_the_control_api_orders(emulator: Emulator) -> None:
    async with emulator.joined() as (session, user):
        orders = f"sessions/{session['id']}"
        heard = asyncio.get_running_loop().create_future()
        user.room.register_text_stream_handler(
            "lk.transcription", lambda reader, who: user.beside(_read(reader, heard))
        )
        await emulator.order(f"{orders}/text", text="x" * 40_000 + "é", topic="lk.transcription")
        assert await asyncio.wait_for(heard, SECONDS) == "x" * 40_000 + "é"
        await emulator.order(f"{orders}/data", text='{"half', topic="chat/partial")
        await user.until(lambda: user.damaged == [b'{"half'])
        await emulator.order(f"{orders}/hear", text="Hello")
        assert (await user.event("chat/audio-transcribed"))["content"] == "Hello"
        await user.event("chat/answer")
        said = await emulator.order(f"{orders}/call", tool="none", seconds=5)
        assert said[0]["error"]["code"] == 1400
        await user.room.local_participant.set_attributes({"timezone": "UTC", "device": "Linux"})
        await user.say('{"language": "de-DE"}', "did.stt-language")
        await user.say("[1", "did.presentation")
        await user.say("[" * 100_000, "did.speak")
        await user.say("?", "no.such.topic")
        await user.say('{"type": "navigate", "slide": 3}', "did.presentation")
        while (shown := await emulator.room(session)) and "did.presentation" not in shown["heard"]:
            await asyncio.sleep(0.02)
        assert shown is not None
        assert shown["attributes"] == {"timezone": "UTC", "device": "Linux"}
        assert shown["heard"]["did.stt-language"] == {"language": "de-DE"}
        await emulator.order(f"{orders}/agent", here=False)
        await user.until(lambda: "participant_disconnected" in user.happened)
        await emulator.order(f"{orders}/agent", here=True)
        await user.until(lambda: "participant_connected" in user.happened)


async def _read(reader: rtc.TextStreamReader, heard: asyncio.Future[str]) -> None:
    heard.set_result(await reader.read_all())


@pytest.mark.parametrize("reason", ["ended_by_agent", "network_issue"])
async def test_an_end_says_why(emulator: Emulator, reason: str) -> None:
    async with emulator.joined() as (session, user):
        await user.event("turn/started")
        await emulator.order(f"sessions/{session['id']}/close", reason=reason)
        ended = await user.event("stream/error" if reason == "network_issue" else "stream/done")
        assert ended["reason"] == reason
        await user.until(lambda: "disconnected" in user.happened)
        assert await emulator.room(session) is None
        with pytest.raises(rtc.ConnectError, match="401"):
            await User().join(session)


@pytest.mark.parametrize(
    ("limit", "value", "reason"),
    [
        ("session_messages", 1, "message_limit"),
        ("session_seconds", 0.5, "time_limit"),
        ("idle_seconds", 0.5, "inactivity"),
    ],
)
async def test_limits_end_a_session(
    emulator: Emulator, limit: str, value: float, reason: str
) -> None:
    async with emulator.joined() as (_, user):
        normal = (await emulator.order("state", "GET"))["limits"][limit]
        await user.say("", "did.interrupt")
        await emulator.order("limits", "PATCH", **{limit: value})
        if reason == "message_limit":
            await user.say("Hello")
            await user.event("chat/answer")
            await user.say("Hello again")
        try:
            assert (await user.event("stream/done"))["reason"] == reason
            await user.until(lambda: "disconnected" in user.happened)
        finally:
            await emulator.order("limits", "PATCH", **{limit: normal})


async def test_a_token_that_is_none_opens_nothing(either: Emulator) -> None:
    session = await either.session()
    for token in ("", "x" + session["session_token"], session["session_token"][:-4]):
        with pytest.raises(rtc.ConnectError, match="401"):
            await User().room.connect(session["session_url"], token)


async def test_who_is_not_let_in(emulator: Emulator) -> None:
    await emulator.order("limits", "PATCH", idle_seconds=0.05)
    session = await emulator.session()
    await emulator.order("limits", "PATCH", idle_seconds=120)
    await asyncio.sleep(0.1)
    with pytest.raises(rtc.ConnectError, match="401"):
        await User().join(session)
    session = await emulator.session()
    await emulator.order("limits", "PATCH", participants=1)
    with pytest.raises(rtc.ConnectError, match="500"):
        await User().room.connect(session["session_url"], session["session_token"])
    await emulator.order("limits", "PATCH", participants=2)
    user = await User().join(session)
    again = await User().join(session)
    await user.until(lambda: "disconnected" in user.happened)
    await again.say("Hello")
    assert (await again.event("chat/answer"))["content"]
    await user.leave()
    await again.leave()
    # For a moment one may come back, and is not greeted again.
    back = await User().join(session)
    await back.say("Thanks!")
    assert (await back.event("chat/answer"))["content"]
    await back.leave()


async def test_damaged_signals_harm_nobody_else(emulator: Emulator) -> None:
    session = await emulator.session()
    address = f"{session['session_url']}/rtc?access_token={session['session_token']}"

    async def told(socket: websockets.ClientConnection, what: str) -> SignalResponse:
        while True:
            message = await asyncio.wait_for(socket.recv(), SECONDS)
            assert isinstance(message, bytes)
            response = SignalResponse.FromString(message)
            if response.WhichOneof("message") == what:
                return response

    async with websockets.connect(address) as socket:
        assert (await told(socket, "join")).join.room.name == session["id"]
        nonsense: list[bytes | str] = [b"\xff\xff", "text", b""]
        for candidate in ("{", "[1]", '{"candidate": "no candidate"}'):
            trickle = TrickleRequest(candidateInit=candidate)
            nonsense.append(SignalRequest(trickle=trickle).SerializeToString())
        for message in nonsense:
            await socket.send(message)
        await socket.send(SignalRequest(ping=1).SerializeToString())
        assert (await told(socket, "pong")).pong
        offer = SessionDescription(type="offer", sdp="m=audio x")
        await socket.send(SignalRequest(offer=offer).SerializeToString())
        assert (await told(socket, "leave")).leave.reason == DisconnectReason.Value(
            "STATE_MISMATCH"
        )
    async with emulator.joined() as (_, user):
        await user.say("Hello")
        assert (await user.event("chat/answer"))["content"]


async def test_a_broken_line_is_taken_up_again(emulator: Emulator) -> None:
    async with emulator.joined() as (session, user):
        for path, body in (("leave", {"action": "reconnect"}), ("drop", {})):
            user.happened.clear()
            await emulator.order(f"sessions/{session['id']}/{path}", **body)
            await user.until(lambda: "reconnected" in user.happened)
            await user.say("Thank you")
            assert (await user.event("chat/answer"))["content"]
            assert len(await user.frames(3)) == 3


async def test_a_token_for_coming_back_is_given_in_time(emulator: Emulator) -> None:
    await emulator.order("limits", "PATCH", idle_seconds=1)
    try:
        async with emulator.joined() as (_, user):
            renewed = asyncio.Event()
            user.room.on("token_refreshed", renewed.set)
            await asyncio.wait_for(renewed.wait(), SECONDS)
    finally:
        await emulator.order("limits", "PATCH", idle_seconds=120)


async def test_a_server_that_freezes_says_nothing_more(emulator: Emulator) -> None:
    async with emulator.joined() as (session, user):
        await user.frames(1)
        await emulator.order(f"sessions/{session['id']}/vanish")
        await emulator.order(f"sessions/{session['id']}/hear", text="Hello")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await user.event("chat/answer")
        room = await emulator.room(session)
        assert room is not None
        assert room["present"], "its socket is still open"
        await emulator.order("sessions/all/close")
        assert await emulator.room(session) is None


async def test_a_microphone_is_listened_to(either: Emulator) -> None:
    async with either.joined() as (_, user):
        await user.say("Thanks!")
        await user.event("chat/answer")
        source = rtc.AudioSource(48_000, 1)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await user.room.local_participant.publish_track(track, options)
        tone = (3000 * np.sin(np.arange(480) * 0.1)).astype(np.int16).tobytes()
        for sound, frames in ((tone, 70), (bytes(960), 120)):
            for _ in range(frames):
                await source.capture_frame(rtc.AudioFrame(sound, 48_000, 1, 480))
        assert "cannot make out words" in (await user.event("chat/answer"))["content"]
        await source.aclose()


async def test_sessions_leave_nothing_behind(emulator: Emulator, running: RunningEmulator) -> None:
    process = Path("/proc") / str(running.process.pid)
    if not process.exists():
        return  # no such place on this system

    def held() -> tuple[int, int]:
        return len(list((process / "fd").iterdir())), len(list((process / "task").iterdir()))

    counts = []
    for _ in range(3):
        async with emulator.joined():
            pass
        async with asyncio.timeout(SECONDS):
            while (await emulator.order("state", "GET"))["rooms"]:
                await asyncio.sleep(0.02)
        counts.append(held())
    (fds, threads), (_, _), (fds_then, threads_then) = counts
    assert fds_then <= fds
    assert threads_then <= threads + 1  # the pool of threads grows to its size
