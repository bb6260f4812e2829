"""What is open at D-ID, kept on disk, so that it can be closed whatever becomes of this program.

One small file a stream, written before the stream is asked for, completed as soon as its ids are
known and erased when D-ID has confirmed the DELETE. What a program left that no longer runs is
closed by the next one (``sweep``). A file says whose it is: a process's id, when that began, and on
which machine or in which container, so that of two programs neither closes what the other talks on.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from did_tui.api.client import Client
from did_tui.api.errors import DidError, NotFound, SessionLost
from did_tui.api.models import Stream
from did_tui.files import write_private

FORGOTTEN_SECONDS = 24 * 3600.0
"""After which D-ID has long ended a stream by itself, and its file goes unread."""
UNNAMED_SECONDS = 180.0
"""After which D-ID has ended a stream that nobody uses: two minutes, and a little more."""
LARGEST_FILE = 64 * 1024  # bytes; a session id has some 300
SWEEP_SECONDS = 10.0
LATEST = 1e11  # seconds since the epoch, beyond which there are no dates


@dataclass(frozen=True, slots=True)
class Entry:
    """One stream: where, whose, since when (seconds since the epoch); no ids until it has some.

    ``account`` tells keys apart and does not give them away. ``place`` is where the process id is
    known. ``unnamed`` is a stream that may be open although its ids never came.
    """

    api_url: str
    account: str
    agent_id: str
    opened: float
    pid: int
    began: str
    stream_id: str = ""
    session_id: str = ""
    place: str = ""
    unnamed: bool = False


class Swept(NamedTuple):
    """What a sweep did: a sentence, empty where there was nothing to do, and how many it closed."""

    said: str
    closed: int


UNNAMED = (
    "A stream from {when} may be open whose name never came here:"
    " D-ID ends it by itself after two minutes."
)


class Journal:
    """The files in one directory. A disk that cannot be written costs the sweep, nothing else."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def begin(self, client: Client, agent_id: str) -> Page:
        """Write down that a stream is about to be opened."""
        pid = os.getpid()
        entry = Entry(
            client.api_url,
            account_of(client),
            agent_id,
            time.time(),
            pid,
            beginning_of(pid),
            place=place(),
        )
        page = Page(self.directory / f"{pid}-{secrets.token_hex(8)}.json", entry)
        page.write()
        return page

    def pages(self) -> Iterator[Page]:
        """Every file that can be read."""
        try:
            paths = sorted(self.directory.glob("*.json"))
        except OSError:
            return
        for path in paths:
            entry = _read(path)
            if entry is not None:
                yield Page(path, entry)

    def left_behind(self, client: Client, now: float) -> list[Page]:
        """The pages of this account whose programs are gone; what is too old is erased."""
        found = []
        for page in self.pages():
            entry = page.entry
            if abs(now - entry.opened) > FORGOTTEN_SECONDS:
                page.erase()
            elif entry.place != place():
                continue  # whether it still runs cannot be seen from here
            elif not is_alive(entry.pid, entry.began):
                if not entry.stream_id:
                    page.lose()  # no ids ever came: there is nothing to close it by
                elif page.is_of(client):
                    found.append(page)
        return found

    def unnamed(self, client: Client, now: float) -> list[Page]:
        """The pages of this account's streams that only D-ID can end, which it has by then."""
        found = []
        for page in self.pages():
            if page.entry.unnamed and page.is_of(client):
                if abs(now - page.entry.opened) > UNNAMED_SECONDS:
                    page.erase()
                else:
                    found.append(page)
        return found


@dataclass(slots=True)
class Page:
    """One entry and its file."""

    path: Path
    entry: Entry

    def complete(self, stream: Stream) -> None:
        """The stream's ids are known."""
        self.entry = replace(self.entry, stream_id=stream.id, session_id=stream.session_id)
        self.write()

    def lose(self) -> None:
        """The stream may be open, and its ids are not to be had."""
        self.entry = replace(self.entry, unnamed=True)
        self.write()

    def is_of(self, client: Client) -> bool:
        """Whether the stream is of this client's account."""
        of = self.entry.api_url, self.entry.account
        return of == (client.api_url, account_of(client))

    def write(self) -> None:
        """Replace the file in one go; only this user can read it."""
        try:
            write_private(self.path, json.dumps(asdict(self.entry)))
        except OSError:
            return  # a full or read-only disk must not keep anybody from talking

    def erase(self) -> None:
        """There is nothing left to close."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError:
            return  # the next sweep finds it again and D-ID says that it is gone


async def sweep(client: Client, journal: Journal) -> Swept:
    """Close what programs that are gone have left open, and say what cannot be closed."""
    now = time.time()
    left = journal.left_behind(client, now)
    unnamed = [_when(page.entry.opened) for page in journal.unnamed(client, now)]
    nameless = UNNAMED.format(when=min(unnamed)) if unnamed else ""
    if not left:
        return Swept(nameless, 0)
    closed = await asyncio.gather(*(_close(client, page) for page in left))
    when = _when(min(page.entry.opened for page in left))
    count = len(left)
    what = "1 stream looks" if count == 1 else f"{count} streams look"
    failed = closed.count(False)
    them = "it" if failed == 1 else "them"
    done = f"{failed} could not be closed, D-ID ends {them} by itself" if failed else "closed"
    said = f"{what} like ours from {when}: {done}. {nameless}"
    return Swept(said.strip(), count - failed)


def _when(opened: float) -> str:
    since = datetime.fromtimestamp(opened)
    return since.strftime("%H:%M" if since.date() == datetime.now().date() else "%Y-%m-%d %H:%M")


async def _close(client: Client, page: Page) -> bool:
    stream = Stream(id=page.entry.stream_id, session_id=page.entry.session_id)
    try:
        async with asyncio.timeout(SWEEP_SECONDS):
            await client.delete_stream(page.entry.agent_id, stream)
    except (NotFound, SessionLost):
        pass  # it is gone already
    except (DidError, TimeoutError):
        return False
    page.erase()
    return True


def account_of(client: Client) -> str:
    """What tells one key from another."""
    return hashlib.sha256(client.credentials.secret.encode()).hexdigest()[:12]


def is_alive(pid: int, began: str) -> bool:
    """Whether the process that this was is still running; one of the same id is another."""
    if pid == os.getpid():
        return began == beginning_of(pid)
    if sys.platform == "win32":
        return True  # os.kill would end it; its page goes when it has become old
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's, alive
    except (OSError, OverflowError):
        return False
    return not began or beginning_of(pid) == began


def beginning_of(pid: int) -> str:
    """When a process began, as its system counts; empty where that is not told."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()  # what comes before may hold anything
    return f"{boot} {fields[19]}" if len(fields) > 19 else ""


@functools.cache
def place() -> str:
    """Which machine since it was booted, and which container: where a process id is one process."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def _read(path: Path) -> Entry | None:
    try:
        with path.open(encoding="utf-8") as file:
            fields = json.loads(file.read(LARGEST_FILE))
        entry = Entry(**fields)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    texts = (entry.api_url, entry.account, entry.agent_id, entry.began, entry.place)
    ids = (entry.stream_id, entry.session_id)
    sound = all(isinstance(text, str) for text in (*texts, *ids))
    numbers = type(entry.pid) is int and type(entry.opened) in (int, float)
    plausible = numbers and entry.pid > 0 and 0 <= entry.opened < LATEST
    return entry if sound and plausible else None
