"""What lists show that is on this computer: open streams, kept transcripts, the request log."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from did_tui.api.errors import NotFound, SessionLost, UnknownRoute
from did_tui.api.inventory import Export
from did_tui.api.models import Objects, Resource, Stream

if TYPE_CHECKING:
    from did_tui.api.client import Client
    from did_tui.ui.kinds import Place

STREAMS, TRANSCRIPTS, EXPORTS = "streams", "transcripts", "exports"  # in the state directory
MOST_EXPORTS = 50  # that are asked for
HERE = "this computer"
LARGEST_TRANSCRIPT = 16 * 2**20  # bytes


class OpenStream(Resource):
    """A stream that this computer has open, by its journal, or a session that D-ID lists."""

    id: str = ""
    session_id: str = Field(default="", repr=False)
    agent_id: str = ""
    opened_at: str = ""
    told_by: str = "D-ID"


async def sessions(client: Client, place: Place) -> Sequence[Resource]:
    """D-ID's list of an agent's sessions where it has one, else the journal's; rows say which."""
    if place.parents:
        try:
            found = await client.sessions(str(getattr(place.parents[-1], "id", "")))
        except UnknownRoute:
            return await asyncio.to_thread(_journal, client, place)
        agent_id = getattr(place.parents[-1], "id", "")
        return [OpenStream.parse({"agent_id": agent_id, **session.raw}) for session in found]
    return await asyncio.to_thread(_journal, client, place)


def _journal(client: Client, place: Place) -> list[Resource]:
    from did_tui.live.journal import Journal

    if place.state is None:
        return []
    agents = [getattr(parent, "id", "") for parent in place.parents]
    return [
        OpenStream.parse(
            {
                "id": entry.stream_id or "(being opened)",
                "session_id": entry.session_id,
                "agent_id": entry.agent_id,
                "opened_at": datetime.fromtimestamp(entry.opened, UTC).isoformat(),
                "told_by": HERE,
            }
        )
        for entry in (page.entry for page in Journal(place.state / STREAMS).pages())
        if entry.api_url == client.api_url and (not agents or entry.agent_id in agents)
    ]


async def end(client: Client, stream: OpenStream) -> None:
    """Close a stream; it is well if it is gone already."""
    try:
        await client.delete_stream(
            stream.agent_id, Stream(id=stream.id, session_id=stream.session_id)
        )
    except (NotFound, SessionLost):
        return


class KeptChat(Resource):
    """A transcript on this computer: ``live.export.Record`` as JSON."""

    file: str = ""
    agent_id: str = ""
    agent_name: str = ""
    chat_id: str = ""
    began: float = 0.0
    messages: Objects[dict[str, Any]] = Field(default_factory=list)

    @property
    def began_at(self) -> str:
        """When it began, ISO 8601."""
        try:
            return datetime.fromtimestamp(self.began, UTC).isoformat()
        except (ValueError, OverflowError, OSError):
            return ""

    @property
    def first_words(self) -> str:
        """What was asked first, else what was said first."""
        mine = [m for m in self.messages if m.get("role") == "user"] or self.messages
        return str(mine[0].get("text", "")) if mine else ""

    @property
    def text(self) -> str:
        """Who said what."""
        who = {"user": "You", "assistant": self.agent_name or "Agent"}
        return "\n\n".join(
            f"{who.get(str(m.get('role')), m.get('role'))}\n{m.get('text', '')}"
            for m in self.messages
        )


async def chats(_client: Client, place: Place) -> Sequence[Resource]:
    """The transcripts that are kept, the newest first."""
    return await asyncio.to_thread(_transcripts, place.state)


def _transcripts(state: Path | None) -> list[Resource]:
    if state is None:
        return []
    found: list[Resource] = []
    for path in sorted((state / TRANSCRIPTS).glob("*.json"), reverse=True):
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                content = json.loads(file.read(LARGEST_TRANSCRIPT))
        except (OSError, ValueError, RecursionError):
            content = {}  # it is listed all the same, so that it can be deleted
        known = content if isinstance(content, Mapping) else {}
        found.append(KeptChat.parse({"agent_name": path.stem, **known, "file": path.name}))
    return found


async def forget(place: Place, chat: KeptChat) -> None:
    """Delete a transcript; raises ``OSError``."""
    if place.state is not None and chat.file == Path(chat.file).name:
        await asyncio.to_thread((place.state / TRANSCRIPTS / chat.file).unlink, missing_ok=True)


async def exports(client: Client, place: Place) -> Sequence[Resource]:
    """The exports that were ordered from here, the last first: D-ID lists none."""
    notes = await asyncio.to_thread(_export_notes, place.state)
    agents = [getattr(parent, "id", "") for parent in place.parents]
    wanted = [note for note in notes if not agents or note.get("agent_id") in agents]
    return await asyncio.gather(*(_export(client, note) for note in wanted[:MOST_EXPORTS]))


async def _export(client: Client, note: Mapping[str, Any]) -> Resource:
    try:
        found = await client.export(str(note.get("export_id")))
    except NotFound:
        return OrderedExport.parse({**note, "status": "gone"})
    return OrderedExport.parse({**note, **found.raw})


def _export_notes(state: Path | None) -> list[Mapping[str, Any]]:
    notes = []
    paths = list((state / EXPORTS).glob("*.json")) if state is not None else []
    for path in sorted(paths, key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            note = json.loads(path.read_text(encoding="utf-8", errors="replace"))
        except (OSError, ValueError, RecursionError):
            continue  # a file that is no note of ours
        if isinstance(note, Mapping):
            notes.append(note)
    return notes


def export_file(state: Path, export_id: str, suffix: str) -> Path:
    """Where is kept what belongs to an export."""
    return state / EXPORTS / f"{re.sub(r'[^A-Za-z0-9_-]+', '-', export_id)[:80]}{suffix}"


class OrderedExport(Export):
    """An export, and the name of its agent."""

    agent_name: str = ""


class Asked(Resource):
    """A request of the log."""

    at: str = ""
    method: str = ""
    path: str = ""
    status: int = 0
    seconds: float = 0.0
    error: str = ""


async def requests(client: Client) -> Sequence[Resource]:
    """What was asked of D-ID lately, the last first."""
    return [
        Asked.parse(
            {
                "at": request.at.isoformat(),
                "method": request.method,
                "path": request.path,
                "status": request.status,
                "seconds": round(request.seconds, 3),
                "error": request.error,
            }
        )
        for request in reversed(list(client.log))
    ]
