"""An agent as a file: which agent it is of, and what would change if it were as the file says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from did_tui.api.changes import changes, diff, editable, removed
from did_tui.api.client import Client
from did_tui.api.limits import agent_problems
from did_tui.api.models import Agent


class NotOneAgent(ValueError):
    """A file does not say which agent it is of; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What it takes to have an agent as a file says; ``before`` is None where it is not there yet.

    ``wanted`` is the whole of it, ``patch`` what is sent to change it. ``kept`` are fields that
    the file does not have and that stay: D-ID documents no way to remove one.
    """

    before: Agent | None
    wanted: Mapping[str, Any]
    patch: Mapping[str, Any]
    kept: tuple[str, ...]

    @property
    def problems(self) -> dict[str, str]:
        """What D-ID would refuse, by path."""
        return agent_problems(self.patch, creating=self.before is None)

    @property
    def diff(self) -> list[str]:
        """The lines of what changes."""
        have = editable(self.before.raw) if self.before else {}
        return diff(have, {**have, **self.patch})


async def plan(client: Client, file: Mapping[str, Any], agent_id: object = None) -> Plan:
    """How to have an agent as a file says.

    ``agent_id``, the file's own ``id`` or its name say which agent is meant. Raises
    ``NotOneAgent`` where none of them does, and ``DidError``.
    """
    wanted = editable(file)
    before = await _meant(client, agent_id or file.get("id"), wanted.get("preview_name"))
    have = editable(before.raw) if before else {}
    kept = tuple(removed(have, wanted))
    return Plan(before, wanted, changes(have, wanted), kept)


async def _meant(client: Client, agent_id: object, name: object) -> Agent | None:
    if isinstance(agent_id, str) and agent_id:
        return await client.agent(agent_id)
    if not isinstance(name, str) or not name:
        raise NotOneAgent("The file has no preview_name, and no id.")
    found = [agent async for agent in client.agents() if agent.preview_name == name]
    if len(found) > 1:
        ids = ", ".join(agent.id for agent in found)
        raise NotOneAgent(f"Several agents are called {name}: the file has no id, as one of {ids}.")
    return await client.agent(found[0].id) if found else None
