"""A private PulseAudio whose sinks are heard by the test: what was really played, and when.

    with NullSink() as pulse:                  # own daemon, own socket, own directories
        with pulse.record() as heard:          # another process, which stamps every block
            subprocess.run(command, env=pulse.env())
    heard.pcm                                  # int16 array (frames, channels)
    heard.time_of(frame)                       # when that frame was audible, as time.monotonic()

It needs PulseAudio with its command-line tools, and no D-Bus, no X, no systemd, no sound card and
no root. Nothing is written outside a temporary directory. Linux only: processes compare their
CLOCK_MONOTONIC. On the command line, ``python nullsink.py exec -- COMMAND`` runs a command with the
private server as its default device and prints what was heard as JSON.

Three facts make it exact. Without ``norewinds=1`` a null sink rewinds when somebody joins and eats
up to a block of the first sound. An idle null sink renders 2 s ahead, so it sleeps while the
recorder connects, and wakes with the recorder's block. A null sink keeps CLOCK_MONOTONIC exactly
and hands each block to its monitor one block before it is due.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

RATE = 48_000
CHANNELS = 2
FRAME_BYTES = 4
BLOCK_MS = 5
BLOCK = RATE * BLOCK_MS // 1000
"""Frames in a recorded block."""

BLOCKS_TO_TRUST = 10
"""So many blocks must have come before a recorder is believed to hear everything."""

ALSA_TO_PULSE = """</usr/share/alsa/alsa.conf>
pcm.!default { type pulse }
ctl.!default { type pulse }
"""

ALSA_WITHOUT_CARDS = """</usr/share/alsa/alsa.conf>
defaults.pcm.!card 31
defaults.ctl.!card 31
ctl.!hw { type hw card 31 }
"""

START_SECONDS = 10.0
ORPHAN_SECONDS = 120
"""A daemon that nobody uses for this long ends by itself, should its test have been killed."""

STAMPER = """
import os, struct, sys, time
size, parent = int(sys.argv[1]), os.getppid()
while os.getppid() == parent and len(block := sys.stdin.buffer.read(size)) == size:
    os.write(1, struct.pack("<d", time.monotonic()) + block)
