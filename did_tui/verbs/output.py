"""What a verb found, and how it is written: as a table or as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unicodedata import combining, east_asian_width

from did_tui.api.models import Resource
from did_tui.text import harmless_json, one_line, plain

Column = tuple[str, Callable[[Any], object]]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows and what is shown of them; ``--json`` has them whole."""

    rows: Sequence[Resource]
    columns: Sequence[Column]


@dataclass(frozen=True, slots=True)
class Whole:
    """One object as D-ID has it, or any JSON."""

    value: Any


@dataclass(frozen=True, slots=True)
class Result:
    """What was done: a line for people and scripts, an object for ``--json``."""

    line: str
    value: Mapping[str, Any]


Output = Table | Whole | Result | None


def written(output: Output, *, as_json: bool) -> str:
    """The text for standard output; nothing in it can steer a terminal."""
    match output:
        case None:
            return ""
        case Table(rows, columns):
            return _json([row.raw for row in rows]) if as_json else _table(rows, columns)
        case Whole(value):
            return _json(value)
        case Result(line, value):
            return _json(value) if as_json else _lines(line)


def _json(value: object) -> str:
    return harmless_json(json.dumps(value, indent=2, ensure_ascii=False)) + "\n"


def _lines(text: str) -> str:
    return plain(text).rstrip("\n") + "\n"


def _table(rows: Sequence[Resource], columns: Sequence[Column]) -> str:
    """Columns are as wide as what is in them; a row that could not be read says so at its end."""
    head = [name.upper() for name, _ in columns]
    cells = [[one_line(_said(show(row))) or "-" for _, show in columns] for row in rows]
    widths = [max(map(cells_of, column)) for column in zip(head, *cells, strict=True)]
    notes = ["", *(f"({one_line(row.note)})" if row.note else "" for row in rows)]
    return "".join(
        "  ".join(
            [*(_filled(cell, width) for cell, width in zip(line, widths, strict=True)), note]
        ).rstrip()
        + "\n"
        for line, note in zip([head, *cells], notes, strict=True)
    )


def cells_of(text: str) -> int:
    """How many columns of a terminal a text takes: East Asian letters take two, accents none."""
    return sum(
        0 if combining(letter) else 2 if east_asian_width(letter) in "WF" else 1 for letter in text
    )


def _filled(cell: str, width: int) -> str:
    return cell + " " * (width - cells_of(cell))


def _said(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)
