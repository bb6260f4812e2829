"""A key in any form that people paste."""

from __future__ import annotations

import base64

import pytest

from did_tui.api.credentials import Credentials, new_connection_id
from did_tui.api.errors import BadCredentials

PLAIN = "ZW1haWxAZXhhbXBsZS5jb20:s3cr3t"
ENCODED = base64.b64encode(PLAIN.encode()).decode()


@pytest.mark.parametrize(
    ("pasted", "header"),
    [
        (PLAIN, f"Basic {PLAIN}"),
        (f"  {PLAIN}\n", f"Basic {PLAIN}"),
        (f"Basic {PLAIN}", f"Basic {PLAIN}"),
        (f"basic {ENCODED}", f"Basic {ENCODED}"),
        (ENCODED, f"Basic {ENCODED}"),
        (ENCODED.rstrip("="), f"Basic {ENCODED.rstrip('=')}"),
        (f'"{PLAIN}"', f"Basic {PLAIN}"),
        (f"Authorization: Basic {PLAIN}", f"Basic {PLAIN}"),
        ("Bearer abc.def.ghi", "Bearer abc.def.ghi"),
    ],
)
def test_every_form_is_understood(pasted: str, header: str) -> None:
    assert Credentials.parse(pasted).header() == header


@pytest.mark.parametrize(
    "pasted",
    ["", "   ", "Basic ", "hello", "sk-12345", "a:b\x1b[31m", "a:b c", "schlüssel:geheim", "§§§"],
)
def test_what_is_no_key_is_refused_before_anything_is_sent(pasted: str) -> None:
    with pytest.raises(BadCredentials) as refused:
        Credentials.parse(pasted)
    assert "Copy it again" in refused.value.advice
    # The words never repeat what was pasted: it may be a key with a typing error.
    assert pasted.strip() == "" or pasted.strip() not in str(refused.value)


def test_the_connection_id_is_the_sdk_suffix() -> None:
    connection = new_connection_id()
    assert len(connection) == 13
    int(connection, 16)
    assert Credentials.parse(PLAIN).header(connection) == f"Basic {PLAIN}~{connection}"


def test_the_secret_is_in_no_representation() -> None:
    assert "s3cr3t" not in repr(Credentials.parse(PLAIN))
    assert "s3cr3t" not in str(Credentials.parse(PLAIN))
