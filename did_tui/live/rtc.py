"""What the client needs of aiortc and aioice beyond their documented names.

aiortc's receive side was made for clean links: one lost packet of sound silences it for 315 ms and
leaves it 200 ms late, one lost packet of a picture whose repair is lost too freezes the picture for
512 packets. So a tap takes the place of a receiver's jitter buffer, and hands packets to ours.

``missing`` names what the installed versions do not have; a test fails when there is any. Every use
has a fallback, so a new aiortc makes something worse, never broken.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from did_tui.live.media.sight import Frame, FrameBuffer, Piece, beginning

if TYPE_CHECKING:
    from aiortc import RTCIceCandidate, RTCPeerConnection, RTCRtpReceiver

    from did_tui.live.ice import Servers

TICK_SECONDS = 0.02
"""How often it is looked whether something has to be asked for."""

MOST_UNDECODED = 50
"""Frames that wait for aiortc's decoder, whose queue has no bound."""

_OURS = "_RTCRtpReceiver__"
_TAPPED = ("jitter_buffer", "codecs", "decoder_queue", "nack_generator")
_PACKET = ("sequence_number", "timestamp", "payload_type", "marker", "ssrc", "payload")
_CALLED = ("_handle_rtcp_packet", "_send_rtcp_nack", "_send_rtcp_pli")

_CONNECTION = (
    *("get_component_candidates", "query_consent", "stun_server", "turn_server", "turn_ssl"),
    *("turn_username", "turn_password", "turn_transport"),
)
_TAKING = ("sendrecv", "recvonly")

_CANDIDATE = re.compile(r"^a=candidate:\S+ \d+ \S+ \d+ (\S+) \d+ typ", re.MULTILINE)


def missing() -> list[str]:
    """The names that are used here and that the installed versions do not have."""
    from aioice import Connection
    from aiortc import RTCIceGatherer, RTCRtpReceiver
    from aiortc.rtp import RtcpSrPacket, RtpPacket

    lacks = _lacks(RTCRtpReceiver("video", _NoTransport()))  # type: ignore[arg-type]
    packet = RtpPacket()
    lacks += [f"RtpPacket.{name}" for name in _PACKET if not hasattr(packet, name)]
    if "sender_info" not in RtcpSrPacket.__dataclass_fields__:
        lacks.append("RtcpSrPacket.sender_info")
    if not hasattr(RTCIceGatherer(iceServers=[]), "_connection"):
        lacks.append("RTCIceGatherer._connection")
    connection = Connection(ice_controlling=False)
    lacks += [f"Connection.{name}" for name in _CONNECTION if not hasattr(connection, name)]
    return lacks


async def close_sockets(pc: RTCPeerConnection) -> None:
    """Close what a peer connection whose closing went wrong may have left open."""
    for gatherer in _gatherers(pc):
        connection: Any = getattr(gatherer, "_connection", None)
        if connection is not None:
            await connection.close()


def first_mid(sdp: str) -> str:
    """The id of the first media section, whose transport a bundle uses."""
    found = re.search(r"^a=mid:(\S+)", sdp, re.MULTILINE)
    return found[1] if found else "0"


def offers_loopback_only(sdp: str) -> bool:
    """Whether every candidate of an offer is a loopback address, as an emulator's are."""
    addresses = _CANDIDATE.findall(sdp)
    return bool(addresses) and all(_is_loopback(address) for address in addresses)


def gather_on_loopback(pc: RTCPeerConnection) -> None:
    """Gather on loopback only, which ICE otherwise leaves out: the peer is on this machine."""
    for gatherer in _gatherers(pc):
        connection: Any = getattr(gatherer, "_connection", None)
        gather = getattr(connection, "get_component_candidates", None)
        if gather is None:
            continue

        async def there(*, _gather: Any = gather, **options: Any) -> Any:
            return await _gather(**options | {"addresses": ["127.0.0.1"]})

        connection.get_component_candidates = there


def local_candidates(pc: RTCPeerConnection) -> list[RTCIceCandidate]:
    """The candidates gathered so far, each once."""
    found = [
        candidate for gatherer in _gatherers(pc) for candidate in gatherer.getLocalCandidates()
    ]
    return list({(c.ip, c.port, c.type): c for c in found}.values())


