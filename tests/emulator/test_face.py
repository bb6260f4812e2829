"""The drawn face: its pictures, its motion, and the way from phonemes to its mouth."""

from __future__ import annotations

import random
import time
from dataclasses import astuple
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from did_tui.emulator.face import (
    LOOKS,
    REST,
    VISEMES,
    Face,
    Mood,
    Mouth,
    mouth_at,
    visemes,
)
from did_tui.emulator.face.eyes import BrowPictures, EyePictures
from did_tui.emulator.face.motion import (
    EXPRESSIONS,
    MOOD_SECONDS,
    MOST_ROLL,
    Bearing,
    Idle,
    Temper,
)
from did_tui.emulator.face.mouth import MouthPictures
from did_tui.emulator.face.warp import turned

FRAME = 1 / 25
MOODS: tuple[Mood, ...] = ("neutral", "happy", "thinking", "listening", "sad")
OPEN = VISEMES["aa"]
MOUTH_REGION = (196, 316, 316, 440)
FOREHEAD_REGION = (196, 120, 316, 160)

_painted: dict[str, Face] = {}


def face_of(name: str) -> Face:
    """A face with a fresh mood; each look is painted once for all tests."""
    if name not in _painted:
        _painted[name] = Face(LOOKS[name])
    return _painted[name].twin()


@pytest.fixture(params=list(LOOKS))
def face(request: pytest.FixtureRequest) -> Face:
    name: str = request.param
    return face_of(name)


