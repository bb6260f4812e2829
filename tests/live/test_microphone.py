"""The microphone: what goes out and when, and that the device is given back."""

from __future__ import annotations

import asyncio
import errno
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from fakesound import FakeSoundDevice
from feeder import wait_until
from hypothesis import given
from hypothesis import strategies as st
from lossy import stay_on_loopback
from nullsink import NullSink, needs_pulse

from did_tui.api.client import Client
from did_tui.live import rtc
from did_tui.live.media import portaudio
from did_tui.live.media.capture import candidates, microphones, open_capture
from did_tui.live.media.microphone import ECHO, FRAME, FRAME_BYTES, Framer, Microphone, Talk
from did_tui.live.media.portaudio import PortAudioCapture, PortAudioSpeaker, devices
from did_tui.live.media.speaker import RATE, SpeakerError
from did_tui.live.streams import WebRtcStream
from did_tui.live.voicetrack import MicrophoneTrack

HERTZ = 700.0
LOUD = 12_000


def tone(samples: int, channels: int = 1, start: int = 0) -> bytes:
    wave = LOUD * np.sin(2 * np.pi * HERTZ * np.arange(start, start + samples) / RATE)
    return np.repeat(wave.astype(np.int16)[:, None], channels, axis=1).tobytes()


def share_of_tone(sound: np.ndarray[Any, Any]) -> float:
    """How much of the sound's power is the tone's; 0 of less than a tenth of a second."""
    if len(sound) < RATE // 10:
        return 0.0
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    return float(power[abs(hertz - HERTZ) < 25].sum() / max(1.0, power.sum()))


@dataclass
class FakeCapture:
    """Records a tone at the pace of the clock."""

    name: str = "a microphone"
    closed: bool = False
    fault: str = ""
    begun: float = field(default_factory=time.monotonic)
    taken: int = 0

    def read(self) -> bytes:
        if self.fault:
            raise SpeakerError(self.fault)
        start, self.taken = self.taken, int((time.monotonic() - self.begun) * RATE)
        return tone(self.taken - start, start=start)

    def close(self) -> None:
        self.closed = True


# What goes out


@given(st.lists(st.integers(0, 5000), max_size=20))
def test_frames_are_whole_and_nothing_is_lost_between_them(sizes: list[int]) -> None:
    pcm = bytes(value % 251 for value in range(sum(sizes) * 2))
    framer, frames = Framer(), []
    at = 0
    for size in sizes:
        frames += list(framer.push(pcm[at : at + 2 * size]))
        at += 2 * size
    assert all(len(frame) == FRAME_BYTES for frame in frames)
    assert pcm.startswith(b"".join(frames))
    assert len(pcm) - len(b"".join(frames)) < FRAME_BYTES


def sent(talk: Talk, agent: Sequence[float]) -> list[bool]:
    return [talk.frame(tone(FRAME), loudness) is not None for loudness in agent]


def test_while_the_agent_is_heard_and_a_little_longer_nothing_goes_out() -> None:
    talk = Talk("agent")
    assert sent(talk, [0.0] * 3) == [True] * 3
    # The frame in which it is held back fades out.
    assert sent(talk, [0.5] * 4) == [True, False, False, False]
    assert talk.held
    assert sent(talk, [0.0] * (ECHO + 2)) == [False] * (ECHO - 1) + [True] * 3
    assert not talk.held


@pytest.mark.parametrize("duplex", ["user", "full"])
def test_the_agent_holds_nothing_back_where_it_should_not(duplex: Any) -> None:
    assert all(sent(Talk(duplex), [0.5] * 5))


def test_it_begins_and_ends_without_a_click() -> None:
    talk = Talk("agent")
    first, whole = talk.frame(tone(FRAME), 0.0), talk.frame(tone(FRAME), 0.0)
    last = talk.frame(tone(FRAME), 1.0)
    assert first is not None
    assert last is not None
    assert whole == tone(FRAME)
    loud = [np.abs(np.frombuffer(pcm, np.int16).astype(int)) for pcm in (first, last)]
    assert loud[0][:96].max() < LOUD / 8 < loud[0][-96:].max()
    assert loud[1][-96:].max() < LOUD / 8 < loud[1][:96].max()


