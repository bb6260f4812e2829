"""What goes on behind the screens is seen, copied and reported, without secrets."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from golden import SIZES, Golden, words
from scripted import NOW, ScriptedApp, chat_on, connect, here, settle

from did_tui.api.requestlog import Request
from did_tui.config import Settings, Value
from did_tui.live import events as e
from did_tui.live.conversation import Conversation
from did_tui.live.media.playback import Counters
from did_tui.live.report import report
from did_tui.ui import lookout, support
from did_tui.ui.logbook import Entry, Logbook, Source
from did_tui.ui.screens import diagnostics
from did_tui.ui.screens.chat import ChatScreen
from did_tui.ui.screens.diagnostics import HANGS, TABS, Diagnostics, colour, flat, folded

SAID = "the words that nobody else may read"
KEY = "planted:Zq7-s3cr3t"


def shown(app: ScriptedApp) -> str:
    assert isinstance(app.screen, Diagnostics)
    return "\n".join(app.screen.lines())


async def test_every_tab_and_a_report(tmp_path: Path) -> None:
    app = ScriptedApp(state=tmp_path)
    app.settings = Settings(key=KEY, values={"fps": Value("12", "file")})
    async with app.run_test(size=(100, 30)) as pilot:
        screen, runner = await chat_on(pilot)
        connect(runner)
        runner.tell(e.UserSaid("u1", SAID), e.SendFailed("u1", f"no: {SAID}", ""), at=NOW)
        await settle(pilot)
        screen.stage.focus()
        await pilot.press("L")
        await settle(pilot)
        assert "phase" in shown(app)
        assert "connected" in shown(app)
        await pilot.press("left_square_bracket")
        assert "/agents/me" in shown(app)
        assert "200" in shown(app)
        await pilot.press("slash", *"nowhere", "enter")
        assert shown(app) == ""
        await pilot.press("escape")
        assert "/agents/me" in shown(app)
        await pilot.press("y")
        assert "/agents/me" in app.clipboard
        await pilot.press("left_square_bracket")
        assert "conversation" in shown(app)
        await pilot.press("left_square_bracket")
        assert "textual" in shown(app)
        assert "100×30" in shown(app)
        app.notify(f"a notice about {SAID}")
        app.logbook.add("app", f"a mistake that told {KEY}")
        await pilot.press("Y")
        await settle(pilot)
        report = json.loads(app.clipboard)
        assert report["settings"] == {"fps": "12 (file)"}
        assert report["conversations"][0]["phase"] == "connected"
        assert report["requests"][0]["status"] == 200
        kept = next((tmp_path / "reports").glob("support-*.json"))
        assert kept.read_text() == app.clipboard
        assert kept.stat().st_mode & 0o777 == 0o600
        for secret in (SAID, "s3cr3t", KEY):
            assert secret not in app.clipboard
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, ChatScreen)
        await screen.end()
        assert app.conversations()[-1]["phase"] == "disconnected", "it is kept when it is over"


def test_the_log_is_bounded_and_steers_nothing() -> None:
    log = Logbook(3)
    for number in range(5):
        log.add("notice", f"{number}\x1b[31m\n\x9bm" + "x" * 1_000_000)
    assert len(log) == 3
    assert all(len(entry.text) <= 300 for entry in log)
    assert all(entry.line.isprintable() for entry in log)


def test_what_is_longer_than_the_screen_goes_on_under_itself() -> None:
    asked = f"14:02:11.120  POST    500   12.04 s  /agents/{'x' * 40}  ✗ D-ID is out of order."
    rows = folded(asked, 77, HANGS[1])
    assert all(len(row) <= 77 for row in rows)
    assert rows[0].index("/agents") == HANGS[1]
    assert [row[: HANGS[1]].strip() for row in rows[1:]] == [""] * (len(rows) - 1)
    assert "".join("".join(rows).split()) == "".join(asked.split())
    assert rows[-1].lstrip().startswith("✗ D-ID"), "why it failed has rows of its own"
    assert folded(asked, 200, HANGS[1]) == [asked]
    assert colour(asked) == "$error"
    assert folded("", 77, 24) == [""]
    noise = folded(f"    {'word ' * 30}", 77, 24)
    assert noise[1].startswith(f"{' ' * 6}word")


def test_figures_are_flat_and_what_is_not_measured_is_a_dash() -> None:
    assert list(flat({"a": {"b_c": 1, "d": None}, "e": ""})) == [
        ("a b c", 1), ("a d", "–"), ("e", ""),
    ]  # fmt: skip
    steps = {"agent": {"state": "done", "ms": 80.0}, "chat": {"state": "waiting", "ms": None}}
    assert list(flat({"steps": steps})) == [
        ("steps agent", "done, 80 ms"), ("steps chat", "waiting"),
    ]  # fmt: skip


BEGAN = datetime(2026, 9, 21, 14, 2, 11, 120_000, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def noted(seconds: float, source: Source, text: str) -> Entry:
    return Entry(at(seconds), source, text)


def asked(seconds: float, method: str, path: str, status: int, took: float, error: str) -> Request:
    return Request(at(seconds), method, path, status, took, error)


LOG = (
    noted(0.0, "app", "a conversation with agt_ada begins"),
    noted(0.1, "conversation", "phase: connecting"),
    noted(0.4, "conversation", "step agent: done after 0.31 s"),
    noted(0.9, "conversation", "step stream: done after 0.52 s"),
    noted(2.2, "conversation", "phase: connected"),
    noted(2.2, "conversation", "line: strong"),
    noted(31.0, "notice", "Sound: The speaker is gone; a new one is looked for, and what is said"
     " meanwhile stands under the face."),
    noted(64.5, "conversation", "ended by: network"),
)  # fmt: skip
ASKED = (
    asked(0.0, "GET", "/agents/me", 200, 0.12, ""),
    asked(0.2, "GET", "/credits", 200, 0.08, ""),
    asked(3.1, "POST", "/agents/agt_ada/streams", 201, 0.52, ""),
    asked(3.7, "POST", "/agents/agt_ada/streams/strm_Zq7f20c1/sdp", 200, 0.31, ""),
    asked(64.1, "POST", "/agents/agt_ada/chat/cht_20260921T140211/messages", 500, 12.04,
     "D-ID is out of order (500)."),
    asked(70.4, "DELETE", "/agents/agt_ada/streams/strm_Zq7f20c1", 0, 10.0,
     "api.d-id.com cannot be reached: nothing answers there."),
)  # fmt: skip
ENVIRONMENT = {"TERM": "tmux-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "TMUX": "set"}
VERSIONS = {"did-tui": "0.1.0", "python": "3.11.2", "textual": "8.0.0", "aiortc": "1.14.0",
            "system": "Linux-6.1.0-x86_64-with-glibc2.36"}  # fmt: skip


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that is the same everywhere, in Greenwich."""
    monkeypatch.setattr(support, "versions", lambda: VERSIONS)
    monkeypatch.setattr(support, "environment", lambda: ENVIRONMENT)
    monkeypatch.setattr(diagnostics, "checks_of", lambda app: lookout.checks_of(app, ENVIRONMENT))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def conversation() -> dict[str, Any]:
    """The report of a conversation that was connected and then lost its network."""
    talk = Conversation()
    talk.apply(e.Opening(), NOW)
    talk.apply(e.StreamGranted(True, True, False), NOW)
    for number, step in enumerate(e.STEPS):
        talk.apply(e.StepBegun(step), NOW + number / 10)
        talk.apply(e.StepDone(step), NOW + number / 10 + 0.08)
    talk.apply(e.SessionEnded("network"), NOW + 60)
    counters = Counters()
    counters.pictures_decoded = 1410
    counters.sound_heard = 48_000 * 41
    told = report(
        talk, counters, agent_id="agt_ada", frames_shown=1398, bytes_to_terminal=18_350_211
    )
    return told | {"did_tui": VERSIONS["did-tui"]}


@pytest.mark.usefixtures("still")
async def test_every_tab_looks_like_this(golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    app = ScriptedApp()
    monkeypatch.setattr(app, "requests", lambda: ASKED)
    monkeypatch.setattr(app, "conversations", lambda: [conversation()])
    async with app.run_test(size=SIZES[0]) as pilot:
        await settle(pilot)
        await pilot.press("5")
        await settle(pilot)
        assert "Nothing yet." in words(app.export_screenshot())
        app.logbook._entries.extend(LOG)
        here(pilot)._look()
        for size in SIZES:
            await pilot.resize_terminal(*size)
            for tab in TABS:
                await settle(pilot)
                golden(app.export_screenshot(), f"diagnostics-{tab.lower()}-{size[0]}x{size[1]}")
                await pilot.press("right_square_bracket")
