"""Client keys: what they are, who may use them and for what (protocol 1.3 and 1.4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from did_tui.emulator.bodies import KeyChange, NewKey, check
from did_tui.emulator.refusal import Refusal, bad_request, not_found
from did_tui.emulator.store import Store, timestamp

MOST_KEYS = 10  # of an agent; D-ID has a number and does not say which
_ACCOUNT_KEY = "account"

#: What the SDK calls, and so what a client key is good for; the rest needs the account's own.
_OPEN_TO_CLIENT_KEYS = re.compile(
    r"/agents/[^/]+(/runtime|/stt-token|/chat(/.*)?|/streams(/.*)?)?|/v2/agents/[^/]+/sessions(/.*)?"
)


class ClientKeys:
    """The client keys of one account."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def known(self, secret: str) -> dict[str, Any] | None:
        """The key, None where there is none."""
        return self._store.get("client-key", secret)

    # Of an agent

    def of_agent(self, agent_id: str) -> list[dict[str, Any]]:
        """``GET /agents/{id}/client-keys``."""
        return [shown(key) for key in self._store.all("client-key", agent_id)]

    def create(self, agent_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """``POST /agents/{id}/client-keys``."""
        check(NewKey, body)
        if len(self._store.all("client-key", agent_id)) >= MOST_KEYS:
            raise bad_request("Maximum number of client keys per resource reached")
        key = self._new(body) | {"resource_id": agent_id}
        self._store.put("client-key", key, parent=agent_id)
        return shown(key)

    def update(self, agent_id: str, secret: str, body: Mapping[str, Any]) -> None:
        """``PATCH /agents/{id}/client-keys/{key}``."""
        check(KeyChange, body)
        key = self._find(agent_id, secret)
        key |= {name: body[name] for name in ("allowed_domains", "name") if name in body}
        self._store.put("client-key", key, parent=agent_id)

    def delete(self, agent_id: str, secret: str) -> None:
        """``DELETE /agents/{id}/client-keys/{key}``."""
        self._find(agent_id, secret)
        self._store.delete("client-key", secret)

    def _find(self, agent_id: str, secret: str) -> dict[str, Any]:
        key = self.known(secret)
        if key is None or key.get("resource_id") != agent_id:
            raise not_found("Agent or client key")
        return key

    # Of the account, deprecated

    def of_account(self) -> dict[str, Any]:
        """``GET /agents/client-key``."""
        keys = self._store.all("client-key", _ACCOUNT_KEY)
        if not keys:
            raise not_found("Client key")
        return {name: keys[0][name] for name in ("allowed_domains", "client_key")}

    def create_for_account(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """``POST /agents/client-key``: one an account."""
        check(NewKey, body)
        if self._store.all("client-key", _ACCOUNT_KEY):
            raise bad_request("User already has a client key for agents")
        key = self._new(body)
        self._store.put("client-key", key, parent=_ACCOUNT_KEY)
        return {"client_key": key["client_key"]}

    def update_for_account(self, body: Mapping[str, Any]) -> None:
        """``PATCH /agents/client-key``."""
        check(NewKey, body)
        secret = self.of_account()["client_key"]
        key = self.known(secret) or {}
        key["allowed_domains"] = body["allowed_domains"]
        self._store.put("client-key", key, parent=_ACCOUNT_KEY)

    def _new(self, body: Mapping[str, Any]) -> dict[str, Any]:
        secret = self._store.new_id("ck_")
        key = {
            "id": secret,
            "client_key": secret,
            "allowed_domains": body["allowed_domains"],
            "created_at": timestamp(),
        }
        return key | ({"name": body["name"]} if "name" in body else {})


def shown(key: Mapping[str, Any]) -> dict[str, Any]:
    """A key as its documents have it."""
    return {name: value for name, value in key.items() if name != "id"}


def check_use(key: Mapping[str, Any], method: str, path: str, origin: str | None) -> None:
    """Refuse what a client key is not for: other pages, other agents, other calls.

    A client that is no browser has to send the ``Origin`` of an allowed domain (protocol 1.4).
    """
    agent = path.removeprefix("/v2").split("/")[2:3]
    of_another = key.get("resource_id") not in (None, *agent)
    is_open = _OPEN_TO_CLIENT_KEYS.fullmatch(path) is not None
    is_edit = path.count("/") == 2 and method != "GET"
    if origin not in key["allowed_domains"] or of_another or not is_open or is_edit:
        raise denied()


def denied() -> Refusal:
    """The authorizer's own way to say no (protocol 1.6)."""
    return Refusal(
        403, "Forbidden", "User is not authorized to access this resource with an explicit deny"
    )
