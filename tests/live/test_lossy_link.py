"""What is left of sound and picture behind a lossy line: heard in the null sink, seen in frames.

The bounds are what a noisy machine keeps; ``tests/bench/sound.py`` has the figures to reach.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import viewer
from aiortc import RTCRtpReceiver
from flashagent import FlashingEmulator
from flashbeep import Report, measure
from lossy import Line
from nullsink import NullSink, needs_pulse

from did_tui.live import rtc

pytestmark = needs_pulse

WARM = 1.5  # seconds before anything is counted
SECONDS = 3.5

View = Callable[[Line], Awaitable[Report]]


@pytest.fixture
def view(monkeypatch: pytest.MonkeyPatch) -> Iterator[View]:
    """Receive an agent that flashes and beeps over a line, and tell what was seen and heard."""
    with NullSink() as pulse:
        for name, value in pulse.env().items():
            monkeypatch.setenv(name, value)

        async def viewed(line: Line) -> Report:
            with FlashingEmulator(line) as agent, pulse.record() as heard:
                async with viewer.did_tui(agent.url) as seen:
                    begun = await asyncio.to_thread(agent.begun)
                    await asyncio.sleep(WARM)
                    since = time.monotonic()
                    await asyncio.sleep(SECONDS)
                    until = time.monotonic()
            assert seen.trouble == []
            shown = seen.shown
            return measure(heard.pcm, heard.time_of, shown, begun=begun, since=since, until=until)

        yield viewed


async def test_a_clean_line_loses_nothing(view: View) -> None:
    report = await view(Line())
    assert report.heard > 0.8
    assert report.beeps > 0.7
    assert report.pictures_shown > 0.85 * report.pictures_sent
    assert report.damaged == 0
    assert report.freeze < 0.5
    assert report.delay() < 1.0
    assert abs(report.offset(50)) < 0.15


@pytest.mark.parametrize(
    "line",
    [Line(loss=0.01, jitter=0.02, seed=3), Line(loss=0.05, jitter=0.04)],
    ids=["1 %", "5 %"],
)
async def test_loss_and_jitter_are_hardly_noticed(view: View, line: Line) -> None:
    report = await view(line)
    assert report.heard > 0.7, "one packet would take 300 ms with it"
    assert report.beeps > 0.5
    assert report.pictures_shown > 0.5 * report.pictures_sent
    assert report.freeze < 1.5
    assert report.delay() < 1.5
    assert abs(report.offset(50)) < 0.15, "one packet would make the sound 200 ms later"


async def test_packets_in_another_order_and_twice_are_put_right(view: View) -> None:
    report = await view(Line(jitter=0.01, reorder=0.02, duplicate=0.05, seed=1))
    assert report.heard > 0.7
    assert report.beeps > 0.5
    assert report.pictures_shown > 0.5 * report.pictures_sent
    assert abs(report.offset(50)) < 0.15


async def test_after_a_burst_everything_is_back_in_step(view: View) -> None:
    report = await view(Line(outage=(2.5, 0.2)))
    assert report.heard > 0.7
    assert report.freeze < 1.5
    assert abs(report.offset(50)) < 0.15


@pytest.mark.parametrize("deaf", [["_send_rtcp_nack"], ["_send_rtcp_nack", "_send_rtcp_pli"]])
async def test_no_freeze_lasts_though_nobody_answers(
    view: View, deaf: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unheard(_receiver: Any, *_rest: Any) -> None:
        pass

    for name in deaf:
        monkeypatch.setattr(RTCRtpReceiver, name, unheard)
    report = await view(Line(loss=0.005))
    assert report.pictures_shown > 0.2 * report.pictures_sent
    assert report.freeze < 2.5, "it would be 12 s"


async def test_without_our_buffers_there_is_still_something_to_hear_and_see(
    view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rtc, "_lacks", lambda _receiver: ["a name of aiortc"])
    report = await view(Line())
    assert report.heard > 0.5
    assert report.beeps > 0.4
    assert report.pictures_shown > 0.5 * report.pictures_sent
