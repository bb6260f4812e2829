"""A scripted D-ID that has something of every kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
from scripted import AGENTS, FACE

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


class World:
    """Answers, and remembers what was asked; ``paths`` can be changed while it runs."""

    def __init__(self) -> None:
        self.paths: dict[str, Any] = json.loads(json.dumps(PATHS))
        self.asked: list[tuple[str, str, Any]] = []
        self.status = 200
        #: What PATCH and POST do.
        self.answers: dict[str, Callable[[Any], httpx.Response]] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        body = json.loads(request.content) if request.content else None
        self.asked.append((request.method, path, body))
        if path == "/exp_1.zip":
            return httpx.Response(200, content=b"PK zip")
        if path == "/ada.png":
            return httpx.Response(200, content=FACE)
        if self.status != 200:
            error = {"kind": "ServerError", "description": "out of order"}
            return httpx.Response(self.status, json=error)
        if request.method == "GET" and path in self.paths:
            return httpx.Response(200, content=json.dumps(self.paths[path]))
        if request.method in ("PATCH", "POST") and path in self.answers:
            return self.answers[path](body)
        if request.method == "DELETE":
            return httpx.Response(204)
        return httpx.Response(404, json={"kind": "NotFound", "description": "not found"})

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
