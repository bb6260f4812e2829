"""The streams that are open at the emulator (protocol 3)."""

from __future__ import annotations

import asyncio
import json
import random
import string
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from did_tui.emulator.characters import Character, Faces
from did_tui.emulator.peer import Peer
from did_tui.emulator.refusal import Refusal
from did_tui.emulator.stage import Utterance
from did_tui.emulator.voice import Voice, sentences

WARMUP = 2.0  # seconds of idle picture before ``stream/ready`` (protocol 3.2)


@dataclass(slots=True)
class LiveStream:
    """One open stream and what is being said on it."""

    id: str
    session_id: str
    agent_id: str
    connection: str
    fluent: bool
    character: Character
    peer: Peer = field(init=False)
    speaking: set[asyncio.Task[None]] = field(default_factory=set)


class Streams:
    """Opens, finds and closes streams.

    ``addresses`` are the local addresses that the media plane binds, None for all of them.
    """

    def __init__(
        self,
        faces: Faces,
        voice: Voice,
        *,
        addresses: Sequence[str] | None,
        seed: int | None = None,
        on_closed: Callable[[LiveStream, str], Awaitable[None]],
    ) -> None:
        self._faces, self._voice, self._addresses = faces, voice, addresses
        self._random = random.Random(seed)
        self._on_closed = on_closed
        self._open: dict[str, LiveStream] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._open)

    async def open(
        self, agent: Mapping[str, Any], character: Character, options: Mapping[str, Any], to: str
    ) -> dict[str, Any]:
        """Open a stream for a connection id; the body of the 201."""
        kind = agent["presenter"]["type"]
        if kind == "expressive":
            raise Refusal(400, "BadRequest", "expressive agents have sessions, not streams")
        fluent = bool(options.get("fluent")) and kind == "clip"
        stream = LiveStream(
            self._letters("strm_", 21), self._session_id(), agent["id"], to, fluent, character
        )
        face = await asyncio.to_thread(self._faces.get, character.look)
        stream.peer = Peer(
            face.twin(),  # a face remembers its mood: one for each stream
            fluent=fluent,
            codec="H264" if options.get("compatibility_mode") == "off" else "VP8",
            addresses=self._addresses,
            warmup=WARMUP if options.get("stream_warmup") and not fluent else 0.0,
            on_open=lambda: None,
            on_message=lambda text: self._heard(stream, text),
            on_gone=lambda: self._spawn(self.close(stream, "peer_disconnected")),
        )
        self._open[stream.id] = stream
        try:
            offer = {"type": "offer", "sdp": await stream.peer.offer()}
        except BaseException:
            await self.close(stream, "shutdown")
            raise
        return {
            "id": stream.id,
            "session_id": stream.session_id,
            "offer": offer,
            "jsep": offer,
            "ice_servers": [],
            "fluent": fluent,
            "interrupt_enabled": fluent,
        }

    def find(self, agent_id: str, stream_id: str, session_id: object) -> LiveStream:
        """The stream; a refusal in D-ID's words where it is gone or the session does not fit."""
        stream = self._open.get(stream_id)
        if stream is None or stream.session_id != session_id:
            raise Refusal(400, "SessionError", "missing or invalid session_id")
        if stream.agent_id != agent_id:
            said = "stream_id doesn't exits or not owened by the user"
            raise Refusal(404, "NotFoundError", said)
        return stream

    def say(self, stream: LiveStream, text: str, *, ssml: bool = False) -> str:
        """Have the agent say a text; the id of the utterance."""
        video_id = self._letters("vid_", 12)
        started = {"metadata": {"videoId": video_id}} if stream.fluent else None
        utterance = Utterance(
            video_id,
            on_started=lambda: stream.peer.send("stream/started", started),
            on_done=lambda: stream.peer.send("stream/done", started),
        )
        stream.peer.stage.add(utterance)
        task = asyncio.create_task(self._synthesise(stream, utterance, text, ssml))
        stream.speaking.add(task)
        task.add_done_callback(stream.speaking.discard)
        return video_id

    async def close(self, stream: LiveStream, reason: str = "manual") -> None:
        """Close a stream and tell its socket why; closing it again does nothing."""
        if self._open.pop(stream.id, None) is None:
            return
        for task in stream.speaking:
            task.cancel()
        # First the word on the socket, then the drop of the connection (protocol 3.9).
        await self._on_closed(stream, reason)
        await stream.peer.close()

    async def close_all(self) -> None:
        """Close every stream."""
        for stream in list(self._open.values()):
            await self.close(stream, "shutdown")
        for task in self._tasks:
            task.cancel()

    async def _synthesise(
        self, stream: LiveStream, utterance: Utterance, text: str, ssml: bool
    ) -> None:
        stage = stream.peer.stage
        try:
            for sentence in [text] if ssml else sentences(text):
                speech = await self._voice.say(sentence, stream.character.timbre, ssml=ssml)
                stage.extend(utterance, speech)
        finally:
            utterance.complete = True

    def _heard(self, stream: LiveStream, text: str) -> None:
        """Take a message from the client's data channel: only interrupts exist (protocol 3.7)."""
        try:
            message = json.loads(text)
        except ValueError:
            return
        if not isinstance(message, dict) or message.get("type") != "stream/interrupt":
            return
        stage = stream.peer.stage
        if stream.fluent and message.get("videoId") == stage.video_id:
            for task in stream.speaking:
                task.cancel()
            stage.interrupt()

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _letters(self, prefix: str, count: int) -> str:
        return prefix + "".join(self._random.choices(string.ascii_letters + string.digits, k=count))

    def _session_id(self) -> str:
        """A load balancer's cookie, as D-ID uses it: long, with spaces, commas and semicolons."""
        cookie = self._letters("", 128) + "+/="
        tail = "Expires=Thu, 31 Dec 2026 23:59:59 GMT; Path=/"
        return f"AWSALB={cookie}; {tail}; AWSALBCORS={cookie}; {tail}; SameSite=None; Secure"
