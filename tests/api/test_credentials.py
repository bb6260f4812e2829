"""A key in any form that people paste."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis.strategies import text

from did_tui.api.credentials import Credentials, new_connection_id
from did_tui.api.errors import BadCredentials

PLAIN = "ZW1haWxAZXhhbXBsZS5jb20:s3cr3t"
ENCODED = base64.b64encode(PLAIN.encode()).decode()
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
PART = JWT.partition(".")[0]
USER = PLAIN.partition(":")[0]


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
        (f"Basic: {PLAIN}", f"Basic {PLAIN}"),
        (f"'Basic {PLAIN}'", f"Basic {PLAIN}"),
        (f"`{PLAIN}`,", f"Basic {PLAIN}"),
        ("bWVAZXhhbXBsZS5jb20=:s3cr3t", "Basic bWVAZXhhbXBsZS5jb20=:s3cr3t"),
        ("bUBleGFtcGxlLmNvbQ==:s3cr3t", "Basic bUBleGFtcGxlLmNvbQ==:s3cr3t"),
        (f"DID_API_KEY={PLAIN}", f"Basic {PLAIN}"),
        (f'export DID_API_KEY="Basic {ENCODED}"', f"Basic {ENCODED}"),
        (f"$env:DID_API_KEY = '{PLAIN}'", f"Basic {PLAIN}"),
        (f"curl -H 'Authorization: Basic {PLAIN}' https://api.d-id.com/agents", f"Basic {PLAIN}"),
        (f'curl --header "authorization: Basic {ENCODED}" \\\n  x', f"Basic {ENCODED}"),
        (f"curl https://api.d-id.com/credits -u {PLAIN}", f"Basic {PLAIN}"),
        (f"curl -u '{PLAIN}' x", f"Basic {PLAIN}"),
        (f'{{"Authorization": "Basic {PLAIN}"}}', f"Basic {PLAIN}"),
        (f"headers = {{'Authorization': 'Bearer {JWT}'}}", f"Bearer {JWT}"),
        (JWT, f"Bearer {JWT}"),
        (f"Client-Key {PART}", f"Client-Key {PART}.did-tui"),
        ("client-key abc_def", "Client-Key abc_def.did-tui"),
        (f"{ENCODED[:30]}\n{ENCODED[30:]}", f"Basic {ENCODED}"),
        (f"Basic {PLAIN[:28]}\r\n  {PLAIN[28:]}{'x' * 20}", f"Basic {PLAIN}{'x' * 20}"),
        (
            base64.b64encode(f"{PLAIN}:".encode()).decode(),
            "Basic " + base64.b64encode(f"{PLAIN}:".encode()).decode(),
        ),
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


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ("sk-proj-abcdefghijklmnop", "an OpenAI key"),
        ("sk-ant-api03-abcdefg", "an Anthropic key"),
        ("Bearer", "not a D-ID key|is empty"),
        ("sk_1234567890abcdef", "ElevenLabs"),
        ("AIzaSyA1234567890", "Google"),
        ("agt_1234", "the id of an agent"),
        ("https://studio.d-id.com", "an address"),
        ("$DID_API_KEY", "name of a variable"),
        ("export DID_API_KEY=$KEY", "name of a variable"),
        ("<your key>", "stands in an example"),
        ("YOUR_API_KEY", "stands in an example"),
        ("ZW1haWxA…:••••", "masked"),
        (f"{USER}:***", "masked"),
        ("me@example.com", "an e-mail address"),
        (USER, "only the half before the colon"),
        (f"{USER}:", "only the half before the colon: the secret"),
        (f"Basic {USER}", "only the half before the colon"),
        (":aBcDeFgHiJkLmNoPqRsTu", "only the half after the colon"),
        ("aBcDeFgHiJkLmNoPqRsTu", "only the half after the colon"),
        ("", "is empty"),
    ],
)
def test_what_is_wrong_with_it_is_said(pasted: str, said: str) -> None:
    with pytest.raises(BadCredentials, match=said) as refused:
        Credentials.parse(pasted)
    assert USER not in str(refused.value)


@given(text())
def test_nothing_that_is_pasted_breaks_it(pasted: str) -> None:
    try:
        header = Credentials.parse(pasted).header()
    except BadCredentials:
        return
    assert header.isascii()
    assert header.isprintable()
    assert len(header.split(" ")) == 2


def test_the_connection_id_is_the_sdk_suffix() -> None:
    connection = new_connection_id()
    assert len(connection) == 13
    int(connection, 16)
    assert Credentials.parse(PLAIN).header(connection) == f"Basic {PLAIN}~{connection}"


def test_the_secret_is_in_no_representation() -> None:
    assert "s3cr3t" not in repr(Credentials.parse(PLAIN))
    assert "s3cr3t" not in str(Credentials.parse(PLAIN))
