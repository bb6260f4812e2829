"""From phonemes to the shape of a mouth, moment by moment."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import category


@dataclass(frozen=True, slots=True)
class Mouth:
    """The shape of a mouth."""

    open: float = 0.0
    """How far the jaw is down, 0 (shut) to 1 (a wide "ah")."""
    width: float = 0.0
    """From -1 (rounded, "oo") to 1 (spread, "ee")."""
    teeth: float = 0.0
    """How much the teeth show or meet ("s", "f"), 0 to 1."""
    press: float = 0.0
    """How firmly the lips are pressed together ("m", "b", "p"), 0 to 1."""
    tongue: float = 0.0
    """How high the tongue is ("l", "th"), 0 to 1."""


REST = Mouth(width=0.1)
"""The lips of somebody who is not speaking."""

SILENCE = "sil"

VISEMES: dict[str, Mouth] = {
    SILENCE: REST,
    "PP": Mouth(open=0.0, width=-0.05, press=1.0),
    "FF": Mouth(open=0.1, width=0.1, teeth=1.0),
    "TH": Mouth(open=0.2, width=0.1, teeth=0.25, tongue=1.0),
    "DD": Mouth(open=0.22, width=0.15, teeth=0.3, tongue=0.5),
    "kk": Mouth(open=0.28, width=0.1, teeth=0.1),
    "CH": Mouth(open=0.2, width=-0.55, teeth=0.6),
    "SS": Mouth(open=0.13, width=0.45, teeth=0.9),
    "nn": Mouth(open=0.2, width=0.15, teeth=0.2, tongue=0.6),
    "RR": Mouth(open=0.25, width=-0.45, teeth=0.1),
    "aa": Mouth(open=0.95, width=0.15),
    "E": Mouth(open=0.55, width=0.5, teeth=0.1),
    "ih": Mouth(open=0.36, width=0.6, teeth=0.2),
    "oh": Mouth(open=0.66, width=-0.6),
    "ou": Mouth(open=0.32, width=-1.0),
    "uh": Mouth(open=0.46, width=0.0),
}
"""The mouth of every viseme."""

_LETTERS: dict[str, str] = {
    "PP": "mbpɓ",
    "FF": "fvɱɸβʋ",
    "TH": "θð",
    "DD": "tdɾʈɖɗ",
    "kk": "kɡgɢŋxɣqχħʕhɦʔcɟ",
    "CH": "ʃʒɕʑʂʐ",
    "SS": "szç",
    "nn": "nlɫɲɳɭʎɬɮ",
    "RR": "rɹɻɽʁʀɚɝ",
    "aa": "aɑæɐʌ",
    "E": "eɛ",
    "ih": "iɪᵻɨj",
    "oh": "oɔɒøœ",
    "ou": "uʊwʉyʏɥ",
    "uh": "əɜɵɘɤɯɞ",
}
_VISEME_OF: dict[str, str] = {
    letter: viseme for viseme, letters in _LETTERS.items() for letter in letters
}
_AFFRICATES = ("tʃ", "dʒ", "tɕ", "dʑ", "ʈʂ", "ɖʐ")

_MODIFIER = "Lm"
"""The Unicode category of stress and length marks and of raised letters (ˈ ː ʰ)."""
_MOST_SHAPES = 3
"""A phoneme is split into no more visemes than this ("aɪə")."""
_LAST_MS = 120.0
"""How long the last phoneme is taken to last."""


def visemes(phonemes: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Translate phonemes into visemes, both as (start in ms, name) in order of time.

    A phoneme is IPA as eSpeak NG writes it, a single ASCII letter, or a pause ("", "_").
    Diphthongs become two visemes that share the time.
    """
    ordered = sorted(phonemes, key=lambda phoneme: phoneme[0])
    result: list[tuple[float, str]] = []
    for index, (start, phoneme) in enumerate(ordered):
        end = ordered[index + 1][0] if index + 1 < len(ordered) else start + _LAST_MS
        names = _names(phoneme)
        step = (end - start) / len(names)
        result.extend((start + step * place, name) for place, name in enumerate(names))
    return result


