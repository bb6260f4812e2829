"""Chromium as a viewer of an agent: it plays, and tells which picture it showed when.

A page from a server in this process has the WebRTC side; the API is spoken here. Sound goes where
the environment says.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("browserview.html")
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --autoplay-policy=no-user-gesture-required"
    " --allow-loopback-in-peer-connection --disable-features=WebRtcHideLocalIpsWithMdns"
).split()
START_SECONDS = 30.0


def found() -> str | None:
    """Where Chromium is, if there is one."""
    return shutil.which("chromium") or shutil.which("google-chrome")


@asynccontextmanager
async def watching(
    offer: str, answer: Callable[[str], Any], show: Callable[[float, int, bool], None]
) -> AsyncIterator[None]:
    """Let Chromium take an offer; ``answer`` is awaited with its answer, ``show`` gets pictures.

    Moments are those of ``time.monotonic()``. Returns when the first picture was shown.
    """
    loop = asyncio.get_running_loop()
    first = asyncio.Event()
    # Chromium keeps sound and picture in step only within one stream, as services send them.
    offer = re.sub(r"msid:\S+ ", "msid:agent ", offer)

    def pictures(shown: list[tuple[float, int, bool]]) -> None:
        for moment, number, lit in shown:
            show(moment, number, lit)
        first.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/clock":
                self._say(json.dumps(time.monotonic()))
            elif self.path == "/offer":
                self._say(json.dumps(offer))
            elif self.path == "/":
                self._say(PAGE.read_text(encoding="utf-8"), "text/html")
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/answer":
                asyncio.run_coroutine_threadsafe(answer(body), loop).result(START_SECONDS)
            else:
                loop.call_soon_threadsafe(pictures, body)
            self._say("null")

        def _say(self, text: str, kind: str = "application/json") -> None:
            data = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_details: object) -> None:
            pass

    with _serving(Handler) as address, _browser(address):
        await asyncio.wait_for(first.wait(), START_SECONDS)
        yield


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def _browser(address: str) -> Iterator[None]:
    path = found()
    assert path is not None, "there is no Chromium"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [path, *FLAGS, f"--user-data-dir={profile}", address],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)
