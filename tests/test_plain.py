"""``--plain``: a conversation line by line, as screen readers, pipes and scripts have it."""

from __future__ import annotations

import argparse
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
from conftest import RunningEmulator
from hypothesis import given
from hypothesis import strategies as st

from did_tui.commands import is_plain
from did_tui.plain import Grown, Lines
from did_tui.text import plain

#: C0 but tab and line feed, DEL, C1: none of them may reach anybody.
STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "did_tui", "chat", *arguments, "--audio", "none"]


def home(emulator: RunningEmulator, directory: Path) -> dict[str, str]:
    return emulator.env | {"DID_TUI_HOME": str(directory)}


@given(st.lists(st.text(max_size=20), max_size=8))
def test_an_answer_that_grows_is_written_once_and_cleaned(pieces: list[str]) -> None:
    grown, whole, written = Grown(), "", ""
    for piece in pieces:
        whole += piece
        written += grown.more(whole)
    assert not STEERING.search(written.replace("\n", ""))
    assert written.endswith(plain(whole))
    assert "\n" in written or written == plain(whole)


def test_an_answer_that_became_another_is_written_anew() -> None:
    grown = Grown()
    assert [grown.more("It is blu"), grown.more("Red.")] == ["It is blu", "\nRed."]


async def test_lines_come_whole_however_they_are_cut_and_the_last_needs_no_end() -> None:
    reads, writes = os.pipe()
    lines = Lines(reads)
    for piece in (b"one\r\ntw", "o ü".encode()[:5], "o ü".encode()[5:], b"\n\nlast"):
        os.write(writes, piece)
        await asyncio.sleep(0.01)
    os.close(writes)
    said = []
    while (line := await asyncio.wait_for(lines.next(), 5)) is not None:
        said.append(line)
    assert said == ["one", "two ü", "", "last"]
    os.close(reads)


@pytest.mark.parametrize(
    ("env", "why"),
    [
        ({"TERM": "dumb"}, "TERM is dumb"),
        ({"DID_TUI_PLAIN": "1", "TERM": "xterm"}, "DID_TUI_PLAIN is set"),
        ({"DID_TUI_PLAIN": "no", "TERM": "xterm"}, "standard output is no terminal"),
    ],
)
def test_it_says_why_it_is_plain_where_nobody_asked(
    env: dict[str, str],
    why: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("DID_TUI_PLAIN", raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    options = argparse.Namespace(plain=False, stream=False, json=False)
    assert is_plain(options)
    told = capsys.readouterr()
    assert told.out == ""
    assert why in told.err


def test_a_script_asks_and_reads(emulator: RunningEmulator, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = subprocess.run(
        [*command("kai", "--json", "--report", str(report)), "--say", "What is an espresso?"],
        input=f"{'x' * 2001}\n\nHow much \x1b]0;water\x07 does it take?",
        capture_output=True,
        text=True,
        env=home(emulator, tmp_path),
        timeout=60,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert "eighteen grams" in answers[0]["answer"]
    assert "Too long: 2001 of 2000" in answers[1]["error"]
    assert answers[2]["answer"]
    assert answers[2]["question"] == "How much ]0;water does it take?"
    assert done.returncode == 1, "not every question was answered"
    assert "Connected." in done.stderr
    for text in (done.stdout, done.stderr):
        assert not STEERING.search(text)
    assert json.loads(report.read_text())["closed_by"] == "user"
    assert list((tmp_path / "state" / "streams").glob("*.json")) == []


def test_nobody_of_that_name(emulator: RunningEmulator, tmp_path: Path) -> None:
    done = subprocess.run(
        command("Nobody", "--plain"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=home(emulator, tmp_path),
        timeout=60,
    )
    assert done.returncode == 3
    assert done.stdout == ""
    assert "knows nothing of that name" in done.stderr


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT twice", "reader gone"])
def test_however_it_ends_the_stream_is_closed(
    emulator: RunningEmulator, tmp_path: Path, how: str
) -> None:
    process = subprocess.Popen(
        command("kai", "--stream"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=home(emulator, tmp_path),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        process.stdin.write("What is an espresso?\n")
        process.stdin.flush()
        assert process.stdout.read(5), "it comes in pieces"
        assert list((tmp_path / "state" / "streams").glob("*.json")), "a stream is open"
        if how == "SIGTERM":
            process.send_signal(signal.SIGTERM)
        elif how == "reader gone":
            process.stdout.close()
            process.stdin.write("And a macchiato?\n")
            process.stdin.flush()
        else:
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
        code = process.wait(30)
        assert "Traceback" not in process.stderr.read()
    assert code == {"SIGTERM": 143, "SIGINT twice": 130, "reader gone": 0}[how]
    assert list((tmp_path / "state" / "streams").glob("*.json")) == []
