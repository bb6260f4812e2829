"""Pictures on their way from a source to the terminal, one at a time.

Scaling and planning are done in a thread; the event loop only hands over. Where Textual has painted
nothing meanwhile, the thread also sends. A source with a thread of its own does not need the event
loop at all then: it hands over itself. Where the source knows what comes next, several pictures are
drawn at once and sent when they are due: after a pause everything is gone from the processor's
caches, and a picture takes twice as long.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from did_tui.config import GRAPHICS
from did_tui.ui import terminal
from did_tui.ui.base import TerminalApp
from did_tui.ui.compositor import Canvas, Way

if TYPE_CHECKING:
    import av

    from did_tui.picture.art import Style
    from did_tui.picture.cells import Words
    from did_tui.picture.fit import Window
    from did_tui.picture.graphics import PixelPainter
    from did_tui.picture.painter import Painter, Update
    from did_tui.picture.scale import Source
    from did_tui.picture.studio import Drawn, Field, Job, Studio

DIMMED_FPS = 4.0  # under a translucent screen every frame repaints everything
UNSEEN = 0.5  # seconds between two looks at whether a hidden picture can be seen again
SETTLE = 0.08  # seconds without a new picture after which the last one is made exact
LULL = 0.25  # seconds between two looks at whether pictures have stopped to come without us
AHEAD = 3  # pictures that are drawn before their turn

Take = Callable[[], "av.VideoFrame | None"]
Upcoming = Callable[[], "Sequence[av.VideoFrame]"]


class View(Protocol):
    """Where the pictures go, as far as Textual decides it."""

    def field(self) -> Field:
        """Size and style as they are now."""

    def paint_again(self) -> None:
        """Have Textual paint the newest picture."""

    def first_shown(self) -> None:
        """The first frame of the source is on the screen."""

    def cannot_show(self, error: BaseException) -> None:
        """A picture could not be drawn."""


@dataclass(frozen=True, slots=True)
class _Place:
    """What Textual says of the view; as long as it paints nothing, the terminal shows just that.

    To ask for each frame would take longer than to scale it.
    """

    paints: int
    way: Way
    window: Window | None
    field: Field


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What the thread has done of a job; what was not ``sent`` is left to the event loop."""

    drawn: Drawn
    sent: bool


@dataclass(frozen=True, slots=True)
class _Ready:
    """A picture that was drawn before its turn, as if all before it had been sent.

    The painter believes that the terminal has it; ``under`` is what takes that back.
    """

    frame: av.VideoFrame
    place: _Place
    painter: Painter
    drawn: Drawn
    update: Update
    under: Words


