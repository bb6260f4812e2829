"""What is left of a crash: one sentence for the user, and a file for a report.

Textual prints tracebacks with the values of local variables, a key among them perhaps; ours are
without, and every known secret is struck out.
"""

from __future__ import annotations

import os
import platform
import time
import traceback
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from did_tui import __version__


def save(directory: Path, secrets: Iterable[str]) -> str:
    """Write the exception that is being handled to a file; a sentence that says where it is."""
    lines = [
        f"did-tui {__version__}, textual {version('textual')}, Python {platform.python_version()}",
        f"{platform.platform()}, TERM={os.environ.get('TERM', '')}",
        "",
        traceback.format_exc(),
    ]
    text = "\n".join(lines)
    for secret in secrets:
        if secret:
            text = text.replace(secret, "…")
    path = directory / f"crash-{time.strftime('%Y%m%d-%H%M%S')}.txt"
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        return f"did-tui has crashed, and its report could not be written ({error}).\n{text}"
    return f"did-tui has crashed. Please report it with this file: {path}"
