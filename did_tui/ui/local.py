"""What lists show that is on this computer: streams, transcripts, uploads, the request log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from did_tui.api.errors import DidError, NotFound, SessionLost, UnknownRoute
from did_tui.api.inventory import Session
from did_tui.api.models import Objects, Resource, Stream
from did_tui.files import write_private
from did_tui.ui.trash import file_name

if TYPE_CHECKING:
    from did_tui.api.client import Client
    from did_tui.ui.kinds import Place

#: Directories of the state directory.
STREAMS, TRANSCRIPTS, UPLOADS, ROOMS = "streams", "transcripts", "uploads", "rooms"
HERE = "this computer"
LARGEST_TRANSCRIPT = 16 * 2**20  # bytes


class NotPossible(DidError):
    """Neither this computer nor D-ID has a way to do it; the text says why."""


class OpenStream(Resource):
    """A stream that this computer has open, by its journal, or a session that D-ID lists."""

    id: str = ""
    session_id: str = Field(default="", repr=False)
    agent_id: str = ""
    opened_at: str = ""
    sort: str = "session"  # or "stream", or "room" for one that was made here
    told_by: str = "D-ID"


async def sessions(client: Client, place: Place) -> Sequence[Resource]:
    """D-ID's list of an agent's sessions where it has one, else the journal's; rows say which."""
    if place.parents:
        try:
            found = await client.sessions(str(getattr(place.parents[-1], "id", "")))
        except UnknownRoute:
            return await asyncio.to_thread(_journal, client, place)
        agent_id = getattr(place.parents[-1], "id", "")
        here = await asyncio.to_thread(_journal, client, place)
        opened = {one.id: one.opened_at for one in here}  # D-ID does not say when
        told = [
            OpenStream.parse(
                {"agent_id": agent_id, "opened_at": opened.get(session.id, ""), **session.raw}
            )
            for session in found
        ]
        ids = {session.id for session in told}
        return [*told, *(one for one in here if one.id not in ids)]
    return await asyncio.to_thread(_journal, client, place)


def _journal(client: Client, place: Place) -> list[OpenStream]:
    from did_tui.live.journal import Journal

    if place.state is None:
        return []
    agents = [getattr(parent, "id", "") for parent in place.parents]
    streams = [
        {
            "id": entry.stream_id or "(being opened)",
            "session_id": entry.session_id,
            "agent_id": entry.agent_id,
            "opened_at": datetime.fromtimestamp(entry.opened, UTC).isoformat(),
            "sort": "stream",
        }
        for entry in (page.entry for page in Journal(place.state / STREAMS).pages())
        if entry.api_url == client.api_url
    ]
    rooms = [note for note in notes(place.state, ROOMS) if note.get("api_url") == client.api_url]
    return [
        OpenStream.parse({**known, "told_by": HERE})
        for known in (*streams, *rooms)
        if not agents or known.get("agent_id") in agents
    ]


def note_room(state: Path, client: Client, agent_id: str, session: Session) -> None:
    """Remember a room that was made here, without what opens it; raises ``OSError``."""
    note = {
        "id": session.id,
        "agent_id": agent_id,
        "api_url": client.api_url,
        "opened_at": datetime.now(UTC).isoformat(),
        "sort": "room",
    }
    write_private(state / ROOMS / f"{file_name(session.id)}.json", json.dumps(note))


async def session(client: Client, _place: Place, stream: OpenStream) -> Resource:
    """All of a session of D-ID's; what this computer knows of a stream is all there is."""
    if stream.told_by == HERE:
        return stream
    found = await client.session(stream.agent_id, stream.id)
    return OpenStream.parse({**stream.raw, **found.raw})


async def end(client: Client, place: Place, stream: OpenStream) -> None:
    """Close a stream; it is well if it is gone already.

    D-ID has no call that ends a room (protocol 5.6): only the note of it goes.
    """
    if stream.sort != "stream":
        if stream.told_by != HERE:
            raise NotPossible("D-ID has no call that ends a session: it ends when nobody is in it.")
        if place.state is not None:
            note = place.state / ROOMS / f"{file_name(stream.id)}.json"
            await asyncio.to_thread(note.unlink, missing_ok=True)
        return
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
            return datetime.fromtimestamp(self.began, UTC).isoformat() if self.began else ""
        except (ValueError, OverflowError, OSError):
            return ""

    @property
    def said(self) -> list[tuple[str, str]]:
        """Who said what, in D-ID's words for who."""
        known = ("user", "assistant")
        return [
            (str(m["role"]), str(m["text"]))
            for m in self.messages
            if m.get("role") in known and m.get("text")
        ]

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


class UploadedFile(Resource):
    """A picture or recording that was uploaded from here: D-ID lists none."""

    id: str = ""
    url: str = ""
    name: str = ""
    sort: str = ""  # "image" or "audio"
    uploaded_at: str = ""


async def uploads(_client: Client, place: Place) -> Sequence[Resource]:
    """What was uploaded from here, the last first."""
    found = await asyncio.to_thread(notes, place.state, UPLOADS)
    return [UploadedFile.parse(note) for note in found]


def note_upload(state: Path, raw: Mapping[str, Any]) -> None:
    """Remember an upload; raises ``OSError``."""
    write_private(state / UPLOADS / f"{file_name(str(raw['id']))}.json", json.dumps(raw))


async def delete_upload(client: Client, place: Place, file: UploadedFile) -> None:
    """Delete it at D-ID, and the note of it."""
    delete = client.delete_image if file.sort == "image" else client.delete_audio
    try:
        await delete(file.id)
    except NotFound:
        pass  # only the note of it is left
    if place.state is not None:
        note = place.state / UPLOADS / f"{file_name(file.id)}.json"
        await asyncio.to_thread(note.unlink, missing_ok=True)


def notes(state: Path | None, directory: str) -> list[Mapping[str, Any]]:
    """The small JSON files of a directory, the last one first."""
    found = []
    paths = list((state / directory).glob("*.json")) if state is not None else []
    for path in sorted(paths, key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            note = json.loads(path.read_text(encoding="utf-8", errors="replace"))
        except (OSError, ValueError, RecursionError):
            continue  # a file that is no note of ours
        if isinstance(note, Mapping):
            found.append(note)
    return found


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
