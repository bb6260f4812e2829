"""Garbage collections that nobody notices.

A full collection looks at every object that there is. With the ninety thousand of a conversation
that took 47 ms, with ten thousand agents in a list 100 ms, and twice that where other programs want
the processor, too; no picture is shown and no key is answered meanwhile. So what one collection has
found alive is set aside, and the next ones look at what has come since; everything is looked at
when nothing plays and nobody types. Without a screen (``short``) only what there is when something
begins to play is set aside, until nothing plays any more.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

REST = 5.0  # seconds without a key after which nobody types

_lock = threading.Lock()
_playing = 0
_due = False  # whether something was set aside that may be garbage by now


@contextmanager
def importing() -> Iterator[None]:
    """What is imported inside is never garbage: no collection looks at it meanwhile or soon."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def short() -> Iterator[None]:
    """Inside, no object is looked at by two full collections before the next ``rest``.

    What is left at the end is the process's own, which is about to end.
    """
    gc.callbacks.append(_collected)
    try:
        yield
    finally:
        gc.callbacks.remove(_collected)
        gc.freeze()


def _collected(phase: str, info: Mapping[str, int]) -> None:
    global _due
    if phase == "stop" and info["generation"] == 2:
        gc.freeze()
        _due = True


def begin() -> None:
    """Something plays from now on, in any thread."""
    global _playing
    with _lock:
        if not _playing:  # each time would keep what was left over since, as long as one plays
            gc.freeze()
        _playing += 1


def end() -> None:
    """It plays no more."""
    global _playing, _due
    with _lock:
        _playing -= 1
        if not _playing:
            gc.unfreeze()
            _due = True


def rest() -> None:
    """Nobody types: look at everything, if nothing plays and there is a reason to."""
    if _due and not _playing and _collected in gc.callbacks:
        look_at_everything()


def look_at_everything() -> None:
    """A full collection of all that there is; for moments in which a pause is no matter."""
    global _due
    with _lock:
        gc.unfreeze()
        gc.collect()
        _due = False
