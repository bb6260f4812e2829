"""The media plane of one user in a room: two WebRTC connections, as LiveKit has them.

The *down* connection carries the agent's face, voice and packets; the server offers it. The *up*
connection carries the user's packets and microphone; the client offers it when it needs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import av
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

from did_tui.emulator.ears import Ears
from did_tui.emulator.face import Face
from did_tui.emulator.peer import (
    Clock,
    FaceTrack,
    VoiceTrack,
    candidate_of,
    codecs_of,
    offer_only,
    transports_of,
    unplug,
)
from did_tui.emulator.stage import Stage

CODEC = "VP8"
RELIABLE, LOSSY = "_reliable", "_lossy"  # LiveKit's data channels
LONGEST_SDP = 200_000  # characters
MOST_EARLY = 200  # candidates that wait for a description, and packets for a channel
MOST_WAITING = 4 * 1024 * 1024  # bytes that wait for a client that does not read; more are dropped


class RoomPeer:
    """Both connections of one user.

    ``tracks`` are the ids of the agent's sound and picture, ``stream`` the id that they share.
    ``on_open`` is called once, when packets can be sent; ``on_packet`` gets the client's;
    ``on_said`` is called when the user has said something aloud; ``on_gone`` is called once, when
    the connection has failed.
    """

    def __init__(
        self,
        face: Face,
        stage: Stage,
        clock: Clock,
        *,
        tracks: tuple[str, str],
        stream: str,
        addresses: Sequence[str] | None,
        on_open: Callable[[], None],
        on_packet: Callable[[bytes], None],
        on_said: Callable[[], None],
        on_gone: Callable[[], None],
    ) -> None:
        self._addresses, self._clock = addresses, clock
        self._on_open, self._on_packet = on_open, on_packet
        self._on_said, self._on_gone = on_said, on_gone
        self._closed = False
        self._listeners: set[asyncio.Task[None]] = set()
        self.heard = {"audio": 0, "video": 0}
        """Frames of the user's microphone and camera."""
        configuration = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        self._up, self._down = RTCPeerConnection(configuration), RTCPeerConnection(configuration)
        self._bound: set[Any] = set()
        self._early: dict[bool, list[Mapping[str, Any] | None]] = {True: [], False: []}
        self._packets: list[tuple[bytes, str]] = []
        self._voice_track = VoiceTrack(stage, clock)
        self._face_track = FaceTrack(face, stage, clock, always=True)
        for track, name in zip((self._voice_track, self._face_track), tracks, strict=True):
            transceiver = self._down.addTransceiver(track, direction="sendonly")
            # A client of LiveKit tells tracks apart by the ids in the SDP.
            transceiver.sender._stream_id, transceiver.sender._track_id = stream, name
            if track.kind == "video":
                transceiver.setCodecPreferences(codecs_of(CODEC))
        # After the tracks: aiortc stops the transport of a data section that is not the first.
        self._channels = {
            RELIABLE: self._down.createDataChannel(RELIABLE),
            LOSSY: self._down.createDataChannel(LOSSY, ordered=False, maxRetransmits=0),
        }
        self._channels[RELIABLE].on("open", self._opened)
        self._down.on("connectionstatechange", self._changed)
        self._up.on("datachannel", self._listen)
        self._up.on("track", self._consume)

    async def offer(self) -> str:
        """The SDP that offers the agent, candidates inside."""
        self._bind(self._down)
        await self._down.setLocalDescription(await self._down.createOffer())
        return self._down.localDescription.sdp

    async def accept(self, sdp: str) -> None:
        """Take the client's answer to that; raises ``ValueError`` where it is none."""
        await _describe(self._down, sdp, "answer")
        await self._add_early(down=True)

    async def answer(self, sdp: str) -> str:
        """The SDP that answers the client's offer; raises ``ValueError`` where it is none."""
        await _describe(self._up, sdp, "offer")
        self._bind(self._up)
        await self._up.setLocalDescription(await self._up.createAnswer())
        await self._add_early(down=False)
        return self._up.localDescription.sdp

    async def add_candidate(self, candidate: Mapping[str, Any] | None, *, down: bool) -> None:
        """Take a candidate of one connection, None for the end; raises ``ValueError``."""
        if candidate is not None:
            candidate_of(candidate)
        early = self._early[down]
        if self._of(down).remoteDescription is not None:
            await self._add(candidate, down)
        elif len(early) < MOST_EARLY:
            early.append(candidate)

    def send(self, packet: bytes, label: str = RELIABLE) -> bool:
        """Send a data packet, as soon as that can be; whether it will leave for the client."""
        channel = self._channels[label]
        if channel.readyState == "connecting" and len(self._packets) < MOST_EARLY:
            self._packets.append((packet, label))
            return True
        if self._closed or channel.readyState != "open" or channel.bufferedAmount > MOST_WAITING:
            return False
        # What is injected may be longer than the client said that it takes.
        channel.transport._remote_max_message_size = 0
        channel.send(packet)
        return True

    @property
    def state(self) -> str:
        """The state of the agent's connection in WebRTC's words."""
        return self._down.connectionState

    def lose(self, *, audio: bool, video: bool, seconds: float) -> None:
        """Send no sound, no picture or neither for some seconds, or ``inf``; 0 ends it."""
        until = self._clock.now + seconds if seconds else 0.0
        if audio:
            self._voice_track.lost_until = until
        if video:
            self._face_track.lost_until = until

    def vanish(self) -> None:
        """Answer nothing from now on: the cable is out."""
        self._closed = True
        for pc in (self._up, self._down):
            for transport in transports_of(pc):
                unplug(transport.transport._connection)

    async def close(self) -> None:
        """End both connections."""
        self._closed = True
        for listener in self._listeners:
            listener.cancel()
        await asyncio.gather(self._up.close(), self._down.close())

    def _of(self, down: bool) -> RTCPeerConnection:
        return self._down if down else self._up

    async def _add_early(self, *, down: bool) -> None:
        early, self._early[down] = self._early[down], []
        for candidate in early:
            await self._add(candidate, down)

    async def _add(self, candidate: Mapping[str, Any] | None, down: bool) -> None:
        parsed = None if candidate is None else candidate_of(candidate)
        await self._of(down).addIceCandidate(parsed)

    def _bind(self, pc: RTCPeerConnection) -> None:
        """Offer the given addresses only, also on transports that were made since."""
        for transport in transports_of(pc) - self._bound:
            self._bound.add(transport)
            if self._addresses is not None:
                offer_only(transport.transport.iceGatherer._connection, self._addresses)

    def _opened(self) -> None:
        self._clock.begin()
        early, self._packets = self._packets, []
        for packet, label in early:
            self.send(packet, label)
        self._on_open()

    def _changed(self) -> None:
        if self._down.connectionState in ("failed", "closed") and not self._closed:
            self._closed = True
            self._on_gone()

    def _listen(self, channel: RTCDataChannel) -> None:
        channel.on("message", lambda data: isinstance(data, bytes) and self._on_packet(data))

    def _consume(self, track: MediaStreamTrack) -> None:
        """Take what the user sends: aiortc would keep every frame that nobody takes."""
        task = asyncio.create_task(self._hear(track))
        self._listeners.add(task)
        task.add_done_callback(self._listeners.discard)

    async def _hear(self, track: MediaStreamTrack) -> None:
        ears = Ears()
        try:
            while True:
                frame = await track.recv()
                self.heard[track.kind] += 1
                if isinstance(frame, av.AudioFrame):
                    seconds = frame.samples / frame.sample_rate
                    if ears.take(frame.to_ndarray(), seconds):
                        self._on_said()
        except MediaStreamError:
            return


async def _describe(pc: RTCPeerConnection, sdp: str, kind: str) -> None:
    if len(sdp) > LONGEST_SDP:
        raise ValueError("the description is too long")
    try:
        await pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type=kind))
    except Exception as error:  # aiortc raises every kind for a damaged SDP
        raise ValueError(f"the {kind} cannot be read: {error}") from error
