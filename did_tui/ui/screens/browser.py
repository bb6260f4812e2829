"""The keys of a list of any kind of resource."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import events, work
from textual.app import SystemCommand

from did_tui.api.errors import DidError
from did_tui.api.models import Agent, Resource
from did_tui.editor import NoEditor
from did_tui.ui.keys import KEYS, bindings, names, told
from did_tui.ui.kinds import Also, Place, name_of
from did_tui.ui.resources import BY_NAME
from did_tui.ui.rows import Row
from did_tui.ui.saving import undo
from did_tui.ui.screens import deeds, history, likeness
from did_tui.ui.screens.asking import Confirm, KeyHelp
from did_tui.ui.screens.detail import Detail
from did_tui.ui.screens.dialogs import Choice, Pick
from did_tui.ui.screens.listing import Listing
from did_tui.ui.screens.query import Query
from did_tui.ui.text import one_line
from did_tui.ui.widgets.filterline import FilterLine
from did_tui.ui.widgets.preview import Preview
from did_tui.ui.widgets.table import Table

if TYPE_CHECKING:
    from did_tui.ui.app import DidTui

#: Actions that not every kind has: they are in ``Kind.can``, or follow from its fields.
OF_SOME = frozenset(
    (
        "chat",
        "inside_row",
        "delete_row",
        "new_row",
        "edit_row",
        "write_row",
        "clone_row",
        "undo_edit",
        "query",
        "fetch",
        "listen",
        "also",
    )
)
#: Actions that change something at D-ID; what is only on this computer is not kept from anybody.
WRITING = frozenset(("new_row", "edit_row", "write_row", "clone_row", "undo_edit", "delete_row"))
OUR_OWN = frozenset(("chats", "sessions"))
ALWAYS = frozenset(("new_row", "undo_edit", "query", "also"))  # of these, those that need no row
WHILE_PICKING = frozenset(("new_row", "listen"))
READ_ONLY = "This profile is read-only: nothing is changed."
SLOW = 0.15  # seconds after which one wants to know that something is being done
OVERWRITTEN = frozenset(("secrets",))  # kinds of which nobody knows what they were before
TYPED = frozenset(("agents", "knowledge"))  # kinds whose name is typed before one is deleted


class Browser(Listing):
    """The list at a place: one screen for every kind of resource."""

    app: DidTui
    BINDINGS = [*bindings("everywhere"), *bindings("places"), *bindings("list")]

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002 (Textual's)
    ) -> bool | None:
        """Only what this kind can; greyed where there is nothing to do it to."""
        if action in OF_SOME and action not in self._can:
            return False
        if self._is_kept_from(action):
            return None
        if action in OF_SOME - ALWAYS and self.table.current is None:
            return None
        return True

    def _is_kept_from(self, action: str) -> bool:
        """Whether a read-only profile may not do this here; nothing of this computer is new."""
        ours = self.kind.name in OUR_OWN and action != "new_row"
        return self.app.read_only and action in WRITING & self._can and not ours

    def on_key(self, event: events.Key) -> None:
        """Say why a key does nothing."""
        found = self.active_bindings.get(event.key)
        if found is not None and self._is_kept_from(found.binding.action):
            self.notify(READ_ONLY, severity="warning")

    def __init__(self, place: Place, *, picking: bool = False, words: str = "") -> None:
        super().__init__(place, narrow_preview=picking)
        #: Whether enter chooses a row and closes the list, instead of opening it.
        self.picking = picking
        self._words = words  # that the list is filtered by at first

    def on_mount(self) -> None:
        """Begin with a filter where there is one."""
        if self._words:
            line = self.query_one(FilterLine)
            line.input.value, line.display = self._words, True

    @property
    def _can(self) -> frozenset[str]:
        name = self.kind.name
        has = {
            "delete_row": self.kind.delete is not None,
            "inside_row": bool(self.kind.beside),
            "new_row": name in deeds.NEW,
            "edit_row": name in deeds.EDIT,
            "write_row": name in deeds.WRITE,
            "clone_row": name in deeds.CLONE,
            "undo_edit": name in deeds.EDIT and name not in OVERWRITTEN,
            "also": name in deeds.ALSO,
        }
        can = self.kind.can | {action for action, there in has.items() if there}
        return can & WHILE_PICKING if self.picking else can

    def current(self) -> Any:
        """The resource under the cursor, None where there is none."""
        row = self.table.current
        return self.kind.resource(row) if row is not None else None

    def chosen(self) -> list[Row]:
        """The rows that are marked, else the one under the cursor."""
        row = self.table.current
        return self.rows.marked() or ([row] if row is not None else [])

    # Going

    def on_table_chosen(self, _event: Table.Chosen) -> None:
        """A double click is enter."""
        self.action_open_row()

    def action_open_row(self) -> None:
        """What is in it, or everything about it."""
        resource = self.current()
        if self.picking:
            if resource is not None:
                self.dismiss(resource)
        elif resource is not None and self.kind.inside:
            self.go_inside(self.kind.inside, resource)
        elif resource is not None:
            self.action_detail()

    def action_detail(self, tab: int = 0) -> None:
        """Everything about it."""
        resource = self.current()
        if resource is not None:
            found = self.rows.filter if self.kind.said is not None else ""
            self.app.push_screen(Detail(self.place, resource, tab, browser=self, words=found))

    def action_json(self) -> None:
        """The object as D-ID sent it."""
        self.action_detail(1)

    @work
    async def action_inside_row(self) -> None:
        """Choose among what belongs to it."""
        resource = self.current()
        if resource is None:
            return
        choices = [
            Choice(name, BY_NAME[name].title, BY_NAME[name].title[0].lower())
            for name in self.kind.beside
        ]
        name = await self.app.push_screen_wait(Pick(f"Of {name_of(resource)}", choices))
        if name is not None:
            self.go_inside(name, resource)

    def go_inside(self, name: str, resource: Resource) -> None:
        """Open the list of a kind that belongs to a resource."""
        parents = (*self.place.parents, resource)
        self.app.open_place(replace(self.place, kind=BY_NAME[name], parents=parents))

    def action_back(self) -> None:
        """One step back: the filter, the marks, what is being loaded, then the place."""
        if self.query_one(FilterLine).clear():
            self.table.focus()
        elif self.rows.marks:
            self.rows.marks.clear()
            self.mark()
        elif not self.cancel():
            self._step_back()

    def _step_back(self) -> None:
        if self.picking:
            self.dismiss(None)
        elif len(self.app.screen_stack) > 1:
            self.app.pop_screen()

    def action_leave(self) -> None:
        """Out of the program from a first list, else one step back."""
        if len(self.app.screen_stack) > 1:
            self._step_back()
        else:
            self.app.run_worker(self.app.action_quit())

    def action_help_list(self) -> None:
        """All keys of lists."""
        places = {"list": "In this list", "places": "To other places"}
        self.app.push_screen(KeyHelp(self.kind.title, places, OF_SOME - self._can))

    # Looking

    def action_filter(self) -> None:
        """Show only some."""
        self.query_one(FilterLine).begin()

    def action_sort(self) -> None:
        """By the next column; after the last one as D-ID has them."""
        at = -1 if self.rows.sorted_by is None else self.rows.sorted_by
        following = at + 1 if at + 1 < len(self.kind.fields) else None
        self.order(following, False)

    def action_reverse(self) -> None:
        """The last one first."""
        if self.rows.sorted_by is None:
            self.order(0, True)
        else:
            self.order(self.rows.sorted_by, not self.rows.reverse)

    def action_wide(self) -> None:
        """The preview, or more columns."""
        self.wide = not self.wide

    def action_refresh_list(self) -> None:
        """Load again."""
        self.load()

    def action_mark(self) -> None:
        """Mark or unmark a row, and go on to the next."""
        row = self.table.current
        if row is not None:
            self.rows.marks ^= {row.identity}
            self.table.cursor += 1
            self.mark()

    def action_mark_range(self) -> None:
        """Mark everything from the nearest mark above to the cursor."""
        at, shown = self.table.cursor, self.rows.shown
        first = at
        while first > 0 and shown[first].identity not in self.rows.marks:
            first -= 1
        self.rows.marks |= {row.identity for row in shown[first : at + 1]}
        self.mark()

    # Taking

    def action_copy_id(self) -> None:
        """The id, of all that are marked."""
        keys = [self.kind.key(self.kind.resource(row)) for row in self.chosen()]
        if keys:
            self.copy("\n".join(keys), f"{self.kind.one} id" + ("s" if len(keys) > 1 else ""))

    @work
    async def action_copy_menu(self) -> None:
        """Name, id, JSON or a curl command."""
        resource = self.current()
        if resource is None:
            return
        choices = [
            Choice("name", "Name", "n"),
            Choice("id", "Id", "i"),
            Choice("json", "JSON", "j"),
        ]
        if self.kind.path:
            choices.append(Choice("curl", "A curl command, without the key in it", "c"))
        what = await self.app.push_screen_wait(Pick("Copy", choices))
        if what == "json":
            raws = [dict(row.raw) for row in self.chosen()]
            self.copy(_json(raws[0] if len(raws) == 1 else raws), "JSON")
        elif what == "curl":
            client = await self.app.client()
            url = client.api_url + self.kind.address(self.place, resource)
            command = f'curl -H "Authorization: Basic $DID_API_KEY" {shlex.quote(url)}'
            self.copy(command, "curl command")
        elif what == "name":
            self.copy(self.kind.label(resource), "name")
        elif what == "id":
            self.action_copy_id()

    def copy(self, text: str, what: str) -> None:
        """Give something to the terminal's clipboard."""
        self.app.copy(text, f"the {what} ({len(text)} characters)")

    # Doing

    def action_chat(self) -> None:
        """Meet the agent under the cursor, or go on with the chat."""
        chosen = self.current()
        if isinstance(chosen, Agent):
            self.app.meet(chosen, self.query_one(Preview).stills.get(chosen.thumbnail, b""))
        elif chosen is not None:
            self._do(history.resume, chosen)

    def action_new_row(self) -> None:
        """Make one."""
        under = self.place.parents[-1] if self.place.parents else None
        self._make(deeds.NEW[self.kind.name], under)

    def action_edit_row(self) -> None:
        """Change it in a form."""
        self._do(deeds.EDIT[self.kind.name], self.current())

    def action_write_row(self) -> None:
        """Change it as JSON in the user's own editor."""
        self._do(deeds.WRITE[self.kind.name], self.current())

    def action_clone_row(self) -> None:
        """Make another like it."""
        self._make(deeds.CLONE[self.kind.name], self.current())

    def action_undo_edit(self) -> None:
        """Take the last edit back."""
        self._do(lambda browser, _: undo(browser.app), None)

    @work(group="menu")
    async def action_also(self) -> None:
        """What else can be done with it."""
        there = self.current() is not None
        choices = [
            Choice(also, also.words, also.key)
            for also in deeds.ALSO[self.kind.name]
            if there or also.alone
        ]
        also = await self.app.push_screen_wait(Pick(f"{self.kind.title}: more", choices))
        if also is not None:
            self.do(also)

    def do(self, also: Also) -> None:
        """Do something of the menu with the resource under the cursor; some make another one."""
        if also.writes and self.app.read_only:
            self.notify(READ_ONLY, severity="warning")
        else:
            (self._make if also.alone else self._do)(also.deed, self.current())

    def action_fetch(self) -> None:
        """Fetch an export and unpack it."""
        self._do(history.fetch_export, self.current())

    def action_listen(self) -> None:
        """Hear a voice."""
        self._do(likeness.listen, self.current())

    def action_query(self) -> None:
        """See what an agent would find."""
        base = self.place.parents[-1] if self.place.parents else self.current()
        if base is not None:
            self.app.push_screen(Query(getattr(base, "id", ""), name_of(base)))

    @work(group="deed")
    async def _do(self, deed: deeds.Deed, resource: Any) -> None:
        await self.done(deed, resource)

    @work(group="deed")
    async def _make(self, deed: deeds.Deed, resource: Any) -> None:
        before = frozenset(row.identity for row in self.rows.all)
        if await self.done(deed, resource):
            self.before = before

    async def done(self, deed: deeds.Deed, resource: Any) -> bool:
        """Do something that may ask, take time and fail; whether it was done."""
        slow = self.set_timer(SLOW, self.say_busy)
        try:
            done = await deed(self, resource)
        except DidError as error:
            self.notify(f"{error} {error.advice}", title="Not done", severity="error")
        except (NoEditor, OSError) as error:
            self.notify(str(error), title="Not done", severity="error")
        else:
            if done:
                self.load(quietly=True)
            return done
        finally:
            slow.stop()
            self.say_done()
        return False

    async def changed(self, how: str, resource: Any) -> bool:
        """Change a resource by ``edit`` or ``write``; whether it was."""
        table = deeds.EDIT if how == "edit" else deeds.WRITE
        return await self.done(table[self.kind.name], resource)

    def picker(self, place: Place, words: str = "") -> Browser:
        """A list from which one is chosen, filtered by some words at first."""
        return Browser(place, picking=True, words=words)

    @work(group="deed")
    async def action_delete_row(self) -> None:
        """Delete what is marked, else what is under the cursor; asked first."""
        rows, kind = self.chosen(), self.kind
        if not rows or kind.delete is None:
            return
        resources = [kind.resource(row) for row in rows]
        label = one_line(kind.label(resources[0]))[:60] or kind.key(resources[0])
        what = f"{kind.one} “{label}”" if len(rows) == 1 else f"{len(rows)} {kind.many}"
        named = kind.name in TYPED or self.app.settings.confirm == "name"
        typed = "" if not named else label if len(rows) == 1 else f"delete {len(rows)}"
        warning = told(kind.warning, self.app.keymap)
        if not await self.app.push_screen_wait(Confirm(f"Delete {what}?", warning, typed)):
            return
        gone: list[str] = []
        trouble: Exception | None = None
        try:
            client = await self.app.client()
        except DidError as error:
            self.notify(str(error), title="Not done", severity="error")
            return
        for row, resource in zip(rows, resources, strict=True):
            try:
                await kind.delete(client, self.place, resource)
                gone.append(row.identity)
                self.app.unfollow(kind.key(resource))
            except (DidError, OSError) as error:
                trouble = error
        self.rows.forget(gone)
        self.fill()
        if trouble is None:
            self.notify(f"Deleted {what}.")
        else:
            self.notify(
                f"{len(gone)} of {len(rows)} deleted. {trouble}", title="Kept", severity="error"
            )
        self.load(quietly=True)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def commands_of(screen: Browser) -> Iterator[SystemCommand]:
    """The keys of a list for the palette, and what has no key."""
    if screen.check_action("also", ()):
        for also in deeds.ALSO[screen.kind.name]:
            if also.alone or screen.current() is not None:
                yield SystemCommand(
                    also.words, f"{screen.app.key('also')} {also.key}", partial(screen.do, also)
                )
    for key in KEYS:
        if key.place == "list" and screen.check_action(key.action, ()):
            name = f"{key.label[0].upper()}{key.label[1:]}  ({names(key, screen.app.keymap)[0]})"
            yield SystemCommand(name, key.help, getattr(screen, f"action_{key.action}"))
