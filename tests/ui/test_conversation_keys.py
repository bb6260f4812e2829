"""What keys and written commands do in a conversation."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from golden import words
from liveterm import LiveDriver, calm, terminal_of
from scripted import (
    NOW,
    ScriptedApp,
    ScriptedOutput,
    ScriptedRunner,
    chat_on,
    connect,
    settle,
    well,
)
from textual.containers import Vertical, VerticalScroll
from textual.pilot import Pilot
from textual.widgets._toast import Toast, ToastRack

from did_tui.api.errors import Unreachable
from did_tui.api.models import RuntimeAgent
from did_tui.live import events as e
from did_tui.live.media.recorder import Recorder
from did_tui.live.media.speaker import Device
from did_tui.ui.screens.browser import Browser
from did_tui.ui.screens.chat import ChatScreen
from did_tui.ui.screens.commands import COMMANDS, BadCommand, parse, to_present
from did_tui.ui.screens.dialogs import Help, Passage, Pick
from did_tui.ui.sound import Sound
from did_tui.ui.widgets.prompt import Prompt

if TYPE_CHECKING:
    from did_tui.live.media.playback import Playback

PASSAGES = (
    e.Citation("Product help", "The blue kettle is back.", "https://shop.example/help"),
    e.Citation("Manual p. 4", "Fill it up to the mark."),
)


async def talk(pilot: Pilot[None]) -> tuple[ChatScreen, ScriptedRunner]:
    """A conversation with one answer that rests on two passages."""
    screen, runner = await chat_on(pilot)
    connect(runner)
    runner.say("What is new?")
    runner.tell(e.Answer("The **kettle**.", "socket"), e.Responded("u1", "", PASSAGES))
    await settle(pilot)
    return screen, runner


class ScriptedMicrophone:
    """A microphone that hears something."""

    talking = held = False
    level = 0.5
    duplex = "agent"

    def toggle(self) -> bool:
        self.talking = not self.talking
        return self.talking


def notices(app: ScriptedApp) -> str:
    return " ".join(notice.message for notice in app._notifications)


def copied(app: ScriptedApp, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []
    monkeypatch.setattr(app, "copy", lambda text, _what: texts.append(text))
    return texts


# The focus


async def test_escape_leads_to_the_conversation_and_i_back() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, _ = await talk(pilot)
        for back in ("i", "tab", "shift+tab", "enter"):
            await pilot.press("escape")
            assert screen.stage.has_focus
            await pilot.press(back)
            assert screen.prompt.has_focus, back
        await pilot.press(*"yes")
        assert screen.prompt.text == "yes", "in the prompt, letters are text"


async def test_messages_are_chosen_and_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        await talk(pilot)
        texts = copied(app, monkeypatch)
        await pilot.press("escape", "y")
        assert texts == ["The **kettle**."], "the newest answer, where none is chosen"
        await pilot.press("k", "k", "k", "y")
        assert texts[1:] == ["What is new?"]
        await pilot.press("down", "y")
        assert texts[2:] == ["The **kettle**."]


async def test_of_an_answer_that_was_cut_is_copied_what_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        _, runner = await talk(pilot)
        answer = runner.conversation.messages[-1]
        answer.cut = len("The **kettle**")
        texts = copied(app, monkeypatch)
        await pilot.press("escape", "y")
        assert texts == ["The **kettle**"]


async def test_who_cannot_be_interrupted_has_no_key_for_it() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, runner = await chat_on(pilot)
        connect(runner, fluent=False)
        runner.tell(e.UserSaid("u1", "Hello"))
        await settle(pilot)
        assert screen.active_bindings["ctrl+c"].enabled, "the question can be taken back"
        runner.tell(e.Answer("Hello.", "socket"), e.UtteranceStarted("v1"))
        await settle(pilot)
        assert runner.conversation.speaking
        found = screen.active_bindings["ctrl+c"]
        assert found.binding.show
        assert not found.enabled


async def test_a_notice_that_answers_a_key_takes_the_place_of_the_one_before() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        await talk(pilot)
        app.notify("Something else.", title="Sound", timeout=15)
        await pilot.press("f5", "f5", "f5", "f5")
        await settle(pilot)
        assert len(app._notifications) == 2, notices(app)


async def test_under_a_dialog_there_is_no_notice() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        screen, _ = await talk(pilot)
        app.notify("First.", title="A", timeout=60)
        await settle(pilot)
        assert len(screen.query(Toast)) == 1
        await pilot.press("f1")
        app.notify("Second.", title="B", timeout=60)
        await settle(pilot)
        assert len(app.screen.query(Toast)) == 2
        assert not screen.query_one(ToastRack).display
        await pilot.press("escape")
        await settle(pilot)
        assert len(screen.query(Toast)) == 2
        assert screen.query_one(ToastRack).display


async def test_the_palette_has_the_keys_of_a_conversation() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, _ = await talk(pilot)
        found = {command.title: command for command in app.get_system_commands(screen)}
        assert "Stats  (s)" in found
        assert "Picture  (f5)" in found
        assert "Quit did-tui" in found
        assert not {"Theme", "Maximize", "Screenshot"} & set(found)
        found["Stats  (s)"].callback()
        assert screen.stage.stats.display
        await pilot.press("f1", "ctrl+p")
        await settle(pilot)
        assert isinstance(app.screen, Help), "a dialog has no palette"


async def test_where_nobody_hears_no_sound_is_lost() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(120, 36)) as pilot:
        screen, runner = await talk(pilot)
        screen.sound.playback = cast("Playback", runner.playback)
        counters = runner.playback.counters
        at = [NOW]
        app.now = lambda: at[0]
        for audible in (True, False):
            runner.playback.audible = audible
            for _ in range(7):
                at[0] += 1
                counters.sound_heard += 48_000
                counters.sound_concealed += 16_000
                screen._tick()
            await settle(pilot)
            shown = words(app.export_screenshot())
            assert ("sound lost" in shown) is audible


async def test_passages_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        await talk(pilot)
        assert "1 Product help · 2 Manual p. 4" in words(app.export_screenshot())
        texts = copied(app, monkeypatch)
        await pilot.press("escape", "k", "enter")
        await settle(pilot)
        assert isinstance(app.screen, Passage)
        assert "The blue kettle is back" in words(app.export_screenshot())
        assert "https://shop.example/help" in words(app.export_screenshot())
        await pilot.press("y")
        assert texts == ["https://shop.example/help"]
        await pilot.press("right")
        await settle(pilot)
        assert "Fill it up" in words(app.export_screenshot())
        await pilot.press("escape", "9", "2")
        await settle(pilot)
        assert "Fill it up" in words(app.export_screenshot()), "its number leads to it as well"


async def test_the_transcript_follows_until_somebody_scrolls_back() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, runner = await talk(pilot)
        transcript = screen.stage.transcript
        for number in range(12):
            runner.tell(e.Greeted(f"More and more, {number}."))
        runner.tell(e.UserSaid("u9", "And?"), e.Answer("Newest.\n\n" * 9, "socket"))
        await settle(pilot)
        assert transcript.scroll_y == transcript.max_scroll_y > 0
        await pilot.press("pageup")
        await settle(pilot)
        here = transcript.scroll_y
        assert here < transcript.max_scroll_y
        runner.tell(e.UserSaid("u10", "And?"), e.Answer("Newer.\n\n" * 9, "socket"))
        await settle(pilot)
        assert transcript.scroll_y == here, "nothing moves under the eyes"
        for _ in range(12):
            await pilot.press("pagedown")
        await settle(pilot)
        runner.tell(e.UserSaid("u11", "And?"), e.Answer("Last.\n\n" * 9, "socket"))
        await settle(pilot)
        assert transcript.scroll_y == transcript.max_scroll_y


async def test_an_answer_that_grows_within_its_line_moves_nothing() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, runner = await talk(pilot)
        runner.tell(e.UserSaid("u2", "More?"), e.Partial("One", 0, "socket"))
        await settle(pilot)
        before = screen._compositor.full_map
        runner.tell(e.Partial(" two", 1, "socket"))
        await settle(pilot)
        await calm(0.1)
        assert "One two" in words(app.export_screenshot())
        assert screen._compositor.full_map is before, "no layout for a word"


# Sound


async def test_the_volume_has_keys_and_a_command() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        screen, runner = await talk(pilot)
        output = screen.sound.output
        assert isinstance(output, ScriptedOutput)
        await pilot.press("escape", "minus", "minus")
        assert output.volume == 0.8
        await pilot.press("m")
        assert runner.playback.muted
        screen._tick()
        await settle(pilot)
        assert "muted" in words(app.export_screenshot())
        await pilot.press("plus")
        assert not runner.playback.muted, "who turns it up wants to hear it"
        await pilot.press("i", *"/volume 30", "enter")
        assert output.volume == 0.3
        screen._tick()
        await settle(pilot)
        assert "volume 30%" in words(app.export_screenshot())
        assert runner.said == ["What is new?"]


async def test_a_device_is_chosen_from_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Device("pulse:a", "Headset [b]x[/b]\x1b[2J", True), Device("pulse:b", "Screen")]
    monkeypatch.setattr(Sound, "devices", staticmethod(lambda: found))
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, _ = await talk(pilot)
        output = screen.sound.output
        assert isinstance(output, ScriptedOutput)
        await pilot.press("escape", "a")
        await settle(pilot)
        assert isinstance(app.screen, Pick)
        assert "Headset [b]x[/b]" in words(app.export_screenshot())
        await pilot.press("escape")
        await settle(pilot)
        assert output.sink == "pulse"
        await pilot.press("a")
        await settle(pilot)
        await pilot.press("down", "enter")
        await settle(pilot)
        assert output.sink == "pulse:b"


async def test_the_microphone_says_why_not() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        screen, runner = await talk(pilot)
        microphone = ScriptedMicrophone()
        screen.sound.microphone = microphone  # type: ignore[assignment]
        await pilot.press("ctrl+t")
        await settle(pilot)
        assert "It only sends" in notices(app)
        assert not microphone.talking
        runner.no_microphone_because = ""
        await pilot.press("ctrl+t")
        screen._tick()
        await settle(pilot)
        assert microphone.talking
        assert "microphone ▃" in words(app.export_screenshot())
        await pilot.press("ctrl+t")
        assert not microphone.talking


# The prompt


async def test_what_was_sent_can_be_recalled() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, runner = await talk(pilot)
        prompt = screen.prompt
        await pilot.press(*"one", "enter", *"two", "enter", *"draft", "up")
        assert prompt.text == "two"
        await pilot.press("up", "up")
        assert prompt.text == "one"
        await pilot.press("down", "down")
        assert prompt.text == "draft", "what was being written is not lost"
        await pilot.press("up", "enter")
        assert runner.said[-1] == "two"


async def test_several_lines_are_walked_before_the_past_is_recalled() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, _ = await talk(pilot)
        await pilot.press(*"one", "enter", "a", "ctrl+j", "b", "up")
        assert screen.prompt.text == "a\nb"
        await pilot.press("up")
        assert screen.prompt.text == "one"


async def test_the_editor_writes_the_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    app = ScriptedApp(well)

    async def edited(self: Prompt, text: str) -> str:
        return text + " and more\x1b[2J\n"

    monkeypatch.setattr(Prompt, "_edited", edited)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, runner = await talk(pilot)
        await pilot.press(*"words", "f4")
        await settle(pilot)
        assert screen.prompt.text == "words and more[2J"
        assert runner.said == ["What is new?"], "sent it is by enter"


async def test_a_terminal_that_cannot_be_given_away_says_so() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        screen, _ = await talk(pilot)
        await pilot.press(*"words", "f4")
        await settle(pilot)
        assert screen.prompt.text == "words"
        assert "cannot be given to an editor" in notices(app)


# Commands


@pytest.mark.parametrize(
    ("text", "name", "rest"),
    [
        ("/help", "help", ""),
        ("/speak Hello  there ", "speak", "Hello  there"),
        ("/speak two\nlines", "speak", "two\nlines"),
        ("/speak-ssml <p>Hello</p>", "speak-ssml", "<p>Hello</p>"),
        ("/speak-audio https://a.example/b.mp3", "speak-audio", "https://a.example/b.mp3"),
        ("/rate good", "rate", "good"),
        ("/volume 0", "volume", "0"),
        ("/export", "export", ""),
        ("/language en-US", "language", "en-US"),
        ("/language Français (Canada)", "language", "Français (Canada)"),
        ("/present 3", "present", "3"),
        ('/present {"type": "next"}', "present", '{"type": "next"}'),
    ],
)
def test_commands_are_read(text: str, name: str, rest: str) -> None:
    found = parse(text)
    assert found is not None
    assert (found[0].name, found[1]) == (name, rest)


@pytest.mark.parametrize(
    "text", ["hello", "/etc/passwd is what?", " /help", "a /help", "/", "//", "/Help", "/2 of it"]
)
def test_messages_are_no_commands(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("/foo", "no command /foo"),
        ("/speak", "/speak TEXT"),
        ("/rate fine", "/rate good or /rate bad"),
        ("/volume 101", "0 to 100"),
        ("/volume \u0665", "0 to 100"),
        ("/volume loud", "0 to 100"),
        ("/language", "/language NAME"),
        ("/language <b>", "a name or a code"),
        ("/language " + "e" * 61, "a name or a code"),
        ("/present", "/present SLIDE"),
        ("/present \u0663", "A slide is a number"),
        ("/present [1]", "an object of JSON"),
        ("/present {", "an object of JSON"),
        ('/present {"a": NaN}', "an object of JSON"),
        ("/present " + "[" * 5000, "an object of JSON"),
    ],
)
def test_wrong_commands_are_explained(text: str, why: str) -> None:
    with pytest.raises(BadCommand, match=why):
        parse(text)


async def test_an_unknown_command_stays_in_the_prompt() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        screen, runner = await talk(pilot)
        await pilot.press(*"/foo", "enter")
        await settle(pilot)
        assert screen.prompt.text == "/foo"
        assert runner.said == ["What is new?"]
        assert "/help lists them" in notices(app)
        for text in ("/language German", "/present 3"):
            screen.prompt.text = text
            await pilot.press("enter")
            await settle(pilot)
        assert runner.talk.told == ["German", {"type": "navigate", "slide": 3}]
        assert "The agent listens for German" in notices(app)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("3", {"type": "navigate", "slide": 3}),
        ('{"type": "quiz", "of": [1]}', {"type": "quiz", "of": [1]}),
    ],
)
def test_what_a_presentation_is_sent(text: str, sent: dict[str, Any]) -> None:
    assert to_present(text) == sent


async def test_help_names_every_command() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 96)) as pilot:
        await talk(pilot)
        await pilot.press(*"/help", "enter")
        await settle(pilot)
        assert isinstance(app.screen, Help)
        shown = words(app.export_screenshot())
        for command in COMMANDS:
            assert f"/{command.name}" in shown
        await pilot.press("escape")
        assert isinstance(app.screen, ChatScreen)


@pytest.mark.parametrize("size", [(40, 16), (80, 24), (120, 36)])
@pytest.mark.parametrize("what", ["help", "passage", "keys"])
async def test_what_is_longer_than_the_screen_can_be_read_to_its_end(
    size: tuple[int, int], what: str
) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=size) as pilot:
        if what == "keys":
            await settle(pilot)
            await pilot.press("f1")
        elif what == "help":
            await talk(pilot)
            await pilot.press("f1")
        else:
            text = "\n".join(f"Line {number}." for number in range(99)) + "\nNo more."
            app.push_screen(Passage([e.Citation("Long", text, "https://shop.example/long")]))
        await settle(pilot)
        dialog = app.screen
        body = dialog.query_one(VerticalScroll)
        whole = body.region.union(dialog.query_one(Vertical).region)
        assert dialog.region.contains_region(whole), "the frame is whole"
        if what == "passage":
            assert "https://shop.example/long" in words(app.export_screenshot())
        lines = [0.0]
        for key in ("j", "down", "pagedown", "end"):
            await pilot.press(key)
            await settle(pilot)
            lines.append(body.scroll_target_y)
        assert lines == sorted(lines)
        assert lines[1:3] == [1, 2]
        assert lines[-1] == body.max_scroll_y > 2
        last = {"help": "Keys and commands", "passage": "No more.", "keys": "own selection"}[what]
        async with asyncio.timeout(20):  # it scrolls smoothly
            while last not in words(app.export_screenshot()):
                await asyncio.sleep(0.05)
        for key in ("k", "up", "pageup", "home"):
            await pilot.press(key)
            await settle(pilot)
            lines.append(body.scroll_target_y)
        assert lines[5:] == sorted(lines[5:], reverse=True)
        assert lines[-1] == 0
        assert lines[5:7] == [body.max_scroll_y - 1, body.max_scroll_y - 2], lines


# What becomes of it


async def test_an_answer_is_rated_by_key_and_by_command() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        _, runner = await talk(pilot)
        answer = runner.conversation.messages[-1].id
        await pilot.press("escape", "R")
        await settle(pilot)
        assert isinstance(app.screen, Pick)
        await pilot.press("escape")
        assert runner.rated == [], "escape changes nothing"
        await pilot.press("R", "b")
        await settle(pilot)
        assert runner.rated == [(answer, -1)]
        assert "you rated this bad" in words(app.export_screenshot())
        await pilot.press("i", *"/rate good", "enter")
        await settle(pilot)
        assert runner.rated[1:] == [(answer, 1)]
        await pilot.press("escape", "k", "k", "R")
        await settle(pilot)
        assert isinstance(app.screen, ChatScreen), "a question of one's own is not rated"


async def test_a_rating_that_does_not_arrive_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(_message: str, _score: int) -> None:
        raise Unreachable("api.d-id.com cannot be reached")

    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        _, runner = await talk(pilot)
        monkeypatch.setattr(runner, "rate", refuse)
        await pilot.press(*"/rate good", "enter")
        await settle(pilot)
        assert "cannot be reached" in notices(app)


@pytest.mark.parametrize(("end", "holds"), [("md", "**kettle**"), ("json", '"agent_id"')])
async def test_a_transcript_is_kept(tmp_path: Path, end: str, holds: str) -> None:
    app = ScriptedApp(well)
    path = tmp_path / f"call.{end}"
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        screen, runner = await talk(pilot)
        screen.prompt.text = f"/export {path}"
        await pilot.press("enter")
        await settle(pilot)
        assert holds in path.read_text()
        assert path.stat().st_mode & 0o777 == 0o600
        path.write_text("mine")
        screen.prompt.text = f"/export {path}"
        await pilot.press("enter")
        await settle(pilot)
        assert path.read_text() == "mine", "no file is lost"
        assert "is there already" in notices(app)
        screen.prompt.text = "/export call.doc"
        await pilot.press("enter")
        assert ".md, .json, .srt, .vtt" in notices(app)
        runner.playback.recorder = Recorder(tmp_path / "call.mp4")
        runner.playback.recorder.began = NOW - 65
        recorded = path.with_stem("recorded")
        screen.prompt.text = f"/export {recorded}"
        await pilot.press("enter")
        await settle(pilot)
        assert re.search("00:01:05|65.0", recorded.read_text()), "the times of the recording"


async def test_the_form_of_a_transcript_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        await talk(pilot)
        await pilot.press("escape", "e")
        await settle(pilot)
        await pilot.press("v")
        await settle(pilot)
        (file,) = tmp_path.iterdir()  # noqa: ASYNC240
        assert file.name.startswith("Ada-")
        assert file.read_text().startswith("WEBVTT")


@pytest.mark.parametrize(
    ("wanted", "keys", "given"),
    [
        (True, ["4", *"good", "enter"], [(4, "good")]),
        (True, ["4", *"no", "escape"], [(4, "")]),
        (True, ["escape"], []),
        (False, [], []),
    ],
)
async def test_who_wants_to_know_is_told_how_it_was(
    wanted: bool, keys: list[str], given: list[tuple[int, str]]
) -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        _, runner = await talk(pilot)
        wish = {"enabled": wanted, "closing_message": "[b]So?[/]"}
        runner.agent = RuntimeAgent.parse({"name": "Ada", "end_of_call_feedback": wish})
        await pilot.press("escape", "escape")
        await settle(pilot)
        assert runner.closed, "nothing costs any more while the question stands"
        if wanted:
            shot = words(app.export_screenshot())
            assert "[b]So?[/]" in shot
            assert "ended" in shot
            assert "closing the stream" not in shot
        for key in keys:
            await pilot.press(key)
            await settle(pilot)
        assert runner.feedback == given
        assert isinstance(app.screen, Browser)


async def test_who_is_asked_how_it_was_may_quit() -> None:
    app = ScriptedApp(well)
    async with app.run_test(size=(80, 24)) as pilot:
        _, runner = await talk(pilot)
        wish = {"enabled": True}
        runner.agent = RuntimeAgent.parse({"name": "Ada", "end_of_call_feedback": wish})
        await pilot.press("escape", "escape")
        await settle(pilot)
        await app.action_quit()
        assert runner.closed == 1
    await app.hang_up()


# Text from outside


HOSTILE = "[b]x[/] [@click=app.quit]y[/] \x1b[31m\x1b]2;t\x07\x1b[2J\x9b2J\u202e&#27;[2J & **z**"


async def test_nothing_that_is_said_steers_the_terminal() -> None:
    app = ScriptedApp(well, driver_class=LiveDriver)
    async with app.run_test(size=(120, 36), headless=False, notifications=True) as pilot:
        screen, runner = await chat_on(pilot)
        terminal = terminal_of(app)
        titles = {title for title in terminal.titles if not title.startswith("22;")}
        connect(runner)
        cited = e.Citation(HOSTILE, HOSTILE, HOSTILE)
        runner.say(HOSTILE)
        runner.tell(
            e.Greeted(HOSTILE),
            e.Partial(HOSTILE, 0, "socket"),
            e.UtteranceStarted("v1"),
            e.Responded("u1", "", (cited, cited)),
        )
        screen.stage.captions.toggle()
        runner.playback.speaker_name = HOSTILE
        runner.playback.counters.sound_heard = 48_000 * 9
        await settle(pilot)
        runner.tell(e.Answer(HOSTILE, "socket"), e.UtteranceFailed(HOSTILE))
        screen.stage.transcript.rename(HOSTILE)
        screen.warn(HOSTILE)
        screen.prompt.address(HOSTILE)
        screen.changed()
        screen._tick()
        await settle(pilot)
        await pilot.press("escape", "s", "k", "1")
        async with asyncio.timeout(20):
            while not isinstance(app.screen, Passage):
                await asyncio.sleep(0.02)
        await settle(pilot)
        await pilot.press("escape")
        runner.tell(e.Failed("stream", HOSTILE, HOSTILE), at=NOW)
        async with asyncio.timeout(20):  # what was painted reaches the terminal a little later
            while "[b]x[/]" not in terminal.text:
                await asyncio.sleep(0.02)
        await settle(pilot)
        assert terminal.strange == []
        assert {title for title in terminal.titles if not title.startswith("22;")} == titles
        assert "\u202e" not in terminal.text
        assert app.is_running
