"""The app behind a line: how old the picture is, how long keys take, what a line that stalls does.

A relay stands between the app's terminal and the one that is looked at, as ssh does: it takes what
the app writes into a large buffer, sends it at the line's rate and delays it. What the terminal
answers comes back with the same delay. Each frame carries its number, so the age of a picture is
the time from when the frame was due in the app to when the terminal had decoded it. "On the glass"
is the age of what is to be seen at any moment, so it also grows while no new frame comes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import clip as clips
import counter
from app import FPS, notes
from ideal import Pixels, Place, Reference, find_place, psnr
from keys import Typist
from meter import size as in_cells
from program import Program
from screen import Cells, Screen, pixels_of
from tables import percentile, table, within
from widget import APP

PACKET = 1400  # bytes
SETTLED = 2.0  # seconds for which a picture is taken to stay as large as it is
FRESH = 150.0  # ms: what counts as a picture of now, after a stall
Figures = dict[str, float | None]


class Line:
    """A relay with a rate (bytes a second, None: any), a delay each way and a buffer."""

    def __init__(
        self, program: Program, screen: Screen, rate: float | None, delay: float, buffer: int
    ) -> None:
        self._program, self._screen = program, screen
        self._rate, self._delay, self._buffer = rate, delay, buffer
        self._down: deque[tuple[float, bytes]] = deque()
        self._up: deque[tuple[float, bytes]] = deque()
        self._free = 0.0  # when the line has sent what it was given
        self.waiting = 0
        self.delivered = 0
        self.reading = True  # the relay reads what the app writes
        self.passing = True  # the line passes on what the relay has

    def type(self, data: bytes) -> None:
        """Send to the program, as somebody at the terminal would."""
        self._up.append((time.monotonic() + self._delay, data))

    def step(self, seconds: float) -> bool:
        """Move what is to be moved, for so long at most; whether the program still runs."""
        now = time.monotonic()
        down = self._down if self.passing else ()
        ahead = [queue[0][0] for queue in (down, self._up) if queue]
        seconds = max(0.0, min([seconds, *(moment - now for moment in ahead)]))
        if self.reading and self.waiting < self._buffer:
            data = self._program.read(seconds)
            if data is None:
                return False
            self._take(data)
        else:
            time.sleep(seconds)
        self._deliver()
        return True

    def _take(self, data: bytes) -> None:
        now = time.monotonic()
        self.waiting += len(data)
        for start in range(0, len(data), PACKET):
            packet = data[start : start + PACKET]
            self._free = max(self._free, now) + (len(packet) / self._rate if self._rate else 0)
            self._down.append((self._free + self._delay, packet))

    def _deliver(self) -> None:
        now = time.monotonic()
        while self._up and self._up[0][0] <= now:
            self._program.type(self._up.popleft()[1])
        while self.passing and self._down and self._down[0][0] <= now:
            packet = self._down.popleft()[1]
            self.waiting -= len(packet)
            self.delivered += len(packet)
            self._screen.feed(packet)
            if self._screen.answers:
                self.type(bytes(self._screen.answers))
                self._screen.answers.clear()


@dataclass
class Session:
    """What happened at the terminal."""

    screens: list[tuple[float, Cells]] = field(default_factory=list)
    app: dict[str, float] = field(default_factory=dict)
    typist: Typist = field(default_factory=lambda: Typist(1, (0.1, 0.4)))
    start: float = 0.0  # when it was looked at
    end: float = 0.0
    bytes: int = 0
    stalled: tuple[float, float] = (0.0, 0.0)  # from when to when it did not read
    typed_in_stall: float = 0.0
    memory: list[tuple[float, int]] = field(default_factory=list)


def session(
    clip: Path,
    size: tuple[int, int],
    seconds: float,
    *,
    rate: float | None,
    delay: float,
    buffer: int,
    stall: float = 0.0,
    hidden: bool = False,
    warm: float,
) -> Session:
    """Run the app behind a line and look at it.

    With ``stall`` nothing is read for so long; ``hidden``: the relay's buffer still takes it.
    """
    done = Session()
    cols, rows = size
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report"
        command = [*APP, str(report), "--prompt", "--counter", "--clip", str(clip)]
        command += ["--warm", str(warm - 2), "--seconds", str(2 + seconds + stall)]

        def mark(kind: str, _offset: int) -> None:
            if kind == "sync":
                now = time.monotonic()
                done.screens.append((now, screen.cells()))
                done.typist.look(screen.line(rows - 1), now)

        screen = Screen(cols, rows, mark)
        with Program(command, cols, rows, answering=False) as program:
            line = Line(program, screen, rate, delay, buffer)
            done.start = done.typist.next = program.began + warm
            done.end = done.start + seconds + stall
            if stall:
                done.stalled = done.start + seconds / 2, done.start + seconds / 2 + stall
            _watch(done, program, line, hidden)
            # The app ends by itself if it can and says what it measured.
            patience = time.monotonic() + 3
            line.reading = line.passing = True
            while "stall_max" not in notes(report) and time.monotonic() < patience:
                if not line.step(0.05):
                    break
            done.app = notes(report)
    return done


def _watch(done: Session, program: Program, line: Line, hidden: bool) -> None:
    """Type and relay from start to end."""
    before: int | None = None
    next_look = 0.0
    while (now := time.monotonic()) < done.end:
        if now >= done.start and before is None:
            before = line.delivered
        begin, end = done.stalled
        line.passing = not begin <= now < end
        line.reading = line.passing or hidden
        if not line.passing and now > begin + 1 and not done.typed_in_stall:
            done.typed_in_stall = now
            line.type(done.typist.key(now))
        elif line.passing and now >= done.typist.next:
            line.type(done.typist.key(now))
        if now >= next_look and (memory := program.memory()) is not None:
            done.memory.append((now, memory))
            next_look = now + 0.1
        if not line.step(min(0.02, max(0.001, done.typist.next - now))):
            break
    done.bytes = line.delivered - (before or 0)


@dataclass
class Seen:
    """A picture as the terminal had it."""

    moment: float
    number: int
    age: float  # ms
    decibels: float


def pictures(done: Session, reference: Reference) -> list[Seen]:
    """The pictures with a number that was not there before, in order."""
    began = done.app.get("began")
    if began is None:
        return []
    seen: list[Seen] = []
    for moment, pixels, place in placed(done, reference):
        code = counter.read(pixels, place)
        newest = int((moment - began) * FPS)
        if code is None or newest < 0:
            continue
        number = newest - (newest - code) % counter.WRAP
        if number < 0 or (seen and number <= seen[-1].number):
            continue
        ideal = reference.picture(number % reference.count, place.width, place.height)
        below = round(place.height * (counter.EDGE + counter.BLOCK) / 512) + 1
        shown: Pixels = place.of(pixels)
        part = place.visible(ideal, pixels.shape)
        decibels = psnr(shown[below:], part[below:])
        seen.append(Seen(moment, number, (moment - began - number / FPS) * 1000, decibels))
    return seen


def placed(done: Session, reference: Reference) -> Iterator[tuple[float, Pixels, Place]]:
    """What was on the screen, and where the picture was: on a slow line it becomes smaller."""
    for _, some in groupby(done.screens, key=lambda one: one[0] // SETTLED):
        inside = [(moment, pixels_of(cells)) for moment, cells in some]
        place = find_place([pixels for _, pixels in inside], reference)
        if place is not None:
            yield from ((moment, pixels, place) for moment, pixels in inside)


def on_glass(seen: list[Seen], began: float, start: float, end: float) -> list[float]:
    """The age of what is to be seen, every 20 ms, ms."""
    ages = []
    following = 0
    moment = start
    while moment < end:
        while following < len(seen) and seen[following].moment <= moment:
            following += 1
        number = seen[following - 1].number if following else 0
        ages.append((moment - began - number / FPS) * 1000)
        moment += 0.02
    return ages


def figures(done: Session, reference: Reference) -> Figures:
    """What is printed of a session on a line."""
    seen = pictures(done, reference)
    inside = [one for one in seen if done.start <= one.moment <= done.end]
    glass = on_glass(seen, done.app.get("began", done.start), done.start, done.end)
    keys = done.typist.latencies + done.typist.unseen(done.end)
    seconds = done.end - done.start
    return {
        "fps": len(inside) / seconds,
        "age p50": percentile([one.age for one in inside], 50),
        "age p95": percentile([one.age for one in inside], 95),
        "on glass p95": percentile(glass, 95),
        "dB": percentile([one.decibels for one in inside], 50),
        "keys": float(len(keys)),
        "key p50": percentile(keys, 50),
        "key p95": percentile(keys, 95),
        "KB/s": done.bytes / seconds / 1024,
        "loop max": done.app.get("stall_max"),
    }


def print_lines(options: argparse.Namespace, clip: Path, reference: Reference) -> None:
    """A table of lines with different rates."""
    delay = options.delay / 1000
    trip = 2 * options.delay
    lines: list[list[object]] = []
    targets: list[list[object]] = []
    head: list[str] = []
    for rate in options.rates:
        print(f"{rate} KB/s", file=sys.stderr)
        done = session(
            clip, options.size, options.seconds,
            rate=rate * 1024, delay=delay, buffer=options.buffer * 1024, warm=options.warm,
        )  # fmt: skip
        found = figures(done, reference)
        head = list(found)
        values = ["-" if value is None else f"{value:,.1f}" for value in found.values()]
        lines.append([f"{rate} KB/s", *values])
        age, key = found["age p95"], found["key p95"]
        for what, value, most in (("age", age, 150 + trip), ("key echo", key, 100 + trip)):
            name = f"{rate} KB/s: {what} p95, ms"
            targets.append([name, value, f"at most {most:.0f}", within(value, most)])
    cols, rows = options.size
    print(f"{cols}x{rows}, {options.delay:.0f} ms each way, {options.buffer} KB hidden; ms")
    table(("line", *head), lines)
    table(("target", "is", "must be", "kept"), targets)


def print_stall(options: argparse.Namespace, clip: Path, reference: Reference) -> None:
    """What a terminal that does not read for a while does to the app."""
    for hidden in (False, True):
        where = "nothing between"
        if hidden:
            where = f"{options.buffer} KB of buffer between"
        print(f"not read for {options.stall:g} s, {where}")
        done = session(
            clip, options.size, options.seconds,
            rate=None, delay=0, buffer=options.buffer * 1024,
            stall=options.stall, hidden=hidden, warm=options.warm,
        )  # fmt: skip
        table(("what", "is", "must be", "kept"), stalled(done, reference))


def stalled(done: Session, reference: Reference) -> list[list[object]]:
    """What is printed of a session with a stall."""
    begin, end = done.stalled
    seen = pictures(done, reference)
    usual = percentile([one.decibels for one in seen if done.start < one.moment < begin], 50)
    right = [
        (one.moment - end) * 1000
        for one in seen
        if one.moment >= end and one.age <= FRESH and one.decibels >= (usual or 0) - 3
    ]
    before = [memory for moment, memory in done.memory if begin - 2 <= moment < begin]
    after = [memory for moment, memory in done.memory if moment >= begin]
    grown = (max(after) - max(before)) / 2**20 if before and after else None
    first = right[0] if right else None
    loop = done.app.get("stall_max")
    keys = done.typist.latencies
    echo = max(keys) - (end - done.typed_in_stall) * 1000 if keys else None
    return [
        ["memory grown, MB", grown, "at most 2", within(grown, 2)],
        ["picture right after, ms", first, "at most 200", within(first, 200)],
        ["event loop late, at most, ms", loop, "below 500", within(loop, 500)],
        ["key typed into the stall, ms after its end", echo, "-", "-"],
        ["fps before", _rate(seen, done.start, begin), "25", "-"],
        ["fps after", _rate(seen, end + 0.5, done.end), "25", "-"],
    ]


def _rate(seen: list[Seen], start: float, end: float) -> float:
    return sum(start <= one.moment < end for one in seen) / (end - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", type=Path, help="what it shows (default: the talking head)")
    parser.add_argument("--size", type=in_cells, default=(120, 40), metavar="COLSxROWS")
    parser.add_argument("--rates", type=int, nargs="+", default=(16, 64, 256, 1024), metavar="KB/S")
    parser.add_argument("--delay", type=float, default=25.0, metavar="MS", help="one way")
    parser.add_argument("--buffer", type=int, default=2048, metavar="KB", help="hidden in the line")
    parser.add_argument("--seconds", type=float, default=15.0, help="looked at for so long")
    parser.add_argument("--warm", type=float, default=8.0, help="seconds before that")
    parser.add_argument("--stall", type=float, metavar="S", help="instead: do not read for so long")
    options = parser.parse_args()
    clip = clips.ensure(options.clip)
    (print_stall if options.stall else print_lines)(options, clip, Reference(clip))


if __name__ == "__main__":
    main()
