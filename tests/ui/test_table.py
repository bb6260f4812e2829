"""What a table's columns show, and how often the line below it is made anew."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from scripted import ScriptedApp, settle

from did_tui.ui.screens.browser import Browser
from did_tui.ui.widgets.keyline import KeyLine
from did_tui.ui.widgets.table import cut


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("Ada", 3, "Ada"),
        ("Adam", 3, "Ad…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日 …"),
        ("A", 1, "A"),
        ("Ada", 1, "…"),
    ],
)
def test_a_text_that_is_too_long_says_so(text: str, width: int, shown: str) -> None:
    assert cut(text, width) == shown
    assert cell_len(cut(text, width)) <= width


async def test_the_keys_are_made_anew_only_where_they_are_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[KeyLine] = []
    recompose = KeyLine.recompose

    async def counted(line: KeyLine) -> None:
        made.append(line)
        await recompose(line)

    app = ScriptedApp()
    async with app.run_test() as pilot:
        await settle(pilot)
        assert isinstance(app.screen, Browser)
        monkeypatch.setattr(KeyLine, "recompose", counted)
        before = [str(key) for key in app.screen.query("FooterKey")]
        for _ in range(3):
            app.screen.refresh_bindings()
            await settle(pilot)
        assert not made
        await pilot.press("slash")  # a line to type in has other keys than a list
        await settle(pilot)
        assert made
        assert [str(key) for key in app.screen.query("FooterKey")] != before
