"""What an account holds beside agents and conversations: knowledge, keys, exports and the rest."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from did_tui.emulator import catalogue, exports, library, service
from did_tui.emulator.brain import BuiltInBrain
from did_tui.emulator.server import create_app
from did_tui.emulator.service import Service
from did_tui.emulator.store import Store
from did_tui.emulator.voice import Voice

AUTH = {"Authorization": "Basic demo:emulator"}
CLIP = {"type": "clip", "presenter_id": "v2_public_otto@emulator"}
TALK = {"type": "talk", "source_url": "http://x/ada.png", "thumbnail": "http://x/ada.png"}
RECIPE = "data:text/markdown,%23 Tart%0A%0A## Rhubarb%0AThe tart needs three stalks of rhubarb."


@pytest.fixture
def http(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr(library, "PAUSE", 0.02)
    monkeypatch.setattr(exports, "STARTED_SECONDS", 0.5)
    brain = BuiltInBrain(words_a_second=1000)
    emulated = Service(Store(seed=3), brain, Voice(engines=()), addresses=["127.0.0.1"], seed=3)
    app = create_app(emulated, "demo:emulator")
    with TestClient(app, raise_server_exceptions=False) as client:
        client.headers.update(AUTH)
        yield client


def until(ask: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    """What is answered when it is good; every state on the way is seen by ``good``."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        answer = ask()
        if good(answer):
            return answer
        time.sleep(0.01)
    raise AssertionError(f"never: {answer}")


def new_base(http: TestClient) -> str:
    body = {"name": "Tarts", "description": "About tarts"}
    return str(http.post("/knowledge", json=body).json()["id"])


