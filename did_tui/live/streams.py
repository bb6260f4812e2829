"""A V1 stream: WebRTC with the service as the offerer (streams guide; protocol 3).

The order that matters: the data channel exists before the answer is made; the answer is posted at
once, while candidates are being gathered; then they are posted, and the end of them.
``session_id`` goes back verbatim.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)
from aiortc.sdp import candidate_to_sdp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from did_tui.api.client import Client
from did_tui.api.errors import BadAnswer, DidError, NotFound, SessionLost, Unreachable
from did_tui.api.http import is_loopback
from did_tui.api.models import ChatResponse, Stream
from did_tui.api.modes import Mode
from did_tui.live import ice, rtc, wire
from did_tui.live.events import (
    Event,
    Failed,
    SessionEnded,
    StepBegun,
    StepDone,
    StreamGranted,
)
from did_tui.live.journal import Journal, Page
from did_tui.live.transcript import Message

CHANNEL = "JanusDataChannel"
HANG_UP_SECONDS = 2.0
DELETE_PAUSES = (1.0, 4.0)  # seconds before a DELETE that got no answer is tried again
SOCKET_SECONDS = 10.0
LARGEST_NOTIFICATION = 1 << 20  # bytes

PERHAPS_OPEN = "The stream may be open all the same: D-ID ends it by itself after two minutes."

Emit = Callable[[Event], None]


class OfferUnreadable(DidError):
    """The service sent an offer that aiortc cannot read: ``sdp``, without its passwords."""

    advice = "Please report this."

    def __init__(self, sdp: str, why: object) -> None:
        self.sdp = re.sub(r"(?m)^(a=ice-(?:ufrag|pwd):).*$", r"\1…", sdp)
        super().__init__(f"The service sent an offer that this program cannot read: {why}.")


class NoRelay(DidError):
    """Media may only go through a relay, and there is none."""

    advice = "Allow other ways: DID_TUI_RELAY_ONLY=no."


class WebRtcStream:
    """One stream, from the POST that opens it to the DELETE that ends it.

    ``emit`` gets events, ``on_track`` the media tracks; both are called in the event loop.
    ``voice`` is sent where the service takes it, which ``takes_voice`` tells after its offer.
    """

    def __init__(
        self,
        client: Client,
        agent_id: str,
        connection: str,
        emit: Emit,
        on_track: Callable[[MediaStreamTrack], None],
        *,
        voice: MediaStreamTrack | None = None,
        relay_only: bool = False,
        attempt: int = 0,
        journal: Journal | None = None,
    ) -> None:
        self._client, self._agent_id, self._connection = client, agent_id, connection
        self._emit, self._on_track = emit, on_track
        self._voice = voice
        self.takes_voice: bool | None = None
        self._relay_only, self._attempt, self._journal = relay_only, attempt, journal
        self._page: Page | None = None
        self._pc: RTCPeerConnection | None = None
        self._channel: RTCDataChannel | None = None
        self._creating: asyncio.Future[Stream] | None = None
        self._was_connected = False
        self._closing = False
        self._gathering: asyncio.Future[None] | None = None
        self._hanging_up: asyncio.Future[Any] | None = None
        self._ending: asyncio.Future[Any] | None = None
        self.stream: Stream | None = None

    async def open(self, options: Mapping[str, Any]) -> None:
        """Create the stream and answer its offer; events tell when it is connected.

        Raises ``DidError``. Whatever happens, ``close`` must be called.
        """
        self._emit(StepBegun("stream"))
        # Shielded: a stream that was created must be known to close(), which deletes it.
        self._creating = asyncio.ensure_future(self._create(options))
        self.stream = stream = await asyncio.shield(self._creating)
        self._emit(StepDone("stream"))
        warmup, timeout = bool(options.get("stream_warmup")), options.get("session_timeout")
        self._emit(StreamGranted(stream.fluent, stream.interrupt_enabled, warmup, timeout))
        pc = await self._prepare(stream)
        answer = await pc.createAnswer()
        self._emit(StepBegun("answer"))
        self._emit(StepBegun("network"))
        gathering = asyncio.create_task(self._gather(pc, stream, answer))
        try:
            await self._client.send_answer(
                self._agent_id,
                stream,
                rtc.with_redundancy(answer.sdp, stream.offer_sdp),
                connection=self._connection,
            )
            self._emit(StepDone("answer"))
            await gathering
        finally:
            gathering.cancel()
            await asyncio.gather(gathering, return_exceptions=True)

    async def _create(self, options: Mapping[str, Any]) -> Stream:
        """Have a stream made, and write down that there is one to be closed."""
        if self._journal is not None:
            self._page = self._journal.begin(self._client, self._agent_id)
        try:
            stream = await self._client.create_stream(
                self._agent_id, options, connection=self._connection
            )
        except DidError as error:
            if isinstance(error, BadAnswer) or (
                isinstance(error, Unreachable) and error.perhaps_done
            ):
                error.advice = f"{error.advice} {PERHAPS_OPEN}"
                if self._page is not None:
                    self._page.lose()
            else:
                self._erase()
            raise
        if self._page is not None:
            self._page.complete(stream)
        return stream

    @property
    def granted(self) -> bool:
        """Whether there is a stream that could say something."""
        return self.stream is not None

    async def ask(
        self, chat_id: str, said: Sequence[Message], mode: Mode, *, voiced: bool
    ) -> ChatResponse:
        """Send the last of these messages after the others; ``voiced`` has the answer spoken."""
        return await self._client.send_message(
            self._agent_id,
            chat_id,
            [wire.message_for(message, _created(message)) for message in said],
            stream=self.stream if voiced else None,
            mode=mode,
            connection=self._connection,
        )

    async def speak(self, script: Mapping[str, Any]) -> None:
        """Have the agent say a script; nothing where there is no stream."""
        if self.stream is not None:
            await self._client.speak(
                self._agent_id, self.stream, script, connection=self._connection
            )

    def interrupt(self, video_id: str) -> None:
        """Stop an utterance."""
        self.send(wire.interrupt(video_id, int(time.time() * 1000)))

    def send(self, text: str) -> bool:
        """Write on the data channel; False where it is not open."""
        if self._channel is None or self._channel.readyState != "open":
            return False
        self._channel.send(text)
        return True

    def receiver_of(self, track: MediaStreamTrack) -> RTCRtpReceiver | None:
        """What receives a track."""
        receivers = self._pc.getReceivers() if self._pc is not None else []
        return next((receiver for receiver in receivers if receiver.track is track), None)

    async def packets(self) -> int:
        """How many packets of sound and picture have come."""
        if self._pc is None or self._closing:
            return 0
        stats = await self._pc.getStats()
        inbound = (part for part in stats.values() if part.type == "inbound-rtp")
        return sum(part.packetsReceived for part in inbound)

    async def close(self) -> None:
        """Delete the stream at the service and end the connection.

        Takes as long as the service takes to answer, a stream that is still being created included;
        never raises: a service that has forgotten the stream has nothing to delete.
        """
        if self._ending is None:
            self._closing = True
            ending = asyncio.gather(self._delete(), self._hang_up(), return_exceptions=True)
            self._ending = asyncio.ensure_future(ending)
        await asyncio.shield(self._ending)

    # Setting up

    async def _prepare(self, stream: Stream) -> RTCPeerConnection:
        # The bundle policy stays "balanced": with "max-bundle", aiortc 1.16 closes the very
        # transport that a data channel created before the offer shares with the tracks.
        policy = RTCIceTransportPolicy.RELAY if self._relay_only else RTCIceTransportPolicy.ALL
        self._pc = pc = RTCPeerConnection(
            RTCConfiguration(iceServers=[], iceTransportPolicy=policy)
        )
        pc.on("track", self._on_track)
        pc.on("connectionstatechange", self._changed)
        self._channel = channel = pc.createDataChannel(CHANNEL)
        channel.on("open", lambda: self._emit(StepDone("channel")))
        channel.on("message", self._heard)
        sdp = stream.offer_sdp
        if "m=" not in sdp:  # aiortc would answer it with as little
            raise OfferUnreadable(sdp, "it offers neither sound nor picture")
        try:
            await pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
        except Exception as error:  # aiortc raises every kind for a damaged SDP
            raise OfferUnreadable(sdp, str(error) or type(error).__name__) from error
        self.takes_voice = rtc.takes_sound(sdp)
        if self._voice is not None and self.takes_voice:
            pc.addTrack(self._voice)
        servers = ice.choose(stream.ice_servers, self._attempt)
        if self._relay_only and servers.turn is None:
            raise NoRelay(
                "D-ID offers no relay for this stream, and the settings allow no other way."
            )
        rtc.gather_with(pc, servers)
        if rtc.offers_loopback_only(sdp) and not self._relay_only:
            rtc.gather_on_loopback(pc)
        return pc

    async def _gather(
        self, pc: RTCPeerConnection, stream: Stream, answer: RTCSessionDescription
    ) -> None:
        """Gather candidates and post them; one that does not arrive is one way less."""
        # Shielded: sockets that are being opened when this is cancelled would stay open.
        self._gathering = asyncio.ensure_future(pc.setLocalDescription(answer))
        await asyncio.shield(self._gathering)
        mid = rtc.first_mid(answer.sdp)
        candidates: list[Mapping[str, Any] | None] = [
            wire.candidate_fields(candidate_to_sdp(candidate), mid, 0)
            for candidate in rtc.local_candidates(pc)
        ]
        post = self._client.send_candidate
        for group in (candidates, [None]):
            await asyncio.gather(
                *(
                    post(self._agent_id, stream, candidate, connection=self._connection)
                    for candidate in group
                ),
                return_exceptions=True,
            )

    # What the peer connection says

    def _changed(self) -> None:
        if self._pc is None or self._closing:
            return
        match self._pc.connectionState:
            case "connected":
                self._was_connected = True
                self._emit(StepDone("network"))
                self._emit(StepBegun("channel"))
            case "failed" | "closed" if self._was_connected:
                self._emit(SessionEnded("network"))
            case "failed":
                self._emit(
                    Failed(
                        "network",
                        "There is no way through the network to the agent's video.",
                        "WebRTC needs UDP or a relay that D-ID offers; a firewall may forbid both.",
                    )
                )

    def _heard(self, data: object) -> None:
        event = wire.from_channel(data)
        if event is not None:
            self._emit(event)

    # Ending

    async def _delete(self) -> None:
        if self._creating is None:
            return
        try:
            stream = await asyncio.shield(self._creating)
        except DidError:
            return  # never made
        for pause in (*DELETE_PAUSES, None):
            try:
                await self._client.delete_stream(
                    self._agent_id, stream, connection=self._connection
                )
            except (NotFound, SessionLost):
                pass  # gone already
            except DidError:
                if pause is None:
                    return  # the journal knows it: the next start closes it
                await asyncio.sleep(pause)
                continue
            self._erase()
            return

    def _erase(self) -> None:
        if self._page is not None:
            self._page.erase()

    async def _hang_up(self) -> None:
        # Not cancelled when it takes longer: what is half closed would stay half open.
        self._hanging_up = asyncio.create_task(self._end_connection())
        await asyncio.wait([self._hanging_up], timeout=HANG_UP_SECONDS)

    async def _end_connection(self) -> None:
        if self._gathering is not None:
            await asyncio.wait([self._gathering])  # it opens sockets; ``ice`` says how long
        if self._pc is not None:
            rtc.begin_nothing(self._pc)
            await asyncio.gather(self._pc.close(), return_exceptions=True)
            await rtc.close_sockets(self._pc)


class NotificationsSocket:
    """The notifications socket of one connection id (protocol 3.6)."""

    def __init__(
        self, client: Client, connection: str, emit: Emit, on_lost: Callable[[], None]
    ) -> None:
        self._url = client.notifications_url(connection)
        self._emit, self._on_lost = emit, on_lost
        self._closing = False
        self._socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect and begin to read; raises ``Unreachable``."""
        host = urlsplit(self._url).netloc.rpartition("@")[2]
        try:
            socket = await connect(
                self._url,
                open_timeout=SOCKET_SECONDS,
                close_timeout=HANG_UP_SECONDS,
                max_size=LARGEST_NOTIFICATION,
                compression=None,
                # What is on this machine is not asked for through a proxy.
                proxy=None if is_loopback(self._url) else True,
            )
        except (OSError, TimeoutError, ImportError, ValueError, WebSocketException) as error:
            # Only the kind of error: its text may hold the address with the key inside.
            raise Unreachable(
                f"The notifications of {host} cannot be reached ({type(error).__name__})."
            ) from None
        self._socket = socket
        self._reading = asyncio.create_task(self._read(socket))

    async def close(self) -> None:
        """Disconnect."""
        self._closing = True
        if self._socket is not None and self._reading is not None:
            await self._socket.close()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for message in socket:
                event = wire.from_socket(message)
                if event is not None:
                    self._emit(event)
        except ConnectionClosed:
            pass  # text still comes by the data channel and the responses
        if not self._closing:
            self._on_lost()


def _created(message: Message) -> str:
    wall = message.at - time.monotonic() + time.time()
    created = datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds")
    return created.replace("+00:00", "Z")
