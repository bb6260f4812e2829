"""Objects of any quality."""

from __future__ import annotations

import pytest
from anyjson import json_values
from hypothesis import given
from hypothesis import strategies as st

from did_tui.api.errors import BadAnswer
from did_tui.api.inventory import Credits, Document, Export, Knowledge
from did_tui.api.models import Agent, Page, Stream, rows

FIELDS = ["id", "preview_name", "presenter", "llm", "knowledge", "greetings", "status", "other"]


@given(st.dictionaries(st.sampled_from(FIELDS), json_values) | json_values)
def test_an_agent_can_be_read_from_anything(data: object) -> None:
    agent = Agent.parse(data)
    assert isinstance(agent.name, str)
    assert isinstance(agent.greetings, list)
    assert agent.raw == (data if isinstance(data, dict) else {})


def test_a_bad_field_costs_only_itself() -> None:
    agent = Agent.parse(
        {
            "id": "agt_1",
            "preview_name": "Ada",
            "status": 7,
            "presenter": {"type": "clip", "voice": 3, "thumbnail": "http://x/y.png"},
            "greetings": ["Hi", None, 5],
            "new_in_2027": {"kept": True},
        }
    )
    assert agent.name == "Ada"
    assert agent.status == ""
    assert agent.presenter.type == "clip"
    assert agent.thumbnail == "http://x/y.png"
    assert agent.greetings == ["Hi"]
    assert agent.raw["new_in_2027"] == {"kept": True}


def test_a_bad_row_hides_no_other_and_is_kept_with_a_note() -> None:
    answer = {"agents": [{"id": "a"}, None, 3, {"id": []}, {"id": "b"}], "token": 1}
    page = Page.read(Agent, answer, "agents")
    assert [agent.id for agent in page.rows] == ["a", "", "", "", "b"]
    assert [agent.note for agent in page.rows] == [
        "",
        "not an object: None",
        "not an object: 3",
        "could not be read: id",
        "",
    ]
    assert page.rows[3].raw == {"id": []}
    assert page.token == ""


@pytest.mark.parametrize(
    ("damaged", "ids"),
    [
        (b'{"id":"s1","session_id":"AWS=\\"a\\"; Path=/","offer":{"ty', ("s1", 'AWS="a"; Path=/')),
        (b'{"session_id": "x", "jsep": 3, "id" : "s1", "id": "s2"', ("s1", "x")),
        (b'{"id":"s1","session_id":"AWS', None),
        (b'{"id":"s1","session_id":"\\x"}}', None),
        (b'{"id":5,"session_id":"x"', None),
        (b"\xff\x00", None),
    ],
)
def test_of_a_damaged_stream_the_ids_are_saved(damaged: bytes, ids: tuple[str, str] | None) -> None:
    stream = Stream.salvaged(damaged)
    assert (stream and (stream.id, stream.session_id)) == ids


@pytest.mark.parametrize("answer", ["x", 3, {"other": []}, {"agents": 3}, {"agents": {}}])
def test_what_is_no_list_is_no_empty_list(answer: object) -> None:
    with pytest.raises(BadAnswer):
        rows(Agent, answer, "agents")


@pytest.mark.parametrize("answer", [[], {}, None, {"agents": None}, {"agents": []}])
def test_an_empty_list_in_each_of_its_forms(answer: object) -> None:
    assert rows(Agent, answer, "agents") == []


@given(json_values)
def test_what_an_account_holds_can_be_read_from_anything(data: object) -> None:
    for kind in (Document, Export, Knowledge, Credits):
        assert isinstance(kind.parse(data).note, str)
    assert isinstance(Credits.read(data).remaining, float | int)


def test_credits_as_the_bare_list_that_some_accounts_get() -> None:
    read = Credits.read([{"remaining": 3, "total": 5}, {"remaining": 1.5, "total": 5}, None])
    assert (read.remaining, read.total) == (4.5, 10)


def test_a_document_is_named_by_the_second_part_of_its_id() -> None:
    document = Document.parse({"id": "knl_1#doc_2", "status": "document/processing"})
    assert (document.knowledge_id, document.key, document.state) == ("knl_1", "doc_2", "processing")
    assert not document.done
    failed = Document.parse({"status": "error", "error": {"description": "too large"}})
    assert failed.failed
    assert failed.trouble == "too large"


def test_the_offer_is_found_in_each_of_its_forms() -> None:
    for answer in (
        {"offer": {"type": "offer", "sdp": "v=0"}},
        {"jsep": {"type": "offer", "sdp": "v=0"}},
        {"offer": "v=0"},
        {"offer": None, "jsep": {"sdp": "v=0"}},
    ):
        assert Stream.parse(answer).offer_sdp == "v=0"
    assert Stream.parse({"offer": 3}).offer_sdp == ""


def test_the_session_id_is_kept_to_the_letter() -> None:
    cookie = "AWSALB=x+/=; Expires=Thu, 15 Aug 2026 21:04:53 GMT; Path=/; SameSite=None; Secure"
    assert Stream.parse({"id": "s", "session_id": cookie}).session_id == cookie
