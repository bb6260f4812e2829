"""Where documents come from: fetched, read as what they are, cut into passages.

Only this machine is asked, unless the emulator is told that it may ask others.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

import httpx

LARGEST = 15 * 1024 * 1024  # bytes of a document
LONGEST_PASSAGE = 900  # characters
MOST_PASSAGES = 2000
MOST_PAGES = 500  # of a PDF or a presentation
SECONDS = 20.0  # that fetching and reading may take together
REDIRECTS = 3

TYPES = ("text", "pdf", "powerpoint", "html", "markdown")
_ENDINGS = {
    "pdf": "pdf",
    "pptx": "powerpoint",
    "htm": "html",
    "html": "html",
    "md": "markdown",
    "txt": "text",
}
_MEDIA_TYPES = {
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "powerpoint",
    "text/html": "html",
    "text/markdown": "markdown",
    "text/plain": "text",
}


class Unusable(Exception):
    """A document that cannot be used; the text says why.

    ``rejected`` says that it was found and is not wanted, rather than that something failed.
    """

    def __init__(self, said: str, *, rejected: bool = False) -> None:
        super().__init__(said)
        self.rejected = rejected


@dataclass(frozen=True, slots=True)
class Source:
    """What was found at an address."""

    content: bytes
    media_type: str


def is_local(host: str) -> bool:
    """Whether a name is one of this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_address(url: str, *, anywhere: bool) -> None:
    """Raise ``Unusable`` for an address that is not asked."""
    if url.startswith("data:"):
        return
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise Unusable(f"source_url is not an address: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise Unusable("source_url must begin with http:// or https://")
    if not anywhere and not is_local(host):
        raise Unusable(
            f"the emulator fetches from this machine only, not from {host}:"
            " start it with --fetch-anywhere"
        )


async def fetch(url: str, *, anywhere: bool) -> Source:
    """What is at an address, a ``data:`` address included; raises ``Unusable``."""
    check_address(url, anywhere=anywhere)
    if url.startswith("data:"):
        return _inline(url)
    try:
        async with httpx.AsyncClient(timeout=httpx.Timeout(10, connect=5), trust_env=anywhere) as h:
            for _ in range(REDIRECTS + 1):
                async with h.stream("GET", url) as response:
                    if response.has_redirect_location:
                        url = urljoin(url, response.headers["location"])
                        check_address(url, anywhere=anywhere)
                        continue
                    if not response.is_success:
                        raise Unusable(f"source_url answered with status {response.status_code}")
                    content = await _bounded(response)
                    kind = response.headers.get("content-type", "")
                    return Source(content, kind.partition(";")[0].strip().lower())
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, OSError) as error:
        raise Unusable(f"source_url cannot be fetched: {error or type(error).__name__}") from error
    raise Unusable("source_url redirects too often")


