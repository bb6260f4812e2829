"""One speaker that survives its devices: unplugged, plugged in, its server killed and back."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

import numpy as np
import pytest
from feeder import Feeder, wait_until
from nullsink import NullSink, needs_pulse

from did_tui.live.media import output as output_module
from did_tui.live.media.output import Output, scaled
from did_tui.live.media.plan import HINT, WITHOUT_DEVICE
from did_tui.live.media.speaker import (
    FRAME_BYTES,
    RATE,
    PacedSpeaker,
    SilentSpeaker,
    Speaker,
    SpeakerError,
)

SOON = 2.0
"""Seconds within which it is heard again."""

pytestmark = pytest.mark.usefixtures("private_home")


class Playing:
    """An output that is fed, and what it said."""

    def __init__(self, env: Mapping[str, str], sink: str = "pulse") -> None:
        self.news: list[str] = []
        self.output = Output(sink, env=env, on_news=self.news.append)
        self.feeder = Feeder(self.output)

    def __enter__(self) -> Playing:
        self.feeder.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.feeder.__exit__(*error)
        assert self.feeder.error is None

    def until_heard(self, seconds: float = SOON) -> bool:
        return wait_until(lambda: self.output.audible, seconds)


@needs_pulse
def test_unplugged_and_plugged_in_again(server: NullSink) -> None:
    with Playing(server.env()) as playing:
        assert playing.until_heard()
        assert playing.news == []
        server.unplug()
        assert wait_until(lambda: not playing.output.audible, SOON)
        assert playing.output.name == "looking for a speaker"
        fed = playing.feeder.fed
        time.sleep(2.5)
        assert playing.feeder.fed - fed == pytest.approx(2.5 * RATE, rel=0.2), "time stood still"
        server.plug()
        with server.record() as heard:
            assert playing.until_heard()
            time.sleep(0.3)
        assert len(heard.loud(0)) > RATE // 10
    gone, back = playing.news
    assert gone.startswith("The sound device is gone")
    assert gone.endswith("Silent until it is back.")
    assert back == "The sound is on PulseAudio · headset now."


@needs_pulse
def test_the_server_is_killed_and_started_again(server: NullSink) -> None:
    with Playing(server.env(), "auto") as playing:
        assert playing.until_heard()
        playing.output.volume = 0.5
        server.kill()
        assert wait_until(lambda: not playing.output.audible, SOON)
        server.start_again()
        began = time.monotonic()
        assert playing.until_heard()
        assert time.monotonic() - began < SOON
        assert playing.output.volume == 0.5
        assert playing.output.name == "PulseAudio · headset"
    assert len(playing.news) == 2


@needs_pulse
def test_a_move_is_said() -> None:
    with (
        NullSink(sinks=("headset", "screen")) as server,
        Playing(server.env()) as playing,
    ):
        assert playing.until_heard()
        server.unplug()
        assert wait_until(lambda: bool(playing.news), SOON)
        assert playing.news == ["The sound is on PulseAudio · screen now."]


@needs_pulse
def test_a_device_that_is_plugged_in_later_is_found(server: NullSink) -> None:
    server.kill()
    with Playing(server.env()) as playing:
        assert wait_until(lambda: bool(playing.news), SOON)
        assert playing.news[0].startswith("PulseAudio cannot be used: Connection refused.")
        assert playing.news[0].endswith(WITHOUT_DEVICE)
        time.sleep(1.5)
        assert len(playing.news) == 1, "once is enough"
        server.start_again()
        assert playing.until_heard()
    assert playing.news[1:] == ["The sound is on PulseAudio · headset now."]


@needs_pulse
def test_another_device_is_chosen_while_it_plays() -> None:
    with (
        NullSink(sinks=("headset", "screen")) as server,
        server.record("screen.monitor") as heard,
        Playing(server.env()) as playing,
    ):
        assert playing.until_heard()
        playing.output.choose("pulse:screen")
        assert wait_until(lambda: playing.output.name == "PulseAudio · screen", SOON)
        time.sleep(0.3)
        playing.output.choose("none")
        assert wait_until(lambda: playing.output.name == "no sound", SOON)
    report = heard.counter_report()
    assert report.heard > RATE // 10
    assert (report.lost, report.repeats) == (0, 0)
    assert playing.news == []


@needs_pulse
def test_the_volume_is_heard(server: NullSink) -> None:
    loud = np.full((RATE // 100, 2), 16_000, np.int16).tobytes()
    output = Output("pulse", env=server.env())
    with server.record() as heard:
        end = time.monotonic() + 1.2
        while time.monotonic() < end:
            output.volume = 1.0 if end - time.monotonic() > 0.6 else 0.5
            if output.writable() >= RATE // 100 and output.audible:
                output.write(loud)
            time.sleep(0.003)
        time.sleep(0.2)
    output.close()
    levels = set(heard.pcm[:, 0].tolist())
    assert {16_000, 2_000} <= levels, "the amplitude is the cube of the volume"
    steps = np.abs(np.diff(heard.pcm[heard.loud(1000), 0].astype(int)))
    assert steps.max() < 200, "a click"


def test_scaling_leaves_the_rest_alone() -> None:
    pcm = np.arange(-480, 480, dtype=np.int16).tobytes()
    assert scaled(pcm, 1, 1) is pcm
    assert scaled(b"", 0.5, 1) == b""
    assert scaled(pcm, 0, 0) == bytes(len(pcm))


# Without a sound server


class Fragile(PacedSpeaker):
    """Plays until it breaks."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.broken = False
        self.closings = 0
        self.played = 0

    def writable(self) -> int:
        if self.broken:
            raise SpeakerError("It broke")
        return super().writable()

    def _play(self, pcm: bytes) -> None:
        self.played += len(pcm) // FRAME_BYTES

    def _finish(self) -> None:
        self.closings += 1


