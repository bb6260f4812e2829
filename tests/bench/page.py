"""The picture in a browser, through ``did-tui serve``: frames a second, and CPU of each part.

    python tests/bench/page.py                   # a clip, then the demo, 1 minute
    python tests/bench/page.py --size 1920x1080 --picture page.png

Frames are those that were sent: no more than the terminal in the browser answers for. The page
repaints by itself as often as it can: no more than that is seen. Needs Chromium, textual-serve.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any, ClassVar

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import textual_serve.server
from aiohttp import web
from chromium import Chromium, Page, program
from clip import ensure
from tables import median, table
from textual_serve.app_service import AppService

from did_tui.serve import BoothServer
from did_tui.ui.base import RESTORE
from did_tui.ui.terminal import ASK

SETTLE = 1.5  # seconds after the first frame until everything is loaded
TICKS = os.sysconf("SC_CLK_TCK")

#: Counts how often the page could paint in so many milliseconds.
REPAINTS = """new Promise(done => {
  let count = 0;
  const begun = performance.now();
  const tick = now => {
    count += 1;
    if (now - begun < %d) requestAnimationFrame(tick);
    else done(count * 1000 / (now - begun));
  };
  requestAnimationFrame(tick);
})"""


class Meter(AppService):
    """Notes what is asked and answered on its way."""

    frames = sent = 0
    waits: ClassVar[list[float]] = []
    asked: ClassVar[deque[float]] = deque()

    @classmethod
    def begin(cls) -> None:
        """Forget what was before."""
        cls.frames = cls.sent = 0
        cls.waits.clear()

    async def on_data(self, payload: bytes) -> None:
        """To the browser."""
        Meter.sent += len(payload)
        Meter.frames += payload.count(RESTORE.encode())
        Meter.asked.extend([time.monotonic()] * payload.count(ASK.encode()))
        await super().on_data(payload)

    async def send_bytes(self, data: bytes) -> bool:
        """From the browser."""
        for _ in range(min(data.count(b"R"), len(Meter.asked))):
            Meter.waits.append(time.monotonic() - Meter.asked.popleft())
        return await super().send_bytes(data)


def status(pid: int) -> list[str]:
    """What ``/proc`` says of a process after its name, proc(5); nothing of one that is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rsplit(")", 1)[1].split()


def family() -> list[int]:
    """This process and all that come of it, by whichever thread."""
    listed = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    parents = {pid: int(known[1]) for pid in listed if (known := status(pid))}
    found = [os.getpid()]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def seconds_of(pid: int) -> tuple[str, float]:
    """Whose process this is, and the CPU that it has taken."""
    known = status(pid)
    if not known:
        return "", 0.0
    command = Path(f"/proc/{pid}/cmdline").read_bytes()
    who = "browser" if b"chromium" in command else "did-tui"
    who = "emulator" if b"emulator" in command else who
    who = "serve" if pid == os.getpid() else who
    return who, (int(known[11]) + int(known[12])) / TICKS


def processors() -> dict[str, float]:
    """CPU seconds that everybody has taken so far."""
    taken = dict.fromkeys(("did-tui", "emulator", "serve", "browser", ""), 0.0)
    for pid in family():
        who, seconds = seconds_of(pid)
        taken[who] += seconds
    return taken


async def measure(arguments: list[str], options: argparse.Namespace) -> list[Any]:
    """One row of the table."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = BoothServer(arguments, "127.0.0.1", port, "", 1)
    runner = web.AppRunner(await server._make_app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    Meter.asked.clear()
    try:
        async with Chromium() as browser:
            page = await browser.open(server.public_url, size=options.size)
            Meter.begin()
            async with asyncio.timeout(60):
                while not Meter.frames:
                    await asyncio.sleep(0.1)
            await asyncio.sleep(SETTLE)
            Meter.begin()
            before, begun = processors(), time.monotonic()
            repaints = await page.run(REPAINTS % (options.seconds * 1000), options.seconds + 60)
            took, after = time.monotonic() - begun, processors()
            frames, sent, waits = Meter.frames, Meter.sent, list(Meter.waits)
            await shoot(page, options.picture, arguments[0])
            await page.close()
    finally:
        await runner.cleanup()
    cpu = [(after[who] - before[who]) / took for who in ("did-tui", "emulator", "serve", "browser")]
    wait = median(waits)
    return [
        arguments[0],
        frames / took,
        repaints,
        wait and wait * 1000,
        sent / 1000 / frames if frames else None,
        *cpu,
    ]


async def shoot(page: Page, path: Path | None, name: str) -> None:
    """Keep what the page looks like, if that is wanted."""
    if path is not None:
        path.with_stem(f"{path.stem}-{name}").write_bytes(await page.screenshot())


def pixels(text: str) -> tuple[int, int]:
    """Read 1280x800."""
    width, height = text.split("x")
    return int(width), int(height)


async def main(options: argparse.Namespace) -> None:
    setattr(textual_serve.server, "AppService", Meter)  # noqa: B010 (it is not exported)
    with tempfile.TemporaryDirectory() as home:
        os.environ["DID_TUI_HOME"] = home
        clip = str(ensure())
        rows = [
            await measure(arguments, options)
            for arguments in (
                ["play", clip, "--no-audio"],
                ["demo", "Mira", "--audio", "none"],
            )
        ]
    table(
        "what,frames/s,repaints/s,answer ms,KB a frame,CPU did-tui,emulator,serve,browser".split(
            ","
        ),
        rows,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="the clip has ten")
    parser.add_argument("--size", type=pixels, default=(1280, 800), help="of the page, in pixels")
    parser.add_argument("--picture", type=Path, help="PNG of each page, at the end")
    arguments = parser.parse_args()
    if program() is None:
        parser.error("it needs Chromium")
    asyncio.run(main(arguments))
