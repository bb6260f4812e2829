"""A real LiveKit server for tests, where there is one."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

VARIABLE = "DID_TUI_LIVEKIT_SERVER"
MISSING = (
    f"livekit-server is neither in {VARIABLE} nor in PATH; go install"
    " github.com/livekit/livekit-server/cmd/server@v1.13.5 makes it, under the name server"
)
START_SECONDS = 30.0
KEY, SECRET = "devkey", "secret"


def livekit_server() -> str | None:
    """The program, None where there is none."""
    return os.environ.get(VARIABLE) or shutil.which("livekit-server")


@contextmanager
def running_livekit(program: str) -> Iterator[str]:
    """The address of a server of one's own; its key is in the environment meanwhile."""
    port, tcp, udp = _free_ports()
    config = f"port: {port}\nrtc:\n  tcp_port: {tcp}\n  udp_port: {udp}\n"
    process = subprocess.Popen(
        [program, "--dev", "--bind", "127.0.0.1", "--config-body", config],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(process, port)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LIVEKIT_API_KEY", KEY)
            patch.setenv("LIVEKIT_API_SECRET", SECRET)
            yield f"ws://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_ports() -> list[int]:
    with socket.socket() as one, socket.socket() as two, socket.socket() as three:
        ports = []
        for each in (one, two, three):
            each.bind(("127.0.0.1", 0))
            ports.append(int(each.getsockname()[1]))
        return ports


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, "the LiveKit server ended at once"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the LiveKit server did not start")
