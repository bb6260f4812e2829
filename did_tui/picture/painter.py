"""Which cells are worth their bytes: the picture on the screen kept near the picture wanted.

A cell is sent when what is wrong with it is worth the bytes that it takes: its squared error over
its cost. What remains is too small to be seen. So that nothing stays stale, small errors add up
until they are worth it, and a cell that has stood still is made exact. With a byte budget the worst
cells go first; the others keep their error, and their turn comes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from did_tui.picture.art import Art, Shadow, Style, fit_cells
from did_tui.picture.cells import Index, Mask, Words, by_cell, channels
from did_tui.picture.encoder import encode

Floats = npt.NDArray[np.float32]

QUALITY = 1.3  # squared error a byte must be worth at first: smaller is truer and takes more
LEAST_QUALITY, MOST_QUALITY = 0.5, 2.4
DEARNESS = 0.4  # how much more error is left where it costs more to take away
LIVELY = 50  # frames for which a cell counts as moving
ERROR = 0.92  # mean squared error of a channel that is left, 48.5 dB, at that quality
STILL = 12  # frames without a change after which a cell is made exact
PATIENCE = 50  # frames of an unseen error that are as bad as a seen one
DOUBT = 1 / 16  # what counts of an error that the glyph had anyway: the picture may differ by now
MOVE_COST = 7.0  # bytes that a cell away from others takes more
STEADY = 0.04  # how fast the mean of the bytes a frame follows
UNKNOWN_ERROR = 2e5  # what a sub-pixel weighs that is not known: more than any error

#: How much red, green and blue errors count, and the byte that marks what is not known.
_WEIGHTS = np.array([1.0, 1.0, 1.0, UNKNOWN_ERROR / 255**2], np.float32)


@dataclass(frozen=True, slots=True)
class Update:
    """Bytes for the terminal and what it will show then; apply it when they are on their way.

    ``index`` are the cells that are then as good as they can be, ``cells`` how many of them had to
    be drawn for that. ``wanted`` is what the update would have taken without a budget, in bytes,
    about. ``settled`` says that nothing is left that another look at the same picture would send.
    """

    data: bytes
    cells: int
    index: Index
    shown: Words
    floor: Floats | np.float32
    wanted: float
    settled: bool


class Painter:
    """Keeps a field of cells on a terminal near a moving picture."""

    def __init__(self, rows: int, cols: int, style: Style, quality: float = QUALITY) -> None:
        self.rows, self.cols, self.style = rows, cols, style
        self.quality = quality  # squared error that a byte must be worth now
        self.shadow = Shadow(rows, cols, style)
        count = style.shape.parts
        self._weights = np.tile(_WEIGHTS, count)
        self._floor: Floats = np.zeros(rows * cols, np.float32)  # error that no glyph takes away
        self._debt: Floats = np.zeros(rows * cols, np.float32)
        self._still = np.zeros(rows * cols, np.int32)
        self._exact: Mask = np.zeros(rows * cols, bool)  # drawn from the picture as it still is
        self._before: Words = np.zeros((rows * cols, count), np.uint32)
        self._mean_bytes = 0.0
        self._last_bytes = 0.0

    def plan(
        self,
        picture: Words,
        *,
        top: int = 0,
        left: int = 0,
        visible: Mask | None = None,
        budget: float | None = None,
        price: float = 1.0,
    ) -> Update:
        """What brings the screen nearer to a picture of (rows x down, cols x across) words.

        ``visible`` is (rows, cols); ``budget`` bounds the bytes, about; ``price`` is how much more
        a change must be worth than usual.
        """
        shape = self.style.shape
        wanted = by_cell(self.style.depth.reduce(picture), shape.across, shape.down)
        wanted = wanted.reshape(-1, shape.parts)
        error = self._error_between(wanted, self._shown)
        self._count_still(wanted)
        unsettled, worth, owed = self._judged(error)
        self._debt += owed
        self._debt *= unsettled
        free = price == 1.0 and budget is None
        least = np.float32(price * self.quality * self._load())
        cost = self._costs(wanted)
        gain = worth - least * cost
        due = gain > least * np.float32(MOVE_COST)
        due |= _beside(due, self.cols) & (gain > 0)
        due |= self._debt > np.float32(PATIENCE * self.style.cell_cost) * least
        due |= self._still >= STILL
        if visible is not None:
            unsettled &= visible.ravel()
        due &= unsettled
        index = np.flatnonzero(due)
        left_over = 0.0
        if budget is not None:
            index, left_over = _within(budget, index, self._debt, cost)
        settled = len(index) == np.count_nonzero(unsettled)
        if free:
            rest = float(error.sum() - error[index].sum())
            self._aim(rest, int(np.count_nonzero(self._still < LIVELY)))
        if not len(index):
            return Update(b"", 0, index, wanted[:0], error[:0], left_over, settled)
        fitted = fit_cells(wanted[index], self.style)
        news: Mask | slice = slice(None)
        floor: Floats | np.float32 = np.float32(0)
        if not self.style.exact:
            news = (fitted.shown != self._shown[index]).any(axis=1)
            floor = self._error_between(wanted[index], fitted.shown)
        drawn = index[news]
        data = encode(
            drawn, self.cols, fitted.patterns[news], fitted.front[news], fitted.back[news],
            self.style, top=top, left=left,
        )  # fmt: skip
        size = len(data) + left_over
        return Update(data, len(drawn), index, fitted.shown, floor, size, settled)

    def fits(self, rows: int, cols: int, style: Style) -> bool:
        """Whether what is known of the terminal is still of use for such a field."""
        letters = "none" in (self.style.depth.kind, style.depth.kind) and style != self.style
        return (
            (rows, cols) == (self.rows, self.cols)
            and style.shape is self.style.shape
            and not letters
        )

    def commit(self, update: Update) -> None:
        """The update is on its way to the terminal."""
        self._shown[update.index] = update.shown
        self._floor[update.index] = update.floor
        self._debt[update.index] = 0
        self._exact[update.index] = True
        self._last_bytes = float(len(update.data))
        if self._mean_bytes:
            self._mean_bytes += STEADY * (self._last_bytes - self._mean_bytes)
        else:
            self._mean_bytes = self._last_bytes

    def under(self, update: Update) -> Words:
        """What the cells of an update show before it is committed: for ``take_back``."""
        return self._shown[update.index]

    def take_back(self, update: Update, under: Words) -> None:
        """The last update that was committed has not gone to the terminal after all."""
        self._shown[update.index] = under
        self._floor[update.index] = 0
        self._exact[update.index] = False

    def written(self, art: Art, y: int, x0: int, x1: int) -> None:
        """A part of a row was written by somebody else, as in ``art``."""
        self.shadow.written(art, y, x0, x1)
        self._judge_anew(y, x0, x1)

    def forget(self) -> None:
        """What the terminal shows is not known any more."""
        self.shadow.forget()

    def _judge_anew(self, y: int, x0: int, x1: int) -> None:
        part = slice(y * self.cols + x0, y * self.cols + x1)
        self._floor[part] = 0
        self._debt[part] = 0
        self._exact[part] = False

    @property
    def _shown(self) -> Words:
        """The shadow, cell by cell."""
        return self.shadow.shown.reshape(self.rows * self.cols, -1)

    def _error_between(self, a: Words, b: Words) -> Floats:
        """The weighted squared error of each cell, summed over sub-pixels and channels."""
        one, other = (channels(words).reshape(len(words), -1) for words in (a, b))
        apart = np.maximum(one, other)  # in bytes: a quarter of what floats take
        apart -= np.minimum(one, other)
        difference = apart.astype(np.float32)
        difference *= difference
        return np.asarray(difference @ self._weights)

    def _count_still(self, wanted: Words) -> None:
        """Count for how many frames each cell has not changed."""
        self._still += 1
        np.putmask(self._still, ~_same(wanted, self._before), 0)
        self._before = wanted

    def _judged(self, error: Floats) -> tuple[Mask, Floats, Floats]:
        """The cells that could be better, what drawing them is worth, and what they owe more."""
        unsettled = error > 0
        if self.style.exact:
            return unsettled, error, error
        self._exact &= (self._still > 0) & (error <= self._floor * np.float32(1.001))
        unsettled &= ~self._exact
        worth = np.maximum(error - self._floor, 0) * unsettled
        return unsettled, worth, np.maximum(worth, error * np.float32(DOUBT))

    def _costs(self, wanted: Words) -> Floats:
        """The bytes that each cell takes, about: half of them where it is all one colour."""
        plain = wanted[:, 0] == wanted[:, 1]
        for part in range(2, wanted.shape[1]):
            plain &= wanted[:, 0] == wanted[:, part]
        cost = np.float32(self.style.cell_cost)
        return np.asarray(np.where(plain, cost / np.float32(2), cost))

    def _aim(self, left: float, moving: int) -> None:
        """Move the quality to where the mean squared error of what moves is what it should be."""
        error = left / max(3 * self.style.shape.parts * moving, 1)
        wanted = ERROR * (self.quality / QUALITY) ** DEARNESS
        self.quality *= max(0.97, min(1.03, (wanted / max(error, 0.1)) ** 0.5))
        self.quality = max(LEAST_QUALITY, min(self.quality, MOST_QUALITY))

    def _load(self) -> float:
        """How much busier than usual the last frame was: bursts are spread over frames."""
        if not self._mean_bytes:
            return 1.0
        return min(1.6, max(0.6, self._last_bytes / self._mean_bytes))


def _same(a: npt.NDArray[np.unsignedinteger], b: npt.NDArray[np.unsignedinteger]) -> Mask:
    """Which rows of two (cells, parts) arrays are equal; ``all`` is slow along a short axis."""
    if a.shape[1] % 2 == 0:
        a, b = a.view(np.uint64), b.view(np.uint64)
    same: Mask = a[:, 0] == b[:, 0]
    for part in range(1, a.shape[1]):
        same &= a[:, part] == b[:, part]
    return same


def _beside(due: Mask, cols: int) -> Mask:
    """The cells beside those that are due: they need no movement of the cursor."""
    field = due.reshape(-1, cols)
    beside = np.zeros_like(field)
    beside[:, 1:] = field[:, :-1]
    beside[:, :-1] |= field[:, 1:]
    return beside.ravel()


def _within(budget: float, index: Index, debt: Floats, cost: Floats) -> tuple[Index, float]:
    """The cells that owe most, as many as the budget pays for, and the cost of the rest.

    A budget that pays for less than a cell gets one all the same, but one of nothing gets none.
    """
    costs = cost[index] + MOVE_COST / 2
    total = float(costs.sum())
    if total <= budget:
        return index, 0.0
    if budget <= 0:
        return index[:0], total
    best = np.argsort(-(debt[index] / costs), kind="stable")
    paid = np.cumsum(costs[best]) <= max(budget, float(costs[best[0]]))
    kept = np.sort(best[paid])
    return index[kept], total - float(costs[kept].sum())
