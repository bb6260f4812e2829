"""One message of the transcript: who said it, what, and what it rests on."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Size
from textual.widgets import Static

from did_tui.live.conversation import Message
from did_tui.ui.markdown import Block, Growing, blocks
from did_tui.ui.text import literal, one_line

GUTTER = 10  # columns that a name takes at most
NARROW = 40  # columns below which names stand above what was said

_RATINGS = {1: "you rated this good", -1: "you rated this bad"}
_NOTES = {
    "waiting": "waits to be sent",
    "interrupted": "interrupted",
    "running": "at work",
}


class MessageView(Static):
    """A message; keys act on the one that is ``chosen``, which has a bar at its left."""

    DEFAULT_CSS = """
    MessageView {
        height: auto; margin: 0 0 1 0; padding: 0 1 0 0;
        text-wrap: nowrap; text-overflow: clip;
    }
    """

    def __init__(self, message: Message, name: str) -> None:
        super().__init__("")
        self.message = message
        self.chosen = False
        self._name = name
        self._growing = Growing()
        self._blocks: list[Block] = []
        self._seen: tuple[object, ...] = ()
        self._lines: tuple[int, list[Content]] | None = None
        self.follow(message, name)

    def follow(self, message: Message, name: str) -> None:
        """Show the message as it is now."""
        seen: tuple[object, ...] = (
            message.heard_text,
            message.state,
            message.trouble,
            message.citations,
        )
        seen = (*seen, message.rating, name)
        if seen == self._seen:
            return
        self.message, self._name, self._seen = message, name, seen
        self._blocks = self._written()
        before = self._lines
        self._lines = None
        taller = before is None or len(before[1]) != len(self._drawn(before[0]))
        self._draw(layout=taller)  # a layout of everything is not cheap

    def choose(self, chosen: bool) -> None:
        """Mark it, or not."""
        if chosen != self.chosen:
            self.chosen, self._lines = chosen, None
            self._draw(layout=False)

    def _written(self) -> list[Block]:
        message = self.message
        if message.role != "assistant":
            found = [Block(literal(message.text))]
        else:
            read = self._growing.blocks if message.state == "streaming" else blocks
            found = read(message.heard_text)
        if message.state == "streaming":
            last = found.pop() if found else Block(Content(""))
            found.append(Block(last.text + Content.styled(" ▌", "$primary"), last.first, last.rest))
        if message.state in _NOTES:
            found.append(Block(literal(f"({_NOTES[message.state]})", "italic $muted")))
        if message.trouble and message.role == "tool":
            found.append(Block(literal(f"✗ {message.trouble}", "$error")))
        elif message.trouble:
            found.append(Block(literal(f"✗ not sent: {message.trouble}", "$error")))
        if message.rating in _RATINGS:
            found.append(Block(literal(f"({_RATINGS[message.rating]})", "italic $muted")))
        if message.citations and message.state != "streaming":
            found.append(Block(_sources(message)))
        return found

    def _drawn(self, width: int) -> list[Content]:
        """The lines in so many columns."""
        if self._lines is None or self._lines[0] != width:
            self._lines = width, self._laid_out(width)
        return self._lines[1]

    def _laid_out(self, width: int) -> list[Content]:
        role = self.message.role
        called = {"user": "you", "tool": "»"}.get(role) or one_line(self._name)
        name = literal(called)
        gutter = min(GUTTER, max(3, cell_len(one_line(self._name))))
        name = name.truncate(gutter, ellipsis=True).stylize(
            {"user": "bold $secondary", "tool": "$muted"}.get(role, "bold $primary")
        )
        mark = Content.styled("▌", "$primary") if self.chosen else Content(" ")
        if width < NARROW:
            heads, indent = [name], 0
            first = blank = Content("")
        else:
            heads, indent = [], gutter + 2
            first = name + Content(" " * (indent - name.cell_length))
            blank = Content(" " * indent)
        lines = heads
        for block in self._blocks:
            for line in block.lines(max(1, width - 1 - indent)):
                lines.append((blank if lines else first) + line)
        return [mark + line for line in lines or [first]]

    # Textual's way

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """As many lines as it needs."""
        return len(self._drawn(width))

    def on_resize(self) -> None:
        """Draw it for the width that it has now."""
        self._draw(layout=False)

    def _draw(self, *, layout: bool) -> None:
        self.update(Content("\n").join(self._drawn(max(1, self.size.width))), layout=layout)


def _sources(message: Message) -> Content:
    titles = [
        f"{number} {one_line(citation.title) or 'a passage'}"
        for number, citation in enumerate(message.citations, 1)
    ]
    return literal("⌊ " + " · ".join(titles), "$muted")
