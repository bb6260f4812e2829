"""The emulator's own room server: a room for each session that somebody joins (protocol 5)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from livekit.protocol.rtc import SignalResponse
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.websockets import WebSocket

from did_tui.emulator.actor import Actor
from did_tui.emulator.characters import Faces, character_of
from did_tui.emulator.chats import Chats
from did_tui.emulator.guest import Guest, leave
from did_tui.emulator.jwt import InvalidToken
from did_tui.emulator.limits import Limits
from did_tui.emulator.room import Room
from did_tui.emulator.sessions import Session, Sessions
from did_tui.emulator.store import Store
from did_tui.emulator.voice import Voice

REFRESH = 0.5  # of the time that a token is good for, after which the user gets a new one
GLANCE = 0.25  # seconds between two looks at a user who is gone
BACK_SECONDS = 2.0  # that a client takes to connect anew from the beginning, and more
FULL = "room has exceeded its max participants"  # LiveKit's words, as the next ones
NO_PATH = "404 page not found"  # a client then asks for the older path


class _Mind:
    """The emulator's own brain, for the agent of one session."""

    def __init__(self, chats: Chats, agent: Mapping[str, Any], session: Session) -> None:
        self._chats, self._agent, self._session = chats, agent, session

    def answer(
        self, text: str, head: Mapping[str, Any], said: str | None = None
    ) -> AsyncGenerator[str | Mapping[str, Any]]:
        """The pieces of the answer, then the whole of it."""
        chat, base = self._session.chat_id, self._session.base
        return self._chats.think(self._agent, chat, text, head, said=said, base=base)


class Rooms:
    """The rooms that are open; ``closed`` counts those that were, by their reason."""

    def __init__(
        self,
        store: Store,
        faces: Faces,
        voice: Voice,
        chats: Chats,
        sessions: Sessions,
        limits: Limits,
        *,
        addresses: Sequence[str] | None,
    ) -> None:
        self._store, self._faces, self._voice = store, faces, voice
        self._chats, self._sessions, self._limits = chats, sessions, limits
        self._addresses = addresses
        self._open: dict[str, Room] = {}
        self._joining = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._refreshing: dict[str, asyncio.Task[None]] = {}
        self.closed: Counter[str] = Counter()
        #: Told of the session of each room that has closed while the emulator runs.
        self.on_end: Callable[[Session], None] = lambda _session: None

    def __iter__(self) -> Iterator[Room]:
        return iter(list(self._open.values()))

    def __len__(self) -> int:
        return len(self._open)

    def validate(self, request: Request) -> Response:
        """``GET /rtc/validate``: what is wrong with a token, for a client that was refused."""
        try:
            self._sessions.admit(_token(request))
        except InvalidToken as error:
            return PlainTextResponse(f"invalid token: {error}", 401)
        return PlainTextResponse("success")

    async def serve(self, socket: WebSocket) -> None:
        """Keep a client's signalling socket; one without a good token gets a 401."""
        try:
            session, claims = self._sessions.admit(_token(socket))
        except InvalidToken as error:
            await socket.send_denial_response(PlainTextResponse(f"invalid token: {error}", 401))
            return
        if self._limits.participants < 2:
            await socket.send_denial_response(PlainTextResponse(FULL, 500))  # as LiveKit 1.13 does
            return
        await socket.accept()
        if socket.query_params.get("reconnect") in ("1", "true"):
            # It would go on with its old connections, and aiortc has no ICE restart for that.
            again = SignalResponse(leave=leave("STATE_MISMATCH", "RECONNECT"))
            await socket.send_bytes(again.SerializeToString())
            await socket.close()
            return
        async with self._joining:
            room = self._open.get(session.id) or await self._make(session)
            task = asyncio.create_task(room.admit(socket, claims))
        if await task:
            await room.close("left")
        elif not room.closed:
            self._spawn(self._linger(room))

    async def close_all(self) -> None:
        """End every room."""
        for room in self:
            await room.close("shutdown")
        for task in self._tasks:
            task.cancel()

    async def _make(self, session: Session) -> Room:
        """Open the room of a session, with its agent in it."""
        agent = self._store.get("agent", session.agent_id)
        assert agent is not None  # noqa: S101 (admit has looked)
        character = character_of(self._store, agent)
        face = await asyncio.to_thread(self._faces.get, character.look)
        room = Room(session, agent, face.twin(), self._addresses)
        room.actor = Actor(
            agent,
            character.timbre,
            mind=_Mind(self._chats, agent, session),
            voice=self._voice,
            stage=room.stage,
            outlet=room,
            limits=self._limits,
        )
        room.actor.start()
        room.on_close = partial(self._closed, room)
        self._open[session.id] = room
        self._sessions.enter(session)
        self._refreshing[session.id] = asyncio.create_task(self._refresh(room))
        return room

    def _closed(self, room: Room, reason: str) -> None:
        del self._open[room.session.id]
        self._refreshing.pop(room.session.id).cancel()
        self.closed[reason] += 1
        # Whoever leaves may come back for a while; what the agent has ended is over.
        self._sessions.leave(room.session, for_good=reason not in ("left", "peer_disconnected"))
        if reason != "shutdown":
            self.on_end(room.session)

    async def _refresh(self, room: Room) -> None:
        """Give the user tokens to come back with: the first does not last for a conversation."""
        while True:
            await asyncio.sleep(REFRESH * self._limits.idle_seconds)
            if room.guest is not None:
                room.guest.tell(refresh_token=self._sessions.renewed(room.session))

    async def _linger(self, room: Room) -> None:
        """Close a room whose user does not come back: it counts until then."""
        guest, waited = room.guest, 0.0
        while guest is not None and waited < self._patience(guest):
            await asyncio.sleep(GLANCE)
            waited += GLANCE
        if room.guest is guest and not (guest is not None and guest.present):
            await room.close("peer_disconnected")

    def _patience(self, guest: Guest) -> float:
        """Seconds to wait for a user: few for one who has ended the connections, too."""
        most = self._limits.linger_seconds
        return min(most, BACK_SECONDS) if guest.peer.state in ("failed", "closed") else most

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def no_path(_request: Request) -> Response:
    """LiveKit's answer to ``/rtc/v1`` where only the older path is served."""
    return PlainTextResponse(NO_PATH, 404)


async def no_socket(socket: WebSocket) -> None:
    """The same for a socket."""
    await socket.send_denial_response(PlainTextResponse(NO_PATH, 404))


def _token(asked: Request | WebSocket) -> str:
    """The token that a client brings: in the address, or in the header as newer ones do."""
    bearer = asked.headers.get("authorization", "").removeprefix("Bearer ")
    return asked.query_params.get("access_token") or bearer
