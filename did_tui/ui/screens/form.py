"""A form over the fields of a table: what is typed is never lost, and saved as a whole."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.screen import Screen
from textual.widgets import Input, Static, TextArea

from did_tui.api.errors import DidError
from did_tui.editor import NoEditor
from did_tui.files import write_private
from did_tui.ui.editor import edited
from did_tui.ui.forms import FormField, applies, filled, get, written
from did_tui.ui.keys import bindings, told
from did_tui.ui.screens.asking import KeyHelp
from did_tui.ui.screens.dialogs import Choice, Pick
from did_tui.ui.screens.fieldpick import FieldPick
from did_tui.ui.screens.filepick import FilePick
from did_tui.ui.text import LONGEST, Signs, literal, one_line, plain
from did_tui.ui.trash import file_name
from did_tui.ui.widgets.keyline import KeyLine
from did_tui.ui.widgets.topbar import TopBar

if TYPE_CHECKING:
    from did_tui.ui.app import DidTui

#: Saves an object; what is wrong by path, {} when it was saved, None when the user thought again.
Save = Callable[[dict[str, Any]], Awaitable[Mapping[str, str] | None]]
#: Chooses something of the kind that a field's ``pick`` names: texts by the paths of their fields.
Choose = Callable[[FormField, Mapping[str, Any]], Awaitable[Mapping[str, str] | None]]
#: Tries what a form holds; the sentence that tells how that went. Raises ``DidError``.
Trial = Callable[[Mapping[str, Any]], Awaitable[str]]


SHORT = 12  # fields of a form that one sees at a glance


class Form(Screen[bool]):
    """A form; True when it was saved."""

    app: DidTui
    BINDINGS = [*bindings("everywhere"), *bindings("form")]
    DEFAULT_CSS = """
    Form #fields { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    Form .row { height: auto; }
    Form .label { width: 16; height: 1; color: $muted; }
    Form .row.-here .label { color: $primary; text-style: bold; }
    Form .-wrong .label { color: $error; }
    Form Input { width: 1fr; background: $surface; }
    Form TextArea { width: 1fr; background: $surface; border: none; padding: 0; }
    Form Input:focus { background: $panel; }
    Form TextArea:focus { background: $panel; border: none; }
    Form #help { height: 1; background: $surface; padding: 0 1; color: $muted; }
    Form #help.-wrong { color: $error; }
    """
    AUTO_FOCUS: ClassVar[str] = "#fields .row Input"

    def __init__(
        self,
        crumbs: Sequence[str],
        fields: Sequence[FormField],
        before: Mapping[str, Any],
        save: Save,
        choose: Choose | None = None,
        draft: str = "",
        trials: Mapping[str, Trial] = MappingProxyType({}),
    ) -> None:
        super().__init__()
        self._crumbs, self._fields, self._before = crumbs, fields, before
        self._save, self._choose, self._draft = save, choose, draft
        self._trials = trials
        self._conditional = any(field.when or field.unless for field in fields)
        self._problems: dict[str, str] = {}
        self._saving = False
        self._kept: dict[str, str] = {}  # what the draft holds
        self._first = {field.path: written(field, get(before, field.path)) for field in fields}

    def compose(self) -> ComposeResult:
        """Bar, rows, help of the field that has the focus."""
        yield TopBar()
        with VerticalScroll(id="fields", can_focus=False):
            for number, field in enumerate(self._fields):
                with Horizontal(classes="row", id=f"row{number}"):
                    yield Static(literal(field.label), classes="label")
                    text = self._first[field.path]
                    # What cannot be shown whole could not be saved whole.
                    whole = len(text) <= LONGEST
                    if field.rows > 1:
                        area = TextArea(plain(text), compact=True, id=f"f{number}")
                        area.styles.height = field.rows
                        area.disabled = not whole
                        yield area
                    else:
                        one = plain(text)
                        line = Input(
                            one,
                            highlighter=Signs(),
                            compact=True,
                            select_on_focus=False,
                            password=field.sort == "secret",
                            id=f"f{number}",
                        )
                        line.disabled = not whole
                        yield line
        yield Static("", id="help")
        yield KeyLine()

    def on_mount(self) -> None:
        """Show where this is, and a draft where one was kept."""
        self._shown = self.texts()
        self.query_one(TopBar).crumbs = (self.app.place, *map(one_line, self._crumbs))
        self._load_draft()
        self._say_changes()
        self._show_what_applies()
        self.call_after_refresh(self._begin)
        self.set_interval(2.0, self.keep_draft)

    def _begin(self) -> None:
        """Have the first field ready: Textual does so only where it is a single line."""
        if self.focused is None:
            self.focus_next("Form Input, Form TextArea")

    # What is typed

    def _widget(self, number: int) -> Input | TextArea:
        widget = self.query_one(f"#f{number}")
        assert isinstance(widget, Input | TextArea)  # noqa: S101 (made above)
        return widget

    def _text(self, number: int) -> str:
        widget = self._widget(number)
        return widget.value if isinstance(widget, Input) else widget.text

    def _put(self, number: int, text: str) -> None:
        widget = self._widget(number)
        if isinstance(widget, Input):
            widget.value = text
        else:
            widget.text = plain(text)

    def texts(self) -> dict[str, str]:
        """What stands in every field."""
        return {field.path: self._text(number) for number, field in enumerate(self._fields)}

    def touched(self) -> dict[str, str]:
        """The fields that hold something else than at first."""
        return {path: text for path, text in self.texts().items() if text != self._shown[path]}

    def _to_keep(self) -> dict[str, str]:
        """What may be in a draft: secrets are written nowhere."""
        secret = {field.path for field in self._fields if field.sort == "secret"}
        return {path: text for path, text in self.touched().items() if path not in secret}

    def after(self) -> tuple[dict[str, Any], dict[str, str]]:
        """The object as it would be, and what cannot be read of it."""
        return filled(self._fields, self._before, self.touched())

    def _focused(self) -> int | None:
        focused = self.focused
        if focused is None or focused.id is None or not focused.id.startswith("f"):
            return None
        return int(focused.id[1:])

    def on_input_changed(self, event: Input.Changed) -> None:
        """Count what was changed, and show the fields that go with it."""
        event.stop()
        self._say_changes()
        self._show_what_applies()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """The same."""
        event.stop()
        self._say_changes()

    def _say_changes(self) -> None:
        count = len(self.touched())
        bar = self.query_one(TopBar)
        bar.mood = "busy" if count else "state"
        bar.state = f"● {count} change{'s' if count != 1 else ''}" if count else "no changes"

    def _show_what_applies(self) -> None:
        if not self._conditional:
            return
        after = self.after()[0]
        for number, field in enumerate(self._fields):
            self.query_one(f"#row{number}").display = applies(field, after)

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        """The help of the field, and which it is."""
        here = self._focused()
        # Textual's own focus-within leaves the label of the field before as it was.
        for number in range(len(self._fields)):
            self.query_one(f"#row{number}").set_class(number == here, "-here")
        self._say_help()

    def _say_help(self) -> None:
        number = self._focused()
        if number is None:
            return
        field = self._fields[number]
        problem = self._problems.get(field.path, "")
        line = self.query_one("#help", Static)
        line.set_class(bool(problem), "-wrong")
        more = "  enter: choose" if field.pick or field.choices else ""
        if field.path in self._trials:
            more += f"  {self.app.key('try-field')}: {field.trial}"
        help_ = told(field.help, self.app.keymap) + more
        line.update(literal(f"✗ {problem}" if problem else help_))

    # Keys

    @work(group="choose")
    async def action_choose(self) -> None:
        """Choose where there is something to choose from, else go on to the next field."""
        number = self._focused()
        field = self._fields[number] if number is not None else None
        if number is None or field is None or not (field.pick or field.choices):
            self.focus_next("Form Input, Form TextArea")
            return
        if field.pick == "path":
            path = await self.app.push_screen_wait(FilePick(self._text(number)))
            values = {field.path: path} if path else {}
        elif field.pick and self._choose is not None:
            values = dict(await self._choose(field, self.after()[0]) or {})
        else:
            choices = [Choice(choice, choice) for choice in field.choices]
            at = self._text(number)
            chosen = field.choices.index(at) if at in field.choices else 0
            value = await self.app.push_screen_wait(Pick(field.label, choices, chosen))
            values = {field.path: value} if value is not None else {}
        for other, each in enumerate(self._fields):
            if each.path in values:
                self._put(other, values[each.path])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter."""
        event.stop()
        self.action_choose()

    @work(group="choose")
    async def action_go_to_field(self) -> None:
        """Find a field by a part of its name."""
        touched = self.touched()
        after = self.after()[0]
        signs = [
            (field, "✗" if field.path in self._problems else "●" if field.path in touched else "")
            for field in self._fields
            if applies(field, after)
        ]
        path = await self.app.push_screen_wait(FieldPick(signs))
        for number, field in enumerate(self._fields):
            if field.path == path:
                self._widget(number).focus()

    def action_restore_field(self) -> None:
        """As it was."""
        number = self._focused()
        if number is not None:
            self._put(number, self._shown[self._fields[number].path])

    @work(group="editor")
    async def action_edit_field(self) -> None:
        """Write the field in the user's own editor."""
        number = self._focused()
        if number is None:
            return
        try:
            text = await edited(self.app, self._text(number), "field.md")
        except NoEditor as error:
            self.notify(str(error), severity="warning")
            return
        single = self._fields[number].rows == 1
        self._put(number, one_line(text) if single else plain(text).rstrip("\n"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Only some fields can be tried; in a short form none has to be looked for."""
        if action == "go_to_field":
            return len(self._fields) > SHORT
        if action != "try_field":
            return True
        number = self._focused()
        here = number is not None and self._fields[number].path in self._trials
        return True if here else None if self._trials else False

    @work(group="trial", exclusive=True)
    async def action_try_field(self) -> None:
        """Try what the field names."""
        number = self._focused()
        trial = self._trials.get(self._fields[number].path) if number is not None else None
        if number is None or trial is None:
            return
        title = self._fields[number].label
        try:
            self.notify(await trial(self.after()[0]), title=title)
        except (DidError, OSError) as error:
            self.notify(str(error), title=title, severity="error")

    def action_help_form(self) -> None:
        """The keys."""
        self.app.push_screen(KeyHelp("Form", {"form": "In a form"}))

    @work(group="save")
    async def action_save(self) -> None:
        """Save all of it, once at a time; what is wrong is shown at its field."""
        if self._saving:
            return
        self._saving = True
        try:
            await self._save_all()
        finally:
            self._saving = False

    async def _save_all(self) -> None:
        after, problems = self.after()
        if not problems:
            try:
                found = await self._save(after)
            except DidError as error:
                self.notify(f"{error} {error.advice}", title="Not saved", severity="error")
                return
            if found is None:
                return
            problems = dict(found)
        if not problems:
            self._forget_draft()
            self.dismiss(True)
            return
        self._show_problems(problems)

    def _show_problems(self, problems: dict[str, str]) -> None:
        self._problems = problems
        first = None
        for number, field in enumerate(self._fields):
            wrong = field.path in problems
            self.query_one(f"#row{number}").set_class(wrong, "-wrong")
            if wrong and first is None:
                first = number
        known = {field.path for field in self._fields}
        others = [f"{path}: {said}" for path, said in problems.items() if path not in known]
        if others:
            self.notify("\n".join(others), title="Not saved", severity="error")
        if first is not None:
            self._widget(first).focus()
        self._say_help()

    @work(group="leave", exclusive=True)
    async def action_leave_form(self) -> None:
        """Leave; asked first where something was typed."""
        if self._saving:
            self.notify("It is being saved: a moment.")
            return
        if not self.touched():
            self._forget_draft()
            self.dismiss(False)
            return
        choices = [Choice("keep", "Keep editing", "k")]
        if self._draft_path() is not None:
            choices.append(Choice("draft", "Leave, and keep what was typed as a draft", "s"))
        choices.append(Choice("discard", "Discard what was typed", "d"))
        what = await self.app.push_screen_wait(Pick("Not saved yet", choices))
        if what == "draft":
            self.keep_draft()
            self.dismiss(False)
        elif what == "discard":
            self._forget_draft()
            self.dismiss(False)

    # Drafts

    def _draft_path(self) -> Path | None:
        if not self._draft or self.app.state is None:
            return None
        return self.app.state / "drafts" / f"{file_name(self._draft)}.json"

    def keep_draft(self) -> None:
        """Write down what was typed, where this form has a place for it."""
        path, touched = self._draft_path(), self._to_keep()
        if path is None or not touched or touched == self._kept:
            return
        try:
            write_private(path, json.dumps(touched, ensure_ascii=False, indent=1))
        except OSError as error:
            self.notify(f"The draft cannot be kept: {error.strerror}.", severity="warning")
        self._kept = touched

    def _load_draft(self) -> None:
        path = self._draft_path()
        try:
            draft = json.loads(path.read_text(encoding="utf-8")) if path is not None else {}
        except (OSError, ValueError):
            return
        back = [
            number
            for number, field in enumerate(self._fields)
            if isinstance(draft, dict) and isinstance(draft.get(field.path), str)
        ]
        for number in back:
            self._put(number, draft[self._fields[number].path])
        if back:
            key = self.app.key("restore-field")
            self.notify(f"Your draft is back. {key} takes a field back to how it was.")

    def _forget_draft(self) -> None:
        path = self._draft_path()
        if path is not None:
            path.unlink(missing_ok=True)


async def filled_in(app: DidTui, form: Form) -> bool:
    """Show a form; whether it was saved."""
    saved = await app.push_screen_wait(form)
    return bool(saved)
