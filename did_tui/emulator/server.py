"""The emulator's HTTP and WebSocket surface: D-ID's routes on the service.

Every failure is D-ID's error envelope. A route that D-ID does not have is answered as its gateway
answers: with a 403 that talks about authorization (protocol 1.6).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from did_tui.emulator.credentials import Caller, caller_of
from did_tui.emulator.refusal import Refusal, bad_request
from did_tui.emulator.service import Service
from did_tui.emulator.streams import LiveStream

LARGEST_BODY = 8 * 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose caller is known and whose body was read."""

    request: Request
    caller: Caller
    body: dict[str, Any]

    def part(self, name: str) -> str:
        """A named part of the path."""
        return str(self.request.path_params[name])


Handler = Callable[[Call], Awaitable[Response]]


def create_app(service: Service, account: str) -> Starlette:
    """The ASGI application for one account, whose key is ``user:password``."""
    routes = _Routes(service, account)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        service.faces.start()
        yield
        await service.close()

    app = Starlette(
        routes=routes.table(),
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=["*"],
                allow_methods=["*"],
                allow_headers=["*"],
                max_age=600,
            )
        ],
        exception_handlers={
            Refusal: _refused,
            HTTPException: _no_such_route,
            Exception: _failed,
        },
        lifespan=lifespan,
    )
    app.state.service = service
    return app


