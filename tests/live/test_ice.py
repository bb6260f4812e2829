"""STUN and TURN servers as services write them, and what is made of them."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from hypothesis import given
from hypothesis import strategies as st

from did_tui.api.models import IceServer, Stream
from did_tui.live import ice, rtc
from did_tui.live.ice import Server, Servers, choose, parse

READ = [
    ("stun:a.example", Server("stun", "a.example", 3478, "udp", "u", "c")),
    ("stun:a.example:19302", Server("stun", "a.example", 19302, "udp", "u", "c")),
    ("turn:a.example", Server("turn", "a.example", 3478, "udp", "u", "c")),
    ("turn:a.example:80?transport=tcp", Server("turn", "a.example", 80, "tcp", "u", "c")),
    ("turn:1.2.3.4:80?transport=udp", Server("turn", "1.2.3.4", 80, "udp", "u", "c")),
    ("turns:a.example", Server("turns", "a.example", 5349, "tcp", "u", "c")),
    ("turns:a.example:443?transport=tcp", Server("turns", "a.example", 443, "tcp", "u", "c")),
    ("TURN:[2001:db8::1]:3478", Server("turn", "2001:db8::1", 3478, "udp", "u", "c")),
    ("turn:[::1]?transport=tcp", Server("turn", "::1", 3478, "tcp", "u", "c")),
    ("turn://a.example", Server("turn", "a.example", 3478, "udp", "u", "c")),
    ("stuns:a.example", None),  # aioice speaks no TLS with a STUN server
    ("turn:a.example?transport=sctp", None),
    ("turns:a.example?transport=udp", None),
    ("turn:a.example:99999", None),
    ("turn:", None),
    ("http://a.example", None),
    ("", None),
]


@pytest.mark.parametrize(("url", "server"), READ)
def test_addresses(url: str, server: Server | None) -> None:
    assert parse(url, "u", "c") == server


def test_a_relay_without_a_name_is_none_and_credentials_are_not_shown() -> None:
    assert parse("turn:a.example") is None
    assert "secret" not in repr(parse("turn:a.example", "u", "secret"))


@given(st.text())
def test_any_text_is_an_address_or_none(text: str) -> None:
    parse(text, "u", "c")
    parse(f"turn:{text}", "u", "c")


def servers(*urls: object) -> list[IceServer]:
    return Stream.parse(
        {"ice_servers": [{"urls": u, "username": "u", "credential": "c"} for u in urls]}
    ).ice_servers


def test_udp_is_first_and_each_attempt_takes_another_relay() -> None:
    offered = servers(
        "stun:s.example",
        ["turns:a.example", "turn:b.example?transport=tcp", "nonsense:"],
        "turn:c.example",
        7,
        [None, "turn:d.example"],
    )
    hosts = []
    for attempt in range(4):
        chosen = choose(offered, attempt)
        assert chosen.stun is None
        assert chosen.turn is not None
        hosts.append(chosen.turn.host)
    assert hosts == ["c.example", "b.example", "a.example", "c.example"]


def test_without_a_relay_there_is_stun_and_without_anything_nothing() -> None:
    chosen = choose(servers("stun:[::1]", "stun:s.example"))
    assert chosen.stun is not None
    assert chosen.stun.host == "s.example"
    assert choose([]) == Servers()


async def test_a_stun_server_that_does_not_answer_costs_no_time() -> None:
    deaf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    deaf.bind(("127.0.0.1", 0))
    offerer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    offerer.createDataChannel("x")
    await offerer.setLocalDescription(await offerer.createOffer())
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    await pc.setRemoteDescription(
        RTCSessionDescription(offerer.localDescription.sdp, offerer.localDescription.type)
    )
    port = deaf.getsockname()[1]
    rtc.gather_with(pc, Servers(stun=Server("stun", "127.0.0.1", port, "udp")))
    began = time.monotonic()
    await pc.setLocalDescription(await pc.createAnswer())
    assert time.monotonic() - began < ice.STUN_SECONDS + 2
    assert rtc.local_candidates(pc), "host candidates are here all the same"
    assert deaf.recv(2048), "it was asked"
    await asyncio.gather(pc.close(), offerer.close())
    deaf.close()


async def test_a_relay_is_asked_with_its_credentials() -> None:
    relay = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    relay.bind(("127.0.0.1", 0))
    relay.setblocking(False)
    offerer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    offerer.createDataChannel("x")
    await offerer.setLocalDescription(await offerer.createOffer())
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    await pc.setRemoteDescription(
        RTCSessionDescription(offerer.localDescription.sdp, offerer.localDescription.type)
    )
    [server] = ice.all_of(servers(f"turn:127.0.0.1:{relay.getsockname()[1]}"))
    rtc.gather_with(pc, Servers(turn=server))
    [gatherer, *_] = rtc._gatherers(pc)
    assert gatherer._connection.turn_username == "u"
    began = time.monotonic()
    await pc.setLocalDescription(await pc.createAnswer())
    assert time.monotonic() - began < ice.TURN_SECONDS + 2
    asked = relay.recv(2048)
    assert asked[:2] == b"\x00\x03", "an Allocate request (RFC 8656)"
    await asyncio.gather(pc.close(), offerer.close())
    relay.close()
