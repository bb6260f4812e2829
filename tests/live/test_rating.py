"""What the user thinks of an answer, told to the service as its own client does (protocol 2.3)."""

from __future__ import annotations

import json

import httpx
import pytest

from did_tui.api.client import Client
from did_tui.api.credentials import Credentials
from did_tui.api.errors import NotFound
from did_tui.live import events as e
from did_tui.live.media.playback import Playback
from did_tui.live.runner import Runner

CITATION = e.Citation("Title", "…", "", "mat_1", "doc_1", "knl_1")


class Service:
    def __init__(self) -> None:
        self.asked: list[tuple[str, str, object]] = []
        self.refuses = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        self.asked.append((request.method, request.url.path, body))
        if self.refuses:
            return httpx.Response(404, json={"kind": "NotFound", "description": "no"})
        return httpx.Response(200, json={"id": "rat_1"})


def runner_on(service: Service) -> Runner:
    client = Client(Credentials.parse("user:pass"), transport=httpx.MockTransport(service))
    runner = Runner(client, "agt_1", Playback(sink="none"))
    runner.known.chat_id = "cht_1"
    for event in (e.Opening(), e.StepDone("chat"), e.StepDone("channel")):
        runner.conversation.apply(event, 0)
    runner.conversation.apply(e.UserSaid("u1", "?"), 0)
    runner.conversation.apply(e.Answer("Yes.", "socket", "msg_1"), 0)
    runner.conversation.apply(e.Responded("u1", "", (CITATION,)), 0)
    return runner


async def test_a_rating_is_made_changed_and_taken_back() -> None:
    service = Service()
    runner = runner_on(service)
    message = runner.conversation.messages[-1]
    await runner.rate(message.id, 1)
    assert message.rating == 1
    await runner.rate(message.id, 1)
    await runner.rate(message.id, -1)
    await runner.rate(message.id, 0)
    path = "/agents/agt_1/chat/cht_1/ratings"
    fields = {"knowledge_id": "knl_1", "message_id": "msg_1", "matches": [["doc_1", "mat_1"]]}
    assert service.asked == [
        ("POST", path, fields | {"score": 1}),
        ("PATCH", f"{path}/rat_1", fields | {"score": -1}),
        ("DELETE", f"{path}/rat_1", None),
    ]
    assert (message.rating, message.rating_id) == (0, "")


async def test_a_refused_rating_changes_nothing() -> None:
    service = Service()
    service.refuses = True
    runner = runner_on(service)
    with pytest.raises(NotFound):
        await runner.rate(runner.conversation.messages[-1].id, 1)
    assert runner.conversation.messages[-1].rating == 0


async def test_feedback_after_the_call() -> None:
    service = Service()
    runner = runner_on(service)
    await runner.close()
    await runner.give_feedback(9, "Very good.")
    path = "/agents/agt_1/chat/cht_1/feedback"
    assert service.asked == [("POST", path, {"rating": 5, "answer": "Very good."})]


async def test_playground_has_its_header() -> None:
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("x-playground-chat"))
        return httpx.Response(200, json={"id": "c", "matches": []})

    client = Client(Credentials.parse("user:pass"), transport=httpx.MockTransport(answer))
    for mode in ("Functional", "Playground"):
        await client.create_chat("a", mode=mode)
        await client.send_message("a", "c", [], mode=mode)
    assert seen == [None, None, "true", "true"]
