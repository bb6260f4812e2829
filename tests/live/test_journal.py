"""What was left open is closed by the next start, and nothing that somebody still uses is."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import KEY, RunningEmulator
from ptyrun import PtyProgram

from did_tui.api.client import Client
from did_tui.api.credentials import Credentials
from did_tui.api.errors import NotFound, SessionLost
from did_tui.api.models import Stream
from did_tui.live.journal import (
    FORGOTTEN_SECONDS,
    UNNAMED_SECONDS,
    Journal,
    beginning_of,
    is_alive,
    sweep,
)
from did_tui.live.media.playback import Playback
from did_tui.live.media.speaker import SilentSpeaker
from did_tui.live.runner import Runner

STREAM = Stream(id="strm_1", session_id="AWSALB=a; Path=/")

#: A conversation that says when it is connected, and then waits to be killed.
CONVERSATION = """
import asyncio, sys
from pathlib import Path
from did_tui.api.client import Client
from did_tui.api.credentials import Credentials
from did_tui.live.journal import Journal
from did_tui.live.runner import Playback, Runner
from did_tui.live.media.speaker import SilentSpeaker

async def main(url, key, directory):
    client = Client(Credentials.parse(key), url, url.replace("http", "ws", 1))
    agent = [a async for a in client.agents()][0]
    playback = Playback(open_speaker=lambda _sink: SilentSpeaker())
    runner = Runner(client, agent.id, playback, journal=Journal(Path(directory)))
    await runner.open()
    print("open", flush=True)
    await asyncio.sleep(60)

asyncio.run(main(*sys.argv[1:]))
"""


def client_of(url: str, key: str = KEY) -> Client:
    return Client(Credentials.parse(key), url, url.replace("http", "ws", 1))


def dead_process() -> tuple[int, str]:
    """The id and the beginning of a process that has ended."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    )
    began = beginning_of(process.pid)
    process.communicate()
    return process.pid, began


def forge(journal: Journal, **changes: object) -> None:
    """Let every page have been written by a process that has ended, or otherwise."""
    pid, began = dead_process()
    for page in list(journal.pages()):
        fields = json.loads(page.path.read_text())
        page.path.write_text(json.dumps(fields | {"pid": pid, "began": began} | changes))


def test_a_page_is_for_this_user_only_and_goes_when_it_is_erased(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "streams")
    page = journal.begin(client_of("http://127.0.0.1:1"), "agt_1")
    page.complete(STREAM)
    assert page.path.stat().st_mode & 0o777 == 0o600
    assert page.path.parent.stat().st_mode & 0o777 == 0o700
    [found] = journal.pages()
    assert found.entry.session_id == STREAM.session_id
    assert KEY not in page.path.read_text()
    page.erase()
    page.erase()
    assert list(tmp_path.rglob("*.*")) == []


def test_a_disk_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    journal = Journal(tmp_path / "file" / "streams")
    page = journal.begin(client_of("http://127.0.0.1:1"), "agt_1")
    page.complete(STREAM)
    page.erase()
    assert list(journal.pages()) == []


def test_only_what_is_ours_and_nobodys_is_left_behind(tmp_path: Path) -> None:
    client, now = client_of("http://127.0.0.1:1"), time.time()

    def left(**changes: object) -> int:
        journal = Journal(tmp_path / str(len(list(tmp_path.iterdir()))))
        journal.begin(client, "agt_1").complete(STREAM)
        forge(journal, **changes)
        return len(journal.left_behind(client, now))

    assert left() == 1
    assert left(pid=os.getpid(), began=beginning_of(os.getpid())) == 0
    assert left(pid=os.getppid(), began=beginning_of(os.getppid())) == 0
    assert left(pid=os.getppid(), began="long ago") == 1, "another process has that id now"
    assert left(account="somebody") == 0
    assert left(api_url="https://elsewhere") == 0
    assert left(opened=now - FORGOTTEN_SECONDS - 1) == 0
    assert left(opened=now + FORGOTTEN_SECONDS + 1) == 0
    assert left(stream_id="") == 0


def test_what_runs_elsewhere_with_the_same_home_is_left_alone(tmp_path: Path) -> None:
    client, journal = client_of("http://127.0.0.1:1"), Journal(tmp_path)
    for stream in (STREAM, Stream(id="", session_id="")):
        journal.begin(client, "agt_1").complete(stream)
    forge(journal, place="another machine")
    assert journal.left_behind(client, time.time()) == []
    assert len(list(journal.pages())) == 2
    assert journal.left_behind(client, time.time() + FORGOTTEN_SECONDS + 1) == []
    assert list(journal.pages()) == []


@pytest.mark.parametrize("opened", ["NaN", "Infinity", "1e300", "-1", "true", "9" * 400])
def test_a_time_that_is_none_is_passed_over(tmp_path: Path, opened: str) -> None:
    journal = Journal(tmp_path)
    page = journal.begin(client_of("http://127.0.0.1:1"), "agt_1")
    text = page.path.read_text()
    page.path.write_text(re.sub(r'"opened": [\d.]+', f'"opened": {opened}', text))
    assert list(journal.pages()) == []


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", '{"pid": -1}', '{"unheard": 1}', "\x00"])
def test_a_damaged_page_is_passed_over(tmp_path: Path, damage: str) -> None:
    journal = Journal(tmp_path)
    (tmp_path / "1-a.json").write_text(damage)
    assert list(journal.pages()) == []


