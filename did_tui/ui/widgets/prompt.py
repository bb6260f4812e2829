"""Where the user writes."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.message import Message
from textual.widgets import TextArea

from did_tui.live.conversation import LONGEST_MESSAGE
from did_tui.ui.text import literal, one_line


class Prompt(TextArea):
    """A text box: enter sends, shift+enter and control+j make a new line.

    While it is empty, a digit asks for the starter message with that number.
    """

    DEFAULT_CSS = """
    Prompt {
        height: auto; min-height: 3; max-height: 8; min-width: 12;
        border: round $primary 40%; background: $background; padding: 0 1;
    }
    Prompt:focus { border: round $primary; background: $background; }
    """

    @dataclass
    class Submitted(Message):
        """The user wants to send this."""

        text: str

    @dataclass
    class StarterAsked(Message):
        """The user wants the starter message with this number, from 1."""

        number: int

    def __init__(self, name: str) -> None:
        super().__init__(soft_wrap=True, compact=False, highlight_cursor_line=False)
        self.address(name)

    def address(self, name: str) -> None:
        """Say whom one writes to; the name may be any text."""
        self.placeholder = literal(f"Ask {one_line(name)} something")

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.prevent_default()
            event.stop()
            if self.text.strip() and len(self.text) <= LONGEST_MESSAGE:
                self.post_message(self.Submitted(self.text))
            return
        if event.key in ("shift+enter", "ctrl+j", "alt+enter"):
            event.prevent_default()
            event.stop()
            self.insert("\n")
            return
        if not self.text and event.character and event.character in "123456789":
            event.prevent_default()
            event.stop()
            self.post_message(self.StarterAsked(int(event.character)))
            return
        await super()._on_key(event)

    def on_text_area_changed(self) -> None:
        """Say how much room is left before D-ID's limit."""
        length = len(self.text)
        near = length > LONGEST_MESSAGE * 9 // 10
        too_long = ", too long to send" if length > LONGEST_MESSAGE else ""
        self.border_subtitle = f"{length} of {LONGEST_MESSAGE}{too_long}" if near else ""
