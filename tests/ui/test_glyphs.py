"""Terminals without colours or signs, and themes that can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import RunningEmulator
from hypothesis import given
from hypothesis import strategies as st
from ptyrun import PtyProgram
from rich.cells import cell_len
from scripted import ScriptedApp, settle
from textual.color import Color

from did_tui.ui.glyphs import as_ascii, colourless, wants_ascii
from did_tui.ui.theme import THEMES


@pytest.mark.parametrize(
    ("sent", "left"),
    [
        ("\x1b[31mred\x1b[0m", "red\x1b[0m"),
        ("\x1b[1;38;2;10;20;30;48;5;7mx\x1b[m", "\x1b[1mx\x1b[m"),
        ("\x1b[38:2::1:2:3;4mx", "\x1b[4mx"),
        ("\x1b[0;39;49mx\x1b[7;97;107m", "\x1b[0mx\x1b[7m"),
        ("\x1b[58;2;1;2;3;9m", "\x1b[9m"),
        ("\x1b[2J\x1b[31;1H", "\x1b[2J\x1b[31;1H"),
        ("\x1b[38m\x1b[38;5m", ""),
    ],
)
def test_no_colour_is_sent_and_everything_else_is(sent: str, left: str) -> None:
    assert colourless(sent) == left


@given(st.lists(st.integers(0, 120) | st.just(""), max_size=8))
def test_what_is_left_of_any_sequence_has_no_colour(codes: list[int | str]) -> None:
    found = re.fullmatch(r"(?:\x1b\[([0-9;]*)m)?", colourless(f"\x1b[{';'.join(map(str, codes))}m"))
    assert found
    left = [int(code or 0) for code in (found[1] or "").split(";")]
    assert not any(30 <= c <= 49 or c == 58 or 90 <= c <= 107 for c in left)


@given(st.text(max_size=60))
def test_ascii_is_as_wide_as_what_it_stands_for(text: str) -> None:
    plain = as_ascii(text)
    assert plain.isascii()
    assert sum(map(cell_len, plain)) == sum(map(cell_len, text))


def test_signs_have_twins() -> None:
    assert as_ascii("● ready ◐ ○ ✗ ▌╭─╮│“é”…") == '* ready ~ o x |+-+|"e".'
    assert as_ascii("日本") == "????"


@pytest.mark.parametrize(
    ("env", "ascii"),
    [
        ({"TERM": "linux"}, True),
        ({"TERM": "vt220"}, True),
        ({"TERM": "xterm", "LANG": "de_DE.ISO-8859-1"}, True),
        ({"TERM": "xterm", "LANG": "de_DE.UTF-8"}, False),
        ({"TERM": "xterm", "LANG": "C.utf8@euro"}, False),
        ({"TERM": "xterm", "LC_ALL": "C.UTF-8", "LANG": "de_DE.ISO-8859-1"}, False),
        ({"TERM": "xterm", "LANG": "C"}, False),
        ({}, False),
    ],
)
def test_who_gets_ascii_by_itself(env: dict[str, str], ascii: bool) -> None:  # noqa: A002
    assert wants_ascii(env) is ascii


#: Texts and what they stand on.
PAIRS = [
    (text, back)
    for text in ("foreground", "primary", "secondary", "warning", "error", "success", "muted")
    for back in ("background", "surface", "panel")
]


@pytest.mark.parametrize("name", [name for name in THEMES if name != "terminal"])
def test_every_text_can_be_read(name: str) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1; where contrast is asked for 1.4.6: 7 to 1."""
    theme = THEMES[name]
    colours = theme.to_color_system().generate() | dict(theme.variables)
    least = 7.0 if name == "contrast" else 4.5
    weak = {}
    for text, back in PAIRS:
        contrast = _contrast(Color.parse(colours[text]), Color.parse(colours[back]))
        if contrast < least:
            weak[text, back] = round(contrast, 2)
    assert not weak


def _contrast(one: Color, other: Color) -> float:
    def luminance(colour: Color) -> float:
        parts = [value / 255 for value in colour.rgb]
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_a_terminal_without_colours_and_signs_is_sent_none(
    emulator: RunningEmulator, tmp_path: Path
) -> None:
    """Not one colour and not one sign beyond ASCII, lists, dialogs, face and diagnostics alike."""
    env = emulator.env | {"DID_TUI_HOME": str(tmp_path), "DID_TUI_MOTION": "none"}
    arguments = ["--glyphs", "ascii", "--audio", "none"]
    with PtyProgram(arguments, env=env, colours=False) as program:
        program.until(lambda terminal: "ready" in terminal.text)
        program.type("?")
        program.until(lambda terminal: "another one like it" in terminal.text)
        program.type("\x1b")
        program.until(lambda terminal: "Noor" in terminal.text)
        program.type(":")
        program.until(lambda terminal: "Search for commands" in terminal.text)
        program.type("\x1b")
        program.until(lambda terminal: "Noor" in terminal.text)
        program.type("c")
        program.until(lambda terminal: "fps" in terminal.text, 40)
        program.type("\x1b")
        program.until(lambda terminal: "esc end" in terminal.text)
        program.type("L")
        program.until(lambda terminal: "steps agent" in terminal.text)
        program.process.terminate()
        program.wait()
    sent = program.written.decode()
    assert sent.isascii()
    found = re.findall("\x1b\\[([0-9;:]*)m", sent)
    codes = {int(code or 0) for one in found for code in one.split(";")}
    assert codes <= set(range(10)) | set(range(20, 30)), "bold, reverse and their like alone"


async def test_every_theme_can_be_worn_everywhere() -> None:
    app = ScriptedApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        worn = []
        for _ in THEMES:
            await pilot.press("T", "X")
            await settle(pilot)
            worn.append(app.theme)
            await pilot.press("escape")
            await settle(pilot)
        assert worn == ["did-light", "did-contrast", "did-terminal", "did-dark"]
        app.wear(theme="terminal")
        for key in ("comma", "K", "escape", "5", "6", "1", "c"):
            await pilot.press(key)
            await settle(pilot)
        assert app.theme == "did-terminal"
