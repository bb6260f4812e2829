"""The rules of a booth, what it keeps on disk, and that it is started again."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from did_tui import supervisor
from did_tui.live.transcript import Message
from did_tui.supervisor import KEEPER, Supervisor
from did_tui.ui.booth import Rules, Stay, figures, last_call, pause, pin_pause
from did_tui.ui.runlog import NAME, Purse, RunLog

DAY = 86_400.0


@pytest.mark.parametrize(
    ("passed", "busy", "budget", "left", "why"),
    [
        (10, False, None, 50, "idle"),
        (61, False, None, -1, "idle"),
        (61, True, None, 60, "idle"),  # who listens is there
        (10, False, 20, 20, "budget"),
        (295, True, None, 5, "limit"),  # even while the agent talks
    ],
)
def test_when_a_visit_ends(
    passed: float, busy: bool, budget: float | None, left: float, why: str
) -> None:
    stay = Stay(Rules(idle=60, longest=300), 1000.0)
    assert stay.ends(1000 + passed, busy=busy, budget=budget) == (left, why)


def test_a_key_makes_a_visit_longer() -> None:
    stay = Stay(Rules(idle=60), 0.0)
    stay.touch(59.0)
    assert stay.ends(60.0, busy=False, budget=None) == (59.0, "idle")


def test_the_visitor_is_told_before_it_ends() -> None:
    assert last_call(16, "idle") == ""
    assert last_call(14.6, "idle") == "Still there? Press any key. (15 s)"
    assert last_call(89.6, "budget") == "1:30 left"
    assert last_call(91, "limit") == ""


def test_pauses_grow_and_never_end() -> None:
    pauses = [pause(attempt) for attempt in range(1000)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 60
    assert [pin_pause(wrong) for wrong in (0, 1, 2, 99)] == [0, 0, 5, 60]


def test_what_is_kept_of_a_talk_has_none_of_its_words() -> None:
    said = [
        Message("g", "assistant", "Hello", "done", 0.0),
        Message("1", "user", "my secret", "sent", 10.0),
        Message("a", "assistant", "Aha", "done", 10.5),
        Message("2", "user", "anything", "sent", 20.0),
    ]
    kept = figures(said)
    assert kept == {"questions": 2, "answered": 1, "answer_ms": 500, "slowest_answer_ms": 500}


def test_the_run_log_is_private_and_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("did_tui.ui.runlog.LARGEST", 2000)
    log = RunLog(tmp_path)
    for number in range(50):
        log.write("failure", number=number, why="no\nway \x1b[2J" + "x" * 1000)
    path = tmp_path / NAME
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[-1]["number"] == 49
    assert "\x1b" not in path.read_text()
    assert path.stat().st_size <= 2000
    assert {p.name for p in tmp_path.iterdir()} == {NAME, f"{NAME}.1"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_days_minutes_outlive_a_restart_and_are_shared(tmp_path: Path) -> None:
    now = [1.79e9]
    path = tmp_path / "day.json"
    one, other = (Purse(path, wall=lambda: now[0]) for _ in range(2))
    one.spend(30)
    other.spend(12)
    assert one.spent == other.spent == Purse(path, wall=lambda: now[0]).spent == 42
    path.write_text("{")
    assert one.spent == 30, "what this program has used itself is not forgotten"
    now[0] += DAY
    assert one.spent == 0


def test_without_a_disk_the_minutes_are_counted_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    purse = Purse(tmp_path / "file" / "day.json")
    purse.spend(5)
    assert purse.spent == 5


# Started again

CRASHES_TWICE = """
import os, sys
count = int(open(sys.argv[1]).read() or 0) + 1
open(sys.argv[1], "w").write(str(count))
if count == 1:
    os.kill(os.getpid(), 9)
sys.exit(1 if count == 2 else 0)
"""
WAITS = f"""
import os, sys
fd = int(os.environ["{KEEPER}"])
open(sys.argv[1], "w").write("up")
os.read(fd, 1)
"""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(supervisor, "PAUSES", (0.01,))
    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def kept(code: str, path: Path, crashes: list[int]) -> Supervisor:
    path.touch()
    return Supervisor([sys.executable, "-c", code, str(path)], os.environ, crashes.append)


def test_what_crashes_is_started_again_until_it_wants_to_end(tmp_path: Path, quick: None) -> None:
    crashes: list[int] = []
    assert kept(CRASHES_TWICE, tmp_path / "count", crashes).run() == 0
    assert crashes == [-9, 1]


def test_a_wrong_command_line_is_not_tried_again(tmp_path: Path, quick: None) -> None:
    crashes: list[int] = []
    assert kept("import sys; sys.exit(2)", tmp_path / "none", crashes).run() == 2
    assert crashes == []


@pytest.mark.parametrize("how", ["signal", "hangs"])
def test_a_signal_ends_both_and_what_hangs_is_ended(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    up, crashes = tmp_path / "up", list[int]()
    keeper = kept(WAITS, up, crashes)
    if how == "hangs":
        monkeypatch.setattr(supervisor, "HUNG", 0.3)

    def end() -> None:
        while up.read_text() != "up" or (how == "hangs" and not crashes):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end).start()
    assert keeper.run() == 128 + signal.SIGTERM
    assert crashes[:1] == ([-9] if how == "hangs" else [])
