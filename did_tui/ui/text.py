"""Text from outside, made harmless.

Textual parses plain ``str`` as markup, which can run actions and raise; control characters can
steer a terminal. Everything that did not come from this program's own source goes through
``literal`` before it reaches a widget.
"""

from __future__ import annotations

import re

from textual.content import Content
from textual.style import Style

_NEWLINES = re.compile(r"\r\n?|[\u2028\u2029\x85\x0b\x0c]")

#: C0, DEL, C1; bidirectional controls; zero-width and other invisible formatting; surrogates.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)

LONGEST = 64 * 1024  # characters that any one place shows


def plain(text: object) -> str:
    """A text without anything that could steer a terminal; lines and tabs are kept."""
    said = str(text)
    if len(said) > LONGEST:
        said = said[: LONGEST - 1] + "…"
    said = _NEWLINES.sub("\n", said)
    return _INVISIBLE.sub("", said.replace("\t", "    "))


def one_line(text: object) -> str:
    """The same on one line."""
    return " ".join(plain(text).split())


def literal(text: object, style: str | Style = "") -> Content:
    """Text for a widget, shown as it is: no markup, no control characters."""
    return Content.styled(plain(text), style) if style else Content(plain(text))
