"""Transcripts that are kept on this machine: one file a conversation, for this user only."""

from __future__ import annotations

import asyncio
import os
import re
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from did_tui.files import write_private
from did_tui.live.export import Record, Said, as_json
from did_tui.live.transcript import Transcript

KEEP_SECONDS = 15.0  # after which a transcript is written although a turn is not over


class Archive:
    """One conversation's file in a directory; written anew when something was said. Any thread.

    A disk that cannot be written costs the transcript, not the conversation: ``trouble`` says so,
    and nothing more is written.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path: Path | None = None
        self.trouble = ""
        self._kept: tuple[Said, ...] = ()
        self._lock = threading.Lock()

    def keep(self, record: Record) -> None:
        """Write the record, if there is something new in it."""
        with self._lock:
            self._keep(record)

    def _keep(self, record: Record) -> None:
        if self.trouble or not record.messages or record.messages == self._kept:
            return
        if self.path is None:
            when = datetime.fromtimestamp(record.began).strftime("%Y-%m-%d_%H-%M-%S")
            agent = re.sub(r"\W+", "-", record.agent_name or record.agent_id)[:40].strip("-")
            self.path = self.directory / f"{when}_{agent}_{os.getpid()}.json"
        try:
            write_private(self.path, as_json(record))
        except OSError as error:
            self.trouble = f"The transcript cannot be kept: {error.strerror or error}."
            return
        self._kept = record.messages


class Keeping:
    """Writes the transcript of a running conversation: when a turn is over, or has taken long.

    ``record`` makes what is kept, ``explain`` hears once that it cannot be. Event loop only.
    """

    def __init__(
        self, archive: Archive, record: Callable[[], Record], explain: Callable[[str], None]
    ) -> None:
        self._archive, self._record, self._explain = archive, record, explain
        self._writing: asyncio.Task[None] | None = None
        self._kept: tuple[object, ...] = ()
        self._kept_at = time.monotonic()

    def look(self, transcript: Transcript, now: float) -> None:
        """Write it, if it is time."""
        if self._writing is not None and not self._writing.done():
            return
        if not transcript.at_rest and now - self._kept_at < KEEP_SECONDS:
            return
        stamp = transcript.stamp()
        if stamp != self._kept:
            self._kept, self._kept_at = stamp, now
            # No task of the conversation's: what is being written is not cancelled with them.
            self._writing = asyncio.create_task(self._write())

    async def end(self) -> None:
        """Write what there is at the end."""
        if self._writing is not None:
            await self._writing
        await self._write()

    async def _write(self) -> None:
        before = self._archive.trouble
        await asyncio.to_thread(self._archive.keep, self._record())
        if self._archive.trouble != before:
            self._explain(self._archive.trouble)
