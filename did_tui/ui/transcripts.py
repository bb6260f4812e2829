"""Transcripts that the user keeps: where, and in which form."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from did_tui.live.export import Record

#: Endings of file names, and what they mean.
FORMS = {
    "md": "Markdown",
    "json": "JSON, with all that is known",
    "srt": "SubRip subtitles (srt)",
    "vtt": "WebVTT subtitles (vtt)",
}


class NoForm(ValueError):
    """A file name whose ending says nothing; the text says which ones do."""


def usual_name(agent: str, form: str) -> Path:
    """A name in the current directory that tells who it was and when."""
    who = re.sub(r"[^\w-]+", "-", agent).strip("-")[:40] or "agent"
    return Path(f"{who}-{datetime.now():%Y-%m-%d-%H%M%S}.{form}")


def write(record: Record, path: Path) -> None:
    """Write a new file that only this user can read; raises ``OSError`` or ``NoForm``."""
    from did_tui.live import export
    from did_tui.live.archive import write_private

    forms = {
        "md": export.as_markdown,
        "json": export.as_json,
        "srt": export.as_srt,
        "vtt": export.as_vtt,
    }
    form = forms.get(path.suffix.removeprefix(".").lower())
    if form is None:
        raise NoForm(f"A transcript is kept as one of {', '.join(f'.{end}' for end in forms)}.")
    path = path.expanduser()
    try:
        write_private(path, form(record), new=True)
    except FileExistsError:
        if not os.path.lexists(path):
            raise  # a file stands where a directory should
        raise FileExistsError(f"{path} is there already: give another name.") from None
