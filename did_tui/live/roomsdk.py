"""LiveKit's SDK, loaded when the first room is opened, and its habits that a terminal cannot bear.

It writes on standard error through Python's root logger, prints when its native half panics and
then sends SIGTERM to this process, that half aborts the process when it ends too soon after a call,
and a room that was left keeps its threads. ``unmended`` names what of that cannot be changed in the
installed version; a test fails when there is any.

What cannot be mended here: its native half keeps 0.5 MB of each session with an agent (1.2.0, the
same over 40 of them). It is memory in use, no fragments: ``mallinfo2`` with one arena says so, and
``malloc_trim`` gives none of it back. No handle and no Python object is left then; it is as much
where no stream is read, and where the library alone connects and disconnects. A room without an
agent leaves 0.01 MB.
"""

from __future__ import annotations

import importlib
import ipaddress
import logging
import os
import sys
import time
from typing import Any

from did_tui.api.errors import DidError

SETTLING_SECONDS = 0.2  # in which the native half's threads end
_ERROR = 2  # descriptor of standard error: a file, while the screen is ours

_log = logging.getLogger("livekit")


class NoRooms(DidError):
    """LiveKit's library is not here, or not for this machine."""

    advice = "Agents with streams work all the same."

    def __init__(self, why: str) -> None:
        super().__init__(
            "Expressive agents speak over LiveKit, whose library cannot be used here"
            f" ({why}). Where there is one for this machine, this installs it:"
            " python3 -m pip install livekit"
        )


class NoNetwork(DidError):
    """There is no network here that LiveKit's library would use."""

    advice = NoRooms.advice

    def __init__(self) -> None:
        super().__init__(
            "Expressive agents cannot be met: this machine has no network but itself, and"
            " LiveKit's library does not use that one."
        )


def load() -> Any:
    """The library, ``livekit.rtc``; takes half a second the first time, any thread.

    Raises ``NoRooms``, and ``NoNetwork`` where it would wait for a network without end: it gathers
    no candidates on loopback (1.2.0, which went on connecting for 40 s without a word).
    """
    if only_loopback():
        raise NoNetwork
    if not _log.handlers:
        _log.addHandler(logging.NullHandler())
    _log.propagate = False
    _log.setLevel(logging.ERROR)  # nobody reads it, and the rest is made for each packet
    try:
        module = importlib.import_module("livekit.rtc")
        client = importlib.import_module("livekit.rtc._ffi_client")
        mend()
        client.FfiClient.instance  # noqa: B018 (the native half is loaded here)
    except ImportError as error:
        raise NoRooms(str(error).splitlines()[0]) from error
    return module


def only_loopback() -> bool:
    """Whether this machine has no address but loopback's, as a container without a network."""
    import ifaddr

    found = [ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips]
    addresses = [ip if isinstance(ip, str) else ip[0] for ip in found]
    return all(ipaddress.ip_address(address).is_loopback for address in addresses)


def mend() -> None:
    """Let the library write to its own logger only, and a panic to the file of standard error."""
    room = importlib.import_module("livekit.rtc.room")
    if hasattr(room, "logging"):
        # It calls logging.info(), which gives the root logger a handler that writes to the screen.
        setattr(room, "logging", _log)  # noqa: B010
    client = importlib.import_module("livekit.rtc._ffi_client")
    setattr(client, "print", _to_descriptor)  # noqa: B010


def unmended() -> list[str]:
    """What of the library is not as it was when it was mended here."""
    room = importlib.import_module("livekit.rtc.room")
    client = importlib.import_module("livekit.rtc._ffi_client")
    used = ((room, "logging"), (client.FfiClient, "_dispose"), (room.Room(), "_ffi_handle"))
    return [name for owner, name in used if not hasattr(owner, name)]


def forget(room: Any) -> None:
    """Give back what a room that was left holds: else its threads last until Python collects it."""
    here = room.local_participant
    for who in (*room.remote_participants.values(), here):
        for publication in who.track_publications.values():
            give_back(publication.track)
            give_back(publication)
        give_back(who)
    give_back(room)


def give_back(owner: object) -> None:
    """Drop the native half of one of the library's objects, which is not used any more."""
    handle = getattr(owner, "_ffi_handle", None)
    if handle is not None:
        handle.dispose()


def settle() -> None:
    """Before the process ends: end the native half's threads; nothing where it is not loaded."""
    client: Any = sys.modules.get("livekit.rtc._ffi_client")
    found = getattr(client, "FfiClient", None)
    if found is None or getattr(found, "_instance", None) is None:
        return
    dispose = getattr(found._instance, "_dispose", None)
    if dispose is not None:
        dispose()
    time.sleep(SETTLING_SECONDS)


def _to_descriptor(*words: object, **_options: object) -> None:
    """What ``print`` does in the library, without the screen."""
    text = " ".join(str(word) for word in words)
    os.write(_ERROR, f"{text}\n".encode(errors="replace"))