"""
"""A program that puts the time before every block it reads, and ends with whoever started it."""

Pcm = npt.NDArray[np.int16]


def available() -> bool:
    """Tell whether this machine has what the fixture needs."""
    if not all(shutil.which(program) for program in ("pulseaudio", "pactl", "parec", "pacat")):
        return False
    try:
        ctypes.CDLL("libpulse.so.0")
    except OSError:
        return False
    return True


needs_pulse = pytest.mark.skipif(
    not available(), reason="PulseAudio is not installed: apt-get install pulseaudio"
)


def _environ_without_sound() -> dict[str, str]:
    chosen = ("PULSE_", "PIPEWIRE_", "ALSA_", "DBUS_", "DISPLAY", "SSH_CONNECTION")
    return {name: value for name, value in os.environ.items() if not name.startswith(chosen)}


def _null_sink(name: str) -> str:
    """Return the arguments of module-null-sink; the name is the description, too."""
    return (
        f"sink_name={name} sink_properties=device.description={name}"
        f" rate={RATE} channels={CHANNELS} format=s16le norewinds=1"
    )


def _put_first(pid: int) -> None:
    """Let a process run as soon as it wants to, if this user may decide that.

    A sound card does not wait for other programs, and a server that is late is heard as a gap.
    """
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(PermissionError):
            os.sched_setscheduler(int(task.name), os.SCHED_RR, os.sched_param(5))


class NullSink:
    """A private sound server with one null sink or several, the first being the default.

    ``mic`` adds a virtual microphone, the default source, which hears what ``speak`` is given.
    """

    def __init__(self, *, sinks: tuple[str, ...] = ("null",), mic: bool = False) -> None:
        self.sinks = sinks
        self.mic = mic
        # Short: the address of a socket is at most 108 bytes long.
        self.dir = Path(tempfile.mkdtemp(prefix="nsk."))
        self.socket = self.dir / "run" / "pulse" / "native"
        self._daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> NullSink:
        """Start the daemon and wait until it answers: 0.1 to 0.2 s on a quiet machine."""
        with contextlib.ExitStack() as undo:
            undo.callback(self.stop)
            for name in ("run/pulse", "state", "home", "config"):
                (self.dir / name).mkdir(mode=0o700, parents=True)
            self._launch()
            self.pactl("set-default-sink", self.sinks[0])
            if self.mic:
                self.pactl("set-default-source", "mic")
            undo.pop_all()
        return self

    def _launch(self) -> None:
        path = self.dir / "pulse.log"
        with path.open("wb") as log:
            self._daemon = subprocess.Popen(
                self._command(),
                env=self._daemon_env(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._daemon.poll() is not None or time.monotonic() > deadline:
                words = path.read_text(errors="replace")
                raise RuntimeError(f"pulseaudio did not start:\n{words}")
            time.sleep(0.02)
        _put_first(self._daemon.pid)

    def stop(self) -> None:
        """End the daemon and remove every trace of it."""
        if self._daemon is not None and self._daemon.poll() is None:
            self._daemon.send_signal(signal.SIGCONT)
            self._daemon.terminate()
            try:
                self._daemon.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self) -> NullSink:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def _command(self) -> list[str]:
        modules = [
            f"module-native-protocol-unix socket={self.socket}"
            " auth-anonymous=1 auth-cookie-enabled=0",
            *(f"module-null-sink {_null_sink(sink)}" for sink in self.sinks),
        ]
        if self.mic:
            modules.append(f"module-null-sink {_null_sink('micfeed')}")
            modules.append("module-remap-source master=micfeed.monitor source_name=mic")
        return [
            *"pulseaudio -n --daemonize=no --use-pid-file=no --disable-shm=yes".split(),
            *"--realtime=no --high-priority=no --log-target=stderr --log-level=warning".split(),
            f"--exit-idle-time={ORPHAN_SECONDS}",
            *(f"--load={module}" for module in modules),
        ]

    # Environments

    def _daemon_env(self) -> dict[str, str]:
        return _environ_without_sound() | {
            "LC_ALL": "C",
            "HOME": str(self.dir / "home"),
            "XDG_CONFIG_HOME": str(self.dir / "config"),
            "XDG_RUNTIME_DIR": str(self.dir / "run"),
            "PULSE_RUNTIME_PATH": str(self.dir / "run" / "pulse"),
            "PULSE_STATE_PATH": str(self.dir / "state"),
        }

    def env(self) -> dict[str, str]:
        """Return the environment in which this server is the default device, ALSA's as well.

        ALSA, and so PortAudio, gets there through its pulse plug-in (Debian: libasound2-plugins).
        The socket lies where a server of this machine has it, so it does not count as remote.
        """
        return self._client_env(self.socket, ALSA_TO_PULSE)

    def no_device_env(self) -> dict[str, str]:
        """Return the environment of a machine that has no sound device."""
        return self._client_env(self.dir / "absent", ALSA_WITHOUT_CARDS)

    def _client_env(self, socket: Path, alsa: str) -> dict[str, str]:
        config = self.dir / f"{socket.name}.asound.conf"
        config.write_text(alsa)
        return _environ_without_sound() | {
            "XDG_RUNTIME_DIR": str(self.dir / "run"),
            "PULSE_SERVER": f"unix:{socket}",
            "PULSE_COOKIE": str(self.dir / "cookie"),
            "PIPEWIRE_REMOTE": "absent",
            "ALSA_CONFIG_PATH": str(config),
        }

    # The machine room

    def pactl(self, *arguments: str) -> str:
        """Run pactl against this server and return what it says; raise CalledProcessError."""
        command = ["pactl", f"--server=unix:{self.socket}", *arguments]
        done = subprocess.run(
            command, env=self._daemon_env(), capture_output=True, text=True, timeout=10, check=True
        )
        return done.stdout

    def _answers(self) -> bool:
        if not self.socket.exists():
            return False
        try:
            self.pactl("info")
        except subprocess.CalledProcessError:
            return False
        return True

    def players(self) -> int:
        """Return how many streams play now."""
        return len(self.pactl("list", "short", "sink-inputs").splitlines())

    def listeners(self) -> int:
        """Return how many streams record now."""
        return len(self.pactl("list", "short", "source-outputs").splitlines())

    def unplug(self, sink: str | None = None) -> None:
        """Take a sink away, the first by default, as when a headset is pulled out."""
        name = f"sink_name={sink or self.sinks[0]}"
        for line in self.pactl("list", "short", "modules").splitlines():
            index, module, arguments, *_ = [*line.split("\t"), "", ""]
            if module == "module-null-sink" and name in arguments.split():
                self.pactl("unload-module", index)

    def plug(self, sink: str | None = None, *, default: bool = True) -> None:
        """Bring a sink back, the first by default, and make it the default device."""
        name = sink or self.sinks[0]
        self.pactl("load-module", "module-null-sink", *_null_sink(name).split())
        if default:
            self.pactl("set-default-sink", name)

    def suspend(self, asleep: bool, sink: str | None = None) -> None:
        """Put a sink to sleep or wake it."""
        self.pactl("suspend-sink", sink or self.sinks[0], "1" if asleep else "0")

    def kill(self) -> None:
        """Crash the server."""
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait()

    def start_again(self) -> None:
        """Start a server that has crashed, with the sinks it began with."""
        self.socket.unlink(missing_ok=True)
        self._launch()
        self.pactl("set-default-sink", self.sinks[0])

    def hang(self) -> None:
        """Stop the server in its tracks: it lives, keeps its connections and says nothing."""
        if self._daemon is not None:
            self._daemon.send_signal(signal.SIGSTOP)

    def speak(self, pcm: bytes) -> None:
        """Play into the virtual microphone, and return when that is over."""
        command = ["pacat", "--raw", "--device=micfeed", f"--rate={RATE}", "--channels=2"]
        subprocess.run(
            [*command, "--format=s16le"], input=pcm, env=self.env(), timeout=60, check=True
        )

    def record(self, source: str | None = None) -> Recorder:
        """Return a recorder of a source, by default of what the first sink plays."""
        return Recorder(self, source or f"{self.sinks[0]}.monitor")


@dataclasses.dataclass(frozen=True)
class CounterReport:
    """What became of the frames of ``counter_pcm``: counts of frames, and where they began."""

    heard: int
    first: int
    last: int
    silent: int
    """Frames of silence between the first and the last one heard."""
    lost: int
    """Frames never heard, though later ones were."""
    repeats: int
    """How often the count went backwards."""
    start: int
    """Position in the recording of the first frame heard."""

    @property
    def flawless(self) -> bool:
        """Whether every frame was heard once, in order and without a pause."""
        return self.heard > 0 and not (self.silent or self.lost or self.repeats)


class Recorder:
    """Listens to a source from its own processes, between ``start`` and ``stop``."""

    def __init__(self, pulse: NullSink, source: str) -> None:
        self.pcm: Pcm = np.zeros((0, CHANNELS), np.int16)
        self._pulse = pulse
        self._source = source
        self._began = time.monotonic()
        self._file = pulse.dir / f"{source}.{time.monotonic_ns()}.recording"
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> Recorder:
        """Listen; whatever is played after this returns is heard."""
        sink = self._source.removesuffix(".monitor")
        nap = sink in self._pulse.sinks and not self._pulse.players()
        if nap:
            self._pulse.suspend(True, sink)
        listeners = self._pulse.listeners()
        self._listen()
        self._wait_until(lambda: self._pulse.listeners() > listeners)
        if nap:
            self._pulse.suspend(False, sink)
        self._wait_until(lambda: len(self._blocks()) >= BLOCKS_TO_TRUST)
        return self

    def stop(self) -> None:
        """Stop listening and read what was heard."""
        for process in self._processes:
            process.terminate()
            process.wait(5)
        self._processes.clear()
        blocks = self._blocks()
        self.pcm = blocks["pcm"].reshape(-1, CHANNELS)
        if len(blocks):
            # Waking up can only be late, so the earliest block tells when the sink really began.
            ends = (np.arange(len(blocks)) + 1) * BLOCK / RATE
            self._began = float(np.min(blocks["arrival"] - ends)) + BLOCK / RATE

    def __enter__(self) -> Recorder:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def _listen(self) -> None:
        """Start a listener, and another process that stamps what it hears with the time."""
        command = ["parec", "--raw", f"--device={self._source}", f"--latency-msec={BLOCK_MS}"]
        command += [f"--rate={RATE}", f"--channels={CHANNELS}", "--format=s16le"]
        listener = subprocess.Popen(
            command,
            env=self._pulse.env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert listener.stdout is not None
        with listener.stdout, self._file.open("wb") as file:
            # Isolated and without site-packages, it starts in no time.
            stamper = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", STAMPER, str(BLOCK * FRAME_BYTES)],
                stdin=listener.stdout,
                stdout=file,
            )
        self._processes += [listener, stamper]

    def _blocks(self) -> npt.NDArray[np.void]:
        """Return the blocks recorded so far, each with the time it arrived."""
        layout = np.dtype([("arrival", "<f8"), ("pcm", "<i2", (BLOCK, CHANNELS))])
        raw = self._file.read_bytes()
        return np.frombuffer(raw, layout, count=len(raw) // layout.itemsize)

    def _wait_until(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not done():
            if time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the recorder hears nothing of {self._source}")
            time.sleep(0.005)

    # What was heard

    def time_of(self, frame: float) -> float:
        """Return when a frame of the recording was audible, as ``time.monotonic()`` counts."""
        return self._began + frame / RATE

    def frame_at(self, moment: float) -> int:
        """Return which frame of the recording was audible at a moment."""
        return round((moment - self._began) * RATE)

    def loud(self, threshold: int = 1500) -> npt.NDArray[np.intp]:
        """Return the positions of all frames above a threshold."""
        peaks = np.abs(self.pcm.astype(np.int32)).max(axis=1, initial=0)
        return np.flatnonzero(peaks > threshold)

    def silent(self) -> bool:
        """Tell whether nothing was heard, rounding noise aside."""
        return not len(self.loud(2))

    def onsets(self, threshold: int = 1500, pause: float = 0.2) -> list[float]:
        """Return the moments at which sound began after a pause of at least so many seconds."""
        loud = self.loud(threshold)
        begins = np.diff(loud, prepend=-RATE * 3600) > pause * RATE
        return [self.time_of(int(frame)) for frame in loud[begins]]

    def tone(self, hertz: float, window: float = 0.005) -> npt.NDArray[np.float64]:
        """Return the amplitude of one frequency, full scale being 1, window after window."""
        size = round(RATE * window)
        count = len(self.pcm) // size
        mono = self.pcm[: count * size].mean(axis=1).reshape(count, size) / 32768
        wave = np.exp(-2j * np.pi * hertz * np.arange(size) / RATE)
        amplitude: npt.NDArray[np.float64] = np.abs(mono @ wave) * 2 / size
        return amplitude

    def numbers(self) -> npt.NDArray[np.int64]:
        """Return the number of every frame recorded, -1 for silence: ``counter_pcm`` read back."""
        left, right = self.pcm[:, 0].astype(np.int64), self.pcm[:, 1].astype(np.int64)
        return np.where((left == 0) & (right == 0), -1, (right - 1) * 32_000 + left - 1)

    def counter_report(self) -> CounterReport:
        """Return what became of a signal made by ``counter_pcm``."""
        numbers = self.numbers()
        positions = np.flatnonzero(numbers >= 0)
        if not len(positions):
            return CounterReport(0, -1, -1, 0, 0, 0, -1)
        heard = numbers[positions]
        steps = np.diff(heard)
        return CounterReport(
            heard=len(heard),
            first=int(heard[0]),
            last=int(heard[-1]),
            silent=int(positions[-1] - positions[0] + 1 - len(positions)),
            lost=int((steps[steps > 1] - 1).sum()),
            repeats=int((steps < 1).sum()),
            start=int(positions[0]),
        )


def counter_pcm(start: int, frames: int) -> bytes:
    """Return s16 stereo of which every frame tells its number, and none is silent."""
    number = np.arange(start, start + frames)
    return np.stack([1 + number % 32_000, 1 + number // 32_000], axis=1).astype("<i2").tobytes()


def _execute(command: list[str]) -> int:
    """Run a command with a private server as its default device and print what was heard."""
    with NullSink() as pulse:
        with pulse.record() as heard:
            code = subprocess.run(command, env=pulse.env(), check=False).returncode
            time.sleep(0.3)
        peak = int(np.abs(heard.pcm.astype(np.int32)).max(initial=0))
        facts = {"code": code, "seconds": len(heard.pcm) / RATE, "peak": peak}
        print(json.dumps(facts | {"onsets": heard.onsets()}))
    return code


if __name__ == "__main__":
    if sys.argv[1:3] != ["exec", "--"] or len(sys.argv) < 4:
        sys.exit("usage: python nullsink.py exec -- COMMAND ...")
    sys.exit(_execute(sys.argv[3:]))
