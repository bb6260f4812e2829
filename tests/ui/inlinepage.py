"""An app under the prompt, with a picture in it; a program for tests to run."""

from __future__ import annotations

import sys
from typing import ClassVar

import av
import numpy as np
from textual.app import ComposeResult
from textual.widgets import Static

from did_tui.config import Look
from did_tui.ui.base import TerminalApp
from did_tui.ui.widgets.video import VideoView

RED, BLUE = (200, 0, 0), (0, 0, 200)


class InlinePage(TerminalApp[None]):
    """A red picture; a key makes it blue, another one ends it."""

    CSS = "Screen { height: 9; border: none; } VideoView { width: 20; height: 5; }"
    BINDINGS: ClassVar = [("b", "blue", "Blue"), ("e", "end", "End")]

    def compose(self) -> ComposeResult:
        """A picture between two lines."""
        yield Static("above it")
        yield VideoView()
        yield Static("below it")

    def on_mount(self) -> None:
        """Begin with red."""
        self._show(RED)

    def action_blue(self) -> None:
        """Another frame."""
        self._show(BLUE)

    def action_end(self) -> None:
        """Leave."""
        self.exit()

    def _show(self, colour: tuple[int, int, int]) -> None:
        pixels = np.zeros((80, 160, 3), np.uint8)
        pixels[:] = colour
        frames = [av.VideoFrame.from_ndarray(pixels, format="rgb24")]
        view = self.query_one(VideoView)
        view.attach(lambda: frames.pop() if frames else None)
        view.picture_ready()


if __name__ == "__main__":
    InlinePage(Look(shape=sys.argv[1], colours="true")).run(inline=True)
