"""The user's own editor in the place of the screen: a text in a private file."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import SuspendNotSupported

from did_tui.editor import NoEditor, command

if TYPE_CHECKING:
    from textual.app import App


async def edited(app: App[Any], text: str, name: str) -> str:
    """What the user's editor makes of a text; raises ``NoEditor``.

    The app goes on unseen meanwhile, and so does a conversation.
    """
    program = command(os.environ)
    try:
        with tempfile.TemporaryDirectory(prefix="did-tui-") as directory:
            file = Path(directory) / name
            file.touch(0o600)
            file.write_text(text, encoding="utf-8", errors="replace")
            # A batch, so that nothing is painted over the editor.
            with app.suspend(), app.batch_update():
                editor = await asyncio.create_subprocess_exec(*program, str(file))
                code = await editor.wait()
            if code:
                raise NoEditor(f"The editor ended with {code}: nothing was changed.")
            return file.read_text(encoding="utf-8", errors="replace")
    except SuspendNotSupported:
        raise NoEditor("This terminal cannot be given to an editor.") from None
    except (OSError, ValueError) as error:
        raise NoEditor(
            f"The editor cannot be run: {error}. $VISUAL or $EDITOR names another one."
        ) from error
