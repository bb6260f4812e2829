"""How a request says who it comes from.

D-ID's documentation sends the key verbatim after ``Basic``, although it contains a colon; its
JavaScript SDK encodes it; both are accepted. The SDK appends a connection id to every header, and
the notifications socket delivers by that id, so two programs that share a key do not hear each
other (protocol 1.1 to 1.3).
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from dataclasses import dataclass, field

from did_tui.api.errors import BadCredentials

EXTERNAL_ID = "did-tui"  # who uses a client key, as far as D-ID is told


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

        ``user:password``, base64 of it, either with ``Basic`` in front, ``Bearer TOKEN``, a bare
        JWT, ``Client-Key KEY``; within quotes, a header, a line of an environment file or a curl
        command, broken over lines. Raises ``BadCredentials`` with a sentence that says what is
        wrong with it and never repeats it.
        """
        scheme, text = _scheme_of(_taken_out(text))
        if scheme in ("Basic", "") and _JWT.fullmatch(text):
            scheme = "Bearer"
        problem = _what_else(text) if scheme in ("Basic", "") or not text else ""
        if problem:
            raise BadCredentials(problem)
        if not text.isascii() or not text.isprintable() or " " in text:
            raise BadCredentials(
                "The D-ID key contains characters that no key has. Was it copied whole?"
            )
        if scheme in ("Bearer", "Client-Key"):
            return cls(scheme, text)
        if not _is_pair(text) and not _is_encoded_pair(text):
            raise BadCredentials(_half(text))
        return cls("Basic", text)

    def header(self, connection_id: str | None = None) -> str:
        """The value of ``Authorization``, with the routing suffix where an id is given."""
        if self.scheme == "Client-Key":
            # Who uses it stands behind the key, and the connection behind that (protocol 1.3).
            who = f".{EXTERNAL_ID}" + (f"_{connection_id}" if connection_id else "")
            return f"{self.scheme} {self.secret}{who}"
        return f"{self.scheme} {self.secret}" + (f"~{connection_id}" if connection_id else "")


_SCHEMES = {"basic": "Basic", "bearer": "Bearer", "client-key": "Client-Key"}
_HEADER = re.compile(r"""["']?authorization["']?\s*[:=]\s*["']?""", re.IGNORECASE)
_USER = re.compile(r"""(?:^|\s)(?:-u|--user)[\s=]*("[^"]*"|'[^']*'|\S+)""")
_VARIABLE = re.compile(r"(?:export\s+|set\s+|\$env:)?[A-Za-z_]\w*\s*=(?![=:]|$)\s*", re.IGNORECASE)
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")

#: How the keys of others begin, and whose they are; the longest beginning first.
_OTHERS = {
    "sk-ant-": "an Anthropic key",
    "sk-": "an OpenAI key",
    "sk_": "an ElevenLabs key",
    "AIza": "a Google key",
    "AKIA": "an AWS key",
    "ghp_": "a GitHub token",
    "github_pat_": "a GitHub token",
    "gsk_": "a Groq key",
    "hf_": "a Hugging Face token",
    "xox": "a Slack token",
}
#: How D-ID's own ids begin.
_IDS = {
    "agt_": "the id of an agent",
    "knl_": "the id of a knowledge base",
    "cht_": "the id of a chat",
    "strm_": "the id of a stream",
    "v2_agt_": "the id of an agent",
}


def _taken_out(text: str) -> str:
    """The key and its scheme, out of what it was copied with."""
    text = text.strip()
    header = _HEADER.search(text)
    user = _USER.search(text) if text.lower().startswith("curl") else None
    if header:
        quote = text[header.end() - 1]
        text = text[header.end() :]
        if quote not in "\"'":
            # The quote may stand before the name, as in curl -H 'Authorization: …'.
            quote = next((one for one in "\"'" if one in text), "")
        text = text.partition(quote)[0] if quote in ("'", '"') else text
    elif user:
        text = user[1]
    else:
        text = _VARIABLE.sub("", text, count=1) if _VARIABLE.match(text) else text
    return " ".join(text.replace("\\\n", " ").split()).strip("\"'`,; ")


def _scheme_of(text: str) -> tuple[str, str]:
    """The scheme, empty where none is said, and the rest, which may have been broken over lines."""
    first, _, rest = text.partition(" ")
    scheme = _SCHEMES.get(first.rstrip(":").lower(), "")
    # A key has no space: what is there was a line's end.
    words = (rest if scheme else text).strip("\"' ").split()
    joined = "".join(words)
    whole = joined if all(_PIECE.fullmatch(word) for word in words) else " ".join(words)
    return scheme, whole if len(words) < 2 or len(joined) >= 32 else " ".join(words)


_PIECE = re.compile(r"[\w+/=.:-]+", re.ASCII)


def _what_else(text: str) -> str:
    """What a text is that is certainly no key of D-ID's; empty where it may be one."""
    if not text:
        return "The D-ID key is empty."
    if text.startswith(("http://", "https://", "www.")):
        return "This is an address, not a key."
    if text.startswith("$") or text in ("DID_API_KEY", "%DID_API_KEY%"):
        return "This is the name of a variable, not what is in it."
    if text.startswith("<") or re.fullmatch(r"(your|my)[_ -].*key.*", text, re.IGNORECASE):
        return "This stands in an example where the key belongs."
    if set(text) & set("•*…") or "..." in text:
        return "This key is masked: it was copied from where it is not shown whole."
    for start, what in (_OTHERS | _IDS).items():
        if text.startswith(start) and ":" not in text:
            return f"This is {what}, not one of D-ID."
    if re.fullmatch(r"[^@\s:]+@[^@\s:]+\.[^@\s:]+", text):
        return "This is an e-mail address, not a key."
    return ""


def _half(text: str) -> str:
    """What is wrong with a text that has not the form of a key."""
    if text.endswith(":") or _decoded(text).endswith(":"):
        return "This is only the half before the colon: the secret after it is missing."
    if text.startswith(":") or _decoded(text).startswith(":"):
        return "This is only the half after the colon: what stands before it is missing."
    if "@" in _decoded(text):
        return "This is only the half before the colon: the key goes on after it."
    if re.fullmatch(r"[\w-]{18,24}", text, re.ASCII):
        return "This looks like only the half after the colon: the key has the form user:password."
    return "This is not a D-ID key: it has the form user:password, or base64 of that."


def _is_pair(text: str) -> bool:
    user, colon, password = text.partition(":")
    return bool(user and colon and password)


def _is_encoded_pair(text: str) -> bool:
    return _is_pair(_decoded(text).rstrip(":") if ":" in _decoded(text)[:-1] else _decoded(text))


def _decoded(text: str) -> str:
    """A text as base64 of something readable, empty where it is not."""
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        found = decoded.decode("ascii")
    except (binascii.Error, ValueError):
        return ""
    return found if found.isprintable() else ""
