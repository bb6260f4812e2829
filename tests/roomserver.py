"""A real LiveKit server on loopback, a D-ID that names its rooms, and an agent that comes in.

The server is ``livekit-server`` on the path, or what ``DID_TUI_LIVEKIT_SERVER`` names.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import numpy as np
import pytest

from did_tui.api.client import Client
from did_tui.api.credentials import Credentials
from did_tui.live import roomsdk

KEY, SECRET = "devkey", "secret-of-a-server-on-loopback-alone"
SIZE = 128  # pixels of a side of the agent's picture
RATE = 48_000
TOPICS = ("lk.chat", "did.speak", "did.interrupt", "did.stt-language", "did.presentation")

BINARY = os.environ.get("DID_TUI_LIVEKIT_SERVER") or shutil.which("livekit-server")
needs_server = pytest.mark.skipif(
    not BINARY,
    reason="there is no livekit-server: go install"
    " github.com/livekit/livekit-server/cmd/server@v1.13.5, and DID_TUI_LIVEKIT_SERVER names it",
)


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class Server:
    """A server that runs."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.url = f"ws://127.0.0.1:{port}"
        self.process = process


@contextmanager
def running_server(**room: Any) -> Iterator[Server]:
    """A server that ends with the block; ``room`` is its configuration of rooms.

    A port that was free a moment ago can be another test's now: three tries.
    """
    server = _started(room) or _started(room) or _started(room)
    assert server is not None, "livekit-server does not run"
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait(10)


