"""What every app with a live picture has: a terminal whose speed is known."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from textual import constants, events
from textual import screen as textual_screen
from textual.app import App
from textual.screen import Screen

from did_tui import pauses
from did_tui.config import Look, Value
from did_tui.picture.pace import Pace
from did_tui.text import harmless
from did_tui.ui import glyphs, keymap, terminal
from did_tui.ui.clipboard import Copied, copied
from did_tui.ui.compositor import forget_gone
from did_tui.ui.keyqueue import KeyDone, KeyQueue
from did_tui.ui.keys import key_of
from did_tui.ui.terminal import ASK
from did_tui.ui.theme import ANIMATIONS, THEMES, name_of

if TYPE_CHECKING:
    from rich.console import RenderableType

Result = TypeVar("Result")

SAVE, RESTORE = "\x1b7", "\x1b8"  # DECSC, DECRC: cursor and colours
SYNC_BEGIN, SYNC_END = "\x1b[?2026h", "\x1b[?2026l"  # synchronized output
SELDOM = 0.29  # seconds between two questions to a terminal that takes everything
PLENTY = 30  # times what an update takes: such a terminal takes everything
ANSWER_SECONDS = 0.5  # that a terminal has to say how wide a glyph is
RECENT = 0.5  # seconds after which what was written before is taken to have arrived


# A change waits for Textual's next turn to paint; after a paint that took longer than a turn, one
# too many is left out (8.2.8, Timer._run): with 60 turns a second, a letter waited 25 ms.
textual_screen.UPDATE_PERIOD = min(textual_screen.UPDATE_PERIOD, 1 / 120)  # type: ignore[misc]


class Picture(Protocol):
    """What moves: ``held`` while it waits for the terminal, ``room`` when that may be over."""

    held: bool

    def room(self) -> None:
        """Event loop only."""

    def overtaken(self) -> None:
        """Textual is about to paint; under the app's lock."""


