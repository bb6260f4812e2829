"""Signals that end the program: in order, as if somebody had asked it to."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from textual.app import App


def exit_on_signals(app: App[Any]) -> None:
    """Leave on SIGTERM, SIGHUP and SIGINT, with the exit code that shells expect."""
    if sys.platform == "win32":
        return
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        _exit_on(number, app)


def _exit_on(number: signal.Signals, app: App[Any]) -> None:
    leave = partial(app.exit, return_code=128 + number)
    asyncio.get_running_loop().add_signal_handler(number, leave)


@contextmanager
def interrupts_ignored(app: App[Any]) -> Iterator[None]:
    """Leave control+C to another program that has the terminal: the terminal sends it to both."""
    if sys.platform == "win32":
        yield
        return
    # No SIG_IGN: the other program would inherit it.
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, lambda: None)
    try:
        yield
    finally:
        _exit_on(signal.SIGINT, app)
