"""One async method an endpoint. The only module that knows httpx.

Every method raises ``did_tui.api.errors.DidError`` and nothing else. Paths, bodies and statuses are
those of protocol 2 to 4.
"""

from __future__ import annotations

import ipaddress
import json
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from did_tui import __version__
from did_tui.api.credentials import Credentials
from did_tui.api.endpoints import DEFAULT_API_URL, DEFAULT_WS_URL
from did_tui.api.errors import BadAnswer, Unreachable, error_from
from did_tui.api.models import (
    Agent,
    AgentPage,
    Chat,
    ChatResponse,
    Knowledge,
    Rating,
    RuntimeAgent,
    Spoken,
    Stream,
)

_TIMEOUT = httpx.Timeout(30, connect=10)
_WARM_SECONDS = 90.0  # that a connection is kept for the next conversation
_LONGEST_ANSWER = 32 * 1024 * 1024  # bytes; nothing D-ID documents comes near
_LARGEST_PICTURE = 16 * 1024 * 1024  # bytes


class Client:
    """A connection to D-ID's REST API.

    Cheap to make: the TLS context is only built when the first request needs it.
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
        self._transport = transport
        self._http: dict[str, httpx.AsyncClient] = {}  # by scheme

    async def close(self) -> None:
        """Close the connections; the client can be used again afterwards."""
        clients, self._http = self._http, {}
        for client in clients.values():
            await client.aclose()

    # Agents

    async def agents(self, *, limit: int = 100) -> AsyncIterator[Agent]:
        """Every agent of the account, newest first, fetched page by page."""
        seen = {""}
        token = ""
        while True:
            page = await self.agent_page(limit=limit, token=token)
            for agent in page.agents:
                yield agent
            # An empty page or a cursor that comes again would go on for ever.
            if page.token in seen or not page.agents:
                return
            token = page.token
            seen.add(token)

    async def agent_page(self, *, limit: int = 100, token: str = "") -> AgentPage:
        """One page of ``GET /agents/me``."""
        query = {"limit": str(limit), "sort_by": "modified_at", "order": "descending"}
        if token:
            query["token"] = token
        return AgentPage.parse(await self._call("GET", "/agents/me", query=query))

    async def agent(self, agent_id: str) -> Agent:
        """``GET /agents/{id}``."""
        return Agent.parse(await self._call("GET", f"/agents/{_segment(agent_id)}"))

    async def runtime(self, agent_id: str, *, connection: str | None = None) -> RuntimeAgent:
        """``GET /agents/{id}/runtime``: what is needed to meet the agent."""
        path = f"/agents/{_segment(agent_id)}/runtime"
        return RuntimeAgent.parse(await self._call("GET", path, connection=connection))

    # Knowledge

    async def knowledge_names(self) -> dict[str, str]:
        """The names of the account's knowledge bases by id (``GET /knowledge``)."""
        answer = await self._call("GET", "/knowledge")
        if isinstance(answer, Mapping):
            answer = answer.get("knowledge") or answer.get("knowledges")
        bases = [Knowledge.parse(item) for item in answer] if isinstance(answer, list) else []
        return {base.id: base.name for base in bases if base.id}

    # Chat

    async def create_chat(
        self,
        agent_id: str,
        *,
        persist: bool = False,
        mode: str = "Functional",
        connection: str | None = None,
    ) -> Chat:
        """``POST /agents/{id}/chat``."""
        path = f"/agents/{_segment(agent_id)}/chat"
        body = {"persist": persist}
        answer = await self._call(
            "POST", path, body=body, headers=_mode_headers(mode), connection=connection
        )
        return Chat.parse(answer)

    async def send_message(
        self,
        agent_id: str,
        chat_id: str,
        messages: Sequence[Mapping[str, Any]],
        *,
        stream: Stream | None = None,
        mode: str = "Functional",
        connection: str | None = None,
    ) -> ChatResponse:
        """``POST /agents/{id}/chat/{chat}``: the whole transcript, the new turn last."""
        body: dict[str, Any] = {"chatMode": mode, "messages": list(messages)}
        if stream is not None:
            body |= {"streamId": stream.id, "sessionId": stream.session_id}
        answer = await self._call(
            "POST",
            _chat_path(agent_id, chat_id),
            body=body,
            headers=_mode_headers(mode),
            connection=connection,
        )
        return ChatResponse.parse(answer)

    async def rate(
        self,
        agent_id: str,
        chat_id: str,
        rating: Mapping[str, Any],
        *,
        rating_id: str = "",
        connection: str | None = None,
    ) -> Rating:
        """``POST …/ratings``, or with an id ``PATCH …/ratings/{id}`` (protocol 2.3)."""
        path = _chat_path(agent_id, chat_id) + "/ratings"
        verb = "PATCH" if rating_id else "POST"
        if rating_id:
            path += f"/{_segment(rating_id)}"
        answer = await self._call(verb, path, body=rating, connection=connection)
        return Rating.parse(answer)

    async def unrate(
        self, agent_id: str, chat_id: str, rating_id: str, *, connection: str | None = None
    ) -> None:
        """``DELETE …/ratings/{id}``."""
        path = f"{_chat_path(agent_id, chat_id)}/ratings/{_segment(rating_id)}"
        await self._call("DELETE", path, connection=connection)

    async def send_feedback(
        self,
        agent_id: str,
        chat_id: str,
        rating: int,
        answer: str = "",
        *,
        connection: str | None = None,
    ) -> None:
        """``POST …/feedback``: how the call was, 1 to 5, and why."""
        body = {"rating": rating} | ({"answer": answer} if answer else {})
        path = _chat_path(agent_id, chat_id) + "/feedback"
        await self._call("POST", path, body=body, connection=connection)

    # Streams

    async def create_stream(
        self, agent_id: str, options: Mapping[str, Any], *, connection: str | None = None
    ) -> Stream:
        """``POST /agents/{id}/streams``: an offer and the stream's ids."""
        path = f"/agents/{_segment(agent_id)}/streams"
        answer = await self._call("POST", path, body=dict(options), connection=connection)
        stream = Stream.parse(answer)
        if not stream.id:
            raise BadAnswer("D-ID opened a stream and did not say which.")
        return stream

    async def send_answer(
        self, agent_id: str, stream: Stream, sdp: str, *, connection: str | None = None
    ) -> None:
        """``POST …/sdp``: this side's answer to the offer."""
        body = {"session_id": stream.session_id, "answer": {"type": "answer", "sdp": sdp}}
        path = _stream_path(agent_id, stream) + "/sdp"
        await self._call("POST", path, body=body, connection=connection)

    async def send_candidate(
        self,
        agent_id: str,
        stream: Stream,
        candidate: Mapping[str, Any] | None,
        *,
        connection: str | None = None,
    ) -> None:
        """``POST …/ice``: one local candidate (W3C's ``toJSON`` fields), or None for the end."""
        body = dict(candidate or {}) | {"session_id": stream.session_id}
        path = _stream_path(agent_id, stream) + "/ice"
        await self._call("POST", path, body=body, connection=connection)

    async def speak(
        self,
        agent_id: str,
        stream: Stream,
        script: Mapping[str, Any],
        *,
        connection: str | None = None,
    ) -> Spoken:
        """``POST …/streams/{stream}``: have the agent say this text or play this audio."""
        body = {"script": dict(script), "session_id": stream.session_id}
        path = _stream_path(agent_id, stream)
        return Spoken.parse(await self._call("POST", path, body=body, connection=connection))

    async def delete_stream(
        self, agent_id: str, stream: Stream, *, connection: str | None = None
    ) -> None:
        """``DELETE …/streams/{stream}``, with the body that D-ID wants on it."""
        body = {"session_id": stream.session_id}
        path = _stream_path(agent_id, stream)
        await self._call("DELETE", path, body=body, connection=connection)

    # What lies beside the API

    def notifications_url(self, connection: str) -> str:
        """The address of the notifications socket, credentials inside: never log it."""
        authorization = quote(self.credentials.header(connection), safe="")
        return f"{self.ws_url.rstrip('/')}/?authorization={authorization}"

    async def picture(self, url: str) -> bytes:
        """Fetch a picture from wherever an agent says it is, without this account's key."""
        # A redirect from plain HTTP could lead to TLS that this client would not check.
        response, content = await self._fetch(
            "GET", url, _LARGEST_PICTURE, follow_redirects=url.startswith("https:")
        )
        if not response.is_success:
            raise error_from(response.status_code, response.headers, content)
        return content

    # How all of them are done

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        connection: str | None = None,
    ) -> Any:
        sent = {**headers, "Authorization": self.credentials.header(connection)}
        response, content = await self._fetch(
            method, self.api_url + path, _LONGEST_ANSWER, params=query, json=body, headers=sent
        )
        if not response.is_success:
            said = content.replace(self.credentials.secret.encode(), "…".encode())
            raise error_from(response.status_code, response.headers, said)
        if not content.strip():
            return {}
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise BadAnswer(f"{_host(self.api_url)} did not answer with JSON.") from error

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
            raise _unreachable(error, url) from error
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


