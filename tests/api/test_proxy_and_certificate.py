"""A company's network: a proxy on the way, a certificate authority of its own."""

from __future__ import annotations

import datetime
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from did_tui.api.client import Client
from did_tui.api.credentials import Credentials
from did_tui.api.errors import Unreachable

HOST = "d-id.company.test"


def certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = directory / "cert.pem", directory / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert_file, key_file


class Api(BaseHTTPRequestHandler):
    """A D-ID with one agent."""

    def do_GET(self) -> None:
        body = json.dumps({"agents": [{"id": "agt_1"}]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Proxy(BaseHTTPRequestHandler):
    """Leads every connection to one port, whatever name it asks for, and notes the name."""

    asked: list[str] = []  # noqa: RUF012 (of the one test that uses it)
    port = 0

    def do_CONNECT(self) -> None:
        Proxy.asked.append(self.path)
        with socket.create_connection(("127.0.0.1", Proxy.port)) as other:
            self.send_response(200)
            self.end_headers()
            threading.Thread(target=pump, args=(other, self.connection), daemon=True).start()
            pump(self.connection, other)

    def log_message(self, *_: object) -> None:
        pass


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Pass on what comes, until either side ends."""
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def company(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a proxy, and the certificate of what is behind it."""
    cert_file, key_file = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert_file, key_file)
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), Api) as api,
        ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as proxy,
    ):
        api.socket = context.wrap_socket(api.socket, server_side=True)
        Proxy.port, Proxy.asked = api.server_port, []
        for server in (api, proxy):
            # A client that does not trust the certificate breaks the connection.
            server.handle_error = lambda *_: None  # type: ignore[method-assign]
            threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{proxy.server_port}", cert_file
        for server in (api, proxy):
            server.shutdown()


async def test_both_are_taken_from_the_environment(
    company: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, cert_file = company
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert_file))
    client = Client(Credentials.parse("user:pass"), f"https://{HOST}")
    assert [agent.id for agent in (await client.agent_page()).rows] == ["agt_1"]
    await client.close()
    assert Proxy.asked == [f"{HOST}:443"]


async def test_a_certificate_that_nobody_knows_is_said_in_words(
    company: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", company[0])
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    client = Client(Credentials.parse("user:pass"), f"https://{HOST}")
    with pytest.raises(Unreachable, match="set SSL_CERT_FILE"):
        await client.agent_page()
    await client.close()