def new_document(http: TestClient, base: str, source: str = RECIPE, **more: object) -> Any:
    body = {"title": "Recipe", "source_url": source, "documentType": "text", **more}
    answer = http.post(f"/knowledge/{base}/documents", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def finished(http: TestClient, document: Any) -> Any:
    base, _, key = document["id"].partition("#")
    path = f"/knowledge/{base}/documents/{key}"
    return until(
        lambda: http.get(path).json(), lambda d: d["status"] not in ("created", "processing")
    )


# Knowledge


def test_a_document_is_fetched_read_and_found(http: TestClient) -> None:
    base = new_base(http)
    assert http.get(f"/knowledge/{base}").json()["status"] == ""
    document = new_document(http, base)
    assert document["status"] == "created"
    assert http.get(f"/knowledge/{base}").json()["status"] in ("processing", "done")
    done = finished(http, document)
    assert done["status"] == "done"
    assert http.get(done["parsed_url"]).text.count("rhubarb")
    assert http.get(f"/knowledge/{base}").json()["status"] == "done"
    key = document["id"].partition("#")[2]
    [record] = http.get(f"/knowledge/{base}/documents/{key}/records").json()
    assert record["title"] == "Rhubarb"
    found = http.post(f"/knowledge/{base}/query", json={"query": "How much rhubarb?"}).json()
    assert found["matches"][0]["id"] == record["id"]
    assert found["matches"][0]["score"] > 0
    assert found["documentIds"] == [document["id"]]
    assert "three stalks" in found["result"]


def test_an_agent_answers_from_its_own_knowledge(http: TestClient) -> None:
    base = new_base(http)
    finished(http, new_document(http, base))
    agent = http.post("/agents", json={"presenter": CLIP, "knowledge": {"id": base}}).json()["id"]
    chat = http.post(f"/agents/{agent}/chat", json={}).json()["id"]
    messages = [{"role": "user", "content": "How much rhubarb?", "created_at": "now"}]
    answer = http.post(f"/agents/{agent}/chat/{chat}", json={"messages": messages}).json()
    assert "three stalks" in answer["result"]
    assert answer["matches"][0]["title"] == "Rhubarb"


def test_what_is_deleted_is_found_no_more(http: TestClient) -> None:
    base = new_base(http)
    document = finished(http, new_document(http, base))
    key = document["id"].partition("#")[2]
    [gone] = http.delete(f"/knowledge/{base}/documents/{key}").json()
    assert gone == {"id": document["id"], "s3": True, "embeddings": True, "document": True}
    assert http.post(f"/knowledge/{base}/query", json={"query": "rhubarb"}).json()["matches"] == []
    assert http.get(f"/knowledge/{base}/documents/{key}").status_code == 404
    new_document(http, base)
    deleted = http.delete(f"/knowledge/{base}").json()
    assert deleted["knowledge"] is True
    assert len(deleted["deletedDocuments"]) == 1
    assert http.get(f"/knowledge/{base}").status_code == 404


def test_a_sixth_document_is_refused(http: TestClient) -> None:
    base = new_base(http)
    for _ in range(5):
        new_document(http, base)
    body = {"title": "t", "source_url": RECIPE, "documentType": "text"}
    refused = http.post(f"/knowledge/{base}/documents", json=body)
    assert refused.status_code == 400
    assert "at most 5" in refused.json()["description"]


@pytest.mark.parametrize(
    ("source", "kind", "status", "said"),
    [
        ("data:text/plain,", "text", "rejected", "no text"),
        ("data:text/plain;base64,%%%", "text", "error", "base64"),
        ("data:text/plain;base64,AAAAAAA=", "text", "rejected", "not text"),
        ("data:application/pdf,hello", "text", "rejected", "it is pdf"),
        ("data:application/pdf,hello", "pdf", "rejected", "no readable PDF"),
        ("data:text/plain,hello", "powerpoint", "rejected", "no readable presentation"),
        ("http://127.0.0.1:9/none.txt", "text", "error", "cannot be fetched"),
    ],
)
def test_a_document_that_cannot_be_used(
    http: TestClient, source: str, kind: str, status: str, said: str
) -> None:
    base = new_base(http)
    document = finished(http, new_document(http, base, source, documentType=kind))
    assert document["status"] == status
    assert said in document["error"]
    assert http.get(f"/knowledge/{base}").json()["status"] == "error"


@pytest.mark.parametrize(
    "source", ["http://example.com/x.txt", "file:///etc/passwd", "x", "http://", "http://[::1"]
)
def test_only_this_machine_is_asked(http: TestClient, source: str) -> None:
    base = new_base(http)
    body = {"title": "t", "source_url": source, "documentType": "text"}
    assert http.post(f"/knowledge/{base}/documents", json=body).status_code == 400


def test_a_page_from_elsewhere_reads_nothing_that_is_local(http: TestClient) -> None:
    base = new_base(http)
    headers = {"Origin": "https://evil.example"}
    body = {"title": "t", "source_url": "http://127.0.0.1:1/x", "documentType": "text"}
    path = f"/knowledge/{base}/documents"
    assert http.post(path, json=body, headers=headers).status_code == 401
    assert http.post(path, json=body, headers={"Origin": "http://localhost:3"}).status_code == 200
    hook = {"event_type": "chat/end", "url": "http://127.0.0.1:1/x"}
    assert http.post("/agents/webhooks/test", json=hook, headers=headers).status_code == 401


def test_the_missions_own_body_of_a_document(http: TestClient) -> None:
    base = new_base(http)
    body = {"title": "t", "source_url": "data:text/html,<h1>Hi</h1><p>tulips<script>x</script>"}
    document = http.post(f"/knowledge/{base}/documents", json=body).json()
    assert document["documentType"] == "html"
    finished(http, document)
    found = http.post(f"/knowledge/{base}/query", json={"query": "tulips"}).json()
    assert (found["matches"][0]["title"], found["result"]) == ("Hi", "tulips")


def pdf() -> bytes:
    """A PDF of one page that says that the ferry leaves at noon."""
    text = b"BT /F1 24 Tf 72 700 Td (The ferry leaves at noon.) Tj ET"
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R"
        b"/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(text), text),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        offsets.append(len(out))
        out += b"%d 0 obj%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    head = b"xref\n0 6\n0000000000 65535 f \n"
    return out + head + table + b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(out)


def slides() -> bytes:
    """A presentation of one slide that says the same."""
    from pptx import Presentation

    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[0])
    assert slide.shapes.title is not None
    slide.shapes.title.text = "The ferry leaves at noon."
    out = io.BytesIO()
    deck.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "made", "place"), [("pdf", pdf, "page 1"), ("powerpoint", slides, "slide 1")]
)
def test_what_is_in_a_file_is_found(
    http: TestClient, kind: str, made: Callable[[], bytes], place: str
) -> None:
    from base64 import b64encode

    base = new_base(http)
    source = "data:application/octet-stream;base64," + b64encode(made()).decode()
    assert finished(http, new_document(http, base, source, documentType=kind))["status"] == "done"
    found = http.post(f"/knowledge/{base}/query", json={"query": "When does the ferry go?"}).json()
    assert "at noon" in found["result"]
    assert place in found["matches"][0]["title"]


