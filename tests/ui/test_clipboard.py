"""Which way a copy goes, and that it says so."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from did_tui.ui.clipboard import LONGEST_OSC, copied, sequence, ways

SSH = {"SSH_CONNECTION": "1 2 3 4", "TERM": "xterm-256color"}


@pytest.mark.parametrize(
    ("setting", "env", "sorts"),
    [
        ("auto", {"TERM": "xterm", "DISPLAY": ":0"}, ["program", "program", "terminal", "file"]),
        ("auto", {"TERM": "xterm", "WAYLAND_DISPLAY": "w"}, ["program", "terminal", "file"]),
        ("auto", SSH | {"DISPLAY": ":10"}, ["terminal", "file"]),
        ("auto", SSH | {"TMUX": "/tmp/x,1,0"}, ["tmux", "file"]),
        ("auto", {"TERM": "linux"}, ["file"]),
        ("auto", {"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, ["file"]),
        ("osc52", {"TERM": "xterm", "DISPLAY": ":0"}, ["terminal", "file"]),
        ("native", SSH | {"DISPLAY": ":0"}, ["program", "program", "file"]),
        ("file", {"TERM": "xterm", "DISPLAY": ":0"}, ["file"]),
    ],
)
def test_the_ways_in_their_order(setting: str, env: dict[str, str], sorts: list[str]) -> None:
    found = ways(setting, env, "linux", found=lambda _name: True)
    assert [way.sort for way in found] == sorts


def test_no_program_that_is_not_there() -> None:
    found = ways("native", {"DISPLAY": ":0"}, "linux", found=lambda name: name == "xsel")
    assert [way.words for way in found] == ["xsel", "a file"]


@pytest.mark.parametrize("text", ["", "words", "é日本\x1b]52;c;!\x07", "x" * 50_000])
def test_the_sequence_holds_the_text_and_nothing_of_it(text: str) -> None:
    plain = sequence(text, {})
    assert plain.startswith("\x1b]52;c;")
    assert plain.endswith("\x07")
    assert base64.b64decode(plain[7:-1]).decode() == text
    inside = sequence(text, {"TMUX": "x"})
    assert inside == "\x1bPtmux;" + plain.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    parts = sequence(text, {"STY": "x"}).split("\x1b\\")
    assert all(len(part) < 256 for part in parts), "GNU screen drops longer strings"
    assert "".join(part.removeprefix("\x1bP") for part in parts) == plain


def test_what_terminals_do_not_take_is_saved_and_a_secret_is_not(tmp_path: Path) -> None:
    sent: list[str] = []
    text = "x" * LONGEST_OSC
    env = {"TERM": "xterm"}
    done = copied(text, "auto", sent.append, env=env, directory=tmp_path)
    assert done.path == tmp_path / "clip.txt"
    assert done.path.read_text() == text
    assert done.path.stat().st_mode & 0o777 == 0o600
    assert f"is in {done.path}: it is longer than terminals take" in done.told("the JSON")
    assert sent == []
    done = copied("ck_secret", "file", sent.append, secret=True, env=env, directory=tmp_path / "no")
    assert not (tmp_path / "no").exists()
    assert done.told("it").startswith("Not copied: ")
    (tmp_path / "taken").write_text("")
    done = copied("a", "file", sent.append, env=env, directory=tmp_path / "taken" / "dir")
    assert "cannot be written" in done.told("it")


@pytest.mark.parametrize(("body", "way"), [("cat >$OUT", "wl-copy"), ("exit 3", ""), ("", "")])
def test_a_program_is_given_the_text_or_another_way_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, way: str
) -> None:
    program = tmp_path / "wl-copy"
    if body:
        program.write_text(f"#!/bin/sh\n{body}\n")
    else:
        program.write_bytes(b"\x00\x01 no program")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    env = {"WAYLAND_DISPLAY": "w", "TERM": "xterm", "PATH": os.environ["PATH"]}
    out = tmp_path / "out"
    sent: list[str] = []
    done = copied("words", "auto", sent.append, env=env | {"OUT": str(out)}, directory=tmp_path)
    if way:
        assert done.told("it") == "Copied it: wl-copy."
        assert out.read_text() == "words"
    else:
        assert done.told("it") == "Copied it: the terminal, by OSC 52."
        assert sent == [sequence("words", {})]


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a program that runs in a tmux of the test's own."""
    if shutil.which("tmux") is None:
        pytest.skip("there is no tmux")
    socket = Path("/tmp") / f"did-tui-{uuid.uuid4().hex[:8]}"
    env = {name: value for name, value in os.environ.items() if name != "TMUX"}
    run = ("tmux", "-S", str(socket), "-f", "/dev/null")
    subprocess.run([*run, "new-session", "-d", "-x", "80", "-y", "24"], check=True, env=env)
    try:
        yield env | {"TMUX": f"{socket},0,0", "TERM": "tmux-256color"}
    finally:
        subprocess.run([*run, "kill-server"], check=False)
        socket.unlink(missing_ok=True)


def test_tmux_has_what_was_copied(tmux: dict[str, str], tmp_path: Path) -> None:
    text = "é two\nlines \x1b]52;c;!\x07"
    done = copied(text, "auto", lambda _sent: None, env=tmux, directory=tmp_path)
    assert done.told("it") == "Copied it: tmux, and from there the terminal."
    kept = subprocess.run(["tmux", "show-buffer"], capture_output=True, check=True, env=tmux)
    assert kept.stdout.decode() == text
