"""What was asked of D-ID lately, for a look at what goes on: no bodies, no headers, no secrets."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

LONGEST_LOG = 200  # requests
_LONGEST_TEXT = 300  # characters of a path, and of what was said

_SECRET_PART = re.compile(r"(?<=/client-keys/)[^/]+")


@dataclass(frozen=True, slots=True)
class Request:
    """One request: ``status`` is 0 where no answer came, ``error`` is empty where all was well."""

    at: datetime
    method: str
    path: str
    status: int
    seconds: float
    error: str


class RequestLog:
    """A bounded list of requests, oldest first."""

    def __init__(self, most: int = LONGEST_LOG) -> None:
        self._requests: deque[Request] = deque(maxlen=most)

    def add(self, method: str, path: str, status: int, seconds: float, error: str = "") -> None:
        """Note a request; a client key in its path is left out."""
        shown = _SECRET_PART.sub("…", path)[:_LONGEST_TEXT]
        now = datetime.now(UTC)
        self._requests.append(Request(now, method, shown, status, seconds, error[:_LONGEST_TEXT]))

    def __iter__(self) -> Iterator[Request]:
        return iter(list(self._requests))

    def __len__(self) -> int:
        return len(self._requests)
