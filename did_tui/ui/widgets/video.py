"""The live picture, as a normal widget with a second way to the terminal.

Whatever Textual decides (layout, overlays, scrolling, resizing, screens, screenshots) goes the
ordinary way: ``render_lines`` gives strips, and a strip that is written tells the painter what the
terminal shows now. A new frame between two repaints goes the short way: the painter sends what is
worth its bytes. Where the picture is the topmost widget, the painter knows what the terminal shows.

Scaling and planning are done in a thread, one picture at a time; the event loop only hands over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rich.color import Color, ColorSystem
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from did_tui.config import GRAPHICS, SHAPES
from did_tui.ui import compositor, terminal
from did_tui.ui.base import TerminalApp
from did_tui.ui.widgets.cellstrip import CellStrip

if TYPE_CHECKING:
    import av

    from did_tui.picture.art import Art, Style
    from did_tui.picture.cells import Words
    from did_tui.picture.fit import Framing
    from did_tui.picture.graphics import PixelPainter
    from did_tui.picture.painter import Painter, Update
    from did_tui.picture.still import Still
    from did_tui.picture.studio import Drawn, Job, Studio

DIMMED_FPS = 4.0  # under a translucent screen every frame repaints everything
UNSEEN = 0.5  # seconds between two looks at whether a hidden picture can be seen again
SETTLE = 0.08  # seconds without a new picture after which the last one is made exact

Take = Callable[[], "av.VideoFrame | None"]


class VideoView(Widget):
    """Shows the newest frame of a source, as large as it fits."""

    app: TerminalApp[Any]
    ALLOW_SELECT = False
    DEFAULT_CSS = "VideoView { width: 1fr; height: 1fr; }"

    class Shown(Message):
        """The first frame since ``attach`` is on the screen."""

    def __init__(self, *, framing: Framing = "fit", id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.frames_shown = 0
        self._framing: Framing = framing
        self._chosen: tuple[str, str] | None = None
        self._take: Take | None = None
        self._source: av.VideoFrame | Still | None = None
        self._fresh = False  # the source has something that was not taken yet
        self._again = False  # the last picture has to be looked at once more
        self._soon = False  # a look is on its way
        self._busy = False
        self.held = False  # waits for the terminal
        self._undrawable = False  # that has been said
        self._timer: asyncio.TimerHandle | None = None
        self._dimmed_until = 0.0
        self._picture: Words | None = None
        self._art: Art | None = None
        self._blank: Art | None = None
        self._painter: Painter | PixelPainter | None = None
        self._canvas = compositor.Canvas(self)
        self._studio: Studio | None = None

    # The source

    def attach(self, take: Take) -> None:
        """Show what ``take`` gives from now on; call ``picture_ready`` when it has something."""
        self._take = take
        self.frames_shown = 0

    def picture_ready(self) -> None:
        """The source has a newer picture; event loop only. Never waits."""
        with self.app.lock:
            self._fresh = True
        self._look()

    async def show_still(self, data: bytes) -> None:
        """Show a still picture (PNG, JPEG, WebP); nothing where the bytes are none."""
        from did_tui.picture.still import NotAPicture, Still

        try:
            still = await asyncio.to_thread(Still.decode, data)
        except NotAPicture:
            self.clear()
            return
        self.show(still)

    def show(self, source: av.VideoFrame | Still) -> None:
        """Show this, until the source has something."""
        self._source = source
        self._look_again()

    def clear(self) -> None:
        """Show nothing."""
        self._source = self._picture = self._art = None
        self._fresh = self._again = False
        self.refresh()

    # What it is drawn with

    @property
    def style_names(self) -> tuple[str, str]:
        """Shape and colours, by the names of the settings."""
        return self._chosen or self.app.shape_and_colours

    def draw_with(self, shape: str, colours: str) -> None:
        """Draw with these from now on."""
        self._chosen = (shape, colours)
        self._wipe()
        self._painter = self._art = None
        self._look_again()
        self.refresh()

    def next_shape(self) -> str:
        """Draw with the next shape; its name."""
        shape, colours = self.style_names
        shapes = SHAPES[1:]
        following = shapes[(shapes.index(shape) + 1) % len(shapes)] if shape in shapes else "half"
        self.draw_with(following, colours)
        return following

    def _style(self) -> Style:
        from did_tui.picture.art import Style

        shape, colours = self.style_names
        if shape in GRAPHICS:
            from did_tui.picture.graphics import pixel_style

            return pixel_style(shape, self.app.cell)
        return Style.named(shape, "none" if self.app.no_color else colours)

    # One picture at a time

    def _begin(self, studio: asyncio.Future[Studio]) -> None:
        self._busy = False
        if self.is_mounted:
            self._studio = studio.result()
            self._look()

    def room(self) -> None:
        """The terminal has answered, or has taken what it was sent."""
        if self.held:
            self._look()

    def _look(self) -> None:
        """Draw the next picture, if there is one, it can be seen, and the terminal has room."""
        if self._busy:
            self._look_in(SETTLE)
            return
        if not (self._fresh or self._again) or not self.is_mounted:
            return
        if self._studio is None:
            self._busy = True
            loading = asyncio.get_running_loop().run_in_executor(None, _new_studio)
            loading.add_done_callback(self._begin)
            return
        way, app, now = self._canvas.way(), self.app, terminal.now()
        if way == "hidden" or app.behind:
            self.held = app.behind
            self._look_in(UNSEEN)
            return
        with app.lock:
            wait = app.pace.wait(now, app.pending) if app.paced else 0.0
        if way == "dimmed":
            wait = max(wait, self._dimmed_until - now)
        self.held = wait > 0
        if self.held:
            self._look_in(wait)
            return
        frame = self._take() if self._fresh and self._take is not None else None
        self._fresh = False
        self._source = frame or self._source
        if self._source is None:
            return
        self._busy, self._again = True, False
        job = self._job(self._source, short=way == "short")
        work = self._studio.thread.submit(
            self._draw, self._studio, job, app, app.paints, frame is not None
        )
        loop, new = asyncio.get_running_loop(), frame is not None

        def drawn(work: Future[Drawn | None]) -> None:
            wanted = not work.cancelled() and (work.exception() or work.result() is not None)
            if wanted and not loop.is_closed():
                loop.call_soon_threadsafe(self._drawn, work, job, new)

        work.add_done_callback(drawn)
        self._look_in(SETTLE)

    def _draw(
        self, studio: Studio, job: Job, app: TerminalApp[Any], paints: int, new: bool
    ) -> Drawn | None:
        """Draw, and send it if Textual has painted nothing since; the picture's own thread.

        None when there is nothing more to be done: waking the event loop is not cheap.
        """
        drawn = studio.draw(job)
        with app.lock:
            if drawn.update is None or paints != app.paints or self._painter is not job.painter:
                return drawn
            self._send(app, drawn.update)
            self._picture, self._art = drawn.picture, None
            if self._fresh or (new and not self.frames_shown):
                return replace(drawn, update=None)
            self.frames_shown += new
            self._busy = False
        return None

    def _job(self, source: av.VideoFrame | Still, *, short: bool) -> Job:
        from did_tui.picture.studio import Job

        pace, now = self.app.pace, terminal.now()
        style, effort = self._style(), pace.effort
        self._fit_painter(style)
        with self.app.lock:
            budget = pace.budget(now) if self.app.paced else None
        return Job(
            source=source,
            cols=self.size.width,
            rows=self.size.height,
            style=style,
            framing=self._framing,
            cell=self.app.cell,
            around=self._around(style),
            size=effort.size,
            price=effort.price,
            budget=budget,
            painter=self._painter if short else None,
            window=self._canvas.window() if short else None,
        )

    def _drawn(self, work: Future[Drawn | None], job: Job, new: bool) -> None:
        """Go on in the event loop with what the thread could not finish."""
        self._busy = False
        error = work.exception()
        if error is not None:
            self.call_later(self._fail, error)
            return
        drawn = work.result()
        if drawn is None or not self.is_mounted:
            return
        if (job.cols, job.rows) != self.size or job.style.shape != self._style().shape:
            self._look_again()  # everything has changed meanwhile
            return
        if drawn.picture is not self._picture:
            self._picture, self._art = drawn.picture, None
            self._bring(job, drawn.picture)
        if new:
            self.frames_shown += 1
            if self.frames_shown == 1:
                self.post_message(self.Shown())
        if self._fresh:
            self._look()
        elif self._again:
            self._look_in(SETTLE)

    def _bring(self, job: Job, picture: Words) -> None:
        """Bring a picture to the terminal by the way that there is now."""
        way = self._canvas.way()
        if way == "short" and job.painter is not None and job.painter is self._painter:
            update = replace(job, window=self._canvas.window()).plan(picture)
            if update is not None:
                with self.app.lock:
                    self._send(self.app, update)
        elif way == "short":
            self._again = True
        elif way != "hidden":
            self._again = way == "busy"
            self._dimmed_until = terminal.now() + 1 / DIMMED_FPS
            self.refresh()

    def _send(self, app: TerminalApp[Any], update: Update) -> None:
        """Send an update; whoever holds the lock."""
        painter = self._painter
        if painter is None:
            return
        if update.data:
            app.paint(update.data.decode(), update.wanted)
        painter.commit(update)
        self._again = not update.settled

    def _fail(self, error: BaseException) -> None:
        """Say that a picture cannot be shown; an error of ours ends the app, as any other."""
        from did_tui.picture.studio import Undrawable

        if not isinstance(error, Undrawable):
            raise error
        if not self._undrawable:
            self._undrawable = True
            self.app.notify(str(error), severity="warning")

    def _look_again(self) -> None:
        self._again = self._source is not None
        self._look()

    def _look_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _fit_painter(self, style: Style) -> None:
        """Have a painter for this size and style; what it knows of the terminal is kept."""
        from did_tui.picture.graphics import PixelPainter
        from did_tui.picture.painter import Painter

        cols, rows = self.size
        painter = self._painter
        if painter is None or not painter.fits(rows, cols, style):
            self._wipe()
            kind = PixelPainter if style.shape.name in GRAPHICS else Painter
            self._painter = kind(rows, cols, style)
        else:
            painter.style = style

    def _wipe(self) -> None:
        """Take a picture of pixels off the terminal: it does not go by itself."""
        clear = getattr(self._painter, "clear", None)
        if clear is not None and self.app.paced:
            self.app.write(clear().decode())

    def _around(self, style: Style) -> int:
        """The colour beside the picture: that of the place it lies in."""
        return _as_written(self.background_colors[1].rgb, style.depth.kind)

    # Textual's way

    def on_mount(self) -> None:
        """Be told when the terminal has room."""
        self.app.add_picture(self)

    def on_unmount(self) -> None:
        """Let the thread go."""
        self._wipe()
        self.app.remove_picture(self)
        with self.app.lock:
            self._take = self._painter = None
        if self._timer is not None:
            self._timer.cancel()
        if self._studio is not None:
            self._studio.close()

    def on_resize(self, _event: events.Resize) -> None:
        """A new size: what there is is stretched until it was drawn anew."""
        self._art = self._blank = None
        self._look_again()
        self.refresh()

    def on_hide(self) -> None:
        """Not to be seen any more."""
        self._wipe()

    def on_show(self) -> None:
        """To be seen again."""
        self._look_again()

    def render_line(self, y: int) -> Strip:
        """One row of the picture."""
        return self.render_lines(Region(0, y, self.size.width, 1))[0]

    def render_lines(self, crop: Region) -> list[Strip]:
        """The rows that Textual asks for."""
        x, y, width, height = crop
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
        if self._picture is None or not self.size:
            return None
        from did_tui.picture.art import Art, Style
        from did_tui.picture.cells import resized

        if self._art is None:
            style = self._painter.style if self._painter is not None else self._style()
            if style.shape.name in GRAPHICS:
                style = Style()
            cols, rows = self.size
            field = resized(self._picture, rows * style.shape.down, cols * style.shape.across)
            self._art = Art(field, style)
        return self._art

    def row(self, art: Art, y: int, x0: int, x1: int) -> str:
        """Write a part of a row for Textual; where the terminal is slow, without the picture."""
        from did_tui.picture.encoder import row_text
        from did_tui.picture.graphics import PixelPainter
        from did_tui.picture.painter import Painter

        painter = self._painter
        if self.style_names[0] in GRAPHICS:
            if isinstance(painter, PixelPainter):
                painter.erased()
            self._look_soon()
            return " " * (x1 - x0)
        if not isinstance(painter, Painter) or not painter.fits(art.rows, art.cols, art.style):
            return row_text(art, y, x0, x1)
        if self._frugal(art):
            art = self._nothing(art)
        painter.written(art, y, x0, x1)
        self._look_soon()
        return row_text(art, y, x0, x1)

    def _look_soon(self) -> None:
        """Look when Textual has painted; rows come many at a time."""
        self._again = True
        if not self._soon:
            self._soon = True
            asyncio.get_running_loop().call_soon(self._after_paint)

    def _after_paint(self) -> None:
        self._soon = False
        self._look()

    def _frugal(self, art: Art) -> bool:
        """Whether a whole picture is more than the terminal takes at once."""
        with self.app.lock:
            budget = self.app.pace.budget(terminal.now()) if self.app.paced else None
        return budget is not None and budget < art.rows * art.cols * art.style.cell_cost / 2

    def _nothing(self, art: Art) -> Art:
        """A picture of nothing, of the same size and style."""
        from did_tui.picture.art import Art

        if self._blank is None or self._blank.style != art.style:
            self._blank = Art.flat(art.rows, art.cols, art.style, self._around(art.style))
        return self._blank

    def _filtered(self, strip: Strip) -> Strip:
        """What colour filters and opacity make of it, by ordinary segments."""
        _, background = self.background_colors
        filtered = Strip(list(strip), strip.cell_length)
        for line_filter in self.get_line_filters():
            filtered = filtered.apply_filter(line_filter, background)
        return filtered


def _new_studio() -> Studio:
    """Load what draws, which takes a while: not in the event loop."""
    from did_tui.picture import graphics, painter, studio  # noqa: F401

    return studio.Studio()


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
