"""Every fault of the control API, ordered and felt by a client that knows nothing of did-tui."""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import re
import subprocess
import sys
import threading
import time
import wave
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import numpy as np
import pytest
import websockets
from plainclient import PlainClient, PlainStream, until

from did_tui.__main__ import main
from did_tui.emulator.limits import Limits
from did_tui.emulator.usage import CONTROL


@contextmanager
def running(*options: str) -> Iterator[str]:
    """The address of an emulator in a process of its own."""
    command = [sys.executable, "-m", "did_tui", "emulator", "--port", "0", "--until-eof"]
    process = subprocess.Popen([*command, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    found = re.search(r"(http://\S+)", process.stdout.readline().decode())
    assert found
    yield found[1]
    process.stdin.close()
    process.stdout.close()
    assert process.wait(10) == 0


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """An emulator for this module alone: its limits are changed."""
    with running() as url:
        yield url


@pytest.fixture
async def client(url: str) -> AsyncIterator[PlainClient]:
    async with PlainClient(url) as client:
        await client.limit(**Limits().model_dump())
        await client.ask("DELETE", "/__control/faults")
        yield client
        state = await client.state()
        assert [s for s in state["streams"] if not s["lost"]] == [], "a stream was left open"


async def at_rest(count: Callable[[], float], clock: Callable[[], float], ticks: float) -> None:
    """Wait until a count stays what it is while a clock, such as another count, goes on.

    What was on its way when it was stopped still arrives, later on a busy machine.
    """
    seen, since = count(), clock()

    def rested() -> bool:
        nonlocal seen, since
        if count() != seen:
            seen, since = count(), clock()
        return clock() - since >= ticks

    await until(rested)


# Requests


async def test_a_status_with_its_words_as_often_as_ordered(client: PlainClient) -> None:
    await client.fault("list_agents", status=402, count=2, skip=1)
    answers = [await client.ask("GET", "/agents/me") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 402, 402, 200]
    assert answers[1].json()["kind"] == "InsufficientCreditsError"


async def test_too_many_requests_say_when_to_come_back(client: PlainClient) -> None:
    await client.fault("*", status=429)
    refused = await client.ask("GET", "/agents/me")
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0


async def test_words_and_bodies_of_ones_own(client: PlainClient) -> None:
    await client.fault("list_agents", status=500, description="Stream Error again")
    assert (await client.ask("GET", "/agents/me")).json()["description"] == "Stream Error again"
    await client.fault("list_agents", status=503, body="<html>busy</html>", headers={"x-a": "b"})
    refused = await client.ask("GET", "/agents/me")
    assert (refused.status_code, refused.text) == (503, "<html>busy</html>")
    assert refused.headers["x-a"] == "b"


async def test_a_late_answer(client: PlainClient) -> None:
    await client.fault("list_agents", delay=0.5)
    begun = time.monotonic()
    assert (await client.ask("GET", "/agents/me")).status_code == 200
    assert time.monotonic() - begun >= 0.5


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_connection_that_breaks(client: PlainClient, when: str) -> None:
    agent = await client.agent("Mira")
    chats = len((await client.state())["chats"])
    await client.fault("create_chat", drop=True, when=when)
    with pytest.raises(httpx.TransportError):
        await client.ask("POST", f"/agents/{agent}/chat", {})
    made = len((await client.state())["chats"]) - chats
    assert made == (1 if when == "after" else 0)
    assert (await client.ask("POST", f"/agents/{agent}/chat", {})).status_code == 200


async def test_an_answer_cut_in_half(client: PlainClient) -> None:
    await client.fault("list_agents", cut=True)
    damaged = await client.ask("GET", "/agents/me")
    assert damaged.status_code == 200
    assert damaged.content
    with pytest.raises(json.JSONDecodeError):
        damaged.json()


async def test_what_cannot_be_ordered(client: PlainClient) -> None:
    bodies: list[object] = [{"route": "dance"}, {"status": 5}, {"count": -1}, {"typo": True}, []]
    for body in bodies:
        assert (await client.ask("POST", "/__control/faults", body)).status_code == 400, body
    assert (await client.ask("PATCH", "/__control/limits", {"sessions": 0})).status_code == 400
    assert (await client.ask("PATCH", "/__control/limits", {"typo": 1})).status_code == 400
    assert (await client.state())["limits"] == Limits().model_dump()


async def test_the_log_keeps_bodies_and_no_credentials(client: PlainClient) -> None:
    await client.ask("DELETE", "/__control/requests")
    await client.fault("list_agents", status=404)
    await client.ask("GET", "/agents/me")
    agent = await client.agent("Mira")
    await client.ask("POST", f"/agents/{agent}/chat", {"persist": True})
    log = (await client.ask("GET", "/__control/requests")).json()
    assert [entry["route"] for entry in log] == ["list_agents", "list_agents", "create_chat"]
    assert [entry["status"] for entry in log] == [404, 200, 200]
    assert log[0]["fault"]
    assert log[2]["body"] == {"persist": True}
    assert "demo:emulator" not in json.dumps(log)
    assert (await client.state())["requests"] == {"list_agents": 2, "create_chat": 1}


# Who may use it


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost:3000"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "rebound.example"},
    ],
)
async def test_no_web_page_may_use_it(client: PlainClient, headers: dict[str, str]) -> None:
    for method, path in (("GET", "state"), ("POST", "faults"), ("POST", "streams/all/vanish")):
        refused = await client.http.request(method, f"/__control/{path}", headers=headers, json={})
        assert refused.status_code == 403, (method, path)


