"""What stands over a conversation for a moment: a choice, a passage, the keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from did_tui.live.events import Citation
from did_tui.ui.keys import KEYS, key_of, names
from did_tui.ui.screens.commands import COMMANDS
from did_tui.ui.text import literal, one_line

if TYPE_CHECKING:
    from did_tui.ui.base import TerminalApp

Value = TypeVar("Value")

WIDTH = 72  # columns of a dialog
LEFT = 20  # columns of the keys in the help
LONGEST_LINE = 1000  # characters that can be written

#: Keys of a dialog whose words may be longer than the screen is high.
SCROLLING = (
    ("j,down", "scroll(1)", "down"),
    ("k,up", "scroll(-1)", "up"),
    ("pagedown,space", "scroll(10)", "down"),
    ("pageup", "scroll(-10)", "up"),
    ("home", "scroll(-10000)", "first"),
    ("end", "scroll(10000)", "last"),
)


class Dialog(ModalScreen[Value]):
    """A box over the conversation; escape leaves it and changes nothing."""

    app: TerminalApp[Any]
    BINDINGS = [("escape", "dismiss", "back")]
    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog > Vertical {
        width: 72; max-width: 96%; height: auto; max-height: 96%;
        background: $panel; border: round $primary; padding: 0 1;
        border-title-color: $primary; border-title-style: bold; border-subtitle-color: $muted;
    }
    Dialog OptionList, Dialog OptionList:focus {
        height: auto; max-height: 14; border: none; padding: 0;
        background: $panel; background-tint: $panel 0%;
    }
    Dialog OptionList > .option-list--option { padding: 0 1; }
    Dialog OptionList > .option-list--option-highlighted,
    Dialog OptionList:focus > .option-list--option-highlighted {
        color: $foreground; background: $primary 30%; text-style: bold;
    }
    Dialog OptionList:nocolor > .option-list--option-highlighted,
    Dialog OptionList:nocolor:focus > .option-list--option-highlighted { text-style: bold reverse; }
    Dialog VerticalScroll {
        height: auto; max-height: 60vh; scrollbar-size-vertical: 1; background: $panel;
    }
    """

    title_text = ""
    hint_text = "esc back"

    def frame(self) -> Vertical:
        """The box, with its title and what can be pressed."""
        box = Vertical()
        box.border_title = literal(one_line(self.title_text))
        box.border_subtitle = literal(self.hint_text)
        return box

    def action_scroll(self, by: int) -> None:
        """Some lines on, or back."""
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)


@dataclass(frozen=True, slots=True)
class Choice(Generic[Value]):
    """Something to choose, and the letter or digit that chooses it."""

    value: Value
    words: str
    key: str = ""


class Pick(Dialog[Value | None]):
    """One of several; None where the user wants none. ``said`` stands above them."""

    DEFAULT_CSS = "Pick .said { padding: 0 1; margin: 0 0 1 0; max-height: 12; }"
    hint_text = "enter choose · esc back"

    def __init__(
        self, title: str, choices: Sequence[Choice[Value]], chosen: int = 0, said: str = ""
    ) -> None:
        super().__init__()
        self.title_text = title
        self._choices, self._chosen, self._said = choices, chosen, said

    def compose(self) -> ComposeResult:
        """A list."""
        with self.frame():
            if self._said:
                yield Static(literal(self._said), classes="said")
            options = OptionList(*(Option(_choice(choice)) for choice in self._choices))
            options.highlighted = self._chosen
            yield options

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """That one."""
        self.dismiss(self._choices[event.option_index].value)

    def on_key(self, event: events.Key) -> None:
        """Its letter chooses it."""
        for choice in self._choices:
            if choice.key and choice.key == (event.character or ""):
                event.stop()
                self.dismiss(choice.value)


