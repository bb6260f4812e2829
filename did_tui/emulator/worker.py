"""A worker: waits at a LiveKit server for rooms, and plays the agent in those that it is given.

LiveKit spreads the rooms over all workers that are registered, on as many machines as one likes.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import Any

import httpx
import websockets
from google.protobuf.message import DecodeError
from livekit import rtc
from livekit.protocol.agent import (
    JS_FAILED,
    JS_RUNNING,
    JS_SUCCESS,
    JT_ROOM,
    WS_AVAILABLE,
    WS_FULL,
    AvailabilityResponse,
    Job,
    JobAssignment,
    RegisterWorkerRequest,
    ServerMessage,
    UpdateJobStatus,
    UpdateWorkerStatus,
    WorkerMessage,
    WorkerPing,
)
from livekit.protocol.models import ParticipantPermission

from did_tui import __version__
from did_tui.emulator.characters import Faces
from did_tui.emulator.dispatch import WORKER, LiveKit
from did_tui.emulator.performance import Performance
from did_tui.emulator.voice import Voice

MOST_JOBS = 8  # rooms at once: drawing and encoding eight faces is what a core can do
PING_SECONDS = 10
AGAIN_SECONDS = 2.0  # after which a server that was lost is asked again
LONGEST_MESSAGE = 1024 * 1024  # bytes

_log = logging.getLogger(__name__)


def run(livekit: LiveKit, *, until_eof: bool) -> int:
    """Work until told to stop; never returns, for the SDK's threads would abort the process."""
    # What LiveKit's own libraries log would else go to standard error by the root logger.
    logging.getLogger("livekit").propagate = False
    asyncio.run(_work(livekit, until_eof=until_eof))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


async def _work(livekit: LiveKit, *, until_eof: bool) -> None:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, over.set)
    if until_eof:
        threading.Thread(
            target=lambda: (sys.stdin.buffer.read(), loop.call_soon_threadsafe(over.set)),
            name="until-eof",
            daemon=True,
        ).start()
    async with Voice() as voice:
        worker = Worker(livekit, voice)
        working = asyncio.create_task(worker.work())
        ending = asyncio.create_task(over.wait())
        await asyncio.wait((working, ending), return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        await worker.close()
        working.cancel()
        await asyncio.wait((working,))


class Worker:
    """One worker and the rooms that it plays in."""

    def __init__(self, livekit: LiveKit, voice: Voice) -> None:
        self._livekit, self._voice = livekit, voice
        self._faces = Faces()
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._socket: websockets.ClientConnection | None = None

    async def work(self) -> None:
        """Be registered with the server, again and again if need be."""
        self._faces.start()
        while True:
            try:
                await self._serve()
            except (OSError, websockets.WebSocketException) as error:
                _log.warning("No LiveKit server at %s: %s", self._livekit.url, error)
            await asyncio.sleep(AGAIN_SECONDS)

    async def close(self) -> None:
        """Leave every room."""
        self._faces.stop()
        for task in self._jobs.values():
            task.cancel()
        if self._jobs:
            await asyncio.wait(list(self._jobs.values()))

    async def _serve(self) -> None:
        headers = {"Authorization": f"Bearer {self._livekit.worker_token()}"}
        address = self._livekit.url.rstrip("/") + "/agent"
        async with websockets.connect(
            address, additional_headers=headers, max_size=LONGEST_MESSAGE
        ) as socket:
            self._socket = socket
            may = ParticipantPermission(
                can_publish=True, can_subscribe=True, can_publish_data=True, agent=True
            )
            register = RegisterWorkerRequest(
                type=JT_ROOM,
                agent_name=WORKER,
                version=__version__,
                ping_interval=PING_SECONDS,
                allowed_permissions=may,
            )
            await self._tell(register=register)
            pings = asyncio.create_task(self._ping())
            try:
                async for message in socket:
                    if isinstance(message, bytes):
                        await self._take(message)
            finally:
                pings.cancel()
                self._socket = None

    async def _take(self, content: bytes) -> None:
        try:
            message = ServerMessage.FromString(content)
        except DecodeError:
            return
        match message.WhichOneof("message"):
            case "register":
                print(f"worker {message.register.worker_id} waits for rooms", flush=True)
            case "availability":
                await self._offer(message.availability.job)
            case "assignment":
                self._start(message.assignment)
            case "termination":
                task = self._jobs.get(message.termination.job_id)
                if task is not None:
                    task.cancel()

    async def _offer(self, job: Job) -> None:
        """Say whether there is room for one more room."""
        answer = AvailabilityResponse(
            job_id=job.id,
            available=len(self._jobs) < MOST_JOBS,
            participant_identity=f"agent-{job.id}",
            participant_name="D-ID agent",
        )
        await self._tell(availability=answer)

    def _start(self, assignment: JobAssignment) -> None:
        task = asyncio.create_task(self._play(assignment))
        self._jobs[assignment.job.id] = task
        task.add_done_callback(lambda _: self._jobs.pop(assignment.job.id, None))

    async def _play(self, assignment: JobAssignment) -> None:
        job = assignment.job
        await self._report(job.id, JS_RUNNING)
        try:
            told = json.loads(job.metadata)
            performance = Performance(self._livekit, self._faces, self._voice, told)
            await performance.play(assignment.url or self._livekit.url, assignment.token)
        except (ValueError, KeyError, TypeError, httpx.HTTPError, rtc.ConnectError) as error:
            _log.warning("A room was lost: %s", error)
            await self._report(job.id, JS_FAILED, str(error))
        else:
            await self._report(job.id, JS_SUCCESS)

    async def _report(self, job_id: str, status: Any, error: str = "") -> None:
        await self._tell(update_job=UpdateJobStatus(job_id=job_id, status=status, error=error))
        count = len(self._jobs)
        load = WS_FULL if count >= MOST_JOBS else WS_AVAILABLE
        update = UpdateWorkerStatus(status=load, load=count / MOST_JOBS, job_count=count)
        await self._tell(update_worker=update)

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_SECONDS)
            await self._tell(ping=WorkerPing(timestamp=int(time.time() * 1000)))

    async def _tell(self, **message: Any) -> None:
        if self._socket is not None:
            try:
                await self._socket.send(WorkerMessage(**message).SerializeToString())
            except websockets.ConnectionClosed:
                return  # it is being taken up again, and the server forgets the job
