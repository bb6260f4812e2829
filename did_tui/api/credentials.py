"""How a request says who it comes from.

D-ID's documentation sends the key verbatim after ``Basic``, although it contains a colon; its
JavaScript SDK encodes it; both are accepted. The SDK appends a connection id to every header, and
the notifications socket delivers by that id, so two programs that share a key do not hear each
other (protocol 1.1 to 1.3).
"""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass, field

from did_tui.api.errors import BadCredentials


def new_connection_id() -> str:
    """A fresh connection id in the SDK's form: 13 hexadecimal digits."""
    return secrets.token_hex(7)[:13]


@dataclass(frozen=True, slots=True)
class Credentials:
    """A secret and the scheme it goes with; its ``repr`` never shows the secret."""

    scheme: str
    secret: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Credentials:
        """Accept a key in any form that people paste.

        ``user:password``, base64 of it, either with ``Basic`` in front, or ``Bearer TOKEN``.
        Raises ``BadCredentials`` with a sentence that says what is wrong with it.
        """
        text = text.strip().strip("\"'")
        if text.lower().startswith("authorization:"):
            text = text.partition(":")[2].strip()
        scheme, _, rest = text.partition(" ")
        if scheme.lower() in ("basic", "bearer"):
            text = rest.strip()
        else:
            scheme = "Basic"
        if not text:
            raise BadCredentials("The D-ID key is empty.")
        if not text.isascii() or not text.isprintable() or " " in text:
            raise BadCredentials(
                "The D-ID key contains characters that no key has. Was it copied whole?"
            )
        if scheme.lower() == "bearer":
            return cls("Bearer", text)
        if ":" not in text and not _is_encoded_pair(text):
            raise BadCredentials(
                "This is not a D-ID key: it has the form user:password, or base64 of that."
            )
        return cls("Basic", text)

    def header(self, connection_id: str | None = None) -> str:
        """The value of ``Authorization``, with the routing suffix where an id is given."""
        return f"{self.scheme} {self.secret}" + (f"~{connection_id}" if connection_id else "")


def _is_encoded_pair(text: str) -> bool:
    try:
        return b":" in base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
