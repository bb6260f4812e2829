"""One line above the prompt: what is going on, in words."""

from __future__ import annotations

from collections.abc import Sequence

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

    def __init__(self) -> None:
        super().__init__("")
        self._shown: Content | None = None

    def say(self, mark: str, colour: str, words: str) -> None:
        """Show a mark in a colour, and words."""
        self._show(Content.styled(mark, colour) + literal(f" {words}"))

    def tell(
        self,
        activity: str,
        seconds: float,
        *,
        level: float | None,
        words: Sequence[str],
        trouble: Sequence[str] = (),
    ) -> None:
        """Show these, and of the ``words`` those for which there is room.

        ``level`` is 0 to 1, None where there is no meter to draw.
        """
        colour = {"talking": "$success", "thinking": "$warning"}.get(activity, "$muted")
        parts = [Content.styled(f"● {activity}", colour), Content(_clock(seconds))]
        if level is not None:
            parts.append(Content.styled(meter(level), "$primary"))
        parts += [literal(word, "$warning") for word in trouble if word]
        line = Content("  ").join(parts)
        room = self.size.width - 2
        for word in filter(None, words):
            longer = line + literal(f"  {word}", "$muted")
            if longer.cell_length <= room:
                line = longer
        self._show(line)

    def _show(self, content: Content) -> None:
        if self._shown is None or not self._shown.is_same(content):
            self._shown = content
            self.update(content, layout=False)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    return f"{minutes}:{rest:02}"


def meter(level: float) -> str:
    """Five bars, the middle one the highest."""
    steps = (0.4, 0.7, 1.0, 0.7, 0.4)
    return "".join(_BARS[min(7, int(level**0.5 * step * 8))] for step in steps)
