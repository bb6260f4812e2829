"""STUN and TURN servers as they are written: RFC 7064, RFC 7065, and what people write. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from did_tui.api.models import IceServer

_ADDRESS = re.compile(
    r"(?P<scheme>stuns?|turns?):(?://)?(?P<host>\[[0-9a-f:.%]+\]|[^\[\]:?/@\s]+)"
    r"(?::(?P<port>\d{1,5}))?/?(?:\?(?P<query>\S*))?",
    re.IGNORECASE,
)
_ORDER = {("turn", "udp"): 0, ("turn", "tcp"): 1, ("turns", "tcp"): 2}

STUN_SECONDS = 0.5  # that gathering waits for STUN: a service with an address of its own needs none
TURN_SECONDS = 2.0  # that it waits for a relay


@dataclass(frozen=True, slots=True)
class Server:
    """One STUN or TURN server; ``transport`` is how it is reached."""

    scheme: str
    host: str
    port: int
    transport: str
    username: str = ""
    credential: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Servers:
    """What one connection gathers its candidates with, and how many seconds it waits for them.

    A relay tells where it sees us as well, so STUN is asked only where there is none.
    """

    stun: Server | None = None
    turn: Server | None = None

    @property
    def seconds(self) -> float:
        """The limit of gathering."""
        return TURN_SECONDS if self.turn is not None else STUN_SECONDS


def parse(url: str, username: str = "", credential: str = "") -> Server | None:
    """Read one address; None for one that cannot be used."""
    found = _ADDRESS.fullmatch(url.strip())
    if found is None:
        return None
    scheme = found["scheme"].lower()
    query = dict(part.partition("=")[::2] for part in (found["query"] or "").split("&"))
    transport = query.get("transport", "").lower() or ("tcp" if scheme == "turns" else "udp")
    port = int(found["port"] or (5349 if scheme.endswith("s") else 3478))
    known = (scheme, transport) in _ORDER or (scheme == "stun" and transport == "udp")
    if not known or not 0 < port < 65536:
        return None
    if scheme == "turn" and not username:
        return None  # no relay works for nobody
    return Server(scheme, found["host"].strip("[]"), port, transport, username, credential)


def all_of(servers: Sequence[IceServer]) -> Iterator[Server]:
    """Every address that can be used, in the order in which they came."""
    for server in servers:
        for url in [server.urls] if isinstance(server.urls, str) else server.urls:
            parsed = parse(url, server.username, server.credential)
            if parsed is not None:
                yield parsed


def choose(servers: Sequence[IceServer], attempt: int = 0) -> Servers:
    """What to connect with: aioice takes one relay, so each further attempt takes another one.

    UDP first, which is what sound wants; then TCP, then TLS, which firewalls let through.
    """
    found = list(all_of(servers))
    turns = [server for server in found if server.scheme.startswith("turn")]
    turns.sort(key=lambda server: _ORDER[server.scheme, server.transport])
    if turns:
        return Servers(turn=turns[attempt % len(turns)])
    stuns = [server for server in found if server.scheme == "stun" and ":" not in server.host]
    return Servers(stun=stuns[0] if stuns else None)
