"""A scripted D-ID that has something of every kind."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from scripted import AGENTS, FACE

from did_tui.api.models import Resource
from did_tui.ui.resources import BY_NAME

ADDED = "2026-09-21T14:02:11Z"

KNOWLEDGE = {"id": "knl_1", "name": "Product help", "description": "What our products do"}
DOCUMENTS = [
    {"id": "knl_1#doc_1", "title": "manual-2026.pdf", "documentType": "pdf", "created_at": ADDED}
    | {"status": "document/processing", "source_url": "https://example.com/manual-2026.pdf"},
    {"id": "knl_1#doc_2", "title": "faq.txt", "documentType": "text", "created_at": ADDED}
    | {"status": "done", "source_url": "https://example.com/faq.txt"},
    {"id": "knl_1#doc_3", "title": "broken.docx", "documentType": "text", "created_at": ADDED}
    | {"status": "error", "error": {"kind": "ParseError", "description": "could not parse"}},
]
PATHS: dict[str, Any] = {
    "/agents/me": {"agents": AGENTS},
    "/agents/agt_ada": AGENTS[0] | {"new_in_2027": {"a": [1, None]}},
    "/knowledge/knl_1": KNOWLEDGE,
    "/knowledge": [KNOWLEDGE],
    "/knowledge/knl_1/documents": {"documents": DOCUMENTS},
    "/knowledge/knl_1/documents/doc_1/records": {
        "records": [{"id": "rec_1", "title": "Page 1", "data": "The kettle is blue."}]
    },
    "/agents/agt_ada/client-keys": [
        {"client_key": "ck_secret_0001", "allowed_domains": ["https://example.com"], "name": "shop"}
    ],
    "/agents/agt_ada/sessions": {"sessions": [{"id": "ses_1"}]},
    "/clips/presenters": {
        "presenters": [
            {"presenter_id": "anna", "name": "Anna", "thumbnail_url": "http://pictures/ada.png"}
        ]
    },
    "/clips/presenters/anna/drivers": {
        "clips_drivers": [{"driver_id": "drv_1", "name": "calm", "width": 512, "height": 512}]
    },
    "/scenes/avatars": {
        "avatars": [{"id": "avt_1", "name": "Me", "status": "started", "created_at": ADDED}]
    },
    "/agents": AGENTS,
    "/expressives/avatars": {"avatars": [{"id": "ava_1", "name": "Mira", "gender": "female"}]},
    "/tts/voices": [
        {
            "id": "en-US-JennyNeural",
            "name": "Jenny",
            "gender": "female",
            "provider": "microsoft",
            "languages": [{"language": "English", "locale": "en-US"}],
            "styles": ["chat", "newscast"],
        }
    ],
    "/agents/chats/exports/exp_1": {
        "export_id": "exp_1",
        "agent_id": "agt_ada",
        "status": "done",
        "created_at": ADDED,
        "result": {"result_url": "http://pictures/exp_1.zip"},
        "total_files_count": 3,
        "total_files_size": 4096,
    },
    "/secrets": {"secrets": [{"id": "sec_1", "provider": "crm", "type": "bearer"}]},
    "/settings": {
        "agents": {"session_ttl": 300, "messages_limit": 50, "llm_model": "gpt-4.1-mini"},
        "agents_insights_is_enabled": True,
    },
    "/settings/logo": {"url": "https://pictures/logo.png", "position": [8, 8]},
    "/agents/client-key": {
        "client_key": "ck_account_0009",
        "allowed_domains": ["https://example.com"],
    },
    "/credits": {
        "remaining": 312,
        "total": 500,
        "credits": [{"remaining": 312, "total": 500, "plan_group": "build", "expire_at": ADDED}],
    },
}


@cache
def zipped() -> bytes:
    """An export: a chat that one can read, and one that nobody can."""
    said = [{"role": "user", "content": "What is new?"}, {"role": "assistant", "content": "Tea."}]
    chat = {"id": "cht_1", "agent_id": "agt_ada", "created": ADDED, "messages": said}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("../cht_1.json", json.dumps(chat))
        archive.writestr("broken.json", "{")
    return out.getvalue()


class World:
    """Answers, and remembers what was asked; ``paths`` can be changed while it runs."""

    def __init__(self) -> None:
        self.paths: dict[str, Any] = json.loads(json.dumps(PATHS))
        self.asked: list[tuple[str, str, Any]] = []
        self.status = 200
        self.error: Any = {"kind": "ServerError", "description": "out of order"}
        #: What PATCH and POST do.
        self.answers: dict[str, Callable[[Any], httpx.Response]] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        body = json.loads(request.content) if request.content else None
        self.asked.append((request.method, path, body))
        if path == "/exp_1.zip":
            return httpx.Response(200, content=zipped())
        if path == "/ada.png":
            return httpx.Response(200, content=FACE)
        if self.status != 200:
            return httpx.Response(self.status, content=json.dumps(self.error))
        if request.method == "GET" and path in self.paths:
            return httpx.Response(200, content=json.dumps(self.paths[path]))
        if request.method in ("PATCH", "POST") and path in self.answers:
            return self.answers[path](body)
        if request.method == "DELETE":
            return httpx.Response(204)
        return httpx.Response(404, json={"kind": "NotFound", "description": "not found"})

    def fill(self) -> None:
        """Everything is there again."""
        self.paths = json.loads(json.dumps(PATHS))

    def empty(self) -> World:
        """The same without anything."""
        for path, answer in self.paths.items():
            if isinstance(answer, list):
                self.paths[path] = []
            else:
                lists = [name for name, value in answer.items() if isinstance(value, list)]
                self.paths[path] = {name: [] for name in lists}
        return self

    def did(self, method: str) -> list[str]:
        """The paths of the requests with a method."""
        return [path for verb, path, _ in self.asked if verb == method]


def pages_of(count: int, size: int) -> Any:
    """A service with many agents, in pages; the token is the number of the next."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path != "/agents/me":
            return httpx.Response(200, json=[])
        first = int(request.url.params.get("token", "0"))
        rows = [{**AGENTS[0], "id": f"agt_{i}", "preview_name": f"Agent {i}"} for i in _some(first)]
        last = first + size
        return httpx.Response(
            200, json={"agents": rows} | ({"token": str(last)} if last < count else {})
        )

    def _some(first: int) -> range:
        return range(first, min(first + size, count))

    return answer


