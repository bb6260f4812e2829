"""D-ID's limits, said before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest
from anyjson import json_values
from hypothesis import given
from hypothesis import strategies as st

from did_tui.api import limits

CLIP = {"type": "clip", "presenter_id": "v2_public_ada@x"}
TALK = {"type": "talk", "source_url": "https://x/a.png", "thumbnail": "https://x/a.png"}


@pytest.mark.parametrize(
    "agent",
    [
        {"presenter": CLIP},
        {"presenter": TALK, "user_data": "x" * 1000, "embed": True},
        {"presenter": {**CLIP, "voice": {"type": "elevenlabs"}, "new_in_2027": 1}},
        {"presenter": CLIP, "llm": {"provider": "openai", "model": "gpt-4.1", "temperature": 1}},
        {"presenter": {**CLIP, "type": "expressive"}, "llm": {"provider": "google"}},
        {"presenter": CLIP, "llm": {"secretId": "sec_1"}},
        {"presenter": CLIP, "llm": {"provider": "brand-new", "model": "one"}},
        {"presenter": CLIP, "triggers": {"chat/end": {"webhooks": [{"url": "http://x/y"}]}}},
    ],
)
def test_a_good_agent(agent: dict[str, Any]) -> None:
    assert limits.agent_problems(agent) == {}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"presenter": None}, "presenter"),
        ({"presenter": {"type": "hologram"}}, "presenter.type"),
        ({"presenter": {"type": "clip"}}, "presenter.presenter_id"),
        ({"presenter": {"type": "talk", "thumbnail": "http://x"}}, "presenter.source_url"),
        ({"presenter": {**TALK, "source_url": "file:///etc/passwd"}}, "presenter.source_url"),
        ({"presenter": {**CLIP, "background": {"color": "red"}}}, "presenter.background.color"),
        ({"presenter": {**CLIP, "voice": {"type": "microsoft"}}}, "presenter.voice.voice_id"),
        (
            {
                "presenter": {
                    **CLIP,
                    "voice": {"type": "elevenlabs", "voice_config": {"stability": 2}},
                }
            },
            "presenter.voice.voice_config.stability",
        ),
        ({"llm": {"provider": "openai", "model": "gpt-2"}}, "llm.model"),
        ({"llm": {"provider": "google"}}, "llm.provider"),
        ({"llm": {"temperature": 1.1}}, "llm.temperature"),
        ({"llm": {"temperature": True}}, "llm.temperature"),
        ({"llm": {"template": "free"}}, "llm.template"),
        ({"llm": {"provider": "custom"}}, "llm.custom"),
        (
            {"llm": {"provider": "custom", "custom": {"type": "basic", "url": "http://x"}}},
            "llm.custom.key",
        ),
        ({"knowledge": {}}, "knowledge.id"),
        ({"greetings": "hello"}, "greetings"),
        ({"starter_message": [1]}, "starter_message"),
        ({"user_data": " "}, "user_data"),
        ({"user_data": "x" * 1001}, "user_data"),
        ({"embed": "yes"}, "embed"),
        (
            {"triggers": {"chat/end": {"webhooks": [{"url": "ftp://x"}]}}},
            "triggers.chat/end.webhooks.0.url",
        ),
    ],
)
def test_a_bad_field_is_named(change: dict[str, Any], field: str) -> None:
    problems = limits.agent_problems({"presenter": CLIP, **change})
    assert list(problems) == [field]
    assert problems[field].endswith(".")


def test_an_agent_needs_a_presenter_and_a_change_of_one_does_not() -> None:
    assert list(limits.agent_problems({})) == ["presenter"]
    assert limits.agent_problems({"preview_name": "Ada"}, creating=False) == {}


FIELDS = "presenter llm knowledge greetings user_data embed triggers preview_name".split()


@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
def test_nothing_makes_the_check_fail(agent: dict[str, Any]) -> None:
    for creating in (True, False):
        found = limits.agent_problems(agent, creating=creating)
        assert all(isinstance(said, str) for said in found.values())
    limits.document_problems(agent)
    limits.knowledge_problems(agent)
    limits.secret_problems(agent)
    limits.webhook_problems(agent)


def test_a_sixth_document_is_refused_before_it_is_tried() -> None:
    document = {"title": "t", "documentType": "pdf", "source_url": "https://x/y.pdf"}
    assert limits.document_problems(document, present=4) == {}
    assert "at most 5" in limits.document_problems(document, present=5)[""]


@pytest.mark.parametrize("domain", ["https://example.com", "http://localhost:3000", "http://[::1]"])
def test_an_origin(domain: str) -> None:
    assert limits.domain_problems([domain]) == {}


@pytest.mark.parametrize(
    "domain", ["example.com", "https://example.com/", "https://", "ftp://x", "http://x:y", "*", ""]
)
def test_what_is_no_origin(domain: str) -> None:
    assert list(limits.domain_problems(["http://fine", domain])) == ["allowed_domains"]


def test_a_key_without_an_origin_is_good_for_nothing() -> None:
    assert limits.domain_problems([])


@pytest.mark.parametrize(
    ("start", "end", "fields"),
    [
        ("", "", []),
        ("2026-11-01", "2026-11-21T15:30:00Z", []),
        ("yesterday", "", ["from"]),
        ("2026-11-02", "2026-11-01", ["to"]),
        ("", "0001-01-01T00:00:00+23:00", ["to"]),
    ],
)
def test_the_times_of_an_export(start: str, end: str, fields: list[str]) -> None:
    assert list(limits.export_problems(start, end)) == fields


def test_secrets() -> None:
    good = {"type": "basic", "provider": "crm", "username": "me"}
    assert limits.secret_problems(good) == {}
    assert list(limits.secret_problems({**good, "type": "smoke"})) == ["type"]
    model = {"provider": "external-openai", "model": "m", "endpoint": "e", "isStreaming": True}
    assert limits.secret_problems(model) == {}
    assert list(limits.secret_problems({**model, "maxMessages": 0})) == ["maxMessages"]
