"""A short recording, decoded whole and played once: how a voice sounds."""

from __future__ import annotations

import asyncio
import io
import math
import time

import av
import av.error

from did_tui.live.media.decode import Converter
from did_tui.live.media.speaker import FRAME_BYTES, RATE, Speaker, SpeakerError

LONGEST = 60  # seconds that are played
PATIENCE = 2.0  # seconds that a device is waited for
GLANCE = 0.01  # seconds between two looks whether the speaker wants more


class NotPlayable(Exception):
    """The recording cannot be played; the text says why."""


def decoded(content: bytes) -> bytes:
    """A recording of any kind as the speaker wants it; raises ``NotPlayable``."""
    convert, pcm = Converter(), bytearray()
    try:
        with av.open(io.BytesIO(content), "r") as container:
            if not container.streams.audio:
                raise NotPlayable("There is no sound in the sample.")
            for frame in container.decode(container.streams.audio[0]):
                pcm += convert(frame).tobytes()
                if len(pcm) > LONGEST * RATE * FRAME_BYTES:
                    break
    except (av.error.FFmpegError, ValueError, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise NotPlayable(f"The sample cannot be played: {reason}.") from error
    return bytes(pcm)


async def ready(speaker: Speaker) -> bool:
    """Whether somebody can hear it, which a device is given some time for."""
    end = time.monotonic() + PATIENCE
    while not speaker.audible and time.monotonic() < end:
        speaker.writable()
        await asyncio.sleep(GLANCE)
    return speaker.audible


async def play(pcm: bytes, speaker: Speaker) -> None:
    """Play it to its end, unless the speaker is closed."""
    at = 0
    try:
        while at < len(pcm):
            part = pcm[at : at + speaker.writable() * FRAME_BYTES]
            if part:
                speaker.write(part)
                at += len(part)
            await asyncio.sleep(GLANCE)
        latency = speaker.latency()
        await asyncio.sleep(latency if math.isfinite(latency) else 0.0)
    except SpeakerError:
        return  # it has been closed
