"""Sound and lips on lines of every kind: did-tui beside aiortc without more, and Chromium.

    python tests/bench/sound.py                              # 12 minutes
    python tests/bench/sound.py --busy --seconds 60 --drift-seconds 600
    python tests/bench/sound.py --lines clean loss-5 --viewers did-tui

An agent that flashes and beeps at the same moment sends over each line; another process receives
it and plays it to a private null sink, where it is recorded. Needs PulseAudio with its tools.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from os import cpu_count
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import browserview
from flashagent import FlashingEmulator
from flashbeep import Report, Shown, measure
from lossy import Line
from nullsink import NullSink, available
from tables import table

VIEWER = Path(__file__).resolve().parents[1] / "viewer.py"
WARM = 3.0  # seconds before anything is counted
BURSTS = (10.0, 0.2)  # seconds: how often, and how long
IN_STEP = 0.040  # seconds that sound and picture may be apart to be in step again
VIEWERS = ("did-tui", "aiortc", "chromium", "room")


@dataclass(frozen=True)
class Case:
    """A line, the rate of the source's clock, and what must hold there."""

    title: str
    line: Line
    ppm: float = 0.0
    sound: float = 1.0  # share of the time with sound, at least
    gaps: float = 0.0  # a minute, at most
    freeze: float = 0.080  # seconds
    mean: float = 0.015  # seconds that sound and picture may be apart on the average


CASES = {
    "clean": Case("clean", Line()),
    "loss-1": Case(
        "1 % loss, 20 ms jitter", Line(loss=0.01, jitter=0.02), sound=0.995, freeze=0.200
    ),
    "loss-5": Case(
        "5 % loss, 40 ms jitter",
        Line(loss=0.05, jitter=0.04),
        sound=0.99,
        gaps=1.0,
        freeze=0.500,
        mean=0.020,
    ),
    "bursts": Case(
        "200 ms lost every 10 s",
        Line(outage=BURSTS),
        sound=1 - BURSTS[1] / BURSTS[0],
        gaps=60 / BURSTS[0],
        freeze=BURSTS[1] + 0.300,
    ),
    "fast": Case("clock +300 ppm", Line(), 300.0),
    "slow": Case("clock -300 ppm", Line(), -300.0),
}
DRIFTING = ("fast", "slow")

HEAD = (
    "line and viewer", "sound %", "beeps %", "gaps >40 ms", "longest", "clicks", "freeze ms",
    "pictures %", "offset ms", "p2.5", "p97.5", "to the ear", "CPU %",
)  # fmt: skip
EDGES = (-0.040, 0.060)  # seconds: 95 % of the offsets lie between


@dataclass
class Outcome:
    """What one viewer made of one line."""

    case: Case
    viewer: str
    report: Report
    cpu: float
    counters: dict[str, Any]
    link: dict[str, int]
    again: float | None  # seconds after a burst until lips and voice are in step


def view(
    viewer: str,
    case: Case,
    seconds: float,
    *,
    sound: bool = True,
    picture: bool = True,
) -> Outcome:
    """Let a viewer receive an agent over a line for a while."""
    command = [sys.executable, str(VIEWER), viewer]
    agent = FlashingEmulator(case.line, ppm=case.ppm, sound=sound, picture=picture)
    with agent, NullSink() as pulse, pulse.record() as heard:
        done = subprocess.run(
            [*command, agent.url, "--warm", str(WARM), "--seconds", str(seconds)],
            env=pulse.env(),
            stdout=subprocess.PIPE,
            timeout=seconds + 60,
            check=True,
        )
        said = json.loads(done.stdout)
        begun = agent.begun()
    for sentence in said["trouble"]:
        print(f"{viewer}: {sentence}", file=sys.stderr)
    report = measure(
        heard.pcm,
        heard.time_of,
        [Shown(*shown) for shown in said["shown"]],
        begun=begun,
        since=said["since"],
        until=said["until"],
        rate=agent.rate,
    )
    again = in_step_again(report, case.line, begun)
    return Outcome(case, viewer, report, said["cpu"], said["counters"], agent.link, again)


def in_step_again(report: Report, line: Line, begun: float) -> float | None:
    """The longest time from the end of a burst to a beep that is out of step."""
    every, lasting = line.outage
    if not lasting or not report.steps:
        return None
    late = [moment - begun for moment, offset in report.steps if abs(offset) > IN_STEP]
    return max((moment % every for moment in late), default=0.0)


def row(outcome: Outcome) -> list[object]:
    """A line of the table."""
    report = outcome.report
    return [
        f"{outcome.case.title}: {outcome.viewer}",
        f"{report.heard * 100:.2f}",
        f"{report.beeps * 100:.1f}",
        len(report.gaps),
        _ms(max(report.gaps, default=0.0)),
        report.clicks,
        _ms(report.freeze),
        f"{100 * report.pictures_shown / max(1, report.pictures_sent):.1f}",
        _ms(report.offset()),
        _ms(report.offset(2.5)),
        _ms(report.offset(97.5)),
        _ms(report.delay()),
        "-" if outcome.viewer == "chromium" else f"{outcome.cpu * 100:.1f}",  # not this process
    ]


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None or math.isnan(seconds) else f"{seconds * 1000:.0f}"


