"""The emulator's voice: text in, 48 kHz sound with word and phoneme timings out, offline.

eSpeak NG speaks in a child process (`did_tui.emulator.voiced` says why). When there is no such
library, or it crashes twice over one text, the text is babbled instead: a call never goes silent.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from did_tui.emulator.voiced import PREFIX, Header, pack, speakable

_log = logging.getLogger(__name__)

Engine = Literal["wheel", "system", "babble"]

ENGINES: tuple[Engine, ...] = ("wheel", "system", "babble")
"""In the order they are tried: the espeakng-loader wheel, the system's eSpeak NG, arithmetic."""

BABBLE = "babble: a demo voice, not words"
"""What `Voice.engine` says when there is no library; to be shown to whoever listens."""

PATIENCE = 10.0
"""Seconds after which a child that has not answered counts as crashed."""

LONGEST_TEXT = 20_000
"""Characters of a text that are looked at; one sentence at a time is what is meant to be said."""

_TRIES = 2
_CRASHES_IN_A_ROW = 6  # then the library is taken for broken
_GRACE = 1.0  # seconds a child gets to end by itself


@dataclass(frozen=True, slots=True)
class Word:
    """When a word is heard (ms from the start), and which characters of the text it is."""

    ms: float
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Speech:
    """PCM, s16 mono at `rate` Hz (always 48 000), with its timings.

    `phonemes` are (ms, IPA) without stress and length marks, in order; "" is silence. The sound
    ends with the pause that belongs after the sentence, so that speeches can be joined as they are.
    """

    rate: int
    pcm: bytes
    words: tuple[Word, ...]
    phonemes: tuple[tuple[float, str], ...]

    @property
    def duration(self) -> float:
        """Seconds of sound."""
        return len(self.pcm) / 2 / self.rate


@dataclass(frozen=True, slots=True)
class Timbre:
    """What a voice sounds like, in eSpeak NG's terms.

    `voice` is a language ("en-us", "en-gb-x-rp", "de"), `variant` a file of its voices/!v folder
    ("f3", "Annie") or "". `rate` is in words a minute, 80..450; `pitch` and `pitch_range` 0..100,
    the library's own middle being 50. What is unknown or beyond a limit becomes the nearest known:
    a plain "en-us" in the end.
    """

    voice: str = "en-us"
    variant: str = "f3"
    rate: int = 160
    pitch: int = 50
    pitch_range: int = 55


class VoiceClosed(RuntimeError):
    """`say` was called after `close`, or `close` while something was being said."""


class Voice:
    """Speaks for any number of agents; it belongs to the event loop that first uses it.

    `engine` names, in human words, what is speaking. The child starts with the first `say`, or
    with `await Voice.open()`. Close it, or use it as an async context manager: the child also ends
    when this process does, but an event loop complains about a pipe it finds open at its end.
    """

    def __init__(self, engines: Sequence[Engine] = ENGINES, patience: float = PATIENCE) -> None:
        """`engines` are tried in order; babble is the last of them whether named or not."""
        before_babble = itertools.takewhile(lambda engine: engine != "babble", engines)
        self._libraries = tuple(before_babble)
        self._patience = patience
        self._child: _Child | None = None
        self._turn = asyncio.Lock()
        self._crashes = 0
        self._closed = False
        self.engine = "eSpeak NG, not started yet" if self._libraries else BABBLE

    @classmethod
    async def open(cls, engines: Sequence[Engine] = ENGINES) -> Self:
        """Make a voice and start its child, so that the first sentence does not wait for it."""
        voice = cls(engines)
        return await voice.__aenter__()

    async def __aenter__(self) -> Self:
        with suppress(_ChildGone):
            async with self._turn:
                await self._running_child()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def pid(self) -> int | None:
        """The speaking child's process id, while there is one."""
        return self._child.pid if self._child else None

    async def say(self, text: str, timbre: Timbre | None = None, *, ssml: bool = False) -> Speech:
        """Speak a text; any text, at most five minutes of it. Callers take turns.

        With `ssml`, what stands in angle brackets is markup. Raises nothing but `VoiceClosed`.
        Takes milliseconds; twice `PATIENCE` and a babble if the library hangs over the text.
        """
        text = speakable(text[:LONGEST_TEXT])
        timbre = timbre or Timbre()
        for _ in range(_TRIES):
            try:
                async with self._turn:
                    child = await self._running_child()
                    if child is None:
                        break
                    speech = await child.ask({"text": text, "ssml": ssml, **asdict(timbre)})
            except _ChildGone as reason:
                if self._closed:
                    raise VoiceClosed from reason
                self._crashes += 1
                _log.warning("the speaking child is gone: %s", reason)
            else:
                self._crashes = 0
                return speech
        return await asyncio.to_thread(_babbled, text, timbre, ssml=ssml)

    async def close(self) -> None:
        """End the child; texts that are still being said raise `VoiceClosed`."""
        self._closed = True
        if self._child:
            await self._child.end()
        async with self._turn:  # one may have been starting meanwhile
            if self._child:
                await self._child.end()
                self._child = None

    async def _running_child(self) -> _Child | None:
        """The child, started if need be; None if there is nothing to start.

        Call it in turn. Raises `_ChildGone` if the child does not come up, `VoiceClosed`.
        """
        if self._closed:
            raise VoiceClosed
        if self._child and self._child.gone:
            await self._child.end()
            self._child = None
        if self._crashes >= _CRASHES_IN_A_ROW:
            self._libraries, self.engine = (), BABBLE
        if self._libraries and not self._child:
            child = await _Child.start(self._libraries, self._patience)
            if child.engine:
                self._child, self.engine = child, child.engine
            else:
                await child.end()
                self._libraries, self.engine = (), BABBLE
        return self._child


