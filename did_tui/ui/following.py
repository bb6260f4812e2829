"""Waiting until something is made, wherever the user is meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from did_tui.ui.text import one_line

SOON, LATE = 2.0, 15.0  # seconds between two looks: at first, at most
PATIENCE = 600.0


class Made(Protocol):
    """Something that takes time to be made."""

    @property
    def done(self) -> bool:
        """Whether it is ready."""

    @property
    def failed(self) -> bool:
        """Whether it never will be."""

    @property
    def trouble(self) -> str:
        """Why not, in D-ID's words."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What is waited for: its id and name, how to look, and words for each end.

    ``busy`` is what it is while it lasts, as in "1 being indexed".
    """

    key: str
    name: str
    look: Callable[[], Awaitable[Made]]
    busy: str
    done: str
    failed: str


async def followed(errand: Errand, now: Callable[[], float]) -> str:
    """A sentence as soon as it is done, or has failed, or takes very long; raises ``DidError``."""
    began, pause = now(), SOON
    name = one_line(errand.name)[:60]
    while True:
        await asyncio.sleep(pause)
        seen = await errand.look()
        minutes = int((now() - began) // 60)
        took = f"{minutes} min" if minutes else f"{now() - began:.0f} s"
        if seen.done:
            return f"“{name}” {errand.done}, after {took}."
        if seen.failed:
            why = f": {one_line(seen.trouble)[:200]}" if seen.trouble else ""
            return f"“{name}” {errand.failed}{why}."
        if now() - began > PATIENCE:
            return f"“{name}” is still {errand.busy} after {took}. D-ID may be slow."
        pause = min(LATE, pause * 1.5)
