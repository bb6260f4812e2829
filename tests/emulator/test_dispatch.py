"""Rooms on a LiveKit server: what opens them, and what a worker asks about them."""

from __future__ import annotations

import argparse
import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from did_tui.__main__ import main
from did_tui.emulator.brain import BuiltInBrain
from did_tui.emulator.command import LIVEKIT_VARIABLES, CannotServe, livekit_of
from did_tui.emulator.dispatch import WORKER, LiveKit
from did_tui.emulator.server import create_app
from did_tui.emulator.service import Service
from did_tui.emulator.store import Store
from did_tui.emulator.voice import Voice

LIVEKIT = LiveKit("ws://127.0.0.1:1", "key", "a-secret-that-is-long-enough-for-sha256")


@pytest.fixture
def http() -> Iterator[TestClient]:
    service = Service(
        Store(),
        BuiltInBrain(words_a_second=1e6),
        Voice(engines=()),
        addresses=["127.0.0.1"],
        livekit=LIVEKIT,
    )
    with TestClient(create_app(service, "demo:emulator")) as client:
        yield client


def opened(http: TestClient) -> dict[str, Any]:
    headers = {"Authorization": "Basic demo:emulator"}
    agents = http.get("/agents/me", headers=headers).json()["agents"]
    iris = next(agent["id"] for agent in agents if agent["preview_name"] == "Iris")
    return dict(http.post(f"/v2/agents/{iris}/sessions", json={}, headers=headers).json())


def test_the_token_lets_a_user_in_and_calls_a_worker(http: TestClient) -> None:
    session = opened(http)
    assert session["session_url"] == LIVEKIT.url
    claims = json.loads(base64.urlsafe_b64decode(session["session_token"].split(".")[1] + "=="))
    assert claims["iss"] == "key"
    assert claims["sub"].startswith("user_")
    assert claims["video"]["room"] == session["id"]
    assert claims["video"]["roomJoin"]
    assert not claims["video"].get("roomAdmin")
    room = claims["roomConfig"]
    assert room["maxParticipants"] == 2
    (agent,) = room["agents"]
    assert agent["agentName"] == WORKER
    assert json.loads(agent["metadata"]) == {
        "base": "http://testserver",
        "session": session["id"],
    }
    assert LIVEKIT.secret not in json.dumps(claims)
    assert LIVEKIT.secret not in repr(LIVEKIT)


def test_a_worker_asks_for_its_job_and_for_answers(http: TestClient) -> None:
    session, other = opened(http), opened(http)
    path = f"/emulator/sessions/{session['id']}"
    for token in ("", "x", LIVEKIT.question(other["id"]), session["session_token"]):
        headers = {"Authorization": f"Bearer {token}"}
        assert http.get(path, headers=headers).status_code == 401
        assert http.post(f"{path}/answer", headers=headers).status_code == 401
        assert http.post(f"{path}/ended", headers=headers).status_code == 401
    headers = {"Authorization": f"Bearer {LIVEKIT.question(session['id'])}"}
    job = http.get(path, headers=headers).json()
    assert job["agent"]["preview_name"] == "Iris"
    assert job["look"] == "iris"
    assert job["greets"] is True
    assert http.get(path, headers=headers).json()["greets"] is False
    asked = {"text": "Why is the sky blue?", "head": {"id": "msg_1", "role": "assistant"}}
    answer = http.post(f"{path}/answer", json=asked, headers=headers)
    *pieces, whole = [json.loads(line) for line in answer.text.splitlines()]
    assert "".join(pieces).strip() == whole["content"]
    assert whole["matches"][0]["title"] == asked["text"]
    assert http.post(f"{path}/ended", headers=headers).json() == {}
    assert http.get(path, headers=headers).status_code == 404


def options(**given: object) -> argparse.Namespace:
    none = {"livekit_url": "", "livekit_key": "", "livekit_secret": "", "worker": False}
    return argparse.Namespace(**none | given)


def test_a_server_is_named_by_options_and_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable in LIVEKIT_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    assert livekit_of(options()) is None
    with pytest.raises(CannotServe, match="--livekit-secret"):
        livekit_of(options(livekit_url="ws://a"))
    with pytest.raises(CannotServe, match="LIVEKIT_API_SECRET"):
        livekit_of(options(worker=True))
    for variable, value in zip(LIVEKIT_VARIABLES, ("ws://b", "k", "s"), strict=True):
        monkeypatch.setenv(variable, value)
    assert livekit_of(options()) is None, "the environment alone means other programs"
    assert livekit_of(options(livekit_url="ws://a")) == LiveKit("ws://a", "k", "s")
    assert livekit_of(options(worker=True)) == LiveKit("ws://b", "k", "s")
    monkeypatch.delenv("LIVEKIT_URL")
    assert main(["emulator", "--worker"]) == 2
    assert "LIVEKIT_URL" in capsys.readouterr().err
    monkeypatch.setattr("did_tui.emulator.command.installed", lambda: False)
    with pytest.raises(CannotServe, match=r"did-tui\[livekit\]"):
        livekit_of(options(livekit_url="ws://a"))
