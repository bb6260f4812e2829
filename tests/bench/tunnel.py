"""A tunnel through a real sshd on this machine: the far end of ``ssh -R``, as a user has it."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 15.0

_CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {home}/host
AuthorizedKeysFile {home}/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
LogLevel ERROR
"""


def sshd() -> str | None:
    """Where the server is, if it is installed."""
    return shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")


@contextmanager
def tunnel(local: Path) -> Iterator[Path]:
    """Forward a socket of this machine through sshd; the socket at the other end."""
    with tempfile.TemporaryDirectory(prefix="ssh.") as directory:
        home = Path(directory)
        for name in ("host", "user"):
            subprocess.run(
                ["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", home / name], check=True
            )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        config = home / "config"
        config.write_text(_CONFIG.format(port=port, home=home), encoding="ascii")
        far = home / "far.sock"
        client: list[str | Path] = ["ssh", "-N", "-F", "none", "-p", str(port), "-i", home / "user"]
        for option in (
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
        ):
            client += ["-o", option]
        client += ["-o", "ExitOnForwardFailure=yes", "-R", f"{far}:{local}"]
        client.append(f"{getpass.getuser()}@127.0.0.1")
        ends = [subprocess.Popen([sshd() or "sshd", "-D", "-e", "-f", config])]
        try:
            _until(lambda: _listens(port))
            ends.append(subprocess.Popen(client))
            _until(far.exists)
            yield far
        finally:
            for end in reversed(ends):
                end.terminate()
                end.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not true():
        if time.monotonic() > deadline:
            raise RuntimeError("the tunnel does not open")
        time.sleep(0.02)
