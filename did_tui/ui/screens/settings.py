"""Every setting: what it is, where that comes from, and another value for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Footer, Input, Static

from did_tui import configfile
from did_tui.config import SETTINGS, BadSetting, Origin, Setting, Settings, Value
from did_tui.editor import NoEditor
from did_tui.ui.accounts import TROUBLE
from did_tui.ui.editor import edited
from did_tui.ui.keys import bindings, key_of
from did_tui.ui.screens.asking import KeyHelp
from did_tui.ui.screens.dialogs import Choice, Dialog, Pick
from did_tui.ui.screens.rebinding import Rebinding
from did_tui.ui.text import Signs, literal, one_line
from did_tui.ui.widgets.table import Cell, Column, Table
from did_tui.ui.widgets.topbar import TopBar

if TYPE_CHECKING:
    from did_tui.ui.app import DidTui

COLUMNS = (Column("SETTING", 19, 0, 9), Column("VALUE", 16, 2, 8), Column("FROM", 16, 3, 7))
WORDS: dict[Origin, str] = {
    "flag": "flag",
    "environment": "environment",
    "profile": "profile",
    "file": "file",
    "default": "default",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the list; without ``setting`` it is something that is set elsewhere."""

    name: str
    value: str
    origin: str
    help: str
    setting: Setting | None = None


def lines_of(settings: Settings, place: str, keymap: Mapping[str, str]) -> list[Line]:
    """The account first, then every setting."""
    profile = settings.profile or "none"
    if settings.profile:
        whose = f"profile {settings.profile}"
    else:
        whose = "demo" if place == "demo" else "environment" if settings.key else "default"
    key = settings.key_place.words if settings.key_place else "–"
    if settings.key and place != "demo":
        key = "in the environment"
    kept = f"It is in {settings.key_place.in_full}." if settings.key_place else "Where the key is."
    switches = f"{key_of('change-setting', keymap)} or {key_of('profiles', keymap)} switches."
    account = [
        Line("profile", profile, whose, f"Who asks. {switches}"),
        Line("api_url", settings.api_url, whose, "Where D-ID is; a profile says it."),
        Line("key", key, whose, f"{kept} It is never shown."),
    ]
    return account + [
        _line(setting, settings.values.get(setting.name, Value(setting.default)))
        for setting in SETTINGS
    ]


def _line(setting: Setting, value: Value) -> Line:
    where = f" · {value.where.rpartition('/')[2]}" if value.where else ""
    when = "" if setting.at_once else " · at the next start"
    takes = f" ({setting.takes})" if setting.takes else ""
    said = f"{setting.help}{takes}{when}"
    return Line(setting.name, value.text or "D-ID's", WORDS[value.origin] + where, said, setting)


class Ask(Dialog[str | None]):
    """A value to write; None where it stays as it is."""

    DEFAULT_CSS = """
    Ask Input, Ask Input:focus { border: none; padding: 0; height: 1; background: $panel; }
    """
    hint_text = "enter keep · esc back"

    def __init__(self, setting: Setting, value: str) -> None:
        super().__init__()
        self.title_text = setting.name
        self._setting, self._value = setting, value

    def compose(self) -> ComposeResult:
        """What it is, and a line."""
        takes = f" It takes {self._setting.takes}." if self._setting.takes else ""
        with self.frame():
            yield Static(literal(f"{self._setting.help}.{takes}", "$muted"))
            yield Input(self._value, highlighter=Signs(), max_length=200)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """That is it, if it can be."""
        text = event.value.strip()
        try:
            self._setting.check(Value(text))
        except BadSetting as error:
            self.notify(str(error), severity="warning")
        else:
            self.dismiss(text)


