"""Screenshots as golden files: the same SVGs that the README shows.

``pytest --update-golden`` writes them; look at them before they are committed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

DIRECTORY = Path(__file__).parent.parent / "screenshots"

#: The fixture: a screenshot and the name of its golden file.
Golden = Callable[[str, str], None]
#: Columns and rows: the design size, and a window as most are.
SIZES = [(80, 24), (120, 36)]
sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


def check(svg: str, name: str, *, update: bool) -> None:
    """Compare a screenshot with its golden file, or write that."""
    path = DIRECTORY / f"{name}.svg"
    if update:
        path.write_text(svg, encoding="utf-8")
        return
    assert path.exists(), f"{path.name} is missing: pytest --update-golden"
    golden = path.read_text(encoding="utf-8")
    if svg != golden:
        seen = path.with_suffix(".seen.svg")
        seen.write_text(svg, encoding="utf-8")
        raise AssertionError(
            f"{path.name} looks different now; compare with {seen.name}.\n"
            f"then: {words(golden)[:600]}\nnow:  {words(svg)[:600]}"
        )


def words(svg: str) -> str:
    """The readable text of a screenshot."""
    texts = re.findall(r"<text[^>]*>(.*?)</text>", svg)
    return " ".join(" ".join(texts).replace("&#160;", " ").split())
