"""The commands beside the app: conversations line by line, at a booth and in a browser.

As in ``did_tui/__main__.py``, each imports what it needs when it runs.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from did_tui import pauses

if TYPE_CHECKING:
    from did_tui.api.client import Client
    from did_tui.config import Settings
    from did_tui.demo import Emulator

    OpenClient = Callable[[], Awaitable[Client]]

PIN = "DID_TUI_KIOSK_PIN"
DAY = 24 * 60  # minutes
USAGE_ERROR = 2


def opener(client: Client) -> OpenClient:
    """What gives this client."""

    async def open_client() -> Client:
        return client

    return open_client


def emulated(
    settings: Settings, emulator: Emulator, notify: Callable[[str], None] = lambda _sentence: None
) -> tuple[Settings, OpenClient]:
    """The same settings for the emulator, and what gives a client as soon as that answers."""
    settings = settings.elsewhere("", "", "")
    found = ""

    async def open_client() -> Client:
        nonlocal found
        if not found:
            found = await emulator.url()
            if emulator.voice.startswith("babble"):
                notify(f"The agents' voice is {emulator.voice}.")
        return settings.elsewhere(found, found.replace("http", "ws", 1), "demo:emulator").client()

    return settings, open_client


# Line by line


def add_plain(parser: argparse.ArgumentParser) -> None:
    """Add what makes a conversation one of lines."""
    parser.add_argument(
        "--plain",
        action="store_true",
        help="line by line, for screen readers and pipes: standard output is answers, standard"
        " error is talk; by itself where TERM is dumb or standard output is no terminal",
    )
    parser.add_argument("--stream", action="store_true", help="--plain, answers while they come")
    parser.add_argument("--json", action="store_true", help="--plain, each answer a line of JSON")


def is_plain(options: argparse.Namespace) -> bool:
    """Whether a conversation is held line by line; says why where nobody asked for it."""
    if options.plain or options.stream or options.json:
        return True
    if os.environ.get("DID_TUI_PLAIN", "").lower() not in ("", "0", "no"):
        why = "DID_TUI_PLAIN is set"
    elif os.environ.get("TERM") == "dumb":
        why = "TERM is dumb"
    elif in_browser():
        return False
    elif not (sys.stdout.isatty() and sys.stdin.isatty()):
        why = f"standard {'input' if sys.stdout.isatty() else 'output'} is no terminal"
    else:
        return False
    print(f"did-tui: Line by line, because {why}.", file=sys.stderr)
    return True


def in_browser() -> bool:
    """Whether a browser shows this, by ``did-tui serve``."""
    return bool(os.environ.get("TEXTUAL_DRIVER"))


def converse(settings: Settings, open_client: OpenClient, options: argparse.Namespace) -> int:
    """Hold a conversation line by line; the exit code."""
    from did_tui import plain
    from did_tui.config import state_directory

    wish = plain.Wish(
        options.agent,
        say=options.say,
        stream=options.stream and not options.json,
        as_json=options.json,
        once=options.once,
        report=options.report,
        record=options.record,
        state=state_directory(),
    )
    return plain.converse(settings, open_client, wish)


# At a booth


def add_kiosk(parser: argparse.ArgumentParser) -> None:
    """Add what a booth's owner decides."""
    parser.add_argument("agent", nargs="?", default="", metavar="AGENT", help="its id, or its name")
    parser.add_argument("--demo", action="store_true", help="on the emulator, without an account")
    parser.add_argument(
        "--pin",
        metavar="N",
        default="",
        help=f"what lets one leave after control+Q; better in {PIN}, which no process list shows",
    )
    parser.add_argument(
        "--idle",
        type=_seconds,
        default=60.0,
        metavar="S",
        help="seconds without a key after which the stream is closed (default: %(default).0f)",
    )
    parser.add_argument(
        "--visit-minutes",
        type=_minutes,
        default=15.0,
        metavar="N",
        help="how long one visit may be (default: %(default).0f)",
    )
    parser.add_argument(
        "--max-minutes",
        type=_minutes,
        metavar="N",
        help="how long streams may be open on one day, all visits together",
    )
    parser.add_argument(
        "--starter",
        action="append",
        default=[],
        metavar="TEXT",
        help="offer this question instead of the agent's own; up to nine",
    )


