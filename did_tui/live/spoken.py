"""The words of a text in Markdown or SSML, without its marks, as they are spoken. Pure.

Each mark goes by itself and not in pairs: the text may still grow, or may have been cut off, and
a word that was shown must not change.
"""

from __future__ import annotations

import html
import re

RECORDING = "♪"  # stands before the address of a recording, and for its words

_RULES = (
    (re.compile(rf"\A{RECORDING} \S+\Z"), RECORDING),
    (re.compile(r"^[ \t]*(?:```|~~~).*$", re.MULTILINE), ""),  # a fence of code
    (re.compile(r"^[ \t]*(?:([-*_])[ \t]*)(?:\1[ \t]*){2,}$", re.MULTILINE), ""),  # a rule
    (re.compile(r"^[ \t]*\|[ \t:|-]*$", re.MULTILINE), ""),  # the line below a table's head
    (re.compile(r"^[ \t]*\||\|[ \t]*$", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*(?:(?:[-*+]|\d{1,9}[.)]|#{1,6}|>)[ \t]+)+", re.MULTILINE), ""),
    (re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*(?:\s[^()]*)?\)"), r"\1"),  # a picture or a link
    (re.compile(r"!?\[([^\[\]]*)(?:\](?:\([^()]*)?)?\Z"), r"\1"),  # one that has not come whole
    (re.compile(r"<(https?://[^\s<>]*)>"), r"\1"),
    (re.compile(r"(?<![\w\\*])\*{1,3}(?=[^\s*])|(?<=[^\s\\*])\*{1,3}(?![\w*])"), ""),
    (re.compile(r"(?<![\w\\])_{1,3}(?=[^\s_])|(?<=[^\s\\_])_{1,3}(?!\w)"), ""),
    (re.compile(r"(?<=\w)\*\*|\*\*(?=\w)|~~"), ""),  # also within a word
    (re.compile(r"(?<!\\)`+"), ""),
    (re.compile(r"\\([*_`#\[\]()~>|\\+.!-])"), r"\1"),
)


def spoken(text: str) -> str:
    """The words of a text, line by line: links by their text, pictures by what they are called."""
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text


_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_PAUSE = re.compile(r"</?(?:break|p|s|audio|speak)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z?][^<>]*>")


def spoken_ssml(markup: str) -> str:
    """The words of SSML, on one line; empty where it has none."""
    text = _TAG.sub("", _PAUSE.sub(" ", _COMMENT.sub(" ", markup)))
    return " ".join(html.unescape(text).split())
