"""The line under the bar: the filter, how many rows it leaves, how many are marked."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Static

from did_tui.ui.text import literal


class FilterLine(Horizontal):
    """Hidden while there is neither a filter nor a mark."""

    DEFAULT_CSS = """
    FilterLine { height: 1; background: $surface; padding: 0 1; display: none; }
    FilterLine #label { width: 8; color: $secondary; }
    FilterLine Input {
        width: 1fr; height: 1; border: none; padding: 0; background: $surface;
    }
    FilterLine Input:focus { border: none; background: $surface; }
    FilterLine #count { width: auto; color: $muted; }
    """

    def __init__(self, label: str = "Filter") -> None:
        super().__init__()
        self._label = label

    def compose(self) -> ComposeResult:
        """A label, the text, a count."""
        yield Static(self._label, id="label")
        yield Input(compact=True, select_on_focus=False)
        yield Static("", id="count")

    @property
    def input(self) -> Input:
        """Where it is typed."""
        return self.query_one(Input)

    def begin(self) -> None:
        """Type into it."""
        self.display = True
        self.input.focus()

    def clear(self) -> bool:
        """Forget the filter; whether there was one."""
        was = bool(self.input.value) or self.input.has_focus
        self.input.value = ""
        self.display = False
        return was

    def tell(self, count: str, marked: bool) -> None:
        """Say how many rows there are."""
        self.query_one("#count", Static).update(literal(count))
        self.display = marked or bool(self.input.value) or self.input.has_focus
