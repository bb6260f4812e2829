"""The live picture, as a normal widget with a second way to the terminal.

Whatever Textual decides (layout, overlays, scrolling, resizing, screens, screenshots) goes the
ordinary way: ``render_lines`` gives strips, and a strip that is written puts what it wrote into the
shadow. A new frame between two repaints goes the short way: the cells that differ from the shadow
are sent straight to the driver. Where the picture is the topmost widget, the shadow is what the
terminal shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rich.color import Color
from rich.color_triplet import ColorTriplet
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.cache import FIFOCache
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from did_tui.ui import compositor

if TYPE_CHECKING:
    import av

    from did_tui.picture.cells import Cells
    from did_tui.picture.scale import Scaler
    from did_tui.picture.still import Still

THRESHOLD = 4  # of 255 in any channel: smaller changes are not seen
COVERED_FPS = 4.0  # under a translucent screen every frame repaints everything

Take = Callable[[], "av.VideoFrame | None"]


class VideoView(Widget):
    """Shows the newest frame of a source, as large as it fits."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "VideoView { width: 1fr; height: 1fr; }"

    class Shown(Message):
        """The first frame since ``attach`` is on the screen."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's name)
        super().__init__(id=id)
        self.frames_shown = 0
        self.cells: Cells | None = None
        self._take: Take | None = None
        self._still: Still | None = None
        self._scaler: Scaler | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._scaling = False
        self._waiting = False
        self._canvas = compositor.Canvas(self)
        self._covered_timer_runs = False

    # The source

    def attach(self, take: Take) -> None:
        """Show what ``take`` gives from now on; call ``picture_ready`` when it has something."""
        self._take = take
        self.frames_shown = 0

    def picture_ready(self) -> None:
        """The source has a newer picture; event loop only. Never waits."""
        if self._scaling:
            self._waiting = True
            return
        cols, rows = self.size
        if self._take is None or not self.is_mounted or not cols or not rows:
            return
        frame = self._take()
        if frame is None:
            return
        self._scaling = True
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="picture")
        work = asyncio.get_running_loop().run_in_executor(
            self._pool, self._scale, frame, cols, rows, self._around
        )
        work.add_done_callback(self._scaled)

    def _scale(self, frame: av.VideoFrame, cols: int, rows: int, around: int) -> Cells:
        if self._scaler is None:
            from did_tui.picture.scale import Scaler

            self._scaler = Scaler()
        return self._scaler.cells(frame, cols, rows, around)

    def _scaled(self, work: asyncio.Future[Cells]) -> None:
        self._scaling = False
        if not work.cancelled() and work.exception() is None and self.is_mounted:
            self._still = None
            self.present(work.result())
            self.frames_shown += 1
            if self.frames_shown == 1:
                self.post_message(self.Shown())
        if self._waiting:
            self._waiting = False
            self.picture_ready()

    def on_unmount(self) -> None:
        """Let the scaling thread go."""
        self._take = None
        if self._pool is not None:
            self._pool.shutdown(wait=False)

    # The picture

    def present(self, cells: Cells) -> None:
        """Put a picture on the screen now; event loop only."""
        self.cells = cells.resized(self.size.height, self.size.width) if self.size else cells
        if not self.is_mounted or not self.size:
            return
        match self._canvas.paint(self.cells, THRESHOLD):
            case "later":
                if not self._covered_timer_runs:
                    self._covered_timer_runs = True
                    self.set_timer(1 / COVERED_FPS, self._repaint_covered)
            case "ordinary":
                self.refresh()
            case "done" | "hidden":
                pass

    async def show_still(self, data: bytes) -> None:
        """Show a still picture (PNG, JPEG, WebP); nothing where the bytes are none."""
        from did_tui.picture.still import NotAPicture, Still

        try:
            self._still = await asyncio.to_thread(Still.decode, data)
        except NotAPicture:
            self._still = None
        self._present_still()

    def _present_still(self) -> None:
        if self._still is not None and self.size:
            self.present(self._still.cells(self.size.width, self.size.height, self._around))
        elif self._still is None:
            self.clear()

    def clear(self) -> None:
        """Show nothing."""
        self.cells = None
        self._still = None
        self._canvas.forget()
        self.refresh()

    def _repaint_covered(self) -> None:
        self._covered_timer_runs = False
        self.refresh()

    @property
    def _around(self) -> int:
        """The colour beside the picture: that of the place it lies in."""
        red, green, blue = self.background_colors[1].rgb
        return red | green << 8 | blue << 16

    # Textual's way

    def on_resize(self, _event: events.Resize) -> None:
        """A new size needs a new shadow; the next frame is scaled for it."""
        if self.cells is not None and self.size:
            self.cells = self.cells.resized(self.size.height, self.size.width)
        self._canvas.forget()
        if self._still is not None:
            self._present_still()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row of the picture."""
        return self.render_lines(Region(0, y, self.size.width, 1))[0]

    def render_lines(self, crop: Region) -> list[Strip]:
        """The rows that Textual asks for."""
        x, y, width, height = crop
        cells = self.cells
        background = self.rich_style
        if cells is None:
            return [Strip.blank(width, background)] * height
        plain = self.app.no_color or self.styles.opacity != 1.0
        strips: list[Strip] = []
        for row in range(y, y + height):
            end = min(x + width, cells.cols)
            if row >= cells.rows or end <= x:
                strips.append(Strip.blank(width, background))
                continue
            strip: Strip = CellStrip(cells, row, x, end, self._canvas)
            if end < x + width:
                strip = Strip.join([strip, Strip.blank(x + width - end, background)])
            strips.append(self._filtered(strip) if plain else strip)
        return strips

    def _filtered(self, strip: Strip) -> Strip:
        """What colour filters and opacity make of it, by ordinary segments."""
        _, background = self.background_colors
        filtered = Strip(list(strip), strip.cell_length)
        for line_filter in self.get_line_filters():
            filtered = filtered.apply_filter(line_filter, background)
        return filtered


