"""What a shell completes, in the shell itself."""

from __future__ import annotations

import importlib
import shutil
import subprocess

import pytest

from did_tui.__main__ import main
from did_tui.verbs.table import KINDS


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("did-tui ag", {"agents"}),
        ("did-tui agents ", {"list", "show", "apply", "--help"}),
        ("did-tui agents apply f.json --dr", {"--dry-run"}),
        ("did-tui agents list --sort ", {"--ascending", "modified_at"}),
        ("did-tui completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_bash(line: str, wanted: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    words = line.split(" ")
    probe = (
        f"{script}\nCOMP_WORDS=({' '.join(word or chr(34) * 2 for word in words)})\n"
        f"COMP_CWORD={len(words) - 1}\n_did_tui\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
    )
    done = subprocess.run(["bash", "-c", probe], capture_output=True, text=True, timeout=30)
    assert done.stderr == ""
    assert wanted <= set(done.stdout.split())


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_have_every_kind(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for kind in KINDS:
        assert kind.name in script
    program = shutil.which(shell)
    if program:
        done = subprocess.run([program, "-n"], input=script, text=True, capture_output=True)
        assert done.stderr == ""


def test_every_verb_is_done_by_a_function_and_every_function_is_a_verb() -> None:
    wanted, found = set(), set()
    for kind in KINDS:
        module = importlib.import_module(f"did_tui.verbs.{kind.module}")
        wanted |= {f"{kind.name}_{verb.name}".replace("-", "_") for verb in kind.verbs}
        found |= {
            name
            for name, value in vars(module).items()
            if getattr(value, "__module__", "") == module.__name__
            and not name.startswith("_")
            and callable(value)
        }
    assert wanted == found


def test_what_deletes_asks() -> None:
    for kind in KINDS:
        for verb in kind.verbs:
            assert verb.deletes == verb.name.startswith("delete"), (kind.name, verb.name)
