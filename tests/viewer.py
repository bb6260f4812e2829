"""Viewers of an agent, which keep what they show: did-tui, in a stream or a room; others beside it.

Sound goes to the speaker, where others record it. ``python viewer.py --help`` runs one in a process
of its own and prints what it saw and took as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import browserview
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_to_sdp
from flashbeep import Shown, look
from lossy import stay_on_loopback

from did_tui.api.client import Client
from did_tui.api.credentials import Credentials
from did_tui.live import wire
from did_tui.live.media.playback import Playback
from did_tui.live.media.speaker import FRAME_BYTES, open_speaker
from did_tui.live.roomsdk import settle
from did_tui.live.runner import Runner

AGENT, IN_ROOM = "Mira", "Iris"
CONNECTION = "viewer"
CONNECT_SECONDS = 15.0
GLANCE = 0.004  # seconds between two looks at whether there is a picture


@dataclass
class Seen:
    """What a viewer showed, and what it says about itself."""

    shown: list[Shown] = field(default_factory=list)
    counters: dict[str, Any] = field(default_factory=dict)
    trouble: list[str] = field(default_factory=list)


async def _find(url: str, name: str = AGENT) -> tuple[Client, str]:
    client = Client(Credentials.parse("demo:emulator"), url, url.replace("http", "ws", 1))
    return client, next(a.id for a in [a async for a in client.agents()] if a.name == name)


@asynccontextmanager
async def did_tui(url: str, sink: str = "pulse", agent: str = AGENT) -> AsyncIterator[Seen]:
    """Receive as did-tui does; what there is to see is looked at as soon as it can be taken."""
    seen = Seen()
    client, agent_id = await _find(url, agent)

    def glance() -> None:
        frame = playback.take_picture()
        if frame is not None:
            seen.shown.append(look(frame, time.monotonic()))

    async def keep_looking() -> None:
        while True:
            glance()
            await asyncio.sleep(GLANCE)

    playback = Playback(sink=sink, on_picture=glance, on_trouble=seen.trouble.append)
    runner = Runner(client, agent_id, playback)
    looking = asyncio.create_task(keep_looking())
    try:
        await runner.open()
        async with asyncio.timeout(CONNECT_SECONDS):
            while runner.conversation.phase != "connected":
                assert not runner.conversation.over, runner.conversation.trouble
                await asyncio.sleep(0.02)
        yield seen
        seen.counters = dataclasses.asdict(playback.figures)
    finally:
        looking.cancel()
        await runner.close()
        await client.close()


@asynccontextmanager
async def plain(url: str, sink: str = "pulse") -> AsyncIterator[Seen]:
    """Receive as aiortc's documentation shows it: play and show what ``recv`` returns."""
    seen = Seen()
    client, agent_id = await _find(url)
    stream = await client.create_stream(
        agent_id, {"compatibility_mode": "on", "fluent": True}, connection=CONNECTION
    )
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    ear = _Ear(sink)
    pumps: list[asyncio.Task[None]] = []
    opened = asyncio.Event()

    async def pump(track: MediaStreamTrack) -> None:
        try:
            while True:
                frame: Any = await track.recv()
                if track.kind == "audio":
                    ear.queue.append(frame.to_ndarray().tobytes())
                else:
                    seen.shown.append(look(frame, time.monotonic()))
        except MediaStreamError:
            pass  # the track has ended

    pc.on("track", lambda track: pumps.append(asyncio.create_task(pump(track))))
    pc.createDataChannel("JanusDataChannel").on("open", opened.set)
    try:
        await pc.setRemoteDescription(RTCSessionDescription(stream.offer_sdp, "offer"))
        answer = await pc.createAnswer()
        stay_on_loopback(pc)
        await pc.setLocalDescription(answer)
        await client.send_answer(agent_id, stream, answer.sdp, connection=CONNECTION)
        gatherer = pc.getTransceivers()[0].receiver.transport.transport.iceGatherer
        for candidate in gatherer.getLocalCandidates():
            fields = wire.candidate_fields(candidate_to_sdp(candidate), "0", 0)
            await client.send_candidate(agent_id, stream, fields, connection=CONNECTION)
        async with asyncio.timeout(CONNECT_SECONDS):
            await opened.wait()
        yield seen
    finally:
        for task in pumps:
            task.cancel()
        ear.close()
        await client.delete_stream(agent_id, stream, connection=CONNECTION)
        await pc.close()
        await client.close()


@asynccontextmanager
async def browser(url: str, _sink: str = "pulse") -> AsyncIterator[Seen]:
    """Receive as Chromium does; it plays where the environment says."""
    seen = Seen()
    client, agent_id = await _find(url)
    stream = await client.create_stream(
        agent_id, {"compatibility_mode": "on", "fluent": True}, connection=CONNECTION
    )

    async def answer(sdp: str) -> None:
        await client.send_answer(agent_id, stream, sdp, connection=CONNECTION)

    def show(moment: float, number: int, lit: bool) -> None:
        seen.shown.append(Shown(moment, number, lit))

    try:
        async with browserview.watching(stream.offer_sdp, answer, show):
            yield seen
    finally:
        await client.delete_stream(agent_id, stream, connection=CONNECTION)
        await client.close()


class _Ear:
    """Writes what waits to the speaker, silence where nothing does; begins with three frames."""

    def __init__(self, sink: str) -> None:
        self.queue: deque[bytes] = deque()
        self._speaker = open_speaker(sink)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._feed)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._speaker.close()

    def _feed(self) -> None:
        rest, playing = b"", False
        while not self._over.wait(0.006):
            wanted = self._speaker.writable() * FRAME_BYTES
            playing = playing or len(self.queue) >= 3
            while playing and self.queue and len(rest) < wanted:
                rest += self.queue.popleft()
            if len(rest) < wanted:
                playing = False
            self._speaker.write(rest[:wanted].ljust(wanted, b"\0"))
            rest = rest[wanted:]


VIEWERS: dict[str, Callable[..., AbstractAsyncContextManager[Seen]]] = {
    "did-tui": did_tui,
    "room": partial(did_tui, agent=IN_ROOM),
    "aiortc": plain,
    "chromium": browser,
}


async def _view(options: argparse.Namespace) -> dict[str, Any]:
    async with VIEWERS[options.viewer](options.url, options.sink) as seen:
        await asyncio.sleep(options.warm)
        since, cpu = time.monotonic(), time.process_time()
        await asyncio.sleep(options.seconds)
        until, cpu = time.monotonic(), time.process_time() - cpu
    return {
        "since": since,
        "until": until,
        "cpu": cpu / (until - since),
        "shown": seen.shown,
        "counters": seen.counters,
        "trouble": seen.trouble,
    }


def main() -> None:
    """View, and say what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("viewer", choices=VIEWERS)
    parser.add_argument("url", help="where the agent is")
    parser.add_argument("--sink", default="pulse")
    parser.add_argument("--warm", type=float, default=3.0, help="seconds before it measures")
    parser.add_argument("--seconds", type=float, default=20.0, help="seconds that it measures")
    print(json.dumps(asyncio.run(_view(parser.parse_args()))))
    settle()


if __name__ == "__main__":
    main()
