"""Sound as the user sees it: notices about it, and ``did-tui devices``."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO
from weakref import WeakSet

from did_tui.config import log_directory
from did_tui.live.media.plan import WITHOUT_DEVICE
from did_tui.ui.stderr import kept_off_the_screen
from did_tui.ui.text import plain
from did_tui.ui.widgets.statusline import meter

if TYPE_CHECKING:
    from did_tui.live.media.microphone import Microphone
    from did_tui.live.media.output import Output
    from did_tui.live.media.playback import Playback
    from did_tui.live.media.speaker import Device
    from did_tui.ui.base import TerminalApp

READING_SECONDS = 15
COPYING_SECONDS = 120  # for an address that has to come into a browser

_hinted: WeakSet[TerminalApp[Any]] = WeakSet()  # those that were told how sound could be heard
_silent: WeakSet[TerminalApp[Any]] = WeakSet()  # those that were told that there is no speaker


async def make_output(app: TerminalApp[Any], sink: str) -> Output:
    """An output whose news are notices of this app; nothing is opened yet.

    How sound could be heard at home, and that there is no speaker, is said once for all
    conversations.
    """
    module = await asyncio.to_thread(importlib.import_module, "did_tui.live.media.output")
    loop = asyncio.get_running_loop()

    def show(sentence: str) -> None:
        if sentence.endswith(WITHOUT_DEVICE):
            if app in _silent:
                return
            _silent.add(app)
        invites = sentence == output.invitation
        app.notify(sentence, title="Sound", timeout=COPYING_SECONDS if invites else READING_SECONDS)

    def tell(sentence: str) -> None:
        with suppress(RuntimeError):  # the app has ended
            loop.call_soon_threadsafe(show, sentence)

    output: Output = module.Output(sink, on_news=tell)
    if output.hint and app not in _hinted:
        _hinted.add(app)
        show(output.hint)
    return output


def make_microphone(app: TerminalApp[Any], playback: Playback) -> Microphone:
    """A microphone that is off, and waits while the agent is heard."""
    from did_tui.live.media.microphone import Microphone

    loop = asyncio.get_running_loop()

    def tell(sentence: str) -> None:
        with suppress(RuntimeError):  # the app has ended
            loop.call_soon_threadsafe(partial(app.notify, sentence, title="Microphone"))

    def hush(hushed: bool) -> None:
        playback.hushed = hushed

    return Microphone(agent=lambda: playback.loudness, agent_hushed=hush, on_news=tell)


class Sound:
    """What a user can do about the sound of a conversation, before there is any and while it plays.

    All three parts are given when the conversation begins.
    """

    def __init__(self) -> None:
        self.playback: Playback | None = None
        self.output: Output | None = None
        self.microphone: Microphone | None = None

    @property
    def heard(self) -> float:
        """Seconds of sound that have come to the ear."""
        return self.playback.heard_seconds if self.playback is not None else 0.0

    @property
    def name(self) -> str:
        """Where it is heard, in words."""
        return self.playback.speaker_name if self.playback is not None else ""

    @property
    def silent(self) -> bool:
        """Whether it is known that nothing can be heard."""
        playback = self.playback
        return bool(playback and playback.speaker_name and not playback.audible)

    @property
    def level(self) -> float | None:
        """Loudness of the voice, 0 to 1; None where nothing is heard."""
        playback = self.playback
        return playback.level if playback and playback.audible and not playback.muted else None

    @property
    def microphone_in_words(self) -> str:
        """What the microphone does; empty while it is off."""
        microphone = self.microphone
        if microphone is None or not microphone.talking:
            return ""
        words = "waits for the agent" if microphone.held else meter(microphone.level)
        return f"microphone {words}"

    @property
    def muted(self) -> bool:
        """Whether the user wants silence."""
        return self.playback is not None and self.playback.muted

    def mute(self) -> None:
        """Sound off, or on again."""
        if self.playback is not None:
            self.playback.muted = not self.playback.muted

    @property
    def volume(self) -> float:
        """How loud it is, 0 to 1."""
        return self.output.volume if self.output is not None else 1.0

    def louder(self, by: float) -> float:
        """Louder, or quieter; what it is now."""
        return self.set_volume(round(self.volume + by, 2))

    def set_volume(self, volume: float) -> float:
        """Be so loud, 0 to 1, and not muted; what it is now."""
        if self.output is not None:
            self.output.volume = volume
        if self.playback is not None:
            self.playback.muted = False
        return self.volume

    @property
    def sink(self) -> str:
        """What was chosen, as ``--audio`` takes it."""
        return self.output.sink if self.output is not None else ""

    def choose(self, sink: str) -> None:
        """Play it there; news tell when it does."""
        if self.output is not None:
            self.output.choose(sink)

    @property
    def invitation(self) -> str:
        """How to hear it in a browser; it holds a secret, so for the screen only."""
        return self.output.invitation or self.output.hint if self.output is not None else ""

    @staticmethod
    def devices() -> list[Device]:
        """What could be chosen; blocks for up to some seconds."""
        from did_tui.live.media.speaker import devices

        return devices()


def list_devices(
    sink: str, out: TextIO = sys.stdout, *, env: Mapping[str, str] = os.environ
) -> int:
    """Show what ``--audio`` can be, and how to hear this machine at home; always 0."""
    from did_tui.live.media.plan import plan
    from did_tui.live.media.speaker import SINKS, devices

    with kept_off_the_screen(log_directory(env)):
        found = devices(env)
    chosen = plan(sink, env)
    for device in found:
        default = ", the default" if device.default else ""
        print(f"--audio {plain(device.sink)}\n    {plain(device.words)}{default}", file=out)
    if not found:
        print("No sound device is found here.", file=out)
    print(f"\n--audio takes {', '.join(SINKS)}.", file=out)
    if chosen.sink != sink:
        print(f"Now {sink} means {chosen.sink}.", file=out)
    for way in chosen.ways:
        print(f"\n{way.title}:", file=out)
        print(f"    there    {plain(way.at_home)}", file=out)
        print(f"    here     {plain(way.here)}", file=out)
    return 0
