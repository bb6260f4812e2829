"""A client of D-ID's API that knows nothing of did-tui: httpx, aiortc and a WebSocket."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
import numpy as np
import websockets
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

SECONDS = 30.0  # for anything to happen


async def until(happened: Callable[[], object], seconds: float = SECONDS) -> None:
    """Wait for something; raises ``TimeoutError``."""
    async with asyncio.timeout(seconds):
        while not happened():
            await asyncio.sleep(0.02)


class PlainClient:
    """One user of an emulator: REST, and its control API."""

    def __init__(self, url: str, key: str = "demo:emulator") -> None:
        self.url, self.key = url, key
        self.http = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Basic {key}"}, timeout=SECONDS
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.http.aclose()

    async def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        """A request; ``body`` as JSON, if there is one."""
        return await self.http.request(method, path, json=body)

    async def agent(self, name: str) -> str:
        agents = (await self.ask("GET", "/agents/me")).json()["agents"]
        return str(next(agent["id"] for agent in agents if agent["preview_name"] == name))

    async def control(self, path: str, **body: object) -> Any:
        answer = await self.ask("POST", f"/__control/{path}", body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def fault(self, route: str, **fault: object) -> None:
        await self.control("faults", route=route, **fault)

    async def limit(self, **limits: object) -> None:
        answer = await self.ask("PATCH", "/__control/limits", limits)
        assert answer.status_code == 200, answer.text

    async def state(self) -> dict[str, Any]:
        state: dict[str, Any] = (await self.ask("GET", "/__control/state")).json()
        return state


class PlainStream:
    """One conversation: chat, stream, socket, tracks and data channel."""

    def __init__(self, client: PlainClient, agent: str, **options: object) -> None:
        self.client, self.agent, self.options = client, agent, options
        self.connection = secrets.token_hex(6)
        self.data: list[str | bytes] = []
        self.events: list[Any] = []
        self.raw: list[str | bytes] = []
        self.frames = 0
        self.packets = 0
        self.loud = 0
        self.closed_with: int | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        suffix = quote(f"Basic {self.client.key}~{self.connection}")
        socket_url = self.client.url.replace("http", "ws", 1)
        self.socket = await websockets.connect(f"{socket_url}/?authorization={suffix}")
        self._tasks.append(asyncio.create_task(self._listen()))
        self.headers = {"Authorization": f"Basic {self.client.key}~{self.connection}"}
        chat = await self._ask("POST", f"/agents/{self.agent}/chat", {"persist": False})
        self.chat_id = chat.json()["id"]
        opened = await self._ask("POST", f"/agents/{self.agent}/streams", self.options)
        assert opened.status_code == 201, opened.text
        self.opened = opened.json()
        self.path = f"/agents/{self.agent}/streams/{self.opened['id']}"
        self.pc = RTCPeerConnection()
        self.pc.on("track", lambda track: self._tasks.append(asyncio.create_task(self._eat(track))))
        self.channel = self.pc.createDataChannel("JanusDataChannel")
        self.channel.on("message", self.data.append)
        offer = self.opened["jsep"]
        await self.pc.setRemoteDescription(RTCSessionDescription(offer["sdp"], offer["type"]))
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        answer = {"type": "answer", "sdp": self.pc.localDescription.sdp}
        assert (await self.ask("POST", "/sdp", answer=answer)).status_code == 200
        await until(lambda: self.channel.readyState == "open")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.ask("DELETE")
        await self.pc.close()
        await self.socket.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def ask(self, method: str, path: str = "", **body: object) -> httpx.Response:
        """A request about this stream, with its session's id."""
        body = {"session_id": self.opened["session_id"], **body}
        return await self._ask(method, self.path + path, body)

    async def say(self, text: str) -> httpx.Response:
        """A message of the user."""
        message = {"role": "user", "content": text, "created_at": "now"}
        body = {
            "chatMode": "Functional",
            "streamId": self.opened["id"],
            "sessionId": self.opened["session_id"],
            "messages": [message],
        }
        return await self._ask("POST", f"/agents/{self.agent}/chat/{self.chat_id}", body)

    async def speak(self, text: str) -> httpx.Response:
        return await self.ask("POST", script={"type": "text", "input": text})

    def got(self, begin: str) -> bool:
        """Whether the data channel has brought such a message."""
        return any(isinstance(text, str) and text.startswith(begin) for text in self.data)

    def event(self, name: str) -> dict[str, Any] | None:
        """The first event of that name on the socket."""
        return next((e for e in self.events if e.get("event") == name), None)

    async def _ask(self, method: str, path: str, body: object) -> httpx.Response:
        return await self.client.http.request(method, path, json=body, headers=self.headers)

    async def _listen(self) -> None:
        try:
            async for message in self.socket:
                self.raw.append(message)
                if isinstance(message, str) and message.endswith("}"):
                    self.events.append(json.loads(message))
        except websockets.ConnectionClosed:
            pass
        self.closed_with = self.socket.close_code

    async def _eat(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame: Any = await track.recv()
            except MediaStreamError:
                return
            if track.kind == "video":
                self.frames += 1
            else:
                self.packets += 1
                self.loud += bool(np.abs(frame.to_ndarray().astype(int)).max() > 1000)
