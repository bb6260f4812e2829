"""The painter against a terminal: whatever happens, the screen is what the painter believes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import (
    STYLES,
    differences,
    expected,
    on_screen,
    random_picture,
    smooth_picture,
    style_id,
)
from vt import Terminal

from did_tui.picture.art import Art, Style
from did_tui.picture.cells import UNKNOWN, Mask, Words, by_cell, channels, packed
from did_tui.picture.depth import TRUE
from did_tui.picture.encoder import row_text
from did_tui.picture.painter import STILL, Painter, Update
from did_tui.picture.shapes import OCTANT

TWO_SECONDS = 50  # frames
#: Cells that stand alone and glyphs of four bytes take more than the painter counts on.
BUDGET_FACTOR = 2.5
#: The bytes of a cell that is sent whatever the budget.
ONE_CELL = 60

SOME = [Style.named(*names) for names in [("half", "true"), ("octant", "true"), ("sextant", "256")]]


@dataclass
class Screen:
    """A painter and the terminal that it paints on."""

    rows: int
    cols: int
    style: Style = field(default_factory=Style)
    top: int = 0
    left: int = 0

    def __post_init__(self) -> None:
        self.painter = Painter(self.rows, self.cols, self.style)
        self.terminal = Terminal(self.left + self.cols + 1, self.top + self.rows + 1)

    def show(
        self, picture: Words, visible: Mask | None = None, budget: float | None = None
    ) -> Update:
        update = self.painter.plan(
            picture, top=self.top, left=self.left, visible=visible, budget=budget
        )
        self.terminal.feed_bytes(update.data + b"\x1b[0m")
        self.painter.commit(update)
        return update

    def right(self) -> bool:
        """Whether the terminal shows what the painter believes."""
        shown = self.painter.shadow.shown
        assert not self.terminal.strange
        return not differences(self.terminal, shown, self.style, self.top, self.left)

    def exact(self, picture: Words) -> bool:
        """Whether the terminal shows the best picture that the style has."""
        art = Art(picture, self.style)
        return not differences(self.terminal, art.shown, self.style, self.top, self.left)


def until_exact(screen: Screen, picture: Words, most: int, budget: float | None = None) -> int:
    for frame in range(most):
        if screen.exact(picture):
            return frame
        screen.show(picture, budget=budget)
    assert screen.exact(picture)
    return most


def noise(rng: np.random.Generator, picture: Words, amplitude: int, share: float = 1.0) -> Words:
    pixels = np.stack([picture >> shift & 255 for shift in (0, 8, 16)], -1).astype(int)
    changes = rng.integers(-amplitude, amplitude + 1, pixels.shape)
    there = rng.random((*picture.shape, 1)) < share
    return packed(np.clip(pixels + changes * there, 0, 255).astype(np.uint8))


def distance(a: Words, b: Words) -> float:
    """The root of the mean squared error of a channel."""
    error = channels(a)[..., :3].astype(float) - channels(b)[..., :3]
    return float(np.sqrt((error**2).mean()))


@given(
    seed=st.integers(0, 2**32 - 1),
    style=st.sampled_from(STYLES),
    rows=st.integers(1, 5),
    cols=st.integers(1, 8),
    top=st.integers(0, 3),
    left=st.integers(0, 5),
)
@settings(max_examples=200, deadline=None)
def test_any_sequence_of_events_ends_in_the_right_picture(
    seed: int, style: Style, rows: int, cols: int, top: int, left: int
) -> None:
    rng = np.random.default_rng(seed)
    screen = Screen(rows, cols, style, top, left)
    picture = random_picture(rng, style, rows, cols, 4)
    for _ in range(rng.integers(1, 14)):
        visible, budget = None, None
        match rng.integers(0, 8):
            case 0:
                picture = random_picture(rng, style, rows, cols, int(rng.integers(1, 9)))
            case 1 | 2:
                picture = noise(rng, picture, int(rng.integers(1, 60)), rng.random())
            case 3:
                # Somebody else wrote on the screen.
                for y in range(rows):
                    screen.terminal.feed(f"\x1b[{top + y + 1};{left + 1}H" + "?" * cols)
                screen.painter.forget()
            case 4:
                visible = rng.random((rows, cols)) < 0.5
            case 5:
                budget = float(rng.integers(0, 400))
            case 6:
                # A repaint of a part of a row, of this or another picture.
                art = Art(random_picture(rng, style, rows, cols, 3), style)
                y, (x0, x1) = int(rng.integers(0, rows)), sorted(rng.integers(0, cols + 1, 2))
                screen.terminal.feed(f"\x1b[{top + y + 1};{left + x0 + 1}H")
                screen.terminal.feed(row_text(art, y, x0, x1))
                screen.painter.written(art, y, x0, x1)
            case 7:
                # An update that never left.
                screen.painter.plan(picture, top=top, left=left)
        before = screen.painter.shadow.shown.copy()
        screen.show(picture, visible, budget)
        assert screen.right()
        if visible is not None:
            assert (screen.painter.shadow.shown[~visible] == before[~visible]).all()
    for _ in range(STILL + 2):
        screen.show(picture)
        assert screen.right()
    assert screen.exact(picture)
    assert screen.show(picture).data == b""


@pytest.mark.parametrize("style", STYLES, ids=style_id)
def test_an_unchanged_picture_costs_nothing(style: Style) -> None:
    screen = Screen(6, 12, style)
    picture = smooth_picture(np.random.default_rng(1), style, 6, 12)
    first = screen.show(picture)
    assert first.cells == len(first.index) == 72
    assert screen.exact(picture)
    for _ in range(200):
        update = screen.show(picture)
        assert update.data == b""
        assert update.cells == 0
        assert update.settled


@pytest.mark.parametrize("style", SOME, ids=style_id)
def test_a_still_part_is_exact_while_another_moves(style: Style) -> None:
    rng = np.random.default_rng(2)
    screen = Screen(8, 16, style)
    picture = smooth_picture(rng, style, 8, 16)
    down, across = style.shape.down, style.shape.across
    for _ in range(20):
        picture = noise(rng, picture, 12)
        screen.show(picture)
    still = picture.copy()
    for _ in range(TWO_SECONDS):
        picture = still.copy()
        moving = picture[: 4 * down, : 8 * across]
        moving[:] = rng.integers(0, 1 << 24, moving.shape)
        screen.show(picture)
    # The moving quarter aside, nothing is left of the noise.
    art = Art(picture, style)
    shown = screen.painter.shadow.shown
    assert screen.right()
    assert (shown[4:] == art.shown[4:]).all()
    assert (shown[:, 8:] == art.shown[:, 8:]).all()


@pytest.mark.parametrize("style", SOME, ids=style_id)
@pytest.mark.parametrize("change", [1, 2, 6])
def test_a_small_lasting_change_comes_within_two_seconds(style: Style, change: int) -> None:
    screen = Screen(5, 9, style)
    picture = smooth_picture(np.random.default_rng(3), style, 5, 9)
    until_exact(screen, picture, TWO_SECONDS)
    picture = picture ^ np.uint32(change)
    assert until_exact(screen, picture, TWO_SECONDS) < TWO_SECONDS


@pytest.mark.parametrize("style", SOME, ids=style_id)
def test_a_change_that_can_be_seen_comes_within_two_seconds_under_noise(style: Style) -> None:
    """Cells that never stand still are never exact, but never far off for long either."""
    rng = np.random.default_rng(4)
    screen = Screen(6, 10, style)
    old = random_picture(rng, style, 6, 10, 40)
    for _ in range(30):
        screen.show(noise(rng, old, 2))
    new = noise(rng, old, 24)
    for _ in range(TWO_SECONDS):
        screen.show(noise(rng, new, 2))
    shown, best = screen.painter.shadow.shown, Art(new, style).shown
    wanted = by_cell(new, style.shape.across, style.shape.down)
    assert distance(shown, wanted) < distance(best, wanted) + 2


def busy_picture(rng: np.random.Generator, style: Style, rows: int, cols: int) -> Words:
    """Grey, with so much in each cell that two colours leave much of it out."""
    height, width = rows * style.shape.down, cols * style.shape.across
    return rng.integers(80, 176, (height, width)).astype(np.uint32) * np.uint32(0x010101)


def test_an_error_that_the_glyph_used_to_have_anyway_does_not_stay() -> None:
    """What two colours left out of the old picture does not excuse what is wrong with the new."""
    rng = np.random.default_rng(20)
    style = Style(OCTANT, TRUE)
    screen = Screen(4, 8, style)
    until_exact(screen, busy_picture(rng, style, 4, 8), STILL + 2)
    there = screen.painter.shadow.shown
    fine = there.reshape(4, 8, 4, 2).transpose(0, 2, 1, 3).reshape(16, 16) + np.uint32(0x0C0C0C)
    wanted = by_cell(fine, 2, 4)
    assert distance(there, wanted) > 10
    for _ in range(TWO_SECONDS):
        screen.show(noise(rng, fine, 1))
    assert distance(screen.painter.shadow.shown, wanted) < 3


def test_what_was_written_is_judged_by_itself() -> None:
    rng = np.random.default_rng(21)
    style = Style(OCTANT, TRUE)
    screen = Screen(4, 8, style)
    until_exact(screen, busy_picture(rng, style, 4, 8), STILL + 2)
    flat = np.full((16, 16), 0x404040, np.uint32)
    for y in range(4):
        screen.painter.written(Art(flat, style), y, 0, 8)
    assert screen.painter.plan(flat + np.uint32(0x0A0A0A)).cells == 32


@pytest.mark.parametrize("style", STYLES, ids=style_id)
@pytest.mark.parametrize("budget", [60.0, 300.0, 1500.0])
def test_a_budget_bounds_the_bytes_and_the_picture_still_comes(style: Style, budget: float) -> None:
    rng = np.random.default_rng(5)
    screen = Screen(6, 14, style)
    picture = random_picture(rng, style, 6, 14, 30)
    for frame in range(200):
        update = screen.show(picture, budget=budget)
        assert len(update.data) <= max(BUDGET_FACTOR * budget, ONE_CELL)
        assert screen.right()
        if update.settled:
            break
        assert update.wanted > budget / BUDGET_FACTOR or frame > STILL
    assert screen.exact(picture)
    assert screen.show(picture, budget=budget).data == b""


def test_a_budget_of_nothing_sends_nothing() -> None:
    screen = Screen(3, 4)
    picture = random_picture(np.random.default_rng(6), screen.style, 3, 4, 9)
    update = screen.show(picture, budget=0)
    assert update.data == b""
    assert not update.settled
    assert update.wanted > 12 * 15


def test_the_worst_cells_go_first() -> None:
    screen = Screen(4, 10)
    picture = np.full((8, 10), 0x404040, np.uint32)
    until_exact(screen, picture, STILL)
    picture = picture.copy()
    order = np.random.default_rng(7).permutation(40)
    for place, cell in enumerate(order):
        y, x = divmod(int(cell), 10)
        picture[2 * y, x] += np.uint32(30 + 3 * place)
    sent: list[int] = []
    for _ in range(60):
        update = screen.show(picture, budget=200)
        assert 0 < update.cells <= 10
        sent.extend(update.index.tolist())
        if update.settled:
            break
    assert sorted(sent) == list(range(40))
    ranks = [int(np.flatnonzero(order == cell)[0]) for cell in sent]
    thirds = ranks[:13], ranks[-13:]
    assert min(thirds[0]) > max(thirds[1])


def test_a_cell_that_waits_gets_its_turn() -> None:
    """A budget that the moving part would use up alone."""
    rng = np.random.default_rng(8)
    screen = Screen(6, 10)
    picture = np.full((12, 10), 0x303030, np.uint32)
    until_exact(screen, picture, STILL)
    changed = picture.copy()
    changed[11, 9] = 0x505050
    for _ in range(3 * TWO_SECONDS):
        changed[:8] = rng.integers(0, 1 << 24, (8, 10))
        screen.show(changed, budget=400)
        if screen.painter.shadow.shown[5, 9, 1] == 0x505050:
            break
    assert screen.painter.shadow.shown[5, 9, 1] == 0x505050
    assert screen.right()


def test_still_parts_come_under_a_budget_that_leaves_them_room() -> None:
    rng = np.random.default_rng(9)
    screen = Screen(8, 10)
    old = smooth_picture(rng, screen.style, 8, 10)
    until_exact(screen, old, STILL + 2)
    new = noise(rng, old, 3)
    for _ in range(TWO_SECONDS):
        new[:2] = rng.integers(0, 1 << 24, (2, 10))
        screen.show(new, budget=900)
    assert (screen.painter.shadow.shown[1:] == Art(new, screen.style).shown[1:]).all()


@pytest.mark.parametrize("style", STYLES, ids=style_id)
def test_covered_cells_are_not_touched_and_come_when_they_are_uncovered(style: Style) -> None:
    rng = np.random.default_rng(10)
    screen = Screen(5, 8, style, 1, 2)
    visible = np.ones((5, 8), bool)
    visible[1:4, 2:5] = False
    for y in range(1, 4):
        screen.terminal.feed(f"\x1b[{1 + y + 1};{2 + 2 + 1}Habc")
    for _ in range(STILL + 5):
        picture = random_picture(rng, style, 5, 8, 9)
        screen.show(picture, visible)
        assert [screen.terminal.line(1 + y)[4:7] for y in range(1, 4)] == ["abc"] * 3
    assert (screen.painter.shadow.shown[1:4, 2:5] == UNKNOWN).all()
    for _ in range(STILL + 2):
        update = screen.show(picture, visible)
    assert update.settled
    screen.show(picture)
    assert screen.exact(picture)


def test_a_cell_that_stood_still_while_it_was_covered_is_made_exact_later() -> None:
    screen = Screen(2, 3)
    picture = np.full((4, 3), 0x202020, np.uint32)
    until_exact(screen, picture, 3)
    covered = np.zeros((2, 3), bool)
    for _ in range(3 * STILL):
        assert screen.show(picture + np.uint32(1), covered).data == b""
    screen.show(picture + np.uint32(1))
    assert screen.exact(picture + np.uint32(1))


@pytest.mark.parametrize("style", SOME, ids=style_id)
@pytest.mark.parametrize("same", [True, False])
def test_what_somebody_else_wrote_is_known(style: Style, same: bool) -> None:
    rng = np.random.default_rng(11)
    screen = Screen(4, 9, style)
    picture, other = (smooth_picture(rng, style, 4, 9) for _ in range(2))
    art = Art(picture if same else other, style)
    for y in range(4):
        screen.terminal.feed(f"\x1b[{y + 1}H" + row_text(art, y, 0, 9))
        screen.painter.written(art, y, 0, 9)
    assert screen.right()
    for _ in range(STILL + 2):
        update = screen.show(picture)
        # What is there already is not sent again.
        assert not (same and update.data)
    assert screen.exact(picture)


def test_a_part_that_was_written_is_not_the_whole() -> None:
    style = Style()
    screen = Screen(3, 6)
    picture = random_picture(np.random.default_rng(12), style, 3, 6, 9)
    screen.painter.written(Art(picture, style), 1, 2, 5)
    known = screen.painter.shadow.shown[..., 0] != UNKNOWN
    assert known.sum() == 3
    assert known[1, 2:5].all()
    assert screen.show(picture).cells == 15


@pytest.mark.parametrize("style", SOME, ids=style_id)
def test_nothing_is_believed_before_it_is_committed(style: Style) -> None:
    rng = np.random.default_rng(14)
    screen = Screen(4, 7, style)
    picture = smooth_picture(rng, style, 4, 7)
    for _ in range(3):
        screen.show(noise(rng, picture, 20))
    before = screen.painter.shadow.shown.copy()
    planned: set[int] = set()
    # Long enough for cells to become due for standing still, and to be dropped then too.
    for _ in range(2 * STILL):
        update = screen.painter.plan(picture)
        assert (screen.painter.shadow.shown == before).all()
        assert planned <= set(update.index.tolist())
        planned = set(update.index.tolist())
    screen.show(picture)
    assert screen.right()
    assert screen.exact(picture)


@pytest.mark.parametrize("style", SOME, ids=style_id)
def test_a_forgotten_screen_is_painted_in_one_go(style: Style) -> None:
    rng = np.random.default_rng(15)
    screen = Screen(4, 7, style)
    picture = random_picture(rng, style, 4, 7, 50)
    until_exact(screen, picture, STILL + 2)
    screen.painter.forget()
    screen.terminal = Terminal(8, 5)
    assert (screen.painter.shadow.shown == UNKNOWN).all()
    update = screen.show(picture)
    assert len(update.index) == 28
    assert screen.exact(picture)


def test_unknown_cells_go_before_wrong_ones() -> None:
    screen = Screen(2, 10)
    black = np.zeros((4, 10), np.uint32)
    until_exact(screen, black, STILL)
    screen.painter.shadow.shown[1, 3:6] = UNKNOWN
    update = screen.show(black | np.uint32(0xFFFFFF) * (np.arange(10) > 6), budget=70)
    assert set(update.index.tolist()) >= {13, 14, 15}


def test_a_higher_price_sends_less() -> None:
    rng = np.random.default_rng(16)
    counts = []
    for price in (0.5, 1.0, 4.0, 16.0):
        painter = Painter(10, 20, Style())
        picture = smooth_picture(np.random.default_rng(17), Style(), 10, 20)
        painter.commit(painter.plan(picture))
        counts.append(painter.plan(noise(rng, picture, 16), price=price).cells)
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


@pytest.mark.parametrize("style", STYLES, ids=style_id)
def test_what_is_known_is_of_use_for_the_same_field(style: Style) -> None:
    painter = Painter(3, 4, style)
    assert painter.fits(3, 4, style)
    assert not painter.fits(4, 3, style)
    assert not painter.fits(3, 5, style)
    for other in STYLES:
        if other.shape != style.shape:
            assert not painter.fits(3, 4, other)


def test_black_is_a_colour_like_any_other() -> None:
    """The first frame may be as black as what the painter starts from."""
    screen = Screen(2, 3)
    black = np.zeros((4, 3), np.uint32)
    assert screen.show(black).cells == 6
    assert screen.exact(black)


@pytest.mark.parametrize("field_size", [(1, 1), (1, 300), (120, 1)])
def test_fields_of_one_row_or_column(field_size: tuple[int, int]) -> None:
    screen = Screen(*field_size)
    picture = random_picture(np.random.default_rng(18), screen.style, *field_size, 20)
    assert until_exact(screen, picture, STILL + 2) <= STILL + 1


@pytest.mark.parametrize("style", STYLES, ids=style_id)
def test_what_is_on_the_screen_is_read_the_same_way_as_what_is_expected(style: Style) -> None:
    """The comparison itself: another picture is seen to be another."""
    rng = np.random.default_rng(19)
    height, width = 3 * style.shape.down, 4 * style.shape.across
    picture = np.zeros((height, width), np.uint32)
    screen = Screen(3, 4, style)
    until_exact(screen, picture, STILL + 2)
    white = Art(picture | np.uint32(0xFFFFFF), style)
    assert len(differences(screen.terminal, white.shown, style)) == 12
    x, y = int(rng.integers(0, 4)), int(rng.integers(0, 3))
    assert on_screen(screen.terminal, x, y, style) != expected(white.shown[y, x], style)