class _ChildGone(Exception):
    """The child did not start, ended, or did not answer in time."""


class _Child:
    """One run of the speaking child, from its greeting to its end."""

    def __init__(
        self,
        process: Process,
        requests: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
        patience: float,
    ) -> None:
        self.engine: str | None = None
        self.gone = False
        self._process = process
        self._requests = requests
        self._answers = answers
        self._patience = patience
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Speech | None]] = {}
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, engines: Sequence[Engine], patience: float) -> _Child:
        """Start one and wait for its greeting; raises `_ChildGone` if none comes."""
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "did_tui.emulator.voiced",
                *engines,
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,  # the C library may print, and this may be a full-screen terminal
                # Where Python then looks first: the same package, not the user's folder.
                cwd=Path(__file__).parents[2],
                # The library numpy brings would start a thread for every core, for nothing.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            )
        except (OSError, NotImplementedError) as error:  # the latter from a loop that cannot
            raise _ChildGone(f"it did not start: {error}") from error
        if process.stdin is None or process.stdout is None:
            raise _ChildGone("it has no pipes")
        child = cls(process, process.stdin, process.stdout, patience)
        greeted = False
        try:
            async with asyncio.timeout(patience):
                greeting, _ = await child._read()
            greeted = True
        except TimeoutError:
            raise _ChildGone(f"no greeting for {patience} s") from None
        finally:
            if not greeted:
                await child.end(at_once=True)
        child.engine = greeting["engine"]
        child._listening = asyncio.create_task(child._listen(), name="speaking child")
        return child

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def ask(self, request: Header) -> Speech:
        """Have one text spoken; raises `_ChildGone`.

        Answers carry the number of their request: when this is cancelled, the answer that still
        comes is nobody's, and is dropped whole.
        """
        number = next(self._numbers)
        answer: asyncio.Future[Speech | None] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            async with asyncio.timeout(self._patience):
                self._requests.write(pack({"id": number, **request}))
                await self._requests.drain()
                speech = await answer
        except TimeoutError:
            await self.end(at_once=True)
            raise _ChildGone(f"no answer for {self._patience} s") from None
        except (BrokenPipeError, ConnectionResetError) as error:
            self.gone = True
            raise _ChildGone(str(error)) from error
        finally:
            del self._waiting[number]
        if speech is None:
            raise _ChildGone("its output ended")
        return speech

    async def end(self, *, at_once: bool = False) -> None:
        """Close its input, which ends it; kill it if that takes long, or `at_once`."""
        self.gone = True
        self._requests.close()
        try:
            async with asyncio.timeout(0 if at_once else _GRACE):
                await self._process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._listening:
            await self._listening
        with suppress(BrokenPipeError, ConnectionResetError):
            await self._requests.wait_closed()

    async def _listen(self) -> None:
        """Hand answers to those who wait for them; None when there are no more."""
        with suppress(_ChildGone):
            while True:
                header, pcm = await self._read()
                answer = self._waiting.get(header["id"])
                if answer and not answer.done():
                    answer.set_result(_speech(header, pcm))
        self.gone = True
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_result(None)

    async def _read(self) -> tuple[Header, bytes]:
        try:
            (length,) = PREFIX.unpack(await self._answers.readexactly(PREFIX.size))
            header: Header = json.loads(await self._answers.readexactly(length))
            return header, await self._answers.readexactly(header["pcm"])
        except (asyncio.IncompleteReadError, ConnectionResetError) as error:
            raise _ChildGone("its output ended") from error
        except ValueError as error:
            raise _ChildGone(f"its output is no frame: {error}") from error


