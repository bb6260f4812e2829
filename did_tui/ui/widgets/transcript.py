"""What was said, newest at the bottom."""

from __future__ import annotations

from collections.abc import Sequence

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from did_tui.live.conversation import Conversation, Message
from did_tui.ui.text import literal

_NOTES = {
    "waiting": "waits to be sent",
    "interrupted": "interrupted",
}


class Transcript(VerticalScroll, can_focus=False):
    """The messages of a conversation and, before the first one, what one might ask."""

    DEFAULT_CSS = """
    Transcript { padding: 0 1; scrollbar-size-vertical: 1; background: $background; }
    Transcript > .said { height: auto; margin: 0 0 1 0; }
    Transcript > .hints { height: auto; color: $muted; }
    Transcript > .notice { height: auto; margin: 1 0 0 0; }
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._agent_name = name
        self._drawn: dict[str, tuple[object, ...]] = {}
        self._said: dict[str, Static] = {}
        self._hints = Static("", classes="hints")
        self._notice = Static("", classes="notice")
        self._notice.display = False

    def compose(self) -> list[Static]:
        """Only the hints at first."""
        return [self._hints, self._notice]

    def note(self, trouble: str, advice: str = "") -> None:
        """Say at the end what is wrong, and what to do about it; nothing where all is well."""
        self._notice.display = bool(trouble)
        if trouble:
            said = literal(f"✗ {trouble}", "$error")
            self._notice.update(said + literal(f"\n{advice}", "$muted") if advice else said)
            self.scroll_end(animate=False)

    def rename(self, name: str) -> None:
        """The agent's name has become known."""
        if name and name != self._agent_name:
            self._agent_name = name
            self._drawn.clear()

    def update(self, conversation: Conversation, starters: Sequence[str]) -> None:
        """Draw what has changed and follow the newest message."""
        changed = False
        for message in conversation.messages:
            state = (message.text, message.state, message.trouble, message.citations)
            if self._drawn.get(message.id) == state:
                continue
            self._drawn[message.id] = state
            changed = True
            if message.id in self._said:
                self._said[message.id].update(self._draw(message))
            else:
                self._said[message.id] = said = Static(self._draw(message), classes="said")
                self.mount(said, before=self._hints)
        asked = any(message.role == "user" for message in conversation.messages)
        self._hints.display = bool(starters) and not asked
        self._hints.update(_hints(starters))
        if changed:
            self.scroll_end(animate=False)

    def _draw(self, message: Message) -> Content:
        mine = message.role == "user"
        name = "you" if mine else self._agent_name
        parts = [literal(f"{name}  ", "bold $secondary" if mine else "bold $primary")]
        parts.append(literal(message.text))
        if message.state == "streaming":
            parts.append(Content.styled(" ▌", "$primary"))
        if message.state in _NOTES:
            parts.append(literal(f"  ({_NOTES[message.state]})", "italic $muted"))
        if message.trouble:
            parts.append(literal(f"\n✗ not sent: {message.trouble}", "$error"))
        if not mine and message.citations and message.state != "streaming":
            titles = " · ".join(citation.title for citation in message.citations)
            parts.append(literal(f"\n⌊ from: {titles}", "$muted"))
        return Content("").join(parts)


def _hints(starters: Sequence[str]) -> Content:
    lines = [
        Content.styled(f" {number} ", "bold $primary") + literal(f" {starter}")
        for number, starter in enumerate(starters[:9], 1)
    ]
    return Content("\n").join(lines)
