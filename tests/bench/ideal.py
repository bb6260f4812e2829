"""The ideal half-block pictures of a clip, and how near to them a picture is."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

BT709 = 1
FULL_RANGE = 2
SMALL = 200 * 200  # pixels: a picture that is worth keeping


class Place(NamedTuple):
    """Where a picture lies on the screen, in half-block pixels; it may stand out a little."""

    x: int
    y: int
    width: int
    height: int

    def of(self, screen: Pixels) -> Pixels:
        """What is to be seen there."""
        rows, cols = screen.shape[:2]
        y, x = max(0, self.y), max(0, self.x)
        return screen[y : min(rows, self.y + self.height), x : min(cols, self.x + self.width)]

    def visible(self, picture: Floats, screen: tuple[int, ...]) -> Floats:
        """The part of pictures of this size that is on a screen of this shape."""
        rows, cols = screen[:2]
        return picture[
            ...,
            max(0, -self.y) : min(self.height, rows - self.y),
            max(0, -self.x) : min(self.width, cols - self.x),
            :,
        ]


@lru_cache(64)
def _area(size: int, new: int) -> Floats:
    """The matrix that averages ``size`` pixels to ``new`` ones by area."""
    edges = np.arange(new + 1) * size / new
    start, end = edges[:-1, None], edges[1:, None]
    pixel = np.arange(size)[None, :]
    overlap = np.minimum(end, pixel + 1) - np.maximum(start, pixel)
    return np.asarray(np.maximum(overlap, 0) * new / size, np.float32)


@lru_cache(64)
def _sited(size: int, new: int) -> Floats:
    """The same for a colour difference, half as wide, whose pixels lie on every second column.

    That is where H.264 puts them (chroma sample location type 0) unless a stream says otherwise.
    """
    between = np.zeros((2 * size, size), np.float32)
    pixel = np.arange(size)
    between[2 * pixel, pixel] = 1
    between[2 * pixel + 1, pixel] = 0.5
    between[2 * pixel + 1, np.minimum(pixel + 1, size - 1)] += 0.5
    return np.asarray(_area(2 * size, new) @ between, np.float32)


def _scaled(plane: Floats, width: int, height: int, *, sited: bool = False) -> Floats:
    rows, cols = plane.shape
    across = _sited(cols, width) if sited else _area(cols, width)
    return np.asarray(_area(rows, height) @ plane @ across.T, np.float32)


class Reference:
    """A decoded clip that can be had in any size, averaged by area: the best half blocks can do."""

    def __init__(self, path: Path) -> None:
        self._planes: list[tuple[Pixels, Pixels, Pixels]] = []
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            self.fps = float(stream.average_rate or 25)
            for frame in container.decode(video=0):
                self.width, self.height = frame.width, frame.height
                self._wide = frame.colorspace == BT709
                self._full = frame.color_range == FULL_RANGE
                self._planes.append(_planes(frame))
        self.count = len(self._planes)
        self.seconds = self.count / self.fps
        self._cache: dict[tuple[int, int, int], Floats] = {}

    def picture(self, number: int, width: int, height: int) -> Floats:
        """A frame in this size: (height, width, 3) red, green, blue of 255."""
        key = number, width, height
        if key in self._cache:
            return self._cache[key]
        luma, blue, red = (
            _scaled(plane.astype(np.float32), width, height, sited=bool(chroma))
            for chroma, plane in enumerate(self._planes[number])
        )
        made = self._colours(luma, blue - 128, red - 128)
        if width * height < SMALL:
            if len(self._cache) > 2000:
                self._cache.clear()
            self._cache[key] = made
        return made

    def pictures(self, width: int, height: int, step: int = 1) -> Floats:
        """Every ``step``-th frame in this size."""
        return np.stack([self.picture(n, width, height) for n in range(0, self.count, step)])

    def _colours(self, luma: Floats, blue: Floats, red: Floats) -> Floats:
        kr, kb = (0.2126, 0.0722) if self._wide else (0.299, 0.114)
        kg = 1 - kr - kb
        if not self._full:
            luma = (luma - 16) * np.float32(255 / 219)
            blue, red = blue * np.float32(255 / 224), red * np.float32(255 / 224)
        r = luma + 2 * (1 - kr) * red
        b = luma + 2 * (1 - kb) * blue
        g = (luma - kr * r - kb * b) / kg
        return np.asarray(np.clip(np.stack([r, g, b], -1), 0, 255), np.float32)


def _planes(frame: av.VideoFrame) -> tuple[Pixels, Pixels, Pixels]:
    """Luma and the two colour differences of a frame; these are half as large."""
    if frame.format.name != "yuv420p":
        frame = frame.reformat(format="yuv420p")
    made = []
    for plane in frame.planes:
        pixels = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        made.append(pixels[: plane.height, : plane.width].copy())
    return made[0], made[1], made[2]


def psnr(a: npt.NDArray[np.generic], b: npt.NDArray[np.generic]) -> float:
    """Peak signal to noise, dB, over all three colours."""
    error = float(np.mean((a.astype(np.float32) - b.astype(np.float32)) ** 2))
    return 10 * math.log10(255 * 255 / max(error, 1e-5))


@lru_cache(16)
def _gaussian(size: int) -> Floats:
    distance = np.abs(np.arange(size)[:, None] - np.arange(size)[None, :])
    weights = np.where(distance <= 5, np.exp(-(distance**2) / (2 * 1.5**2)), 0)
    return np.asarray(weights / weights.sum(1, keepdims=True), np.float32)


def ssim(a: npt.NDArray[np.generic], b: npt.NDArray[np.generic]) -> float:
    """Structural similarity of the luma (Wang 2004): a gaussian window of 11, sigma 1.5."""
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    a, b = a.astype(np.float32) @ weights, b.astype(np.float32) @ weights
    down, across = _gaussian(a.shape[0]), _gaussian(a.shape[1]).T

    def mean(values: Floats) -> Floats:
        return np.asarray(down @ values @ across, np.float32)

    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    both = mean(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    return float(np.mean(top / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))))


def find_place(screens: list[Pixels], reference: Reference) -> Place | None:
    """Where on these screens the clip is shown; None where it is nowhere."""
    if not screens:
        return None
    sample = screens[:: max(1, len(screens) // 24)]
    coarse = _find(np.mean(sample, axis=0, dtype=np.float32), reference)
    return None if coarse is None else _refined(coarse, sample, reference)


def _find(screen: Floats, reference: Reference) -> Place | None:
    """The place where the mean picture fits best, by correlation with every size."""
    rows, cols = screen.shape[:2]
    spectrum = np.fft.rfft2(screen, axes=(0, 1))
    power = np.zeros((rows + 1, cols + 1))
    power[1:, 1:] = (screen.astype(np.float64) ** 2).sum(2).cumsum(0).cumsum(1)
    large = np.mean(reference.pictures(256, 256, 8), axis=0)
    best: tuple[float, Place] | None = None
    for width in range(max(16, cols // 6), cols + 1):
        exact = width * reference.height / reference.width
        for height in {int(exact), int(exact) + 1, round(exact / 2) * 2}:
            if not 8 <= height <= rows:
                continue
            small = np.stack([_scaled(large[..., c], width, height) for c in range(3)], -1)
            padded = np.fft.rfft2(small, (rows, cols), axes=(0, 1))
            product = np.fft.irfft2(spectrum * padded.conj(), (rows, cols), axes=(0, 1)).sum(2)
            product = product[: rows - height + 1, : cols - width + 1]
            window = power[height:, width:] - power[:-height, width:]
            window = window - power[height:, :-width] + power[:-height, :-width]
            error = (window - 2 * product + float((small**2).sum())) / small.size
            y, x = np.unravel_index(int(error.argmin()), error.shape)
            score = float(error[y, x]) - 0.02 * width  # the larger one, where two fit as well
            if best is None or score < best[0]:
                best = score, Place(int(x), int(y), width, height)
    return best[1] if best else None


def _refined(coarse: Place, sample: list[Pixels], reference: Reference) -> Place:
    """The best of the places around: players round in different ways, and may cut an edge off."""
    few = sample[len(sample) // 5 :: max(1, len(sample) // 4)][:4]

    def error(place: Place) -> float:
        total = 0.0
        for screen, number in zip(few, frames, strict=True):
            ideal = reference.picture(number, place.width, place.height)
            shown = place.of(screen).astype(np.float32)
            total += float(np.mean((shown - place.visible(ideal, screen.shape)) ** 2))
        return total

    best = coarse
    for _ in range(6):
        frames = [nearest(screen, best, reference)[0] for screen in few]
        x, y, width, height = before = best
        steps = [(shift, grow) for shift in (-2, -1, 0, 1) for grow in (-1, 0, 1, 2, 3)]
        upright = [Place(x, y + shift, width, height + grow) for shift, grow in steps]
        x, y, width, height = min([before, *upright], key=error)
        across = [Place(x + shift, y, width + grow, height) for shift, grow in steps]
        best = min([before, *across], key=error)
        if best == before or error(best) > 0.9 * error(before):
            return before
    return best


def nearest(screen: Pixels, place: Place, reference: Reference) -> tuple[int, float]:
    """The frame of the clip that a screen shows, and how near it is, dB."""
    shown = place.of(screen).astype(np.float32).reshape(-1)
    ideal = _flat(reference, place, screen.shape[:2])
    index = int(np.argmin(_squares(reference, place, screen.shape[:2]) - 2 * (ideal @ shown)))
    return index, psnr(shown, ideal[index])


@lru_cache(4)
def _flat(reference: Reference, place: Place, screen: tuple[int, int]) -> Floats:
    """All frames as rows of one matrix, to find one in it."""
    pictures = reference.pictures(place.width, place.height)
    return np.ascontiguousarray(place.visible(pictures, screen)).reshape(reference.count, -1)


@lru_cache(4)
def _squares(reference: Reference, place: Place, screen: tuple[int, int]) -> Floats:
    flat = _flat(reference, place, screen)
    return np.asarray(np.einsum("ij,ij->i", flat, flat), np.float32)
