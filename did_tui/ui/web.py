"""The way to a browser: Textual's driver for ``textual-serve``, on an outlet that nobody waits for.

The browser's terminal answers questions like any other, so that it is never sent more than it can
take.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from textual import events, messages
from textual.drivers.web_driver import WebDriver
from textual.geometry import Size

from did_tui.ui.terminal import PATIENCE, Outlet

if TYPE_CHECKING:
    from textual.message import Message

MOST = 1000  # columns and rows that a browser can have


class BrowserDriver(WebDriver):
    """Packets to whoever serves this program, which are never cut or mixed."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._outlet = Outlet(self.fileno, self._eased)
        self._write = self._outlet.send  # type: ignore[assignment]
        self._focused = False

    @property
    def bytes_written(self) -> int:
        """Bytes handed over so far."""
        return self._outlet.bytes_written

    @property
    def pending(self) -> int:
        """Bytes that the browser's side has not taken yet."""
        return self._outlet.pending

    def write(self, data: str) -> None:
        """Hand over what this terminal is to get; never waits."""
        sent = getattr(self._app, "sent", None)
        super().write(sent(data) if sent is not None else data)

    def start_application_mode(self) -> None:
        """Begin. Textual says then that it has no focus; the browser may have said otherwise."""
        super().start_application_mode()
        self._app.call_later(self._focus_again)

    def _focus_again(self) -> None:
        if self._focused:
            self._app.post_message(events.AppFocus())

    def run_input_thread(self) -> None:
        """Take what comes; when nothing comes any more, whoever served this is gone."""
        super().run_input_thread()
        if not self.exit_event.is_set():
            self._app.post_message(messages.ExitApp())

    def on_meta(self, packet_type: str, payload: dict[str, object]) -> None:
        """What is not typed: a size comes after the one that this began with, and is a sane one."""
        if packet_type in ("focus", "blur"):
            self._focused = packet_type == "focus"
        if packet_type != "resize":
            super().on_meta(packet_type, payload)
            return
        sides = [payload.get(name) for name in ("width", "height")]
        width, height = (max(1, min(side, MOST)) if isinstance(side, int) else 1 for side in sides)
        self._size = width, height
        event = events.Resize(Size(width, height), Size(width, height))
        asyncio.run_coroutine_threadsafe(self._app._post_message(event), self._loop)

    def process_message(self, message: Message) -> None:
        """Keep answers to our questions from going the long way; input thread."""
        if isinstance(message, events.CursorPosition):
            answered = getattr(self._app, "terminal_answered", None)
            if answered is not None:
                answered(message.time, message.x, message.y)
        else:
            super().process_message(message)

    def close(self) -> None:
        """Wait for the browser a little, then stop."""
        super().close()
        self._outlet.close(PATIENCE)

    def _eased(self) -> None:
        eased = getattr(self._app, "terminal_eased", None)
        if eased is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(eased)
