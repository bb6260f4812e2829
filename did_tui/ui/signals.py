"""Signals that end the program: in order, as if somebody had asked it to."""

from __future__ import annotations

import asyncio
import signal
import sys
from functools import partial
from typing import Any

from textual.app import App


def exit_on_signals(app: App[Any]) -> None:
    """Leave on SIGTERM, SIGHUP and SIGINT, with the exit code that shells expect."""
    if sys.platform == "win32":
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        loop.add_signal_handler(number, partial(app.exit, return_code=128 + number))