class Shop:
    """Opens speakers, of the kinds that are there."""

    def __init__(self, *there: str) -> None:
        self.there = set(there)
        self.asked: list[str] = []
        self.sold: list[Fragile] = []

    def open(self, sink: str, *, env: Mapping[str, str]) -> Speaker:
        self.asked.append(sink)
        if sink == "none":
            return SilentSpeaker()
        if sink.partition(":")[0] not in self.there:
            raise SpeakerError(f"No {sink}")
        self.sold.append(Fragile(sink))
        return self.sold[-1]


def opened(shop: Shop, sink: str, news: list[str] | None = None) -> Output:
    said: list[str] = [] if news is None else news
    output = Output(sink, env={}, on_news=said.append, open_speaker=shop.open)
    output.writable()
    return output


def test_nothing_is_opened_before_it_is_used() -> None:
    shop = Shop("pulse")
    output = Output("pulse", env={}, open_speaker=shop.open)
    time.sleep(0.05)
    assert shop.asked == []
    output.close()
    with pytest.raises(SpeakerError, match="closed"):
        output.writable()


def test_auto_takes_the_next_best() -> None:
    shop = Shop("pacat")
    output = opened(shop, "auto")
    assert wait_until(lambda: output.audible, 2)
    assert shop.asked[-1] == output.name == "pacat"
    output.close()
    assert shop.sold[0].closings == 1


def test_what_was_lost_is_waited_for_before_anything_else_will_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(output_module, "FIRST_DELAY", 0.001)
    monkeypatch.setattr(output_module, "MOST_DELAY", 0.001)
    shop = Shop("pulse", "sounddevice")
    output = opened(shop, "auto")
    assert wait_until(lambda: output.audible, 2)
    shop.there.discard("pulse")
    shop.sold[0].broken = True
    output.writable()
    assert wait_until(lambda: output.audible, 2)
    assert output.name == "sounddevice"
    assert shop.asked == ["pulse"] * (1 + output_module.LOYALTY + 1) + ["sounddevice"]
    output.close()
    assert [speaker.closings for speaker in shop.sold] == [1, 1]


def test_a_full_disk_is_not_waited_for() -> None:
    shop = Shop("wav")
    news: list[str] = []
    output = opened(shop, "wav:call.wav", news)
    assert wait_until(lambda: output.audible, 2)
    shop.sold[0].broken = True
    output.writable()
    assert output.name == "no sound"
    assert news == ["It broke. Silent from now on."]
    assert shop.sold[0].closings == 1
    output.close()


def test_a_mistake_on_the_command_line_is_said_once_and_not_tried_again() -> None:
    shop = Shop()
    news: list[str] = []
    output = opened(shop, "gramophone", news)
    assert wait_until(lambda: output.name == "no sound", 2)
    time.sleep(0.3)
    assert shop.asked == ["gramophone"]
    assert news == ["No gramophone."]
    output.close()


def test_over_ssh_no_device_is_opened() -> None:
    shop = Shop("pulse", "sounddevice")
    output = Output(env={"SSH_CONNECTION": "10.0.0.9 54122 10.0.0.5 22"}, open_speaker=shop.open)
    assert output.hint == HINT
    output.writable()
    assert wait_until(lambda: output.name == "no sound", 2)
    assert shop.asked == ["none"]
    assert not output.audible
    output.choose("pulse")
    assert wait_until(lambda: output.audible, 2)
    output.close()


def test_a_device_that_is_found_too_late_is_given_back() -> None:
    shop = Shop("pulse")

    def slow(sink: str, *, env: Mapping[str, str]) -> Speaker:
        time.sleep(0.2)
        return shop.open(sink, env=env)

    output = Output("pulse", env={}, open_speaker=slow)
    output.writable()
    output.close()
    assert wait_until(lambda: bool(shop.sold) and shop.sold[0].closings == 1, 2)


def test_underflows_are_added_up() -> None:
    shop = Shop("pulse")
    output = opened(shop, "pulse")
    assert wait_until(lambda: output.audible, 2)
    shop.sold[0].underflows = 3
    shop.sold[0].broken = True
    output.writable()
    assert wait_until(lambda: output.audible, 2)
    shop.sold[1].underflows = 2
    assert output.underflows == 5
    assert not math.isnan(output.latency())
    output.flush()
    output.close()