def _seconds(text: str) -> float:
    return _between(text, 5, 3600)


def _minutes(text: str) -> float:
    return _between(text, 0.1, DAY)


def _between(text: str, least: float, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from {least:g} to {most:g}")
    return number


def kiosk(settings: Settings, options: argparse.Namespace, emulator: Sequence[str]) -> int:
    """Run a booth, again and again; the exit code. ``emulator`` are that one's options."""
    from did_tui.supervisor import KEEPER

    if not options.agent and not options.demo:
        print("did-tui: Say whom it shows: did-tui kiosk AGENT, or --demo.", file=sys.stderr)
        return USAGE_ERROR
    keeper = os.environ.pop(KEEPER, "")
    if not keeper and not in_browser() and sys.platform != "win32":
        return _supervised(options.arguments)
    return _booth(settings, options, emulator, int(keeper) if keeper.isdecimal() else None)


def _supervised(arguments: Sequence[str]) -> int:
    from did_tui.config import log_directory
    from did_tui.supervisor import Supervisor
    from did_tui.ui.runlog import RunLog

    log = RunLog(log_directory())
    command = [sys.executable, "-m", "did_tui", *arguments]
    return Supervisor(command, os.environ, lambda code: log.write("restart", exit_code=code)).run()


def _booth(
    settings: Settings, options: argparse.Namespace, arguments: Sequence[str], keeper: int | None
) -> int:
    import asyncio

    from did_tui.config import log_directory, state_directory

    with pauses.importing():
        from did_tui.ui.booth import Rules
        from did_tui.ui.kiosk import KioskApp, run

    rules = Rules(
        idle=options.idle,
        longest=options.visit_minutes * 60,
        day=None if options.max_minutes is None else options.max_minutes * 60,
        starters=tuple(options.starter),
        pin=options.pin or os.environ.get(PIN, ""),
    )
    state = state_directory()
    with ExitStack() as stack:
        if options.demo:
            from did_tui.demo import Emulator

            emulator = stack.enter_context(Emulator(arguments, log_directory() / "emulator.log"))
            settings, open_client = emulated(settings, emulator)
            state = state / "demo"
        else:
            open_client = opener(settings.client())
        app = KioskApp(
            settings,
            open_client,
            options.agent,
            rules,
            state=state,
            logs=log_directory(),
            keeper=keeper,
        )
        return asyncio.run(run(app))


# In a browser


def add_serve(parser: argparse.ArgumentParser) -> None:
    """Add where it is served, and what."""
    parser.add_argument("--host", default="127.0.0.1", help="address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="default: %(default)s")
    parser.add_argument(
        "--public-url",
        default="",
        metavar="URL",
        help="what browsers open where a reverse proxy stands before this",
    )
    parser.add_argument(
        "--sessions",
        type=int,
        default=4,
        metavar="N",
        help="browsers at a time, each with a stream of its own (default: %(default)s)",
    )
    parser.add_argument(
        "served",
        nargs=argparse.REMAINDER,
        metavar="COMMAND",
        help="what they see: kiosk AGENT, chat AGENT, demo, with its options",
    )


def serve(options: argparse.Namespace) -> int:
    """Serve a command to browsers; the exit code."""
    from importlib.util import find_spec

    served = [word for word in options.served if word != "--"]
    if not served or served[0] not in ("kiosk", "chat", "demo"):
        print("did-tui: Say what: did-tui serve kiosk AGENT, or chat, or demo.", file=sys.stderr)
        return USAGE_ERROR
    if find_spec("textual_serve") is None:
        print(
            "did-tui: Serving needs textual-serve: install did-tui with its extra,"
            " python3 -m pip install 'did-tui[serve]'.",
            file=sys.stderr,
        )
        return USAGE_ERROR
    from did_tui.serve import BoothServer

    BoothServer(served, options.host, options.port, options.public_url, options.sessions).serve()
    return 0
