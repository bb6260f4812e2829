"""Text from outside, made harmless.

Textual parses plain ``str`` as markup, which can run actions and raise; control characters can
steer a terminal. Everything that did not come from this program's own source goes through
``literal`` before it reaches a widget.
"""

from __future__ import annotations

from textual.content import Content
from textual.style import Style

from did_tui.live.harmless import harmless

LONGEST = 64 * 1024  # characters that any one place shows


def plain(text: object) -> str:
    """A text without anything that could steer a terminal; lines and tabs are kept."""
    said = str(text)
    if len(said) > LONGEST:
        said = said[: LONGEST - 1] + "…"
    return harmless(said).replace("\t", "    ")


def one_line(text: object) -> str:
    """The same on one line."""
    return " ".join(plain(text).split())


def literal(text: object, style: str | Style = "") -> Content:
    """Text for a widget, shown as it is: no markup, no control characters."""
    return Content.styled(plain(text), style) if style else Content(plain(text))
