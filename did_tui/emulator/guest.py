"""The user in a room: LiveKit's signalling over a WebSocket (protocol ``/rtc``, version 0).

A client that would rather use one connection asks for ``/rtc/v1`` first and comes here when there
is no such path, as LiveKit's own clients do with older servers.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from google.protobuf.message import DecodeError
from livekit.protocol.models import (
    AUDIO,
    Codec,
    DataPacket,
    ParticipantInfo,
    ParticipantPermission,
    ServerInfo,
    TrackInfo,
)
from livekit.protocol.rtc import (
    SUBSCRIBER,
    JoinResponse,
    LeaveRequest,
    ParticipantUpdate,
    Pong,
    RequestResponse,
    SessionDescription,
    SignalRequest,
    SignalResponse,
    TrackPublishedResponse,
    TrickleRequest,
)
from starlette.websockets import WebSocket, WebSocketDisconnect

from did_tui.emulator.roompeer import RELIABLE, RoomPeer

SERVER = ServerInfo(version="1.13.5", protocol=16, region="emulator", node_id="ND_emulator")
PING_SECONDS, PATIENCE = 5, 15  # between two pings, and until a client without any counts as gone
LONGEST_QUEUE = 500  # messages that wait for a client that does not read
MOST_TRACKS = 4  # of a user: microphone, camera and two more
LONGEST_ATTRIBUTES = 64 * 1024  # characters, as LiveKit's server has it


class Guest:
    """One user in a room, from joining to leaving or losing the socket."""

    def __init__(self, sid: str, identity: str, claims: Mapping[str, Any], peer: RoomPeer) -> None:
        self.sid, self.identity, self.peer = sid, identity, peer
        self._name = str(claims.get("name", ""))
        self._metadata = str(claims.get("metadata", ""))
        self.attributes: dict[str, str] = dict(claims.get("attributes") or {})
        self._out: asyncio.Queue[bytes | None] = asyncio.Queue(LONGEST_QUEUE)
        self._socket: WebSocket | None = None
        self._tracks: dict[str, TrackInfo] = {}
        self._version = 0
        self._sequence = 0
        self._joined = int(time.time())
        self.frozen = False

    @property
    def present(self) -> bool:
        """Whether there is a socket."""
        return self._socket is not None

    def info(self) -> ParticipantInfo:
        """Who it is, in LiveKit's words."""
        self._version += 1
        may = ParticipantPermission(
            can_subscribe=True, can_publish=True, can_publish_data=True, can_update_metadata=True
        )
        return ParticipantInfo(
            sid=self.sid,
            identity=self.identity,
            name=self._name,
            metadata=self._metadata,
            attributes=self.attributes,
            state=ParticipantInfo.ACTIVE,
            joined_at=self._joined,
            version=self._version,
            permission=may,
            tracks=self._tracks.values(),
        )

    async def join(self, socket: WebSocket, response: JoinResponse) -> bool:
        """Let it in, and keep its socket; whether it has left with a word."""
        response.participant.CopyFrom(self.info())
        response.enabled_publish_codecs.extend([Codec(mime="audio/opus"), Codec(mime="video/VP8")])
        self.tell(join=response)
        offer = await self.peer.offer()
        self.tell(offer=SessionDescription(type="offer", sdp=offer, id=1))
        return await self._serve(socket)

    def tell(self, **message: Any) -> None:
        """Send a signal; a full queue loses it."""
        if not self._out.full():
            self._out.put_nowait(SignalResponse(**message).SerializeToString())

    def send(self, packet: DataPacket, label: str = RELIABLE) -> bool:
        """Send a data packet; whether it has left."""
        if label == RELIABLE:
            self._sequence += 1
            packet.sequence = self._sequence
        return self.peer.send(packet.SerializeToString(), label)

    def dismiss(self, reason: str, action: str = "DISCONNECT") -> None:
        """Ask it to leave, in LiveKit's words, and close its socket; ``ValueError`` for others."""
        self.tell(leave=leave(reason, action))
        self.hang_up()

    def hang_up(self) -> None:
        """Close its socket without a word."""
        if not self._out.full():
            self._out.put_nowait(None)

    async def _serve(self, socket: WebSocket) -> bool:
        self._socket = socket
        ends = [asyncio.create_task(self._read(socket)), asyncio.create_task(self._write(socket))]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if self._socket is socket:
                self._socket = None
            for end in ends:
                end.cancel()
            await asyncio.wait(ends)
        for end in ends:
            error = None if end.cancelled() else end.exception()
            # The client is gone: what else there was to say has nobody to hear it.
            if error and not isinstance(error, WebSocketDisconnect | RuntimeError | OSError):
                raise error
        reader = ends[0]
        return not reader.cancelled() and reader.exception() is None and bool(reader.result())

    async def _write(self, socket: WebSocket) -> None:
        out = self._out
        while (message := await out.get()) is not None:
            if not self.frozen:
                await socket.send_bytes(message)
        await socket.close()

    async def _read(self, socket: WebSocket) -> bool:
        """Take signals until the client leaves or is gone; whether it has said so."""
        while True:
            try:
                async with asyncio.timeout(PATIENCE):
                    message = await socket.receive()
            except TimeoutError:
                await socket.close()
                return False
            if message["type"] == "websocket.disconnect":
                return False
            try:
                request = SignalRequest.FromString(message.get("bytes") or b"")
            except DecodeError:
                continue
            if self.frozen:
                continue
            if request.WhichOneof("message") == "leave":
                return True
            try:
                await self._take(request)
            except ValueError:
                self.dismiss("STATE_MISMATCH")

    async def _take(self, request: SignalRequest) -> None:
        match request.WhichOneof("message"):
            case "offer":
                answer = await self.peer.answer(request.offer.sdp)
                told = SessionDescription(type="answer", sdp=answer, id=request.offer.id)
                self.tell(answer=told)
            case "answer":
                await self.peer.accept(request.answer.sdp)
            case "trickle":
                await self._add_candidate(request.trickle)
            case "add_track":
                self._publish(request)
            case "mute":
                for track in self._tracks.values():
                    if track.sid == request.mute.sid:
                        track.muted = request.mute.muted
                self._tell_of_itself()
            case "update_metadata":
                self._change(request)
            case "ping":
                self.tell(pong=int(time.time() * 1000))
            case "ping_req":
                now = int(time.time() * 1000)
                sent = request.ping_req.timestamp
                self.tell(pong_resp=Pong(last_ping_timestamp=sent, timestamp=now))

    async def _add_candidate(self, trickle: TrickleRequest) -> None:
        """Take a candidate; one that cannot be read is one less."""
        with suppress(ValueError):
            candidate = json.loads(trickle.candidateInit or "{}")
            if isinstance(candidate, dict):
                known = candidate if candidate.get("candidate") else None
                await self.peer.add_candidate(known, down=trickle.target == SUBSCRIBER)

    def _publish(self, request: SignalRequest) -> None:
        wanted = request.add_track
        if wanted.cid not in self._tracks and len(self._tracks) >= MOST_TRACKS:
            del self._tracks[next(iter(self._tracks))]
        track = TrackInfo(
            sid=f"TR_{self.sid[3:]}{len(self._tracks)}",
            type=wanted.type,
            name=wanted.name,
            source=wanted.source,
            muted=wanted.muted,
            width=wanted.width,
            height=wanted.height,
            mime_type="audio/opus" if wanted.type == AUDIO else "video/VP8",
        )
        self._tracks[wanted.cid] = track
        self.tell(track_published=TrackPublishedResponse(cid=wanted.cid, track=track))

    def _change(self, request: SignalRequest) -> None:
        """New attributes, name or metadata; an empty attribute is taken away."""
        wanted = request.update_metadata
        attributes = {**self.attributes, **wanted.attributes}
        attributes = {key: value for key, value in attributes.items() if value}
        size = sum(len(key) + len(value) for key, value in attributes.items())
        if size > LONGEST_ATTRIBUTES or len(wanted.metadata) > LONGEST_ATTRIBUTES:
            reason = RequestResponse.LIMIT_EXCEEDED
        else:
            reason = RequestResponse.OK
            self.attributes = attributes
            self._metadata, self._name = (
                wanted.metadata or self._metadata,
                wanted.name or self._name,
            )
            self._tell_of_itself()
        if wanted.request_id:
            told = RequestResponse(request_id=wanted.request_id, reason=reason)
            self.tell(request_response=told)

    def _tell_of_itself(self) -> None:
        self.tell(update=ParticipantUpdate(participants=[self.info()]))


def leave(reason: str, action: str) -> LeaveRequest:
    """What sends a client away; raises ``ValueError`` for what LiveKit does not know."""
    return LeaveRequest(reason=reason, action=action, can_reconnect=action != "DISCONNECT")
