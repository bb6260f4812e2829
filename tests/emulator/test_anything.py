"""Whatever is asked of the emulator, as its own OpenAPI has it: never a 5xx."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from conftest import KEY, running_emulator
from hypothesis import HealthCheck, given, settings
from schemathesis.core.result import Ok

from did_tui.emulator.openapi import FORMS, QUERIES, TAKES

EXAMPLES = 8  # of each operation
SECONDS = 40.0  # after which the rest gets one each
AUTH = {"Authorization": f"Basic {KEY}"}


class Asked:
    """The emulator, and real ids for the parts of its paths."""

    def __init__(self, url: str) -> None:
        import httpx

        self.schema = schemathesis.openapi.from_url(f"{url}/emulator/openapi.json")
        with httpx.Client(base_url=url, headers=AUTH) as http:
            agent = http.get("/agents/me").json()["agents"][0]["id"]
            base = http.get("/knowledge").json()[0]["id"]
            documents = http.get(f"/knowledge/{base}/documents").json()
            chat = http.post(f"/agents/{agent}/chat", json={}).json()["id"]
            export = http.post("/agents/chats/exports", json={"agent_id": agent}).json()
            self.known = {
                "agent": agent,
                "knowledge": base,
                "document": documents[0]["id"].partition("#")[2],
                "chat": chat,
                "export": export["export_id"],
                "presenter": http.get("/clips/presenters").json()["presenters"][0]["presenter_id"],
            }


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    with running_emulator("--seed", "4", "--pending", "1000") as emulator:
        yield Asked(emulator.url)


def test_whatever_is_asked(asked: Asked) -> None:
    begun = time.monotonic()
    for found in asked.schema.get_all_operations():
        assert isinstance(found, Ok)

        @given(found.ok().as_strategy())
        @settings(
            max_examples=EXAMPLES if time.monotonic() - begun < SECONDS else 1,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: Any) -> None:
            check(case, asked.known)

        ask()


def check(case: Any, known: dict[str, str]) -> None:
    """Ask, half of the time for something that is there."""
    ends = case.operation.path.rpartition("/")[2]
    for name, value in case.path_parameters.items():
        is_deleted = case.method == "DELETE" and ends in (f"{{{name}}}", "chats")
        if name in known and len(str(value)) % 3 and not is_deleted:
            case.path_parameters[name] = known[name]
    response = case.call(headers=AUTH, timeout=30)
    said = f"{case.method} {response.request.url}: {response.status_code} {response.text[:300]}"
    assert response.status_code < 500, said
    if response.status_code >= 400:
        assert {"kind", "description"} <= set(response.json()), said


def test_the_document_describes_routes_that_exist(asked: Asked) -> None:
    paths = asked.schema.raw_schema["paths"]
    names = {
        op["operationId"].rpartition("_")[0] for path in paths.values() for op in path.values()
    }
    assert set(TAKES) | set(FORMS) | set(QUERIES) <= names
