"""Keys that come faster than the app follows: each goes where the one before has led."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

import pytest
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.keys import _character_to_key
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from did_tui.config import Look
from did_tui.ui import keyqueue
from did_tui.ui.base import TerminalApp
from did_tui.ui.widgets.filterline import FilterLine


class Asking(ModalScreen[str]):
    """One question."""

    AUTO_FOCUS = "*"

    def compose(self) -> ComposeResult:
        """Its answer."""
        yield Input(id="answer")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take it."""
        self.dismiss(event.value)


class Deaf(Static, can_focus=True):
    """Lets nothing come up that follows a key."""

    def on_key_done(self, event: keyqueue.KeyDone) -> None:
        """Stop it."""
        event.stop()


class Typing(TerminalApp[None]):
    """A filter, two fields, a question, and a key that would do harm."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", ""),
        Binding("n", "ask", ""),
        Binding("x", "harm", ""),
    ]

    AUTO_FOCUS = None

    def __init__(self) -> None:
        super().__init__(Look(), driver_class=None)
        self.harmed = 0
        self.answers: list[str | None] = []

    def compose(self) -> ComposeResult:
        """A list's place is taken by the fields."""
        yield FilterLine()
        yield Input(id="name")
        yield Input(id="address")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """As a list: after the filter one goes on with its rows."""
        self.screen.set_focus(None)

    def action_filter(self) -> None:
        """Open the filter."""
        self.query_one(FilterLine).begin()

    def action_ask(self) -> None:
        """Ask."""
        self.push_screen(Asking(), self.answers.append)

    def action_harm(self) -> None:
        """Do harm."""
        self.harmed += 1


def type_at_once(app: Typing, *keys: str) -> None:
    """Keys as the terminal's thread hands them over: all of them are there already."""
    letters = {"enter": "\r", "tab": "\t", "backspace": "\x7f"}
    for key in keys:
        letter = key if len(key) == 1 else letters.get(key)
        app.post_message(events.Key(_character_to_key(key) if len(key) == 1 else key, letter))


async def test_no_key_goes_astray() -> None:
    app = Typing()
    async with app.run_test() as pilot:
        type_at_once(app, "/", *"xerxes nix", "enter", "x", "x")
        await until(lambda: app.harmed == 2)
        assert app.query_one(FilterLine).input.value == "xerxes nix"

        type_at_once(app, "n", *"next", "enter", "n", *"xx", "enter", "x")
        await until(lambda: app.harmed == 3)
        assert app.answers == ["next", "xx"]

        name, address = app.query_one("#name", Input), app.query_one("#address", Input)
        name.value = "work"
        name.focus()
        await pilot.pause()
        type_at_once(app, *["backspace"] * 4, *"nix", "tab", *"http://127.0.0.1:9")
        app.post_message(events.Paste("/x"))
        type_at_once(app, "backspace")
        await until(lambda: address.value.endswith("9/"))
        assert (name.value, address.value) == ("nix", "http://127.0.0.1:9/")
        assert app.harmed == 3


async def test_a_widget_that_keeps_everything_holds_nothing_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keyqueue, "LONGEST", 0.05)
    app = Typing()
    async with app.run_test():
        await app.mount(Deaf())
        app.screen.set_focus(app.query_one(Deaf))
        type_at_once(app, "x", "x", "x")
        await until(lambda: app.harmed == 3)


async def until(good: Callable[[], bool]) -> None:
    """Wait until that is so."""
    async with asyncio.timeout(20):
        while not good():
            await asyncio.sleep(0.005)
