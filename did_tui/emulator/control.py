"""The control API: look into the running emulator, and have things go wrong.

Only programs on this machine may use it: a request that comes from another address, that was sent
to another name than this machine's, or that a web page made, is refused.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import ipaddress
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from did_tui.emulator import packets
from did_tui.emulator.actor import TOOL_SECONDS
from did_tui.emulator.faults import Fault, Faults
from did_tui.emulator.guest import Guest
from did_tui.emulator.log import Log
from did_tui.emulator.packets import CallFailed
from did_tui.emulator.refusal import Refusal, bad_request, not_found
from did_tui.emulator.room import Room
from did_tui.emulator.service import Service
from did_tui.emulator.streams import LiveStream


def control_routes(service: Service, faults: Faults, log: Log, names: list[str]) -> list[Route]:
    """The routes of the control API; ``names`` are those of the routes that faults can hit."""
    return _Control(service, faults, log, names).table()


class _Control:
    """One method a route."""

    def __init__(self, service: Service, faults: Faults, log: Log, names: list[str]) -> None:
        self._service, self._faults, self._log = service, faults, log
        self._names = {"*", *names}

    def table(self) -> list[Route]:
        """Every route of the control API."""
        stream, session = "/streams/{stream}", "/sessions/{session}"
        table: list[tuple[str, str, _Handler]] = [
            ("GET", "/state", self.state),
            ("GET", "/requests", self.requests),
            ("DELETE", "/requests", self.forget_requests),
            ("PATCH", "/limits", self.change_limits),
            ("GET", "/faults", self.list_faults),
            ("POST", "/faults", self.order_fault),
            ("DELETE", "/faults", self.remove_faults),
            ("DELETE", "/faults/{fault:int}", self.remove_faults),
            ("POST", f"{stream}/media", self.lose_media),
            ("POST", f"{stream}/vanish", self.vanish),
            ("POST", f"{stream}/lose-session", self.lose_session),
            ("POST", f"{stream}/data", self.write_data),
            ("POST", f"{stream}/notify", self.notify),
            ("POST", f"{stream}/hear", self.hear),
            ("POST", f"{stream}/close", self.close),
            ("POST", "/sockets/drop", self.drop_sockets),
            ("POST", f"{session}/media", self.lose_room_media),
            ("POST", f"{session}/vanish", self.freeze_room),
            ("POST", f"{session}/data", self.write_packet),
            ("POST", f"{session}/text", self.write_text),
            ("POST", f"{session}/hear", self.hear_in_room),
            ("POST", f"{session}/call", self.call_tool),
            ("POST", f"{session}/agent", self.show_agent),
            ("POST", f"{session}/drop", self.drop_signals),
            ("POST", f"{session}/leave", self.send_away),
            ("POST", f"{session}/close", self.end_session),
        ]
        return [
            Route(f"/__control{path}", _guarded(handler), methods=[verb])
            for verb, path, handler in table
        ]

    # Looking

    async def state(self, _request: Request, _body: _Body) -> Any:
        """What is open, and what was."""
        streams = self._service.streams
        return {
            "streams": [self._stream_view(stream) for stream in streams],
            "opened": streams.opened,
            "closed": dict(streams.closed),
            "rooms": [room.view() for room in self._service.rooms],
            "rooms_closed": dict(self._service.rooms.closed),
            "sockets": self._service.notifications.counts(),
            "chats": self._service.store.all("chat"),
            "ratings": self._service.store.all("rating"),
            "feedback": self._service.store.all("feedback"),
            "requests": dict(self._log.counts),
            "limits": self._service.limits.model_dump(),
            "faults": self._faults.view(),
        }

    def _stream_view(self, stream: LiveStream) -> dict[str, Any]:
        return {
            "id": stream.id,
            "agent_id": stream.agent_id,
            "connection": stream.connection,
            "fluent": stream.fluent,
            "state": stream.peer.state,
            "channel": stream.peer.channel_open,
            "speaking": stream.peer.stage.video_id,
            "waiting": stream.answering + stream.peer.stage.waiting,
            "lost": stream.lost,
            "closes_in": round(self._service.streams.remaining(stream), 1),
        }

    async def requests(self, _request: Request, _body: _Body) -> Any:
        return self._log.view()

    async def forget_requests(self, _request: Request, _body: _Body) -> Any:
        self._log.clear()
        return {}

    # Limits and faults

    async def change_limits(self, _request: Request, body: _Body) -> Any:
        limits = self._service.limits
        changed = _model(type(limits), {**limits.model_dump(), **body})
        for name in body:
            setattr(limits, name, getattr(changed, name))
        return limits.model_dump()

    async def list_faults(self, _request: Request, _body: _Body) -> Any:
        return self._faults.view()

    async def order_fault(self, _request: Request, body: _Body) -> Any:
        fault = _model(Fault, body)
        if fault.route not in self._names:
            raise bad_request(f"route must be one of {', '.join(sorted(self._names))}")
        return {"id": self._faults.order(fault)}

    async def remove_faults(self, request: Request, _body: _Body) -> Any:
        return {"removed": self._faults.remove(request.path_params.get("fault"))}

    # What happens to streams

    async def lose_media(self, request: Request, body: _Body) -> Any:
        for stream in self._streams(request):
            stream.peer.lose(**_loss(body))
        return {}

    async def vanish(self, request: Request, _body: _Body) -> Any:
        for stream in self._streams(request):
            stream.peer.vanish()
        return {}

    async def lose_session(self, request: Request, _body: _Body) -> Any:
        for stream in self._streams(request):
            stream.lost = True
        return {}

    async def write_data(self, request: Request, body: _Body) -> Any:
        message = _message(body)
        return {"sent": sum(s.peer.send_raw(message) for s in self._streams(request))}

    async def notify(self, request: Request, body: _Body) -> Any:
        message = json.dumps(body["event"]) if "event" in body else _message(body)
        put = self._service.notifications.put
        return {"sent": sum(put(s.connection, message) for s in self._streams(request))}

    async def hear(self, request: Request, body: _Body) -> Any:
        text = _words(body)
        base = str(request.base_url).rstrip("/")
        for stream in self._streams(request):
            agent = self._service.agent(stream.agent_id)
            self._service.chats.hear(agent, stream, text, base)
        return {}

    async def close(self, request: Request, body: _Body) -> Any:
        reason = body.get("reason", "shutdown")
        if not isinstance(reason, str) or not reason:
            raise bad_request("reason must be text")
        streams = self._streams(request)
        await asyncio.gather(*(self._service.streams.close(s, reason) for s in streams))
        return {}

    # Rooms

    async def lose_room_media(self, request: Request, body: _Body) -> Any:
        for guest in self._guests(request):
            guest.peer.lose(**_loss(body))
        return {}

    async def freeze_room(self, request: Request, _body: _Body) -> Any:
        for guest in self._guests(request):
            guest.frozen = True
            guest.peer.vanish()
        return {}

    async def write_packet(self, request: Request, body: _Body) -> Any:
        message = _message(body)
        payload = message.encode() if isinstance(message, str) else message
        topic = str(body.get("topic", ""))
        rooms = self._rooms(request)
        return {"sent": sum(room.send_packet(packets.user(payload, topic)) for room in rooms)}

    async def write_text(self, request: Request, body: _Body) -> Any:
        text, topic = str(_message(body)), str(body.get("topic", "lk.chat"))
        for room in self._rooms(request):
            for packet in packets.text(text, topic):
                room.send_packet(packet)
        return {}

    async def hear_in_room(self, request: Request, body: _Body) -> Any:
        for room in self._rooms(request):
            room.actor.hear(_words(body))
        return {}

    async def call_tool(self, request: Request, body: _Body) -> Any:
        name, arguments = body.get("tool"), body.get("arguments", {})
        if not isinstance(name, str) or not isinstance(arguments, dict):
            raise bad_request("tool and arguments are required: a name and an object")
        seconds = _seconds(body, TOOL_SECONDS)
        told: list[dict[str, Any]] = []
        for room in self._rooms(request):
            try:
                told.append({"output": await room.actor.call(name, arguments, seconds)})
            except CallFailed as error:
                told.append({"error": {"code": error.code, "message": str(error)}})
        return told

    async def show_agent(self, request: Request, body: _Body) -> Any:
        for room in self._rooms(request):
            room.show_agent(here=bool(body.get("here")))
        return {}

    async def drop_signals(self, request: Request, _body: _Body) -> Any:
        for guest in self._guests(request):
            guest.hang_up()
        return {}

    async def send_away(self, request: Request, body: _Body) -> Any:
        action = str(body.get("action", "disconnect")).upper()
        reason = str(body.get("reason", "server_shutdown")).upper()
        try:
            for guest in self._guests(request):
                guest.dismiss(reason, action)
        except ValueError as error:
            raise bad_request(f"that is not LiveKit's: {error}") from error
        return {}

    async def end_session(self, request: Request, body: _Body) -> Any:
        reason = body.get("reason", "ok")
        if not isinstance(reason, str) or not reason:
            raise bad_request("reason must be text")
        await asyncio.gather(*(room.actor.end(reason) for room in self._rooms(request)))
        return {}

    def _rooms(self, request: Request) -> list[Room]:
        wanted = request.path_params["session"]
        found = [room for room in self._service.rooms if wanted in ("all", room.session.id)]
        if not found and wanted != "all":
            raise not_found("Session")
        return found

    def _guests(self, request: Request) -> list[Guest]:
        return [room.guest for room in self._rooms(request) if room.guest is not None]

    # Sockets

    async def drop_sockets(self, _request: Request, body: _Body) -> Any:
        code = body.get("code", 1011)
        if isinstance(code, bool) or not isinstance(code, int) or not 1000 <= code < 5000:
            raise bad_request("code must be a number from 1000 to 4999")
        return {"dropped": self._service.notifications.put(None, code)}

    def _streams(self, request: Request) -> list[LiveStream]:
        wanted = request.path_params["stream"]
        found = [s for s in self._service.streams if wanted in ("all", s.id)]
        if not found and wanted != "all":
            raise not_found("Stream")
        return found


Model = TypeVar("Model", bound=BaseModel)
_Body = dict[str, Any]
_Handler = Callable[[Request, _Body], Awaitable[Any]]


def _guarded(handler: _Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        _check_caller(request)
        content = await request.body()
        try:
            body = json.loads(content) if content.strip() else {}
        except ValueError as error:
            raise bad_request(f"the body is not JSON: {error}") from error
        if not isinstance(body, dict):
            raise bad_request("the body must be a JSON object")
        # In ASCII: what clients have said may hold half a character, which UTF-8 does not have.
        return Response(json.dumps(await handler(request, body)), media_type="application/json")

    return endpoint


def _check_caller(request: Request) -> None:
    """Refuse whom this is not for.

    A page that the user's browser shows can reach this machine: its requests carry ``Origin`` or
    ``Sec-Fetch-Site``, and where its name was made to point here, a ``Host`` that is not ours.
    """
    headers = request.headers
    made_by_a_page = "origin" in headers or "sec-fetch-site" in headers
    here = request.client is not None and _is_loopback(request.client.host)
    named = _is_loopback(request.url.hostname or "")
    if made_by_a_page or not here or not named:
        raise Refusal(403, "Forbidden", "the control API is for programs on this machine")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _loss(body: _Body) -> dict[str, Any]:
    """Which media are to be lost, and for how long."""
    lose = body.get("lose", "both")
    if lose not in ("audio", "video", "both"):
        raise bad_request("lose must be one of audio, video, both")
    seconds = _seconds(body, float("inf"))
    return {"audio": lose != "video", "video": lose != "audio", "seconds": seconds}


def _seconds(body: _Body, default: float) -> float:
    seconds = body.get("seconds", default)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
        raise bad_request("seconds must be a number")
    return float(seconds)


def _words(body: _Body) -> str:
    text = body.get("text")
    if not isinstance(text, str) or not text.strip():
        raise bad_request("text is required")
    return text


def _message(body: _Body) -> str | bytes:
    """The text or the bytes that are to be sent as they stand."""
    if isinstance(body.get("text"), str):
        return str(body["text"])
    try:
        return base64.b64decode(body["base64"], validate=True)
    except (KeyError, TypeError, binascii.Error) as error:
        raise bad_request("text or base64 is required") from error


def _model(kind: type[Model], body: _Body) -> Model:
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise bad_request(said) from error
