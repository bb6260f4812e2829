"""The first line: where one is, and how things are."""

from __future__ import annotations

from rich.segment import Segment
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from did_tui.ui.text import one_line


class TopBar(Widget):
    """Crumbs on the left, after what must not be overlooked; a state in words on the right."""

    COMPONENT_CLASSES = {
        "topbar--name",
        "topbar--mark",
        "topbar--crumb",
        "topbar--here",
        "topbar--state",
        "topbar--good",
        "topbar--busy",
        "topbar--bad",
    }
    DEFAULT_CSS = """
    TopBar { dock: top; height: 1; background: $panel; color: $foreground; }
    TopBar .topbar--name { color: $primary; text-style: bold; }
    TopBar .topbar--mark { color: $background; background: $warning; text-style: bold; }
    TopBar .topbar--crumb { color: $muted; }
    TopBar .topbar--here { color: $foreground; text-style: bold; }
    TopBar .topbar--state { color: $muted; }
    TopBar .topbar--good { color: $success; }
    TopBar .topbar--busy { color: $warning; }
    TopBar .topbar--bad { color: $error; }
    """

    crumbs: reactive[tuple[str, ...]] = reactive(())
    state: reactive[str] = reactive("")
    mood: reactive[str] = reactive("state")

    def render_line(self, y: int) -> Strip:
        """The line; the state stays when there is not room for all crumbs."""
        width = self.size.width
        base = self.rich_style
        if y:
            return Strip.blank(width, base)

        def part(text: str, name: str) -> Segment:
            return Segment(text, self.get_component_rich_style(f"topbar--{name}"))

        right = Strip([part(one_line(self.state), self.mood), Segment(" ", base)])
        room = max(0, width - right.cell_length)
        crumbs = [one_line(crumb) for crumb in self.crumbs]
        mark = getattr(self.app, "mark", "")
        while True:
            left = [part(" did-tui ", "name")]
            if mark:
                left += [part(f" {mark} ", "mark"), Segment(" ", base)]
            for i, crumb in enumerate(crumbs):
                last = i == len(crumbs) - 1
                left.append(part(" ▸ " if i else " ", "crumb"))
                left.append(part(crumb, "here" if last else "crumb"))
            strip = Strip(left)
            if strip.cell_length < room or len(crumbs) < 2:
                break
            # Where one is says more than how one came there.
            if len(crumbs) > 2:
                crumbs = ["…", *crumbs[2:]]
            else:
                crumbs = crumbs[1:] if crumbs[0] == "…" else ["…", crumbs[1]]
        return Strip.join([strip.adjust_cell_length(room, base), right]).adjust_cell_length(
            width, base
        )
