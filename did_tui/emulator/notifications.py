"""The notifications sockets: one for each connection id (protocol 1.3 and 3.6)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from did_tui.emulator.credentials import Caller

LONGEST_QUEUE = 1000  # events that wait for a client that does not read


class _Socket:
    """One client's socket; events leave it in the order in which they were sent."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._events: asyncio.Queue[str | bytes | int] = asyncio.Queue(LONGEST_QUEUE)

    def put(self, event: str | bytes | int) -> None:
        """Send a message, or close with a code; a full queue loses the newest."""
        if not self._events.full():
            self._events.put_nowait(event)

    async def write(self) -> None:
        """Send what is put, until the end."""
        while True:
            event = await self._events.get()
            if isinstance(event, str):
                await self._socket.send_text(event)
            elif isinstance(event, bytes):
                await self._socket.send_bytes(event)
            else:
                await self._socket.close(event)
                return

    async def read(self) -> None:
        """Ignore what the client writes (D-ID's own never does) until it leaves."""
        while (await self._socket.receive())["type"] != "websocket.disconnect":
            pass


class Notifications:
    """Delivers events to the sockets of a connection id.

    A client without a connection id gets what is meant for its secret, as before the ids existed.
    """

    def __init__(self) -> None:
        self._sockets: dict[str, list[_Socket]] = {}

    async def serve(self, websocket: WebSocket, caller: Caller) -> None:
        """Keep a socket until either side ends it."""
        address = address_of(caller)
        socket = _Socket(websocket)
        self._sockets.setdefault(address, []).append(socket)
        ends = [asyncio.create_task(socket.read()), asyncio.create_task(socket.write())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._sockets[address].remove(socket)
            if not self._sockets[address]:
                del self._sockets[address]
            for end in ends:
                end.cancel()
            # Not gather(), which makes a cancellation from outside look like that of its children.
            await asyncio.wait(ends)
            for error in (end.exception() for end in ends if not end.cancelled()):
                # The client is gone: what else there was to say has nobody to hear it.
                if error and not isinstance(error, WebSocketDisconnect | RuntimeError | OSError):
                    raise error

    def send(self, address: str, event: Mapping[str, Any]) -> None:
        """Deliver an event."""
        self.put(address, json.dumps(event))

    def put(self, address: str | None, message: str | bytes | int) -> int:
        """Deliver a message as it stands, or close with a code; how many sockets got it.

        ``address`` None is every one of them.
        """
        sockets = list(self._of(address))
        for socket in sockets:
            socket.put(message)
        return len(sockets)

    def counts(self) -> dict[str, int]:
        """How many sockets are open, by connection id."""
        return {address: len(sockets) for address, sockets in self._sockets.items()}

    def _of(self, address: str | None) -> Iterator[_Socket]:
        for known, sockets in self._sockets.items():
            if address in (None, known):
                yield from sockets


def address_of(caller: Caller) -> str:
    """Where a caller's notifications go."""
    return caller.connection or f"{caller.scheme} {caller.secret}"
