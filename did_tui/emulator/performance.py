"""The drawn agent in one room of a LiveKit server, through LiveKit's own SDK."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from typing import Any

import av
import httpx
import numpy as np
from livekit import rtc

from did_tui.emulator.actor import Actor
from did_tui.emulator.characters import Faces
from did_tui.emulator.dispatch import LiveKit
from did_tui.emulator.ears import Ears
from did_tui.emulator.limits import Limits
from did_tui.emulator.packets import LONGEST_TEXT, CallFailed
from did_tui.emulator.peer import FPS, SAMPLES, Clock, FaceTrack, VoiceTrack
from did_tui.emulator.refusal import Refusal
from did_tui.emulator.room import FAREWELL, SIZE
from did_tui.emulator.stage import RATE, Stage
from did_tui.emulator.voice import Timbre, Voice

ARRIVAL_SECONDS = 60.0  # that a user has to come
ANSWER_SECONDS = 120.0  # between two pieces of an answer
QUEUE_MS = 100  # of sound that waits in the SDK: the picture has no such queue
MOST_HEARD = 100  # frames of a microphone that wait
MOST_WAITING = 1000  # events that wait to be sent; more are lost
TOPICS = ("lk.chat", "did.speak", "did.interrupt", "did.stt-language", "did.presentation")


class Performance:
    """One job: joins the room, plays the agent until the session ends, and closes the room."""

    def __init__(
        self, livekit: LiveKit, faces: Faces, voice: Voice, job: Mapping[str, Any]
    ) -> None:
        self._livekit, self._faces, self._voice = livekit, faces, voice
        self._session = str(job["session"])
        self._http = httpx.AsyncClient(base_url=str(job["base"]), timeout=ANSWER_SECONDS)
        self._room = rtc.Room()
        self._events: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(MOST_WAITING)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._here, self._over = asyncio.Event(), asyncio.Event()
        self._linger: asyncio.TimerHandle | None = None
        self._limits = Limits()

    async def play(self, url: str, token: str) -> None:
        """Play until it is over."""
        try:
            await self._play(url, token)
        finally:
            for task in self._tasks:
                task.cancel()
            await self._room.disconnect()
            with suppress(httpx.HTTPError):  # an emulator that is gone has no sessions
                await self._http.post(self._path("/ended"), headers=self._headers())
            await self._http.aclose()

    async def _play(self, url: str, token: str) -> None:
        answer = await self._http.get(self._path(), headers=self._headers())
        answer.raise_for_status()
        told = answer.json()
        self._limits = Limits.model_validate(told["limits"])
        face = (await asyncio.to_thread(self._faces.get, str(told["look"]))).twin()
        stage, clock = Stage(), Clock()
        actor = Actor(
            told["agent"],
            Timbre(**told["timbre"]),
            mind=self,
            voice=self._voice,
            stage=stage,
            outlet=self,
            limits=self._limits,
        )
        for topic in TOPICS:
            self._room.register_text_stream_handler(topic, self._reader(topic, actor.read))
        self._room.on("participant_active", lambda _who: self._arrived())
        self._room.on("participant_disconnected", lambda _who: self._left())
        self._room.on("disconnected", lambda _why: self._over.set())
        self._room.on(
            "track_subscribed", lambda track, *_: self._spawn(_hear(track, actor.overhear))
        )
        await self._room.connect(url, token)
        await self._publish(VoiceTrack(stage, clock), FaceTrack(face, stage, clock, always=True))
        clock.begin()
        self._spawn(self._send_events())
        if any(who.state == rtc.ParticipantState.PARTICIPANT_STATE_ACTIVE for who in self._users()):
            self._arrived()
        try:
            async with asyncio.timeout(ARRIVAL_SECONDS):
                await self._here.wait()
        except TimeoutError:
            return
        actor.start()
        if told["greets"]:
            actor.greet()
        try:
            await self._over.wait()
        finally:
            actor.close()
            await self._livekit.delete_room(self._session)

    # The outlet of the actor

    def send(self, subject: str, payload: Mapping[str, Any]) -> None:
        """Send one of D-ID's events."""
        if not self._events.full():
            content = json.dumps({"subject": subject, **payload}).encode()
            self._events.put_nowait((subject, content))

    async def call(self, method: str, payload: str, seconds: float) -> str:
        """Have the user's client run a method; raises ``CallFailed``."""
        for user in self._users():
            try:
                return await self._room.local_participant.perform_rpc(
                    destination_identity=user.identity,
                    method=method,
                    payload=payload,
                    response_timeout=seconds,
                )
            except rtc.RpcError as error:
                raise CallFailed(error.code, error.message, error.data or "") from error
        raise CallFailed(1503, "Recipient disconnected")

    async def end(self, _reason: str) -> None:
        """Close the room."""
        await asyncio.sleep(FAREWELL)
        self._over.set()

    # The mind of the actor

    async def answer(
        self, text: str, head: Mapping[str, Any], said: str | None = None
    ) -> AsyncGenerator[str | Mapping[str, Any]]:
        """The emulator's answer."""
        asked = {"text": text, "head": dict(head), "said": said}
        try:
            async with self._http.stream(
                "POST", self._path("/answer"), json=asked, headers=self._headers()
            ) as response:
                response.raise_for_status()
                async for line in response.aiter_lines():
                    yield json.loads(line)
        except (httpx.HTTPError, ValueError) as error:
            raise Refusal(502, "Gateway", f"the emulator gave no answer: {error}") from error

    # Inside

    def _users(self) -> list[rtc.RemoteParticipant]:
        return list(self._room.remote_participants.values())

    def _arrived(self) -> None:
        if self._linger is not None:
            self._linger.cancel()
        self._here.set()

    def _left(self) -> None:
        """Wait a little for the user to come back."""
        loop = asyncio.get_running_loop()
        self._linger = loop.call_later(self._limits.linger_seconds, self._over.set)

    def _reader(
        self, topic: str, read: Callable[[str, str], None]
    ) -> Callable[[rtc.TextStreamReader, str], None]:
        async def take(reader: rtc.TextStreamReader) -> None:
            content = ""
            async for piece in reader:
                content += piece
                if len(content) > LONGEST_TEXT:
                    return
            read(topic, content)

        return lambda reader, _who: self._spawn(take(reader))

    async def _publish(self, voice: VoiceTrack, face: FaceTrack) -> None:
        sound = rtc.AudioSource(RATE, 1, queue_size_ms=QUEUE_MS)
        picture = rtc.VideoSource(SIZE, SIZE)
        me = self._room.local_participant
        await me.publish_track(
            rtc.LocalAudioTrack.create_audio_track("audio", sound),
            rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=False),
        )
        await me.publish_track(
            rtc.LocalVideoTrack.create_video_track("video", picture),
            rtc.TrackPublishOptions(
                source=rtc.TrackSource.SOURCE_CAMERA,
                simulcast=False,
                video_codec=rtc.VideoCodec.VP8,
                video_encoding=rtc.VideoEncoding(max_framerate=FPS, max_bitrate=1_500_000),
            ),
        )
        self._spawn(_speak(voice, sound))
        self._spawn(_show(face, picture))

    async def _send_events(self) -> None:
        me = self._room.local_participant
        while True:
            subject, content = await self._events.get()
            try:
                await me.publish_data(content, topic=subject)
            except rtc.participant.PublishDataError:
                continue  # the line is being taken up again; the next one may arrive

    def _path(self, what: str = "") -> str:
        return f"/emulator/sessions/{self._session}{what}"

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._livekit.question(self._session)}"}

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _speak(track: VoiceTrack, source: rtc.AudioSource) -> None:
    while True:
        sound = (await track.recv()).to_ndarray().tobytes()
        await source.capture_frame(rtc.AudioFrame(sound, RATE, 1, SAMPLES))


async def _show(track: FaceTrack, source: rtc.VideoSource) -> None:
    while True:
        source.capture_frame(_picture(await track.recv()))


async def _hear(track: rtc.RemoteTrack, said: Callable[[], None]) -> None:
    """Listen to the user's microphone; a camera is not looked at."""
    if track.kind != rtc.TrackKind.KIND_AUDIO:
        return
    ears = Ears()
    stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=1, capacity=MOST_HEARD)
    try:
        async for event in stream:
            samples = np.asarray(event.frame.data, np.int16)
            if ears.take(samples, samples.size / RATE):
                said()
    finally:
        await stream.aclose()


def _picture(frame: av.VideoFrame) -> rtc.VideoFrame:
    planes = (
        np.asarray(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        for plane in frame.planes
    )
    content = b"".join(plane.tobytes() for plane in planes)
    return rtc.VideoFrame(frame.width, frame.height, rtc.VideoBufferType.I420, content)
