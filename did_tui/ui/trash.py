"""Copies of what was deleted at D-ID, for this user only."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from did_tui.files import write_private

LARGEST = 4 * 2**20  # bytes of a copy


def keep(state: Path | None, agent_id: str, raw: Mapping[str, Any]) -> bool:
    """Keep a copy of an agent; whether there is a place for it. Raises ``OSError``."""
    if state is None:
        return False
    text = json.dumps(raw, indent=2, ensure_ascii=False)
    write_private(state / "trash" / f"{file_name(agent_id)}.json", text)
    return True


def file_name(resource_id: str) -> str:
    """An id, which may be anything, as the name of a file in one directory."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", resource_id)[:80] or "-"


def kept(state: Path | None) -> list[tuple[Path, dict[str, Any]]]:
    """The copies, the last one first."""
    found = []
    if state is not None:
        paths = list((state / "trash").glob("*.json"))
        for path in sorted(paths, key=lambda path: path.stat().st_mtime, reverse=True):
            try:
                with path.open(encoding="utf-8") as file:
                    raw = json.loads(file.read(LARGEST))
            except (OSError, ValueError, RecursionError):
                continue  # no copy that could be made an agent again
            if isinstance(raw, dict):
                found.append((path, raw))
    return found
