"""``did-tui serve``: a command in browsers, for each in a process of its own.

Only pages from this address may open one: a web page from elsewhere that a visitor looks at would
otherwise talk at the owner's expense.
"""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from textual_serve.server import Server

PAGE = Path(__file__).parent / "ui" / "page"


class BoothServer(Server):
    """Serves a command of this program, to so many at a time."""

    def __init__(
        self, arguments: Sequence[str], host: str, port: int, public_url: str, most: int
    ) -> None:
        command = shlex.join([sys.executable, "-m", "did_tui", *arguments])
        public_url = public_url.rstrip("/") or f"http://{_in_url(host)}:{port}"
        super().__init__(command, host, port, "did-tui", public_url=public_url, templates_path=PAGE)
        self._most, self._open = most, 0
        self._origins = origins(public_url, port)

    def initialize_logging(self) -> None:
        """Say what goes wrong, and no values of variables."""
        logging.basicConfig(level=logging.WARNING, format="did-tui: %(message)s")

    async def on_startup(self, _app: web.Application) -> None:
        """Say where it is."""
        print(f"did-tui: {self.public_url} shows it; control+C ends this.", file=sys.stderr)

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """A browser wants to begin; refused to pages from elsewhere, and to one too many."""
        if request.headers.get("Origin", "") not in self._origins:
            raise web.HTTPForbidden(text="This page is from somewhere else.")
        if self._open >= self._most:
            raise web.HTTPServiceUnavailable(text="All places are taken; try again soon.")
        self._open += 1
        try:
            return await super().handle_websocket(request)
        finally:
            self._open -= 1


def origins(public_url: str, port: int) -> set[str]:
    """Where a page must come from: the public address, or this machine."""
    parts = urlsplit(public_url)
    here = {f"http://{name}:{port}" for name in ("localhost", "127.0.0.1", "[::1]")}
    return {f"{parts.scheme}://{parts.netloc}", *here}


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
