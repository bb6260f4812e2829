"""Copying, also over SSH and in tmux: which ways there are, and which one it went.

``ways`` and the sequences are pure; ``copied`` starts programs and writes files.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from did_tui.config import state_directory
from did_tui.files import write_private
from did_tui.live.media.plan import over_ssh

SECONDS = 2.0  # that a program may take
LONGEST_OSC = 74_994  # letters of base64 that xterm takes in one sequence, and others not more
SCREEN_PART = 200  # characters of one string that GNU screen hands through
NAME = "clip.txt"
#: Terminals that have no way to take a copy (TERM, and TERM_PROGRAM).
DEAF = ("linux", "dumb", "", "Apple_Terminal")

Sort = Literal["program", "tmux", "terminal", "file"]


@dataclass(frozen=True, slots=True)
class Way:
    """A way that a copy can go; ``command`` is a program that reads it."""

    sort: Sort
    words: str
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Copied:
    """What became of a copy: ``way`` in words, or where it was saved instead, and why."""

    way: str = ""
    path: Path | None = None
    why: str = ""

    def told(self, what: str) -> str:
        """A sentence about it."""
        if self.path is not None:
            return f"{what[:1].upper()}{what[1:]} is in {self.path}: {self.why}."
        if self.way:
            return f"Copied {what}: {self.way}."
        return f"Not copied: {self.why}."


def ways(
    setting: str,
    env: Mapping[str, str] = os.environ,
    platform: str = sys.platform,
    found: Callable[[str], object] = shutil.which,
) -> tuple[Way, ...]:
    """The ways to try, the best one first.

    A program of the desktop only where the desktop is the user's own: over SSH it would copy on
    the other machine. ``setting`` is that of the name ``copy``.
    """
    programs = tuple(
        Way("program", command[0], command)
        for command in _programs(env, platform)
        if found(command[0])
    )
    inside: tuple[Way, ...] = ()
    if env.get("TMUX"):
        inside = (Way("tmux", "tmux, and from there the terminal", ("tmux",)),)
    deaf = env.get("TERM", "") in DEAF or env.get("TERM_PROGRAM") in DEAF
    terminal = (Way("terminal", "the terminal, by OSC 52"),)
    file = (Way("file", "a file"),)
    if setting == "file":
        return file
    if setting == "osc52":
        return (*terminal, *file)
    if setting == "native":
        return (*programs, *file)
    return (
        *(programs if not over_ssh(env) else ()),
        *inside,
        *(terminal if not deaf and not inside else ()),
        *file,
    )


def _programs(env: Mapping[str, str], platform: str) -> tuple[tuple[str, ...], ...]:
    if platform == "darwin":
        return (("pbcopy",),)
    if platform == "win32" or env.get("WSL_DISTRO_NAME"):
        return (("clip.exe",),)
    found: tuple[tuple[str, ...], ...] = ()
    if env.get("WAYLAND_DISPLAY"):
        found += (("wl-copy",),)
    if env.get("DISPLAY"):
        found += (("xclip", "-selection", "clipboard"), ("xsel", "--clipboard", "--input"))
    return found


def sequence(text: str, env: Mapping[str, str] = os.environ) -> str:
    """OSC 52 for the terminal, wrapped where tmux or GNU screen stand between; "" if too long."""
    letters = base64.b64encode(text.encode("utf-8", "replace")).decode()
    if len(letters) > LONGEST_OSC:
        return ""
    plain = f"\x1b]52;c;{letters}\x07"
    if env.get("TMUX"):
        return "\x1bPtmux;" + plain.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if env.get("STY"):
        parts = (plain[at : at + SCREEN_PART] for at in range(0, len(plain), SCREEN_PART))
        return "".join(f"\x1bP{part}\x1b\\" for part in parts)
    return plain


def copied(
    text: str,
    setting: str,
    write: Callable[[str], None],
    *,
    secret: bool = False,
    env: Mapping[str, str] = os.environ,
    directory: Path | None = None,
) -> Copied:
    """Copy by the first way that works; blocks for up to some seconds. Raises nothing.

    ``write`` sends the terminal something. That it has taken a copy no terminal tells. A
    ``secret`` is written into no file.
    """
    why = "this terminal takes no copies" if setting != "file" else "copy = file says so"
    for way in ways(setting, env):
        if way.sort == "program":
            trouble = _given(way.command, text, env)
            if not trouble:
                return Copied(way.words)
            why = trouble
        elif way.sort == "tmux":
            # -w hands it on to the terminal (tmux 3.2, where set-clipboard allows it).
            if not _given(("tmux", "load-buffer", "-w", "-"), text, env):
                return Copied(way.words)
            trouble = _given(("tmux", "load-buffer", "-"), text, env)
            sent = sequence(text, env)
            if sent:
                write(sent)
            if not trouble:
                return Copied("tmux's buffer, and the terminal where tmux hands it through")
            why = trouble
        elif way.sort == "terminal":
            sent = sequence(text, env)
            if sent:
                write(sent)
                return Copied(way.words)
            why = "it is longer than terminals take"
    if secret:
        return Copied(why=f"{why}, and a secret is kept in no file")
    path = (directory or state_directory(env)) / NAME
    try:
        write_private(path, text)
    except OSError as error:
        return Copied(why=f"{why}, and {path} cannot be written ({error.strerror})")
    return Copied(path=path, why=why)


def _given(command: tuple[str, ...], text: str, env: Mapping[str, str]) -> str:
    """Have a program read a text; what went wrong, empty where nothing did."""
    try:
        # Some stay and hold what they were given: they must hold nothing else of ours.
        done = subprocess.run(  # noqa: S603 (the commands are those above)
            command,
            input=text.encode("utf-8", "replace"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(env),
            timeout=SECONDS,
            check=False,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        return f"{command[0]} takes too long"
    except OSError as error:
        return f"{command[0]} does not start ({error.strerror})"
    return f"{command[0]} has failed ({done.returncode})" if done.returncode else ""
