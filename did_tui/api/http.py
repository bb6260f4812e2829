"""How every request is made: the only module of the client that knows httpx.

Nothing but ``did_tui.api.errors.DidError`` is raised. Proxies and certificates are those of the
environment: ``HTTPS_PROXY``, ``NO_PROXY``, ``SSL_CERT_FILE``, ``SSL_CERT_DIR``.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from did_tui import __version__
from did_tui.api.credentials import Credentials
from did_tui.api.endpoints import DEFAULT_API_URL, DEFAULT_WS_URL
from did_tui.api.errors import (
    ApiError,
    BadAnswer,
    DidError,
    NoId,
    NotFound,
    RateLimited,
    ReadOnly,
    ServiceFailure,
    TimedOut,
    Unreachable,
    error_from,
)
from did_tui.api.readonly import is_allowed
from did_tui.api.requestlog import RequestLog

_TIMEOUT = httpx.Timeout(30, connect=10)
_WARM_SECONDS = 90.0  # that a connection is kept for the next conversation
_LONGEST_ANSWER = 32 * 1024 * 1024  # bytes; nothing D-ID documents comes near
LARGEST_PICTURE = 16 * 1024 * 1024  # bytes
LARGEST_FILE = 256 * 1024 * 1024  # bytes of an export

_IDEMPOTENT = ("GET", "PUT", "DELETE")
_PAUSES = (0.2, 0.8)  # seconds before the second and the third attempt
_LONGEST_PAUSE = 10.0  # seconds; who asks for more is told to the user instead
_PASSING = (502, 503, 504)  # a gateway's way to say "not now"


@dataclass(frozen=True, slots=True)
class Knock:
    """That a service has answered: ``tls`` is the version and ``issuer`` who certifies it."""

    status: int
    seconds: float
    tls: str = ""
    issuer: str = ""


class Http:
    """A connection to D-ID's REST API.

    Cheap to make: the TLS context is only built when the first request needs it. ``log`` holds what
    was asked lately, without secrets. While it is ``read_only``, what would change something raises
    ``ReadOnly`` and is not sent; talking works.
    """

    def __init__(
        self,
        credentials: Credentials,
        api_url: str = DEFAULT_API_URL,
        ws_url: str = DEFAULT_WS_URL,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.credentials = credentials
        self.api_url = api_url.rstrip("/")
        self.ws_url = ws_url
        self.log = RequestLog()
        self.read_only = False
        self._transport = transport
        self._http: dict[str, httpx.AsyncClient] = {}  # by kind of address

    async def close(self) -> None:
        """Close the connections; the client can be used again afterwards."""
        clients, self._http = self._http, {}
        for client in clients.values():
            await client.aclose()

    async def knock(self, url: str) -> Knock:
        """Ask for an address without a key, for no more than that it answers.

        Raises ``Unreachable``.
        """
        begun = time.monotonic()
        try:
            async with self._connected(url).stream("GET", url) as response:
                seconds = time.monotonic() - begun
                stream = response.extensions.get("network_stream")
                secured = stream.get_extra_info("ssl_object") if stream is not None else None
                if secured is None:
                    return Knock(response.status_code, seconds)
                issuer = dict(
                    pair for part in secured.getpeercert().get("issuer", ()) for pair in part
                )
                name = issuer.get("organizationName") or issuer.get("commonName") or ""
                return Knock(response.status_code, seconds, str(secured.version()), str(name))
        except _NO_ANSWER as error:
            raise _unreachable(error, url) from error

    async def picture(self, url: str) -> bytes:
        """Fetch a picture from wherever an agent says it is, without this account's key."""
        return await self.file(url, LARGEST_PICTURE)

    async def file(self, url: str, most: int = LARGEST_FILE) -> bytes:
        """Fetch what an answer points to, without this account's key; at most ``most`` bytes."""
        # A redirect from plain HTTP could lead to TLS that this client would not check.
        response, content = await self._fetch(
            "GET", url, most, follow_redirects=url.startswith("https:")
        )
        if not response.is_success:
            raise error_from(response.status_code, response.headers, content)
        return content

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        connection: str | None = None,
    ) -> Any:
        """The JSON of an answer, {} where it is empty.

        A call that may be repeated is, up to twice, after a broken connection, a gateway's trouble
        or a 429, and no sooner than ``Retry-After`` says. Calls of a conversation (those with a
        ``connection``) are not: how long they may take is the conversation's to know.
        """
        if self.read_only and not is_allowed(method, path):
            raise ReadOnly
        sent = {**headers, "Authorization": self.credentials.header(connection)}
        options = {"params": query, "json": body, "data": form, "files": files, "headers": sent}
        pauses = _PAUSES if method in _IDEMPOTENT and connection is None else ()
        for attempt in range(len(pauses) + 1):
            try:
                return await self._once(method, path, options)
            except NotFound:
                if method == "DELETE" and attempt:
                    return {}  # the attempt whose answer was lost has deleted it
                raise
            except (Unreachable, RateLimited, ServiceFailure) as error:
                pause = _pause(error, pauses[attempt]) if attempt < len(pauses) else None
                if pause is None:
                    raise
                await asyncio.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    async def _once(self, method: str, path: str, options: Mapping[str, Any]) -> Any:
        begun, status, said = time.monotonic(), 0, ""
        try:
            response, content = await self._fetch(
                method, self.api_url + path, _LONGEST_ANSWER, **options
            )
            status = response.status_code
            if not response.is_success:
                clean = content.replace(self.credentials.secret.encode(), "…".encode())
                raise error_from(status, response.headers, clean)
            return self._read(content)
        except DidError as error:
            said = str(error)
            raise
        finally:
            self.log.add(method, path, status, time.monotonic() - begun, said)

    def _read(self, content: bytes) -> Any:
        if not content.strip():
            return {}
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            bad = BadAnswer(f"{_host(self.api_url)} did not answer with JSON.")
            bad.content = content
            raise bad from error

    async def _fetch(
        self, method: str, url: str, most: int, **options: Any
    ) -> tuple[httpx.Response, bytes]:
        """A response and its body, which is never read beyond ``most`` bytes."""
        content = bytearray()
        try:
            async with self._connected(url).stream(method, url, **options) as response:
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > most:
                        raise BadAnswer(f"{_host(url)} sent more than anything here is long.")
        except _NO_ANSWER as error:
            unreachable = _unreachable(error, url)
            unreachable.perhaps_done = isinstance(error, _AFTER_IT_WAS_SENT)
            raise unreachable from error
        return response, bytes(content)

    def _connected(self, url: str) -> httpx.AsyncClient:
        """The connections for a kind of address: checked TLS, plain, or on this machine."""
        kind = "local" if is_loopback(url) else url.partition(":")[0].lower()
        if kind not in ("local", "http", "https"):
            raise httpx.UnsupportedProtocol("not a web address")
        if kind not in self._http:
            self._http[kind] = httpx.AsyncClient(
                timeout=_TIMEOUT,
                transport=self._transport,
                headers={"User-Agent": f"did-tui/{__version__}"},
                # Plain HTTP needs no TLS context, and making one costs 50 ms at the start.
                verify=kind == "https" or url.startswith("https:"),
                # What is on this machine is not asked for through a proxy.
                trust_env=kind != "local",
                limits=httpx.Limits(keepalive_expiry=_WARM_SECONDS),
            )
        return self._http[kind]


