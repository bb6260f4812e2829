"""No long pauses of the whole program while something plays.

A full garbage collection looks at every object that there is. With the ninety thousand of a
conversation that took 47 ms, and 100 to 140 ms where other programs want the processor, too; no
picture is shown meanwhile. So what there is when something begins to play is set aside until
nothing plays any more: collections then look at what has come since.
"""

from __future__ import annotations

import gc
import threading

_lock = threading.Lock()
_playing = 0


def begin() -> None:
    """Something plays from now on, in any thread."""
    global _playing
    with _lock:
        if not _playing:  # each time would keep what was left over since, as long as one plays
            gc.freeze()
        _playing += 1


def end() -> None:
    """It plays no more."""
    global _playing
    with _lock:
        _playing -= 1
        if not _playing:
            gc.unfreeze()
