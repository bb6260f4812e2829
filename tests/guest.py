"""Somebody who talks with an agent of an emulator in the real app, and breaks the emulator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from conftest import KEY, RunningEmulator
from textual.notifications import Notify
from textual.widget import Widget

from did_tui.api.client import Client
from did_tui.config import Look, Settings, Talk
from did_tui.live.conversation import Conversation
from did_tui.live.journal import Journal
from did_tui.ui.app import DidTui
from did_tui.ui.screens.chat import ChatScreen

SECONDS = 40.0  # until something must have happened, on a machine that is busy with other things
QUESTION = "How do I interrupt you?"
ANSWER = "control and C"  # is in it


class Control:
    """The control API of an emulator."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=f"{url}/__control", trust_env=False, timeout=20)

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(self, verb: str, path: str, **body: Any) -> Any:
        answer = await self._http.request(verb, path, json=body or None)
        answer.raise_for_status()
        return answer.json()

    async def fault(self, route: str, **fault: Any) -> None:
        await self.ask("POST", "/faults", route=route, **fault)

    async def limit(self, **limits: Any) -> None:
        await self.ask("PATCH", "/limits", **limits)

    async def stream(self, what: str, **body: Any) -> Any:
        """Do something to every stream."""
        return await self.ask("POST", f"/streams/all/{what}", **body)

    async def state(self) -> dict[str, Any]:
        state: dict[str, Any] = await self.ask("GET", "/state")
        return state

    async def messages(self) -> list[str]:
        """What was asked in the requests that were let through, one a request."""
        requests = await self.ask("GET", "/requests")
        found = [r for r in requests if r["route"] == "send_message" and r["status"] == 200]
        return [r["body"]["messages"][-1]["content"] for r in found]

    async def happened(self) -> None:
        """Wait until every fault that was ordered has hit its requests."""
        async with asyncio.timeout(SECONDS):
            while await self.ask("GET", "/faults"):
                await asyncio.sleep(0.03)

    async def none_open(self) -> None:
        """Wait until no stream is open, which must not take long."""
        try:
            async with asyncio.timeout(SECONDS):
                while (await self.state())["streams"]:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"left open: {await self.state()}") from None


class Guest:
    """The app with one conversation open, seen through its screen."""

    def __init__(self, app: GuestApp, control: Control) -> None:
        self.app, self.control = app, control

    @property
    def screen(self) -> ChatScreen:
        found = next(s for s in self.app.screen_stack if isinstance(s, ChatScreen))
        assert isinstance(found, ChatScreen)
        return found

    @property
    def conversation(self) -> Conversation:
        return self.screen.conversation

    @property
    def words(self) -> str:
        """What stands on the screen, each part of it as one line; and every notice so far."""
        parts = self.app.screen.query("TopBar, StatusLine, Transcript, Checklist, Prompt")
        return "\n".join([*(shown(part) for part in parts), *self.app.notices])

    async def see(self, *words: str) -> None:
        """Wait until all of this can be read."""
        await self.until(lambda: all(word in self.words for word in words), " + ".join(words))

    async def until(self, happened: Callable[[], object], what: str = "") -> None:
        try:
            async with asyncio.timeout(SECONDS):
                while not happened():
                    await asyncio.sleep(0.03)
        except TimeoutError:
            raise AssertionError(f"not seen: {what}\n{self.words}") from None

    async def connected(self) -> None:
        await self.until(lambda: self.conversation.phase == "connected", "connected")

    async def write(self, text: str) -> None:
        """Put a text into the prompt, and send it; one that is refused stays there."""
        self.screen.prompt.put(text)
        await self.press("enter")
        for _ in range(20):  # the key may come late: another text would take its place
            if self.screen.prompt.text != text:
                return
            await asyncio.sleep(0.05)

    async def press(self, *keys: str) -> None:
        """Press keys, one after the other.

        ``Pilot.press`` waits until the processor is idle, which takes seconds where a face moves.
        """
        for key in keys:
            self.app.simulate_key(key)
            await asyncio.sleep(0.05)

    async def prompted(self, text: str) -> None:
        """Wait until this is in the prompt."""
        await self.until(lambda: self.screen.prompt.text == text, f"{text} in the prompt")

    def said(self, text: str) -> int:
        """How many messages contain this."""
        return sum(text in message.text for message in self.conversation.messages)

    async def answered(self, times: int = 1) -> None:
        """Wait until so many answers are there, the last one whole."""
        transcript = self.conversation.transcript

        def whole() -> bool:
            return self.said(ANSWER) >= times and not transcript.awaiting

        await self.until(whole, "an answer")
        assert self.said(ANSWER) == times


class GuestApp(DidTui):
    """The app, which remembers what it said for a moment."""

    notices: list[str]

    def on_notify(self, event: Notify) -> None:
        self.notices.append(f"{event.notification.title} {event.notification.message}")


def shown(widget: Widget) -> str:
    """The text of a part of the screen."""
    region = widget.region
    strips = widget.screen._compositor.render_strips()[region.y : region.bottom]
    lines = (strip.crop(region.x, region.right).text for strip in strips)
    return " ".join(" ".join(lines).split())


@asynccontextmanager
async def guest(
    emulator: RunningEmulator,
    control: Control,
    state: Path,
    *,
    agent: str = "Mira",
    talk: Talk | None = None,
) -> AsyncIterator[Guest]:
    """Meet an agent; in the end nothing is open at the service, nor in the journal.

    A stream whose name never came is in the journal until the service has ended it.
    """
    settings = Settings(
        emulator.url, emulator.ws_url, KEY, "none", look=Look(fps=2), talk=talk or Talk()
    )

    async def open_client() -> Client:
        return settings.client()

    app = GuestApp(settings, open_client, agent=agent, state=state, driver_class=None)
    app.notices = []
    async with app.run_test(size=(120, 40), notifications=True):
        try:
            yield Guest(app, control)
        finally:
            await app.action_quit()
            await app.hang_up()
    await control.none_open()
    assert not [page for page in Journal(state / "streams").pages() if not page.entry.unnamed]
