"""A line that loses, delays, reorders and doubles packets, between two peers on this machine.

    link = LossyLink(Line(loss=0.01, jitter=0.020))
    link.attach(pc)                       # a connected aiortc peer, the one that sends

What happens to the n-th packet of a stream is decided by the seed alone, so two runs lose the same
packets. Only media are touched, RTP and RTCP: the handshake and the data channel pass. What comes
back to that peer (reports, requests for what was lost) is lost at the same rate.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpReceiver

MOST_DELAYED = 10_000  # packets that are under way at most; more are lost, as in a full queue


@dataclass(frozen=True, slots=True)
class Line:
    """What a line does to packets; times are in seconds, shares between 0 and 1.

    ``loss`` of the packets are lost, ``burst`` of them in a row on the average. Each packet is
    delayed by something between 0 and twice the ``jitter``, but overtakes none of its stream, save
    for the share ``reorder``, which comes ``held`` later than that. ``outage`` is how often and for
    how long everything is lost.
    """

    loss: float = 0.0
    burst: float = 1.0
    jitter: float = 0.0
    reorder: float = 0.0
    held: float = 0.030
    duplicate: float = 0.0
    outage: tuple[float, float] = (0.0, 0.0)
    seed: int = 1

    def out(self, seconds: float) -> bool:
        """Whether everything is lost, so many seconds after the beginning."""
        every, lasting = self.outage
        return bool(lasting) and seconds % every >= every - lasting


class Fates:
    """What becomes of the packets of one stream, one after the other."""

    def __init__(self, line: Line, stream: object) -> None:
        self._line = line
        self._random = random.Random(f"{line.seed}/{stream}")
        self._losing = False
        self._last = 0.0

    def next(self, seconds: float) -> tuple[float, ...]:
        """The delays of the next packet, which is sent at ``seconds``: none where it is lost, two
        where it is doubled."""
        line, chance = self._line, self._random.random
        # The same number of draws for each packet: its fate depends on its number only.
        lost, wait, held, twice = chance(), chance(), chance(), chance()
        if self._losing:
            self._losing = lost < 1 - 1 / max(line.burst, 1.0)
        else:
            # So many runs begin that, each as long as it is, the share comes out.
            self._losing = lost < line.loss / (max(line.burst, 1.0) * (1 - line.loss) or 1.0)
        if self._losing or line.out(seconds):
            return ()
        arrives = max(seconds + wait * 2 * line.jitter, self._last)
        if held < line.reorder:
            arrives += line.held
        else:
            self._last = arrives
        delay = arrives - seconds
        return (delay, delay) if twice < line.duplicate else (delay,)


@dataclass
class LossyLink:
    """Stands between a peer and its network. ``count`` tells what happened to what it sent."""

    line: Line
    clock: Callable[[], float] = time.monotonic
    count: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._began: float | None = None
        self._fates: dict[object, Fates] = {}
        self._attached: list[Any] = []
        self._under_way: set[asyncio.TimerHandle | asyncio.Task[None]] = set()

    def attach(self, pc: RTCPeerConnection) -> None:
        """Take over what the peer sends and hears from now on; again does no harm."""
        for transport in _transports(pc):
            if transport not in self._attached:
                self._attached.append(transport)
                transport._send = self._sender(transport._send)
                transport._recv = self._receiver(transport._recv)

    def fate(self, data: bytes, way: str) -> tuple[float, ...]:
        """What becomes of one packet that is sent now."""
        now = self.clock()
        if self._began is None:
            self._began = now
        stream = (way, data[1] & 0x7F if way == "out" else "rtcp")
        fates = self._fates.setdefault(stream, Fates(self.line, stream))
        return fates.next(now - self._began)

    def _sender(self, send: Any) -> Any:
        async def lossy_send(data: bytes) -> None:
            if not _is_media(data):
                await send(data)
                return
            delays = self.fate(data, "out")
            self.count["sent"] += 1
            self.count["lost"] += not delays
            self.count["doubled"] += len(delays) > 1
            for delay in delays:
                if delay <= 0:
                    await send(data)
                elif len(self._under_way) < MOST_DELAYED:
                    self._delay(send, data, delay)

        return lossy_send

    def _delay(self, send: Any, data: bytes, delay: float) -> None:
        loop = asyncio.get_running_loop()

        async def arrive() -> None:
            try:
                await send(data)
            except ConnectionError:
                pass  # the peer has gone while the packet was under way

        def due() -> None:
            self._under_way.discard(timer)
            task = loop.create_task(arrive())
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

        timer = loop.call_later(delay, due)
        self._under_way.add(timer)

    def _receiver(self, receive: Any) -> Any:
        async def lossy_receive() -> bytes:
            while True:
                data: bytes = await receive()
                if not _is_media(data) or self.fate(data, "back"):
                    return data
                self.count["lost on the way back"] += 1

        return lossy_receive


def _is_media(data: bytes) -> bool:
    """Whether a packet is SRTP or SRTCP (RFC 7983)."""
    return len(data) > 1 and 127 < data[0] < 192


# What is private in aiortc and aioice


def missing() -> list[str]:
    """The names that are used here and that the installed versions do not have."""
    from aioice import Connection
    from aiortc import RTCIceGatherer, RTCIceTransport

    gatherer = RTCIceGatherer(iceServers=[])
    transport = RTCIceTransport(gatherer)
    needed: list[tuple[object, str]] = [
        (transport, "_send"),
        (transport, "_recv"),
        (gatherer, "_connection"),
        (Connection, "get_component_candidates"),
    ]
    return [f"{type(of).__name__}.{name}" for of, name in needed if not hasattr(of, name)]


def _transports(pc: RTCPeerConnection) -> list[Any]:
    """The ICE transports that carry a peer's media."""
    dtls = {transceiver.sender.transport for transceiver in pc.getTransceivers()}
    return list({id(each.transport): each.transport for each in dtls}.values())


def stay_on_loopback(pc: RTCPeerConnection) -> None:
    """Gather candidates on loopback only, which ICE otherwise leaves out; before it gathers."""
    transports = _transports(pc) + ([pc.sctp.transport.transport] if pc.sctp else [])
    for transport in transports:
        connection: Any = transport.iceGatherer._connection
        gather = connection.get_component_candidates

        async def there(*, _gather: Any = gather, **options: Any) -> Any:
            return await _gather(**options | {"addresses": ["127.0.0.1"]})

        connection.get_component_candidates = there


# Two peers


@asynccontextmanager
async def loopback(
    line: Line, *tracks: MediaStreamTrack
) -> AsyncIterator[tuple[list[RTCRtpReceiver], LossyLink]]:
    """Send tracks over a line to a peer in this process; its receivers, and the link."""
    sender, receiver = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
    link = LossyLink(line)
    try:
        for track in tracks:
            sender.addTrack(track)
        offer = await sender.createOffer()
        stay_on_loopback(sender)
        await sender.setLocalDescription(offer)
        await receiver.setRemoteDescription(sender.localDescription)
        answer = await receiver.createAnswer()
        stay_on_loopback(receiver)
        link.attach(sender)
        await receiver.setLocalDescription(answer)
        await sender.setRemoteDescription(receiver.localDescription)
        link.attach(sender)  # bundling has chosen a transport now
        yield [transceiver.receiver for transceiver in receiver.getTransceivers()], link
    finally:
        await asyncio.gather(sender.close(), receiver.close())
