"""The meter itself: what was done to sound and pictures is what it finds."""

from __future__ import annotations

import numpy as np
import pytest
from flashbeep import (
    FPS,
    NUMBERS,
    PERIOD,
    RATE,
    Pcm,
    Report,
    Shown,
    Source,
    look,
    look_at,
    measure,
)

BEGUN = 100.0
SECONDS = 8.0
source = Source()


def sound(delay: float = 0.0, rate: float = 1.0, seconds: float = SECONDS) -> Pcm:
    """A recording that begins with the source and hears it later, by a clock that is right."""
    wanted = np.arange(round(seconds * RATE)) * rate - delay * RATE
    whole = source.sound(0, round(seconds * RATE * 1.01))
    heard = np.interp(wanted, np.arange(len(whole)), whole, left=0)
    return np.repeat(heard.astype(np.int16)[:, None], 2, axis=1)


def pictures(delay: float = 0.0, rate: float = 1.0, seconds: float = SECONDS) -> list[Shown]:
    numbers = range(int((seconds - delay) * FPS * rate))
    return [
        Shown(BEGUN + n / FPS / rate + delay, n % NUMBERS, n % round(PERIOD * FPS) < 3)
        for n in numbers
    ]


def measured(pcm: Pcm, shown: list[Shown], rate: float = 1.0, seconds: float = SECONDS) -> Report:
    return measure(
        pcm,
        lambda frame: BEGUN + frame / RATE,
        shown,
        begun=BEGUN,
        since=BEGUN + 1,
        until=BEGUN + seconds,
        rate=rate,
    )


def test_a_picture_tells_its_number() -> None:
    for number in (0, 1, 9, 10, 2730, NUMBERS - 1):
        seen = look(source.picture(number), 1.0)
        assert seen == (1.0, number, number % 10 < 3)
    shrunk = source.luma(1234)[::2, ::2]
    assert look_at(shrunk, 0.0).number == 1234
    grey = np.full((320, 320), 128, np.uint8)
    assert look_at(grey, 0.0).number == -1


@pytest.mark.parametrize(("ear", "eye"), [(0.0, 0.0), (0.15, 0.05), (0.05, 0.3), (1.7, 0.1)])
def test_delays_and_offset(ear: float, eye: float) -> None:
    report = measured(sound(ear), pictures(eye))
    wanted = report.beeps_sent
    assert wanted >= 14
    assert report.beeps_heard >= wanted - 3
    assert report.delay() == pytest.approx(ear, abs=0.001)
    assert report.offset() == pytest.approx(ear - eye, abs=0.001)
    assert report.offset(95) - report.offset(5) < 0.002
    assert np.mean(report.picture_delays) == pytest.approx(eye, abs=0.001)
    assert report.freeze < 0.05 + eye


def test_nothing_is_wrong_with_what_was_sent() -> None:
    report = measured(sound(), pictures())
    assert report.beeps == 1.0
    assert report.heard == 1.0
    assert (report.gaps, report.clicks, report.damaged) == ([], 0, 0)
    assert report.pictures_shown == report.pictures_sent


@pytest.mark.parametrize("until", [4.03, 4.0301, 4.05])
def test_a_recording_that_ends_within_a_beep_has_no_click(until: float) -> None:
    report = measured(sound(), pictures(), seconds=until)
    assert report.clicks == 0


def test_a_hole_in_the_sound_is_a_gap_and_takes_its_beeps() -> None:
    pcm = sound(0.1)
    pcm[round(3.0 * RATE) : round(3.5 * RATE)] = 0
    report = measured(pcm, pictures())
    assert report.gaps == [pytest.approx(0.5, abs=0.002)]
    assert report.silent == pytest.approx(0.5, abs=0.002)
    assert report.beeps_heard == report.beeps_sent - 1


def test_a_cut_is_a_click_and_makes_what_follows_early() -> None:
    pcm = sound(0.1)
    place = round(3.05 * RATE)
    pcm = np.delete(pcm, slice(place, place + round(0.0185 * RATE)), axis=0)
    report = measured(pcm, pictures())
    assert report.clicks == 1
    assert report.gaps == []
    assert report.delay(0) == pytest.approx(0.0815, abs=0.001)
    assert report.delay(100) == pytest.approx(0.1, abs=0.001)


def test_the_drift_of_a_clock_is_taken_into_account() -> None:
    rate = 1 + 300e-6
    report = measured(sound(0.1, rate), pictures(0.1, rate), rate)
    assert abs(report.offset()) < 0.001
    assert report.delay(100) - report.delay(0) < 0.002
    assert report.clicks == 0


def test_a_frozen_picture_is_a_freeze() -> None:
    shown = [picture for picture in pictures() if not BEGUN + 3 < picture.time < BEGUN + 3.6]
    shown[40] = shown[40]._replace(number=-1)
    report = measured(sound(), shown)
    assert report.freeze == pytest.approx(0.64, abs=0.05)
    assert report.damaged == 1
    assert report.offset() == pytest.approx(0, abs=0.001)


def test_numbers_go_round() -> None:
    late = NUMBERS / FPS  # when the numbers of the pictures begin again
    shown = [picture._replace(time=picture.time) for picture in pictures(0.2, seconds=late + 8)]
    pcm = sound(0.1, seconds=late + 8)
    report = measure(
        pcm,
        lambda frame: BEGUN + frame / RATE,
        shown,
        begun=BEGUN,
        since=BEGUN + late - 4,
        until=BEGUN + late + 7,
    )
    assert report.beeps == 1.0
    assert report.offset() == pytest.approx(-0.1, abs=0.001)
    assert report.freeze < 0.25


def test_silence_and_darkness_are_all_that_is_there() -> None:
    report = measured(np.zeros((round(SECONDS * RATE), 2), np.int16), [])
    assert (report.heard, report.beeps) == (0.0, 0.0)
    assert np.isnan(report.offset())
    assert report.freeze == report.seconds
