"""Calls webhooks: the test of one, with D-ID's payload (protocol 2.1 and 7)."""

from __future__ import annotations

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
    headers = {**body.get("headers", {}), **_authorization(store, body.get("auth"))}
    try:
        async with (
            httpx.AsyncClient(timeout=httpx.Timeout(5), trust_env=limits.fetch_anywhere) as http,
            http.stream("POST", url, json=payload, headers=headers) as response,
        ):
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > LONGEST_ANSWER:
                    break
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
        return result | {"error_message": str(error) or type(error).__name__}
    return result | {
        "success": response.is_success,
        "status_code": response.status_code,
        "response_data": content[:LONGEST_ANSWER].decode("utf-8", "replace"),
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
