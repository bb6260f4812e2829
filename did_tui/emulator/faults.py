"""Faults that were ordered through the control API, and which request gets which: no I/O."""

from __future__ import annotations

import itertools
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

#: What D-ID says with a status (protocol 1.6 and 2.8); a 429 has no documented body, so it gets the
#: gateway's.
BODIES: dict[int, dict[str, str]] = {
    400: {"kind": "SessionError", "description": "missing or invalid session_id"},
    401: {"kind": "AuthorizationError", "description": "user unauthenticated"},
    402: {"kind": "InsufficientCreditsError", "description": "not enough credits"},
    403: {"kind": "Forbidden", "description": "Max user sessions reached"},
    404: {"kind": "NotFound", "description": "Agent not found"},
    409: {"kind": "NotReadyError", "description": "the agent is in process, try again later"},
    429: {"message": "Too Many Requests"},
    451: {
        "kind": "TextModerationError",
        "description": "Automatic content moderation - the text was refused",
    },
    500: {"kind": "InternalServerError", "description": "Stream Error"},
}


class Fault(BaseModel):
    """What is to go wrong, on which route, how often."""

    model_config = ConfigDict(extra="forbid")

    route: str = "*"
    """A route by its name, as ``send_message``; ``*`` is any of them."""
    count: int = Field(default=1, ge=0)
    """So many requests are hit; 0: until it is removed."""
    skip: int = Field(default=0, ge=0)
    """So many are let through first."""
    when: Literal["before", "after"] = "before"
    """Whether the request has no effect, or its effect and only the answer is lost."""
    delay: float = Field(default=0.0, ge=0, le=3600)
    """Seconds before the request is looked at."""
    status: int | None = Field(default=None, ge=200, le=599)
    """Answer with this status and D-ID's body for it."""
    kind: str | None = None
    description: str | None = None
    """Other words in D-ID's envelope."""
    body: Any = None
    """Another body: text as it stands, anything else as JSON."""
    headers: dict[str, str] = {}
    drop: bool = False
    """The connection breaks without an answer."""
    cut: bool = False
    """The answer is cut in half: damaged JSON in a healthy response."""

    @property
    def answers(self) -> bool:
        """Whether the request gets another answer than the route's own."""
        return self.status is not None or self.body is not None or self.kind is not None

    def envelope(self) -> Any:
        """The body of the answer."""
        if self.body is not None:
            return self.body
        said: dict[str, str] = BODIES.get(
            self.status or 500, {"kind": "InternalServerError", "description": "internal error"}
        )
        words = {"kind": self.kind, "description": self.description}
        return said | {name: word for name, word in words.items() if word is not None}


class Faults:
    """The faults that wait for their requests, the oldest first."""

    def __init__(self) -> None:
        self._waiting: dict[int, Fault] = {}
        self._ids = itertools.count(1)

    def order(self, fault: Fault) -> int:
        """Have a fault happen; its number."""
        number = next(self._ids)
        self._waiting[number] = fault.model_copy()
        return number

    def take(self, route: str) -> Fault | None:
        """The fault that hits this request, if one does."""
        for number, fault in list(self._waiting.items()):
            if fault.route not in ("*", route):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.count:
                fault.count -= 1
                if not fault.count:
                    del self._waiting[number]
            return fault
        return None

    def remove(self, number: int | None = None) -> int:
        """Forget one fault, or all of them; how many there were."""
        if number is not None:
            return int(self._waiting.pop(number, None) is not None)
        count = len(self._waiting)
        self._waiting.clear()
        return count

    def view(self) -> list[dict[str, Any]]:
        """What still waits."""
        return [
            {"id": number, **fault.model_dump(exclude_defaults=True)}
            for number, fault in self._waiting.items()
        ]
