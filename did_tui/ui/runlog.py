"""What a booth keeps on disk: its run log, and how much of the day's time is used up.

The log, ``kiosk.jsonl``, has a line of JSON for each thing that happened: how long visits were, how
much was said and how fast the answers came, what failed. It has no word that a visitor said.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from did_tui.files import write_private
from did_tui.text import harmless_json, one_line

NAME = "kiosk.jsonl"
LARGEST = 1 << 20  # bytes, after which the log is begun anew; one that is full is kept
LONGEST_WORDS = 300  # characters of what somebody else says


class RunLog:
    """Appends to the log; a disk that cannot be written costs the log, nothing else."""

    def __init__(self, directory: Path, *, wall: Callable[[], float] = time.time) -> None:
        self.path = directory / NAME
        self._wall = wall

    def write(self, event: str, **fields: Any) -> None:
        """Add a line; texts in it are cut to what a person reads."""
        now = datetime.fromtimestamp(self._wall()).astimezone().isoformat(timespec="seconds")
        kept = {name: _short(value) for name, value in fields.items()}
        line = json.dumps({"at": now, "event": event} | kept, ensure_ascii=False)
        with suppress(OSError):
            self._append(harmless_json(line).encode("utf-8", "replace") + b"\n")

    def _append(self, line: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileNotFoundError):
            if self.path.stat().st_size + len(line) > LARGEST:
                self.path.replace(self.path.with_suffix(".jsonl.1"))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        handle = os.open(self.path, flags, 0o600)
        try:
            os.write(handle, line)
        finally:
            os.close(handle)


def _short(value: Any) -> Any:
    return one_line(value)[:LONGEST_WORDS] if isinstance(value, str) else value


class Purse:
    """Seconds of streams on this day, which several booths may use up together.

    They outlive a restart. Without a ``path``, or where the disk cannot be written, they are those
    of this program alone.
    """

    def __init__(self, path: Path | None, *, wall: Callable[[], float] = time.time) -> None:
        self._path, self._wall = path, wall
        self._own = ("", 0.0)

    def spend(self, seconds: float) -> None:
        """So much more was used."""
        today = self._today()
        day, own = self._own
        self._own = today, seconds + (own if day == today else 0.0)
        if self._path is None:
            return
        with suppress(OSError), _locked(self._path.with_suffix(".lock")):
            text = json.dumps({"day": today, "seconds": round(self._read() + seconds, 1)})
            write_private(self._path, text)

    @property
    def spent(self) -> float:
        """Seconds that were used today."""
        day, own = self._own
        return max(self._read(), own if day == self._today() else 0.0)

    def _today(self) -> str:
        return datetime.fromtimestamp(self._wall()).date().isoformat()

    def _read(self) -> float:
        if self._path is None:
            return 0.0
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            seconds = float(kept["seconds"]) if kept["day"] == self._today() else 0.0
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return 0.0
        return seconds if 0 <= seconds < 1e9 else 0.0


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let nobody else in; raises ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        with suppress(
            ImportError
        ):  # there is none on Windows, where booths have files of their own
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
