"""A JSON object in the person's own editor: what was typed is never lost."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from did_tui.api.errors import DidError
from did_tui.text import one_line
from did_tui.verbs.desk import Refused, parse_object

_COMMENT = "// "


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
            self.path.write_text(self._head() + self._text, encoding="utf-8")
            self.path.chmod(0o600)
            self._open()
            self._text = _without_comments(self.path.read_text(encoding="utf-8"))
            if self._text.strip() in ("", self._first.strip()):
                return None
            if self._complaints and self._text == before:
                raise Refused(f"Nothing was saved: {self._complaints[0]} It is in {self.path}.")
            try:
                return parse_object(self._text, "The text")
            except Refused as refused:
                self.complain([str(refused)])

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

    def _head(self) -> str:
        lines = [
            self._title,
            "Lines that begin with // are left out. An empty text changes nothing.",
        ]
        lines += [f"! {said}" for said in self._complaints]
        return "".join(f"{_COMMENT}{one_line(line)}\n" for line in lines)

    def _open(self) -> None:
        command = _editor(os.environ)
        try:
            done = subprocess.run([*command, str(self.path)], check=False)  # noqa: S603 (the user's)
        except OSError as error:
            raise Refused(f"The editor {command[0]} cannot be started: set EDITOR.") from error
        if done.returncode:
            raise Refused(f"The editor ended with {done.returncode}: nothing was saved.")


def _editor(env: Mapping[str, str]) -> list[str]:
    chosen = env.get("VISUAL") or env.get("EDITOR") or "vi"
    try:
        return shlex.split(chosen) or ["vi"]
    except ValueError as error:
        raise Refused(f"EDITOR is {chosen!r}, which is no command.") from error


def _without_comments(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(_COMMENT.strip()))