class Flow:
    """Takes the newest picture when it can be seen and the terminal has room for it.

    Event loop only, but for ``ready`` and what is done under the app's lock.
    """

    def __init__(self, view: View, canvas: Canvas) -> None:
        self.picture: Words | None = None  # the newest one that was drawn
        self.painter: Painter | PixelPainter | None = None
        self.frames_shown = 0
        self.held = False  # waits for the terminal
        self.busy = False  # a picture is being drawn
        self.fresh = False  # the source has something that was not taken yet
        self.again = False  # the last picture has to be looked at once more
        self._view, self._canvas = view, canvas
        self._app: TerminalApp[Any] | None = None
        self._take: Take | None = None
        self._upcoming: Upcoming | None = None
        self._ahead: deque[_Ready] = deque()
        self._source: Source | None = None
        self._soon = False  # a look is on its way
        self._timer: asyncio.TimerHandle | None = None
        self._handed = 0.0  # when a picture was last handed over
        self._dimmed_until = 0.0
        self._studio: Studio | None = None
        self._known: _Place | None = None

    def open(self, app: TerminalApp[Any]) -> None:
        """Begin; be told when the terminal has room."""
        self._loop, self._loop_thread = asyncio.get_running_loop(), threading.get_ident()
        self._app = app
        app.add_picture(self)
        self.look()

    def close(self) -> None:
        """End; never waits."""
        app = self._app
        if app is None:
            return
        self.wipe()
        app.remove_picture(self)
        with app.lock:
            self._app = self._take = self._upcoming = self.painter = None
        if self._timer is not None:
            self._timer.cancel()
        if self._studio is not None:
            self._studio.close()

    # The source

    @property
    def source(self) -> Source | None:
        """What was taken last."""
        return self._source

    def attach(self, take: Take, upcoming: Upcoming | None = None) -> None:
        """Show what ``take`` gives from now on; ``upcoming`` tells what that will be next."""
        self._take, self._upcoming = take, upcoming
        self.frames_shown = 0

    def ready(self) -> None:
        """The source has a newer picture; any thread."""
        app = self._app
        if app is None:
            self.fresh = True
            return
        with app.lock:
            self.fresh = True
            here = threading.get_ident() == self._loop_thread
            if not here and (self.busy or self._go_on(app)):
                return
        if here:
            self.look()
        else:
            self._loop.call_soon_threadsafe(self.look)

    def show(self, source: Source) -> None:
        """Show this, until the source has something."""
        self._source = source
        self.look_again()

    def clear(self) -> None:
        """Show nothing."""
        self.wipe()
        self._source = self.picture = self.painter = None
        self.fresh = self.again = False

    # When to draw

    def room(self) -> None:
        """The terminal has answered, or has taken what it was sent."""
        if self.held:
            self.look()

    def changed(self) -> None:
        """Size or style are others now."""
        self._known = None
        self.look_again()

    def look_again(self) -> None:
        """Look at the last picture once more."""
        self.again = self._source is not None
        self.look()

    def painted(self) -> None:
        """Textual paints some of the picture: look when it has; rows come many at a time."""
        self.again = True
        if not self._soon:
            self._soon = True
            asyncio.get_running_loop().call_soon(self._after_paint)

    def _after_paint(self) -> None:
        self._soon = False
        self.look()

    def _look_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._timed)

    def _timed(self) -> None:
        """Look, if pictures do not come without us."""
        self._timer = None
        if self.held or self.fresh or terminal.now() - self._handed >= 0.9 * SETTLE:
            self.look()
        else:
            self._look_in(LULL)

    def look(self) -> None:
        """Draw the next picture, if there is one, it can be seen, and the terminal has room."""
        if self.busy:
            self._look_in(SETTLE)
            return
        app = self._app
        if app is None or not (self.fresh or self.again):
            return
        if self._studio is None:
            self.busy = True
            loading = asyncio.get_running_loop().run_in_executor(None, _new_studio)
            loading.add_done_callback(self._begin)
            return
        place = self._place(app)
        if place is None or app.behind:
            self.held = app.behind
            self._look_in(UNSEEN)
            return
        with app.lock:
            wait = 0.0 if self.busy else self._next(app, self._studio, place)
        self._look_in(wait or SETTLE)

    def _go_on(self, app: TerminalApp[Any]) -> bool:
        """Do without the event loop what it would do, if nothing needs it; under the lock."""
        place, studio = self._known, self._studio
        if place is None or place.paints != app.paints or app.behind or studio is None:
            return False
        if self._next(app, studio, place):
            return False
        if self._timer is None:
            self._loop.call_soon_threadsafe(self._look_in, LULL)
        return True

    def _next(self, app: TerminalApp[Any], studio: Studio, place: _Place) -> float:
        """Take the next picture and have it drawn, or sent; under the lock.

        The seconds to wait where it is too early.
        """
        now = terminal.now()
        paced = app.paced
        wait = app.pace.wait(now, app.pending) if paced else 0.0
        if place.way == "dimmed":
            wait = max(wait, self._dimmed_until - now)
        self.held = wait > 0
        if self.held:
            return wait
        frame = self._take() if self.fresh and self._take is not None else None
        self.fresh = False
        self._source = frame or self._source
        if self._source is None:
            return 0.0
        self._handed = now
        job = self._job(app, self._source, place, app.pace.budget(now) if paced else None)
        if frame is None or not self._send_ready(app, frame, job, place):
            self.overtaken()
            self.busy, self.again = True, False
            self._hand_over(app, studio, job, place, new=frame is not None)
        return 0.0

    # Before its turn

    def _send_ready(
        self, app: TerminalApp[Any], frame: av.VideoFrame, job: Job, place: _Place
    ) -> bool:
        """Send what was drawn before its turn; whether it was of any use."""
        number = next((n for n, one in enumerate(self._ahead) if one.frame is frame), None)
        if number is None or not job.free or not self.frames_shown:
            return False
        if any(one.place is not place or one.painter is not self.painter for one in self._ahead):
            return False
        for _ in range(number + 1):
            one = self._ahead.popleft()
            self._send(app, one.update)
            self.picture = one.drawn.picture
        self.frames_shown += 1
        return True

    def _draw_ahead(
        self, app: TerminalApp[Any], studio: Studio, job: Job, place: _Place, upcoming: Upcoming
    ) -> None:
        """Draw what comes next; the picture's own thread."""
        from did_tui.picture.painter import Painter
        from did_tui.picture.studio import Undrawable

        painter = job.painter
        if not isinstance(painter, Painter) or not job.free:
            return
        for frame in upcoming()[:AHEAD]:
            try:
                drawn = studio.draw(replace(job, source=frame))
            except Undrawable:
                return  # it is said when its turn comes
            with app.lock:
                if drawn.update is None or not self._still(app, place, painter):
                    return
                under = painter.under(drawn.update)
                painter.commit(drawn.update)
                self._ahead.append(_Ready(frame, place, painter, drawn, drawn.update, under))
                if self.fresh:
                    return

    def overtaken(self) -> None:
        """Take back what was drawn before its turn: it will not be sent; under the lock."""
        while self._ahead:
            last = self._ahead.pop()
            last.painter.take_back(last.update, last.under)

    def _still(
        self, app: TerminalApp[Any], place: _Place, painter: Painter | PixelPainter | None
    ) -> bool:
        """Whether what was drawn for a place is still of use; under the lock."""
        return place.paints == app.paints and self.painter is painter

    def _begin(self, studio: asyncio.Future[Studio]) -> None:
        self.busy = False
        if self._app is not None:
            self._studio = studio.result()
            self.look()

    # One picture

    def _place(self, app: TerminalApp[Any]) -> _Place | None:
        """Where the next picture goes; None where it cannot be seen."""
        known = self._known
        if known is not None and known.paints == app.paints:
            return known
        way = self._canvas.way()
        if way == "hidden":
            return None
        window = self._canvas.window() if way == "short" else None
        place = _Place(app.paints, way, window, self._view.field())
        self._fit_painter(place.field)
        self._known = place if way == "short" else None
        return place

    def _job(
        self, app: TerminalApp[Any], source: Source, place: _Place, budget: float | None
    ) -> Job:
        from did_tui.picture.studio import Job

        effort = app.pace.effort
        return Job(
            source=source,
            field=place.field,
            size=effort.size,
            price=effort.price,
            budget=None if budget is None or budget > place.field.whole else budget,
            painter=self.painter if place.window is not None else None,
            window=place.window,
        )

    def _hand_over(
        self, app: TerminalApp[Any], studio: Studio, job: Job, place: _Place, *, new: bool
    ) -> None:
        loop = self._loop

        def done(work: Future[_Outcome | None]) -> None:
            wanted = not work.cancelled() and (work.exception() or work.result() is not None)
            if wanted and not loop.is_closed():
                loop.call_soon_threadsafe(self._finish, work, job, new)

        work = studio.thread.submit(self._draw, studio, job, app, place, new)
        work.add_done_callback(done)

    def _draw(
        self, studio: Studio, job: Job, app: TerminalApp[Any], place: _Place, new: bool
    ) -> _Outcome | None:
        """Draw, and send it if Textual has painted nothing since; the picture's own thread.

        None when there is nothing more to be done: waking the event loop is not cheap.
        """
        drawn = studio.draw(job)
        with app.lock:
            if drawn.update is None or job.painter is None:
                return _Outcome(drawn, sent=False)
            if not self._still(app, place, job.painter):
                return _Outcome(drawn, sent=False)
            self._send(app, drawn.update)
            job.painter.commit(drawn.update)
            self.picture = drawn.picture
            if new and not self.frames_shown:
                return _Outcome(drawn, sent=True)
            self.frames_shown += new
            # Only after a new one: another look at the same picture is about how long it stands.
            upcoming = self._upcoming if new and not self.fresh else None
        if upcoming is not None:
            self._draw_ahead(app, studio, job, place, upcoming)
        with app.lock:
            self.busy = False
            if self.fresh and self._app is not None and not self._go_on(app):
                self._loop.call_soon_threadsafe(self.look)
        return None

    def _finish(self, work: Future[_Outcome | None], job: Job, new: bool) -> None:
        """Go on in the event loop with what the thread could not finish."""
        changed = False
        error = work.exception()
        outcome, app = None if error else work.result(), self._app
        if error is not None:
            self._view.cannot_show(error)
        elif outcome is not None and app is not None and self._source is not None:
            changed = not self._finished(app, outcome, job, new)
        self.busy = False  # not before: the painter is in use until now
        if self.fresh or changed:
            self.again = self.again or changed
            self.look()
        elif self.again:
            self._look_in(SETTLE)

    def _finished(self, app: TerminalApp[Any], outcome: _Outcome, job: Job, new: bool) -> bool:
        """Show what was drawn; False if everything has changed meanwhile."""
        place = self._place(app)
        if place is None or not job.field.like(place.field):
            return False
        if not outcome.sent:
            self.picture = outcome.drawn.picture
            self._bring(app, job, outcome.drawn.picture)
        if new:
            self.frames_shown += 1
            if self.frames_shown == 1:
                self._view.first_shown()
        return True

    def _bring(self, app: TerminalApp[Any], job: Job, picture: Words) -> None:
        """Bring a picture to the terminal by the way that there is now."""
        way = self._canvas.way()
        if way == "short" and job.painter is not None and job.painter is self.painter:
            update = replace(job, window=self._canvas.window()).plan(picture)
            if update is not None:
                with app.lock:
                    self._send(app, update)
                    job.painter.commit(update)
        elif way == "short":
            self.again = True
        elif way != "hidden":
            self.again = way == "busy"
            self._dimmed_until = terminal.now() + 1 / DIMMED_FPS
            self._view.paint_again()

    def _send(self, app: TerminalApp[Any], update: Update) -> None:
        """Send an update; whoever holds the lock."""
        if update.data:
            app.paint(update.data.decode(), update.wanted)
        self.again = not update.settled

    # The painter

    def _fit_painter(self, field: Field) -> None:
        """Have a painter for this size and style; what it knows of the terminal is kept."""
        style, painter = field.style, self.painter
        if painter is None or not painter.fits(field.rows, field.cols, style):
            self.wipe()
            self.painter = _new_painter(field.rows, field.cols, style)
        else:
            painter.style = style

    def wipe(self) -> None:
        """Take a picture of pixels off the terminal: it does not go by itself."""
        self._known = None
        clear = getattr(self.painter, "clear", None)
        if clear is not None and self._app is not None and self._app.paced:
            self._app.write(clear().decode())


def _new_painter(rows: int, cols: int, style: Style) -> Painter | PixelPainter:
    from did_tui.picture.graphics import PixelPainter
    from did_tui.picture.painter import Painter

    kind = PixelPainter if style.shape.name in GRAPHICS else Painter
    return kind(rows, cols, style)


def _new_studio() -> Studio:
    """Load what draws, which takes a while: not in the event loop."""
    from did_tui.picture import graphics, painter, studio  # noqa: F401

    return studio.Studio()
