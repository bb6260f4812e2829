"""A file of this computer, found with the keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from textual import events
from textual.app import ComposeResult
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from did_tui.ui.screens.dialogs import Dialog
from did_tui.ui.text import Signs, literal, one_line

MOST = 500  # names that are shown


class FilePick(Dialog[str | None]):
    """The path of a file; None where the user wants none."""

    DEFAULT_CSS = """
    FilePick Input, FilePick Input:focus {
        border: none; padding: 0; height: 1; background: $panel;
    }
    FilePick OptionList { height: 14; }
    """
    title_text = "A file of this computer"
    hint_text = "type or ↑ ↓ · enter open · esc back"

    def __init__(self, path: str = "") -> None:
        super().__init__()
        self._first = path if path and "://" not in path else f"{Path.cwd()}/"
        self._names: list[tuple[str, Path]] = []

    def compose(self) -> ComposeResult:
        """What is typed, and the names that begin so."""
        with self.frame():
            yield Input(self._first, highlighter=Signs(), select_on_focus=False, compact=True)
            names = OptionList()
            names.can_focus = False
            yield names

    def on_mount(self) -> None:
        """Show what is there."""
        self.query_one(Input).cursor_position = len(self._first)
        self._list()

    def on_input_changed(self, event: Input.Changed) -> None:
        """What is typed narrows the names."""
        event.stop()
        self._list()

    def on_key(self, event: events.Key) -> None:
        """The arrows move among the names, tab takes one."""
        options = self.query_one(OptionList)
        if event.key in ("up", "down"):
            event.stop()
            (options.action_cursor_up if event.key == "up" else options.action_cursor_down)()
        elif event.key == "tab":
            event.stop()
            event.prevent_default()
            self._take(leave=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Into a directory, or that file."""
        event.stop()
        typed = Path(event.value).expanduser()
        if typed.is_file():
            self.dismiss(str(typed))
        else:
            self._take(leave=True)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click is enter."""
        event.stop()
        self._take(leave=True)

    def _take(self, *, leave: bool) -> None:
        at = self.query_one(OptionList).highlighted
        if at is None or at >= len(self._names):
            return
        path = self._names[at][1]
        if leave and path.is_file():
            self.dismiss(str(path))
            return
        line = self.query_one(Input)
        line.value = f"{path}/" if path.is_dir() else str(path)
        line.cursor_position = len(line.value)

    def _list(self) -> None:
        self._names = list(matching(self.query_one(Input).value))
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(
            Option(literal(one_line(name) + ("/" if path.is_dir() else "")))
            for name, path in self._names
        )
        up = len(self._names) > 1 and self._names[0][0] == ".."
        options.highlighted = int(up) if self._names else None


def matching(typed: str) -> Iterator[tuple[str, Path]]:
    """The files and directories that what was typed may become; hidden ones where a dot is."""
    head, _, begun = typed.rpartition("/")
    try:
        directory = Path(f"{head}/").expanduser() if typed.startswith(("/", "~")) else Path(head)
        found = sorted(directory.iterdir(), key=lambda path: (not path.is_dir(), path.name))
    except (OSError, RuntimeError, ValueError):
        return
    if head and begun == "":
        yield "..", directory.parent
    fits = [
        path
        for path in found
        if path.name.casefold().startswith(begun.casefold())
        and (begun.startswith(".") or not path.name.startswith("."))
    ]
    yield from ((path.name, path) for path in fits[:MOST])
