"""What D-ID, or the way to it, can answer instead of a result.

    DidError
    ├── BadCredentials      the key cannot be one; nothing was sent
    ├── NoId                what is asked for has no id; nothing was sent
    ├── ReadOnly            the profile only reads; nothing was sent
    ├── Unreachable         no answer: network, name, refused, TLS
    │   └── TimedOut          no answer in time
    ├── BadAnswer           an answer this program cannot read
    └── ApiError            D-ID said no
        ├── BadRequest        400, 409, 415, 422 …
        │   ├── SessionLost     the stream or its session_id is gone
        │   ├── NotReady        409, in process
        │   ├── Conflict        409, otherwise
        │   ├── UnknownFormat   415
        │   ├── LimitReached    no more client keys
        │   └── TooManyRequests "pending requests limit" of a stream
        ├── NotSignedIn       401, and the gateway's 403 for a refused key
        ├── OutOfCredits      402
        ├── Forbidden         403
        │   ├── TooManyStreams  "Max user sessions reached"
        │   └── UnknownRoute    the gateway's 403 for a path that does not exist
        ├── NotFound          404
        ├── RateLimited       429
        ├── Moderated         451
        └── ServiceFailure    5xx
            └── NotOffered      501

``str(error)`` is one sentence for a user; ``error.advice`` says what to do next. The texts and
statuses are protocol 1.6 and 2.8.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

LONGEST_DESCRIPTION = 256  # characters of D-ID's text that are kept, as in its own SDK


class DidError(Exception):
    """Anything that keeps a request from its result."""

    advice = ""


class BadCredentials(DidError):
    """The key cannot be a key; nothing was sent."""

    advice = "Copy it again from studio.d-id.com (Settings, API) into DID_API_KEY."


class Unreachable(DidError):
    """No answer came; ``perhaps_done`` where the request may have arrived all the same."""

    advice = "Check the network and DID_API_URL."
    perhaps_done = False


class TimedOut(Unreachable):
    """No answer came in time."""


class NoId(DidError):
    """What is asked for has no id, as a row that D-ID sent damaged; nothing was sent."""

    advice = "Look at it as JSON: D-ID sent it without what names it."


class ReadOnly(DidError):
    """A change that a profile which only reads may not make; nothing was sent."""

    advice = "Use another profile, or take read_only out of this one."

    def __init__(self) -> None:
        super().__init__("This profile is read-only: nothing was changed.")


class BadAnswer(DidError):
    """An answer came that this program cannot read; ``content`` is what it was."""

    advice = "Is DID_API_URL the address of D-ID's API? A proxy may answer in its place."
    content = b""


class ApiError(DidError):
    """D-ID answered with an error.

    ``kind`` and ``description`` are D-ID's own words, ``details`` whatever came with them;
    ``retry_after`` is how many seconds it asks us to wait. ``quotes`` says that the sentence for
    the user repeats the description.
    """

    sentence = "D-ID refused the request"
    quotes = True

    def __init__(
        self,
        status: int,
        kind: str = "",
        description: str = "",
        details: Any = None,
        retry_after: float | None = None,
    ) -> None:
        self.status = status
        self.kind = kind
        self.description = description[:LONGEST_DESCRIPTION]
        self.details = details
        self.retry_after = retry_after
        said = f": {self.description}" if self.description and self.quotes else ""
        super().__init__(f"{self.sentence}{said} ({status})")


class BadRequest(ApiError):
    """D-ID did not accept what was asked."""

    sentence = "D-ID did not accept this"


class SessionLost(BadRequest):
    """The stream is gone; a new one can carry on with the same chat."""

    sentence = "The connection to the agent has ended"
    advice = "The conversation is kept: connect again."


class NotReady(BadRequest):
    """The thing exists and is still being made."""

    sentence = "D-ID is still preparing this"
    advice = "Try again in a moment."


class Conflict(BadRequest):
    """Something else is going on with the same thing."""

    sentence = "This does not go together with what D-ID is doing"
    advice = "Look at it again, then try once more."


class UnknownFormat(BadRequest):
    """A file of a kind that D-ID does not take."""

    sentence = "D-ID does not take files of this kind"


class LimitReached(BadRequest):
    """There may be no more of these."""

    sentence = "There can be no more of these"
    advice = "Delete or change one that exists."


class TooManyRequests(BadRequest):
    """What was asked for on a stream has piled up."""

    sentence = "The agent has more to say than it can take"
    advice = "Wait until it has spoken."


class NotSignedIn(ApiError):
    """The key was refused."""

    sentence = "D-ID refused the key"
    advice = "Check DID_API_KEY; a new key is made at studio.d-id.com (Settings, API)."


class OutOfCredits(ApiError):
    """The account has no credits left."""

    sentence = "No credits are left on this account"
    advice = "Add credits at studio.d-id.com, then try again."


class Forbidden(ApiError):
    """The key is good, but not for this."""

    sentence = "This key may not do that"
    advice = "The account's own key may do more than a client key; a plan may be needed for it."


class TooManyStreams(Forbidden):
    """D-ID allows a few open streams an account."""

    sentence = "Too many open streams on this account"
    advice = "Close other conversations, or wait some minutes until D-ID ends forgotten ones."


class UnknownRoute(Forbidden):
    """A path that D-ID does not have; its gateway calls that an authorization problem."""

    sentence = "This did-tui asked D-ID for something it does not have"
    quotes = False  # the gateway repeats the Authorization header
    advice = "Check DID_API_URL; if it is right, please report this."


class NotFound(ApiError):
    """No such thing, or not in this account."""

    sentence = "D-ID knows nothing of that name in this account"
    advice = "Check the id; it may have been deleted or belong to another account."


class RateLimited(ApiError):
    """Too many requests."""

    sentence = "D-ID is asking us to slow down"
    advice = "Wait a little, then try again."


class Moderated(ApiError):
    """D-ID's content moderation said no."""

    sentence = "D-ID's content moderation did not allow this"


