"""A list of many agents: how long a letter of the filter takes, and what a row weighs."""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import time
import tracemalloc
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from scripted import ScriptedApp
from tables import percentile, table
from textual.widgets import Input
from world import pages_of

from did_tui import pauses
from did_tui.ui.screens.browser import Browser

PAGE = 100
TEXT = "agent 98 clip"
BETWEEN = 0.1  # seconds between two letters of somebody who types fast


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=10_000)
    options = parser.parse_args()
    app = ScriptedApp(pages_of(options.agents, PAGE))
    begun = time.perf_counter()
    async with app.run_test(size=(200, 50)) as pilot:
        screen = app.screen
        assert isinstance(screen, Browser)
        while not screen.rows.all:
            await asyncio.sleep(0.005)
        usable = time.perf_counter() - begun
        tracemalloc.start()
        gc.collect()
        before, rows_before = tracemalloc.get_traced_memory()[0], len(screen.rows.all)
        screen.order(0, False)
        while screen._more is not None:
            await asyncio.sleep(0.01)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
        each = grown / max(1, len(screen.rows.all) - rows_before)
        tracemalloc.stop()
        await pilot.press("slash")
        letters = []
        field = screen.query_one(Input)
        for end in range(1, len(TEXT) + 1):
            await asyncio.sleep(BETWEEN)
            begun = time.perf_counter()
            field.value = TEXT[:end]
            while screen.rows.filter != TEXT[:end]:
                await asyncio.sleep(0)
            painted = app.paints
            while app.paints == painted:
                await asyncio.sleep(0)
            letters.append((time.perf_counter() - begun) * 1000)
        shown = len(screen.rows.shown)
    table(
        (
            "agents",
            "usable after s",
            "bytes a row",
            "letter ms, median",
            "letter ms, worst",
            "found",
        ),
        [(options.agents, usable, each, percentile(letters, 50), max(letters), shown)],
    )


if __name__ == "__main__":
    with pauses.short():  # as in the program
        asyncio.run(main())
