"""Every key, and another one for it: pressed here, kept in config.toml."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Footer, Static

from did_tui import configfile
from did_tui.config import Value
from did_tui.ui import keymap
from did_tui.ui.accounts import TROUBLE
from did_tui.ui.keys import DIGITS, KEYS, Key, bindings, keys_of, names, sign_of
from did_tui.ui.screens.asking import KeyHelp
from did_tui.ui.screens.dialogs import Dialog
from did_tui.ui.text import literal
from did_tui.ui.widgets.table import Cell, Column, Table
from did_tui.ui.widgets.topbar import TopBar

if TYPE_CHECKING:
    from did_tui.ui.app import DidTui

COLUMNS = (
    Column("WHERE", 12, 0, 6),
    Column("KEY", 14, 1, 9),
    Column("DOES", 24, 4, 8),
    Column("ACTION", 14, 1, 5),
    Column("FROM", 7, 0, 7),
)


class PressKey(Dialog[str | None]):
    """Waits for one key; escape is one, too, so leaving is by the mouse or the key as it was."""

    hint_text = "the same key again changes nothing"

    def __init__(self, action: Key, now: str) -> None:
        super().__init__()
        self.title_text = f"Press another key: {action.label}"
        self._action, self._now = action, now

    def compose(self) -> ComposeResult:
        """What it does, and what it is now."""
        with self.frame():
            yield Static(literal(f"{self._action.help}. Now it is {self._now}."))

    async def on_event(self, event: events.Event) -> None:
        """Take the first key, whatever else it may do."""
        if isinstance(event, events.Key):
            event.stop()
            event.prevent_default()
            self.dismiss(event.key)
        else:
            await super().on_event(event)


class Rebinding(Screen[None]):
    """The list of keys."""

    app: DidTui
    BINDINGS = [*bindings("everywhere"), *bindings("rebinding")]
    AUTO_FOCUS: ClassVar[str] = "Table"
    DEFAULT_CSS = """
    Rebinding #about { height: 2; background: $surface; padding: 0 1; color: $muted; }
    """

    def compose(self) -> ComposeResult:
        """Bar, list, and what the key under the cursor does."""
        yield TopBar()
        yield Table[Key](COLUMNS, self._cells)
        yield Static("", id="about")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Show them."""
        self.query_one(TopBar).crumbs = (self.app.place, "Settings", "Keys")
        self._fill()

    def _fill(self) -> None:
        changed = len(self.app.keymap)
        clashes = len(self.app.clashes)
        bar = self.query_one(TopBar)
        bar.state, bar.mood = f"{changed} changed", "state"
        if clashes:
            bar.state, bar.mood = f"{changed} changed · ✗ {clashes} not used", "bad"
        self.query_one(Table).fill([key for key in KEYS if key.keys != DIGITS])

    def _cells(self, key: Key) -> Sequence[Cell]:
        own = key.id in self.app.keymap
        refused = key.id in self.app.settings.keys and not own
        shown = " ".join(names(key, self.app.keymap))
        return (
            Cell(key.place, "dim"),
            Cell(shown, "strong"),
            Cell(key.help),
            Cell(key.id, "dim"),
            Cell("clash" if refused else "file" if own else "default", "bad" if refused else "dim"),
        )

    def on_table_highlighted(self, _event: Table.Highlighted) -> None:
        """Say why it is not what config.toml wants."""
        key: Key | None = self.query_one(Table).current
        mine = [clash for clash in self.app.clashes if key and f"keys.{key.id} " in clash]
        words = mine[0] if mine else key.help if key else ""
        self.query_one("#about", Static).update(literal(words))

    def on_table_chosen(self, _event: Table.Chosen) -> None:
        """A double click is enter."""
        self.action_rebind()

    @work(group="rebind", exclusive=True)
    async def action_rebind(self) -> None:
        """Ask for another key, and keep it if it clashes with none."""
        key: Key | None = self.query_one(Table).current
        if key is None:
            return
        shown = " or ".join(names(key, self.app.keymap))
        pressed = await self.app.push_screen_wait(PressKey(key, shown))
        if pressed is None or pressed in keys_of(key.id, self.app.keymap):
            return
        wanted = keymap.read({**self.app.settings.keys, key.id: Value(sign_of(pressed))})
        complaint = next((c for c in wanted.complaints if c.startswith(f"keys.{key.id} ")), "")
        if complaint:
            self.notify(f"{complaint} Nothing was changed.", title="Clash", severity="error")
            return
        self._keep(key, sign_of(pressed))

    def action_unbind(self) -> None:
        """Its own key again."""
        key: Key | None = self.query_one(Table).current
        if key is not None and key.id in self.app.settings.keys:
            self._keep(key, "")

    def _keep(self, key: Key, text: str) -> None:
        if self.app.config is None or self.app.load is None:
            self.notify("There is no config.toml here.", severity="warning")
            return
        try:
            configfile.change(self.app.config, configfile.set_key(key.id, text))
            self.app.read_settings()
        except TROUBLE as error:
            self.notify(str(error), title="Not kept", severity="error")
            return
        self._fill()
        self.refresh_bindings()
        self.notify(f"keys.{key.id} = {text}" if text else f"keys.{key.id} is the default again")

    def action_leave_rebinding(self) -> None:
        """Back to the settings."""
        self.app.pop_screen()

    def action_help_rebinding(self) -> None:
        """The keys."""
        self.app.push_screen(KeyHelp("Keys", {"rebinding": "Here"}))
