"""Who is calling: every form of ``Authorization`` that D-ID accepts (protocol 1.1 to 1.3)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """One request's credentials, taken apart.

    ``connection`` is the routing suffix of the SDK, empty for plain clients; ``external_id`` the
    end user's id that goes with a client key.
    """

    scheme: str
    secret: str
    connection: str = ""
    external_id: str = ""


def caller_of(header: str) -> Caller | None:
    """Take an ``Authorization`` value apart; None where it is not one.

    ``Basic u:p``, ``Basic base64(u:p)`` and ``Basic base64(u:p:)`` all give the secret ``u:p``.
    """
    scheme, _, rest = header.strip().partition(" ")
    rest = rest.strip()
    if not rest:
        return None
    match scheme.lower():
        case "basic":
            credential, _, connection = rest.partition("~")
            return Caller("basic", _plain_pair(credential), connection)
        case "bearer":
            token, _, connection = rest.partition("~")
            return Caller("bearer", token, connection)
        case "client-key":
            key, _, tail = rest.partition(".")
            external_id, _, connection = tail.rpartition("_")
            if not external_id:
                external_id, connection = tail, ""
            return Caller("client-key", key, connection, external_id)
    return None


def _plain_pair(credential: str) -> str:
    if ":" in credential:
        return credential
    try:
        decoded = base64.b64decode(credential + "=" * (-len(credential) % 4), validate=True)
        return decoded.decode().removesuffix(":")
    except (binascii.Error, ValueError):
        return credential
