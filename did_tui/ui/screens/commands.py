"""Commands that are written into the prompt: ``/speak TEXT`` and its like. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Command:
    """A command: ``takes`` is what stands behind its name, in brackets where it may be missing."""

    name: str
    takes: str
    help: str


COMMANDS = (
    Command("speak", "TEXT", "Have the agent say this, word for word"),
    Command("speak-ssml", "TEXT", "The same with SSML: <break time='1s'/>, <prosody> …"),
    Command("speak-audio", "URL", "Have the agent say a recording (https, mp3, wav, m4a, flac)"),
    Command("language", "NAME", "The language you speak, for expressive agents: German, or de-DE"),
    Command("present", "SLIDE", "Show this slide of an expressive agent's deck, or send it {JSON}"),
    Command("rate", "good|bad", "Rate the last answer"),
    Command("volume", "0…100", "How loud it is, in per cent"),
    Command("mute", "", "Sound off, or on again"),
    Command("device", "", "Choose where the sound goes"),
    Command("export", "[FILE]", "Keep the transcript as .md, .json, .srt or .vtt"),
    Command("stats", "", "Figures of picture and sound"),
    Command("end", "", "Close the stream and go back"),
    Command("help", "", "Keys and commands"),
)

#: The English name of a language, or its code.
_LANGUAGE = re.compile(r"[^\W\d_][\w ()-]{1,59}")
_COMMAND = re.compile(r"/([a-z][a-z-]*)(?:\s+(.*))?$", re.DOTALL)


class BadCommand(Exception):
    """A command that is none; the sentence says what to write instead."""


def parse(text: str) -> tuple[Command, str] | None:
    """A command and what it is given; None for a message. Raises ``BadCommand``."""
    found = _COMMAND.match(text.rstrip())
    if found is None:
        return None
    name, rest = found[1], (found[2] or "").strip()
    command = next((known for known in COMMANDS if known.name == name), None)
    if command is None:
        raise BadCommand(
            f"There is no command /{name[:40]}. /help lists them;"
            " a space before the slash makes it a message."
        )
    if command.takes and not command.takes.startswith("[") and not rest:
        raise BadCommand(f"/{name} needs more: /{name} {command.takes}")
    if command.name == "rate" and rest not in ("good", "bad"):
        raise BadCommand("An answer is rated with /rate good or /rate bad.")
    if command.name == "language" and not _LANGUAGE.fullmatch(rest):
        raise BadCommand("A language is a name or a code: /language German or /language de-DE")
    if command.name == "present":
        to_present(rest)
    if command.name == "volume" and not (re.fullmatch("[0-9]{1,3}", rest) and int(rest) <= 100):
        raise BadCommand("The volume is a number from 0 to 100: /volume 50")
    return command, rest


def to_present(text: str) -> dict[str, Any]:
    """What ``/present`` sends: a slide's number as D-ID's SDK has it, or the object that is given.

    Raises ``BadCommand`` for what is neither.
    """
    if re.fullmatch("[0-9]{1,5}", text):
        return {"type": "navigate", "slide": int(text)}
    try:
        given = json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise BadCommand("A slide is a number, /present 3, and anything else an object of JSON.")
    return given


def _no_json(name: str) -> None:
    """Refuse what Python reads and JSON does not have: NaN and infinities."""
    raise ValueError(name)
