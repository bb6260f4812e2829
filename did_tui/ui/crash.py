"""What is left of a crash: one sentence for the user, and a file for a report.

Textual prints tracebacks with the values of local variables, a key among them perhaps; ours are
without, and every known secret is struck out.
"""

from __future__ import annotations

import base64
import os
import platform
import time
import traceback
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from did_tui import __version__
from did_tui.api.credentials import Credentials
from did_tui.api.errors import BadCredentials


def save(directory: Path, *keys: str) -> str:
    """Write the exception that is being handled to a file; a sentence that says where it is.

    ``keys`` are struck out in every form in which they may stand there.
    """
    lines = [
        f"did-tui {__version__}, textual {version('textual')}, Python {platform.python_version()}",
        f"{platform.platform()}, TERM={os.environ.get('TERM', '')}",
        "",
        traceback.format_exc(),
    ]
    text = "\n".join(lines)
    for key in keys:
        for secret in forms_of(key):
            text = text.replace(secret, "…")
    path = directory / f"crash-{time.strftime('%Y%m%d-%H%M%S')}.txt"
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        return f"did-tui has crashed, and its report could not be written ({error}).\n{text}"
    return f"did-tui has crashed. Please report it with this file: {path}"


def forms_of(key: str) -> list[str]:
    """A key as it was given, as it is sent, and encoded; the longest first."""
    forms = {key.strip()}
    with suppress(BadCredentials):
        forms.add(Credentials.parse(key).secret)
    forms |= {form.rpartition(":")[2] for form in forms}
    forms |= {quote(form, safe="") for form in forms}
    forms |= {base64.b64encode(form.encode()).decode() for form in forms}
    return sorted((form for form in forms if len(form) > 3), key=len, reverse=True)
