"""The media plane of one stream: a real WebRTC peer that offers, sends a face and a voice.

The service is the offerer (streams guide). Candidates may arrive before the answer and are kept
until it comes (protocol 3.1). Messages go out on the channel that the client created,
``JanusDataChannel``, because that is the one its SDK listens to (protocol 3.1, step 4).
"""

from __future__ import annotations

import asyncio
import fractions
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import av
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_from_sdp

from did_tui.emulator.face import Face
from did_tui.emulator.stage import RATE, Samples, Stage

FPS = 25
SAMPLES = RATE // 50  # a 20 ms Opus frame
SILENCE_LAG = 0.5  # seconds that silence may lag before it is left out
PICTURE_LAG = 0.1  # seconds that the picture may lag before frames are left out

#: Faces are drawn here: one at a time, so that drawing never takes more than one core.
_STUDIO = ThreadPoolExecutor(1, thread_name_prefix="face")


class Clock:
    """The stream's own time; stands still until the media begin."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._begun = asyncio.Event()
        self._start = 0.0

    def begin(self) -> None:
        """Start, once."""
        if not self._begun.is_set():
            self._start = self._loop.time()
            self._begun.set()

    @property
    def now(self) -> float:
        """Seconds since the media began."""
        return self._loop.time() - self._start if self._begun.is_set() else 0.0

    async def until(self, seconds: float) -> None:
        """Wait for a moment of this clock."""
        await self._begun.wait()
        wait = seconds - self.now
        if wait > 0:
            await asyncio.sleep(wait)


class VoiceTrack(MediaStreamTrack):
    """The stage's sound in frames of 20 ms."""

    kind = "audio"

    def __init__(self, stage: Stage, clock: Clock) -> None:
        super().__init__()
        self._stage = stage
        self._clock = clock
        self.lost_until = 0.0  # on the stream's clock: what is said until then is never sent

    async def recv(self) -> av.AudioFrame:
        """The next frame, when it is due."""
        while True:
            position, samples = await self._next()
            if self._clock.now >= self.lost_until:
                break
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts = position
        frame.time_base = fractions.Fraction(1, RATE)
        return frame

    async def _next(self) -> tuple[int, Samples]:
        if self.readyState != "live":
            raise MediaStreamError
        position = self._stage.position
        await self._clock.until(position / RATE)
        late = self._clock.now - position / RATE
        if late > SILENCE_LAG and not self._stage.speaking:
            self._stage.sound(int(late * RATE) // SAMPLES * SAMPLES)
            position = self._stage.position
        return position, self._stage.sound(SAMPLES)


class FaceTrack(MediaStreamTrack):
    """The stage's face at 25 frames a second.

    ``always`` is a fluent stream, which idles on video; otherwise frames flow only while the agent
    speaks or ``warm_until`` has not come.
    """

    kind = "video"

    def __init__(self, face: Face, stage: Stage, clock: Clock, *, always: bool) -> None:
        super().__init__()
        self._face = face
        self._stage = stage
        self._clock = clock
        self._always = always
        self._frame = -1
        self.warm_until = 0.0
        self.lost_until = 0.0  # on the stream's clock: no frame leaves until then

    async def recv(self) -> av.VideoFrame:
        """The next frame, when it is due; what is overdue is left out."""
        while True:
            if self.readyState != "live":
                raise MediaStreamError
            self._frame = max(self._frame + 1, int((self._clock.now - PICTURE_LAG) * FPS))
            seconds = self._frame / FPS
            await self._clock.until(seconds)
            shown = self._always or self._stage.video_id or seconds < self.warm_until
            if shown and self._clock.now >= self.lost_until:
                break
        pose = self._stage.pose(seconds)
        loop = asyncio.get_running_loop()
        frame = await loop.run_in_executor(_STUDIO, self._draw, seconds, pose)
        frame.pts = self._frame * 90_000 // FPS
        frame.time_base = fractions.Fraction(1, 90_000)
        return frame

    def _draw(self, seconds: float, pose: Any) -> av.VideoFrame:
        image = self._face.frame(
            seconds, pose.mouth, mood=pose.mood, speaking=pose.speaking, energy=pose.energy
        )
        return av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24").reformat(
            format="yuv420p"
        )


