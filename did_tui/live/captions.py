"""Captions: the words of an utterance as they are heard, where nobody says when each is spoken.

D-ID tells the text of an answer, when the utterance begins and when it ends, and nothing between.
So the words are spread over the utterance at the speed of this voice, which is measured whenever an
utterance was heard to its end. Time is the sound's: seconds of it that were heard. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from did_tui.live.conversation import Conversation, Message
from did_tui.live.spoken import RECORDING, spoken

SPEED = 15.0  # characters a second, until the voice was measured
SLOWEST, FASTEST = SPEED / 2, SPEED * 2  # what a measured voice is believed to be
LEAST_MEASURED = 2.0  # seconds of an utterance that say something about the voice
LEARNING = 0.5  # of what an utterance taught

LINES = 2
WIDEST = 64  # columns of a line: more than that is not read at a glance
NARROWEST = 4

WIDE_COST = 3.0  # of an ideograph or a syllable, in letters of an alphabet
COMMA_COST, STOP_COST = 2.0, 5.0  # of the pause behind it

_STOP = re.compile(r"[.!?…。！？｡]['\"”’»›)\]}」』）]*$")
_COMMA = re.compile(r"[,;:、，；：–—-]['\"”’»›)\]}」』）]*$")
_JOINER, _EMOJI = "\u200d", "\ufe0f"


@lru_cache(maxsize=4096)
def _columns(character: str) -> int:
    """The columns a character takes at most; those that this Python does not know count as wide."""
    if character == _EMOJI:
        return 1  # it makes a narrow sign a wide one
    category = unicodedata.category(character)
    if category in ("Mn", "Me", "Cf", "Cc", "Cs"):
        return 0
    return 2 if category == "Cn" or unicodedata.east_asian_width(character) in "WF" else 1


def columns(text: str) -> int:
    """The columns that a text takes at most in a terminal."""
    return sum(map(_columns, text))


@dataclass(frozen=True, slots=True)
class _Word:
    """What appears at once; ``begins`` is in letters said before it."""

    text: str
    width: int
    space: int  # columns between it and the word before it on the same line: 0 or 1
    begins: float
    ends_sentence: bool


def _words(text: str, most: int) -> tuple[list[_Word], float]:
    """The words of a text, none wider than ``most`` columns, and how many letters it lasts."""
    words: list[_Word] = []
    said = 0.0
    for line in text.splitlines():
        chunks = line.split()
        for number, chunk in enumerate(chunks):
            pieces = list(_pieces(chunk, most))
            for index, piece in enumerate(pieces):
                stop = bool(_STOP.search(piece))
                last = number + 1 == len(chunks) and index + 1 == len(pieces)
                space = 0 if index else 1
                words.append(_Word(piece, columns(piece), space, said, stop or last))
                said += _cost(piece) + space
                said += STOP_COST if stop or last else COMMA_COST if _COMMA.search(piece) else 0
    return words, said


def _pieces(chunk: str, most: int) -> Iterator[str]:
    """A chunk without spaces, cut where scripts without spaces may be cut, or where it must be."""
    piece, width, before = "", 0, ""
    for character in chunk:
        more = _columns(character)
        if piece and more and (width + more > most or _may_part(before, character)):
            yield piece
            piece, width = "", 0
        piece += character
        width += more
        before = character
    if piece:
        yield piece


def _may_part(before: str, after: str) -> bool:
    """Whether a line may end between two characters of scripts that are written without spaces."""
    if before == _JOINER or _EMOJI in (before, after):
        return False
    if unicodedata.category(before) in ("Ps", "Pi"):
        return False
    if unicodedata.category(after) in ("Pe", "Pf", "Po", "Pd", "Lm", "Sk"):
        return False
    return _columns(before) == 2 or _columns(after) == 2


def _cost(text: str) -> float:
    return sum((0.0, 1.0, WIDE_COST)[_columns(character)] for character in text)


def spread(text: str, began: float, ended: float) -> list[tuple[str, float, float]]:
    """The words of a text that was heard from ``began`` to ``ended``, each with its own times."""
    words, said = _words(text, WIDEST)
    pace = (ended - began) / said if said else 0.0
    times = [began + word.begins * pace for word in words] + [ended]
    return [(word.text, times[n], times[n + 1]) for n, word in enumerate(words)]


@dataclass(slots=True)
class _Line:
    """Words from ``first`` up to ``end``, which is not one of them."""

    first: int
    end: int
    width: int


@dataclass(frozen=True, slots=True)
class _Layout:
    """The words on pages of two lines; ``moved`` begin sentences that were given a new page."""

    width: int
    words: Sequence[_Word]
    begins: Sequence[float]
    pages: Sequence[Sequence[_Line]]
    moved: frozenset[int]

    def page_of(self, word: int) -> Sequence[_Line]:
        """The page that a word is on."""
        firsts = [page[0].first for page in self.pages]
        return self.pages[bisect_right(firsts, word) - 1]


def _wrapped(words: Sequence[_Word], first: int, end: int, width: int, used: int) -> list[_Line]:
    """Lines of these words; the first goes on in a line of which ``used`` columns are taken."""
    lines = [_Line(first, first, used)]
    for index in range(first, end):
        word, line = words[index], lines[-1]
        more = word.width + (word.space if line.width else 0)
        if line.width and line.width + more > width:
            lines.append(_Line(index, index + 1, word.width))
        else:
            line.end, line.width = index + 1, line.width + more
    return lines


def _laid_out(words: Sequence[_Word], width: int, shown: int, kept: frozenset[int]) -> _Layout:
    """Put words on pages: a sentence that would be torn gets a new page.

    What was ``shown`` stays where it is: of those sentences only ``kept`` begin a page.
    """
    pages: list[list[_Line]] = []
    moved = set()
    ends = [index + 1 for index, word in enumerate(words) if word.ends_sentence]
    if words and (not ends or ends[-1] != len(words)):
        ends.append(len(words))
    first = 0
    for end in ends:
        page = pages[-1] if pages else []
        lines = _wrapped(words, first, end, width, page[-1].width if page else 0)
        torn = len(page) - 1 + len(lines) > LINES
        if page and (first in kept if first < shown else torn):
            moved.add(first)
            page = []
            lines = _wrapped(words, first, end, width, 0)
        if page:
            page[-1].end, page[-1].width = lines[0].end, lines[0].width
            lines = lines[1:]
        for line in lines:
            if not page or len(page) == LINES:
                page = []
                pages.append(page)
            page.append(line)
        first = end
    return _Layout(width, words, [word.begins for word in words], pages, frozenset(moved))


class Caption:
    """One utterance, which began when ``began`` seconds of sound had been heard.

    Its text may grow, and even be replaced, while it is spoken. A word is shown when its turn has
    come at ``speed`` letters a second, and stays where it is until its page is full.
    """

    def __init__(self, began: float, speed: float = SPEED) -> None:
        self._began, self._speed = began, speed
        self._heard = began
        self._text = ""
        self._final = False
        self._over = False
        self._cut = False
        self._shown = 0
        self._layout: _Layout | None = None
        self._stale = True

    def write(self, text: str, *, final: bool = True) -> None:
        """Take the text so far; ``final`` where no more of it will come."""
        if not self._cut and (text, final) != (self._text, self._final):
            self._text, self._final = text, final
            self._stale = True

    def end(self, heard: float) -> None:
        """It has been spoken to its end: all of it is shown."""
        self._listen(heard)
        self._over = True

    def cut(self, heard: float) -> None:
        """It was interrupted: no further word is shown."""
        self._listen(heard)
        self._cut = True

    def pace(self) -> float | None:
        """Letters a second of what was spoken to its end; None where that cannot be told."""
        lasted = self._heard - self._began
        measured = self._over and self._final and not self._cut
        if not measured or lasted < LEAST_MEASURED or self._text == RECORDING:
            return None
        said = _words(self._text, WIDEST)[1]
        return min(max(said / lasted, SLOWEST), FASTEST) if said else None

    def at(self, heard: float, width: int) -> tuple[str, str]:
        """The two lines to show, centred in ``width`` columns, without spaces at their ends."""
        self._listen(heard)
        layout = self._lay_out(min(max(width, NARROWEST), WIDEST))
        due = bisect_right(layout.begins, (self._heard - self._began) * self._speed)
        # The last word of a text that still grows may be half a word.
        known = len(layout.words) - (0 if self._final or self._over else 1)
        due = len(layout.words) if self._over and not self._cut else min(due, max(known, 0))
        self._shown = shown = max(self._shown, min(due, len(layout.words)))
        if not shown:
            return "", ""
        lines = [self._line(layout, line, width) for line in layout.page_of(shown - 1)]
        return lines[0], lines[1] if len(lines) > 1 else ""

    def _line(self, layout: _Layout, line: _Line, width: int) -> str:
        """The part of a line that is shown, where it will be when the line is full."""
        text = ""
        for word in layout.words[line.first : min(line.end, self._shown)]:
            text += " " * (word.space if text else 0) + word.text
        return " " * max(0, (width - line.width) // 2) + text if text else ""

    def _listen(self, heard: float) -> None:
        if not self._over and not self._cut:
            self._heard = max(self._heard, heard)

    def _lay_out(self, width: int) -> _Layout:
        layout = self._layout
        if layout is None or layout.width != width:
            self._shown, kept = 0, frozenset[int]()  # another width, other words: all anew
        elif not self._stale:
            return layout
        else:
            kept = frozenset(first for first in layout.moved if first < self._shown)
        words, _ = _words(self._text, width)
        self._shown = min(self._shown, len(words))
        self._layout, self._stale = _laid_out(words, width, self._shown, kept), False
        return self._layout


class Captions:
    """The captions of a conversation: which message is being spoken, and how fast this voice is."""

    def __init__(self) -> None:
        self.speed = SPEED
        self._caption: Caption | None = None
        self._speaking = False
        self._message = ""  # the id of what is being spoken
        self._done = 0
        self._past: set[str] = set()  # ids of what was spoken, or never will be

    def follow(self, conversation: Conversation, heard: float) -> None:
        """See what has happened; ``heard`` is how many seconds of sound have been heard."""
        if self._speaking and (
            not conversation.speaking or conversation.utterances_done != self._done
        ):
            self._end(conversation, heard)
        self._done = conversation.utterances_done
        if conversation.over or not conversation.plan.video:
            self._caption = None
        if not conversation.speaking:
            self._skip(conversation)
        elif not self._speaking:
            self._caption, self._speaking = Caption(heard, self.speed), True
            self._message = ""
        if self._speaking and self._caption is not None:
            self._write(self._caption, conversation)

    def cut(self, heard: float) -> None:
        """The utterance was interrupted: no further word of it is shown."""
        if self._caption is not None:
            self._caption.cut(heard)
        self._speaking = False

    def at(self, heard: float, width: int) -> tuple[str, str]:
        """The two lines to show, centred in ``width`` columns."""
        return self._caption.at(heard, width) if self._caption is not None else ("", "")

    def _end(self, conversation: Conversation, heard: float) -> None:
        """Spoken to its end, interrupted, or lost with the connection."""
        self._speaking = False
        message = conversation.message(self._message)
        caption = self._caption
        if caption is None:
            return
        whole = message is not None and message.state != "interrupted"
        if not whole or conversation.utterances_done == self._done:
            caption.cut(heard)
            return
        self._write(caption, conversation)
        caption.end(heard)
        pace = caption.pace()
        if pace is not None:
            self.speed += LEARNING * (pace - self.speed)

    def _write(self, caption: Caption, conversation: Conversation) -> None:
        message = conversation.message(self._message) or self._next(conversation)
        if message is not None:
            self._message = message.id
            self._past.add(message.id)
            caption.write(spoken(message.text), final=message.state != "streaming")

    def _next(self, conversation: Conversation) -> Message | None:
        """The oldest answer that was not spoken yet."""
        for message in conversation.messages:
            fresh = message.role == "assistant" and message.id not in self._past
            if fresh and message.text and message.state != "interrupted":
                return message
        return None

    def _skip(self, conversation: Conversation) -> None:
        """In silence, what was answered before the newest question will not be spoken any more."""
        before: list[str] = []
        for message in conversation.messages:
            if message.role == "assistant":
                before.append(message.id)
            elif message.state == "sent":
                self._past.update(before)
