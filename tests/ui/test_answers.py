"""Answers in Markdown: what they look like, and that nothing in them can steer the terminal."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from did_tui.ui.markdown import Growing, blocks


def shown(text: str, width: int = 60) -> list[str]:
    return [line.plain.rstrip() for block in blocks(text) for line in block.lines(width)]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("One.\n\nTwo **bold** and *not*.", ["One.", "", "Two bold and not."]),
        ("One\ntwo", ["One", "two"]),
        ("# Head\ntext", ["Head", "", "text"]),
        ("- a\n- b\n  - c", ["• a", "• b", "  ◦ c"]),
        ("3. a\n4. b", ["3. a", "4. b"]),
        ("> said", ["▎ said"]),
        ("`code` here", ["code here"]),
        ("```py\nx = 1\n  y\n```", ["  x = 1", "    y"]),
        ("[shop](https://a.example/b)", ["shop (https://a.example/b)"]),
        ("<https://a.example>", ["https://a.example"]),
        ("![kettle](http://a/k.png)", ["[picture: kettle] (http://a/k.png)"]),
        ("![](http://a/k.mp4?x)", ["[video] (http://a/k.mp4?x)"]),
        (
            "[![t](http://a/t.png)](http://a/k.mp4)",
            ["[picture: t] (http://a/t.png) (http://a/k.mp4)"],
        ),
        ("|a|b|\n|-|-|\n|long|c|", ["a    │ b", "long │ c"]),
        ("<b>no</b> & &amp;", ["<b>no</b> & &"]),
        ("[b]no[/b] [@click=app.quit]x[/]", ["[b]no[/b] [@click=app.quit]x[/]"]),
        ("2 * 3 * 4 and a_b_c", ["2 * 3 * 4 and a_b_c"]),
        ("", []),
    ],
)
def test_what_it_looks_like(text: str, lines: list[str]) -> None:
    assert shown(text) == lines


def test_a_wrapped_item_hangs() -> None:
    assert shown("- one two three four", 12) == ["• one two", "  three four"]


@pytest.mark.parametrize("width", [1, 2, 5, 9])
def test_any_width_will_do(width: int) -> None:
    deep = "\n".join("  " * n + "- word" for n in range(12))
    assert all(len(line) <= max(width, 2) for line in shown(deep, width))


HOSTILE = [
    "\x1b[31mred",
    "\x1b]8;;http://a\x07link",
    "\x9b2J",
    "&#27;[2J &#x9b;2J &#x202e;",
    "[a](http://b/&#27;[2J)",
    "![&#27;](x&#7;y)",
    "```\n\x1b]0;t\x07\n```",
    "`&#27;` \u202etxt\u2066",
    "[x](javascript:alert(1))",
    "| &#27; | \x1b |\n|--|--|\n| \x07 | \x90 |",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_it_steers_the_terminal(text: str) -> None:
    said = "\n".join(shown(text))
    assert not [
        sign for sign in said if sign != "\n" and (ord(sign) < 32 or 127 <= ord(sign) < 160)
    ]
    assert not {"\u202e", "\u2066"} & set(said)


pieces = st.lists(
    st.sampled_from([*"ab \n\n-*_`#>|[]()!<&;1.", "\x1b[", "&#27;", "\r\n", "- ", "\n\n", "```"]),
    max_size=80,
)


@settings(deadline=None, max_examples=300)
@given(pieces, st.integers(1, 40))
def test_any_text_is_drawn(text: list[str], width: int) -> None:
    for line in shown("".join(text), width):
        assert "\x1b" not in line
        assert "\n" not in line


@settings(deadline=None, max_examples=200)
@given(pieces)
def test_what_grows_ends_as_what_came_at_once(text: list[str]) -> None:
    growing, whole = Growing(), "".join(text)
    for end in range(len(text)):
        growing.blocks("".join(text[:end]))
    words = [line.plain for block in growing.blocks(whole) for line in block.lines(500)]
    assert "".join("".join(words).split()) == "".join("".join(shown(whole, 500)).split())


def test_a_long_answer_that_grows_costs_no_more_at_its_end() -> None:
    """Only the last block is read again: parsing all of it each time takes minutes."""
    text = "".join(f"Paragraph {number} with *some* words.\n\n" for number in range(1200))
    growing, begun = Growing(), time.process_time()
    for end in range(0, len(text), 40):
        growing.blocks(text[:end])
    assert time.process_time() - begun < 20
    assert len(growing.blocks(text)) == 2 * 1200 - 1
