"""Every form of Authorization that D-ID accepts."""

from __future__ import annotations

import base64

import pytest

from did_tui.emulator.credentials import Caller, caller_of


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "caller"),
    [
        ("Basic u:p", Caller("basic", "u:p")),
        (f"Basic {b64('u:p')}", Caller("basic", "u:p")),
        (f"Basic {b64('u:p:')}", Caller("basic", "u:p")),
        (f"Basic {b64('u:p')}~0123456789abc", Caller("basic", "u:p", "0123456789abc")),
        ("basic u:p~c1", Caller("basic", "u:p", "c1")),
        ("Bearer tok~c1", Caller("bearer", "tok", "c1")),
        ("Bearer tok", Caller("bearer", "tok")),
        ("Client-Key key.user_c1", Caller("client-key", "key", "c1", "user")),
        ("Client-Key key.a_b_c1", Caller("client-key", "key", "c1", "a_b")),
        ("Client-Key key.user", Caller("client-key", "key", "", "user")),
        ("Client-Key key", Caller("client-key", "key")),
        ("", None),
        ("Basic", None),
        ("Digest x", None),
    ],
)
def test_forms(header: str, caller: Caller | None) -> None:
    assert caller_of(header) == caller
