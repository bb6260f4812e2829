"""A speaker in a browser: a page on this machine's loopback, for a tab here or behind ``ssh -L``.

A thread serves one page and, over a WebSocket, the sound: Opus where the browser decodes it
(WebCodecs), else PCM. The address holds a random token; who does not know it, or comes from another
page, gets nothing. The page tells what it has heard, so the latency is the true one.
"""

from __future__ import annotations

import asyncio
import functools
import hmac
import json
import logging
import math
import re
import secrets
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from http import HTTPStatus
from importlib import resources

import av
import numpy as np
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from did_tui.live.media.plan import WEB_PORT
from did_tui.live.media.speaker import FRAME_BYTES, RATE, PacedSpeaker, SpeakerError

MOST_LISTENERS = 4

PACKET = RATE // 50
"""Frames in a packet: 20 ms, Opus's usual size."""

MOST_QUEUED = 25
"""Packets that wait for one listener here, half a second; the oldest are dropped."""

MOST_UNHEARD = 75
"""Packets on the way, 1.5 s, from which no more are sent until some were heard: it is stuck."""

OPUS_BITS = 64_000
"""Bits a second for speech in stereo; PCM is mono, at 768,000."""

BELIEVABLE = 30.0
"""Seconds of latency above which a page is mistaken."""

GIVEN_UP = 10.0
"""Seconds after which what was sent and not heard does not count as on the way any more."""

CODECS = ("opus", "pcm")
_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?")
_SILENT_LOG = logging.getLogger("did_tui.live.media.web")
_SILENT_LOG.disabled = True  # requests hold the token


@functools.cache
def _token() -> str:
    """One for this process: a tab stays good for the next conversation."""
    return secrets.token_urlsafe(16)


