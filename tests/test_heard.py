"""``did-tui play`` in a terminal, listened to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from flashbeep import BEEP_LOUD, HUM_LOUD, RATE, count_clicks, find_beeps, find_silences, write_file
from nullsink import NullSink, needs_pulse
from ptyrun import PtyProgram

SECONDS = 5.0
BEEPS = 13
"""As many as begin in that time, from the first moment on."""


@needs_pulse
def test_a_file_is_heard_whole_and_as_loud_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "flashbeep.mkv"
    write_file(path, SECONDS)
    with NullSink() as pulse, pulse.record() as heard:
        env = pulse.env() | {"DID_TUI_HOME": str(tmp_path)}
        with PtyProgram(["play", str(path)], env=env) as program:
            program.until(lambda _terminal: pulse.players() > 0, 30)
            program.read(SECONDS + 2)
            program.type("q")
            assert program.wait() == 0
    sound = heard.pcm[:, 0] / 32768
    loud = np.flatnonzero(np.abs(sound) > HUM_LOUD / 2)
    sound = sound[loud[0] : loud[-1]]
    assert np.abs(sound).max() == pytest.approx(HUM_LOUD + BEEP_LOUD, rel=0.05)
    assert len(sound) == pytest.approx(SECONDS * RATE, rel=0.1)
    assert [beep.pitch for beep in find_beeps(sound, 0)] == list(range(BEEPS))
    # A noisy machine may let the device run dry for once.
    assert len([gap for gap in find_silences(sound) if gap > 0.04]) <= 2
    assert count_clicks(sound) <= 6