async def test_help_tells_of_every_route_and_limit(client: PlainClient) -> None:
    said = (await client.ask("POST", "/__control/faults", {"route": "?"})).json()["description"]
    names = said.removeprefix("route must be one of *, ").split(", ")
    assert len(names) > 20
    assert set(names) <= set(CONTROL.split())
    for limit in Limits.model_fields:
        assert f'"{limit}"' in CONTROL


# Media


async def test_lost_pictures_come_back(client: PlainClient) -> None:
    async with PlainStream(client, await client.agent("Mira"), fluent=True) as stream:
        await until(lambda: stream.frames > 5)
        await client.control(f"streams/{stream.opened['id']}/media", lose="video")
        await at_rest(lambda: stream.frames, lambda: stream.packets, 25)
        frames = stream.frames
        await client.control("streams/all/media", lose="video", seconds=0)
        await until(lambda: stream.frames > frames + 5)


async def test_lost_sound_comes_back_by_itself(client: PlainClient) -> None:
    async with PlainStream(client, await client.agent("Mira"), fluent=True) as stream:
        await until(lambda: stream.packets > 10)
        await client.control("streams/all/media", lose="audio", seconds=2.5)
        await at_rest(lambda: stream.packets, lambda: stream.frames, 5)
        packets = stream.packets
        await until(lambda: stream.packets > packets + 10)


async def test_a_peer_that_vanishes_says_nothing(client: PlainClient) -> None:
    async with PlainStream(client, await client.agent("Mira"), fluent=True) as stream:
        await until(lambda: stream.frames > 5)
        await client.control("streams/all/vanish")
        await at_rest(lambda: stream.frames + stream.packets, time.monotonic, 0.5)
        frames, packets = stream.frames, stream.packets
        assert (await stream.speak("Nobody hears this.")).status_code == 200
        await asyncio.sleep(1)
        assert (stream.frames, stream.packets) == (frames, packets)
        assert not stream.got("stream/started")
        assert stream.event("stream/done") is None


# Streams


async def test_a_lost_session(client: PlainClient) -> None:
    async with PlainStream(client, await client.agent("Mira"), fluent=True) as stream:
        await client.control(f"streams/{stream.opened['id']}/lose-session")
        for refused in (await stream.say("Hello"), await stream.speak("Hello")):
            assert refused.status_code == 400
            assert refused.json()["kind"] == "SessionError"
        assert (await stream.ask("DELETE")).status_code == 404
        frames = stream.frames
        await until(lambda: stream.frames > frames + 5)


