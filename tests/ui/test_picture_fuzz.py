"""Whatever happens around the picture, the terminal shows what it should."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import av
import numpy as np
import pytest
from liveterm import LiveDriver, calm, looks, resize, terminal_of, truth
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, RichLog, Static

from did_tui.config import Look
from did_tui.picture import painter
from did_tui.ui.base import TerminalApp
from did_tui.ui.terminal import now
from did_tui.ui.widgets import flow
from did_tui.ui.widgets.video import VideoView

STEPS = 1000
SHAPES = ("half", "quadrant", "sextant", "octant", "braille")


class Question(ModalScreen[None]):
    CSS = "Question { align: center middle; } #box { width: 20; height: 5; background: darkred; }"

    def compose(self) -> ComposeResult:
        yield Static("really?", id="box")


class Page(Screen[None]):
    def compose(self) -> ComposeResult:
        yield Static("another page")


class Stage(TerminalApp[None]):
    CSS = """
    Screen { layers: base over; }
    #scroll { width: 60%; height: 12; }
    VideoView { width: 40; height: 14; }
    #side { width: 1fr; }
    RichLog { height: 1fr; }
    #note { layer: over; width: 12; height: 3; background: green; offset: 5 4; display: none; }
    #veil { layer: over; width: 9; height: 4; background: blue 40%; offset: 12 7; display: none; }
    """

    def compose(self) -> ComposeResult:
        with Horizontal():
            with VerticalScroll(id="scroll"):
                yield Static("above\nabove", id="above")
                yield VideoView()
                yield Static("below\n" * 6)
            with Vertical(id="side"):
                yield RichLog()
                yield Input()
        yield Static("a note", id="note")
        yield Static("a veil", id="veil")


class Source:
    """Frames that move a little, or all at once."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self.pixels = self._random.integers(0, 256, (48, 64, 3), dtype=np.uint8)
        self.newest: av.VideoFrame | None = None
        self.coming: list[av.VideoFrame] = []

    def next(self) -> None:
        """The next frame comes: one that was foretold, mostly."""
        self.foretell()
        if self._random.random() < 0.2:
            self.coming.clear()
            self.foretell()
        self.newest = self.coming.pop(0)

    def foretell(self) -> None:
        while len(self.coming) < 4:
            self.coming.append(self._made())

    def upcoming(self) -> list[av.VideoFrame]:
        return list(self.coming)

    def _made(self) -> av.VideoFrame:
        rng = self._random
        if rng.random() < 0.1:
            self.pixels = rng.integers(0, 256, self.pixels.shape, dtype=np.uint8)
        y, x = int(rng.integers(0, 40)), int(rng.integers(0, 52))
        self.pixels[y : y + 8, x : x + 12] = rng.integers(0, 256, 3, dtype=np.uint8)
        return av.VideoFrame.from_ndarray(self.pixels, format="rgb24")

    def take(self) -> av.VideoFrame | None:
        frame, self.newest = self.newest, None
        return frame


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Still pictures become exact without waiting, and frames are not held back."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setattr(painter, "STILL", 1)
    monkeypatch.setattr(flow, "SETTLE", 0.0)
    monkeypatch.setattr(flow, "LULL", 0.0)
    monkeypatch.setattr(flow, "DIMMED_FPS", 1000.0)


@asynccontextmanager
async def stage(size: tuple[int, int] = (80, 24)) -> AsyncIterator[Stage]:
    app = Stage(Look(shape="half", colours="true", fps=1000), driver_class=LiveDriver)
    running = asyncio.create_task(app.run_async(headless=False, size=size, mouse=False))
    while not app.is_running or not app.screen_stack or not app.query(VideoView):
        await calm(0.01)
    await calm(0.1)
    try:
        yield app
    finally:
        app.exit()
        await running


async def settled(app: Stage) -> None:
    """Wait until nothing is on its way any more."""
    quiet, before = 0, -1
    for _ in range(400):
        await calm(0.004)
        views = [view for screen in app.screen_stack for view in screen.query(VideoView)]
        written = app.bytes_written
        waiting = any(
            view.flow.busy
            or (
                view.is_mounted
                and view.canvas.way() == "short"
                and (view.flow.fresh or view.flow.again)
            )
            for view in views
        )
        quiet = quiet + 1 if written == before and not waiting else 0
        before = written
        if quiet >= 3:
            return
    states = [
        (view.flow.busy, view.flow.fresh, view.flow.again, view.canvas.way()) for view in views
    ]
    raise AssertionError(f"it never settles: {states}, {app.pace.wait(now(), 0)}")


async def lasting_differences(app: Stage) -> list[str]:
    """What is wrong and stays wrong."""
    for _ in range(60):
        await settled(app)
        found = differences(app)
        if not found:
            return found
        await calm(0.03)
    return found


def differences(app: Stage) -> list[str]:
    seen, found = terminal_of(app), []
    for y, row in enumerate(truth(app)):
        for x, cell in enumerate(row[: seen.cols]):
            if looks(seen.cells[y][x]) != looks(cell):
                found.append(f"({x}, {y}): {looks(seen.cells[y][x])}, not {looks(cell)}")
    return found


