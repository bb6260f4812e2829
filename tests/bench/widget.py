"""The picture alone in a Textual app: what 25 frames a second cost over the same app without it.

Both apps also look 200 times a second whether the event loop is late, so that cancels out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import clip as clips
from app import FPS, notes
from meter import Recording, record, size
from screen import Pixels, Screen
from tables import median, table, within

APP = [sys.executable, str(Path(__file__).with_name("app.py"))]


def run(
    clip: Path | None, cols: int, rows: int, seconds: float, *more: str
) -> tuple[dict[str, float], Recording]:
    """Run the app; what it measured, and what it wrote."""
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report"
        command = [*APP, str(report), "--seconds", str(seconds), *more]
        if clip is not None:
            command += ["--clip", str(clip)]
        recording = record(command, cols, rows, limit=seconds + 30)
        return notes(report), recording


def frames_seen(recording: Recording, cols: int, rows: int, start: float, end: float) -> int:
    """How often the terminal showed another picture."""
    seen = 0
    before: Pixels | None = None

    def mark(kind: str, _offset: int) -> None:
        nonlocal seen, before
        if kind == "sync":
            now = screen.pixels()
            seen += before is not None and (now != before).any() and inside
            before = now

    screen = Screen(cols, rows, mark)
    offset = 0
    for moment, upto in zip(recording.times, recording.offsets, strict=True):
        inside = start <= moment <= end
        screen.feed(recording.data[offset:upto])
        offset = upto
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", type=Path, help="what it shows (default: the talking head)")
    parser.add_argument("--size", type=size, default=(120, 40), metavar="COLSxROWS")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    clip, (cols, rows) = clips.ensure(options.clip), options.size
    results: dict[str, list[dict[str, float]]] = {"idle": [], "picture": []}
    for _ in range(options.runs):
        for name, shown in (("idle", None), ("picture", clip)):
            figures, recording = run(shown, cols, rows, options.seconds)
            if "measured_from" not in figures:
                sys.exit(f"The app failed:\n{recording.data[-2000:].decode(errors='replace')}")
            start = figures["measured_from"]
            end = start + figures["seconds"]
            seen = frames_seen(recording, cols, rows, start, end)
            figures["seen"] = seen / figures["seconds"]
            inside = [at for at, t in zip(recording.offsets, recording.times, strict=True)
                      if start <= t <= end]  # fmt: skip
            figures["bytes"] = (inside[-1] - inside[0]) / max(seen, 1) if inside else 0
            results[name].append(figures)
    keys = ("cpu", "fps", "seen", "bytes", "stall_p50", "stall_p99", "stall_max")
    middle = {
        name: {key: median(run[key] for run in runs) or 0.0 for key in keys}
        for name, runs in results.items()
    }
    print(f"{cols}x{rows}, medians of {options.runs}")
    head = ("app", "CPU %", "fps, widget", "fps, terminal", "bytes/frame")
    table(
        (*head, "stall p50", "p99", "max, ms"),
        [
            [name, of["cpu"] * 100, of["fps"], of["seen"], f"{of['bytes']:,.0f}",
             of["stall_p50"], of["stall_p99"], of["stall_max"]]
            for name, of in middle.items()
        ],
    )  # fmt: skip
    shows, idles = middle["picture"], middle["idle"]
    over = (shows["cpu"] - idles["cpu"]) * 100
    late = shows["stall_p99"]
    table(
        ("target", "is", "must be", "kept"),
        [
            ["CPU over idle, % of a core", over, "at most 7", within(over, 7)],
            ["frames a second", shows["seen"], "25.0", within(FPS - shows["seen"], 0.05)],
            ["loop stall p99, ms", late, "at most 15", within(late, 15)],
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
