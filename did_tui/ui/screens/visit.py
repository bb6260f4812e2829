"""One visitor at a booth: the face, captions, a prompt, and a connection that is made again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import work
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from did_tui.api.errors import DidError
from did_tui.api.models import RuntimeAgent
from did_tui.live.conversation import Conversation, Phase
from did_tui.ui.booth import Ending, Stay, figures, goodbye, last_call, pause
from did_tui.ui.keys import bindings
from did_tui.ui.screens.idleface import IdleFace
from did_tui.ui.sound import Sound
from did_tui.ui.text import literal, one_line, plain
from did_tui.ui.widgets.captions import CaptionLines
from did_tui.ui.widgets.prompt import Prompt
from did_tui.ui.widgets.video import VideoView

if TYPE_CHECKING:
    from did_tui.api.client import Client
    from did_tui.live.runner import Runner
    from did_tui.ui.kiosk import KioskApp

TICK = 0.125  # seconds between two looks at clock and captions
LINGER = 2.0  # seconds that the goodbye waits for the stream to be closed
FAREWELL = 1.5  # seconds that it stays in any case
COUNTED = 5.0  # seconds of a stream after which they are counted against the day
SHOWN_STARTERS = 4  # where it is low

_STATES = {
    "idle": "listening",
    "loading": "thinking",
    "talking": "talking",
    "interrupted": "listening",
}


class BoothPrompt(Prompt):
    """A text box that opens no editor and remembers nothing."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No way to another program."""
        return action != "editor" and super().check_action(action, parameters)

    def address(self, name: str, *, asks: bool = True) -> None:
        """Say whom one writes to, and whether one can ask."""
        who = one_line(name)
        words = f"Ask {who}" if asks else f"Write what {who} is to say"
        self.placeholder = literal(f"{words}, then press {self.app.key('send')}")

    def _remember(self, text: str) -> None:
        """The next visitor is somebody else."""


