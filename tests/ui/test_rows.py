"""The rows of a list without a screen: filter, order, marks, pages, doubtful ids."""

from __future__ import annotations

from anyjson import json_values
from hypothesis import given
from hypothesis import strategies as st

from did_tui.api.models import Agent, Resource
from did_tui.ui.kinds import Place
from did_tui.ui.moments import ago, seconds_of
from did_tui.ui.resources import AGENTS, KINDS
from did_tui.ui.rows import LONGEST_VALUE, Row, Rows, rows_of

TEXTS = st.text(max_size=12)


def row(identity: str, *values: str | float) -> Row:
    return rows_of([Resource.parse({"id": identity})], lambda _: identity, lambda _: values)[0]


def shown(rows: Rows) -> list[str]:
    return [each.identity for each in rows.shown]


def test_a_filter_wants_every_word_in_any_column() -> None:
    rows = Rows()
    rows.replace([row("1", "Ada", "ready", 3.0), row("2", "Ada (draft)", "started", 4.0)])
    for text, found in [
        ("ada", ["1", "2"]),
        ("ada dr", ["2"]),
        ("READY ada", ["1"]),
        ("4", []),
        ("", ["1", "2"]),
    ]:
        rows.narrow(text)
        assert shown(rows) == found, text


def test_numbers_are_in_the_order_of_numbers_and_before_texts() -> None:
    rows = Rows()
    rows.replace([row("a", 10.0), row("b", "–"), row("c", 9.0), row("d", "alpha")])
    rows.sort(0)
    assert shown(rows) == ["c", "a", "d", "b"]
    rows.sort(0, reverse=True)
    assert shown(rows) == ["b", "d", "a", "c"]
    rows.sort(None)
    assert shown(rows) == ["a", "b", "c", "d"]


def test_ids_that_come_twice_are_rows_of_their_own() -> None:
    rows = Rows()
    rows.replace([row("1", "x"), row("1", "y"), row("", "z"), row("", "w")])
    assert len(set(shown(rows))) == 4
    rows.marks = {shown(rows)[1]}
    assert [each.values for each in rows.marked()] == [("y",)]


def test_a_first_page_that_is_read_again_leaves_the_others() -> None:
    rows = Rows()
    rows.replace([row("1"), row("2")])
    rows.add([row("3"), row("4")])
    rows.merge([row("0"), row("1")])
    assert shown(rows) == ["0", "1", "3", "4"], "2 was deleted, 0 is new"
    rows.merge([row("3"), row("0")])
    assert shown(rows) == ["3", "0", "4"], "3 was changed and comes first now"


def test_marks_of_rows_that_are_gone_are_gone() -> None:
    rows = Rows()
    rows.replace([row("1"), row("2")])
    rows.marks = {"1", "2"}
    rows.narrow("nothing has this")
    assert rows.marks == {"1", "2"}, "a filter hides them only"
    rows.narrow("")
    rows.replace([row("2")])
    assert rows.marks == {"2"}


@given(st.lists(st.tuples(TEXTS, TEXTS)), st.lists(TEXTS, max_size=3))
def test_typing_a_filter_letter_by_letter_ends_where_pasting_it_does(
    given_rows: list[tuple[str, str]], words: list[str]
) -> None:
    text = " ".join(words)
    typed, pasted = Rows(), Rows()
    for rows in (typed, pasted):
        rows.replace([row(identity, value) for identity, value in given_rows])
    for end in range(len(text) + 1):
        typed.narrow(text[:end])
    pasted.narrow(text)
    assert shown(typed) == shown(pasted)


@given(json_values)
def test_every_kind_makes_a_row_of_anything(value: object) -> None:
    for kind in KINDS:
        place = Place(kind, (Agent.parse({"id": "agt_1"}),) * 2)
        made = kind.rows([kind.model.parse(value)], place)[0]
        again = kind.resource(made)
        assert again.raw == (value if isinstance(value, dict) else {})
        for field, cell in zip(kind.fields, made.values, strict=True):
            assert isinstance(field.write(cell, 0.0), str)
            assert not isinstance(cell, str) or len(cell) <= LONGEST_VALUE
        kind.label(again)
        kind.address(place, again)


def test_a_row_keeps_what_no_column_shows() -> None:
    agent = Agent.parse({"id": "agt_1", "new_in_2027": {"a": [1, None, "\ud800"]}})
    made = AGENTS.rows([agent], Place(AGENTS))[0]
    assert AGENTS.resource(made).raw == agent.raw


def test_many_rows_keep_what_is_theirs() -> None:
    agents = [Agent.parse({"id": f"agt_{i}", "preview_name": f"{i}"}) for i in range(120)]
    made = AGENTS.rows(agents, Place(AGENTS))
    assert [AGENTS.resource(each).name for each in made] == [str(i) for i in range(120)]


def test_moments() -> None:
    now = seconds_of("2026-09-21T14:13:20Z")
    assert isinstance(now, float)
    for text, words in [
        ("2026-09-21T14:13:15.5Z", "just now"),
        ("2026-09-21T14:12:20", "1 min ago"),
        ("2026-09-21T12:05:00+00:00", "2 h ago"),
        ("2026-09-18T12:05:00Z", "3 d ago"),
        ("2026-01-18T12:05:00Z", "2026-01-18"),
        ("2027-01-18T12:05:00Z", "2027-01-18"),
        ("soon", "soon"),
        ("", "–"),
    ]:
        assert ago(seconds_of(text), now) == words
    assert ago(float("nan"), now) == ago(1e300, now) == "–"
