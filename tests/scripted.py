"""The app on answers made by hand: no network, no media, a clock that stands still."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from golden import words
from textual.pilot import Pilot

from did_tui.api.client import Client
from did_tui.api.credentials import Credentials
from did_tui.api.models import RuntimeAgent
from did_tui.config import Settings
from did_tui.live import events as e
from did_tui.live.conversation import Conversation, Effect
from did_tui.live.export import Record, record_of
from did_tui.live.media.playback import Counters
from did_tui.live.media.recorder import Recorder
from did_tui.picture.still import Still
from did_tui.ui.app import DidTui
from did_tui.ui.booth import Rules
from did_tui.ui.kiosk import KioskApp
from did_tui.ui.screens.chat import ChatScreen
from did_tui.ui.screens.visit import Visit
from did_tui.ui.widgets.prompt import Prompt
from did_tui.ui.widgets.video import VideoView

FACE = (Path(__file__).parent / "fixtures" / "face.png").read_bytes()
NOW = 1000.0
WALL = 1_790_000_000.0  # 2026-09-21T14:13:20Z

AGENTS = [
    {
        "id": "agt_ada",
        "preview_name": "Ada",
        "preview_description": "Answers questions about our products",
        "status": "done",
        "modified": "2026-09-21T12:05:00.000Z",
        "presenter": {"type": "clip", "thumbnail": "http://pictures/ada.png"},
        "llm": {"provider": "openai", "model": "gpt-4.1-mini"},
        "knowledge": {"id": "knl_1"},
        "starter_message": ["What is new?", "Where is my order?"],
    },
    {
        "id": "agt_draft",
        "preview_name": "Ada (draft)",
        "status": "started",
        "modified": "2026-09-21T14:10:00Z",
        "presenter": {"type": "talk"},
    },
    {
        "id": "agt_broken",
        "preview_name": "Broken",
        "preview_description": "This one could not be made",
        "status": "error",
        "presenter": {"type": "talk"},
    },
]

Answer = Callable[[httpx.Request], httpx.Response]


def well(request: httpx.Request) -> httpx.Response:
    """A D-ID that has everything."""
    match request.url.path:
        case "/agents/me":
            return httpx.Response(200, json={"agents": AGENTS})
        case "/knowledge":
            return httpx.Response(200, json=[{"id": "knl_1", "name": "Product help"}])
        case "/ada.png":
            return httpx.Response(200, content=FACE)
    return httpx.Response(404, json={"kind": "NotFound", "description": "not found"})


def empty(request: httpx.Request) -> httpx.Response:
    """A D-ID without agents."""
    body: Any = [] if request.url.path == "/knowledge" else {"agents": []}
    return httpx.Response(200, content=json.dumps(body))


def refusing(_request: httpx.Request) -> httpx.Response:
    """A D-ID that does not like the key."""
    body = {"kind": "AuthorizationError", "description": "user unauthenticated"}
    return httpx.Response(401, json=body)


class ScriptedPlayback:
    """Counts nothing, plays nothing."""

    hushed = False

    speaker_name = "PulseAudio · Headphones"
    audible = True
    muted = False
    level = 0.5

    def __init__(self) -> None:
        self.counters = Counters()

    figures = None
    recorder: Recorder | None = None

    @property
    def heard_seconds(self) -> float:
        return self.counters.sound_heard / 48_000

    def take_picture(self) -> None:
        return None


class ScriptedOutput:
    """A speaker that can be chosen, as loud as one likes."""

    sink = "pulse"
    volume = 1.0
    hint = invitation = ""

    def choose(self, sink: str) -> None:
        self.sink = sink


class ScriptedTalk:
    """Keeps what an agent in a room is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def set_language(self, name: str) -> bool:
        self.told.append(name)
        return True

    def present(self, message: Any) -> bool:
        self.told.append(message)
        return True


class ScriptedRunner:
    """A runner whose events are told by the test."""

    def __init__(self, agent_id: str, screen: ChatScreen) -> None:
        self.agent_id = agent_id
        self.conversation = Conversation()
        self.playback = ScriptedPlayback()
        self.talk = ScriptedTalk()
        self.agent: RuntimeAgent | None = None
        self.said: list[str] = []
        self.interrupted = 0
        self.rated: list[tuple[str, int]] = []
        self.feedback: list[tuple[int, str]] = []
        self.microphone = None
        self.no_microphone_because: str | None = "It only sends."
        self.closed = 0
        self.effects: list[Effect] = []
        self._screen = screen

    async def open(self) -> None:
        self.tell(e.Opening())

    def say(self, text: str) -> str:
        self.said.append(text)
        self.tell(e.UserSaid(f"u{len(self.said)}", text))
        return f"u{len(self.said)}"

    async def rate(self, message_id: str, score: int) -> None:
        self.rated.append((message_id, score))
        self.tell(e.Rated(message_id, score))

    async def give_feedback(self, rating: int, answer: str = "") -> None:
        self.feedback.append((rating, answer))

    def record(self, zero: float | None = None) -> Record:
        return record_of(self.conversation, self.agent_id, "Ada", "cht_1", zero)

    def interrupt(self) -> None:
        self.interrupted += 1
        self.tell(e.InterruptAsked())

    async def close(self, reason: e.EndReason = "user") -> None:
        self.closed += 1
        self.tell(e.Closed(reason))

    def tell(self, *events: e.Event, at: float = NOW) -> None:
        for event in events:
            self.effects += self.conversation.apply(event, at)
        self._screen.changed()


