"""What sessions of an expressive agent leave behind in the emulator: one after the other, counted.

    python tests/bench/emulatorrooms.py              # 100 sessions, 2 minutes
    python tests/bench/emulatorrooms.py --sessions 10

Each is opened, joined with LiveKit's own SDK until its first frame, and left. Linux only: what the
emulator holds is counted in /proc. The first rows grow, as pools do; the later ones should not.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import httpx
from conftest import KEY, running_emulator
from livekituser import FAREWELL, User
from tables import table

ROWS = 10


async def session(http: httpx.AsyncClient, agent: str) -> None:
    """Open one, see the agent, leave."""
    made = await http.post(f"/v2/agents/{agent}/sessions", json={})
    made.raise_for_status()
    user = await User().join(made.json())
    await user.frames(1)
    await user.leave()


async def rooms(http: httpx.AsyncClient) -> int:
    """How many rooms are open when those that were left have had their time."""
    await asyncio.sleep(2.5)
    return len((await http.get("/__control/state")).json()["rooms"])


async def measure(url: str, pid: int, count: int) -> None:
    """Print what the emulator holds after every tenth of the sessions."""
    process = Path("/proc") / str(pid)
    rows = []
    async with httpx.AsyncClient(
        base_url=url, headers={"Authorization": f"Basic {KEY}"}, timeout=60
    ) as http:
        agents = (await http.get("/agents/me")).json()["agents"]
        agent = next(each["id"] for each in agents if each["presenter"]["type"] == "expressive")
        for number in range(1, count + 1):
            await session(http, agent)
            if number % max(count // ROWS, 1) == 0:
                left = await rooms(http)
                status = dict(
                    line.split(":\t") for line in (process / "status").read_text().splitlines()
                )
                fds = len(list((process / "fd").iterdir()))
                memory = int(status["VmRSS"].split()[0]) / 1024
                rows.append((number, left, fds, int(status["Threads"]), memory))
    table(("sessions", "rooms", "descriptors", "threads", "MB"), rows)
    await asyncio.sleep(FAREWELL)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sessions", type=int, default=100, metavar="N")
    options = parser.parse_args()
    with running_emulator() as emulator:
        asyncio.run(measure(emulator.url, emulator.process.pid, options.sessions))
    sys.stdout.flush()
    os._exit(0)  # LiveKit's SDK may abort a process that ends in the usual way


if __name__ == "__main__":
    main()
