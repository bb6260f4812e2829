"""Sessions of expressive agents, opened and closed one after the other: what is left of them.

    DID_TUI_LIVEKIT_SERVER=… python tests/bench/rooms.py --count 100

The server and the agents are processes of their own. Each session lasts until its first picture.
*present* counts who is still in the rooms that were left; it should be 0, threads and descriptors
should stay what they are.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from roomserver import AgentPeer, RoomsOfDid, running_server
from tables import median, table

from did_tui.live.media.playback import Playback
from did_tui.live.media.speaker import SilentSpeaker
from did_tui.live.roomsdk import settle
from did_tui.live.runner import Runner

PATIENCE = 30.0
GOING = 5.0


async def agents(url: str) -> None:
    """Come into the rooms that standard input names, leave the one before, say who was there."""
    before: AgentPeer | None = None
    while name := (await asyncio.to_thread(sys.stdin.readline)).strip():
        left = 0
        if before is not None:
            left = await still_there(before)
            await before.leave()
        before = await AgentPeer(url, name).come()
        print(left, flush=True)


async def still_there(agent: AgentPeer) -> int:
    """Who has not gone after some seconds: the server tells of it late."""
    began = time.monotonic()
    while agent.room.remote_participants and time.monotonic() - began < GOING:
        await asyncio.sleep(0.05)
    return len(agent.room.remote_participants)


async def measure(count: int) -> None:
    """Open and close, and print what is left every tenth of the time."""
    with running_server() as server:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, __file__, "--agents", server.url),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        if child.stdin is None or child.stdout is None:
            raise SystemExit("There are no pipes.")
        orders, answers = child.stdin, child.stdout
        present: list[int] = []

        async def bring(name: str) -> None:
            orders.write(f"{name}\n".encode())
            present.append(int(await answers.readline()))

        did = RoomsOfDid(server, bring)
        rows: list[tuple[object, ...]] = []
        seconds: list[float | None] = []
        for number in range(1, count + 1):
            seconds.append(await one(did))
            if number == 1 or number % max(1, count // 10) == 0:
                here = (threading.active_count(), count_of("task"), count_of("fd"))
                rows.append((number, sum(present), *here, memory(), median(seconds)))
        table(
            ("session", "present", "threads", "native", "descriptors", "RSS MB", "picture after s"),
            rows,
        )
        await did.close()
        orders.close()
        await child.wait()


async def one(did: RoomsOfDid) -> float:
    """A session; the seconds until its first picture."""
    playback = Playback(open_speaker=lambda _sink: SilentSpeaker())
    runner = Runner(did.client, "agt_1", playback, presenter="expressive")
    began = time.monotonic()
    await runner.open()
    async with asyncio.timeout(PATIENCE):
        while not playback.counters.pictures_decoded:
            await asyncio.sleep(0.005)
    took = time.monotonic() - began
    await runner.close()
    return took


def count_of(what: str) -> int:
    """How many threads ("task") or descriptors ("fd") this process has."""
    return len(list(Path(f"/proc/self/{what}").iterdir()))


def memory() -> float:
    """What it has in memory, in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--agents", help=argparse.SUPPRESS)
    options = parser.parse_args()
    asyncio.run(agents(options.agents) if options.agents else measure(options.count))
    settle()


if __name__ == "__main__":
    main()
