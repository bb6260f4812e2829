"""A D-ID whose agents flash and beep behind a lossy line, in a process of its own.

    with FlashingEmulator(Line(loss=0.01)) as agent:
        ...                                            # receive from agent.url
    report = measure(pcm, time_of, shown, begun=agent.begun(), since=…, until=…)

It is the emulator with its voice and its face replaced by ``flashbeep.Source``, in streams and in
rooms. As a program: ``python flashagent.py --help``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import re
import subprocess
import sys
import threading
from dataclasses import asdict, fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from flashbeep import FPS, RATE, Source
from lossy import Line, LossyLink


def _serve(line: Line, ppm: float, *, sound: bool, picture: bool) -> int:
    """Run an emulator whose agents flash and beep over such a line, until standard input ends."""
    import asyncio

    from aiortc import MediaStreamTrack, RTCPeerConnection

    from did_tui.emulator import command, peer, room, roompeer, streams

    source = Source()
    rate = 1 + ppm * 1e-6

    class Clock(peer.Clock):
        """The stream's own time, on a clock that is a little fast or slow."""

        def begin(self) -> None:
            if not self._begun.is_set():
                super().begin()
                print(json.dumps({"begun": self._start}), flush=True)

        @property
        def now(self) -> float:
            return super().now * rate

    class Beeps(MediaStreamTrack):
        kind = "audio"

        def __init__(self, _stage: object, clock: Clock) -> None:
            super().__init__()
            self._clock, self._position = clock, 0

        async def recv(self) -> av.AudioFrame:
            if not sound:
                await asyncio.Event().wait()
            position, self._position = self._position, self._position + peer.SAMPLES
            await self._clock.until(position / RATE)
            samples = source.sound(position, peer.SAMPLES).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
            frame.pts = position
            return frame

    class Flashes(MediaStreamTrack):
        kind = "video"
        warm_until = 0.0

        def __init__(self, _face: object, _stage: object, clock: Clock, *, always: bool) -> None:
            super().__init__()
            self._clock, self._number = clock, -1

        async def recv(self) -> av.VideoFrame:
            if not picture:
                await asyncio.Event().wait()
            self._number += 1
            await self._clock.until(self._number / FPS)
            frame = source.picture(self._number)
            frame.pts = self._number * 90_000 // FPS
            frame.time_base = Fraction(1, 90_000)
            return frame

    def put_behind(pc: RTCPeerConnection) -> None:
        """Let a connection have such a line when it is there."""
        link = LossyLink(line)

        def watch() -> None:
            if pc.connectionState == "connected":
                link.attach(pc)
            elif pc.connectionState in ("failed", "closed"):
                print(json.dumps({"link": link.count}), flush=True)

        pc.on("connectionstatechange", watch)

    class LossyPeer(peer.Peer):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            put_behind(self._pc)

    class LossyRoomPeer(roompeer.RoomPeer):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            put_behind(self._down)

    stand_ins = {"Clock": Clock, "VoiceTrack": Beeps, "FaceTrack": Flashes}
    for module in (peer, room, roompeer):
        vars(module).update({name: of for name, of in stand_ins.items() if name in vars(module)})
    vars(streams)["Peer"], vars(room)["RoomPeer"] = LossyPeer, LossyRoomPeer
    return command.run(command.Options(port=0, seed=7, until_eof=True))


def put_before_others(pid: int) -> None:
    """Let a process run before others, if this user may decide that.

    It stands for another machine: what keeps this one busy does not make it late.
    """
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, int(task.name), -10)


class FlashingEmulator:
    """That emulator in a process of its own, between ``with`` and its end."""

    def __init__(
        self,
        line: Line | None = None,
        *,
        ppm: float = 0.0,
        sound: bool = True,
        picture: bool = True,
    ) -> None:
        self.url = ""
        self.link: dict[str, int] = {}
        self.rate = 1 + ppm * 1e-6
        self._begun: queue.Queue[float] = queue.Queue()
        self._command = [sys.executable, __file__, "--ppm", str(ppm)]
        self._command += ["--line", json.dumps(asdict(line or Line()))]
        self._command += [] if sound else ["--no-sound"]
        self._command += [] if picture else ["--no-picture"]

    def __enter__(self) -> FlashingEmulator:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        found = re.search(r"(http://\S+)", self._process.stdout.readline())
        assert found, "the emulator does not say where it is"
        self.url = found[1]
        put_before_others(self._process.pid)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def __exit__(self, *_error: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join(5)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def begun(self, timeout: float = 20.0) -> float:
        """When the newest stream's media began, as ``time.monotonic()`` counts; waits for it."""
        return self._begun.get(timeout=timeout)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            if "begun" in said:
                self._begun.put(said["begun"])
            self.link = said.get("link", self.link)


def line_of(text: str) -> Line:
    """A line from JSON, as the command line takes it."""
    given = json.loads(text)
    known = {each.name for each in fields(Line)}
    if not given.keys() <= known:
        raise ValueError(f"not of a line: {', '.join(given.keys() - known)}")
    outage = tuple(given.pop("outage", (0.0, 0.0)))
    return replace(Line(**given), outage=outage)


def main() -> int:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--line", type=line_of, default=Line(), help="as JSON")
    parser.add_argument("--ppm", type=float, default=0.0, help="how fast the source's clock is")
    parser.add_argument("--no-sound", action="store_true")
    parser.add_argument("--no-picture", action="store_true")
    options = parser.parse_args()
    sound, picture = not options.no_sound, not options.no_picture
    return _serve(options.line, options.ppm, sound=sound, picture=picture)


if __name__ == "__main__":
    sys.exit(main())
