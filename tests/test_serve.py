"""A booth in a browser: who may open one, and what goes there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import textual_serve
from aiohttp import WSServerHandshakeError
from aiohttp.test_utils import TestClient, TestServer

from did_tui import commands
from did_tui.__main__ import main
from did_tui.serve import PAGE, BoothServer

HERE = "http://127.0.0.1:8000"
SHOP = "https://example.com"

#: A picture that moves, in the app that draws it, until standard input ends.
PROGRAM = """
import asyncio, sys
import av, numpy as np
from did_tui.config import Look
from did_tui.ui.base import TerminalApp
from did_tui.ui.widgets.video import VideoView
class Show(TerminalApp[None]):
    def compose(self):
        yield VideoView()
    def on_mount(self):
        self.view, self.number = self.query_one(VideoView), 0
        self.view.attach(self.take)
        self.set_interval(0.04, self.view.picture_ready)
    def take(self):
        self.number += 1
        pixels = np.full((64, 64, 3), self.number * 40 % 256, np.uint8)
        return av.VideoFrame.from_ndarray(pixels, "rgb24")
show = Show(Look())
asyncio.run(show.run_async())
sys.exit(not show.pace.focused)
"""


def server(public_url: str = "") -> BoothServer:
    return BoothServer(["kiosk", "Ada"], "127.0.0.1", 8000, public_url, 0)


async def test_pages_from_elsewhere_open_nothing_and_neither_does_one_too_many() -> None:
    for origin, status in (("https://evil.example", 403), ("", 403), (SHOP, 503), (HERE, 503)):
        async with TestClient(TestServer(await server(f"{SHOP}/booth/")._make_app())) as client:
            with pytest.raises(WSServerHandshakeError) as refused:
                await client.ws_connect("/ws", headers={"Origin": origin})
            assert refused.value.status == status, origin


async def test_the_page_is_of_this_machine_alone_and_knows_its_public_address() -> None:
    async with TestClient(TestServer(await server(f"{SHOP}/booth/")._make_app())) as client:
        page = await (await client.get("/")).text()
    assert 'data-session-websocket-url="wss://example.com/booth/ws"' in page
    assert page.count("http") == page.count("https://example.com/booth/")


def test_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert main(["serve", "kiosk", "--demo"]) == 2
    assert "python3 -m pip install 'did-tui[serve]'" in capsys.readouterr().err
    assert main(["serve", "--port", "1", "agents"]) == 2
    assert commands.in_browser() is False


def test_what_our_page_takes_from_the_terminal_of_browsers_is_there() -> None:
    script = (Path(textual_serve.__file__).parent / "static/js/textual.js").read_text("utf-8")
    page = (PAGE / "app_index.html").read_text("utf-8")
    private = set(re.findall(r"\b_[a-zA-Z]+", page))
    assert private >= {"_renderLayers", "_drawChars", "_deviceCellHeight"}
    for name in (*private, "this.canvasAddon=", "this.webglAddon=", "isFgRGB"):
        assert name in script, name


def packet(kind: bytes, payload: bytes) -> bytes:
    """What whoever serves it sends."""
    return kind + len(payload).to_bytes(4, "big") + payload


def packets(program: subprocess.Popen[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """What it sends, packet by packet (textual/drivers/web_driver.py)."""
    out = program.stdout
    assert out is not None
    assert out.readline() == b"__GANGLION__\n"
    while kind := out.read(1):
        yield kind, out.read(int.from_bytes(out.read(4), "big"))


def test_a_picture_in_a_browser_is_whole_and_waits_for_answers() -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ
        | {"TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver", "TERM": "dumb"}
        | {"COLUMNS": "40", "ROWS": "12"},
        cwd=Path(__file__).parent,
    )
    assert program.stdin is not None
    # Somebody looks, from before it began: Textual begins with nobody.
    program.stdin.write(packet(b"M", b'{"type": "focus"}'))
    program.stdin.flush()
    asked, begun = 0, time.monotonic()
    for kind, payload in packets(program):
        assert kind in (b"D", b"M")
        if kind == b"D" and b"\x1b[6n" in payload:
            assert b"\xe2\x96" in payload or b"\x1b[48;2" in payload, "colours, whatever TERM says"
            asked += 1
            if asked < 5:
                program.stdin.write(packet(b"D", b"\x1b[1;1R"))
                program.stdin.flush()
            elif asked == 5:
                program.stdin.close()  # whoever served it is gone; a picture may be on its way
        assert time.monotonic() - begun < 60
    with program:
        assert program.wait(20) == 0
    assert asked >= 5
