"""What the verbs work with: the client, what was asked, and the person who may be there."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from did_tui.api.client import Client
from did_tui.api.errors import DidError, NotFound
from did_tui.api.http import is_loopback
from did_tui.api.models import Agent
from did_tui.text import one_line, plain


class Refused(Exception):
    """The command line or an input file cannot be used; the text says why."""


class Undone(Exception):
    """What was asked for did not come about, although D-ID answered; the text says why."""


@dataclass(frozen=True, slots=True)
class Desk:
    """One command: its client and its options."""

    client: Client
    options: argparse.Namespace

    @property
    def is_local(self) -> bool:
        """Whether the service is on this machine, as the emulator is."""
        return is_loopback(self.client.api_url)

    def say(self, text: str) -> None:
        """Tell the person, on standard error."""
        print(plain(text), file=sys.stderr, flush=True)

    def confirm(self, what: str) -> None:
        """Ask before something is deleted; raises ``Refused`` where the answer is no."""
        if self.options.yes:
            return
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise Refused(f"Nothing was deleted: say --yes to delete {what}.")
        print(f"Delete {one_line(what)}? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise Refused("Nothing was deleted.")

    async def agent(self, name: str | None = None) -> Agent:
        """The agent that is meant: by its id, or by a name that only one has."""
        wanted = self.options.agent if name is None else name
        if wanted.startswith("agt_"):
            return await self.client.agent(wanted)
        found = [agent async for agent in self.client.agents() if wanted in (agent.id, agent.name)]
        if len(found) > 1:
            ids = ", ".join(agent.id for agent in found)
            raise Refused(f"Several agents are called {wanted}: say which, {ids}.")
        if not found:
            raise NoSuchName(f"There is no agent called {wanted}.")
        return found[0]

    async def agent_id(self) -> str:
        """The id of the agent that is meant."""
        wanted: str = self.options.agent
        return wanted if wanted.startswith("agt_") else (await self.agent()).id

    async def knowledge_id(self) -> str:
        """The id of the knowledge base that is meant, by its id or its name."""
        wanted: str = self.options.knowledge
        if wanted.startswith("knl_"):
            return wanted
        names = await self.client.knowledge_names()
        found = [key for key, name in names.items() if wanted in (key, name)]
        if len(found) > 1:
            raise Refused(f"Several are called {wanted}: say which, {', '.join(found)}.")
        if not found:
            raise NoSuchName(f"There is no knowledge base called {wanted}.")
        return found[0]


class NoSuchName(DidError):
    """Nothing is called that."""


NOT_FOUND = (NotFound, NoSuchName)


def read_object(file: str) -> dict[str, Any]:
    """The JSON object of a file, or of standard input for ``-``; raises ``Refused``."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise Refused(f"{file} cannot be read: {_reason(error)}.") from error
    return parse_object(text, file)


def parse_object(text: str, file: str) -> dict[str, Any]:
    """The JSON object in a text; raises ``Refused`` with the line where it is none."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise Refused(f"{file} is nested too deeply.") from None
    except json.JSONDecodeError as error:
        raise Refused(f"{file} is not JSON: {error.msg} in line {error.lineno}.") from error
    if not isinstance(value, dict):
        raise Refused(f"{file} is no JSON object.")
    return value


def read_file(file: str) -> tuple[str, bytes]:
    """The name of a file and its bytes; raises ``Refused``."""
    try:
        return Path(file).name, Path(file).read_bytes()
    except OSError as error:
        raise Refused(f"{file} cannot be read: {_reason(error)}.") from error


def write_file(file: str, content: bytes) -> None:
    """Write a file; raises ``Refused``."""
    try:
        Path(file).write_bytes(content)
    except OSError as error:
        raise Refused(f"{file} cannot be written: {_reason(error)}.") from error


def check(problems: Mapping[str, str], file: str = "") -> None:
    """Raise ``Refused`` for what D-ID would not accept, a line a field."""
    if problems:
        head = f"{file}: " if file else ""
        lines = [f"{head}{field}: {said}" if field else said for field, said in problems.items()]
        raise Refused("\n".join(lines))


def _reason(error: Exception) -> str:
    return error.strerror or "" if isinstance(error, OSError) else "it is not UTF-8"
