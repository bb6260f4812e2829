"""The emulator's routes, and what they say to nonsense."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from did_tui.emulator.brain import BuiltInBrain
from did_tui.emulator.server import create_app
from did_tui.emulator.service import Service
from did_tui.emulator.store import Store
from did_tui.emulator.voice import Voice

CLIP = {"type": "clip", "presenter_id": "v2_public_kai@emulator"}
TALK = {"type": "talk", "source_url": "http://x/ada.png", "thumbnail": "http://x/ada.png"}
AUTH = {"Authorization": "Basic demo:emulator"}


@pytest.fixture
def http() -> Iterator[TestClient]:
    service = Service(Store(seed=3), BuiltInBrain(), Voice(), addresses=["127.0.0.1"], seed=3)
    with TestClient(create_app(service, "demo:emulator"), raise_server_exceptions=False) as client:
        client.headers.update(AUTH)
        yield client


def agent_id(http: TestClient, name: str = "Mira") -> str:
    agents = http.get("/agents/me").json()["agents"]
    return str(next(agent["id"] for agent in agents if agent["preview_name"] == name))


def test_ids_and_data_are_the_same_with_the_same_seed() -> None:
    def contents() -> list[dict[str, object]]:
        store = Store(seed=3)
        Service(store, BuiltInBrain(), Voice(), addresses=None, seed=3)
        return store.all("agent") + store.all("knowledge") + store.all("document")

    assert contents() == contents()


def test_agents_can_be_made_changed_and_deleted(http: TestClient) -> None:
    made = http.post("/agents", json={"presenter": TALK, "preview_name": "Ada"})
    assert made.status_code == 200
    ada = made.json()
    assert ada["id"].startswith("agt_")
    changed = http.patch(f"/agents/{ada['id']}", json={"preview_name": "Ada L.", "new": {"a": 1}})
    assert changed.json()["preview_name"] == "Ada L."
    assert http.get(f"/agents/{ada['id']}").json()["new"] == {"a": 1}
    assert http.delete(f"/agents/{ada['id']}").status_code == 200
    assert http.get(f"/agents/{ada['id']}").status_code == 404


def test_the_list_in_pages_and_as_the_bare_array(http: TestClient) -> None:
    first = http.get("/agents/me", params={"limit": 2}).json()
    second = http.get("/agents/me", params={"limit": 2, "token": first["token"]}).json()
    third = http.get("/agents/me", params={"limit": 2, "token": second["token"]}).json()
    assert "token" not in third
    paged = first["agents"] + second["agents"] + third["agents"]
    bare = http.get("/agents").json()
    assert isinstance(bare, list)
    assert {agent["id"] for agent in paged} == {agent["id"] for agent in bare}


def test_the_order_of_the_list(http: TestClient) -> None:
    http.post("/agents", json={"presenter": CLIP, "preview_name": "New"})
    query = {"sort_by": "created_at", "order": "descending", "limit": "1"}
    assert http.get("/agents/me", params=query).json()["agents"][0]["preview_name"] == "New"
    query["order"] = "ascending"
    assert http.get("/agents/me", params=query).json()["agents"][0]["preview_name"] != "New"
    kai = agent_id(http, "Kai")
    http.post(f"/agents/{kai}/chat", json={})
    query |= {"sort_by": "chats", "order": "descending"}
    assert http.get("/agents/me", params=query).json()["agents"][0]["preview_name"] == "Kai"
    for bad in ({"sort_by": "size"}, {"order": "random"}, {"limit": "0"}, {"token": "x"}):
        assert http.get("/agents/me", params=bad).status_code == 400, bad


def test_the_runtime_view_has_what_the_sdk_needs(http: TestClient) -> None:
    view = http.get(f"/agents/{agent_id(http)}/runtime").json()
    assert view["avatar"]["type"] == "clip"
    assert view["thumbnail"].startswith("http")
    assert view["greetings"]


def test_the_key_is_wanted_everywhere(http: TestClient) -> None:
    http.headers.pop("authorization")
    for path in ("/agents/me", "/agents", "/agents/x/runtime", "/knowledge"):
        refused = http.get(path)
        assert refused.status_code == 401
        assert refused.json() == {
            "kind": "AuthorizationError",
            "description": "user unauthenticated",
        }


def test_every_form_of_credentials_opens_the_door(http: TestClient) -> None:
    service = http.app.state.service  # type: ignore[attr-defined]
    client_key = service.store.all("client-key")[0]["client_key"]
    agent = service.store.all("client-key")[0]["resource_id"]
    forms = [
        "Basic demo:emulator~0123456789abc",
        "Basic ZGVtbzplbXVsYXRvcg==",
        "Basic ZGVtbzplbXVsYXRvcjo=",
        "Bearer demo:emulator~c1",
    ]
    headers = {
        "Authorization": f"Client-Key {client_key}.visitor_0123456789abc",
        "Origin": "http://localhost",
    }
    assert http.get(f"/agents/{agent}/runtime", headers=headers).status_code == 200
    for form in forms:
        assert http.get("/agents/me", headers={"Authorization": form}).status_code == 200, form
    for form in ("Basic demo:other", "Bearer x", "Client-Key ck_none.a_b", "demo:emulator"):
        assert http.get("/agents/me", headers={"Authorization": form}).status_code == 401, form


def test_a_browser_may_ask(http: TestClient) -> None:
    wanted = "authorization,content-type,x-playground-chat,x-api-key-external"
    answer = http.options(
        "/agents/me",
        headers={
            "Origin": "http://localhost:3000",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": wanted,
        },
    )
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] in ("*", "http://localhost:3000")


def test_a_route_that_does_not_exist_looks_like_an_authorization_problem(http: TestClient) -> None:
    for answer in (http.get("/agent"), http.put("/agents"), http.post("/agents/x/stream")):
        assert answer.status_code == 403
        assert "'Credential' parameter" in answer.json()["message"]
        assert answer.json()["kind"]


BAD_BODIES = [b"{", b"[]", b"5", b'"x"', b"\xff\xfe", b"{" * 5000]


@pytest.mark.parametrize("body", BAD_BODIES)
def test_a_body_that_is_no_object(http: TestClient, body: bytes) -> None:
    agent = agent_id(http)
    for path in ("/agents", f"/agents/{agent}/chat", f"/agents/{agent}/streams"):
        refused = http.post(path, content=body)
        assert refused.status_code == 400, path
        assert refused.json()["kind"] == "BadRequest"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"presenter": None},
        {"presenter": "clip"},
        {"presenter": {"type": "hologram"}},
    ],
)
def test_an_agent_needs_a_presenter(http: TestClient, body: object) -> None:
    assert http.post("/agents", json=body).status_code == 400


@pytest.mark.parametrize(
    "messages",
    [None, [], "x", [1], [{}], [{"content": 5}], [{"content": "  "}], {"content": "x"}],
)
def test_a_message_must_be_one(http: TestClient, messages: object) -> None:
    agent = agent_id(http)
    chat = http.post(f"/agents/{agent}/chat", json={"persist": True}).json()["id"]
    refused = http.post(f"/agents/{agent}/chat/{chat}", json={"messages": messages})
    assert refused.status_code == 400
    assert refused.json()["description"]


def test_a_stream_is_real_webrtc_and_goes_away(http: TestClient) -> None:
    agent = agent_id(http)
    stream = http.post(f"/agents/{agent}/streams", json={"fluent": True}).json()
    sdp = stream["offer"]["sdp"]
    assert stream["offer"] == stream["jsep"]
    assert "m=audio" in sdp
    assert "m=video" in sdp
    assert "webrtc-datachannel" in sdp
    assert "a=sendonly" in sdp
    assert "VP8" in sdp
    assert " 127.0.0.1 " in sdp
    assert stream["fluent"] is True
    assert "AWSALB=" in stream["session_id"]
    path = f"/agents/{agent}/streams/{stream['id']}"
    body = {"session_id": stream["session_id"]}
    # Candidates may come before the answer, and the end of them in two forms.
    early = {"candidate": "candidate:1 1 udp 2130706431 127.0.0.1 9 typ host", "sdpMid": "0"}
    assert http.post(f"{path}/ice", json={**body, **early}).status_code == 200
    assert http.post(f"{path}/ice", json={**body, "candidate": None}).status_code == 200
    assert http.post(f"{path}/ice", json=body).status_code == 200
    gone = http.request("DELETE", path, json=body)
    assert gone.status_code == 200
    again = http.request("DELETE", path, json=body)
    assert again.status_code == 404
    assert again.json()["kind"] == "NotFoundError"
    late = http.post(f"{path}/ice", json=body)
    assert late.json() == {"kind": "SessionError", "description": "missing or invalid session_id"}


def test_h264_on_request_and_talk_agents_are_not_fluent(http: TestClient) -> None:
    agent = agent_id(http, "Juno")
    options = {"fluent": True, "compatibility_mode": "off"}
    stream = http.post(f"/agents/{agent}/streams", json=options).json()
    assert stream["fluent"] is False
    assert "H264" in stream["offer"]["sdp"]
    assert "VP8" not in stream["offer"]["sdp"]


def test_what_a_stream_refuses(http: TestClient) -> None:
    agent = agent_id(http)
    assert (
        http.post(f"/agents/{agent}/streams", json={"compatibility_mode": "x"}).status_code == 400
    )
    assert http.post("/agents/agt_none/streams", json={}).status_code == 404
    stream = http.post(f"/agents/{agent}/streams", json={}).json()
    path = f"/agents/{agent}/streams/{stream['id']}"
    body = {"session_id": stream["session_id"]}
    for bad in ({}, {"session_id": "other"}, {"session_id": None}):
        refused = http.post(f"{path}/sdp", json={**bad, "answer": {"sdp": "v=0"}})
        assert refused.json()["kind"] == "SessionError"
    for answer in (None, {}, {"type": "answer", "sdp": 5}, {"sdp": "v=0"}, "junk"):
        assert http.post(f"{path}/sdp", json={**body, "answer": answer}).status_code == 400
    assert http.post(f"{path}/ice", json={**body, "candidate": "junk"}).status_code == 400
    for script in (None, {}, {"type": "text"}, {"type": "text", "input": "x"}, {"type": "dance"}):
        assert http.post(path, json={**body, "script": script}).status_code == 400


def test_the_socket_wants_the_key_too(http: TestClient) -> None:
    with http.websocket_connect("/?authorization=Basic%20demo%3Aemulator~c1") as socket:
        socket.send_text("ignored")
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), http.websocket_connect("/?authorization=x"):
        pass


def test_state_survives_in_a_file(tmp_path: object) -> None:
    path = f"{tmp_path}/emulator.db"
    store = Store(path, 1)
    Service(store, BuiltInBrain(), Voice(), addresses=None, seed=1)
    agents = json.dumps(store.all("agent"))
    store.close()
    again = Store(path, 2)
    Service(again, BuiltInBrain(), Voice(), addresses=None, seed=2)
    assert json.dumps(again.all("agent")) == agents
    again.close()
