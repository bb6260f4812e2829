"""Moments in words: how long ago something was. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime

_STEPS = ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"), (14 * 86400, 86400, "d"))


def seconds_of(text: str) -> float | str:
    """Seconds since the epoch of an ISO 8601 time; the text itself where it is none."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return text


def ago(moment: float | str, now: float) -> str:
    """``2 h ago``; after two weeks the date."""
    if isinstance(moment, str):
        return moment or "–"
    if not math.isfinite(moment):
        return "–"
    since = now - moment
    if -60 < since < 10:
        return "just now"
    for below, unit, name in _STEPS:
        if 0 <= since < below:
            return f"{since // unit:.0f} {name} ago"
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        return "–"


def elapsed(seconds: float) -> str:
    """``0:47``, ``1:02:09``; how long something has taken."""
    minutes, second = divmod(max(0, int(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
