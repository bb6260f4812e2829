"""What was said, in forms that others read: Markdown, JSON, SubRip and WebVTT. Pure.

Subtitles hold what was heard, when it was heard: D-ID tells when an utterance begins and ends, and
between the two the words are spread as they are spoken (``captions``).
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache

from did_tui import __version__
from did_tui.live.captions import spread
from did_tui.live.conversation import Conversation
from did_tui.live.events import Citation
from did_tui.live.spoken import spoken
from did_tui.live.transcript import Message
from did_tui.text import harmless, harmless_json

CUE_LINES = 2
CUE_SECONDS = 6.0
LINE_LETTERS = 42


@dataclass(frozen=True, slots=True)
class Word:
    """A word and when it was heard, in seconds of the record."""

    text: str
    begins: float
    ends: float


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a record; ``at`` is in seconds of the record, ``words`` what was heard."""

    id: str
    role: str
    text: str
    state: str
    at: float
    citations: tuple[Citation, ...]
    rating: int
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A conversation that is kept; ``began`` is in seconds since the epoch."""

    agent_id: str
    agent_name: str
    chat_id: str
    began: float
    messages: tuple[Said, ...]


def record_of(
    conversation: Conversation, agent_id: str, name: str, chat_id: str, zero: float | None = None
) -> Record:
    """What was said so far; ``zero`` is the record's beginning by ``time.monotonic``."""
    messages = conversation.messages
    if zero is None:
        zero = min((message.at for message in messages), default=time.monotonic())
    began = time.time() - time.monotonic() + zero
    said = tuple(_said(message, zero) for message in messages)
    return Record(agent_id, name, chat_id, round(began, 3), said)


def _said(message: Message, zero: float) -> Said:
    words: tuple[Word, ...] = ()
    began, ended = message.heard or (0.0, None)
    if ended is not None:
        words = _heard(spoken(message.heard_text), began - zero, ended - zero)
    return Said(
        message.id,
        message.role,
        message.heard_text,
        message.state,
        round(message.at - zero, 3),
        message.citations,
        message.rating,
        words,
    )


@lru_cache(1024)  # a record is made again and again, and most of it is as it was
def _heard(text: str, began: float, ended: float) -> tuple[Word, ...]:
    return tuple(Word(word, round(b, 3), round(e, 3)) for word, b, e in spread(text, began, ended))


def as_json(record: Record) -> str:
    """The whole record; what could steer a terminal is escaped, as JSON may be."""
    whole = json.dumps({"did_tui": __version__, **asdict(record)}, ensure_ascii=False, indent=1)
    return harmless_json(whole)


def as_markdown(record: Record) -> str:
    """A document to read: who said what, and what it rests on."""
    name = record.agent_name or record.agent_id
    began = datetime.fromtimestamp(record.began, UTC).strftime("%Y-%m-%d %H:%M UTC")
    parts = [f"# {_plain(name)}\n\n{began}"]
    for said in record.messages:
        who = {"user": "You", "tool": "Tool"}.get(said.role) or _plain(name)
        note = {"interrupted": " (interrupted)", "failed": " (not sent)"}.get(said.state, "")
        parts.append(f"**{who}** · {_clock(said.at)[:8]}{note}\n\n{harmless(said.text)}")
        if said.citations:
            parts.append("\n".join(f"> {_source(citation)}" for citation in said.citations))
    return "\n\n".join(parts) + "\n"


def _source(citation: Citation) -> str:
    title = _plain(citation.title) or "source"
    if re.fullmatch(r"https?://[^\s<>()]+", citation.source_url):
        return f"[{title}]({citation.source_url})"
    return title


def as_srt(record: Record) -> str:
    """SubRip subtitles of what the agent said."""
    cues = []
    for number, words in enumerate(_cues(record), 1):
        times = f"{_comma(words[0].begins)} --> {_comma(words[-1].ends)}"
        cues.append(f"{number}\n{times}\n{_lines(words, lambda word: _no_arrow(word.text))}\n")
    return "\n".join(cues)


def as_vtt(record: Record) -> str:
    """WebVTT captions of what the agent said, with the time of each word."""
    cues = ["WEBVTT\n"]
    for words in _cues(record):
        times = f"{_clock(words[0].begins)} --> {_clock(words[-1].ends)}"
        first = words[0]

        def timed(word: Word, first: Word = first) -> str:
            text = word.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            return text if word is first else f"<{_clock(word.begins)}>{text}"

        cues.append(f"{times}\n{_lines(words, timed)}\n")
    return "\n".join(cues)


#: The forms by the ending of a file's name.
FORMS: Mapping[str, Callable[[Record], str]] = {
    "md": as_markdown,
    "json": as_json,
    "srt": as_srt,
    "vtt": as_vtt,
}


def _cues(record: Record) -> Iterator[Sequence[Word]]:
    """Words that are shown together."""
    for said in record.messages:
        cue: list[Word] = []
        for heard in said.words:
            word = replace(heard, text=harmless(heard.text))
            if not word.text:
                continue
            full = len(_rows([*cue, word])) > CUE_LINES
            if cue and (full or word.ends - cue[0].begins > CUE_SECONDS):
                yield cue
                cue = []
            cue.append(word)
        if cue:
            yield cue


def _rows(words: Sequence[Word]) -> list[list[Word]]:
    """The words of each line."""
    rows: list[list[Word]] = [[]]
    used = 0
    for word in words:
        if rows[-1] and used + 1 + len(word.text) > LINE_LETTERS:
            rows.append([])
            used = 0
        used += len(word.text) + (1 if rows[-1] else 0)
        rows[-1].append(word)
    return rows


def _lines(words: Sequence[Word], draw: Callable[[Word], str]) -> str:
    return "\n".join(" ".join(map(draw, row)) for row in _rows(words))


def _clock(seconds: float) -> str:
    milliseconds = max(0, round(seconds * 1000))
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}.{milliseconds % 1000:03}"


def _comma(seconds: float) -> str:
    return _clock(seconds).replace(".", ",")


def _no_arrow(text: str) -> str:
    return text.replace("-->", "→")


def _plain(text: str) -> str:
    """A text on one line that Markdown does not read as a mark."""
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", " ".join(harmless(text).split()))
