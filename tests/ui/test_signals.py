"""Signals and sizes that nobody expects: the terminal is as it was, before, meanwhile and after."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import RunningEmulator
from ptyrun import PtyProgram

#: A busy machine makes for a weak line, or for another one.
STATE = re.compile("● connected|● weak line|◐ reconnecting")

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def state_of(pid: int) -> str:
    """T where a process is stopped."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]


def until(
    happened: Callable[[], bool],
    program: PtyProgram | None = None,
    seconds: float = 60,
    seen: Callable[[], str] = str,
) -> None:
    """Wait, and take meanwhile what a program writes; ``seen`` tells what there was instead."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, seen()
        if program is None:
            time.sleep(0.05)
        else:
            program.read(0.05)


def shown_on(pane: str, cols: int) -> bool:
    """Whether the first line is a conversation's, laid out for so many columns."""
    first = pane.splitlines()[0] if pane else ""
    return bool(STATE.search(first)) and cols - 30 < len(first) <= cols


def modes_on(program: PtyProgram) -> set[int]:
    """Private modes that are on, but those that a terminal begins with: wrapping, the cursor."""
    return {mode for mode, on in program.terminal.modes.items() if on} - {7, 25}


@linux
def test_stopped_resized_and_ended_in_the_middle_of_a_call(
    emulator: RunningEmulator, tmp_path: Path
) -> None:
    env = emulator.env | {"DID_TUI_HOME": str(tmp_path)}
    report = tmp_path / "report.json"
    arguments = ["chat", "Mira", "--audio", "none", "--report", str(report)]
    with PtyProgram(arguments, env=env) as program:
        program.until(lambda terminal: "fps" in terminal.text, 40)
        pid = program.process.pid
        inside = modes_on(program)
        assert 1049 in inside
        # Suspended, as control and Z or another program does it, and brought back.
        os.kill(pid, signal.SIGTSTP)
        until(lambda: state_of(pid) == "T", program)
        program.read(0.5)
        assert program.modes == program.modes_before
        assert modes_on(program) == set()
        assert program.terminal.modes[25], "the shell has its cursor"
        os.kill(pid, signal.SIGCONT)
        program.until(lambda terminal: STATE.search(terminal.text) and "fps" in terminal.text)
        assert modes_on(program) == inside
        # Resized faster than it can paint, down to nothing and up to a wall.
        for cols, rows in ((1, 1), (500, 200), (2, 40), (300, 1), (61, 17), (1, 1), (80, 24)) * 6:
            program.resize(cols, rows)
            program.read(0.01)
        program.until(lambda terminal: STATE.search(terminal.text) and "fps" in terminal.text, 40)
        program.resize(1, 1)
        program.read(0.5)
        program.resize(80, 24)
        program.until(lambda terminal: STATE.search(terminal.text), 40)
        program.process.send_signal(signal.SIGINT)
        assert program.wait(20) == 128 + signal.SIGINT
        assert program.modes == program.modes_before
        assert modes_on(program) == set()
        assert program.terminal.modes[25]
        assert program.terminal.strange == []
    assert json.loads(report.read_text())["closed_by"] == "user"
    assert not list((tmp_path / "state" / "streams").glob("*.json")), "the stream is closed"


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
def test_tmux_is_left_and_come_back_to(emulator: RunningEmulator, tmp_path: Path) -> None:
    socket = Path("/tmp") / f"did-tui-{uuid.uuid4().hex[:8]}"
    env = {k: v for k, v in emulator.env.items() if k != "TMUX"} | {"DID_TUI_HOME": str(tmp_path)}
    env |= {"COLUMNS": "90", "LINES": "28"}  # as a shell exported them, before it was resized
    run = ("tmux", "-S", str(socket), "-f", "/dev/null")
    shell = f"{sys.executable} -m did_tui chat Mira --audio none; stty -a; echo ENDED; sleep 60"

    def told(*words: str) -> str:
        done = subprocess.run([*run, *words], capture_output=True, text=True, env=env, check=False)
        return done.stdout

    def pane() -> str:
        return told("capture-pane", "-p")

    start = [*run, "new-session", "-d", "-x", "90", "-y", "28", shell]
    subprocess.run(start, check=True, env=env)
    attach = (
        "-c",
        f"import os; os.execvp('tmux', ['tmux', '-S', {str(socket)!r}, 'attach'])",
    )
    try:
        until(lambda: "fps" in pane())
        for cols, rows in ((100, 30), (60, 20)):
            with PtyProgram([], env=env, program=attach, cols=cols, rows=rows) as client:
                # What tmux knows is on its screen; it sends more than our small terminal reads.
                until(
                    lambda: bool(told("list-clients")) and shown_on(pane(), cols),  # noqa: B023
                    client,
                    seen=lambda: told("list-clients") + pane(),
                )
                told("detach-client", "-s", told("display", "-p", "#S").strip())
                client.wait()
                assert client.modes == client.modes_before
        assert STATE.search(pane().splitlines()[0]), "the call goes on while nobody looks"
        subprocess.run([*run, "send-keys", "C-q"], check=True, env=env)
        until(lambda: "ENDED" in pane())
        assert " icanon" in pane()
        assert " echo" in pane()
    finally:
        subprocess.run([*run, "kill-server"], check=False, env=env)
        socket.unlink(missing_ok=True)
    assert not list((tmp_path / "state" / "streams").glob("*.json"))
