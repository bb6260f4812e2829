"""What the agent is to say, asked for so that it never piles up at the service."""

from __future__ import annotations

import pytest

from did_tui.live.speech import (
    BEGIN_SECONDS,
    MOST_TRIES,
    MOST_WAITING,
    CannotSay,
    SpeechQueue,
    Utterance,
    audio_script,
    text_script,
)


def utterance(name: str) -> Utterance:
    return Utterance(name, text_script(f"Saying {name}"), name)


def queue(*names: str) -> SpeechQueue:
    made = SpeechQueue()
    for name in names:
        made.add(utterance(name))
    return made


def due(made: SpeechQueue, now: float) -> str:
    found = made.due(now)
    return found.id if found is not None else ""


def test_the_next_is_asked_for_when_the_one_before_has_begun() -> None:
    made = queue("a", "b", "c")
    assert [due(made, 0), due(made, 0)] == ["a", ""]
    made.taken(1)
    assert due(made, 1) == ""
    made.begun()
    assert [due(made, 2), due(made, 2)] == ["b", ""]
    assert len(made) == 1


def test_one_that_never_begins_is_waited_for_so_long() -> None:
    made = queue("a", "b")
    assert due(made, 0) == "a"
    made.taken(1)
    assert made.due_in(1) == BEGIN_SECONDS
    assert due(made, BEGIN_SECONDS) == ""
    assert due(made, BEGIN_SECONDS + 1.1) == "b"


def test_a_refused_one_comes_again_later_and_later() -> None:
    made, now, waits = queue("a", "b"), 0.0, []
    while due(made, now) == "a":
        if not made.refused(now):
            break
        wait = made.due_in(now)
        assert wait is not None
        assert due(made, now + wait * 0.9) == ""
        waits.append(wait)
        now += wait
    assert waits == [0.5 * 2**n for n in range(MOST_TRIES - 1)]
    assert due(made, now) == "b", "it was given up, the others go on"


def test_the_service_says_how_long_to_wait() -> None:
    made = queue("a")
    assert due(made, 0) == "a"
    assert made.refused(0, 7.0)
    assert made.due_in(0) == 7.0


def test_interrupting_empties_it() -> None:
    made = queue("a", "b")
    made.due(0)
    made.clear()
    assert due(made, 0) == ""
    made.add(utterance("c"))
    assert due(made, 0) == "c"


def test_what_did_not_begin_is_said_by_the_next_line() -> None:
    made = queue("a", "b")
    made.due(0)
    made.taken(0)
    made.put_back()
    assert due(made, 1) == "a"


def test_it_has_a_bound() -> None:
    made = queue(*(str(number) for number in range(MOST_WAITING)))
    with pytest.raises(CannotSay):
        made.add(utterance("one too many"))


@pytest.mark.parametrize("text", ["", "Hi", "  a  ", "x" * 40_001])
def test_texts_that_the_service_would_not_take(text: str) -> None:
    with pytest.raises(CannotSay):
        text_script(text)


def test_ssml_is_said_to_be_ssml() -> None:
    assert text_script("<speak>Hello</speak>", ssml=True)["ssml"] is True
    assert "ssml" not in text_script("Hello")


@pytest.mark.parametrize("url", ["https://a.example/b/c.mp3", "s3://bucket/x.WAV?version=1"])
def test_recordings(url: str) -> None:
    assert audio_script(url) == {"type": "audio", "audio_url": url}


@pytest.mark.parametrize(
    "url", ["", "http://a/b.mp3", "https://a/b.txt", "file:///etc/passwd", "https://[", "https:x"]
)
def test_what_is_no_recording(url: str) -> None:
    with pytest.raises(CannotSay):
        audio_script(url)
