"""Every error answer of protocol 1.6 and 2.8, and some that nobody promised."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from did_tui.api import errors


def envelope(kind: str, description: str) -> bytes:
    return json.dumps({"kind": kind, "description": description}).encode()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, envelope("AuthorizationError", "user unauthenticated"), errors.NotSignedIn),
        (402, envelope("InsufficientCreditsError", "not enough credits"), errors.OutOfCredits),
        (403, envelope("PermissionError", "user has no permission for x"), errors.Forbidden),
        (403, envelope("Forbidden", "Max user sessions reached"), errors.TooManyStreams),
        (
            403,
            b'{"Message":"User is not authorized to access this resource with an explicit deny"}',
            errors.NotSignedIn,
        ),
        (
            403,
            b"""{"message":"Authorization header requires 'Credential' parameter."}""",
            errors.UnknownRoute,
        ),
        (
            403,
            b'{"message":"Invalid key=value pair (missing equal-sign) in Authorization header"}',
            errors.UnknownRoute,
        ),
        (404, envelope("NotFound", "Agent not found"), errors.NotFound),
        (409, envelope("NotReadyError", "is in process, try again later"), errors.NotReady),
        (400, envelope("SessionError", "missing or invalid session_id"), errors.SessionLost),
        (500, envelope("InternalServerError", "Stream Error"), errors.SessionLost),
        (402, envelope("SessionError", "no"), errors.OutOfCredits),
        (429, envelope("SessionError", "no"), errors.RateLimited),
        (
            400,
            envelope("BadRequest", "User stream has reached pending requests limit"),
            errors.TooManyRequests,
        ),
        (500, envelope("InternalServerError", "oops"), errors.ServiceFailure),
        (502, b"<html><body>Bad Gateway</body></html>", errors.ServiceFailure),
        (429, b"", errors.RateLimited),
        (451, envelope("TextModerationError", "Automatic content moderation"), errors.Moderated),
        (400, envelope("BadRequest", "no"), errors.BadRequest),
        (409, envelope("Conflict", "being changed"), errors.Conflict),
        (415, envelope("UnsupportedMimeTypeError", "no"), errors.UnknownFormat),
        (501, envelope("NotImplementedError", "no"), errors.NotOffered),
        (
            400,
            envelope("BadRequest", "Maximum number of client keys per resource reached"),
            errors.LimitReached,
        ),
        (
            400,
            envelope("BadRequest", "User already has a client key for agents"),
            errors.LimitReached,
        ),
        (418, b"teapot", errors.BadRequest),
    ],
)
def test_each_answer_has_its_class(
    status: int, body: bytes, expected: type[errors.ApiError]
) -> None:
    error = errors.error_from(status, {}, body)
    assert type(error) is expected
    assert f"({status})" in str(error)
    assert "<html" not in str(error)


def test_retry_after_is_read_and_nonsense_ignored() -> None:
    assert errors.error_from(429, {"retry-after": "7"}, b"").retry_after == 7
    assert errors.error_from(429, {"retry-after": "soon"}, b"").retry_after is None


@given(st.integers(400, 599), st.binary(max_size=600))
def test_any_body_becomes_an_error(status: int, body: bytes) -> None:
    error = errors.error_from(status, {}, body)
    assert len(str(error)) < 400


@given(
    st.integers(400, 599),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
)
def test_any_json_becomes_an_error(status: int, data: object) -> None:
    assert str(errors.error_from(status, {}, json.dumps(data).encode()))
