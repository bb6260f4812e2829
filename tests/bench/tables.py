"""Tables and percentiles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under a head: the first column to the left, the others to the right."""
    lines = [list(head), *([_text(value) for value in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for number, line in enumerate(lines):
        first, *others = (
            text.rjust(width) if column else text.ljust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join([first, *others]).rstrip(), flush=True)
        if not number:
            print("  ".join("-" * width for width in widths))
    print(flush=True)


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) and abs(value) < 1 else _large(value)


def _large(value: object) -> str:
    return f"{value:,.1f}" if isinstance(value, float) else str(value)


def percentile(values: Sequence[float], percent: float) -> float | None:
    """A percentile; None of nothing."""
    return float(np.percentile(values, percent)) if len(values) else None


def median(values: Iterable[float | None]) -> float | None:
    """The median of what is known."""
    return percentile([value for value in values if value is not None], 50)


def ratio(value: float | None, other: float | None) -> float | None:
    """How many times another value."""
    return value / other if value is not None and other else None


def within(value: float | None, most: float) -> str:
    """Whether a value keeps a limit."""
    return "-" if value is None else "yes" if value <= most else "NO"
