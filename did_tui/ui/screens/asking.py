"""What stands over a list for a moment: a question, the keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Input, Static

from did_tui.ui.keys import KEYS, names
from did_tui.ui.screens.dialogs import SCROLLING, Dialog
from did_tui.ui.text import literal, one_line

LEFT = 14  # columns of the keys in the help


class Confirm(Dialog[bool]):
    """A question before a deed: the safe answer has the focus, escape gives it.

    Where ``typed`` is given, it has to be typed before the deed is done.
    """

    BINDINGS = [
        ("n", "dismiss(False)", "no"),
        ("y", "yes", "yes"),
        ("escape", "dismiss(False)", ""),
        *SCROLLING,
    ]
    DEFAULT_CSS = """
    Confirm Horizontal { height: 1; align-horizontal: right; margin-top: 1; }
    Confirm Button { margin-left: 2; }
    Confirm Input { margin-top: 1; }
    """
    hint_text = "esc changes nothing"

    def __init__(
        self,
        question: str,
        words: str | Content,
        typed: str = "",
        deed: str = "Delete",
        safe: str = "Keep",
    ) -> None:
        super().__init__()
        self.title_text = question
        self._words = literal(words) if isinstance(words, str) else words
        self._typed, self._deed, self._safe = typed, deed, safe

    def compose(self) -> ComposeResult:
        """The words, what is to be typed, and two buttons."""
        with self.frame():
            with VerticalScroll(id="body", can_focus=False):
                yield Static(self._words)
                if self._typed:
                    yield Static(
                        literal("\nType ", "$muted")
                        + literal(self._typed, "bold")
                        + literal(" and press enter.", "$muted")
                    )
            if self._typed:
                yield Input(compact=True)
            with Horizontal():
                yield Button(self._safe, id="keep", compact=True)
                if not self._typed:
                    yield Button(literal(f"{self._deed}  y"), id="deed", compact=True)

    def on_mount(self) -> None:
        """Where a name is typed, that is where one is; else at the safe button."""
        self.query_one(Input if self._typed else "#keep").focus()

    def action_yes(self) -> None:
        """Do it; a deed that wants its name has no other way."""
        if not self._typed:
            self.dismiss(True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The name, or not."""
        if event.value.strip() == self._typed:
            self.dismiss(True)
        else:
            self.query_one(Input).value = ""
            self.notify(f"That is not “{one_line(self._typed)}”: nothing was changed.")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """One of the two."""
        self.dismiss(event.button.id == "deed")


class KeyHelp(Dialog[None]):
    """The keys of some places, by their titles; ``without`` are actions that it does not have."""

    BINDINGS = [("f1,question_mark,q,enter", "dismiss", "back"), *SCROLLING]
    DEFAULT_CSS = "KeyHelp VerticalScroll { max-height: 80vh; }"
    hint_text = "↑ ↓ scroll · esc back"

    def __init__(
        self, title: str, places: Mapping[str, str], without: frozenset[str] = frozenset()
    ) -> None:
        super().__init__()
        self.title_text = f"{title}: keys"
        self._places, self._without = places, without

    def compose(self) -> ComposeResult:
        """What is pressed, and what it does."""
        with self.frame(), VerticalScroll():
            yield Static(Content("\n").join(self._lines()))

    def _lines(self) -> Iterator[Content]:
        for place, title in (*self._places.items(), ("everywhere", "Everywhere")):
            yield literal(title, "bold $primary")
            for key in KEYS:
                if key.place == place and key.action not in self._without:
                    shown = " ".join(names(key, self.app.keymap))
                    yield literal(f"{shown:<{LEFT}}", "$secondary") + literal(key.help)
            yield Content("")
        yield literal("Hold shift to use your terminal's own selection with the mouse.", "$muted")


class Shown(Dialog[None]):
    """A secret that is shown once: ``y`` copies it, ``Y`` all that belongs to it."""

    BINDINGS = [("y", "copy", "copy"), ("Y", "copy_all", "copy all"), ("enter", "dismiss", "done")]
    DEFAULT_CSS = "Shown VerticalScroll { max-height: 60vh; }"

    def __init__(self, title: str, words: str, secret: str, whole: str = "") -> None:
        super().__init__()
        self.title_text = title
        self.hint_text = f"y copy{' · Y copy all' if whole else ''} · enter done"
        self._words, self._secret, self._whole = words, secret, whole

    def compose(self) -> ComposeResult:
        """The words, and the secret."""
        with self.frame(), VerticalScroll():
            yield Static(literal(self._words, "$muted"))
            yield Static(literal(f"\n{self._secret}\n", "bold"))

    def action_copy(self) -> None:
        """Give it to the terminal's clipboard."""
        self.app.copy(self._secret, "it", secret=True)

    def action_copy_all(self) -> None:
        """Give everything to the terminal's clipboard."""
        self.app.copy(self._whole or self._secret, "all of it", secret=True)