def _speech(header: Header, pcm: bytes) -> Speech:
    return Speech(
        rate=header["rate"],
        pcm=pcm,
        words=tuple(Word(float(ms), start, length) for ms, start, length in header["words"]),
        phonemes=tuple((float(ms), name) for ms, name in header["phonemes"]),
    )


# --- babble ---------------------------------------------------------------------------------

_MARKUP = re.compile(r"<[^>]*>|&\w+;")
# eSpeak NG's variants with "gender female", or with a child's pitch.
_HIGH_VARIANT = re.compile(
    r"(?:f|alicia|andrea|anika|anikarobot|annie|aunty|belinda|grandma|linda|shelby|steph|whisperf"
    r"|zac)\d*",
    re.IGNORECASE,
)


def _babbled(text: str, timbre: Timbre, *, ssml: bool) -> Speech:
    # numpy takes a tenth of a second to load, which nobody with a library need wait for.
    from did_tui.emulator.babble import OUTPUT_RATE, babble

    if ssml:  # as many blanks, so that the words keep their places
        text = _MARKUP.sub(lambda markup: " " * len(markup.group()), text)
    murmur = babble(
        text,
        words_a_minute=timbre.rate,
        pitch=timbre.pitch,
        deep=not _HIGH_VARIANT.fullmatch(timbre.variant),
    )
    return Speech(
        rate=OUTPUT_RATE,
        pcm=murmur.pcm,
        words=tuple(Word(*word) for word in murmur.words),
        phonemes=tuple(murmur.phonemes),
    )


# --- sentences ------------------------------------------------------------------------------

LONGEST_PIECE = 220
"""Characters a piece from `sentences` has at most."""

# The marks that end a sentence, with the quotes and brackets that close behind them. Scripts that
# write no spaces have marks of their own, which need none behind them.
_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]*_]*+(?=\s)|[。！？｡]+[」』”’）》]*|\n+")
_NEXT = re.compile(r"\s*(\S)")
_ABBREVIATION = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|sr|jr|vs|fig|approx|dept|cf|e\.g|i\.e|a\.m|p\.m)"
    r"|\b(?!I\b)[A-Z]|^\d{1,3})\.$",
    re.IGNORECASE,
)
_ABBREVIATION_TAIL = 12  # characters; more than the longest of them
_SOFT_BREAK = re.compile(r"[,;:—–](?=\s)|[、，；：]")
_SPACE = re.compile(r"\s")


def sentences(text: str) -> list[str]:
    """Split an answer into pieces to be said one after another.

    Each piece is a slice of the text as it stands, in order, at most `LONGEST_PIECE` characters
    long and without space around it; only space is left out between them. Long sentences are cut
    at commas, else at spaces, else anywhere.
    """
    pieces: list[str] = []
    for sentence in _split(text):
        pieces += _cut(sentence)
    return pieces


def _split(text: str) -> list[str]:
    pieces: list[str] = []
    start = 0
    for mark in _END.finditer(text):
        piece = text[start : mark.end()].strip()
        following = _NEXT.match(text, mark.end())
        if _is_sentence(piece, mark.group(), following.group(1) if following else ""):
            pieces.append(piece)
            start = mark.end()
    rest = text[start:].strip()
    return [*pieces, rest] if rest else pieces


def _is_sentence(piece: str, mark: str, following: str) -> bool:
    if not any(map(str.isalnum, piece)):
        return False  # dots or quotes alone go with what they stand before
    if mark[0] not in ".…":
        return True
    return not (following.islower() or _ABBREVIATION.search(piece[-_ABBREVIATION_TAIL:]))


def _cut(sentence: str) -> list[str]:
    pieces: list[str] = []
    while len(sentence) > LONGEST_PIECE:
        window = sentence[: LONGEST_PIECE + 1]
        cut = _last_end(_SOFT_BREAK, window) or _last_end(_SPACE, window) or LONGEST_PIECE
        pieces.append(sentence[:cut].rstrip())
        sentence = sentence[cut:].lstrip()
    return [*pieces, sentence]


def _last_end(pattern: re.Pattern[str], window: str) -> int | None:
    """Where the last match ends that leaves a piece worth saying by itself."""
    ends = [match.end() for match in pattern.finditer(window)]
    return ends[-1] if ends and len(window) / 3 < ends[-1] <= LONGEST_PIECE else None
