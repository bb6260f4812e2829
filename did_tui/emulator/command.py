"""``did-tui emulator``: serve the local D-ID until control-C, or until standard input ends."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from asyncio.subprocess import PIPE
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import ValidationError
from uvicorn.protocols.http.h11_impl import H11Protocol

from did_tui.emulator.brain import Brain, BuiltInBrain, ModelBrain
from did_tui.emulator.dispatch import MISSING, LiveKit, installed
from did_tui.emulator.limits import Limits
from did_tui.emulator.server import create_app
from did_tui.emulator.service import Service
from did_tui.emulator.store import Store
from did_tui.emulator.voice import Voice

ACCOUNT = "demo:emulator"
#: LiveKit's own names for the address of a server, a key and its secret.
LIVEKIT_VARIABLES = ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")
WORKER_START = 20.0  # seconds that the first worker has to be taken in by its server
WORKER_AGAIN, WORKER_STOP = 1.0, 5.0  # seconds until a worker is started anew, and has to end
LARGEST_SIGNAL = 1024 * 1024  # bytes of a message on a socket
KEEP_ALIVE = 120  # seconds of an idle connection: longer than a client keeps it, so none breaks


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; ``llm_key`` may come from the environment instead."""

    host: str = "127.0.0.1"
    port: int = 8787
    data: Path | None = None
    seed: int | None = None
    llm_url: str = ""
    llm_model: str = ""
    llm_key: str = ""
    limits: Mapping[str, Any] = field(default_factory=dict)
    until_eof: bool = False
    allow_origins: Sequence[str] = ()
    livekit: LiveKit | None = None
    workers: int = 1


class CannotServe(Exception):
    """The emulator cannot start; the text says why and what to do."""


def livekit_of(options: argparse.Namespace) -> LiveKit | None:
    """The LiveKit server of the command line, what it leaves out from the environment.

    The environment alone names none, unless this is to be a worker. Raises ``CannotServe``.
    """
    told = (options.livekit_url, options.livekit_key, options.livekit_secret)
    if not options.worker and not any(told):
        return None
    flags = zip(told, LIVEKIT_VARIABLES, strict=True)
    place = [flag or os.environ.get(variable, "") for flag, variable in flags]
    if not all(place):
        raise CannotServe(
            "A LiveKit server needs --livekit-url, --livekit-key and --livekit-secret, or"
            f" {', '.join(LIVEKIT_VARIABLES)}."
        )
    if not installed():
        raise CannotServe(MISSING)
    return LiveKit(*place)


def run(options: Options) -> int:
    """Serve until told to stop; the exit code.

    Prints one line, the address and how to point a client at it, once it answers.
    """
    try:
        listener = _listen(options.host, options.port)
    except CannotServe as error:
        print(error, file=sys.stderr)
        return 1
    try:
        asyncio.run(_serve(options, listener))
    except KeyboardInterrupt:
        pass  # uvicorn hands the signal on after it has shut down
    except CannotServe as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        listener.close()
    return 0


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        raise CannotServe(
            f"The emulator cannot listen on {host}:{port}: {_reason(error)}."
            " Choose another with --port (0 takes any free one)."
        ) from error
    return listener


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return str(error)


