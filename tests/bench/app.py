"""The app that the other programs run in a pseudo-terminal: the picture, and perhaps a prompt.

It shows a decoded clip at 25 fps, over and over, and writes what it measured itself to a file, one
JSON object a line: when it began, and at the end what it took.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import av
import counter
import numpy as np
from textual import work
from textual.app import ComposeResult
from textual.widgets import Input, Static

from did_tui.config import Look
from did_tui.ui.base import TerminalApp
from did_tui.ui.widgets.video import VideoView

FPS = 25
STEP = 0.005  # seconds between two looks at whether the event loop is late


def decoded(path: Path) -> list[av.VideoFrame]:
    """All frames of a clip, each in memory of its own."""
    with av.open(str(path)) as container:
        return [
            av.VideoFrame.from_ndarray(frame.to_ndarray(format="yuv420p"), "yuv420p")
            for frame in container.decode(video=0)
        ]


class BenchApp(TerminalApp[None]):
    """A picture; with ``prompt`` also a line of status and one to type on."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #status { height: 1; }
    Input, Input:focus { height: 1; border: none; padding: 0; }
    """

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(Look())
        self._options = options
        self._frames = decoded(options.clip) if options.clip else []
        self._newest: av.VideoFrame | None = None
        self._late: list[float] = []

    def compose(self) -> ComposeResult:
        yield VideoView(id="picture")
        if self._options.prompt:
            yield Static(id="status", markup=False)
            yield Input(select_on_focus=False)

    def on_mount(self) -> None:
        self.measure()
        self.watch_loop()
        if self._options.prompt:
            self.query_one(Input).focus()
            self.set_interval(1.0, self.say_status)
        if self._frames:
            self.query_one(VideoView).attach(self.take)
            self.play()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.input.clear()

    def say_status(self) -> None:
        shown = self.query_one(VideoView).frames_shown
        self.query_one("#status", Static).update(f"{shown} frames shown")

    def take(self) -> av.VideoFrame | None:
        """The newest frame, once."""
        frame, self._newest = self._newest, None
        return frame

    @work
    async def play(self) -> None:
        """Frame n is due n / 25 s after the beginning; what is missed is left out."""
        view = self.query_one(VideoView)
        began = time.monotonic()
        self.note(began=began)
        number = 0
        while True:
            await asyncio.sleep(began + number / FPS - time.monotonic())
            frame = self._frames[number % len(self._frames)]
            if self._options.counter:
                counter.paint(frame, number)
            self._newest = frame
            view.picture_ready()
            number = max(number + 1, int((time.monotonic() - began) * FPS))

    @work
    async def watch_loop(self) -> None:
        """Sleep in short steps and see how much longer they were."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(STEP)
            self._late.append((time.monotonic() - before - STEP) * 1000)

    @work
    async def measure(self) -> None:
        """Let it warm up, measure, say what it took, and leave."""
        view = self.query_one(VideoView)
        await asyncio.sleep(self._options.warm)
        began, cpu, shown = time.monotonic(), time.process_time(), view.frames_shown
        self._late.clear()
        await asyncio.sleep(self._options.seconds)
        seconds = time.monotonic() - began
        late = self._late or [0.0]
        self.note(
            measured_from=began,
            seconds=seconds,
            cpu=(time.process_time() - cpu) / seconds,
            fps=(view.frames_shown - shown) / seconds,
            stall_p50=float(np.percentile(late, 50)),
            stall_p99=float(np.percentile(late, 99)),
            stall_max=max(late),
        )
        self.exit()

    def note(self, **figures: float) -> None:
        """Add a line to the report."""
        with self._options.report.open("a", encoding="utf-8") as file:
            file.write(json.dumps(figures) + "\n")


def notes(report: Path) -> dict[str, float]:
    """What an app has written so far."""
    figures: dict[str, float] = {}
    if report.exists():
        for line in report.read_text(encoding="utf-8").splitlines():
            figures |= json.loads(line)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path, help="where to write what was measured")
    parser.add_argument("--clip", type=Path, help="what to show (default: nothing)")
    parser.add_argument("--prompt", action="store_true", help="with a line to type on")
    parser.add_argument("--counter", action="store_true", help="paint each frame's number on it")
    parser.add_argument("--warm", type=float, default=2.0, help="seconds before it measures")
    parser.add_argument("--seconds", type=float, default=10.0, help="seconds that it measures")
    asyncio.run(BenchApp(parser.parse_args()).run_async())


if __name__ == "__main__":
    main()
