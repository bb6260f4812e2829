"""How long connecting takes: did-tui beside D-ID's own web SDK in Chromium, on one emulator.

    python tests/bench/connecting.py                 # 20 conversations each, 1 minute
    python tests/bench/connecting.py --runs 50 --sdk 1.2.10
    python tests/bench/connecting.py --agent Iris    # who is in a room

Both ask for the agent, make a chat and a stream, answer its offer and wait until the data channel
is open; the first frame counts when it is decoded and due to be drawn. The conversations take
turns. The first of each is left out: it opens the HTTP connection. Needs Chromium and npm.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chromium import Chromium, program
from conftest import KEY
from tables import median, percentile, ratio, table
from websdk import Talk, Unavailable, download, served

from did_tui.api.client import Client
from did_tui.api.credentials import Credentials
from did_tui.api.models import Agent
from did_tui.live.media.playback import Playback
from did_tui.live.media.speaker import SilentSpeaker
from did_tui.live.runner import Runner

SECONDS = 60.0  # for one conversation
REST = 0.2  # seconds between two
BASIC = {"type": "basic", "username": "demo", "password": "emulator"}

Times = tuple[float, float]
"""Milliseconds until connected, and until the first frame."""


@contextmanager
def emulator() -> Iterator[str]:
    """The address of an emulator in a process of its own."""
    command = [sys.executable, "-m", "did_tui", "emulator", "--port", "0", "--until-eof"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    line = process.stdout.readline().decode()
    try:
        yield next(word for word in line.split() if word.startswith("http://"))
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(10)


async def with_did_tui(client: Client, agent: Agent) -> Times:
    """One conversation of the program's own live room."""
    first_frame: list[float] = []
    playback = Playback(
        open_speaker=lambda _sink: SilentSpeaker(),
        on_picture=lambda: first_frame.append(time.monotonic()),
    )
    runner = Runner(client, agent.id, playback, presenter=agent.presenter.type)
    begun = time.monotonic()
    connected = 0.0
    async with asyncio.timeout(SECONDS):
        opening = asyncio.create_task(runner.open())
        while not connected or not first_frame:
            if not connected and runner.conversation.phase == "connected":
                connected = time.monotonic()
            assert not runner.conversation.over, runner.conversation.trouble
            await asyncio.sleep(0.002)
        await opening
    await runner.close()
    return (connected - begun) * 1000, (first_frame[0] - begun) * 1000


async def with_sdk(talk: Talk, agent_id: str, url: str) -> Times:
    """One conversation of D-ID's SDK."""
    options = {"fluent": True, "compatibilityMode": "on"}
    timed = await talk("timed", agent_id, url, BASIC, options)
    await talk("disconnect")
    return timed["connected"], timed["frame"]


async def measure(url: str, page: str, runs: int, name: str) -> dict[str, list[Times]]:
    """The times of each program, the first run left out."""
    client = Client(Credentials.parse(KEY), url, url.replace("http", "ws", 1))
    agent = await client.find_agent(name)
    ours, theirs = [], []
    async with Chromium() as browser:
        talk = await Talk.open(browser, page)
        for _ in range(runs + 1):
            ours.append(await with_did_tui(client, agent))
            await asyncio.sleep(REST)
            theirs.append(await with_sdk(talk, agent.id, url))
            await asyncio.sleep(REST)
        await talk.page.close()
    await client.close()
    return {"did-tui": ours[1:], "D-ID's SDK": theirs[1:]}


def show(times: dict[str, list[Times]]) -> None:
    """Print the table, and how the medians compare."""
    rows = []
    for name, runs in times.items():
        row: list[object] = [name, len(runs)]
        for what in (0, 1):
            values = [run[what] for run in runs]
            row += [percentile(values, 50), percentile(values, 90)]
        rows.append(row)
    ours, theirs = times.values()
    medians = [
        ratio(median(run[what] for run in ours), median(run[what] for run in theirs))
        for what in (0, 1)
    ]
    rows.append(["ratio of the medians", "", medians[0], None, medians[1], None])
    table(["", "runs", "connected ms", "p90", "first frame ms", "p90"], rows)


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=20, help="conversations each (%(default)s)")
    parser.add_argument("--agent", default="Mira", help="who is met (%(default)s)")
    parser.add_argument("--sdk", default="2.0.10", help="the SDK's version (%(default)s)")
    options = parser.parse_args()
    if program() is None:
        print("Chromium is not installed.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        try:
            dist = download(options.sdk, Path(folder))
        except Unavailable as error:
            print(f"D-ID's SDK is not to be had: {error}.", file=sys.stderr)
            return 1
        with emulator() as url, served(dist) as page:
            show(asyncio.run(measure(url, page, options.runs, options.agent)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