def test_who_is_alive() -> None:
    assert is_alive(os.getpid(), beginning_of(os.getpid()))
    assert not is_alive(*dead_process())
    assert not is_alive(os.getpid(), "another one")


async def test_what_kill_9_left_is_closed_by_the_next_start(
    emulator: RunningEmulator, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", CONVERSATION, emulator.url, KEY, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: ASYNC220
    assert process.stdout is not None
    assert await asyncio.to_thread(process.stdout.readline) == b"open\n"
    journal, client = Journal(tmp_path), client_of(emulator.url)
    assert await sweep(client, journal) == ("", 0), "it is still running"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    [page] = journal.pages()
    words, closed = await sweep(client, journal)
    assert closed == 1
    assert words.startswith("1 stream looks like ours from ")
    assert words.endswith(": closed.")
    assert list(journal.pages()) == []
    gone = Stream(id=page.entry.stream_id, session_id=page.entry.session_id)
    with pytest.raises((NotFound, SessionLost)):
        await client.delete_stream(page.entry.agent_id, gone)
    await client.close()


async def test_a_stream_whose_name_never_came_is_told_of_until_it_has_ended(
    tmp_path: Path,
) -> None:
    client, journal = client_of("http://127.0.0.1:1"), Journal(tmp_path)
    journal.begin(client, "agt_1")
    assert await sweep(client, journal) == ("", 0), "it is being asked for"
    forge(journal)
    words, closed = await sweep(client, journal)
    assert re.fullmatch(
        r"A stream from \d\d:\d\d may be open whose name never came here:"
        r" D-ID ends it by itself after two minutes\.",
        words,
    )
    assert closed == 0
    assert await sweep(client_of("http://127.0.0.1:1", "a:b"), journal) == ("", 0)
    forge(journal, opened=time.time() - UNNAMED_SECONDS - 1)
    assert await sweep(client, journal) == ("", 0)
    assert not list(journal.pages())
    await client.close()


async def test_a_service_that_does_not_answer_leaves_it_for_the_next_start(tmp_path: Path) -> None:
    client, journal = client_of("http://127.0.0.1:1"), Journal(tmp_path)
    for _ in range(2):
        journal.begin(client, "agt_1").complete(STREAM)
    forge(journal, opened=time.time() - FORGOTTEN_SECONDS + 60)
    words, closed = await sweep(client, journal)
    assert "2 could not be closed, D-ID ends them by itself" in words
    assert re.search(r"from \d{4}-\d\d-\d\d \d\d:\d\d:", words), "it was yesterday"
    assert closed == 0
    assert len(list(journal.pages())) == 2
    await client.close()


async def test_an_ordinary_conversation_leaves_no_page(
    emulator: RunningEmulator, tmp_path: Path
) -> None:
    client, journal = client_of(emulator.url), Journal(tmp_path)
    [agent, *_] = [agent async for agent in client.agents()]
    playback = Playback(open_speaker=lambda _sink: SilentSpeaker())
    runner = Runner(client, agent.id, playback, journal=journal)
    await runner.open()
    assert [page.entry.stream_id for page in journal.pages()] != []
    await runner.close()
    assert list(journal.pages()) == []
    await client.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_program_and_leaves_nothing_open(
    emulator: RunningEmulator, tmp_path: Path, number: int
) -> None:
    env = emulator.env | {"DID_TUI_HOME": str(tmp_path)}
    with PtyProgram(["chat", "Mira", "--audio", "none"], cols=120, rows=36, env=env) as program:
        program.until(lambda terminal: "● connected" in terminal.text, 60)
        program.until(lambda terminal: "▀" in terminal.text)
        assert len(list(tmp_path.glob("state/streams/*.json"))) == 1
        program.process.send_signal(number)
        assert program.wait(20) == 128 + number
        assert "▀" not in program.terminal.text, "painted when the terminal was given back"
    assert list(tmp_path.glob("state/streams/*")) == []


def test_the_program_says_what_a_kill_has_left_and_closes_it(
    emulator: RunningEmulator, tmp_path: Path
) -> None:
    env = emulator.env | {"DID_TUI_HOME": str(tmp_path)}
    arguments = ["chat", "Mira", "--audio", "none"]
    with PtyProgram(arguments, cols=120, rows=36, env=env) as program:
        program.until(lambda terminal: "● connected" in terminal.text, 60)
        program.process.kill()
        program.process.wait()
    [left] = tmp_path.glob("state/streams/*.json")
    with PtyProgram(arguments, cols=120, rows=36, env=env) as program:
        program.until(lambda terminal: "1 stream looks like ours from" in terminal.text, 60)
        program.process.send_signal(signal.SIGTERM)
        program.wait(20)
    assert not left.exists()
