"""Keys one after the other: none goes where the one before has just moved the focus away from.

Textual gives a key to the widget that has the focus when the key arrives; what an earlier key does
on its way up (open a filter, go to the next field, push a screen) comes after that. Who types
faster than the machine can follow would write into the wrong line, or press another key's deed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from textual import events
from textual.dom import DOMNode

if TYPE_CHECKING:
    from textual.app import App

MOST = 65_536  # keys that wait
ROUNDS = 2  # a key may make its widget say something, to which another listens
MOST_ROUNDS = 5  # where each has moved the focus again
LONGEST = 1.0  # seconds until the next key goes on in any case
OFTEN = 0.02  # seconds between two looks at whether the widget that has the key is gone


class KeyDone(events.Event, bubble=True):
    """Follows a key on its way, and so comes up when the key has had its effect."""

    def __init__(self, number: int, rounds: int) -> None:
        super().__init__()
        self.number, self.rounds = number, rounds


class KeyQueue:
    """The keys of an app that wait for the one before."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._waiting: deque[events.Event] = deque(maxlen=MOST)
        self._number = 0
        self._at: DOMNode | None = None  # who has the key that is on its way
        self._late: asyncio.TimerHandle | None = None

    @property
    def busy(self) -> bool:
        """Whether a key is on its way."""
        return self._at is not None

    def holds(self, event: events.Event) -> bool:
        """Whether the key has to wait; else it is on its way from now on, see ``sent``."""
        if self.busy:
            self._waiting.append(event)
            return True
        self._at = self._target
        self._number += 1
        self._watch(self._number, asyncio.get_running_loop().time() + LONGEST)
        return False

    def _watch(self, number: int, until: float) -> None:
        """Have the next key go on when it is late, or when the widget went with its screen."""
        loop = asyncio.get_running_loop()
        if number != self._number or self._at is None:
            return
        if loop.time() >= until or not self._at.is_running:
            self._app.call_later(self._next, number)
        else:
            self._late = loop.call_later(OFTEN, self._watch, number, until)

    def sent(self) -> None:
        """The key has been given to its widget."""
        self._follow(self._number, 1)

    def done(self, event: KeyDone) -> None:
        """What followed the key has come up."""
        # What the key has put off (a focus, a screen) is before this in the app's own queue.
        self._app.call_later(self._look, event.number, event.rounds)

    @property
    def _target(self) -> DOMNode:
        return self._app.focused or (self._app.screen if self._app.screen_stack else self._app)

    def _follow(self, number: int, rounds: int) -> None:
        if self._at is not None and not self._at.post_message(KeyDone(number, rounds)):
            self._app.call_later(self._next, number)

    async def _look(self, number: int, rounds: int) -> None:
        if number != self._number or self._at is None:
            return  # it came too late
        at, self._at = self._at, self._target
        if rounds < ROUNDS or (at is not self._at and rounds < MOST_ROUNDS):
            self._follow(number, rounds + 1)
        else:
            await self._next(number)

    async def _next(self, number: int) -> None:
        if number != self._number or self._at is None:
            return
        if self._late is not None:
            self._late.cancel()
        self._at = None
        if self._waiting:
            await self._app.on_event(self._waiting.popleft())
