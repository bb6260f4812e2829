"""What is read aloud of Markdown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from did_tui.emulator.markdown import spoken


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Plain words.", "Plain words."),
        ("See [the page](https://d-id.example/x).", "See the page."),
        ("This is me: ![Mira](http://127.0.0.1/m.png)", "This is me:"),
        ("One **bold** and *light* `code`.", "One bold and light code."),
        ("First\n\n1. Grind it\n2. Brew it.\n- Drink", "First. Grind it. Brew it. Drink."),
        ("## Heading\n> quoted", "Heading. quoted."),
        ("2 * 3 * 4 and snake_case_word", "2 * 3 * 4 and snake_case_word."),
        ("![only](x.png)", "![only](x.png)"),
        ("", ""),
    ],
)
def test_the_words_remain(text: str, said: str) -> None:
    assert spoken(text) == said


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    assert isinstance(spoken(text), str)
    assert bool(spoken(text)) == bool(text)
