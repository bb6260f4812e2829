"""A report for whoever is to help: what this is, what was measured and what went wrong. Pure.

It has ids, times and versions; no key, no transcript, no notice, no address of the user's.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from did_tui import __version__
from did_tui.api.requestlog import Request
from did_tui.config import Settings
from did_tui.ui.checks import Check, as_json
from did_tui.ui.crash import forms_of
from did_tui.ui.logbook import Entry

LIBRARIES = ("textual", "aiortc", "av", "httpx", "numpy", "pillow", "livekit")
#: Variables that say what the terminal is; of others only the names, and of most not even those.
OF_TERMINALS = (
    *("TERM", "COLORTERM", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "VTE_VERSION", "NO_COLOR"),
    *("LANG", "LC_ALL", "LC_CTYPE", "TEXTUAL_ANIMATIONS"),
)
ONLY_WHETHER = ("TMUX", "STY", "SSH_CONNECTION", "DISPLAY", "WAYLAND_DISPLAY", "PULSE_SERVER")
PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "SSL_CERT_FILE")
#: Settings whose values may be anything, such as a path: only that they are set is told.
FREE = ("audio",)


def versions() -> dict[str, str]:
    """The program, its libraries, Python and the system."""
    found = {"did-tui": __version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found | {"system": platform.platform()}


def environment(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What the environment says of the terminal and the network, without addresses."""
    found = {name: env[name] for name in OF_TERMINALS if env.get(name)}
    return found | {name: "set" for name in (*ONLY_WHETHER, *PROXIES) if env.get(name)}


def set_otherwise(settings: Settings) -> dict[str, str]:
    """Settings that are not the default, with their origin."""
    found = {}
    for name, value in settings.values.items():
        if value.origin != "default":
            text = value.text.partition(":")[0] if name in FREE else value.text
            found[name] = f"{text} ({value.origin})"
    return found


def report(
    settings: Settings,
    checks: Sequence[Check],
    requests: Iterable[Request],
    conversations: Sequence[Mapping[str, Any]],
    log: Iterable[Entry],
    *,
    keys: Sequence[str] = (),
    env: Mapping[str, str] = os.environ,
) -> str:
    """The report as JSON; every form of ``keys`` is struck out, should one be in it all the same.

    ``conversations`` are what ``--report`` writes of each.
    """
    whole = {
        "versions": versions(),
        "environment": environment(env),
        "service": settings.endpoint,
        "settings": set_otherwise(settings),
        "keys": {name: value.text for name, value in settings.keys.items()},
        "checks": as_json(checks),
        "requests": [
            {
                "at": one.at.isoformat(timespec="milliseconds"),
                "method": one.method,
                "path": one.path,
                "status": one.status,
                "seconds": round(one.seconds, 3),
                "failed": bool(one.error),
            }
            for one in requests
        ],
        "conversations": [
            {name: value for name, value in one.items() if name != "trouble"}
            for one in conversations
        ],
        "log": [
            {"at": one.at.isoformat(timespec="seconds"), "text": one.text}
            for one in log
            if one.source != "notice"
        ],
    }
    text = json.dumps(whole, indent=2, ensure_ascii=False)
    for key in keys:
        for form in forms_of(key):
            text = text.replace(form, "…")
    return text
