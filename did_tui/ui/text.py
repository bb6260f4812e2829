"""Text from outside, made harmless.

Textual parses plain ``str`` as markup, which can run actions and raise; control characters can
steer a terminal. Everything that did not come from this program's own source goes through
``literal`` before it reaches a widget.
"""

from __future__ import annotations

from textual.content import Content
from textual.style import Style

from did_tui.text import LONGEST, one_line, plain

__all__ = ["LONGEST", "literal", "one_line", "plain"]


def literal(text: object, style: str | Style = "") -> Content:
    """Text for a widget, shown as it is: no markup, no control characters."""
    return Content.styled(plain(text), style) if style else Content(plain(text))
