"""A sample of a voice, heard through the same speaker as conversations."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING

from did_tui.ui.sound import make_output

if TYPE_CHECKING:
    from did_tui.live.media.output import Output
    from did_tui.ui.app import DidTui

LARGEST = 8 * 2**20  # bytes of a sample


async def hear(app: DidTui, address: str, name: str) -> str:
    """Fetch a sample and begin to play it; what is heard now, in words. Raises ``DidError``.

    One that still plays gives way to it.
    """
    app.workers.cancel_group(app, "sample")
    if app.settings.audio == "none":
        return "Sound is off: --audio says where it goes."
    content = await (await app.client()).file(address, LARGEST)
    module = await asyncio.to_thread(importlib.import_module, "did_tui.live.media.sample")
    try:
        pcm = await asyncio.to_thread(module.decoded, content)
    except module.NotPlayable as error:
        return str(error)
    output = await make_output(app, app.settings.audio)
    kept = app.settings.audio.partition(":")[0] in ("wav", "fifo")  # heard later, if at all
    if not (await module.ready(output) or kept):
        await asyncio.to_thread(output.close)
        return f"Nobody can hear it: {output.name}."
    app.run_worker(_play(output, pcm), group="sample", exclusive=True, exit_on_error=False)
    return f"You hear {name}, on {output.name}."


async def _play(output: Output, pcm: bytes) -> None:
    from did_tui.live.media.sample import play

    try:
        await play(pcm, output)
    finally:
        await asyncio.shield(asyncio.to_thread(output.close))
