"""What the user reads about sound: notices, and ``did-tui devices``."""

from __future__ import annotations

import io
import time
from pathlib import Path

import av
import numpy as np
import pytest
from nullsink import NullSink, needs_pulse
from ptyrun import PtyProgram

from did_tui.config import Look
from did_tui.live.media.plan import HINT
from did_tui.live.media.speaker import RATE, Speaker, SpeakerError
from did_tui.ui.base import TerminalApp
from did_tui.ui.sound import list_devices, make_output
from did_tui.ui.widgets.stats import ENOUGH, Rates, Sample

SSH = {"SSH_CONNECTION": "10.0.0.9 54122 10.0.0.5 22", "USER": "ada", "HOME": "/home/ada"}


class Quiet(TerminalApp[None]):
    """An app that remembers what it was asked to say."""

    def __init__(self) -> None:
        super().__init__(Look())
        self.said: list[str] = []

    def notify(self, message: str, **_options: object) -> None:
        self.said.append(message)


async def test_the_hint_is_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SSH.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PULSE_SERVER", raising=False)
    app = Quiet()
    async with app.run_test():
        for _ in range(2):
            output = await make_output(app, "auto")
            assert output.sink == "none"
            output.close()
    assert app.said == [HINT]


async def test_that_there_is_no_speaker_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_sink: str, **_options: object) -> Speaker:
        raise SpeakerError("No sound device was found")

    app = Quiet()
    async with app.run_test() as pilot:
        for number in range(2):
            output = await make_output(app, "pulse")
            monkeypatch.setattr(output, "_open_speaker", broken)
            assert output.name == "no sound"
            output.writable()
            end = time.monotonic() + 10
            while output.name != "no speaker" and time.monotonic() < end:
                await pilot.pause(0.02)
            assert output.name == "no speaker", number
            await pilot.pause(0.1)
            output.close()
    assert len(app.said) == 1


def test_sound_is_called_lost_when_enough_was_heard() -> None:
    rates = Rates()
    for second in range(8):
        heard = second * RATE
        rates.add(Sample(float(second), heard=heard, concealed=heard // 3))
        expected = 1 / 3 if second >= ENOUGH else 0
        assert rates.missing == pytest.approx(expected)


async def test_the_address_for_the_browser_is_a_notice() -> None:
    app = Quiet()
    async with app.run_test() as pilot:
        output = await make_output(app, "web:0")
        output.writable()
        end = time.monotonic() + 5
        while not app.said and time.monotonic() < end:
            await pilot.pause(0.02)
        assert app.said == [output.invitation]
        assert "http://127.0.0.1:" in output.invitation
        output.close()


def test_over_ssh_the_commands_are_listed(tmp_path: Path) -> None:
    server = NullSink()
    out = io.StringIO()
    env = server.no_device_env() | SSH | {"DID_TUI_HOME": str(tmp_path), "PULSE_SERVER": ""}
    env.pop("XDG_RUNTIME_DIR")
    assert list_devices("auto", out, env=env) == 0
    server.stop()
    text = out.getvalue()
    assert "Now auto means none." in text
    assert "\n    there    ssh -R /home/ada/did-tui-54122.sock:" in text
    assert "\n    here     PULSE_SERVER=unix:/home/ada/did-tui-54122.sock did-tui\n" in text
    assert "\n    there    ssh -L 8765:127.0.0.1:8765 ada@10.0.0.5\n" in text
    assert "\n    here     did-tui --audio web:8765\n" in text


@needs_pulse
def test_the_devices_are_listed(tmp_path: Path) -> None:
    out = io.StringIO()
    with NullSink(sinks=("headset", "screen")) as server:
        list_devices("auto", out, env=server.env() | {"DID_TUI_HOME": str(tmp_path)})
    text = out.getvalue()
    assert "--audio pulse:headset\n    PulseAudio · headset, the default\n" in text
    assert "--audio pulse:screen\n    PulseAudio · screen\n" in text


def make_tone(path: Path, seconds: int) -> None:
    """A file with a small grey picture and a tone."""
    tone = (9000 * np.sin(2 * np.pi * 440 * np.arange(RATE * seconds) / RATE)).astype(np.int16)
    grey = np.full((64, 64, 3), 90, np.uint8)
    with av.open(str(path), "w") as file:
        sound = file.add_stream("pcm_s16le", rate=RATE, layout="stereo")
        picture = file.add_stream("mpeg4", rate=25, width=64, height=64, pix_fmt="yuv420p")
        for number, start in enumerate(range(0, len(tone), RATE // 25)):
            piece = np.repeat(tone[start : start + RATE // 25], 2).reshape(1, -1)
            block = av.AudioFrame.from_ndarray(piece, format="s16", layout="stereo")
            block.sample_rate, block.pts = RATE, start
            file.mux(sound.encode(block))
            frame = av.VideoFrame.from_ndarray(grey)
            frame.pts = number
            file.mux(picture.encode(frame))
        file.mux(sound.encode(None))
        file.mux(picture.encode(None))


@needs_pulse
def test_a_file_is_heard_again_after_the_sound_server_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "tone.mkv"
    make_tone(path, 12)
    with NullSink() as server:
        env = server.env() | {"DID_TUI_HOME": str(tmp_path)}
        with PtyProgram(["play", str(path)], env=env) as program:
            end = time.monotonic() + 10
            while not server.players() and time.monotonic() < end:
                program.read(0.1)
            server.kill()
            program.until(lambda terminal: "Silent" in terminal.text, 2)
            server.start_again()
            with server.record() as heard:
                program.until(lambda terminal: "The sound is on" in terminal.text, 2)
                program.read(0.5)
            assert len(heard.loud()) > RATE // 10
            program.type("q")
            assert program.wait() == 0
