"""Agents, exports of their chats, their keys and sessions (protocol 1.4, 2.1 to 2.3, 2.6)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

from did_tui.api.http import Http, path_of
from did_tui.api.inventory import ClientKey, Export, Session, SpeechToken, WebhookTest
from did_tui.api.models import Agent, Page, RuntimeAgent, rows

SortBy = Literal["created_at", "modified_at", "chats", "score", "created_by"]
Order = Literal["ascending", "descending"]


class AgentCalls(Http):
    """What can be done with agents."""

    # Agents

    async def agents(
        self, *, limit: int = 100, sort_by: SortBy = "modified_at", order: Order = "descending"
    ) -> AsyncIterator[Agent]:
        """Every agent of the account, fetched page by page."""
        async for page in self.agent_pages(limit=limit, sort_by=sort_by, order=order):
            for agent in page.rows:
                yield agent

    async def agent_pages(
        self, *, limit: int = 100, sort_by: SortBy = "modified_at", order: Order = "descending"
    ) -> AsyncIterator[Page[Agent]]:
        """The pages of the list, each fetched when it is asked for."""
        seen = {""}
        token = ""
        while True:
            page = await self.agent_page(limit=limit, token=token, sort_by=sort_by, order=order)
            yield page
            # An empty page or a cursor that comes again would go on for ever.
            if page.token in seen or not page.rows:
                return
            token = page.token
            seen.add(token)

    async def agent_page(
        self,
        *,
        limit: int = 100,
        token: str = "",
        sort_by: SortBy = "modified_at",
        order: Order = "descending",
    ) -> Page[Agent]:
        """One page of ``GET /agents/me``."""
        query = {"limit": str(limit), "sort_by": sort_by, "order": order}
        if token:
            query["token"] = token
        return Page.read(Agent, await self._call("GET", "/agents/me", query=query), "agents")

    async def bare_agents(self) -> list[Agent]:
        """``GET /agents``: the list as older documents have it, without pages."""
        return rows(Agent, await self._call("GET", "/agents"), "agents")

    async def agent(self, agent_id: str) -> Agent:
        """``GET /agents/{id}``."""
        return Agent.parse(await self._call("GET", path_of("agents", agent_id)))

    async def find_agent(self, wanted: str) -> Agent:
        """The agent that goes by this id or name, whatever the case of its letters."""
        async for agent in self.agents():
            if wanted in (agent.id, agent.name) or agent.name.lower() == wanted.lower():
                return agent
        return await self.agent(wanted)

    async def runtime(self, agent_id: str, *, connection: str | None = None) -> RuntimeAgent:
        """``GET /agents/{id}/runtime``: what is needed to meet the agent."""
        path = path_of("agents", agent_id, "runtime")
        return RuntimeAgent.parse(await self._call("GET", path, connection=connection))

    async def create_agent(self, agent: Mapping[str, Any], *, elevenlabs_key: str = "") -> Agent:
        """``POST /agents``; only ``presenter`` is required.

        ``elevenlabs_key`` bills a voice to one's own account there (protocol 1.5).
        """
        headers = _external(elevenlabs_key)
        return Agent.parse(await self._call("POST", "/agents", body=agent, headers=headers))

    async def update_agent(
        self, agent_id: str, changes: Mapping[str, Any], *, elevenlabs_key: str = ""
    ) -> Agent:
        """``PATCH /agents/{id}``: the fields that change; nested blocks are replaced whole."""
        headers = _external(elevenlabs_key)
        path = path_of("agents", agent_id)
        return Agent.parse(await self._call("PATCH", path, body=changes, headers=headers))

    async def delete_agent(self, agent_id: str) -> None:
        """``DELETE /agents/{id}``."""
        await self._call("DELETE", path_of("agents", agent_id))

    async def delete_chats(self, agent_id: str) -> None:
        """``DELETE /agents/{id}/chats``: all of them."""
        await self._call("DELETE", path_of("agents", agent_id, "chats"))

    async def speech_token(self, agent_id: str) -> SpeechToken:
        """``GET /agents/{id}/stt-token``: for Azure's speech recognition."""
        return SpeechToken.parse(await self._call("GET", path_of("agents", agent_id, "stt-token")))

    async def test_webhook(
        self,
        url: str,
        *,
        event_type: str = "chat/end",
        headers: Mapping[str, str] | None = None,
        secret_id: str = "",
    ) -> WebhookTest:
        """``POST /agents/webhooks/test``: have D-ID call the address, and see what it answered."""
        body: dict[str, Any] = {"event_type": event_type, "url": url}
        if headers:
            body["headers"] = dict(headers)
        if secret_id:
            body["auth"] = {"secret_id": secret_id}
        return WebhookTest.parse(await self._call("POST", "/agents/webhooks/test", body=body))

    # Exports of chats

    async def start_export(
        self,
        agent_id: str,
        *,
        start: str = "",
        end: str = "",
        persistent: bool | None = None,
        token: str = "",
    ) -> str:
        """``POST /agents/chats/exports``: the id of what is being made.

        ``start`` and ``end`` are ISO times; ``token`` continues an export that came in parts.
        """
        body: dict[str, Any] = {"agent_id": agent_id}
        body |= {name: v for name, v in (("from", start), ("to", end), ("token", token)) if v}
        if persistent is not None:
            body["persistent_chats"] = persistent
        answer = await self._call("POST", "/agents/chats/exports", body=body)
        return Export.parse(answer).export_id

    async def export(self, export_id: str) -> Export:
        """``GET /agents/chats/exports/{id}``."""
        path = path_of("agents", "chats", "exports", export_id)
        return Export.parse(await self._call("GET", path))

    async def delete_export(self, export_id: str) -> None:
        """``DELETE /agents/chats/exports/{id}``."""
        await self._call("DELETE", path_of("agents", "chats", "exports", export_id))

    async def fetch_export(self, export: Export) -> bytes:
        """The zip of JSON files that an export made, without this account's key."""
        return await self.file(export.result.result_url)

    # Client keys

    async def client_keys(self, agent_id: str) -> list[ClientKey]:
        """``GET /agents/{id}/client-keys``."""
        answer = await self._call("GET", path_of("agents", agent_id, "client-keys"))
        return rows(ClientKey, answer, "client_keys")

    async def create_client_key(
        self, agent_id: str, domains: Sequence[str], *, name: str = ""
    ) -> ClientKey:
        """``POST /agents/{id}/client-keys``; domains are origins, as ``https://example.com``."""
        body: dict[str, Any] = {"allowed_domains": list(domains)}
        if name:
            body["name"] = name
        path = path_of("agents", agent_id, "client-keys")
        return ClientKey.parse(await self._call("POST", path, body=body))

    async def update_client_key(
        self,
        agent_id: str,
        client_key: str,
        *,
        domains: Sequence[str] | None = None,
        name: str | None = None,
    ) -> None:
        """``PATCH /agents/{id}/client-keys/{key}``."""
        body: dict[str, Any] = {}
        if domains is not None:
            body["allowed_domains"] = list(domains)
        if name is not None:
            body["name"] = name
        await self._call("PATCH", path_of("agents", agent_id, "client-keys", client_key), body=body)

    async def delete_client_key(self, agent_id: str, client_key: str) -> None:
        """``DELETE /agents/{id}/client-keys/{key}``."""
        await self._call("DELETE", path_of("agents", agent_id, "client-keys", client_key))

    async def account_key(self) -> ClientKey:
        """``GET /agents/client-key``, deprecated: the account's one; ``NotFound`` without one."""
        return ClientKey.parse(await self._call("GET", "/agents/client-key"))

    async def create_account_key(self, domains: Sequence[str]) -> ClientKey:
        """``POST /agents/client-key``, deprecated."""
        body = {"allowed_domains": list(domains)}
        return ClientKey.parse(await self._call("POST", "/agents/client-key", body=body))

    async def update_account_key(self, domains: Sequence[str]) -> None:
        """``PATCH /agents/client-key``, deprecated."""
        body = {"allowed_domains": list(domains)}
        await self._call("PATCH", "/agents/client-key", body=body)

    # Sessions

    async def create_session(
        self,
        agent_id: str,
        *,
        chat_persist: bool | None = None,
        verbose: bool | None = None,
        connection: str | None = None,
    ) -> Session:
        """``POST /v2/agents/{id}/sessions``: a room for an expressive agent."""
        body: dict[str, Any] = {"transport": {"provider": "livekit"}}
        options = {"chat_persist": chat_persist, "verbose": verbose}
        body |= {name: value for name, value in options.items() if value is not None}
        path = path_of("v2", "agents", agent_id, "sessions")
        return Session.parse(await self._call("POST", path, body=body, connection=connection))

    async def join_session(
        self,
        agent_id: str,
        transport: Mapping[str, Any],
        *,
        sample_rate: int = 24_000,
        connection: str | None = None,
    ) -> Session:
        """``POST /v2/agents/{id}/sessions/join``: the avatar comes into one's own room.

        ``transport`` has ``server_url``, ``token`` and ``room_name``.
        """
        body = {
            "transport": {"provider": "livekit", **transport},
            "audio_config": {"sample_rate": sample_rate},
        }
        path = path_of("v2", "agents", agent_id, "sessions", "join")
        return Session.parse(await self._call("POST", path, body=body, connection=connection))

    async def sessions(self, agent_id: str) -> list[Session]:
        """``GET /agents/{id}/sessions``: ``UnknownRoute`` where the service has no such list."""
        answer = await self._call("GET", path_of("agents", agent_id, "sessions"))
        return rows(Session, answer, "sessions")

    async def session(self, agent_id: str, session_id: str) -> Session:
        """``GET /agents/{id}/sessions/{session}``; see ``sessions``."""
        path = path_of("agents", agent_id, "sessions", session_id)
        return Session.parse(await self._call("GET", path))


def _external(elevenlabs_key: str) -> Mapping[str, str]:
    if not elevenlabs_key:
        return {}
    return {"x-api-key-external": json.dumps({"elevenlabs": elevenlabs_key})}
