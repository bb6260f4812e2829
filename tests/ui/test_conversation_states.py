"""Every state of a conversation as it looks, at the sizes it is designed for."""

from __future__ import annotations

import pytest
from golden import Golden, sizes, words
from scripted import (
    NOW,
    ScriptedApp,
    ScriptedRunner,
    chat_on,
    connect,
    settle,
    show_face,
    well,
)
from textual.pilot import Pilot

from did_tui.live import events as e
from did_tui.live.media.playback import Figures
from did_tui.live.media.speaker import Device
from did_tui.live.media.voice import VoiceCounters
from did_tui.ui.screens.chat import ChatScreen
from did_tui.ui.sound import Sound

ANSWER = """\
Three things this month:

1. The **blue kettle** is back. See [the shop](https://shop.example/kettle).
2. Orders above 40 euros *travel free*, with the code `HARBOUR`.
3. A second store, next to the ferry.

![The blue kettle](https://shop.example/kettle.png)
"""
PASSAGES = (
    e.Citation(
        "Product help",
        "The blue kettle boils a litre in two minutes.\n\nIt comes in blue, and in blue only.",
        "https://shop.example/help",
    ),
    e.Citation("Manual p. 4", "Fill it up to the mark, and no further."),
)
FIGURES = Figures(
    depth_ms=62,
    target_ms=60,
    device_ms=24,
    voice=VoiceCounters(packets=1234, heard=48_000 * 60, concealed=480, lost=0),
    underflows=0,
    pictures_decoded=1500,
    pictures_dropped=3,
    sound_minus_picture_ms=-4.0,
    sync="reports",
    reports_refused=0,
    drift_ppm=12.0,
)


async def answered(pilot: Pilot[None]) -> tuple[ChatScreen, ScriptedRunner]:
    """A conversation with an answer that has everything."""
    screen, runner = await chat_on(pilot)
    connect(runner)
    runner.playback.figures = FIGURES  # type: ignore[assignment]
    runner.say("What is new?")
    runner.tell(e.Answer(ANSWER, "socket"), e.Responded("u1", "", PASSAGES))
    await settle(pilot)
    show_face(screen)
    screen._tick()
    await settle(pilot)
    return screen, runner


async def look(pilot: Pilot[None], golden: Golden, name: str) -> str:
    app = pilot.app
    assert isinstance(app, ScriptedApp)
    if isinstance(app.screen, ChatScreen):
        app.screen._tick()
    await settle(pilot)
    shot = app.export_screenshot()
    golden(shot, f"{name}-{app.size.width}x{app.size.height}")
    return words(shot)


@sizes
async def test_an_answer_is_read_and_chosen(size: tuple[int, int], golden: Golden) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=size) as pilot:
        await answered(pilot)
        await pilot.press("escape", "k")
        shown = await look(pilot, golden, "chat-answer")
        assert "Three things" in shown, "a tall message shows its beginning"
        assert "62+24 ms" in shown


@sizes
async def test_a_passage(size: tuple[int, int], golden: Golden) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=size) as pilot:
        await answered(pilot)
        await pilot.press("escape", "1")
        assert "boils a litre" in await look(pilot, golden, "chat-passage")


@sizes
async def test_the_figures(size: tuple[int, int], golden: Golden) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=size) as pilot:
        await answered(pilot)
        await pilot.press("escape", "s")
        shown = await look(pilot, golden, "chat-stats")
        assert "62 ms, wants 60 ms" in shown
        assert "-4 ms, by reports" in shown


@sizes
async def test_the_devices(
    size: tuple[int, int], golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [
        Device("pulse:a", "PulseAudio · Built-in Audio", True),
        Device("pulse:b", "PulseAudio · Headset"),
    ]
    monkeypatch.setattr(Sound, "devices", staticmethod(lambda: found))
    app = ScriptedApp(well)
    async with app.run_test(size=size) as pilot:
        await answered(pilot)
        await pilot.press("escape", "a")
        await settle(pilot)
        assert "Built-in Audio, the default" in await look(pilot, golden, "chat-devices")


@sizes
async def test_the_help(size: tuple[int, int], golden: Golden) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=size) as pilot:
        await answered(pilot)
        await pilot.press("f1")
        assert "In the prompt" in await look(pilot, golden, "chat-help")


@sizes
async def test_connecting_again_says_so(size: tuple[int, int], golden: Golden) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=size) as pilot:
        _, runner = await answered(pilot)
        runner.tell(e.Reconnecting("no packet came for 5 s", 1, 3), e.StepBegun("stream"))
        await settle(pilot)
        shown = await look(pilot, golden, "chat-reconnecting")
        assert "reconnecting 1 of 3" in shown
        assert "no packet came for 5 s" in shown


@sizes
async def test_silence_is_counted_down(size: tuple[int, int], golden: Golden) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=size) as pilot:
        await answered(pilot)
        app.now = lambda: NOW + 97
        assert "closes this in 23 s" in await look(pilot, golden, "chat-idle")


@sizes
async def test_credits_that_are_gone(size: tuple[int, int], golden: Golden) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=size) as pilot:
        screen, runner = await chat_on(pilot)
        runner.tell(e.StepBegun("agent"), e.StepDone("agent"), e.StepBegun("stream"))
        said = "The account has no credits left"
        runner.tell(e.Failed("stream", said, "Buy some.", hindrance="credits"))
        await settle(pilot)
        assert "f9" in await look(pilot, golden, "chat-credits")
        await pilot.press("f9")
        await settle(pilot)
        assert runner.conversation.mode == "TextOnly"
        runner.tell(e.StepBegun("chat"), e.StepDone("chat"))
        await settle(pilot)
        assert "text only" in words(app.export_screenshot())
        assert not screen.stage.has_class("-connecting")


async def test_a_key_that_helps_with_credits_is_not_there_without_need() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        _, runner = await chat_on(pilot)
        runner.tell(e.Failed("stream", "No way.", ""))
        await settle(pilot)
        await pilot.press("f9")
        await settle(pilot)
        assert runner.conversation.phase == "failed"
        assert "f9" not in words(app.export_screenshot())


async def test_a_service_that_asks_to_wait_is_not_pressed() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, runner = await chat_on(pilot)
        runner.tell(e.Failed("stream", "Too fast.", "", hindrance="rate", retry_after=8))
        await settle(pilot)
        assert "Press f2 in 8 s" in words(app.export_screenshot())
        app.now = lambda: NOW + 5
        screen._tick()
        await settle(pilot)
        assert "Press f2 in 3 s" in words(app.export_screenshot())


async def test_what_was_not_heard_is_not_shown() -> None:
    """A message is cut where the speech was cut."""
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        _, runner = await chat_on(pilot)
        connect(runner)
        runner.tell(e.UserSaid("u1", "Tell"), e.UtteranceStarted("v1"))
        runner.tell(e.Answer("One two three four five six seven eight nine ten.", "socket"))
        runner.tell(e.InterruptAsked(), at=NOW + 1)
        await settle(pilot)
        shown = words(app.export_screenshot())
        assert "One two" in shown
        assert "ten" not in shown
        assert "(interrupted)" in shown