# Agents and their keys


def test_a_talk_agent_takes_a_moment(http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAKING_SECONDS", (3600, 7200))
    agent = http.post("/agents", json={"presenter": TALK}).json()
    assert agent["status"] == "created"
    refused = http.post(f"/agents/{agent['id']}/streams", json={})
    assert (refused.status_code, refused.json()["kind"]) == (409, "NotReadyError")
    for seconds, status in (((0, 3600), "started"), ((0, 0), "done")):
        monkeypatch.setattr(service, "MAKING_SECONDS", seconds)
        assert http.get(f"/agents/{agent['id']}").json()["status"] == status
    assert http.post("/agents", json={"presenter": CLIP}).json()["status"] == "done"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"presenter": {"type": "talk"}}, "presenter.source_url"),
        ({"presenter": {"type": "clip"}}, "presenter.presenter_id"),
        ({"presenter": {**CLIP, "voice": {"type": "microsoft"}}}, "presenter.voice.voice_id"),
        ({"presenter": CLIP, "llm": {"temperature": 2}}, "llm.temperature"),
        ({"presenter": CLIP, "user_data": "  "}, "user_data"),
        ({"presenter": CLIP, "greetings": [1]}, "greetings.0"),
        ({"presenter": CLIP, "embed": 1}, "embed"),
        ({"presenter": CLIP, "knowledge": {}}, "knowledge.id"),
        (
            {"presenter": CLIP, "triggers": {"chat/end": {"webhooks": [{"url": "x"}]}}},
            "triggers.chat/end.webhooks.0.url",
        ),
    ],
)
def test_a_bad_field_is_named(http: TestClient, body: Any, field: str) -> None:
    refused = http.post("/agents", json=body)
    assert refused.status_code == 400
    assert refused.json()["kind"] == "BadRequest"
    assert refused.json()["description"].startswith(f"{field}: ")


def test_the_face_and_the_voice_are_those_that_one_chose(http: TestClient) -> None:
    from did_tui.emulator.characters import character_of

    store = http.app.state.service.store  # type: ignore[attr-defined]
    voice = {"type": "microsoft", "voice_id": "emulator-noor"}
    agent = http.post("/agents", json={"presenter": {**CLIP, "voice": voice}}).json()
    chosen = character_of(store, agent)
    assert chosen.look == "otto"
    other = http.patch(f"/agents/{agent['id']}", json={"presenter": {**CLIP}}).json()
    assert character_of(store, other).timbre != chosen.timbre


def test_a_client_key_from_birth_to_death(http: TestClient) -> None:
    agent = http.post("/agents", json={"presenter": CLIP}).json()["id"]
    path = f"/agents/{agent}/client-keys"
    made = http.post(path, json={"allowed_domains": ["http://shop.example"], "name": "shop"})
    assert made.status_code == 201
    key = made.json()["client_key"]
    assert [one["client_key"] for one in http.get(path).json()] == [key]
    change = {"allowed_domains": ["https://shop.example"]}
    assert http.patch(f"{path}/{key}", json=change).status_code == 204
    assert http.get(path).json()[0]["allowed_domains"] == ["https://shop.example"]
    other = http.get("/agents/me").json()["agents"][-1]["id"]

    def ask(path: str, origin: str | None, method: str = "GET") -> int:
        headers = {"Authorization": f"Client-Key {key}.somebody_c1"}
        if origin is not None:
            headers["Origin"] = origin
        return http.request(method, path, headers=headers).status_code

    good = "https://shop.example"
    assert ask(f"/agents/{agent}/runtime", good) == 200
    assert ask(f"/agents/{agent}", good) == 200
    for path_, origin, method in (
        (f"/agents/{agent}/runtime", "http://shop.example", "GET"),
        (f"/agents/{agent}/runtime", None, "GET"),
        (f"/agents/{other}/runtime", good, "GET"),
        (f"/agents/{agent}", good, "DELETE"),
        (f"/agents/{agent}/chats", good, "DELETE"),
        ("/agents/me", good, "GET"),
        ("/knowledge", good, "GET"),
        ("/secrets", good, "GET"),
    ):
        assert ask(path_, origin, method) == 403, path_
    assert http.delete(f"{path}/{key}").status_code == 204
    assert http.delete(f"{path}/{key}").status_code == 404
    assert ask(f"/agents/{agent}/runtime", good) == 401