class Visit(Screen[None]):
    """From the first key to the goodbye; ``texts`` are said, ``letter`` begins a question."""

    app: KioskApp
    AUTO_FOCUS = "BoothPrompt"
    ALLOW_SELECT = False
    BINDINGS = [*bindings("visit")]
    DEFAULT_CSS = """
    Visit { layout: vertical; }
    Visit #starters { height: auto; padding: 0 2; margin: 1 0 0 0; }
    Visit #answer { height: auto; max-height: 8; padding: 0 2; display: none; }
    Visit #line { height: 1; padding: 0 2; color: $muted; }
    Visit CaptionLines { background: $background; text-style: bold; }
    Visit BoothPrompt { max-height: 5; }
    """

    def __init__(self, agent: RuntimeAgent, texts: Sequence[str], letter: str) -> None:
        super().__init__()
        self._booth = self.app  # also when the app has ended, and what is open is closed
        now = self._booth.now()
        self.agent = agent
        self.face = VideoView(framing="crop", id="face")
        self.runner: Runner | None = None
        self.sound = Sound()
        self._letter = letter
        self._unsaid = list(texts)
        self._before_runner = Conversation()
        self._idle = IdleFace(self.picture_ready)
        self._client: Client | None = None
        self._captions = CaptionLines()
        self._captions.switch = True
        self._prompt = BoothPrompt(agent.name or "me", self._say, self._ask)
        self._stay = Stay(self._booth.rules, now)
        self._began = self._counted_at = now
        self._uncounted = self._streamed = 0.0
        self._left = self._booth.left
        self._phase: Phase = "new"
        self._urgent = ""  # what is about to happen
        self._attempt = 0
        self._retries = 0
        self._retry_at: float | None = None
        self._ending: Ending | None = None
        self._written = False
        self._stale = False

    def compose(self) -> ComposeResult:
        """The face over all that is left by the words."""
        yield self.face
        yield Static("", id="answer", markup=False)
        yield self._captions
        yield Static("", id="starters", markup=False)
        yield Static("", id="line", markup=False)
        yield self._prompt

    @property
    def conversation(self) -> Conversation:
        """What is true about the conversation."""
        return self.runner.conversation if self.runner is not None else self._before_runner

    # Coming

    def on_mount(self) -> None:
        """Connect at once; one may write before that is done."""
        if self._letter:
            self._prompt.put(self._letter)
        for text in self._unsaid:
            self._quote(text)
        if self.agent.thumbnail:
            self.show_thumbnail()
        self.set_interval(TICK, self._tick)
        self.connect()
        self._draw()

    @work(group="thumbnail")
    async def show_thumbnail(self) -> None:
        """Show the still picture until the first frame comes."""
        try:
            picture = await (await self._booth.client()).picture(self.agent.thumbnail)
        except DidError:
            return  # a picture less
        if not self.face.frames_shown:
            await self.face.show_still(picture)

    @work(group="connect", exclusive=True)
    async def connect(self) -> None:
        """Open the conversation, or open it again; what was not answered is said once more."""
        try:
            if self.runner is None:
                runner = await self._booth.make_runner(self)
                self._client = await self._booth.client()
                if self._ending is not None:
                    return
                self.runner = runner
                self._idle.attach(runner.playback)
                self.face.attach(self._idle.take)
        except DidError as error:
            self._failed("agent", str(error), 0.0)
            return
        for said in self.conversation.messages:
            if said.role == "user" and said.state == "failed" and not said.returned:
                said.returned = True
                self._unsaid.append(said.text)
        for text in self._unsaid:
            self.runner.say(text)
        self._unsaid.clear()
        await self.runner.open()

    def _failed(self, step: str, why: str, wait: float) -> None:
        """It is tried again, for as long as somebody is there."""
        self._booth.note("failure", step=step, why=why)
        self._retry_at = self._booth.now() + max(pause(self._attempt), wait)
        self._attempt += 1

    # Talking

    def touch(self) -> None:
        """The visitor has pressed something."""
        self._stay.touch(self._booth.now())

    def _say(self, text: str) -> bool:
        """Send it, now or when it is connected."""
        if self.runner is None or self.conversation.over:
            self._unsaid.append(text)
        elif not self.runner.say(text):
            return False
        self._quote(text)
        self._draw()
        return True

    def _quote(self, text: str) -> None:
        """Show what was asked, over the box."""
        self._prompt.border_title = literal(f"You asked: {one_line(text)}")

    def _ask(self, number: int) -> bool:
        """Say the starter with this number, from 1; False where none is offered."""
        shown = self._offered
        return number <= len(shown) and self._say(shown[number - 1])

    @property
    def _offered(self) -> list[str]:
        asked = self._unsaid or any(one.role == "user" for one in self.conversation.messages)
        return [] if asked else self._booth.starters

    def hush(self) -> None:
        """The agent is to be silent."""
        if self.runner is not None and self.conversation.busy:
            self.runner.interrupt()
            if not self.conversation.speaking:
                self._captions.cut(self.sound.heard)

    # Going

    def action_goodbye(self) -> None:
        """The visitor has had enough."""
        self.end("visitor")

    def end(self, why: Ending) -> None:
        """Say goodbye and close the stream."""
        if self._ending is None:
            self._count(self._booth.now())
            self._ending = why
            self._prompt.disabled = True
            self._draw()
            self.leave()

    @work(group="leave")
    async def leave(self) -> None:
        """Close, write it down, go."""
        farewell = asyncio.create_task(asyncio.sleep(FAREWELL))
        if self.runner is not None:
            await asyncio.wait([self._booth.let_go(self.runner)], timeout=LINGER)
        await farewell
        self.write_down(self._ending or "visitor")
        self._booth.over(self)

    def write_down(self, why: Ending) -> None:
        """Put the visit into the run log, once."""
        if self._written:
            return
        self._written = True
        self._count(self._booth.now(), last=True)
        conversation = self.conversation
        self._booth.note(
            "visit",
            ended=why,
            seconds=round(self._booth.now() - self._began, 1),
            stream_seconds=round(self._streamed, 1),
            reconnections=conversation.reconnections,
            retries=self._retries,
            frames=self.face.frames_shown,
            connected_ms=_ms(conversation, "channel"),
            first_picture_ms=_ms(conversation, "picture"),
            sound_minus_picture_ms=self._lips,
            **figures(conversation.messages),
        )

    @property
    def _lips(self) -> int | None:
        """How far sound and picture were apart, as far as that is known."""
        figures = self.runner.playback.figures if self.runner is not None else None
        offset = figures.sound_minus_picture_ms if figures is not None else None
        return None if offset is None else round(offset)

    def on_unmount(self) -> None:
        """Nothing moves any more."""
        self._idle.close()

    def _count(self, now: float, *, last: bool = False) -> None:
        """Count what the stream has used of the day; now and then it is written down."""
        passed, self._counted_at = now - self._counted_at, now
        conversation = self.conversation
        if conversation.phase in ("connecting", "connected", "disconnecting") and (
            self.runner is not None and conversation.plan.video
        ):
            self._uncounted += passed
            self._streamed += passed
        if self._uncounted >= COUNTED or (last and self._uncounted):
            self._booth.purse.spend(self._uncounted)
            self._uncounted, self._left = 0.0, self._booth.left

    # What the conversation says

    def picture_ready(self) -> None:
        """There is a newer picture."""
        self.face.picture_ready()

    def changed(self) -> None:
        """Something has happened: draw it soon, once."""
        conversation = self.conversation
        before, self._phase = self._phase, conversation.phase
        if self._phase == "connected":
            self._attempt = 0
        elif conversation.over and before != self._phase and self._ending is None:
            self._lost(conversation)
        if not self._stale and self.is_mounted:
            self._stale = True
            self.call_later(self._draw)

    def _lost(self, conversation: Conversation) -> None:
        """It is over although nobody has ended it."""
        now = self._booth.now()
        if conversation.end_reason == "inactivity":
            self.end("idle")
        elif conversation.end_reason != "user":
            step = next((s for s, one in conversation.steps.items() if one.state == "failed"), "")
            why = conversation.trouble or conversation.end_reason or ""
            self._failed(step, why, (conversation.retry_at or now) - now)

    # Showing

    def _tick(self) -> None:
        now, conversation = self._booth.now(), self.conversation
        if self._ending is None:
            self._count(now)
            budget = None if self._left is None else self._left - self._uncounted
            left, why = self._stay.ends(now, busy=conversation.busy, budget=budget)
            if left <= 0:
                self.end(why)
                return
            if self._retry_at is not None and now >= self._retry_at:
                self._retry_at = None
                self._retries += 1
                self.connect()
            self._urgent = last_call(left, why)
            self._tell()
        if self.runner is not None and self._client is not None:
            self._idle.look(conversation, self.runner.agent, self._client)
        self._captions.follow(conversation, self.sound.heard, silent=True)

    def _draw(self) -> None:
        self._stale = False
        if not self._prompt.is_attached:
            return  # the screen is on its way out
        offered = self._offered if self._ending is None else []
        shown = offered if self.size.height >= 30 else offered[:SHOWN_STARTERS]
        rows = [
            literal(f" {n} ", "bold $primary") + literal(text) for n, text in enumerate(shown, 1)
        ]
        starters = self.query_one("#starters", Static)
        starters.display = bool(rows)
        starters.update(Content("\n").join(rows))
        self._show_text()
        self._tell()

    def _show_text(self) -> None:
        """Where the agent has no voice, its answer is there to be read."""
        conversation = self.conversation
        silent = conversation.phase == "connected" and not conversation.plan.video
        answers = [one.text for one in conversation.messages if one.role == "assistant"]
        words = self.query_one("#answer", Static)
        words.display = silent and bool(answers)
        self._captions.switch = not words.display
        if words.display:
            words.update(literal(plain(answers[-1])))

    def _tell(self) -> None:
        """One line: how it goes, or what is about to happen."""
        line = self.query_one("#line", Static)
        if self._ending is not None:
            said = literal(goodbye(self._ending), "bold $primary")
        elif self._urgent:
            said = literal(self._urgent, "bold $warning")
        elif self.conversation.phase == "connected":
            said = literal(f"● {_STATES[self.conversation.activity]}", "$success")
        else:
            said = literal("◐ One moment…", "$warning")
        if line.content != said:
            line.update(said)


def _ms(conversation: Conversation, step: str) -> int | None:
    """Milliseconds from the first step to the end of this one, None where it is not done."""
    begun = [one.begun for one in conversation.steps.values() if one.begun is not None]
    ended = next((p.ended for name, p in conversation.steps.items() if name == step), None)
    return round((ended - min(begun)) * 1000) if begun and ended is not None else None
