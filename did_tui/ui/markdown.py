"""Answers written in Markdown, as lines of a terminal.

The text comes from outside: whatever it holds, entities and addresses included, goes through
``literal``, so that nothing in it can become markup or steer the terminal. Links show their
address, pictures and videos are named; nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from textual.content import Content

from did_tui.ui.text import literal, one_line, plain

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

VIDEOS = (".mp4", ".webm", ".mkv", ".mov", ".m4v", ".ogv")
NARROW = 8  # columns that a text keeps, however deep it is indented
BULLETS = "•◦▪"

_INLINE = {"strong": "bold", "em": "italic", "s": "strike"}


@dataclass(slots=True)
class Block:
    """A piece of text that begins with ``first``, and each further line with ``rest``."""

    text: Content
    first: str = ""
    rest: str = ""
    style: str = ""
    _lines: tuple[int, list[Content]] = field(default=(0, []), repr=False)

    def lines(self, width: int) -> list[Content]:
        """The lines in so many columns, kept for the next time."""
        if self._lines[0] != width:
            self._lines = (width, list(self._wrapped(width)))
        return self._lines[1]

    def _wrapped(self, width: int) -> Iterator[Content]:
        indent = len(self.first) if width - len(self.first) >= NARROW else 0
        for number, line in enumerate(self.text.wrap(max(1, width - indent))):
            mark = (self.rest if number else self.first)[:indent]
            yield Content.styled(mark, "$muted") + line if mark else line


def blocks(text: str) -> list[Block]:
    """A text in Markdown, block by block, with empty ones between paragraphs."""
    return _read(plain(text)).blocks


class Growing:
    """A text that grows: only the last block of what there was is read again."""

    def __init__(self) -> None:
        self._kept: list[Block] = []
        self._read = ""  # the text of these

    def blocks(self, text: str) -> list[Block]:
        """The blocks of the text as it is now."""
        text = plain(text)
        if not text.startswith(self._read):
            self._kept, self._read = [], ""
        rest = text[len(self._read) :]
        found = _read(rest, after=bool(self._kept))
        all_of_it = [*self._kept, *found.blocks]
        self._kept += found.blocks[: found.last_block]
        self._read += rest[: found.last_character]
        return all_of_it


@cache
def _parser() -> MarkdownIt:
    """CommonMark with tables and strike-through, and without HTML; loaded when it is needed."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def _read(text: str, *, after: bool = False) -> _Writer:
    """Read a text without control characters; ``after`` where something stands above it."""
    lines = text.split("\n")
    # Without an empty line above it, what begins here may still turn out to belong there.
    apart = {number + 1 for number, line in enumerate(lines) if not line.strip()}
    writer = _Writer(after)
    writer.write(_parser().parse(text), apart)
    position = 0
    for _ in range(writer.last_line):
        position = text.index("\n", position) + 1
    writer.last_character = position
    return writer


