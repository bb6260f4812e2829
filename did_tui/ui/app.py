"""The application: which screens there are, and that nothing stays open behind it."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.app import SystemCommand
from textual.screen import Screen
from textual.widgets._toast import ToastRack

from did_tui.api.errors import DidError
from did_tui.api.inventory import Document, Export
from did_tui.api.models import Agent
from did_tui.config import Settings, log_directory
from did_tui.ui import crash
from did_tui.ui.accounts import OpenClient
from did_tui.ui.following import Errand, followed
from did_tui.ui.keys import bindings
from did_tui.ui.kinds import Kind, Place, number
from did_tui.ui.local import STREAMS, TRANSCRIPTS, KeptChat
from did_tui.ui.resources import AGENTS, REQUESTS, ROOTS
from did_tui.ui.saving import Edit
from did_tui.ui.screens.browser import Browser, commands_of
from did_tui.ui.screens.chat import ChatScreen
from did_tui.ui.screens.chatkeys import commands_of as commands_in_chat
from did_tui.ui.screens.diagnostics import Diagnostics
from did_tui.ui.screens.form import Form
from did_tui.ui.screens.profiles import choose_profile
from did_tui.ui.screens.settings import SettingsScreen
from did_tui.ui.screens.welcome import Welcome
from did_tui.ui.signals import exit_on_signals
from did_tui.ui.sound import make_microphone, make_output
from did_tui.ui.text import plain
from did_tui.ui.witness import DIAGNOSTICS, WitnessApp

if TYPE_CHECKING:
    from did_tui.api.client import Client
    from did_tui.live.runner import Runner

SETTINGS, BETWEEN = "settings", "between accounts"  # modes of Textual's beside the lists
CREDITS_SECONDS = 60.0  # between two looks at what is left
SOON = 0.7  # seconds of closing that need no word
BRIEF = 5.0  # seconds of a notice that the next one replaces
PATIENCE = 2.0  # seconds that leaving waits for streams to be closed; the journal keeps the rest


class DidTui(WitnessApp):
    """Talk with D-ID's agents, and run them.

    ``open_client`` is awaited when the first screen needs D-ID, so that the first paint waits for
    nothing. ``agent`` opens a conversation at once, ``say`` is sent in it; ``report`` gets its
    report, ``record`` its picture and sound, and ``once`` leaves when the answer was spoken.
    ``state`` is where is kept what is open and what was said; None for nowhere. ``welcome`` says
    why there is no account yet, and the first screen asks for one.
    """

    TITLE = "did-tui"
    ENABLE_COMMAND_PALETTE = True
    DEFAULT_MODE = AGENTS.name
    BINDINGS = [*bindings("everywhere")]
    CSS = """
    Screen { background: $background; }
    ModalScreen { background: $background 60%; }
    Footer { padding: 0 0 0 1; }
    ToastRack { margin: 0 0 1 0; }
    Toast { background: $panel; padding: 0 1; margin: 0; width: auto; max-width: 60vw; }
    ChatScreen ToastRack { dock: top; align: right top; margin: 0; padding: 1 1 0 0; }
    ChatScreen Toast { width: 48; max-width: 60vw; }
    """

    def __init__(
        self,
        settings: Settings,
        open_client: OpenClient,
        *,
        agent: str | None = None,
        say: Sequence[str] = (),
        report: Path | None = None,
        once: bool = False,
        state: Path | None = None,
        record: Path | None = None,
        welcome: str = "",
        **options: Any,
    ) -> None:
        super().__init__(settings, open_client, **options)
        self._welcome = welcome
        #: Seconds of a clock that never goes back; tests stop it.
        self.now: Callable[[], float] = time.monotonic
        #: Seconds since the epoch.
        self.wall: Callable[[], float] = time.time
        #: What is left, in words; empty while that is not known.
        self.credits = ""
        self._credits_at = float("-inf")
        #: Edits that can be taken back, the last one at the end.
        self.edits: list[Edit] = []
        #: What is being made and waited for, by its id.
        self.following: dict[str, Errand] = {}
        self._last = ""  # the mode before this one
        self._add_modes()
        self._agent, self._say, self._report, self.once = agent, say, report, once
        #: Where is kept what must not be forgotten; None for nowhere.
        self.state = state
        self._record = record
        #: Why the program ends with an error, where it does.
        self.trouble = ""
        #: Files that were written for the user, by what they are.
        self.written: dict[str, Path] = {}
        self._open: dict[Runner, _Open] = {}

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our own colour names, for themes that do not have them."""
        return {"muted": "#8b95ab"}

    def _add_modes(self) -> None:
        self.add_mode(AGENTS.name, self._first_screen)
        for kind in ROOTS[1:]:
            self.add_mode(kind.name, partial(Browser, Place(kind)))
        self.add_mode(SETTINGS, SettingsScreen)
        self.add_mode(DIAGNOSTICS, Diagnostics)

    # The account

    def connected(self, client: Client) -> None:
        """Look for what a program that is gone has left open."""
        if self.state is not None:
            self.run_worker(self._sweep(client, self.state), group="sweep", exit_on_error=False)

    def is_free(self) -> bool:
        """Whether nothing is open that would be lost."""
        stacks = self._screen_stacks.values()
        if any(isinstance(screen, Form | ChatScreen) for stack in stacks for screen in stack):
            self.notify("Save or leave what is open first.", severity="warning")
            return False
        return True

    async def streams_closed(self) -> None:
        """Wait for conversations that were left and are still being closed."""
        closing = set(filter(None, map(self.let_go, self._open)))
        if closing:
            await asyncio.wait(closing, timeout=PATIENCE)

    async def begin_anew(self) -> None:
        """Every list from the beginning, and nothing of what was known of the account before."""
        for group in ("sweep", "credits", "follow"):
            self.workers.cancel_group(self, group)
        self.credits, self._credits_at, self._last = "", float("-inf"), ""
        self.edits.clear()
        self.following.clear()
        self._welcome, self._agent = "", None
        self.add_mode(BETWEEN, Screen[None])
        await self.switch_mode(BETWEEN)
        for mode in [mode for mode in self._modes if mode != BETWEEN]:
            await self.remove_mode(mode)
        self._add_modes()
        await self.switch_mode(AGENTS.name)
        await self.remove_mode(BETWEEN)
        self.notify(f"This is {self.place} now.", title="Profile", timeout=BRIEF)

    def action_profiles(self) -> None:
        """Choose another account."""
        self.run_worker(choose_profile(self), group="profiles", exclusive=True)

    def action_settings(self) -> None:
        """Show every setting."""
        self._switch(SETTINGS)

    async def _sweep(self, client: Client, state: Path) -> None:
        """Close what a program that is gone has left open, and say so."""
        from did_tui.live.journal import Journal, sweep

        swept = await sweep(client, Journal(state / STREAMS))
        if swept.said:
            self.notify(swept.said, title="Left open")

    # Life

    def _first_screen(self) -> Screen[None]:
        """The list, or the conversation that the command line asks for, or a welcome."""
        if self._welcome:
            return Welcome(self._welcome)
        if self._agent is not None:
            return ChatScreen(self._agent, say=self._say)
        return Browser(Place(AGENTS))

    def on_mount(self) -> None:
        """Be told when the terminal goes or somebody wants us gone."""
        exit_on_signals(self)
        self.tell_clashes()

    async def action_quit(self) -> None:
        """Close what is open, then leave."""
        for screen in self.screen_stack:
            if isinstance(screen, ChatScreen):
                await screen.end()
            elif isinstance(screen, Form):
                screen.keep_draft()
        self.exit()

    async def hang_up(self) -> None:
        """Close every stream and connection that is still open; for every way out."""
        closing = set(filter(None, map(self.let_go, self._open)))
        if closing:
            _, pending = await asyncio.wait(closing, timeout=SOON)
            if pending:
                streams = "1 stream" if len(pending) == 1 else f"{len(pending)} streams"
                print(f"Closing {streams} at {self.place}…", file=sys.stderr)
                await asyncio.wait(pending, timeout=PATIENCE)
        await super().hang_up()
        self.end_demo()

    def notify(self, message: str, *, title: str = "", **options: Any) -> None:
        """Show a notice; its words may come from anywhere.

        It takes the place of a brief one with the same title.
        """
        options["markup"] = False
        self.logbook.add("notice", f"{title}: {message}" if title else message)
        for notice in list(self._notifications):
            if notice.title == plain(title) and notice.timeout <= BRIEF:
                self._unnotify(notice, refresh=False)
        super().notify(plain(message), title=plain(title), **options)

    def _refresh_notifications(self) -> None:
        """Notices stand on the topmost screen only: Textual leaves them on those below too."""
        super()._refresh_notifications()
        for screen in self.screen_stack[:-1]:
            for rack in screen.query(ToastRack):
                rack.display = False

    def warm_up(self) -> None:
        """Load WebRTC in a thread while the user looks at the list."""
        self.run_worker(
            lambda: importlib.import_module("did_tui.live.runner"),
            thread=True,
            group="warm-up",
            exclusive=True,
        )

    def _fatal_error(self) -> None:
        """Say in one sentence that it crashed; Textual's own page would show local variables."""
        sentence = crash.save(log_directory(), self.settings.key, self.secret)
        self._exit_renderables.append(Text(plain(sentence)))
        self._close_messages_no_wait()

    # Places

    def open_place(self, place: Place) -> None:
        """Open a list over this one."""
        self.push_screen(Browser(place))

    def go(self, kind: Kind) -> None:
        """Show the list of a kind, which is a mode of Textual's; others stay as they are."""
        if self._switch(kind.name):
            while len(self.screen_stack) > 1:
                self.pop_screen()

    def _switch(self, mode: str) -> bool:
        if any(isinstance(screen, Form | ChatScreen) for screen in self.screen_stack):
            self.notify("Save or leave what is open first.", severity="warning")
            return False
        if mode != self.current_mode:
            self._last = self.current_mode
            self.switch_mode(mode)
        return True

    def action_place(self, number: int) -> None:
        """Go to one of the first places."""
        if ROOTS[number - 1] is REQUESTS:
            self._switch(DIAGNOSTICS)
        else:
            self.go(ROOTS[number - 1])

    def action_last_place(self) -> None:
        """Go where one was before, as it was left."""
        if self._last:
            self._switch(self._last)

    def action_palette(self) -> None:
        """Go anywhere, do anything."""
        self.action_command_palette()

    def action_command_palette(self) -> None:
        """The palette, where it has anything to offer."""
        if isinstance(self.screen, Browser | ChatScreen | SettingsScreen | Diagnostics):
            super().action_command_palette()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """What the palette offers here: places and the keys of the list or conversation."""
        if isinstance(screen, Browser | SettingsScreen | Diagnostics):
            for kind in ROOTS:
                also = ", ".join((kind.name, *kind.aliases))
                yield SystemCommand(f"Go to {kind.title}", also, partial(self.go, kind))
            yield SystemCommand("Go to Settings", "config, preferences", self.action_settings)
            text = "Another account: switch, sign in, log in, try, remove"
            yield SystemCommand("Switch the profile", text, self.action_profiles)
            text = "dark, light, high contrast, the terminal's own colours"
            yield SystemCommand("The next theme", text, self.action_next_theme)
        if not isinstance(screen, Diagnostics):
            text = "log, network, WebRTC, terminal, a support report"
            yield SystemCommand("Diagnostics", text, self.action_diagnostics)
        if isinstance(screen, Browser):
            yield from commands_of(screen)
        elif isinstance(screen, ChatScreen):
            yield from commands_in_chat(screen)
        yield SystemCommand("Quit did-tui", "Close what is open and leave", self.action_quit)

    def loaded(self) -> None:
        """A list has come: look for what is left, now and then, and load what is needed next."""
        self.warm_up()
        if self.now() - self._credits_at > CREDITS_SECONDS:
            self._credits_at = self.now()
            self.run_worker(self._look_for_credits(), group="credits", exit_on_error=False)

    async def _look_for_credits(self) -> None:
        try:
            found = await (await self.client()).credits()
        except DidError:
            self.credits = ""  # a key need not be allowed to see them
            return
        self.credits = f"{number(found.remaining)} credits" if found.raw else ""

    def follow_document(self, base_id: str, document: Document) -> None:
        """Tell when a document is indexed."""

        async def look() -> Document:
            return await (await self.client()).document(base_id, document.id)

        words = ("being indexed", "is indexed", "could not be indexed")
        self.follow(Errand(document.id, document.title, look, *words))

    def follow_export(self, export_id: str, agent_name: str) -> None:
        """Tell when an export can be fetched."""

        async def look() -> Export:
            return await (await self.client()).export(export_id)

        words = ("being exported", "can be fetched", "could not be exported")
        self.follow(Errand(export_id, f"Chats of {agent_name}", look, *words))

    def follow(self, errand: Errand) -> None:
        """Tell when something is made, wherever the user is then."""
        if errand.key not in self.following:
            self.following[errand.key] = errand
            work = self._follow(errand)
            self.run_worker(work, name=errand.key, group="follow", exit_on_error=False)

    def unfollow(self, key: str) -> None:
        """It is gone: nobody waits for it any more."""
        if self.following.pop(key, None) is not None:
            for worker in list(self.workers):
                if worker.group == "follow" and worker.name == key:
                    worker.cancel()

    async def _follow(self, errand: Errand) -> None:
        try:
            self.notify(await followed(errand, self.now))
        except DidError as error:
            self.notify(str(error), title=f"“{errand.name}” is out of sight", severity="warning")
        finally:
            self.following.pop(errand.key, None)

    # Conversations

    async def make_runner(self, agent_id: str, screen: ChatScreen) -> Runner:
        """A conversation with an agent, which tells the screen what happens; raises ``DidError``.

        WebRTC is loaded here, in a thread, because that takes a while.
        """
        client = await self.client()
        live = await asyncio.to_thread(importlib.import_module, "did_tui.live.runner")
        loop = asyncio.get_running_loop()
        output = screen.sound.output = await make_output(self, self.settings.audio)
        playback = live.Playback(
            sink=self.settings.audio,
            open_speaker=lambda _sink: output,
            av_offset=self.settings.av_offset / 1000,
            on_picture=screen.picture_ready,
            on_trouble=lambda reason: loop.call_soon_threadsafe(screen.no_sound, reason),
        )
        microphone = screen.sound.microphone = make_microphone(self, playback)
        if self._record is not None:
            playback.recorder = live.Recorder(
                self._record,
                on_trouble=lambda reason: loop.call_soon_threadsafe(screen.warn, reason),
            )
        talk, state = self.settings.talk, self.state
        runner: Runner = live.Runner(
            client,
            agent_id,
            playback,
            options=talk.options,
            mode=talk.mode,
            persist=talk.persist,
            relay_only=talk.relay_only,
            journal=live.Journal(state / STREAMS) if state is not None else None,
            archive=live.Archive(state / TRANSCRIPTS) if state and talk.transcripts else None,
            microphone=microphone,
            presenter=screen.presenter,
            tools=live.ToolBox(self.settings.tools, screen.ask_tool),
            changed=screen.changed,
            explain=screen.warn,
        )
        if screen.earlier is not None:
            runner.resume(screen.earlier.chat_id, screen.earlier.said)
        return runner

    def meet(self, agent: Agent, still: bytes, earlier: KeptChat | None = None) -> None:
        """Open a conversation, or go on with an earlier one."""
        screen = ChatScreen(agent, still)
        screen.earlier = earlier
        self.push_screen(screen)

    def opened(self, runner: Runner, frames_shown: Callable[[], int]) -> None:
        """A conversation has begun: it will be closed whatever happens."""
        self._open[runner] = entry = _Open(frames_shown, self.bytes_written)
        self.begin_to_watch(runner, partial(self._told, runner, entry))

    def _told(self, runner: Runner, entry: _Open) -> dict[str, Any]:
        """The figures of a conversation: what ``--report`` writes."""
        from did_tui.live.report import report

        recorder = runner.playback.recorder
        shown = entry.frames_shown() if entry.frames_in_all is None else entry.frames_in_all
        return report(
            runner.conversation,
            runner.playback.counters,
            agent_id=runner.agent_id,
            frames_shown=shown,
            bytes_to_terminal=self.bytes_written - entry.bytes_before,
            figures=runner.playback.figures,
            pictures_not_recorded=recorder.pictures_lost if recorder is not None else None,
        )

    def let_go(self, runner: Runner) -> asyncio.Task[None] | None:
        """Close a conversation and write its report; None where that is done.

        The task is the same however often it is called.
        """
        entry = self._open.get(runner)
        if entry is None:
            return None
        if entry.closing is None:
            entry.closing = asyncio.create_task(self._close(runner, entry))
        return entry.closing

    async def _close(self, runner: Runner, entry: _Open) -> None:
        entry.frames_in_all = entry.frames_shown()
        await runner.close()
        if runner.microphone is not None:
            await asyncio.to_thread(runner.microphone.close)
        self._open.pop(runner, None)
        recorder = runner.playback.recorder if self._record is not None else None
        if recorder is not None and recorder.path.exists():
            self.written["recording"] = recorder.path
        contents = self.figures_of(runner)
        if self._report is None:
            return
        try:
            self._report.write_text(json.dumps(contents, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            self.trouble = f"The report cannot be written: {error}"
        else:
            self.written["report"] = self._report

    def leave_conversation(self, screen: ChatScreen) -> None:
        """A conversation's screen wants to go, and what stands over it goes with it."""
        if screen is self.screen_stack[0]:
            self.exit()
        while screen in self.screen_stack[1:]:
            self.pop_screen()


async def run(app: DidTui) -> int:
    """Run the app, then tell what it wrote and what went wrong; the exit code."""
    await app.run_and_close()
    for what, path in app.written.items():
        print(f"did-tui: The {what} is in {plain(str(path))}", file=sys.stderr)
    if app.trouble:
        print(f"did-tui: {plain(app.trouble)}", file=sys.stderr)
        return app.return_code or 1
    return app.return_code or 0


@dataclass(slots=True)
class _Open:
    """What is kept about a conversation that is open."""

    frames_shown: Callable[[], int]
    bytes_before: int
    frames_in_all: int | None = None  # when it was closed
    closing: asyncio.Task[None] | None = None
