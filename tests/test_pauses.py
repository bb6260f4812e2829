"""What one collection has found alive is not looked at by the next while somebody would notice."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from did_tui import pauses
from did_tui.live.media.playback import Playback

MANY = 1000  # objects: fewer than any program has


class Knot:
    """Garbage that only a collection finds."""

    alive = 0

    def __init__(self) -> None:
        self.itself = self
        Knot.alive += 1

    def __del__(self) -> None:
        Knot.alive -= 1


@pytest.fixture(autouse=True)
def nothing_plays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(pauses, "_playing", 0)
    monkeypatch.setattr(pauses, "_due", False)
    monkeypatch.setattr(Knot, "alive", 0)
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_what_is_imported_is_set_aside() -> None:
    with pauses.importing():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > MANY


def test_what_is_alive_is_looked_at_once() -> None:
    with pauses.short():
        gc.collect()
        assert gc.get_freeze_count() > MANY
        before = gc.get_freeze_count()
        later = [[number] for number in range(100)]
        gc.collect()
        assert gc.get_freeze_count() - before >= len(later), "it is set aside in its turn"


def test_garbage_of_what_was_set_aside_goes_when_nobody_types() -> None:
    with pauses.short():
        knot = Knot()
        gc.collect()
        del knot
        gc.collect()
        assert Knot.alive == 1, "it was looked at again"
        pauses.begin()
        pauses.rest()
        assert Knot.alive == 1, "it plays"
        pauses.end()
        pauses.rest()
        assert Knot.alive == 0
        knot = Knot()
        del knot
        pauses.rest()
        assert Knot.alive == 1, "a second rest was for nothing"
    assert pauses._collected not in gc.callbacks


def test_without_a_screen_nobody_rests() -> None:
    pauses.begin()
    pauses.end()
    pauses.rest()
    assert gc.get_freeze_count() == 0


def test_objects_are_set_aside_until_nothing_plays() -> None:
    pauses.begin()
    assert gc.get_freeze_count() > MANY
    before = gc.get_freeze_count()
    _later = [[number] for number in range(100)]
    pauses.begin()
    assert gc.get_freeze_count() <= before, "what came since is still looked at"
    pauses.end()
    assert gc.get_freeze_count() > MANY, "the first still plays"
    pauses.end()
    assert gc.get_freeze_count() == 0


def test_a_playback_counts_once_however_often_it_is_started_and_closed() -> None:
    playback = Playback(sink="none")
    playback.close()
    assert gc.get_freeze_count() == 0
    for _ in range(2):
        playback.start()
        playback.start()
        assert gc.get_freeze_count() > MANY
        playback.close()
        playback.close()
        assert gc.get_freeze_count() == 0
