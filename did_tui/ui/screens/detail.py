"""Everything about one resource: in words, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Static

from did_tui.api.models import Agent, Resource
from did_tui.ui.keys import bindings
from did_tui.ui.kinds import Kind, Place, masked
from did_tui.ui.local import KeptChat
from did_tui.ui.screens.asking import KeyHelp
from did_tui.ui.text import literal, one_line, plain
from did_tui.ui.widgets.preview import flat
from did_tui.ui.widgets.topbar import TopBar

if TYPE_CHECKING:
    from did_tui.ui.app import DidTui

TABS = ("Overview", "JSON")
LEFT = 26  # columns of the names of fields


class Detail(Screen[None]):
    """One resource."""

    app: DidTui
    BINDINGS = [*bindings("everywhere"), *bindings("detail")]
    AUTO_FOCUS = "#scroll"
    DEFAULT_CSS = """
    Detail #tabs { height: 1; background: $surface; padding: 0 1; }
    Detail #scroll { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    Detail #text { height: auto; }
    """

    def __init__(self, place: Place, resource: Resource, tab: int = 0) -> None:
        super().__init__()
        self._place, self._kind, self.resource, self._tab = place, place.kind, resource, tab

    def compose(self) -> ComposeResult:
        """Bar, tabs, text."""
        yield TopBar()
        yield Static("", id="tabs")
        with VerticalScroll(id="scroll"):
            yield Static("", id="text")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Say where this is."""
        bar = self.query_one(TopBar)
        label = one_line(self._kind.label(self.resource))[:60]
        bar.crumbs = (self.app.place, self._kind.title, label)
        self.action_tab(0)

    def action_tab(self, by: int) -> None:
        """The tab before or after."""
        self._tab = (self._tab + by) % len(TABS)
        parts = [
            Content.styled(f" {name} ", "bold $primary" if number == self._tab else "$muted")
            for number, name in enumerate(TABS)
        ]
        self.query_one("#tabs", Static).update(Content("").join(parts))
        self.query_one("#text", Static).update(self._json() if self._tab else self._overview())
        self.query_one("#scroll").scroll_home(animate=False)

    def _json(self) -> Content:
        raw = _without_secrets(self.resource.raw, self._kind.hides)
        return literal(json.dumps(raw, indent=2, ensure_ascii=False))

    def _overview(self) -> Content:
        if isinstance(self.resource, KeptChat):
            return literal(self.resource.text)
        return Content("\n").join(_lines(self._kind, self.resource))

    def action_chat(self) -> None:
        """Meet this agent."""
        if isinstance(self.resource, Agent):
            self.app.meet(self.resource, b"")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Only with agents can one talk."""
        return action != "chat" or isinstance(self.resource, Agent)

    def action_scroll(self, by: int) -> None:
        """Some lines on, or back."""
        self.query_one("#scroll").scroll_relative(y=by, animate=False)

    def action_copy_text(self) -> None:
        """The id, or with the JSON before one's eyes that."""
        raw = _without_secrets(self.resource.raw, self._kind.hides)
        text = json.dumps(raw, indent=2, ensure_ascii=False) if self._tab else ""
        text = text or self._kind.key(self.resource)
        self.app.copy_to_clipboard(text)
        self.notify(f"Copied {'the JSON' if self._tab else 'the id'} ({len(text)} characters).")

    def action_leave_detail(self) -> None:
        """Back to the list."""
        self.app.pop_screen()

    def action_help_detail(self) -> None:
        """The keys."""
        self.app.push_screen(KeyHelp(self._kind.title, {"detail": "Here", "places": "Elsewhere"}))


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
