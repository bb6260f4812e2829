"""``did-tui demo`` and the other commands as a user runs them, in a terminal."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import RunningEmulator
from ptyrun import PtyProgram, alive, children
from vt import Terminal

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def shows(*words: str) -> Callable[[Terminal], bool]:
    return lambda terminal: all(word in terminal.text for word in words)


def picture(terminal: Terminal, cols: range, rows: range) -> list[object]:
    return [terminal.pixels(x, y) for y in rows for x in cols]


def coloured(terminal: Terminal) -> int:
    """How many cells hold a half block."""
    return sum(cell[0] in "▀▄" for row in terminal.cells for cell in row)


def wait_until_gone(pids: list[int], seconds: float = 8) -> list[int]:
    end = time.monotonic() + seconds
    while (left := [pid for pid in pids if alive(pid)]) and time.monotonic() < end:
        time.sleep(0.05)
    return left


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return os.environ | {"DID_TUI_HOME": str(tmp_path)}


@linux
def test_the_demo_shows_a_moving_face_that_answers(home: dict[str, str], tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    arguments = ["demo", "--audio", "none", "--report", str(report)]
    with PtyProgram(arguments, cols=120, rows=36, env=home) as program:
        program.until(shows("Mira", "ready"))
        started = children(program.process.pid)
        assert started, "the emulator is a process of its own"
        pressed = time.monotonic()
        program.type("c")
        program.until(lambda terminal: coloured(terminal) > 500 and "fps" in terminal.text)
        assert time.monotonic() - pressed < 15, "five, where nothing else runs"
        program.type("How do I interrupt you?\r")
        program.until(shows("control and C", "talking"))
        seen: set[str] = set()
        until = time.monotonic() + 20
        while len(seen) <= 6:
            assert time.monotonic() < until, "the picture moves"
            program.read(0.1)
            seen.add(str(picture(program.terminal, range(5, 55), range(5, 28))))
        program.type("\x1b")
        program.until(shows("esc end"))
        program.type("\x1b")
        program.until(shows("Your guide to did-tui", "ABOUT"))
        program.type("q")
        assert program.wait() == 0
        assert wait_until_gone(started) == []
        assert program.modes == program.modes_before
        assert program.terminal.modes[1049] is False
        assert program.terminal.modes[25] is True
        assert program.terminal.strange == []
    told = json.loads(report.read_text())
    assert told["closed_by"] == "user"
    assert all(step["state"] == "done" for step in told["steps"].values())
    assert told["frames"]["shown"] > 6
    assert told["frames"]["decoded"] >= told["frames"]["shown"]
    assert told["bytes_to_terminal"] > 100_000
    assert abs(told["sound_minus_picture_ms"]) < 100
    # A busy machine sends its pictures so late that reports and arrivals contradict each other.
    assert told["sync"] in ("reports", "arrivals")
    assert told["sound_ms"]["packets"] > 50
    assert "demo:emulator" not in report.read_text()


@linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_however_it_ends_no_process_is_left(home: dict[str, str], number: signal.Signals) -> None:
    with PtyProgram(["demo", "Mira", "--audio", "none"], env=home) as program:
        program.until(lambda terminal: "fps" in terminal.text)
        started = children(program.process.pid)
        os.kill(program.process.pid, number)
        program.wait()
        assert wait_until_gone(started) == []
        if number is not signal.SIGKILL:
            assert program.process.returncode == 128 + number
            assert program.modes == program.modes_before


@linux
def test_when_the_line_drops_everything_ends(home: dict[str, str]) -> None:
    program = PtyProgram(["demo", "Mira", "--audio", "none"], env=home)
    with program:
        program.until(lambda terminal: "fps" in terminal.text)
        started = [program.process.pid, *children(program.process.pid)]
        program.hang_up()
        program.process.wait(10)
        assert wait_until_gone(started) == []


def test_chat_says_its_text_and_leaves_by_itself(emulator: RunningEmulator, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    arguments = ["chat", "kai", "--say", "What is an espresso?", "--once", "--audio", "none"]
    env = emulator.env | {"DID_TUI_HOME": str(tmp_path)}
    with PtyProgram([*arguments, "--report", str(report)], env=env) as program:
        program.until(shows("eighteen grams"))
        assert program.wait(40) == 0
    told = json.loads(report.read_text())
    assert told["closed_by"] == "user"
    assert told["frames"]["not_recorded"] is None


@pytest.mark.parametrize("agent", ["Nobody", "Mira"])
def test_once_fails_in_words(emulator: RunningEmulator, tmp_path: Path, agent: str) -> None:
    env = emulator.env | {"DID_TUI_HOME": str(tmp_path)}
    if agent == "Mira":
        env["DID_API_URL"] = env["DID_WS_URL"] = "http://127.0.0.1:9"
    arguments = ["chat", agent, "--say", "hello", "--once", "--audio", "none"]
    with PtyProgram(arguments, env=env) as program:
        assert program.wait(20) == 1
        said = " ".join(program.terminal.text.split())
        assert "cannot be reached" in said or "knows nothing of that name" in said


@linux
def test_a_signal_writes_the_report_and_closes_the_stream(
    emulator: RunningEmulator, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    env = emulator.env | {"DID_TUI_HOME": str(tmp_path)}
    with PtyProgram(
        ["chat", "Mira", "--audio", "none", "--report", str(report)], env=env
    ) as program:
        program.until(lambda terminal: "fps" in terminal.text)
        program.process.send_signal(signal.SIGTERM)
        assert program.wait() == 128 + signal.SIGTERM
    assert json.loads(report.read_text())["closed_by"] == "user"


def test_an_agent_that_does_not_exist(emulator: RunningEmulator) -> None:
    with PtyProgram(["chat", "Nobody", "--audio", "none"], env=emulator.env) as program:
        program.until(shows("knows nothing of that name"))
        program.type("\x1b")
        program.wait()


# What is said without a terminal


def run(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "did_tui", *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=env,
        timeout=60,
    )


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr


def test_without_a_key_it_says_where_one_comes_from() -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("DID_")}
    said = refusal(run(env=env))
    assert "DID_API_KEY" in said
    assert "did-tui demo" in said


def test_a_key_that_is_none() -> None:
    said = refusal(run(env=os.environ | {"DID_API_KEY": "hunter2"}))
    assert "not a D-ID key" in said
    assert "hunter2" not in said


def test_without_a_terminal_it_says_so() -> None:
    assert "did-tui: This needs a terminal" in refusal(run("demo"))


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refusal(run("emulator", "--port", str(port)))
    assert "cannot listen" in said
    assert "--port" in said


@pytest.mark.parametrize("arguments", [["--host", "203.0.113.7"], ["--port", "99999"]])
def test_an_address_that_is_none(arguments: list[str]) -> None:
    assert "cannot listen" in refusal(run("emulator", *arguments))


def test_data_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database" * 100)
    assert "cannot be used" in refusal(run("emulator", "--port", "0", "--data", str(file)))


@pytest.mark.parametrize("contents", [b"", b"hello", None])
def test_a_file_that_cannot_be_played(tmp_path: Path, contents: bytes | None) -> None:
    file = tmp_path / "clip.mp4"
    if contents is not None:
        file.write_bytes(contents)
    with PtyProgram(["play", str(file)]) as program:
        assert program.wait() == 1
        assert file.name in program.terminal.text.replace("\n", "")


def test_control_c_ends_the_emulator_cleanly() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "did_tui", "emulator", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "a local stand-in, not D-ID" in line
    assert "DID_API_KEY=" in line
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 0
    assert (out, err) == ("", "")
