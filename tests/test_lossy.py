"""The lossy line itself: it does what it says, the same each time."""

from __future__ import annotations

import asyncio
import fractions

import av
import numpy as np
import pytest
from aiortc import MediaStreamTrack
from lossy import Fates, Line, loopback, missing

PACKETS = 20_000


def fates(line: Line, stream: str = "sound") -> list[tuple[float, ...]]:
    of = Fates(line, stream)
    return [of.next(number * 0.02) for number in range(PACKETS)]


def runs_of_loss(happened: list[tuple[float, ...]]) -> list[int]:
    runs, run = [], 0
    for delays in [*happened, (0.0,)]:
        if delays:
            runs += [run] if run else []
            run = 0
        else:
            run += 1
    return runs


def test_a_clean_line_touches_nothing() -> None:
    assert set(fates(Line())) == {(0.0,)}


def test_the_same_seed_loses_the_same_packets() -> None:
    line = Line(loss=0.05, jitter=0.02, reorder=0.1, duplicate=0.1)
    assert fates(line) == fates(line)
    assert fates(line) != fates(line, "picture")
    assert fates(line) != fates(Line(loss=0.05, jitter=0.02, reorder=0.1, duplicate=0.1, seed=2))


@pytest.mark.parametrize("loss", [0.01, 0.05, 0.3])
@pytest.mark.parametrize("burst", [1.0, 4.0])
def test_as_much_is_lost_as_is_said(loss: float, burst: float) -> None:
    happened = fates(Line(loss=loss, burst=burst))
    assert sum(not delays for delays in happened) / PACKETS == pytest.approx(loss, rel=0.25)
    assert np.mean(runs_of_loss(happened)) == pytest.approx(burst, rel=0.3)


def test_jitter_delays_and_does_not_reorder() -> None:
    happened = fates(Line(jitter=0.04))
    arrivals = [number * 0.02 + delays[0] for number, delays in enumerate(happened)]
    assert arrivals == sorted(arrivals)
    assert max(max(delays) for delays in happened) <= 0.08
    assert 0.03 < np.mean([delays[0] for delays in happened]) < 0.06


def test_what_is_held_is_overtaken() -> None:
    happened = fates(Line(reorder=0.1, held=0.05))
    arrivals = np.array([number * 0.02 + delays[0] for number, delays in enumerate(happened)])
    overtaken = np.mean(np.diff(arrivals) < 0)
    assert overtaken == pytest.approx(0.1, rel=0.2)


def test_doubles_and_outages() -> None:
    happened = fates(Line(duplicate=0.2, outage=(10.0, 0.2)))
    assert np.mean([len(delays) == 2 for delays in happened]) == pytest.approx(0.2, rel=0.1)
    assert set(runs_of_loss(happened)) <= {9, 10, 11}
    assert len(runs_of_loss(happened)) == PACKETS * 0.02 / 10


async def test_what_is_used_of_aiortc_is_there() -> None:
    assert missing() == []


class Hum(MediaStreamTrack):
    """A tone at twenty times its speed: a second of packets in 50 ms."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._number = 0

    async def recv(self) -> av.AudioFrame:
        await asyncio.sleep(0.001)
        frame = av.AudioFrame.from_ndarray(np.full((1, 960), 500, np.int16), "s16", "mono")
        frame.sample_rate, frame.time_base = 48_000, fractions.Fraction(1, 48_000)
        frame.pts = self._number * 960
        self._number += 1
        return frame


async def test_packets_between_two_peers_are_lost_and_doubled() -> None:
    line = Line(loss=0.2, jitter=0.01, duplicate=0.2, reorder=0.05)
    async with loopback(line, Hum()) as (receivers, link), asyncio.timeout(15):
        while link.count["sent"] < 300:
            await asyncio.sleep(0.02)
        sent = link.count["sent"]
        assert link.count["lost"] / sent == pytest.approx(0.2, abs=0.1)
        assert link.count["doubled"] / sent == pytest.approx(0.16, abs=0.1)
        frame = await receivers[0].track.recv()
        assert frame.sample_rate == 48_000  # type: ignore[union-attr]
        stats = await receivers[0].getStats()
        received = next(s for s in stats.values() if s.type == "inbound-rtp")
        assert 0 < received.packetsReceived < sent * 1.2