def test_the_meter_shows_how_loud_it_is_even_while_it_is_held_back() -> None:
    talk = Talk("agent")
    talk.frame(tone(FRAME), 1.0)
    assert talk.level == pytest.approx(LOUD / 32768, rel=0.01)
    talk.frame(bytes(FRAME_BYTES), 1.0)
    assert 0 < talk.level < LOUD / 32768
    talk.end()
    assert talk.level == 0


# The device


async def test_the_device_is_open_while_somebody_talks_and_no_longer() -> None:
    opened: list[FakeCapture] = []

    def open_fake(_device: str, **_options: object) -> FakeCapture:
        opened.append(FakeCapture())
        return opened[-1]

    microphone = Microphone(open_device=open_fake)
    assert not microphone.talking
    assert not opened
    assert microphone.toggle()
    frames = [await asyncio.wait_for(microphone.read(), 10) for _ in range(5)]
    assert microphone.name == "a microphone"
    assert {len(frame) for frame in frames} == {FRAME_BYTES}
    assert microphone.level > 0.1
    assert not microphone.toggle()
    microphone.close()
    assert [capture.closed for capture in opened] == [True]
    assert microphone.level == 0
    microphone.talk(on=True)
    assert not microphone.talking, "it was closed for good"


async def test_nothing_comes_out_of_it_while_it_is_off() -> None:
    microphone = Microphone(open_device=lambda _device, **_options: FakeCapture())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(microphone.read(), 0.1)
    microphone.talk(on=True)
    await asyncio.wait_for(microphone.read(), 10)
    microphone.talk(on=False)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(microphone.read(), 0.2)
    microphone.close()


async def test_a_device_that_cannot_be_opened_or_goes_away_is_told_in_words() -> None:
    news: list[str] = []
    capture = FakeCapture()

    def open_fake(device: str, **_options: object) -> FakeCapture:
        if device == "absent":
            raise SpeakerError("No such microphone")
        return capture

    microphone = Microphone("absent", open_device=open_fake, on_news=news.append)
    microphone.talk(on=True)
    async with asyncio.timeout(10):
        while microphone.talking:
            await asyncio.sleep(0.01)
    assert news == ["No such microphone."]
    microphone.device = "present"
    microphone.talk(on=True)
    await asyncio.wait_for(microphone.read(), 10)
    capture.fault = "The microphone is gone"
    async with asyncio.timeout(10):
        while microphone.talking:
            await asyncio.sleep(0.01)
    assert news[1:] == ["The microphone is gone."]
    microphone.close()
    assert capture.closed


async def test_a_program_that_cannot_be_started_is_told_in_words() -> None:
    news: list[str] = []

    def open_fake(_device: str, **_options: object) -> FakeCapture:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    microphone = Microphone(open_device=open_fake, on_news=news.append)
    microphone.talk(on=True)
    async with asyncio.timeout(10):
        while microphone.talking:
            await asyncio.sleep(0.01)
    assert news == ["The microphone cannot be used: Resource temporarily unavailable."]
    microphone.close()


async def test_where_the_user_comes_first_the_agent_is_silent_meanwhile() -> None:
    hushed: list[bool] = []
    microphone = Microphone(
        duplex="user",
        agent_hushed=hushed.append,
        open_device=lambda _device, **_options: FakeCapture(),
    )
    microphone.talk(on=True)
    microphone.talk(on=False)
    microphone.close()
    assert hushed == [True, False]


def test_what_is_tried_and_in_which_order() -> None:
    assert candidates("auto", "linux") == ("pulse", "sounddevice", "parec", "arecord")
    assert candidates("auto", "darwin") == ("sounddevice",)
    assert candidates("parec:mic", "linux") == ("parec:mic",)
    with pytest.raises(SpeakerError, match="Unknown microphone"):
        open_capture("drum")


