"""The speaking child: eSpeak NG, loaded with ctypes, behind a pair of pipes.

A process of its own for three reasons. eSpeak NG keeps its state in globals and is not thread-safe;
a crash in C must not take the emulator down; and it is GPL-3.0-or-later software, which this
program starts and talks to but does not become a part of.

`python -m did_tui.emulator.voiced [wheel] [system]` tries those libraries in that order, greets
with the engine's name (null if there is none), then answers requests until its standard input
closes. That it closes is how the child learns of the parent's end, whatever end that was.

Importing this module loads no library.
"""

from __future__ import annotations

import ctypes
import json
import os
import queue
import re
import signal
import struct
import sys
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

# --- the wire -------------------------------------------------------------------------------

PREFIX = struct.Struct("<I")
"""A frame is this (the length of the header in bytes), a JSON header, then `pcm` bytes of PCM."""

Header = dict[str, Any]
"""What JSON made it; every frame has `pcm`, the number of bytes that follow the header."""

# A control character ends a C string or starts a command of eSpeak NG's own; a surrogate has no
# UTF-8, and two of them come out of JSON as one character.
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def pack(header: Header, pcm: bytes = b"") -> bytes:
    """Make one frame."""
    encoded = json.dumps({**header, "pcm": len(pcm)}).encode()
    return PREFIX.pack(len(encoded)) + encoded + pcm


def speakable(text: str) -> str:
    """Put a blank for every character that is not text; the others keep their places."""
    return _UNSPEAKABLE.sub(" ", text)


def _read_header(wire: BinaryIO) -> Header | None:
    """Read a frame that has no PCM; None at the end of the stream."""
    prefix = wire.read(PREFIX.size)
    if len(prefix) < PREFIX.size:
        return None
    (length,) = PREFIX.unpack(prefix)
    encoded = wire.read(length)
    if len(encoded) < length:
        return None
    header: Header = json.loads(encoded)
    return header


# --- eSpeak NG's C interface (its speak_lib.h, API revision 12) ------------------------------

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS
_PHONEME_EVENTS, _PHONEME_IPA, _DONT_EXIT = 0x1, 0x2, 0x8000
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4  # espeak_PARAMETER
_UTF8, _SSML, _END_PAUSE = 0x1, 0x10, 0x1000
_LIST_END, _WORD, _END, _PHONEME = 0, 1, 5, 7  # espeak_EVENT_TYPE
_GO_ON, _ABORT = 0, 1
_SPEAK_THE_ALTERNATIVE = 1


class _EventId(ctypes.Union):
    _fields_ = (
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    )


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_SynthCallback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)
_UriCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p)

_SAFE_NAME = re.compile(r"[A-Za-z0-9-]+")
_PLAIN_VOICE = "en-us"
_LETTERS = re.compile(r".*\w", re.DOTALL)
_LONGEST_JOIN = 24  # characters; more than that was cut off, not joined
_NOT_A_SOUND = re.compile(r"\([^)]*\)|[ˈˌː:|_\d]")


class NoEngine(Exception):
    """No library of the wanted kinds could be loaded on this system."""


class _Source(NamedTuple):
    """Where a library may be, where its data are (None: it knows), and how to name it."""

    library: str
    data: str | None
    origin: str


class Utterance(NamedTuple):
    """What eSpeak NG made: s16 mono at `rate` Hz, words (ms, start, length), phonemes (ms, IPA)."""

    rate: int
    pcm: bytes
    words: list[tuple[int, int, int]]
    phonemes: list[tuple[int, str]]


def _sources(engine: str) -> list[_Source]:
    if engine == "wheel":
        return _wheel_sources()
    if engine != "system":
        return []
    names = {
        "darwin": ["libespeak-ng.dylib", "/opt/homebrew/lib/libespeak-ng.dylib"],
        "win32": [
            "libespeak-ng.dll",
            str(Path(os.environ.get("PROGRAMFILES", ""), "eSpeak NG", "libespeak-ng.dll")),
        ],
    }.get(sys.platform, ["libespeak-ng.so.1"])
    return [_Source(name, None, "this system") for name in names]