class TerminalApp(App[Result]):
    """An app on a terminal that is never sent more than it can take.

    While there is a picture (``add_picture``), every paint ends with a query, and ``pace`` learns
    from the answers.
    """

    def __init__(self, look: Look, **options: Any) -> None:
        options.setdefault("driver_class", terminal.driver_class())
        super().__init__(**options)
        self.look = look
        self.pace = Pace(look.fps, look.max_kbps * 1000 / 8 if look.max_kbps else None)
        self.typed = KeyQueue(self)
        self._pictures: tuple[Picture, ...] = ()
        #: Held while the picture or Textual decides what the terminal shows, and by who asks pace.
        self.lock = threading.RLock()
        self.paints = 0  # Textual's, so far
        self._typed_at = terminal.now()
        self._behind = False
        self._asked = float("-inf")  # when the terminal was last asked
        self._written_then = 0
        self.widths: dict[str, int] = {}  # of glyphs, in cells
        self._measured: asyncio.Future[int] | None = None
        self.copies = "auto"  # the setting ``copy``
        self.keymap: Mapping[str, str] = {}  # keys that the user has changed, by action
        self.clashes: tuple[str, ...] = ()  # why others are not
        for theme in THEMES.values():
            self.register_theme(theme)
        self.wear()

    def wear(self, theme: str = "") -> None:
        """Put on the look: colours, signs and motion, as they are wished now."""
        if theme:
            self.look = replace(self.look, theme=theme)
        self.theme = name_of(self.look.theme)
        self.animation_level = ANIMATIONS[self.look.motion] or constants.TEXTUAL_ANIMATIONS
        self.__dict__.pop("shape_and_colours", None)  # it is worked out again
        self._changes: list[Callable[[str], str]] = []
        if self.is_plain:
            self._changes.append(glyphs.as_ascii)
        if self.no_color:
            self._changes.append(glyphs.colourless)

    def rebind(self, wanted: Mapping[str, Value]) -> None:
        """Have the keys be what config.toml wants them to be."""
        found = keymap.read(wanted)
        self.keymap, self.clashes = found.keys, found.complaints
        self.set_keymap(dict(found.keys))

    def key(self, action: str) -> str:
        """What is printed on the key that runs an action now, named by its id in ``KEYS``."""
        return key_of(action, self.keymap)

    @property
    def is_plain(self) -> bool:
        """Whether this terminal is sent no signs but those of ASCII."""
        wanted = self.look.glyphs
        return wanted == "ascii" or (wanted == "auto" and glyphs.wants_ascii())

    def sent(self, text: str) -> str:
        """What is really sent to the terminal for this: without colours and signs it is not to get.

        Any thread.
        """
        for change in self._changes:
            text = change(text)
        return text

    # What the terminal is

    @cached_property
    def shape_and_colours(self) -> tuple[str, str]:
        """What pictures are drawn with, where nobody has chosen anything else since."""
        trusted = ("half", "true") if self.is_headless else terminal.capabilities()
        if self.is_plain and not self.is_headless:
            return terminal.chosen("ascii", self.look.colours, trusted)
        return terminal.chosen(self.look.shape, self.look.colours, trusted)

    @property
    def cell(self) -> tuple[int, int]:
        """Width and height of a cell in pixels."""
        return getattr(self._driver, "cell", None) or (8, 16)

    def on_load(self) -> None:
        """Have every task begin in its turn.

        From Python 3.12 on Textual has them begin at once: those of a first screen with a line to
        type in before it is the app's screen, which ends the program.
        """
        asyncio.get_running_loop().set_task_factory(None)
        self.set_interval(pauses.REST, self._rest)

    def _rest(self) -> None:
        if terminal.now() - self._typed_at > pauses.REST:
            forget_gone()
            pauses.rest()

    # What has gone to it

    @property
    def bytes_written(self) -> int:
        """Bytes that were handed to the terminal so far."""
        return int(getattr(self._driver, "bytes_written", 0))

    @property
    def pending(self) -> int:
        """Bytes that the terminal has not taken yet."""
        return int(getattr(self._driver, "pending", 0))

    def add_picture(self, picture: Picture) -> None:
        """A picture moves; event loop only."""
        self._loop_of_app = asyncio.get_running_loop()
        self._pictures += (picture,)

    def remove_picture(self, picture: Picture) -> None:
        """That picture is gone."""
        self._pictures = tuple(other for other in self._pictures if other is not picture)

    @property
    def paced(self) -> bool:
        """Whether the terminal is asked how far it has come."""
        driver = self._driver
        return (
            bool(self._pictures)
            and driver is not None
            and not (driver.is_headless or driver.is_inline)
        )

    def write(self, text: str) -> None:
        """Send something that is no paint."""
        if self._driver is not None:
            self._driver.write(text)

    def copy_to_clipboard(self, text: str) -> None:
        """Copy what Textual lets one select, too."""
        self.copy(text, f"{len(text)} characters")

    def copy(self, text: str, what: str, *, secret: bool = False) -> None:
        """Copy a text, and say which way it went; ``secret`` is in no file where no way works."""
        self._clipboard = text  # for pasting within the program
        if self.is_headless:
            self.tell_copied(Copied("the terminal"), what)
            return

        def work() -> None:
            done = copied(text, self.copies, self.write, secret=secret)
            self.call_from_thread(self.tell_copied, done, what)

        self.run_worker(work, thread=True, group="copy")

    def tell_copied(self, done: Copied, what: str) -> None:
        """Say what became of a copy."""
        lost = not done.way
        self.notify(done.told(what), severity="warning" if lost else "information", timeout=5)

    def paint(self, text: str, wanted: float) -> None:
        """Send a picture's update, which ``wanted`` this many bytes in all, and perhaps ask.

        Any thread that holds ``lock``.
        """
        begin, end = (SYNC_BEGIN, SYNC_END) if self._sync_available else ("", "")
        before, now = self.bytes_written, terminal.now()
        since = now - self._asked
        budget = self.pace.budget(now)
        if since < SELDOM and (budget is None or budget > PLENTY * wanted):
            self.write(f"{begin}{SAVE}{text}{RESTORE}{end}")
            self.pace.shown(now)
            return
        self.write(f"{begin}{SAVE}{text}{RESTORE}{end}{ASK}")
        written = self.bytes_written
        size = written - (self._written_then if since < RECENT else before)
        self.pace.sent(size, now, wanted=wanted)
        self._asked, self._written_then = now, written

    async def is_narrow(self, glyph: str) -> bool:
        """Whether a glyph is one cell wide here; a terminal that does not tell is trusted.

        The glyph is written in the lower left corner: paint everything afterwards.
        """
        if glyph not in self.widths and self.paced:
            self._measured = asyncio.get_running_loop().create_future()
            corner = f"\x1b[{self.size.height};1H"
            self.write(f"{SAVE}{corner}{glyph}{ASK}{RESTORE}")
            try:
                self.widths[glyph] = await asyncio.wait_for(self._measured, ANSWER_SECONDS)
            except TimeoutError:
                self.widths[glyph] = 1
            finally:
                self._measured = None
        return self.widths.get(glyph, 1) == 1

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Textual's own paints: left out while the terminal does not read, and made up for."""
        if renderable is not None and self.pending > terminal.CONGESTED:
            self._behind = True
        else:
            with self.lock:
                self.painting()
                for picture in self._pictures:
                    picture.overtaken()
            super()._display(screen, renderable)

    def painting(self) -> None:
        """Textual paints, or makes what it will paint: no thread sends a picture over that."""
        with self.lock:
            self.paints += 1

    @property
    def behind(self) -> bool:
        """Whether paints were left out that will be made up for."""
        return self._behind

    def terminal_eased(self) -> None:
        """The terminal has taken all there was: paint what was left out."""
        if self._behind and self.screen_stack:
            self._behind = False
            self.refresh(layout=True)
        for picture in tuple(self._pictures):
            picture.room()

    def terminal_answered(self, now: float, x: int = 0, y: int = 0) -> None:
        """The terminal has come as far as it was asked, with its cursor there; any thread."""
        measured = self._measured
        if measured is not None and is_width(x, y, self.size.height):
            self._loop_of_app.call_soon_threadsafe(_tell, measured, x)
            return
        with self.lock:
            self.pace.answered(now)
            waiting = [picture for picture in self._pictures if picture.held]
        for picture in waiting:
            self._loop_of_app.call_soon_threadsafe(picture.room)

    async def on_event(self, event: events.Event) -> None:
        """Keep the terminal's answers from going further, and keys in their order."""
        if isinstance(event, events.CursorPosition):
            self.terminal_answered(event.time, event.x, event.y)
        elif isinstance(event, KeyDone):
            self.typed.done(event)
        elif isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            self._typed_at = event.time
            if isinstance(event, events.Paste):
                event.text = harmless(event.text)
            if not self.typed.holds(event):
                await super().on_event(event)
                self.typed.sent()
        else:
            if isinstance(event, events.AppFocus | events.AppBlur):
                self.pace.focused = isinstance(event, events.AppFocus)
            await super().on_event(event)
            if isinstance(event, events.Resize) and self.paced:
                # Smaller and as before again, faster than it was heard of: nothing has changed for
                # Textual, and the terminal has lost what was on it.
                self.refresh(layout=True)


def is_width(x: int, y: int, rows: int) -> bool:
    """Whether this place of the cursor, from 0, is that after one glyph in the last row.

    tmux 3.3a does not move it at all for glyphs that it does not know.
    """
    return y == rows - 1 and x <= 2


def _tell(measured: asyncio.Future[int], width: int) -> None:
    if not measured.done():
        measured.set_result(width)
