"""Rooms of a real LiveKit server: their tokens, and what a worker asks the emulator about them.

LiveKit hands each new room to one of the workers that have registered with it (``worker.py``): the
user's token says so. The worker plays the agent there; what the agent knows and answers it asks
here, with a token that only who has the server's secret can make.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from did_tui.emulator.calls import read_body
from did_tui.emulator.characters import character_of
from did_tui.emulator.jwt import InvalidToken, claims_of, token_of
from did_tui.emulator.refusal import Refusal

if TYPE_CHECKING:
    from did_tui.emulator.service import Service
    from did_tui.emulator.sessions import Session

WORKER = "did-tui"  # the name that the workers register with
EMPTY_SECONDS = 60  # that LiveKit keeps a room which nobody has joined
ASK_SECONDS = 60  # for which a worker's question is good

MISSING = (
    "Rooms of a LiveKit server need livekit-api: install did-tui with its extra,"
    " python3 -m pip install 'did-tui[livekit]'."
)


def installed() -> bool:
    """Whether LiveKit's own libraries are there."""
    return all(find_spec(name) for name in ("livekit.api", "livekit.rtc"))


@dataclass(frozen=True, slots=True)
class LiveKit:
    """A LiveKit server and the key of an application there."""

    url: str
    key: str
    secret: str = field(repr=False)

    def user_token(self, session: Session, seconds: float) -> str:
        """What lets a user into the room of a session, and a worker be called there."""
        from livekit import api

        grants = api.VideoGrants(room_join=True, room=session.id, can_update_own_metadata=True)
        job = {"base": session.base, "session": session.id}
        room = api.RoomConfiguration(
            max_participants=2,
            empty_timeout=EMPTY_SECONDS,
            agents=[api.RoomAgentDispatch(agent_name=WORKER, metadata=json.dumps(job))],
        )
        return (
            api.AccessToken(self.key, self.secret)
            .with_identity(session.identity)
            .with_name(session.identity)
            .with_ttl(timedelta(seconds=seconds))
            .with_grants(grants)
            .with_room_config(room)
            .to_jwt()
        )

    def worker_token(self) -> str:
        """What a worker registers with."""
        from livekit import api

        grants = api.VideoGrants(agent=True)
        return api.AccessToken(self.key, self.secret).with_grants(grants).to_jwt()

    async def delete_room(self, name: str) -> None:
        """Close a room for everybody; one that is gone already is no error."""
        from livekit import api

        async with api.LiveKitAPI(self.url, self.key, self.secret) as server:
            try:
                await server.room.delete_room(api.DeleteRoomRequest(room=name))
            except api.TwirpError as error:
                if error.code != api.TwirpErrorCode.NOT_FOUND:
                    raise

    def question(self, session_id: str) -> str:
        """The token of a worker's question about a session."""
        now = int(time.time())
        about = {"iss": self.key, "nbf": now - 5, "exp": now + ASK_SECONDS, "about": session_id}
        return token_of(about, self.secret.encode())

    def check(self, token: str, session_id: str) -> None:
        """Raises ``InvalidToken`` where a token is not a question about this session."""
        if claims_of(token, self.secret.encode(), time.time()).get("about") != session_id:
            raise InvalidToken("it is about something else")


def worker_routes(service: Service, livekit: LiveKit) -> list[Route]:
    """What workers ask."""
    routes = _Routes(service, livekit)
    path = "/emulator/sessions/{session}"
    return [
        Route(path, routes.job, methods=["GET"]),
        Route(f"{path}/answer", routes.answer, methods=["POST"]),
        Route(f"{path}/ended", routes.ended, methods=["POST"]),
    ]


class _Routes:
    def __init__(self, service: Service, livekit: LiveKit) -> None:
        self._service, self._livekit = service, livekit

    async def job(self, request: Request) -> Response:
        """Whom a worker plays, and the limits of the session."""
        session, agent = self._asked(request)
        character = character_of(self._service.store, agent)
        greets, session.greeted = not session.greeted, True
        return JSONResponse(
            {
                "agent": agent,
                "look": character.look,
                "timbre": asdict(character.timbre),
                "limits": self._service.limits.model_dump(),
                "greets": greets,
            }
        )

    async def answer(self, request: Request) -> Response:
        """The pieces of an answer, then the whole of it: one line of JSON each."""
        session, agent = self._asked(request)
        body, _ = await read_body(request)
        text, head, said = str(body.get("text", "")), dict(body.get("head") or {}), body.get("said")
        pieces = self._service.chats.think(
            agent, session.chat_id, text, head, said=said, base=session.base
        )

        async def lines() -> AsyncIterator[str]:
            async for piece in pieces:
                yield json.dumps(piece) + "\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    async def ended(self, request: Request) -> Response:
        """The room is closed."""
        session, _ = self._asked(request)
        self._service.sessions.leave(session, for_good=True)
        self._service.webhooks.chat_ended(session.chat_id)
        return JSONResponse({})

    def _asked(self, request: Request) -> tuple[Session, dict[str, Any]]:
        session_id = str(request.path_params["session"])
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            self._livekit.check(token, session_id)
        except InvalidToken as error:
            raise Refusal(401, "AuthorizationError", "user unauthenticated") from error
        session = self._service.sessions.touched(session_id)
        return session, self._service.agent(session.agent_id)
