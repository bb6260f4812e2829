"""A recording is in sync, and is playable whenever the program ends."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest

from did_tui.live.media.recorder import MOST_WAITING, Recorder

RATE = 48_000

#: Flashes and beeps at every whole second, in real time, until it is killed.
FOREVER = """
import sys, time
import av, numpy as np
from pathlib import Path
from did_tui.live.media.recorder import Recorder
recorder = Recorder(Path(sys.argv[1]))
zero = time.monotonic()
for number in range(10_000):
    now = number / 25
    frame = av.VideoFrame.from_ndarray(np.full((96, 64), number % 200, np.uint8), format="gray")
    recorder.see(frame, zero + now)
    for block in range(4):
        recorder.hear(np.zeros((480, 2), np.int16), zero + now + block / 100)
    if number == 100:
        print("going", flush=True)
    time.sleep(max(0, zero + now - time.monotonic()))
"""


def picture(white: bool, size: tuple[int, int] = (64, 96)) -> av.VideoFrame:
    plane = np.full((size[1] * 3 // 2, size[0]), 128, np.uint8)
    plane[: size[1]] = 235 if white else 16
    return av.VideoFrame.from_ndarray(plane, format="yuv420p")


def sound(loud: bool) -> np.ndarray:
    beep = (np.sin(np.arange(480) / 480 * 2 * np.pi * 10) * 20_000).astype(np.int16)
    return np.stack([beep, beep], 1) if loud else np.zeros((480, 2), np.int16)


def write(recorder: Recorder, seconds: float, *, skip: tuple[float, float] = (0, 0)) -> None:
    """Flash and beep in every whole second, for a tenth of it; ``skip`` says nothing between."""
    for hundredth in range(round(seconds * 100)):
        now = hundredth / 100
        while recorder._queue.qsize() > MOST_WAITING - 2:
            time.sleep(0.001)
        on = now % 1 < 0.1 and now >= 0.5
        if hundredth % 4 == 0:
            recorder.see(picture(on), 1000 + now)
        if not skip[0] <= now < skip[1]:
            recorder.hear(sound(on), 1000 + now)


def finish(recorder: Recorder) -> None:
    """Close it, and wait for what closing itself does not wait for on a busy machine."""
    recorder.close()
    if recorder._writer is not None:
        recorder._writer.join(60)


def played(path: Path) -> tuple[list[tuple[float, bool]], np.ndarray]:
    """The pictures with their times, white or not, and the sound, mono from time 0."""
    pictures: list[tuple[float, bool]] = []
    heard = np.zeros(RATE * 60, np.float32)
    end = 0
    with av.open(str(path)) as file:
        for frame in file.decode(video=0):
            assert frame.time is not None
            pictures.append((frame.time, bool(frame.to_ndarray(format="gray").mean() > 128)))
    with av.open(str(path)) as file:
        for block in file.decode(audio=0):
            assert block.time is not None
            samples = block.to_ndarray()[0]
            at = max(0, round(block.time * RATE))
            heard[at : at + len(samples)] = samples
            end = at + len(samples)
    return pictures, heard[:end]


def begins(on: np.ndarray, times: np.ndarray) -> list[float]:
    """When something begins that was not on before."""
    return [float(times[n]) for n in np.flatnonzero(np.diff(on.astype(int)) == 1) + 1]


def test_picture_and_sound_are_in_sync(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.mp4")
    write(recorder, 6.5)
    finish(recorder)
    assert recorder.trouble == ""
    pictures, heard = played(recorder.path)
    assert len(pictures) + recorder.pictures_lost == 163
    flashes = begins(np.array([white for _, white in pictures]), np.array([t for t, _ in pictures]))
    loud = np.convolve(np.abs(heard) > 0.1, np.ones(240), "same") > 10
    beeps = begins(loud, np.arange(len(heard)) / RATE)
    assert len(flashes) == len(beeps) == 6
    late = 0.04 if recorder.pictures_lost else 0.0  # then a flash begins with its second picture
    assert max(abs(f - b) for f, b in zip(flashes, beeps, strict=True)) < 0.05 + late
    assert flashes == pytest.approx([1, 2, 3, 4, 5, 6], abs=0.05 + late)
    assert beeps == pytest.approx([1, 2, 3, 4, 5, 6], abs=0.05)


def test_sound_that_is_missing_is_silence_and_what_follows_is_in_its_place(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.mp4")
    write(recorder, 5.5, skip=(1.5, 3.5))
    finish(recorder)
    _, heard = played(recorder.path)
    loud = np.convolve(np.abs(heard) > 0.1, np.ones(240), "same") > 10
    beeps = begins(loud, np.arange(len(heard)) / RATE)
    assert beeps == pytest.approx([1, 4, 5], abs=0.05)


def test_what_was_written_is_playable_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "killed.mp4"
    process = subprocess.Popen([sys.executable, "-c", FOREVER, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"going\n"  # four seconds
    process.kill()
    process.communicate()
    pictures, heard = played(path)
    assert pictures[-1][0] > 2
    assert len(heard) > 2 * RATE


def test_a_file_that_exists_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("mine")
    recorder = Recorder(tmp_path / "a.mp4")
    write(recorder, 0.5)
    finish(recorder)
    assert (tmp_path / "a.mp4").read_text() == "mine"
    assert recorder.path.name == "a-2.mp4"
    assert played(recorder.path)[0]


def test_a_recording_is_for_this_user_only_and_goes_through_no_link(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").symlink_to(tmp_path / "others")
    recorder = Recorder(tmp_path / "a.mp4")
    write(recorder, 0.5)
    recorder.close()
    assert not (tmp_path / "others").exists()
    assert recorder.path.name == "a-2.mp4"
    assert recorder.path.stat().st_mode & 0o777 == 0o600


def test_a_picture_of_another_size_keeps_the_recording_going(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.mp4")
    for number in range(20):
        recorder.see(picture(True, (64, 96) if number < 10 else (128, 64)), 1 + number / 25)
    finish(recorder)
    assert len(played(recorder.path)[0]) == 20


def test_a_place_that_cannot_be_written_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said: list[str] = []
    recorder = Recorder(tmp_path / "file" / "a.mp4", on_trouble=said.append)
    recorder.see(picture(True), 1.0)
    finish(recorder)
    recorder.see(picture(True), 2.0)
    assert len(said) == 1
    assert said[0].startswith("The recording has ended: ")


def test_without_a_picture_there_is_no_file(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.mp4")
    recorder.hear(sound(True), 1.0)
    finish(recorder)
    assert list(tmp_path.iterdir()) == []


def test_sound_that_comes_just_before_the_first_picture(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.mp4")
    recorder._queue.put((sound(True), 0.9))  # what the speaker's thread may do
    write(recorder, 0.5)
    finish(recorder)
    assert recorder.trouble == ""
    assert played(recorder.path)[0]
