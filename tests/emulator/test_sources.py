"""Where documents come from: what is fetched, what is not, and how it is cut."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from did_tui.emulator import sources
from did_tui.emulator.sources import Source, Unusable, fetch, read, type_of

PAGE = (
    b"<html><head><title>x</title></head><body><h2>Hours</h2><p>We open at nine.</p></body></html>"
)


class Site(BaseHTTPRequestHandler):
    """A few addresses, good and bad."""

    def do_GET(self) -> None:
        match self.path:
            case "/page":
                self._answer(200, PAGE, "text/html; charset=utf-8")
            case "/away":
                self._answer(302, b"", "text/html", location="http://example.com/x")
            case "/here":
                self._answer(302, b"", "text/html", location="/page")
            case "/loop":
                self._answer(302, b"", "text/html", location="/loop")
            case "/large":
                self._answer(200, b"x" * 5000, "text/plain")
            case _:
                self._answer(404, b"none", "text/plain")

    def _answer(self, status: int, body: bytes, kind: str, location: str = "") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        if location:
            self.send_header("location", location)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


async def test_a_page_of_this_machine_is_read(site: str) -> None:
    for path in ("/page", "/here"):
        source = await fetch(site + path, anywhere=False)
        assert source.media_type == "text/html"
        assert await read(source, "text", "Shop") == [("Hours", "We open at nine.")]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/away", "not from example.com"),
        ("/loop", "too often"),
        ("/none", "status 404"),
        ("/large", "larger than 15 MB"),
    ],
)
async def test_what_is_not_taken(
    site: str, path: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "LARGEST", 4000)
    with pytest.raises(Unusable, match=said):
        await fetch(site + path, anywhere=False)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://x/a.PDF?x=1#y", "pdf"),
        ("http://x/a.pptx", "powerpoint"),
        ("http://x/a.html", "html"),
        ("http://x/README.md", "markdown"),
        ("http://x/", "text"),
        ("data:application/pdf;base64,AA", "pdf"),
        ("data:,a.pdf", "text"),
    ],
)
def test_what_an_address_promises(url: str, kind: str) -> None:
    assert type_of(url) == kind


@given(st.binary(max_size=3000), st.sampled_from(sources.TYPES))
def test_whatever_is_in_a_file_it_is_text_or_said(content: bytes, kind: str) -> None:
    import asyncio

    try:
        passages = asyncio.run(read(Source(content, ""), kind, "Title"))
    except Unusable:
        return
    for heading, text in passages:
        assert heading
        assert 0 < len(text) <= sources.LONGEST_PASSAGE


@given(st.text())
def test_no_word_is_lost(text: str) -> None:
    pieces = [piece for _, piece in sources._cut("Title", text)]
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(len(piece) <= sources.LONGEST_PASSAGE for piece in pieces)
