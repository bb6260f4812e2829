"""What the program needs of its libraries beyond their documented names: a new version that drops
one of them is noticed here, and not by a user."""

from __future__ import annotations

from scripted import ScriptedApp, settle

from did_tui.live import rtc
from did_tui.ui import compositor
from did_tui.ui.widgets.video import VideoView


async def test_aiortc_and_aioice() -> None:
    assert rtc.missing() == []


async def test_textual() -> None:
    app = ScriptedApp()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        assert compositor.missing(app.screen.query_one(VideoView)) == []