class Write(Dialog[str | None]):
    """A line to write; None where the user writes none."""

    DEFAULT_CSS = """
    Write Input, Write Input:focus { border: none; padding: 0; height: 1; background: $panel; }
    """
    hint_text = "enter send · esc send without words"

    def __init__(self, title: str, placeholder: str) -> None:
        super().__init__()
        self.title_text = title
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        """A line."""
        with self.frame():
            yield Input(placeholder=self._placeholder, max_length=LONGEST_LINE)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """That is it."""
        self.dismiss(event.value.strip())


def _choice(choice: Choice[Value]) -> Content:
    key = Content.styled(f"{choice.key}  ", "bold $primary") if choice.key else Content("")
    return key + literal(choice.words)


class Passage(Dialog[None]):
    """A passage that an answer rests on, and where it is from."""

    BINDINGS = [
        ("left,h", "turn(-1)", "before"),
        ("right,l", "turn(1)", "after"),
        ("y", "copy", "copy"),
        ("enter", "dismiss", "back"),
        *SCROLLING,
    ]

    def __init__(self, citations: Sequence[Citation], index: int = 0) -> None:
        super().__init__()
        self._citations, self._index = citations, index

    def compose(self) -> ComposeResult:
        """Its text, which may be long, and its address."""
        with self.frame():
            with VerticalScroll():
                yield Static("", id="passage")
            yield Static("", id="source")

    def on_mount(self) -> None:
        """Show the first."""
        self.action_turn(0)

    def action_turn(self, by: int) -> None:
        """The one before or after."""
        self._index = (self._index + by) % len(self._citations)
        citation = self._citations[self._index]
        box = self.query_one(Vertical)
        title = one_line(citation.title) or "A passage"
        box.border_title = literal(f"{self._index + 1}  {title}")
        others = f"← → {len(self._citations)} passages · " if len(self._citations) > 1 else ""
        box.border_subtitle = literal(f"{others}y copy · esc back")
        text = citation.text.strip() or "D-ID did not send the text of this passage."
        self.query_one("#passage", Static).update(literal(text))
        address = one_line(citation.source_url)
        self.query_one("#source", Static).update(
            literal(f"\n{address}" if address else "\nno address is known", "$muted")
        )
        self.query_one(VerticalScroll).scroll_home(animate=False)

    def action_copy(self) -> None:
        """The address, or the text where there is none."""
        citation = self._citations[self._index]
        what = "the address" if citation.source_url else "the passage"
        self.app.copy(citation.source_url or citation.text, what)


class Help(Dialog[None]):
    """Every key and command of a conversation."""

    BINDINGS = [("f1,question_mark,q,enter", "dismiss", "back"), *SCROLLING]
    DEFAULT_CSS = "Help VerticalScroll { max-height: 80vh; }"
    title_text = "Keys and commands"
    hint_text = "↑ ↓ scroll · esc back"

    def compose(self) -> ComposeResult:
        """What is pressed where, and what may be written."""
        with self.frame(), VerticalScroll():
            yield Static(_help(self.app.keymap))


def _help(keymap: Mapping[str, str]) -> Content:
    lines = [literal("Hold shift to use your terminal's own selection with the mouse.", "$muted")]
    for place, title in (
        ("prompt", "In the prompt"),
        ("conversation", f"With the focus on the conversation ({key_of('leave-chat', keymap)})"),
        ("chat", "In both"),
        ("everywhere", "Everywhere"),
    ):
        lines += [Content(""), Content.styled(title, "bold $primary")]
        for key in KEYS:
            if key.place == place:
                lines += _row(" ".join(names(key, keymap)[:2]), key.help)
    lines += [Content(""), Content.styled("Written into the prompt", "bold $primary")]
    for each in COMMANDS:
        lines += _row(f"/{each.name} {each.takes}".rstrip(), each.help)
    return Content("\n").join(lines)


def _row(left: str, right: str) -> list[Content]:
    """Two columns, the right one as many lines as it needs."""
    lines = literal(right).wrap(WIDTH - 5 - LEFT)
    heads = [literal(f"{left:<{LEFT}}", "$secondary")] + [Content(" " * LEFT)] * len(lines)
    return [head + line for head, line in zip(heads, lines, strict=False)]
