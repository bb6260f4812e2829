"""Standard error while the screen is ours: what C libraries write goes to a file, not over it.

ALSA, PortAudio and their like print to descriptor 2 whenever they please, and Textual draws on
``sys.__stderr__``, which is the same descriptor.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "stderr.log"
_ERROR = 2  # POSIX's STDERR_FILENO


@contextmanager
def kept_off_the_screen(directory: Path) -> Iterator[None]:
    """Let descriptor 2 point to a file in this directory, and Python's standard errors not.

    Python's own ``sys.stderr`` and ``sys.__stderr__`` go on meaning the terminal, by a descriptor
    of their own: Textual draws there, and a last sentence is seen. The file is begun anew each
    time. Where it cannot be written, what it would have got is dropped.
    """
    sys.stderr.flush()
    terminal = os.dup(_ERROR)
    before = sys.stderr, sys.__stderr__
    # Its descriptor is not closed: a thread may be in the middle of writing to a terminal that
    # does not read, and the number must not come to mean another file.
    own = open(  # noqa: SIM115
        terminal, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False
    )
    log = _open_log(directory)
    os.dup2(log, _ERROR)
    os.close(log)
    sys.stderr = sys.__stderr__ = own  # type: ignore[misc]
    try:
        yield
    finally:
        own.flush()
        sys.stderr, sys.__stderr__ = before  # type: ignore[misc]
        os.dup2(terminal, _ERROR)


def _open_log(directory: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(directory / NAME, flags, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)
