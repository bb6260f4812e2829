"""The emulator's way to say no, in D-ID's error envelope (protocol 2)."""

from __future__ import annotations


class Refusal(Exception):
    """Ends a request with a status and D-ID's ``kind`` and ``description``."""

    def __init__(
        self, status: int, kind: str, description: str, retry_after: int | None = None
    ) -> None:
        super().__init__(description)
        self.status = status
        self.kind = kind
        self.description = description
        self.retry_after = retry_after

    @property
    def body(self) -> dict[str, str]:
        """The envelope."""
        return {"kind": self.kind, "description": self.description}

    @property
    def headers(self) -> dict[str, str]:
        """``Retry-After`` where waiting helps; ``retry_after`` is in seconds."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


def bad_request(description: str) -> Refusal:
    """A 400 in the words that D-ID's services use most."""
    return Refusal(400, "BadRequest", description)


def not_found(what: str) -> Refusal:
    """A 404 for a kind of thing, as "Agent"."""
    return Refusal(404, "NotFound", f"{what} not found")
