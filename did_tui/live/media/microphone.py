"""The user's voice, from the device to whoever sends it: held until it is asked for.

A microphone is closed until somebody talks: the device is opened then and given back afterwards,
so that the lamp of a microphone tells the truth. Without echo cancellation, which only a room has,
the microphone hears nothing while the agent is heard (half-duplex): the agent would answer itself.
A key switches it on and off and need not be held: Textual 8 asks terminals for no event when a key
is released, and cannot read one.

``Talk`` and ``Framer`` are pure; ``Microphone`` has the thread that reads the device.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import numpy as np

from did_tui.live.media.capture import Capture, open_capture
from did_tui.live.media.speaker import RATE, SpeakerError

FRAME = RATE // 50
"""Samples of a frame: 20 ms at 48 kHz, mono, s16."""

FRAME_BYTES = 2 * FRAME

MOST_WAITING = 10
"""Frames that wait for whoever sends them; the oldest goes."""

AGENT_HEARD = 0.01
"""The loudness, 0 to 1, from which on the agent is heard."""

ECHO = 15
"""Frames after the agent's last sound in which its echo may come: what the device has in hand."""

NAP = 0.01  # seconds between two looks at the device

Duplex = Literal["agent", "user", "full"]
"""Who is heard when both speak: the agent, the user, or both (for headphones)."""


class Framer:
    """Cuts sound of any length into frames."""

    def __init__(self) -> None:
        self._rest = b""

    def push(self, pcm: bytes) -> Iterator[bytes]:
        """The frames that are complete now."""
        self._rest += pcm
        whole = len(self._rest) // FRAME_BYTES * FRAME_BYTES
        pcm, self._rest = self._rest[:whole], self._rest[whole:]
        for start in range(0, whole, FRAME_BYTES):
            yield pcm[start : start + FRAME_BYTES]


class Talk:
    """Which frames go out, frame by frame: faded where it begins and ends, so that nothing clicks.

    ``level`` is how loud the microphone is, 0 to 1, whether it goes out or not.
    """

    def __init__(self, duplex: Duplex = "agent") -> None:
        self.duplex = duplex
        self.level = 0.0
        self.held = False
        """Whether the agent's speech holds the user's back."""
        self._passing = False
        self._echo = 0

    def frame(self, pcm: bytes, agent: float) -> bytes | None:
        """What is to be sent of a frame while the agent is so loud, 0 to 1; None for nothing."""
        samples = np.frombuffer(pcm, np.int16)
        peak = float(np.abs(samples.astype(np.int32)).max(initial=0)) / 32768
        self.level = max(peak, self.level * 0.8)
        self._echo = ECHO if agent >= AGENT_HEARD else max(0, self._echo - 1)
        self.held = self.duplex == "agent" and self._echo > 0
        before, self._passing = self._passing, not self.held
        if not before and not self._passing:
            return None
        if before and self._passing:
            return pcm
        rise = np.linspace(0.0, 1.0, len(samples), dtype=np.float32)
        faded = samples * (rise if self._passing else 1 - rise)
        quieter: bytes = np.rint(faded).astype(np.int16).tobytes()
        return quieter

    def end(self) -> None:
        """Nobody talks any more."""
        self.level, self.held, self._passing, self._echo = 0.0, False, False, 0


