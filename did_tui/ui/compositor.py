"""The short way of the live picture to the terminal.

It needs names that Textual keeps private; ``missing`` says which of them the installed version does
not have. Where there are any, every frame takes Textual's ordinary way, which is slower and right.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from textual._styles_cache import StylesCache
from textual.app import App
from textual.screen import Screen
from textual.widget import Widget

from did_tui.picture.fit import Window

#: short: nothing is in the way; hidden: not to be seen; ordinary: let Textual repaint it; busy: the
#: same, because Textual is about to; dimmed: the same, but not each frame, because all of the
#: screen is repainted.
Way: TypeAlias = Literal["short", "hidden", "ordinary", "busy", "dimmed"]


def missing(widget: Widget) -> list[str]:
    """The private names that are used here and that this Textual does not have."""
    compositor = getattr(widget.screen, "_compositor", None)
    wanted: list[tuple[object, str]] = [
        (widget, "_repaint_required"),
        (widget.screen, "_layout_required"),
        (compositor, "visible_widgets"),
        (compositor, "_dirty_regions"),
        (widget.app, "_display"),
        (widget.app, "_sync_available"),
        (widget.app, "_driver"),
        (widget.app, "_batch_count"),
        (widget.app, "_background_screens"),
    ]
    return [f"{type(owner).__name__}.{name}" for owner, name in wanted if not hasattr(owner, name)]


def forget_gone() -> None:
    """Let go of widgets that are gone.

    Textual (8.2.8) caches two colours by who asked for them, which keeps up to 1024 of those that
    were ever painted, with the lines that they showed: 0.1 MB of each visit to a booth.
    """
    clear = getattr(getattr(StylesCache, "get_inner_outer", None), "cache_clear", None)
    if clear is not None:
        clear()


class Canvas:
    """Where a widget's cells lie on the terminal, and which way leads there."""

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._map: object = None
        self._window: Window | None = None
        self._on: tuple[App[Any], Screen[Any]] | None = None  # to ask Textual each time is slow
        self._available = False

    def way(self) -> Way:
        """The way that a frame has to take now."""
        widget = self._widget
        if self._on is None:
            self._on = widget.app, widget.screen
            self._available = not missing(widget)
        app, screen = self._on
        stack = app.screen_stack
        if not stack or not widget.is_attached or not widget.outer_size:
            return "hidden"  # the app is on its way out, or there is no room
        if not self._available:
            return "ordinary"
        driver = app._driver
        if stack[-1] is not screen:
            opaque = stack[-1].styles.background.a == 1
            return "hidden" if opaque or screen not in app._background_screens else "dimmed"
        if driver is None or driver.is_headless or driver.is_inline or widget.styles.opacity != 1.0:
            return "ordinary"
        if (
            app._batch_count
            or widget._repaint_required
            or screen._layout_required
            or screen._compositor._dirty_regions
        ):
            return "busy"
        return "short" if self.window() is not None else "hidden"

    def window(self) -> Window | None:
        """Where the cells are; None where nothing of them can be seen.

        The same object as long as nothing has moved.
        """
        screen = self._on[1] if self._on is not None else self._widget.screen
        shown = screen._compositor.visible_widgets
        if shown is not self._map:
            self._map, self._window = shown, self._find(shown)
        return self._window

    def _find(self, shown: Any) -> Window | None:
        import numpy as np

        if self._widget not in shown:
            return None
        region, clip = shown[self._widget]
        area = region.intersection(clip)
        mask = np.zeros((region.height, region.width), bool)

        def part(of: Any) -> tuple[slice, slice]:
            return (
                slice(of.y - region.y, of.bottom - region.y),
                slice(of.x - region.x, of.right - region.x),
            )

        mask[part(area)] = True
        for other, (where, its_clip) in shown.items():  # the topmost comes first
            if other is self._widget:
                break
            over = where.intersection(its_clip).intersection(area)
            if over:
                mask[part(over)] = False
        if not mask.any():
            return None
        return Window(region.x, region.y, mask)