@pytest.mark.parametrize("reason", ["inactivity", "shutdown", "peer_disconnected"])
async def test_an_end_with_a_reason(client: PlainClient, reason: str) -> None:
    async with PlainStream(client, await client.agent("Mira"), fluent=True) as stream:
        await client.control("streams/all/close", reason=reason)
        await until(lambda: stream.event("stream/done"))
        assert (stream.event("stream/done") or {})["close_reason"] == reason
        await until(lambda: stream.pc.connectionState == "closed")
        assert (await stream.say("Hello")).json()["kind"] == "SessionError"
        assert (await stream.ask("DELETE")).status_code == 404
    assert (await client.state())["closed"][reason] >= 1


async def test_the_socket_is_dropped_or_refused(client: PlainClient) -> None:
    agent = await client.agent("Mira")
    async with PlainStream(client, agent) as stream:
        assert await client.control("sockets/drop", code=1012) == {"dropped": 1}
        await until(lambda: stream.closed_with == 1012)
    await client.fault("notifications", status=503)
    with pytest.raises(websockets.InvalidStatus) as refused:
        await PlainStream(client, agent).__aenter__()
    assert refused.value.response.status_code == 503


@pytest.mark.parametrize("text", ["", "no colon", "chat/answer:%zz%", "x" * 1_000_000])
async def test_anything_on_the_data_channel(client: PlainClient, text: str) -> None:
    async with PlainStream(client, await client.agent("Mira")) as stream:
        assert await client.control("streams/all/data", text=text) == {"sent": 1}
        await until(lambda: stream.data)
        assert stream.data == [text]


async def test_bytes_on_the_data_channel_and_the_socket(client: PlainClient) -> None:
    async with PlainStream(client, await client.agent("Mira")) as stream:
        content = base64.b64encode(b"\xff\x00{").decode()
        await client.control("streams/all/data", base64=content)
        await client.control("streams/all/notify", base64=content)
        await client.control("streams/all/notify", text='{"event": "par')
        await client.control("streams/all/notify", event={"event": "partial", "sequence": -1})
        await until(lambda: stream.data and len(stream.raw) == 3)
        assert stream.data == [b"\xff\x00{"]
        assert stream.raw[:2] == [b"\xff\x00{", '{"event": "par']
        assert stream.events == [{"event": "partial", "sequence": -1}]


async def test_what_the_user_says_aloud_is_told_and_answered(client: PlainClient) -> None:
    async with PlainStream(client, await client.agent("Kai"), fluent=True) as stream:
        await client.control("streams/all/hear", text="What is an espresso?")
        await until(lambda: stream.event("answer"))
        heard = stream.event("transcribe")
        assert heard
        assert (heard["role"], heard["content"]) == ("user", "What is an espresso?")
        assert "eighteen grams" in (stream.event("answer") or {})["content"]


# Limits


async def test_a_stream_without_messages_is_closed(client: PlainClient) -> None:
    agent = await client.agent("Mira")
    async with PlainStream(client, agent, session_timeout=2) as stream:
        begun = time.monotonic()
        await asyncio.sleep(1)
        assert (await stream.speak("One, two.")).status_code == 200
        await until(lambda: stream.event("stream/done"))
        assert time.monotonic() - begun > 2.9, "a message gives it new time"
        assert (stream.event("stream/done") or {})["close_reason"] == "inactivity"
        assert (await stream.speak("Hello")).json()["kind"] == "SessionError"
    for bad in (0, 301, "x", True):
        body = {"session_timeout": bad}
        assert (await client.ask("POST", f"/agents/{agent}/streams", body)).status_code == 400


