"""The user's own editor: a text in a private file, and what becomes of it."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import SuspendNotSupported

from did_tui.ui.text import one_line

if TYPE_CHECKING:
    from textual.app import App

COMMENT = "//"


class NoEditor(Exception):
    """The editor cannot be used; the text says why."""


async def edited(app: App[Any], text: str, name: str) -> str:
    """What the user's editor makes of a text; raises ``NoEditor``.

    The app goes on unseen meanwhile, and so does a conversation.
    """
    try:
        command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
        with tempfile.TemporaryDirectory(prefix="did-tui-") as directory:
            file = Path(directory) / name
            file.touch(0o600)
            file.write_text(text, encoding="utf-8", errors="replace")
            # A batch, so that nothing is painted over the editor.
            with app.suspend(), app.batch_update():
                editor = await asyncio.create_subprocess_exec(*command, str(file))
                code = await editor.wait()
            if code:
                raise NoEditor(f"The editor ended with {code}: nothing was changed.")
            return file.read_text(encoding="utf-8", errors="replace")
    except SuspendNotSupported:
        raise NoEditor("This terminal cannot be given to an editor.") from None
    except (OSError, ValueError, IndexError) as error:
        raise NoEditor(
            f"The editor cannot be run: {error}. $VISUAL or $EDITOR names another one."
        ) from error


def with_comments(text: str, lines: Sequence[str]) -> str:
    """A text under comments."""
    return "".join(f"{COMMENT} {one_line(line)}\n" for line in lines) + text


def without_comments(text: str) -> str:
    """The text alone."""
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(COMMENT))


def object_of(text: str) -> Mapping[str, Any] | str:
    """The JSON object of a text, or what is wrong with it."""
    try:
        value = json.loads(text)
    except RecursionError:
        return "This is nested too deeply."
    except ValueError as error:
        return f"This is no JSON: {error}."
    return value if isinstance(value, dict) else "This is no object: it begins with {."
