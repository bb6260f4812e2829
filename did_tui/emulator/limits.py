"""What the emulated account is allowed; the control API changes it while the emulator runs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

LONGEST_TIMEOUT = 300  # seconds; the most that ``session_timeout`` may ask for (protocol 3.2)

Mode = Literal["Functional", "TextOnly", "Playground", "Maintenance", "DirectPlayback", "Off"]


class Limits(BaseModel):
    """The account's limits; an assignment is validated."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    idle_seconds: float = Field(default=120.0, gt=0, le=86_400)
    """Seconds between messages after which a stream is closed (protocol 3.9)."""
    linger_seconds: float = Field(default=10.0, ge=0, le=86_400)
    """Seconds that a stream stays open after its peer has gone without a DELETE."""
    sessions: int = Field(default=10, ge=1, le=1000)
    """Open streams; one more is refused with "Max user sessions reached" (protocol 2.8)."""
    session_seconds: float = Field(default=0.0, ge=0, le=86_400)
    """Seconds that a room may last, then its session ends by ``time_limit``; 0 is without end."""
    session_messages: int = Field(default=0, ge=0)
    """Messages to a room; the next one ends its session by ``message_limit``; 0 is without end."""
    participants: int = Field(default=2, ge=1, le=100)
    """How many a room takes, the agent among them; one more is told that it is full."""
    credits: int | None = Field(default=None, ge=0)
    """Each answer and each text that is spoken costs one; None is without end."""
    pending: int = Field(default=4, ge=1, le=1000)
    """Requests that may wait on one stream for what is being said (protocol 2.8)."""
    requests_a_minute: int = Field(default=0, ge=0)
    """More are refused with a 429; 0 is without limit."""
    chat_mode: Mode = "Functional"
    """The mode that new chats are given: another than Functional is a downgrade (protocol 3.1)."""
    fetch_anywhere: bool = False
    """Whether documents and webhooks of other machines than this one are asked for."""
    ice_servers: list[dict[str, Any]] = []
    """What new streams give the client as ``ice_servers``; the emulator itself uses none."""

    @property
    def broke(self) -> bool:
        """Whether the credits have run out."""
        return self.credits == 0

    def spend(self) -> None:
        """Take one credit, where there is an end of them."""
        if self.credits:
            self.credits -= 1
