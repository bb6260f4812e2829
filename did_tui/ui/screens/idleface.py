"""The face of a legacy agent while it says nothing: its idle film, in a loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from did_tui.api.errors import DidError
from did_tui.live.conversation import Conversation

if TYPE_CHECKING:
    import av

    from did_tui.api.client import Client
    from did_tui.api.models import RuntimeAgent
    from did_tui.live.media.idle import Crossing, IdleLoop
    from did_tui.live.media.playback import Playback

QUIET = 0.15  # seconds without a picture of the stream, after which an utterance has been seen


class IdleFace:
    """Gives the pictures of the stream, and between utterances those of the film.

    The film plays until the first picture of an utterance is to be seen, and again after the last
    one. Used from the event loop, except ``take``. ``picture_ready`` is called there.
    """

    def __init__(
        self, picture_ready: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._picture_ready, self._clock = picture_ready, clock
        self._playback: Playback | None = None
        self._film: IdleLoop | None = None
        self._crossing: Crossing | None = None
        self._loading: asyncio.Task[None] | None = None
        self._streamed = float("-inf")  # when the last picture of the stream was taken

    @property
    def taken(self) -> int:
        """How many pictures of the film were taken."""
        return self._film.taken if self._film is not None else 0

    def attach(self, playback: Playback) -> None:
        """Take the stream's pictures from here."""
        self._playback = playback

    def take(self) -> av.VideoFrame | None:
        """The newest picture; one of the stream ends the film."""
        streamed = self._playback.take_picture() if self._playback is not None else None
        film, crossing = self._film, self._crossing
        if film is None or crossing is None:
            return streamed
        now = self._clock()
        if streamed is not None:
            self._streamed = now
            film.stop()
        frame = film.take() if streamed is None else streamed
        return None if frame is None else crossing.next(frame, streamed is None, now)

    def look(self, conversation: Conversation, agent: RuntimeAgent | None, client: Client) -> None:
        """Play the film or stop it, as the conversation stands; load it when it is first wanted."""
        legacy = conversation.phase == "connected" and not conversation.fluent
        wanted = legacy and conversation.plan.video
        if wanted and self._loading is None and agent is not None:
            address = agent.idle_video or agent.avatar.idle_video
            if address:
                self._loading = asyncio.create_task(self._load(client, address))
        if self._film is None:
            return
        if not wanted:
            self._film.stop()
        elif not conversation.speaking and self._clock() - self._streamed > QUIET:
            self._film.start()

    async def _load(self, client: Client, address: str) -> None:
        try:
            data = await client.picture(address)
        except DidError:
            return  # a film less: the last picture stands
        from did_tui.live.media.idle import Crossing, IdleLoop

        loop = asyncio.get_running_loop()

        def ready() -> None:
            with suppress(RuntimeError):  # the app has ended
                loop.call_soon_threadsafe(self._picture_ready)

        self._crossing = Crossing()
        self._film = IdleLoop(data, ready)

    def close(self) -> None:
        """Play no more."""
        if self._loading is not None:
            self._loading.cancel()
        if self._film is not None:
            self._film.stop()
