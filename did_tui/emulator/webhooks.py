"""Calls webhooks: the test of one, and what triggers them (protocol 2.1 and 7)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from did_tui.emulator.bodies import WebhookTest, check
from did_tui.emulator.characters import OWNER
from did_tui.emulator.limits import Limits
from did_tui.emulator.refusal import Refusal
from did_tui.emulator.sources import is_local
from did_tui.emulator.store import Store, timestamp

LONGEST_ANSWER = 64 * 1024  # bytes that are told of what a webhook answers


async def test_webhook(
    store: Store, limits: Limits, body: Mapping[str, Any], *, from_elsewhere: bool
) -> dict[str, Any]:
    """``POST /agents/webhooks/test``: 200 whatever the address answers.

    ``from_elsewhere``: a web page of another machine may have nothing called that is local.
    """
    check(WebhookTest, body)
    url = body["url"]
    try:
        host, _ = urlsplit(url).hostname or "", urlsplit(url).port
    except ValueError:
        host = ""
    if not host or from_elsewhere:
        raise Refusal(400, "BadRequest", "Invalid webhook configuration")
    payload = _payload()
    result: dict[str, Any] = {"success": False, "request_payload": payload}
    if not limits.fetch_anywhere and not is_local(host):
        said = f"the emulator calls this machine only, not {host}: start it with --fetch-anywhere"
        return result | {"error_message": said}
    return result | await _called(store, limits, body, payload)


async def _called(
    store: Store, limits: Limits, hook: Mapping[str, Any], payload: Mapping[str, Any]
) -> dict[str, Any]:
    """Call a webhook; what it answered, in the words of the test."""
    headers = {**(hook.get("headers") or {}), **_authorization(store, hook.get("auth"))}
    try:
        async with (
            httpx.AsyncClient(timeout=httpx.Timeout(5), trust_env=limits.fetch_anywhere) as http,
            http.stream("POST", hook["url"], json=payload, headers=headers) as response,
        ):
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > LONGEST_ANSWER:
                    break
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
        return {"error_message": str(error) or type(error).__name__}
    return {
        "success": response.is_success,
        "status_code": response.status_code,
        "response_data": content[:LONGEST_ANSWER].decode("utf-8", "replace"),
    }


class Webhooks:
    """Tells those who want to know what has happened, in the background and once."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self._store, self._limits = store, limits
        self._tasks: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Call nobody any more."""
        for task in self._tasks:
            task.cancel()

    def chat_ended(self, chat_id: str) -> None:
        """Call what the agent of a chat has for its end (protocol 7)."""
        chat = self._store.get("chat", chat_id)
        agent = self._store.get("agent", chat["agent_id"]) if chat is not None else None
        if chat is None or agent is None:
            return
        hooks = ((agent.get("triggers") or {}).get("chat/end") or {}).get("webhooks") or []
        payload = _ended(agent, chat)
        for hook in hooks:
            self._start(hook, payload)

    def document_done(self, document: Mapping[str, Any]) -> None:
        """Call who wants to know of a document; D-ID documents no body: it is the document."""
        if document.get("webhook"):
            self._start({"url": document["webhook"]}, document)

    def _start(self, hook: Mapping[str, Any], payload: Mapping[str, Any]) -> None:
        task = asyncio.create_task(self._tell(hook, payload))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self, hook: Mapping[str, Any], payload: Mapping[str, Any]) -> None:
        try:
            host = urlsplit(hook["url"]).hostname or ""
            if self._limits.fetch_anywhere or is_local(host):
                await _called(self._store, self._limits, hook, payload)
        except (ValueError, Refusal):
            return  # an address that is none, or a secret that is gone


def _ended(agent: Mapping[str, Any], chat: Mapping[str, Any]) -> dict[str, Any]:
    """What is told of the end of a chat: ``ChatEndEventData`` of schemas.md."""
    presenter = agent.get("presenter") or {}
    history = {
        name: chat.get(name)
        for name in ("id", "agent_id", "owner_id", "external_id", "chat_mode", "plan", "messages")
    } | {
        "message_count": len(chat.get("messages") or []),
        "persist_messages": chat.get("persist_messages", False),
        "created_at": chat.get("created"),
        "modified_at": chat.get("modified"),
        "agent": {
            "name": agent.get("preview_name", ""),
            "description": agent.get("preview_description", ""),
            "presenter_type": presenter.get("type", ""),
        },
    }
    return {
        "agent_id": agent["id"],
        "chat_id": chat["id"],
        "event_type": "chat/end",
        "chat_history": history,
    }


def _authorization(store: Store, auth: Mapping[str, Any] | None) -> dict[str, str]:
    """The header that a secret makes."""
    if auth is None:
        return {}
    secret = store.get("secret", auth["secret_id"])
    if secret is None:
        raise Refusal(400, "BadRequest", "Invalid webhook configuration")
    match secret["type"]:
        case "basic":
            pair = f"{secret.get('username', '')}:{secret.get('password') or ''}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        case "bearer":
            return {"Authorization": f"Bearer {secret.get('token') or ''}"}
        case _:
            return {secret.get("header_name") or "X-API-Key": secret.get("api_key") or ""}


def _payload() -> dict[str, Any]:
    now = timestamp()
    chat = {
        "id": "cht_test",
        "agent_id": "agt_test",
        "owner_id": OWNER,
        "external_id": "",
        "plan": "trial",
        "messages": [{"id": "msg_test", "role": "user", "content": "Hello!", "created_at": now}],
        "created_at": now,
        "modified_at": now,
    }
    return {
        "agent_id": "agt_test",
        "chat_id": "cht_test",
        "event_type": "chat/end",
        "chat_history": chat,
    }
