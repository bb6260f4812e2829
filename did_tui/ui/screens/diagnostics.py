"""What goes on behind the screens: log, network, WebRTC and terminal, live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Click
from textual.screen import Screen
from textual.widgets import Input, Static

from did_tui.config import log_directory, state_directory
from did_tui.files import write_private
from did_tui.ui import support
from did_tui.ui.checks import SIGNS, Check
from did_tui.ui.keys import bindings
from did_tui.ui.lookout import checks_of
from did_tui.ui.screens.asking import KeyHelp
from did_tui.ui.stderr import NAME as STDERR
from did_tui.ui.text import literal, plain
from did_tui.ui.widgets.filterline import FilterLine
from did_tui.ui.widgets.keyline import KeyLine
from did_tui.ui.widgets.topbar import TopBar

if TYPE_CHECKING:
    from did_tui.ui.app import DidTui

TABS = ("Log", "Network", "WebRTC", "Terminal")
NOTHING = "Nothing yet."
TICK = 1.0  # seconds between two looks
LONGEST_NOISE = 4096  # bytes of what C libraries have printed
GAP = 3  # columns between tabs
LEFT = 22  # columns of a name
#: Columns before what may be long, by tab: what has no room goes on below it.
HANGS = (24, 37, LEFT + 9, LEFT + 1)
EDGE = 3  # columns beside the lines
FAILED = f"  {SIGNS['bad']} "  # before why a request failed


class Diagnostics(Screen[None]):
    """Four tabs of lines, which follow what happens until one scrolls back."""

    app: DidTui
    BINDINGS = [*bindings("everywhere"), *bindings("places"), *bindings("diagnostics")]
    AUTO_FOCUS: ClassVar[str] = "#lines"
    DEFAULT_CSS = """
    Diagnostics { background: $background; }
    Diagnostics #tabs { height: 1; background: $surface; padding: 0 1; }
    Diagnostics #lines { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    """

    def __init__(self, tab: int = 0) -> None:
        super().__init__()
        self._tab = tab
        self._shown: tuple[str, ...] | None = None

    def compose(self) -> ComposeResult:
        """Bar, tabs, lines."""
        yield TopBar()
        yield Static("", id="tabs")
        yield FilterLine("Only")
        with VerticalScroll(id="lines", can_focus=True):
            yield Static("", id="text")
        yield KeyLine()

    def on_mount(self) -> None:
        """Look now, and then every second."""
        self.set_interval(TICK, self._look)
        self.action_tab(0)

    def on_screen_resume(self) -> None:
        """Catch up."""
        self._look()

    def action_tab(self, by: int) -> None:
        """The tab before or after."""
        self._tab = (self._tab + by) % len(TABS)
        names = [
            Content.styled(f" {name} ", "bold reverse" if number == self._tab else "$muted")
            for number, name in enumerate(TABS)
        ]
        self.query_one("#tabs", Static).update(Content(" " * GAP).join(names))
        self._show_anew()

    def on_resize(self) -> None:
        """Lines have another length."""
        self._show_anew()

    def _show_anew(self) -> None:
        self._shown = None
        self._look()

    def on_click(self, event: Click) -> None:
        """A click on a tab shows it."""
        if event.widget is self.query_one("#tabs", Static):
            at = event.x - 1
            for number, name in enumerate(TABS):
                if 0 <= at < len(name) + 2:
                    self.action_tab(number - self._tab)
                at -= len(name) + 2 + GAP

    def _look(self) -> None:
        """Show what there is, and stay at the end where one is there."""
        if self.app.screen is not self:
            return
        bar = self.query_one(TopBar)
        bar.crumbs = (self.app.place, "Diagnostics", TABS[self._tab])
        lines = self.lines()
        bar.state = f"{len(lines)} line{'s' if len(lines) != 1 else ''}"
        if tuple(lines) == self._shown:
            return
        scroll = self.query_one("#lines", VerticalScroll)
        follows = self._tab < 2 and (not self._shown or scroll.is_vertical_scroll_end)
        self._shown = tuple(lines)
        width, hang = self.size.width - EDGE, HANGS[self._tab]
        text = [literal("\n".join(folded(line, width, hang)), colour(line)) for line in lines]
        self.query_one("#text", Static).update(Content("\n").join(text or [literal(NOTHING)]))
        if follows:
            scroll.scroll_end(animate=False)

    def lines(self) -> list[str]:
        """The lines of the tab that is shown, those with the words of the filter."""
        wanted = self.query_one(FilterLine).input.value.lower().split()
        told = (self._log, self._network, self._webrtc, self._terminal)[self._tab]()
        found = [one_line_of(line) for line in told]
        return [line for line in found if all(word in line.lower() for word in wanted)]

    def _log(self) -> Iterator[str]:
        yield from (entry.line for entry in self.app.logbook)
        noise = noise_of(log_directory() / STDERR)
        if noise:
            yield "printed by libraries:"
            yield from (f"    {line}" for line in noise)

    def _network(self) -> Iterator[str]:
        for one in self.app.requests():
            status = str(one.status or "–")
            at = f"{one.at.astimezone():%H:%M:%S}.{one.at.microsecond // 1000:03}"
            yield (
                f"{at}  {one.method:<6}  {status:<3}  {one.seconds:6.2f} s  {one.path}"
                f"{FAILED + one.error if one.error else ''}"
            )

    def _webrtc(self) -> Iterator[str]:
        told = self.app.conversations()
        if not told:
            yield "No conversation yet in this run."
        for number, one in enumerate(reversed(told)):
            if number:
                yield ""
            yield from (f"{name:<{LEFT + 8}} {value}" for name, value in flat(one))

    def _terminal(self) -> Iterator[str]:
        app = self.app
        yield from (line for check in checks_of(app) for line in lines_of(check))
        yield ""
        if app.paced:
            yield f"{'pace':<{LEFT}} {app.pace.in_words}"
        yield f"{'sent':<{LEFT}} {app.bytes_written:,} bytes, {app.pending:,} wait"
        yield f"{'theme, motion, glyphs':<{LEFT}} {app.theme}, {app.look.motion}, {app.look.glyphs}"
        for name, value in (support.versions() | support.environment()).items():
            yield f"{name:<{LEFT}} {value}"
        yield from (f"{'keys':<{LEFT}} {clash}" for clash in app.clashes)
        yield "did-tui doctor measures it, and tries sound and network."

    # Keys

    def action_copy_tab(self) -> None:
        """Copy what is shown."""
        self.app.copy("\n".join(self.lines()), f"the {TABS[self._tab]} tab")

    def action_copy_support(self) -> None:
        """Copy the report for whoever is to help, and write it to a file."""
        text = self.app.support_report()
        path = state_directory() if self.app.state is None else self.app.state
        path = path / "reports" / f"support-{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
        try:
            write_private(path, text)
        except OSError as error:
            self.notify(f"{path} cannot be written: {error.strerror or error}", severity="error")
        else:
            self.notify(f"It has no key and nothing that was said: {path}", title="Report")
        self.app.copy(text, "the support report")

    def action_narrow(self) -> None:
        """Show only lines that have these words."""
        self.query_one(FilterLine).begin()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow while it is typed."""
        event.stop()
        self._show_anew()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to the lines."""
        event.stop()
        self.query_one("#lines").focus()

    def action_scroll_lines(self, by: int) -> None:
        """Some lines on, or back."""
        self.query_one("#lines", VerticalScroll).scroll_relative(y=by, animate=False)

    def action_leave_diagnostics(self) -> None:
        """The filter is forgotten first; then back to where one was."""
        if self.query_one(FilterLine).clear():
            self.query_one("#lines").focus()
            self._show_anew()
        elif len(self.app.screen_stack) > 1:
            self.app.pop_screen()
        else:
            self.app.action_last_place()

    def action_help_diagnostics(self) -> None:
        """The keys."""
        self.app.push_screen(
            KeyHelp("Diagnostics", {"diagnostics": "Here", "places": "To other places"})
        )


