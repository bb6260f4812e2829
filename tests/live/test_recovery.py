"""A connection that is lost is made anew: the same chat, every word, the message once more."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from test_closing import Bench, bench  # noqa: F401 (a fixture)
from test_journal import forge

from did_tui.live import runner as running
from did_tui.live.archive import Archive
from did_tui.live.events import Failed, SessionEnded
from did_tui.live.export import Record
from did_tui.live.journal import Journal
from did_tui.live.runner import NotAnswered, Runner
from did_tui.live.streams import WebRtcStream

SECONDS = 30.0


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not happened():
            await asyncio.sleep(0.02)


def is_connected(runner: Runner) -> bool:
    return runner.conversation.phase == "connected"


async def connected(bench: Bench, **options: Any) -> Runner:  # noqa: F811
    runner = bench.runner(**options)
    await runner.open()
    await until(lambda: is_connected(runner))
    return runner


def said(runner: Runner, role: str) -> list[str]:
    return [m.text for m in runner.conversation.messages if m.role == role]


async def test_a_question_has_an_answer_with_its_matches(bench: Bench) -> None:  # noqa: F811
    runner = await connected(bench)
    reply = await runner.ask("How do I interrupt you?")
    assert "control and C" in reply.text
    assert reply.citations[0].title == "How do I interrupt you?"
    assert reply.citations[0].document_id
    assert not reply.interrupted
    await runner.close()
    with pytest.raises(NotAnswered):
        await runner.ask("And now?")


async def test_a_stream_that_is_gone_is_replaced_and_the_message_answered(
    bench: Bench,  # noqa: F811
) -> None:
    runner = await connected(bench)
    line = runner._line
    assert line is not None
    assert line._web_rtc.stream is not None
    await bench.client.delete_stream(bench.agent_id, line._web_rtc.stream)
    reply = await runner.ask("How do I interrupt you?")
    assert "control and C" in reply.text
    assert len(bench.gate.opened) == 2
    assert bench.gate.asked.count("chat") == 1, "the same chat carries on"
    assert said(runner, "user") == ["How do I interrupt you?"]
    assert "Connected again." in bench.explained
    await runner.close()


async def test_a_line_without_packets_is_replaced_in_words(
    bench: Bench,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("did_tui.live.watchdog.SILENT_SECONDS", 1.0)
    runner = await connected(bench)
    line = runner._line
    assert line is not None
    await until(lambda: line.rtp_packets > 10)
    monkeypatch.setattr(line.stream, "packets", lambda: asyncio.sleep(0, 7))
    words: set[str] = set()
    runner._changed = lambda: words.add(runner.conversation.in_words)
    await until(lambda: runner._line not in (None, line) and is_connected(runner))
    assert "reconnecting (1 of 3): no packet for 1 s" in words
    await runner.close()


async def test_what_cannot_be_replaced_is_given_up_in_words(
    bench: Bench,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running, "RECOVERY_PAUSES", (0.0, 0.1, 0.2))
    runner = await connected(bench)
    bench.gate.faults["create"] = httpx.ConnectError("no network")
    runner._recover("the connection was lost")
    await until(lambda: runner.conversation.phase == "failed")
    assert bench.gate.asked.count("create") == 4
    assert "cannot be reached" in runner.conversation.trouble
    del bench.gate.faults["create"]
    await runner.open()
    await until(lambda: is_connected(runner))
    await runner.close()


@pytest.mark.parametrize(
    ("status", "kind", "said_there", "hindrance"),
    [
        (401, "AuthorizationError", "user unauthenticated", "key"),
        (402, "InsufficientCreditsError", "not enough credits", "credits"),
        (403, "Forbidden", "Max user sessions reached", "streams"),
        (429, "TooManyRequests", "slow down", "rate"),
    ],
)
async def test_refusals_are_not_hammered_and_each_has_its_words(
    bench: Bench,  # noqa: F811
    status: int,
    kind: str,
    said_there: str,
    hindrance: str,
) -> None:
    refusal = httpx.Response(status, json={"kind": kind, "description": said_there})
    bench.gate.faults["create"] = refusal
    runner = bench.runner()
    await runner.open()
    await asyncio.sleep(0.5)
    conversation = runner.conversation
    assert conversation.phase == "failed"
    assert conversation.hindrance == hindrance
    assert conversation.trouble
    assert conversation.advice
    assert bench.gate.asked.count("create") == 1
    assert (conversation.retry_at is not None) == (status == 429)
    await runner.close()


async def test_retry_after_is_obeyed_when_connecting(bench: Bench) -> None:  # noqa: F811
    bench.gate.faults["create"] = httpx.Response(429, headers={"retry-after": "1"}, json={})
    runner = bench.runner()
    await runner.open()
    del bench.gate.faults["create"]
    began = time.monotonic()
    opening = asyncio.create_task(runner.open())
    await asyncio.sleep(0.1)
    delayed = runner.conversation.waits_until(time.monotonic())
    assert delayed is not None
    assert bench.gate.asked.count("create") == 1
    await opening
    assert time.monotonic() - began > 0.8
    await until(lambda: is_connected(runner))
    await runner.close()


async def test_retry_after_is_obeyed_when_talking(bench: Bench) -> None:  # noqa: F811
    runner = await connected(bench)
    bench.gate.faults["message"] = httpx.Response(429, headers={"retry-after": "1"}, json={})
    asking = asyncio.create_task(runner.ask("How do I interrupt you?"))
    await asyncio.sleep(0.3)
    del bench.gate.faults["message"]
    assert runner.conversation.waits_until(time.monotonic()) is not None
    assert "control and C" in (await asking).text
    assert bench.gate.asked.count("message") == 2
    await runner.close()


async def test_a_lost_socket_is_opened_again(bench: Bench) -> None:  # noqa: F811
    runner = await connected(bench)
    line = runner._line
    assert line is not None
    assert line.socket._socket is not None
    first = line.socket._socket
    first.transport.abort()
    await until(lambda: line.socket._socket is not first)
    assert "control and C" in (await runner.ask("How do I interrupt you?")).text
    assert runner._line is line, "the stream stays"
    await runner.close()


async def test_an_answer_that_does_not_come_is_waited_for_so_long(
    bench: Bench,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("did_tui.live.watchdog.TURN_SECONDS", 1.0)
    runner = await connected(bench)
    bench.gate.delays["message"] = 20.0
    bench.gate.swallow.add("message")
    with pytest.raises(NotAnswered, match="No answer came"):
        await runner.ask("Is anybody there?")
    await runner.close()


async def test_speaking_fast_is_spoken_in_order(bench: Bench) -> None:  # noqa: F811
    runner = await connected(bench)
    limit = {"kind": "BadRequest", "description": "User stream has reached pending requests limit"}
    for number in range(3):
        runner.speak(f"This is number {number}.")
    bench.gate.faults["speak"] = httpx.Response(400, json=limit)
    await asyncio.sleep(1)
    del bench.gate.faults["speak"]
    wanted = [f"This is number {number}." for number in range(3)]
    await until(lambda: [s for s in said(runner, "assistant") if s in wanted] == wanted)
    assert runner.conversation.phase == "connected"
    await runner.close()


async def test_a_conversation_that_only_speaks(bench: Bench) -> None:  # noqa: F811
    runner = await connected(bench, mode="DirectPlayback")
    assert "chat" not in bench.gate.asked
    runner.say("Read this aloud, please.")
    await until(lambda: runner.conversation.activity == "talking")
    await until(lambda: said(runner, "assistant") == ["Read this aloud, please."])
    assert "message" not in bench.gate.asked
    await runner.close()


async def test_a_stream_that_closes_because_nobody_spoke_is_not_opened_again(
    bench: Bench,  # noqa: F811
) -> None:
    runner = await connected(bench, mode="DirectPlayback")
    line = runner._line
    assert line is not None
    assert isinstance(line.stream, WebRtcStream)
    assert line.stream.stream is not None
    runner.conversation._active_at = time.monotonic() - runner.conversation.idle_seconds
    await bench.client.delete_stream(bench.agent_id, line.stream.stream)
    await until(lambda: runner.conversation.over)
    assert runner.conversation.end_reason == "inactivity"
    assert len(bench.gate.opened) == 1
    await runner.close()


async def test_a_conversation_in_text(bench: Bench) -> None:  # noqa: F811
    runner = await connected(bench, mode="TextOnly")
    assert "control and C" in (await runner.ask("How do I interrupt you?")).text
    assert runner.speak("Hello there") == ""
    assert "create" not in bench.gate.asked, "a stream that nobody sees costs money"
    assert runner.no_microphone_because, "nobody would hear it"
    assert runner.conversation.steps["stream"].state == "skipped"
    runner._recover("the network changed")
    await until(lambda: is_connected(runner))
    assert "control and C" in (await runner.ask("How do I interrupt you?")).text
    assert "create" not in bench.gate.asked
    await runner.close()


async def test_credits_that_run_out_end_the_picture_and_not_the_talk(
    bench: Bench,  # noqa: F811
) -> None:
    runner = await connected(bench)
    bench.gate.faults["message"] = httpx.Response(
        200, json={"result": "In text.", "chatMode": "TextOnly", "matches": []}
    )
    assert (await runner.ask("Hello?")).text == "In text."
    assert any("credits" in sentence for sentence in bench.explained)
    await until(lambda: bench.gate.left_open == set())
    assert runner.conversation.phase == "connected"
    del bench.gate.faults["message"]
    assert "control and C" in (await runner.ask("How do I interrupt you?")).text
    await runner.close()


async def test_a_socket_that_never_stays_open_is_left_alone(
    bench: Bench,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("did_tui.live.line.SOCKET_PAUSES", (0.01, 0.01, 0.01))
    runner = await connected(bench, mode="TextOnly")
    line = runner._line
    assert line is not None
    opened: list[float] = []

    async def open_for_a_moment() -> None:
        opened.append(time.monotonic())
        asyncio.get_running_loop().call_soon(line._socket_lost)

    monkeypatch.setattr(line.socket, "open", open_for_a_moment)
    line._socket_lost()
    await until(lambda: any("notifications are lost" in said for said in bench.explained))
    assert len(opened) == 3
    line._socket_opened -= 60  # it did stay open for a while
    line._socket_lost()
    await until(lambda: len(opened) == 6)
    await runner.close()


class SlowArchive(Archive):
    """Counts what it writes, and takes its time."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.kept = 0

    def keep(self, record: Record) -> None:
        self.kept += 1
        time.sleep(0.2)
        super().keep(record)


