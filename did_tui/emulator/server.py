"""The emulator's HTTP and WebSocket surface: D-ID's routes on the service.

Every failure is D-ID's error envelope. A route that D-ID does not have is answered as its gateway
answers: with a 403 that talks about authorization (protocol 1.6).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from did_tui.emulator.calls import Call, Handler, base_of, read_body
from did_tui.emulator.control import control_routes
from did_tui.emulator.credentials import Caller, caller_of
from did_tui.emulator.dispatch import worker_routes
from did_tui.emulator.faults import Fault, Faults
from did_tui.emulator.keys import check_use
from did_tui.emulator.log import Entry, Log
from did_tui.emulator.openapi import document
from did_tui.emulator.origins import LOOPBACK, Origins
from did_tui.emulator.refusal import Refusal, bad_request
from did_tui.emulator.resources import resource_routes
from did_tui.emulator.rooms import no_path, no_socket
from did_tui.emulator.service import Service
from did_tui.emulator.store import timestamp
from did_tui.emulator.streams import LiveStream

LARGEST_KEPT = 16 * 1024  # characters of a body that the log keeps


def create_app(service: Service, account: str, allow_origins: Sequence[str] = ()) -> Starlette:
    """The ASGI application for one account, whose key is ``user:password``.

    Web pages of this machine may use it, and those of the origins given.
    """
    routes = _Routes(service, account, Origins(allow_origins))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        service.start()
        yield
        await service.close()

    app = Starlette(
        routes=routes.table(),
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=allow_origins,
                allow_origin_regex=LOOPBACK,
                allow_methods=["*"],
                allow_headers=["*"],
                expose_headers=["Retry-After"],
                max_age=600,
            )
        ],
        exception_handlers={
            Refusal: _refused,
            HTTPException: routes.no_such_route,
            Exception: _failed,
        },
        lifespan=lifespan,
    )
    app.state.service = service
    return app


class _Routes:
    """One method a route."""

    def __init__(self, service: Service, account: str, origins: Origins) -> None:
        self._service, self._origins = service, origins
        self._account = account
        self._faults = Faults()
        self._log = Log()
        self._recent: deque[float] = deque()
        self._described: list[tuple[str, str, str]] = []

    def table(self) -> list[Route | WebSocketRoute]:
        """Every route of the emulator."""
        stream = "/agents/{agent}/streams/{stream}"
        chat = "/agents/{agent}/chat/{chat}"
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/agents/me", self.list_agents),
            ("GET", "/agents", self.list_agents_bare),
            ("POST", "/agents", self.create_agent),
            ("GET", "/agents/{agent}", self.get_agent),
            ("PATCH", "/agents/{agent}", self.update_agent),
            ("DELETE", "/agents/{agent}", self.delete_agent),
            ("GET", "/agents/{agent}/runtime", self.get_runtime),
            ("POST", "/agents/{agent}/chat", self.create_chat),
            ("DELETE", "/agents/{agent}/chats", self.delete_chats),
            ("POST", chat, self.send_message),
            ("POST", f"{chat}/ratings", self.rate),
            ("PATCH", f"{chat}/ratings/{{rating}}", self.change_rating),
            ("DELETE", f"{chat}/ratings/{{rating}}", self.delete_rating),
            ("POST", f"{chat}/feedback", self.send_feedback),
            ("POST", "/agents/{agent}/streams", self.open_stream),
            ("POST", f"{stream}/sdp", self.send_answer),
            ("POST", f"{stream}/ice", self.send_candidate),
            ("POST", stream, self.speak),
            ("DELETE", stream, self.close_stream),
        ]
        guarded, shown = resource_routes(self._service)
        livekit = self._service.livekit
        table = [*guarded, *table]
        self._described = [(verb, path, handler.__name__) for verb, path, handler in table]
        names = [handler.__name__ for _, _, handler in table]
        names += [self.notifications.__name__, self.join_room.__name__]
        return [
            *control_routes(self._service, self._faults, self._log, names),
            *(Route(path, self._guarded(handler), methods=[verb]) for verb, path, handler in table),
            # What a browser shows carries no credentials, as on D-ID's own storage.
            Route("/emulator/pictures/{agent}.png", self.picture, methods=["GET"]),
            Route("/emulator/idle/{agent}.mp4", self.idle_video, methods=["GET"]),
            Route("/emulator/documents/{document}", self.document, methods=["GET"]),
            *shown,
            Route("/emulator/openapi.json", self.openapi, methods=["GET"]),
            WebSocketRoute("/", self.notifications),
            Route("/rtc/validate", self.validate_room, methods=["GET"]),
            WebSocketRoute("/rtc", self.join_room),
            Route("/rtc/v1/validate", no_path, methods=["GET"]),
            WebSocketRoute("/rtc/v1", no_socket),
            *(worker_routes(self._service, livekit) if livekit else ()),
        ]

    # Agents

    async def list_agents(self, call: Call) -> Response:
        page = self._service.agents(call.request.query_params)
        page["agents"] = [self._view(call.request, agent) for agent in page["agents"]]
        return JSONResponse(page)

    async def list_agents_bare(self, call: Call) -> Response:
        """The list as the mission's OpenAPI has it: a bare array."""
        agents = self._service.all_agents(call.query)
        return JSONResponse([self._view(call.request, agent) for agent in agents])

    async def create_agent(self, call: Call) -> Response:
        _check_webhooks(call)
        return JSONResponse(self._view(call.request, self._service.create_agent(call.body)))

    async def get_agent(self, call: Call) -> Response:
        return JSONResponse(self._view(call.request, self._service.agent(call.part("agent"))))

    async def update_agent(self, call: Call) -> Response:
        _check_webhooks(call)
        agent = self._service.update_agent(call.part("agent"), call.body)
        return JSONResponse(self._view(call.request, agent))

    async def delete_agent(self, call: Call) -> Response:
        return JSONResponse(self._service.delete_agent(call.part("agent")))

    async def get_runtime(self, call: Call) -> Response:
        view = self._service.runtime(call.part("agent"))
        view["thumbnail"] = _picture_url(call.request, view["id"])
        if view["avatar"]["type"] == "talk":
            view["idle_video"] = _idle_url(call.request, view["id"])
        return JSONResponse(view)

    async def picture(self, request: Request) -> Response:
        """The still picture of an agent."""
        picture = await self._service.picture(str(request.path_params["agent"]))
        return Response(picture, media_type="image/png")

    async def idle_video(self, request: Request) -> Response:
        """What a legacy agent does between two utterances: a loop without sound."""
        video = await self._service.idle_video(str(request.path_params["agent"]))
        return Response(video, media_type="video/mp4")

    async def document(self, request: Request) -> Response:
        """The text that a citation comes from."""
        text = self._service.document(str(request.path_params["document"]), base_of(request))
        return Response(text, media_type="text/markdown")

    async def openapi(self, _request: Request) -> Response:
        """The emulator's own OpenAPI, made when somebody wants it: that takes a moment."""
        return JSONResponse(document(self._described))

    # Chat

    async def create_chat(self, call: Call) -> Response:
        agent = self._service.agent(call.part("agent"))
        chats = self._service.chats
        return JSONResponse(chats.create(agent, call.body, call.caller, playground=call.playground))

    async def delete_chats(self, call: Call) -> Response:
        agent = self._service.agent(call.part("agent"))
        return JSONResponse(self._service.chats.delete_all(agent["id"]))

    async def send_message(self, call: Call) -> Response:
        agent = self._service.agent(call.part("agent"))
        answer = await self._service.chats.send(
            agent,
            call.part("chat"),
            call.body,
            call.caller,
            playground=call.playground,
            base=call.base,
        )
        return JSONResponse(answer)

    async def rate(self, call: Call) -> Response:
        agent, chat = call.part("agent"), call.part("chat")
        return JSONResponse(self._service.chats.rate(agent, chat, call.body, call.caller))

    async def change_rating(self, call: Call) -> Response:
        agent, chat, rating = call.part("agent"), call.part("chat"), call.part("rating")
        return JSONResponse(self._service.chats.change_rating(agent, chat, rating, call.body))

    async def delete_rating(self, call: Call) -> Response:
        agent, chat, rating = call.part("agent"), call.part("chat"), call.part("rating")
        return JSONResponse(self._service.chats.delete_rating(agent, chat, rating))

    async def send_feedback(self, call: Call) -> Response:
        agent, chat = call.part("agent"), call.part("chat")
        return JSONResponse(self._service.chats.feedback(agent, chat, call.body))

    # Streams

    async def open_stream(self, call: Call) -> Response:
        stream = await self._service.open_stream(call.part("agent"), call.body, call.caller)
        return JSONResponse(stream, 201)

    async def send_answer(self, call: Call) -> Response:
        await self._service.accept(self._stream(call), call.body)
        return JSONResponse({"status": "accepted"})

    async def send_candidate(self, call: Call) -> Response:
        await self._service.add_candidate(self._stream(call), call.body)
        return JSONResponse({"status": "ok"})

    async def speak(self, call: Call) -> Response:
        return JSONResponse(await self._service.speak(self._stream(call), call.body))

    async def close_stream(self, call: Call) -> Response:
        streams = self._service.streams
        agent, stream = call.part("agent"), call.part("stream")
        await streams.close(streams.find_to_close(agent, stream, call.body.get("session_id")))
        return JSONResponse({"status": "closed"})

    def _stream(self, call: Call) -> LiveStream:
        agent, stream = call.part("agent"), call.part("stream")
        return self._service.streams.find(agent, stream, call.body.get("session_id"))

    # Notifications

    async def notifications(self, socket: WebSocket) -> None:
        """The notifications socket; credentials are in the query (protocol 1.3)."""
        fault = self._faults.take(self.notifications.__name__)
        if fault is not None:
            await asyncio.sleep(fault.delay)
        caller = self._known(
            socket.query_params.get("authorization", ""), socket.headers.get("origin")
        )
        if fault is not None and fault.answers:
            await socket.send_denial_response(_ordered(fault))
        elif caller is None or (fault is not None and fault.drop):
            await socket.close(code=1008)
        else:
            await socket.accept()
            await self._service.notifications.serve(socket, caller)

    # Rooms

    async def join_room(self, socket: WebSocket) -> None:
        """LiveKit's signalling; the token in the query is all that it takes."""
        fault = self._faults.take(self.join_room.__name__)
        if fault is not None:
            await asyncio.sleep(fault.delay)
        if fault is not None and fault.answers:
            await socket.send_denial_response(_ordered(fault))
        elif fault is not None and fault.drop:
            await socket.close(code=1008)
        else:
            await self._service.rooms.serve(socket)

    async def validate_room(self, request: Request) -> Response:
        """What is wrong with a room's token."""
        return self._service.rooms.validate(request)

    # What every route shares

    def _guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        name = handler.__name__

        async def endpoint(request: Request) -> Response:
            begun, at = time.monotonic(), timestamp()
            fault = self._faults.take(name)
            body: dict[str, Any] | None = None
            status = 0
            try:
                caller = self._known(
                    request.headers.get("authorization", ""), request.headers.get("origin")
                )
                if caller is None:
                    raise Refusal(401, "AuthorizationError", "user unauthenticated")
                self._check_key(caller, request)
                body, files = await read_body(request)
                self._check_rate()
                call = Call(request, caller, body, files)
                response = await (handler(call) if fault is None else _hit(fault, handler, call))
                status = 0 if isinstance(response, Dropped) else response.status_code
            except Refusal as refusal:
                status = refusal.status
                raise
            finally:
                kept = body if len(str(body)) <= LARGEST_KEPT else None
                path, seconds = request.url.path, time.monotonic() - begun
                hit = fault is not None
                self._log.add(Entry(at, name, request.method, path, kept, status, seconds, hit))
            return response

        return endpoint

    def _check_key(self, caller: Caller, request: Request) -> None:
        """Refuse what a client key is not for."""
        if caller.scheme == "client-key":
            key = self._service.keys.known(caller.secret) or {}
            origin = request.headers.get("origin")
            check_use(key, request.method, request.url.path, origin)

    def _check_rate(self) -> None:
        most = self._service.limits.requests_a_minute
        now = time.monotonic()
        while self._recent and (not most or self._recent[0] <= now - 60):
            self._recent.popleft()
        if not most:
            return
        if len(self._recent) >= most:
            wait = math.ceil(self._recent[0] + 60 - now)
            raise Refusal(429, "TooManyRequests", "Too Many Requests", retry_after=wait)
        self._recent.append(now)

    def _known(self, header: str, origin: str | None) -> Caller | None:
        """Who asks; a page that knows the account's key, as all do, has to be an allowed one."""
        caller = caller_of(header)
        if caller is None:
            return None
        if caller.scheme == "client-key":
            known = self._service.keys.known(caller.secret) is not None
        else:
            known = caller.secret in (self._account, self._account.partition(":")[2])
            known = known and self._origins.allow(origin)
        return caller if known else None

    def no_such_route(self, request: Request, _error: Exception) -> Response:
        """The gateway's answer to a path that D-ID does not have."""
        path = request.url.path
        self._log.add(Entry(timestamp(), "unknown", request.method, path, None, 403, 0.0))
        said = (
            "Authorization header requires 'Credential' parameter. Authorization header requires"
            f" 'Signature' parameter. (no route {request.method} {path})"
        )
        return JSONResponse({"message": said, "kind": "Forbidden", "description": said}, 403)

    def _view(self, request: Request, agent: Mapping[str, Any]) -> dict[str, Any]:
        """An agent as a client sees it: with the address of its picture."""
        picture = _picture_url(request, agent["id"])
        presenter = {"thumbnail": picture, **agent["presenter"]}
        if presenter.get("type") == "talk":
            presenter.setdefault("idle_video", _idle_url(request, agent["id"]))
            presenter.setdefault("source_url", picture)
        return {"preview_thumbnail": picture, **agent, "presenter": presenter}


