"""``did-tui chats …`` and ``did-tui sessions …``."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime

from did_tui.api.inventory import Export
from did_tui.api.limits import export_problems
from did_tui.text import one_line
from did_tui.verbs.desk import Desk, Refused, Undone, check, write_file
from did_tui.verbs.output import Output, Result, Table, Whole

POLL_SECONDS = 1.0
LONGEST_WAIT = 30 * 60.0  # seconds until an export is made


async def chats_say(desk: Desk) -> Output:
    """``chats say``: a chat without a stream, whose answers come in the response."""
    agent_id = await desk.agent_id()
    chat = await desk.client.create_chat(agent_id, persist=desk.options.persist)
    now = datetime.now(UTC).isoformat()
    message = {"role": "user", "content": desk.options.text, "created_at": now}
    answer = await desk.client.send_message(agent_id, chat.id, [message], mode="TextOnly")
    return Result(answer.result, {"chat_id": chat.id, **answer.raw})


async def chats_export(desk: Desk) -> Output:
    """``chats export``: every part of it, each a file."""
    options = desk.options
    start, end = options.start or "", options.end or ""
    check(export_problems(start, end))
    agent_id = await desk.agent_id()
    token, files = "", list[str]()
    while True:
        persistent = False if options.all else None
        export_id = await desk.client.start_export(
            agent_id, start=start, end=end, persistent=persistent, token=token
        )
        export = await _followed(desk, export_id)
        content = await desk.client.fetch_export(export)
        file = _file_of(options.output or f"{agent_id}-chats.zip", len(files))
        write_file(file, content)
        files.append(file)
        seen, token = token, export.result.token
        if not token or token == seen:
            return Result("\n".join(files), {"files": files})


async def _followed(desk: Desk, export_id: str) -> Export:
    begun, status = time.monotonic(), ""
    while True:
        export = await desk.client.export(export_id)
        if export.status != status:
            status = export.status
            desk.say(f"{time.monotonic() - begun:5.0f} s  {one_line(status)}")
        if export.done:
            return export
        if export.failed:
            raise Undone(f"The export failed: {one_line(export.error)}.")
        if time.monotonic() - begun > LONGEST_WAIT:
            raise Undone(f"The export {export_id} is still {one_line(status)}.")
        await asyncio.sleep(POLL_SECONDS)


def _file_of(output: str, part: int) -> str:
    """The file of a part: ``chats.zip``, ``chats-2.zip`` and so on."""
    if not part:
        return output
    stem, dot, ending = output.rpartition(".")
    return f"{stem}-{part + 1}.{ending}" if dot and "/" not in ending else f"{output}-{part + 1}"


async def chats_show_export(desk: Desk) -> Output:
    """``chats show-export``."""
    return Whole((await desk.client.export(desk.options.id)).raw)


async def chats_delete_export(desk: Desk) -> Output:
    """``chats delete-export``."""
    desk.confirm(f"the export {desk.options.id}")
    await desk.client.delete_export(desk.options.id)
    return Result(desk.options.id, {"deleted": [desk.options.id]})


async def chats_delete(desk: Desk) -> Output:
    """``chats delete``."""
    agent = await desk.agent()
    desk.confirm(f"all chats of {agent.name} ({agent.id})")
    await desk.client.delete_chats(agent.id)
    return Result(agent.id, {"deleted_chats_of": agent.id})


# Sessions


async def sessions_list(desk: Desk) -> Output:
    """``sessions list``."""
    sessions = await desk.client.sessions(await desk.agent_id())
    return Table(sessions, (("id", lambda one: one.id), ("address", lambda one: one.session_url)))


async def sessions_show(desk: Desk) -> Output:
    """``sessions show``."""
    session = await desk.client.session(await desk.agent_id(), desk.options.session)
    return Whole(session.raw)


async def sessions_create(desk: Desk) -> Output:
    """``sessions create``."""
    options = desk.options
    session = await desk.client.create_session(
        await desk.agent_id(), chat_persist=options.persist, verbose=options.verbose or None
    )
    return Whole(session.raw)


async def sessions_join(desk: Desk) -> Output:
    """``sessions join``."""
    options = desk.options
    token = sys.stdin.readline().strip()
    if not token:
        raise Refused("The token of the room is read from standard input, and there is none.")
    room = {"server_url": options.server, "token": token, "room_name": options.room}
    session = await desk.client.join_session(
        await desk.agent_id(), room, sample_rate=options.sample_rate
    )
    return Whole(session.raw)


async def sessions_speech_token(desk: Desk) -> Output:
    """``sessions speech-token``."""
    return Whole((await desk.client.speech_token(await desk.agent_id())).raw)