class Peer:
    """One stream's WebRTC connection.

    ``addresses`` are the local addresses to offer; None means every address of this machine.
    ``on_message`` gets what the client writes on the data channel, ``on_gone`` is called once when
    the connection has failed or was closed by the other side.
    """

    def __init__(
        self,
        face: Face,
        *,
        fluent: bool,
        codec: str,
        addresses: Sequence[str] | None,
        warmup: float = 0.0,
        on_message: Callable[[str], None],
        on_gone: Callable[[], None],
    ) -> None:
        self.stage = Stage()
        self.clock = Clock()
        self._warmup = warmup
        self._on_message, self._on_gone = on_message, on_gone
        self._channel: RTCDataChannel | None = None
        self._early: list[Mapping[str, Any] | None] = []
        self._accepted = False
        self._gone = False
        self._pc = pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._voice_track = VoiceTrack(self.stage, self.clock)
        self._face_track = FaceTrack(face, self.stage, self.clock, always=fluent)
        pc.addTransceiver(self._voice_track, direction="sendonly")
        video = pc.addTransceiver(self._face_track, direction="sendonly")
        video.setCodecPreferences(codecs_of(codec))
        # A negotiated channel puts the application section into the offer without opening a
        # channel that the client did not ask for.
        pc.createDataChannel("JanusDataChannel", negotiated=True, id=1022)
        if addresses is not None:
            for transport in transports_of(pc):
                offer_only(transport.transport.iceGatherer._connection, addresses)
        pc.on("datachannel", self._opened)
        pc.on("connectionstatechange", self._changed)

    async def offer(self) -> str:
        """The SDP of the offer, candidates inside."""
        await self._pc.setLocalDescription(await self._pc.createOffer())
        return self._pc.localDescription.sdp

    async def accept(self, sdp: str) -> None:
        """Take the client's answer, then the candidates that came before it.

        Raises ``ValueError`` where it is not an answer to this offer.
        """
        await self._pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="answer"))
        self._accepted = True
        early, self._early = self._early, []
        for candidate in early:
            await self._add(candidate)

    async def add_candidate(self, candidate: Mapping[str, Any] | None) -> None:
        """Take a candidate, or None for the end of them; raises ``ValueError`` for nonsense."""
        if candidate is not None:
            candidate_of(candidate)
        if self._accepted:
            await self._add(candidate)
        elif len(self._early) < 100:
            self._early.append(candidate)

    def send(self, event: str, payload: object = None) -> None:
        """Write ``event`` or ``event:payload`` on the client's data channel, if it is open."""
        text = payload if isinstance(payload, str) else json.dumps(payload)
        self.send_raw(event if payload is None else f"{event}:{text}")

    def send_raw(self, message: str | bytes) -> bool:
        """Write a message as it stands; whether the channel is open."""
        if self._channel is None or not self.channel_open:
            return False
        # What is injected may be longer than the client said that it takes.
        self._channel.transport._remote_max_message_size = 0
        self._channel.send(message)
        return True

    @property
    def state(self) -> str:
        """The connection's state in WebRTC's words."""
        return self._pc.connectionState

    @property
    def channel_open(self) -> bool:
        """Whether the client's data channel is open."""
        return self._channel is not None and self._channel.readyState == "open"

    def lose(self, *, audio: bool, video: bool, seconds: float) -> None:
        """Send no sound, no picture or neither for some seconds, or ``inf``; 0 ends it."""
        until = self.clock.now + seconds if seconds else 0.0
        if audio:
            self._voice_track.lost_until = until
        if video:
            self._face_track.lost_until = until

    def vanish(self) -> None:
        """Answer nothing from now on, and say nothing: the cable is out."""
        self._gone = True
        for transport in transports_of(self._pc):
            unplug(transport.transport._connection)

    async def close(self) -> None:
        """End the connection."""
        self._gone = True
        self.stage.interrupt()
        await self._pc.close()

    async def _add(self, candidate: Mapping[str, Any] | None) -> None:
        await self._pc.addIceCandidate(None if candidate is None else candidate_of(candidate))

    def _opened(self, channel: RTCDataChannel) -> None:
        self._channel = channel
        channel.on("message", lambda data: isinstance(data, str) and self._on_message(data))
        self.clock.begin()
        if self._warmup:
            self._face_track.warm_until = self.clock.now + self._warmup
            asyncio.get_running_loop().call_later(self._warmup, self.send, "stream/ready")

    def _changed(self) -> None:
        if self._pc.connectionState in ("failed", "closed") and not self._gone:
            self._gone = True
            self._on_gone()


def codecs_of(name: str) -> list[Any]:
    """``VP8`` or ``H264`` with its retransmission format, for ``setCodecPreferences``."""
    wanted = (f"video/{name}".lower(), "video/rtx")
    return [
        codec
        for codec in RTCRtpSender.getCapabilities("video").codecs
        if codec.mimeType.lower() in wanted
    ]


def candidate_of(candidate: Mapping[str, Any]) -> Any:
    """A candidate as aiortc has it; raises ``ValueError`` for nonsense."""
    line = str(candidate.get("candidate", "")).removeprefix("candidate:")
    try:
        parsed = candidate_from_sdp(line)
    except (AssertionError, IndexError, ValueError) as error:
        raise ValueError("not an ICE candidate") from error
    parsed.sdpMid = candidate.get("sdpMid")
    parsed.sdpMLineIndex = candidate.get("sdpMLineIndex")
    return parsed


def transports_of(pc: RTCPeerConnection) -> set[Any]:
    """The DTLS transports of a connection."""
    transports = {transceiver.sender.transport for transceiver in pc.getTransceivers()}
    return {*transports, pc.sctp.transport} if pc.sctp else transports


def unplug(connection: Any) -> None:
    """Have an ICE connection's sockets neither send nor receive, and stay open."""

    async def send_nothing(*_: Any) -> None:
        pass

    for protocol in connection._protocols:
        protocol.send_data = send_nothing
        protocol.send_stun = lambda *_: None
        protocol.datagram_received = lambda *_: None


def offer_only(connection: Any, addresses: Sequence[str]) -> None:
    """Gather candidates on these addresses only: ICE leaves loopback out otherwise."""
    gather = connection.get_component_candidates

    async def gather_there(**options: Any) -> Any:
        return await gather(**options | {"addresses": list(addresses)})

    connection.get_component_candidates = gather_there
