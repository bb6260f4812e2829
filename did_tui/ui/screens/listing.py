"""A list of any kind of resource, with a preview where there is room."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import Input, Static

from did_tui.api.errors import DidError
from did_tui.api.inventory import Document
from did_tui.api.models import Resource
from did_tui.ui.exports import OrderedExport
from did_tui.ui.keys import told
from did_tui.ui.kinds import Place, name_of, owner
from did_tui.ui.resources import kind_of
from did_tui.ui.rows import Row, Rows
from did_tui.ui.text import literal, one_line
from did_tui.ui.widgets.filterline import FilterLine
from did_tui.ui.widgets.keyline import KeyLine
from did_tui.ui.widgets.preview import Preview
from did_tui.ui.widgets.table import Cell, Table
from did_tui.ui.widgets.topbar import TopBar

if TYPE_CHECKING:
    from did_tui.ui.app import DidTui

PREVIEW_FROM = 116  # columns of the terminal from which there is room for the preview
FACES_FROM = 80  # the same where a face is chosen by its picture
REFRESH = 10.0  # seconds between two looks at a list that is on the screen
BUSY = "↻ a moment"
SOON, LATE = 2.0, 15.0  # the same while something in it is being made: at first, at most


class Listing(Screen[Any]):
    """The list at a place, loaded and shown; ``Browser`` has its keys."""

    app: DidTui

    DEFAULT_CSS = """
    Listing #middle { height: 1fr; }
    Listing #list { width: 1fr; height: 1fr; }
    Listing #notice { width: 1fr; height: 1fr; content-align: center middle; padding: 0 4; }
    """
    AUTO_FOCUS: ClassVar[str] = "#list"

    wide: reactive[bool] = reactive(True, init=False)

    def __init__(self, place: Place, *, narrow_preview: bool = False) -> None:
        super().__init__()
        faces = narrow_preview and place.kind.picture is not None
        self._preview_from = FACES_FROM if faces else PREVIEW_FROM
        self.place, self.kind = place, place.kind
        self.rows = Rows()
        self._more: AsyncIterator[Sequence[Resource]] | None = None
        self._loading_more = False
        self._paged = False  # more than one page has been read
        self._pause = REFRESH
        self._due = float("inf")
        self._loaded = self._making = False
        self._asked = 0.0  # when it was loaded last, or begun to be
        self._stale_since = ""
        self._said_before = ("", "")  # what the bar said
        #: What was there before something was made: the next load shows what is new.
        self.before: frozenset[Hashable] | None = None

    def compose(self) -> ComposeResult:
        """Bar, filter, list and preview."""
        yield TopBar()
        yield FilterLine()
        with Horizontal(id="middle"):
            yield Static("", id="notice")
            yield Table[Row]([each.column for each in self.kind.fields], self._cells, id="list")
            yield Preview(self.kind)
        yield KeyLine()

    def on_mount(self) -> None:
        """Begin to load."""
        self.place.state = self.app.state
        parents = [title for parent in self.place.parents for title in _crumbs(parent)]
        self.query_one(TopBar).crumbs = (self.app.place, *parents, self.kind.title)
        self._say(Content(""))
        self.load()
        self.set_interval(1.0, self._look_again)

    def on_resize(self, _event: events.Resize) -> None:
        """Show the preview where there is room for it."""
        self._lay_out()

    def watch_wide(self) -> None:
        """Show or hide the preview."""
        self._lay_out()

    def _lay_out(self) -> None:
        preview = self.query_one(Preview)
        shown = self.wide and self.size.width >= self._preview_from
        if preview.display != shown:
            preview.display = shown
            self._preview()

    @property
    def table(self) -> Table[Row]:
        """The list."""
        return self.query_one("#list", Table)

    def _cells(self, row: Row) -> list[Cell]:
        now = self.app.wall()
        return [
            Cell(each.write(value, now), each.colour(value))
            for each, value in zip(self.kind.fields, row.values, strict=True)
        ]

    # Loading

    @work(exclusive=True, group="load")
    async def load(self, *, quietly: bool = False) -> None:
        """Load the list; what is already shown stays until it is there.

        ``quietly`` reads only the first page anew, and says no word while it does.
        """
        bar = self.query_one(TopBar)
        began = self.app.now()
        self._due, self._asked = float("inf"), began
        self.place.keymap = self.app.keymap
        bar.state, bar.mood = (self._state("↻") if quietly else "↻ loading"), "busy"
        slow = self.set_interval(0.5, lambda: self._say_loading(began))
        before = len(self.rows.all)
        try:
            client = await self.app.client()
            pages = self.kind.pages(client, self.place)
            found = list(await anext(pages, ()))
            merging = quietly and self._paged
            while not quietly and found and len(found) < before:
                page = await anext(pages, ())
                if not page:
                    break
                found += page
        except (DidError, OSError) as error:
            self._failed(error)
            return
        finally:
            slow.stop()
        if self._left:
            return
        fresh = self.kind.rows(found, self.place)
        if merging:
            self.rows.merge(fresh)
        else:
            self.rows.replace(fresh)
            self._more = pages if found else None
            self._paged = False
        self._loaded, self._stale_since = True, ""
        self._follow(found)
        self.fill()
        self._go_to_new()
        self._plan()
        self.want_more()
        self.app.loaded()

    def _go_to_new(self) -> None:
        """Put the cursor on what was made here, where that can be told from the rest."""
        if self.before is None:
            return
        new = [at for at, row in enumerate(self.rows.shown) if row.identity not in self.before]
        self.before = None
        if len(new) == 1:
            self.table.cursor = new[0]

    @property
    def _left(self) -> bool:
        """Whether the list was left while it loaded: its parts go before its tasks do."""
        return not self.query(TopBar)

    def _follow(self, found: Sequence[Resource]) -> None:
        """What is being made is waited for elsewhere, too."""
        for one in found:
            if isinstance(one, Document) and one.id and not (one.done or one.failed):
                self.app.follow_document(owner(self.place), one)
            elif isinstance(one, OrderedExport) and one.state in ("created", "started"):
                self.app.follow_export(one.export_id, one.agent_name)

    def want_more(self) -> None:
        """Fetch the pages that are needed: those in sight, all to filter or sort by a column."""
        if self._more is not None and not self._loading_more and self._needs_more():
            self._loading_more = True
            self._load_more(self._more)

    def _needs_more(self) -> bool:
        table = self.table
        in_sight = table.cursor + 2 * max(20, table.size.height) >= len(self.rows.shown)
        return in_sight or bool(self.rows.filter) or self.rows.sorted_by is not None

    @work(group="more")
    async def _load_more(self, pages: AsyncIterator[Sequence[Resource]]) -> None:
        try:
            while self._more is pages and self._needs_more():
                page = await anext(pages, None)
                if page is None:
                    self._more = None
                    break
                if self._more is not pages or self._left:
                    break
                self._paged = True
                self.rows.add(self.kind.rows(page, self.place))
                self.fill()
        except (DidError, OSError) as error:
            self._more = None
            self.notify(
                f"{error}. {self.app.key('refresh-list')} tries again.",
                title="Not all is loaded",
                severity="error",
            )
        finally:
            self._loading_more = False
        if self._left:
            return
        self._say_state()
        if self._more is not pages:
            self.want_more()

    def _look_again(self) -> None:
        if self.app.screen is self and self.app.app_focus:
            if self.app.now() >= self._due:
                self.load(quietly=True)
            elif self._making:
                self.table.refresh()  # how long it has taken

    def _plan(self) -> None:
        """When to look again: soon while something is being made."""
        self._making = any(self.kind.unfinished(row) for row in self.rows.all)
        if self._making:
            self._pause = min(LATE, self._pause * 1.5) if self._pause != REFRESH else SOON
        else:
            self._pause = REFRESH
        self._due = self.app.now() + self._pause if self.kind.changes else float("inf")

    def on_screen_resume(self) -> None:
        """Catch up on what happened elsewhere."""
        if self._loaded and self.app.now() - self._asked > SOON:
            self.load(quietly=True)

    # Showing

    def fill(self) -> None:
        """Show the rows, with the cursor where it was."""
        table, rows = self.table, self.rows
        current = table.current
        at = rows.index(current.identity) if current is not None else None
        table.order = (rows.sorted_by, rows.reverse) if rows.sorted_by is not None else None
        table.fill(rows.shown, at)
        self.mark()
        self._say_state()
        self._say_rows()
        self.refresh_bindings()

    def mark(self) -> None:
        """Show the marks."""
        marks = self.rows.marks
        self.table.marks = (
            {i for i, row in enumerate(self.rows.shown) if row.identity in marks} if marks else ()
        )
        self.table.refresh()
        self._count()

    def _count(self) -> None:
        rows = self.rows
        more = "+" if self._more is not None else ""
        counted = f"{len(rows.shown)} of {len(rows.all)}{more}"
        marked = f"{len(rows.marks)} marked · " if rows.marks else ""
        self.query_one(FilterLine).tell(marked + counted, bool(rows.marks))

    def _say_rows(self) -> None:
        rows = self.rows
        if rows.shown:
            self._say(None)
        elif rows.filter and rows.all:
            self._say(
                literal(f"Nothing matches “{rows.filter}”.\n\n", "bold")
                + literal(
                    f"{self.app.key('back')} clears the filter. ({self._how_many()})", "$muted"
                )
            )
        elif self._loaded:
            self._say(
                literal(f"No {self.kind.many} yet.\n\n", "bold")
                + literal(told(self.kind.empty, self.app.keymap), "$muted")
            )

    def _how_many(self) -> str:
        count = len(self.rows.all)
        more = "+" if self._more is not None else ""
        if self.kind.most:
            return f"{count} of {self.kind.most} {self.kind.many}"
        return f"{count}{more} {self.kind.one if count == 1 else self.kind.many}"

    def _state(self, sign: str) -> str:
        errands = self.app.following.values()
        busy = {errand.busy for errand in errands}
        what = busy.pop() if len(busy) == 1 else "being made"
        news = f"{len(errands)} {what}" if errands else self.app.credits
        return f"{news} · {self._how_many()} · {sign}" if news else f"{self._how_many()} · {sign}"

    def _say_state(self) -> None:
        bar = self.query_one(TopBar)
        if self._stale_since:
            bar.state, bar.mood = f"as of {self._stale_since} · ✗ offline", "bad"
        else:
            bar.state, bar.mood = self._state(f"● {self.app.place_in_words}"), "good"

    def say_busy(self) -> None:
        """Say that something is on its way, where nothing else tells."""
        if not self._left and self.app.screen is self:
            bar = self.query_one(TopBar)
            if bar.state != BUSY:
                self._said_before = bar.state, bar.mood
                bar.state, bar.mood = BUSY, "busy"

    def say_done(self) -> None:
        """Nothing is on its way any more, or something else tells."""
        if not self._left:
            bar = self.query_one(TopBar)
            if bar.state == BUSY:
                bar.state, bar.mood = self._said_before

    def on_screen_suspend(self) -> None:
        """What is shown over the list tells by itself."""
        self.say_done()

    def _say_loading(self, began: float) -> None:
        if not self.rows.all:
            seconds = self.app.now() - began
            words = f"Loading {self.kind.many}…"
            cancels = f"{self.app.key('back')} cancels"
            late = f" {seconds:.0f} s · {cancels}" if seconds >= 2 else ""
            self._say(literal(words + late, "$muted"))

    def _failed(self, error: DidError | OSError) -> None:
        if self._left:
            return
        bar = self.query_one(TopBar)
        self._plan()
        if self._loaded:
            if not self._stale_since:
                self._stale_since = datetime.fromtimestamp(self.app.wall()).strftime("%H:%M")
                self.notify(str(error), title="Not refreshed", severity="error")
            self._say_state()
            return
        bar.state, bar.mood = "✗ offline", "bad"
        advice = getattr(error, "advice", "")
        again = f"Press {self.app.key('refresh-list')} to try again."
        self._say(
            literal(str(error), "bold $error")
            + literal(f"\n\n{advice} {again}".replace("\n\n ", "\n\n"), "$muted")
        )

    def cancel(self) -> bool:
        """Stop loading a list that has nothing to show yet; whether there was something to stop."""
        loading = [w for w in self.workers if w.group == "load" and w.is_running]
        if self._loaded or not loading:
            return False
        self.workers.cancel_group(self, "load")
        self.query_one(TopBar).state = ""
        self._say(literal(f"Not loaded. {self.app.key('refresh-list')} loads the list.", "$muted"))
        return True

    def _say(self, notice: Content | None) -> None:
        """Show a notice in the place of the list, or the list."""
        place = self.query_one("#notice", Static)
        place.display = notice is not None
        self.table.display = notice is None
        if notice is not None:
            place.update(notice)
        elif self.focused is None:
            self.table.focus()

    # What the user does with it

    def on_table_highlighted(self, _event: Table.Highlighted) -> None:
        """Show the resource under the cursor, and fetch what comes into sight."""
        self._preview()
        self.want_more()

    def _preview(self) -> None:
        preview = self.query_one(Preview)
        row = self.table.current
        if preview.display:
            preview.tell(self.kind.resource(row) if row is not None else None)

    def on_table_titled(self, event: Table.Titled) -> None:
        """A click on a heading sorts by it, a second one the other way round."""
        again = self.rows.sorted_by == event.column
        self.order(event.column, again and not self.rows.reverse)

    def order(self, column: int | None, reverse: bool) -> None:
        """Sort by a column."""
        self.rows.sort(column, reverse)
        self.fill()
        self.want_more()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while it is typed."""
        event.stop()
        self.rows.narrow(event.value)
        self.fill()
        self.want_more()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to the list, which stays filtered."""
        event.stop()
        self.table.focus()


def _crumbs(parent: Resource) -> tuple[str, ...]:
    return (kind_of(parent).title, one_line(name_of(parent)))
