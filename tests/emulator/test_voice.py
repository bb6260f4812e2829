"""The offline voice: timings, loudness, hostile texts, and a child process that comes and goes."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from did_tui.emulator.babble import LONGEST, babble, finish
from did_tui.emulator.voice import (
    BABBLE,
    LONGEST_PIECE,
    Engine,
    Speech,
    Timbre,
    Voice,
    VoiceClosed,
    sentences,
)

needs_wheel = pytest.mark.skipif(
    importlib.util.find_spec("espeakng_loader") is None, reason="espeakng-loader is not installed"
)
needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="stops processes by signal")

GREETING = "Hello there! I am happy to show you around, and you can ask me anything you like."
LONG = "This sentence is long enough to be interrupted while it is being spoken. " * 15
HOSTILE = [
    "",
    "   \n\t ",
    "...",
    "x" * 3_000,
    "word " * 100,
    "😀🏳️‍🌈👩‍👩‍👧‍👦" * 20,
    "你好，世界。これは日本語です。",
    "مرحبا بالعالم שלום",
    "\x00\x01\x02 50S bell\x07 \x1b[31mred\x7f",
    "<b>&</b> <script> &amp; ]]> <",
    "\ud83d lone \udc00 surrogates \ud800",
    "[[h@l'oU]] `rm -rf` $(reboot)",
    "9" * 100,
    "a\u0301\u0302\u0303" * 100,
]
HOSTILE_MARKUP = [
    "<audio src='/etc/passwd'>alternative</audio>",
    "<break time='100000s'/>" * 100,
    "<prosody rate='",
    "<voice name='../../x'><speak><speak></voice>",
    "&#xffffffff; &nosuch; &",
    "<" * 3_000,
]


def samples(speech: Speech) -> npt.NDArray[np.float64]:
    return np.frombuffer(speech.pcm, "<i2") / 32_768


def low_share(speech: Speech) -> float:
    """How much of the sound is below 150 Hz, where only a deep voice has any."""
    count = 1 << 18  # five seconds; any other length can take the transform ten times as long
    power = np.abs(np.fft.rfft(samples(speech), count)) ** 2
    hertz = np.fft.rfftfreq(count, 1 / speech.rate)
    return float(power[hertz < 150].sum() / power.sum())


def same(one: Speech, other: Speech) -> bool:
    """Whether two speeches are of one text in one voice; eSpeak NG says nothing twice alike."""
    return (
        [(word.start, word.length) for word in one.words]
        == [(word.start, word.length) for word in other.words]
        and [name for _, name in one.phonemes] == [name for _, name in other.phonemes]
        and abs(one.duration - other.duration) < 0.05
        and (low_share(one) > 0.02) == (low_share(other) > 0.02)
    )


def spoken_words(text: str, speech: Speech) -> list[str]:
    return [text[word.start : word.start + word.length] for word in speech.words]


def check(text: str, speech: Speech) -> None:
    """What holds for every speech, whatever the text and the engine."""
    assert speech.rate == 48_000
    assert len(speech.pcm) % 2 == 0
    assert speech.duration <= LONGEST + 0.01
    word_times = [word.ms for word in speech.words]
    phoneme_times = [ms for ms, _ in speech.phonemes]
    for times in (word_times, phoneme_times):
        assert times == sorted(times)
        assert all(0 <= ms <= speech.duration * 1_000 + 10 for ms in times)
    for word in speech.words:
        assert text[word.start : word.start + word.length].strip()
        assert word.start + word.length <= len(text)
    for one, other in pairwise(speech.words):
        assert one.start + one.length <= other.start
    assert all(name.strip() == name for _, name in speech.phonemes)


def runs(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be reaped."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    try:
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(0.01)
    return True


# --- what is heard --------------------------------------------------------------------------


@needs_wheel
async def test_words_and_phonemes_follow_the_text() -> None:
    async with Voice() as voice:
        assert voice.engine.startswith("eSpeak NG 1.")
        assert voice.engine.endswith("(espeakng-loader)")
        speech = await voice.say(GREETING)
    check(GREETING, speech)
    assert spoken_words(GREETING, speech)[:6] == ["Hello", "there", "I am", "happy", "to", "show"]
    assert spoken_words(GREETING, speech)[-2:] == ["you", "like"]
    assert 3 < speech.duration < 8
    names = [name for _, name in speech.phonemes]
    assert names[:4] == ["h", "ə", "l", "oʊ"]
    assert names[-1] == ""


@needs_wheel
async def test_word_offsets_count_characters() -> None:
    expected = {
        "Grüße — café, naïve!": ["Grüße", "café", "naïve"],
        "Über дом we go": ["Über", "дом", "we", "go"],
        "I see 😀 and ☕ here": ["I", "see", "😀", "and", "☕", "here"],
        "👩🏽‍🚀 astral first": ["astral", "first"],
        "\ud83d\ude00 surrogates first": ["surrogates", "first"],
        "It costs 3.50 today": ["It", "costs", "3.50", "today"],
    }
    async with Voice() as voice:
        for text, words in expected.items():
            speech = await voice.say(text)
            check(text, speech)
            assert " ".join(spoken_words(text, speech)).endswith(" ".join(words))


@needs_wheel
async def test_markup_is_obeyed_and_keeps_the_offsets() -> None:
    text = "<speak>Hello <break time='900ms'/> <b>big</b> world</speak>"
    async with Voice() as voice:
        speech = await voice.say(text, ssml=True)
    assert spoken_words(text, speech) == ["Hello", "big", "world"]
    assert speech.words[1].ms - speech.words[0].ms > 900


@needs_wheel
async def test_every_voice_is_equally_loud_and_unlike_the_others() -> None:
    timbres = [
        Timbre(variant="f3", pitch=56),
        Timbre(variant="m3", pitch=60),
        Timbre(variant="Annie", rate=175),
        Timbre(voice="en-gb-x-rp", variant="m8"),
    ]
    async with Voice() as voice:
        speeches = [await voice.say(GREETING, timbre) for timbre in timbres]
    for speech in speeches:
        sound = samples(speech)
        assert np.abs(sound).max() < 1
        frames = sound[: len(sound) // 960 * 960].reshape(-1, 960)
        powers = np.mean(frames**2, axis=1)
        level = 10 * np.log10(powers[powers > powers.max() / 300].mean())
        assert level == pytest.approx(-20, abs=1)
    assert len({speech.pcm for speech in speeches}) == len(timbres)


@needs_wheel
async def test_an_unknown_voice_is_the_plain_one() -> None:
    async with Voice() as voice:
        plain = await voice.say(GREETING, Timbre())
        for name in ("xx-nowhere", "../../../../etc/passwd", "", "en us"):
            assert same(await voice.say(GREETING, Timbre(voice=name)), plain)


@needs_wheel
async def test_an_unknown_variant_is_none_and_limits_hold() -> None:
    async with Voice() as voice:
        plain = await voice.say(GREETING, Timbre(variant=""))
        assert low_share(plain) > 0.02
        assert same(await voice.say(GREETING, Timbre(variant="zzz")), plain)
        assert same(await voice.say(GREETING, Timbre(variant="../f3")), plain)
        assert not same(await voice.say(GREETING, Timbre(variant="f3")), plain)
        odd = await voice.say("Same.", Timbre(rate=10**6, pitch=-5, pitch_range=10**6))
        british = await voice.say("Grass path.", Timbre(voice="en-gb"))
        american = await voice.say("Grass path.", Timbre(voice="en-us"))
    check("Same.", odd)
    assert [name for _, name in british.phonemes] != [name for _, name in american.phonemes]


@needs_wheel
async def test_markup_of_one_text_leaves_no_trace_in_the_next() -> None:
    async with Voice() as voice:
        before = await voice.say(GREETING)
        await voice.say("<prosody rate='x-fast'><voice name='de'>Hallo", ssml=True)
        assert same(await voice.say(GREETING), before)


# --- texts nobody would say -----------------------------------------------------------------


@needs_wheel
async def test_no_text_makes_it_fail() -> None:
    dice = random.Random(1)
    wild = ["".join(chr(dice.randrange(0x110000)) for _ in range(60)) for _ in range(12)]
    async with Voice() as voice:
        pid = voice.pid
        for text in [*HOSTILE, *wild]:
            check(text, await voice.say(text))
        for text in HOSTILE_MARKUP:
            assert (await voice.say(text, ssml=True)).duration <= LONGEST
        assert voice.pid == pid, "a text has crashed the child"
        check(GREETING, await voice.say(GREETING))


async def test_no_text_makes_babble_fail() -> None:
    async with Voice(engines=("babble",)) as voice:
        for text in HOSTILE:
            check(text, await voice.say(text))
        for text in HOSTILE_MARKUP:
            assert (await voice.say(text, ssml=True)).duration <= LONGEST


@needs_wheel
@pytest.mark.parametrize("engines", [("wheel",), ("babble",)])
async def test_ten_thousand_characters_are_spoken(engines: tuple[Engine, ...]) -> None:
    text = (GREETING + " ") * 122
    async with Voice(engines=engines) as voice:
        speech = await voice.say(text[:10_000])
    check(text, speech)
    assert speech.duration == pytest.approx(LONGEST, abs=1)


# --- the child ------------------------------------------------------------------------------


@needs_wheel
async def test_several_agents_take_turns() -> None:
    texts = [f"Agent number {number} is speaking." for number in range(8)]
    async with Voice() as voice:
        speeches = await asyncio.gather(*map(voice.say, texts))
        alone = [await voice.say(text) for text in texts]
    assert all(map(same, speeches, alone))


@needs_wheel
async def test_it_starts_with_the_first_text() -> None:
    voice = Voice()
    assert voice.pid is None
    first, second = await asyncio.gather(voice.say("One."), voice.say("Two."))
    pid = voice.pid
    assert pid
    assert first.duration > 0.2
    assert second.duration > 0.2
    await voice.close()
    assert not runs(pid)


@needs_wheel
@needs_signals
async def test_a_child_killed_in_the_middle_is_replaced() -> None:
    async with Voice() as voice:
        expected = await voice.say(GREETING)
        first = voice.pid
        assert first
        os.kill(first, signal.SIGSTOP)
        saying = asyncio.create_task(voice.say(GREETING))
        await asyncio.sleep(0.05)
        os.kill(first, signal.SIGKILL)
        assert same(await saying, expected)
        assert voice.pid != first
        assert voice.pid
        os.kill(voice.pid, signal.SIGKILL)
        assert wait_until(lambda: not voice.pid or not runs(voice.pid), 1)
        assert same(await voice.say(GREETING), expected)
        assert voice.engine != BABBLE


@needs_wheel
@needs_signals
async def test_a_child_that_hangs_counts_as_crashed() -> None:
    async with Voice(patience=1.5) as voice:
        expected = await voice.say("Hello.")
        first = voice.pid
        assert first
        os.kill(first, signal.SIGSTOP)
        assert same(await voice.say("Hello."), expected)
        assert not runs(first)


@needs_wheel
async def test_two_crashes_over_one_text_end_in_babble() -> None:
    async with Voice(patience=0.0) as voice:  # nobody answers in no time
        speech = await voice.say(GREETING)
    check(GREETING, speech)
    assert len(speech.words) == len(GREETING.split())


async def test_a_library_that_only_crashes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "no-such-python")
    async with Voice() as voice:
        for _ in range(4):
            check("Hello.", await voice.say("Hello."))
        assert voice.engine == BABBLE


async def test_without_a_library_it_babbles_and_says_so() -> None:
    async with Voice(engines=("babble", "wheel")) as voice:
        assert voice.engine == BABBLE
        check(GREETING, await voice.say(GREETING))
        assert voice.pid is None


async def test_a_child_that_finds_no_library_ends_in_babble() -> None:
    nowhere = cast(tuple[Engine, ...], ("nowhere",))
    async with Voice(engines=nowhere) as voice:
        assert voice.engine == BABBLE
        assert voice.pid is None
        check(GREETING, await voice.say(GREETING))


@needs_wheel
async def test_cancelling_does_not_mix_up_the_answers() -> None:
    async with Voice() as voice:
        expected = await voice.say("This is the one.")
        pid = voice.pid
        for delay in (0.0, 0.001, 0.01, 0.03, 0.06):
            long, waiting = (asyncio.create_task(voice.say(LONG)) for _ in range(2))
            await asyncio.sleep(delay)
            long.cancel()
            waiting.cancel()
            assert same(await voice.say("This is the one."), expected)
        assert voice.pid == pid


@needs_wheel
async def test_closing_ends_what_is_being_said() -> None:
    voice = await Voice.open()
    pid = voice.pid
    assert pid
    saying = [asyncio.create_task(voice.say(LONG)) for _ in range(3)]
    await asyncio.sleep(0.02)
    await voice.close()
    results = await asyncio.gather(*saying, return_exceptions=True)
    assert all(isinstance(result, VoiceClosed) for result in results)
    with pytest.raises(VoiceClosed):
        await voice.say("Too late.")
    await voice.close()
    assert not runs(pid)


@needs_wheel
@needs_signals
def test_the_child_never_outlives_its_parent() -> None:
    program = (
        "import asyncio\n"
        "from did_tui.emulator.voice import Voice\n"
        "async def main():\n"
        "    voice = await Voice.open()\n"
        "    saying = asyncio.create_task(voice.say('9' * 20_000))\n"
        "    await asyncio.sleep(0.15)\n"
        "    print(voice.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    arguments = [sys.executable, "-c", program]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert runs(pid)
        parent.kill()
    assert wait_until(lambda: not runs(pid), 2)


@needs_wheel
@needs_signals
async def test_an_interrupt_at_the_terminal_leaves_the_child_to_its_parent() -> None:
    async with Voice() as voice:
        await voice.say("Hello.")
        pid = voice.pid
        assert pid
        os.kill(pid, signal.SIGINT)
        await voice.say("Hello.")
        assert voice.pid == pid


# --- babble and the finish ------------------------------------------------------------------


def test_babble_keeps_its_own_time() -> None:
    murmur = babble("Mama, papa.")
    seconds = len(murmur.pcm) / 2 / 48_000
    assert [(start, length) for _, start, length in murmur.words] == [(0, 4), (6, 4)]
    assert [name for _, name in murmur.phonemes][:5] == ["m", "ɑ", "m", "ɑ", ""]
    sound = np.abs(np.frombuffer(murmur.pcm, "<i2").astype(float))

    def loudness(begin: float, end: float) -> float:
        return float(sound[int(begin * 48) : int(end * 48)].mean())

    times = [ms for ms, _ in murmur.phonemes]
    assert loudness(*times[3:5]) > 50 * loudness(times[5] - 40, times[5])
    assert times[-1] < seconds * 1_000


def test_babble_follows_the_timbre() -> None:
    slow = babble("A calm sentence.", words_a_minute=100)
    quick = babble("A calm sentence.", words_a_minute=200)
    assert len(slow.pcm) == pytest.approx(2 * len(quick.pcm), rel=0.1)
    assert babble("A calm sentence.", deep=True).pcm != babble("A calm sentence.").pcm


@given(st.text(max_size=30))
@settings(max_examples=30, deadline=None)
def test_babble_of_anything_is_in_order(text: str) -> None:
    murmur = babble(text)
    times = [ms for ms, _ in murmur.phonemes]
    assert times == sorted(times)
    for (_, start, length), (_, following, _) in pairwise(murmur.words):
        assert start + length <= following


def test_the_finish_keeps_length_pitch_and_place() -> None:
    rate = 22_050
    seconds = np.arange(3 * rate) / rate
    tone = (0.3 * np.sin(2 * np.pi * 440 * seconds)).astype(np.float32)
    tone[: rate * 3 // 2] = 0
    sound = np.frombuffer(finish(tone, rate), "<i2").astype(float)
    assert len(sound) == 3 * 48_000
    assert np.abs(sound[: 48_000 * 3 // 2 - 240]).max() < 40
    spectrum = np.abs(np.fft.rfft(sound))
    assert np.argmax(spectrum) / 3 == pytest.approx(440, abs=1)


def test_the_finish_takes_away_the_highest_notes() -> None:
    noise = np.random.default_rng(1).standard_normal(22_050 * 2).astype(np.float32)
    sound = np.frombuffer(finish(noise, 22_050), "<i2").astype(float)
    power = np.abs(np.fft.rfft(sound)) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / 48_000)
    middle = power[(hertz > 1_000) & (hertz < 4_000)].mean()
    assert power[(hertz > 6_500) & (hertz < 7_500)].mean() < middle * 0.5
    assert power[hertz > 9_500].mean() < middle * 1e-3


@pytest.mark.parametrize("count", [0, 1, 100, 22_049, 22_051])
def test_the_finish_takes_any_length_and_silence(count: int) -> None:
    pcm = finish(np.zeros(count, np.float32), 22_050)
    assert pcm == bytes(2 * round(count * 48_000 / 22_050))


# --- sentences ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        ("  \n ", []),
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Dr. Smith met J. R. Tolkien. Then?", ["Dr. Smith met J. R. Tolkien.", "Then?"]),
        ("It is 3.50, e.g. today. Yes.", ["It is 3.50, e.g. today.", "Yes."]),
        ("Well... maybe. So am I. Good.", ["Well... maybe.", "So am I.", "Good."]),
        ('"Stop!" He ran.', ['"Stop!"', "He ran."]),
        ("1. First\n2. Second", ["1. First", "2. Second"]),
        ("In 1999. Then.", ["In 1999.", "Then."]),
        ("No. Never.", ["No.", "Never."]),
        ("你好。世界！好", ["你好。", "世界！", "好"]),
        ("Title\n\nText here.", ["Title", "Text here."]),
        ("... so. Yes", ["... so.", "Yes"]),
        ("See example.com. Now.", ["See example.com.", "Now."]),
    ],
)
def test_sentences(text: str, pieces: list[str]) -> None:
    assert sentences(text) == pieces


def test_long_sentences_are_cut_where_one_breathes() -> None:
    clause = "this clause has about forty characters in it"
    pieces = sentences(", ".join([clause] * 12) + ".")
    assert all(len(piece) <= LONGEST_PIECE for piece in pieces)
    assert all(piece.endswith(("it,", "it.")) for piece in pieces)
    assert [len(piece) for piece in sentences("x" * 500)] == [220, 220, 60]
    assert all(piece.startswith("word") for piece in sentences("word " * 200))


@given(st.text(st.sampled_from("aB1 .,!?…\n\"'。，😀é\u2003)")) | st.text(max_size=600))
@settings(max_examples=200, deadline=None)
def test_sentences_lose_nothing_but_space(text: str) -> None:
    pieces = sentences(text)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    position = 0
    for piece in pieces:
        assert 0 < len(piece) <= LONGEST_PIECE
        assert piece == piece.strip()
        position = text.index(piece, position) + len(piece)


@pytest.mark.parametrize("text", ["." * 50_000, "a. " * 15_000, " " * 50_000, "x" * 50_000])
def test_sentences_takes_its_time_for_no_text(text: str) -> None:
    begun = time.perf_counter()
    sentences(text)
    assert time.perf_counter() - begun < 1