class ServiceFailure(ApiError):
    """D-ID failed."""

    sentence = "D-ID failed to do this"
    advice = "This is on D-ID's side. Try again in a moment."


class NotOffered(ServiceFailure):
    """The service does not have that, as the emulator has no speech recognition."""

    sentence = "This service does not do that"
    advice = "D-ID itself may."


_BY_STATUS: dict[int, type[ApiError]] = {
    401: NotSignedIn,
    402: OutOfCredits,
    403: Forbidden,
    404: NotFound,
    409: NotReady,
    415: UnknownFormat,
    429: RateLimited,
    451: Moderated,
    501: NotOffered,
}

_SPEAK_FOR_THEMSELVES = (401, 402, 429)


def error_from(status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """Read an error answer of any form into the class that fits it.

    Understands D-ID's envelope, the gateway's ``message``/``Message`` and plain text.
    """
    kind, description, details = _envelope(body)
    lowered = description.lower()
    cls = _BY_STATUS.get(status, ServiceFailure if status >= 500 else BadRequest)
    if "pending requests limit" in lowered:
        cls = TooManyRequests
    elif status not in _SPEAK_FOR_THEMSELVES and (
        kind == "SessionError" or "invalid session_id" in lowered or "stream error" in lowered
    ):
        cls = SessionLost
    elif status == 409 and "conflict" in kind.lower():
        cls = Conflict
    elif status == 400 and ("maximum number" in lowered or "already has a client key" in lowered):
        cls = LimitReached
    elif status == 403 and "max user sessions" in lowered:
        cls = TooManyStreams
    elif status == 403 and "explicit deny" in lowered:
        cls = NotSignedIn
    elif status == 403 and ("'credential' parameter" in lowered or "key=value pair" in lowered):
        cls = UnknownRoute
    return cls(status, kind, description, details, _retry_after(headers))


def _envelope(body: bytes) -> tuple[str, str, Any]:
    text = body.decode("utf-8", "replace").strip()
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return "HttpError", "" if text.startswith("<") else text, None
    if not isinstance(data, dict):
        return "HttpError", text, None
    said = next((data[k] for k in ("description", "message", "Message") if data.get(k)), "")
    return str(data.get("kind") or "HttpError"), str(said), data.get("details")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from ``Retry-After``; its date form is not used by D-ID and is ignored."""
    try:
        return max(0.0, float(headers.get("retry-after", "")))
    except ValueError:
        return None