def difference(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures, 0 to 255."""
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3


def calm_time(face: Face, seconds: float) -> float:
    """A moment from which on the face does not blink or glance away for so long."""
    idle, bearing = face._idle, Bearing(EXPRESSIONS["neutral"])
    steps = round(seconds / FRAME) + 2
    for start in range(2000):
        poses = [idle.pose((start + step) * FRAME, bearing) for step in range(steps)]
        gaze = [pose.gaze_x for pose in poses]
        if not any(pose.blink for pose in poses) and max(gaze) - min(gaze) < 1:
            return start * FRAME
    raise AssertionError("this face never rests")


# --- pictures ---------------------------------------------------------------------------------


def test_there_are_six_people() -> None:
    assert list(LOOKS) == ["mira", "kai", "juno", "otto", "noor", "iris"]
    assert all(look.name == name for name, look in LOOKS.items())


def test_a_frame_is_rgb_of_512_pixels(face: Face) -> None:
    picture = face.frame(0.0)
    assert (picture.mode, picture.size) == ("RGB", (512, 512))


def test_people_look_different() -> None:
    stills = [face_of(name).still() for name in LOOKS]
    for index, one in enumerate(stills):
        for other in stills[:index]:
            assert difference(one, other) > 15


def test_every_viseme_can_be_drawn(face: Face) -> None:
    frames = {
        face.frame(index * FRAME, mouth, speaking=True).tobytes()
        for index, mouth in enumerate(VISEMES.values())
    }
    assert len(frames) == len(VISEMES)


def test_extreme_shapes_can_be_drawn(face: Face) -> None:
    for mouth in (Mouth(1, 1, 1, 1, 1), Mouth(1, -1, 0, 0, 0), Mouth(0, 1, 1, 0, 1)):
        for mood in MOODS:
            assert face.frame(0.0, mouth, mood=mood, energy=7.0).size == (512, 512)


def test_an_open_mouth_changes_the_mouth_and_not_the_forehead(face: Face) -> None:
    shut, opened = face.frame(1.0), face.frame(1.0, OPEN)
    assert difference(shut.crop(MOUTH_REGION), opened.crop(MOUTH_REGION)) > 15
    assert difference(shut.crop(FOREHEAD_REGION), opened.crop(FOREHEAD_REGION)) == 0


def test_an_open_mouth_can_be_seen_in_a_terminal(face: Face) -> None:
    tiny = (48, 48)
    shut = face.frame(1.0).resize(tiny, Image.Resampling.BOX)
    opened = face.frame(1.0, OPEN).resize(tiny, Image.Resampling.BOX)
    changed = np.abs(np.asarray(shut, np.int16) - np.asarray(opened, np.int16)).max(axis=2) > 40
    assert changed.sum() >= 25


def test_the_still_picture_never_changes(face: Face) -> None:
    before = face.still()
    face.frame(3.0, OPEN, mood="sad", speaking=True, energy=1.0)
    assert before.tobytes() == face.still().tobytes()


def test_the_wall_is_darker_than_half(face: Face) -> None:
    luminance = np.asarray(face._bust.backdrop.convert("L"))
    assert luminance.max() <= 128


def test_the_head_stays_in_its_canvas(face: Face) -> None:
    bust = face._bust
    outline = bust.outline
    pivot = (outline.width / 2, outline.height - 30)
    for side in (-1, 1):
        moved = turned(outline, side * MOST_ROLL, pivot, side * 7.0, -5.0)
        for edge in ((0, 0, 1, 440), (moved.width - 1, 0, moved.width, 440), (0, 0, 999, 1)):
            assert moved.crop(edge).getextrema() == (0, 0)


# --- determinism and memory -------------------------------------------------------------------


def frames_of(face: Face) -> list[bytes]:
    moods: tuple[Mood, ...] = ("neutral", "neutral", "happy", "happy", "sad", "neutral")
    return [
        face.frame(step * 0.11, OPEN if step % 2 else REST, mood=mood, speaking=step > 2).tobytes()
        for step, mood in enumerate(moods)
    ]


def test_the_same_seed_gives_the_same_frames() -> None:
    first = frames_of(face_of("kai"))
    assert frames_of(face_of("kai")) == first
    assert frames_of(Face(LOOKS["kai"])) == first
    assert frames_of(Face(LOOKS["kai"], seed=1)) != first


def test_a_twin_has_a_mood_of_its_own() -> None:
    one, other = face_of("otto"), face_of("otto")
    one.frame(0.0, mood="sad")
    other.frame(0.0, mood="happy")
    assert one.frame(0.04, mood="sad").tobytes() != other.frame(0.04, mood="happy").tobytes()


def test_kept_pictures_are_bounded() -> None:
    look = LOOKS["kai"]
    rng = random.Random(5)
    mouths, eyes, brows = MouthPictures(look), EyePictures(look), BrowPictures(look)
    for _ in range(270):
        shape = Mouth(rng.random(), rng.uniform(-1, 1), rng.random(), rng.random(), rng.random())
        mouths.layer(shape, rng.uniform(-1, 1))
    for index in range(110):
        gaze = (rng.uniform(-6, 6), rng.uniform(-6, 6))
        eyes.layer(rng.choice((-1, 1)), index % 5 / 10, 0.5, gaze)
    for index in range(40):
        brows.layer(rng.choice((-1, 1)), index / 40)
    assert mouths.kept() == 256
    assert eyes.kept() <= 160
    assert brows.kept() <= 10


# --- motion -----------------------------------------------------------------------------------


def test_idle_motion_is_smooth(face: Face) -> None:
    start = calm_time(face, 0.8)
    frames = [face.frame(start + step * FRAME) for step in range(15)]
    steps = [difference(one, other) for one, other in pairwise(frames)]
    assert max(steps) < 1.2
    assert sum(step > 0 for step in steps) > 11  # it moves by parts of a pixel


def test_even_a_blink_is_no_flash() -> None:
    face = face_of("juno")
    bearing = Bearing(EXPRESSIONS["neutral"])
    blink = next(t for t in range(200) if face._idle.pose(t * FRAME, bearing).blink > 0)
    frames = [face.frame((blink - 2 + step) * FRAME) for step in range(12)]
    assert max(difference(one, other) for one, other in pairwise(frames)) < 5


@pytest.mark.parametrize("mood", MOODS[1:])
def test_a_mood_comes_gradually(mood: Mood) -> None:
    face = face_of("mira")
    start = calm_time(face, 0.5)
    frames = [face.frame(start)]
    frames += [face.frame(start + step * FRAME, mood=mood) for step in range(1, 12)]
    change = difference(frames[0], frames[-1])
    steps = [difference(one, other) for one, other in pairwise(frames)]
    assert change > 1.5
    assert max(steps) < 0.6 * change
    assert steps[0] < 0.35 * change


def test_a_temper_blends_and_arrives() -> None:
    temper = Temper()
    assert temper.advance(5.0, "sad", False, 0.0).expression == EXPRESSIONS["sad"]
    smiles = [
        temper.advance(5.0 + step * FRAME, "happy", False, 0.0).expression.smile
        for step in range(10)
    ]
    assert smiles == sorted(smiles)
    assert smiles[0] == EXPRESSIONS["sad"].smile
    assert smiles[-1] == pytest.approx(EXPRESSIONS["happy"].smile)


def test_a_mood_that_is_given_up_half_way_turns_back_from_there() -> None:
    temper = Temper()
    temper.advance(0.0, "neutral", False, 0.0)
    half = temper.advance(MOOD_SECONDS / 2, "sad", False, 0.0).expression.smile
    back = temper.advance(MOOD_SECONDS / 2 + 0.001, "neutral", False, 0.0).expression.smile
    assert back == pytest.approx(half, abs=0.01)


def test_time_that_goes_back_does_no_harm() -> None:
    temper = Temper()
    temper.advance(10.0, "happy", True, 1.0)
    bearing = temper.advance(1.0, "happy", True, 1.0)
    assert bearing.expression == EXPRESSIONS["happy"]
    assert 0 <= bearing.speaking <= 1


def test_energy_and_speech_fade() -> None:
    temper = Temper()
    temper.advance(0.0, "neutral", False, 0.0)
    first = temper.advance(FRAME, "neutral", True, 1.0)
    assert 0 < first.speaking < 0.5
    assert 0 < first.energy < 0.7
    for step in range(2, 30):
        last = temper.advance(step * FRAME, "neutral", True, 1.0)
    assert last.speaking > 0.95
    assert last.energy > 0.95


def test_eyes_blink_now_and_then() -> None:
    idle, bearing = Idle(3), Bearing(EXPRESSIONS["neutral"])
    blinks = np.array([idle.pose(step * FRAME, bearing).blink for step in range(25 * 120)])
    begun = int(np.sum((blinks[1:] > 0.1) & (blinks[:-1] <= 0.1)))
    assert 20 <= begun <= 60
    assert blinks.max() > 0.95
    assert np.mean(blinks > 0.1) < 0.12


@given(
    st.floats(-1e6, 1e6),
    st.sampled_from(MOODS),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 2**40),
)
def test_poses_stay_in_range(
    t: float, mood: Mood, speaking: float, energy: float, seed: int
) -> None:
    pose = Idle(seed).pose(t, Bearing(EXPRESSIONS[mood], speaking, energy))
    assert abs(pose.yaw) <= 1
    assert abs(pose.pitch) <= 1
    assert abs(pose.roll) <= MOST_ROLL
    assert 0 <= pose.breath <= 1
    assert 0 <= pose.blink <= 1
    assert abs(pose.gaze_x) <= 12
    assert abs(pose.gaze_y) <= 9


def test_a_picture_turns_by_parts_of_a_pixel() -> None:
    picture = Image.new("L", (60, 60))
    picture.paste(255, (20, 20, 40, 40))
    assert turned(picture, 0.0, (30, 30), 0.0, 0.0).tobytes() == picture.tobytes()

    def centre(image: Image.Image) -> npt.NDArray[np.float64]:
        values = np.asarray(image, np.float64)
        y, x = np.mgrid[0:60, 0:60]
        total = float(values.sum())
        return np.array((float((values * x).sum()) / total, float((values * y).sum()) / total))

    moved = centre(turned(picture, 0.02, (30, 30), 3.3, -2.6)) - centre(picture)
    assert moved == pytest.approx((3.3, -2.6), abs=0.05)


# --- phonemes ---------------------------------------------------------------------------------

IPA = ["p", "b", "m", "f", "ð", "t", "tʃ", "dʒ", "ˈaɪ", "aɪə", "oʊ", "iː", "ɚ", "n̩", "ᵻ", "", "_"]


def test_phonemes_become_visemes() -> None:
    spoken = [(0, "h"), (60, "ə"), (100, "l"), (180, "ˈoʊ"), (300, "tʃ"), (380, "")]
    assert visemes(spoken) == [
        (0, "kk"), (60, "uh"), (100, "nn"), (180, "oh"), (240, "ou"), (300, "CH"), (380, "sil"),
    ]  # fmt: skip


def test_long_vowels_and_repeated_shapes_stay_one() -> None:
    assert visemes([(0, "ɑː"), (200, "nl")]) == [(0, "aa"), (200, "nn")]


@pytest.mark.parametrize("letter", "abcdefghijklmnopqrstuvwxyz")
def test_every_letter_has_a_mouth(letter: str) -> None:
    [(start, name)] = visemes([(10, letter)])
    assert start == 10
    assert name in VISEMES
    assert name != "sil"


@pytest.mark.parametrize("pause", ["", "_", "_:", "!", "ˈ", " ", "\ufffd"])
def test_what_is_no_letter_is_silence(pause: str) -> None:
    assert visemes([(0, pause)]) == [(0, "sil")]


def test_phonemes_are_put_in_order() -> None:
    assert [ms for ms, _ in visemes([(100, "a"), (0, "b")])] == [0, 100]


phonemes = st.lists(
    st.tuples(st.floats(-1e6, 1e6), st.one_of(st.sampled_from(IPA), st.text(max_size=8))),
    max_size=30,
)


@given(phonemes, st.one_of(st.floats(), st.floats(-500, 5000)))
def test_any_phonemes_at_any_time_give_a_mouth(spoken: list[tuple[float, str]], ms: float) -> None:
    mouth = mouth_at(visemes(spoken), ms)
    assert -1 <= mouth.width <= 1
    for value in (mouth.open, mouth.teeth, mouth.press, mouth.tongue):
        assert 0 <= value <= 1


@given(st.lists(st.tuples(st.floats(0, 3000), st.text(max_size=3)), max_size=9), st.floats(0, 3000))
def test_unknown_or_unordered_visemes_do_no_harm(
    shapes: list[tuple[float, str]], ms: float
) -> None:
    assert 0 <= mouth_at(shapes, ms).open <= 1


def test_a_mouth_rests_before_and_after_and_without_words() -> None:
    spoken = visemes([(0, "a"), (200, "")])
    for moment in (-500.0, 2000.0):
        assert mouth_at(spoken, moment) == REST
    assert mouth_at([], 100) == REST
    assert mouth_at(spoken, float("nan")) == REST


@pytest.mark.parametrize("lips", ["m", "b", "p"])
@pytest.mark.parametrize("length", [20, 40, 60, 120])
@pytest.mark.parametrize("phase", range(0, 40, 10))
def test_lips_meet_in_at_least_one_frame(lips: str, length: int, phase: int) -> None:
    spoken = visemes([(0, "ɑː"), (400, lips), (400 + length, "ɑː"), (900, "")])
    mouths = [mouth_at(spoken, ms) for ms in range(phase, 900, 40)]
    tightest = max(mouths, key=lambda mouth: mouth.press)
    assert tightest.press > 0.85
    assert tightest.open < 0.1


def test_lips_lead_the_sound_but_not_by_much() -> None:
    spoken = visemes([(0, ""), (500, "ɑː"), (600, "")])
    opening = {ms: mouth_at(spoken, ms).open for ms in range(0, 900, 5)}
    widest = max(opening, key=lambda ms: opening[ms])
    assert 500 <= widest <= 550
    assert opening[300] == opening[800] == 0
    closing = {ms: mouth_at(visemes([(0, "ɑː"), (500, "m"), (700, "ɑː")]), ms) for ms in (400, 455)}
    assert closing[400].press < 0.05
    assert closing[455].press == pytest.approx(1)


def test_a_long_vowel_stays_open() -> None:
    spoken = visemes([(0, "ɑː"), (3000, "")])
    assert all(mouth_at(spoken, ms).open > 0.9 for ms in range(100, 2800, 50))


def test_the_mouth_moves_without_jumps() -> None:
    spoken = visemes([(index * 70, IPA[index % len(IPA)]) for index in range(60)])
    shapes = np.array([astuple(mouth_at(spoken, ms)) for ms in range(0, 4200, 2)])
    assert np.abs(np.diff(shapes, axis=0)).max() < 0.12


def test_a_minute_of_speech_is_quick_to_read() -> None:
    spoken = visemes([(index * 75, IPA[index % len(IPA)]) for index in range(800)])
    start = time.perf_counter()
    for frame in range(1500):
        mouth_at(spoken, frame * 40)
    assert time.perf_counter() - start < 0.5
