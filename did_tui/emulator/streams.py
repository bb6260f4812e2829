"""The streams that are open at the emulator (protocol 3)."""

from __future__ import annotations

import asyncio
import json
import random
import string
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from did_tui.emulator.characters import Character, Faces
from did_tui.emulator.limits import LONGEST_TIMEOUT, Limits
from did_tui.emulator.notifications import Notifications
from did_tui.emulator.peer import Peer
from did_tui.emulator.refusal import Refusal, bad_request
from did_tui.emulator.stage import Utterance
from did_tui.emulator.store import timestamp
from did_tui.emulator.voice import Speech, Voice, sentences

WARMUP = 2.0  # seconds of idle picture before ``stream/ready`` (protocol 3.2)
GLANCE = 0.25  # seconds between two looks at a stream that is due to be closed


@dataclass(slots=True)
class LiveStream:
    """One open stream and what is being said on it.

    ``timeout`` is how many seconds without a message it may live, None for the account's own;
    ``touched`` when the last one came, on the event loop's clock. A ``lost`` stream still plays,
    but nothing can be asked of it. ``chats`` are those that were held on it.
    """

    id: str
    session_id: str
    agent_id: str
    connection: str
    fluent: bool
    character: Character
    timeout: float | None
    touched: float
    peer: Peer = field(init=False)
    answering: int = 0
    lost: bool = False
    chats: set[str] = field(default_factory=set)
    speaking: set[asyncio.Task[None]] = field(default_factory=set)
    watch: asyncio.Task[None] = field(init=False)

    def touch(self) -> None:
        """Note that the client has said something."""
        self.touched = asyncio.get_running_loop().time()


