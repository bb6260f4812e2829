"""The one way out of a booth: a PIN, or the same key again."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from did_tui.ui.booth import pin_pause

if TYPE_CHECKING:
    from did_tui.ui.kiosk import KioskApp

PATIENCE = 15.0  # seconds without a key after which nobody is there
LONGEST = 64  # characters


class Pin(ModalScreen[bool]):
    """Asks for the PIN, of which there have been so many wrong ones; whether it was right.

    Without a PIN any key but the one that leaves goes back. After some wrong ones the next is only
    looked at when a pause is over.
    """

    app: KioskApp
    DEFAULT_CSS = """
    Pin { align: center middle; }
    Pin > Vertical { width: 44; max-width: 96%; height: auto; background: $panel; padding: 1 2; }
    Pin Input, Pin Input:focus {
        border: none; height: 1; margin: 1 0 0 0; padding: 0 1; background: $background;
    }
    """

    def __init__(self, pin: str, wrong: int, now: Callable[[], float]) -> None:
        super().__init__()
        self._pin, self.wrong, self._now = pin, wrong, now
        self._not_before = now() + pin_pause(wrong)
        self._pressed = now()

    def compose(self) -> ComposeResult:
        """A question."""
        with Vertical():
            if self._pin:
                yield Static("PIN, then enter. esc goes back.", id="words", markup=False)
                yield Input(password=True, max_length=LONGEST)
            else:
                words = f"Press {self.app.key('quit')} once more to leave."
                yield Static(words, id="words", markup=False)

    def on_mount(self) -> None:
        """Nobody may be there."""
        self.set_interval(1.0, self._look)

    def _look(self) -> None:
        if self._now() - self._pressed > PATIENCE:
            self.dismiss(False)

    def again(self) -> None:
        """The key that leaves, once more."""
        if not self._pin:
            self.dismiss(True)

    def on_key(self, event: events.Key) -> None:
        """Back, without a PIN."""
        self._pressed = self._now()
        if event.key == "escape" or not self._pin:
            event.stop()
            self.dismiss(False)

    def on_input_changed(self) -> None:
        """Somebody is there."""
        self._pressed = self._now()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Look whether it is right."""
        words, wait = self.query_one("#words", Static), self._not_before - self._now()
        event.input.clear()
        if wait > 0:
            words.update(f"Wait {wait:.0f} s, then try again.")
        elif hmac.compare_digest(event.value.encode(), self._pin.encode()):
            self.dismiss(True)
        else:
            self.wrong += 1
            self._not_before = self._now() + pin_pause(self.wrong)
            words.update("That is not the PIN.")
