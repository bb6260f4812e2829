"""Every fault of the emulator's control API, caused in the running app.

Each ends in words and in recovery, by itself or by the key that the words name; nothing that was
typed or said is lost, a message without an answer goes out once more at most, and no stream stays
open (``guest`` looks at the emulator's state after each test).
"""

from __future__ import annotations

import asyncio
import threading
import wave
from collections.abc import AsyncIterator, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import KEY, RunningEmulator, running_emulator
from guest import ANSWER, QUESTION, Control, guest

from did_tui.api.client import Client
from did_tui.api.credentials import Credentials
from did_tui.config import Talk

NO_RETRY_AFTER = {"Retry-After": ""}


@pytest.fixture(scope="module")
def service() -> Iterator[RunningEmulator]:
    """An emulator that is broken here only."""
    with running_emulator("--pending", "50", "--linger-seconds", "1") as running:
        yield running


@pytest.fixture
async def control(service: RunningEmulator) -> AsyncIterator[Control]:
    control = Control(service.url)
    await control.ask("DELETE", "/requests")
    yield control
    await control.ask("DELETE", "/faults")
    await control.limit(
        credits=None, sessions=10, chat_mode="Functional", idle_seconds=120.0, ice_servers=[]
    )
    await control.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wait is long here; how long each really is, the tests of the rules know."""
    monkeypatch.setattr("did_tui.live.line.RATE_SECONDS", 1.0)
    monkeypatch.setattr("did_tui.live.talk.RATE_SECONDS", 1.0)
    monkeypatch.setattr("did_tui.live.watchdog.SILENT_SECONDS", 2.0)


# While it connects

BUSY = "D-ID is asking us to slow down"
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"status": 400}, "The connection to the agent has ended", "f2 to connect"),
    ({"status": 401}, "D-ID refused the key", "Check DID_API_KEY"),
    ({"status": 402}, "No credits are left on this account", "f9 to go on in text"),
    ({"status": 403}, "Too many open streams on this account", "Close other conversations"),
    ({"status": 404}, "D-ID knows nothing of that name in this account", "Check the id"),
    ({"status": 409}, "D-ID is still preparing this", "Try again in a moment"),
    ({"status": 429, "headers": {"Retry-After": "1"}}, BUSY, "f2"),
    ({"status": 429, "headers": NO_RETRY_AFTER}, BUSY, "f2"),
    ({"status": 451}, "D-ID's content moderation did not allow this", "f2 to connect"),
    ({"status": 500, "description": "internal"}, "D-ID failed to do this", "Try again in a moment"),
    ({"drop": True}, "cannot be reached", "Check the network"),
]
CUT: tuple[dict[str, Any], str, str] = ({"cut": True}, "JSON", "f2 to connect")


async def connect_through(
    service: RunningEmulator,
    control: Control,
    state: Path,
    route: str,
    faults: list[tuple[dict[str, Any], str, str]],
) -> None:
    """Have a step go wrong in each of these ways, and press what the words say."""
    await control.fault(route, **faults[0][0])
    async with guest(service, control, state) as seat:
        await seat.write(QUESTION)
        for number, (_, trouble, advice) in enumerate(faults, 1):
            await control.happened()
            # The question waits to be sent, or in the prompt.
            await seat.see("✗ not connected", trouble, advice, QUESTION)
            await control.none_open()
            if number < len(faults):
                await control.fault(route, **faults[number][0])
            await seat.press("f2")
        await seat.connected()
        if seat.screen.prompt.text:  # it had failed before the question was written
            await seat.press("enter")
        await seat.answered()
        assert await control.messages() == [QUESTION]


async def test_a_stream_that_cannot_be_opened(
    service: RunningEmulator, control: Control, tmp_path: Path
) -> None:
    await connect_through(service, control, tmp_path, "open_stream", REFUSED)


async def test_a_chat_that_cannot_be_opened(
    service: RunningEmulator, control: Control, tmp_path: Path
) -> None:
    await connect_through(service, control, tmp_path, "create_chat", [*REFUSED[-2:], CUT])


async def test_an_answer_that_does_not_arrive(
    service: RunningEmulator, control: Control, tmp_path: Path
) -> None:
    await connect_through(service, control, tmp_path, "send_answer", REFUSED[-2:])


@pytest.mark.parametrize(
    ("route", "fault", "trouble"),
    [
        ("get_runtime", {"status": 401}, "D-ID refused the key"),
        ("notifications", {"status": 500}, "notifications of"),
    ],
)
async def test_what_is_asked_beside_the_stream_and_goes_wrong(
    service: RunningEmulator,
    control: Control,
    tmp_path: Path,
    route: str,
    fault: dict[str, Any],
    trouble: str,
) -> None:
    await connect_through(service, control, tmp_path, route, [(fault, trouble, "f2 to connect")])


async def test_an_agent_that_is_not_found_at_once(
    service: RunningEmulator, control: Control, tmp_path: Path
) -> None:
    await control.fault("list_agents", cut=True)
    async with guest(service, control, tmp_path) as seat:
        await seat.see("✗ not connected", "did not answer with JSON", "Press f2")
        await seat.write(QUESTION)
        assert seat.screen.prompt.text == QUESTION
        await seat.press("f2")
        await seat.connected()
        await seat.press("enter")
        await seat.answered()


async def test_what_is_merely_nice_to_have_may_fail(
    service: RunningEmulator, control: Control, tmp_path: Path
) -> None:
    await control.fault("get_runtime", status=500, description="internal")
    await control.fault("send_candidate", drop=True)
    await control.fault("speak", status=500, description="internal")  # the greeting
    async with guest(service, control, tmp_path) as seat:
        await seat.connected()
        await seat.write(QUESTION)
        await seat.answered()


async def test_a_stream_whose_name_never_came_is_ended_by_the_service(
    service: RunningEmulator, control: Control, tmp_path: Path
) -> None:
    await control.limit(idle_seconds=3.0)
    await control.fault("open_stream", when="after", drop=True)
    async with guest(service, control, tmp_path) as seat:
        await seat.see("✗ not connected", "cannot be reached", "D-ID ends it by itself")
        await control.none_open()
        await control.limit(idle_seconds=120.0)
        await seat.press("f2")
        await seat.connected()


async def test_an_offer_that_cannot_be_read(
    service: RunningEmulator, control: Control, tmp_path: Path
) -> None:
    offer = {"type": "offer", "sdp": "v=nonsense\r\na=ice-pwd:secret\r\nm=nonsense"}
    stream = {"id": "strm_x", "session_id": "x", "offer": offer, "ice_servers": [5]}
    await control.fault("open_stream", status=201, body=stream)
    async with guest(service, control, tmp_path) as seat:
        await seat.see("an offer that this program cannot read", "ctrl+r to copy a report")
        await seat.press("ctrl+r")
        await seat.see("Copied")
        report = seat.app.clipboard
        assert report.startswith("did-tui ")
        assert "v=nonsense" in report
        assert "a=ice-pwd:…" in report
        assert "secret" not in report
        await seat.press("f2")
        await seat.connected()


async def test_a_slow_service_is_waited_for_and_can_be_left(
    service: RunningEmulator, control: Control, tmp_path: Path
) -> None:
    await control.fault("open_stream", delay=1.5)
    async with guest(service, control, tmp_path) as seat:
        await seat.see("◐ connecting", "◐ stream")
        await seat.connected()
    await control.fault("open_stream", delay=1.5)
    async with guest(service, control, tmp_path) as seat:
        await seat.see("◐ stream")
        await seat.press("escape")
        await seat.until(lambda: seat.app.return_code is not None or not seat.app.is_running)


async def test_servers_that_are_deaf_cost_nothing(
    service: RunningEmulator, control: Control, tmp_path: Path
) -> None:
    await control.limit(ice_servers=[{"urls": ["stun:127.0.0.1:9", "turn:127.0.0.1:9"]}, {}])
    async with guest(service, control, tmp_path) as seat:
        await seat.connected()
        network = seat.conversation.steps["network"].seconds(0.0)
        assert network is not None
        assert network < 4, "aioice alone waits five seconds"
    async with guest(service, control, tmp_path, talk=Talk(relay_only=True)) as seat:
        await seat.see("✗ not connected")


async def test_too_many_streams_and_what_a_crash_left(
    service: RunningEmulator, control: Control, tmp_path: Path
) -> None:
    client = Client(Credentials.parse(KEY), service.url, service.ws_url)
    agent = next(iter([agent async for agent in client.agents()]))
    stream = await client.create_stream(agent.id, {})
    await control.limit(sessions=1)
    async with guest(service, control, tmp_path) as seat:
        await seat.see("✗ not connected", "Too many open streams on this account", "f2")
        assert len((await control.state())["streams"]) == 1
        await client.delete_stream(agent.id, stream)
        await seat.press("f2")
        await seat.connected()
    await client.close()


# While it talks


async def test_a_message_that_goes_wrong(
    service: RunningEmulator, control: Control, tmp_path: Path
) -> None:
    async with guest(service, control, tmp_path) as seat:
        await seat.connected()
        asked = []
        for number, (fault, trouble, _) in enumerate((REFUSED[2], REFUSED[8], REFUSED[-1])):
            question = f"{QUESTION} {number}"
            await control.fault("send_message", **fault)
            await seat.write(question)
            await seat.see(f"✗ not sent: {trouble}" if fault.get("status") else trouble)
            await seat.prompted(question)
            await seat.press("enter")
            await seat.answered(number + 1)
            asked.append(question)
        assert await control.messages() == asked
        assert seat.conversation.reconnections == 0


async def test_a_message_of_which_only_the_receipt_is_lost(
    service: RunningEmulator, control: Control, tmp_path: Path
) -> None:
    async with guest(service, control, tmp_path) as seat:
        await seat.connected()
        drop, empty = (
            {"drop": True, "when": "after"},
            {"status": 200, "body": "{}", "when": "after"},
        )
        for number, fault in enumerate((drop, empty, CUT[0]), 1):
            await control.fault("send_message", **fault)
            await seat.write(f"{QUESTION} {number}")
            await control.happened()
            await seat.answered(number)
            await seat.until(lambda: "not sent" not in seat.words, "that it was sent after all")
            assert seat.screen.prompt.text == ""
        await asyncio.sleep(0.3)
        requests = await control.ask("GET", "/requests")
        assert [r["route"] for r in requests].count("send_message") == 3


async def test_a_service_that_wants_to_be_left_alone(
    service: RunningEmulator, control: Control, tmp_path: Path
) -> None:
    async with guest(service, control, tmp_path) as seat:
        await seat.connected()
        for number, headers in enumerate(({"Retry-After": "3"}, NO_RETRY_AFTER), 1):
            await control.fault("send_message", status=429, headers=headers)
            await seat.write(f"{QUESTION} {number}")
            await seat.see("again in ", f"s: {BUSY}: Too Many Requests (429)")
            await seat.answered(number)
        await control.fault("send_message", delay=1.0)
        await seat.write(f"{QUESTION} 3")
        await seat.answered(3)
        assert len(await control.messages()) == 3


@pytest.mark.parametrize("how", ["lose-session", "SessionError", "Stream Error"])
async def test_a_stream_that_is_gone_when_something_is_asked(
    service: RunningEmulator, control: Control, tmp_path: Path, how: str
) -> None:
    async with guest(service, control, tmp_path) as seat:
        await seat.connected()
        if how == "lose-session":
            await control.stream("lose-session")
        else:
            await control.fault("send_message", status=400 if how == "SessionError" else 500)
        await control.fault("open_stream", delay=1.5)  # long enough to be read
        await seat.write(QUESTION)
        await seat.see("reconnecting 1 of 3", "the stream is gone at D-ID")
        await seat.see("Connected again.")
        await seat.answered()
        assert seat.said(QUESTION) == 1
        assert await control.messages() == [QUESTION]
        assert (await control.state())["requests"]["create_chat"] == 1, "the same chat"


@pytest.mark.parametrize(
    ("what", "body", "words"),
    [
        ("vanish", {}, "no packet for"),
        ("media", {"lose": "both"}, "no packet for"),
        ("close", {"reason": "peer_disconnected"}, "the connection was lost"),
    ],
)
async def test_a_line_that_is_lost_before_the_answer(
    service: RunningEmulator,
    control: Control,
    tmp_path: Path,
    what: str,
    body: dict[str, Any],
    words: str,
) -> None:
    async with guest(service, control, tmp_path) as seat:
        await seat.connected()
        await seat.write(QUESTION)
        await seat.answered()
        await control.fault("send_message", delay=30, status=500, description="too late")
        await seat.write(f"{QUESTION} Again.")
        await control.happened()
        await control.stream(what, **body)
        await seat.see("reconnecting 1 of 3", words)
        await seat.see("Connected again.")
        await seat.answered(2)
        assert await control.messages() == [QUESTION, f"{QUESTION} Again."]


async def test_a_face_that_stands_still_while_the_agent_talks(
    service: RunningEmulator, control: Control, tmp_path: Path
) -> None:
    async with guest(service, control, tmp_path) as seat:
        await seat.connected()
        await seat.write(QUESTION)
        await seat.see("talking")
        await control.stream("media", lose="video")
        await seat.see("reconnecting 1 of 3", "no picture for")
        await seat.see("Connected again.")
        assert seat.said(ANSWER) == 1
        assert await control.messages() == [QUESTION]


ENDS = {
    "inactivity": "D-ID closed the stream because nobody said anything for a while.",
    "shutdown": "D-ID ended the session (shutdown).",
    "out of \x1b[31mhand": "D-ID ended the session (out of",
}


async def test_a_session_that_the_service_ends(
    service: RunningEmulator, control: Control, tmp_path: Path
) -> None:
    async with guest(service, control, tmp_path) as seat:
        await seat.connected()
        await seat.write(QUESTION)
        await seat.answered()
        for reason, words in ENDS.items():
            await control.stream("close", reason=reason)
            await seat.see("○ ended", words, "Press f2 to connect again; the conversation is kept.")
            await seat.write("Kept?")
            assert seat.screen.prompt.text == "Kept?"
            await seat.press("f2")
            await seat.connected()
            assert seat.said(ANSWER) == 1
            assert "\x1b" not in seat.words


async def test_silence_is_counted_down_until_the_service_ends_it(
    service: RunningEmulator, control: Control, tmp_path: Path
) -> None:
    async with guest(service, control, tmp_path, talk=Talk(session_timeout=34)) as seat:
        await seat.see("D-ID closes this in", "s unless you say something")
        await seat.write(QUESTION)
        await seat.until(lambda: "D-ID closes this" not in seat.words, "a countdown that ends")
        await control.limit(idle_seconds=0.5)


async def test_a_socket_that_is_lost_and_one_that_stays_lost(
    service: RunningEmulator,
    control: Control,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("did_tui.live.line.SOCKET_PAUSES", (0.1, 0.1))
    async with guest(service, control, tmp_path) as seat:
        await seat.connected()
        await control.ask("POST", "/sockets/drop", code=1011)
        await seat.write(QUESTION)
        await seat.answered()
        await control.fault("notifications", status=500, count=2)
        await control.ask("POST", "/sockets/drop", code=4000)
        await seat.see("notifications are lost; answers come by the video's way")
        await seat.write(f"{QUESTION} Again.")
        await seat.answered(2)
        assert seat.conversation.reconnections == 0


NONSENSE: list[dict[str, Any]] = [
    {"text": ""},
    {"text": "no colon"},
    {"text": "chat/answer:100%"},
    {"text": 'chat/partial:{"content":"far","sequence":1000000000}'},
    {"text": 'chat/partial:{"content":"before","sequence":-1}'},
    {"text": 'chat/partial:{"content":"cut'},
    {"text": "stream/error:\x1b]0;title\x07"},
    {"text": '{"event": "partial", "content": '},
    {"text": "null"},
    {"base64": "AP8A/w=="},
]


async def test_nonsense_is_shown_as_text_or_ignored(
    service: RunningEmulator, control: Control, tmp_path: Path
) -> None:
    async with guest(service, control, tmp_path) as seat:
        await seat.connected()
        for nonsense in NONSENSE:
            await control.stream("data", **nonsense)
            await control.stream("notify", **nonsense)
        await control.stream("notify", event={"event": "stream/unheard", "content": [1]})
        await seat.see("100%", "The agent could not say this")
        await seat.write(QUESTION)
        await seat.answered()
        await control.stream("hear", text="Somebody said this")
        await seat.see("Somebody said this")
        await control.stream("data", text="x" * 300_000)
        assert "\x1b" not in seat.words
        assert seat.conversation.reconnections == 0


async def test_credits_that_run_out(
    service: RunningEmulator, control: Control, tmp_path: Path
) -> None:
    async with guest(service, control, tmp_path) as seat:
        await seat.connected()
        await control.limit(credits=0)
        await seat.write(QUESTION)
        await seat.see("● text only", "the account's credits ran out")
        await seat.answered()
        await control.none_open()
        await seat.write(f"{QUESTION} Again.")
        await seat.answered(2)
    async with guest(service, control, tmp_path) as seat:
        await seat.see("No credits are left on this account", "f9 to go on in text")
        await seat.press("f9")
        await seat.see("● text only")
        await seat.write(QUESTION)
        await seat.answered()


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("TextOnly", "the account's credits ran out"),
        ("Playground", "this is its playground"),
        ("Maintenance", "under maintenance at D-ID"),
        ("DirectPlayback", "it can only speak"),
        ("Off", "it can only speak"),
    ],
)
async def test_another_mode_than_was_asked_for(
    service: RunningEmulator, control: Control, tmp_path: Path, mode: Any, words: str
) -> None:
    await control.limit(chat_mode=mode)
    async with guest(service, control, tmp_path) as seat:
        await seat.connected()
        await seat.see(words)


async def test_what_the_agent_is_to_speak_and_cannot(
    service: RunningEmulator, control: Control, tmp_path: Path
) -> None:
    async with guest(service, control, tmp_path) as seat:
        await seat.connected()
        await seat.until(lambda: seat.conversation.messages, "a greeting")
        for fault, trouble, _ in (*REFUSED[1:3], REFUSED[8], REFUSED[-1]):
            await control.fault("speak", **fault)
            await seat.write("/speak This is a test.")
            await control.happened()
            await seat.see(trouble)
            assert not seat.said("This is a test.")
            seat.app.notices.clear()
        await control.fault("speak", status=429, headers={"Retry-After": "1"})
        await seat.write("/speak This is a test.")
        await control.happened()
        await seat.until(lambda: seat.said("This is a test.") == 1)
        await control.fault("speak", status=400)
        await seat.write("/speak One more.")
        await seat.see("Connected again.")
        await seat.until(lambda: seat.said("One more.") == 1)


async def test_a_text_and_a_recording_are_spoken(
    service: RunningEmulator, control: Control, tmp_path: Path
) -> None:
    recording = tmp_path / "hum.wav"
    with wave.open(str(recording), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(range(256)) * 125)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/hum.wav"
    async with guest(service, control, tmp_path) as seat:
        await seat.connected()
        await seat.write("/speak Word for word.")
        await seat.write("/speak-ssml And <break time='10ms'/>marked &amp; up.")
        await seat.write(f"/speak-audio {url}")
        await seat.until(lambda: seat.said(f"♪ {url}") == 1, "the recording")
        await seat.until(lambda: seat.said("Word for word.") == 1, "the words")
        await seat.until(lambda: seat.said("And marked & up.") == 1, "the words without their tags")
        spoken = [said for said in seat.conversation.messages if url in said.text]
        await seat.until(lambda: spoken[0].heard is not None, "that it is heard")
        await seat.write("/speak-audio http://d-id.example/x.wav")
        await seat.see("must begin with https://")
    server.shutdown()
    server.server_close()


async def test_ratings_that_do_not_arrive(
    service: RunningEmulator, control: Control, tmp_path: Path
) -> None:
    async with guest(service, control, tmp_path) as seat:
        await seat.connected()
        await seat.write(QUESTION)
        await seat.answered()
        for route, rating in (("rate", "good"), ("change_rating", "bad")):
            await control.fault(route, status=500, description="internal")
            await seat.write(f"/rate {rating}")
            await seat.see("Not rated D-ID failed to do this")
            seat.app.notices.clear()
            await seat.write(f"/rate {rating}")
            await seat.see(f"you rated this {rating}")
        ratings = (await control.state())["ratings"]
        assert [rating["score"] for rating in ratings][-1:] == [-1]


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"drop": True}, {"delay": 1.0}, CUT[0]], ids=str
)
async def test_a_stream_that_is_not_closed_at_once(
    service: RunningEmulator,
    control: Control,
    tmp_path: Path,
    fault: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("did_tui.live.streams.DELETE_PAUSES", (0.3, 0.5))
    async with guest(service, control, tmp_path) as seat:
        await seat.connected()
        await control.fault("close_stream", **({"description": "internal"} | fault))