async def _bounded(response: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > LARGEST:
            raise Unusable("the document is larger than 15 MB", rejected=True)
    return bytes(content)


def _inline(url: str) -> Source:
    head, comma, data = url.removeprefix("data:").partition(",")
    if not comma:
        raise Unusable("source_url is a data: address without data")
    content = unquote_to_bytes(data)
    if head.endswith(";base64"):
        try:
            content = base64.b64decode(content, validate=True)
        except binascii.Error as error:
            raise Unusable(f"source_url is not base64: {error}") from error
    return Source(content, head.partition(";")[0].lower())


def type_of(url: str, media_type: str = "") -> str:
    """The kind of document that an address or a media type promises; ``text`` where none does."""
    if url.startswith("data:"):
        media_type = url[5:].partition(",")[0].partition(";")[0]
        url = ""
    ending = url.partition("?")[0].partition("#")[0].rpartition(".")[2].lower()
    return _MEDIA_TYPES.get(media_type) or _ENDINGS.get(ending, "text")


async def read(source: Source, kind: str, title: str) -> list[tuple[str, str]]:
    """The passages of a document, each with a heading; raises ``Unusable``."""
    if kind in ("text", "html", "markdown"):
        promised = _MEDIA_TYPES.get(source.media_type, kind)
        if promised not in ("text", "html", "markdown"):
            raise Unusable(f"the document is not {kind}: it is {promised}", rejected=True)
        kind = promised
    async with asyncio.timeout(SECONDS):
        sections = await asyncio.to_thread(lambda: list(_sections(source.content, kind, title)))
    passages = [piece for heading, text in sections for piece in _cut(heading, text)]
    if not passages:
        raise Unusable("there is no text in the document", rejected=True)
    return passages[:MOST_PASSAGES]


def _sections(content: bytes, kind: str, title: str) -> Iterator[tuple[str, str]]:
    match kind:
        case "pdf":
            yield from _pdf(content, title)
        case "powerpoint":
            yield from _slides(content, title)
        case "html":
            page = _Page()
            page.feed(_text(content))
            page.close()
            yield from _headed(page.markdown, title)
        case _:
            yield from _headed(_text(content), title)


def _text(content: bytes) -> str:
    if b"\0" in content[:4096] and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unusable("the document is not text", rejected=True)
    coding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return content.decode(coding, "replace")


def _headed(markdown: str, title: str) -> Iterator[tuple[str, str]]:
    """The sections of a text in which headings begin with ``#``."""
    heading, lines = title, list[str]()
    for line in markdown.splitlines():
        found = re.match(r"#{1,6}\s+(.+)", line)
        if found is None:
            lines.append(line)
            continue
        yield heading, "\n".join(lines)
        heading, lines = found[1].strip(" #"), []
    yield heading, "\n".join(lines)


def _cut(heading: str, text: str) -> Iterator[tuple[str, str]]:
    """A section in pieces that end with a paragraph, or with a sentence where one is long."""
    piece = ""
    for part in re.split(r"\n\s*\n|(?<=[.!?])\s+(?=\S)", text):
        words = " ".join(part.split())
        while len(words) > LONGEST_PASSAGE:
            yield heading, words[:LONGEST_PASSAGE]
            words = words[LONGEST_PASSAGE:]
        if piece and len(piece) + len(words) >= LONGEST_PASSAGE:
            yield heading, piece
            piece = ""
        piece = f"{piece} {words}".strip()
    if piece:
        yield heading, piece


def _pdf(content: bytes, title: str) -> Iterator[tuple[str, str]]:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        pages = PdfReader(io.BytesIO(content)).pages
        for number, page in enumerate(pages[:MOST_PAGES], 1):
            yield f"{title}, page {number}", page.extract_text()
    except Exception as error:  # a damaged PDF makes pypdf raise every kind
        said = str(error) if isinstance(error, PyPdfError) else type(error).__name__
        raise Unusable(f"the document is no readable PDF: {said}", rejected=True) from error


def _slides(content: bytes, title: str) -> Iterator[tuple[str, str]]:
    from pptx import Presentation

    try:
        slides = Presentation(io.BytesIO(content)).slides
        for number, slide in enumerate(slides, 1):
            if number > MOST_PAGES:
                return
            texts = [shape.text_frame.text for shape in slide.shapes if shape.has_text_frame]
            if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
                texts.append(slide.notes_slide.notes_text_frame.text)
            yield f"{title}, slide {number}", "\n\n".join(texts)
    except Exception as error:  # zip, XML and the library have a kind each for what is damaged
        said = f"the document is no readable presentation: {type(error).__name__}"
        raise Unusable(said, rejected=True) from error


class _Page(HTMLParser):
    """The text of a web page, with its headings marked as in Markdown."""

    _SILENT = ("script", "style", "noscript", "template", "head")
    _BREAKING = ("p", "div", "br", "li", "tr", "section", "article", "table", "ul", "ol", "pre")

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[str] = []
        self._silent = 0

    @property
    def markdown(self) -> str:
        """What there is to read."""
        return "".join(self._parts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        """Mark where something begins."""
        if tag in self._SILENT:
            self._silent += 1
        elif re.fullmatch("h[1-6]", tag):
            self._parts.append("\n\n## ")
        elif tag in self._BREAKING:
            self._parts.append("\n\n")

    def handle_endtag(self, tag: str) -> None:
        """Mark where something ends."""
        if tag in self._SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in self._BREAKING or re.fullmatch("h[1-6]", tag):
            self._parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        """Keep what is shown."""
        if not self._silent:
            self._parts.append(re.sub(r"\s+", " ", data))
