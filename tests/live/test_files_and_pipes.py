"""Sound into files, pipes and programs: what arrives there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest
from feeder import Feeder, wait_until
from nullsink import NullSink, counter_pcm, needs_pulse

from did_tui.live.media import files
from did_tui.live.media.files import WavSpeaker
from did_tui.live.media.pipes import FILLED_BYTES
from did_tui.live.media.speaker import FRAME_BYTES, RATE, SpeakerError, open_speaker

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes")


# WAV


def test_a_wav_file_has_what_was_played_and_lasts_as_long(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    began = time.monotonic()
    with Feeder(open_speaker(f"wav:{path}")) as feeder:
        time.sleep(0.5)
        assert feeder.speaker.latency() == 0
        assert not feeder.speaker.audible
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 2, 2)
        assert file.getnframes() == feeder.fed
        assert file.readframes(feeder.fed) == counter_pcm(0, feeder.fed)
    assert feeder.fed / RATE == pytest.approx(time.monotonic() - began, abs=0.15)
    assert path.stat().st_size == files.HEADER_BYTES + feeder.fed * FRAME_BYTES


def test_a_wav_file_that_exists_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    path.write_text("mine")
    names = []
    for _ in range(2):
        speaker = WavSpeaker(path)
        names.append(speaker.name)
        speaker.close()
        speaker.close()
    assert names == ["WAV · call-2.wav", "WAV · call-3.wav"]
    assert path.read_text() == "mine"


def test_a_wav_file_that_was_never_closed_can_be_played(tmp_path: Path) -> None:
    speaker = WavSpeaker(tmp_path / "call.wav")
    speaker.write(counter_pcm(0, 480))
    speaker._file.flush()
    with wave.open(str(tmp_path / "call.wav")) as file:
        assert file.readframes(480) == counter_pcm(0, 480)
    speaker.close()


def test_a_wav_file_ends_before_its_header_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 1000 * FRAME_BYTES)
    speaker = WavSpeaker(tmp_path / "call.wav")
    speaker.write(bytes(1000 * FRAME_BYTES))
    with pytest.raises(SpeakerError, match="full"):
        speaker.write(bytes(FRAME_BYTES))
    speaker.close()
    with wave.open(str(tmp_path / "call.wav")) as file:
        assert file.getnframes() == 1000


@pytest.mark.parametrize("sink", ["wav:{}/none/call.wav", "wav:{}", "fifo:{}", "fifo:{}/none/p"])
def test_what_cannot_be_opened_is_said(tmp_path: Path, sink: str) -> None:
    with pytest.raises(SpeakerError):
        open_speaker(sink.format(tmp_path))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        monkeypatch.setattr(files, "_create", lambda _path: full)
        with pytest.raises(SpeakerError, match="No space left"):
            WavSpeaker(tmp_path / "call.wav")


# A named pipe


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    return tmp_path / "voice"


def listen(path: Path, seconds: float) -> bytes:
    """Read at the pace of a sound card: 10 ms at a time."""
    descriptor = os.open(path, os.O_RDONLY)
    heard = b""
    began = time.monotonic()
    while (now := time.monotonic() - began) < seconds:
        due = int(now * RATE) * FRAME_BYTES - len(heard)
        if due >= RATE // 100 * FRAME_BYTES:
            heard += os.read(descriptor, due)
        time.sleep(0.003)
    os.close(descriptor)
    return heard


def numbers(pcm: bytes) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    samples = np.frombuffer(pcm, "<i2").reshape(-1, 2).astype(np.int64)
    result: np.ndarray[tuple[int], np.dtype[np.int64]] = (
        (samples[:, 1] - 1) * 32_000 + samples[:, 0] - 1
    )
    return result


@posix
def test_a_pipe_survives_that_nobody_reads_and_that_somebody_leaves(pipe: Path) -> None:
    with Feeder(open_speaker(f"fifo:{pipe}")) as feeder:
        assert pipe.is_fifo()
        assert pipe.stat().st_mode & 0o777 == 0o600
        time.sleep(0.3)
        assert not feeder.speaker.audible
        assert feeder.fed / RATE == pytest.approx(0.3, abs=0.1), "time goes on"
        for _ in range(2):
            heard = numbers(listen(pipe, 1.0))
            assert len(heard) > RATE // 2
            assert (np.diff(heard) == 1).all(), "a gap, or half a frame"
            assert wait_until(lambda: not feeder.speaker.audible, 2)
    assert feeder.error is None


@posix
def test_who_reads_a_pipe_slowly_sets_the_pace(pipe: Path) -> None:
    with Feeder(open_speaker(f"fifo:{pipe}")) as feeder:
        descriptor = os.open(pipe, os.O_RDONLY)
        assert wait_until(lambda: feeder.speaker.audible, 2)
        before, heard, began = feeder.fed, b"", time.monotonic()
        while time.monotonic() - began < 1.5:
            heard += os.read(descriptor, RATE // 100 * FRAME_BYTES)
            time.sleep(0.014)
        assert (feeder.fed - before) * FRAME_BYTES <= len(heard) + FILLED_BYTES * 2
        assert (np.diff(numbers(heard)) == 1).all()
        assert 0.04 < feeder.speaker.latency() < 0.09
        os.close(descriptor)


@posix
def test_for_a_reader_that_has_stopped_nobody_waits(pipe: Path) -> None:
    with Feeder(open_speaker(f"fifo:{pipe}")) as feeder:
        descriptor = os.open(pipe, os.O_RDONLY)
        assert wait_until(lambda: feeder.speaker.audible, 2)
        time.sleep(1)
        before = feeder.fed
        time.sleep(0.5)
        assert (feeder.fed - before) / RATE == pytest.approx(0.5, abs=0.15)
        heard = b""
        while len(heard) < RATE:
            heard += os.read(descriptor, 4096)
        assert set(np.diff(numbers(heard))[:2000]) == {1}, "frames are whole"
        os.close(descriptor)
    assert feeder.error is None


# Programs


@needs_pulse
def test_pacat_plays_and_its_end_is_noticed() -> None:
    with NullSink() as server:
        with server.record() as heard, Feeder(open_speaker("pacat", env=server.env())) as feeder:
            time.sleep(1)
            assert 0.06 <= feeder.speaker.latency() < 0.2
            feeder.end()
            time.sleep(0.3)
        report = heard.counter_report()
        assert (report.lost, report.repeats) == (0, 0)
        assert report.silent < 0.1 * report.heard, "a busy machine may be late"
        with Feeder(open_speaker("pacat", env=server.env())) as feeder:
            server.kill()
            assert wait_until(lambda: feeder.error is not None, 2)
            assert str(feeder.error) == "pacat has ended"


@needs_pulse
def test_pacat_without_a_server_says_so() -> None:
    server = NullSink()
    with pytest.raises(SpeakerError, match="pacat finds no sound device"):
        open_speaker("pacat", env=server.no_device_env() | {"PATH": os.environ["PATH"]})
    server.stop()


@posix
def test_aplay_is_told_what_it_gets(tmp_path: Path) -> None:
    program = tmp_path / "aplay"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\nexec cat > {tmp_path}/pcm\n')
    program.chmod(0o700)
    path = f"{tmp_path}:{os.environ['PATH']}"
    with Feeder(open_speaker("aplay:plughw:1,0", env={"PATH": path})) as feeder:
        time.sleep(0.3)
        feeder.end()
        assert wait_until(lambda: (tmp_path / "pcm").stat().st_size == feeder.fed * FRAME_BYTES, 2)
    assert (tmp_path / "arguments").read_text() == (
        "-q -t raw -f S16_LE -r 48000 -c 2 -B 60000 --device=plughw:1,0\n"
    )
    assert (tmp_path / "pcm").read_bytes() == counter_pcm(0, feeder.fed)


def test_a_program_that_is_missing_is_named() -> None:
    with pytest.raises(SpeakerError, match="aplay is not installed"):
        open_speaker("aplay", env={"PATH": "/nowhere"})


def test_subprocess_is_not_left_behind(tmp_path: Path) -> None:
    program = tmp_path / "aplay"
    program.write_text(f"#!/bin/sh\ntrap '' TERM\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    program.chmod(0o700)
    speaker = open_speaker("aplay", env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    speaker.close()
    pid = int((tmp_path / "pid").read_text())
    alive = subprocess.run(["kill", "-0", str(pid)], capture_output=True, check=False)
    assert alive.returncode != 0