def _names(phoneme: str) -> list[str]:
    """Return the visemes of one phoneme, at least one."""
    letters = [letter for letter in phoneme if letter.isalpha() and category(letter) != _MODIFIER]
    if not letters:
        return [SILENCE]
    if "".join(letters[:2]) in _AFFRICATES:
        return ["CH"]
    # A letter that is not known is spoken with a mouth that is neither here nor there.
    names = [_VISEME_OF.get(letter, "uh") for letter in letters[:_MOST_SHAPES]]
    return [name for place, name in enumerate(names) if place == 0 or name != names[place - 1]]


LEAD_MS = 45.0
"""How far the lips are ahead of the sound, as in real speech."""
_REACH_MS = 65.0
"""How far a sound colours the mouth before and after its time."""
_CLOSURES = frozenset({"PP", "FF"})
_CLOSURE_MS = 50.0
"""How long at least a closure holds: longer than a frame, or it would not be seen."""
_CLOSING_MS = 40.0
"""How long the lips take to close, and to open again."""

_Shape = tuple[float, float, float, float, float]
_SHAPES: dict[str, _Shape] = {
    name: (mouth.open, mouth.width, mouth.teeth, mouth.press, mouth.tongue)
    for name, mouth in VISEMES.items()
}
_REST_SHAPE = _SHAPES[SILENCE]


def mouth_at(visemes: Sequence[tuple[float, str]], ms: float) -> Mouth:
    """Return the mouth at `ms` of an utterance, as `visemes` gives it.

    Neighbouring sounds blend into each other, except that lips which must meet do meet.
    Before, after and for lack of an utterance the mouth rests.
    """
    if not math.isfinite(ms):
        return REST
    moment = ms + LEAD_MS
    blend = [0.0] * len(_REST_SHAPE)
    total = 0.0
    closed = [0.0] * len(_REST_SHAPE)
    closure = tightest = 0.0
    first = bisect_right(visemes, moment - _REACH_MS, key=_start) - 1
    for index in range(max(first, 0), len(visemes)):
        start, name = visemes[index]
        if start >= moment + _REACH_MS:
            break
        end = visemes[index + 1][0] if index + 1 < len(visemes) else start + _LAST_MS
        shape = _SHAPES.get(name, _REST_SHAPE)
        weight = _window_share(start - moment, end - moment)
        total += weight
        for place, value in enumerate(shape):
            blend[place] += value * weight
        if name in _CLOSURES:
            tightness = _tightness(start, end, moment)
            tightest = max(tightest, tightness)
            # Between two closures the firmer one wins, but without a jump.
            weight = tightness**4
            closure += weight
            for place, value in enumerate(shape):
                closed[place] += value * weight
    # What the utterance leaves of the window is silence.
    for place, value in enumerate(_REST_SHAPE):
        blend[place] += value * max(1.0 - total, 0.0)
    total = max(total, 1.0)
    if not closure:
        return Mouth(*(value / total for value in blend))
    return Mouth(
        *(
            value / total * (1.0 - tightest) + target / closure * tightest
            for value, target in zip(blend, closed, strict=True)
        )
    )


def _start(viseme: tuple[float, str]) -> float:
    return viseme[0]


def _window_share(start: float, end: float) -> float:
    """Return how much of a triangular window around 0 lies between `start` and `end` (0..1)."""
    return max(_window_before(end) - _window_before(start), 0.0)


def _window_before(ms: float) -> float:
    """Return how much of the window lies before `ms`: the integral of the triangle."""
    place = min(max(ms / _REACH_MS, -1.0), 1.0)
    return 0.5 + place - 0.5 * place * abs(place)


def _tightness(start: float, end: float, moment: float) -> float:
    """Return how firmly a closure between `start` and `end` holds at `moment` (0..1)."""
    slack = max(_CLOSURE_MS - (end - start), 0.0) / 2
    away = max(start - slack - moment, moment - end - slack, 0.0)
    return max(1.0 - away / _CLOSING_MS, 0.0)