class ScriptedApp(DidTui):
    """The app with a scripted D-ID."""

    def __init__(self, answer: Answer = well, **options: Any) -> None:
        client = Client(Credentials.parse("user:secret"), transport=httpx.MockTransport(answer))

        async def open_client() -> Client:
            return client

        options.setdefault("driver_class", None)
        super().__init__(Settings(), open_client, **options)
        self.now = lambda: NOW
        self.wall = lambda: WALL
        self.runner: ScriptedRunner | None = None

    async def make_runner(self, agent_id: str, screen: ChatScreen) -> Any:
        self.runner = ScriptedRunner(agent_id, screen)
        screen.sound.output = ScriptedOutput()  # type: ignore[assignment]
        return self.runner

    def warm_up(self) -> None:
        """Nothing is loaded in tests."""


RUNTIME = {
    "id": "agt_ada",
    "name": "Ada",
    "thumbnail": "http://pictures/ada.png",
    "starter_message": ["What is new?", "Where is my order?"],
}


def booth(request: httpx.Request) -> httpx.Response:
    """A D-ID with an agent for a booth."""
    if request.url.path == "/agents/agt_ada/runtime":
        return httpx.Response(200, json=RUNTIME)
    return well(request)


class ScriptedKiosk(KioskApp):
    """A booth with a scripted D-ID and a clock that the test moves."""

    def __init__(
        self, answer: Answer = booth, rules: Rules | None = None, agent: str = "ada", **options: Any
    ) -> None:
        client = Client(Credentials.parse("user:secret"), transport=httpx.MockTransport(answer))

        async def open_client() -> Client:
            return client

        options.setdefault("driver_class", None)
        super().__init__(Settings(), open_client, agent, rules, **options)
        self.clock = 1000.0
        self.now = lambda: self.clock
        self.runners: list[ScriptedRunner] = []

    async def make_runner(self, visit: Visit) -> Any:
        runner = ScriptedRunner("agt_ada", visit)  # type: ignore[arg-type]
        visit.sound.output = ScriptedOutput()  # type: ignore[assignment]
        visit.sound.playback = runner.playback  # type: ignore[assignment]
        self.runners.append(runner)
        return runner

    def warm_up(self) -> None:
        """Nothing is loaded in tests."""

    @property
    def visit(self) -> Visit:
        assert isinstance(self.screen, Visit)
        return self.screen


def connect(runner: ScriptedRunner, *, fluent: bool = True, room: bool = False) -> None:
    """Let a conversation connect, step by step, each taking a tenth of a second."""
    runner.tell(e.StreamGranted(fluent, fluent, False, room=room))
    begun = NOW - 1
    for number, step in enumerate(e.STEPS[:-1]):
        runner.tell(e.StepBegun(step), at=begun + number / 10)
        runner.tell(e.StepDone(step), at=begun + number / 10 + 0.1)


def show_face(screen: ChatScreen) -> None:
    """Put the face on the screen as if it were a frame of the stream."""
    video = screen.query_one("#face", VideoView)
    video.show(Still.decode(FACE))
    video.frames_shown += 1
    screen.on_video_view_shown()


async def chat_on(pilot: Pilot[None]) -> tuple[ChatScreen, ScriptedRunner]:
    """Open the conversation with the first agent."""
    await settle(pilot)
    await pilot.press("c")
    await settle(pilot)
    app = pilot.app
    assert isinstance(app, ScriptedApp)
    assert isinstance(app.screen, ChatScreen)
    assert app.runner is not None
    return app.screen, app.runner


async def press(pilot: Pilot[None], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


def here(pilot: Pilot[None]) -> Any:
    """The screen that is shown."""
    return pilot.app.screen


def said(pilot: Pilot[None]) -> str:
    """The readable text that is shown."""
    return words(pilot.app.export_screenshot())


async def settle(pilot: Pilot[None]) -> None:
    """Wait until everything is drawn, with a cursor that does not blink, or the app has left."""
    app = pilot.app
    for prompt in app.screen.query(Prompt):
        prompt.cursor_blink = False

    def drawing() -> bool:
        return getattr(app.screen, "_stale", False) or any(
            video.flow.busy for video in app.screen.query(VideoView)
        )

    async with asyncio.timeout(20):
        for _ in range(4):
            await asyncio.sleep(0.02)
            while app.is_running and not app._exit and drawing():
                await asyncio.sleep(0.01)
            await pilot.pause()