def test_there_is_an_end_of_client_keys(http: TestClient) -> None:
    agent = http.post("/agents", json={"presenter": CLIP}).json()["id"]
    body = {"allowed_domains": ["http://x"]}
    answers = [http.post(f"/agents/{agent}/client-keys", json=body) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [201] * 10 + [400]
    assert "Maximum number" in answers[-1].json()["description"]


def test_the_accounts_own_client_key(http: TestClient) -> None:
    assert http.get("/agents/client-key").status_code == 404
    body = {"allowed_domains": ["http://x"]}
    assert http.post("/agents/client-key", json=body).status_code == 201
    assert http.post("/agents/client-key", json=body).status_code == 400
    changed = {"allowed_domains": ["http://y"]}
    assert http.patch("/agents/client-key", json=changed).status_code == 204
    assert http.get("/agents/client-key").json()["allowed_domains"] == ["http://y"]


# Exports


def test_chats_are_exported_in_parts(http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "CHATS_A_PART", 2)
    agent = http.post("/agents", json={"presenter": CLIP}).json()["id"]
    chats = []
    for _ in range(3):
        chat = http.post(f"/agents/{agent}/chat", json={"persist": True}).json()["id"]
        message = {"role": "user", "content": "Hello!", "created_at": "now"}
        http.post(f"/agents/{agent}/chat/{chat}", json={"messages": [message]})
        chats.append(chat)
    http.post(f"/agents/{agent}/chat", json={"persist": False})
    token, found = "", []
    states: set[str] = set()
    while True:
        body = {"agent_id": agent} | ({"token": token} if token else {})
        export_id = http.post("/agents/chats/exports", json=body).json()["export_id"]

        def ready(answer: Any) -> bool:
            states.add(answer["status"])
            return answer["status"] in ("done", "partial", "error")

        export = until(lambda: http.get(f"/agents/chats/exports/{export_id}").json(), ready)  # noqa: B023
        content = http.get(export["result"]["result_url"], headers={"Authorization": ""}).content
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert len(archive.namelist()) == export["total_files_count"]
            found += [json.loads(archive.read(name)) for name in archive.namelist()]
        token = export["result"].get("token", "")
        if not token:
            break
    assert [chat["id"] for chat in found] == chats
    assert found[0]["messages"][0]["content"] == "Hello!"
    assert found[0]["messages"][1]["role"] == "assistant"
    assert {"partial", "done"} <= states <= {"created", "started", "partial", "done"}
    assert http.delete(f"/agents/chats/exports/{export_id}").json()["export_id"] == export_id
    assert http.get(f"/agents/chats/exports/{export_id}").status_code == 404


def test_an_export_takes_a_moment(http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = http.get("/agents/me").json()["agents"][0]["id"]
    monkeypatch.setattr(exports, "CREATED_SECONDS", 3600)
    export_id = http.post("/agents/chats/exports", json={"agent_id": agent}).json()["export_id"]
    path = f"/agents/chats/exports/{export_id}"
    assert http.get(path).json()["status"] == "created"
    monkeypatch.setattr(exports, "CREATED_SECONDS", 0)
    monkeypatch.setattr(exports, "STARTED_SECONDS", 3600)
    assert http.get(path).json()["status"] == "started"
    assert "result" not in http.get(path).json()


def test_exports_of_nothing(http: TestClient) -> None:
    agent = http.post("/agents", json={"presenter": CLIP}).json()["id"]
    for body, said in (
        ({"agent_id": agent}, "No chats found"),
        ({"agent_id": agent, "from": "2020-01-01"}, "No chats found in range"),
    ):
        export_id = http.post("/agents/chats/exports", json=body).json()["export_id"]
        export = until(
            lambda: http.get(f"/agents/chats/exports/{export_id}").json(),  # noqa: B023
            lambda answer: answer["status"] == "error",
        )
        assert export["error"] == said


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        ({"agent_id": "agt_none"}, "BadRequestError", "Agent not found"),
        ({"from": "soon"}, "BadRequestError", "Invalid date format"),
        ({"from": "2026-02-01", "to": "2026-01-01"}, "RangeError", "Invalid date range"),
        ({"token": "junk"}, "BadRequestError", "Invalid token"),
    ],
)
def test_exports_that_are_refused(http: TestClient, body: Any, kind: str, said: str) -> None:
    agent = http.get("/agents/me").json()["agents"][0]["id"]
    refused = http.post("/agents/chats/exports", json={"agent_id": agent, **body})
    assert (refused.status_code, refused.json()) == (400, {"kind": kind, "description": said})


