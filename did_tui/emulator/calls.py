"""A request as the routes get it: its caller known, its body read."""

from __future__ import annotations

import email.parser
import email.policy
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from did_tui.emulator.credentials import Caller
from did_tui.emulator.refusal import Refusal, bad_request
from did_tui.emulator.sources import is_local

LARGEST_BODY = 8 * 1024 * 1024  # bytes of JSON
LARGEST_FORM = 17 * 1024 * 1024  # bytes of a form with a file in it


@dataclass(frozen=True, slots=True)
class File:
    """A file that came in a form."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose caller is known and whose body was read: JSON, or the fields of a form."""

    request: Request
    caller: Caller
    body: dict[str, Any]
    files: Mapping[str, File] = field(default_factory=dict)

    def part(self, name: str) -> str:
        """A named part of the path."""
        return str(self.request.path_params[name])

    @property
    def query(self) -> Mapping[str, str]:
        """What stands after the question mark."""
        return self.request.query_params

    @property
    def playground(self) -> bool:
        """Whether the SDK says that this is the Playground (protocol 1.5)."""
        return self.request.headers.get("x-playground-chat", "").lower() == "true"

    @property
    def base(self) -> str:
        """The emulator's own address."""
        return base_of(self.request)

    @property
    def from_elsewhere(self) -> bool:
        """Whether a web page of another machine made it, which must not read what is local."""
        origin = self.request.headers.get("origin")
        if origin is None:
            return False
        try:
            return not is_local(urlsplit(origin).hostname or "")
        except ValueError:
            return True


Handler = Callable[[Call], Awaitable[Response]]


def base_of(request: Request) -> str:
    """The emulator's own address, as the request has it."""
    return str(request.base_url).rstrip("/")


async def read_body(request: Request) -> tuple[dict[str, Any], dict[str, File]]:
    """The JSON object of a request, or the fields and files of its form; {} where it is empty."""
    kind = request.headers.get("content-type", "")
    is_form = kind.lower().startswith("multipart/form-data")
    most = LARGEST_FORM if is_form else LARGEST_BODY
    content = bytearray()
    try:
        async for chunk in request.stream():
            content += chunk
            if len(content) > most:
                raise Refusal(413, "PayloadTooLargeError", "request entity too large")
    except ClientDisconnect:
        raise bad_request("the body was cut off") from None
    if not content.strip():
        return {}, {}
    if is_form:
        return read_form(kind, bytes(content))
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise bad_request("the body is not JSON") from None
    if not isinstance(body, dict):
        raise bad_request("the body must be a JSON object")
    return body, {}


def read_form(kind: str, content: bytes) -> tuple[dict[str, Any], dict[str, File]]:
    """The fields and the files of ``multipart/form-data``."""
    head = f"Content-Type: {kind}\r\n\r\n".encode("latin-1", "replace")
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + content)
    if not message.is_multipart():
        raise bad_request("the form cannot be read")
    fields: dict[str, Any] = {}
    files: dict[str, File] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(payload, bytes):
            raise bad_request("the form cannot be read")
        filename = part.get_filename()
        if filename is None:
            fields[name] = payload.decode("utf-8", "replace")
        else:
            files[name] = File(filename, part.get_content_type(), payload)
    return fields, files