async def test_a_stream_that_nobody_joins_is_closed_too(client: PlainClient) -> None:
    agent = await client.agent("Mira")
    options = {"session_timeout": 1}
    opened = (await client.ask("POST", f"/agents/{agent}/streams", options)).json()
    body = {
        "session_id": opened["session_id"],
        "script": {"type": "text", "input": "Nobody is there to hear this."},
    }
    path = f"/agents/{agent}/streams/{opened['id']}"
    assert (await client.ask("POST", path, body)).status_code == 200
    async with asyncio.timeout(30):
        while (await client.state())["streams"]:
            await asyncio.sleep(0.1)


async def test_one_stream_more_than_the_account_may_have(client: PlainClient) -> None:
    await client.limit(sessions=1)
    agent = await client.agent("Mira")
    async with PlainStream(client, agent):
        refused = await client.ask("POST", f"/agents/{agent}/streams", {})
        assert refused.status_code == 403
        assert refused.json() == {"kind": "Forbidden", "description": "Max user sessions reached"}
    async with PlainStream(client, agent):
        pass  # the DELETE has made room


async def test_who_leaves_without_a_delete_keeps_a_session(client: PlainClient) -> None:
    await client.limit(sessions=1, linger_seconds=1.0)
    agent = await client.agent("Mira")
    async with PlainStream(client, agent) as stream:
        await stream.pc.close()
        assert (await client.ask("POST", f"/agents/{agent}/streams", {})).status_code == 403
        await until(lambda: stream.event("stream/done"))
        assert (stream.event("stream/done") or {})["close_reason"] == "peer_disconnected"


async def test_credits_run_out(client: PlainClient) -> None:
    await client.limit(credits=1)
    agent = await client.agent("Mira")
    async with PlainStream(client, agent, fluent=True) as stream:
        assert (await client.ask("GET", "/credits")).json()["remaining"] == 1
        assert (await stream.say("Hello")).json()["chatMode"] == "Functional"
        downgraded = await stream.say("Hello")
        assert downgraded.status_code == 200
        assert downgraded.json()["chatMode"] == "TextOnly"
        assert downgraded.json()["result"]
        assert (await stream.speak("Hello")).status_code == 402
        refused = await client.ask("POST", f"/agents/{agent}/streams", {})
        assert refused.status_code == 402
        assert refused.json()["kind"] == "InsufficientCreditsError"


async def test_too_much_at_once_on_one_stream(client: PlainClient) -> None:
    await client.limit(pending=2)
    async with PlainStream(client, await client.agent("Mira"), fluent=True) as stream:
        answers = [await stream.speak("This takes a little while to say.") for _ in range(6)]
        refused = [answer for answer in answers if answer.status_code != 200]
        assert refused
        assert "pending requests limit" in refused[0].json()["description"]


async def test_the_rate_of_requests(client: PlainClient) -> None:
    await client.limit(requests_a_minute=2)
    answers = [await client.ask("GET", "/agents/me") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[2].headers["retry-after"]) <= 60


async def test_limits_on_the_command_line() -> None:
    options = "--idle-seconds 9.5 --linger-seconds 2 --sessions 3 --credits 0 --pending 1"
    more = "--requests-a-minute 7 --chat-mode Off --fetch-anywhere --session-seconds 60"
    with running(*options.split(), *more.split()) as url:
        async with PlainClient(url) as client:
            assert (await client.state())["limits"] == {
                "idle_seconds": 9.5,
                "linger_seconds": 2,
                "sessions": 3,
                "session_seconds": 60,
                "session_messages": 0,
                "participants": 2,
                "credits": 0,
                "pending": 1,
                "requests_a_minute": 7,
                "chat_mode": "Off",
                "fetch_anywhere": True,
                "ice_servers": [],
            }


@pytest.mark.parametrize("option", ["--sessions=0", "--credits=-1", "--chat-mode=Dance"])
def test_limits_that_are_none(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["emulator", "--port", "0", option]) == 1
    name = option.partition("=")[0].strip("-").replace("-", "_")
    assert f"{name}: " in capsys.readouterr().err


