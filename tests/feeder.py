"""A thread that feeds a speaker, as a conversation does, with frames that tell their number."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from nullsink import counter_pcm

from did_tui.live.media.speaker import FRAME_BYTES, Speaker, SpeakerError


class Feeder:
    """Feeds a speaker every 10 ms from a thread: the counter signal, or silence."""

    def __init__(self, speaker: Speaker) -> None:
        self.speaker = speaker
        self.fed = 0
        self.expected: list[tuple[int, float]] = []
        self.error: SpeakerError | None = None
        self._counting = True
        self._turn = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Feeder:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.end()
        self.speaker.close()

    def end(self) -> None:
        """Feed no more; what was fed is still heard."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.010) and self.error is None:
            try:
                with self._turn:
                    self._feed()
            except SpeakerError as error:
                self.error = error

    def _feed(self) -> None:
        wanted = self.speaker.writable()
        if not self._counting:
            self.speaker.write(bytes(wanted * FRAME_BYTES))
        elif wanted:
            self.expected.append((self.fed, time.monotonic() + self.speaker.latency()))
            self.speaker.write(counter_pcm(self.fed, wanted))
            self.fed += wanted

    def hush(self) -> float:
        """Flush, feed silence from now on, and return when that was."""
        with self._turn:
            self._counting = False
            now = time.monotonic()
            self.speaker.flush()
            return now

    def resume(self) -> float:
        """Go on counting, and return when that was."""
        with self._turn:
            self._counting = True
            return time.monotonic()

    def stall(self, seconds: float) -> None:
        """Feed nothing for a while."""
        with self._turn:
            time.sleep(seconds)


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.005)
    return true()
