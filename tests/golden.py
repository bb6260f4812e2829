"""Screenshots as golden files: the same SVGs that the README shows.

``pytest --update-golden`` writes them; look at them before they are committed.
"""

from __future__ import annotations

import re
from pathlib import Path

DIRECTORY = Path(__file__).parent.parent / "screenshots"


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
