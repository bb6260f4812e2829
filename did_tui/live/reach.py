"""Whether media could come through this network: STUN and TURN servers, asked one by one."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from did_tui.live.ice import Server

STUN_PAUSES = (0.5, 1.0, 1.5)  # seconds that each of three requests is waited for
RELAY_SECONDS = 6.0


async def seen_as(server: Server) -> tuple[str, int]:
    """Ask a STUN server over UDP (RFC 8489); the address and port that it sees us at.

    Raises ``OSError``, which ``TimeoutError`` is one of.
    """
    from aioice import stun

    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[tuple[str, int]] = loop.create_future()

    class Asking(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, _addr: tuple[str | Any, int]) -> None:
            try:
                message = stun.parse_message(data)
            except ValueError:
                return
            found = message.attributes.get("XOR-MAPPED-ADDRESS")
            if message.transaction_id == request.transaction_id and found and not answer.done():
                answer.set_result(found)

        def error_received(self, exc: Exception) -> None:
            if not answer.done():
                answer.set_exception(exc)

    transport, _ = await loop.create_datagram_endpoint(
        Asking, remote_addr=(server.host, server.port)
    )
    try:
        for pause in STUN_PAUSES:
            transport.sendto(bytes(request))
            done, _ = await asyncio.wait([answer], timeout=pause)
            if done:
                return answer.result()
        raise TimeoutError("no answer over UDP")
    finally:
        answer.cancel()
        transport.close()


async def relayed_by(server: Server) -> None:
    """Ask a TURN server for a relayed address (RFC 8656), and give it back.

    Raises ``OSError``, which ``TimeoutError`` is one of, with the server's own words.
    """
    from aioice import stun, turn

    try:
        async with asyncio.timeout(RELAY_SECONDS):
            transport, _ = await turn.create_turn_endpoint(
                asyncio.DatagramProtocol,
                server_addr=(server.host, server.port),
                username=server.username,
                password=server.credential,
                ssl=ssl.create_default_context() if server.scheme == "turns" else False,
                transport=server.transport,
            )
            transport.close()
    except stun.TransactionError as error:
        raise OSError(str(error) or type(error).__name__) from error