def test_portaudio_records() -> None:
    module = FakeSoundDevice()
    capture = PortAudioCapture("2", sounddevice=module)
    assert (capture.name, module.streams[0].settings["device"]) == ("Core Audio · Loudspeaker 1", 2)
    module.streams[0].bring(b"ab" * 480)
    assert capture.read() == b"ab" * 480
    assert capture.read() == b""
    module.streams[0].active = False
    with pytest.raises(SpeakerError):
        capture.read()
    capture.close()
    assert module.streams[0].closed
    assert [device.sink for device in devices(module, recording=True)] == [
        "sounddevice:0",
        "sounddevice:2",
    ]


@pytest.mark.parametrize("kind", [PortAudioCapture, PortAudioSpeaker])
def test_a_device_that_cannot_be_described_is_given_back(kind: Any) -> None:
    module = FakeSoundDevice()
    module.query_hostapis = module.fail  # type: ignore[method-assign]
    with pytest.raises(SpeakerError):
        kind(sounddevice=module)
    [stream] = module.streams
    assert stream.closed
    assert not portaudio._open_streams


def test_portaudio_does_not_start_again_while_a_stream_is_being_opened() -> None:
    module = FakeSoundDevice()
    devices(module)
    opening, go_on = threading.Event(), threading.Event()
    opens = module.RawOutputStream

    def slowly(**settings: Any) -> Any:
        opening.set()
        assert go_on.wait(10)
        return opens(**settings)

    module.RawOutputStream = slowly  # type: ignore[method-assign]
    made: list[PortAudioCapture] = []
    thread = threading.Thread(target=lambda: made.append(PortAudioCapture(sounddevice=module)))
    thread.start()
    assert opening.wait(10)
    before = list(module.looks)
    looking = threading.Thread(target=devices, args=(module,))
    looking.start()
    looking.join(0.3)
    assert looking.is_alive(), "it waits"
    go_on.set()
    looking.join(10)
    thread.join(10)
    assert module.looks == before, "the stream that was opened still plays"
    made[0].close()


def test_portaudio_without_a_microphone_says_so() -> None:
    module = FakeSoundDevice(FakeSoundDevice.PortAudioError("Error querying device -1"))
    with pytest.raises(SpeakerError, match="PortAudio finds no sound device"):
        PortAudioCapture(sounddevice=module)


@pytest.fixture
def room(private_home: None) -> Iterator[NullSink]:
    with NullSink(mic=True) as running:
        yield running


@needs_pulse
@pytest.mark.parametrize("device", ["auto", "pulse:mic", "parec:mic"])
async def test_what_is_said_into_a_microphone_comes_out(room: NullSink, device: str) -> None:
    nobody = room.listeners()
    microphone = Microphone(device, env=room.env())
    microphone.talk(on=True)
    await asyncio.wait_for(microphone.read(), 10)
    assert room.listeners() == nobody + 1
    speaking = threading.Thread(target=room.speak, args=(tone(3 * RATE, 2),))
    speaking.start()
    try:
        heard: list[bytes] = []
        async with asyncio.timeout(10):
            while share_of_tone(np.frombuffer(b"".join(heard[-20:]), np.int16)) < 0.95:
                heard.append(await microphone.read())
        assert microphone.level == pytest.approx(LOUD / 32768, rel=0.1)
        microphone.talk(on=False)
        gone = await asyncio.to_thread(wait_until, lambda: room.listeners() == nobody, 5)
        assert gone, "the device is given back"
    finally:
        microphone.close()
        await asyncio.to_thread(speaking.join)


@needs_pulse
def test_microphones_are_listed_without_what_sinks_play(room: NullSink) -> None:
    found = [device for device in microphones(room.env()) if device.sink.startswith("pulse")]
    assert [(device.sink, device.default) for device in found] == [("pulse:mic", True)]


@needs_pulse
def test_a_microphone_that_is_not_there(room: NullSink) -> None:
    with pytest.raises(SpeakerError):
        open_capture("pulse:absent", env=room.env())
    with pytest.raises(SpeakerError):
        open_capture("pulse", env=room.no_device_env())


# The network

SDP = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n{}m=audio {} UDP/TLS/RTP/SAVPF 96\r\n{}"


