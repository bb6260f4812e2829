"""The emulator's state: D-ID's objects as JSON in SQLite, and a full-text index of passages."""

from __future__ import annotations

import json
import random
import re
import sqlite3
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS object (
    kind TEXT NOT NULL, id TEXT NOT NULL, parent TEXT NOT NULL, position INTEGER NOT NULL,
    body TEXT NOT NULL, PRIMARY KEY (kind, id));
CREATE INDEX IF NOT EXISTS object_by_parent ON object (kind, parent, position);
CREATE INDEX IF NOT EXISTS object_by_position ON object (position);
CREATE VIRTUAL TABLE IF NOT EXISTS passage USING fts5 (
    title, text, record UNINDEXED, document UNINDEXED, knowledge UNINDEXED,
    tokenize = 'porter unicode61');
"""

_ID_LETTERS = string.ascii_letters + string.digits + "_-"

#: Words that say nothing about what is asked.
_COMMON = frozenset(
    (
        "a about an and any are as at be been but by can could d did do does for from had has "
        "have he her hers him his how i if in is it its ll m me my of on or other others our re s "
        "say she so some t tell that the their them then there these they this to up us ve was we "
        "were what when where which who why will with would you your"
    ).split()
)


@dataclass(frozen=True, slots=True)
class Passage:
    """An indexed piece of a document; a larger ``score`` fits better."""

    record: str
    document: str
    knowledge: str
    title: str
    text: str
    score: float

    def at(self, base: str) -> Passage:
        """The passage as an emulator at this address tells it: what it links to is there."""
        return replace(self, text=self.text.replace("emulator://", base))


class Store:
    """Objects by kind and id, in the order in which they were made.

    ``path`` is a file, or ``:memory:``. With a ``seed``, ids come out the same in every run.
    """

    def __init__(self, path: str = ":memory:", seed: int | None = None) -> None:
        # One thread at a time uses it, the event loop's, which need not be the one that made it.
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript(_SCHEMA)
        self._random = random.Random(seed)

    def close(self) -> None:
        """Close the database file."""
        self._db.close()

    def new_id(self, prefix: str) -> str:
        """An id in D-ID's style that nothing has yet: the prefix and twelve letters."""
        while True:
            new = prefix + "".join(self._random.choices(_ID_LETTERS, k=12))
            if self._db.execute("SELECT 1 FROM object WHERE id = ?", (new,)).fetchone() is None:
                return new

    @property
    def empty(self) -> bool:
        """Whether nothing was ever stored."""
        return self._db.execute("SELECT 1 FROM object LIMIT 1").fetchone() is None

    # Objects

    def put(self, kind: str, body: Mapping[str, Any], parent: str = "") -> None:
        """Insert or replace the object; it keeps its place in the order."""
        self._db.execute(
            "INSERT INTO object VALUES (?1, ?2, ?3,"
            " (SELECT coalesce(max(position), 0) + 1 FROM object), ?4)"
            " ON CONFLICT (kind, id) DO UPDATE SET body = ?4",
            (kind, body["id"], parent, json.dumps(body)),
        )

    def get(self, kind: str, object_id: str) -> dict[str, Any] | None:
        """The object, or None."""
        row = self._db.execute(
            "SELECT body FROM object WHERE kind = ? AND id = ?", (kind, object_id)
        ).fetchone()
        return json.loads(row[0]) if row else None

    def all(self, kind: str, parent: str | None = None) -> list[dict[str, Any]]:
        """Every object of a kind, oldest first, of one parent where one is given."""
        where, values = ("", (kind,)) if parent is None else (" AND parent = ?", (kind, parent))
        rows = self._db.execute(
            f"SELECT body FROM object WHERE kind = ?{where} ORDER BY position",  # noqa: S608
            values,
        )
        return [json.loads(row[0]) for row in rows]

    def sorted(
        self, kind: str, field: str, *, descending: bool, start: int = 0, limit: int = -1
    ) -> list[dict[str, Any]]:
        """Objects of a kind by one of their fields; those with the same stay as they were made."""
        order = "DESC" if descending else "ASC"
        rows = self._db.execute(
            "SELECT body FROM object WHERE kind = ? ORDER BY json_extract(body, ?)"  # noqa: S608
            f" {order}, position LIMIT ? OFFSET ?",
            (kind, f"$.{field}", limit, start),
        )
        return [json.loads(row[0]) for row in rows]

    def change(
        self, kind: str, object_id: str, change: Callable[[dict[str, Any]], None]
    ) -> dict[str, Any] | None:
        """Apply a change to the object and stamp it as modified; None where there is none."""
        body = self.get(kind, object_id)
        if body is None:
            return None
        change(body)
        body["modified"] = timestamp()
        self.put(kind, body)
        return body

    def delete(self, kind: str, object_id: str) -> bool:
        """Remove the object; whether there was one."""
        cursor = self._db.execute("DELETE FROM object WHERE kind = ? AND id = ?", (kind, object_id))
        return cursor.rowcount > 0

    # Passages

    def index(self, record: str, document: str, knowledge: str, title: str, text: str) -> None:
        """Make a passage findable."""
        self._db.execute(
            "INSERT INTO passage (title, text, record, document, knowledge) VALUES (?, ?, ?, ?, ?)",
            (title, text, record, document, knowledge),
        )

    def unindex(self, document: str) -> None:
        """Make a document's passages findable no more."""
        self._db.execute("DELETE FROM passage WHERE document = ?", (document,))

    def search(self, knowledge: str, question: str, limit: int = 4) -> list[Passage]:
        """The passages of a knowledge base that fit a question, best first.

        Any of the question's telling words may match; a word in a title counts three times.
        """
        words = telling_words(question)
        if not words:
            return []
        rows = self._db.execute(
            "SELECT record, document, knowledge, title, text, -bm25(passage, 3.0, 1.0) AS score"
            " FROM passage WHERE passage MATCH ? AND knowledge = ? ORDER BY score DESC LIMIT ?",
            (" OR ".join(f'"{word}"' for word in words), knowledge, limit),
        )
        return [Passage(*row) for row in rows]


def telling_words(text: str) -> list[str]:
    """The words of a question that say what it is about, each once."""
    words = re.findall(r"\w+", text.lower())
    return list(dict.fromkeys(word for word in words if word not in _COMMON))[:32]


def timestamp() -> str:
    """Now, as D-ID writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