async def test_new_chats_are_downgraded(client: PlainClient) -> None:
    await client.limit(chat_mode="Maintenance", ice_servers=[{"urls": "turn:127.0.0.1"}])
    agent = await client.agent("Mira")
    chat = (await client.ask("POST", f"/agents/{agent}/chat", {})).json()
    assert chat["chat_mode"] == "Maintenance"
    async with PlainStream(client, agent) as stream:
        assert stream.opened["ice_servers"] == [{"urls": "turn:127.0.0.1"}]


# The conversation


async def test_an_interrupt_needs_the_utterance_that_is_heard(client: PlainClient) -> None:
    async with PlainStream(client, await client.agent("Mira"), fluent=True) as stream:
        assert stream.opened["interrupt_enabled"] is True
        await stream.say("How do I interrupt you?")
        await until(lambda: stream.got("stream/started:"))
        started = next(str(m) for m in stream.data if str(m).startswith("stream/started:"))
        video = json.loads(started.partition(":")[2])["metadata"]["videoId"]
        await until(lambda: stream.loud > 5)
        for wrong in ("{", "[]", '{"type": "stream/interrupt", "videoId": "vid_other"}'):
            stream.channel.send(wrong)
        await asyncio.sleep(0.5)
        assert not stream.got("stream/done")
        stream.channel.send(json.dumps({"type": "stream/interrupt", "videoId": video}))
        await until(lambda: stream.got("stream/done"))
        await at_rest(lambda: stream.loud, lambda: stream.packets, 50)
        assert stream.loud < 200, "it is silent long before it would have said it all"
        order = [str(message).split(":")[0] for message in stream.data]
        assert order == ["chat/answer", "stream/started", "stream/done"]
        assert stream.event("stream-video/started")
        assert stream.event("stream-video/done")


async def test_a_legacy_stream_warms_up_and_then_rests(client: PlainClient) -> None:
    agent = await client.agent("Juno")
    async with PlainStream(client, agent, fluent=True, stream_warmup=True) as stream:
        assert stream.opened["fluent"] is False
        await until(lambda: stream.got("stream/ready"))
        await until(lambda: stream.frames > 20)
        await at_rest(lambda: stream.frames, time.monotonic, 0.5)
        frames = stream.frames
        await stream.speak("Look up.")
        await until(lambda: stream.got("stream/done"))
        assert "stream/started" in stream.data, "legacy streams name no utterance"
        await until(lambda: stream.frames > frames + 10)


async def test_answers_may_be_markdown(client: PlainClient) -> None:
    async with PlainStream(client, await client.agent("Mira"), fluent=True) as stream:
        await stream.say("What do you look like?")
        await until(lambda: stream.event("answer"))
        answer = (stream.event("answer") or {})["content"]
        found = re.search(r"!\[Mira\]\((http://\S+)\)", answer)
        assert found
        assert (await client.http.get(found[1])).content.startswith(b"\x89PNG")
        matches = (await stream.say("How do I interrupt you?")).json()["matches"]
        source = (await client.http.get(matches[0]["source_url"])).text
        assert matches[0]["data"] in source


async def test_sound_from_an_address_is_spoken(client: PlainClient, tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "tone.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        seconds = np.arange(16_000) / 16_000
        file.writeframes((12_000 * np.sin(1300 * seconds)).astype("<i2").tobytes())
    handler = functools.partial(QuietFiles, directory=str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        async with PlainStream(client, await client.agent("Mira"), fluent=True) as stream:
            address = f"http://127.0.0.1:{server.server_port}/tone.wav"
            answer = await stream.ask("POST", script={"type": "audio", "audio_url": address})
            assert answer.json()["duration"] == pytest.approx(1, abs=0.1)
            await until(lambda: stream.got("stream/done"))
            await until(lambda: stream.loud > 30)
            for script in ({"type": "audio"}, {"type": "audio", "audio_url": address + "x"}):
                assert (await stream.ask("POST", script=script)).status_code == 400
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class QuietFiles(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass
