"""Plays any command in a pseudo-terminal and says what a viewer got and what it cost.

    python tests/bench/meter.py --size 120x40 -- timg -ph --loops=1 {clip}

{clip}, {cols} and {rows} are put in. The terminal has true colours, synchronized output and cells
of 8 x 16 pixels, and answers questions. What a frame is, is seen by the marks of synchronized
output, else by the cursor going up, else by pauses.
"""

from __future__ import annotations

import argparse
import json
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path

import clip as clips
import numpy as np
from ideal import Pixels, Place, Reference, find_place, nearest, ssim
from program import Program
from screen import Screen
from tables import median, percentile, table

SETTLED = 2.0  # seconds of pictures after which a program has started
PAUSE = 0.008  # seconds without a byte between two frames
SAME_JUMP = 64  # bytes: the cursor goes up several times at the start of a frame
SEEN = 12.0  # dB: below it the screen shows something else than the clip


@dataclass
class Recording:
    """What a program wrote, and when, and what it took."""

    data: bytes = b""
    times: list[float] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    cpu: float = 0.0
    playing: float | None = None  # CPU seconds a second while it plays and nothing else
    seconds: float = 0.0
    peak_pending: int = 0
    code: int = 0

    def time_of(self, offset: int) -> float:
        """When the terminal had this many bytes."""
        return self.times[min(len(self.times) - 1, bisect_left(self.offsets, offset))]


@dataclass
class Result:
    """What a viewer got, and what it cost."""

    frames: int
    fps: float | None
    bytes_per_frame: float | None
    bytes_p95: float | None
    cpu: float  # seconds a second of the clip, everything from start to end
    cpu_playing: float | None  # seconds a second while it plays
    cpu_beside: float | None  # seconds of the whole that are not that: starting and ending
    psnr: float | None
    ssim: float | None
    place: Place | None
    split: str
    bytes_total: int
    peak_pending: int
    code: int
    strange: dict[str, int]


def record(
    arguments: Sequence[str],
    cols: int,
    rows: int,
    *,
    env: Mapping[str, str] | None = None,
    limit: float = 60.0,
) -> Recording:
    """Run a command to its end and keep what it wrote."""
    recording = Recording()
    data = bytearray()
    polls: list[tuple[float, float, int]] = []
    with Program(arguments, cols, rows, env=env) as program:
        next_poll = program.began
        while time.monotonic() - program.began < limit:
            chunk = program.read(0.05)
            now = time.monotonic()
            if chunk is None:
                break
            if chunk:
                data += chunk
                recording.times.append(now)
                recording.offsets.append(len(data))
            if now >= next_poll and (cpu := program.cpu()) is not None:
                polls.append((now, cpu, len(data)))
                next_poll = now + 0.25
        program.close()
        recording.seconds = time.monotonic() - program.began
        recording.cpu = program.cpu() or 0.0
        recording.peak_pending, recording.code = program.peak_pending, program.code
    recording.data = bytes(data)
    recording.playing = _playing(polls)
    return recording


def _playing(polls: list[tuple[float, float, int]]) -> float | None:
    """CPU seconds a second from ``SETTLED`` seconds after the first picture to the last output."""
    large = [poll for poll in polls if poll[2] > 4000]
    grown = [after for before, after in pairwise(large) if after[2] > before[2]]
    if not grown:
        return None
    steady = [poll for poll in large if large[0][0] + SETTLED <= poll[0] <= grown[-1][0]]
    if len(steady) < 2 or steady[-1][0] - steady[0][0] < 1:
        return None
    return (steady[-1][1] - steady[0][1]) / (steady[-1][0] - steady[0][0])


def _beside(recording: Recording, reference: Reference) -> float | None:
    if recording.playing is None:
        return None
    return recording.cpu - recording.playing * reference.seconds


@dataclass
class _Cut:
    """A moment at which a frame may have ended."""

    kind: str
    offset: int
    pixels: Pixels


def _cuts(recording: Recording, cols: int, rows: int) -> tuple[list[_Cut], dict[str, int]]:
    """The screen at every moment at which a frame may have ended."""
    cuts: list[_Cut] = []
    last_jump = -SAME_JUMP - 1

    def mark(kind: str, offset: int) -> None:
        nonlocal last_jump
        if kind == "jump":
            before, last_jump = last_jump, offset
            if offset - before <= SAME_JUMP:
                return
        cuts.append(_Cut(kind, offset, screen.pixels()))

    screen = Screen(cols, rows, mark)
    start = 0
    for number, offset in enumerate(recording.offsets):
        last = number + 1 == len(recording.offsets)
        if last or recording.times[number + 1] - recording.times[number] > PAUSE:
            screen.feed(recording.data[start:offset])
            start = offset
            cuts.append(_Cut("end" if last else "pause", offset, screen.pixels()))
    return cuts, screen.strange


def _split(cuts: list[_Cut], expected: int) -> str:
    """Which kind of mark this program's frames end with."""
    count = {kind: sum(cut.kind == kind for cut in cuts) for kind in ("sync", "jump")}
    if count["sync"] >= 0.25 * expected:
        return "sync"
    return "jump" if 0.25 * expected <= count["jump"] <= 1.6 * expected else "pause"