def one_line_of(text: str) -> str:
    """A line without anything that steers; its columns stay."""
    return " ".join(plain(text).splitlines()).rstrip()


def folded(line: str, width: int, hang: int) -> list[str]:
    """A line in as many rows as it needs; the others begin so many columns from the left."""
    if len(line) <= width:
        return [line]
    own = len(line) - len(line.lstrip())
    at = own + 2 if own else hang
    said, failed, why = line[at:].partition(FAILED)
    parts = [said, failed.lstrip() + why] if failed else [said]
    room = max(LEFT, width - at)
    rows = [row for part in parts for row in wrap(part, room, break_on_hyphens=False)] or [""]
    return [line[:at] + rows[0], *(" " * at + row for row in rows[1:])]


def colour(line: str) -> str:
    """The colour of what did not work, or may not."""
    if line.startswith(SIGNS["bad"]) or FAILED in line:
        return "$error"
    return "$warning" if line.startswith(SIGNS["fair"]) else ""


def lines_of(check: Check) -> Iterator[str]:
    """A check as lines."""
    yield f"{SIGNS[check.mark]} {check.name:<{LEFT - 2}} {check.says}"
    if check.advice:
        yield f"{'':<{LEFT}} → {check.advice}"


def flat(told: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, object]]:
    """Every figure with its path; what is not measured is a dash."""
    for name, value in told.items():
        if isinstance(value, Mapping) and set(value) == {"state", "ms"}:
            took = "" if value["ms"] is None else f", {value['ms']:g} ms"
            yield f"{before}{name}".replace("_", " "), f"{value['state']}{took}"
        elif isinstance(value, Mapping):
            yield from flat(value, f"{before}{name} ")
        else:
            yield f"{before}{name}".replace("_", " "), "–" if value is None else value


def noise_of(path: Path) -> list[str]:
    """The end of what C libraries have printed."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - LONGEST_NOISE))
            return file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
