"""Text from outside, made harmless.

Textual parses plain ``str`` as markup, which can run actions and raise; control characters can
steer a terminal. Everything that did not come from this program's own source goes through
``literal`` before it reaches a widget.
"""

from __future__ import annotations

from rich.highlighter import Highlighter
from rich.text import Text
from textual.content import Content
from textual.style import Style

from did_tui.text import LONGEST, one_line, plain, shown

__all__ = ["LONGEST", "Signs", "literal", "one_line", "plain"]


class Signs(Highlighter):
    """For an ``Input`` whose text may be from outside: it stays as it is, and is shown harmless."""

    def highlight(self, text: Text) -> None:
        """Put signs in the place of what is not to reach the terminal."""
        text.plain = shown(text.plain)


def literal(text: object, style: str | Style = "") -> Content:
    """Text for a widget, shown as it is: no markup, no control characters."""
    return Content.styled(plain(text), style) if style else Content(plain(text))
