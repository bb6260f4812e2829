"""When a connection counts as lost: what was seen, and the time."""

from __future__ import annotations

import pytest

from did_tui.live.events import Connectivity
from did_tui.live.watchdog import WARM_SECONDS, WarmUp, Watch, strength


def watch(**seen: object) -> Watch:
    return Watch(**seen)  # type: ignore[arg-type]


LOST = [
    (watch(), 1000, ""),
    (watch(answered=0.0), 15, ""),
    (watch(answered=0.0), 15.1, "no connection 15 s after the answer"),
    (watch(answered=0.0, opened=14.0, flows=True), 18, ""),
    (watch(answered=0.0, opened=14.0, flows=True), 19.1, "no packet for 5 s"),
    (watch(opened=0.0, packet=50.0, flows=True), 54, ""),
    (watch(opened=0.0, packet=50.0, flows=True), 56, "no packet for 5 s"),
    (watch(opened=0.0, packet=50.0), 1000, ""),  # a legacy stream is silent between utterances
    (watch(opened=0.0, packet=50.0, talks=90.0), 94, ""),
    (watch(opened=0.0, packet=50.0, talks=90.0), 96, "no packet for 5 s"),
    (watch(opened=0.0, packet=96.0, talks=90.0, flows=True), 96, "no picture for 5 s"),
    (watch(opened=0.0, packet=96.0, talks=90.0, picture=92.0, flows=True), 96, ""),
    (watch(opened=0.0, packet=99.9, picture=92.0, flows=True), 100, ""),  # silent: no picture due
    (watch(opened=0.0, flows=True, room=True), 20, ""),  # a room takes its time to begin
    (watch(opened=0.0, flows=True, room=True), 20.1, "no video within 20 s"),
    (watch(opened=0.0, flows=True, room=True, seen=3.0, packet=3.0), 7, ""),
    (watch(opened=0.0, flows=True, room=True, seen=3.0, packet=3.0), 8.1, "no packet for 5 s"),
]


@pytest.mark.parametrize(("seen", "now", "reason"), LOST)
def test_lost(seen: Watch, now: float, reason: str) -> None:
    assert seen.lost(now) == reason


def test_a_room_that_is_taken_up_again_has_20_seconds() -> None:
    seen = watch(opened=0.0, flows=True, room=True, seen=1.0, resuming=True)
    for now in range(10, 31):
        seen.look(now, packets=0, pictures=0)
        assert seen.lost(now) == ""
    seen.look(30.5, packets=0, pictures=0)
    assert seen.lost(30.5) == "no way back into the room for 20 s"
    seen.resuming = False
    seen.look(31, packets=1, pictures=1)
    assert seen.lost(31) == ""
    seen.resuming = True
    seen.look(32, packets=1, pictures=1)
    assert seen.lost(33) == "", "counted anew"


def test_counters_that_grow_are_packets_and_pictures() -> None:
    seen = watch(opened=0.0, flows=True)
    for now in range(20):
        seen.look(now, packets=now, pictures=min(now, 3))
    assert (seen.packet, seen.picture) == (19, 3)
    for now in range(20, 25):
        seen.look(now, packets=19, pictures=3)
    assert seen.lost(24.1) == "no packet for 5 s"


def test_a_program_that_stood_still_has_missed_nothing() -> None:
    seen = watch(opened=0.0, flows=True)
    seen.look(10.0, 5, 5)
    seen.look(60.0, 5, 5)
    assert seen.lost(60.0) == ""
    for now in range(61, 66):
        seen.look(now, 5, 5)
    assert seen.lost(66.0) == "no packet for 5 s"


def test_a_message_waits_a_minute_for_its_answer() -> None:
    assert not watch().unanswered(1000)
    assert not watch(asked=0.0).unanswered(60)
    assert watch(asked=0.0).unanswered(61)


@pytest.mark.parametrize(
    ("delay", "freezes", "before", "after"),
    [
        (0.1, 0, "unknown", "strong"),
        (0.1, 0, "weak", "strong"),
        (0.3, 2, "strong", "weak"),
        (0.3, 1, "strong", "strong"),
        (0.26, 5, "weak", "weak"),
        (0.1, 5, "weak", "weak"),
        (0.5, 9, "unknown", "weak"),
    ],
)
def test_strength(delay: float, freezes: int, before: Connectivity, after: str) -> None:
    assert strength(delay, freezes, before) == after


def test_a_warm_up_clip_has_ended_when_its_pictures_stand_still() -> None:
    warm_up = WarmUp(0.0)
    seen = [5, 5, 5, 5, 5, 6, 8, 10, 12, 12, 12, 12]
    assert [warm_up.ended(n / 10, pictures) for n, pictures in enumerate(seen)] == [False] * 12
    assert warm_up.ended(1.3, 12)


def test_a_warm_up_that_never_shows_anything_ends_as_well() -> None:
    warm_up = WarmUp(0.0)
    assert not warm_up.ended(WARM_SECONDS, 0)
    assert warm_up.ended(WARM_SECONDS + 0.1, 0)
