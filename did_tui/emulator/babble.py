"""Sound made by arithmetic: the babble of last resort, and the finish that every voice gets.

Babble is speech-like, not words: letters become formant grains with a sentence melody, and the
timings are exact because the same list of sounds makes both. Its sounds are named in IPA, so a
drawn mouth needs one table for every engine.

The finish takes the edge off a formant synthesiser (a gentle low-pass, a very small room), makes
all voices equally loud, and leaves every caller with one sample rate.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

OUTPUT_RATE = 48_000
"""Hz; what WebRTC's Opus runs at, so nobody after this needs a resampler."""

LONGEST = 300.0
"""Seconds of sound an utterance may have; what would come after is not spoken."""

# --- the finish -----------------------------------------------------------------------------

# Each second is filtered by one FFT that is longer by a quarter: silence in front for the filter's
# symmetric half, silence behind for the room to fade. 32/25 s is a whole, smooth number of samples
# at 22 050, 24 000 and 48 000 Hz, which makes resampling a matter of transform lengths.
_SPAN = (32, 25)
_LEAD = 0.02

_PASS_HZ = 5_000.0
_STOP_HZ = 9_000.0
_ROOM_START = 0.004
_ROOM_END = 0.160
_ROOM_FADE = 0.022
_ROOM_SHARE = 0.07

_VOICED_LEVEL = 0.1  # -20 dBFS
_VOICED_FLOOR = 10**-2.5  # a frame 25 dB below the loudest one is a pause
_SILENCE = 1e-4
_KNEE = 0.7
_CEILING = 0.98


def finish(sound: Samples, rate: int) -> bytes:
    """Soften, resample and level a mono sound.

    `rate` is in Hz and divisible by 25; `sound` is about -1..1. Returns s16 at `OUTPUT_RATE`, as
    long as `sound` was, its voiced parts at -20 dBFS RMS and its peaks below 0 dBFS.
    """
    return _pcm(_levelled(_softened(sound, rate)))


