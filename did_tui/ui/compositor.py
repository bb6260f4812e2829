"""The short way of the live picture to the terminal.

It needs names that Textual keeps private; ``missing`` says which of them the installed version does
not have. Where there are any, every frame takes Textual's ordinary way, which is slower and right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from textual._compositor import CompositorUpdate
from textual.widget import Widget

if TYPE_CHECKING:
    import numpy.typing as npt
    from rich.console import Console

    from did_tui.picture.cells import Cells, Shadow

#: done: on its way; hidden: not to be seen; ordinary: let Textual repaint it;
#: later: let Textual repaint it, but not each frame.
Painted: TypeAlias = Literal["done", "hidden", "ordinary", "later"]


class _Update(CompositorUpdate):
    """Bytes for Textual to write between its synchronized-output marks."""

    def __init__(self, text: str) -> None:
        self._text = text

    def render_segments(self, console: Console) -> str:  # noqa: ARG002 (Textual's signature)
        return self._text


def missing(widget: Widget) -> list[str]:
    """The private names that are used here and that this Textual does not have."""
    compositor = getattr(widget.screen, "_compositor", None)
    wanted: list[tuple[object, str]] = [
        (widget, "_repaint_required"),
        (widget.screen, "_layout_required"),
        (compositor, "visible_widgets"),
        (compositor, "_dirty_regions"),
        (widget.app, "_display"),
        (widget.app, "_driver"),
        (widget.app, "_batch_count"),
        (widget.app, "_background_screens"),
    ]
    return [f"{type(owner).__name__}.{name}" for owner, name in wanted if not hasattr(owner, name)]


class Canvas:
    """Where a widget's cells lie on the terminal and what it shows there."""

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._shadow: Shadow | None = None
        self._map: object = None
        self._place: tuple[int, int, npt.NDArray[Any]] | None = None
        self._available: bool | None = None

    def forget(self) -> None:
        """The size has changed: the next repaint begins anew."""
        self._shadow = None
        self._map = None

    def written(self, cells: Cells, y: int, x0: int, x1: int) -> None:
        """A part of a row was written by Textual's own repaint."""
        if self._shadow is not None and self._shadow.shape == (cells.rows, cells.cols):
            self._shadow.shown(cells, y, x0, x1)

    def paint(self, cells: Cells, threshold: int) -> Painted:
        """Send what differs from the shadow, if nothing stands in the way."""
        from did_tui.picture.cells import Shadow
        from did_tui.picture.encoder import delta

        if self._shadow is None or self._shadow.shape != (cells.rows, cells.cols):
            self._shadow = Shadow(cells.rows, cells.cols)
            return "ordinary"
        hindrance = self._hindrance()
        if hindrance is not None:
            return hindrance
        place = self._visible(cells)
        if place is None:
            return "hidden"
        left, top, visible = place
        data = delta(cells, self._shadow, top=top, left=left, threshold=threshold, visible=visible)
        if data:
            update: Any = _Update(data.decode() + "\x1b[0m")
            self._widget.app._display(self._widget.screen, update)
        return "done"

    def _hindrance(self) -> Painted | None:
        """Why this frame cannot go the short way, None where it can."""
        widget, app = self._widget, self._widget.app
        if not widget.is_attached or not app.screen_stack:
            return "hidden"  # the app is on its way out
        if self._available is None:
            self._available = not missing(widget)
        if not self._available:
            return "ordinary"
        screen, driver = widget.screen, app._driver
        if app.screen is not screen:
            return "later" if screen in app._background_screens else "hidden"
        if (
            driver is None
            or driver.is_headless
            or driver.is_inline
            or app._batch_count
            or app.no_color
            or widget.styles.opacity != 1.0
            or widget._repaint_required
            or screen._layout_required
            or screen._compositor._dirty_regions
        ):
            return "ordinary"
        return None

    def _visible(self, cells: Cells) -> tuple[int, int, npt.NDArray[Any]] | None:
        """Column, row and the mask of cells that nothing covers; None where all is covered."""
        import numpy as np

        shown = self._widget.screen._compositor.visible_widgets
        if shown is self._map and (
            self._place is None or self._place[2].shape == (cells.rows, cells.cols)
        ):
            return self._place
        self._map, self._place = shown, None
        if self._widget not in shown:
            return None
        region, clip = shown[self._widget]
        area = region.intersection(clip)
        mask = np.zeros((cells.rows, cells.cols), bool)

        def part(of: Any) -> tuple[slice, slice]:
            return (
                slice(of.y - region.y, of.bottom - region.y),
                slice(of.x - region.x, of.right - region.x),
            )

        mask[part(area)] = True
        for other, (place, place_clip) in shown.items():  # the topmost comes first
            if other is self._widget:
                break
            over = place.intersection(place_clip).intersection(area)
            if over:
                mask[part(over)] = False
        self._place = (region.x, region.y, mask)
        return self._place
