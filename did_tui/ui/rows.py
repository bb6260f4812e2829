"""The rows of a list: which are shown, in which order, which are marked. No I/O, no widgets.

A row keeps what its columns show and the object's JSON, compressed: ten thousand agents fit into
ten megabytes.
"""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import compress
from typing import Any, TypeVar

from did_tui.api.models import Resource
from did_tui.ui.text import one_line

R = TypeVar("R", bound=Resource)

#: What a column holds: a text, or a number where it is sorted by one (times, counts).
Value = str | float

LONGEST_VALUE = 160  # characters of a text that a column keeps
_BALE = 50  # objects that are compressed together
_SHARED = 16  # characters up to which equal texts are kept once


class Bale:
    """Some objects' JSON, compressed together: what they share is kept once."""

    __slots__ = ("_packed",)

    def __init__(self, raws: Sequence[Mapping[str, Any]]) -> None:
        text = json.dumps([dict(raw) for raw in raws], separators=(",", ":"))
        self._packed = zlib.compress(text.encode(), 6)

    def objects(self) -> list[dict[str, Any]]:
        """The objects; those of the bale that was opened last are kept."""
        return _opened(self._packed)


@lru_cache(maxsize=1)
def _opened(packed: bytes) -> list[dict[str, Any]]:
    objects: list[dict[str, Any]] = json.loads(zlib.decompress(packed))
    return objects


class Row:
    """One object of a list. ``identity`` is unique among the rows, whatever ids D-ID sends."""

    __slots__ = ("_bale", "_number", "_said", "identity", "values")

    def __init__(
        self,
        identity: str,
        values: tuple[Value, ...],
        bale: Bale,
        number: int = 0,
        said: str = "",
    ) -> None:
        self.identity = identity
        self.values = values
        self._said = said
        self._bale = bale
        self._number = number

    @property
    def raw(self) -> Mapping[str, Any]:
        """The object as it came."""
        return self._bale.objects()[self._number]

    @property
    def text(self) -> str:
        """What a filter looks at."""
        return "\0".join([v for v in self.values if isinstance(v, str)]).casefold() + self._said

    def named(self, identity: str) -> Row:
        """The same with another identity."""
        return Row(identity, self.values, self._bale, self._number, self._said)


def rows_of(
    resources: Sequence[R],
    identity: Callable[[R], str],
    values: Callable[[R], Iterable[Value]],
    said: Callable[[R], str] | None = None,
) -> list[Row]:
    """Pack objects; ``said`` are words that a filter looks at beside the values."""
    rows: list[Row] = []
    for first in range(0, len(resources), _BALE):
        some = resources[first : first + _BALE]
        bale = Bale([resource.raw for resource in some])
        rows += [
            Row(
                identity(resource),
                tuple(map(_kept, values(resource))),
                bale,
                number,
                said(resource).casefold() if said is not None else "",
            )
            for number, resource in enumerate(some)
        ]
    return rows


def _kept(value: Value) -> Value:
    if not isinstance(value, str):
        return value
    if not (value.isascii() and value.isprintable() and len(value) <= LONGEST_VALUE):
        value = one_line(value[: 4 * LONGEST_VALUE])[:LONGEST_VALUE]
    return sys.intern(value) if len(value) <= _SHARED else value


class Rows:
    """All rows and those that are shown.

    ``shown`` are in the order of D-ID until ``sort`` says by which column.
    """

    def __init__(self) -> None:
        self.all: list[Row] = []
        self.shown: list[Row] = []
        self._ordered: list[Row] = []
        self._texts: list[str] = []  # of those that are shown, while there is a filter
        self.marks: set[str] = set()
        self.filter = ""
        self.sorted_by: int | None = None
        self.reverse = False

    def replace(self, rows: Sequence[Row]) -> None:
        """These are all."""
        self.all = _unique(rows)
        if self.marks:
            self.marks &= {row.identity for row in self.all}
        self.sort(self.sorted_by, self.reverse)

    def add(self, rows: Sequence[Row]) -> None:
        """A further page."""
        self.replace([*self.all, *rows])

    def merge(self, first: Sequence[Row]) -> None:
        """The first page was read anew: what is new comes first, the rows behind it stay.

        A row of the old first page that is missing now was deleted.
        """
        known = {row.identity for row in _unique(first)}
        self.replace(
            [*first, *(row for row in self.all[len(first) :] if row.identity not in known)]
        )

    def narrow(self, text: str) -> None:
        """Show only the rows that have every word of the text somewhere."""
        longer = bool(self._texts) and text.startswith(self.filter)
        self.filter = text
        if longer:
            self._show(self.shown, self._texts)
        else:
            self._show(self._ordered)

    def sort(self, column: int | None, reverse: bool = False) -> None:
        """Order by a column; None for D-ID's own order."""
        self.sorted_by, self.reverse = column, reverse
        self._ordered = self.all
        if column is not None:
            self._ordered = sorted(self.all, key=_by(column), reverse=reverse)
        self._show(self._ordered)

    def _show(self, rows: Sequence[Row], texts: Sequence[str] = ()) -> None:
        words = self.filter.casefold().split()
        if not words:
            self.shown, self._texts = list(rows), []
            return
        texts = texts or [row.text for row in rows]
        for word in words:
            found = [word in text for text in texts]
            rows, texts = list(compress(rows, found)), list(compress(texts, found))
        self.shown, self._texts = list(rows), list(texts)

    def index(self, identity: str) -> int | None:
        """Where a row is shown."""
        return next((i for i, row in enumerate(self.shown) if row.identity == identity), None)

    def marked(self) -> list[Row]:
        """The rows that are marked, shown or not."""
        return [row for row in self.all if row.identity in self.marks]

    def forget(self, identities: Iterable[str]) -> None:
        """These are gone."""
        gone = set(identities)
        self.replace([row for row in self.all if row.identity not in gone])


def _by(column: int) -> Callable[[Row], tuple[bool, float, str]]:
    def key(row: Row) -> tuple[bool, float, str]:
        value = row.values[column]
        return (True, 0.0, value.casefold()) if isinstance(value, str) else (False, value, "")

    return key


def _unique(rows: Sequence[Row]) -> list[Row]:
    """The rows with identities of their own: D-ID may send an id twice, or none."""
    seen: set[str] = set()
    found = []
    for row in rows:
        if row.identity in seen:
            number = 2
            while f"{row.identity}\0{number}" in seen:
                number += 1
            row = row.named(f"{row.identity}\0{number}")
        seen.add(row.identity)
        found.append(row)
    return found
