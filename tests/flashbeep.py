"""Flash and beep: a source that turns white and beeps at the same moment, and a meter for both.

Under the beeps lies a steady tone, in which every gap and every click is found. Each beep has a
number, told by its pitch, and each picture too, told by black and white squares: what was lost is
known, and how late the rest came. ``flashagent`` sends it, ``viewer`` receives it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import numpy.typing as npt

RATE = 48_000
FPS = 25
PERIOD = 0.4  # seconds from beep to beep
FRAMES = round(PERIOD * FPS)  # pictures from flash to flash
LIT = 3  # pictures of a flash

HUM = 300.0  # Hz of the tone under the beeps
HUM_LOUD, BEEP_LOUD = 0.08, 0.35  # amplitudes, full scale being 1
PITCHES = tuple(800.0 + 100 * number for number in range(16))  # Hz
BEEP_SECONDS, RAMP_SECONDS = 0.060, 0.005

SIDE = 320  # pixels of a picture
SQUARE = 40  # pixels of a square
NUMBERS = 1 << 12  # pictures until the numbers begin again

HOP = RATE // 400  # samples between two looks at a pitch
WINDOW = 4  # hops that a look takes in: 10 ms, in which all pitches are whole waves
HEARD = 0.3  # of its loudness makes a beep
SILENT = 0.15  # of the tone's loudness is silence
CLICK = 0.012  # of full scale: a bend in the wave that the tone does not have
AUDIBLE_GAP = 0.040  # seconds

Pcm = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float64]


# What is sent


def _cycle() -> Pcm:
    """The sound until the pitches begin again."""
    beep = round(PERIOD * RATE)
    time = np.arange(beep * len(PITCHES)) / RATE
    sound = HUM_LOUD * np.sin(2 * np.pi * HUM * time)
    # A ramp's middle is at the beep's moment: half as loud just then.
    since = (time + RAMP_SECONDS) % PERIOD - RAMP_SECONDS
    rise = np.clip(since / RAMP_SECONDS + 0.5, 0, 1)
    fall = np.clip((BEEP_SECONDS - since) / RAMP_SECONDS + 0.5, 0, 1)
    loud = np.sin(np.pi / 2 * np.minimum(rise, fall)) ** 2
    number = ((time + RAMP_SECONDS) // PERIOD).astype(int) % len(PITCHES)
    sound += BEEP_LOUD * loud * np.sin(2 * np.pi * np.array(PITCHES)[number] * time)
    return (sound * 32767).astype(np.int16)


class Source:
    """Sound and pictures by their position."""

    def __init__(self) -> None:
        self._cycle = _cycle()
        noise = np.random.default_rng(1).integers(-24, 24, (7, SIDE // 2, SIDE // 2))
        self._noise = noise.astype(np.int16)

    def sound(self, start: int, count: int) -> Pcm:
        """Samples of the sound, mono."""
        return self._cycle[np.arange(start, start + count) % len(self._cycle)]

    def luma(self, number: int) -> npt.NDArray[np.uint8]:
        """A picture without colours: squares above, below them a field that is lit or not."""
        picture = np.full((SIDE, SIDE), 48, np.uint8)
        if number % FRAMES < LIT:
            picture[2 * SQUARE :] = 208
        middle = picture[2 * SQUARE + 40 : 2 * SQUARE + 40 + SIDE // 2, SIDE // 4 : -SIDE // 4]
        # Something to encode, so that a picture is several packets as a face is.
        middle += self._noise[number % len(self._noise)].astype(np.uint8)
        for place, bit in enumerate(_bits(number)):
            row, column = divmod(place, SIDE // SQUARE)
            y, x = row * SQUARE, column * SQUARE
            picture[y : y + SQUARE, x : x + SQUARE] = 220 if bit else 24
        return picture

    def picture(self, number: int) -> av.VideoFrame:
        """The same as a frame."""
        grey = np.full((SIDE // 2, SIDE), 128, np.uint8)
        planes = np.concatenate([self.luma(number), grey])
        return av.VideoFrame.from_ndarray(planes, format="yuv420p")


def _bits(number: int) -> list[int]:
    """Twelve bits of a number and four that check them."""
    number %= NUMBERS
    check = (number ^ number >> 4 ^ number >> 8) & 15 ^ 9
    return [(number << 4 | check) >> place & 1 for place in range(16)]


def write_file(path: Path, seconds: float) -> None:
    """A file that flashes, hums and beeps."""
    source = Source()
    with av.open(str(path), "w") as file:
        sound = file.add_stream("pcm_s16le", rate=RATE, layout="mono")
        picture = file.add_stream("mpeg4", rate=FPS, width=SIDE, height=SIDE, pix_fmt="yuv420p")
        size = RATE // FPS
        for number in range(int(seconds * FPS)):
            block = av.AudioFrame.from_ndarray(
                source.sound(number * size, size).reshape(1, -1), format="s16", layout="mono"
            )
            block.sample_rate, block.pts = RATE, number * size
            file.mux(sound.encode(block))
            frame = source.picture(number)
            frame.pts = number
            file.mux(picture.encode(frame))
        file.mux(sound.encode(None))
        file.mux(picture.encode(None))


# What is shown


class Shown(NamedTuple):
    """A picture that was shown; ``number`` is -1 where it cannot be read."""

    time: float
    number: int
    lit: bool


def look(frame: av.VideoFrame, time: float) -> Shown:
    """Read a decoded picture of any size."""
    luma: npt.NDArray[Any]
    if frame.format.name.startswith("yuv"):
        plane = frame.planes[0]
        luma = np.frombuffer(bytes(plane), np.uint8).reshape(-1, plane.line_size)
    else:
        luma = frame.to_ndarray(format="gray8")
    return look_at(luma[: frame.height, : frame.width], time)


def look_at(luma: npt.NDArray[Any], time: float) -> Shown:
    """The same for the brightness of its pixels."""
    height, width = luma.shape
    step_y, step_x = height * SQUARE // SIDE, width * SQUARE // SIDE
    read = 0
    for place in range(16):
        row, column = divmod(place, SIDE // SQUARE)
        y, x = row * step_y, column * step_x
        inside = luma[y + step_y // 4 : y + step_y * 3 // 4, x + step_x // 4 : x + step_x * 3 // 4]
        read |= int(inside.mean() > 122) << place
    number = read >> 4
    bits = sum(bit << place for place, bit in enumerate(_bits(number)))
    lit = bool(luma[2 * step_y :].mean() > 128)
    return Shown(time, number if bits == read else -1, lit)


# What is heard


@dataclass
class Beep:
    """A beep that was heard."""

    time: float
    pitch: int


@dataclass
class Report:
    """What a viewer got; times are in seconds, ``offset`` is sound minus picture."""

    seconds: float = 0.0
    beeps_sent: int = 0
    beeps_heard: int = 0
    offsets: list[float] = field(default_factory=list)
    steps: list[tuple[float, float]] = field(default_factory=list)
    """When a beep was sent, and its offset."""
    delays: list[float] = field(default_factory=list)
    """From sending a beep to hearing it."""
    silent: float = 0.0
    """Seconds of silence altogether."""
    gaps: list[float] = field(default_factory=list)
    """The gaps that are audible."""
    clicks: int = 0
    pictures_sent: int = 0
    pictures_shown: int = 0
    damaged: int = 0
    """Pictures whose number cannot be read."""
    freezes: list[float] = field(default_factory=list)
    """Times between two pictures, the longest first."""
    picture_delays: list[float] = field(default_factory=list)

    @property
    def heard(self) -> float:
        """The share of the time in which there was sound, the true one or one in its place."""
        return 1 - self.silent / self.seconds if self.seconds else 0.0

    @property
    def beeps(self) -> float:
        """The share of the beeps that was heard."""
        return self.beeps_heard / self.beeps_sent if self.beeps_sent else 0.0

    @property
    def freeze(self) -> float:
        """The longest time without a new picture."""
        return self.freezes[0] if self.freezes else self.seconds

    def offset(self, percent: float | None = None) -> float:
        """The mean offset, or a percentile; nan of nothing."""
        return _of(self.offsets, percent)

    def delay(self, percent: float | None = None) -> float:
        """The mean time to the ear, or a percentile; nan of nothing."""
        return _of(self.delays, percent)


def _of(values: Sequence[float], percent: float | None) -> float:
    if not values:
        return float("nan")
    return float(np.mean(values) if percent is None else np.percentile(values, percent))


def measure(
    pcm: Pcm,
    time_of: Callable[[float], float],
    shown: Sequence[Shown],
    *,
    begun: float,
    since: float,
    until: float,
    rate: float = 1.0,
) -> Report:
    """Hold what was recorded and shown from ``since`` to ``until`` against what was sent.

    ``time_of`` tells when a frame of the recording was audible, ``begun`` when the source began and
    ``rate`` how fast its clock is.
    """
    mono = pcm.astype(np.float64).mean(axis=1) / 32768 if pcm.ndim > 1 else pcm / 32768
    start = max(0, round((since - time_of(0)) * RATE))
    stop = max(start, min(len(mono), round((until - time_of(0)) * RATE)))
    sound = mono[start:stop]
    begin = time_of(start)

    def due(number: float) -> float:
        return begun + number * PERIOD / rate

    first = int(np.ceil((since - begun) * rate / PERIOD))
    last = int((until - 1.0 - begun) * rate / PERIOD)  # what is sent later may be heard later
    report = Report(seconds=(stop - start) / RATE, beeps_sent=max(0, last - first))
    heard: dict[int, float] = {}
    for beep in find_beeps(sound, begin):
        number = _number(beep, (beep.time - begun) * rate / PERIOD)
        heard.setdefault(number, beep.time)
    silences = find_silences(sound)
    report.silent = sum(silences)
    report.gaps = [gap for gap in silences if gap > AUDIBLE_GAP]
    report.clicks = count_clicks(sound)
    seen, flashes = _flashes(shown, begun, rate)
    _look_through(report, seen, begun, rate, since, until)
    for number in range(first, last):
        if number in heard:
            report.beeps_heard += 1
            report.delays.append(heard[number] - due(number))
            if number in flashes:
                report.offsets.append(heard[number] - flashes[number])
                report.steps.append((due(number), report.offsets[-1]))
    return report


def _number(beep: Beep, now: float) -> int:
    """Which beep it is: the last of its pitch that may have been sent by now."""
    count = len(PITCHES)
    # A clock may be read a little early, and nothing is more than five seconds late.
    return beep.pitch + int((now + 2 - beep.pitch) // count) * count


def _flashes(
    shown: Sequence[Shown], begun: float, rate: float
) -> tuple[list[Shown], dict[int, float]]:
    """All pictures with their true numbers, and when each flash was first seen."""
    seen: list[Shown] = []
    flashes: dict[int, float] = {}
    for picture in shown:
        if picture.number < 0:
            seen.append(picture)
            continue
        # Shown after it was sent, and less than a round of the numbers later.
        latest = int((picture.time - begun) * rate * FPS) + FPS
        number = picture.number + (latest - picture.number) // NUMBERS * NUMBERS
        seen.append(picture._replace(number=number))
        flash, after = divmod(number, FRAMES)
        if after < LIT and picture.lit:
            # Where the first picture of a flash is missing, the next one tells when it was due.
            flashes.setdefault(flash, picture.time - after / FPS / rate)
    return seen, flashes


def _look_through(
    report: Report, seen: Sequence[Shown], begun: float, rate: float, since: float, until: float
) -> None:
    """Count pictures, and the times without a new one."""
    window = [picture for picture in seen if since <= picture.time < until]
    report.damaged = sum(picture.number < 0 for picture in window)
    report.pictures_sent = int((until - since) * rate * FPS)
    newest, changes = -1, [since]
    for picture in window:
        if picture.number > newest:
            newest = picture.number
            changes.append(picture.time)
            report.pictures_shown += 1
            report.picture_delays.append(picture.time - begun - picture.number / FPS / rate)
    changes.append(until)
    report.freezes = sorted((after - before for before, after in pairwise(changes)), reverse=True)


def find_beeps(sound: Floats, begin: float) -> list[Beep]:
    """The beeps in a sound that begins at ``begin``, in the order of time."""
    beeps = []
    for pitch, hertz in enumerate(PITCHES):
        loud = _loudness(sound, hertz)
        over = loud > HEARD * BEEP_LOUD
        edges = np.flatnonzero(np.diff(over.astype(np.int8), prepend=0, append=0))
        for start, stop in edges.reshape(-1, 2).tolist():
            if (stop - start) * HOP >= BEEP_SECONDS * RATE / 4:
                beeps.append(Beep(begin + _onset(loud, start, stop) * HOP / RATE, pitch))
    return sorted(beeps, key=lambda beep: beep.time)


def _loudness(sound: Floats, hertz: float) -> Floats:
    """The amplitude of a pitch, 400 times a second, each centred on its moment."""
    count = len(sound) // HOP
    if count < WINDOW:
        return np.zeros(0)
    wave = np.exp(-2j * np.pi * hertz * np.arange(HOP) / RATE)
    turn = np.exp(-2j * np.pi * hertz * HOP / RATE * np.arange(count))
    hops = (sound[: count * HOP].reshape(count, HOP) @ wave) * turn
    sums = np.convolve(hops, np.ones(WINDOW))[WINDOW // 2 - 1 :][:count]
    # sums[k] now takes in the hops k-2 to k+1, whose middle is where hop k begins.
    loudness: Floats = np.abs(sums) * 2 / (WINDOW * HOP)
    return loudness


def _onset(loud: Floats, start: int, stop: int) -> float:
    """When it became half as loud as it became, in hops."""
    half = float(loud[start:stop].max()) / 2
    index = start
    while index < stop and loud[index] < half:
        index += 1
    while index > 0 and loud[index - 1] >= half:
        index -= 1
    if index == 0:
        return 0.0
    before, after = loud[index - 1], loud[index]
    return float(index - 1 + (half - before) / (after - before))


def find_silences(sound: Floats) -> list[float]:
    """The lengths of all silences, in seconds; a wave's own zeros are none."""
    loud = np.flatnonzero(np.abs(sound) > SILENT * HUM_LOUD)
    ends = np.concatenate([[-1], loud, [len(sound)]])
    pauses = (np.diff(ends) - 1) / RATE
    return [float(pause) for pause in pauses if pause > 2 / HUM]


def count_clicks(sound: Floats) -> int:
    """How often the wave breaks: where it bends as neither tone nor beep does.

    A beep bends a wave by itself, so there the limit is that of the highest pitch.
    """
    if len(sound) < RATE // 10:
        return 0
    bend = np.abs(np.diff(sound, 2))
    near = RATE // 200
    loud = np.max([_loudness(sound, hertz) for hertz in PITCHES], axis=0)
    beeping = (loud > 0.1 * BEEP_LOUD).astype(float)
    wide = np.convolve(beeping, np.ones(9), "same") > 0
    inside = np.repeat(wide, HOP)
    inside = np.pad(inside, (0, max(0, len(bend) - len(inside))), "edge")[: len(bend)]
    own = BEEP_LOUD * (2 * np.pi * PITCHES[-1] / RATE) ** 2
    places = np.flatnonzero(bend > np.where(inside, 2 * own + CLICK, CLICK))
    return int((np.diff(places, prepend=-RATE) > near).sum())
