"""``did-tui kiosk``: one agent on a screen that nobody looks after."""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import events, work
from textual.screen import Screen

from did_tui import pauses
from did_tui.api.errors import DidError
from did_tui.api.models import RuntimeAgent
from did_tui.config import Settings, log_directory
from did_tui.live.journal import Journal, sweep
from did_tui.ui import crash
from did_tui.ui.accounts import TROUBLE, AccountApp, OpenClient
from did_tui.ui.booth import Rules, pause
from did_tui.ui.compositor import forget_gone
from did_tui.ui.keys import bindings
from did_tui.ui.local import STREAMS
from did_tui.ui.runlog import Purse, RunLog
from did_tui.ui.screens.attract import Attract
from did_tui.ui.screens.pin import Pin
from did_tui.ui.screens.visit import Visit
from did_tui.ui.signals import exit_on_signals
from did_tui.ui.text import one_line, plain

if TYPE_CHECKING:
    from did_tui.live.runner import Runner

PURSE = "kiosk-day.json"
PATIENCE = 2.0  # seconds that leaving waits for the stream to be closed; the journal keeps the rest
TIDY = 0.5  # seconds after a visit until what is left of it is thrown away
BEAT = 2.0  # seconds between two signs of life to the program that looks after this one


class KioskApp(AccountApp):
    """An agent and whoever comes by: no lists, no settings, and one key that leads out.

    ``agent`` is its id or name, empty for the first of the list. ``state`` is where is kept what is
    open and what was used of the day, ``logs`` where the run log is; None for nowhere. ``keeper``
    is the descriptor of a socket to the program that restarts this one.
    """

    TITLE = "did-tui"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS = [*bindings("everywhere"), *bindings("booth")]
    CSS = """
    Screen { background: $background; }
    ModalScreen { background: $background 60%; }
    """

    def __init__(
        self,
        settings: Settings,
        open_client: OpenClient,
        agent: str = "",
        rules: Rules | None = None,
        *,
        state: Path | None = None,
        logs: Path | None = None,
        keeper: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(settings, open_client, **options)
        self.rules = rules or Rules()
        #: Seconds of a clock that never goes back; tests stop it.
        self.now: Callable[[], float] = time.monotonic
        #: Who it is, as soon as that is known.
        self.agent: RuntimeAgent | None = None
        self._run_log = RunLog(logs) if logs is not None else None
        self.purse = Purse(state / PURSE if state is not None else None)
        self._wanted, self._state, self._keeper = agent, state, keeper
        self._wrong_pins = 0
        self._open: dict[Runner, asyncio.Task[None]] = {}
        self._visit: Visit | None = None

    # What the owner decides

    @property
    def starters(self) -> list[str]:
        """What can be asked with a digit."""
        own = list(self.rules.starters)
        known = self.agent.starter_message if self.agent is not None else []
        return [one_line(text) for text in (own or known) if text.strip()][:9]

    @property
    def left(self) -> float | None:
        """Seconds that are left of the day, None where there is no bound."""
        day = self.rules.day
        return None if day is None else max(0.0, day - self.purse.spent)

    def note(self, event: str, **fields: Any) -> None:
        """Write something down in the run log."""
        if self._run_log is not None:
            self._run_log.write(event, **fields)

    # Life

    def get_default_screen(self) -> Screen[None]:
        """The screen that nobody sits at."""
        return Attract()

    def on_mount(self) -> None:
        """Find the agent; let whoever looks after this program know that it lives."""
        exit_on_signals(self)
        self.note("start", agent=self._wanted)
        self.find_agent()
        if self._keeper is not None:
            asyncio.get_running_loop().add_reader(self._keeper, self._kept)
            self.set_interval(BEAT, self._beat)

    def _beat(self) -> None:
        if self._keeper is not None:
            with suppress(OSError):
                os.write(self._keeper, b".")

    def _kept(self) -> None:
        """The program that looks after this one is gone: it closes what is open, and goes too."""
        assert self._keeper is not None  # noqa: S101 (who has none is not called)
        asyncio.get_running_loop().remove_reader(self._keeper)
        self.exit(return_code=1)

    @work(group="find", exclusive=True)
    async def find_agent(self) -> None:
        """Ask who the agent is until that is known; the network may come up later than this."""
        attempt = 0
        while self.agent is None:
            try:
                self.agent = await self._ask_for_agent()
            except TROUBLE as error:
                self.note("failure", step="agent", why=str(error))
                await asyncio.sleep(pause(attempt))
                attempt += 1
        self.warm_up()
        self._attract.welcome()

    async def _ask_for_agent(self) -> RuntimeAgent:
        client = await self.client()
        if self._state is not None:
            swept = await sweep(client, Journal(self._state / STREAMS))
            if swept.said:
                self.note("swept", what=swept.said)
        if self._wanted:
            found = await client.find_agent(self._wanted)
        else:
            listed = [agent async for agent in client.agents() if agent.state in ("done", "ready")]
            if not listed:
                raise NobodyThere
            found = listed[0]
        known = await client.runtime(found.id)
        return known.model_copy(
            update={
                "id": found.id,
                "name": known.name or found.name,
                "thumbnail": known.thumbnail or found.thumbnail,
                "starter_message": known.starter_message or found.starter_message,
            }
        )

    def warm_up(self) -> None:
        """Load WebRTC in a thread before the first visitor comes."""
        self.run_worker(
            lambda: importlib.import_module("did_tui.live.runner"), thread=True, group="warm-up"
        )

    @property
    def _attract(self) -> Attract:
        first = self.screen_stack[0]
        assert isinstance(first, Attract)  # noqa: S101 (it is never taken away)
        return first

    async def on_event(self, event: events.Event) -> None:
        """Whoever presses something is still there; whether the window has the focus is nothing."""
        pressed = isinstance(event, events.Key | events.Paste | events.MouseDown)
        if pressed and self._visit is not None:
            self._visit.touch()
        if not isinstance(event, events.AppBlur):
            await super().on_event(event)

    def notify(self, message: str, **options: Any) -> None:
        """Nothing: notices are for those who run the program."""

    def copy_to_clipboard(self, text: str) -> None:
        """Nothing: what a visitor wrote is not kept for the next one."""

    def _fatal_error(self) -> None:
        sentence = crash.save(log_directory(), self.settings.key, self.secret)
        self.note("crash", why=sentence)
        self._exit_renderables.append(Text(plain(sentence)))
        self._close_messages_no_wait()

    # Visits

    def begin(self, letter: str = "", starter: int = 0) -> None:
        """Somebody is there: with a letter that was typed, or the starter with this number."""
        left = self.left
        if self.agent is None or self._visit is not None or (left is not None and left <= 0):
            return
        texts = self.starters[starter - 1 : starter] if starter else []
        self._visit = Visit(self.agent, texts, letter)
        self.push_screen(self._visit)

    def over(self, visit: Visit) -> None:
        """A visit has ended: nobody is there."""
        self._visit = None
        self._attract.remember(visit.face)
        while visit in self.screen_stack[1:]:
            self.pop_screen()
        self.set_timer(TIDY, tidy)  # nobody waits now

    async def make_runner(self, visit: Visit) -> Runner:
        """A conversation with the agent, which tells the visit what happens; raises ``DidError``.

        What is said is not kept.
        """
        client = await self.client()
        live = await asyncio.to_thread(importlib.import_module, "did_tui.live.runner")
        output = importlib.import_module("did_tui.live.media.output").Output(self.settings.audio)
        playback = live.Playback(
            sink=self.settings.audio,
            open_speaker=lambda _sink: output,
            av_offset=self.settings.av_offset / 1000,
            on_picture=visit.picture_ready,
        )
        talk, state = self.settings.talk, self._state
        assert self.agent is not None  # noqa: S101 (else there is no visit)
        runner: Runner = live.Runner(
            client,
            self.agent.id,
            playback,
            options=talk.options,
            mode=talk.mode,
            relay_only=talk.relay_only,
            journal=Journal(state / STREAMS) if state is not None else None,
            presenter=self.agent.avatar.type,
            changed=visit.changed,
        )
        visit.sound.playback, visit.sound.output = playback, output
        return runner

    def let_go(self, runner: Runner) -> asyncio.Task[None]:
        """Close a conversation; the task is the same however often it is called."""
        if runner not in self._open:
            closing = self._open[runner] = asyncio.create_task(runner.close())
            closing.add_done_callback(lambda _task: self._open.pop(runner, None))
        return self._open[runner]

    # Out

    async def action_quit(self) -> None:
        """Leave, for those who may."""
        if isinstance(self.screen, Pin):
            self.screen.again()
            return
        pin = Pin(self.rules.pin, self._wrong_pins, self.now)

        def answered(right: bool | None) -> None:
            self._wrong_pins = pin.wrong
            if right:
                self.exit()

        self.push_screen(pin, answered)

    def action_hush(self) -> None:
        """Control+C: the agent is to be silent."""
        if self._visit is not None:
            self._visit.hush()

    async def hang_up(self) -> None:
        """Close what is open; for every way out."""
        visit = self._visit
        if visit is not None:
            visit.write_down("staff")
            if visit.runner is not None:
                self.let_go(visit.runner)
        if self._open:
            await asyncio.wait(set(self._open.values()), timeout=PATIENCE)
        await super().hang_up()
        self.note("stop")


class NobodyThere(DidError):
    """The account has no agent that is ready."""

    def __init__(self) -> None:
        super().__init__("There is no agent that is ready.")


def tidy() -> None:
    """Throw away what a visit has left, and give it back to the system.

    By itself Python would look only after a dozen visits, and glibc keeps what was freed: the
    booth would seem to grow for an hour.
    """
    forget_gone()
    pauses.look_at_everything()
    with suppress(AttributeError, OSError, TypeError):  # another C library, or none that is shared
        ctypes.CDLL(None).malloc_trim(0)


async def run(app: KioskApp) -> int:
    """Run the booth; the exit code."""
    await app.run_and_close()
    return app.return_code or 0
