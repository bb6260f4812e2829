"""What was said, kept and exported: nothing lost, at the time at which it was heard."""

from __future__ import annotations

import errno
import json
import re
import unicodedata
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from did_tui.files import write_private
from did_tui.live import events as e
from did_tui.live.archive import Archive
from did_tui.live.captions import spread
from did_tui.live.conversation import Conversation
from did_tui.live.export import FORMS, Record, as_json, as_markdown, as_srt, as_vtt, record_of

ANSWER = "It takes two days. <b>Sometimes</b> three --> four & five, when it is far away from here."


def conversation(answer: str = ANSWER) -> Conversation:
    made = Conversation()
    citation = e.Citation("Delivery [times]", "…", "https://a.example/d", "m", "d", "k")
    happenings: list[e.Event] = [
        e.Opening(),
        e.StreamGranted(True, True, False),
        e.StepDone("chat"),
        e.StepDone("channel"),
        e.UserSaid("u1", "How *long* does it take?"),
        e.UtteranceStarted("v1"),
        e.Answer(answer, "socket", "a1"),
        e.Responded("u1", "", (citation,)),
        e.Rated("a1", 1, "r1"),
    ]
    for at, event in enumerate(happenings):
        made.apply(event, 100.0 + at)
    made.apply(e.UtteranceDone(), 115.0)
    return made


def record(answer: str = ANSWER) -> Record:
    return record_of(conversation(answer), "agt_1", "Ada", "cht_1", zero=100.0)


def test_json_holds_everything() -> None:
    kept = json.loads(as_json(record()))
    assert kept["chat_id"] == "cht_1"
    question, answer = kept["messages"]
    assert question["text"] == "How *long* does it take?"
    assert question["at"] == 4
    assert answer["text"] == ANSWER
    assert answer["rating"] == 1
    assert answer["citations"][0]["document_id"] == "d"
    assert [word["text"] for word in answer["words"]] == ANSWER.split()
    assert answer["words"][0]["begins"] == 5
    assert answer["words"][-1]["ends"] == 15


def test_markdown_is_to_be_read() -> None:
    text = as_markdown(record())
    assert text.startswith("# Ada\n\n")
    assert "**You** · 00:00:04\n\nHow *long* does it take?" in text
    assert "> [Delivery \\[times\\]](https://a.example/d)" in text


def test_subrip_shows_what_was_heard_when_it_was() -> None:
    text = as_srt(record())
    assert text.startswith("1\n00:00:05,000 --> ")
    assert "00:00:15,000" in text
    cues = text.strip().split("\n\n")
    assert len(cues) > 1
    for cue in cues:
        lines = cue.split("\n")
        assert len(lines[1].split("-->")) == 2
        assert all("-->" not in line for line in lines[2:])
        assert all(len(line) <= 42 for line in lines[2:])
    greeting = "Hi, I am Mira. I live inside this terminal, and I know the handbook of did-tui."
    for cue in as_srt(record(greeting)).strip().split("\n\n"):
        assert len(cue.split("\n")) <= 4, "two lines at once"


def test_webvtt_has_the_time_of_each_word_and_no_marks_of_others() -> None:
    text = as_vtt(record())
    assert text.startswith("WEBVTT\n\n00:00:05.000 --> ")
    assert "&lt;b&gt;Sometimes&lt;/b&gt;" in text
    assert len(re.findall(r"<\d\d:\d\d:\d\d\.\d{3}>", text)) > 8
    words = re.sub(r"<[\d:.]+>", "", text.split("\n\n", 1)[1])
    assert "three --&gt; four &amp;" in " ".join(words.split())


def test_what_was_not_heard_is_in_no_subtitle() -> None:
    made = conversation()
    made.apply(e.UserSaid("u2", "and?"), 116.0)
    made.apply(e.Answer("Never spoken.", "socket"), 117.0)
    silent = record_of(made, "agt_1", "Ada", "", zero=100.0)
    assert "Never" not in as_srt(silent)
    assert "Never spoken." in as_markdown(silent)


def test_an_interrupted_answer_ends_where_its_speech_did() -> None:
    made = conversation()
    made.apply(e.UserSaid("u2", "and?"), 116.0)
    made.apply(e.Answer("One two three four five six seven.", "socket"), 117.0)
    made.apply(e.UtteranceStarted("v2"), 118.0)
    made.apply(e.InterruptAsked(), 119.0)
    last = record_of(made, "agt_1", "Ada", "", zero=100.0).messages[-1]
    assert last.state == "interrupted"
    assert last.text == "One two three", "this voice said nine letters a second before"
    assert last.words[-1].ends == 19