#: Everything that httpx, the proxy and certificate settings, and the network raise.
_NO_ANSWER = (httpx.HTTPError, httpx.InvalidURL, OSError, ImportError, ValueError)
_AFTER_IT_WAS_SENT = (httpx.ReadError, httpx.ReadTimeout, httpx.RemoteProtocolError)


def path_of(*parts: str) -> str:
    """The path of a resource: ``path_of("agents", agent_id, "chats")``, every part escaped.

    Raises ``NoId`` for a part that would make it the path of something else.
    """
    for part in parts:
        if part in ("", ".", ".."):
            raise NoId("This has no id that D-ID could be asked for.")
    return "".join(f"/{quote(part, safe='', errors='replace')}" for part in parts)


def is_loopback(url: str) -> bool:
    """Whether an address is one of this machine's own."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _pause(error: DidError, usual: float) -> float | None:
    """Seconds until the next attempt, None where there should be none."""
    if isinstance(error, TimedOut):
        return None  # it has taken long enough
    if isinstance(error, ApiError):
        if isinstance(error, ServiceFailure) and error.status not in _PASSING:
            return None
        wanted = max(usual, error.retry_after or 0)
        return wanted if wanted <= _LONGEST_PAUSE else None
    return usual


def _unreachable(error: Exception, url: str) -> Unreachable:
    host = _host(url)
    if isinstance(error, httpx.TimeoutException):
        return TimedOut(f"{host} did not answer in time.")
    if isinstance(error, UnicodeError):
        return Unreachable("The text holds half characters that cannot be sent.")
    if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError)):
        return Unreachable(f"{host!r} is not an address that D-ID's API can have.")
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Unreachable(
                f"The certificate of {host} is not trusted: behind a company proxy, "
                "set SSL_CERT_FILE to its certificate."
            )
        cause = cause.__cause__ or cause.__context__
    return Unreachable(f"{host} cannot be reached: {_reason(error)}.")


def _host(url: str) -> str:
    """Host and port of an address: never the name and password that it may hold."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or url
    except ValueError:
        return "this"


def _reason(error: Exception) -> str:
    text = str(error).strip().rstrip(".")
    if "Name or service not known" in text or "nodename nor servname" in text:
        return "no such name, or no network"
    if "All connection attempts failed" in text:
        return "nothing answers there"
    return text or type(error).__name__
