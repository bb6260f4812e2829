"""Programs that play or record, as children of this one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence

from did_tui.live.media.speaker import SpeakerError

START_SECONDS = 0.3
"""A program that has not ended by then works."""


def started(
    program: str,
    arguments: Sequence[str],
    device: str,
    env: Mapping[str, str],
    *,
    what: str = "sound device",
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a program on a device, its default one if that is empty.

    Raises SpeakerError, also where the program finds no such device and ends; ``what`` names it.
    """
    path = shutil.which(program, path=env.get("PATH"))
    if path is None:
        raise SpeakerError(f"{program} is not installed")
    process = subprocess.Popen(  # noqa: S603 (found on PATH by its name)
        [path, *arguments, *([f"--device={device}"] if device else [])],
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.DEVNULL,
        env=dict(env),
        start_new_session=True,  # a control-C of the terminal is not for it
    )
    try:
        process.wait(START_SECONDS)
    except subprocess.TimeoutExpired:
        return process
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    raise SpeakerError(f"{program} finds no {what}")


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program, which gets a second for it."""
    process.terminate()
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
