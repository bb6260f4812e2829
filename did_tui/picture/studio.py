"""From a frame to the bytes of its update, in a thread that gives the GIL back while it scales."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import av
import av.error

from did_tui.picture.art import Style
from did_tui.picture.cells import Words
from did_tui.picture.fit import Framing, Window
from did_tui.picture.graphics import PixelPainter
from did_tui.picture.painter import Painter, Update
from did_tui.picture.scale import Scaler, Source


@dataclass(frozen=True, slots=True)
class Field:
    """A field of cells, and how a picture lies on it; beside the picture it is ``around``."""

    cols: int
    rows: int
    style: Style
    framing: Framing
    cell: tuple[int, int]
    around: int

    @property
    def whole(self) -> float:
        """Bytes that all of a picture takes, about: a budget that is larger is no bound."""
        return self.rows * self.cols * self.style.cell_cost

    def like(self, other: Field) -> bool:
        """Whether a picture drawn for the other field can be shown on this one."""
        mine = (self.cols, self.rows, self.style.shape)
        return mine == (other.cols, other.rows, other.style.shape)


@dataclass(frozen=True, slots=True)
class Job:
    """A picture to be drawn on a field.

    ``size`` is the linear part of the field that is used; ``price`` and ``budget`` are the
    painter's. Without a painter and a window it is only scaled.
    """

    source: Source
    field: Field
    size: float = 1.0
    price: float = 1.0
    budget: float | None = None
    painter: Painter | PixelPainter | None = None
    window: Window | None = None

    @property
    def free(self) -> bool:
        """Whether the terminal takes all there is."""
        return self.budget is None and self.size == self.price == 1.0

    def plan(self, picture: Words) -> Update | None:
        """The update that brings the terminal nearer to the picture."""
        if self.painter is None or self.window is None:
            return None
        return self.painter.plan(
            picture,
            top=self.window.top,
            left=self.window.left,
            visible=self.window.visible,
            budget=self.budget,
            price=self.price,
        )


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture in sub-pixels, and its update where there was a painter."""

    picture: Words
    update: Update | None


class Undrawable(Exception):
    """A frame that libswscale does not take; the text is a sentence."""


class Studio:
    """Draws one picture at a time; ``thread`` is the executor to do it in."""

    def __init__(self) -> None:
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="picture")
        self._scaler = Scaler()

    def draw(self, job: Job) -> Drawn:
        """Scale and plan; raises ``Undrawable``."""
        picture = self._scaled(job)
        return Drawn(picture, job.plan(picture))

    def close(self) -> None:
        """Let the thread go; never waits."""
        self.thread.shutdown(wait=False)

    def _scaled(self, job: Job) -> Words:
        field = job.field
        try:
            return self._scaler.picture(
                job.source, field.cols, field.rows,
                shape=field.style.shape, cell=field.cell, framing=field.framing, size=job.size,
                around=field.around,
            )  # fmt: skip
        except (av.error.FFmpegError, OSError, ValueError) as error:
            of = job.source
            kind = f", {of.format.name}" if isinstance(of, av.VideoFrame) else ""
            raise Undrawable(
                f"A picture cannot be shown ({of.width}×{of.height}{kind}): {error}."
            ) from error
