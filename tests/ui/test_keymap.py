"""Keys that the user wants otherwise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from scripted import ScriptedApp, settle
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from did_tui import configfile
from did_tui.config import Settings, Value
from did_tui.ui.keymap import CONTEXTS, NEVER, key_named, read
from did_tui.ui.keys import DIGITS, KEYS
from did_tui.ui.screens.browser import Browser
from did_tui.ui.screens.rebinding import PressKey, Rebinding
from did_tui.ui.screens.settings import SettingsScreen


def wanted(**keys: str) -> dict[str, Value]:
    return {name.replace("_", "-"): Value(text, "file") for name, text in keys.items()}


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("esc", "escape"), ("?", "question_mark"), ("/", "slash"), (",", "comma"), ("D", "D"),
        ("d", "d"), ("f5", "f5"), ("F5", "f5"), ("ctrl+w", "ctrl+w"), ("Ctrl+W", "ctrl+w"),
        ("pgup", "pageup"), ("ctrl+space", "ctrl+@"), ("shift+enter", "shift+enter"),
        ("ctrl+pgdn", "ctrl+pagedown"), ("é", "é"), ("!", "exclamation_mark"), (" tab ", "tab"),
        ("hello", None), ("", None), ("ctrl+", None), ("f99", None), ("\x1b", None),
    ],
)  # fmt: skip
def test_how_keys_are_written(written: str, key: str | None) -> None:
    assert key_named(written) == key


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"delete_row": "e"}, "clashes with edit-row (Change it in a form"),
        ({"delete_row": "ctrl+q"}, "clashes with quit"),
        ({"delete_row": "p"}, "clashes with profiles"),
        ({"delete_row": "j"}, "clashes with the cursor of lists"),
        ({"delete_row": "ctrl+p"}, "clashes with the palette"),
        ({"delete_row": "ctrl+z"}, "it suspends the program"),
        ({"delete_row": "hello"}, "which is no key"),
        ({"delete_row": ""}, "has no key"),
        ({"delet_row": "D"}, "is no action; delete-row is one"),
        ({"interrupt": "c"}, "could not be typed"),
        ({"interrupt": "space"}, "could not be typed"),
        ({"starter": "5"}, "is always the digits"),
        ({"mute": "f7"}, "clashes with captions"),
    ],
)
def test_what_cannot_be_is_said_and_left_as_it_was(keys: dict[str, str], said: str) -> None:
    found = read(wanted(**keys))
    assert found.keys == {}
    assert len(found.complaints) == 1
    assert said in found.complaints[0]


def test_keys_change_places_and_have_several() -> None:
    found = read(wanted(edit_row="X", delete_row="e D", mute="f7", captions="f8"))
    assert found.complaints == ()
    assert found.keys == {"edit-row": "X", "delete-row": "e,D", "mute": "f7", "captions": "f8"}


def test_two_wishes_that_clash_with_each_other_are_not_both_granted() -> None:
    found = read(wanted(sort="z", reverse="z"))
    assert len(found.keys) == 1
    assert len(found.complaints) == 1


def test_every_place_is_in_a_context_and_the_defaults_clash_nowhere() -> None:
    assert {key.place for key in KEYS} == {place for context in CONTEXTS for place in context}
    mine = {key.id: Value(" ".join(key.keys.split(","))) for key in KEYS if key.keys != DIGITS}
    written = {name: Value(v.text.replace("comma", ",")) for name, v in mine.items()}
    assert read(written).complaints == ()
    assert not set(NEVER) & {name for key in KEYS for name in key.keys.split(",")}


def test_a_complaint_names_file_and_line(tmp_path: Path) -> None:
    text = '[keys]\n# mine\nsort = "z"\ndelete-row = "e"\n'
    file = configfile.parse(text, tmp_path / "config.toml")
    settings = Settings.load({}, {}, file)
    found = read(settings.keys)
    assert found.keys == {"sort": "z"}
    assert "config.toml, line 4: keys.delete-row clashes" in found.complaints[0]


async def test_footer_help_and_the_key_itself_follow(tmp_path: Path) -> None:
    app = ScriptedApp(config=tmp_path)

    def load(_profile: str) -> Settings:
        return Settings.load({}, {}, configfile.read(tmp_path))

    app.load = load
    (tmp_path / "config.toml").write_text('[keys]\nfilter = "ctrl+f"\nsort = "e"\n')
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        app.read_settings()
        app.tell_clashes()
        await settle(pilot)
        assert "clashes with edit-row" in next(iter(app._notifications)).message
        shown = {key.key_display: key.description for key in app.screen.query(FooterKey)}
        assert shown.get("^f") == "filter", shown
        await pilot.press("slash")
        assert app.focused is None or app.focused.id == "list"
        await pilot.press("ctrl+f")
        await settle(pilot)
        assert type(app.focused).__name__ == "Input"
        await pilot.press("escape", "question_mark")
        await settle(pilot)
        assert re.search(r"ctrl\+f\s+Show only rows", _text(app))
        await pilot.press("escape", "comma")
        await settle(pilot)
        assert isinstance(app.screen, SettingsScreen)
        # Pressed to rebind: a key that is free, and one that is not.
        await pilot.press("K")
        await settle(pilot)
        assert isinstance(app.screen, Rebinding)
        rows = [key.id for key in app.screen.query_one("Table").rows]  # type: ignore[attr-defined]
        app.screen.query_one("Table").cursor = rows.index("reverse")  # type: ignore[attr-defined]
        for key, kept in (("Z", 'reverse = "Z"'), ("e", 'reverse = "Z"'), ("ctrl+z", "")):
            await pilot.press("enter")
            await settle(pilot)
            assert isinstance(app.screen, PressKey)
            await pilot.press(key)
            await settle(pilot)
            assert isinstance(app.screen, Rebinding)
            assert kept in (tmp_path / "config.toml").read_text()
        await pilot.press("X")
        await settle(pilot)
        assert "reverse" not in (tmp_path / "config.toml").read_text()
        await pilot.press("escape", "minus")
        await settle(pilot)
        assert isinstance(app.screen, Browser)
        assert app.screen.query_one(Footer)


def _text(app: ScriptedApp) -> str:
    return re.sub(r"<[^>]*>", " ", app.export_screenshot()).replace("&#160;", " ")


def test_the_readmes_example_clashes_with_nothing(tmp_path: Path) -> None:
    readme = Path(__file__).parent.parent.parent / "README.md"
    found = re.search(r"```toml\n(\[keys\].*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    keys = read(configfile.parse(found[1], tmp_path / "config.toml").keys)
    assert keys.keys == {"delete-row": "D", "mute": "f10,ctrl+e"}
    assert keys.complaints == ()
