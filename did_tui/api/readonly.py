"""What may be asked of D-ID by who only reads: everything that changes nothing, and talking.

A conversation needs a chat and a stream or a session, so those are opened and closed; ratings,
feedback and exports are not needed for it. A search in a knowledge base is a POST and only reads.
"""

from __future__ import annotations

import re

_ALLOWED = tuple(
    re.compile(pattern)
    for pattern in (
        r"GET .*",
        r"POST /agents/[^/]+/chat(/[^/]+)?",
        r"POST /agents/[^/]+/streams(/[^/]+(/(sdp|ice))?)?",
        r"DELETE /agents/[^/]+/streams/[^/]+",
        r"POST /v2/agents/[^/]+/sessions(/join)?",
        r"POST /knowledge/[^/]+/query",
    )
)


def is_allowed(method: str, path: str) -> bool:
    """Whether a request changes nothing but the conversation that it is part of."""
    return any(pattern.fullmatch(f"{method} {path}") for pattern in _ALLOWED)