def _wheel_sources() -> list[_Source]:
    try:
        import espeakng_loader
    except ImportError:
        return []
    try:
        data = espeakng_loader.get_data_path()
    except RuntimeError:  # what it raises when its data folder is gone
        return []
    return [_Source(espeakng_loader.get_library_path(), data, "espeakng-loader")]


def load(engines: list[str]) -> Espeak:
    """Load the first library that works, of "wheel" and "system" in the given order.

    Raises `NoEngine` if there is none.
    """
    for engine in engines:
        for source in _sources(engine):
            try:
                return Espeak(source)
            except (OSError, NoEngine):
                continue
    raise NoEngine(f"no eSpeak NG library among: {', '.join(engines)}")


class Espeak:
    """eSpeak NG, once per process: the library's state is global."""

    def __init__(self, source: _Source) -> None:
        self._library = ctypes.CDLL(source.library)
        data = None if source.data is None else os.fsencode(source.data)
        options = _PHONEME_EVENTS | _PHONEME_IPA | _DONT_EXIT
        self._rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, options)
        if self._rate <= 0:
            raise NoEngine(f"{source.library} found no data")
        self._library.espeak_Info.restype = ctypes.c_char_p
        version = self._library.espeak_Info(None).decode("ascii", "replace")
        self.name = f"eSpeak NG {version.removesuffix('.0')} ({source.origin})"

        self._pcm = bytearray()
        self._words: list[tuple[int, int, int]] = []
        self._phonemes: list[tuple[int, str]] = []
        self._most_bytes = 0
        # The library keeps these pointers, so the objects must live as long as it does.
        self._on_sound = _SynthCallback(self._take)
        self._library.espeak_SetSynthCallback(self._on_sound)
        # Without this callback an <audio src="..."> in SSML makes the library open that file.
        self._on_uri = _UriCallback(lambda *_: _SPEAK_THE_ALTERNATIVE)
        self._library.espeak_SetUriCallback(self._on_uri)

    def say(self, request: Header, longest: float) -> Utterance:
        """Speak `request["text"]`, which is `speakable`, at most `longest` seconds of it.

        Raises `RuntimeError` when the library refuses, which leaves nothing to repair.
        """
        text: str = request["text"]
        self._pcm, self._words, self._phonemes = bytearray(), [], []
        self._most_bytes = int(longest * self._rate) * 2
        self._choose(request)
        encoded = text.encode() + b"\0"
        flags = _UTF8 | _END_PAUSE | (_SSML if request["ssml"] else 0)
        size = ctypes.c_size_t(len(encoded))
        if self._library.espeak_Synth(encoded, size, 0, 0, 0, flags, None, None):
            raise RuntimeError("espeak_Synth failed")
        words = _tidy_words(self._words, text)
        return Utterance(
            self._rate,
            bytes(self._pcm[: self._most_bytes]),
            words if request["ssml"] else _joined_words(words, text),
            _tidy_phonemes(self._phonemes),
        )

    def _choose(self, request: Header) -> None:
        """Set voice and parameters, every time: SSML in the last text may have left others."""
        voice, variant = request["voice"], request["variant"]
        suffix = f"+{variant}" if _SAFE_NAME.fullmatch(variant) else ""
        # eSpeak NG names voices by file: British English is "en", and "en-gb" is not a name.
        candidates = [f"{voice}{suffix}", f"{voice.partition('-')[0]}{suffix}"]
        if not _SAFE_NAME.fullmatch(voice):
            candidates = []
        for name in [*candidates, f"{_PLAIN_VOICE}{suffix}", _PLAIN_VOICE]:
            if self._library.espeak_SetVoiceByName(name.encode()) == 0:
                break
        for parameter, value in (
            (_RATE, min(max(request["rate"], 80), 450)),
            (_VOLUME, 100),
            (_PITCH, min(max(request["pitch"], 0), 100)),
            (_RANGE, min(max(request["pitch_range"], 0), 100)),
        ):
            self._library.espeak_SetParameter(parameter, value, 0)

    def _take(
        self,
        sound: ctypes._Pointer[ctypes.c_short],
        count: int,
        events: ctypes._Pointer[_Event],
    ) -> int:
        """Collect what the library hands over; it is called within `espeak_Synth`."""
        if sound and count > 0:
            self._pcm += ctypes.string_at(sound, count * 2)
        position = 0
        while (event := events[position]).type != _LIST_END:
            position += 1
            if event.type == _WORD:
                # Its text positions count characters from 1.
                word = (event.audio_position, event.text_position - 1, event.length)
                self._words.append(word)
            elif event.type == _PHONEME:
                name = event.id.string.decode("utf-8", "ignore")
                self._phonemes.append((event.audio_position, name))
            elif event.type == _END:
                self._phonemes.append((event.audio_position, ""))
        return _ABORT if len(self._pcm) >= self._most_bytes else _GO_ON


