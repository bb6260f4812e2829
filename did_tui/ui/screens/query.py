"""What an agent would find in a knowledge base: a question, and the passages with their scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Static

from did_tui.api.errors import DidError
from did_tui.api.inventory import Found, ScoredMatch
from did_tui.ui.keys import bindings
from did_tui.ui.text import literal, one_line
from did_tui.ui.widgets.keyline import KeyLine
from did_tui.ui.widgets.topbar import TopBar

if TYPE_CHECKING:
    from did_tui.ui.app import DidTui

BAR = 10  # cells of the best score
LONGEST = 1200  # characters of a passage


class Query(Screen[None]):
    """A question to a knowledge base."""

    app: DidTui
    BINDINGS = [*bindings("everywhere"), *bindings("query")]
    AUTO_FOCUS: ClassVar[str] = "Input"
    DEFAULT_CSS = """
    Query Input { margin: 1 1 0 1; background: $surface; }
    Query VerticalScroll { height: 1fr; padding: 1; scrollbar-size-vertical: 1; }
    """

    def __init__(self, base_id: str, name: str) -> None:
        super().__init__()
        self._base_id, self._name = base_id, name

    def compose(self) -> ComposeResult:
        """Question and answers."""
        yield TopBar()
        yield Input(placeholder="Ask something, and press enter", compact=True)
        with VerticalScroll(can_focus=False):
            yield Static("", id="found")
        yield KeyLine()

    def on_mount(self) -> None:
        """Say where this is."""
        bar = self.query_one(TopBar)
        bar.crumbs = (self.app.place, "Knowledge", one_line(self._name), "Find")
        self._say(literal("Here is shown which passages an agent would find.", "$muted"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Ask."""
        if event.value.strip():
            self.ask(event.value)

    @work(exclusive=True, group="ask")
    async def ask(self, question: str) -> None:
        """Ask, and show what was found."""
        bar = self.query_one(TopBar)
        bar.state, bar.mood = "↻ asking", "busy"
        try:
            client = await self.app.client()
            found = await client.query_knowledge(self._base_id, question)
        except DidError as error:
            bar.state, bar.mood = "✗", "bad"
            self._say(literal(str(error), "bold $error") + literal(f"\n{error.advice}", "$muted"))
            return
        count = len(found.matches)
        bar.state, bar.mood = f"{count} match{'es' if count != 1 else ''}", "good"
        self._say(_shown(found))

    def action_scroll_found(self, by: int) -> None:
        """Some lines on, or back."""
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)

    def action_leave_query(self) -> None:
        """Back to the list."""
        self.app.pop_screen()

    def _say(self, content: Content) -> None:
        self.query_one("#found", Static).update(content)


def _shown(found: Found) -> Content:
    if not found.matches:
        return literal("Nothing: an agent would not find an answer here.", "bold")
    # D-ID documents no scale: most scores are at most 1, else the best one fills its bar.
    best = max([1.0, *(match.score for match in found.matches if match.score is not None)])
    parts = [_match(number, match, best) for number, match in enumerate(found.matches, 1)]
    if found.result:
        parts.insert(0, literal(found.result[:LONGEST]))
    return Content("\n\n").join(parts)


def _match(number: int, match: ScoredMatch, best: float) -> Content:
    score = match.score
    head = literal(f"{number}  ", "bold $primary")
    if score is not None:
        filled = round(max(0.0, min(1.0, score / best)) * BAR)
        head += literal("█" * filled + "░" * (BAR - filled), "$primary")
        head += literal(f" {score:.2f}  ", "bold")
    title = one_line(match.title or match.document_id)[:80]
    return head + literal(title, "$muted") + literal("\n" + match.data.strip()[:LONGEST])
