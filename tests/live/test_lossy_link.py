"""What is left of sound and picture behind a lossy line: heard in the null sink, seen in frames.

The bounds are what a noisy machine keeps today; ``tests/bench/sound.py`` has the figures to reach.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
import viewer
from flashagent import FlashingEmulator
from flashbeep import Report, measure
from lossy import Line
from nullsink import NullSink, available

pytestmark = pytest.mark.skipif(
    not available(), reason="PulseAudio is not installed: apt-get install pulseaudio"
)

WARM = 1.5  # seconds before anything is counted
SECONDS = 4.0

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
    assert report.heard > 0.9
    assert report.beeps > 0.8
    assert report.pictures_shown > 0.85 * report.pictures_sent
    assert report.damaged == 0
    assert report.freeze < 0.5
    assert report.delay() < 0.7
    assert -0.1 < report.offset() < 0.6, "the buffers for sound are 195 ms longer"
    assert report.offset(90) - report.offset(10) < 0.3


async def test_some_loss_and_jitter_leave_most_of_it(view: View) -> None:
    report = await view(Line(loss=0.01, jitter=0.02, seed=3))
    assert report.heard > 0.7, "a packet that is lost takes 300 ms with it"
    assert report.beeps > 0.6
    assert report.pictures_shown > 0.5 * report.pictures_sent
    assert report.delay() < 1.0
    assert -0.1 < report.offset() < 0.7, "after a loss the sound stays 200 ms later"


async def test_packets_in_another_order_and_twice_are_put_right(view: View) -> None:
    report = await view(Line(jitter=0.01, reorder=0.02, duplicate=0.05, seed=1))
    assert report.heard > 0.7
    assert report.beeps > 0.6
    assert report.pictures_shown > 0.5 * report.pictures_sent
    assert -0.1 < report.offset() < 0.7
