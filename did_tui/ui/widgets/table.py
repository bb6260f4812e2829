"""A table drawn line by line: only what is on the screen costs anything."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from did_tui.ui.text import one_line

Row = TypeVar("Row")

GAP = 2  # cells between columns


@dataclass(frozen=True, slots=True)
class Column:
    """A heading and how wide the column may be; ``share`` is its part of what is left over.

    Columns with a higher ``importance`` stay when there is no room for all.
    """

    title: str
    least: int
    share: int = 0
    importance: int = 1


@dataclass(frozen=True, slots=True)
class Cell:
    """A text from anywhere and the name of its colour: a component class without its prefix."""

    text: str
    colour: str = ""


class Table(ScrollView, Generic[Row], can_focus=True):
    """Rows with a cursor and marks; ``cells`` makes what a row shows when that is drawn."""

    COMPONENT_CLASSES = {
        "table--title",
        "table--row",
        "table--cursor",
        "table--good",
        "table--busy",
        "table--bad",
        "table--dim",
        "table--strong",
        "table--mark",
    }
    DEFAULT_CSS = """
    Table { height: 1fr; background: $background; scrollbar-size-vertical: 1; }
    Table .table--title { color: $muted; text-style: bold; background: $background; }
    Table .table--row { color: $foreground; background: $background; }
    Table .table--cursor { background: $primary-muted; }
    Table:ansi .table--cursor { background: ansi_blue; color: ansi_bright_white; }
    Table .table--good { color: $success; }
    Table .table--busy { color: $warning; }
    Table .table--bad { color: $error; }
    Table .table--dim { color: $muted; }
    Table .table--strong { text-style: bold; }
    Table .table--mark { color: $secondary; text-style: bold; }
    """
    BINDINGS = [
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("home,g", "move(-1000000)", show=False),
        Binding("end,G", "move(1000000)", show=False),
        Binding("pagedown,ctrl+d", "page(1)", show=False),
        Binding("pageup,ctrl+u", "page(-1)", show=False),
    ]

    cursor = reactive(0, repaint=True)

    @dataclass
    class Highlighted(Message):
        """The cursor is on another row."""

        table: Table[Any]
        index: int

    @dataclass
    class Chosen(Message):
        """A row was clicked twice."""

        table: Table[Any]
        index: int

    @dataclass
    class Titled(Message):
        """The heading of a column was clicked."""

        table: Table[Any]
        column: int

    def __init__(
        self,
        columns: Sequence[Column],
        cells: Callable[[Row], Sequence[Cell]],
        **options: str | None,
    ) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.columns = tuple(columns)
        self.cells = cells
        self.rows: Sequence[Row] = ()
        #: Numbers of the rows that are marked.
        self.marks: Collection[int] = ()
        #: The column by which the rows are in order, and whether the last comes first.
        self.order: tuple[int, bool] | None = None

    def fill(self, rows: Sequence[Row], cursor: int | None = None) -> None:
        """Show these rows, with the cursor on one of them; else it stays as far as it can."""
        self.rows = rows
        self.virtual_size = Size(0, len(rows) + 1)
        self.cursor = self.validate_cursor(self.cursor if cursor is None else cursor)
        self.refresh()
        self.post_message(self.Highlighted(self, self.cursor))

    @property
    def current(self) -> Row | None:
        """What the row under the cursor stands for."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on a row."""
        return max(0, min(cursor, len(self.rows) - 1))

    def watch_cursor(self) -> None:
        """Keep the cursor in sight."""
        self.scroll_to_region(
            Region(0, self.cursor, 1, 2 if self.cursor == 0 else 1 + 1), animate=False
        )
        self.post_message(self.Highlighted(self, self.cursor))

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        self.cursor += rows

    def action_page(self, pages: int) -> None:
        """Move the cursor by what is on the screen."""
        self.cursor += pages * max(1, self.size.height - 2)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on a row; twice chooses it."""
        row = event.y - 1 + int(self.scroll_y)
        if event.y == 0:
            column = column_at(column_widths(self.columns, self.size.width - 1), event.x - 1)
            if column is not None:
                self.post_message(self.Titled(self, column))
        elif 0 <= row < len(self.rows):
            self.cursor = row
            if event.chain == 2:
                self.post_message(self.Chosen(self, row))

    def render_line(self, y: int) -> Strip:
        """The heading, which does not scroll, and then the rows."""
        width = self.size.width
        widths = column_widths(self.columns, width - 1)
        if y == 0:
            style = self.get_component_rich_style("table--title")
            titles = [Cell(self._title(number)) for number in range(len(self.columns))]
            return self._line(titles, widths, style, " ")
        index = y - 1 + int(self.scroll_y)
        base = self.get_component_rich_style("table--row")
        if index >= len(self.rows):
            return Strip.blank(width, base)
        sign = "•" if index in self.marks else " "
        cells = self.cells(self.rows[index])
        if index == self.cursor:
            if self.app.native_ansi_color:
                # Nobody knows which of the user's colours can be read on which.
                cells = [replace(cell, colour="") for cell in cells]
            base += self.get_component_rich_style("table--cursor", partial=True)
            if self.has_focus:
                sign = "◉" if index in self.marks else "▌"
        return self._line(cells, widths, base, sign)

    def _title(self, number: int) -> str:
        title = self.columns[number].title
        if self.order is None or self.order[0] != number:
            return title
        return f"{title} {'▼' if self.order[1] else '▲'}"

    def _line(self, cells: Sequence[Cell], widths: Sequence[int], base: Style, mark: str) -> Strip:
        style = base
        if mark in "•◉":
            style += self.get_component_rich_style("table--mark", partial=True)
        segments = [Segment(mark, style)]
        for cell, width in zip(cells, widths, strict=False):
            if width <= 0:
                continue
            style = base
            if cell.colour:
                style += self.get_component_rich_style(f"table--{cell.colour}", partial=True)
            text = cut(one_line(cell.text), width)
            blank = " " * (width + GAP - cell_len(text))
            segments += [Segment(text, style), Segment(blank, base)]
        return Strip(segments).adjust_cell_length(self.size.width, base)


def cut(text: str, width: int) -> str:
    """A text that is at most so many cells wide, with an ellipsis where something is missing."""
    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1)}…"


def column_widths(columns: Sequence[Column], room: int) -> list[int]:
    """The width of each column in ``room`` cells; 0 for a column that has to go."""
    shown = set(range(len(columns)))
    while len(shown) > 1 and sum(columns[i].least + GAP for i in shown) > room:
        shown.remove(min(shown, key=lambda i: (columns[i].importance, -i)))
    spare = max(0, room - sum(columns[i].least + GAP for i in shown))
    shares = sum(columns[i].share for i in shown)
    widths = [0] * len(columns)
    for i in sorted(shown):
        extra = spare * columns[i].share // shares if shares else 0
        widths[i] = min(columns[i].least + extra, room)
    return widths


def column_at(widths: Sequence[int], x: int) -> int | None:
    """The column that is drawn at a cell."""
    for number, width in enumerate(widths):
        if width > 0:
            if x < width + GAP:
                return number
            x -= width + GAP
    return None
