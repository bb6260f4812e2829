"""The notifications sockets: one for each connection id (protocol 1.3 and 3.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from did_tui.emulator.credentials import Caller


class Notifications:
    """Delivers events to the sockets of a connection id.

    A client without a connection id gets what is meant for its secret, as before the ids existed.
    """

    def __init__(self) -> None:
        self._sockets: dict[str, set[WebSocket]] = {}

    async def serve(self, socket: WebSocket, caller: Caller) -> None:
        """Keep a socket until its client leaves; what it writes is ignored."""
        address = address_of(caller)
        self._sockets.setdefault(address, set()).add(socket)
        try:
            while True:
                await socket.receive_text()
        except (WebSocketDisconnect, KeyError):
            pass  # gone, or a binary message: D-ID's client never writes
        finally:
            self._forget(address, socket)

    async def send(self, address: str, event: Mapping[str, Any]) -> None:
        """Deliver an event; a socket that cannot take it is forgotten."""
        for socket in list(self._sockets.get(address, ())):
            try:
                await socket.send_json(event)
            except (RuntimeError, WebSocketDisconnect, OSError):
                self._forget(address, socket)

    def _forget(self, address: str, socket: WebSocket) -> None:
        sockets = self._sockets.get(address, set())
        sockets.discard(socket)
        if not sockets:
            self._sockets.pop(address, None)


def address_of(caller: Caller) -> str:
    """Where a caller's notifications go."""
    return caller.connection or f"{caller.scheme} {caller.secret}"