def _check_webhooks(call: Call) -> None:
    """A web page of another machine may have nothing called that is local."""
    if call.from_elsewhere and call.body.get("triggers"):
        raise bad_request("a web page may have nothing called")


def _picture_url(request: Request, agent_id: str) -> str:
    return f"{base_of(request)}/emulator/pictures/{agent_id}.png"


def _idle_url(request: Request, agent_id: str) -> str:
    return f"{base_of(request)}/emulator/idle/{agent_id}.mp4"


async def _hit(fault: Fault, handler: Handler, call: Call) -> Response:
    """The answer to a request for which a fault was ordered."""
    await asyncio.sleep(fault.delay)
    breaks = fault.drop or fault.answers
    response = None if breaks and fault.when == "before" else await handler(call)
    if fault.drop:
        return Dropped()
    if fault.answers or response is None:
        response = _ordered(fault)
    if fault.cut:
        half = bytes(response.body)[: len(response.body) // 2]
        return Response(half, response.status_code, media_type="application/json")
    return response


def _ordered(fault: Fault) -> Response:
    body, status = fault.envelope(), fault.status or 500
    headers = ({"Retry-After": "2"} if status == 429 else {}) | fault.headers
    if isinstance(body, str):
        return Response(body, status, headers)
    return JSONResponse(body, status, headers)


class Dropped(Response):
    """No answer: the connection breaks.

    The server puts the connection's transport into the scope (``command.py``).
    """

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        """Break the connection."""
        scope["transport"].abort()
        while (await receive())["type"] != "http.disconnect":
            pass


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101 (Starlette dispatches by class)
    return JSONResponse(error.body, error.status, error.headers)


def _failed(_request: Request, error: Exception) -> Response:
    body = {"kind": "InternalServerError", "description": f"{type(error).__name__} in the emulator"}
    return JSONResponse(body, 500)
