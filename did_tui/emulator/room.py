"""One room of the emulator: the user, the drawn agent and what they send each other (protocol 5).

It speaks LiveKit's signalling, so that LiveKit's clients join it as they join a real server; it is
none: nobody but the agent sends media to anybody.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from livekit.protocol.models import (
    AUDIO,
    CAMERA,
    HIGH,
    MICROPHONE,
    VIDEO,
    DataPacket,
    ParticipantInfo,
    ParticipantPermission,
    RpcAck,
    RpcRequest,
    RpcResponse,
    TrackInfo,
    VideoLayer,
)
from livekit.protocol.models import Room as RoomInfo
from livekit.protocol.rtc import JoinResponse, ParticipantUpdate
from starlette.websockets import WebSocket

from did_tui.emulator import packets
from did_tui.emulator.actor import Actor
from did_tui.emulator.face import Face
from did_tui.emulator.guest import PATIENCE, PING_SECONDS, SERVER, Guest
from did_tui.emulator.packets import CallFailed
from did_tui.emulator.peer import Clock
from did_tui.emulator.roompeer import RELIABLE, RoomPeer
from did_tui.emulator.sessions import Session
from did_tui.emulator.stage import Stage

AGENT = "agent"  # how the agent's identity begins
SIZE = 512  # pixels of the agent's picture, each way
ACK_SECONDS = 2.0  # that a client has to say that it has got a call
FAREWELL = 0.2  # seconds between the last event and the end, so that it arrives


class Room:
    """One room: the agent, its time line, and the user while there is one."""

    def __init__(
        self,
        session: Session,
        agent: Mapping[str, Any],
        face: Face,
        addresses: Sequence[str] | None,
    ) -> None:
        self.session, self._face, self._addresses = session, face, addresses
        self.stage, self.clock = Stage(), Clock()
        self.guest: Guest | None = None
        self.actor: Actor
        self.closed = False
        self.on_close: Callable[[str], None] = lambda _reason: None
        self._texts = packets.Texts()
        self._calls: dict[str, tuple[asyncio.Future[None], asyncio.Future[str]]] = {}
        self._sid = _new("RM_")
        self._created = int(time.time())
        self._agent_sid = _new("PA_")
        self._agent_identity = f"{AGENT}-{agent['id']}"
        self._agent_name = str(agent.get("preview_name") or "D-ID agent")
        self._track_sids = (_new("TR_AM"), _new("TR_VC"))
        self._agent_here = True
        self._version = 0

    # Who is there

    async def admit(self, socket: WebSocket, claims: Mapping[str, Any]) -> bool:
        """Let the user in and keep their socket; whether they have left with a word, for good."""
        peer = RoomPeer(
            self._face,
            self.stage,
            self.clock,
            tracks=self._track_sids,
            stream=f"{self._agent_sid}|{self._agent_identity}",
            addresses=self._addresses,
            on_open=self._opened,
            on_packet=self._packet,
            on_said=self.actor.overhear,
            on_gone=lambda: guest.hang_up(),
        )
        guest = Guest(_new("PA_"), str(claims["sub"]), claims, peer)
        before, self.guest = self.guest, guest
        if before is not None:
            before.dismiss("DUPLICATE_IDENTITY")
            await before.peer.close()
        left = await guest.join(socket, self._join_response())
        return left and self.guest is guest

    def _join_response(self) -> JoinResponse:
        info = RoomInfo(
            sid=self._sid,
            name=self.session.id,
            creation_time=self._created,
            num_participants=2,
            max_participants=2,
        )
        return JoinResponse(
            room=info,
            other_participants=[self._agent_info()] if self._agent_here else [],
            server_version=SERVER.version,
            server_info=SERVER,
            subscriber_primary=True,
            ping_timeout=PATIENCE,
            ping_interval=PING_SECONDS,
        )

    def _agent_info(self) -> ParticipantInfo:
        self._version += 1
        gone, here = ParticipantInfo.DISCONNECTED, ParticipantInfo.ACTIVE
        audio, video = self._track_sids
        tracks = [
            TrackInfo(
                sid=audio, type=AUDIO, name="audio", source=MICROPHONE, mime_type="audio/opus"
            ),
            TrackInfo(
                sid=video,
                type=VIDEO,
                name="video",
                source=CAMERA,
                mime_type="video/VP8",
                width=SIZE,
                height=SIZE,
                layers=[VideoLayer(quality=HIGH, width=SIZE, height=SIZE)],
            ),
        ]
        may = ParticipantPermission(
            can_publish=True, can_subscribe=True, can_publish_data=True, agent=True
        )
        return ParticipantInfo(
            sid=self._agent_sid,
            identity=self._agent_identity,
            name=self._agent_name,
            kind=ParticipantInfo.AGENT,
            state=here if self._agent_here else gone,
            is_publisher=True,
            joined_at=self._created,
            version=self._version,
            permission=may,
            tracks=tracks if self._agent_here else [],
        )

    def show_agent(self, *, here: bool) -> None:
        """Have the agent leave the room, or come back, without a word."""
        self._agent_here = here
        if self.guest is not None:
            self.guest.tell(update=ParticipantUpdate(participants=[self._agent_info()]))

    def view(self) -> dict[str, Any]:
        """What the control API shows of it."""
        shown: dict[str, Any] = {
            "id": self.session.id,
            "agent_id": self.session.agent_id,
            "speaking": self.stage.video_id,
            "waiting": self.stage.waiting,
            "heard": self.actor.heard,
            "closes_in": round(self.actor.remaining, 1),
        }
        if self.guest is not None:
            shown |= {
                "user": self.guest.identity,
                "present": self.guest.present,
                "attributes": self.guest.attributes,
                "state": self.guest.peer.state,
                "frames": self.guest.peer.heard,
            }
        return shown

    def _opened(self) -> None:
        if not self.session.greeted:
            self.session.greeted = True
            self.actor.greet()

    # What the agent says

    def send(self, subject: str, payload: Mapping[str, Any]) -> None:
        """Send one of D-ID's events."""
        self.send_packet(packets.event(subject, payload))

    def send_packet(self, packet: DataPacket, label: str = RELIABLE) -> bool:
        """Send a data packet as the agent; whether it has left."""
        packet.participant_identity, packet.participant_sid = self._agent_identity, self._agent_sid
        return self.guest is not None and self.guest.send(packet, label)

    async def call(self, method: str, payload: str, seconds: float) -> str:
        """Have the user's client run a method; raises ``CallFailed``."""
        loop = asyncio.get_running_loop()
        request = RpcRequest(
            id=str(uuid.uuid4()),
            method=method,
            payload=payload,
            response_timeout_ms=int(seconds * 1000),
            version=1,
        )
        taken, given = self._calls[request.id] = loop.create_future(), loop.create_future()
        try:
            if not self.send_packet(DataPacket(rpc_request=request)):
                raise CallFailed(*packets.GONE)
            try:
                await asyncio.wait_for(taken, min(ACK_SECONDS, seconds))
            except TimeoutError:
                raise CallFailed(*packets.NO_CONNECTION) from None
            try:
                return await asyncio.wait_for(given, seconds)
            except TimeoutError:
                raise CallFailed(*packets.NO_RESPONSE) from None
        finally:
            del self._calls[request.id]
            given.cancel()

    async def end(self, reason: str) -> None:
        """Close the room for a reason; the user is asked to leave."""
        await asyncio.sleep(FAREWELL)
        if self.guest is not None:
            self.guest.dismiss("ROOM_DELETED")
        await self.close(reason)

    async def close(self, reason: str) -> None:
        """End everything in it; doing it again does nothing."""
        if self.closed:
            return
        self.closed = True
        self.actor.close()
        for _, given in self._calls.values():
            if not given.done():
                given.set_exception(CallFailed(*packets.GONE))
        self.on_close(reason)
        if self.guest is not None:
            self.guest.hang_up()
            await self.guest.peer.close()

    # What the user sends

    def _packet(self, data: bytes) -> None:
        packet = packets.read(data)
        if packet is None or self.guest is None or self.guest.frozen:
            return
        match packet.WhichOneof("value"):
            case "rpc_request":
                self._refuse_call(packet.rpc_request.id)
            case "rpc_ack":
                taken, _ = self._calls.get(packet.rpc_ack.request_id, (None, None))
                if taken is not None and not taken.done():
                    taken.set_result(None)
            case "rpc_response":
                self._answered(packet.rpc_response)
            case _:
                whole = self._texts.take(packet)
                if whole is not None:
                    self.actor.read(*whole)

    def _refuse_call(self, request_id: str) -> None:
        """Say that the agent has no such method: it has none."""
        refused = RpcResponse(request_id=request_id, error=packets.error_of(*packets.UNSUPPORTED))
        self.send_packet(DataPacket(rpc_ack=RpcAck(request_id=request_id)))
        self.send_packet(DataPacket(rpc_response=refused))

    def _answered(self, response: RpcResponse) -> None:
        taken, given = self._calls.get(response.request_id, (None, None))
        if taken is None or given is None or given.done():
            return
        if not taken.done():
            taken.set_result(None)
        if response.WhichOneof("value") == "error":
            error = response.error
            given.set_exception(CallFailed(error.code, error.message, error.data))
        else:
            given.set_result(response.payload)


def _new(prefix: str) -> str:
    return prefix + secrets.token_hex(6)
