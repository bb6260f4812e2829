"""A JSON object in the person's own editor: what was typed is never lost."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from did_tui.api.errors import DidError
from did_tui.editor import NoEditor, command, head, object_of, with_comments, without_comments
from did_tui.verbs.desk import Refused


class Draft:
    """A file of mode 0600 in a directory of its own, opened as often as it takes."""

    def __init__(self, title: str, text: str) -> None:
        directory = Path(tempfile.mkdtemp(prefix="did-tui-"))
        self.path = directory / "agent.json"
        self._title = title
        self._text = self._first = text
        self._complaints: list[str] = []

    def edit(self) -> dict[str, Any] | None:
        """Open the editor until there is an object; None where the text was left as it is.

        Raises ``Refused`` where the editor cannot be used, or leaves what is wrong as it is.
        """
        while True:
            before = self._text
            shown = with_comments(self._text, head(self._title, self._complaints))
            self.path.write_text(shown, encoding="utf-8")
            self.path.chmod(0o600)
            self._open()
            self._text = without_comments(self.path.read_text(encoding="utf-8"))
            if self._text.strip() in ("", self._first.strip()):
                return None
            if self._complaints and self._text == before:
                raise Refused(f"Nothing was saved: {self._complaints[0]} It is in {self.path}.")
            found = object_of(self._text)
            if not isinstance(found, str):
                return dict(found)
            self.complain([found])

    def complain(self, said: Sequence[str]) -> None:
        """What stands as a comment over the text when it is opened next."""
        self._complaints = list(said)

    def discard(self) -> None:
        """Take the file away."""
        self.path.unlink(missing_ok=True)
        self.path.parent.rmdir()

    @contextmanager
    def kept_on_failure(self, say: Callable[[str], None]) -> Iterator[None]:
        """Say where the text is when it cannot be saved."""
        try:
            yield
        except DidError:
            say(f"Your text is kept in {self.path}.")
            raise

    def _open(self) -> None:
        try:
            program = command(os.environ)
            done = subprocess.run([*program, str(self.path)], check=False)  # noqa: S603 (the user's)
        except NoEditor as error:
            raise Refused(str(error)) from error
        except OSError as error:
            raise Refused(f"The editor {program[0]} cannot be started: set EDITOR.") from error
        if done.returncode:
            raise Refused(f"The editor ended with {done.returncode}: nothing was saved.")