def gather_with(pc: RTCPeerConnection, servers: Servers) -> None:
    """Gather with these servers, and wait for them no longer than they say."""
    for gatherer in _gatherers(pc):
        connection: Any = getattr(gatherer, "_connection", None)
        gather = getattr(connection, "get_component_candidates", None)
        if gather is None:
            continue
        stun, turn = servers.stun, servers.turn
        connection.stun_server = (stun.host, stun.port) if stun is not None else None
        if turn is not None:
            connection.turn_server = (turn.host, turn.port)
            connection.turn_username, connection.turn_password = turn.username, turn.credential
            connection.turn_ssl = turn.scheme == "turns"
            connection.turn_transport = turn.transport

        async def soon(*, _gather: Any = gather, **options: Any) -> Any:
            return await _gather(**options | {"timeout": servers.seconds})

        connection.get_component_candidates = soon


def begin_nothing(pc: RTCPeerConnection) -> None:
    """Before a connection is closed: let it begin nothing any more.

    One that is closed in the moment in which it succeeds would still begin to ask for consent,
    to receive and to send, in tasks and threads that nobody ends.
    """

    async def nothing(*_parameters: object) -> None:
        return

    for gatherer in _gatherers(pc):
        connection: Any = getattr(gatherer, "_connection", None)
        if connection is not None:
            connection.query_consent = nothing
    for transceiver in pc.getTransceivers():
        transceiver.receiver.receive = nothing  # type: ignore[assignment]
        transceiver.sender.send = nothing  # type: ignore[assignment]


# Media


class _NoTransport:
    """Enough of a transport to make a receiver that receives nothing."""

    state = "new"


class VoiceSink(Protocol):
    """Who takes packets of sound."""

    def voice_packet(
        self, sequence: int, timestamp: int, payload: bytes, codec: str, source: int
    ) -> None:
        """One RTP packet, now, in the event loop."""

    def voice_report(self, sender_time: float, timestamp: int) -> None:
        """A sender report: seconds of the sender's clock, the RTP timestamp of that moment."""


class PictureSink(Protocol):
    """Who is told about pictures; they come decoded from the track."""

    def picture_came(self, position: float) -> None:
        """The first packet of a picture came, now; seconds of the track's clock."""

    def picture_report(self, sender_time: float, position: float) -> None:
        """A sender report: seconds of the sender's clock, position of that moment."""


def tap_voice(receiver: RTCRtpReceiver, sink: VoiceSink) -> bool:
    """Hand packets to ``sink`` instead of aiortc's buffer and decoder.

    False where this aiortc is not the one that is known: then the track gives frames as ever.
    """
    if _lacks(receiver):
        return False
    setattr(receiver, f"{_OURS}jitter_buffer", _VoiceTap(receiver, sink))
    _tap_reports(receiver, sink.voice_report)
    return True


class _VoiceTap:
    """In the place of aiortc's jitter buffer: keeps nothing."""

    capacity = 16

    def __init__(self, receiver: RTCRtpReceiver, sink: VoiceSink) -> None:
        self._codecs: Any = getattr(receiver, f"{_OURS}codecs")
        self._sink = sink

    def add(self, packet: Any) -> tuple[bool, None]:
        """Take a packet; there is never a frame for aiortc to decode."""
        codec = self._codecs[packet.payload_type].name
        self._sink.voice_packet(
            packet.sequence_number, packet.timestamp, packet.payload, codec, packet.ssrc
        )
        return False, None