@pytest.mark.parametrize(
    ("session", "port", "media", "takes"),
    [
        ("", 9, "a=sendonly\r\n", False),
        ("", 9, "a=inactive\r\n", False),
        ("", 9, "a=recvonly\r\n", True),
        ("", 9, "a=sendrecv\r\n", True),
        ("", 9, "", True),
        ("", 0, "a=sendrecv\r\n", False),
        ("a=sendonly\r\n", 9, "", False),
        ("a=sendonly\r\n", 9, "a=sendrecv\r\n", True),
        ("", 9, "a=sendonly\r\nm=video 9 UDP/TLS/RTP/SAVPF 97\r\na=recvonly\r\n", False),
    ],
)
def test_an_offer_tells_whether_a_microphone_is_wanted(
    session: str, port: int, media: str, takes: bool
) -> None:
    assert rtc.takes_sound(SDP.format(session, port, media)) is takes


def test_no_offer_wants_nothing() -> None:
    assert not rtc.takes_sound("")


class Service:
    """A service in this process: one aiortc peer, and as much of the API as a stream needs."""

    def __init__(self, direction: str) -> None:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.pc.addTransceiver("audio", direction=direction)
        self.pc.createDataChannel("service")
        self.tracks: list[MediaStreamTrack] = []
        self.pc.on("track", self.tracks.append)

    async def create_stream(self, _agent_id: str, _options: object, **_rest: object) -> Any:
        offer = await self.pc.createOffer()
        stay_on_loopback(self.pc)
        await self.pc.setLocalDescription(offer)
        self.stream = SimpleNamespace(
            offer_sdp=self.pc.localDescription.sdp,
            fluent=True,
            interrupt_enabled=True,
            ice_servers=[],
        )
        return self.stream

    async def send_answer(self, _agent_id: str, _stream: Any, sdp: str, **_rest: object) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    async def send_candidate(self, _agent: str, _stream: Any, fields: Any, **_rest: object) -> None:
        if fields is not None:
            candidate = rtc_candidate(fields)
            await self.pc.addIceCandidate(candidate)

    async def delete_stream(self, *_arguments: object, **_rest: object) -> None:
        await self.pc.close()


def rtc_candidate(fields: Any) -> Any:
    from aiortc.sdp import candidate_from_sdp

    candidate = candidate_from_sdp(fields["candidate"].removeprefix("candidate:"))
    candidate.sdpMid, candidate.sdpMLineIndex = fields["sdpMid"], fields["sdpMLineIndex"]
    return candidate


async def test_the_voice_goes_to_a_service_that_takes_it() -> None:
    service = Service("recvonly")
    microphone = Microphone(open_device=lambda _device, **_options: FakeCapture())
    stream = WebRtcStream(
        cast("Client", service),
        "agent",
        "connection",
        lambda _event: None,
        lambda _track: None,
        voice=MicrophoneTrack(microphone),
    )
    try:
        await stream.open({})
        assert stream.takes_voice
        microphone.talk(on=True)
        async with asyncio.timeout(20):
            while not service.tracks:
                await asyncio.sleep(0.02)
            heard = np.zeros(0, np.int16)
            while share_of_tone(heard[-RATE // 2 :]) < 0.9:
                frame: Any = await service.tracks[0].recv()
                heard = np.append(heard, frame.to_ndarray().reshape(-1, 2)[:, 0])
    finally:
        microphone.close()
        await stream.close()


async def test_a_service_that_only_sends_gets_nothing() -> None:
    service = Service("sendonly")
    microphone = Microphone(open_device=lambda _device, **_options: FakeCapture())
    stream = WebRtcStream(
        cast("Client", service),
        "agent",
        "connection",
        lambda _event: None,
        lambda _track: None,
        voice=MicrophoneTrack(microphone),
    )
    try:
        await stream.open({})
        assert stream.takes_voice is False
        sections = service.pc.remoteDescription.sdp.split("m=")
        assert "a=recvonly" in next(section for section in sections if section.startswith("audio"))
    finally:
        microphone.close()
        await stream.close()
