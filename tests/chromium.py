"""Chromium without a window, driven through its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import websockets

START_SECONDS = 60.0

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # it may run as root; it opens nothing but the tests' own pages
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--remote-debugging-port=0",
)


class PageFailed(Exception):
    """A script in the page threw; the text is its error."""


def program() -> str | None:
    """The browser's path, None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Chromium:
    """A running browser; use it as a context."""

    def __init__(self) -> None:
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        found = program()
        assert found
        self._process = subprocess.Popen(
            [found, *FLAGS, f"--user-data-dir={self._profile.name}", "about:blank"],
            env=os.environ | {"HOME": self._profile.name},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._url = ""

    async def __aenter__(self) -> Self:
        port_file = Path(self._profile.name) / "DevToolsActivePort"
        try:
            async with asyncio.timeout(START_SECONDS):
                while not (lines := _lines(port_file)):
                    assert self._process.poll() is None, "the browser ended at once"
                    await asyncio.sleep(0.05)
        except BaseException:
            self._end()
            raise
        self._url = f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    async def open(self, url: str, size: tuple[int, int] | None = None) -> Page:
        """A new page, loaded; of this width and height in pixels."""
        page = Page(await websockets.connect(self._url, max_size=None))
        await page.load(url, size)
        return page

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._profile.cleanup()


class Page:
    """One page; ``errors`` are what its console said as errors and exceptions."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._session = ""
        self._reader = asyncio.create_task(self._read())
        self._loaded = asyncio.Event()
        self.errors: list[str] = []

    async def load(self, url: str, size: tuple[int, int] | None) -> None:
        """Open an address in a new tab, which has the focus, and wait until it is there."""
        made = await self._ask("Target.createTarget", url="about:blank")
        attached = await self._ask("Target.attachToTarget", targetId=made["targetId"], flatten=True)
        self._session = attached["sessionId"]
        await self._ask("Page.enable")
        await self._ask("Runtime.enable")
        await self._ask("Emulation.setFocusEmulationEnabled", enabled=True)
        if size is not None:
            shape = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
            await self._ask("Emulation.setDeviceMetricsOverride", **shape)
        await self._ask("Page.navigate", url=url)
        async with asyncio.timeout(START_SECONDS):
            await self._loaded.wait()

    async def run(self, script: str, seconds: float) -> Any:
        """The value of an expression; a promise is awaited. Raises ``PageFailed``."""
        async with asyncio.timeout(seconds):
            answer = await self._ask(
                "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
            )
        if "exceptionDetails" in answer:
            thrown = answer["exceptionDetails"].get("exception", {})
            raise PageFailed(thrown.get("description") or str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def screenshot(self) -> bytes:
        """What it looks like, as PNG."""
        async with asyncio.timeout(START_SECONDS):
            return base64.b64decode((await self._ask("Page.captureScreenshot"))["data"])

    async def close(self) -> None:
        """Let go of the page."""
        await self._socket.close()
        await self._reader

    async def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        call: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session:
            call["sessionId"] = self._session
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps(call))
        said = await answer
        assert "error" not in said, said
        result: dict[str, Any] = said["result"]
        return result

    async def _read(self) -> None:
        async for text in self._socket:
            said = json.loads(text)
            parameters = said.get("params", {})
            match said.get("method"):
                case "Page.loadEventFired":
                    self._loaded.set()
                case "Runtime.consoleAPICalled" if parameters["type"] in ("error", "assert"):
                    parts = (str(a.get("value", a.get("description"))) for a in parameters["args"])
                    self.errors.append(" ".join(parts))
                case "Runtime.exceptionThrown":
                    self.errors.append(str(parameters["exceptionDetails"]))
                case None if said["id"] in self._waiting:
                    self._waiting.pop(said["id"]).set_result(said)


def _lines(path: Path) -> list[str]:
    lines = path.read_text().splitlines() if path.exists() else []
    return lines if len(lines) == 2 else []