class _Routes:
    """One method a route."""

    def __init__(self, service: Service, account: str) -> None:
        self._service = service
        self._account = account

    def table(self) -> list[Route | WebSocketRoute]:
        """Every route of the emulator."""
        stream = "/agents/{agent}/streams/{stream}"
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/agents/me", self.list_agents),
            ("GET", "/agents", self.list_agents_bare),
            ("POST", "/agents", self.create_agent),
            ("GET", "/agents/{agent}", self.get_agent),
            ("PATCH", "/agents/{agent}", self.update_agent),
            ("DELETE", "/agents/{agent}", self.delete_agent),
            ("GET", "/agents/{agent}/runtime", self.get_runtime),
            ("GET", "/knowledge", self.list_knowledge),
            ("POST", "/agents/{agent}/chat", self.create_chat),
            ("POST", "/agents/{agent}/chat/{chat}", self.send_message),
            ("POST", "/agents/{agent}/streams", self.open_stream),
            ("POST", f"{stream}/sdp", self.accept),
            ("POST", f"{stream}/ice", self.add_candidate),
            ("POST", stream, self.speak),
            ("DELETE", stream, self.close_stream),
        ]
        return [
            *(Route(path, self._guarded(handler), methods=[verb]) for verb, path, handler in table),
            # Pictures carry no credentials, as on D-ID's own storage.
            Route("/emulator/pictures/{agent}.png", self.picture, methods=["GET"]),
            WebSocketRoute("/", self.notifications),
        ]

    # Agents

    async def list_agents(self, call: Call) -> Response:
        page = self._service.agents(call.request.query_params)
        page["agents"] = [self._view(call.request, agent) for agent in page["agents"]]
        return JSONResponse(page)

    async def list_agents_bare(self, call: Call) -> Response:
        """The list as the mission's OpenAPI has it: a bare array."""
        page = self._service.agents({**call.request.query_params, "limit": "1000"})
        return JSONResponse([self._view(call.request, agent) for agent in page["agents"]])

    async def create_agent(self, call: Call) -> Response:
        return JSONResponse(self._view(call.request, self._service.create_agent(call.body)))

    async def get_agent(self, call: Call) -> Response:
        return JSONResponse(self._view(call.request, self._service.agent(call.part("agent"))))

    async def update_agent(self, call: Call) -> Response:
        agent = self._service.update_agent(call.part("agent"), call.body)
        return JSONResponse(self._view(call.request, agent))

    async def delete_agent(self, call: Call) -> Response:
        return JSONResponse(self._service.delete_agent(call.part("agent")))

    async def get_runtime(self, call: Call) -> Response:
        view = self._service.runtime(call.part("agent"))
        return JSONResponse(view | {"thumbnail": _picture_url(call.request, view["id"])})

    async def picture(self, request: Request) -> Response:
        """The still picture of an agent."""
        picture = await self._service.picture(str(request.path_params["agent"]))
        return Response(picture, media_type="image/png")

    # Knowledge

    async def list_knowledge(self, _call: Call) -> Response:
        return JSONResponse(self._service.store.all("knowledge"))

    # Chat

    async def create_chat(self, call: Call) -> Response:
        return JSONResponse(self._service.create_chat(call.part("agent"), call.body, call.caller))

    async def send_message(self, call: Call) -> Response:
        agent, chat = call.part("agent"), call.part("chat")
        return JSONResponse(await self._service.send_message(agent, chat, call.body, call.caller))

    # Streams

    async def open_stream(self, call: Call) -> Response:
        stream = await self._service.open_stream(call.part("agent"), call.body, call.caller)
        return JSONResponse(stream, 201)

    async def accept(self, call: Call) -> Response:
        await self._service.accept(self._stream(call), call.body)
        return JSONResponse({"status": "accepted"})

    async def add_candidate(self, call: Call) -> Response:
        await self._service.add_candidate(self._stream(call), call.body)
        return JSONResponse({"status": "ok"})

    async def speak(self, call: Call) -> Response:
        return JSONResponse(self._service.speak(self._stream(call), call.body))

    async def close_stream(self, call: Call) -> Response:
        await self._service.streams.close(self._stream(call))
        return JSONResponse({"status": "closed"})

    def _stream(self, call: Call) -> LiveStream:
        agent, stream = call.part("agent"), call.part("stream")
        return self._service.streams.find(agent, stream, call.body.get("session_id"))

    # Notifications

    async def notifications(self, socket: WebSocket) -> None:
        """The notifications socket; credentials are in the query (protocol 1.3)."""
        caller = self._known(socket.query_params.get("authorization", ""))
        if caller is None:
            await socket.close(code=1008)
            return
        await socket.accept()
        await self._service.notifications.serve(socket, caller)

    # What every route shares

    def _guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            caller = self._known(request.headers.get("authorization", ""))
            if caller is None:
                raise Refusal(401, "AuthorizationError", "user unauthenticated")
            return await handler(Call(request, caller, await _body(request)))

        return endpoint

    def _known(self, header: str) -> Caller | None:
        caller = caller_of(header)
        if caller is None:
            return None
        if caller.scheme == "client-key":
            known = self._service.store.get("client-key", caller.secret) is not None
        else:
            known = caller.secret in (self._account, self._account.partition(":")[2])
        return caller if known else None

    def _view(self, request: Request, agent: Mapping[str, Any]) -> dict[str, Any]:
        """An agent as a client sees it: with the address of its picture."""
        picture = _picture_url(request, agent["id"])
        presenter = {"thumbnail": picture, **agent["presenter"]}
        return {"preview_thumbnail": picture, **agent, "presenter": presenter}


def _picture_url(request: Request, agent_id: str) -> str:
    return f"{str(request.base_url).rstrip('/')}/emulator/pictures/{agent_id}.png"


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object of a request; an empty body is an empty object."""
    content = bytearray()
    try:
        async for chunk in request.stream():
            content += chunk
            if len(content) > LARGEST_BODY:
                raise Refusal(413, "PayloadTooLargeError", "request entity too large")
    except ClientDisconnect:
        raise bad_request("the body was cut off") from None
    if not content.strip():
        return {}
    try:
        body = json.loads(content)
    except ValueError:
        raise bad_request("the body is not JSON") from None
    if not isinstance(body, dict):
        raise bad_request("the body must be a JSON object")
    return body


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101 (Starlette dispatches by class)
    return JSONResponse(error.body, error.status)


def _no_such_route(request: Request, _error: Exception) -> Response:
    said = (
        "Authorization header requires 'Credential' parameter. Authorization header requires"
        f" 'Signature' parameter. (no route {request.method} {request.url.path})"
    )
    return JSONResponse({"message": said, "kind": "Forbidden", "description": said}, 403)


def _failed(_request: Request, error: Exception) -> Response:
    body = {"kind": "InternalServerError", "description": f"{type(error).__name__} in the emulator"}
    return JSONResponse(body, 500)