def targets(outcome: Outcome) -> Iterator[list[object]]:
    """What must hold on a line, and whether it does."""
    case, report = outcome.case, outcome.report
    minutes = report.seconds / 60
    low, high = report.offset(2.5), report.offset(97.5)
    yield _target(
        case, "sound, %", f"{report.heard * 100:.2f}", f"≥ {case.sound * 100:.4g}",
        report.heard >= case.sound - 1e-6,
    )  # fmt: skip
    gaps = len(report.gaps) / minutes
    # A minute is not always measured: one gap is one a minute then.
    most = max(case.gaps, 1 / minutes if case.gaps else 0.0)
    yield _target(case, "gaps a minute", f"{gaps:.1f}", f"≤ {case.gaps:g}", gaps <= most)
    yield _target(
        case, "freeze, ms", _ms(report.freeze), f"≤ {_ms(case.freeze)}",
        report.freeze <= case.freeze,
    )  # fmt: skip
    if outcome.again is not None:
        again = outcome.again
        yield _target(case, "in step after, ms", _ms(again), "≤ 1000", again <= 1.0)
    yield _target(
        case, "offset, ms", _ms(report.offset()), f"±{_ms(case.mean)}",
        abs(report.offset()) <= case.mean,
    )  # fmt: skip
    inside = EDGES[0] <= low and high <= EDGES[1]
    yield _target(case, "95 % of offsets, ms", f"{_ms(low)}…{_ms(high)}", "-40…60", inside)
    if case.title == "clean":
        yield _target(case, "to the ear, ms", _ms(report.delay()), "≤ 160", report.delay() <= 0.160)


def _target(case: Case, what: str, value: str, must: str, kept: bool) -> list[object]:
    return [f"{case.title}: {what}", value, must, "yes" if kept else "NO"]


def cost_of_sound(viewer: str, seconds: float) -> float:
    """What sound takes of a core: a call that has nothing else, without one that has nothing."""
    clean = CASES["clean"]
    heard = view(viewer, clean, seconds, picture=False).cpu
    return heard - view(viewer, clean, seconds, sound=False, picture=False).cpu


@contextmanager
def load(busy: bool) -> Iterator[None]:
    """Keep each core busy with something else."""
    command = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(command) for _ in range(cpu_count() or 1)] if busy else []
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def run(options: argparse.Namespace) -> None:
    def viewed(name: str, viewer: str) -> Outcome:
        case = CASES[name]
        seconds = options.drift_seconds if name in DRIFTING else options.seconds
        print(f"{time.strftime('%H:%M:%S')} {case.title}: {viewer}", file=sys.stderr)
        return view(viewer, case, seconds)

    pairs = list(product(options.lines, options.viewers))
    with ThreadPoolExecutor(len(pairs) if options.at_once else 1) as pool:
        outcomes = list(pool.map(viewed, *zip(*pairs, strict=True)))
    table(HEAD, [row(outcome) for outcome in outcomes])
    ours = [outcome for outcome in outcomes if outcome.viewer == VIEWERS[0]]
    rows = [line for outcome in ours for line in targets(outcome)]
    if "cost" in options.also:
        for viewer in (each for each in options.viewers if each != "chromium"):
            cost = cost_of_sound(viewer, options.seconds)
            kept = "yes" if cost <= 0.03 else "NO"
            rows.append([f"CPU of sound, %: {viewer}", f"{cost * 100:.1f}", "≤ 3", kept])
    table(("target", "is", "must be", "kept"), rows)
    if "counters" in options.also:
        for outcome in outcomes:
            print(f"{outcome.case.title}: {outcome.viewer}: {outcome.counters} {outcome.link}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", nargs="+", choices=CASES, default=list(CASES))
    here = [viewer for viewer in VIEWERS[:3] if viewer != "chromium" or browserview.found()]
    parser.add_argument("--viewers", nargs="+", choices=VIEWERS, default=here)
    parser.add_argument("--seconds", type=float, default=30.0, help="on each line")
    parser.add_argument("--drift-seconds", type=float, default=60.0, help="where clocks drift")
    parser.add_argument("--busy", action="store_true", help="with another process on each core")
    parser.add_argument("--at-once", action="store_true", help="all lines at the same time")
    parser.add_argument("--also", nargs="*", choices=("cost", "counters"), default=["cost"])
    options = parser.parse_args(arguments)
    if not available():
        sys.exit("This needs PulseAudio: apt install pulseaudio pulseaudio-utils")
    with load(options.busy):
        run(options)


if __name__ == "__main__":
    main()