class SettingsScreen(Screen[None]):
    """The list of settings."""

    app: DidTui
    BINDINGS = [*bindings("everywhere"), *bindings("places"), *bindings("settings")]
    AUTO_FOCUS: ClassVar[str] = "Table"
    DEFAULT_CSS = """
    SettingsScreen #about { height: 2; background: $surface; padding: 0 1; color: $muted; }
    """

    def compose(self) -> ComposeResult:
        """Bar, list, and what the setting under the cursor is."""
        yield TopBar()
        yield Table[Line](COLUMNS, _cells)
        yield Static("", id="about")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Show them."""
        self.fill()

    def on_screen_resume(self) -> None:
        """They may have changed meanwhile."""
        self.fill()

    @property
    def table(self) -> Table[Line]:
        """The list."""
        return self.query_one(Table)

    def fill(self) -> None:
        """Show what holds now."""
        bar = self.query_one(TopBar)
        bar.crumbs = (self.app.place, "Settings")
        bar.state = one_line(str(self.app.config / configfile.NAME)) if self.app.config else ""
        self.table.fill(lines_of(self.app.settings, self.app.place, self.app.keymap))

    def on_table_highlighted(self, _event: Table.Highlighted) -> None:
        """Say what it is."""
        line = self.table.current
        self.query_one("#about", Static).update(literal(line.help if line else ""))

    def on_table_chosen(self, _event: Table.Chosen) -> None:
        """A double click is enter."""
        self.action_change()

    @work(group="change", exclusive=True)
    async def action_change(self) -> None:
        """Choose or write another value."""
        line = self.table.current
        if line is None:
            return
        setting = line.setting
        if setting is None:
            if line.name == "profile":
                self.app.action_profiles()
            else:
                key = self.app.key("edit-settings")
                self.notify(f"A profile says this: {key} opens config.toml.")
            return
        value = self.app.settings.values.get(setting.name, Value(setting.default)).text
        if setting.choices:
            choices = [Choice(one, one) for one in setting.choices]
            at = setting.choices.index(value) if value in setting.choices else 0
            text = await self.app.push_screen_wait(Pick(setting.name, choices, at))
        else:
            text = await self.app.push_screen_wait(Ask(setting, value))
        if text is not None and text != value:
            self._set(setting, text)

    def action_unset(self) -> None:
        """Take it out of config.toml."""
        line = self.table.current
        if line is not None and line.setting is not None:
            self._set(line.setting, "")

    def _set(self, setting: Setting, text: str) -> None:
        if self.app.config is None or self.app.load is None:
            self.notify("There is no config.toml here.", severity="warning")
            return
        try:
            configfile.change(self.app.config, configfile.set_to(setting.name, text))
        except TROUBLE as error:
            self.notify(str(error), title="Not kept", severity="error")
            return
        self._read_again()
        value = self.app.settings.values[setting.name]
        said = f"{setting.name} = {text}" if text else f"{setting.name} is out of config.toml"
        if value.origin in ("flag", "environment", "profile"):
            self.notify(f"{said}. {value.where} still beats it.", severity="warning")
        else:
            self.notify(said if setting.at_once else f"{said}, from the next start on.")

    def _read_again(self) -> None:
        """Take what the file says now, and keep who asks."""
        assert self.app.load is not None  # noqa: S101 (looked at before)
        try:
            self.app.read_settings()
        except TROUBLE as error:
            self.notify(str(error), title="config.toml", severity="error")
        self.app.tell_clashes()
        self.fill()

    @work(group="change", exclusive=True)
    async def action_edit_file(self) -> None:
        """config.toml in the user's own editor; what cannot be used is not kept."""
        if self.app.config is None or self.app.load is None:
            self.notify("There is no config.toml here.", severity="warning")
            return
        path = self.app.config / configfile.NAME
        try:
            before = path.read_text(encoding="utf-8") if path.exists() else configfile.HEAD
            text = await edited(self.app, before, configfile.NAME)
            while text.strip() and text != before:
                try:
                    configfile.replace(self.app.config, text)
                    break
                except BadSetting as error:
                    marked = configfile.with_complaint(text, str(error))
                    again = await edited(self.app, marked, configfile.NAME)
                    if again == marked:
                        self.notify(f"{error} Nothing was kept.", severity="error")
                        return
                    text = configfile.without_complaint(again)
        except (NoEditor, OSError, UnicodeError) as error:
            self.notify(str(error), title="Not kept", severity="error")
            return
        self._read_again()

    def action_rebind_keys(self) -> None:
        """Every key, and another one for it."""
        self.app.push_screen(Rebinding())

    def action_leave(self) -> None:
        """Back to where one was."""
        self.app.action_last_place()

    def action_help_settings(self) -> None:
        """The keys."""
        places = {"settings": "Here", "places": "To other places"}
        self.app.push_screen(KeyHelp("Settings", places))


def _cells(line: Line) -> Sequence[Cell]:
    colour = "dim" if line.origin.startswith("default") else "good"
    if line.setting is None:
        colour = "dim"
    return (Cell(line.name, "strong"), Cell(line.value), Cell(line.origin, colour))