def _tidy_words(words: list[tuple[int, int, int]], text: str) -> list[tuple[int, int, int]]:
    """Keep the words that are pieces of the text, in order.

    A symbol that is spoken as several words ("3.50", an emoji) is reported several times, the
    later ones inside or just behind the first.
    """
    tidy: list[tuple[int, int, int]] = []
    heard, end = 0, 0
    for ms, start, length in words:
        piece = text[max(start, 0) : start + length]
        if start < end or not piece.strip():
            continue
        heard, end = max(heard, ms), start + len(piece)
        tidy.append((heard, start, len(piece)))
    return tidy


def _joined_words(words: list[tuple[int, int, int]], text: str) -> list[tuple[int, int, int]]:
    """Stretch each word over what is not reported behind it: "I am" is reported as "I"."""
    joined: list[tuple[int, int, int]] = []
    for (ms, start, length), (_, following, _) in pairwise([*words, (0, len(text), 0)]):
        gap = text[start + length : following]
        if len(gap) <= _LONGEST_JOIN and (letters := _LETTERS.match(gap)):
            length += letters.end()
        joined.append((ms, start, length))
    return joined


def _tidy_phonemes(phonemes: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Strip stress, length, tone and language marks; make one of several silences in a row."""
    tidy: list[tuple[int, str]] = []
    heard = 0
    for ms, marked in phonemes:
        name = _NOT_A_SOUND.sub("", marked)
        heard = max(heard, ms)
        if not name and tidy and not tidy[-1][1]:
            continue
        tidy.append((heard, name))
    return tidy


# --- the process ----------------------------------------------------------------------------


def _private_stdout() -> BinaryIO:
    """Take standard output for the wire alone: what the C library prints goes nowhere."""
    wire = os.fdopen(os.dup(1), "wb")
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    return wire


def _listen(wire: BinaryIO, requests: queue.SimpleQueue[Header]) -> None:
    """Read requests until the input closes, then end at once, also in the middle of a word.

    In a thread, because the main one may be inside the C library when the parent goes.
    """
    while (request := _read_header(wire)) is not None:
        requests.put(request)
    os._exit(0)


def main(engines: list[str]) -> None:
    """Serve until standard input closes."""
    # Ctrl-C reaches every process of the terminal; the parent decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = _private_stdout()
    # Not sys.stdin: Python aborts when it shuts down while a thread still reads from that.
    questions = os.fdopen(os.dup(0), "rb")
    requests: queue.SimpleQueue[Header] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(questions, requests), daemon=True).start()
    try:
        _serve(answers, requests, engines)
    except BrokenPipeError:
        os._exit(0)  # the parent is gone; nobody is left to flush for


def _serve(wire: BinaryIO, requests: queue.SimpleQueue[Header], engines: list[str]) -> None:
    try:
        espeak = load(engines)
    except NoEngine:
        _send(wire, pack({"engine": None}))
        return
    _send(wire, pack({"engine": espeak.name}))

    # After the greeting, so that the parent need not wait for numpy to load.
    import numpy as np

    from did_tui.emulator.babble import LONGEST, OUTPUT_RATE, finish

    while True:
        request = requests.get()
        spoken = espeak.say(request, LONGEST)
        sound = np.frombuffer(spoken.pcm, "<i2").astype(np.float32) / np.float32(32_768)
        header = {
            "id": request["id"],
            "rate": OUTPUT_RATE,
            "words": spoken.words,
            "phonemes": spoken.phonemes,
        }
        _send(wire, pack(header, finish(sound, spoken.rate)))


def _send(wire: BinaryIO, frame: bytes) -> None:
    wire.write(frame)
    wire.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