class _Writer:
    """Makes blocks of markdown-it's tokens, and knows where the last one at the top begins."""

    def __init__(self, after: bool) -> None:
        self.blocks: list[Block] = []
        self.last_block = self.last_line = self.last_character = 0
        self._apart = after  # something stands above: leave a line
        self._lists: list[int | None] = []  # the number of the next item; None: bullets
        self._mark = ""  # of the item that begins
        self._quotes = 0

    def write(self, tokens: Sequence[Token], apart: Set[int]) -> None:
        """Take all tokens of a text; the lines ``apart`` stand below an empty one."""
        rows: list[list[Content]] | None = None
        style = ""
        for token in tokens:
            if token.level == 0 and token.nesting >= 0 and token.map and token.map[0] in apart:
                self.last_block, self.last_line = len(self.blocks), token.map[0]
            match token.type:
                case "bullet_list_open":
                    self._part()
                    self._lists.append(None)
                case "ordered_list_open":
                    self._part()
                    self._lists.append(int(token.attrs.get("start", 1) or 0))
                case "bullet_list_close" | "ordered_list_close":
                    self._lists.pop()
                case "list_item_open":
                    self._begin_item()
                case "list_item_close" if self._mark:
                    self._add(Content(""))
                case "blockquote_open":
                    self._part()
                    self._quotes += 1
                case "blockquote_close":
                    self._quotes -= 1
                case "heading_open":
                    style = "bold $primary"
                case "heading_close":
                    style = ""
                case "fence" | "code_block":
                    self._add(literal(token.content.rstrip("\n"), "$secondary"), "  ")
                case "hr":
                    self._add(Content.styled("─" * NARROW, "$muted"))
                case "table_open":
                    rows = []
                case "tr_open" if rows is not None:
                    rows.append([])
                case "table_close" if rows is not None:
                    self._add(_table(rows))
                    rows = None
                case "inline":
                    content = _inline(token.children or [], style)
                    if rows:
                        rows[-1].append(content)
                    else:
                        self._add(content)

    def _part(self) -> None:
        """Leave a line before what comes, unless it is within a list."""
        if self._apart and not self._lists:
            self.blocks.append(Block(Content("")))
        self._apart = False

    def _begin_item(self) -> None:
        number = self._lists[-1]
        if number is None:
            self._mark = BULLETS[(len(self._lists) - 1) % len(BULLETS)] + " "
        else:
            self._mark = f"{number}. "
            self._lists[-1] = number + 1

    def _add(self, text: Content, indent: str = "") -> None:
        self._part()
        depth = max(0, len(self._lists) - 1) * 2
        before = "▎ " * self._quotes + " " * depth
        mark = self._mark or ("  " if self._lists else "")
        rest = before + " " * len(mark) + indent
        self.blocks.append(Block(text, before + mark + indent, rest))
        self._mark, self._apart = "", True


def _inline(tokens: Sequence[Token], style: str) -> Content:
    """A paragraph's text; line breaks are kept, as people who chat mean them."""
    parts: list[Content] = []
    styles = [style] if style else []
    links: list[tuple[str, int]] = []
    for token in tokens:
        said = " ".join(styles)
        kind = token.type.removesuffix("_open").removesuffix("_close")
        if kind in _INLINE:
            if token.nesting > 0:
                styles.append(_INLINE[kind])
            elif _INLINE[kind] in styles:
                styles.remove(_INLINE[kind])
        elif token.type == "link_open":
            links.append((str(token.attrs.get("href", "")), len(parts)))
            styles.append("underline")
        elif token.type == "link_close" and links:
            address, begun = links.pop()
            styles.remove("underline")
            shown = "".join(part.plain for part in parts[begun:])
            if one_line(address).removeprefix("mailto:") != shown.strip():
                parts.append(literal(f" ({one_line(address)})", "$muted"))
        elif token.type in ("softbreak", "hardbreak"):
            parts.append(Content("\n"))
        elif token.type == "code_inline":
            parts.append(literal(token.content, f"{said} $secondary".strip()))
        elif token.type == "image":
            parts.append(_named(token))
        elif token.content:
            parts.append(literal(token.content, said))
    return Content("").join(parts)


def _named(token: Token) -> Content:
    """A picture or a video, which is named and not fetched."""
    address = one_line(token.attrs.get("src", ""))
    kind = "video" if address.partition("?")[0].lower().endswith(VIDEOS) else "picture"
    words = one_line(token.content)
    return literal(f"[{kind}{': ' if words else ''}{words}]", "italic") + literal(
        f" ({address})", "$muted"
    )


def _table(rows: list[list[Content]]) -> Content:
    """Columns as wide as their widest cell; the first row is the heading."""
    count = max(map(len, rows), default=0)
    widths = [
        max((row[i].cell_length for row in rows if i < len(row)), default=0) for i in range(count)
    ]
    lines = []
    for number, row in enumerate(rows):
        cells = [
            cell.pad_right(max(0, width - cell.cell_length))
            for cell, width in zip(row, widths, strict=False)
        ]
        line = Content.styled(" │ ", "$muted").join(cells)
        lines.append(line.stylize("bold") if not number else line)
    return Content("\n").join(lines)
