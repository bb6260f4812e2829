"""Everything about one resource: in words, and as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Input, Static

from did_tui.api.errors import DidError
from did_tui.api.models import Agent, Resource
from did_tui.ui.keys import bindings
from did_tui.ui.kinds import Kind, Place, masked
from did_tui.ui.local import KeptChat
from did_tui.ui.screens.asking import KeyHelp
from did_tui.ui.text import literal, one_line, plain
from did_tui.ui.widgets.filterline import FilterLine
from did_tui.ui.widgets.preview import flat
from did_tui.ui.widgets.topbar import TopBar

if TYPE_CHECKING:
    from did_tui.ui.app import DidTui
    from did_tui.ui.screens.browser import Browser

TABS = ("Overview", "JSON")
MOST_HITS = 1000
LEFT = 26  # columns of the names of fields


class Detail(Screen[None]):
    """One resource, shown as the list has it until all of it has come.

    ``browser`` is the list that it is from, which does what is done to it; ``words`` are looked for
    at once.
    """

    app: DidTui
    BINDINGS = [*bindings("everywhere"), *bindings("detail")]
    AUTO_FOCUS = "#scroll"
    DEFAULT_CSS = """
    Detail #tabs { height: 1; background: $surface; padding: 0 1; }
    Detail #scroll { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    Detail #text { height: auto; }
    """

    def __init__(
        self,
        place: Place,
        resource: Resource,
        tab: int = 0,
        *,
        browser: Browser | None = None,
        words: str = "",
        title: str = "",
    ) -> None:
        super().__init__()
        self._place, self._kind, self.resource, self._tab = place, place.kind, resource, tab
        self._browser, self._words, self._title = browser, words, title
        self._content = Content("")
        self._hits: list[int] = []  # where the words are in the text
        self._hit = 0

    def compose(self) -> ComposeResult:
        """Bar, tabs, text, and what is looked for in it."""
        yield TopBar()
        yield Static("", id="tabs")
        with VerticalScroll(id="scroll"):
            yield Static("", id="text")
        yield FilterLine("Find")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Say where this is, and ask for the rest."""
        line = self.query_one(FilterLine)
        if self._words:
            line.input.value, line.display = self._words, True
        self._begin()

    def _begin(self) -> None:
        label = self._title or one_line(self._kind.label(self.resource))[:60]
        self.query_one(TopBar).crumbs = (self.app.place, self._kind.title, label)
        self.action_tab(0)
        if self._kind.fetch is not None and self._browser is not None:
            self.fetch()

    @work(exclusive=True, group="fetch")
    async def fetch(self) -> None:
        """Ask for all of it; what is shown already stays where that fails."""
        bar = self.query_one(TopBar)
        fetch = self._kind.fetch
        assert fetch is not None  # noqa: S101 (looked at before)
        bar.state, bar.mood = "↻ loading", "busy"
        try:
            whole = await fetch(await self.app.client(), self._place, self.resource)
        except DidError as error:
            bar.state, bar.mood = f"as listed · {one_line(str(error))[:60]}", "bad"
            return
        bar.state, bar.mood = "● whole", "good"
        if whole.raw and whole.raw != self.resource.raw:
            self.resource = whole
            self._show(keep=True)

    def action_tab(self, by: int) -> None:
        """The tab before or after."""
        self._tab = (self._tab + by) % len(TABS)
        parts = [
            Content.styled(f" {name} ", "bold $primary" if number == self._tab else "$muted")
            for number, name in enumerate(TABS)
        ]
        self.query_one("#tabs", Static).update(Content("").join(parts))
        self._show()

    def _show(self, *, keep: bool = False) -> None:
        """Show the text anew, from its beginning or where one was."""
        self._content = self._json() if self._tab else self._overview()
        self._hits = hits(self._content.plain, self._words)
        self._hit = min(self._hit, max(0, len(self._hits) - 1)) if keep else 0
        self._say_hits()
        if not keep:
            self.query_one("#scroll").scroll_home(animate=False)
            if self._hits:
                self.call_after_refresh(self._scroll_to_hit)

    def _say_hits(self) -> None:
        content = self._content
        for number, start in enumerate(self._hits):
            style = "reverse bold" if number == self._hit else "underline $warning"
            content = content.stylize(style, start, start + len(self._words))
        self.query_one("#text", Static).update(content)
        count = f"{self._hit + 1} of {len(self._hits)}" if self._hits else "nowhere"
        self.query_one(FilterLine).tell(count if self._words else "", False)
        self.refresh_bindings()

    def _scroll_to_hit(self) -> None:
        width = self.query_one("#text").size.width
        if self._hits and width:
            before = self._content.divide([self._hits[self._hit]])[0]
            row = len(before.wrap(width)) - 1
            scroll = self.query_one("#scroll")
            scroll.scroll_to(y=max(0, row - scroll.size.height // 3), animate=False)

    def _json(self) -> Content:
        raw = _without_secrets(self.resource.raw, self._kind.hides)
        return literal(json.dumps(raw, indent=2, ensure_ascii=False))

    def _overview(self) -> Content:
        if isinstance(self.resource, KeptChat):
            return literal(self.resource.text)
        return Content("\n").join(_lines(self._kind, self.resource))

    # Finding

    def action_find(self) -> None:
        """Look for words in the text."""
        self.query_one(FilterLine).begin()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Find while it is typed."""
        event.stop()
        if event.value != self._words:
            self._words = event.value
            self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to the text, where n and N go from place to place."""
        event.stop()
        self.query_one("#scroll").focus()

    def action_hit(self, by: int) -> None:
        """The next place with the words; after the last one that of the next transcript."""
        at = self._hit + by
        if not self._hits or (not 0 <= at < len(self._hits) and self._elsewhere(by)):
            return
        self._hit = at % len(self._hits)
        self._say_hits()
        self._scroll_to_hit()

    def _elsewhere(self, by: int) -> bool:
        """Go to the next transcript that is listed; whether there is one."""
        browser = self._browser
        if browser is None or self._kind.said is None or not self._words:
            return False
        at = browser.table.cursor + by
        if not 0 <= at < len(browser.rows.shown):
            return False
        browser.table.cursor = at
        self.resource = browser.current()
        self._begin()
        if by < 0 and self._hits:
            self._hit = len(self._hits) - 1
            self._say_hits()
        return True

    # Doing

    def action_chat(self) -> None:
        """Meet this agent, or go on with this chat."""
        if isinstance(self.resource, Agent):
            self.app.meet(self.resource, b"")
        elif self._browser is not None:
            self._browser.action_chat()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Only what can be done with this resource."""
        if action == "chat":
            return isinstance(self.resource, Agent | KeptChat)
        if action == "hit":
            return True if self._hits else None
        if action in ("edit_here", "write_here"):
            browser = self._browser
            return browser is not None and bool(
                browser.check_action(action.replace("_here", "_row"), ())
            )
        return True

    def action_edit_here(self) -> None:
        """Change it in a form."""
        self._change("edit")

    def action_write_here(self) -> None:
        """Change it in the user's own editor."""
        self._change("write")

    @work(group="deed")
    async def _change(self, how: str) -> None:
        if self._browser is not None and await self._browser.changed(how, self.resource):
            self.fetch()

    def action_scroll(self, by: int) -> None:
        """Some lines on, or back."""
        self.query_one("#scroll").scroll_relative(y=by, animate=False)

    def action_copy_text(self) -> None:
        """The id, or with the JSON before one's eyes that."""
        raw = _without_secrets(self.resource.raw, self._kind.hides)
        text = json.dumps(raw, indent=2, ensure_ascii=False) if self._tab else ""
        text = text or self._kind.key(self.resource)
        what = "the JSON" if self._tab else "the id"
        self.app.copy(text, f"{what} ({len(text)} characters)")

    def action_leave_detail(self) -> None:
        """What is looked for is forgotten; then back to the list."""
        if self.query_one(FilterLine).clear():
            self.query_one("#scroll").focus()
        else:
            self.app.pop_screen()

    def action_help_detail(self) -> None:
        """The keys."""
        self.app.push_screen(KeyHelp(self._kind.title, {"detail": "Here", "places": "Elsewhere"}))


def hits(text: str, words: str) -> list[int]:
    """Where words are in a text, whatever the case; the first thousand places."""
    if not words:
        return []
    pattern = re.compile(re.escape(words), re.IGNORECASE)
    return [found.start() for found in islice(pattern.finditer(text), MOST_HITS)]


def _lines(kind: Kind, resource: Resource) -> Iterator[Content]:
    if resource.note:
        yield literal(resource.note, "$warning")
    for path, value in flat(resource.raw, kind.hides):
        first, *rest = plain(value).split("\n") or [""]
        yield literal(f"{one_line(path):<{LEFT}} ", "$muted") + literal(first)
        for line in rest:
            yield literal(" " * (LEFT + 1) + line)


def _without_secrets(value: Any, hides: frozenset[str]) -> Any:
    if not isinstance(value, dict):
        return value
    return {k: masked(str(v)) if k in hides else v for k, v in value.items()}