def _started(room: dict[str, Any]) -> Server | None:
    """A server that listens; None where it ended at once."""
    port = free_port()
    settings = {
        "port": port,
        "bind_addresses": ["127.0.0.1"],
        "keys": {KEY: SECRET},
        "logging": {"level": "error"},
        "rtc": {
            "tcp_port": free_port(),
            "udp_port": free_port(socket.SOCK_DGRAM),
            "node_ip": "127.0.0.1",
            "enable_loopback_candidate": True,
        },
        "room": {"empty_timeout": 30, "departure_timeout": 2, **room},
    }
    process = subprocess.Popen(
        [str(BINARY), "--config-body", json.dumps(settings)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                process.kill()
                process.wait(10)
            time.sleep(0.05)
        else:
            return Server(port, process)
    return None


def token(identity: str, room: str, *, seconds: float = 600, **grants: Any) -> str:
    """What opens a room."""
    now = int(time.time())
    claims = {
        "iss": KEY,
        "sub": identity,
        "nbf": min(now, now + int(seconds)) - 60,
        "exp": now + int(seconds),
        "video": {"room": room, "roomJoin": True, "canUpdateOwnMetadata": True, **grants},
    }
    parts = [_part(json.dumps(one).encode()) for one in ({"alg": "HS256", "typ": "JWT"}, claims)]
    signed = ".".join(parts)
    mac = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_part(mac)}"


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class AgentPeer:
    """What D-ID's agent does in a room, as its documents say; driven by the test."""

    def __init__(self, url: str, room: str) -> None:
        roomsdk.load()
        from livekit import rtc

        self.sdk = rtc
        self.room = rtc.Room()
        self.name = room
        self.texts: list[tuple[str, str]] = []
        self.loud = 0  # frames of the user's voice
        self._url = url
        self._tasks: set[asyncio.Task[None]] = set()

    async def come(self, *, media: bool = True) -> AgentPeer:
        """Come in, listen, and show a face."""
        for topic in TOPICS:
            self.room.register_text_stream_handler(topic, self._reader(topic))
        self.room.on("track_subscribed", lambda track, _what, _who: self._spawn(self._hear(track)))
        options = self.sdk.RoomOptions(dynacast=False)
        await self.room.connect(self._url, token("agent", self.name), options)
        if media:
            self._spawn(self._show())
        return self

    @property
    def attributes(self) -> dict[str, str]:
        """What the user's side says of itself."""
        return {
            k: v
            for who in self.room.remote_participants.values()
            for k, v in who.attributes.items()
        }

    def _reader(self, topic: str) -> Callable[[Any, str], None]:
        async def read(reader: Any) -> None:
            self.texts.append((topic, await reader.read_all()))

        return lambda reader, _who: self._spawn(read(reader))

    async def _hear(self, track: Any) -> None:
        stream = self.sdk.AudioStream(track, sample_rate=RATE, num_channels=1, capacity=50)
        async for event in stream:
            self.loud += bool(np.abs(np.frombuffer(event.frame.data, np.int16)).max() > 1000)

    async def _show(self) -> None:
        """A grey face and a tone, 25 pictures a second."""
        sdk, here = self.sdk, self.room.local_participant
        picture = sdk.VideoSource(SIZE, SIZE)
        sound = sdk.AudioSource(RATE, 1)
        for track, source in (
            (sdk.LocalVideoTrack.create_video_track("face", picture), "SOURCE_CAMERA"),
            (sdk.LocalAudioTrack.create_audio_track("voice", sound), "SOURCE_MICROPHONE"),
        ):
            kind = getattr(sdk.TrackSource, source)
            await here.publish_track(track, sdk.TrackPublishOptions(source=kind, simulcast=False))
        tone = (np.sin(np.arange(RATE // 25) * 2 * np.pi * 500 / RATE) * 8000).astype(np.int16)
        shade = 0
        while True:
            shade = (shade + 4) % 200
            planes = bytes([shade]) * SIZE**2 + bytes([128]) * (SIZE**2 // 2)
            picture.capture_frame(
                sdk.VideoFrame(SIZE, SIZE, sdk.VideoBufferType.I420, bytearray(planes))
            )
            await sound.capture_frame(sdk.AudioFrame(tone.tobytes(), RATE, 1, len(tone)))

    async def tell(self, subject: str, **payload: Any) -> None:
        """A data packet."""
        await self.room.local_participant.publish_data(json.dumps(payload), topic=subject)

    async def call(self, name: str, **given: Any) -> str:
        """Have the user's side run a tool."""
        async with asyncio.timeout(10):
            while not self.room.remote_participants:
                await asyncio.sleep(0.01)
        [who] = self.room.remote_participants
        return await self.room.local_participant.perform_rpc(
            destination_identity=who,
            method=name,
            payload=json.dumps(given),
            response_timeout=10,
        )

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def leave(self) -> None:
        """Go."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.room.disconnect()


class RoomsOfDid:
    """A D-ID whose only agent is expressive; it comes into every room that is asked for.

    ``url`` and ``seconds`` are what the next session names, ``absent`` the rooms without an agent.
    """

    def __init__(
        self, server: Server, bring: Callable[[str], Awaitable[object]] | None = None
    ) -> None:
        self.server = server
        self._bring = bring or self._come
        self.url = server.url
        self.seconds = 600.0
        self.grants: dict[str, Any] = {}
        self.interrupts = True
        self.absent = 0
        self.asked: list[tuple[str, Any]] = []
        self.agents: list[AgentPeer] = []
        transport = httpx.MockTransport(self._answer)
        self.client = Client(Credentials.parse("user:pass"), transport=transport)

    @property
    def agent(self) -> AgentPeer:
        """The newest."""
        return self.agents[-1]

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        body = json.loads(request.content) if request.content else None
        self.asked.append((path, body))
        if path.endswith("/runtime"):
            avatar = {"type": "expressive"}
            return httpx.Response(200, json={"id": "agt_1", "name": "Ada", "avatar": avatar})
        if path == "/v2/agents/agt_1/sessions":
            name = f"sess_{os.urandom(4).hex()}"
            if self.absent:
                self.absent -= 1
            else:
                await self._bring(name)
            session = {
                "id": name,
                "session_url": self.url,
                "session_token": token("user", name, seconds=self.seconds, **self.grants),
                "interrupt_enabled": self.interrupts,
            }
            return httpx.Response(201, json=session)
        return httpx.Response(404, json={"kind": "NotFound", "description": path})

    async def _come(self, name: str) -> None:
        self.agents.append(await AgentPeer(self.server.url, name).come())

    @property
    def sessions(self) -> int:
        """How many were asked for."""
        return sum(path.endswith("/sessions") for path, _ in self.asked)

    async def close(self) -> None:
        """Everybody goes."""
        for agent in self.agents:
            await agent.leave()
        await self.client.close()
