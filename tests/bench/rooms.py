"""Rooms of expressive agents: what they leave behind, and how a call in one is.

    DID_TUI_LIVEKIT_SERVER=… python tests/bench/rooms.py --count 100
    python tests/bench/rooms.py --call                                  # 5 minutes

Sessions are opened and closed one after the other; the server and the agents are processes of
their own. Each session lasts until its first picture. *present* counts who is still in the rooms
that were left; it should be 0, threads and descriptors should stay what they are.

A call is held with the emulator's own room server, its sound and lips on a good line and on one
that loses and delays packets (``sound.py``), its CPU beside that of the same face on a stream, with
the whole app in a terminal of 120x40 cells.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import httpx
from conftest import KEY, RunningEmulator, running_emulator
from nullsink import NullSink, available
from program import DID_TUI, Program
from roomserver import AgentPeer, RoomsOfDid, running_server
from sound import CASES, HEAD, Outcome, row, view
from tables import median, table

from did_tui.live.media.playback import Playback
from did_tui.live.media.speaker import SilentSpeaker
from did_tui.live.roomsdk import settle
from did_tui.live.runner import Runner

PATIENCE = 30.0
GOING = 5.0
CELLS = (120, 40)
GREETED = 14.0  # seconds after which an agent has said hello
LIPS = 0.030  # seconds that sound and picture may be apart
DEARER = 0.03  # of a core that a call in a room may take more than one on a stream
IN_ROOM, IN_STREAM = "Iris", "Mira"


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


# A call


def measure_call(seconds: float, rounds: int) -> None:
    """Hold calls, and print how they were."""
    outcomes = [view("room", CASES[name], seconds) for name in ("clean", "loss-5")]
    table(HEAD, [row(outcome) for outcome in outcomes])
    rows = [line for outcome in outcomes for line in heard_and_seen(outcome)]
    with running_emulator() as emulator, NullSink() as pulse:
        have_one_face(emulator)
        took: dict[str, list[float | None]] = {IN_ROOM: [], IN_STREAM: []}
        for _ in range(rounds):
            for name, found in took.items():
                found.append(cpu_of_call(name, emulator, pulse, seconds))
    room, stream = median(took[IN_ROOM]), median(took[IN_STREAM])
    if room is not None and stream is not None:
        table(
            ("CPU, % of a core", "median", "each"),
            [
                (where, cpu * 100, " ".join(f"{one:.1%}" for one in took[name] if one is not None))
                for where, name, cpu in (("room", IN_ROOM, room), ("stream", IN_STREAM, stream))
            ],
        )
        kept = "yes" if room - stream <= DEARER else "NO"
        rows.append(["room beside stream, % of a core", (room - stream) * 100, "≤ 3", kept])
    table(("target", "is", "must be", "kept"), rows)


def heard_and_seen(outcome: Outcome) -> list[list[object]]:
    """What must hold on a line."""
    title, report = outcome.case.title, outcome.report
    heard, offset = report.heard, report.offset()
    return [
        [f"{title}: sound, %", f"{heard:.2%}", "100.00%", "yes" if heard > 0.99995 else "NO"],
        [
            f"{title}: lips, ms",
            f"{offset * 1000:+.0f}",
            "±30",
            "yes" if abs(offset) <= LIPS else "NO",
        ],
    ]


def have_one_face(emulator: RunningEmulator) -> None:
    """Give the agent in the stream the face of the one in the room: it costs as much to draw."""
    with httpx.Client(base_url=emulator.url, headers={"Authorization": f"Basic {KEY}"}) as http:
        agents = http.get("/agents/me").json()["agents"]
        agent = next(each for each in agents if each["preview_name"] == IN_STREAM)
        presenter = agent["presenter"] | {"presenter_id": "v2_public_iris@emulator"}
        http.patch(f"/agents/{agent['id']}", json={"presenter": presenter}).raise_for_status()


def cpu_of_call(name: str, emulator: RunningEmulator, pulse: NullSink, seconds: float) -> float:
    """What the app takes of a core while it listens to an agent who has said hello."""
    command = [*DID_TUI, "chat", name, "--audio", "pulse"]
    with tempfile.TemporaryDirectory() as home:
        env = emulator.env | pulse.env() | {"DID_TUI_HOME": home}
        with Program(command, *CELLS, env=env) as program:
            spent: list[float] = []
            written = 0
            for lasting in (GREETED, seconds):
                until, written = time.monotonic() + lasting, 0
                while (left := until - time.monotonic()) > 0:
                    data = program.read(left)
                    if data is None:
                        raise SystemExit(f"did-tui has ended with {program.code}.")
                    written += len(data)
                spent.append(program.cpu() or 0.0)
    if written < 1000 * seconds:
        raise SystemExit(f"{name} does not move: {written} bytes in {seconds:.0f} s.")
    return (spent[1] - spent[0]) / seconds


def count_of(what: str) -> int:
    """How many threads ("task") or descriptors ("fd") this process has."""
    return len(list(Path(f"/proc/self/{what}").iterdir()))


def memory() -> float:
    """What it has in memory, in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Read the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100, help="sessions, one after the other")
    parser.add_argument("--call", action="store_true", help="instead: how a call is")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each call that count")
    parser.add_argument("--rounds", type=int, default=3, help="of calls whose CPU is compared")
    parser.add_argument("--agents", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.call:
        if not available():
            sys.exit("This needs PulseAudio: apt install pulseaudio pulseaudio-utils")
        measure_call(options.seconds, options.rounds)
        return
    asyncio.run(agents(options.agents) if options.agents else measure(options.count))
    settle()


if __name__ == "__main__":
    main()
