"""What goes on behind the screens is seen, copied and reported, without secrets."""

from __future__ import annotations

import json
from pathlib import Path

from scripted import NOW, ScriptedApp, chat_on, connect, settle

from did_tui.config import Settings, Value
from did_tui.live import events as e
from did_tui.ui.logbook import Logbook
from did_tui.ui.screens.chat import ChatScreen
from did_tui.ui.screens.diagnostics import Diagnostics, flat

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


def test_figures_are_flat_and_what_is_not_measured_is_a_dash() -> None:
    assert list(flat({"a": {"b_c": 1, "d": None}, "e": ""})) == [
        ("a b c", 1), ("a d", "–"), ("e", ""),
    ]  # fmt: skip
