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


class NotKept(Exception):
    """A transcript was not written; the text says why, and what to do about it."""


def usual_name(agent: str, form: str) -> Path:
    """A name in the current directory that tells who it was and when."""
    who = re.sub(r"[^\w-]+", "-", agent).strip("-")[:40] or "agent"
    return Path(f"{who}-{datetime.now():%Y-%m-%d-%H%M%S}.{form}")


def write(record: Record, path: Path) -> None:
    """Write a new file that only this user can read; raises ``NotKept``."""
    from did_tui.files import write_private
    from did_tui.live import export

    form = export.FORMS.get(path.suffix.removeprefix(".").lower())
    if form is None:
        raise NotKept(f"A transcript is kept as one of {', '.join(f'.{end}' for end in FORMS)}.")
    try:
        path = path.expanduser()
        write_private(path, form(record), new=True)
    except OSError as error:
        if isinstance(error, FileExistsError) and os.path.lexists(path):
            raise NotKept(f"{path} is there already: give another name.") from error
        raise NotKept(f"{path} cannot be written: {error.strerror or error}.") from error
    except (RuntimeError, ValueError) as error:  # nobody has that home, no file that name
        raise NotKept(f"{path} cannot be written: {error}.") from error