def _softened(sound: Samples, rate: int) -> Samples:
    response = _response(rate)
    span = rate * _SPAN[0] // _SPAN[1]
    out_span = OUTPUT_RATE * _SPAN[0] // _SPAN[1]
    lead, out_lead = int(rate * _LEAD), int(OUTPUT_RATE * _LEAD)
    seconds = -(-len(sound) // rate)
    out = np.zeros(seconds * OUTPUT_RATE + out_span, np.float32)
    for second in range(seconds):
        piece = sound[second * rate : (second + 1) * rate]
        frame = np.zeros(span, np.float32)
        frame[lead : lead + len(piece)] = piece
        spectrum = np.fft.rfft(frame) * response
        start = second * OUTPUT_RATE
        out[start : start + out_span] += np.fft.irfft(spectrum, out_span)
    out *= out_span / span
    return out[out_lead : out_lead + round(len(sound) * OUTPUT_RATE / rate)]


@lru_cache(maxsize=4)
def _response(rate: int) -> npt.NDArray[np.complex64]:
    span = rate * _SPAN[0] // _SPAN[1]
    hertz = np.fft.rfftfreq(span, 1 / rate)
    slope = np.clip((hertz - _PASS_HZ) / (_STOP_HZ - _PASS_HZ), 0, 1)
    low_pass = 0.5 + 0.5 * np.cos(np.pi * slope)
    return np.asarray(low_pass * np.fft.rfft(_room(rate), span), np.complex64)


def _room(rate: int) -> npt.NDArray[np.float64]:
    """Impulse response: the voice itself, then a short fading murmur of echoes."""
    seconds = np.arange(int(rate * _ROOM_END)) / rate
    echoes = np.random.default_rng(7).standard_normal(len(seconds))
    echoes = np.convolve(echoes, np.hanning(9), "same")  # walls swallow high notes first
    echoes *= np.exp(-seconds / _ROOM_FADE) * (seconds >= _ROOM_START)
    echoes *= _ROOM_SHARE / np.sqrt(np.sum(echoes**2))
    echoes[0] = 1.0
    return echoes


def _levelled(sound: Samples) -> Samples:
    if not len(sound) or np.abs(sound).max() < _SILENCE:
        return sound
    frame = OUTPUT_RATE // 50
    padded = np.pad(sound, (0, -len(sound) % frame))
    powers = np.mean(padded.reshape(-1, frame) ** 2, axis=1)
    voiced = powers[powers > powers.max() * _VOICED_FLOOR]
    return _limited(sound * np.float32(_VOICED_LEVEL / np.sqrt(voiced.mean())))


def _limited(sound: Samples) -> Samples:
    """Bend what is above the knee, so that a peak stays below full scale without a click."""
    size = np.abs(sound)
    if size.max() <= _KNEE:
        return sound
    room = _CEILING - _KNEE
    bent = _KNEE + room * np.tanh((size - _KNEE) / room)
    return np.where(size > _KNEE, np.copysign(bent, sound), sound).astype(np.float32)


def _pcm(sound: Samples) -> bytes:
    return np.rint(sound * 32_767).astype("<i2").tobytes()


# --- letters to sounds ----------------------------------------------------------------------


class _Tone(NamedTuple):
    """A voiced sound: three formants in Hz, and how loud it is beside an open vowel."""

    formants: tuple[int, int, int]
    loudness: float
    seconds: float


class _Hiss(NamedTuple):
    """A noise: where its energy is, how loud, how much voice goes with it."""

    hertz: int
    loudness: float
    voicing: float
    seconds: float
    burst: bool  # silence first, then a short pop: p t k


_TONES = {
    "ɑ": _Tone((730, 1090, 2440), 1.0, 0.115),
    "ɛ": _Tone((530, 1840, 2480), 0.95, 0.105),
    "i": _Tone((300, 2250, 3000), 0.8, 0.105),
    "o": _Tone((520, 900, 2400), 0.95, 0.115),
    "u": _Tone((320, 870, 2240), 0.8, 0.105),
    "ə": _Tone((500, 1500, 2500), 0.85, 0.075),
    "m": _Tone((250, 1000, 2200), 0.4, 0.07),
    "n": _Tone((250, 1500, 2500), 0.4, 0.065),
    "l": _Tone((360, 1300, 2700), 0.5, 0.065),
    "ɹ": _Tone((450, 1200, 1600), 0.5, 0.07),
    "w": _Tone((300, 700, 2200), 0.5, 0.07),
    "j": _Tone((280, 2200, 3000), 0.5, 0.06),
}
_HISSES = {
    "s": _Hiss(6_500, 0.30, 0.0, 0.09, burst=False),
    "z": _Hiss(6_000, 0.18, 0.3, 0.08, burst=False),
    "f": _Hiss(4_500, 0.16, 0.0, 0.085, burst=False),
    "v": _Hiss(3_500, 0.10, 0.35, 0.07, burst=False),
    "θ": _Hiss(5_200, 0.12, 0.0, 0.08, burst=False),
    "ʃ": _Hiss(3_000, 0.28, 0.0, 0.095, burst=False),
    "tʃ": _Hiss(3_300, 0.32, 0.0, 0.09, burst=True),
    "dʒ": _Hiss(3_000, 0.22, 0.2, 0.08, burst=True),
    "h": _Hiss(1_800, 0.14, 0.0, 0.06, burst=False),
    "p": _Hiss(1_000, 0.30, 0.0, 0.075, burst=True),
    "b": _Hiss(900, 0.16, 0.2, 0.06, burst=True),
    "t": _Hiss(4_200, 0.30, 0.0, 0.07, burst=True),
    "d": _Hiss(3_600, 0.16, 0.2, 0.06, burst=True),
    "k": _Hiss(2_200, 0.30, 0.0, 0.075, burst=True),
    "ɡ": _Hiss(1_900, 0.16, 0.2, 0.06, burst=True),
}
# Longest first: the pattern made of these takes a digraph before its letters.
_SPELLINGS = {
    "tch": ("tʃ",),
    "igh": ("ɑ", "i"),
    "th": ("θ",),
    "sh": ("ʃ",),
    "ch": ("tʃ",),
    "ph": ("f",),
    "ck": ("k",),
    "qu": ("k", "w"),
    "ng": ("n", "ɡ"),
    "ee": ("i",),
    "ea": ("i",),
    "ai": ("ɛ", "i"),
    "ay": ("ɛ", "i"),
    "oo": ("u",),
    "ou": ("ɑ", "u"),
    "ow": ("o", "u"),
    "a": ("ɑ",),
    "e": ("ɛ",),
    "i": ("i",),
    "o": ("o",),
    "u": ("u",),
    "y": ("j",),
    "c": ("k",),
    "g": ("ɡ",),
    "j": ("dʒ",),
    "q": ("k",),
    "r": ("ɹ",),
    "x": ("k", "s"),
    **{letter: (letter,) for letter in "bdfhklmnpstvwz"},
}
_SPELLING = re.compile("|".join(_SPELLINGS))
_DIGITS = ("ziɹo", "wən", "tu", "θɹi", "foɹ", "fɑiv", "siks", "sɛvən", "ɛit", "nɑin")
_SYLLABLE_STARTS = ("m", "t", "k", "l", "s", "n", "h", "ʃ", "p", "w", "ɡ")
_SYLLABLE_VOWELS = ("ɑ", "i", "o", "u", "ɛ")

_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[.!?…。！？]+|[,;:、，；—–]+")
_WORD_GAP = 0.03
_COMMA_PAUSE = 0.16
_SENTENCE_PAUSE = 0.3
_TABLE_WORDS_A_MINUTE = 130.0  # what the durations above come to in English


class _Sound(NamedTuple):
    """One entry of the score: an IPA name ("" is silence), and how long it lasts."""

    name: str
    seconds: float


def _word_sounds(word: str) -> list[str]:
    letters = unicodedata.normalize("NFKD", word.casefold())
    names: list[str] = []
    position = 0
    while position < len(letters):
        spelling = _SPELLING.match(letters, position)
        if spelling:
            names.extend(_SPELLINGS[spelling.group()])
            position = spelling.end()
            continue
        names.extend(_other_sounds(letters[position]))
        position += 1
    if len(names) > 2 and letters.endswith("e") and names[-1] == "ɛ":
        names.pop()  # the mute e of "name"
    return names


def _other_sounds(letter: str) -> tuple[str, ...]:
    """A digit's name, or a syllable for a letter of another script, always the same one."""
    digit = unicodedata.digit(letter, None)
    if digit is not None:
        return tuple(_DIGITS[digit])
    if not letter.isalpha():
        return ()
    code = ord(letter)
    start = _SYLLABLE_STARTS[code % len(_SYLLABLE_STARTS)]
    return (start, _SYLLABLE_VOWELS[code // 3 % len(_SYLLABLE_VOWELS)])


def _seconds(name: str) -> float:
    return _TONES[name].seconds if name in _TONES else _HISSES[name].seconds


@dataclass(frozen=True, slots=True)
class _Score:
    """What will be heard: every sound in order, and the words with the second each begins."""

    sounds: list[_Sound]
    words: list[tuple[float, int, int]]
    question: bool

    @property
    def seconds(self) -> float:
        return sum(sound.seconds for sound in self.sounds)


def _score(text: str, words_a_minute: float) -> _Score:
    stretch = _TABLE_WORDS_A_MINUTE / words_a_minute
    sounds: list[_Sound] = []
    words: list[tuple[float, int, int]] = []
    now = 0.0
    for token in _TOKEN.finditer(text):
        if now > LONGEST:
            break
        spoken = [_Sound(name, _seconds(name) * stretch) for name in _word_sounds(token.group())]
        if spoken:
            words.append((now, token.start(), token.end() - token.start()))
        sounds += spoken
        sounds.append(_Sound("", _pause(token.group()) * stretch))
        now += sum(sound.seconds for sound in [*spoken, sounds[-1]])
    sounds.append(_Sound("", _SENTENCE_PAUSE * stretch))
    return _Score(sounds, words, question=text.rstrip().endswith(("?", "？")))


def _pause(token: str) -> float:
    if token[0].isalnum():
        return _WORD_GAP
    return _COMMA_PAUSE if token[0] in ",;:、，；—–" else _SENTENCE_PAUSE


# --- sounds to sound ------------------------------------------------------------------------

_RATE = 24_000
_STEPS = 200  # control points a second
_GLIDE = 9  # control points over which one sound becomes the next
_GRAIN = 0.014
_GRAINS_AT_ONCE = 1_024
_GAINS = np.array([1.0, 0.5, 0.22, 0.08], np.float32)
_BANDWIDTHS = np.array([70, 100, 150, 250], np.float32)
_FOURTH_FORMANT = 3_500.0
_DEEP_HZ = 112.0
_HIGH_HZ = 196.0
_HISS_SECONDS = 1


class Babble(NamedTuple):
    """Finished babble: PCM as `finish` gives it, words (ms, start, length), sounds (ms, IPA)."""

    pcm: bytes
    words: list[tuple[float, int, int]]
    phonemes: list[tuple[float, str]]


def babble(
    text: str, *, words_a_minute: float = 160, pitch: int = 50, deep: bool = False
) -> Babble:
    """Murmur a text; any text, also one without a single letter.

    `pitch` is 0..100 around the middle of a deep or a high voice. At most `LONGEST` seconds.
    """
    score = _score(text, min(max(words_a_minute, 80), 450))
    starts = np.cumsum([0.0, *(sound.seconds for sound in score.sounds)])
    middle = (_DEEP_HZ if deep else _HIGH_HZ) * 2 ** ((min(max(pitch, 0), 100) - 50) / 75)
    voice = _sung(score, starts, middle)
    _add_hisses(voice, score, starts)
    voice = voice[: int(LONGEST * _RATE)]
    words = [(round(at * 1e3, 1), start, length) for at, start, length in score.words]
    phonemes: list[tuple[float, str]] = []
    for at, sound in zip(starts, score.sounds, strict=False):
        still_silent = phonemes and not (phonemes[-1][1] or sound.name)
        if at < LONGEST and not still_silent:
            phonemes.append((round(float(at) * 1e3, 1), sound.name))
    return Babble(finish(voice, _RATE), words, phonemes)


def _sung(score: _Score, starts: npt.NDArray[np.float64], middle: float) -> Samples:
    """The voiced part: one grain of ringing formants for every pulse of the voice."""
    formants, loudness = _controls(score, starts)
    moments = np.arange(len(loudness)) / _STEPS
    hertz = middle * _melody(score, moments)
    turns = np.cumsum(hertz) / _STEPS
    pulses = np.interp(np.arange(1, int(turns[-1])), turns, moments)
    pulses = pulses[np.interp(pulses, moments, loudness) > 0.01]

    grain = int(_RATE * _GRAIN)
    out = np.zeros(int(starts[-1] * _RATE) + 2 * grain, np.float32)
    for first in range(0, len(pulses), _GRAINS_AT_ONCE):
        some = pulses[first : first + _GRAINS_AT_ONCE]
        rings = _grains(
            np.stack([np.interp(some, moments, track) for track in formants.T], axis=1),
            np.interp(some, moments, loudness),
        )
        for at, ring in zip((some * _RATE).astype(int), rings, strict=True):
            out[at : at + grain] += ring
    return out


def _controls(
    score: _Score, starts: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Formant and loudness tracks at `_STEPS` a second, gliding as a mouth does."""
    count = int(starts[-1] * _STEPS) + 2 * _GLIDE
    formants = np.tile(np.array([*_TONES["ə"].formants, _FOURTH_FORMANT]), (count, 1))
    loudness = np.zeros(count)
    for sound, (begin, end) in zip(score.sounds, pairwise(starts), strict=True):
        here = slice(int(begin * _STEPS), max(int(end * _STEPS), int(begin * _STEPS) + 1))
        if sound.name in _TONES:
            formants[here, :3] = _TONES[sound.name].formants
            loudness[here] = _TONES[sound.name].loudness
        elif sound.name in _HISSES:
            loudness[here] = _HISSES[sound.name].voicing
    window = np.hanning(_GLIDE + 2)
    window /= window.sum()
    for track in formants.T:
        track[:] = np.convolve(np.pad(track, _GLIDE, "edge"), window, "same")[_GLIDE:-_GLIDE]
    return formants, np.convolve(loudness, window, "same")


def _melody(score: _Score, moments: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Pitch as a multiple of the middle: words lift it, the sentence lets it sink (or rise)."""
    length = max(score.seconds, 0.1)
    melody = 1.12 - 0.2 * np.minimum(moments / length, 1)
    for second, _, _ in score.words:
        here = slice(int(second * _STEPS), int((second + 0.4) * _STEPS))
        melody[here] += 0.09 * np.exp(-(((moments[here] - second - 0.12) / 0.11) ** 2))
    last = score.words[-1][0] if score.words else 0.0
    ending = np.clip((moments - last) / 0.4, 0, 1)
    melody += ending * (0.28 if score.question else -0.08)
    tremor = np.sin(2 * np.pi * 5.1 * moments)
    return np.asarray(melody * (1 + 0.012 * tremor))


def _grains(formants: npt.NDArray[np.float64], loudness: npt.NDArray[np.float64]) -> Samples:
    """Damped formants that ring from one glottal pulse: one row a pulse."""
    seconds = np.arange(int(_RATE * _GRAIN), dtype=np.float32) / np.float32(_RATE)
    fade = np.cos(np.linspace(0, np.pi / 2, len(seconds), dtype=np.float32))
    rings = np.zeros((len(formants), len(seconds)), np.float32)
    for number, (gain, width) in enumerate(zip(_GAINS, _BANDWIDTHS, strict=True)):
        turns = np.outer(formants[:, number].astype(np.float32), seconds)
        rings += np.sin(np.float32(2 * np.pi) * turns) * (gain * np.exp(-np.pi * width * seconds))
    return rings * fade * loudness.astype(np.float32)[:, None]


def _add_hisses(out: Samples, score: _Score, starts: npt.NDArray[np.float64]) -> None:
    for number, (sound, (begin, end)) in enumerate(
        zip(score.sounds, pairwise(starts), strict=True)
    ):
        if sound.name not in _HISSES:
            continue
        hiss = _HISSES[sound.name]
        heard = begin + (end - begin) * (0.6 if hiss.burst else 0.0)
        length = int((end - heard) * _RATE)
        # Another stretch of the noise each time, or two equal ones sound like a machine gun.
        offset = number * 977 % (_RATE * _HISS_SECONDS - length)
        noise = _noise(hiss.hertz)[offset : offset + length]
        at = int(heard * _RATE)
        out[at : at + length] += noise * np.hanning(length) * np.float32(hiss.loudness)


@lru_cache(maxsize=len(_HISSES))
def _noise(hertz: int) -> Samples:
    """A second of noise around a frequency, RMS 1."""
    count = _RATE * _HISS_SECONDS
    distance = np.fft.rfftfreq(count, 1 / _RATE) - hertz
    angles = np.random.default_rng(hertz).uniform(0, 2 * np.pi, len(distance))
    noise = np.fft.irfft(np.exp(-((distance / 1_100) ** 2) + 1j * angles), count)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)), np.float32)
