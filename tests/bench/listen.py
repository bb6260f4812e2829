"""Listens to ``did-tui play`` and ``did-tui demo`` as a user starts them: gaps, clicks, level.

    python tests/bench/listen.py --seconds 60 [--busy] [--ssh]

Each runs in a terminal, drawing as it does, and plays to a private null sink, where it is recorded;
with ``--ssh`` through a real sshd on this machine, as with ``ssh -R`` and ``PULSE_SERVER``.
What ``play`` plays is known to the sample; in the demo it is looked for cuts that no voice has.
Needs PulseAudio with its tools.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import numpy.typing as npt
from flashbeep import (
    AUDIBLE_GAP,
    BEEP_LOUD,
    HUM_LOUD,
    RATE,
    count_clicks,
    find_silences,
    write_file,
)
from nullsink import NullSink, Pcm, Recorder, available
from ptyrun import PtyProgram
from sound import load
from tables import table
from tunnel import tunnel

COLS, ROWS = 120, 36
CUT = 1500  # of 32768: a voice never goes from so loud to nothing from one sample to the next
NOTHING = RATE // 200  # samples of silence after which that is a cut
QUESTION = "What can you show me here, and how do I interrupt you?\r"


@contextmanager
def ear(home: Path, *, ssh: bool) -> Iterator[tuple[NullSink, Recorder, dict[str, str]]]:
    """A sound server, what is heard on it, and the environment that plays there."""
    with NullSink() as pulse, pulse.record() as heard, ExitStack() as ends:
        env = pulse.env() | {"DID_TUI_HOME": str(home)}
        if ssh:
            far = ends.enter_context(tunnel(pulse.socket))
            env |= {"PULSE_SERVER": f"unix:{far}", "SSH_CONNECTION": "127.0.0.1 40000 127.0.0.1 22"}
        yield pulse, heard, env


def listen_to_file(seconds: float, home: Path, *, ssh: bool) -> list[object]:
    """Play a known file; what was heard of it."""
    path = home / "flashbeep.mkv"
    write_file(path, seconds)
    with (
        ear(home, ssh=ssh) as (pulse, heard, env),
        PtyProgram(["play", str(path)], env=env, cols=COLS, rows=ROWS) as program,
    ):
        program.until(lambda _terminal: pulse.players() > 0, 60)
        program.read(seconds + 2)
        program.type("q")
        program.wait()
    sound = heard.pcm[:, 0] / 32768
    loud = np.flatnonzero(np.abs(sound) > HUM_LOUD / 2)
    sound = sound[loud[0] : loud[-1]]
    gaps = [gap for gap in find_silences(sound) if gap > AUDIBLE_GAP]
    level = np.abs(sound).max() / (HUM_LOUD + BEEP_LOUD)
    return _row("play", sound, gaps, count_clicks(sound), level)


def cuts(pcm: Pcm) -> list[float]:
    """The lengths, in seconds, of silences that begin or end abruptly in a loud sound."""
    sound: npt.NDArray[np.int32] = pcm[:, 0].astype(np.int32)
    edges = np.flatnonzero(np.diff((sound == 0).astype(np.int8), prepend=0, append=0))
    found = []
    for start, stop in edges.reshape(-1, 2).tolist():
        before = abs(sound[start - 1]) if start else 0
        after = abs(sound[stop]) if stop < len(sound) else 0
        if stop - start >= NOTHING and max(before, after) > CUT:
            found.append((stop - start) / RATE)
    return found


def listen_to_demo(seconds: float, home: Path, *, ssh: bool) -> list[object]:
    """Ask the demo's first agent something until the time is over; what was heard."""
    with ear(home, ssh=ssh) as (_pulse, heard, env):
        report = home / "report.json"
        arguments = ["demo", "--report", str(report)]
        with PtyProgram(arguments, env=env, cols=COLS, rows=ROWS) as program:
            program.until(lambda terminal: "ready" in terminal.text, 60)
            program.type("c")
            program.until(lambda terminal: "fps" in terminal.text, 60)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                program.type(QUESTION)
                program.read(12)
            program.until(lambda terminal: "talking" not in terminal.text, 60)
            program.read(1)
            program.type("\x11")
            program.wait()
    told = json.loads(report.read_text(encoding="utf-8"))["sound_ms"]
    print(f"demo: the device ran dry {told['underflows']} times, {told['concealed']} ms concealed")
    sound = heard.pcm[:, 0] / 32768
    found = cuts(heard.pcm)
    return _row("demo", sound, found, len(found), float(np.abs(sound).max()))


def _row(
    what: str, sound: npt.NDArray[np.float64], gaps: Sequence[float], clicks: int, level: float
) -> list[object]:
    longest = f"{max(gaps, default=0.0) * 1000:.0f}"
    return [what, f"{len(sound) / RATE:.1f}", len(gaps), longest, clicks, f"{level:.2f}"]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--busy", action="store_true", help="with another process on each core")
    parser.add_argument("--ssh", action="store_true", help="through sshd; needs OpenSSH")
    options = parser.parse_args(arguments)
    if not available():
        sys.exit("This needs PulseAudio: apt install pulseaudio pulseaudio-utils")
    with tempfile.TemporaryDirectory() as home, load(options.busy):
        rows = [
            listen(options.seconds, Path(home), ssh=options.ssh)
            for listen in (listen_to_file, listen_to_demo)
        ]
    table(("program", "seconds", "gaps, cuts", "longest, ms", "clicks", "level"), rows)


if __name__ == "__main__":
    main()
