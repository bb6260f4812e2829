"""Sound as the user sees it: notices about it, and ``did-tui devices``."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO
from weakref import WeakSet

from did_tui.config import log_directory
from did_tui.ui.stderr import kept_off_the_screen
from did_tui.ui.text import plain

if TYPE_CHECKING:
    from did_tui.live.media.output import Output
    from did_tui.ui.base import TerminalApp

READING_SECONDS = 15
COPYING_SECONDS = 120  # for an address that has to come into a browser

_hinted: WeakSet[TerminalApp[Any]] = WeakSet()  # those that were told how sound could be heard


async def make_output(app: TerminalApp[Any], sink: str) -> Output:
    """An output whose news are notices of this app; nothing is opened yet.

    How sound could be heard at home is said once for all conversations.
    """
    module = await asyncio.to_thread(importlib.import_module, "did_tui.live.media.output")
    loop = asyncio.get_running_loop()

    def show(sentence: str) -> None:
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
