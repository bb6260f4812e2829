"""The live picture, as a normal widget with a second way to the terminal.

Whatever Textual decides (layout, overlays, scrolling, resizing, screens, screenshots) goes the
ordinary way: ``render_lines`` gives strips, and a strip that is written tells the painter what the
terminal shows now. A new frame between two repaints goes the short way (``flow``): the painter
sends what is worth its bytes. Where the picture is the topmost widget, the painter knows what the
terminal shows.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rich.color import Color, ColorSystem
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from did_tui.config import GRAPHICS, SHAPES
from did_tui.ui import terminal
from did_tui.ui.base import TerminalApp
from did_tui.ui.compositor import Canvas
from did_tui.ui.widgets.cellstrip import CellStrip
from did_tui.ui.widgets.flow import Flow, Take, Upcoming

if TYPE_CHECKING:
    from did_tui.picture.art import Art, Style
    from did_tui.picture.cells import Words
    from did_tui.picture.fit import Framing
    from did_tui.picture.scale import Source
    from did_tui.picture.studio import Field


class VideoView(Widget):
    """Shows the newest frame of a source, as large as it fits."""

    app: TerminalApp[Any]
    ALLOW_SELECT = False
    DEFAULT_CSS = "VideoView { width: 1fr; height: 1fr; }"

    class Shown(Message):
        """The first frame since ``attach`` is on the screen."""

    def __init__(self, *, framing: Framing = "fit", id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.canvas = Canvas(self)
        self.flow = Flow(self, self.canvas)
        self._framing: Framing = framing
        self._chosen: tuple[str, str] | None = None
        self._undrawable = False  # that has been said
        self._art: tuple[Words, object, Art] | None = None  # what it was made of, and it
        self._blank: tuple[object, Art] | None = None

    # The source

    @property
    def frames_shown(self) -> int:
        """Frames of the source that were on the screen since ``attach``."""
        return self.flow.frames_shown

    @frames_shown.setter
    def frames_shown(self, count: int) -> None:
        self.flow.frames_shown = count

    def attach(self, take: Take, upcoming: Upcoming | None = None) -> None:
        """Show what ``take`` gives from now on; call ``picture_ready`` when it has something.

        ``upcoming`` tells what it will probably give next, where the source knows.
        """
        self.flow.attach(take, upcoming)

    def picture_ready(self) -> None:
        """The source has a newer picture; any thread. Never waits."""
        self.flow.ready()

    async def show_still(self, data: bytes) -> None:
        """Show a still picture (PNG, JPEG, WebP); nothing where the bytes are none."""
        from did_tui.picture.still import NotAPicture, Still

        try:
            still = await asyncio.to_thread(Still.decode, data)
        except NotAPicture:
            self.clear()
            return
        self.show(still)

    def show(self, source: Source) -> None:
        """Show this, until the source has something."""
        self.flow.show(source)

    def clear(self) -> None:
        """Show nothing."""
        self.flow.clear()
        self.refresh()

    # What it is drawn with

    @property
    def style_names(self) -> tuple[str, str]:
        """Shape and colours, by the names of the settings."""
        return self._chosen or self.app.shape_and_colours

    def draw_with(self, shape: str, colours: str) -> None:
        """Draw with these from now on."""
        self._chosen = (shape, colours)
        self.flow.wipe()
        self.flow.painter = None
        self.flow.changed()
        self.refresh()

    async def next_shape(self) -> str:
        """Draw with the next shape whose glyphs are one cell wide here; its name."""
        from did_tui.picture.shapes import SHAPES as GLYPHS

        shape, colours = self.style_names
        at = SHAPES.index(shape) if shape in SHAPES else 0
        following = "half"
        for following in (*SHAPES[at + 1 :], *SHAPES[1:]):
            if following in ("half", "ascii") or await self.app.is_narrow(GLYPHS[following].probe):
                break
            self.app.notify(f"Left out: {following} glyphs are not one cell wide here.")
        self.draw_with(following, colours)
        self.app.refresh(layout=True)  # glyphs of another width have moved what lay beside them
        return following

    def _style(self) -> Style:
        from did_tui.picture.art import Style

        shape, colours = self.style_names
        if shape in GRAPHICS:
            if self._can_be_pixels(shape):
                from did_tui.picture.graphics import pixel_style

                return pixel_style(shape, self.app.cell)
            shape = "half"
        return Style.named(shape, "none" if self.app.no_color else colours)

    def _can_be_pixels(self, shape: str) -> bool:
        """Sixels would cover what lies over them, and Textual's own way knows only cells."""
        if not self.app.paced:
            return False
        window = self.canvas.window()
        return shape == "kitty" or window is None or bool(window.visible.all())

    # For the flow

    def field(self) -> Field:
        """Size and style as they are now."""
        from did_tui.picture.studio import Field

        style = self._style()
        cols, rows = self.size
        return Field(cols, rows, style, self._framing, self.app.cell, self._around(style))

    def paint_again(self) -> None:
        """Have Textual paint the newest picture."""
        self.refresh()

    def first_shown(self) -> None:
        """The first frame of the source is on the screen."""
        self.post_message(self.Shown())

    def cannot_show(self, error: BaseException) -> None:
        """Say that a picture cannot be shown; an error of ours ends the app, as any other."""
        self.call_later(self._fail, error)

    def _fail(self, error: BaseException) -> None:
        from did_tui.picture.studio import Undrawable

        if not isinstance(error, Undrawable):
            raise error
        if not self._undrawable:
            self._undrawable = True
            self.app.notify(str(error), severity="warning")

    def _around(self, style: Style) -> int:
        """The colour beside the picture: that of the place it lies in."""
        if style.depth.kind == "none":
            return 0  # a dark colour would be dithered to dots
        return _as_written(self.background_colors[1].rgb, style.depth.kind)

    # Textual's way

    def on_mount(self) -> None:
        """Begin."""
        self.flow.open(self.app)

    def on_unmount(self) -> None:
        """Let the thread go."""
        self.flow.close()

    def on_resize(self, _event: events.Resize) -> None:
        """A new size: what there is is stretched until it was drawn anew."""
        self.flow.changed()
        self.refresh()

    def on_hide(self) -> None:
        """Not to be seen any more."""
        self.flow.wipe()

    def on_show(self) -> None:
        """To be seen again."""
        self.flow.changed()

    def render_line(self, y: int) -> Strip:
        """One row of the picture."""
        return self.render_lines(Region(0, y, self.size.width, 1))[0]

    def render_lines(self, crop: Region) -> list[Strip]:
        """The rows that Textual asks for."""
        x, y, width, height = crop
        if self.styles.opacity != 1.0:
            self.app.painting()
        art = self._fitted()
        background = self.rich_style
        if art is None:
            return [Strip.blank(width, background)] * height
        strips: list[Strip] = []
        for row in range(y, y + height):
            end = min(x + width, art.cols)
            if row >= art.rows or end <= x:
                strips.append(Strip.blank(width, background))
                continue
            strip: Strip = CellStrip(art, row, x, end, self)
            if end < x + width:
                strip = Strip.join([strip, Strip.blank(x + width - end, background)])
            strips.append(self._filtered(strip) if self.styles.opacity != 1.0 else strip)
        return strips

    def _fitted(self) -> Art | None:
        """The picture in cells of the size that the widget has now."""
        picture = self.flow.picture
        if picture is None or not self.size:
            return None
        from did_tui.picture.art import Art, Style
        from did_tui.picture.cells import resized

        style = self.flow.painter.style if self.flow.painter is not None else self._style()
        if style.shape.name in GRAPHICS:
            style = Style()
        cols, rows = self.size
        of = (style, cols, rows)
        if self._art is None or self._art[0] is not picture or self._art[1] != of:
            field = resized(picture, rows * style.shape.down, cols * style.shape.across)
            self._art = picture, of, Art(field, style)
        return self._art[2]

    def row(self, art: Art, y: int, x0: int, x1: int) -> str:
        """Write a part of a row for Textual; where the terminal is slow, without the picture."""
        from did_tui.picture.encoder import row_text
        from did_tui.picture.graphics import PixelPainter
        from did_tui.picture.painter import Painter

        painter = self.flow.painter
        if self._style().shape.name in GRAPHICS:
            if isinstance(painter, PixelPainter):
                painter.erased()
            self.flow.painted()
            return " " * (x1 - x0)
        if not isinstance(painter, Painter) or not painter.fits(art.rows, art.cols, art.style):
            return row_text(art, y, x0, x1)
        if self._frugal(art):
            art = self._nothing(art)
        painter.written(art, y, x0, x1)
        self.flow.painted()
        return row_text(art, y, x0, x1)

    def _frugal(self, art: Art) -> bool:
        """Whether a whole picture is more than the terminal takes at once."""
        with self.app.lock:
            budget = self.app.pace.budget(terminal.now()) if self.app.paced else None
        return budget is not None and budget < art.rows * art.cols * art.style.cell_cost / 2

    def _nothing(self, art: Art) -> Art:
        """A picture of nothing, of the same size and style."""
        from did_tui.picture.art import Art

        of = (art.rows, art.cols, art.style, self._around(art.style))
        if self._blank is None or self._blank[0] != of:
            self._blank = of, Art.flat(*of)
        return self._blank[1]

    def _filtered(self, strip: Strip) -> Strip:
        """What colour filters and opacity make of it, by ordinary segments."""
        _, background = self.background_colors
        filtered = Strip(list(strip), strip.cell_length)
        for line_filter in self.get_line_filters():
            filtered = filtered.apply_filter(line_filter, background)
        return filtered


@lru_cache(64)
def _as_written(colour: tuple[int, int, int], kind: str) -> int:
    """A colour as a packed word, as Textual writes it to a terminal with fewer colours."""
    written = Color.from_rgb(*colour)
    if kind in ("indexed", "basic"):
        written = written.downgrade(
            ColorSystem.EIGHT_BIT if kind == "indexed" else ColorSystem.STANDARD
        )
    red, green, blue = written.get_truecolor()
    return red | green << 8 | blue << 16
