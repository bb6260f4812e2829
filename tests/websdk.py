"""D-ID's own web SDK in a page: the package from npm, and a server for the page."""

from __future__ import annotations

import json
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from chromium import Chromium, Page

PAGES = Path(__file__).parent / "sdk"
PACKAGE = "@d-id/client-sdk"
DOWNLOAD_SECONDS = 180.0
CALL_SECONDS = 90.0


class Unavailable(Exception):
    """The package cannot be had; the text says why."""


def download(version: str, folder: Path) -> Path:
    """The folder with the SDK's browser modules; nothing of it is run here."""
    try:
        packed = subprocess.run(
            ["npm", "pack", "--silent", "--json", f"{PACKAGE}@{version}"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_SECONDS,
            check=True,
        )
    except FileNotFoundError:
        raise Unavailable("npm is not installed") from None
    except subprocess.TimeoutExpired:
        raise Unavailable("npm took too long") from None
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"npm failed: {error.stderr.strip()[-300:]}") from error
    said = json.loads(packed.stdout)
    entry = said[0] if isinstance(said, list) else next(iter(said.values()))
    with tarfile.open(folder / str(entry["filename"])) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package" / "dist"


@contextmanager
def served(dist: Path) -> Iterator[str]:
    """The address of the page that loads the SDK in ``dist``."""

    class Files(SimpleHTTPRequestHandler):
        def translate_path(self, path: str) -> str:
            name = path.partition("?")[0].lstrip("/")
            if name.startswith("sdk/"):
                return str(dist / name.removeprefix("sdk/"))
            return str(PAGES / name)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/talk.html"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Talk:
    """The page's ``talk`` object (talk.js)."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @classmethod
    async def open(cls, browser: Chromium, url: str) -> Talk:
        """Load the page and the SDK in it."""
        talk = cls(await browser.open(url))
        await talk.page.run(_WAIT_UNTIL_READY, CALL_SECONDS)
        return talk

    async def __call__(self, verb: str, *arguments: object) -> Any:
        """Call a verb of talk.js; raises ``PageFailed``."""
        said = ", ".join(json.dumps(argument) for argument in arguments)
        return await self.page.run(f"talk.{verb}({said})", CALL_SECONDS)

    async def log(self) -> dict[str, Any]:
        """What the SDK's callbacks have said."""
        log: dict[str, Any] = await self.page.run("talk.log", CALL_SECONDS)
        return log


_WAIT_UNTIL_READY = """new Promise((resume) => {
  const look = setInterval(() => { if (window.ready) { clearInterval(look); resume(); } }, 10);
})"""