# The rest


def chat_that_ends(http: TestClient, hook: Any) -> str:
    """The id of a chat on a stream that is closed; its agent has a webhook for that."""
    triggers = {"chat/end": {"webhooks": [hook]}}
    agent = http.post("/agents", json={"presenter": CLIP, "triggers": triggers}).json()["id"]
    chat = http.post(f"/agents/{agent}/chat", json={}).json()["id"]
    stream = http.post(f"/agents/{agent}/streams", json={}).json()
    message = {"role": "user", "content": "Hello!", "created_at": "now"}
    ids = {"streamId": stream["id"], "sessionId": stream["session_id"]}
    said = http.post(f"/agents/{agent}/chat/{chat}", json={"messages": [message], **ids})
    assert said.status_code == 200
    closing = {"session_id": stream["session_id"]}
    http.request("DELETE", f"/agents/{agent}/streams/{stream['id']}", json=closing)
    return str(chat)


def document_with(http: TestClient, url: str) -> str:
    """The id of a document whose webhook is called when it is read."""
    base = http.post("/knowledge", json={"name": "a", "description": "b"}).json()["id"]
    body = {"documentType": "text", "source_url": "data:,hello", "title": "t", "webhook": url}
    return str(http.post(f"/knowledge/{base}/documents", json=body).json()["id"])


