"""Chats without a stream: modes, ratings, feedback."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator

import av
import pytest
from starlette.testclient import TestClient

from did_tui.emulator.brain import BuiltInBrain
from did_tui.emulator.server import create_app
from did_tui.emulator.service import Service
from did_tui.emulator.store import Store
from did_tui.emulator.voice import Voice


@pytest.fixture
def http() -> Iterator[TestClient]:
    brain = BuiltInBrain(words_a_second=10_000)
    service = Service(Store(seed=3), brain, Voice(), addresses=["127.0.0.1"], seed=3)
    with TestClient(create_app(service, "demo:emulator"), raise_server_exceptions=False) as client:
        client.headers.update({"Authorization": "Basic demo:emulator"})
        yield client


def agent_of(http: TestClient, name: str = "Kai") -> dict[str, str]:
    agents = http.get("/agents/me").json()["agents"]
    return next(dict(agent) for agent in agents if agent["preview_name"] == name)


@pytest.fixture
def chat(http: TestClient) -> str:
    """The path of a chat with Kai."""
    agent = agent_of(http)["id"]
    chat = http.post(f"/agents/{agent}/chat", json={"persist": True}).json()
    return f"/agents/{agent}/chat/{chat['id']}"


def message(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text, "created_at": "now"}]


@pytest.mark.parametrize("mode", ["TextOnly", "Playground", "Functional"])
def test_without_a_stream_the_answer_is_the_result(http: TestClient, chat: str, mode: str) -> None:
    body = {"chatMode": mode, "messages": message("What is an espresso?")}
    answer = http.post(chat, json=body).json()
    assert answer["chatMode"] == mode
    assert "eighteen grams" in answer["result"]
    assert answer["matches"][0]["document_id"] in answer["documentIds"]


@pytest.mark.parametrize("mode", ["Maintenance", "DirectPlayback", "Off", "Dance"])
def test_modes_without_messages(http: TestClient, chat: str, mode: str) -> None:
    refused = http.post(chat, json={"chatMode": mode, "messages": message("Hello")})
    assert refused.status_code == 400


def test_the_playground_is_told_by_its_header(http: TestClient, chat: str) -> None:
    header = {"X-Playground-Chat": "true"}
    made = http.post(f"/agents/{agent_of(http)['id']}/chat", json={}, headers=header)
    assert made.json()["chat_mode"] == "Playground"
    answer = http.post(chat, json={"messages": message("Hello")}, headers=header).json()
    assert answer["chatMode"] == "Playground"
    assert answer["result"]


def test_a_rating_is_made_changed_and_deleted(http: TestClient, chat: str) -> None:
    body = {"message_id": "m1", "score": 1, "knowledge_id": "", "matches": [["doc", "rec"]]}
    made = http.post(f"{chat}/ratings", json=body).json()
    assert {key: made[key] for key in body} == body
    path = f"{chat}/ratings/{made['id']}"
    changed = http.patch(path, json={"score": -1}).json()
    assert changed == made | {"score": -1, "modified_at": changed["modified_at"]}
    assert http.request("DELETE", path).json()["id"] == made["id"]
    assert http.request("DELETE", path).status_code == 404
    assert http.patch(path, json={"score": 1}).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message_id": "m"},
        {"message_id": "m", "score": 0},
        {"message_id": "m", "score": "1"},
        {"message_id": 5, "score": 1},
        {"message_id": "m", "score": 1, "matches": "x"},
    ],
)
def test_what_is_no_rating(http: TestClient, chat: str, body: object) -> None:
    assert http.post(f"{chat}/ratings", json=body).status_code == 400


def test_feedback_at_the_end(http: TestClient, chat: str) -> None:
    given = http.post(f"{chat}/feedback", json={"rating": 5, "answer": "fine"}).json()
    assert given["rating"] == 5
    assert given["chat_id"] in chat
    for bad in ({}, {"rating": 0}, {"rating": 6}, {"rating": True}, {"rating": 3, "answer": 5}):
        assert http.post(f"{chat}/feedback", json=bad).status_code == 400
    assert http.post(f"{chat}x/feedback", json={"rating": 1}).status_code == 404


def test_an_agents_chats_can_be_deleted(http: TestClient, chat: str) -> None:
    agent = agent_of(http)["id"]
    assert len(http.request("DELETE", f"/agents/{agent}/chats").json()) == 1
    assert http.post(chat, json={"messages": message("Hello")}).status_code == 404


def test_a_legacy_agent_has_an_idle_video_that_loops(http: TestClient) -> None:
    agent = agent_of(http, "Juno")
    runtime = http.get(f"/agents/{agent['id']}/runtime").json()
    full = http.get(f"/agents/{agent['id']}").json()
    assert runtime["idle_video"] == full["presenter"]["idle_video"]
    assert "idle_video" not in http.get(f"/agents/{agent_of(http)['id']}/runtime").json()
    video = http.get(runtime["idle_video"]).content
    with av.open(io.BytesIO(video), "r") as container:
        pictures = [frame.to_ndarray(format="gray8").astype(int) for frame in container.decode()]
    assert len(pictures) > 100
    steps = [abs(a - b).mean() for a, b in itertools.pairwise(pictures)]
    assert abs(pictures[0] - pictures[-1]).mean() < 2 * max(steps) + 1
    assert max(abs(picture - pictures[0]).mean() for picture in pictures) > max(steps) / 2 > 0
