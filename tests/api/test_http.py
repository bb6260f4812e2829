"""Repeating, waiting, noting: how requests are made."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import httpx
import pytest

from did_tui.api import errors
from did_tui.api.client import Client
from did_tui.api.credentials import Credentials
from did_tui.api.requestlog import LONGEST_LOG, RequestLog

Answer = httpx.Response | Exception


class Script:
    """Gives these answers in turn, the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self) -> Client:
        return Client(Credentials.parse("user:pass"), transport=httpx.MockTransport(self))


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What is waited for between attempts, without waiting."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return waited


BROKEN = httpx.RemoteProtocolError("peer closed connection")
FINE = httpx.Response(200, json={"id": "x"})


def status(code: int, **headers: str) -> httpx.Response:
    return httpx.Response(code, json={"kind": "K", "description": "d"}, headers=headers)


@pytest.mark.parametrize("trouble", [BROKEN, status(502), status(503), status(504), status(429)])
async def test_what_may_be_repeated_is(trouble: Answer, pauses: list[float]) -> None:
    script = Script(trouble, trouble, FINE)
    assert (await script.client().agent("x")).id == "x"
    assert len(script.requests) == 3
    assert pauses == [0.2, 0.8]


async def test_it_is_given_up_after_three(pauses: list[float]) -> None:
    script = Script(status(503))
    with pytest.raises(errors.ServiceFailure):
        await script.client().agent("x")
    assert len(script.requests) == 3


async def test_it_waits_as_long_as_it_is_told_to(pauses: list[float]) -> None:
    headers = {"Retry-After": "3"}
    script = Script(status(429, **headers), FINE)
    await script.client().agent("x")
    assert pauses == [3.0]


async def test_a_long_wait_is_the_users_to_know(pauses: list[float]) -> None:
    headers = {"Retry-After": "60"}
    script = Script(status(429, **headers), FINE)
    with pytest.raises(errors.RateLimited) as refused:
        await script.client().agent("x")
    assert refused.value.retry_after == 60
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.create_agent({}),
        lambda client: client.update_agent("x", {}),
        lambda client: client.query_knowledge("x", "y"),
        lambda client: client.runtime("x", connection="0123456789abc"),
    ],
)
async def test_nothing_else_is_repeated(
    call: Callable[[Client], object], pauses: list[float]
) -> None:
    for trouble in (BROKEN, status(503), status(429)):
        script = Script(trouble, FINE)
        with pytest.raises(errors.DidError):
            await call(script.client())  # type: ignore[misc]
        assert len(script.requests) == 1


@pytest.mark.parametrize(
    "trouble", [status(400), status(401), status(404), status(500), httpx.ReadTimeout("")]
)
async def test_what_would_not_help_is_not_tried(trouble: Answer, pauses: list[float]) -> None:
    script = Script(trouble, FINE)
    with pytest.raises(errors.DidError):
        await script.client().agent("x")
    assert len(script.requests) == 1


async def test_a_deletion_whose_answer_was_lost_has_happened(pauses: list[float]) -> None:
    await Script(BROKEN, status(404)).client().delete_agent("x")
    with pytest.raises(errors.NotFound):
        await Script(status(404)).client().delete_agent("x")


@pytest.mark.parametrize("identifier", ["", ".", ".."])
async def test_what_has_no_id_is_never_asked_for(identifier: str) -> None:
    script = Script(FINE)
    for call in (Client.delete_agent, Client.delete_chats, Client.delete_knowledge):
        with pytest.raises(errors.NoId):
            await call(script.client(), identifier)
    assert script.requests == []


async def test_an_id_cannot_become_another_path() -> None:
    script = Script(FINE)
    client = script.client()
    await client.delete_knowledge("a/../b?c#d")
    await client.delete_document("knl_1", "knl_1#doc_2")
    assert [request.url.raw_path for request in script.requests] == [
        b"/knowledge/a%2F..%2Fb%3Fc%23d",
        b"/knowledge/knl_1/documents/doc_2",
    ]


async def test_the_log_says_what_was_asked_and_no_secret(pauses: list[float]) -> None:
    said = {"message": "'user:pass' not a valid key=value pair in Authorization header"}
    script = Script(BROKEN, FINE, httpx.Response(403, json=said))
    client = script.client()
    await client.agent("agt_1")
    with pytest.raises(errors.UnknownRoute):
        await client.delete_client_key("agt_1", "ck_secret")
    requests = list(client.log)
    assert [(r.method, r.path, r.status) for r in requests] == [
        ("GET", "/agents/agt_1", 0),
        ("GET", "/agents/agt_1", 200),
        ("DELETE", "/agents/agt_1/client-keys/…", 403),
    ]
    assert requests[0].error
    assert not requests[1].error
    for secret in ("user:pass", "ck_secret"):
        assert secret not in repr(requests)


def test_the_log_is_bounded() -> None:
    log = RequestLog()
    for number in range(LONGEST_LOG * 2):
        log.add("GET", f"/{number}" + "x" * 100_000, 200, 0.1, "e" * 100_000)
    assert len(log) == LONGEST_LOG
    assert len(repr(list(log))) < LONGEST_LOG * 1000


async def test_the_bodies_that_the_documents_show() -> None:

    script = Script(httpx.Response(200, json={}))
    client = script.client()
    await client.start_export("agt_1", start="2026-01-01", token="t")
    await client.test_webhook("http://x", secret_id="s", headers={"A": "b"})
    await client.create_agent({"presenter": {}}, elevenlabs_key="k")
    await client.create_session("agt_1", chat_persist=False)
    await client.update_client_key("agt_1", "ck", domains=["http://x"])
    await client.upload_image("face.png", b"PNG")
    bodies = [json.loads(request.content) for request in script.requests[:5]]
    assert bodies == [
        {"agent_id": "agt_1", "from": "2026-01-01", "token": "t"},
        {
            "event_type": "chat/end",
            "url": "http://x",
            "headers": {"A": "b"},
            "auth": {"secret_id": "s"},
        },
        {"presenter": {}},
        {"transport": {"provider": "livekit"}, "chat_persist": False},
        {"allowed_domains": ["http://x"]},
    ]
    assert script.requests[2].headers["x-api-key-external"] == '{"elevenlabs": "k"}'
    assert script.requests[3].url.path == "/v2/agents/agt_1/sessions"
    upload = script.requests[5]
    assert upload.headers["content-type"].startswith("multipart/form-data")
    assert b'filename="face.png"' in upload.content
