"""The requests that came, newest last: what the control API tells tests and curious people."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

LONGEST_LOG = 500  # requests


@dataclass(frozen=True, slots=True)
class Entry:
    """One request and how it was answered; never its credentials.

    ``status`` is 0 where there was no answer, ``fault`` says that one was ordered for it.
    """

    at: str
    route: str
    method: str
    path: str
    body: Mapping[str, Any] | None
    status: int
    seconds: float
    fault: bool = False


class Log:
    """A bounded list of requests, and how many of each route there were."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=LONGEST_LOG)
        self.counts: Counter[str] = Counter()

    def add(self, entry: Entry) -> None:
        """Note a request."""
        self._entries.append(entry)
        self.counts[entry.route] += 1

    def clear(self) -> None:
        """Forget what came."""
        self._entries.clear()
        self.counts.clear()

    def view(self) -> list[dict[str, Any]]:
        """The requests, oldest first."""
        return [asdict(entry) for entry in self._entries]