def analyse(
    recording: Recording,
    reference: Reference,
    cols: int,
    rows: int,
    place: Place | None = None,
) -> Result:
    """Decode a recording and hold it against the clip."""
    cuts, strange = _cuts(recording, cols, rows)
    split = _split(cuts, reference.count)
    cuts = [cut for cut in cuts if cut.kind in (split, "end")]
    if place is None:
        middle = [cut.pixels for cut in cuts[len(cuts) // 5 : max(1, len(cuts) * 4 // 5)]]
        place = find_place(middle, reference)
    shown = _shown(cuts, place, reference) if place else []
    times = [recording.time_of(cut.offset) for cut, _, _ in shown]
    sizes = [
        float(after.offset - before.offset) for (before, _, _), (after, _, _) in pairwise(shown)
    ]
    span = times[-1] - times[0] if times else 0.0
    return Result(
        frames=len(shown),
        fps=(len(shown) - 1) / span if span else None,
        bytes_per_frame=percentile(sizes, 50),
        bytes_p95=percentile(sizes, 95),
        cpu=recording.cpu / reference.seconds,
        cpu_playing=recording.playing,
        cpu_beside=_beside(recording, reference),
        psnr=median(decibels for _, _, decibels in shown),
        ssim=_ssim(shown, place, reference) if place else None,
        place=place,
        split=split,
        bytes_total=len(recording.data),
        peak_pending=recording.peak_pending,
        code=recording.code,
        strange=strange,
    )


def _shown(cuts: list[_Cut], place: Place, reference: Reference) -> list[tuple[_Cut, int, float]]:
    """The moments at which another picture of the clip stood there: frame and dB."""
    shown: list[tuple[_Cut, int, float]] = []
    before: Pixels | None = None
    for cut in cuts:
        picture = place.of(cut.pixels)
        if before is not None and np.array_equal(picture, before):
            continue
        before = picture
        number, decibels = nearest(cut.pixels, place, reference)
        if decibels > SEEN:
            shown.append((cut, number, decibels))
    return shown


def _ssim(shown: list[tuple[_Cut, int, float]], place: Place, reference: Reference) -> float | None:
    values = []
    for cut, number, _ in shown[:: max(1, len(shown) // 60)]:
        ideal = reference.picture(number, place.width, place.height)
        values.append(ssim(place.of(cut.pixels), place.visible(ideal, cut.pixels.shape)))
    return median(values)


def filled(arguments: Sequence[str], clip: Path, cols: int, rows: int) -> list[str]:
    """A command with the clip and the size put in."""
    values = {"{clip}": str(clip), "{cols}": str(cols), "{rows}": str(rows)}
    made = []
    for argument in arguments:
        for name, value in values.items():
            argument = argument.replace(name, value)
        made.append(argument)
    return made


def size(text: str) -> tuple[int, int]:
    """Columns and rows, from COLSxROWS."""
    cols, _, rows = text.partition("x")
    return int(cols), int(rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", nargs="+", help="the command, after --")
    parser.add_argument("--clip", type=Path, help="what it plays (default: the talking head)")
    parser.add_argument("--size", type=size, default=(120, 40), metavar="COLSxROWS")
    parser.add_argument("--runs", type=int, default=1, help="medians of so many")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds it may take")
    parser.add_argument("--json", action="store_true", help="print all of it, one run a line")
    options = parser.parse_args()
    cols, rows = options.size
    clip = clips.ensure(options.clip)
    reference = Reference(clip)
    results: list[Result] = []
    for _ in range(options.runs):
        command = filled(options.command, clip, cols, rows)
        recording = record(command, cols, rows, limit=options.limit)
        place = results[0].place if results else None
        results.append(analyse(recording, reference, cols, rows, place))
        if options.json:
            print(json.dumps(asdict(results[-1])))
    if not options.json:
        table(("what", "median"), summary(results))


def summary(results: Sequence[Result]) -> list[tuple[str, object]]:
    """The figures of several runs of one command."""
    first = results[0]
    return [
        ("frames shown", median(result.frames for result in results)),
        ("frames a second", median(result.fps for result in results)),
        ("bytes a frame", median(result.bytes_per_frame for result in results)),
        ("bytes a frame, p95", median(result.bytes_p95 for result in results)),
        ("CPU s a second of clip", median(result.cpu for result in results)),
        ("CPU s a second, playing", median(result.cpu_playing for result in results)),
        ("CPU s to start and end", median(result.cpu_beside for result in results)),
        ("PSNR, dB", median(result.psnr for result in results)),
        ("SSIM", f"{median(result.ssim for result in results) or 0:.4f}"),
        ("pending at most, bytes", median(result.peak_pending for result in results)),
        ("picture, half-block pixels", tuple(first.place) if first.place else None),
        ("frames seen by", first.split),
        ("exit code", first.code),
        ("not understood", first.strange or None),
    ]


if __name__ == "__main__":
    main()