async def _serve(options: Options, listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    try:
        limits = Limits.model_validate(options.limits)
    except ValidationError as error:
        said = "; ".join(f"{e['loc'][0]}: {e['msg']}" for e in error.errors())
        raise CannotServe(f"The emulator cannot start with these limits: {said}.") from error
    store = _open_store(options)
    brain: Brain = BuiltInBrain()
    if options.llm_url:
        brain = ModelBrain(options.llm_url, options.llm_model, options.llm_key)
    loopback = options.host in ("127.0.0.1", "localhost", "::1")
    voice = await Voice.open()
    service = Service(
        store,
        brain,
        voice,
        addresses=[host] if loopback else None,
        seed=options.seed,
        limits=limits,
        livekit=options.livekit,
    )
    logging.getLogger("uvicorn.error").addFilter(_is_trouble)
    config = uvicorn.Config(
        create_app(service, ACCOUNT, options.allow_origins),
        log_level="warning",
        http=_Protocol,
        ws="websockets-sansio",
        ws_max_size=LARGEST_SIGNAL,
        timeout_graceful_shutdown=2,
        timeout_keep_alive=KEEP_ALIVE,
        lifespan="on",
    )
    announcement = _announcement(f"{host}:{port}", voice.engine)
    server = _Server(config, options, announcement)
    if options.livekit is None:
        await server.serve(sockets=[listener])
        return
    ready = asyncio.Event()
    workers = [
        asyncio.create_task(_keep_worker(options.livekit, ready)) for _ in range(options.workers)
    ]
    try:
        if workers:
            await _wait(ready, options.livekit)
        await server.serve(sockets=[listener])
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def _wait(ready: asyncio.Event, livekit: LiveKit) -> None:
    """Wait for a worker: LiveKit calls those that are there when a room begins, and none later."""
    try:
        await asyncio.wait_for(ready.wait(), WORKER_START)
    except TimeoutError:
        print(f"No worker has been taken in by {livekit.url} so far.", file=sys.stderr)


async def _keep_worker(livekit: LiveKit, ready: asyncio.Event) -> None:
    """Have a worker process, and another one when it has died: LiveKit's SDK may take it along.

    It ends with this process, however that ends, by the pipe that is its standard input.
    """
    command = [sys.executable, "-m", "did_tui", "emulator", "--worker", "--until-eof"]
    settings = dict(zip(LIVEKIT_VARIABLES, (livekit.url, livekit.key, livekit.secret), strict=True))
    while True:
        worker = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, env=os.environ | settings
        )
        assert worker.stdin is not None  # noqa: S101 (they are pipes)
        assert worker.stdout is not None  # noqa: S101
        try:
            while await worker.stdout.readline():
                ready.set()  # a line for each time that it is taken in
            await asyncio.sleep(WORKER_AGAIN)
        finally:
            worker.stdin.close()
            try:
                await asyncio.wait_for(worker.wait(), WORKER_STOP)
            except TimeoutError:
                worker.kill()
                await worker.wait()


def _is_trouble(record: logging.LogRecord) -> bool:
    """Whether a message of uvicorn's is one: it says this of every handshake that was refused."""
    return record.getMessage() != "ASGI callable returned without completing handshake."


def _announcement(address: str, engine: str) -> str:
    at = address.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    return (
        f"D-ID emulator at http://{at} (a local stand-in, not D-ID; voice: {engine}); use it with: "
        f"DID_API_URL=http://{at} DID_WS_URL=ws://{at} DID_API_KEY={ACCOUNT} did-tui"
    )


class _Protocol(H11Protocol):
    """Puts a connection's transport into the scope, so that a fault can break it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wrap the app for this connection."""
        super().connection_made(transport)
        app = self.app

        async def with_transport(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "transport": transport}, receive, send)

        self.app = with_transport


class _Server(uvicorn.Server):
    """Says where it is as soon as it answers."""

    def __init__(self, config: uvicorn.Config, options: Options, announcement: str) -> None:
        super().__init__(config)
        self._options = options
        self._announcement = announcement

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, then print the one line."""
        await super().startup(sockets)
        print(self._announcement, flush=True)
        if self._options.until_eof:
            _stop_at_eof(self)
        if hasattr(signal, "SIGHUP"):
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _stop, self)


def _open_store(options: Options) -> Store:
    import sqlite3

    try:
        return Store(str(options.data or ":memory:"), options.seed)
    except sqlite3.Error as error:
        raise CannotServe(
            f"{options.data} cannot be used as the emulator's data: {error}."
        ) from error


def _stop(server: uvicorn.Server) -> None:
    server.should_exit = True


def _stop_at_eof(server: uvicorn.Server) -> None:
    """End with the process that holds the other end of standard input, however it ends."""

    def wait() -> None:
        while sys.stdin.buffer.read(4096):
            pass
        _stop(server)

    threading.Thread(target=wait, name="until-eof", daemon=True).start()
