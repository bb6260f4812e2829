"""Where sound should go by itself, and how else it could be heard: the environment decides.

Over SSH the sound card of this machine is in another room, so it is used only when asked for.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

WEB_PORT = 8765
"""Where the page for a browser is served if no port is named."""

HINT = (
    "No sound over SSH unless you say where: did-tui devices has the commands to hear it at home."
)

WITHOUT_DEVICE = "To hear it in a browser: --audio web"
"""What can still be done where there is no device."""

_SESSION = ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")  # ssh(1), ENVIRONMENT


@dataclass(frozen=True, slots=True)
class Way:
    """How to hear this machine elsewhere: a command for a shell there, and one for here."""

    title: str
    at_home: str
    here: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The sink to open, and where that is silence against expectation, a line that says more."""

    sink: str
    hint: str = ""
    ways: tuple[Way, ...] = ()


def plan(sink: str, env: Mapping[str, str]) -> Plan:
    """Decide about ``auto``; what was asked for is not questioned.

    A sound server that ``PULSE_SERVER`` names is the user's own choice, wherever it is.
    """
    ways = ways_home(env)
    if sink != "auto":
        return Plan(sink, ways=ways)
    if env.get("PULSE_SERVER"):
        return Plan("pulse", ways=ways)
    if over_ssh(env):
        return Plan("none", HINT, ways)
    return Plan("auto")


def over_ssh(env: Mapping[str, str]) -> bool:
    """Whether this is a session from somewhere else."""
    return any(env.get(name) for name in _SESSION)


def ways_home(env: Mapping[str, str]) -> tuple[Way, ...]:
    """How to hear it where the user sits; nothing where that is here.

    A socket is forwarded and not a port: a port of this machine is open to its other users, and so
    would be the microphone at home. ``SSH_CONNECTION`` is the client's address and port and the
    server's. The client's port, new in every session, makes the socket's name a fresh one: sshd
    does not replace a socket that an earlier session left.
    """
    if not over_ssh(env):
        return ()
    session = (env.get("SSH_CONNECTION") or "").split()
    client_port, host, port = session[1:] if len(session) == 4 else ("0", "HOST", "22")
    user = env.get("USER") or env.get("LOGNAME")
    target = f"{user}@{host}" if user else host
    command = ["ssh", *(["-p", port] if port != "22" else [])]
    place = env.get("XDG_RUNTIME_DIR") or env.get("HOME") or "."
    socket = f"{place}/did-tui-{client_port}.sock"

    def ssh(option: str, forward: str) -> str:
        return f"{shlex.join([*command, option])} {forward} {shlex.quote(target)}"

    return (
        Way(
            "From a Linux desktop with PulseAudio or PipeWire",
            ssh("-R", f'{shlex.quote(socket)}:"$XDG_RUNTIME_DIR"/pulse/native'),
            f"PULSE_SERVER={shlex.quote(f'unix:{socket}')} did-tui",
        ),
        Way(
            "In a browser, from anywhere: open the address that did-tui then shows",
            ssh("-L", f"{WEB_PORT}:127.0.0.1:{WEB_PORT}"),
            f"did-tui --audio web:{WEB_PORT}",
        ),
    )
