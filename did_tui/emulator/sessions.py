"""V2 sessions: rooms for expressive agents, the tokens that open them, and how they end.

What happens in a room is the business of a room server at ``session_url``, which checks a token
with ``Sessions.grants``; a session here is its name, its token and its time (protocol 5.1).
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
from did_tui.emulator.jwt import InvalidToken, claims_of, token_of
from did_tui.emulator.limits import Limits
from did_tui.emulator.refusal import Refusal, bad_request, not_found
from did_tui.emulator.store import Store

API_KEY = "emulator"  # the ``iss`` of the tokens, as LiveKit has it
SPEECH_SECONDS = 600  # for which Azure's speech tokens are good
REGION = "emulator"


@dataclass(slots=True)
class Session:
    """One room; ``ends`` is a moment of ``time.time``. A room of the caller's own has no token."""

    id: str
    agent_id: str
    ends: float
    token: str = field(default="", repr=False)

    def view(self, base: str) -> dict[str, Any]:
        """``SessionResponse`` of the mission's document; ``base`` is the emulator's address."""
        opens = {"session_url": "ws" + base.removeprefix("http"), "session_token": self.token}
        return {"id": self.id, **(opens if self.token else {}), "interrupt_enabled": True}


class Sessions:
    """The open sessions of one account; they end with the emulator."""

    def __init__(self, store: Store, chats: Chats, limits: Limits) -> None:
        self._store, self._chats, self._limits = store, chats, limits
        self._open: dict[str, Session] = {}
        self._secret = secrets.token_bytes(32)

    def create(self, agent: Mapping[str, Any], body: Mapping[str, Any], caller: Caller) -> Session:
        """``POST /v2/agents/{id}/sessions``; the chat of it is ``cht_<session id>``."""
        check(NewSession, body)
        transport = body.get("transport", body.get("transport_provider", "livekit"))
        provider = transport.get("provider") if isinstance(transport, Mapping) else transport
        if provider != "livekit":
            raise bad_request("Invalid request parameters")
        session = self._begin(agent)
        # An absent chat_persist counts as true (protocol 2.9).
        kept = {"persist": body.get("chat_persist", True)}
        self._chats.create(agent, kept, caller, playground=False, chat_id=f"cht_{session.id}")
        grants = {
            "room": session.id,
            "roomJoin": True,
            "canPublish": True,
            "canSubscribe": True,
            "canPublishData": True,
            "canUpdateOwnMetadata": True,
        }
        identity = caller.external_id or self._store.new_id("user_")
        session.token = self._signed(session.ends, sub=identity, name=identity, video=grants)
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

    def grants(self, token: str) -> dict[str, Any]:
        """What a token lets its bearer do: LiveKit's ``video`` grants; raises ``InvalidToken``."""
        claims = claims_of(token, self._secret, time.time())
        grants = claims.get("video")
        self._end_old()
        if not isinstance(grants, dict) or grants.get("room") not in self._open:
            raise InvalidToken("no such room")
        return grants

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
        if len(self._open) >= self._limits.sessions:
            raise Refusal(403, "Forbidden", "Max user sessions reached")
        ends = time.time() + self._limits.idle_seconds
        session = Session(self._store.new_id("sess_"), agent["id"], ends)
        self._open[session.id] = session
        return session

    def _end_old(self) -> None:
        now = time.time()
        for session in [session for session in self._open.values() if session.ends <= now]:
            del self._open[session.id]

    def _signed(self, ends: float, **claims: Any) -> str:
        now = int(time.time())
        return token_of({"iss": API_KEY, "nbf": now, "exp": int(ends), **claims}, self._secret)
