"""Fields of forms without a screen."""

from __future__ import annotations

from typing import Any

import pytest
from anyjson import json_values
from hypothesis import given
from hypothesis import strategies as st

from did_tui.ui import fields
from did_tui.ui.editor import object_of, with_comments, without_comments
from did_tui.ui.forms import BadField, FormField, filled, get, put, read, written

TABLES = (fields.AGENT, fields.KNOWLEDGE, fields.DOCUMENT, fields.CLIENT_KEY, fields.SECRET)


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
    assert again == value or field.sort in ("line", "text", "lines") or value is None


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
    field = FormField("a.b", "A", "", sort)
    _, problems = filled((field,), {}, {"a.b": text} if text else {"a.b": " "})
    assert list(problems) == ["a.b"]
    assert problems["a.b"].startswith("This is")


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
