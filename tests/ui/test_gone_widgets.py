"""What is painted no more is kept by nobody."""

from __future__ import annotations

import gc
import weakref

from textual._styles_cache import StylesCache
from textual.app import App
from textual.widgets import Static

from did_tui.ui.compositor import forget_gone


async def test_a_widget_that_is_gone_leaves_nothing() -> None:
    assert hasattr(StylesCache.get_inner_outer, "cache_clear"), "does Textual still keep them?"
    app: App[None] = App()
    async with app.run_test() as pilot:
        shown = Static("here for a while")
        await app.screen.mount(shown)
        await pilot.pause()
        kept = weakref.ref(shown._styles_cache)
        await shown.remove()
        del shown
        for text in ("another", "and one more"):  # what is on the screen is laid out anew
            await app.screen.mount(Static(text))
            await pilot.pause()
        forget_gone()
        gc.collect()
        assert kept() is None
