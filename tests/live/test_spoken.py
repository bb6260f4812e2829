"""What is spoken of Markdown and SSML: the words, and no mark; what is no mark stays."""

from __future__ import annotations

import pytest

from did_tui.live.spoken import spoken, spoken_ssml


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Four steps, and the **first** is *easy*.", "Four steps, and the first is easy."),
        ("__Bold__, _soft_ and ***both***, ~~gone~~.", "Bold, soft and both, gone."),
        ("half**way**s", "halfways"),
        ("# Head\n\nText", "Head\n\nText"),
        ("- one\n* two\n  + three\n1. four\n> five", "one\ntwo\nthree\nfour\nfive"),
        ("See [our shop](https://a.example/x_y 'Shop').", "See our shop."),
        ("![a red car](https://a.example/car.png) here", "a red car here"),
        ("Call `open()` now\n```python\nx = 1\n```", "Call open() now\n\nx = 1\n"),
        ("| A | B |\n|---|:-:|\n| 1 | 2 |", " A | B \n\n 1 | 2 "),
        ("before\n\n---\nafter", "before\n\n\nafter"),
        ("<https://a.example>", "https://a.example"),
        (r"2 \* 3 \_x\_", "2 * 3 _x_"),
        ("♪ https://a.example/b.mp3", "♪"),
        # What has not come whole, or was cut off.
        ("and the **first", "and the first"),
        ("see [our", "see our"),
        ("see [our shop](https://a.exa", "see our shop"),
        # What is no mark.
        ("♪ is a note", "♪ is a note"),
        ("2 * 3 * 4 = 24", "2 * 3 * 4 = 24"),
        ("snake_case_name and 5*4", "snake_case_name and 5*4"),
        (
            "In 1984. He said - no <b>&</b> #1",
            "In 1984. He said - no <b>&</b> #1",
        ),
        ("see [1] and (two)", "see [1] and (two)"),
    ],
)
def test_the_words_of_markdown(text: str, said: str) -> None:
    assert spoken(text) == said


def test_words_that_were_there_stay_while_the_text_grows() -> None:
    text = "# Hi\n1. The **first step** is *so* [easy to do](https://a.example), `run` it.\n- End"
    whole = spoken(text).split()
    for end in range(len(text)):
        known = spoken(text[:end]).split()[:-1]  # the last may be half a word
        assert whole[: len(known)] == known


@pytest.mark.parametrize(
    ("markup", "said"),
    [
        ("Word for word.", "Word for word."),
        ("<speak>One<break time='1s'/>two</speak>", "One two"),
        ("<p><s>A <emphasis>new</emphasis>, blue</s><s>kettle</s></p>", "A new, blue kettle"),
        ("<mstts:express-as style='sad'>Tom &amp; Jo</mstts:express-as>\n!", "Tom & Jo !"),
        ("2 < 3 <!-- <b>not</b> this -->&lt;b&gt;", "2 < 3 <b>"),
        ('<audio src="https://a.example/b.mp3"/>', ""),
        ("half a <tag", "half a <tag"),
    ],
)
def test_the_words_of_ssml(markup: str, said: str) -> None:
    assert spoken_ssml(markup) == said
