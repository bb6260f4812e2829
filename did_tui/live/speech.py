"""What the agent is to say next. Pure.

D-ID refuses requests that pile up on a stream ("User stream has reached pending requests limit",
protocol 2.8). So one utterance at most waits at the service: the next one is asked for when the
one before has begun.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from did_tui.api.http import is_loopback

SHORTEST, LONGEST = 3, 40_000  # characters of a text (protocol 3.8)
MOST_WAITING = 100
MOST_TRIES = 6
FIRST_PAUSE = 0.5  # seconds after a refusal, doubled after each further one
BEGIN_SECONDS = 20.0  # in which an utterance begins, or is no longer waited for
AUDIO_ENDINGS = ("m4a", "flac", "mp3", "mp4", "wav")


class CannotSay(ValueError):
    """The service would not take this; the text says why."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something to say: D-ID's script, and the words for the transcript."""

    id: str
    script: Mapping[str, Any]
    words: str
    greeting: bool = False


def text_script(text: str, *, ssml: bool = False) -> dict[str, Any]:
    """The script of a text; raises ``CannotSay``."""
    text = text.strip()
    if not SHORTEST <= len(text) <= LONGEST:
        raise CannotSay(f"What the agent says must have {SHORTEST} to {LONGEST:,} characters.")
    return {"type": "text", "input": text} | ({"ssml": True} if ssml else {})


def audio_script(url: str) -> dict[str, Any]:
    """The script of a recording at an address; raises ``CannotSay``."""
    url = url.strip()
    try:
        parts = urlsplit(url)
    except ValueError:
        raise CannotSay("This is not an address.") from None
    nearby = parts.scheme == "http" and is_loopback(url)  # only an emulator gets there
    if not (parts.scheme in ("https", "s3") or nearby) or not parts.netloc:
        raise CannotSay("The address of a recording must begin with https:// or s3://.")
    if parts.path.lower().rpartition(".")[2] not in AUDIO_ENDINGS:
        raise CannotSay(f"The recording must be one of {', '.join(AUDIO_ENDINGS)}.")
    return {"type": "audio", "audio_url": url}


class SpeechQueue:
    """Utterances in their order; times are seconds of the caller's clock."""

    def __init__(self) -> None:
        self._waiting: deque[Utterance] = deque()
        self._asked: Utterance | None = None  # on its way, or not begun yet
        self._asked_at = 0.0
        self._pause_until = 0.0
        self._tries = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, utterance: Utterance) -> None:
        """Say this after all the others; raises ``CannotSay`` where that is too much."""
        if len(self._waiting) >= MOST_WAITING:
            raise CannotSay(f"{MOST_WAITING} utterances wait already.")
        self._waiting.append(utterance)

    def due(self, now: float) -> Utterance | None:
        """What to ask the service for now; it is on its way then."""
        if self._asked is not None and now - self._asked_at > BEGIN_SECONDS:
            self._asked = None
        if self._asked is not None or not self._waiting or now < self._pause_until:
            return None
        self._asked, self._asked_at = self._waiting.popleft(), now
        return self._asked

    def due_in(self, now: float) -> float | None:
        """Seconds until there may be something due; None where only an event can tell."""
        if not self._waiting:
            return None
        until = self._pause_until
        if self._asked is not None:
            until = max(until, self._asked_at + BEGIN_SECONDS)
        return max(0.0, until - now)

    def taken(self, now: float) -> None:
        """The service took what was asked for."""
        self._tries, self._asked_at = 0, now

    def begun(self) -> None:
        """The agent begins to speak: what was asked for waits no longer."""
        self._asked = None

    def refused(self, now: float, wait: float | None = None) -> bool:
        """The service wants none just now; whether it is tried again, after ``wait`` seconds."""
        utterance, self._asked = self._asked, None
        self._tries += 1
        if utterance is None or self._tries >= MOST_TRIES:
            self._tries = 0
            return False
        self._waiting.appendleft(utterance)
        pause = wait if wait is not None else FIRST_PAUSE * 2 ** (self._tries - 1)
        self._pause_until = now + pause
        return True

    def put_back(self) -> None:
        """The line was lost: what did not begin is said by the next one."""
        if self._asked is not None:
            self._waiting.appendleft(self._asked)
        self._asked, self._pause_until = None, 0.0

    def dropped(self) -> None:
        """The service will not say this one."""
        self._asked, self._tries = None, 0

    def clear(self) -> None:
        """Say nothing of all this."""
        self._waiting.clear()
        self._asked, self._pause_until, self._tries = None, 0.0, 0
