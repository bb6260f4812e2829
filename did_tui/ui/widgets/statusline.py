"""One line under the picture: what is going on, in words."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from did_tui.ui.text import literal

_BARS = "▁▂▃▄▅▆▇█"


class StatusLine(Static):
    """Activity, duration, picture, sound."""

    DEFAULT_CSS = """
    StatusLine {
        height: 1; background: $surface; padding: 0 1;
        text-wrap: nowrap; text-overflow: ellipsis;
    }
    """

    def say(self, mark: str, colour: str, words: str) -> None:
        """Show a mark in a colour, and words."""
        self.update(Content.styled(mark, colour) + literal(f" {words}"))

    def tell(
        self, activity: str, seconds: float, picture: str, level: float | None, sound: str
    ) -> None:
        """Show these; ``level`` is 0 to 1, None where there is no meter to draw."""
        colour = {"talking": "$success", "thinking": "$warning"}.get(activity, "$muted")
        parts = [Content.styled(f"● {activity}", colour), Content(f"{_clock(seconds)}")]
        if picture:
            parts.append(Content(picture))
        if level is not None:
            parts.append(Content.styled(_meter(level), "$primary"))
        parts.append(literal(sound, "$muted"))
        self.update(Content("  ").join(parts))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"


def _meter(level: float) -> str:
    """Five bars, the middle one the highest."""
    steps = (0.4, 0.7, 1.0, 0.7, 0.4)
    return "".join(_BARS[min(7, int(level**0.5 * step * 8))] for step in steps)