async def test_a_transcript_is_written_when_there_is_something_new_and_nobody_waits(
    bench: Bench,  # noqa: F811
    tmp_path: Path,
) -> None:
    archive = SlowArchive(tmp_path)
    runner = await connected(bench, mode="TextOnly", archive=archive)
    await runner.ask("How do I interrupt you?")
    await until(lambda: archive.path is not None)
    keeping = runner._keeping
    assert keeping is not None
    await until(lambda: keeping._kept == runner.conversation.transcript.stamp())
    before = archive.kept
    await asyncio.sleep(2.5)
    assert archive.kept <= before + 1, "nothing is new"
    assert archive.path is not None
    assert "control and C" in archive.path.read_text()
    runner.say("Thank you")
    threads: list[str] = []

    def note(record: Record) -> None:
        threads.append(threading.current_thread().name)

    archive.keep = note  # type: ignore[method-assign]
    await runner.close()
    assert threads
    assert threading.main_thread().name not in threads


async def test_a_transcript_that_cannot_be_kept_is_said_once(
    bench: Bench,  # noqa: F811
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("")
    runner = await connected(bench, mode="TextOnly", archive=Archive(tmp_path / "file"))
    await runner.ask("How do I interrupt you?")
    await until(lambda: bench.explained != [])
    await runner.ask("How do I interrupt you?")
    await asyncio.sleep(1.5)
    await runner.close()
    [sentence] = bench.explained
    assert sentence.startswith("The transcript cannot be kept: ")


NONSENSE = [
    "",
    ":",
    "no colon",
    "chat/answer:" + "x" * 1_000_000,
    "y" * 1_000_000,
    b"\x00\xff" * 1000,
    "chat/answer:100%",
    "chat/answer:%zz%",
    'chat/partial:{"content":"lost","sequence":-1}',
    'chat/partial:{"content":"far","sequence":1000000000}',
    'chat/partial:{"content":"cut',
    "stream/started:" + "[" * 50_000,
    "stream/error:" + "\x1b]0;title\x07",
    'stream/done:{"a":',
    "stream/unheard",
    None,
    5,
]


async def test_whatever_a_peer_sends_the_talk_goes_on(bench: Bench) -> None:  # noqa: F811
    runner = await connected(bench)
    line = runner._line
    assert line is not None
    for data in NONSENSE:
        line._web_rtc._heard(data)
    assert is_connected(runner)
    assert said(runner, "assistant").count("100%") == 1, "a percent sign that encodes nothing"
    assert "control and C" in (await runner.ask("How do I interrupt you?")).text
    await runner.close()


async def test_what_is_typed_without_a_connection_is_sent_by_the_next(
    bench: Bench,  # noqa: F811
) -> None:
    bench.gate.faults["create"] = httpx.ConnectError("no network")
    runner = bench.runner()
    runner.say("How do I interrupt you?")
    await runner.open()
    assert runner.conversation.phase == "failed"
    runner.say("Press escape")
    del bench.gate.faults["create"]
    await runner.open()
    await until(lambda: len(said(runner, "assistant")) >= 2)
    assert said(runner, "user") == ["How do I interrupt you?", "Press escape"]
    await runner.close()


async def test_what_a_crash_left_is_closed_where_it_is_in_the_way(
    bench: Bench,  # noqa: F811
    tmp_path: Path,
) -> None:
    journal = Journal(tmp_path)
    crashed = await bench.client.create_stream(bench.agent_id, {})
    journal.begin(bench.client, bench.agent_id).complete(crashed)
    forge(journal)
    bench.gate.most = 1
    runner = await connected(bench, journal=journal)
    assert bench.gate.opened - bench.gate.left_open == {crashed.id}
    assert any("looks like ours" in sentence for sentence in bench.explained)
    await runner.close()


async def test_a_downgrade_when_the_chat_is_opened_goes_on_in_text(
    bench: Bench,  # noqa: F811
) -> None:
    bench.gate.changes["chat"] = lambda chat: chat | {"chat_mode": "TextOnly"}
    runner = await connected(bench)
    assert runner.conversation.mode == "TextOnly"
    assert any("credits" in sentence for sentence in bench.explained)
    assert "control and C" in (await runner.ask("How do I interrupt you?")).text
    await until(lambda: bench.gate.left_open == set())
    await runner.close()


async def test_a_stream_that_is_dropped_while_it_opens_ends_nothing(
    bench: Bench,  # noqa: F811
) -> None:
    bench.gate.changes["chat"] = lambda chat: chat | {"chat_mode": "TextOnly"}
    bench.gate.delays["sdp"] = 1.0
    bench.gate.delays["chat"] = 0.5
    runner = await connected(bench)
    line = runner._line
    assert line is not None
    await until(lambda: bench.gate.opened != set() and bench.gate.left_open == set())
    assert line._opening is not None
    assert line._opening.done()
    assert line._web_rtc._pc is None or line._web_rtc._pc.connectionState == "closed"
    for late in (SessionEnded("inactivity", "inactivity"), SessionEnded("network")):
        runner._heard(late)
    runner._heard(Failed("network", "There is no way through the network.", ""))
    assert is_connected(runner)
    assert runner.conversation.reconnections == 0
    assert "control and C" in (await runner.ask("How do I interrupt you?")).text
    await runner.close()