class Streams:
    """Opens, finds and closes streams.

    ``addresses`` are the local addresses that the media plane binds, None for all of them.
    ``closed`` counts the streams that have ended, by their reason.
    """

    def __init__(
        self,
        faces: Faces,
        voice: Voice,
        notifications: Notifications,
        limits: Limits,
        *,
        addresses: Sequence[str] | None,
        seed: int | None = None,
    ) -> None:
        self._faces, self._voice, self._addresses = faces, voice, addresses
        self._notifications, self._limits = notifications, limits
        self._random = random.Random(seed)
        self._open: dict[str, LiveStream] = {}
        self._opening = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self.opened = 0
        self.closed: Counter[str] = Counter()
        #: Told of each stream that has ended while the emulator runs.
        self.on_end: Callable[[LiveStream], None] = lambda _stream: None

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[LiveStream]:
        return iter(list(self._open.values()))

    async def open(
        self, agent: Mapping[str, Any], character: Character, options: Mapping[str, Any], to: str
    ) -> dict[str, Any]:
        """Open a stream for a connection id; the body of the 201."""
        kind = agent["presenter"]["type"]
        if kind == "expressive":
            raise Refusal(400, "BadRequest", "expressive agents have sessions, not streams")
        timeout = _timeout(options.get("session_timeout"))
        if self._limits.broke:
            raise Refusal(402, "InsufficientCreditsError", "not enough credits")
        if self._opening + sum(not stream.lost for stream in self) >= self._limits.sessions:
            raise Refusal(403, "Forbidden", "Max user sessions reached")
        fluent = bool(options.get("fluent")) and kind == "clip"
        self._opening += 1
        try:
            face = await asyncio.to_thread(self._faces.get, character.look)
        finally:
            self._opening -= 1
        stream = LiveStream(
            self._letters("strm_", 21),
            self._session_id(),
            agent["id"],
            to,
            fluent,
            character,
            timeout,
            asyncio.get_running_loop().time(),
        )
        stream.peer = Peer(
            face.twin(),  # a face remembers its mood: one for each stream
            fluent=fluent,
            codec="H264" if options.get("compatibility_mode") == "off" else "VP8",
            addresses=self._addresses,
            warmup=WARMUP if options.get("stream_warmup") and not fluent else 0.0,
            on_message=lambda text: self._heard(stream, text),
            on_gone=lambda: self._spawn(self._linger(stream)),
        )
        stream.watch = asyncio.create_task(self._expire(stream))
        self._open[stream.id] = stream
        self.opened += 1
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
            "ice_servers": self._limits.ice_servers,
            "fluent": fluent,
            "interrupt_enabled": fluent,
        }

    def find(self, agent_id: str, stream_id: str, session_id: object) -> LiveStream:
        """The stream; a refusal in D-ID's words where it is gone or the session does not fit."""
        stream = self._open.get(stream_id)
        if stream is None or stream.lost or stream.session_id != session_id:
            raise Refusal(400, "SessionError", "missing or invalid session_id")
        if stream.agent_id != agent_id:
            raise _not_owned()
        return stream

    def find_to_close(self, agent_id: str, stream_id: str, session_id: object) -> LiveStream:
        """As ``find``, for a DELETE: a stream that is gone is a 404 (protocol 3.9)."""
        if stream_id not in self._open or self._open[stream_id].lost:
            raise _not_owned()
        return self.find(agent_id, stream_id, session_id)

    def check_pending(self, stream: LiveStream) -> None:
        """Refuse where too much waits on the stream already (protocol 2.8)."""
        if stream.answering + stream.peer.stage.waiting >= self._limits.pending:
            said = "User stream has reached pending requests limit"
            raise Refusal(429, "TooManyRequests", said)

    def say(self, stream: LiveStream, text: str, *, ssml: bool = False) -> str:
        """Have the agent say a text; the id of the utterance."""
        utterance = self._utterance(stream, {"type": "text", "input": text, "ssml": ssml})
        task = asyncio.create_task(self._synthesise(stream, utterance, text, ssml))
        stream.speaking.add(task)
        task.add_done_callback(stream.speaking.discard)
        return utterance.video_id

    def play(self, stream: LiveStream, speech: Speech, url: str) -> str:
        """Have the agent speak a sound; the id of the utterance."""
        utterance = self._utterance(stream, {"type": "audio", "audio_url": url})
        stream.peer.stage.extend(utterance, speech)
        utterance.complete = True
        return utterance.video_id

    def _utterance(self, stream: LiveStream, script: Mapping[str, Any]) -> Utterance:
        stream.touch()
        metadata = {"videoId": self._letters("vid_", 12)}
        payload = {"metadata": metadata} if stream.fluent else None

        def tell(what: str) -> None:
            stream.peer.send(f"stream/{what}", payload)
            event = {"event": f"stream-video/{what}", "metadata": metadata, "script": script}
            self._notifications.send(stream.connection, event)

        utterance = Utterance(metadata["videoId"], lambda: tell("started"), lambda: tell("done"))
        stream.peer.stage.add(utterance)
        return utterance

    async def close(self, stream: LiveStream, reason: str = "manual") -> None:
        """Close a stream and tell its socket why; closing it again does nothing."""
        if self._open.pop(stream.id, None) is None:
            return
        self.closed[reason] += 1
        for task in (stream.watch, *stream.speaking):
            if task is not asyncio.current_task():
                task.cancel()
        # First the word on the socket, then the drop of the connection (protocol 3.9).
        if reason != "manual" and not stream.lost:
            event = {"event": "stream/done", "close_reason": reason, "completed_at": timestamp()}
            self._notifications.send(stream.connection, event)
            await asyncio.sleep(0)
        await stream.peer.close()
        if reason != "shutdown":
            self.on_end(stream)

    async def close_all(self) -> None:
        """Close every stream."""
        for stream in self:
            await self.close(stream, "shutdown")
        for task in self._tasks:
            task.cancel()

    async def _expire(self, stream: LiveStream) -> None:
        """Close the stream when no message has come for its time and it has finished talking."""
        while True:
            wait = self.remaining(stream)
            heard = stream.peer.state == "connected" and stream.peer.stage.speaking
            if wait <= 0 and not stream.answering and not heard:
                await self.close(stream, "inactivity")
                return
            # The account's limit may be changed meanwhile, so it is looked at now and then.
            await asyncio.sleep(min(max(wait, GLANCE), 1.0))

    async def _linger(self, stream: LiveStream) -> None:
        """Close a stream that its client has left, if it forgets to: it counts until then."""
        await asyncio.sleep(self._limits.linger_seconds)
        await self.close(stream, "peer_disconnected")

    def limit(self, stream: LiveStream) -> float:
        """Seconds without a message that the stream may live."""
        return self._limits.idle_seconds if stream.timeout is None else stream.timeout

    def remaining(self, stream: LiveStream) -> float:
        """Seconds until the stream is closed if nothing is said."""
        return stream.touched + self.limit(stream) - asyncio.get_running_loop().time()

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
        stream.touch()
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


def _timeout(seconds: object) -> float | None:
    """``session_timeout``, checked (protocol 3.2)."""
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise bad_request("session_timeout must be a number of seconds")
    if not 0 < seconds <= LONGEST_TIMEOUT:
        raise bad_request(f"session_timeout must be at most {LONGEST_TIMEOUT}")
    return float(seconds)


def _not_owned() -> Refusal:
    return Refusal(404, "NotFoundError", "stream_id doesn't exits or not owened by the user")