class Actions:
    """What can happen, each by its own name."""

    def __init__(self, app: Stage, seed: int) -> None:
        self.app, self.random, self.source = app, random.Random(seed), Source(seed)
        self.view = app.query_one(VideoView)
        self.view.attach(self.source.take, self.source.upcoming)

    async def frame(self) -> None:
        self.source.next()
        self.view.picture_ready()

    async def frames(self) -> None:
        for _ in range(4):
            await self.frame()
            await asyncio.sleep(0)

    async def frames_of_a_thread(self) -> None:
        def hand_over() -> None:
            for _ in range(4):
                self.source.next()
                self.view.picture_ready()
                time.sleep(self.random.choice([0.0, 0.001, 0.006]))

        await asyncio.to_thread(hand_over)

    async def note(self) -> None:
        note = self.app.screen_stack[0].query_one(self.random.choice(["#note", "#veil"]))
        note.display = not note.display

    async def move_note(self) -> None:
        self.app.screen_stack[0].query_one("#note").styles.offset = (
            self.random.randrange(30),
            self.random.randrange(12),
        )

    async def scroll(self) -> None:
        self.app.screen_stack[0].query_one("#scroll").scroll_to(
            y=self.random.randrange(10), animate=False
        )

    async def above(self) -> None:
        above = self.app.screen_stack[0].query_one("#above", Static)
        above.update("\n".join("above" for _ in range(self.random.randrange(1, 5))))

    async def width(self) -> None:
        self.view.styles.width = self.random.randrange(1, 50)

    async def height(self) -> None:
        self.view.styles.height = self.random.randrange(1, 16)

    async def hide(self) -> None:
        self.view.display = not self.view.display

    async def write(self) -> None:
        self.app.screen_stack[0].query_one(RichLog).write("words " * self.random.randrange(9))

    async def toast(self) -> None:
        self.app.notify("something happened", timeout=self.random.choice([0.05, 30]))

    async def no_toasts(self) -> None:
        self.app.clear_notifications()

    async def ask(self) -> None:
        if len(self.app.screen_stack) == 1:
            await self.app.push_screen(Question())

    async def turn_page(self) -> None:
        if len(self.app.screen_stack) == 1:
            await self.app.push_screen(Page())

    async def palette(self) -> None:
        if len(self.app.screen_stack) == 1:
            self.app.action_command_palette()

    async def back(self) -> None:
        if len(self.app.screen_stack) > 1:
            self.app.screen.dismiss()

    async def shape(self) -> None:
        self.view.draw_with(self.random.choice(SHAPES), "true")

    async def colours(self) -> None:
        self.view.draw_with(self.view.style_names[0], self.random.choice(["true", "256", "grey"]))

    async def resize(self) -> None:
        await resize(self.app, self.random.randrange(20, 100), self.random.randrange(8, 34))

    async def fade(self) -> None:
        self.view.styles.opacity = self.random.choice([1.0, 1.0, 0.5])

    async def refresh(self) -> None:
        self.app.refresh(layout=self.random.random() < 0.5)

    async def batch(self) -> None:
        with self.app.batch_update():
            await self.frame()
            await self.note()

    async def any(self) -> str:
        names = [name for name in dir(type(self)) if not name.startswith("_") and name != "any"]
        weights = [6 if name.startswith("frame") else 2 if name == "back" else 1 for name in names]
        name = self.random.choices(names, weights)[0]
        with self.app._context():
            await getattr(self, name)()
        return name


@pytest.mark.parametrize("seed", range(4))
async def test_the_terminal_shows_what_it_should(seed: int) -> None:
    async with stage() as app:
        actions, history = Actions(app, seed), []
        await actions.frame()
        for step in range(STEPS // 4):
            history.append(await actions.any())
            if actions.random.random() < 0.5:
                history.append(await actions.any())
            wrong = await lasting_differences(app)
            assert not wrong, f"step {step}, after {history[-8:]}: {len(wrong)} cells, {wrong[:4]}"
        assert not terminal_of(app).strange
        assert actions.view.frames_shown > 20


async def test_a_picture_that_comes_while_textual_paints_it_faded_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with stage() as app:
        actions = Actions(app, 1)
        for _ in range(12):
            await actions.frame()
            await settled(app)
        assert actions.view.flow._known is not None, "pictures go the short way"
        display = app._display
        hurried: list[bool] = []

        def hurry(screen: Screen[None], renderable: Any) -> None:
            if renderable is not None and actions.view.styles.opacity == 0.5 and not hurried:
                actions.source.pixels = 255 - actions.source.pixels
                actions.source.coming.clear()
                thread = threading.Thread(target=one_frame)
                thread.start()
                thread.join()
                hurried.append(True)
            display(screen, renderable)

        def one_frame() -> None:
            actions.source.next()
            actions.view.picture_ready()
            deadline = time.monotonic() + 0.3
            while actions.view.flow.busy and time.monotonic() < deadline:
                time.sleep(0.001)

        monkeypatch.setattr(app, "_display", hurry)
        actions.view.styles.opacity = 0.5
        found = await lasting_differences(app)
        assert hurried
        assert not found
