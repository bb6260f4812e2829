"""V2 sessions: for whom they are, what opens them, and that they end."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from did_tui.emulator import sessions
from did_tui.emulator.brain import BuiltInBrain
from did_tui.emulator.jwt import InvalidToken, claims_of, token_of
from did_tui.emulator.server import create_app
from did_tui.emulator.service import Service
from did_tui.emulator.store import Store
from did_tui.emulator.voice import Voice

CLIP = {"type": "clip", "presenter_id": "v2_public_otto@emulator"}
ROOM = {"provider": "livekit", "server_url": "wss://a.b", "token": "t", "room_name": "r"}
NOW = 1_800_000_000.0


class Clock:
    """The time of day."""

    now = NOW

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(sessions, "time", clock)
    return clock


@pytest.fixture
def http(clock: Clock) -> Iterator[TestClient]:
    emulated = Service(Store(), BuiltInBrain(), Voice(engines=()), addresses=["127.0.0.1"])
    with TestClient(create_app(emulated, "demo:emulator")) as client:
        client.headers["Authorization"] = "Basic demo:emulator"
        yield client


def service(http: TestClient) -> Service:
    return http.app.state.service  # type: ignore[attr-defined, no-any-return]


def an_agent(http: TestClient, kind: str = "expressive") -> str:
    answer = http.post("/agents", json={"presenter": {**CLIP, "type": kind}})
    return str(answer.json()["id"])


def opened(http: TestClient, agent: str, **body: Any) -> dict[str, Any]:
    answer = http.post(f"/v2/agents/{agent}/sessions", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def part(token: str, index: int) -> Any:
    return json.loads(base64.urlsafe_b64decode(token.split(".")[index] + "==="))


def test_a_session_is_opened_listed_got_and_ends(http: TestClient, clock: Clock) -> None:
    agent, other = an_agent(http), an_agent(http)
    session = opened(http, agent, transport={"provider": "livekit"})
    assert set(session) == {"id", "session_url", "session_token", "interrupt_enabled"}
    assert session["session_url"] == "ws://testserver"
    path = f"/agents/{agent}/sessions"
    assert http.get(path).json() == [session]
    assert http.get(f"{path}/{session['id']}").json() == session
    assert http.get(f"/agents/{other}/sessions").json() == []
    assert http.get(f"/agents/{other}/sessions/{session['id']}").status_code == 404
    clock.now += http.get("/settings").json()["agents"]["session_ttl"]
    assert http.get(path).json() == []
    assert http.get(f"{path}/{session['id']}").status_code == 404


def test_the_token_is_livekits_and_opens_its_room_while_it_lasts(
    http: TestClient, clock: Clock
) -> None:
    session = opened(http, an_agent(http))
    token, rooms = session["session_token"], service(http).sessions
    assert part(token, 0) == {"alg": "HS256", "typ": "JWT"}
    claims = part(token, 1)
    assert (claims["nbf"], claims["exp"]) == (NOW, NOW + 120)
    assert claims["iss"]
    assert claims["sub"]
    opened_by_it, said = rooms.admit(token)
    assert (opened_by_it.id, said) == (session["id"], claims)
    assert claims["video"]["room"] == session["id"]
    assert claims["video"]["roomJoin"]
    assert claims["video"]["canUpdateOwnMetadata"]
    with pytest.raises(InvalidToken):
        rooms.admit(http.get(f"/agents/{an_agent(http)}/stt-token").json()["token"])
    clock.now += 120
    with pytest.raises(InvalidToken):
        rooms.admit(token)


def test_the_chat_of_a_session_is_there_and_kept_unless_told_otherwise(http: TestClient) -> None:
    agent = an_agent(http)
    for body, kept in (
        ({}, True),
        ({"chat_persist": True}, True),
        ({"chat_persist": False}, False),
    ):
        session = opened(http, agent, **body)
        assert service(http).chats.find(agent, f"cht_{session['id']}")["persist_messages"] is kept


def test_an_avatar_is_asked_into_a_room_elsewhere(http: TestClient) -> None:
    agent = an_agent(http)
    path = f"/v2/agents/{agent}/sessions/join"
    body = {"transport": ROOM, "audio_config": {"sample_rate": 16_000}}
    joined = http.post(path, json=body)
    assert (joined.status_code, set(joined.json())) == (201, {"id"})
    listed = http.get(f"/agents/{agent}/sessions").json()
    assert listed == [{"id": joined.json()["id"], "interrupt_enabled": True}]
    bodies: tuple[dict[str, Any], ...] = (
        {},
        {"transport": {**ROOM, "provider": "smoke"}},
        {"transport": {**ROOM, "server_url": "nowhere"}},
        {"transport": {**ROOM, "token": ""}},
        {**body, "audio_config": {"sample_rate": 8_000}},
    )
    for wrong in bodies:
        assert http.post(path, json=wrong).status_code == 400, wrong


@pytest.mark.parametrize("body", [{}, {"transport": "livekit"}, {"transport_provider": "livekit"}])
def test_older_forms_are_understood(http: TestClient, body: dict[str, Any]) -> None:
    assert opened(http, an_agent(http), **body)["session_token"]


def test_who_gets_no_session(http: TestClient) -> None:
    agent = an_agent(http)

    def refused(agent: str, body: dict[str, Any]) -> tuple[int, str]:
        answer = http.post(f"/v2/agents/{agent}/sessions", json=body)
        return answer.status_code, answer.json()["kind"]

    assert refused("agt_none", {}) == (404, "NotFound")
    assert refused(an_agent(http, "clip"), {}) == (400, "BadRequest")
    bodies: tuple[dict[str, Any], ...] = (
        {"transport": {"provider": "smoke"}},
        {"transport": {}},
        {"chat_persist": "yes"},
    )
    for wrong in bodies:
        assert refused(agent, wrong) == (400, "BadRequest"), wrong
    assert http.get(f"/agents/{agent}/sessions").json() == []
    limits = service(http).limits
    limits.sessions = 1
    opened(http, agent)
    assert refused(agent, {}) == (403, "Forbidden")
    limits.credits = 0
    assert refused(agent, {}) == (402, "InsufficientCreditsError")


def test_a_speech_token_runs_out(http: TestClient) -> None:
    token = http.get(f"/agents/{an_agent(http)}/stt-token").json()
    assert set(token) == {"token", "region"}
    assert part(token["token"], 1)["exp"] == NOW + 600
    assert http.get("/agents/agt_none/stt-token").status_code == 404


def test_a_token_is_signed_as_rfc_7515_has_it() -> None:
    token = token_of({"nbf": 1, "exp": 3}, b"secret")
    head, _, signature = token.rpartition(".")
    signed = hmac.new(b"secret", head.encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(signature + "=") == signed
    assert claims_of(token, b"secret", 2) == {"nbf": 1, "exp": 3}
    for wrong, secret, now in (
        (token, b"other", 2.0),
        (token, b"secret", 0.0),
        (token, b"secret", 3.0),
        (f"x{token}", b"secret", 2.0),
        ("", b"secret", 2.0),
        ("a.b.c", b"secret", 2.0),
        ("é.é.é", b"secret", 2.0),
        (token_of({}, b"secret"), b"secret", 2.0),
    ):
        with pytest.raises(InvalidToken):
            claims_of(wrong, secret, now)
