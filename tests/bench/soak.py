"""A booth on the emulator for minutes or hours: does it grow, drift or leave anything open?

Visitors come, ask, interrupt, walk away; streams are lost, refused and cut off meanwhile. A row a
minute, then a verdict: ``soak.py --minutes 10``.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import pty
import random
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from conftest import RunningEmulator, running_emulator  # noqa: E402

ASK = b"\x1b[6n"
IDLE = 5  # seconds, the shortest there is
GROWTH = 2.0  # MiB that are no leak
DRIFT = 20.0  # ms between the first third of the visits and the last
WARM_UP = 0.3  # of the time: caches fill, fonts and codecs are loaded
QUESTIONS = ("What can you do?", "How do I interrupt you?", "Tell me more about the keys")
MARK = "did-tui-soak"

#: What goes wrong, by the emulator's control API: path and body.
TROUBLE: Sequence[tuple[str, str, dict[str, Any]]] = (
    ("the peer vanishes", "streams/all/vanish", {}),
    ("the session is lost", "streams/all/lose-session", {}),
    ("no media for 4 s", "streams/all/media", {"lose": "both", "seconds": 4}),
    ("notifications drop", "sockets/drop", {"code": 1011}),
    ("D-ID closes it", "streams/all/close", {"reason": "shutdown"}),
    ("no stream, twice", "faults", {"route": "open_stream", "status": 500, "count": 2}),
    ("a message fails", "faults", {"route": "send_message", "status": 500}),
    ("an answer is cut", "faults", {"route": "send_message", "cut": True}),
    ("slow requests", "faults", {"route": "*", "delay": 1.0, "count": 5}),
)


class Booth:
    """The kiosk in a terminal that answers and throws away what is drawn."""

    def __init__(self, emulator: RunningEmulator, home: Path, cols: int, rows: int) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        env = emulator.env | {"DID_TUI_HOME": str(home), "TERM": "xterm-256color"}
        arguments = ["kiosk", "Mira", "--idle", str(IDLE), "--audio", "none", "--pin", "4711"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "did_tui", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=env | {"COLORTERM": "truecolor"},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self.bytes = 0
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        rest = b""
        with contextlib.suppress(OSError):
            while data := os.read(self._master, 65536):
                self.bytes += len(data)
                rest += data
                os.write(self._master, b"\x1b[1;1R" * rest.count(ASK))
                rest = rest[-len(ASK) + 1 :] if not rest.endswith(ASK) else b""

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def resize(self, cols: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    @property
    def child(self) -> int:
        """The program that is looked after, which draws and talks."""
        pid = self.process.pid
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        return int(listed[0]) if listed else 0


@dataclass
class Look:
    """What a process has at one moment, while nobody is there."""

    at: float
    rss: float  # MiB
    descriptors: int
    threads: int


def look(pid: int, now: float) -> Look:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    return Look(
        now,
        int(lines["VmRSS"].split()[0]) / 1024,
        len(list(Path(f"/proc/{pid}/fd").iterdir())),
        int(lines["Threads"]),
    )


@dataclass
class Story:
    """What was done so far."""

    looks: list[Look] = field(default_factory=list)
    trouble: dict[str, int] = field(default_factory=dict)
    pids: set[int] = field(default_factory=set)


class Fair:
    """Visitors, one after the other, and what happens to them."""

    def __init__(self, booth: Booth, url: str, home: Path, seed: int) -> None:
        self._booth, self._control = booth, httpx.Client(base_url=f"{url}/__control/")
        self._log, self._random = home / "log" / "kiosk.jsonl", random.Random(seed)
        self.story = Story()

    def lines(self) -> list[dict[str, Any]]:
        found = []
        for path in (self._log.with_suffix(".jsonl.1"), self._log):
            with contextlib.suppress(FileNotFoundError):
                found += [json.loads(line) for line in path.read_text().splitlines()]
        return found

    def visits(self) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["event"] == "visit"]

    def visit(self, begun: float) -> None:
        """One visitor, from the first key until the booth is alone again."""
        before, booth = len(self.visits()), self._booth
        booth.type("1")
        time.sleep(self._random.uniform(1, 4))
        if self._random.random() < 0.5:
            self.trouble()
        for _ in range(self._random.randint(0, 2)):
            booth.type(self._random.choice(QUESTIONS) + "\r")
            time.sleep(self._random.uniform(1, 3))
            if self._random.random() < 0.4:
                booth.type("\x03")
            if self._random.random() < 0.2:
                booth.resize(self._random.randint(40, 160), self._random.randint(12, 50))
        if self._random.random() < 0.6:
            booth.type("\x1b")
        end = time.monotonic() + 90
        while len(self.visits()) == before and time.monotonic() < end:
            time.sleep(0.2)
        self._control.delete("faults")
        time.sleep(1.0)
        pid = booth.child
        self.story.pids.add(pid)
        self.story.looks.append(look(pid, time.monotonic() - begun))

    def trouble(self) -> None:
        name, path, body = self._random.choice(TROUBLE)
        self.story.trouble[name] = self.story.trouble.get(name, 0) + 1
        self._control.post(path, json=body)

    def open_streams(self) -> int:
        """Streams that the emulator has open."""
        return len(self._control.get("state").json()["streams"])


def row(fair: Fair, minute: int, seen: int) -> int:
    """Print what a minute was like; how many visits there were until now."""
    visits, at = fair.visits(), fair.story.looks[-1]
    new = visits[seen:]
    numbers = {
        name: [one[name] for one in new if one.get(name) is not None]
        for name in ("connected_ms", "answer_ms", "sound_minus_picture_ms")
    }
    middle = [f"{statistics.median(few):.0f}" if few else "-" for few in numbers.values()]
    print(
        f"{minute:>6} {len(visits):>6} {at.rss:>8.1f} {at.descriptors:>5} {at.threads:>7} "
        f"{middle[0]:>9} {middle[1]:>6} {middle[2]:>6} {sum(fair.story.trouble.values()):>7}",
        flush=True,
    )
    return len(visits)


def verdict(fair: Fair, minutes: float, left: int, journal: int) -> bool:
    looks = [one for one in fair.story.looks if one.at > WARM_UP * minutes * 60]
    third = max(1, len(looks) // 3)
    first, last = looks[:third], looks[-third:]

    def growth(name: str) -> float:
        before, after = ([float(getattr(one, name)) for one in few] for few in (first, last))
        return statistics.median(after) - statistics.median(before)

    offsets = [v["sound_minus_picture_ms"] for v in fair.visits()]
    lips = [offset for offset in offsets if offset is not None]
    few = max(1, len(lips) // 3)
    drift = statistics.median(lips[-few:]) - statistics.median(lips[:few])
    events = [line["event"] for line in fair.lines()]
    found = {
        f"memory grew by {growth('rss'):+.2f} MiB": growth("rss") <= GROWTH,
        f"descriptors grew by {growth('descriptors'):+.0f}": growth("descriptors") <= 0,
        f"threads grew by {growth('threads'):+.0f}": growth("threads") <= 0,
        f"sound minus picture {statistics.median(lips):+.0f} ms, later {drift:+.0f} ms, "
        f"from {min(lips)} to {max(lips)} after faults": abs(drift) <= DRIFT,
        f"{left} streams open at the end, {journal} in the journal": not left and not journal,
        f"{events.count('crash')} crashes, {events.count('restart')} new starts": (
            "crash" not in events and "restart" not in events
        ),
    }
    print()
    for words, good in found.items():
        print(f"{'  ok' if good else 'NOT '}  {words}")
    return all(found.values())


@contextlib.contextmanager
def running(args: argparse.Namespace) -> Iterator[tuple[Fair, Booth, Path]]:
    with (
        tempfile.TemporaryDirectory(prefix=MARK) as directory,
        running_emulator("--seed", "7", "--linger-seconds", "2") as emulator,
    ):
        home = Path(directory)
        booth = Booth(emulator, home, args.cols, args.rows)
        try:
            yield Fair(booth, emulator.url, home, args.seed), booth, home
        finally:
            if booth.process.poll() is None:
                booth.process.send_signal(signal.SIGTERM)
                booth.process.wait(20)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--cols", type=int, default=80)
    parser.add_argument("--rows", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with running(args) as (fair, booth, home):
        begun, minute, seen = time.monotonic(), 0, 0
        time.sleep(4)
        print("minute visits  RSS MiB   fds threads connected answer   lips trouble", flush=True)
        while (passed := time.monotonic() - begun) < args.minutes * 60:
            fair.visit(begun)
            if booth.process.poll() is not None:
                print(f"The booth has ended with {booth.process.returncode}.")
                return 1
            if passed // 60 > minute:
                minute = int(passed // 60)
                seen = row(fair, minute, seen)
        booth.type("\x114711\r")
        code = booth.process.wait(20)
        time.sleep(3)
        left = fair.open_streams()
        journal = len(list((home / "state" / "streams").glob("*.json")))
        print(f"\n{booth.bytes / 2**20:.0f} MiB drawn, exit code {code}, {fair.story.trouble}")
        return 0 if verdict(fair, args.minutes, left, journal) else 1


if __name__ == "__main__":
    sys.exit(main())
