"""The rules of a booth: when a visit ends, how long to wait, what is written down of it. Pure.

A booth is a screen that nobody looks after: visitors come, talk and go away without a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal, TypeAlias

from did_tui.live.transcript import Message

Ending: TypeAlias = Literal[
    "idle",  # nobody pressed a key any more
    "visitor",  # the visitor ended it
    "limit",  # it was as long as a visit may be
    "budget",  # the day's minutes are used up
    "staff",  # somebody left the program
]

IDLE, LONGEST = 60.0, 900.0  # seconds of silence, and of a visit, until it ends
LAST_CALL = 15.0  # seconds of silence before the end in which the visitor is asked for a sign
LAST_MINUTES = 90.0  # seconds of a limit that are counted down
PAUSES = (2.0, 4.0, 8.0, 15.0, 30.0, 60.0)  # seconds before each try to connect; the last for ever
WRONG_PINS = (0.0, 0.0, 5.0, 15.0, 60.0)  # seconds until the next PIN is taken


@dataclass(frozen=True, slots=True)
class Rules:
    """What the owner of a booth decides; times are in seconds.

    ``day`` is how long streams may be open on one day, None for no bound. Without a ``pin``
    control+Q twice leaves.
    """

    idle: float = IDLE
    longest: float = LONGEST
    day: float | None = None
    starters: tuple[str, ...] = ()
    pin: str = field(default="", repr=False)


class Stay:
    """How long a visitor stays; times are the caller's."""

    def __init__(self, rules: Rules, now: float) -> None:
        self._rules, self._began, self._active = rules, now, now

    def touch(self, now: float) -> None:
        """The visitor has done something."""
        self._active = now

    def ends(self, now: float, *, busy: bool, budget: float | None) -> tuple[float, Ending]:
        """In how many seconds it ends, and why.

        ``busy``: the agent talks or is about to. ``budget`` is what is left of the day.
        """
        if busy:
            self._active = now
        ends: list[tuple[float, Ending]] = [
            (self._active + self._rules.idle - now, "idle"),
            (self._began + self._rules.longest - now, "limit"),
        ]
        if budget is not None:
            ends.append((budget, "budget"))
        return min(ends)


def last_call(left: float, why: Ending) -> str:
    """What the visitor is told of an end that is near; empty while it is not."""
    seconds = max(0, round(left))
    if why == "idle":
        return f"Still there? Press any key. ({seconds} s)" if left <= LAST_CALL else ""
    return f"{seconds // 60}:{seconds % 60:02} left" if left <= LAST_MINUTES else ""


def goodbye(why: Ending) -> str:
    """What is said at the end."""
    return "See you tomorrow." if why == "budget" else "Goodbye, and thank you."


def pause(attempt: int) -> float:
    """Seconds before an attempt to connect, which count from 0; it never ends."""
    return PAUSES[min(attempt, len(PAUSES) - 1)]


def pin_pause(wrong: int) -> float:
    """Seconds until another PIN is taken, after so many wrong ones."""
    return WRONG_PINS[min(wrong, len(WRONG_PINS) - 1)]


def figures(messages: Sequence[Message]) -> dict[str, Any]:
    """What is kept of what was said: how much and how fast, and none of the words."""
    asked = [number for number, said in enumerate(messages) if said.role == "user"]
    waits = []
    for number, at in enumerate(asked):
        until = asked[number + 1] if number + 1 < len(asked) else len(messages)
        answers = [one for one in messages[at + 1 : until] if one.role == "assistant" and one.text]
        if answers:
            waits.append(max(0.0, answers[0].at - messages[at].at))
    return {
        "questions": len(asked),
        "answered": len(waits),
        "answer_ms": round(median(waits) * 1000) if waits else None,
        "slowest_answer_ms": round(max(waits) * 1000) if waits else None,
    }
