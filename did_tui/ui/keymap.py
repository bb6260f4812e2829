"""Keys that the user wants otherwise: ``[keys]`` of config.toml, checked. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from did_tui.config import Value
from did_tui.ui.keys import DIGITS, KEYS, SIGNS, Key, sign_of

#: What works at the same time: within one of these no key means two things.
CONTEXTS: tuple[tuple[str, ...], ...] = (
    ("list", "places", "everywhere"),
    ("settings", "places", "everywhere"),
    ("rebinding", "everywhere"),
    ("diagnostics", "places", "everywhere"),
    ("detail", "everywhere"),
    ("form", "everywhere"),
    ("query", "everywhere"),
    ("chat", "prompt", "everywhere"),
    ("chat", "conversation", "everywhere"),
    ("player", "everywhere"),
    ("booth", "visit", "everywhere"),
)

#: Where one writes: a letter there would not be typed any more.
WRITING = ("everywhere", "form", "query", "chat", "prompt", "booth", "visit")

#: Keys that terminals, tmux and shells need for themselves, or cannot send.
NEVER: dict[str, str] = {
    **dict.fromkeys(("ctrl+a", "ctrl+b"), "tmux and screen take it"),
    "ctrl+s": "it stops the output of terminals",
    "ctrl+z": "it suspends the program",
    **dict.fromkeys(("ctrl+h", "ctrl+i", "ctrl+m"), "it is another key to terminals"),
    **dict.fromkeys(("f11", "f12"), "terminals take it"),
}
#: Keys that are taken without an entry in the table: by the palette, and by the cursor of lists.
PALETTE = "ctrl+p"
MOVES = frozenset("down j up k home g end G pagedown ctrl+d pageup ctrl+u".split())

_NAMED = frozenset(
    "enter escape tab space delete backspace insert home end pageup pagedown up down left right"
    " ctrl+@".split()
) | {f"f{number}" for number in range(1, 25)}
_SPELLINGS = {shown: name for name, shown in SIGNS.items()} | {
    "return": "enter",
    "del": "delete",
    "ins": "insert",
    "page up": "pageup",
    "page down": "pagedown",
}
_MODIFIED = re.compile(r"(?:(?:ctrl|alt|shift)\+)+(?=.)")
_BETWEEN = re.compile(r"(?<!\w\+)[,\s]+")  # keys; that after a plus is one itself
_BY_ID = {key.id: key for key in KEYS}


@dataclass(frozen=True, slots=True)
class Keymap:
    """What is changed, as Textual takes it: keys, with commas between them, by the ids of actions.

    ``complaints`` are sentences about what is not used, and why.
    """

    keys: Mapping[str, str] = field(default_factory=dict)
    complaints: tuple[str, ...] = ()


def key_named(text: str) -> str | None:
    """Textual's name of a key that a user has written; None for none."""
    text = text.strip()
    if len(text) == 1:
        return _SPELLINGS.get(text) or _of_character(text)
    text = text if _MODIFIED.match(text) is None else text.replace("Ctrl", "ctrl")
    if text.lower() in _SPELLINGS:
        return _SPELLINGS[text.lower()]
    if text.lower() in _NAMED:
        return text.lower()
    found = _MODIFIED.match(text.lower())
    if found is None:
        return text if text in SIGNS else None
    rest = text[found.end() :]
    name = key_named(rest.lower() if "ctrl" in found[0] else rest)
    return f"{found[0]}{name}" if name and "+" not in name else None


def _of_character(letter: str) -> str | None:
    if letter.isalnum():
        return letter
    try:
        return unicodedata.name(letter).lower().replace("-", "_").replace(" ", "_")
    except ValueError:
        return None


def read(wanted: Mapping[str, Value]) -> Keymap:
    """Read what is wanted; what cannot be is left as it was, and told."""
    keys: dict[str, str] = {}
    complaints: list[str] = []
    for name, value in wanted.items():
        try:
            keys[name] = ",".join(_keys_for(name, value.text))
        except _Unfit as unfit:
            complaints.append(_about(name, value, str(unfit)))
    # Keys may change places, so clashes are looked for when all are known.
    while clash := next(_clashes(keys), None):
        one, other, shared = clash
        loser = one if one.id in keys else other
        winner = other if loser is one else one
        del keys[loser.id]
        said = f"clashes with {winner.id} ({winner.help}), which also has {sign_of(shared)}"
        complaints.append(_about(loser.id, wanted[loser.id], said))
    return Keymap(keys, tuple(complaints))


class _Unfit(Exception):
    """Why a key cannot be what is wanted."""


def _keys_for(name: str, text: str) -> Iterator[str]:
    if name not in _BY_ID:
        near = get_close_matches(name, _BY_ID, 1)
        raise _Unfit(f"is no action{f'; {near[0]} is one' if near else ''}")
    action = _BY_ID[name]
    if action.keys == DIGITS:
        raise _Unfit("is always the digits")
    parts = [text] if text.strip() == "," else _BETWEEN.split(text.strip())
    if parts == [""]:
        raise _Unfit("has no key")
    for part in parts:
        key = key_named(part)
        if key is None:
            raise _Unfit(f"is {part!r}, which is no key")
        if key in NEVER:
            raise _Unfit(f"cannot be {part}: {NEVER[key]}")
        if key == PALETTE:
            raise _Unfit(f"clashes with the palette, which also has {part}")
        if action.place in ("list", "settings", "places") and key in MOVES:
            raise _Unfit(f"clashes with the cursor of lists, which also has {part}")
        if action.place in WRITING and is_written(key):
            raise _Unfit(f"cannot be {part}: it could not be typed there any more")
        yield key


def is_written(key: str) -> bool:
    """Whether a key writes something where one writes."""
    return key == "space" or ("+" not in key and key not in _NAMED)


def _clashes(keys: Mapping[str, str]) -> Iterator[tuple[Key, Key, str]]:
    """Pairs of which one at least is changed and that share a key, where both work."""
    for context in CONTEXTS:
        owner: dict[str, Key] = {}
        for action in KEYS:
            if action.place not in context:
                continue
            for key in keys.get(action.id, action.keys).split(","):
                other = owner.setdefault(key, action)
                if other is not action and (action.id in keys or other.id in keys):
                    yield action, other, key


def _about(name: str, value: Value, said: str) -> str:
    where = f"{value.where}: " if value.where else ""
    return f"{where}keys.{name} {said}."
