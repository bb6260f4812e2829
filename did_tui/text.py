"""Text from outside, without anything that could steer a terminal: no I/O."""

from __future__ import annotations

import re

_NEWLINES = re.compile(r"\r\n?|[\u2028\u2029\x85\x0b\x0c]")

#: C0, DEL, C1; bidirectional controls; zero-width and other invisible formatting; surrogates.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)

#: The same, and what ends a line or moves on in it.
_STEERS = re.compile(f"{_INVISIBLE.pattern}|[\t-\r\u2028\u2029]")
SIGN = "�"  # shown in the place of one

LONGEST = 64 * 1024  # characters that any one place shows


def harmless(text: str) -> str:
    """The text without what steers or hides; lines and tabs are kept."""
    return _INVISIBLE.sub("", _NEWLINES.sub("\n", text))


def shown(text: str) -> str:
    """A text as long as this one, with a sign in the place of each letter that steers or hides."""
    return _STEERS.sub(SIGN, text)


def plain(text: object) -> str:
    """A text without anything that could steer a terminal; lines and tabs are kept."""
    said = str(text)
    if len(said) > LONGEST:
        said = said[: LONGEST - 1] + "…"
    return harmless(said).replace("\t", "    ")


def one_line(text: object) -> str:
    """The same on one line."""
    return " ".join(plain(text).split())


def harmless_json(text: str) -> str:
    """JSON text in which whatever could steer a terminal is escaped: it stays the same JSON."""
    return _INVISIBLE.sub(lambda found: _escaped(found[0]), text)


def _escaped(letter: str) -> str:
    code = letter.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{code[at : at + 4]}" for at in range(0, len(code), 4))
