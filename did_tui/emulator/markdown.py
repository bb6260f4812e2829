"""What is read aloud of an answer that was written in Markdown."""

from __future__ import annotations

import re

_RULES = (
    (re.compile(r"!\[([^\]]*)\]\([^)]*\)"), ""),  # an image is looked at
    (re.compile(r"\[([^\]]+)\]\([^)]*\)"), r"\1"),
    (re.compile(r"^\s*(?:[-*+]|\d+\.|#+|>)\s+", re.MULTILINE), ""),
    (re.compile(r"(\*\*|__|`)(.+?)\1"), r"\2"),
    (re.compile(r"(?<!\w)[*_](\S(?:.*?\S)?)[*_](?!\w)"), r"\1"),
)


def spoken(text: str) -> str:
    """The words of a text: links by their names, no marks; the text itself if nothing is left.

    A line of a list becomes a sentence.
    """
    plain = text
    for pattern, instead in _RULES:
        plain = pattern.sub(instead, plain)
    lines = (line.strip() for line in plain.splitlines())
    said = " ".join(line if line[-1] in ".!?:,;" else f"{line}." for line in lines if line)
    return said or text
