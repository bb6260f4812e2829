"""How long a typed key takes to be seen, with and without the picture.

Keys are typed at random times into the app's prompt, as a person would, without waiting. A key is
seen when the terminal has decoded the bytes that put it on the screen.
"""

from __future__ import annotations

import argparse
import math
import random
import string
import sys
import tempfile
import time
from pathlib import Path

import clip as clips
from meter import size
from program import Program
from screen import Screen
from tables import percentile, table, within
from widget import APP

LINE = 24  # keys before one that clears the prompt
WARM = 4.0  # seconds before the first key


class Typist:
    """Types at random times and notices when each key is seen on the prompt."""

    def __init__(self, seed: int, gaps: tuple[float, float]) -> None:
        self._rng = random.Random(seed)
        self._gaps = gaps
        self._typed: list[tuple[float, str]] = []  # when, and what the prompt then holds
        self._seen = 0
        self._text = ""
        self.next = 0.0
        self.latencies: list[float] = []  # ms

    def key(self, now: float) -> bytes:
        """A key that is typed now."""
        self.next = now + self._rng.uniform(*self._gaps)
        letter = self._rng.choice(string.ascii_lowercase)
        self._text = "" if len(self._text) >= LINE else self._text + letter
        self._typed.append((now, self._text))
        return self._text[-1:].encode() or b"\r"

    def look(self, prompt: str, now: float) -> None:
        """The prompt holds this now."""
        for number in range(self._seen, len(self._typed)):
            when, text = self._typed[number]
            if when > now:
                return
            if text == prompt.strip():
                typed = self._typed[self._seen : number + 1]
                self.latencies += [(now - when) * 1000 for when, text in typed if text]
                self._seen = number + 1
                return

    def unseen(self, now: float) -> list[float]:
        """How long the keys that were never seen have waited, ms."""
        return [(now - when) * 1000 for when, text in self._typed[self._seen :] if text]


def run(clip: Path | None, cols: int, rows: int, keys: int, seed: int) -> Typist:
    """Type so many keys into the app, then decode what it wrote meanwhile."""
    typist = Typist(seed, (0.03, 0.27))
    chunks: list[tuple[float, bytes]] = []
    with tempfile.TemporaryDirectory() as directory:
        command = [*APP, str(Path(directory) / "report"), "--prompt", "--seconds", "3600"]
        command += ["--clip", str(clip)] if clip else []
        with Program(command, cols, rows) as program:
            typist.next = program.began + WARM
            left, end = keys, math.inf
            while (now := time.monotonic()) < end:
                if left and now >= typist.next:
                    program.type(typist.key(now))
                    left -= 1
                    end = math.inf if left else now + 2
                chunk = program.read(min(0.05, typist.next - now) if left else 0.05)
                if chunk is None:
                    sys.exit(f"The app ended: {b''.join(part for _, part in chunks[-9:])!r}")
                if chunk:
                    chunks.append((time.monotonic(), chunk))
    screen = Screen(cols, rows)
    for moment, chunk in chunks:
        screen.feed(chunk)
        typist.look(screen.line(rows - 1), moment)
    typist.latencies += typist.unseen(end)
    return typist


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", type=Path, help="what it shows (default: the talking head)")
    parser.add_argument("--size", type=size, default=(120, 40), metavar="COLSxROWS")
    parser.add_argument("--keys", type=int, default=200)
    parser.add_argument("--runs", type=int, default=1, help="all keys of so many runs together")
    options = parser.parse_args()
    clip, (cols, rows) = clips.ensure(options.clip), options.size
    latencies: dict[str, list[float]] = {"idle": [], "picture": []}
    for number in range(options.runs):
        for name, shown in (("idle", None), ("picture", clip)):
            latencies[name] += run(shown, cols, rows, options.keys, number).latencies
    print(f"{cols}x{rows}, from a key to its letter on the terminal, ms")
    table(
        ("app", "keys", "p50", "p95", "p99", "max"),
        [
            [name, len(of), *(percentile(of, percent) for percent in (50, 95, 99, 100))]
            for name, of in latencies.items()
        ],
    )
    p50, p99 = (percentile(latencies["picture"], percent) for percent in (50, 99))
    table(
        ("target", "is", "must be", "kept"),
        [
            ["key echo p50 with the picture, ms", p50, "at most 10", within(p50, 10)],
            ["key echo p99 with the picture, ms", p99, "at most 40", within(p99, 40)],
        ],
    )


if __name__ == "__main__":
    main()