def parents_of(name: str) -> tuple[Resource, ...]:
    """What one comes through to a kind."""
    agent = BY_NAME["agents"].model.parse(AGENTS[0])
    base = BY_NAME["knowledge"].model.parse(KNOWLEDGE)
    document = BY_NAME["documents"].model.parse({"id": "knl_1#doc_1", "title": "manual-2026.pdf"})
    presenter = BY_NAME["presenters"].model.parse({"presenter_id": "anna", "name": "Anna"})
    ordered = PATHS["/agents/chats/exports/exp_1"] | {"agent_name": "Ada"}
    return {
        "sessions": (agent,),
        "client-keys": (agent,),
        "documents": (base,),
        "records": (base, document),
        "drivers": (presenter,),
        "exported": (BY_NAME["exports"].model.parse(ordered),),
    }.get(name, ())


def kept(directory: Path) -> Path:
    """A state directory with a transcript, an order for an export and an upload in it."""
    said = [{"role": "user", "text": "What is new?"}, {"role": "assistant", "text": "A kettle."}]
    content = {"agent_name": "Ada", "agent_id": "agt_ada", "began": 1.79e9 - 7200, "messages": said}
    note = {"export_id": "exp_1", "agent_id": "agt_ada", "agent_name": "Ada"}
    upload = {"id": "img_1", "url": "http://pictures/ada.png", "name": "ada.png", "sort": "image"}
    for name, value in (
        ("transcripts/2026-09-21_Ada.json", content),
        ("exports/exp_1.json", note),
        ("uploads/img_1.json", upload | {"uploaded_at": ADDED}),
    ):
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(value))
    return directory
