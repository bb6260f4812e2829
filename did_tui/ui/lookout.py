"""What the running app knows of its terminal, as checks: nothing is asked for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from did_tui.ui import checks, clipboard
from did_tui.ui.checks import Check

if TYPE_CHECKING:
    from did_tui.ui.base import TerminalApp


def checks_of(app: TerminalApp[Any], env: Mapping[str, str] = os.environ) -> list[Check]:
    """Terminal, colours, signs, copying."""
    shape, colours = app.shape_and_colours
    way = clipboard.ways(app.copies, env)[0]
    size = app.size
    return [
        checks.terminal(env.get("TERM", ""), (size.width, size.height), app.cell),
        checks.colours(shape, colours, env, None),
        checks.glyphs(app.widths or None, utf8=True, plain=app.is_plain),
        checks.copying(way.words, way.sort, None),
    ]