def test_webhooks_are_really_called(http: TestClient) -> None:
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    seen: list[tuple[str | None, bytes]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            seen.append((self.headers["authorization"], self.rfile.read(length)))
            self.send_response(201)
            self.end_headers()
            self.wfile.write(b"thanks")

        def log_message(self, *_: object) -> None:
            pass

    secret = {"type": "bearer", "provider": "hook", "token": "opensesame123"}
    made = http.post("/secrets", json=secret).json()
    assert "opensesame" not in json.dumps(made)
    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/hook"
        body = {"event_type": "chat/end", "url": url, "auth": {"secret_id": made["id"]}}
        result = http.post("/agents/webhooks/test", json=body).json()
        tested = seen.pop()
        ended = chat_that_ends(http, {"url": url, "auth": body["auth"]})
        read = document_with(http, url)
        for _ in range(500):
            if len(seen) == 2:
                break
            time.sleep(0.01)
        server.shutdown()
    assert result["success"] is True
    assert (result["status_code"], result["response_data"]) == (201, "thanks")
    assert tested[0] == "Bearer opensesame123"
    assert json.loads(tested[1]) == result["request_payload"]
    events = {secret: json.loads(content) for secret, content in seen}
    assert events["Bearer opensesame123"]["chat_id"] == ended
    said = events["Bearer opensesame123"]["chat_history"]["messages"]
    assert said[0]["content"] == "Hello!"
    assert (events[None]["id"], events[None]["status"]) == (read, "done")
    gone = http.post("/agents/webhooks/test", json={"event_type": "chat/end", "url": url}).json()
    assert gone["success"] is False
    assert gone["error_message"]
    away = {"event_type": "chat/end", "url": "http://example.com/"}
    assert "example.com" in http.post("/agents/webhooks/test", json=away).json()["error_message"]


def test_faces_and_voices_are_there_to_be_seen_and_heard(http: TestClient) -> None:
    [*presenters] = http.get("/clips/presenters").json()["presenters"]
    page = http.get("/clips/presenters", params={"limit": "2"}).json()
    assert len(page["presenters"]) == 2
    assert page["token"]
    picture = http.get(presenters[0]["thumbnail_url"], headers={"Authorization": ""})
    assert picture.content.startswith(b"\x89PNG")
    one = http.get(f"/clips/presenters/{presenters[1]['presenter_id']}").json()["presenters"]
    assert one == [presenters[1]]
    [voice] = http.get("/tts/voices", params={"id": "emulator-kai"}).json()
    sample = http.get(voice["languages"][0]["previewUrl"], headers={"Authorization": ""})
    assert sample.content.startswith(b"RIFF")
    [avatar, *_] = http.get("/expressives/avatars").json()["avatars"]
    assert http.get(f"/expressives/avatars/{avatar['id']}").json() == avatar
    assert avatar["sentiments"][0]["sentiment"] == "Professional"


def test_a_voice_and_an_avatar_of_ones_own(
    http: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = {"name": "Me", "language": "en"}
    made = http.post("/tts/voices", data=form, files={"file": ("me.wav", b"RIFF")})
    assert made.status_code == 201
    voice = made.json()["voiceId"]
    assert http.get("/tts/voices", params={"id": voice}).json()[0]["voiceType"] == "CloneVoice"
    assert http.delete(f"/tts/voices/{voice}").status_code == 200
    assert http.delete(f"/tts/voices/{voice}").status_code == 404
    monkeypatch.setattr(catalogue, "AVATAR_SECONDS", (0.1, 0.3))
    refused = http.post("/scenes/avatars", json={"source_url": "https://x/me.gif"})
    assert refused.json()["description"] == "invalid source url"
    avatar = http.post("/scenes/avatars", json={"source_url": "https://x/me.mp4"}).json()["id"]
    path = f"/scenes/avatars/{avatar}"
    until(lambda: http.get(path).json(), lambda answer: answer["status"] == "done")
    assert http.delete(path).status_code == 204
    assert http.get(path).status_code == 404


def test_files_keep_every_byte(http: TestClient) -> None:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (40, 30), (1, 2, 3)).save(out, "PNG")
    content = out.getvalue() + bytes(range(256)) * 9 + b"\r\n\r--\n"
    made = http.post("/images", files={"image": ("a.png", content, "image/png")})
    assert made.status_code == 201
    assert http.get(made.json()["url"], headers={"Authorization": ""}).content == content
    size = http.post("/images/face-detection", json={"source_url": "data:image/png,junk"})
    assert size.json()["description"].startswith("invalid image")
    assert http.delete(f"/audios/{made.json()['id']}").status_code == 404
    assert http.delete(f"/images/{made.json()['id']}").status_code == 204
    bad = http.post("/images", files={"image": ("a.txt", b"hello", "text/plain")})
    assert (bad.status_code, bad.json()["kind"]) == (415, "UnsupportedMimeTypeError")
    assert http.post("/audios", json={}).status_code == 400


def test_settings_and_the_logo(http: TestClient) -> None:
    assert http.get("/settings").json()["agents"]["messages_limit"]
    assert http.get("/settings/logo").json() is None
    changed = http.post("/settings", json={"agents_insights_is_enabled": True})
    assert changed.status_code == 201
    assert http.get("/settings").json()["agents_insights_is_enabled"] is True
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    form = {"top": "1", "left": "2"}
    logo = http.post("/settings/logo", data=form, files={"logo": ("l.png", out.getvalue())})
    assert logo.status_code == 201, logo.text
    assert http.get("/settings/logo").json()["position"] == [1, 2]
    assert http.delete("/settings/logo").status_code == 204
    assert http.get("/settings/logo").json() is None


def test_secrets_are_never_told(http: TestClient) -> None:
    body = {"type": "basic", "provider": "crm", "username": "me", "password": "hunter2hunter2"}
    secret = http.post("/secrets", json=body).json()
    assert http.get("/secrets").json() == [secret]
    path = f"/secrets/{secret['id']}"
    assert http.put(path, json={"password": "correct horse"}).json()["id"] == secret["id"]
    assert http.get(path).json()["sanitized_secret"] == "****orse"
    assert http.delete(path).json()["id"] == secret["id"]
    assert http.get(path).json() == {"kind": "NotFoundError", "description": "Secret not found"}
    assert http.post("/secrets", json={"type": "smoke", "provider": "x"}).status_code == 400
