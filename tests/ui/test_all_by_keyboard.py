"""Every operation that names a key of a list is done with that key, against the emulator."""

from __future__ import annotations

import asyncio
import io
import re
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from textual.events import Key
from textual.keys import _character_to_key
from textual.pilot import Pilot

from did_tui.api.client import Client
from did_tui.api.credentials import Credentials
from did_tui.api.operations import OPERATIONS
from did_tui.config import Settings
from did_tui.ui.app import DidTui
from did_tui.ui.resources import BY_NAME

#: What the keys are pressed for, by the list in which: each list is filtered to what is ours.
AGENT = {
    "presenter": {"type": "expressive", "presenter_id": "v2_public_otto@emulator"},
    "preview_name": "Zoe",
    "triggers": {"chat/end": {"webhooks": [{"url": "http://127.0.0.1:9/hook"}]}},
}


class Counting(Client):
    """A client that knows how many of its requests are on the way."""

    flying = 0

    async def _once(self, method: str, path: str, options: Mapping[str, Any]) -> Any:
        self.flying += 1
        try:
            return await super()._once(method, path, options)
        finally:
            self.flying -= 1


def files(directory: Path) -> tuple[str, str]:
    """A picture and a recording."""
    Image.new("RGB", (8, 8)).save(directory / "a.png")
    sound = io.BytesIO()
    with wave.open(sound, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(8000)
        wav.writeframes(bytes(800))
    (directory / "a.wav").write_bytes(sound.getvalue())
    return str(directory / "a.png"), str(directory / "a.wav")


async def test_every_operation_has_its_key(url: str, tmp_path: Path) -> None:
    client = Counting(Credentials.parse("demo:emulator"), url)

    async def open_client() -> Client:
        return client

    app = DidTui(Settings(audio="none"), open_client, state=tmp_path, driver_class=None)
    app.warm_up = lambda: None  # type: ignore[method-assign]
    picture, recording = files(tmp_path)
    await client.create_agent(AGENT)
    client.log._requests.clear()

    async with app.run_test(size=(80, 24)) as pilot:
        await quiet(pilot, client)

        async def press(*keys: str) -> None:
            for key in keys:
                send(app, key)
                await quiet(pilot, client)

        async def write(text: str) -> None:
            for letter in text:
                send(app, letter)

        async def go(name: str, words: str = "") -> None:
            app.go(BY_NAME[name])
            await quiet(pilot, client)
            if words:
                await press("slash")
                await write(words)
                await press("enter")

        await go("agents", "zoe")
        await press("d", "escape", "e", "X", "f2", "y", "C", "f2", "a", "v", "escape", "a", "t")
        await press("escape", "a", "w", "i", "s", "n", "f2", "escape", "a", "j")
        await write("wss://a")
        await press("tab", "r", "tab", "t", "f2", "escape", "d", "escape", "escape")
        await press("i", "c", "n", "tab")
        await write("http://x")
        await press("f2", "enter", "e", "x", "f2", "y", "X", "y")
        await press("escape")
        await press("i", "e", "n", "f2", "d", "escape", "X", "y", "escape")
        for keys in (("a", "x"), ("X",)):
            current = name(app)
            await press(*keys)
            await write(current)
            await press("enter")
        await go("listed-agents")

        await go("knowledge")
        await press("n", "Z", "z", "Q", "tab", "D", "f2")
        await go("knowledge", "zzq")
        await press("d", "escape", "e", "R", "f2", "y", "f")
        await write("hello")
        await press("enter", "escape", "enter", "n")
        await write("data:,hello")
        await press("f2", "d", "escape", "enter", "escape", "X", "y", "escape", "X", *"ZzQR")
        await press("enter")

        await go("presenters", "otto")
        await press("d", "escape", "e", "X", "f2", "y", "i", "d", "escape", "X", "y")
        await go("avatars")
        await press("d", "escape")
        await go("scenes")
        await press("n")
        await write("https://a/b.mp4")
        await press("f2", "d", "escape", "X", "y")
        await go("voices")
        await press("n", "Q", "tab", "e", "n", "tab")
        await write("https://x/me.wav")
        await press("f2", "slash", "Q", "enter", "X", "y")
        await go("files")
        for path in (picture, recording):
            await press("n")
            await write(path)
            await press("f2", "a", "f", "X", "y")
        await go("secrets")
        await press("n", "x", "tab", "tab", "s", "f2", "d", "escape", "e", "y", "f2", "X", "y")
        await go("exports")
        await go("credits")
        await go("account", "deprecated")
        await press("n", "h")
        await write("ttp://x")
        await press("f2", "escape", "e", "end", "x", "f2", "y", "escape")
        await go("account", "insights")
        await press("e", "space", "f2", "escape")
        await go("account", "logo")
        await press("e", "slash", "backspace")
        await write(picture)
        await press("f2", "X", "y")
    await client.close()

    asked = [f"{one.method} {one.path}" for one in client.log]
    wanted = [one for one in OPERATIONS if one.screen not in ("", "chat")]
    lines = [f"{one.method} {one.path}" for one in wanted]
    forms = {line: re.sub(r"{[^}]*}", "[^/]+", line) for line in lines}
    missed = [line for line in lines if not any(re.fullmatch(forms[line], each) for each in asked)]
    assert missed == []
    # What was given up because the list was left has no error.
    refused = (400, 401, 403, 500)
    trouble = [one for one in client.log if one.status in refused or (not one.status and one.error)]
    assert trouble == []


def send(app: DidTui, key: str) -> None:
    """A key as the terminal sends it; nothing is waited for."""
    letters = {"enter": "\r", "tab": "\t"}
    letter = key if len(key) == 1 else letters.get(key)
    app.post_message(Key(_character_to_key(key) if len(key) == 1 else key, letter))


def name(app: DidTui) -> str:
    """The name of the agent under the cursor."""
    current = getattr(app.screen, "current", lambda: None)()
    return str(getattr(current, "name", ""))


async def quiet(pilot: Pilot[None], client: Counting) -> None:
    """Wait until nothing is asked of the service any more and the screen is what it will be."""
    app = pilot.app
    assert isinstance(app, DidTui)
    calm, before = 0, None
    async with asyncio.timeout(30):
        while calm < 2:
            if calm == 0:
                await pilot.pause(0)  # every widget has handled what it was sent
            busy = (
                client.flying
                or app.typed.busy
                or any(
                    worker.is_running
                    and (
                        worker.group in ("load", "fetch")
                        or (worker.group == "save" and worker.node is app.screen)
                    )
                    for worker in app.workers
                )
            )
            calm = calm + 1 if not busy and app.screen is before else 0
            before = app.screen
            await asyncio.sleep(0.002)
