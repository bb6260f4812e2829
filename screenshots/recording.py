"""A conversation of the demo as a terminal shows it, drawn from what the program writes to one.

``python screenshots/recording.py`` writes ``conversation.gif`` beside this file. It needs Pillow
and a monospaced font with block elements.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from ptyrun import PtyProgram  # noqa: E402
from vt import Terminal, xterm  # noqa: E402

COLS, ROWS = 96, 28
WIDE, HIGH = 7, 14  # pixels of a cell
FPS = 8
FRONT, BACK = 0xD8DEEB, 0x0C0F16
QUESTION = "How do I interrupt you?"
FONT = "DejaVuSansMono.ttf"
REVERSE, BOLD = 7, 1


def rgb(colour: int) -> tuple[int, int, int]:
    """Red, green and blue of 0xRRGGBB."""
    return colour >> 16, colour >> 8 & 255, colour & 255


def drawn(terminal: Terminal, font: ImageFont.FreeTypeFont) -> Image.Image:
    """What the terminal shows; half blocks are rectangles, everything else is the font's."""
    image = Image.new("RGB", (COLS * WIDE, ROWS * HIGH), rgb(BACK))
    draw = ImageDraw.Draw(image)
    for y, row in enumerate(terminal.cells):
        for x, (glyph, front, back, flags) in enumerate(row):
            ink, paper = xterm(front), xterm(back)
            ink, paper = FRONT if ink is None else ink, BACK if paper is None else paper
            if REVERSE in flags:
                ink, paper = paper, ink
            left, top = x * WIDE, y * HIGH
            draw.rectangle((left, top, left + WIDE - 1, top + HIGH - 1), rgb(paper))
            if glyph == "▀":
                draw.rectangle((left, top, left + WIDE - 1, top + HIGH // 2 - 1), rgb(ink))
            elif glyph == "▄":
                draw.rectangle((left, top + HIGH // 2, left + WIDE - 1, top + HIGH - 1), rgb(ink))
            elif glyph.strip():
                draw.text((left, top - 1), glyph, rgb(ink), font, stroke_width=0)
    return image


def record(font: ImageFont.FreeTypeFont, seconds: float) -> list[Image.Image]:
    """Open the demo, talk with its first agent, and take a picture now and then."""
    frames: list[Image.Image] = []
    with tempfile.TemporaryDirectory() as home:
        env = os.environ | {"DID_TUI_HOME": home}
        with PtyProgram(["demo", "--audio", "none"], cols=COLS, rows=ROWS, env=env) as program:

            def film(length: float) -> None:
                end = time.monotonic() + length
                while time.monotonic() < end:
                    program.read(1 / FPS)
                    frames.append(drawn(program.terminal, font))

            program.until(lambda terminal: "ready" in terminal.text, 60)
            film(1.0)
            program.type("c")
            program.until(lambda terminal: "fps" in terminal.text, 60)
            film(1.0)
            for letter in QUESTION:
                program.type(letter)
                film(1 / FPS)
            program.type("\r")
            film(seconds)
            program.process.terminate()
            program.wait(20)
    return frames


def main() -> None:
    """Record and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="after the question")
    parser.add_argument("--font", default=FONT)
    options = parser.parse_args()
    frames = record(ImageFont.truetype(options.font, 12), options.seconds)
    palette = frames[-1].quantize(256, Image.Quantize.MEDIANCUT)
    small = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    path = HERE / "conversation.gif"
    small[0].save(
        path, save_all=True, append_images=small[1:], duration=1000 // FPS, loop=0, optimize=True
    )
    print(f"{path.name}: {len(frames)} frames, {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
