"""Captions: no word before its time, none lost, nothing jumps, nothing is wider than the screen."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from did_tui.live import events as e
from did_tui.live.captions import (
    FASTEST,
    SLOWEST,
    SPEED,
    WIDEST,
    Caption,
    Captions,
    _Layout,
    columns,
)
from did_tui.live.conversation import Conversation
from did_tui.ui.text import plain

LONG = (
    "Hello! I am your digital assistant. You can ask me about our products, about your order, or"
    " about the weather. What would you like to know?"
)
AGES = 10_000.0  # seconds in which everything has been said

texts = st.text(max_size=300) | st.lists(
    st.sampled_from(
        [*"aé汉字。！?.,-–(「」", "word", "Donaudampfschiff", " ", "\n", "👩‍👩‍👧", "ก็"]
    ),
    max_size=60,
).map("".join)
widths = st.integers(4, 200)
moments = st.lists(st.floats(0, 40), min_size=1, max_size=12).map(sorted)


def words(lines: tuple[str, str]) -> str:
    return "".join("".join(lines).split())


def shown_until(caption: Caption, seconds: float, width: int, step: float = 0.05) -> list[str]:
    """All pages that were shown, one after the other, each as full as it became."""
    pages: list[str] = []
    last = ""
    for number in range(int(seconds / step) + 1):
        now = words(caption.at(number * step, width))
        if pages and now.startswith(last):
            pages[-1] = now
        else:
            pages.append(now)
        last = now
    return pages


# The model


def test_a_word_appears_when_its_turn_has_come() -> None:
    caption = Caption(10.0)
    caption.write("Hello there, friend")
    assert caption.at(10.0, 40)[0].strip() == "Hello"
    assert caption.at(10.0 + 5.9 / SPEED, 40)[0].strip() == "Hello"
    assert caption.at(10.0 + 6.1 / SPEED, 40)[0].strip() == "Hello there,"
    assert caption.at(12.0, 40)[0].strip() == "Hello there, friend"


def test_words_stand_where_they_will_stay() -> None:
    caption = Caption(0.0)
    caption.write("Hello there")
    assert caption.at(0.0, 21) == ("     Hello", "")
    assert caption.at(9.0, 21) == ("     Hello there", "")


def test_lines_are_centred_and_not_too_wide_to_read() -> None:
    caption = Caption(0.0)
    caption.write("word " * 60)
    first, second = caption.at(5.0, 180)
    assert len(first.strip()) <= WIDEST
    assert abs((len(first) - len(first.strip())) - (180 - len(first))) <= 1
    assert second


@pytest.mark.parametrize(
    ("text", "width", "pages"),
    [
        ("One. Two. Three.", 40, ["One.Two.Three."]),
        # A sentence that does not fit any more gets a page of its own.
        ("Short one. This is a sentence of two lines or so.", 26,
         ["Shortone.", "Thisisasentenceoftwolinesorso."]),
        ("Short. Now a longer sentence comes.", 26, ["Short.Nowalongersentencecomes."]),
        # One that is longer than a page goes on over as many as it takes.
        ("aaa bbb ccc ddd eee", 7, ["aaabbbcccddd", "eee"]),
        ("first line\nsecond line", 30, ["firstlinesecondline"]),
        ("你好。今天天气很好。", 8, ["你好。", "今天天气很好。"]),
        ("abcdefghijklmnop", 6, ["abcdefghijkl", "mnop"]),
        ("", 20, [""]),
    ],
)  # fmt: skip
def test_pages(text: str, width: int, pages: list[str]) -> None:
    caption = Caption(0.0)
    caption.write(text)
    assert shown_until(caption, 20, width) == pages


def test_at_the_end_all_of_it_is_shown() -> None:
    caption = Caption(0.0)
    caption.write("One two three four.")
    assert words(caption.at(0.2, 40)) == "One"
    caption.end(0.4)
    assert words(caption.at(0.4, 40)) == "Onetwothreefour."


def test_an_interruption_cuts() -> None:
    caption = Caption(0.0)
    caption.write("One two three four.")
    assert words(caption.at(0.2, 40)) == "One"
    caption.cut(0.5)
    caption.write("One two three four. And five.")
    assert words(caption.at(AGES, 40)) == "Onetwo"
    assert words(caption.at(AGES, 30)) == "Onetwo"
    assert caption.pace() is None


def test_a_page_that_is_begun_is_not_torn_when_more_text_comes() -> None:
    caption = Caption(0.0)
    caption.write("Yes. And then it", final=False)
    assert words(caption.at(1.0, 20)) == "Yes.Andthen"
    caption.write("Yes. And then it rained for a long, long time.")
    assert words(caption.at(1.0, 20)).startswith("Yes.Andthen")


def test_half_a_word_is_not_shown() -> None:
    caption = Caption(0.0)
    caption.write("An ele", final=False)
    assert words(caption.at(9.0, 40)) == "An"
    caption.write("An elephant", final=True)
    assert words(caption.at(9.0, 40)) == "Anelephant"


@given(texts, widths, moments)
def test_no_word_is_shown_before_its_time_and_none_is_taken_back(
    text: str, width: int, times: list[float]
) -> None:
    caption = Caption(0.0)
    caption.write(text)
    before = 0
    for moment in times:
        caption.at(moment, width)
        layout = caption._layout
        assert layout is not None
        assert caption._shown >= before
        before = caption._shown
        for begins in layout.begins[: caption._shown]:
            assert begins <= moment * SPEED
    caption.at(0.0, width)
    assert caption._shown == before


@given(texts, widths)
def test_every_word_has_its_moment(text: str, width: int) -> None:
    caption = Caption(0.0)
    caption.write(text)
    caption.at(0.0, width)
    layout = caption._layout
    assert layout is not None
    # Each page is seen whole before the next one comes: when its last word is due.
    lasts = [layout.begins[page[-1].end - 1] for page in layout.pages]
    seen = [words(caption.at((begins + 0.01) / SPEED, width)) for begins in lasts]
    assert "".join(seen) == "".join(text.split())
    assert all(len(page) <= 2 for page in layout.pages)


@given(texts, widths, moments)
def test_no_line_is_wider_than_the_screen(text: str, width: int, times: list[float]) -> None:
    caption = Caption(0.0)
    caption.write(text)
    for moment in times:
        for line in caption.at(moment, width):
            assert columns(line) <= width
            assert cell_len(plain(line)) <= columns(line)


@given(st.lists(texts, max_size=8), widths, moments)
def test_what_was_shown_stays_while_text_arrives(
    pieces: list[str], width: int, times: list[float]
) -> None:
    caption = Caption(0.0)
    text = ""
    layout: _Layout | None = None
    for piece, moment in zip(pieces, [*times, *times[-1:] * 8], strict=False):
        text += piece
        caption.write(text, final=False)
        before = list(layout.words[: caption._shown]) if layout is not None else []
        page = 0 if layout is None or not before else layout.page_of(len(before) - 1)[0].first
        lines = caption.at(moment, width)
        layout = caption._layout
        assert layout is not None
        assert layout.words[: len(before)] == before
        if before:
            assert layout.page_of(len(before) - 1)[0].first == page
        assert caption._shown <= max(len(layout.words) - 1, 0)
        assert all(columns(line) <= width for line in lines)
    caption.end(50.0)
    caption.at(50.0, width)
    assert caption._layout is not None
    assert caption._shown == len(caption._layout.words)


# The conversation


def connected() -> Conversation:
    conversation = Conversation()
    tell(conversation, e.Opening(), e.StreamGranted(True, True, False))
    for step in e.STEPS:
        tell(conversation, e.StepBegun(step), e.StepDone(step))
    return conversation


def tell(conversation: Conversation, *events: e.Event) -> None:
    for event in events:
        conversation.apply(event, 0.0)


def test_the_answer_is_shown_while_it_is_spoken() -> None:
    conversation, captions = connected(), Captions()
    tell(conversation, e.UserSaid("u1", "Hi"), e.Partial("Hello you", 0, "channel"))
    captions.follow(conversation, 5.0)
    assert captions.at(5.0, 40) == ("", "")
    tell(conversation, e.UtteranceStarted("v1"), e.Answer("Hello you there.", "channel"))
    captions.follow(conversation, 6.0)
    assert words(captions.at(6.0, 40)) == "Hello"
    captions.follow(conversation, 6.5)
    assert words(captions.at(6.5, 40)) == "Helloyou"
    tell(conversation, e.UtteranceDone())
    captions.follow(conversation, 6.6)
    assert words(captions.at(6.6, 40)) == "Helloyouthere."


def test_each_utterance_has_its_own_text() -> None:
    conversation, captions = connected(), Captions()
    tell(conversation, e.Greeted("Welcome."), e.UtteranceStarted("v0"))
    captions.follow(conversation, 0.0)
    assert words(captions.at(0.0, 40)) == "Welcome."
    tell(conversation, e.UserSaid("u1", "Hi"), e.Answer("First.", "channel"))
    tell(conversation, e.Responded("u1", ""), e.UserSaid("u2", "And?"))
    captions.follow(conversation, 0.5)
    assert words(captions.at(0.5, 40)) == "Welcome."
    # Between two looks one utterance ends and the next one begins.
    tell(conversation, e.UtteranceDone(), e.UtteranceStarted("v1"), e.Answer("Second.", "channel"))
    captions.follow(conversation, 2.0)
    assert words(captions.at(2.0, 40)) == "First."
    tell(conversation, e.UtteranceDone())
    captions.follow(conversation, 3.0)
    tell(conversation, e.UtteranceStarted("v2"))
    captions.follow(conversation, 3.1)
    assert words(captions.at(3.1, 40)) == "Second."


def test_an_answer_that_was_never_spoken_is_not_shown_in_the_next_ones_place() -> None:
    conversation, captions = connected(), Captions()
    tell(conversation, e.UserSaid("u1", "Hi"), e.Answer("Lost.", "channel"))
    tell(conversation, e.UtteranceFailed("no credits"), e.UserSaid("u2", "Hello?"))
    captions.follow(conversation, 1.0)
    tell(conversation, e.Answer("Found.", "channel"), e.UtteranceStarted("v2"))
    captions.follow(conversation, 2.0)
    assert words(captions.at(2.0, 40)) == "Found."


def test_an_interrupted_answer_stops() -> None:
    conversation, captions = connected(), Captions()
    tell(conversation, e.UserSaid("u1", "Hi"), e.UtteranceStarted("v1"))
    tell(conversation, e.Answer("One two three four.", "channel"))
    captions.follow(conversation, 0.0)
    tell(conversation, e.InterruptAsked())
    captions.follow(conversation, 0.3)
    assert words(captions.at(9.0, 40)) == "Onetwo"
    assert captions.speed == SPEED


def test_an_interrupted_greeting_stops() -> None:
    conversation, captions = connected(), Captions()
    tell(conversation, e.Greeted("One two three four."), e.UtteranceStarted("v1"))
    captions.follow(conversation, 0.0)
    tell(conversation, e.InterruptAsked())
    captions.cut(0.3)
    captions.follow(conversation, 0.4)
    assert words(captions.at(9.0, 40)) == "Onetwo"


@pytest.mark.parametrize("event", [e.SessionEnded("network"), e.ModeChanged("TextOnly")])
def test_where_nobody_speaks_any_more_there_are_no_captions(event: e.Event) -> None:
    conversation, captions = connected(), Captions()
    tell(conversation, e.Greeted("One two."), e.UtteranceStarted("v1"))
    captions.follow(conversation, 0.0)
    tell(conversation, event)
    captions.follow(conversation, 0.4)
    assert captions.at(9.0, 40) == ("", "")


@pytest.mark.parametrize(("seconds", "way"), [(20.0, -1), (6.0, 1)])
def test_the_speed_follows_the_voice(seconds: float, way: int) -> None:
    conversation, captions = connected(), Captions()
    heard, speeds = 0.0, [captions.speed]
    for number in range(4):
        asked = f"u{number}"
        tell(conversation, e.UserSaid(asked, "Hi"), e.UtteranceStarted(f"v{number}"))
        tell(conversation, e.Answer(LONG + str(number), "channel"), e.Responded(asked, ""))
        captions.follow(conversation, heard)
        heard += seconds
        tell(conversation, e.UtteranceDone())
        captions.follow(conversation, heard)
        speeds.append(captions.speed)
    assert all((after - before) * way > 0 for before, after in pairwise(speeds))
    assert captions.speed == pytest.approx((len(LONG) + 24) / seconds, rel=0.1)


def test_a_voice_is_not_believed_to_be_beyond_measure() -> None:
    caption = Caption(0.0)
    caption.write("word " * 1000)
    caption.end(2.0)
    assert caption.pace() == FASTEST
    caption = Caption(0.0)
    caption.write("word")
    caption.end(600.0)
    assert caption.pace() == SLOWEST


@given(
    st.lists(
        st.sampled_from(
            [
                e.UserSaid("u1", "Hi"), e.UserSaid("u2", "Hi"), e.Greeted("Welcome here."),
                e.Partial("An ans", 0, "channel"), e.Partial("wer", 1, "channel"),
                e.Answer("An answer. And more.", "channel"), e.Answer("Another.", "socket"),
                e.Responded("u1", ""), e.UtteranceStarted("v"), e.UtteranceDone(),
                e.UtteranceFailed(), e.InterruptAsked(), e.SessionEnded("network"), e.Opening(),
            ]
        ),
        max_size=30,
    ),
    st.floats(0, 2),
)  # fmt: skip
def test_any_conversation_has_captions(happened: list[e.Event], step: float) -> None:
    conversation, captions = connected(), Captions()
    for number, event in enumerate(happened):
        tell(conversation, event)
        captions.follow(conversation, number * step)
        lines = captions.at(number * step, 30)
        shown = words(lines)
        said = ["".join(m.text.split()) for m in conversation.messages if m.role == "assistant"]
        assert all(len(line) <= 30 for line in lines)
        assert not shown or any(
            shown in text or text.startswith(shown) for text in [*said, "Ananswer.Andmore."]
        )


def test_markdown_is_shown_without_its_marks() -> None:
    conversation, captions = connected(), Captions()
    answer = "Four **steps**, and [the shop](https://a.example)."
    tell(conversation, e.UtteranceStarted("v1"), e.Answer(answer, "channel"))
    captions.follow(conversation, 0.0)
    assert words(captions.at(AGES, 64)) == "Foursteps,andtheshop."
