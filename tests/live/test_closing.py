"""Whatever happens, the stream is deleted: counted where it matters, at the service."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import KEY, RunningEmulator

from did_tui.api.client import Client
from did_tui.api.credentials import Credentials
from did_tui.live.journal import Journal
from did_tui.live.media.playback import Playback
from did_tui.live.media.speaker import SilentSpeaker
from did_tui.live.runner import Runner

Fault = Callable[[httpx.Request], "httpx.Response | None"]


@dataclass
class Gate(httpx.AsyncBaseTransport):
    """The way to the emulator: counts streams, delays and refuses what a test says."""

    inner: httpx.AsyncBaseTransport
    opened: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    delays: dict[str, float] = field(default_factory=dict)
    faults: dict[str, httpx.Response | Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    changes: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = field(default_factory=dict)
    most: int = 100  # streams that may be open
    swallow: set[str] = field(default_factory=set)  # delayed before the service hears of it

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        what = self.what(request)
        self.asked.append(what)
        fault = self.faults.get(what)
        if isinstance(fault, Exception):
            raise fault
        if fault is not None:
            headers = (
                {"retry-after": fault.headers["retry-after"]}
                if "retry-after" in fault.headers
                else {}
            )
            return httpx.Response(fault.status_code, content=fault.content, headers=headers)
        if what == "create" and len(self.left_open) >= self.most:
            said = {"kind": "Forbidden", "description": "Max user sessions reached"}
            return httpx.Response(403, json=said)
        if what in self.swallow:
            await asyncio.sleep(self.delays.get(what, 0))
        response = await self.inner.handle_async_request(request)
        body = await response.aread()
        await response.aclose()
        if what == "create" and response.status_code == 201:
            self.opened.add(json.loads(body)["id"])
        if what in self.changes:
            body = json.dumps(self.changes[what](json.loads(body))).encode()
        await asyncio.sleep(self.delays.get(what, 0))
        if what == "delete" and response.status_code == 200:
            self.deleted.add(request.url.path.rsplit("/", 1)[1])
        return httpx.Response(response.status_code, content=body)

    async def aclose(self) -> None:
        await self.inner.aclose()

    @staticmethod
    def what(request: httpx.Request) -> str:
        path = request.url.path
        if request.method == "DELETE":
            return "delete"
        for end in ("sdp", "ice", "runtime", "chat"):
            if path.endswith(f"/{end}"):
                return end
        if path.endswith("/streams"):
            return "create"
        if request.method == "POST":
            return "speak" if "/streams/" in path else "message"
        return "other"

    @property
    def left_open(self) -> set[str]:
        return self.opened - self.deleted


@dataclass
class Bench:
    gate: Gate
    client: Client
    agent_id: str

    explained: list[str] = field(default_factory=list)
    runners: list[Runner] = field(default_factory=list)

    def runner(self, **options: Any) -> Runner:
        playback = Playback(open_speaker=lambda _sink: SilentSpeaker())
        explain = self.explained.append
        runner = Runner(self.client, self.agent_id, playback, explain=explain, **options)
        self.runners.append(runner)
        return runner


@pytest.fixture
async def bench(emulator: RunningEmulator) -> AsyncIterator[Bench]:
    before = asyncio.all_tasks()
    gate = Gate(httpx.AsyncHTTPTransport())
    client = Client(Credentials.parse(KEY), emulator.url, emulator.ws_url, transport=gate)
    agents = [agent async for agent in client.agents()]
    bench = Bench(gate, client, next(agent.id for agent in agents if agent.name == "Mira"))
    yield bench
    # A test that failed leaves open ones, and closing may take longer than ``close`` waits: cut off
    # with the loop, their sockets would be the trouble of whatever test comes next.
    for runner in bench.runners:
        await runner.close()
    async with asyncio.timeout(40):
        while asyncio.all_tasks() - before - {asyncio.current_task()}:
            await asyncio.sleep(0.02)
    await client.close()
    assert gate.left_open == set()


def refusal(status: int) -> httpx.Response:
    return httpx.Response(status, json={"kind": "SessionError", "description": "no"})


FAULTS = [refusal(400), refusal(402), refusal(429), refusal(500), httpx.Response(200, text="<p>")]


@pytest.mark.parametrize("fault", [*FAULTS, httpx.ReadTimeout("slow")], ids=str)
@pytest.mark.parametrize("step", ["chat", "create", "sdp"])
async def test_a_step_that_is_refused_is_said_and_closed(
    bench: Bench, step: str, fault: httpx.Response | Exception
) -> None:
    bench.gate.faults[step] = fault
    runner = bench.runner()
    await runner.open()
    assert runner.conversation.phase == "failed"
    assert runner.conversation.trouble
    wanted = {"create": "stream", "sdp": "answer"}.get(step, step)
    assert runner.conversation.steps[wanted].state == "failed"  # type: ignore[index]
    await runner.close()


async def test_a_candidate_that_is_refused_is_one_way_less(bench: Bench) -> None:
    bench.gate.faults["ice"] = refusal(429)
    runner = bench.runner()
    await runner.open()
    assert runner.conversation.phase in ("connecting", "connected")
    await runner.close()


async def test_what_is_only_nice_to_know_may_be_refused(bench: Bench) -> None:
    bench.gate.faults["runtime"] = refusal(500)
    runner = bench.runner()
    await runner.open()
    assert runner.conversation.phase in ("connecting", "connected")
    await runner.close()


@pytest.mark.parametrize("wait", [0.0, 0.01, 0.05, 0.2])
async def test_leaving_while_the_stream_is_being_made(bench: Bench, wait: float) -> None:
    bench.gate.delays["create"] = 1.0
    runner = bench.runner()
    opening = asyncio.create_task(runner.open())
    await asyncio.sleep(wait)
    await runner.close()
    await opening


async def test_closing_twice_and_being_cancelled(bench: Bench) -> None:
    bench.gate.delays["delete"] = 0.5
    runner = bench.runner()
    await runner.open()
    first = asyncio.create_task(runner.close())
    await asyncio.sleep(0.1)
    second = asyncio.create_task(runner.close())
    await asyncio.sleep(0.1)
    first.cancel()
    await second
    assert bench.gate.asked.count("delete") == 1


async def test_connecting_again_while_the_old_stream_is_being_deleted(bench: Bench) -> None:
    bench.gate.delays["delete"] = 0.5
    runner = bench.runner()
    await runner.open()
    line = runner._line
    assert line is not None
    runner._begin_to_close(line)
    await runner.open()
    async with asyncio.timeout(20):
        while len(bench.gate.left_open) != 1:
            await asyncio.sleep(0.02)
    assert runner.conversation.phase in ("connecting", "connected")
    await runner.close()
    assert bench.gate.asked.count("chat") == 1, "the same chat carries on"


async def test_what_is_lost_while_connecting_again_opens_no_third_stream(bench: Bench) -> None:
    bench.gate.delays["delete"] = 0.3
    runner = bench.runner()
    await runner.open()
    line = runner._line
    assert line is not None
    again = asyncio.create_task(runner.open())
    while "delete" not in bench.gate.asked:
        await asyncio.sleep(0.01)
    line._lost("the stream was lost")
    await again
    await asyncio.sleep(0.1)
    assert len(bench.gate.opened) == 2
    assert len(bench.gate.left_open) == 1
    await runner.close()


def open_datagrams() -> list[object]:
    """The UDP sockets that the running loop still has open."""
    loop = asyncio.get_running_loop()
    kind = asyncio.selector_events._SelectorDatagramTransport  # type: ignore[attr-defined]
    found = [each for each in gc.get_objects() if issubclass(type(each), kind)]
    return [each for each in found if each._loop is loop and not each.is_closing()]


@pytest.mark.parametrize("wait", [0.0, 0.3])
async def test_a_stream_that_the_mode_does_not_show_leaves_no_socket(
    bench: Bench, wait: float
) -> None:
    bench.gate.changes["chat"] = lambda chat: chat | {"chat_mode": "TextOnly"}
    bench.gate.delays["create"] = wait
    runner = bench.runner()
    await runner.open()
    assert runner.conversation.phase == "connected"
    async with asyncio.timeout(20):
        while bench.gate.left_open or open_datagrams() or not bench.gate.opened:
            await asyncio.sleep(0.02)
    await runner.close()


async def test_the_playback_can_be_opened_again(bench: Bench) -> None:
    runner = bench.runner()
    for _ in range(3):
        await runner.open()
        await asyncio.sleep(0.3)
    await runner.close()
    assert len(bench.gate.opened) == 3


async def test_closing_waits_two_seconds_and_the_journal_keeps_the_rest(
    bench: Bench, tmp_path: Path
) -> None:
    bench.gate.delays["delete"] = 4.0
    journal = Journal(tmp_path)
    runner = bench.runner(journal=journal)
    await runner.open()
    closing = asyncio.create_task(runner.close())
    await asyncio.sleep(0.3)
    assert runner.conversation.in_words == "closing the stream at D-ID"
    began = time.monotonic()
    await closing
    assert time.monotonic() - began < 3.5
    assert runner.conversation.phase == "disconnected"
    assert len(list(journal.pages())) == 1
    async with asyncio.timeout(10):
        while list(journal.pages()):
            await asyncio.sleep(0.1)


async def test_a_delete_that_gets_no_answer_is_tried_again(bench: Bench, tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    runner = bench.runner(journal=journal)
    await runner.open()
    bench.gate.faults["delete"] = httpx.ConnectError("no network")
    closing = asyncio.create_task(runner.close())
    await asyncio.sleep(0.2)
    del bench.gate.faults["delete"]
    await closing
    assert bench.gate.asked.count("delete") == 2
    assert list(journal.pages()) == []
    # By then the emulator had noticed that its peer is gone, and had nothing to delete.
    bench.gate.deleted |= bench.gate.opened


async def test_nothing_goes_on_after_many_openings_and_closings(bench: Bench) -> None:
    before = len(asyncio.all_tasks())
    for number in range(24):
        runner = bench.runner()
        opening = asyncio.create_task(runner.open())
        await asyncio.sleep(number * 0.02)
        await runner.close()
        await opening
    async with asyncio.timeout(40):
        while len(asyncio.all_tasks()) > before:
            await asyncio.sleep(0.1)
    assert not [thread.name for thread in threading.enumerate() if "decoder" in thread.name]


async def test_relay_only_and_no_relay_is_said(bench: Bench) -> None:
    runner = bench.runner(relay_only=True)
    await runner.open()
    assert "no relay" in runner.conversation.trouble
    await runner.close()


async def test_an_offer_that_cannot_be_read_is_said_and_closed(bench: Bench) -> None:
    bench.gate.changes["create"] = lambda body: body | {"offer": "v=0 nonsense", "jsep": {}}
    runner = bench.runner()
    await runner.open()
    conversation = runner.conversation
    assert conversation.phase == "failed"
    assert "an offer that this program cannot read" in conversation.trouble
    assert conversation.hindrance == "offer"
    assert "report" in conversation.advice
    await runner.close()


async def test_agent_chat_and_stream_are_asked_for_at_once(bench: Bench) -> None:
    bench.gate.delays |= {"runtime": 1.0, "chat": 1.0, "create": 1.0}
    runner = bench.runner(presenter="talk")  # as the list of agents tells
    await runner.open()
    steps = [runner.conversation.steps[step] for step in ("agent", "chat", "stream")]
    begun, ended = [step.begun or 1e9 for step in steps], [step.ended or 0.0 for step in steps]
    assert max(begun) < min(ended), "the last is asked for before the first has answered"
    await runner.close()
