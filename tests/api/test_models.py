"""Objects of any quality."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from did_tui.api.models import Agent, AgentPage, Stream

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
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


def test_a_bad_row_hides_no_other() -> None:
    page = AgentPage.parse({"agents": [{"id": "a"}, None, 3, {"id": []}, {"id": "b"}], "token": 1})
    assert [agent.id for agent in page.agents] == ["a", "", "b"]
    assert page.token == ""


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
