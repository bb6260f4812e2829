"""The screen of a booth while nobody is there: a face, and what to press."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from textual import events, work
from textual.app import ComposeResult
from textual.containers import Center, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from did_tui.api.errors import DidError
from did_tui.ui.booth import goodbye
from did_tui.ui.text import literal
from did_tui.ui.widgets.video import VideoView

if TYPE_CHECKING:
    from did_tui.live.media.idle import IdleLoop
    from did_tui.ui.kiosk import KioskApp

LOOK = 1.0  # seconds between two looks at whether a new day has begun
TITLE, INVITATION = "Ask me anything", "Press any key"
ONE_MOMENT = "One moment…"
SHOWN_STARTERS = 4  # where it is low


class Attract(Screen[None]):
    """The agent's idle film, or its picture: no stream is open, and nothing costs anything."""

    app: KioskApp
    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Attract { layout: vertical; }
    Attract #words { height: auto; padding: 1 2; }
    Attract #title { text-style: bold; color: $primary; text-align: center; }
    Attract #invitation { color: $muted; text-align: center; }
    Attract #starters { width: auto; max-width: 100%; margin: 1 0 0 0; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.face = VideoView(framing="crop", id="face")
        self._film: IdleLoop | None = None
        self._has_still = False
        self._here = True  # nothing lies over it

    def compose(self) -> ComposeResult:
        """A face, and the words under it."""
        yield self.face
        with Vertical(id="words"):
            yield Static("", id="title", markup=False)
            yield Static("", id="invitation", markup=False)
            with Center():
                yield Static("", id="starters", markup=False)

    def on_mount(self) -> None:
        """Say something at once."""
        self.face.attach(lambda: self._film.take() if self._film is not None else None)
        self.set_interval(LOOK, self.say)
        self.say()

    def welcome(self) -> None:
        """It is known who the agent is."""
        self.say()
        self.load_face()

    @work(group="face", exclusive=True)
    async def load_face(self) -> None:
        """Show the agent's picture, then its film; either may be missing."""
        agent = self.app.agent
        if agent is None:
            return
        with suppress(DidError):
            if agent.thumbnail:
                await self.face.show_still(await (await self.app.client()).picture(agent.thumbnail))
                self._has_still = True
        address = agent.idle_video or agent.avatar.idle_video
        with suppress(DidError):
            if address and self.app.animation_level != "none":
                film = await (await self.app.client()).picture(address)
                await self._play(film)

    async def _play(self, film: bytes) -> None:
        idle = await asyncio.to_thread(__import__, "did_tui.live.media.idle", fromlist=["x"])
        loop = asyncio.get_running_loop()

        def ready() -> None:
            with suppress(RuntimeError):  # the app has ended
                loop.call_soon_threadsafe(self.face.picture_ready)

        self._film = idle.IdleLoop(film, ready)
        if self._here:
            self._film.start()

    def remember(self, face: VideoView) -> None:
        """A visit is over: where there is no other picture, its last one stays."""
        source = face.flow.source
        if source is not None and self._film is None and not self._has_still:
            self.face.show(source)

    def on_screen_suspend(self) -> None:
        """Somebody is there: the film would be for nobody."""
        self._here = False
        if self._film is not None:
            self._film.stop()

    def on_screen_resume(self) -> None:
        """Nobody is there any more."""
        self._here = True
        if self._film is not None:
            self._film.start()
        if self.is_mounted:
            self.say()

    def on_unmount(self) -> None:
        """Nothing moves any more."""
        if self._film is not None:
            self._film.stop()

    def say(self) -> None:
        """Say what can be done, or that nothing can be done now."""
        agent, left = self.app.agent, self.app.left
        title, invitation, starters = TITLE, INVITATION, self.app.starters
        if agent is None:
            title, invitation, starters = ONE_MOMENT, "", []
        elif left is not None and left <= 0:
            title, invitation, starters = goodbye("budget"), "", []
        elif agent.name:
            invitation = f"{INVITATION} to talk with {agent.name}"
        shown = starters if self.size.height >= 30 else starters[:SHOWN_STARTERS]
        rows = [
            literal(f" {n} ", "bold $primary") + literal(f" {text}")
            for n, text in enumerate(shown, 1)
        ]
        self._put("#title", literal(title))
        self._put("#invitation", literal(invitation))
        self._put("#starters", Content("\n").join(rows))

    def _put(self, where: str, words: Content) -> None:
        line = self.query_one(where, Static)
        line.display = bool(words.plain)
        if line.content != words:
            line.update(words)

    def on_key(self, event: events.Key) -> None:
        """Any key begins; a digit asks, and a letter is the first one of a question."""
        event.stop()
        letter = event.character or ""
        if letter.isdecimal() and letter.isascii() and 0 < int(letter) <= len(self.app.starters):
            self.app.begin(starter=int(letter))
        else:
            self.app.begin(letter if letter.isprintable() and not letter.isspace() else "")

    def on_click(self) -> None:
        """So does the mouse."""
        self.app.begin()