class Microphone:
    """A microphone that is on while somebody talks.

    ``agent`` tells how loud the agent is now, 0 to 1; ``agent_hushed`` is called with whether the
    agent is to be silent, where the user is the one who is heard. ``on_news`` is called with
    sentences for the user; both from any thread. Used from one event loop.
    """

    def __init__(
        self,
        device: str = "auto",
        *,
        duplex: Duplex = "agent",
        env: Mapping[str, str] = os.environ,
        agent: Callable[[], float] = lambda: 0.0,
        agent_hushed: Callable[[bool], None] = lambda _hushed: None,
        on_news: Callable[[str], None] = lambda _sentence: None,
        open_device: Callable[..., Capture] = open_capture,
    ) -> None:
        self.device = device
        self.name = ""
        """Words for the status line, while it is on."""
        #: Takes the agent's voice out of frames, in the thread that reads; None: nobody does.
        self.clean: Callable[[bytes], bytes] | None = None
        self._talk = Talk(duplex)
        self._env, self._agent, self._agent_hushed = env, agent, agent_hushed
        self._on_news, self._open_device = on_news, open_device
        self._waiting: deque[bytes] = deque(maxlen=MOST_WAITING)
        self._came = asyncio.Event()
        self._over: threading.Event | None = None  # set to end the thread that reads
        self._threads: set[threading.Thread] = set()
        self._closed = False

    @property
    def talking(self) -> bool:
        """Whether the microphone is on."""
        return self._over is not None

    @property
    def held(self) -> bool:
        """Whether it is on, and the agent's speech keeps it from being heard."""
        return self._talk.held

    @property
    def level(self) -> float:
        """How loud it is, 0 to 1; up at once, down slowly."""
        return self._talk.level

    @property
    def duplex(self) -> Duplex:
        """Who is heard when both speak."""
        return self._talk.duplex

    @duplex.setter
    def duplex(self, duplex: Duplex) -> None:
        self._talk.duplex = duplex
        self._agent_hushed(self.talking and duplex == "user")

    def talk(self, on: bool) -> None:
        """Turn it on or off; waits for no device. Does nothing after ``close()``."""
        if on == self.talking or (on and self._closed):
            return
        if on:
            over = self._over = threading.Event()
            loop = asyncio.get_running_loop()
            thread = threading.Thread(
                target=self._listen, args=(over, loop), name="microphone", daemon=True
            )
            self._threads.add(thread)
            thread.start()
        elif self._over is not None:
            self._over.set()
            self._over = None
            self._waiting.clear()  # what nobody took is not for whoever comes later
        self._agent_hushed(on and self.duplex == "user")

    def toggle(self) -> bool:
        """Turn it on if it is off and the other way round; whether it is on now."""
        self.talk(not self.talking)
        return self.talking

    async def read(self) -> bytes:
        """The next frame, s16 mono of ``FRAME`` samples; waits while nobody talks."""
        while not self._waiting:
            self._came.clear()
            await self._came.wait()
        return self._waiting.popleft()

    def close(self) -> None:
        """Give the device back for good; waits for it, up to two seconds. Any thread."""
        self._closed = True
        if self._over is not None:
            self._over.set()
            self._over = None
        for thread in list(self._threads):
            thread.join(2)

    # The thread that reads

    def _listen(self, over: threading.Event, loop: asyncio.AbstractEventLoop) -> None:
        try:
            capture = self._open_device(self.device, env=self._env)
            try:
                self.name = capture.name
                self._read(capture, over, loop)
            finally:
                capture.close()
        except (SpeakerError, OSError) as error:
            if not over.is_set():
                why = error.strerror if isinstance(error, OSError) else None
                self._on_news(f"The microphone cannot be used: {why}." if why else f"{error}.")
                _call(loop, self._give_up, over)
        finally:
            self._threads.discard(threading.current_thread())

    def _read(
        self, capture: Capture, over: threading.Event, loop: asyncio.AbstractEventLoop
    ) -> None:
        framer = Framer()
        self._talk.end()
        while not over.wait(NAP):
            for frame in framer.push(capture.read()):
                clean = self.clean
                if clean is None:
                    sent = self._talk.frame(frame, self._agent())
                else:
                    sent = self._talk.frame(clean(frame), 0.0)
                if sent is not None:
                    _call(loop, self._take, over, sent)
        self._talk.end()

    def _take(self, over: threading.Event, frame: bytes) -> None:
        if not over.is_set():  # what was said is said to whoever was asked for
            self._waiting.append(frame)
            self._came.set()

    def _give_up(self, over: threading.Event) -> None:
        if self._over is over:
            self.talk(on=False)


def _call(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *rest: object) -> None:
    try:
        loop.call_soon_threadsafe(function, *rest)
    except RuntimeError:
        pass  # the loop has ended, and with it whoever would have listened
