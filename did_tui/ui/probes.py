"""What ``did-tui doctor`` does to find out: the terminal, the sound and the network are asked.

Nothing here judges: ``did_tui/ui/checks.py`` does.
"""

from __future__ import annotations

import asyncio
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from did_tui.api.client import Client
from did_tui.api.errors import DidError
from did_tui.live.ice import Server, all_of
from did_tui.live.reach import relayed_by, seen_as
from did_tui.ui.checks import Knocked, Speed, Tmux
from did_tui.ui.terminal import ASK

PATIENCE = 1.0  # seconds that an answer of the terminal is waited for
SHOWING = 0.6  # seconds of pictures
SIGNS = "▀▄▌●◐○✗✓▸▲…–│╭█░⣿🬞𜴀"
LONGEST_ANSWER = 4096
DNS_SECONDS = 5.0

_ANSWER = re.compile(rb"\x1b\[(\d+);(\d+)R")


class Line:
    """A terminal that is asked where its cursor is; ``use`` it before."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reads, self._writes = reads, writes
        self._rest = b""

    @contextmanager
    def use(self) -> Iterator[Line]:
        """Read single bytes, and show none of them; as it was afterwards."""
        import termios
        import tty

        before = termios.tcgetattr(self._reads)
        try:
            tty.setcbreak(self._reads, termios.TCSANOW)
            yield self
        finally:
            termios.tcsetattr(self._reads, termios.TCSAFLUSH, before)

    def send(self, text: str) -> int:
        """Write all of it; how many bytes that were."""
        data = memoryview(text.encode())
        sent = len(data)
        while data:
            data = data[os.write(self._writes, data) :]
        return sent

    def where(self) -> tuple[int, int] | None:
        """Row and column of the cursor, from 1; None where the terminal does not say."""
        self.send(ASK)
        end = time.monotonic() + PATIENCE
        while (left := end - time.monotonic()) > 0:
            if not select.select([self._reads], [], [], left)[0]:
                break
            data = os.read(self._reads, LONGEST_ANSWER)
            if not data:
                break
            self._rest = (self._rest + data)[-LONGEST_ANSWER:]
            found = _ANSWER.search(self._rest)
            if found:
                self._rest = self._rest[found.end() :]
                return int(found[1]), int(found[2])
        return None

    def widths(self, signs: str = SIGNS) -> dict[str, int] | None:
        """How many cells each sign takes; None where the terminal does not say."""
        found: dict[str, int] = {}
        for sign in signs:
            self.send(f"\r{sign}")
            place = self.where()
            if place is None:
                found.clear()
                break
            found[sign] = place[1] - 1
        self.send("\r\x1b[2K")
        return found or None

    def speed(self, pictures: Sequence[str], cells: int) -> Speed | None:
        """Show pictures for a moment, on the screen beside; None where it does not answer."""
        begun = time.perf_counter()
        if self.where() is None:
            return None
        round_trip = time.perf_counter() - begun
        sent = frames = 0
        self.send("\x1b[?1049h\x1b[?25l")
        begun = time.perf_counter()
        try:
            while (took := time.perf_counter() - begun) < SHOWING:
                sent += self.send(f"\x1b[H{pictures[frames % len(pictures)]}\x1b[0m")
                frames += 1
                if self.where() is None:
                    return None
                took = time.perf_counter() - begun
        finally:
            self.send("\x1b[?25h\x1b[?1049l")
        return Speed(sent, frames, max(1e-6, took - frames * round_trip / 2), round_trip, cells)


def tmux(env: Mapping[str, str] = os.environ) -> Tmux | None:
    """What tmux says of itself; None outside of it."""
    if not env.get("TMUX"):
        return None

    def said(*words: str) -> str:
        try:
            done = subprocess.run(  # noqa: S603 (fixed words)
                ("tmux", *words),  # noqa: S607
                capture_output=True,
                text=True,
                errors="replace",
                timeout=PATIENCE,
                check=False,
                env=dict(env),
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout.strip()

    number = re.search(r"(\d+)\.(\d+)", said("-V"))
    features = said("display-message", "-p", "#{client_termfeatures} #{client_termtype}")
    options = said("show-options", "-sv", "terminal-features") + said(
        "show-options", "-sv", "terminal-overrides"
    )
    return Tmux(
        version=(int(number[1]), int(number[2])) if number else (0, 0),
        rgb="rgb" in features.lower() or "RGB" in options or "Tc" in options,
        clipboard=said("show-options", "-sv", "set-clipboard"),
    )


def proxy_of(url: str, env: Mapping[str, str] = os.environ) -> str:
    """The proxy that an address is asked through, its host alone; empty for none."""
    from urllib.request import proxy_bypass

    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return ""
    for name in (f"{parts.scheme}_proxy", "all_proxy"):
        given = env.get(name) or env.get(name.upper())
        if given:
            return urlsplit(given).netloc.rpartition("@")[2] or "of the environment"
    return ""


async def addresses(url: str) -> tuple[int | None, str]:
    """How many addresses a host has, and why none."""
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(DNS_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(parts.hostname or "", None)
    except TimeoutError:
        return 0, "the DNS does not answer"
    except (OSError, UnicodeError) as error:
        return 0, str(getattr(error, "strerror", "") or error)
    return len({entry[4][0] for entry in found}), ""


async def knocked(client: Client, url: str) -> Knocked:
    """What becomes of asking an address for anything."""
    host = urlsplit(url).netloc.rpartition("@")[2]
    proxy = "" if sys.platform == "win32" else proxy_of(url)
    try:
        found = await client.knock(url)
    except DidError as error:
        return Knocked(host, trouble=str(error), proxy=proxy)
    return Knocked(host, found.seconds, found.status, found.tls, found.issuer, proxy=proxy)


async def stun(server: Server) -> tuple[float, str, bool]:
    """Seconds until a STUN server has answered, why it has not, and whether it sees another us."""
    begun = time.perf_counter()
    try:
        seen = await seen_as(server)
    except OSError as error:
        return 0.0, _why(error), False
    return time.perf_counter() - begun, "", not await asyncio.to_thread(_is_ours, seen[0])


def _is_ours(address: str) -> bool:
    """Whether an address is one of this machine's: then it can be listened on."""
    import socket

    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as own:
            own.bind((address, 0))
    except OSError:
        return False
    return True


async def try_servers(client: Client, agent_id: str) -> list[tuple[str, str]]:
    """Open a stream for a moment, and ask every server that it names; raises ``DidError``.

    Each server in words, and why it does not work, or nothing.
    """
    stream = await client.create_stream(agent_id, {"compatibility_mode": "on"})
    try:
        servers = list(all_of(stream.ice_servers))
    finally:
        await client.delete_stream(agent_id, stream)
    return list(await asyncio.gather(*(_tried(server) for server in servers)))


async def _tried(server: Server) -> tuple[str, str]:
    name = f"{server.scheme} {server.host}:{server.port} {server.transport}"
    try:
        if server.scheme.startswith("turn"):
            await relayed_by(server)
        else:
            await seen_as(server)
    except OSError as error:
        return name, _why(error)
    return name, ""


def _why(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    return error.strerror or str(error) or type(error).__name__
