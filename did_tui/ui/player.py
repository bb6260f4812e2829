"""``did-tui play FILE``: a file on the whole terminal."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from textual import work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from did_tui import pauses
from did_tui.config import Settings, log_directory
from did_tui.live.media.file import SOUND_AHEAD, FilePlayer, NotPlayable
from did_tui.live.media.playback import Playback
from did_tui.ui.base import TerminalApp
from did_tui.ui.keys import bindings
from did_tui.ui.signals import exit_on_signals
from did_tui.ui.sound import make_output
from did_tui.ui.stderr import kept_off_the_screen
from did_tui.ui.text import literal, plain
from did_tui.ui.widgets.video import VideoView

OPENING_SECONDS = 3.0
"""How long a file waits for a speaker at most."""


class PlayerApp(TerminalApp[str]):
    """One file; ends with it. Its result is the trouble, if there was any."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS = [*bindings("everywhere"), *bindings("player")]
    CSS = """
    Screen { background: black; }
    #keys { dock: bottom; height: 1; padding: 0 1; background: $panel; color: $muted; }
    """

    def __init__(self, path: Path, sink: str, settings: Settings) -> None:
        super().__init__(settings.look)
        self.rebind(settings.keys)
        self._path, self._sink, self._av_offset = path, sink, settings.av_offset
        self._player: FilePlayer | None = None

    def compose(self) -> ComposeResult:
        """The picture, and a line that says what the keys do."""
        yield VideoView(id="picture")
        yield Static(self._keys(paused=False), id="keys")

    def on_mount(self) -> None:
        """Begin."""
        exit_on_signals(self)
        self.play()

    @work
    async def play(self) -> None:
        """Play the file, then leave."""
        view = self.query_one(VideoView)
        output = await make_output(self, self._sink)
        playback = Playback(
            open_speaker=lambda _sink: output,
            on_picture=view.picture_ready,
            av_offset=self._av_offset / 1000,
            ahead=SOUND_AHEAD,
        )
        view.attach(playback.take_picture, playback.upcoming)
        try:
            self._player = FilePlayer(self._path, playback)
        except NotPlayable as error:
            self.exit(str(error))
            return
        try:
            if self._sink != "none":
                playback.start()
                # The beginning is not to be lost while the device is being opened.
                await asyncio.to_thread(output.settle, OPENING_SECONDS)
            self._player.start()
            await self._player.ended()
        finally:
            self._player.stop()
            await asyncio.to_thread(playback.close)
        self.exit(self._player.trouble)

    async def action_shape(self) -> None:
        """Draw with the next shape."""
        await self.query_one(VideoView).next_shape()

    def action_pause(self) -> None:
        """Stop, or go on."""
        if self._player is not None:
            paused = not self._player.pause()
            self.query_one("#keys", Static).update(self._keys(paused=paused))

    def _keys(self, *, paused: bool) -> Content:
        """The line below the picture."""
        before, what = ("⏸ paused   ", "go on") if paused else ("", "pause")
        shape, leave = self.key("shape-player"), self.key("leave-player")
        return literal(f"{before}{self.key('pause')} {what}   {shape} shape   {leave} leave")


def play(path: Path, sink: str, settings: Settings) -> int:
    """Play a file in this terminal; the exit code."""
    app = PlayerApp(path, sink, settings)
    with kept_off_the_screen(log_directory()), pauses.short():
        trouble = asyncio.run(app.run_async())
    if trouble:
        print(f"did-tui: {plain(trouble)}", file=sys.stderr)
    return app.return_code or (1 if trouble else 0)
