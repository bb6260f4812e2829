"""A user in a room through LiveKit's own SDK, as any client of D-ID's expressive agents."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ClassVar

import numpy as np
from livekit import rtc

SECONDS = 60.0  # for anything to happen
FAREWELL = 0.5  # after a disconnect: the SDK's threads abort the process if it ends before

# The SDK logs through the root logger, which pytest would show for every test.
logging.getLogger("livekit").propagate = False

Event = Mapping[str, Any]


class User:
    """Somebody in a room; ``events`` are D-ID's, each with its ``subject``, as they came."""

    here: ClassVar[set[User]] = set()
    """Who has not left yet."""

    def __init__(self) -> None:
        self.here.add(self)
        self.room = rtc.Room()
        self.events: list[Event] = []
        self.damaged: list[bytes] = []
        self.tracks: dict[str, rtc.RemoteTrack] = {}
        self.happened: list[str] = []
        self._news = asyncio.Event()
        self._next = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        on = self.room.on
        on("data_received", self._received)
        on("track_subscribed", self._subscribed)
        for name in ("disconnected", "reconnecting", "reconnected", "participant_disconnected"):
            on(name, lambda *_, name=name: self._note(name))
        on("participant_connected", lambda *_: self._note("participant_connected"))

    async def join(self, session: Mapping[str, Any]) -> User:
        """Connect, and wait for the agent's sound and picture."""
        await self.room.connect(session["session_url"], session["session_token"])
        await self.until(lambda: len(self.tracks) == 2)
        return self

    async def leave(self) -> None:
        """Disconnect."""
        for task in self._tasks:
            task.cancel()
        await self.room.disconnect()
        self.here.discard(self)

    @classmethod
    async def all_leave(cls) -> None:
        """Disconnect everybody."""
        for user in list(cls.here):
            await user.leave()

    async def say(self, text: str, topic: str = "lk.chat") -> None:
        """Send a text stream."""
        await self.room.local_participant.send_text(text, topic=topic)

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait for something to be true."""
        async with asyncio.timeout(SECONDS):
            while not happened():
                self._news.clear()
                await self._news.wait()

    async def event(self, subject: str) -> Event:
        """The next event of a subject, in the order in which they came."""
        found: list[Event] = []

        def there() -> bool:
            while self._next < len(self.events) and not found:
                event = self.events[self._next]
                self._next += 1
                if event["subject"] == subject:
                    found.append(event)
            return bool(found)

        await self.until(there)
        return found[0]

    async def frames(self, count: int) -> list[rtc.VideoFrame]:
        """The next pictures."""
        stream = rtc.VideoStream(self.tracks["video"], capacity=1)
        try:
            async with asyncio.timeout(SECONDS):
                return [(await anext(stream)).frame for _ in range(count)]
        finally:
            await stream.aclose()

    async def loudness(self, seconds: float) -> float:
        """The root mean square of the sound that comes in so many seconds, 0 to 1."""
        stream = rtc.AudioStream(self.tracks["audio"], sample_rate=48_000, num_channels=1)
        heard: list[Any] = []
        try:
            async with asyncio.timeout(SECONDS):
                while sum(map(len, heard)) < seconds * 48_000:
                    heard.append(np.asarray((await anext(stream)).frame.data, np.float64))
        finally:
            await stream.aclose()
        return float(np.sqrt(np.mean(np.square(np.concatenate(heard) / 32768))))

    async def hears(self) -> None:
        """Wait for sound that is no silence."""
        async with asyncio.timeout(SECONDS):
            while await self.loudness(0.1) < 0.005:
                pass

    def beside(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run something until the user leaves."""
        self._tasks.add(asyncio.create_task(coroutine))

    def _received(self, packet: rtc.DataPacket) -> None:
        try:
            said = json.loads(packet.data)
            assert isinstance(said, dict)
        except (ValueError, AssertionError):
            self.damaged.append(packet.data)
        else:
            self.events.append({"subject": packet.topic, **said})
        self._news.set()

    def _subscribed(self, track: rtc.RemoteTrack, *_: object) -> None:
        kind = "audio" if track.kind == rtc.TrackKind.KIND_AUDIO else "video"
        self.tracks[kind] = track
        self._note(f"{kind}_subscribed")

    def _note(self, name: str) -> None:
        self.happened.append(name)
        self._news.set()
