"""What the client needs of aiortc and aioice beyond their documented names.

``missing`` names what the installed versions do not have; a test fails when there is any. Every use
has a fallback, so a new aiortc makes something worse, never broken.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiortc import RTCIceCandidate, RTCIceServer, RTCPeerConnection

    from did_tui.api.models import Stream

_CANDIDATE = re.compile(r"^a=candidate:\S+ \d+ \S+ \d+ (\S+) \d+ typ", re.MULTILINE)


def missing() -> list[str]:
    """The names that are used here and that the installed versions do not have."""
    from aioice import Connection
    from aiortc import RTCIceGatherer

    lacks = []
    if not hasattr(RTCIceGatherer(iceServers=[]), "_connection"):
        lacks.append("RTCIceGatherer._connection")
    if not hasattr(Connection, "get_component_candidates"):
        lacks.append("Connection.get_component_candidates")
    return lacks


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


def ice_servers(stream: Stream) -> list[RTCIceServer]:
    """The stream's STUN and TURN servers as far as aiortc understands their addresses."""
    from aiortc import RTCIceServer
    from aiortc.rtcicetransport import parse_stun_turn_uri

    servers = []
    for server in stream.ice_servers:
        urls = [server.urls] if isinstance(server.urls, str) else server.urls
        for url in urls:
            try:
                parse_stun_turn_uri(url)
            except ValueError:
                continue
            servers.append(RTCIceServer(url, server.username or None, server.credential or None))
    return servers


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