class PictureTap:
    """In the place of aiortc's jitter buffer: frames go to aiortc's decoder as soon as they can.

    The position of a decoded picture is its ``time``.
    """

    capacity = 512

    def __init__(self, receiver: RTCRtpReceiver, sink: PictureSink) -> None:
        self.buffer = FrameBuffer()
        self._receiver: Any = receiver
        self._codecs: Any = getattr(receiver, f"{_OURS}codecs")
        self._queue: Any = getattr(receiver, f"{_OURS}decoder_queue")
        self._sink = sink
        self._codec: Any = None
        self._ssrc = 0
        self._timestamp: int | None = None
        self._behind = False  # until the next key frame, nothing is decoded

    def add(self, packet: Any) -> tuple[bool, None]:
        """Take a packet; what it completes is already on its way to the decoder."""
        self._codec, self._ssrc = self._codecs[packet.payload_type], packet.ssrc
        first, key = beginning(self._codec.name, packet.payload)
        # What aiortc has taken the codec's own header from.
        data = packet._data
        piece = Piece(packet.timestamp, bool(packet.marker), first, key, data)
        frames = self.buffer.add(packet.sequence_number, piece, time.monotonic(), packet.ssrc)
        if packet.timestamp != self._timestamp and data:
            self._timestamp = packet.timestamp
            position = self.buffer.position_of(packet.timestamp)
            if position is not None:
                self._sink.picture_came(position)
        self._pass_on(frames)
        return False, None

    async def run(self) -> None:
        """Ask for what is missing, until cancelled."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            frames, wanted = self.buffer.tick(time.monotonic())
            self._pass_on(frames)
            if wanted.packets:
                await self._receiver._send_rtcp_nack(self._ssrc, wanted.packets)
            if wanted.key:
                await self._receiver._send_rtcp_pli(self._ssrc)

    def report(self, sender_time: float, timestamp: int) -> None:
        """A sender report came."""
        position = self.buffer.position_of(timestamp)
        if position is not None:
            self._sink.picture_report(sender_time, position)

    def _pass_on(self, frames: list[Frame]) -> None:
        from aiortc.jitterbuffer import JitterFrame

        for frame in frames:
            if self._queue.qsize() >= MOST_UNDECODED:
                self._behind = True
            elif frame.key:
                self._behind = False
            if self._behind:
                self.buffer.need_key()
                continue
            self._queue.put((self._codec, JitterFrame(frame.data, frame.timestamp)))
        # aiortc asks for all that is missing whenever more is: not for what is of no use now.
        generator = getattr(self._receiver, f"{_OURS}nack_generator")
        generator.missing.intersection_update(self.buffer.missing)


def tap_pictures(receiver: RTCRtpReceiver, sink: PictureSink) -> PictureTap | None:
    """Put our buffer before aiortc's decoder; ``run`` it. None where this aiortc is not known."""
    if _lacks(receiver):
        return None
    tap = PictureTap(receiver, sink)
    setattr(receiver, f"{_OURS}jitter_buffer", tap)
    _tap_reports(receiver, tap.report)
    return tap


def _tap_reports(receiver: Any, take: Callable[[float, int], None]) -> None:
    """Read the sender reports, of which aiortc keeps the half that is of no use here."""
    handle = receiver._handle_rtcp_packet

    async def read(packet: Any) -> None:
        info = getattr(packet, "sender_info", None)
        if info is not None:
            take(info.ntp_timestamp / 2**32, info.rtp_timestamp)
        await handle(packet)

    receiver._handle_rtcp_packet = read


def _lacks(receiver: object) -> list[str]:
    names = [f"{_OURS}{name}" for name in _TAPPED] + list(_CALLED)
    return [f"RTCRtpReceiver.{name}" for name in names if not hasattr(receiver, name)]


def with_redundancy(answer: str, offer: str) -> str:
    """The answer, asking for Opus's in-band FEC where the offer knows it (RFC 7587 section 6.1)."""
    lines = []
    for line in answer.splitlines():
        lines.append(line)
        found = re.match(r"a=rtpmap:(\d+) opus/", line, re.IGNORECASE)
        if found and re.search(rf"^a=fmtp:{found[1]} .*useinbandfec=1", offer, re.MULTILINE):
            lines.append(f"a=fmtp:{found[1]} minptime=10;useinbandfec=1")
    return "\r\n".join(lines) + "\r\n"


def takes_sound(offer: str) -> bool:
    """Whether who made the offer wants to be sent sound: its audio is ``sendrecv`` or ``recvonly``.

    The direction is that of the media section, else that of the session, else both ways (RFC 8866
    section 6.7); a section with port 0 is none (RFC 3264 section 6).
    """
    session, *sections = re.split(r"^m=", offer, flags=re.MULTILINE)
    known = r"^a=(sendrecv|sendonly|recvonly|inactive)\s*$"
    for section in sections:
        found = re.search(known, section, re.MULTILINE) or re.search(known, session, re.MULTILINE)
        kind = re.match(r"audio (\d+)", section)
        if kind and int(kind[1]) and (found[1] if found else "sendrecv") in _TAKING:
            return True
    return False


def _gatherers(pc: RTCPeerConnection) -> list[Any]:
    transports = {transceiver.receiver.transport for transceiver in pc.getTransceivers()}
    if pc.sctp is not None:
        transports.add(pc.sctp.transport)
    return [transport.transport.iceGatherer for transport in transports]


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
