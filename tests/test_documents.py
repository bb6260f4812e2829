"""What is written about the program agrees with the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from did_tui.__main__ import main
from did_tui.ui.keys import KEYS, as_markdown

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
HANDBOOK = ROOT / "did_tui" / "emulator" / "seed" / "handbook.md"


def test_the_keys_in_the_readme_are_the_keys(request: pytest.FixtureRequest) -> None:
    text = README.read_text(encoding="utf-8")
    assert "<!-- /keys -->" in text
    new = re.sub(
        r"<!-- keys -->.*<!-- /keys -->",
        f"<!-- keys -->\n{as_markdown()}\n<!-- /keys -->",
        text,
        flags=re.DOTALL,
    )
    if request.config.getoption("--update-golden"):
        README.write_text(new, encoding="utf-8")
    assert text == new or request.config.getoption("--update-golden")


@pytest.mark.parametrize(
    ("spoken", "id", "key"),
    [
        ("Press control and C while I am talking", "interrupt", "ctrl+c"),
        ("Press escape", "leave-chat", "escape"),
        ("Control and Q leaves the program", "quit", "ctrl+q"),
        ("Press F8", "mute", "f8"),
        ("Press F7", "captions", "f7"),
    ],
)
def test_what_the_guide_says_about_keys_is_true(spoken: str, id: str, key: str) -> None:  # noqa: A002
    assert spoken in HANDBOOK.read_text(encoding="utf-8")
    assert key in next(entry for entry in KEYS if entry.id == id).keys.split(",")


def test_every_key_has_a_place_and_a_meaning_of_its_own() -> None:
    assert len({key.id for key in KEYS}) == len(KEYS)
    for place in {key.place for key in KEYS}:
        keys = [
            name
            for key in KEYS
            if key.place in (place, "everywhere")
            for name in key.keys.split(",")
        ]
        assert len(keys) == len(set(keys)), place


#: Keys that terminals, tmux and shells need for themselves, or cannot send.
NEVER = {"ctrl+a", "ctrl+b", "ctrl+s", "ctrl+z", "ctrl+h", "ctrl+i", "ctrl+m", "f11", "f12"}


def test_no_key_is_one_that_terminals_need() -> None:
    assert not NEVER & {name for key in KEYS for name in key.keys.split(",")}


def test_the_readmes_pictures_exist() -> None:
    for name in re.findall(r"screenshots/[\w.-]+", README.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("command", ["chat", "demo", "play", "emulator", "kiosk", "serve"])
def test_the_readmes_options_exist(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    text = capsys.readouterr().out
    line = next(
        line
        for line in README.read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| `did-tui {command}")
    )
    for option in re.findall(r"--[\w-]+", line.split("|")[1]):
        assert option in text
