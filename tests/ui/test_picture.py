"""The picture in the app: shapes, pixels, what is hidden, what cannot be drawn, a slow terminal."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import av
import numpy as np
import pytest
from liveterm import QUERY, LiveDriver, calm, terminal_of
from ptyrun import PtyProgram
from test_picture_fuzz import Page, Source, Stage, settled, stage

from did_tui.config import SHAPES, BadSetting, Look
from did_tui.picture.shapes import SHAPES as SHAPES_BY_NAME
from did_tui.ui import terminal
from did_tui.ui.widgets.video import VideoView


@pytest.fixture(autouse=True)
def a_good_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")


async def shown(app: Stage, source: Source, frames: int = 1) -> VideoView:
    view = app.query_one(VideoView)
    view.attach(source.take)
    for _ in range(frames):
        before = view.frames_shown
        source.next()
        view.picture_ready()
        for _ in range(200):
            await calm(0.005)
            if view.frames_shown > before and not view.flow.busy:
                break
    return view


def glyphs(app: Stage) -> set[str]:
    return {cell[0] for row in terminal_of(app).cells for cell in row}


async def test_f5_goes_round_all_shapes() -> None:
    async with stage() as app:
        source = Source(1)
        view = await shown(app, source)
        seen = []
        for _ in SHAPES[1:]:
            seen.append(await view.next_shape())
            await shown(app, source, 2)
        assert sorted(seen) == sorted(SHAPES[1:])
        assert view.style_names[0] == "half"
        assert terminal_of(app).strange == []


async def test_beside_a_picture_of_letters_there_is_nothing() -> None:
    async with stage() as app:
        view = app.query_one(VideoView)
        view.styles.background = "#0c0f16"  # a dark colour, which dithered is dots
        view.styles.width, view.styles.height = 46, 8
        view.draw_with("ascii", "none")
        await shown(app, Source(1), 2)
        await settled(app)
        left = {row[x][0] for row in terminal_of(app).cells[3:9] for x in range(8)}
        assert left == {" "}
        middle = {row[23][0] for row in terminal_of(app).cells[3:9]}
        assert middle - {" "}


@pytest.mark.parametrize(("width", "answers"), [(2, True), (0, True), (1, True), (2, False)])
async def test_shapes_that_are_not_one_cell_wide_are_left_out(
    width: int, answers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    async with stage() as app:
        monkeypatch.setattr(app, "notify", lambda message, **_options: said.append(message))
        view = await shown(app, Source(1))
        corner = f"\x1b[{app.size.height};1H{SHAPES_BY_NAME['octant'].probe}"
        assert isinstance(app._driver, LiveDriver)
        write, asked = app._driver.write, []

        def answering(data: str) -> None:
            write(data)
            if "\x1b[24;1H" in data and data.endswith(QUERY + "\x1b8"):
                asked.append(data)
                if answers:
                    x = width if corner in data else 1
                    app.terminal_answered(terminal.now(), x, 23)

        monkeypatch.setattr(app._driver, "write", answering)
        seen = [await view.next_shape() for _ in range(2 * len(SHAPES))]
        assert len(asked) == 4  # of each but half blocks and letters, once
        broken = answers and width != 1
        assert ("octant" in seen) is not broken
        assert set(seen) >= {"half", "quadrant", "sextant", "braille", "ascii"}
        assert ("Left out: octant glyphs are not one cell wide here." in said) is broken
        for _ in range(100):
            await settled(app)
            if terminal_of(app).cells[-1][0][0] in ("", " "):
                break
            await asyncio.sleep(0.05)
        assert terminal_of(app).cells[-1][0][0] in ("", " "), "nothing is left in the corner"


@pytest.mark.parametrize(("kind", "begins"), [("kitty", "\x1b_Ga=T"), ("sixel", "\x1bP")])
async def test_pixels_are_sent_and_taken_away(
    kind: str, begins: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    write = LiveDriver.write

    def record(driver: LiveDriver, data: str) -> None:
        written.append(data)
        write(driver, data)

    monkeypatch.setattr(LiveDriver, "write", record)
    async with stage() as app:
        view = await shown(app, Source(2))
        view.styles.height = 8
        await calm(0.1)
        view.draw_with(kind, "true")
        await shown(app, Source(3), 2)
        sent = "".join(written)
        assert begins in sent
        region = view.region
        cell = terminal_of(app).cells[region.y + 1][region.x + 1]
        assert cell[0] == " "
        assert cell[2] is None, "pixels shine through cells without a background"
        written.clear()
        view.draw_with("half", "true")
        await shown(app, Source(4))
        assert ("\x1b_Ga=d" in "".join(written)) is (kind == "kitty")
        assert "▀" in glyphs(app)


async def test_sixels_that_something_covers_are_cells() -> None:
    async with stage() as app:
        view = await shown(app, Source(10))
        view.styles.height = 8
        await calm(0.1)
        x, y, width, height = view.region

        def blocks() -> bool:
            rows = terminal_of(app).cells[y : y + height]
            return any(cell[0] in "▀▄" for row in rows for cell in row[x : x + width])

        async def become(*, wanted: bool) -> None:
            async with asyncio.timeout(10):
                while blocks() is not wanted:
                    await calm(0.05)

        view.draw_with("sixel", "true")
        await shown(app, Source(11), 2)
        await become(wanted=False)
        note = app.query_one("#note")
        with app._context():
            note.display = True
        await shown(app, Source(12), 2)
        await become(wanted=True)
        assert "a note" in terminal_of(app).text
        with app._context():
            note.display = False
        await shown(app, Source(13), 2)
        await become(wanted=False)


@pytest.mark.parametrize("shape", ["half", "kitty"])
def test_under_the_prompt(shape: str, tmp_path: Path) -> None:
    page = str(Path(__file__).parent / "inlinepage.py")
    env = os.environ | {"DID_TUI_HOME": str(tmp_path)}
    with PtyProgram([shape], env=env, program=(page,), rows=24) as program:

        def all_of_it_is(colour: int) -> bool:
            backgrounds = [cell[2] for row in program.terminal.cells for cell in row]
            return backgrounds.count(colour) == 20 * 5

        program.until(lambda _terminal: all_of_it_is(0xC80000))
        program.type("b")
        program.until(lambda _terminal: all_of_it_is(0x0000C8))
        assert "above it" in program.terminal.text
        assert "below it" in program.terminal.text
        program.type("e")
        assert program.wait() == 0
        assert program.terminal.strange == []
        assert program.modes == program.modes_before


async def test_a_hidden_picture_costs_nothing() -> None:
    async with stage() as app:
        source = Source(5)
        view = await shown(app, source)
        with app._context():
            await app.push_screen(Page())
        await calm(0.5)
        written, frames = app.bytes_written, view.frames_shown
        source.next()
        view.picture_ready()
        await calm(0.2)
        assert app.bytes_written == written
        assert source.newest is not None, "it was not even taken"
        with app._context():
            app.screen.dismiss()
        await calm(0.2)
        source.next()
        view.picture_ready()
        await calm(0.2)
        assert view.frames_shown > frames


@pytest.mark.parametrize("pixel_format", ["rgb4", "gbrap32le", "yaf32be", "yaf32le"])
async def test_a_frame_that_cannot_be_drawn_is_said_once(pixel_format: str) -> None:
    async with stage() as app:
        view = await shown(app, Source(6))
        broken = av.VideoFrame(64, 64, pixel_format)
        view.attach(lambda: broken)
        for _ in range(3):
            view.picture_ready()
            await calm(0.1)
        [notice] = [notice.message for notice in app._notifications]
        assert f"64×64, {pixel_format}" in notice
        await shown(app, Source(7))
        assert "▀" in glyphs(app)


@pytest.mark.parametrize("size", [(1, 1), (1, 4096), (4096, 1), (641, 359), (2000, 3)])
async def test_frames_of_any_size(size: tuple[int, int]) -> None:
    async with stage() as app:
        pixels = np.full((size[1], size[0], 3), 200, np.uint8)
        view = app.query_one(VideoView)
        view.attach(lambda: av.VideoFrame.from_ndarray(pixels, format="rgb24"))
        view.picture_ready()
        for _ in range(100):
            await calm(0.01)
            if view.frames_shown:
                break
        assert view.frames_shown == 1


async def test_a_terminal_that_takes_nothing_is_not_painted() -> None:
    async with stage() as app:
        driver = app._driver
        assert isinstance(driver, LiveDriver)
        await shown(app, Source(8))
        driver.pending = 1_000_000
        await calm(0.1)
        before = app.bytes_written
        app.notify("something")
        source = Source(9)
        app.query_one(VideoView).attach(source.take)
        for _ in range(5):
            source.next()
            app.query_one(VideoView).picture_ready()
            await asyncio.sleep(0.02)
        assert app.bytes_written == before
        driver.pending = 0
        app.terminal_eased()
        await calm(0.3)
        assert "something" in terminal_of(app).text


def test_settings_that_make_no_sense_are_refused_in_words() -> None:
    assert Look.load({"DID_TUI_FPS": "12"}, {"shape": "octant"}) == Look(shape="octant", fps=12)
    for wrong in ({"shape": "round"}, {"fps": "0"}, {"fps": "x"}, {"max_kbps": "-1"}):
        with pytest.raises(BadSetting, match=str(next(iter(wrong.values())))):
            Look.load({}, wrong)
