"""Waiting until a document is indexed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from did_tui.api.client import Client
from did_tui.api.inventory import Document, Knowledge
from did_tui.ui.text import one_line

SOON, LATE = 2.0, 15.0  # seconds between two looks: at first, at most
PATIENCE = 600.0


async def followed(
    client: Client, base: Knowledge, document: Document, now: Callable[[], float]
) -> str:
    """A sentence as soon as it is done, or has failed, or takes very long; raises ``DidError``."""
    began, pause = now(), SOON
    while True:
        await asyncio.sleep(pause)
        seen = await client.document(base.id, document.id)
        name, minutes = one_line(seen.title or document.title)[:60], int((now() - began) // 60)
        took = f"{minutes} min" if minutes else f"{now() - began:.0f} s"
        if seen.done:
            return f"“{name}” is indexed, after {took}."
        if seen.failed:
            why = f": {one_line(seen.trouble)[:200]}" if seen.trouble else ""
            return f"“{name}” could not be indexed{why}."
        if now() - began > PATIENCE:
            return f"“{name}” is still being indexed after {took}. D-ID may be slow."
        pause = min(LATE, pause * 1.5)
