"""Exports of chats: those ordered from here, what was fetched of them, and the chats in them."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from did_tui.api.errors import NotFound
from did_tui.api.inventory import Export
from did_tui.api.models import Resource
from did_tui.files import write_private
from did_tui.ui.local import KeptChat, NotPossible, notes
from did_tui.ui.moments import seconds_of
from did_tui.ui.trash import file_name

if TYPE_CHECKING:
    from did_tui.api.client import Client
    from did_tui.ui.kinds import Place

EXPORTS = "exports"  # in the state directory
MOST_EXPORTS = 50  # that are asked for
MOST_CHATS = 20_000  # of one export
LARGEST_CHAT = 16 * 2**20  # bytes
LARGEST_EXPORT = 2**30  # bytes, unpacked
LONGEST_NAME = 80


class OrderedExport(Export):
    """An export, and the name of its agent."""

    agent_name: str = ""


async def exports(client: Client, place: Place) -> Sequence[Resource]:
    """The exports that were ordered from here, the last first: D-ID lists none."""
    ordered = await asyncio.to_thread(notes, place.state, EXPORTS)
    agents = [getattr(parent, "id", "") for parent in place.parents]
    wanted = [note for note in ordered if not agents or note.get("agent_id") in agents]
    return await asyncio.gather(*(_export(client, note) for note in wanted[:MOST_EXPORTS]))


async def _export(client: Client, note: Mapping[str, Any]) -> Resource:
    try:
        found = await client.export(str(note.get("export_id")))
    except NotFound:
        return OrderedExport.parse({**note, "status": "gone"})
    return OrderedExport.parse({**note, **found.raw})


def export_file(state: Path, export_id: str, suffix: str) -> Path:
    """Where is kept what belongs to an export: its note, its zip, and what was in that."""
    return state / EXPORTS / f"{file_name(export_id)}{suffix}"


def keep_note(state: Path, note: Mapping[str, Any]) -> None:
    """Remember an export that was ordered; raises ``OSError``."""
    write_private(export_file(state, str(note["export_id"]), ".json"), json.dumps(note))


async def delete_export(client: Client, place: Place, export: OrderedExport) -> None:
    """Delete it at D-ID, and the note of it."""
    try:
        await client.delete_export(export.export_id)
    except NotFound:
        pass  # only the note of it is left
    if place.state is not None:
        note = export_file(place.state, export.export_id, ".json")
        await asyncio.to_thread(note.unlink, missing_ok=True)


async def fetched(client: Client, state: Path, export: OrderedExport) -> tuple[Path, int]:
    """Fetch and unpack an export; where its chats are and how many files they are.

    Raises ``DidError`` and ``OSError``.
    """
    content = await client.fetch_export(export)
    archive = export_file(state, export.export_id, ".zip")

    def unpack_all() -> tuple[Path, int]:
        archive.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        archive.touch(0o600)
        archive.write_bytes(content)
        directory = export_file(state, export.export_id, "")
        return directory, unpack(content, directory)

    return await asyncio.to_thread(unpack_all)


def unpack(archive: bytes, directory: Path) -> int:
    """Write the files of a zip into a directory, for this user only; how many there were.

    Names in the archive lead nowhere else, and no archive fills the disk. Raises ``NotPossible``
    where it cannot be read, and ``OSError``.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    count = 0
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            files = [info for info in opened.infolist() if not info.is_dir()]
            whole = sum(info.file_size for info in files)
            if len(files) > MOST_CHATS or whole > LARGEST_EXPORT:
                raise NotPossible("The export holds more than could be unpacked here.")
            for number, info in enumerate(files):
                if info.file_size > LARGEST_CHAT:
                    continue  # no chat is so long
                name = file_name(Path(info.filename).stem)[:LONGEST_NAME]
                path = directory / f"{number:05}-{name}.json"
                write_private(path, opened.read(info).decode("utf-8", "replace"))
                count += 1
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise NotPossible(f"The export is no zip that can be read: {error}.") from error
    return count


async def chats(client: Client, place: Place) -> Sequence[Resource]:
    """The chats of an export, which is fetched if that was not done yet."""
    export = place.parents[-1]
    if place.state is None or not isinstance(export, OrderedExport):
        return []
    directory = export_file(place.state, export.export_id, "")
    if not directory.is_dir():
        if not export.done:
            why = f"it failed: {export.error}" if export.failed else "it is still being made"
            raise NotPossible(f"There is nothing in this export: {why}.")
        directory, _ = await fetched(client, place.state, export)
    return await asyncio.to_thread(lambda: list(_chats(directory, export.agent_name)))


def _chats(directory: Path, agent_name: str) -> Iterator[KeptChat]:
    for path in sorted(directory.glob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8", errors="replace"))
        except (OSError, ValueError, RecursionError):
            content = {}  # it is listed all the same
        for chat in content if isinstance(content, list) else [content]:
            yield KeptChat.parse(_chat(chat if isinstance(chat, Mapping) else {}, path, agent_name))


def _chat(chat: Mapping[str, Any], path: Path, agent_name: str) -> dict[str, Any]:
    """D-ID's chat (schemas.md, ILogicalChat) as a transcript."""
    began = seconds_of(str(chat.get("created") or chat.get("created_at") or ""))
    messages = chat.get("messages")
    said = [
        {"role": message.get("role"), "text": str(message.get("content") or "")}
        for message in (messages if isinstance(messages, list) else [])
        if isinstance(message, Mapping)
    ]
    return {
        "file": path.name,
        "agent_name": agent_name,
        "agent_id": chat.get("agent_id"),
        "chat_id": chat.get("id"),
        "began": began if isinstance(began, float) else 0.0,
        "messages": said,
        "exported": chat,
    }
