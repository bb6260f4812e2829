"""What there was before something plays is not looked at by collections while it does."""

from __future__ import annotations

import gc

import pytest

from did_tui.live.media import pauses
from did_tui.live.media.playback import Playback


@pytest.fixture(autouse=True)
def nothing_plays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pauses, "_playing", 0)
    gc.unfreeze()


def test_objects_are_set_aside_until_nothing_plays() -> None:
    pauses.begin()
    assert gc.get_freeze_count() > 1000
    before = gc.get_freeze_count()
    _later = [[number] for number in range(100)]
    pauses.begin()
    assert gc.get_freeze_count() <= before, "what came since is still looked at"
    pauses.end()
    assert gc.get_freeze_count() > 1000, "the first still plays"
    pauses.end()
    assert gc.get_freeze_count() == 0


def test_a_playback_counts_once_however_often_it_is_started_and_closed() -> None:
    playback = Playback(sink="none")
    playback.close()
    assert gc.get_freeze_count() == 0
    for _ in range(2):
        playback.start()
        playback.start()
        assert gc.get_freeze_count() > 1000
        playback.close()
        playback.close()
        assert gc.get_freeze_count() == 0
