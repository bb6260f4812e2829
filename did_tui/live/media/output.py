"""One speaker that survives its devices: it looks for them, changes them and says so in words."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping

import numpy as np

from did_tui.live.media.plan import WITHOUT_DEVICE, plan
from did_tui.live.media.speaker import (
    PacedSpeaker,
    SilentSpeaker,
    Speaker,
    SpeakerError,
    candidates,
)
from did_tui.live.media.speaker import open_speaker as open_device

FIRST_DELAY, MOST_DELAY = 0.1, 1.0
"""Seconds between two looks for a device; doubled each time. Heard again within 2 s, whenever."""

LOYALTY = 10
"""So many looks are for what was lost, before any other kind of output will do.

A sound server that restarts would find its card taken by PortAudio.
"""

COME_BACK = ("pulse", "sounddevice", "pacat", "aplay", "web")
"""What is worth waiting for; a full disk is not."""


class Output:
    """A ``Speaker`` that is always there: silent while there is no device, in time all the same.

    It is opened by the first use, in a thread, so that no call waits for a device. ``on_news`` is
    called with sentences for the user, from any thread. ``hint`` says how it could be heard
    elsewhere, where ``auto`` has to be silent. Only a closed one raises SpeakerError.
    """

    def __init__(
        self,
        sink: str = "auto",
        *,
        env: Mapping[str, str] = os.environ,
        on_news: Callable[[str], None] = lambda _sentence: None,
        open_speaker: Callable[..., Speaker] = open_device,
    ) -> None:
        chosen = plan(sink, env)
        self.sink, self.hint = chosen.sink, chosen.hint
        self._env, self._on_news, self._open_speaker = env, on_news, open_speaker
        self._lock = threading.Lock()  # never held while a device is waited for
        self._speaker: Speaker = SilentSpeaker()
        self._kind = "none"  # the sink that was opened, where ``sink`` leaves it open
        self._name_told = ""
        self._underflows_before = 0
        self._search: threading.Event | None = None  # set to end it
        self._in_vain = False  # the user was told that there is none
        self._settled = threading.Event()  # set when the first look has come to an end
        self._begun = self._closed = False
        self._volume = self._volume_heard = 1.0

    # What it is now

    @property
    def name(self) -> str:
        """Words for the status line."""
        speaker = self._speaker
        if self._searching and not speaker.audible:
            return "no speaker" if self._in_vain else "looking for a speaker"
        return speaker.name

    @property
    def audible(self) -> bool:
        """Whether somebody may hear it now."""
        return self._speaker.audible

    @property
    def invitation(self) -> str:
        """What the user has to do to hear it, if anything; may hold a secret, so never log it."""
        speaker = self._speaker
        return speaker.invitation if isinstance(speaker, PacedSpeaker) else ""

    @property
    def remote(self) -> bool:
        """Whether the sound crosses a network."""
        return self._speaker.remote

    @property
    def underflows(self) -> int:
        """How often a device ran dry, all of them together."""
        return self._underflows_before + self._speaker.underflows

    @property
    def volume(self) -> float:
        """How loud this program is, 0 to 1; others are not touched.

        The amplitude is its cube, as in PulseAudio's mixers: half of it sounds half as loud.
        """
        return self._volume

    @volume.setter
    def volume(self, volume: float) -> None:
        self._volume = min(max(volume, 0.0), 1.0)

    @property
    def _searching(self) -> bool:
        return self._search is not None

    # Playing

    def writable(self) -> int:
        """Return how many frames are wanted now."""
        speaker = self._ready()
        try:
            frames = speaker.writable()
        except SpeakerError as error:
            self._lose(speaker, error)
            return 0
        self._follow(speaker)
        return frames

    def write(self, pcm: bytes) -> None:
        """Play whole frames as loud as ``volume`` says."""
        speaker = self._ready()
        before, self._volume_heard = self._volume_heard, self._volume
        try:
            speaker.write(scaled(pcm, before, self._volume_heard))
        except SpeakerError as error:
            self._lose(speaker, error)

    def latency(self) -> float:
        """Return the seconds until a frame written now is heard, nan while that is unknown."""
        return self._speaker.latency()

    def flush(self) -> bool:
        """Let what was written and not yet heard die away; whether it ends in silence now."""
        return self._speaker.flush()

    def settle(self, seconds: float) -> None:
        """Wait until the device is open or known not to be there, so long at most.

        Whoever feeds it begins to open it.
        """
        self._settled.wait(seconds)

    def close(self) -> None:
        """Give the device back; may be called again."""
        with self._lock:
            self._closed = True
            self._settled.set()
            self._end_search()
            speaker = self._speaker
        speaker.close()

    def choose(self, sink: str) -> None:
        """Use another device from now on; does not wait for it."""
        with self._lock:
            if self._closed:
                return
            self.sink, self.hint, self._begun = sink, "", True
            self._look(candidates(sink), loyal=False)

    def _ready(self) -> Speaker:
        with self._lock:
            if self._closed:
                raise SpeakerError("The speaker is closed")
            if not self._begun:
                self._begun = True
                self._look(candidates(self.sink), loyal=False)
            return self._speaker

    def _follow(self, speaker: Speaker) -> None:
        """Say so when the sound server has moved us to another device."""
        name = speaker.name
        if self._name_told and name != self._name_told and not isinstance(speaker, PacedSpeaker):
            self._name_told = name
            self._on_news(f"The sound is on {name} now.")

    # Looking for a device

    def _lose(self, speaker: Speaker, error: SpeakerError) -> None:
        """Be silent from now on, and look for what was lost."""
        with self._lock:
            if self._closed or speaker is not self._speaker:
                return  # somebody has chosen another one meanwhile
            kind = self._kind
            waits = _comes_back(kind)
            if waits:
                self._look((kind,), loyal=True)
            else:
                self._replace(SilentSpeaker()).close()
        self._on_news(f"{error}. {'Silent until it is back.' if waits else 'Silent from now on.'}")

    def _look(self, sinks: tuple[str, ...], *, loyal: bool) -> None:
        """Begin to look, silently; the lock is held."""
        self._end_search()
        gone = self._replace(SilentSpeaker())
        self._in_vain = False
        self._search = ended = threading.Event()
        threading.Thread(
            target=self._run, args=(sinks, ended, gone, loyal), name="speaker-search", daemon=True
        ).start()

    def _end_search(self) -> None:
        if self._search is not None:
            self._search.set()
            self._search = None

    def _replace(self, speaker: Speaker) -> Speaker:
        """Put another speaker in place, and return the one before; the lock is held."""
        gone, self._speaker = self._speaker, speaker
        self._underflows_before += gone.underflows
        self._name_told = ""
        return gone

    def _run(
        self, sinks: tuple[str, ...], ended: threading.Event, gone: Speaker, loyal: bool
    ) -> None:
        """Look until there is one or nobody wants it any more; a thread of its own."""
        gone.close()
        looks, delay, told = 0, FIRST_DELAY, loyal
        while not ended.is_set():
            looks += 1
            speaker, kind, reason = self._try(sinks, ended)
            if speaker is not None:
                self._found(speaker, kind, ended, told)
                return
            self._settled.set()
            waits = [sink for sink in sinks if _comes_back(sink)]
            if not told and not ended.is_set():
                told = self._in_vain = True
                self._on_news(f"{reason}. {WITHOUT_DEVICE}" if waits else f"{reason}.")
            if loyal and looks == LOYALTY:
                waits = [sink for sink in candidates(self.sink) if _comes_back(sink)]
            # A program is no better the second time, and starting one every second is not free.
            sinks = tuple(waits[:2])
            if not sinks:
                with self._lock:
                    if self._search is ended:
                        self._search = None
                return
            ended.wait(delay)
            delay = min(delay * 2, MOST_DELAY)

    def _try(
        self, sinks: tuple[str, ...], ended: threading.Event
    ) -> tuple[Speaker | None, str, str]:
        """Open the first that can be; else the reasons of the first two."""
        reasons = []
        for sink in sinks:
            if ended.is_set():
                break
            try:
                return self._open_speaker(sink, env=self._env), sink, ""
            except SpeakerError as error:
                reasons.append(str(error))
        return None, "", "; ".join(reasons[:2])

    def _found(self, speaker: Speaker, kind: str, ended: threading.Event, told: bool) -> None:
        """Put it to use, unless nobody waits for it any more."""
        with self._lock:
            wanted = not ended.is_set()
            if wanted:
                self._replace(speaker)
                self._kind = kind
                self._search = None
                self._name_told = speaker.name
                self._settled.set()
        if not wanted:
            speaker.close()
        elif self.invitation:
            self._on_news(self.invitation)
        elif told:
            self._on_news(f"The sound is on {speaker.name} now.")


def _comes_back(sink: str) -> bool:
    return sink.partition(":")[0] in COME_BACK


def scaled(pcm: bytes, before: float, now: float) -> bytes:
    """Return s16 stereo at another volume, gliding from the one before so that nothing clicks."""
    if before == now == 1 or not pcm:
        return pcm
    samples = np.frombuffer(pcm, np.int16).reshape(-1, 2)
    gain = np.linspace(before**3, now**3, len(samples), dtype=np.float32)[:, None]
    quieter: bytes = np.rint(samples * gain).astype(np.int16).tobytes()
    return quieter
