"""A profile that only reads: what it may ask, and that nothing else leaves this machine."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest

from did_tui.api.client import Client
from did_tui.api.credentials import Credentials
from did_tui.api.errors import ReadOnly
from did_tui.api.operations import OPERATIONS
from did_tui.api.readonly import is_allowed

#: What is no GET and may be asked all the same.
TALKING = {
    "POST /agents/{}/chat",
    "POST /agents/{}/chat/{}",
    "POST /agents/{}/streams",
    "POST /agents/{}/streams/{}",
    "POST /agents/{}/streams/{}/sdp",
    "POST /agents/{}/streams/{}/ice",
    "DELETE /agents/{}/streams/{}",
    "POST /v2/agents/{}/sessions",
    "POST /v2/agents/{}/sessions/join",
    "POST /knowledge/{}/query",
}


def test_of_all_operations_only_reading_and_talking_are_allowed() -> None:
    lines = {(one.method, re.sub(r"{[^}]*}", "{}", one.path)) for one in OPERATIONS}
    allowed = {f"{m} {p}" for m, p in lines if is_allowed(m, p.format(*"abc"))}
    assert {line for line in allowed if not line.startswith("GET")} == TALKING
    assert all(f"{m} {p}" in allowed for m, p in lines if m == "GET")


@pytest.mark.parametrize(
    "line",
    [
        "POST /agents",
        "POST /agents/client-key",
        "POST /agents/chats/exports",
        "DELETE /agents/x/chats",
        "POST /agents/a%2Fb/chat/x/ratings",
        "POST /agents/x/chat/y\nz/ratings",
    ],
)
def test_what_looks_like_talking_and_is_not(line: str) -> None:
    assert not is_allowed(*line.split(" ", 1))


def test_what_is_refused_is_not_sent() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        return httpx.Response(200, json={"id": "cht_1"})

    async def run() -> None:
        client = Client(Credentials.parse("a:b"), transport=httpx.MockTransport(answer))
        client.read_only = True
        for call in (
            client.create_agent({}),
            client.update_agent("a", {}),
            client.delete_agent("a"),
            client.update_secret("s", {}),
            client.upload_image("x.png", b""),
        ):
            with pytest.raises(ReadOnly, match="read-only"):
                await call
        assert asked == []
        await client.create_chat("a")
        await client.agent("a")
        assert asked == ["POST /agents/a/chat", "GET /agents/a"]

    asyncio.run(run())