def _unreachable(error: Exception, url: str) -> Unreachable:
    host = _host(url)
    if isinstance(error, httpx.TimeoutException):
        return Unreachable(f"{host} did not answer in time.")
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


def _segment(identifier: str) -> str:
    return quote(identifier, safe="", errors="replace")


def _chat_path(agent_id: str, chat_id: str) -> str:
    return f"/agents/{_segment(agent_id)}/chat/{_segment(chat_id)}"


def _mode_headers(mode: str) -> Mapping[str, str]:
    """What a mode adds to a request of the chat (protocol 1.5)."""
    return {"X-Playground-Chat": "true"} if mode == "Playground" else {}


def _stream_path(agent_id: str, stream: Stream) -> str:
    return f"/agents/{_segment(agent_id)}/streams/{_segment(stream.id)}"


def _host(url: str) -> str:
    """Host and port of an address: never the name and password that it may hold."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or url
    except ValueError:
        return "this"


def is_loopback(url: str) -> bool:
    """Whether an address is one of this machine's own."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _reason(error: Exception) -> str:
    text = str(error).strip().rstrip(".")
    if "Name or service not known" in text or "nodename nor servname" in text:
        return "no such name, or no network"
    if "All connection attempts failed" in text:
        return "nothing answers there"
    return text or type(error).__name__
