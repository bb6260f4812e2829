"""What has happened in this run, for the user and for a report: bounded, and without secrets.

A conversation is told by its phases and steps, never by what was said in it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from did_tui.live.conversation import Conversation
from did_tui.live.events import STEPS
from did_tui.ui.text import one_line

LONGEST = 500  # entries
_LONGEST_TEXT = 300  # characters of one

Source = Literal["app", "conversation", "notice"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing; a ``notice`` was on the screen, and may have names in it."""

    at: datetime
    source: Source
    text: str

    @property
    def line(self) -> str:
        """It as a line, in local time."""
        return f"{self.at.astimezone():%H:%M:%S}  {self.source:<12}  {self.text}"


class Logbook:
    """The last entries, oldest first."""

    def __init__(self, most: int = LONGEST) -> None:
        self._entries: deque[Entry] = deque(maxlen=most)
        self._seen: dict[str, str] = {}

    def add(self, source: Source, text: str) -> None:
        """Note something."""
        entry = Entry(datetime.now(UTC), source, one_line(text)[:_LONGEST_TEXT])
        self._entries.append(entry)

    def look(self, conversation: Conversation) -> None:
        """Note what is new about a conversation."""
        news: dict[str, str] = {"phase": conversation.phase}
        for step in STEPS:
            progress = conversation.steps[step]
            if progress.state in ("done", "failed"):
                took = progress.seconds(progress.ended or 0.0)
                news[f"step {step}"] = f"{progress.state} after {took or 0.0:.2f} s"
        if conversation.phase == "connected":
            news["line"] = conversation.connectivity
            news["mode"] = conversation.mode
        if conversation.reconnections:
            news["connected again"] = f"{conversation.reconnections} times"
        if conversation.over and conversation.end_reason:
            news["ended by"] = conversation.end_reason
        for name, value in news.items():
            if self._seen.get(name) != value:
                self.add("conversation", f"{name}: {value}")
        self._seen = news

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries))

    def __len__(self) -> int:
        return len(self._entries)
