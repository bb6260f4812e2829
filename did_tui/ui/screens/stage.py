"""Where things stand in a conversation: the picture beside, over or without the words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.message import Message
from textual.widgets import Static

from did_tui.live.conversation import Conversation
from did_tui.ui.keys import bindings
from did_tui.ui.widgets.captions import CaptionLines
from did_tui.ui.widgets.checklist import Checklist
from did_tui.ui.widgets.stats import Stats
from did_tui.ui.widgets.transcript import Transcript
from did_tui.ui.widgets.video import VideoView

WIDE = 100  # columns from which picture and transcript stand side by side
LEAST = (40, 16)  # columns and rows below which there is no picture
LAYOUTS = ("split", "full", "corner", "off")
ROWS_OF_OTHERS = 9  # of the screen: bars, prompt, and captions under the picture


class Stage(Container, can_focus=True):
    """Picture, captions and transcript; with the focus it is where single letters are keys."""

    BINDINGS = [*bindings("conversation")]
    DEFAULT_CSS = """
    Stage { height: 1fr; layout: vertical; layers: base above; }
    Stage #picture { height: 12; layers: below above; align: center middle; }
    Stage #picture VideoView { layer: below; }
    Stage Checklist { display: none; }
    Stage #picture Checklist { layer: above; dock: left; margin: 2 0 0 2; }
    Stage.-connecting #picture Checklist { display: block; }
    Stage #said { height: 1fr; border-top: blank; }
    Stage:focus #said { border-top: solid $primary 60%; }
    Stage #small { height: auto; color: $muted; display: none; padding: 0 1; }
    Stage.-wide { layout: horizontal; }
    Stage.-wide #left { width: 1fr; height: 1fr; }
    Stage.-wide #said { width: 1fr; height: 1fr; padding: 0 1 0 0; }
    Stage.-wide #picture { height: 1fr; }
    Stage.-wide.-connecting #picture Checklist { display: none; }
    Stage.-wide.-connecting #said Checklist { display: block; margin: 0 0 1 0; }
    Stage #left { height: auto; }
    Stage.-full #said, Stage.-off #left { display: none; }
    Stage.-full #left, Stage.-full #picture { height: 1fr; }
    Stage.-corner { layout: horizontal; }
    Stage.-corner #left { height: auto; }
    Stage.-corner #picture Checklist { display: none; }
    Stage.-corner.-connecting #said Checklist { display: block; margin: 0 0 1 0; }
    Stage.-corner #said { width: 1fr; }
    """

    @dataclass
    class PassageAsked(Message):
        """The user wants the passage with this number, from 1."""

        number: int

    def __init__(self, name: str, conversation: Conversation, now: Callable[[], float]) -> None:
        super().__init__(id="stage")
        self.mode = LAYOUTS[0]
        self.face = VideoView(framing="crop", id="face")
        self.captions = CaptionLines()
        self.transcript = Transcript(name)
        self.stats = Stats()
        self._checklists = [Checklist(conversation, now) for _ in range(2)]

    def compose(self) -> ComposeResult:
        """Picture beside the transcript."""
        with Vertical(id="left"):
            yield Static("", id="small")
            with Container(id="picture"):
                yield self.face
                yield self._checklists[0]
            yield self.captions
        with Vertical(id="said"):
            yield self._checklists[1]
            yield self.transcript
        yield self.stats

    def follow(self, conversation: Conversation) -> None:
        """Show this conversation's steps from now on."""
        for checklist in self._checklists:
            checklist.follow(conversation)

    def show_steps(self, shown: bool) -> None:
        """Show how far connecting has come, or no more."""
        self.set_class(shown, "-connecting")
        for checklist in self._checklists:
            checklist.refresh()

    def on_key(self, event: events.Key) -> None:
        """A number shows the passage that has it."""
        if event.character and event.character in "123456789":
            event.stop()
            self.post_message(self.PassageAsked(int(event.character)))

    # Layout

    def next_layout(self) -> None:
        """Beside the words, over all of it, in the corner, off.

        Where it is narrow, beside the words is in the corner.
        """
        mode = LAYOUTS[(LAYOUTS.index(self.mode) + 1) % len(LAYOUTS)]
        narrow = self.screen.size.width < WIDE
        self.lay_out("off" if mode == "corner" and narrow else mode)

    def toggle(self, mode: str) -> None:
        """Have this layout, or the ordinary one."""
        self.lay_out(LAYOUTS[0] if self.mode == mode else mode)

    def lay_out(self, mode: str) -> None:
        """Use this one of ``LAYOUTS``."""
        self.mode = mode
        self.fit()

    def fit(self) -> None:
        """Side by side where it is wide; no picture where it is too small for one."""
        width, height = self.screen.size
        small = width < LEAST[0] or height < LEAST[1]
        wide = width >= WIDE
        look = "corner" if self.mode == "split" and not wide else self.mode
        self.set_class(look == "split", "-wide")
        for layout in LAYOUTS[1:]:
            self.set_class(look == layout and not small, f"-{layout}")
        picture = self.query_one("#picture")
        picture.display = not small
        note = self.query_one("#small", Static)
        note.display = small
        note.update(f"Picture hidden: the terminal is too small (it needs {LEAST[0]}×{LEAST[1]}).")
        corner = look == "corner" and not small
        columns = min(width, WIDE) * 2 // 5
        self.query_one("#left").styles.width = columns if corner else None
        picture.styles.height = min(columns // 2, height - ROWS_OF_OTHERS) if corner else None
