"""The speakers, heard: what a null sink really played, and when."""

from __future__ import annotations

import importlib.util
import math
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fakesound import FakeSoundDevice, FakeStream
from feeder import Feeder, wait_until
from nullsink import NullSink, Recorder, counter_pcm, needs_pulse

from did_tui.live.media import portaudio, pulse, pulsestream
from did_tui.live.media import speaker as speaker_module
from did_tui.live.media.portaudio import PortAudioSpeaker
from did_tui.live.media.pulse import crosses_network
from did_tui.live.media.speaker import (
    FRAME_BYTES,
    RATE,
    Device,
    SilentSpeaker,
    SpeakerError,
    devices,
    open_speaker,
)

pytestmark = pytest.mark.usefixtures("private_home")


def threads_of_this_process() -> int:
    """Count all of them: libpulse's thread is not one of Python's."""
    return len(list(Path("/proc/self/task").iterdir()))


@pytest.fixture
def feeder(server: NullSink) -> Iterator[Feeder]:
    with Feeder(open_speaker("pulse", env=server.env())) as feeding:
        yield feeding


@pytest.fixture(scope="module")
def performance() -> tuple[Feeder, Recorder]:
    """Two seconds of counting, and what was heard of it."""
    with NullSink() as server, server.record() as heard:
        with Feeder(open_speaker("auto", env=server.env())) as feeder:
            time.sleep(2)
            feeder.end()
            time.sleep(0.3)
        return feeder, heard


# PulseAudio


@needs_pulse
def test_every_frame_is_heard_once_and_in_order(performance: tuple[Feeder, Recorder]) -> None:
    feeder, heard = performance
    report = heard.counter_report()
    assert report.flawless, report
    assert (report.first, report.last) == (0, feeder.fed - 1)


@needs_pulse
def test_the_latency_is_the_true_one(performance: tuple[Feeder, Recorder]) -> None:
    feeder, heard = performance
    start = heard.counter_report().start  # the recording has no gap: frame n is at start + n
    errors = [moment - heard.time_of(start + frame) for frame, moment in feeder.expected]
    assert not math.isnan(errors[-1])
    assert abs(np.nanmedian(errors)) < 0.015


@needs_pulse
def test_flush_is_silent_at_once_and_the_next_sound_is_whole(server: NullSink) -> None:
    with server.record() as heard, Feeder(open_speaker("pulse", env=server.env())) as feeder:
        time.sleep(0.5)
        hushed = feeder.hush()
        said = feeder.fed
        time.sleep(0.4)
        resumed = feeder.resume()
        time.sleep(0.4)
        underflows = feeder.speaker.underflows
        ended = feeder.hush()
        time.sleep(0.1)
    numbers = heard.numbers()[: heard.frame_at(ended)]
    before = np.flatnonzero(numbers[: heard.frame_at(resumed)] >= 0)
    after = numbers[numbers >= said]
    assert heard.time_of(before[-1]) - hushed < 0.060
    assert len(before) < said, "nothing was dropped"
    assert len(after) > RATE // 10
    assert (after == np.arange(said, said + len(after))).all()
    assert underflows == 0


