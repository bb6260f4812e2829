"""Face to face with one agent: picture, transcript, prompt."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import events, work
from textual.app import ComposeResult

from did_tui.api.errors import DidError
from did_tui.api.models import Agent
from did_tui.live.conversation import LONGEST_MESSAGE, Conversation
from did_tui.live.events import Failed, Opening
from did_tui.live.speech import LONGEST
from did_tui.ui.screens import words
from did_tui.ui.screens.chatkeys import ChatKeys
from did_tui.ui.screens.dialogs import Choice, Pick, Write
from did_tui.ui.screens.gauges import Gauges
from did_tui.ui.screens.idleface import IdleFace
from did_tui.ui.screens.once import Once
from did_tui.ui.screens.stage import Stage
from did_tui.ui.sound import Sound
from did_tui.ui.widgets.keyline import KeyLine
from did_tui.ui.widgets.prompt import Prompt
from did_tui.ui.widgets.topbar import TopBar

if TYPE_CHECKING:
    from did_tui.api.client import Client
    from did_tui.live.runner import Runner
    from did_tui.live.tools import Tool, Verdict
    from did_tui.ui.local import KeptChat

STARS = [Choice(stars, "★" * stars, str(stars)) for stars in range(5, 0, -1)]
PERMISSIONS: list[Choice[Verdict]] = [
    Choice("no", "No"),
    Choice("once", "Yes, this once"),
    Choice("always", "Yes, for as long as this conversation lasts"),
]
LINGER = 2.0  # seconds that the screen waits for the stream to be closed
TICK = 0.125  # seconds between two looks at clock, meter and frame rate
SOONEST = 0.06  # seconds between two paints of an answer that grows


class ChatScreen(ChatKeys):
    """One conversation.

    The agent is given, or only its id or name, which is then looked up. ``still`` is its thumbnail
    where that is known already; ``say`` is sent as soon as it is connected.
    """

    AUTO_FOCUS = "Prompt"

    def __init__(self, agent: Agent | str, still: bytes = b"", say: Sequence[str] = ()) -> None:
        super().__init__()
        self._wanted = agent if isinstance(agent, str) else ""
        self._agent = Agent(preview_name=agent) if isinstance(agent, str) else agent
        self.agent_name = self._agent.name
        self._thumbnail = still
        self._unsaid = list(say)
        self.earlier: KeptChat | None = None  # what is gone on with
        self._starters: Sequence[str] = self._agent.starter_message
        self._before_runner = Conversation()
        self.runner: Runner | None = None
        self.sound = Sound()
        self.frozen = False
        self._idle = IdleFace(self.picture_ready)
        self._client: Client | None = None
        self._began = 0.0
        self._leaving = False
        self._said: tuple[object, ...] = ()
        self._stale = False
        self._drawn_at = float("-inf")
        self._once = Once()
        self.stage = Stage(self._agent.name, self._before_runner, self.app.now)
        self.prompt = Prompt(self._agent.name, self._submit, self._ask, self._limit)
        self._gauges = Gauges(self.app, self.stage, self.sound)

    def compose(self) -> ComposeResult:
        """Bar, picture over or beside the transcript, prompt."""
        yield TopBar()
        yield self.stage
        yield self._gauges.line
        yield self.prompt
        yield KeyLine()

    @property
    def presenter(self) -> str:
        """The agent's type."""
        return self._agent.presenter.type

    @property
    def conversation(self) -> Conversation:
        """What is true about the conversation."""
        return self.runner.conversation if self.runner is not None else self._before_runner

    # Coming and going

    def on_mount(self) -> None:
        """Connect at once."""
        self._say_where()
        self.prompt.cursor_blink = self.app.look.motion == "full"
        self.stage.show_steps(True)
        self.set_interval(TICK, self._tick)
        self.show_thumbnail()
        self.connect()

    def _say_where(self) -> None:
        self.agent_name = self._agent.name
        self.query_one(TopBar).crumbs = (self.app.place, "Agents", self._agent.name)

    @work(group="connect", exclusive=True)
    async def connect(self) -> None:
        """Open the conversation; trouble is shown by the checklist."""
        self._before_runner.apply(Opening(), self.app.now())
        self.changed()
        try:
            await self._find_agent()
            runner = await self.app.make_runner(self._agent.id, self)
        except DidError as error:
            failed = Failed("agent", str(error), error.advice)
            self._before_runner.apply(failed, self.app.now())
            self._redraw()
            return
        if self._leaving:
            return
        self.runner = runner
        self.sound.playback = runner.playback
        self._client = await self.app.client()
        self._idle.attach(runner.playback)
        self.stage.face.attach(self._idle.take)
        self.stage.follow(runner.conversation)
        self.app.opened(runner, lambda: max(0, self.stage.face.frames_shown - self._idle.taken))
        self._begin()
        await runner.open()

    async def _find_agent(self) -> None:
        """Where only a name or id is known: the agent that goes by it."""
        if not self._wanted:
            return
        self._agent = await (await self.app.client()).find_agent(self._wanted)
        self._starters = self._agent.starter_message
        self._say_where()
        self.stage.transcript.rename(self._agent.name)
        self.prompt.address(self._agent.name)
        self.show_thumbnail()

    def _begin(self) -> None:
        self._began = self.app.now()
        for text in self._unsaid:
            self._say(text)
        self._unsaid.clear()

    @work(group="thumbnail")
    async def show_thumbnail(self) -> None:
        """Show the still picture until the first frame comes."""
        if not self._thumbnail and self._agent.thumbnail:
            try:
                self._thumbnail = await (await self.app.client()).picture(self._agent.thumbnail)
            except DidError:
                return  # a picture less: the conversation does not need it
        if self._thumbnail and not self.stage.face.frames_shown:
            await self.stage.face.show_still(self._thumbnail)

    def action_end_chat(self) -> None:
        """Close the stream at D-ID, then go back."""
        if not self._leaving:
            self._leaving = True
            self._tell_state()
            self.leave()

    @work(group="leave")
    async def leave(self) -> None:
        """Close, report, go."""
        await self.end()
        await self._ask_how_it_was()
        self.app.leave_conversation(self)

    async def _ask_how_it_was(self) -> None:
        """Where the agent wants to know: stars and some words, when nothing costs any more."""
        runner = self.runner
        asked = any(said.role == "user" for said in self.conversation.messages)
        if runner is None or runner.agent is None or not asked or self.app.once:
            return
        wish = runner.agent.end_of_call_feedback
        if not wish.enabled:
            return
        title = wish.closing_message or "How was this conversation?"
        stars = await self.app.push_screen_wait(Pick(title, STARS))
        if stars is None:
            return
        why = await self.app.push_screen_wait(Write(title, "Why? A few words help to do it better"))
        try:
            await runner.give_feedback(stars, why or "")
        except DidError as error:
            self.notify(str(error), title="Not sent", severity="warning")

    async def end(self) -> None:
        """Close the conversation, waiting for it a little; the rest goes on behind the screen."""
        self._leaving = True
        if self.runner is not None:
            self._tell_state()
            closing = self.app.let_go(self.runner)
            if closing is not None:
                await asyncio.wait([closing], timeout=LINGER)

    def on_unmount(self) -> None:
        """Nothing moves any more."""
        self._idle.close()

    def action_again(self) -> None:
        """Connect again."""
        if not self.conversation.over or self._leaving:
            return
        if self.runner is None:
            self.connect()
        else:
            self.reconnect(self.runner)

    def action_text_only(self) -> None:
        """Connect without video, which costs no credits."""
        self.conversation.wished_mode = "TextOnly"
        self.action_again()

    @work(group="connect", exclusive=True)
    async def reconnect(self, runner: Runner) -> None:
        """Open the conversation again, with what was said kept."""
        self._begin()
        await runner.open()

    # Talking

    def _submit(self, text: str) -> bool:
        """Do or send what was written; False where that cannot be."""
        obeyed = self.obey(text)
        if obeyed is not None:
            return obeyed
        if self.conversation.over:
            again = self.app.key("again")
            self.warn(f"Not connected. Press {again} to connect again; what you wrote is kept.")
            return False
        return self._say(text)

    def _limit(self, text: str) -> int:
        """How long what is written may be: D-ID takes more of what is spoken than of messages."""
        to_speak = text.startswith("/speak") or self._only_speaks
        return LONGEST if to_speak else LONGEST_MESSAGE

    @property
    def _only_speaks(self) -> bool:
        """Whether the agent says what is written, and answers nothing."""
        plan = self.conversation.plan
        return plan.video and not plan.asks

    @property
    def _offered(self) -> Sequence[str]:
        """The starter messages, where one can ask."""
        return self._starters if self.conversation.plan.asks else ()

    def _ask(self, number: int) -> bool:
        """Send the starter message with this number, from 1; False where none is offered."""
        asked = self._unsaid or any(said.role == "user" for said in self.conversation.messages)
        if asked or number > len(self._offered) or self.conversation.over:
            return False
        return self._say(self._offered[number - 1])

    def on_prompt_scrolled(self, message: Prompt.Scrolled) -> None:
        """Show what was said before, or after."""
        self.stage.transcript.pages(message.pages)

    def _say(self, text: str) -> bool:
        """Send it, now or as soon as it is connected; False where the agent cannot say it."""
        if self.runner is None:
            self._unsaid.append(text)
        elif not self.runner.say(text):
            return False
        self.stage.transcript.choose(None)
        self.stage.transcript.follow()
        return True

    def action_interrupt(self) -> None:
        """Copy a selection, or stop the agent's speech."""
        selected = self.prompt.selected_text or self.get_selected_text()
        if selected:
            self.copy(selected)
        elif self.runner is not None and self.conversation.busy:
            self.runner.interrupt()
            if not self.conversation.speaking:
                self.stage.captions.cut(self.sound.heard)
        else:
            self.notify(f"Nobody talks. {self.app.key('quit')} leaves did-tui.", timeout=3)

    async def ask_tool(self, tool: Tool, given: str) -> Verdict:
        """Ask whether a command may run. Nobody says yes by the keys of what was being written."""
        answer: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()

        def chosen(verdict: Verdict | None) -> None:
            if not answer.done():
                answer.set_result(verdict or "no")

        runs = f"{shlex.join(tool.command)}\n\nIt is given: {given}"
        title = f"{self._agent.name} wants to use {tool.name}"
        dialog: Pick[Verdict] = Pick(title, PERMISSIONS, said=f"This would run here: {runs}")
        self.app.push_screen(dialog, chosen)
        try:
            return await answer
        finally:
            if answer.cancelled() and dialog.is_current:
                dialog.dismiss(None)

    # What the conversation says

    def picture_ready(self) -> None:
        """There is a newer picture."""
        if not self.frozen:
            self.stage.face.picture_ready()

    def no_sound(self, reason: str) -> None:
        """There is no speaker, or no longer one."""
        self.notify(f"{reason} Going on with captions.", title="No speaker here", timeout=6)

    def warn(self, sentence: str) -> None:
        """Something that the user should know."""
        self.notify(sentence, severity="warning", timeout=8)

    # Showing

    def changed(self) -> None:
        """Something has happened: draw it soon, once."""
        if self._stale or not self.is_mounted:
            return
        self._stale = True
        wait = self._drawn_at + SOONEST - self._time()
        if wait > 0:
            self.set_timer(wait, self._redraw)
        else:
            self.call_later(self._redraw)

    @staticmethod
    def _time() -> float:
        return asyncio.get_running_loop().time()

    def _redraw(self) -> None:
        self._stale = False
        transcript = self.stage.transcript
        if not transcript.is_attached:
            return  # the screen is on its way out
        self._drawn_at = self._time()
        self.app.logbook.look(self.conversation)
        agent = self.runner.agent if self.runner is not None else None
        if agent is not None:
            self._starters = agent.starter_message or self._starters
            transcript.rename(agent.name)
        name = agent.name if agent is not None else self._agent.name
        self.prompt.address(name, asks=not self._only_speaks)
        transcript.update(self.conversation, self._offered)
        self._return_unsent()
        self._tell_state()
        self._show_progress()

    def _return_unsent(self) -> None:
        """Put a message that could not be sent back into the prompt, if that is empty.

        It is taken out again where an answer shows that the message arrived after all.
        """
        asked = (said for said in reversed(self.conversation.messages) if said.role == "user")
        last = next(asked, None)
        if last is None:
            return
        if last.state == "failed" and not last.returned and not self.prompt.text:
            last.returned = True
            self.prompt.put(last.text)
        elif last.state == "sent" and last.returned:
            last.returned = False
            if self.prompt.text == last.text:
                self.prompt.clear()

    def _tell_state(self) -> None:
        bar = self.query_one(TopBar)
        bar.state, bar.mood = words.state(self.conversation, leaving=self._leaving)
        conversation = self.conversation
        said = conversation.phase, conversation.busy, conversation.deaf, self._leaving
        if said != self._said:  # the footer is made anew by this
            self._said = said
            self.refresh_bindings()

    def _show_progress(self) -> None:
        """The checklist is there until the face is; trouble is said in the transcript."""
        conversation = self.conversation
        moving = self.stage.face.frames_shown > 0
        connected = conversation.phase in ("connected", "disconnecting")
        here = connected and (moving or not conversation.fluent or not conversation.plan.video)
        self.stage.show_steps(not here and conversation.phase != "disconnected")
        self._tick()

    def on_video_view_shown(self) -> None:
        """The face is there; it moves no more where nothing is to move."""
        self.frozen = self.frozen or self.app.look.motion == "none"
        self._show_progress()

    def _tick(self) -> None:
        now = self.app.now()
        if self.app.once and not self._leaving and self._once.over(self.conversation, now):
            self.app.trouble = words.why_not_done(self.conversation)
            self.action_end_chat()
        if self.runner is not None and self._client is not None:
            self._idle.look(self.conversation, self.runner.agent, self._client)
        heard, silent = self.sound.heard, self.sound.silent
        self.stage.captions.follow(self.conversation, heard, silent=silent)
        if not self.conversation.over and self.conversation.phase != "connected":
            self.stage.show_steps(self.stage.has_class("-connecting"))
        note = words.ended(self.conversation, now, self.app.keymap)
        self.stage.transcript.note(*(("", "") if self._leaving else note))
        self._gauges.look(self.conversation, now - self._began)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """A key that cannot work now is not shown."""
        if action == "text_only":
            return self.conversation.over and self.conversation.hindrance == "credits"
        if action == "copy_report":
            return self.conversation.over and self.conversation.hindrance == "offer"
        return self.conversation.over if action == "again" else True

    def on_resize(self, _event: events.Resize) -> None:
        """Side by side where it is wide; no picture where it is too small for one."""
        self.stage.fit()
