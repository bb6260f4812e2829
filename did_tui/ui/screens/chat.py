"""Face to face with one agent: picture, transcript, prompt."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import events, work
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.screen import Screen
from textual.widgets import Footer, Static

from did_tui.api.errors import DidError
from did_tui.api.models import Agent
from did_tui.live.conversation import Conversation
from did_tui.live.events import Failed, Opening
from did_tui.live.media.speaker import RATE
from did_tui.ui.keys import bindings
from did_tui.ui.widgets.captions import CaptionLines
from did_tui.ui.widgets.checklist import Checklist, waiting_for
from did_tui.ui.widgets.prompt import Prompt
from did_tui.ui.widgets.statusline import StatusLine
from did_tui.ui.widgets.topbar import TopBar
from did_tui.ui.widgets.transcript import Transcript
from did_tui.ui.widgets.video import VideoView

if TYPE_CHECKING:
    from did_tui.live.media.playback import Playback
    from did_tui.live.runner import Runner
    from did_tui.ui.app import DidTui

WIDE = 100  # columns from which picture and transcript stand side by side
LEAST = (40, 16)  # columns and rows below which there is no picture
LINGER = 2.0  # seconds that the screen waits for the stream to be closed
QUIET = 1.0  # seconds after a spoken answer that end a conversation with --once
SPEECHLESS = 15.0  # the same for an answer that is never spoken
TICK = 0.125  # seconds between two looks at clock, meter and frame rate

LAYOUTS = ("split", "full", "corner", "off")
SHAPES = {
    "half": "half blocks",
    "quadrant": "quadrants",
    "sextant": "sextants (Unicode 13)",
    "octant": "octants (Unicode 16)",
    "braille": "braille dots",
    "ascii": "letters",
}

_STATES = {
    "new": ("◐ connecting", "busy"),
    "connecting": ("◐ connecting", "busy"),
    "connected": ("● connected", "good"),
    "disconnecting": ("◐ closing the stream", "busy"),
    "disconnected": ("○ ended", "state"),
    "failed": ("✗ not connected", "bad"),
}
_ACTIVITIES = {"idle": "listening", "loading": "thinking", "talking": "talking"}
_ENDED = {
    "inactivity": "D-ID closed the stream because nobody said anything for a while.",
    "network": "The connection to D-ID was lost.",
    "service": "D-ID ended the session.",
}


class ChatScreen(Screen[None]):
    """One conversation.

    The agent is given, or only its id or name, which is then looked up. ``still`` is its thumbnail
    where that is known already; ``say`` is sent as soon as it is connected.
    """

    app: DidTui
    BINDINGS = [*bindings("everywhere"), *bindings("chat")]
    AUTO_FOCUS = "Prompt"
    DEFAULT_CSS = """
    ChatScreen #stage { height: 1fr; layout: vertical; }
    ChatScreen #picture { height: 12; layers: below above; align: center middle; }
    ChatScreen #picture VideoView { layer: below; }
    ChatScreen Checklist { display: none; }
    ChatScreen #picture Checklist { layer: above; dock: left; margin: 2 0 0 2; }
    ChatScreen.-connecting #picture Checklist { display: block; }
    ChatScreen #said { height: 1fr; }
    ChatScreen #small { height: auto; color: $muted; display: none; padding: 0 1; }
    ChatScreen.-wide #stage { layout: horizontal; }
    ChatScreen.-wide #left { width: 1fr; height: 1fr; }
    ChatScreen.-wide #said { width: 1fr; height: 1fr; padding: 1 1 0 1; }
    ChatScreen.-wide #picture { height: 1fr; }
    ChatScreen.-wide.-connecting #picture Checklist { display: none; }
    ChatScreen.-wide.-connecting #said Checklist { display: block; margin: 0 0 1 0; }
    ChatScreen #left { height: auto; }
    ChatScreen.-full #said, ChatScreen.-off #left { display: none; }
    ChatScreen.-full #left, ChatScreen.-full #picture { height: 1fr; }
    ChatScreen.-corner #stage { layout: horizontal; }
    ChatScreen.-corner #left { width: 32; height: auto; }
    ChatScreen.-corner #picture { height: 15; }
    ChatScreen.-corner #picture Checklist { display: none; }
    ChatScreen.-corner.-connecting #said Checklist { display: block; }
    ChatScreen.-corner #said { width: 1fr; }
    """

    def __init__(self, agent: Agent | str, still: bytes = b"", say: Sequence[str] = ()) -> None:
        super().__init__()
        self._wanted = agent if isinstance(agent, str) else ""
        self._agent = Agent(preview_name=agent) if isinstance(agent, str) else agent
        self._thumbnail = still
        self._unsaid = list(say)
        self._starters: Sequence[str] = self._agent.starter_message
        self._before_runner = Conversation()
        self._runner: Runner | None = None
        self._face: VideoView | None = None  # once there is a runner
        self._began = 0.0
        self._leaving = False
        self._samples: deque[tuple[float, int, int]] = deque()
        self._stale = False
        self._quiet_since = 0.0
        self._layout = LAYOUTS[0]

    def compose(self) -> ComposeResult:
        """Bar, picture over or beside the transcript, prompt."""
        yield TopBar()
        with Container(id="stage"):
            with Vertical(id="left"):
                yield Static("", id="small")
                with Container(id="picture"):
                    yield VideoView(framing="crop", id="face")
                    yield Checklist(self.conversation, self.app.now)
                yield CaptionLines()
                yield StatusLine("")
            with Vertical(id="said"):
                yield Checklist(self.conversation, self.app.now)
                yield Transcript(self._agent.name)
        yield Prompt(self._agent.name)
        yield Footer(compact=True)

    @property
    def conversation(self) -> Conversation:
        """What is true about the conversation."""
        return self._runner.conversation if self._runner is not None else self._before_runner

    # Coming and going

    def on_mount(self) -> None:
        """Connect at once."""
        self.query_one(TopBar).crumbs = (self.app.place, "Agents", self._agent.name)
        self.add_class("-connecting")
        self.set_interval(TICK, self._tick)
        self.show_thumbnail()
        self.connect()

    @work(group="connect")
    async def connect(self) -> None:
        """Open the conversation; trouble is shown by the checklist."""
        try:
            await self._find_agent()
            runner = await self.app.make_runner(self._agent.id, self)
        except DidError as error:
            now = self.app.now()
            self._before_runner.apply(Opening(), now)
            self._before_runner.apply(Failed("agent", str(error), error.advice), now)
            self._redraw()
            return
        if self._leaving:
            return
        self._runner = runner
        self._face = video = self.query_one("#face", VideoView)
        video.attach(runner.playback.take_picture)
        for checklist in self.query(Checklist):
            checklist.follow(runner.conversation)
        self.app.opened(runner, lambda: video.frames_shown)
        self._begin()
        await runner.open()

    async def _find_agent(self) -> None:
        """Where only a name or id is known: the agent that goes by it."""
        wanted = self._wanted
        if not wanted:
            return
        client = await self.app.client()
        async for agent in client.agents():
            if wanted in (agent.id, agent.name) or agent.name.lower() == wanted.lower():
                self._agent = agent
                break
        else:
            self._agent = await client.agent(wanted)
        self._starters = self._agent.starter_message
        self.query_one(TopBar).crumbs = (self.app.place, "Agents", self._agent.name)
        self.query_one(Transcript).rename(self._agent.name)
        self.query_one(Prompt).address(self._agent.name)
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
        video = self.query_one("#face", VideoView)
        if self._thumbnail and not video.frames_shown:
            await video.show_still(self._thumbnail)

    def action_leave(self) -> None:
        """Close the stream at D-ID, then go back."""
        if not self._leaving:
            self._leaving = True
            self._tell_state()
            self.leave()

    @work(group="leave")
    async def leave(self) -> None:
        """Close, report, go."""
        await self.end()
        self.app.leave_conversation()

    async def end(self) -> None:
        """Close the conversation, waiting for it a little; the rest goes on behind the screen."""
        self._leaving = True
        if self._runner is not None:
            self._tell_state()
            await asyncio.wait([self.app.let_go(self._runner)], timeout=LINGER)

    def action_again(self) -> None:
        """Connect again."""
        if not self.conversation.over or self._leaving:
            return
        if self._runner is None:
            self.connect()
        else:
            self.reconnect(self._runner)

    @work(group="connect", exclusive=True)
    async def reconnect(self, runner: Runner) -> None:
        """Open the conversation again, with what was said kept."""
        self._begin()
        await runner.open()

    # Talking

    def on_prompt_submitted(self, message: Prompt.Submitted) -> None:
        """Send what was written; it stays in the prompt where there is nobody to send it to."""
        if self.conversation.over:
            self.warn("Not connected. Press f2 to connect again; what you wrote is kept.")
            return
        self.query_one(Prompt).clear()
        self._say(message.text)

    def on_prompt_starter_asked(self, message: Prompt.StarterAsked) -> None:
        """Send a starter message, or write the digit where none is offered."""
        offered = not any(said.role == "user" for said in self.conversation.messages)
        if offered and message.number <= len(self._starters) and not self.conversation.over:
            self._say(self._starters[message.number - 1])
        else:
            self.query_one(Prompt).insert(str(message.number))

    def _say(self, text: str) -> None:
        if self._runner is None:
            self._unsaid.append(text)
        else:
            self._runner.say(text)

    def action_interrupt(self) -> None:
        """Copy a selection, or stop the agent's speech."""
        prompt = self.query_one(Prompt)
        if prompt.selected_text:
            self.app.copy_to_clipboard(prompt.selected_text)
            self.notify("Copied.")
        elif self._runner is not None and self.conversation.activity != "idle":
            self._runner.interrupt()
            if not self.conversation.speaking:
                self.query_one(CaptionLines).cut(self._heard())

    def action_mute(self) -> None:
        """Sound off, or on again."""
        if self._playback is not None:
            self._playback.muted = not self._playback.muted

    def action_captions(self) -> None:
        """The words under the face, or none."""
        on = self.query_one(CaptionLines).toggle()
        self.notify(f"Captions {'on' if on else 'off'}.", timeout=2)

    def action_shape(self) -> None:
        """Draw the picture with the next shape."""
        shape = self.query_one("#face", VideoView).next_shape()
        self.notify(f"Drawn with {SHAPES[shape]}.", timeout=2)

    def action_layout(self) -> None:
        """Picture beside the words, over all of it, in the corner, or off."""
        self._layout = LAYOUTS[(LAYOUTS.index(self._layout) + 1) % len(LAYOUTS)]
        self._arrange()

    @property
    def _playback(self) -> Playback | None:
        return self._runner.playback if self._runner is not None else None

    # What the conversation says

    def picture_ready(self) -> None:
        """There is a newer picture; on the way out, with nothing left to show it."""
        if self._face is not None:
            self._face.picture_ready()

    def no_sound(self, reason: str) -> None:
        """There is no speaker, or no longer one."""
        self.notify(f"{reason} Going on with captions.", title="No speaker here", timeout=6)

    def warn(self, sentence: str) -> None:
        """Something that the user should know."""
        self.notify(sentence, severity="warning", timeout=8)

    # Showing

    def changed(self) -> None:
        """Something has happened: draw it soon, once."""
        if not self._stale and self.is_mounted:
            self._stale = True
            self.call_later(self._redraw)

    def _redraw(self) -> None:
        self._stale = False
        transcript = next(iter(self.query(Transcript)), None)
        if transcript is None or not transcript.is_attached:
            return  # the screen is on its way out
        agent = self._runner.agent if self._runner is not None else None
        if agent is not None:
            self._starters = agent.starter_message or self._starters
            transcript.rename(agent.name)
        transcript.update(self.conversation, self._starters)
        self._return_unsent()
        self._tell_state()
        self._show_progress()

    def _return_unsent(self) -> None:
        """Put a message that could not be sent back into the prompt, if that is empty."""
        last = self.conversation.messages[-1] if self.conversation.messages else None
        prompt = self.query_one(Prompt)
        if last is not None and last.state == "failed" and not last.returned and not prompt.text:
            last.returned = True
            prompt.text = last.text
            prompt.move_cursor(prompt.document.end)

    def _tell_state(self) -> None:
        bar = self.query_one(TopBar)
        phase = "disconnecting" if self._leaving else self.conversation.phase
        bar.state, bar.mood = _STATES[phase]
        self.refresh_bindings()

    def _show_progress(self) -> None:
        """The checklist is there until the face is; trouble is said in the transcript."""
        conversation = self.conversation
        moving = self.query_one("#face", VideoView).frames_shown > 0
        connected = conversation.phase in ("connected", "disconnecting")
        here = connected and (moving or not conversation.fluent)
        self.set_class(not here and conversation.phase != "disconnected", "-connecting")
        for checklist in self.query(Checklist):
            checklist.refresh()
        transcript = self.query_one(Transcript)
        if conversation.phase == "failed":
            again = f"{conversation.advice} Press f2 to connect again.".strip()
            transcript.note(conversation.trouble, again)
        elif conversation.phase == "disconnected" and not self._leaving:
            reason = conversation.end_reason or "service"
            words = _ENDED.get(reason, "The conversation has ended.")
            transcript.note(words, "Press f2 to connect again; the conversation is kept.")
        else:
            transcript.note("")
        self._tick()

    def on_video_view_shown(self) -> None:
        """The face is there."""
        self._show_progress()

    def _tick(self) -> None:
        conversation, now = self.conversation, self.app.now()
        status = self.query_one(StatusLine)
        if self.app.once and not self._leaving:
            self._leave_when_done()
        playback = self._playback
        silent = bool(playback and playback.speaker_name and not playback.audible)
        self.query_one(CaptionLines).follow(conversation, self._heard(), silent=silent)
        match conversation.phase:
            case "new" | "connecting":
                for checklist in self.query(Checklist):
                    checklist.refresh()
                status.say("◐", "$warning", waiting_for(conversation, now))
            case "connected":
                activity = _ACTIVITIES[conversation.activity]
                lasted = now - self._began
                status.tell(activity, lasted, self._pace(), self._level(), self._sound())
            case "disconnecting":
                status.say("◐", "$warning", "closing the stream at D-ID")
            case "disconnected" | "failed":
                status.say("○", "$muted", "not connected")

    def _leave_when_done(self) -> None:
        """With --once: go when the answer was spoken, or when there is nothing to wait for."""
        conversation, now = self.conversation, self.app.now()
        asked = [said for said in conversation.messages if said.role == "user"]
        failed = next((said.trouble for said in asked if said.state == "failed"), "")
        if conversation.over or failed:
            self.app.trouble = failed or conversation.trouble or _ENDED["service"]
            self.action_leave()
            return
        last = conversation.messages[-1] if conversation.messages else None
        answered = bool(asked) and last is not None and last.role == "assistant"
        if not answered or conversation.activity != "idle":
            self._quiet_since = now
        spoken = conversation.utterances_done >= len(asked)
        if now - self._quiet_since > (QUIET if spoken else SPEECHLESS):
            self.action_leave()

    def _pace(self) -> str:
        """Frames shown and bytes sent a second, over the last two seconds, and what slows them."""
        now, video = self.app.now(), self.query_one("#face", VideoView)
        self._samples.append((now, video.frames_shown, self.app.bytes_written))
        while self._samples[0][0] < now - 2:
            self._samples.popleft()
        (since, first, before), (_, last, written) = self._samples[0], self._samples[-1]
        lasted = now - since
        words = [f"{(last - first) / lasted if lasted else 0:.0f} fps"]
        if self.app.paced:
            words += [f"{(written - before) / lasted / 1024 if lasted else 0:.0f} KB/s"]
            words += filter(None, [self.app.pace.in_words.partition(":")[0]])
        return " · ".join(words)

    def _heard(self) -> float:
        """Seconds of sound that were heard."""
        return self._playback.counters.sound_heard / RATE if self._playback else 0.0

    def _level(self) -> float | None:
        playback = self._playback
        return playback.level if playback and playback.audible and not playback.muted else None

    def _sound(self) -> str:
        if self._playback is None:
            return ""
        if self._playback.muted:
            return "muted (f4)"
        return self._playback.speaker_name

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Keys that cannot work now are greyed, or not shown."""
        if action == "interrupt" and not self.query_one(Prompt).selected_text:
            return True if self.conversation.activity != "idle" else None
        if action == "again":
            return self.conversation.over
        return True

    # Layout

    def on_resize(self, _event: events.Resize) -> None:
        """Side by side where it is wide; no picture where it is too small for one."""
        self._arrange()

    def _arrange(self) -> None:
        width, height = self.size
        small = width < LEAST[0] or height < LEAST[1]
        split = self._layout == "split"
        self.set_class(split and width >= WIDE, "-wide")
        for layout in LAYOUTS[1:]:
            self.set_class(self._layout == layout and not small, f"-{layout}")
        picture = self.query_one("#picture")
        picture.display = not small
        note = self.query_one("#small", Static)
        note.display = small
        note.update(f"Picture hidden: the terminal is too small (it needs {LEAST[0]}×{LEAST[1]}).")
        picture.styles.height = max(8, (height - 6) * 2 // 3) if split and width < WIDE else None
