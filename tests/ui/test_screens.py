"""Every screen in every state, at the sizes it is designed for; and the keys that work there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest
from golden import Golden, sizes, words
from guest import shown
from scripted import (
    AGENTS,
    NOW,
    ScriptedApp,
    chat_on,
    connect,
    empty,
    refusing,
    settle,
    show_face,
    well,
)
from textual.widgets._toast import Toast

from did_tui.live import events as e
from did_tui.ui.screens.browser import Browser
from did_tui.ui.widgets.captions import CaptionLines
from did_tui.ui.widgets.prompt import Prompt
from did_tui.ui.widgets.topbar import TopBar


def name_of(what: str, size: tuple[int, int]) -> str:
    return f"{what}-{size[0]}x{size[1]}"


# The list


@sizes
@pytest.mark.parametrize(
    ("what", "answer"),
    [("agents-full", well), ("agents-empty", empty), ("agents-error", refusing)],
)
async def test_the_list(
    what: str, answer: Callable[..., httpx.Response], size: tuple[int, int], golden: Golden
) -> None:
    app = ScriptedApp(answer)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        golden(app.export_screenshot(), name_of(what, size))


@sizes
async def test_the_list_while_it_loads(size: tuple[int, int], golden: Golden) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    app = ScriptedApp(well)
    app._open_client = never  # type: ignore[assignment]
    async with app.run_test(size=size) as pilot:
        screen = app.screen
        assert isinstance(screen, Browser)
        await settle(pilot)
        app.now = lambda: NOW + 2
        screen._say_loading(NOW)
        await settle(pilot)
        golden(app.export_screenshot(), name_of("agents-loading", size))


async def test_the_cursor_moves_and_the_preview_follows() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, Browser)
        for key, name in [("down", "Ada (draft)"), ("j", "Broken"), ("j", "Broken"), ("g", "Ada")]:
            await pilot.press(key)
            current = screen.current()
            assert current is not None
            assert current.name == name


async def test_hostile_names_are_shown_as_text() -> None:
    hostile = "[red]A[/x] \x1b[31m\x1b]2;t\x07\u202eB\x9bm[@click=app.quit]c[/]"

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/agents/me":
            rows = [
                {**AGENTS[0], "preview_name": hostile, "preview_description": hostile},
                {"id": hostile, "status": hostile, "presenter": {"type": hostile}},
                {"id": "agt", "preview_name": "x" * 1_000_000},
            ]
            return httpx.Response(200, json={"agents": rows})
        return well(request)

    app = ScriptedApp(answer)
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        shot = app.export_screenshot()
        assert "[red]A[/x]" in shot.replace("&#160;", " ")
        for control in ("\x1b", "\x9b", "\u202e", "\x07"):
            assert control not in shot
        await chat_on(pilot)


# The conversation


@sizes
async def test_connecting_is_a_checklist(size: tuple[int, int], golden: Golden) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=size) as pilot:
        _, runner = await chat_on(pilot)
        for number, step in enumerate(("agent", "chat", "stream")):
            runner.tell(e.StepBegun(step), at=998 + number / 10)  # type: ignore[arg-type]
            runner.tell(e.StepDone(step), at=998.4 + number / 3)  # type: ignore[arg-type]
        runner.tell(e.StepBegun("network"), at=998.6)
        await settle(pilot)
        golden(app.export_screenshot(), name_of("chat-connecting", size))


@sizes
async def test_connecting_that_fails_says_why(size: tuple[int, int], golden: Golden) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=size) as pilot:
        _, runner = await chat_on(pilot)
        runner.tell(e.StepBegun("agent"), e.StepDone("agent"), e.StepBegun("stream"))
        trouble = "Too many open streams on this account: Max user sessions reached (403)"
        runner.tell(e.Failed("stream", trouble, "Close other conversations, or wait some minutes."))
        await settle(pilot)
        golden(app.export_screenshot(), name_of("chat-failed", size))


@sizes
async def test_before_the_first_word(size: tuple[int, int], golden: Golden) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=size) as pilot:
        screen, runner = await chat_on(pilot)
        connect(runner)
        await settle(pilot)
        show_face(screen)
        await settle(pilot)
        screen._tick()
        await settle(pilot)
        golden(app.export_screenshot(), name_of("chat-empty", size))


@sizes
async def test_a_conversation(size: tuple[int, int], golden: Golden) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=size) as pilot:
        screen, runner = await chat_on(pilot)
        connect(runner)
        runner.tell(e.Greeted("Hi, I am Ada. Ask me anything about our products."))
        runner.say("What is new?")
        runner.tell(
            e.Answer("Three things. First, the blue kettle is back.", "socket"),
            e.Responded(
                "u1", "", (e.Citation("Product help", "…"), e.Citation("Manual p. 4", "…"))
            ),
            e.UtteranceStarted("v1"),
        )
        await settle(pilot)
        show_face(screen)
        screen._tick()
        await settle(pilot)
        golden(app.export_screenshot(), name_of("chat-full", size))


@sizes
async def test_where_there_is_no_sound_there_are_captions(
    size: tuple[int, int], golden: Golden
) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=size) as pilot:
        screen, runner = await chat_on(pilot)
        runner.playback.audible, runner.playback.speaker_name = False, "no sound"
        connect(runner)
        runner.tell(e.UserSaid("u1", "What is new?"), e.UtteranceStarted("v1"))
        text = (
            "This month we opened a second store. It is in the old harbour, next to the fish market"
            " and the ferry to the islands. Shall I show you the way?"
        )
        runner.tell(e.Answer(text, "channel"))
        await settle(pilot)
        show_face(screen)
        await settle(pilot)
        runner.playback.counters.sound_heard = 48_000 * 7
        screen._tick()
        await settle(pilot)
        lines = str(screen.query_one(CaptionLines).content)
        assert "ferry" in lines
        assert "islands" not in lines
        golden(app.export_screenshot(), name_of("chat-captions", size))


async def test_captions_can_be_switched() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, runner = await chat_on(pilot)
        connect(runner)
        lines = screen.query_one(CaptionLines)
        assert not lines.display
        await pilot.press("f7")
        screen._tick()
        assert lines.display
        hostile = "[b]One[/x] \x1b]0;t\x07 \x9b2J two"
        runner.tell(e.Greeted(hostile), e.UtteranceStarted("v1"))
        runner.playback.counters.sound_heard = 48_000
        screen._tick()
        runner.playback.counters.sound_heard = 48_000 * 9
        screen._tick()
        await settle(pilot)
        shown = str(lines.content)
        assert "[b]One[/x]" in shown
        assert "two" in shown
        for control in ("\x1b", "\x9b", "\x07"):
            assert control not in shown
        await pilot.press("f7")
        runner.playback.audible = False
        screen._tick()
        assert not lines.display, "switched off, they stay off"


async def test_captions_stop_where_the_agent_was_interrupted() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, runner = await chat_on(pilot)
        connect(runner)
        await pilot.press("f7")
        runner.tell(e.Greeted("Welcome to this place."), e.UtteranceStarted("v1"))
        screen._tick()
        await settle(pilot)
        await pilot.press("ctrl+c")
        runner.playback.counters.sound_heard = 48_000 * 9
        screen._tick()
        assert str(screen.query_one(CaptionLines).content).split() == ["Welcome"]


async def test_what_is_typed_is_sent_and_starters_have_keys() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        _, runner = await chat_on(pilot)
        await pilot.press("9")  # no such starter: the digit is text
        prompt = app.screen.query_one(Prompt)
        assert prompt.text == "9"
        prompt.clear()
        await pilot.press("2")
        connect(runner)
        await settle(pilot)
        assert runner.said == ["Where is my order?"]
        await pilot.press(*"3 apples", "enter")  # nothing is offered any more: text again
        assert runner.said == ["Where is my order?", "3 apples"]


async def test_what_a_notification_says_cannot_steer_the_terminal() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        app.notify("[b]a[/x]\x1b]0;t\x07\x9b2Jb", title="\x1b[31mc")
        await settle(pilot)
        shot = words(app.export_screenshot())
        assert "[b]a[/x]" in shot
        for control in ("\x1b", "\x9b", "\x07"):
            assert control not in shot


async def test_a_notice_is_seen_whole_above_the_footer() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        for letters in range(42, 47):
            app.clear_notifications()
            app.notify(f"{'x ' * 22}"[: letters - 4] + " end", title="Left open")
            await settle(pilot)
            (toast,) = app.screen.query(Toast)
            shown = "\n".join(toast.render_line(y).text for y in range(toast.size.height))
            assert shown.rstrip().endswith("end")
            assert toast.region.bottom <= 23, letters
        bar = app.screen.query_one(TopBar)
        bar.crumbs, bar.state = ("127.0.0.1:8791", "Agents"), "s" * 50
        assert "… ▸ Agents  " in bar.render_line(0).text, "the state does not stand on it"


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 8, 12])
async def test_a_conversation_survives_any_width(width: int) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, runner = await chat_on(pilot)
        connect(runner)
        runner.tell(e.Greeted("Hello, a few words."))
        await settle(pilot)
        show_face(screen)
        await pilot.resize_terminal(width, 24)
        await settle(pilot)
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert "Hello" in words(app.export_screenshot())


async def test_a_lookup_that_failed_can_be_tried_again() -> None:
    broken = [True]

    def answer(request: httpx.Request) -> httpx.Response:
        return refusing(request) if broken[0] else well(request)

    app = ScriptedApp(answer, agent="ada")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "refused the key" in words(app.export_screenshot())
        broken[0] = False
        await pilot.press("f2")
        await settle(pilot)
        assert app.runner is not None
        assert app.runner.agent_id == "agt_ada"


async def test_a_message_that_was_not_sent_comes_back_to_the_prompt() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, runner = await chat_on(pilot)
        connect(runner)
        await pilot.press(*"hello", "enter")
        runner.tell(e.SendFailed("u1", "api.d-id.com cannot be reached"))
        await settle(pilot)
        assert screen.query_one(Prompt).text == "hello"
        assert "✗ not sent: api.d-id.com cannot be reached" in shown(screen.stage.transcript)


async def test_nothing_typed_is_lost_when_the_line_is_gone() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, runner = await chat_on(pilot)
        connect(runner)
        runner.tell(e.SessionEnded("network"))
        await settle(pilot)
        await pilot.press(*"wait", "enter")
        assert screen.query_one(Prompt).text == "wait"
        assert runner.said == []
        await pilot.press("f2")
        await settle(pilot)
        assert runner.conversation.phase == "connecting"
        await pilot.press("enter")
        assert runner.said == ["wait"]


async def test_a_message_that_is_too_long_stays_where_it_is() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, runner = await chat_on(pilot)
        connect(runner)
        prompt = screen.query_one(Prompt)
        prompt.text = "x" * 2001
        await pilot.press("enter")
        assert runner.said == []
        assert len(prompt.text) == 2001
        assert "too long" in str(prompt.border_subtitle)
        prompt.text = f"/speak {'x' * 2001}"
        await settle(pilot)
        assert not prompt.border_subtitle, "more of it can be spoken"


async def test_where_the_agent_only_speaks_nothing_is_asked() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, runner = await chat_on(pilot)
        connect(runner)
        await settle(pilot)
        assert "What is new?" in words(app.export_screenshot())
        runner.tell(e.ModeChanged("DirectPlayback"))
        await settle(pilot)
        shot = words(app.export_screenshot())
        assert "is to say, or /help" in shot
        assert "What is new?" not in shot, "a question is nothing to be said"
        await pilot.press("1")
        assert (screen.prompt.text, runner.said) == ("1", [])


async def test_escape_closes_the_stream_and_goes_back() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        _, runner = await chat_on(pilot)
        connect(runner)
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert runner.closed == 0, "the first one only leaves the prompt"
        await pilot.press("escape")
        await settle(pilot)
        assert runner.closed >= 1
        assert isinstance(app.screen, Browser)


async def test_quitting_closes_the_stream() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        _, runner = await chat_on(pilot)
        connect(runner)
        await pilot.press("ctrl+q")
        await settle(pilot)
        assert runner.closed >= 1


async def test_control_c_interrupts_only_while_the_agent_talks() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        _, runner = await chat_on(pilot)
        connect(runner)
        await pilot.press("ctrl+c")
        assert runner.interrupted == 0
        runner.tell(e.UtteranceStarted("v1"))
        await settle(pilot)
        await pilot.press("ctrl+c")
        assert runner.interrupted == 1


@pytest.mark.parametrize("size", [(1, 1), (20, 5), (39, 16), (500, 200)])
async def test_terminals_that_are_too_small_or_very_large(size: tuple[int, int]) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=size) as pilot:
        screen, runner = await chat_on(pilot)
        connect(runner)
        await settle(pilot)
        if size == (39, 16):
            assert "too small" in words(app.export_screenshot())
        if size[0] > 40:
            show_face(screen)
        await settle(pilot)
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        await pilot.press("escape")


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (99, 40)])
async def test_in_a_narrow_terminal_face_and_words_are_side_by_side(size: tuple[int, int]) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=size) as pilot:
        screen, runner = await chat_on(pilot)
        connect(runner)
        show_face(screen)
        runner.tell(e.Greeted("Hello, I am Ada."))
        await settle(pilot)
        stage = screen.stage
        face, said = stage.face.region, stage.transcript.region
        assert face.right <= said.x
        assert said.width >= 0.55 * size[0]
        assert said.height >= size[1] - 8
        assert stage.region.contains_region(face)
        assert "Hello, I am Ada." in words(app.export_screenshot())
        looks = []
        for _ in range(3):
            await pilot.press("f6")
            await settle(pilot)
            looks.append(stage.mode)
        assert looks == ["full", "off", "split"], "each press changes something"
