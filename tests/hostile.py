"""Every screen, walked through in a real terminal with data that means harm, or with none.

Run as a program: ``hostile.py harmless|hostile SEED``. What it writes to the terminal is judged by
``ui/test_hostile_text.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripted import ScriptedApp, chat_on, connect
from textual.pilot import Pilot
from world import World, kept, parents_of

from did_tui.live import events as e
from did_tui.ui import terminal
from did_tui.ui.kinds import Place
from did_tui.ui.resources import BY_NAME
from did_tui.ui.screens.asking import Confirm, Shown
from did_tui.ui.screens.browser import Browser
from did_tui.ui.screens.chat import ChatScreen
from did_tui.ui.screens.dialogs import Passage
from did_tui.ui.screens.query import Query

#: What every payload has in it, in a form that no program emits by itself.
MARK = "HIJACK"
ESC, BEL, ST, CSI8, OSC8, DCS8 = "\x1b", "\x07", "\x1b\\", "\x9b", "\x9d", "\x90"
CRAFTED = (
    f"{ESC}]0;{MARK}{BEL}",
    f"{ESC}]52;c;{MARK}=={BEL}",
    f"{ESC}]8;;http://{MARK}/{ST}link{ESC}]8;;{ST}",
    f"{OSC8}2;{MARK}{ST}",
    f"{ESC}P1$q{MARK}{ST}",
    f"{DCS8}{MARK}{ST}",
    f"{ESC}_{MARK}{ST}{ESC}^{MARK}{ST}{ESC}X{MARK}{ST}",
    f"{ESC}[31337m{ESC}[?31337h{ESC}[31337;1H{ESC}[6n{ESC}[c{ESC}[5i",
    f"{CSI8}31337m{CSI8}2J{CSI8}?31337l",
    f"{ESC}c{ESC}(0{ESC}#8{ESC}[!p{ESC}[>31337u",
    f"{ESC}",
    f"{ESC}[",
    f"{ESC}]",
    "\r\x08\x08\x0b\x0c\x0e\x0f\x7f\x00\x05\x84\x85\x8d",
    "\u202e\u2066\u200f\u061c\u2028\u2029\ufeff\u200b\u2060\U000e0041\ud800",
    "[red]m[/red] [@click=app.quit]q[/] [link=x]l[/link] $error [/] [[ \\[",
    "*b* `c` [l](http://x) <b> &lt; | t | t |\n|---|---|\n# h\n```\nx\n```\n- i",
    "é" + "\u0301" * 40 + "日本" * 5 + "👩‍👩‍👧‍👦🏳️‍🌈" + "\U0001f1e9",
)
_NASTY = [chr(n) for n in (*range(32), *range(127, 160))] + list(
    "\u202e\u200b\u2028[]();?<>|*_`$&#@!\\\"'Ωж日😀 ahHmlJKnqc0123456789"
)
#: Where a poisoned text would only be another place: the walk could not go there.
STRUCTURE = frozenset(
    "id presenter_id driver_id export_id thumbnail_url thumbnail picture_url result_url client_key"
    " token type".split()
)
PAUSE = 0.02


class Poison:
    """Makes texts: the crafted ones in turn, each with random ones around it."""

    def __init__(self, seed: int, *, hostile: bool) -> None:
        self._random = random.Random(seed)
        self._hostile = hostile
        self._next = 0

    def text(self, before: str = "words") -> str:
        """A text in the place of this one."""
        if not self._hostile:
            return before
        crafted = CRAFTED[self._next % len(CRAFTED)]
        self._next += 1
        noise = "".join(self._random.choices(_NASTY, k=self._random.randrange(40)))
        return f"{before[:8]}{crafted}{noise}"

    def whole(self, value: Any, name: str = "") -> Any:
        """A JSON value with every text in it poisoned, but those that say where something is."""
        if isinstance(value, dict):
            return {key: self.whole(one, key) for key, one in value.items()}
        if isinstance(value, list):
            return [self.whole(one, name) for one in value]
        if isinstance(value, str) and name not in STRUCTURE:
            return self.text(value)
        return value

    @property
    def huge(self) -> str:
        """A megabyte."""
        return "".join(self.text() for _ in range(len(CRAFTED))) + "long " * 200_000


async def drawn(pilot: Pilot[None]) -> None:
    """Let what has happened come to the terminal."""
    await asyncio.sleep(PAUSE)
    await pilot.pause(0)


async def walk(pilot: Pilot[None], world: World, poison: Poison) -> None:
    """Go everywhere."""
    app = pilot.app
    assert isinstance(app, ScriptedApp)
    await drawn(pilot)
    for name, kind in BY_NAME.items():
        screen = Browser(Place(kind, parents_of(name)))
        await app.push_screen(screen)
        await drawn(pilot)
        await pilot.press("d")
        await drawn(pilot)
        if app.screen is not screen:
            await pilot.press("right_square_bracket")
            await drawn(pilot)
            await app.pop_screen()
        screen.workers.cancel_all()
        await app.pop_screen()
    app.copy(poison.text(), poison.text("what"))
    await drawn(pilot)
    for dialog in (
        Confirm(poison.text("Delete?"), poison.text(), poison.text("name")),
        Shown(poison.text("Made"), poison.text(), poison.text("shown")),
        Passage([e.Citation(poison.text(), poison.text(), poison.text())]),
        Query("knl_1", poison.text("base")),
    ):
        await app.push_screen(dialog)
        await drawn(pilot)
        await app.pop_screen()
    for key in ("comma", "5", "right_square_bracket", "right_square_bracket", "1"):
        app.notify(poison.text("notice"), title=poison.text("title"))
        await pilot.press(key)
        await drawn(pilot)
    world.status = 500
    world.error = poison.whole({"kind": "ServerError", "description": "out of order"})
    await pilot.press("r")
    await drawn(pilot)
    await app.push_screen(Browser(Place(BY_NAME["voices"])))
    await drawn(pilot)
    await app.pop_screen()
    world.status = 200
    await talk(pilot, poison)


async def talk(pilot: Pilot[None], poison: Poison) -> None:
    """A conversation in which everything that is said, cited and refused is poisoned."""
    screen, runner = await chat_on(pilot)
    assert isinstance(screen, ChatScreen)
    connect(runner)
    for number, event in enumerate(said(poison)):
        runner.tell(event)
        if number % 3 == 0:
            await drawn(pilot)
    await pilot.press("escape", "k", "k", "enter")
    await drawn(pilot)
    await pilot.press("escape")
    screen.warn(poison.text("warning"))
    screen.no_sound(poison.text("device"))
    runner.tell(e.Failed("network", poison.text("why"), poison.text("advice")))
    await drawn(pilot)
    await screen.end()


def said(poison: Poison) -> Iterator[e.Event]:
    """Questions and answers."""
    for number in range(len(CRAFTED)):
        question = f"u{number}"
        yield e.UserSaid(question, poison.text("question"))
        yield from answers(poison, question)
    yield e.UserSaid("last", poison.huge)


def answers(poison: Poison, question: str) -> Iterator[e.Event]:
    """An answer in parts, whole, with a passage that it rests on; or none."""
    citation = e.Citation(poison.text("title"), poison.text("passage"), poison.text("http://x/"))
    yield e.Partial(poison.text("part"), 0, "socket")
    yield e.Answer(poison.text("answer"), "socket")
    yield e.Responded(question, "", (citation,))
    yield e.SendFailed(question, poison.text("reason"), poison.text("advice"))


async def main(which: str, seed: int) -> None:
    poison = Poison(seed, hostile=which == "hostile")
    world = World()
    world.paths = poison.whole(world.paths)
    world.paths["/agents/me"]["agents"][0]["preview_description"] = poison.huge
    with tempfile.TemporaryDirectory() as directory:
        app = ScriptedApp(
            world,
            state=kept(Path(directory)),
            driver_class=terminal.driver_class({}),
            place=poison.text("place"),
        )
        failed: list[BaseException] = []

        async def drive(pilot: Pilot[Any]) -> None:
            try:
                await walk(pilot, world, poison)
            except BaseException as error:
                failed.append(error)
                raise
            finally:
                app.exit()

        with contextlib.suppress(asyncio.CancelledError):
            await app.run_async(auto_pilot=drive)
    if failed:
        raise failed[0]
    sys.stdout.write("walked everywhere\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
