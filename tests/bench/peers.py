"""did-tui's player beside others that play video as characters: mpv, timg and chafa.

All play the same clip in terminals of the same sizes, one after the other and again, so that a busy
machine hurts all alike. Figures are medians. Players that are not installed are left out. Each fits
the square picture as it likes. chafa plays an animated WebP made of the clip, without loss, because
it reads no video; so its CPU holds a different decoder.

CPU s/s is all of it over the seconds of the clip; "playing" is what a second of playing takes once
it has started, and "start s" what starting and ending take besides.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import clip as clips
import numpy as np
from ideal import Reference
from meter import Result, analyse, filled, record, size
from PIL import Image
from program import DID_TUI
from tables import median, ratio, table, within

SIZES = ("80x24", "120x40", "200x60")
OURS = "did-tui"
#: The commands; {webp} is the clip as an animated WebP.
PLAYERS: dict[str, list[str]] = {
    OURS: [*DID_TUI, "play", "{clip}", "--no-audio"],
    "timg": ["timg", "-ph", "--loops=1", "{clip}"],
    "chafa": "chafa -f symbols --symbols vhalf --scale max -d 0 -c full {webp}".split(),
    "mpv": "mpv --no-config --vo=tct --really-quiet --no-audio {clip}".split(),
}
PEERS = ("timg", "chafa")  # whose figures the ratios are of
HEAD = (
    "player", "frames", "fps", "bytes/frame", "CPU s/s", "playing", "start s", "PSNR dB", "SSIM",
    "bytes: of timg's", "of chafa's", "CPU: of timg's", "playing: of timg's",
)  # fmt: skip


def as_webp(clip: Path, reference: Reference) -> Path:
    """The clip as an animated WebP beside it, made if it is not there yet."""
    path = clip.with_suffix(".webp")
    if not path.exists() or path.stat().st_mtime < clip.stat().st_mtime:
        print(f"making {path}", file=sys.stderr)
        width, height = reference.width, reference.height
        first, *others = (
            Image.fromarray((reference.picture(number, width, height) + 0.5).astype(np.uint8))
            for number in range(reference.count)
        )
        first.save(
            path, save_all=True, append_images=others, duration=round(1000 / reference.fps),
            loop=1, lossless=True, method=0, quality=0,
        )  # fmt: skip
    return path


def measured(
    players: Sequence[str], sizes: Sequence[str], clip: Path, runs: int
) -> dict[str, dict[str, list[Result]]]:
    """The results of each player at each size."""
    reference = Reference(clip)
    webp = str(as_webp(clip, reference)) if "chafa" in players else ""
    results: dict[str, dict[str, list[Result]]] = {
        text: {player: [] for player in players} for text in sizes
    }
    for run in range(runs):
        for text in sizes:
            cols, rows = size(text)
            for player in players:
                done = results[text][player]
                command = [part.replace("{webp}", webp) for part in PLAYERS[player]]
                print(f"run {run + 1}, {text}: {player}", file=sys.stderr)
                recording = record(filled(command, clip, cols, rows), cols, rows)
                place = done[0].place if done else None
                done.append(analyse(recording, reference, cols, rows, place))
                if done[-1].code:
                    print(f"{player} ended with {done[-1].code}", file=sys.stderr)
    return results


def row(player: str, of: dict[str, dict[str, float | None]]) -> list[object]:
    """A line of the table."""
    ours = of[player]
    peers = [of.get(peer, {}) for peer in PEERS]
    return [
        player,
        round(ours["frames"] or 0),
        ours["fps"],
        f"{ours['bytes'] or 0:,.0f}",
        f"{ours['cpu'] or 0:.3f}",
        f"{ours['playing'] or 0:.3f}",
        f"{ours['beside'] or 0:.2f}",
        ours["psnr"],
        f"{ours['ssim'] or 0:.4f}",
        *(_times(ratio(ours["bytes"], peer.get("bytes"))) for peer in peers),
        *(_times(ratio(ours[what], of.get("timg", {}).get(what))) for what in ("cpu", "playing")),
    ]


def _times(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}" if value < 0.5 else f"{value:.2f}"


def medians(results: Sequence[Result]) -> dict[str, float | None]:
    """The middle of several runs."""
    return {
        "frames": median(result.frames for result in results),
        "fps": median(result.fps for result in results),
        "bytes": median(result.bytes_per_frame for result in results),
        "cpu": median(result.cpu for result in results),
        "playing": median(result.cpu_playing for result in results),
        "beside": median(result.cpu_beside for result in results),
        "psnr": median(result.psnr for result in results),
        "ssim": median(result.ssim for result in results),
    }


def targets(figures: dict[str, dict[str, dict[str, float | None]]]) -> list[list[object]]:
    """What must hold, and whether it does."""
    rows: list[list[object]] = []
    for text, of in figures.items():
        ours = of[OURS]
        if text == "120x40":
            for peer, part in (("timg", 6), ("chafa", 7)):
                value = ratio(ours["bytes"], of.get(peer, {}).get("bytes"))
                rows.append(_target(f"{text}: bytes a frame, of {peer}'s", value, 1 / part))
            missing = None if ours["psnr"] is None else 48 - ours["psnr"]
            must = "at least 48"
            rows.append([f"{text}: PSNR, dB", ours["psnr"], must, within(missing, 0)])
        if text in ("120x40", "200x60"):
            value = ratio(ours["cpu"], of.get("timg", {}).get("cpu"))
            rows.append(_target(f"{text}: CPU, of timg's", value, 1.2))
            value = ratio(ours["playing"], of.get("timg", {}).get("playing"))
            rows.append(_target(f"{text}: CPU while playing, of timg's", value, 1.2))
    return rows


def _target(what: str, value: float | None, most: float) -> list[object]:
    return [what, _times(value), f"at most {most:.3g}", within(value, most)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", type=Path, help="what they play (default: the talking head)")
    parser.add_argument("--sizes", nargs="+", default=SIZES, metavar="COLSxROWS")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--players", nargs="+", choices=PLAYERS, default=list(PLAYERS))
    options = parser.parse_args()
    players = [name for name in options.players if shutil.which(PLAYERS[name][0])]
    for name in sorted(set(options.players) - set(players)):
        print(f"{name} is not installed and left out.")
    results = measured(players, options.sizes, clips.ensure(options.clip), options.runs)
    figures = {
        text: {player: medians(done) for player, done in of.items()} for text, of in results.items()
    }
    for text, of in figures.items():
        print(f"\n{text}, medians of {options.runs}")
        table(HEAD, [row(player, of) for player in players])
    if OURS in players:
        table(("target", "is", "must be", "kept"), targets(figures))


if __name__ == "__main__":
    main()
