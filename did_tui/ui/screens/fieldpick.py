"""A field of a long form, found by a part of its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from did_tui.ui.forms import FormField
from did_tui.ui.keys import told
from did_tui.ui.screens.dialogs import Dialog
from did_tui.ui.text import literal

NAME = 18  # columns of a field's name
ABOUT = 46  # of what it is


class FieldPick(Dialog[str | None]):
    """The path of a field; None where the user wants none.

    Each comes with its sign: one was changed, something is wrong with it, or nothing.
    """

    DEFAULT_CSS = """
    FieldPick Input, FieldPick Input:focus {
        border: none; padding: 0; height: 1; background: $panel;
    }
    FieldPick OptionList { height: 14; }
    """
    title_text = "Go to a field"
    hint_text = "type or ↑ ↓ · enter go · esc back"

    def __init__(self, fields: Sequence[tuple[FormField, str]]) -> None:
        super().__init__()
        self._fields = fields
        self._shown: list[FormField] = []

    def compose(self) -> ComposeResult:
        """What is typed, and the fields that have it."""
        with self.frame():
            yield Input(placeholder="A part of its name", compact=True)
            options = OptionList()
            options.can_focus = False
            yield options

    def on_mount(self) -> None:
        """All of them at first."""
        self._list("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """What is typed narrows them."""
        event.stop()
        self._list(event.value)

    def on_key(self, event: events.Key) -> None:
        """The arrows move among them."""
        options = self.query_one(OptionList)
        moves: dict[str, Callable[[], None]] = {
            "up": options.action_cursor_up,
            "down": options.action_cursor_down,
            "pageup": options.action_page_up,
            "pagedown": options.action_page_down,
        }
        if event.key in moves:
            event.stop()
            moves[event.key]()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """That one."""
        event.stop()
        self._take()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click is enter."""
        event.stop()
        self._take()

    def _take(self) -> None:
        at = self.query_one(OptionList).highlighted
        if at is not None and at < len(self._shown):
            self.dismiss(self._shown[at].path)

    def _list(self, typed: str) -> None:
        found = [(field, sign) for field, sign in self._fields if fits(field, typed)]
        # A name that begins so comes before a word somewhere.
        found.sort(key=lambda one: not one[0].label.casefold().startswith(typed.casefold()))
        self._shown = [field for field, _ in found]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(Option(_row(field, sign, self.app.keymap)) for field, sign in found)
        options.highlighted = 0 if found else None


def fits(field: FormField, typed: str) -> bool:
    """Whether a field has every word that was typed, in its name, its help or its path."""
    said = f"{field.label} {field.help} {field.path}".casefold()
    return all(word in said for word in typed.casefold().split())


def _row(field: FormField, sign: str, keymap: Mapping[str, str]) -> Content:
    said = told(field.help, keymap)
    about = said if len(said) <= ABOUT else f"{said[: ABOUT - 1]}…"
    name = literal(f"{sign or ' '} {field.label:<{NAME - 2}}", "bold")
    return name + literal(about, "$muted")
