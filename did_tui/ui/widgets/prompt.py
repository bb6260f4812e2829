"""Where the user writes."""

from __future__ import annotations

import asyncio
import os
import shlex
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import events, work
from textual.app import SuspendNotSupported
from textual.message import Message
from textual.widgets import TextArea

from did_tui.live.conversation import LONGEST_MESSAGE
from did_tui.ui.keys import bindings, keys_of
from did_tui.ui.signals import interrupts_ignored
from did_tui.ui.text import literal, one_line, plain
from did_tui.ui.watchers import forget

if TYPE_CHECKING:
    from did_tui.ui.base import TerminalApp

MOST_KEPT = 100  # texts that can be recalled


class Prompt(TextArea):
    """A text box, with a key that sends and another one for a new line.

    ``submit`` is given what is to be sent, and says whether it was taken; else it stays here. While
    the box is empty, a digit is given to ``ask``, which sends the starter message with that number
    or says that there is none; then it is text. Both answer at once: the next key is on its way.
    ``limit`` says how many characters a text may have.
    What was sent can be recalled; what was being written is not lost by that.
    """

    app: TerminalApp[Any]
    BINDINGS = [*bindings("prompt")]
    DEFAULT_CSS = """
    Prompt {
        height: auto; min-height: 3; max-height: 8; min-width: 12;
        border: round $primary 40%; background: $background; padding: 0 1;
    }
    Prompt:focus { border: round $primary; background: $background; }
    Prompt.-too-long, Prompt.-too-long:focus { border: round $error; }
    """

    @dataclass
    class Scrolled(Message):
        """The user wants to see the conversation of this many pages before or after."""

        pages: int

    def __init__(
        self,
        name: str,
        submit: Callable[[str], bool],
        ask: Callable[[int], bool],
        limit: Callable[[str], int] = lambda _text: LONGEST_MESSAGE,
    ) -> None:
        super().__init__(soft_wrap=True, compact=False, highlight_cursor_line=False)
        self._submit, self._ask, self._limit = submit, ask, limit
        self._sent: list[str] = []
        self._recalled = 0  # 0: what is being written; n: the n-th before it
        self._draft = ""
        self._words = ""  # of the placeholder
        self.address(name)

    def address(self, name: str, *, asks: bool = True) -> None:
        """Say whom one writes to, and whether one can ask; the name may be any text."""
        who = one_line(name)
        words = f"Ask {who} something" if asks else f"Write what {who} is to say"
        if words != self._words:
            self._words = words
            self.placeholder = literal(f"{words}, or /help")

    def put(self, text: str) -> None:
        """Have this in the box, with the cursor behind it."""
        self.text = text
        self.move_cursor(self.document.end)

    async def _on_key(self, event: events.Key) -> None:
        if event.key in keys_of("send", self.app.keymap):
            event.prevent_default()
            event.stop()
            self.action_send()
        elif event.key in keys_of("newline", self.app.keymap):
            event.prevent_default()
            event.stop()
            self.action_newline()
        elif not self.text and event.key in "123456789" and self._ask(int(event.key)):
            event.prevent_default()
            event.stop()
        else:
            await super()._on_key(event)

    def on_unmount(self) -> None:
        """It is gone, and its screen with it."""
        forget(self)

    # Keys

    def action_send(self) -> None:
        """Send it, unless it is nothing or too much."""
        text = self.text
        if text.strip() and len(text) <= self._limit(text) and self._submit(text):
            self._remember(text)
            self.clear()

    def action_newline(self) -> None:
        """Begin a new line."""
        self.insert("\n")

    def _remember(self, text: str) -> None:
        """Keep what was sent, to be recalled."""
        if not self._sent or self._sent[-1] != text:
            self._sent = [*self._sent, text][-MOST_KEPT:]
        self._recalled = 0

    def action_earlier(self) -> None:
        """What was sent before, where the cursor cannot go up any more."""
        if not self.cursor_at_first_line:
            self.action_cursor_up()
        elif self._recalled < len(self._sent):
            if not self._recalled:
                self._draft = self.text
            self._recall(self._recalled + 1)

    def action_later(self) -> None:
        """What was sent after that, where the cursor cannot go down any more."""
        if not self._recalled or not self.cursor_at_last_line:
            self.action_cursor_down()
        else:
            self._recall(self._recalled - 1)

    def _recall(self, number: int) -> None:
        self._recalled = number
        self.put(self._sent[-number] if number else self._draft)

    def action_page_up(self) -> None:
        """The conversation scrolls, not the box."""
        self.post_message(self.Scrolled(-1))

    def action_page_down(self) -> None:
        """The conversation scrolls, not the box."""
        self.post_message(self.Scrolled(1))

    @work(exclusive=True)
    async def action_editor(self) -> None:
        """Write in the user's own editor, while the conversation goes on unseen."""
        try:
            written = await self._edited(self.text)
        except SuspendNotSupported:
            self.app.notify("This terminal cannot be given to an editor.", severity="warning")
            return
        except (OSError, ValueError) as error:
            words = f"The editor cannot be run: {error}. $VISUAL or $EDITOR names another one."
            self.app.notify(words, severity="warning")
            return
        self.put(plain(written).rstrip("\n"))

    async def _edited(self, text: str) -> str:
        """What an editor makes of a text.

        Raises ``OSError``, ``ValueError`` for a command that is none, or ``SuspendNotSupported``.
        """
        command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
        with tempfile.TemporaryDirectory(prefix="did-tui-") as directory:
            file = Path(directory) / "message.md"
            file.touch(0o600)
            file.write_text(text, encoding="utf-8")
            # A batch, so that nothing is painted over the editor; the call goes on meanwhile.
            with self.app.suspend(), self.app.batch_update(), interrupts_ignored(self.app):
                editor = await asyncio.create_subprocess_exec(*command, str(file))
                await editor.wait()
            return file.read_text(encoding="utf-8", errors="replace")

    def on_text_area_changed(self) -> None:
        """Say how much room is left before D-ID's limit."""
        length = len(self.text)
        most = self._limit(self.text)
        near = length > most * 9 // 10
        too_long = length > most
        self.set_class(too_long, "-too-long")
        words = f"{length} of {most}" + (", too long to send" if too_long else "")
        self.border_subtitle = words if near else ""