def test_a_recording_does_not_tell_how_fast_the_voice_speaks() -> None:
    made = conversation()
    made.apply(e.Spoke("s1", "♪ https://a.example/b.mp3"), 116.0)
    made.apply(e.UtteranceStarted("v2"), 116.0)
    made.apply(e.UtteranceDone(), 216.0)
    kept = record_of(made, "agt_1", "Ada", "", zero=100.0)
    assert [(word.text, word.ends) for word in kept.messages[-1].words] == [("♪", 116)]
    made.apply(e.UserSaid("u2", "and?"), 217.0)
    made.apply(e.Answer("One two three four five six seven.", "socket"), 217.0)
    made.apply(e.UtteranceStarted("v3"), 218.0)
    made.apply(e.InterruptAsked(), 219.0)
    assert made.messages[-1].heard_text == "One two three"


@given(st.text(max_size=200), st.floats(0, 1e5), st.floats(0, 100))
def test_words_are_spread_in_order_and_none_is_lost(text: str, began: float, lasted: float) -> None:
    words = spread(text, began, began + lasted)
    assert "".join(word for word, _, _ in words) == "".join(text.split())
    for (_, begins, ends), (_, after, _) in pairwise(words):
        assert begins <= ends == after
    if words:
        assert words[0][1] == began
        assert words[-1][2] == began + lasted


EVIL = "\x1b]0;owned\x07 \x9b2J a\rb \x08\x08 \u202eback \x1b[31mred --\x1b> end"


@pytest.mark.parametrize("form", FORMS)
def test_no_form_steers_the_terminal_that_it_is_read_on(form: str) -> None:
    made = conversation(EVIL)
    for message in made.messages:
        message.text = EVIL
        message.citations = (e.Citation(EVIL, EVIL, f"https://a.example/{EVIL}", "m", "d", "k"),)
    text = FORMS[form](record_of(made, "agt_1", EVIL, "cht_1", zero=100.0))
    assert "end" in text
    steers = [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs")]
    assert steers == []
    if form == "json":
        assert json.loads(text)["messages"][0]["text"] == EVIL, "it holds everything"
    if form == "srt":
        arrows = [line for line in text.split("\n") if "-->" in line]
        assert all(re.match(r"[\d:,]+ --> [\d:,]+$", line) for line in arrows)


@pytest.mark.parametrize("form", FORMS)
@given(text=st.text(max_size=100))
def test_any_text_in_any_form(form: str, text: str) -> None:
    assert isinstance(FORMS[form](record(text)), str)


def test_an_archive_is_for_this_user_only_and_written_when_something_was_said(
    tmp_path: Path,
) -> None:
    archive = Archive(tmp_path / "transcripts")
    archive.keep(record_of(Conversation(), "agt_1", "Ada", ""))
    assert archive.path is None
    archive.keep(record())
    assert archive.path is not None
    assert archive.path.stat().st_mode & 0o777 == 0o600
    assert json.loads(archive.path.read_text())["agent_name"] == "Ada"
    written = archive.path.stat().st_mtime_ns
    archive.keep(record())
    assert archive.path.stat().st_mtime_ns == written
    archive.keep(record("Another answer."))
    assert "Another answer." in archive.path.read_text()
    assert len(list(archive.path.parent.iterdir())) == 1


def test_an_agents_name_cannot_lead_out_of_the_directory(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.keep(record_of(conversation(), "../../etc/x", "", ""))
    assert archive.path is not None
    assert archive.path.parent == tmp_path
    assert archive.path.exists()


def test_a_disk_that_cannot_be_written_is_said_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    archive = Archive(tmp_path / "file")
    archive.keep(record())
    assert "cannot be kept" in archive.trouble
    (tmp_path / "file").unlink()
    archive.keep(record())
    assert not (tmp_path / "file").exists()


def test_a_private_file_is_written_through_no_link_and_over_nothing(tmp_path: Path) -> None:
    others, link = tmp_path / "others", tmp_path / "link"
    link.symlink_to(others)
    for there in (link, tmp_path):
        with pytest.raises(FileExistsError):
            write_private(there, "ours", new=True)
    assert not others.exists()
    write_private(link, "ours")
    assert not link.is_symlink()
    assert link.read_text() == "ours"
    write_private(tmp_path / "new", "ours", new=True)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("new", [True, False])
def test_a_disk_that_is_full_keeps_no_half_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new: bool
) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fdopen", full)
    with pytest.raises(OSError, match="No space"):
        write_private(tmp_path / "name", "text", new=new)
    assert list(tmp_path.iterdir()) == []


def test_subtitles_have_the_words_and_no_marks() -> None:
    kept = record("## Steps\n\nThe **first** is [here](https://a.example).")
    words = kept.messages[1].words
    assert [word.text for word in words] == "Steps The first is here.".split()
    assert (words[0].begins, words[-1].ends) == (5, 15)
    assert not {"*", "#", "["} & set(as_srt(kept) + as_vtt(kept))
    assert "**first**" in as_markdown(kept)
