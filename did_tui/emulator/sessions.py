"""V2 sessions: rooms for expressive agents, the tokens that open them, and how they end.

What happens in a room is the business of the room server at ``session_url`` (``rooms.py``), which
asks ``Sessions.admit`` what a token opens; a session here is its name, its token and its time
(protocol 5.1).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from did_tui.emulator.bodies import JoinSession, NewSession, check
from did_tui.emulator.chats import Chats
from did_tui.emulator.credentials import Caller
from did_tui.emulator.dispatch import LiveKit
from did_tui.emulator.jwt import InvalidToken, claims_of, token_of
from did_tui.emulator.limits import Limits
from did_tui.emulator.refusal import Refusal, bad_request, not_found
from did_tui.emulator.store import Store

API_KEY = "emulator"  # the ``iss`` of the tokens, as LiveKit has it
SPEECH_SECONDS = 600  # for which Azure's speech tokens are good
REGION = "emulator"
GRACE = 60.0  # seconds after its idle time in which a worker has to end a session


@dataclass(slots=True)
class Session:
    """One room; ``ends`` is a moment of ``time.time``. A room of the caller's own has no token.

    An ``open`` one has somebody in it and does not end by time; one that was ``left`` does not
    count any more. ``base`` is the emulator's own address, ``url`` that of another server which has
    the room, ``greeted`` whether the agent has said hello.
    """

    id: str
    agent_id: str
    ends: float
    identity: str = ""
    base: str = ""
    url: str = ""
    token: str = field(default="", repr=False)
    open: bool = False
    left: bool = False
    greeted: bool = False

    @property
    def chat_id(self) -> str:
        """The chat of it, which D-ID's own client knows by the session's id."""
        return f"cht_{self.id}"

    def view(self, base: str) -> dict[str, Any]:
        """``SessionResponse`` of the mission's document; ``base`` is the emulator's address."""
        url = self.url or "ws" + base.removeprefix("http")
        opens = {"session_url": url, "session_token": self.token}
        return {"id": self.id, **(opens if self.token else {}), "interrupt_enabled": True}


class Sessions:
    """The open sessions of one account; they end with the emulator.

    With a ``livekit`` server the rooms are there, else they are the emulator's own.
    """

    def __init__(
        self, store: Store, chats: Chats, limits: Limits, livekit: LiveKit | None = None
    ) -> None:
        self._store, self._chats, self._limits = store, chats, limits
        self._livekit = livekit
        self._open: dict[str, Session] = {}
        self._secret = secrets.token_bytes(32)

    def create(
        self, agent: Mapping[str, Any], body: Mapping[str, Any], caller: Caller, base: str
    ) -> Session:
        """``POST /v2/agents/{id}/sessions``; ``base`` is the emulator's own address."""
        check(NewSession, body)
        transport = body.get("transport", body.get("transport_provider", "livekit"))
        provider = transport.get("provider") if isinstance(transport, Mapping) else transport
        if provider != "livekit":
            raise bad_request("Invalid request parameters")
        session = self._begin(agent)
        # An absent chat_persist counts as true (protocol 2.9).
        kept = {"persist": body.get("chat_persist", True)}
        self._chats.create(agent, kept, caller, playground=False, chat_id=session.chat_id)
        session.identity = caller.external_id or self._store.new_id("user_")
        session.base = base
        session.url = self._livekit.url if self._livekit else ""
        session.token = self._opens(session)
        return session

    def join(self, agent: Mapping[str, Any], body: Mapping[str, Any]) -> Session:
        """``POST /v2/agents/{id}/sessions/join``: into a room of the caller's own server."""
        check(JoinSession, body)
        return self._begin(agent)

    def of_agent(self, agent_id: str) -> list[Session]:
        """``GET /agents/{id}/sessions``, oldest first."""
        self._end_old()
        return [session for session in self._open.values() if session.agent_id == agent_id]

    def find(self, agent_id: str, session_id: str) -> Session:
        """The session, or a refusal."""
        for session in self.of_agent(agent_id):
            if session.id == session_id:
                return session
        raise not_found("Session")

    def admit(self, token: str) -> tuple[Session, dict[str, Any]]:
        """The session that a token opens, and its claims; raises ``InvalidToken``."""
        claims = claims_of(token, self._secret, time.time())
        grants = claims.get("video")
        self._end_old()
        session = self._open.get(str(grants.get("room"))) if isinstance(grants, dict) else None
        if session is None or self._store.get("agent", session.agent_id) is None:
            raise InvalidToken("no such room")
        return session, claims

    def enter(self, session: Session) -> None:
        """Somebody is in the room: it does not end by itself."""
        session.open, session.left = True, False

    def leave(self, session: Session, *, for_good: bool) -> None:
        """The room is closed; its user may come back for a while unless that was for good."""
        session.open, session.left = False, True
        session.ends = time.time() + (0 if for_good else self._limits.linger_seconds)
        self._end_old()

    def touched(self, session_id: str) -> Session:
        """The session, which lasts longer for it, or a refusal."""
        self._end_old()
        session = self._open.get(session_id)
        if session is None:
            raise not_found("Session")
        session.ends = time.time() + self._limits.idle_seconds + GRACE
        return session

    def renewed(self, session: Session) -> str:
        """A new token for the same user, from now on."""
        session.ends = time.time() + self._limits.idle_seconds
        session.token = self._opens(session)
        return session.token

    def _opens(self, session: Session) -> str:
        """The token of a session, which lasts until its end: LiveKit's, with ``video`` grants."""
        if self._livekit is not None:
            return self._livekit.user_token(session, session.ends - time.time())
        grants = {
            "room": session.id,
            "roomJoin": True,
            "canPublish": True,
            "canSubscribe": True,
            "canPublishData": True,
            "canUpdateOwnMetadata": True,
        }
        who = {"sub": session.identity, "name": session.identity}
        return self._signed(session.ends, **who, video=grants)

    def speech_token(self) -> dict[str, str]:
        """``GET /agents/{id}/stt-token``, in the form of Azure's."""
        return {
            "token": self._signed(time.time() + SPEECH_SECONDS, region=REGION),
            "region": REGION,
        }

    def _begin(self, agent: Mapping[str, Any]) -> Session:
        if agent["presenter"]["type"] != "expressive":
            said = "Invalid request parameters: only expressive agents have sessions"
            raise bad_request(f"{said}, this one has streams")
        if self._limits.broke:
            raise Refusal(402, "InsufficientCreditsError", "not enough credits")
        self._end_old()
        if sum(not session.left for session in self._open.values()) >= self._limits.sessions:
            raise Refusal(403, "Forbidden", "Max user sessions reached")
        ends = time.time() + self._limits.idle_seconds
        session = Session(self._store.new_id("sess_"), agent["id"], ends)
        self._open[session.id] = session
        return session

    def _end_old(self) -> None:
        now = time.time()
        for session in list(self._open.values()):
            if session.ends <= now and not session.open:
                del self._open[session.id]

    def _signed(self, ends: float, **claims: Any) -> str:
        now = int(time.time())
        return token_of({"iss": API_KEY, "nbf": now, "exp": int(ends), **claims}, self._secret)
