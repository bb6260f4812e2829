"""Fields of forms without a screen."""

from __future__ import annotations

from typing import Any

import pytest
from anyjson import json_values
from hypothesis import given
from hypothesis import strategies as st

from did_tui.editor import object_of, with_comments, without_comments
from did_tui.ui import fields
from did_tui.ui.forms import BadField, FormField, filled, get, put, read, written

TABLES = tuple(
    table
    for name, table in vars(fields).items()
    if name.isupper() and isinstance(table, tuple) and isinstance(table[0], FormField)
)


@pytest.mark.parametrize("table", TABLES)
def test_every_field_has_a_place_of_its_own_and_says_what_it_is(
    table: tuple[FormField, ...],
) -> None:
    assert len({field.path for field in table}) == len(table)
    assert all(field.label and len(field.label) <= 15 for field in table)


@given(json_values)
def test_what_was_not_touched_stays_exactly_as_it_was(body: Any) -> None:
    before = body if isinstance(body, dict) else {"preview_name": body}
    texts = {field.path: written(field, get(before, field.path)) for field in fields.AGENT}
    assert filled(fields.AGENT, before, texts) == (before, {})


@given(st.sampled_from(fields.AGENT), json_values)
def test_what_is_written_can_be_read(field: FormField, value: Any) -> None:
    text = written(field, value)
    try:
        again = read(field, text)
    except BadField:
        return
    assert again == value or field.sort in ("line", "secret", "text", "lines") or value is None


@pytest.mark.parametrize(
    ("sort", "text", "value"),
    [
        ("line", "Ada", "Ada"),
        ("lines", "One\n\n Two \n", ["One", " Two "]),
        ("number", " 0.5", 0.5),
        ("number", "75", 75),
        ("flag", "Yes", True),
        ("flag", "no", False),
        ("json", '{"a": [1]}', {"a": [1]}),
        ("json", "null", None),
    ],
)
def test_values(sort: Any, text: str, value: Any) -> None:
    assert read(FormField("a", "A", "", sort), text) == value


@pytest.mark.parametrize(
    ("sort", "text"),
    [("number", "many"), ("number", "true"), ("number", ""), ("flag", "perhaps"), ("json", "{")],
)
def test_what_is_no_value_is_refused_in_words(sort: Any, text: str) -> None:
    field = FormField("a", "A", "", sort)
    _, problems = filled((field,), {}, {"a": text or " "})
    assert list(problems) == ["a"]
    assert problems["a"].startswith("This is")


HOOK = "triggers.chat/end.webhooks.0"


@pytest.mark.parametrize(
    ("before", "texts", "after"),
    [
        # What is emptied deep inside goes, and so does what is empty then.
        ({"llm": {"temperature": 1}}, {"llm.temperature": ""}, {"llm": {}}),
        (
            {"triggers": {"chat/end": {"webhooks": [{"url": "a"}, {"url": "b"}]}}},
            {f"{HOOK}.url": ""},
            {"triggers": {"chat/end": {"webhooks": [{"url": "b"}]}}},
        ),
        (
            {"triggers": {"chat/end": {"webhooks": [{"url": "a", "auth": {"secret_id": "s"}}]}}},
            {f"{HOOK}.auth.secret_id": ""},
            {"triggers": {"chat/end": {"webhooks": [{"url": "a"}]}}},
        ),
        # A list is made where there is none.
        (
            {},
            {f"{HOOK}.url": "https://a"},
            {"triggers": {"chat/end": {"webhooks": [{"url": "https://a"}]}}},
        ),
        # Another choice makes fields pointless; what no form shows stays.
        (
            {"presenter": {"type": "clip", "presenter_id": "x", "new_in_2027": 1}},
            {"presenter.type": "talk", "presenter.source_url": "https://a"},
            {"presenter": {"type": "talk", "source_url": "https://a", "new_in_2027": 1}},
        ),
        (
            {"llm": {"provider": "custom", "custom": {"type": "basic", "key": "k"}}},
            {"llm.provider": "openai"},
            {"llm": {"provider": "openai"}},
        ),
    ],
)
def test_what_a_form_makes_of_an_agent(before: Any, texts: Any, after: Any) -> None:
    assert filled(fields.AGENT, before, texts) == (after, {})


#: Every field of POST and PATCH /agents (schemas.md), of every presenter, voice and model.
DOCUMENTED = """
preview_name preview_description greetings starter_message user_data embed tools knowledge.id
presenter.type presenter.presenter_id presenter.source_url presenter.thumbnail presenter.stitch
presenter.background.color presenter.background.source_url
presenter.voice.type presenter.voice.voice_id presenter.voice.language presenter.voice.model_id
presenter.voice.access presenter.voice.voice_config.style presenter.voice.voice_config.rate
presenter.voice.voice_config.pitch presenter.voice.voice_config.stability
presenter.voice.voice_config.similarity_boost presenter.voice.voice_config.use_speaker_boost
presenter.voice.voice_config.apply_language_text_normalization x-api-key-external
llm.provider llm.model llm.instructions llm.template llm.temperature llm.secretId
llm.prompt_customization.role llm.prompt_customization.personality
llm.prompt_customization.topics_to_avoid llm.prompt_customization.max_response_length
llm.prompt_customization.knowledge_source llm.prompt_customization.prompt_knowledge
llm.custom.type llm.custom.url llm.custom.streaming llm.custom.max_messages llm.custom.headers
llm.custom.supports_sentiment llm.custom.key llm.custom.version llm.custom.client_id
llm.custom.client_secret llm.custom.token_url
triggers.chat/end.webhooks.0.url triggers.chat/end.webhooks.0.headers
triggers.chat/end.webhooks.0.auth.secret_id
"""


def test_the_form_of_an_agent_has_every_documented_field() -> None:
    assert {field.path for field in fields.AGENT} == set(DOCUMENTED.split())


def test_a_change_deep_inside_leaves_what_is_around() -> None:
    before = {"llm": {"model": "a", "new_in_2027": 1}, "other": [1]}
    field = FormField("llm.prompt_customization.role", "Role", "")
    after, problems = filled((field,), before, {field.path: "guide"})
    assert not problems
    assert after == {
        "llm": {"model": "a", "new_in_2027": 1, "prompt_customization": {"role": "guide"}},
        "other": [1],
    }
    assert "prompt_customization" not in before["llm"]


def test_what_is_no_object_on_the_way_is_replaced() -> None:
    body: dict[str, Any] = {"llm": "text"}
    put(body, "llm.model", "a")
    assert body == {"llm": {"model": "a"}}


def test_comments_come_and_go() -> None:
    text = '{\n  "url": "https://example.com"\n}\n'
    shown = with_comments(text, ["Ada", "! llm.model: bad\nnews"])
    assert shown.startswith("// Ada\n// ! llm.model: bad news\n{")
    assert without_comments(shown) == text
    assert object_of(text) == {"url": "https://example.com"}
    for bad in ("{", "[1]", "[" * 100_000):
        assert isinstance(object_of(bad), str)
