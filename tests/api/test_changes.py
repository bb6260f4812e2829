"""What an edit changed."""

from __future__ import annotations

from typing import Any

from anyjson import json_values
from hypothesis import given
from hypothesis import strategies as st

from did_tui.api import changes

objects = st.dictionaries(st.text(), json_values)


@given(objects, objects)
def test_the_patch_makes_the_one_of_the_other(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    patch = changes.changes(before, after)
    kept = {key: value for key, value in before.items() if key in after}
    assert changes.same({**kept, **patch}, after)
    assert set(patch) <= set(after)
    gone = changes.removed(before, after)
    if patch or gone:
        assert changes.diff(before, after)
    assert changes.diff(before, before) == []


def test_nested_blocks_are_sent_whole_and_nothing_else() -> None:
    before = {"llm": {"model": "a", "temperature": 0.1}, "preview_name": "Ada", "new": [1]}
    after = {"llm": {"model": "b", "temperature": 0.1}, "preview_name": "Ada", "new": [1]}
    assert changes.changes(before, after) == {"llm": {"model": "b", "temperature": 0.1}}
    lines = changes.diff(before, after)
    assert '-    "model": "a",' in lines
    assert '+    "model": "b",' in lines


def test_true_is_not_one() -> None:
    assert changes.changes({"embed": 1}, {"embed": True}) == {"embed": True}
    assert changes.changes({"a": [{"b": False}]}, {"a": [{"b": 0}]}) == {"a": [{"b": 0}]}
    assert changes.changes({"a": 1}, {"a": 1.0}) == {}


def test_a_file_for_git_has_nothing_that_the_service_made() -> None:
    agent = {
        "id": "agt_1",
        "created": "now",
        "metadata": {"plan": "x"},
        "presenter": {
            "type": "clip",
            "presenter_id": "p",
            "thumbnail": "http://t",
            "idle_video": "",
        },
        "new_in_2027": {"kept": True},
    }
    assert changes.editable(agent) == {
        "presenter": {"type": "clip", "presenter_id": "p"},
        "new_in_2027": {"kept": True},
    }
    talk = {"presenter": {"type": "talk", "source_url": "s", "thumbnail": "t", "idle_video": "v"}}
    assert changes.editable(talk)["presenter"] == {
        "type": "talk",
        "source_url": "s",
        "thumbnail": "t",
    }