@needs_pulse
def test_a_flush_fades(server: NullSink) -> None:
    turn = 2 * np.pi * 300 / RATE
    wave = np.rint(12_000 * np.sin(turn * np.arange(RATE))).astype(np.int16)
    sound = np.repeat(wave[:, None], 2, axis=1).tobytes()
    with server.record() as heard:
        speaker = open_speaker("pulse", env=server.env())
        written = 0
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            size = speaker.writable() * FRAME_BYTES
            speaker.write(sound[written : written + size])
            written += size
            time.sleep(0.005)
        assert speaker.flush()
        time.sleep(0.5)
        speaker.close()
    loud = heard.loud(1000)
    assert len(loud) > RATE // 5
    assert len(loud) * FRAME_BYTES < written, "nothing was dropped"
    end = heard.pcm[loud[RATE // 10] :, 0].astype(int)
    assert np.abs(np.diff(end, 2)).max() < 3 * 12_000 * turn**2, "it was cut off"


@needs_pulse
def test_after_a_late_feeder_nothing_is_lost(server: NullSink) -> None:
    with server.record() as heard, Feeder(open_speaker("pulse", env=server.env())) as feeder:
        time.sleep(0.4)
        feeder.stall(0.4)
        time.sleep(0.4)
        underflows = feeder.speaker.underflows
    report = heard.counter_report()
    assert underflows == 1
    assert report.silent > 0
    assert (report.first, report.lost, report.repeats) == (0, 0, 0)


@needs_pulse
def test_an_unplugged_sink_is_followed_to_the_other_one() -> None:
    with (
        NullSink(sinks=("headset", "screen")) as server,
        server.record("screen.monitor") as heard,
        Feeder(open_speaker("pulse", env=server.env())) as feeder,
    ):
        time.sleep(0.3)
        assert feeder.speaker.name == "PulseAudio · headset"
        server.unplug()
        unplugged = feeder.fed
        assert wait_until(lambda: feeder.speaker.name == "PulseAudio · screen", 2)
        time.sleep(0.4)
        assert feeder.error is None
    report = heard.counter_report()
    assert report.last > unplugged
    assert (report.lost, report.repeats) == (0, 0)


@needs_pulse
def test_a_sink_that_was_named_gets_its_stream_back() -> None:
    with (
        NullSink(sinks=("screen", "headset")) as server,
        Feeder(open_speaker("pulse:headset", env=server.env())) as feeder,
    ):
        server.unplug("headset")
        assert wait_until(lambda: feeder.speaker.name == "PulseAudio · screen", 2)
        time.sleep(1)  # it is asked for in vain
        server.plug("headset", default=False)
        assert wait_until(lambda: feeder.speaker.name == "PulseAudio · headset", 2)
        assert feeder.error is None


@needs_pulse
def test_a_stream_that_somebody_has_moved_stays_there() -> None:
    with (
        NullSink(sinks=("screen", "headset")) as server,
        Feeder(open_speaker("pulse:headset", env=server.env())) as feeder,
    ):
        stream = server.pactl("list", "short", "sink-inputs").split()[0]
        server.pactl("move-sink-input", stream, "screen")
        assert wait_until(lambda: feeder.speaker.name == "PulseAudio · screen", 2)
        time.sleep(1.2)
        assert feeder.speaker.name == "PulseAudio · screen"


@needs_pulse
def test_the_sinks_are_listed_as_they_are_asked_for() -> None:
    with NullSink(sinks=("headset", "screen")) as server:
        listed = devices(server.env())
        assert [device.sink for device in listed if device.default] == [listed[0].sink]
        assert listed[:2] == [
            Device("pulse:headset", "PulseAudio · headset", default=True),
            Device("pulse:screen", "PulseAudio · screen"),
        ]
        server.kill()
        assert [device for device in devices(server.env()) if "pulse:" in device.sink] == []


@needs_pulse
def test_the_last_sink_unplugged_ends_the_speaker(server: NullSink, feeder: Feeder) -> None:
    server.unplug()
    assert wait_until(lambda: feeder.error is not None, 1)
    assert "sound device is gone" in str(feeder.error)


@needs_pulse
def test_a_killed_server_ends_the_speaker(server: NullSink, feeder: Feeder) -> None:
    server.kill()
    assert wait_until(lambda: feeder.error is not None, 1)
    with pytest.raises(SpeakerError, match="sound device is gone"):
        feeder.speaker.writable()
    with pytest.raises(SpeakerError, match="sound device is gone"):
        feeder.speaker.write(bytes(FRAME_BYTES))
    assert math.isnan(feeder.speaker.latency())
    feeder.speaker.flush()


@needs_pulse
def test_a_hanging_server_is_not_waited_for(
    server: NullSink, feeder: Feeder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "STALLED_SECONDS", 0.3)
    monkeypatch.setattr(pulsestream, "OPEN_SECONDS", 0.3)
    server.hang()
    assert wait_until(lambda: feeder.error is not None, 2)
    assert str(feeder.error) == "The sound server has stopped playing"
    with pytest.raises(SpeakerError, match="does not answer"):
        open_speaker("pulse", env=server.env())
    began = time.monotonic()
    feeder.speaker.close()
    assert time.monotonic() - began < 1


@needs_pulse
def test_a_sleeping_sink_is_waited_for(
    server: NullSink, feeder: Feeder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "STALLED_SECONDS", 0.2)
    server.suspend(True)
    time.sleep(0.6)
    asleep = feeder.fed
    server.suspend(False)
    assert wait_until(lambda: feeder.fed > asleep, 2)
    assert feeder.error is None


@needs_pulse
def test_close_may_be_repeated_and_leaves_no_thread(server: NullSink) -> None:
    before = threads_of_this_process()
    speaker = open_speaker("pulse", env=server.env())
    speaker.write(bytes(FRAME_BYTES))
    assert threads_of_this_process() == before + 1
    speaker.close()
    speaker.close()
    assert threads_of_this_process() == before
    with pytest.raises(SpeakerError, match="closed"):
        speaker.write(bytes(FRAME_BYTES))
    assert math.isnan(speaker.latency())


@needs_pulse
def test_the_end_of_a_tunnel_gets_a_bigger_buffer(server: NullSink) -> None:
    tunnel = server.dir / "tunnel"
    tunnel.symlink_to(server.socket)
    here = open_speaker("pulse", env=server.env())
    far = open_speaker("pulse", env=server.env() | {"PULSE_SERVER": f"unix:{tunnel}"})
    try:
        assert (here.remote, far.remote) == (False, True)
        assert far.writable() > here.writable() * 1.5
    finally:
        here.close()
        far.close()


def test_the_buffer_grows_when_it_ran_dry_and_shrinks_when_it_long_did_not() -> None:
    buffer = pulse.Buffer(0.16, 0.3, 1.5)
    assert not buffer.follow(False, 100.0)
    assert buffer.follow(True, 100.0)
    assert buffer.seconds == pytest.approx(0.24)
    assert buffer.follow(True, 101.0)
    assert not buffer.follow(True, 102.0), "it is as long as it may be"
    assert buffer.seconds == 0.3
    assert not buffer.follow(False, 102.0 + 3 * pulse.PATIENCE), "it ran dry again and again"
    assert buffer.follow(False, 102.0 + 4 * pulse.PATIENCE)
    assert buffer.seconds == pytest.approx(0.2)
    assert not buffer.follow(False, 103.0 + 4 * pulse.PATIENCE)
    assert buffer.follow(False, 102.0 + 8 * pulse.PATIENCE)
    assert buffer.seconds == 0.16
    assert not buffer.follow(False, 1e6)


@needs_pulse
def test_a_buffer_that_changes_its_size_is_not_heard(
    server: NullSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[float] = []

    def follow(buffer: pulse.Buffer, _starved: bool, _now: float) -> bool:
        sizes.append(buffer.seconds)
        buffer.seconds = 0.36 if 60 <= len(sizes) < 150 else 0.16
        return buffer.seconds != sizes[-1]

    monkeypatch.setattr(pulse.Buffer, "follow", follow)
    with server.record() as heard, Feeder(open_speaker("pulse", env=server.env())) as feeder:
        assert wait_until(lambda: len(sizes) > 250, 20)
        feeder.end()
        time.sleep(0.5)
    assert max(sizes) == 0.36
    assert sizes[-1] == 0.16
    report = heard.counter_report()
    assert (report.lost, report.repeats) == (0, 0)


@needs_pulse
def test_a_sink_may_be_named() -> None:
    with NullSink(sinks=("headset", "screen")) as server:
        speaker = open_speaker("pulse:screen", env=server.env())
        assert speaker.name == "PulseAudio · screen"
        speaker.close()
        with pytest.raises(SpeakerError, match="No such entity"):
            open_speaker("pulse:nowhere", env=server.env())


@pytest.mark.skipif(sys.platform != "linux", reason="it hides a Linux machine's sound devices")
def test_no_device_is_one_sentence_and_nothing_on_the_screen() -> None:
    script = (
        "import time; began = time.monotonic()\n"
        "from did_tui.live.media.speaker import SpeakerError, open_speaker\n"
        "try: open_speaker()\n"
        "except SpeakerError as error: print(time.monotonic() - began, error)\n"
    )
    server = NullSink()
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=server.no_device_env(),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=20,
    )
    server.stop()
    seconds, sentence = done.stdout.strip().split(" ", 1)
    assert done.stderr == ""
    assert float(seconds) < 1
    assert sentence.startswith("PulseAudio")
    assert "PortAudio" in sentence


@pytest.mark.parametrize(
    ("server", "env", "remote"),
    [
        ("unix:/run/user/1000/pulse/native", {}, False),
        ("unix:/tmp/pulse-PKdhtXMmr18n/native", {}, False),
        ("{0123abcd}unix:/run/user/1000/pulse/native", {"PULSE_SERVER": "…"}, False),
        ("unix:/home/ada/runtime/pulse/native", {"XDG_RUNTIME_DIR": "/home/ada/runtime"}, False),
        ("unix:/home/ada/.pulse-home.sock", {"PULSE_SERVER": "…"}, True),
        ("/home/ada/.pulse-home.sock", {"PULSE_SERVER": "…"}, True),
        ("unix:/run/user/1000/p", {"PULSE_SERVER": "…", "SSH_CONNECTION": "…"}, True),
        ("unix:/run/user/1000/p", {"SSH_CONNECTION": "…"}, False),
        ("tcp:127.0.0.1:24713", {}, True),
        ("tcp6:[::1]", {}, True),
        ("desk.example", {}, True),
    ],
)
def test_what_crosses_a_network(server: str, env: dict[str, str], remote: bool) -> None:
    assert crosses_network(server, env) is remote


# Without a device


def test_a_silent_speaker_takes_frames_as_time_passes() -> None:
    speaker = open_speaker("none")
    assert isinstance(speaker, SilentSpeaker)
    began = time.monotonic()
    taken = 0
    while time.monotonic() - began < 0.3:
        frames = speaker.writable()
        speaker.write(bytes(frames * FRAME_BYTES))
        taken += frames
        time.sleep(0.01)
    assert taken / RATE == pytest.approx(time.monotonic() - began, abs=0.1)
    assert speaker.latency() == 0
    speaker.close()
    speaker.close()
    with pytest.raises(SpeakerError, match="closed"):
        speaker.write(b"")


def test_a_silent_speaker_does_not_catch_up_on_a_long_sleep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moments = iter([100.0, 160.0])
    monkeypatch.setattr(speaker_module, "time", SimpleNamespace(monotonic=lambda: next(moments)))
    assert SilentSpeaker().writable() == RATE // 2


def test_an_unknown_sink_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SpeakerError, match=r"“gramophone”.*auto, none, pulse"):
        open_speaker("gramophone")


# PortAudio, with a module in its place


@pytest.fixture
def device() -> Iterator[tuple[PortAudioSpeaker, FakeStream]]:
    module = FakeSoundDevice()
    speaker = PortAudioSpeaker(sounddevice=module)
    yield speaker, module.streams[0]
    speaker.close()


Fake = tuple[PortAudioSpeaker, FakeStream]


def test_portaudio_gets_the_frames_in_order(device: Fake) -> None:
    speaker, stream = device
    assert speaker.name == "Core Audio · Loudspeaker 1"
    speaker.write(counter_pcm(0, 700))
    assert stream.ask(500) == counter_pcm(0, 500)
    speaker.write(counter_pcm(700, 300))
    assert stream.ask(500) == counter_pcm(500, 500)
    assert speaker.underflows == 0


def test_portaudio_gets_silence_when_the_ring_runs_dry(device: Fake) -> None:
    speaker, stream = device
    assert stream.ask(100) == bytes(400)
    assert speaker.underflows == 0, "nothing was playing yet"
    speaker.write(counter_pcm(0, 60))
    assert stream.ask(100) == counter_pcm(0, 60) + bytes(160)
    assert stream.ask(100) == bytes(400)
    assert speaker.underflows == 1
    speaker.write(counter_pcm(60, 100))
    assert stream.ask(100, underflow=True) == counter_pcm(60, 100)
    assert speaker.underflows == 2


def test_the_ring_has_room_for_the_largest_request_and_a_late_feeder(device: Fake) -> None:
    speaker, stream = device
    assert speaker.writable() == portaudio.FEEDER_FRAMES
    stream.ask(4800)
    stream.ask(100)
    assert speaker.writable() == 4800 + portaudio.FEEDER_FRAMES
    speaker.write(bytes(1000 * FRAME_BYTES))
    assert speaker.writable() == 3800 + portaudio.FEEDER_FRAMES


def test_the_ring_is_bounded(device: Fake) -> None:
    speaker, stream = device
    speaker.write(counter_pcm(0, 2 * portaudio.RING_FRAMES))
    assert stream.ask(2 * portaudio.RING_FRAMES) == counter_pcm(0, portaudio.RING_FRAMES) + bytes(
        portaudio.RING_FRAMES * FRAME_BYTES
    )
    assert speaker.writable() == portaudio.RING_FRAMES


@pytest.mark.parametrize(("delay", "known"), [(0.05, 0.05), (0.0, 0.1), (-3.0, 0.1), (1e6, 0.1)])
def test_portaudio_latency_is_ring_and_device(device: Fake, delay: float, known: float) -> None:
    speaker, stream = device
    assert math.isnan(speaker.latency())
    speaker.write(bytes(1920 * FRAME_BYTES))
    stream.ask(480, delay=delay)
    assert speaker.latency() == pytest.approx(known + 0.010 + 0.030, abs=0.02)


def test_portaudio_flush_lets_the_ring_die_away(device: Fake) -> None:
    speaker, stream = device
    loud = np.full((2000, 2), 20_000, np.int16)
    speaker.write(loud.tobytes())
    assert speaker.flush()
    heard = np.frombuffer(stream.ask(1000), np.int16).reshape(-1, 2)[:, 0].astype(int)
    assert heard[0] == 20_000
    assert np.abs(np.diff(heard)).max() < 100
    assert not heard[RATE // 100 :].any()
    assert speaker.underflows == 0
    speaker.write(counter_pcm(400, 200))
    assert stream.ask(200) == counter_pcm(400, 200)


def test_portaudio_flush_says_that_too_little_is_left_to_die_away(device: Fake) -> None:
    speaker, stream = device
    speaker.write(counter_pcm(0, 400))
    assert not speaker.flush()
    assert stream.ask(400) == counter_pcm(0, 400)


def test_portaudio_death_is_noticed(device: Fake) -> None:
    speaker, stream = device
    stream.active = False
    with pytest.raises(SpeakerError, match="sound device is gone"):
        speaker.writable()
    with pytest.raises(SpeakerError, match="sound device is gone"):
        speaker.write(bytes(FRAME_BYTES))


def test_a_device_that_stops_asking_is_noticed(
    device: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker, _ = device
    speaker.writable()
    monkeypatch.setattr(portaudio, "STALLED_SECONDS", 0.0)
    with pytest.raises(SpeakerError, match="stopped playing"):
        speaker.writable()


def test_portaudio_close_may_be_repeated(device: Fake) -> None:
    speaker, stream = device
    speaker.close()
    speaker.close()
    assert stream.closed
    with pytest.raises(SpeakerError, match="closed"):
        speaker.writable()


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (FakeSoundDevice.PortAudioError("Device\nunavailable"), "cannot be used: Device unavail"),
        (FakeSoundDevice.PortAudioError("Error querying device -1"), "finds no sound device"),
        (ValueError("No output device matching 'x'"), "No output device matching 'x'"),
    ],
)
def test_portaudio_errors_become_sentences(fault: Exception, sentence: str) -> None:
    with pytest.raises(SpeakerError, match=sentence):
        PortAudioSpeaker(sounddevice=FakeSoundDevice(fault))


def test_a_missing_sounddevice_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(SpeakerError, match="sounddevice package is not installed"):
        open_speaker("sounddevice")


@pytest.mark.parametrize(("name", "asked"), [("3", 3), ("Built-in", "Built-in"), (None, None)])
def test_a_portaudio_device_may_be_chosen(name: str | None, asked: int | str | None) -> None:
    module = FakeSoundDevice()
    PortAudioSpeaker(name, sounddevice=module).close()
    assert module.streams[0].settings["device"] == asked


def test_portaudio_lists_what_can_play() -> None:
    assert portaudio.devices(FakeSoundDevice()) == [
        Device("sounddevice:1", "Core Audio · Loudspeaker 1", default=True),
        Device("sounddevice:2", "Core Audio · Headset"),
    ]


def test_portaudio_looks_for_new_devices_when_nothing_plays() -> None:
    module = FakeSoundDevice()
    speaker = PortAudioSpeaker(sounddevice=module)
    assert module.looks == [], "importing it has just looked"
    portaudio.devices(module)
    assert module.looks == [], "it would end the stream"
    speaker.close()
    PortAudioSpeaker(sounddevice=module).close()
    assert module.looks == ["end", "begin"]


def test_sounddevice_still_has_the_private_names_that_are_used() -> None:
    found = importlib.util.find_spec("sounddevice")
    assert found is not None
    assert found.origin is not None
    source = Path(found.origin).read_text(encoding="utf-8")
    assert "\ndef _terminate():" in source
    assert "\ndef _initialize():" in source
