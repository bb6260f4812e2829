"""Files that hold what is nobody else's business."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_private(path: Path, text: str, *, new: bool = False) -> None:
    """Write a file that only this user can read; raises ``OSError``.

    What is there is replaced in one go, or with ``new`` left alone: then it is ``FileExistsError``.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Nobody can have put a file or a link there for us to write to.
    part = path if new else path.with_name(f".{secrets.token_hex(8)}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        if not new:
            part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
