"""What was said, newest at the bottom."""

from __future__ import annotations

from collections.abc import Sequence

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from did_tui.live.conversation import Conversation, Message
from did_tui.ui.text import literal
from did_tui.ui.widgets.message import MessageView


class Transcript(VerticalScroll, can_focus=False):
    """The messages of a conversation and, before the first one, what one might ask.

    It follows the newest message until the user scrolls back. One message may be chosen.
    """

    DEFAULT_CSS = """
    Transcript { padding: 0; scrollbar-size-vertical: 1; background: $background; }
    Transcript > .hints { height: auto; color: $muted; padding: 0 1; }
    Transcript > .notice { height: auto; margin: 1 0 0 0; padding: 0 1; }
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._agent_name = name
        self._said: dict[str, MessageView] = {}
        self._chosen = ""
        self._following = True
        self._hints = Static("", classes="hints")
        self._notice = Static("", classes="notice")
        self._notice.display = False
        self._noted = ("", "")

    def compose(self) -> list[Static]:
        """Only the hints at first."""
        return [self._hints, self._notice]

    def follow(self) -> None:
        """Show the newest message, and those to come."""
        self._following = True
        self._to_the_end()

    def _to_the_end(self) -> None:
        self.scroll_end(animate=False, immediate=True)

    def watch_virtual_size(self) -> None:
        """There is more, or less, than before."""
        if self._following:
            self._to_the_end()

    def watch_scroll_y(self, old: float, new: float) -> None:
        """Scrolled back, it stays where it is; at the end it follows again."""
        super().watch_scroll_y(old, new)
        if new >= self.max_scroll_y:
            self._following = True
        elif new < old:
            self._following = False

    def on_resize(self) -> None:
        """What was at the end stays there."""
        if self._following:
            self._to_the_end()

    def note(self, trouble: str, advice: str = "") -> None:
        """Say at the end what is wrong, and what to do about it; nothing where all is well."""
        if (trouble, advice) == self._noted:
            return
        self._noted = trouble, advice
        self._notice.display = bool(trouble)
        if trouble:
            said = literal(f"✗ {trouble}", "$error")
            self._notice.update(said + literal(f"\n{advice}", "$muted") if advice else said)
            self.follow()

    def rename(self, name: str) -> None:
        """The agent's name has become known."""
        if name:
            self._agent_name = name

    def update(self, conversation: Conversation, starters: Sequence[str]) -> None:
        """Draw what has changed."""
        for message in conversation.messages:
            view = self._said.get(message.id)
            if view is not None:
                view.follow(message, self._agent_name)
                continue
            self._said[message.id] = view = MessageView(message, self._agent_name)
            self.mount(view, before=self._place(conversation, message))
        if len(self._said) > len(conversation.messages):  # an answer was withdrawn
            here = {message.id for message in conversation.messages}
            for message_id in self._said.keys() - here:
                self._said.pop(message_id).remove()
        asked = any(message.role == "user" for message in conversation.messages)
        self._hints.display = bool(starters) and not asked
        if self._hints.display:
            self._hints.update(_hints(starters))

    def _place(self, conversation: Conversation, new: Message) -> Static | MessageView:
        """What a new message stands before: the one after it, if that is here already."""
        after = False
        for message in conversation.messages:
            if after and message.id in self._said:
                return self._said[message.id]
            after = after or message is new
        return self._hints

    # Choosing

    @property
    def chosen(self) -> Message | None:
        """The message that keys act on."""
        view = self._said.get(self._chosen)
        return view.message if view is not None else None

    def choose(self, message: Message | None) -> None:
        """Choose a message and show it; None for no message."""
        before = self._said.get(self._chosen)
        if before is not None:
            before.choose(False)
        self._chosen = message.id if message is not None else ""
        view = self._said.get(self._chosen)
        if view is not None:
            view.choose(True)
            tall = view.size.height > self.size.height
            self.scroll_to_widget(view, animate=False, top=tall)

    def pages(self, number: int) -> None:
        """Scroll so many pages on, or back."""
        self.scroll_relative(y=number * max(1, self.size.height - 1), animate=False)


def _hints(starters: Sequence[str]) -> Content:
    lines = [
        Content.styled(f" {number} ", "bold $primary") + literal(f" {starter}")
        for number, starter in enumerate(starters[:9], 1)
    ]
    return Content("\n").join(lines)