class CellStrip(Strip):
    """A part of a row of cells that knows how to write itself.

    Cutting it gives further views on the same row, so overlays cost nothing special. Whatever else
    touches its segments (screenshots, tints, filters) makes them once.
    """

    __slots__ = ("_canvas", "_cells", "_x0", "_x1", "_y")

    def __init__(self, cells: Cells, y: int, x0: int, x1: int, canvas: compositor.Canvas) -> None:
        # Without super().__init__: it would make seven caches a row a frame.
        self._cells, self._y, self._x0, self._x1, self._canvas = cells, y, x0, x1, canvas
        self._cell_length = x1 - x0
        self._cell_count = x1 - x0
        self._render_cache = None
        self._link_ids = None

    def __getattr__(self, name: str) -> Any:
        if name == "_segments":
            self._segments = list(self._make_segments())
            return self._segments
        if name.endswith("_cache"):
            cache: FIFOCache[Any, Any] = FIFOCache(4)
            setattr(self, name, cache)
            return cache
        raise AttributeError(name)

    def __bool__(self) -> bool:
        return self._x1 > self._x0

    def render(self, console: Console) -> str:  # noqa: ARG002 (Textual's signature)
        """Write the row and tell the shadow."""
        from did_tui.picture.encoder import row_text

        self._canvas.written(self._cells, self._y, self._x0, self._x1)
        return row_text(self._cells, self._y, self._x0, self._x1)

    def crop(self, start: int, end: int | None = None) -> Strip:
        """A part of this part."""
        start = max(0, start)
        end = self._x1 - self._x0 if end is None else min(end, self._x1 - self._x0)
        return self._part(start, end) if end > start else Strip([], 0)

    def divide(self, cuts: Iterable[int]) -> list[Strip]:
        """The parts between these cuts."""
        parts: list[Strip] = []
        position = 0
        for cut in cuts:
            parts.append(self.crop(position, cut))
            position = cut
        return parts

    def _part(self, start: int, end: int) -> Strip:
        if start == 0 and end == self._x1 - self._x0:
            return self
        return CellStrip(self._cells, self._y, self._x0 + start, self._x0 + end, self._canvas)

    def _make_segments(self) -> Iterable[Segment]:
        upper = self._cells.upper[self._y, self._x0 : self._x1].tolist()
        lower = self._cells.lower[self._y, self._x0 : self._x1].tolist()
        start = 0
        for i in range(1, len(upper) + 1):
            if i == len(upper) or (upper[i], lower[i]) != (upper[start], lower[start]):
                glyph = " " if upper[start] == lower[start] else "▀"
                style = Style(color=_colour(upper[start]), bgcolor=_colour(lower[start]))
                yield Segment(glyph * (i - start), style)
                start = i


@lru_cache(16384)
def _colour(word: int) -> Color:
    return Color.from_triplet(ColorTriplet(word & 255, word >> 8 & 255, word >> 16 & 255))
