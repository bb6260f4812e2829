"""A V1 stream: WebRTC with the service as the offerer (streams guide; protocol 3).

The order that matters: the data channel exists before the answer is made; the answer is posted at
once, while candidates are still being gathered; each candidate is posted as it is known, then the
end of them. ``session_id`` goes back verbatim.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.sdp import candidate_to_sdp
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from did_tui.api.client import Client
from did_tui.api.errors import DidError, Unreachable
from did_tui.api.models import Stream
from did_tui.live import rtc, wire
from did_tui.live.events import (
    Event,
    SessionEnded,
    StepBegun,
    StepDone,
    StreamGranted,
)

CHANNEL = "JanusDataChannel"
CLOSE_SECONDS = 2.0
SOCKET_SECONDS = 10.0
LARGEST_NOTIFICATION = 1 << 20  # bytes

Emit = Callable[[Event], None]


class OfferUnreadable(DidError):
    """The service sent an offer that aiortc cannot read."""

    advice = "Please report this, with the report of --report."


class WebRtcStream:
    """One stream, from the POST that opens it to the DELETE that ends it.

    ``emit`` gets events, ``on_track`` the media tracks; both are called in the event loop.
    """

    def __init__(
        self,
        client: Client,
        agent_id: str,
        connection: str,
        emit: Emit,
        on_track: Callable[[MediaStreamTrack], None],
    ) -> None:
        self._client, self._agent_id, self._connection = client, agent_id, connection
        self._emit, self._on_track = emit, on_track
        self._pc: RTCPeerConnection | None = None
        self._channel: RTCDataChannel | None = None
        self._creating: asyncio.Future[Stream] | None = None
        self._closing = False
        self.stream: Stream | None = None

    async def open(self, options: Mapping[str, Any]) -> None:
        """Create the stream and answer its offer; events tell when it is connected.

        Raises ``DidError``. Whatever happens, ``close`` must be called.
        """
        self._emit(StepBegun("stream"))
        # Shielded: a stream that was created must be known to close(), which deletes it.
        self._creating = asyncio.ensure_future(
            self._client.create_stream(self._agent_id, options, connection=self._connection)
        )
        self.stream = stream = await asyncio.shield(self._creating)
        self._emit(StepDone("stream"))
        warmup = bool(options.get("stream_warmup"))
        self._emit(StreamGranted(stream.fluent, stream.interrupt_enabled, warmup))
        pc = await self._prepare(stream)
        answer = await pc.createAnswer()
        self._emit(StepBegun("answer"))
        self._emit(StepBegun("network"))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send_answer(stream, answer.sdp))
            tasks.create_task(self._gather(pc, stream, answer))

    def send(self, text: str) -> bool:
        """Write on the data channel; False where it is not open."""
        if self._channel is None or self._channel.readyState != "open":
            return False
        self._channel.send(text)
        return True

    async def close(self) -> None:
        """Delete the stream at the service and end the connection; takes at most some seconds.

        Never raises: a service that has forgotten the stream has nothing to delete.
        """
        if self._closing:
            return
        self._closing = True
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_at_most(CLOSE_SECONDS, self._delete()))
            tasks.create_task(_at_most(CLOSE_SECONDS, self._hang_up()))

    # Setting up

    async def _prepare(self, stream: Stream) -> RTCPeerConnection:
        # The bundle policy stays "balanced": with "max-bundle", aiortc 1.16 closes the very
        # transport that a data channel created before the offer shares with the tracks.
        self._pc = pc = RTCPeerConnection(RTCConfiguration(iceServers=rtc.ice_servers(stream)))
        pc.on("track", self._on_track)
        pc.on("connectionstatechange", self._changed)
        self._channel = channel = pc.createDataChannel(CHANNEL)
        channel.on("open", lambda: self._emit(StepDone("channel")))
        channel.on("message", self._heard)
        sdp = stream.offer_sdp
        try:
            await pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
        except Exception as error:  # aiortc raises every kind for a damaged SDP
            raise OfferUnreadable(
                f"The service sent an offer that this program cannot read ({error or 'empty'})."
            ) from error
        if rtc.offers_loopback_only(sdp):
            rtc.gather_on_loopback(pc)
        return pc

    async def _send_answer(self, stream: Stream, sdp: str) -> None:
        await self._client.send_answer(self._agent_id, stream, sdp, connection=self._connection)
        self._emit(StepDone("answer"))

    async def _gather(
        self, pc: RTCPeerConnection, stream: Stream, answer: RTCSessionDescription
    ) -> None:
        await pc.setLocalDescription(answer)
        sending = [
            self._send_candidate(stream, wire.candidate_fields(candidate_to_sdp(candidate), "0", 0))
            for candidate in rtc.local_candidates(pc)
        ]
        await asyncio.gather(*sending)
        await self._send_candidate(stream, None)

    async def _send_candidate(self, stream: Stream, candidate: Mapping[str, Any] | None) -> None:
        await self._client.send_candidate(
            self._agent_id, stream, candidate, connection=self._connection
        )

    # What the peer connection says

    def _changed(self) -> None:
        if self._pc is None or self._closing:
            return
        match self._pc.connectionState:
            case "connected":
                self._emit(StepDone("network"))
                self._emit(StepBegun("channel"))
            case "failed" | "closed":
                self._emit(SessionEnded("network"))

    def _heard(self, data: object) -> None:
        event = wire.from_channel(data)
        if event is not None:
            self._emit(event)

    # Ending

    async def _delete(self) -> None:
        if self._creating is None:
            return
        try:
            stream = await self._creating
            await self._client.delete_stream(self._agent_id, stream, connection=self._connection)
        except DidError:
            pass  # never made, gone already, or unreachable: the service ends it by itself

    async def _hang_up(self) -> None:
        if self._pc is not None:
            await self._pc.close()


class NotificationsSocket:
    """The notifications socket of one connection id (protocol 3.6)."""

    def __init__(self, client: Client, connection: str, emit: Emit) -> None:
        self._url = client.notifications_url(connection)
        self._emit = emit
        self._reading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect and begin to read; raises ``Unreachable``."""
        host = self._url.partition("?")[0]
        try:
            socket = await connect(
                self._url,
                open_timeout=SOCKET_SECONDS,
                close_timeout=CLOSE_SECONDS,
                max_size=LARGEST_NOTIFICATION,
                compression=None,
            )
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
            # Only the kind of error: its text may hold the address with the key inside.
            raise Unreachable(
                f"The notifications of {host} cannot be reached ({type(error).__name__})."
            ) from None
        self._reading = asyncio.create_task(self._read(socket))

    async def close(self) -> None:
        """Disconnect."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self, socket: Any) -> None:
        async with socket:
            try:
                async for message in socket:
                    event = wire.from_socket(message)
                    if event is not None:
                        self._emit(event)
            except ConnectionClosed:
                pass  # text still comes by the data channel and the responses


async def _at_most(seconds: float, work: Awaitable[None]) -> None:
    try:
        await asyncio.wait_for(work, seconds)
    except TimeoutError:
        pass  # what did not end by then is left to the service's own time-out
