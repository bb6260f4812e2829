"""JSON web tokens with HS256 (RFC 7519), as LiveKit's access tokens are; no I/O."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any


class InvalidToken(Exception):
    """The token opens nothing; the text says why."""


def token_of(claims: Mapping[str, Any], secret: bytes) -> str:
    """The signed token of these claims."""
    head = f"{_written({'alg': 'HS256', 'typ': 'JWT'})}.{_written(claims)}"
    return f"{head}.{_encoded(_signature(head, secret))}"


def claims_of(token: str, secret: bytes, now: float) -> dict[str, Any]:
    """The claims of a token that was signed with this secret and has not run out at ``now``."""
    head, _, signature = token.rpartition(".")
    try:
        if not hmac.compare_digest(_decoded(signature), _signature(head, secret)):
            raise InvalidToken("the signature is wrong")
        claims = json.loads(_decoded(head.rpartition(".")[2]))
    except ValueError as error:
        raise InvalidToken("the token cannot be read") from error
    if not claims.get("nbf", now) <= now < claims.get("exp", now):
        raise InvalidToken("the token has run out")
    return dict(claims)


def _signature(head: str, secret: bytes) -> bytes:
    return hmac.digest(secret, head.encode(), hashlib.sha256)


def _written(part: Mapping[str, Any]) -> str:
    return _encoded(json.dumps(part, separators=(",", ":")).encode())


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
