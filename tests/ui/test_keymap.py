"""Keys that the user wants otherwise."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from scripted import ScriptedApp, ScriptedKiosk, connect, settle
from textual.pilot import Pilot
from textual.widgets import Footer
from textual.widgets._footer import FooterKey
from world import World

import did_tui
from did_tui import configfile
from did_tui.config import Settings, Value
from did_tui.live import events as e
from did_tui.live.conversation import Conversation
from did_tui.ui.keymap import CONTEXTS, NEVER, key_named, read
from did_tui.ui.keys import DIGITS, KEYS, key_of, sign_of, told
from did_tui.ui.resources import KINDS
from did_tui.ui.screens import words as said_of
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


def moved() -> dict[str, Value]:
    """Another key for every action that can have one, and none of them is an old one."""
    return {
        key.id: Value(f"alt+{sign_of(key.keys.split(',')[0])}", "file")
        for key in KEYS
        if key.keys != DIGITS
    }


#: Sentences with keys that nobody can change: of dialogs and lines, the palette, the mouse.
FIXED = frozenset(
    (
        "Press any key",
        "Press another key: ",
        "Press another key for it",
        " · enter done",
        " s unless you say something",
        "Still there? Press any key. (",
        " and press enter.",
        "Ask something, and press enter",
        "PIN, then enter. esc goes back.",
        "  enter: choose",
        "No voice is chosen: enter chooses one.",
        "\n\nenter or its number chooses · ",
        "There is no profile yet. n signs in with a key.",
        "It is shown this once. Put it into your web page; y copies it.",
        "It is shown this once. Agents have keys of their own, which are better: y copies.",
        "Go to or do anything (also ctrl+p)",
        "Hold shift to use your terminal's own selection with the mouse.",
    )
)
#: What a dialog says of its own keys: pieces with dots between them.
_OF_DIALOGS = re.compile(r"(?:\S+ [^·]+ · )*(?:enter|esc|tab|y|type|↑|←)\b.*")
_NAMED = re.compile(
    r"(?<![\w+{])(?:ctrl\+\w+|esc|enter|f\d{1,2})(?![\w}])"  # names of keys
    r"|(?:^|(?<=[ (.:;·]))[B-HJ-Zb-hj-z](?= [a-z]+s\b)"  # a letter that does something
    r"|\b[Pp]ress \w|\([,:/?]\)|\bi on an? "
)


def sentences() -> Iterator[tuple[str, str]]:
    """What the screens may say: every text of the source that is no name, and where it is."""
    for path in sorted((Path(did_tui.__file__).parent / "ui").rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        apart: set[int] = set()
        for node in nodes:
            named = {getattr(one, "id", "") for one in getattr(node, "targets", ())}
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                apart.add(id(node.value))
            elif named & {"BINDINGS", "SCROLLING", "DEFAULT_CSS"}:
                apart |= {id(one) for one in ast.walk(node)}
        for node in nodes:
            if not isinstance(node, ast.Constant) or id(node) in apart:
                continue
            if isinstance(node.value, str) and " " in node.value:
                yield f"{path.name}:{node.lineno}", node.value


def test_sentences_take_the_names_of_keys_from_the_keymap() -> None:
    told_of = list(sentences())
    found = [
        (where, said)
        for where, said in told_of
        if not where.startswith("keymap.py")
        and _NAMED.search(said)
        and said not in FIXED
        and not _OF_DIALOGS.fullmatch(said)
    ]
    assert found == []
    ids = {key.id for key in KEYS}
    asked = {name for _, said in told_of for name in re.findall(r"\{([a-z][a-z-]+)\}", said)}
    assert asked
    assert asked <= ids


@pytest.mark.parametrize(
    ("hindrance", "sentence"),
    [
        ("", "Press alt+f2 to connect again."),
        ("credits", "Press alt+f9 to go on in text, alt+f2 to connect again."),
        ("offer", "Press alt+ctrl+r to copy a report, alt+f2 to connect again."),
    ],
)
def test_what_ended_names_the_keys_that_help(hindrance: str, sentence: str) -> None:
    conversation = Conversation()
    conversation.phase, conversation.hindrance = "failed", hindrance  # type: ignore[assignment]
    assert said_of.ended(conversation, 0.0, read(moved()).keys)[1] == sentence
    assert said_of.volume(1.0, muted=True, keymap=read(moved()).keys) == "muted (alt+f8)"


def test_every_key_can_be_another_and_is_told_as_it_is_written() -> None:
    found = read(moved())
    assert found.complaints == ()
    assert set(found.keys) == set(moved())
    for name, value in moved().items():
        assert key_of(name, found.keys) == value.text
    for kind in KINDS:
        for sentence in (kind.empty, kind.warning):
            assert "{" not in told(sentence), kind.name
            assert told(sentence, found.keys).count("alt+") == sentence.count("{"), kind.name


async def says(pilot: Pilot[None], keys: str, *sentences: str) -> None:
    """Press keys until sentences are on the screen or in the notices."""
    app = pilot.app
    app.clear_notifications()
    await pilot.press(*keys.split())
    shown, end = "", time.monotonic() + 20
    while not all(sentence in shown for sentence in sentences):
        assert time.monotonic() < end, f"{keys}: {shown}"
        await pilot.pause(0.01)
        lines = [strip.text for strip in app.screen._compositor.render_strips()]
        shown = " ".join([*lines, *(notice.message for notice in app._notifications)])


async def test_the_lists_name_the_keys_that_are_bound(tmp_path: Path) -> None:
    world = World().empty()
    app = ScriptedApp(world, state=tmp_path)
    app.rebind(moved())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await says(pilot, "n", "alt+n makes one")
        world.fill()
        await says(pilot, "alt+6", "alt+e changes it", "alt+e replaces it, alt+X")
        world.status = 500
        await says(pilot, "alt+3", "Press alt+r to try again")
        world.status = 200
        await says(pilot, "alt+1 alt+r alt+slash z enter", "alt+esc clears the filter")
        await says(pilot, "alt+escape alt+T", "in the settings (alt+,) it stays")
        await says(pilot, "alt+comma", "alt+enter or alt+p switches")
        await says(pilot, "down alt+enter", "alt+E opens config.toml")
        await says(pilot, "alt+escape alt+X", "(alt+:) makes it again")
        app.settings = replace(app.settings, read_only=True)
        await says(pilot, "escape alt+e", "This profile is read-only")


async def test_a_conversation_names_the_keys_that_are_bound() -> None:
    app = ScriptedApp()
    app.rebind(moved())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await says(pilot, "", "Ada")
        await says(pilot, "alt+c", "Ask Ada")
        assert app.runner is not None
        connect(app.runner)
        await says(pilot, "alt+ctrl+c", "alt+ctrl+q leaves did-tui")
        await says(pilot, "alt+escape alt+w", "press alt+a to choose one")
        await says(pilot, "alt+f1", "the conversation (alt+esc)")
        await pilot.press("escape", "alt+i")
        app.runner.tell(e.SessionEnded("network"))
        await says(pilot, "h i enter alt+enter", "Press alt+f2 to connect again; what you wrote")
        assert app.runner.said == []


async def test_a_booth_names_the_keys_that_are_bound() -> None:
    app = ScriptedKiosk()
    app.rebind(moved())
    async with app.run_test(size=(80, 24)) as pilot:
        await says(pilot, "", "What is new?")
        await says(pilot, "1", "then press alt+enter")
        await pilot.press("W", "alt+enter")
        assert app.runners[0].said == ["What is new?", "W"]
        await says(pilot, "alt+ctrl+q", "Press alt+ctrl+q once more")
