"""How long connecting takes, step by step: at first, and on connections that are warm."""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
import sys
import time

from tables import median, table

from did_tui.api.client import Client
from did_tui.api.credentials import Credentials
from did_tui.live.events import STEPS
from did_tui.live.media.playback import Playback
from did_tui.live.media.speaker import SilentSpeaker
from did_tui.live.report import report
from did_tui.live.runner import Runner

KEY = "demo:emulator"


async def connect(client: Client, agent_id: str) -> dict[str, float | None]:
    """One conversation until its first picture; milliseconds of each step and of all."""
    playback = Playback(open_speaker=lambda _sink: SilentSpeaker())
    runner = Runner(client, agent_id, playback)
    began = time.monotonic()
    await runner.open()
    async with asyncio.timeout(20):
        while runner.conversation.steps["picture"].state != "done":
            await asyncio.sleep(0.002)
    taken = report(
        runner.conversation,
        playback.counters,
        agent_id=agent_id,
        frames_shown=None,
        bytes_to_terminal=None,
    )
    every: dict[str, float | None] = {step: taken["steps"][step]["ms"] for step in STEPS}
    every["connected"] = taken["connected_ms"]
    every["all"] = (time.monotonic() - began) * 1000
    began = time.monotonic()
    await runner.close()
    every["close"] = (time.monotonic() - began) * 1000
    return every


async def measure(url: str, times: int) -> None:
    client = Client(Credentials.parse(KEY), url, url.replace("http", "ws", 1))
    agents = [agent async for agent in client.agents()]
    agent_id = next(agent.id for agent in agents if agent.name == "Mira")
    await client.close()  # the first conversation makes its connections itself
    runs = [await connect(client, agent_id) for _ in range(times)]
    await client.close()
    head = ["ms", "first", "warm, median", "warm, worst"]
    rows = []
    for name in runs[0]:
        warm = [run[name] for run in runs[1:]]
        worst = max((value for value in warm if value is not None), default=None)
        rows.append([name, runs[0][name], median(warm), worst])
    table(head, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="another D-ID (default: an emulator of its own)")
    parser.add_argument("--times", type=int, default=12, help="conversations")
    options = parser.parse_args()
    if options.url:
        asyncio.run(measure(options.url, options.times))
        return
    command = [sys.executable, "-m", "did_tui", "emulator", "--port", "0", "--until-eof"]
    with subprocess.Popen(
        [*command, "--seed", "7"], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as emulator:
        assert emulator.stdin is not None
        assert emulator.stdout is not None
        found = re.search(r"http://\S+", emulator.stdout.readline())
        assert found is not None
        asyncio.run(measure(found[0], options.times))
        emulator.stdin.close()


if __name__ == "__main__":
    main()