class Opus:
    """Packets of 20 ms from s16 stereo; each with the frame it begins at."""

    def __init__(self) -> None:
        context = av.CodecContext.create("libopus", "w")
        assert isinstance(context, av.AudioCodecContext)  # noqa: S101 (Opus is sound)
        context.sample_rate, context.layout, context.format = RATE, "stereo", "s16"
        context.bit_rate = OPUS_BITS
        context.options = {"application": "voip", "frame_duration": "20"}
        self._context = context

    def encode(self, first: int, pcm: bytes) -> list[tuple[int, bytes]]:
        """Encode a packet's worth; the encoder looks ahead, so what begins is a little earlier."""
        samples = np.frombuffer(pcm, np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
        frame.sample_rate, frame.pts = RATE, first
        return [(packet.pts or 0, bytes(packet)) for packet in self._context.encode(frame)]


def mono(pcm: bytes) -> bytes:
    """Return the middle of s16 stereo, little-endian."""
    both = np.frombuffer(pcm, np.int16).reshape(-1, 2).astype(np.int32)
    middle: bytes = (both.sum(axis=1) // 2).astype("<i2").tobytes()
    return middle


class Listener:
    """One open page; event loop only, but for ``latency``."""

    def __init__(self, connection: ServerConnection, codec: str) -> None:
        self.connection, self.codec = connection, codec
        self._queue: deque[bytes | str] = deque(maxlen=MOST_QUEUED)
        self._filled = asyncio.Event()
        self._unheard: deque[tuple[int, float]] = deque()  # first frames, and when they were sent
        self._started_at = math.nan  # when frame 0 was, or would have been, heard

    def offer(self, first: int, data: bytes) -> None:
        """Send a packet that begins with this frame, unless the line is stuck."""
        now = time.monotonic()
        while self._unheard and now - self._unheard[0][1] > GIVEN_UP:
            self._unheard.popleft()
        if len(self._unheard) < MOST_UNHEARD:
            self._unheard.append((first, now))
            self._put(struct.pack("<d", first) + data)

    def tell(self, words: dict[str, object]) -> None:
        """Send a message."""
        self._put(json.dumps(words))

    def flush(self) -> None:
        """Drop what waits, here and there."""
        self._queue.clear()
        self._unheard.clear()
        self.tell({"flush": True})

    def report(self, message: str | bytes, written: int) -> None:
        """Take what a page says that it has heard; raises ValueError for anything else."""
        words = json.loads(message)
        heard = float(words["heard"]) if isinstance(words, dict) and "heard" in words else math.nan
        if not written - BELIEVABLE * RATE <= heard <= written:
            raise ValueError("not heard")
        while self._unheard and self._unheard[0][0] <= heard:
            self._unheard.popleft()
        # It was true when it was sent, half a round trip ago.
        started = time.monotonic() - self.connection.latency / 2 - heard / RATE
        change = started - self._started_at
        self._started_at = self._started_at + change / 4 if abs(change) < 0.1 else started

    def latency(self, written: int) -> float:
        """Seconds until a frame written now is heard, nan while that is unknown."""
        return self._started_at + written / RATE - time.monotonic()

    async def send(self) -> None:
        """Send what was put, until the connection is closed."""
        while True:
            while self._queue:
                await self.connection.send(self._queue.popleft())
            self._filled.clear()
            await self._filled.wait()

    def _put(self, data: bytes | str) -> None:
        self._queue.append(data)
        self._filled.set()


class WebSpeaker(PacedSpeaker):
    """Plays in up to four tabs; the latency is that of the one which came first.

    Opening raises SpeakerError where the port is taken. 0 is any port.
    """

    def __init__(self, port: int = WEB_PORT) -> None:
        super().__init__("browser, not yet open")
        self.remote, self.audible = True, False
        self._pending = bytearray()
        self._written = 0  # frames
        self._opus: Opus | None = None
        self._listeners: tuple[Listener, ...] = ()
        ready: Future[int] = Future()
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(
            target=self._run, args=(port, ready), name="browser-speaker", daemon=True
        )
        self._thread.start()
        try:
            self.port = ready.result()
        except OSError:
            self._thread.join()
            raise SpeakerError(
                f"Port {port} of this machine is taken: choose another one with --audio web:PORT"
            ) from None
        self.invitation = f"To hear it, open http://127.0.0.1:{self.port}/{_token()} in a browser."

    def latency(self) -> float:
        """Return the seconds until a frame written now is heard, 0 while nobody listens."""
        listeners = self._listeners
        return listeners[0].latency(self._written) if listeners else 0.0

    def flush(self) -> bool:
        """Make the pages drop what they have not played; they let it die away."""
        with self._lock:
            self._pending.clear()
            self._call(self._flush_all)
            return True

    def _play(self, pcm: bytes) -> None:
        self._pending += pcm
        self._written += len(pcm) // FRAME_BYTES
        size = PACKET * FRAME_BYTES
        while len(self._pending) >= size:
            first = self._written - len(self._pending) // FRAME_BYTES
            piece = bytes(self._pending[:size])
            del self._pending[:size]
            codecs = {listener.codec for listener in self._listeners}
            self._opus = (self._opus or Opus()) if "opus" in codecs else None
            packets = {
                "opus": self._opus.encode(first, piece) if self._opus else [],
                "pcm": [(first, mono(piece))] if "pcm" in codecs else [],
            }
            self._call(functools.partial(self._hand_out, packets))

    def _finish(self) -> None:
        self._call(self._ended.set)
        self._thread.join(2)

    def _call(self, what: Callable[[], object]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what)

    # In the event loop

    def _run(self, port: int, ready: Future[int]) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve(port, ready))
        finally:
            self._loop.close()

    async def _serve(self, port: int, ready: Future[int]) -> None:
        try:
            server = await serve(
                self._listen,
                "127.0.0.1",
                port,
                process_request=self._answer,
                compression=None,
                max_size=1024,
                max_queue=4,
                write_limit=4096,
                ping_interval=2,
                ping_timeout=10,
                open_timeout=5,
                close_timeout=0.5,
                server_header=None,
                logger=_SILENT_LOG,
            )
        except OSError as error:
            ready.set_exception(error)
            return
        async with server:
            ready.set_result(next(iter(server.sockets)).getsockname()[1])
            while not self._ended.is_set():
                for listener in self._listeners:
                    latency = listener.latency(self._written)
                    if not math.isnan(latency):
                        listener.tell({"latency": round(latency, 3)})
                try:
                    await asyncio.wait_for(self._ended.wait(), 1)
                except TimeoutError:
                    continue

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Decide about a request: the page, the WebSocket (None) or a refusal."""
        host = request.headers.get("Host", "")
        if not _HOST.fullmatch(host):  # a name that somebody made point here
            return connection.respond(HTTPStatus.FORBIDDEN, "Wrong host.\n")
        _, token, *rest = [*request.path.split("/"), ""]
        if not hmac.compare_digest(token.encode(), _token().encode()):
            return connection.respond(HTTPStatus.FORBIDDEN, "Wrong address.\n")
        if rest == [""]:
            return _page(host)
        if request.headers.get("Origin") != f"http://{host}":
            return connection.respond(HTTPStatus.FORBIDDEN, "Wrong origin.\n")
        if rest[0] not in CODECS or rest[1:] != [""]:
            return connection.respond(HTTPStatus.NOT_FOUND, "Nothing here.\n")
        return None

    async def _listen(self, connection: ServerConnection) -> None:
        """Serve one page's WebSocket until it goes."""
        if len(self._listeners) >= MOST_LISTENERS:
            await connection.close(1013, f"{MOST_LISTENERS} tabs listen already.")
            return
        path = connection.request.path if connection.request else ""
        listener = Listener(connection, path.rpartition("/")[2])
        self._change((*self._listeners, listener))
        sending = asyncio.create_task(listener.send())
        try:
            async for message in connection:
                listener.report(message, self._written)
        except (ValueError, ConnectionClosed):
            await connection.close(1008, "Not understood.")
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            self._change(tuple(other for other in self._listeners if other is not listener))

    def _change(self, listeners: tuple[Listener, ...]) -> None:
        self._listeners = listeners
        self.audible = bool(listeners)
        self.name = f"browser, {len(listeners)} listening" if listeners else "browser, not open"

    def _flush_all(self) -> None:
        for listener in self._listeners:
            listener.flush()

    def _hand_out(self, packets: dict[str, list[tuple[int, bytes]]]) -> None:
        for listener in self._listeners:
            for first, data in packets[listener.codec]:
                listener.offer(first, data)


def _page(host: str) -> Response:
    """The page; ``host`` was checked, so it may stand in a header."""
    nonce = secrets.token_urlsafe(12)
    text = resources.files(__package__).joinpath("listen.html").read_text(encoding="utf-8")
    body = text.replace("NONCE", nonce).encode()
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}' blob:; style-src 'nonce-{nonce}';"
        f" connect-src ws://{host}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Length": str(len(body)),
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        "Connection": "close",
    }
    return Response(HTTPStatus.OK, "OK", Headers(headers), body)
