"""Curves and outlines, as arrays of points in picture coordinates (x to the right, y down)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Points: TypeAlias = Sequence[tuple[float, float]]
Curve: TypeAlias = NDArray[np.float64]
"""Points along a line or an outline, shape (n, 2)."""
Widths: TypeAlias = NDArray[np.float64]
"""One value for every point of a curve, shape (n,)."""

AXIS = 256.0
"""The x of the face's line of symmetry."""


def closed_curve(points: Points, steps: int = 8) -> Curve:
    """Return a smooth outline through all points, `steps` samples to each."""
    corners = np.asarray(points, np.float64)
    before, after, beyond = (np.roll(corners, shift, axis=0) for shift in (1, -1, -2))
    return _catmull_rom(before, corners, after, beyond, steps)


def open_curve(points: Points, steps: int = 8) -> Curve:
    """Return a smooth line from the first point to the last, `steps` samples to each gap."""
    corners = np.asarray(points, np.float64)
    padded = np.vstack((2 * corners[0] - corners[1], corners, 2 * corners[-1] - corners[-2]))
    line = _catmull_rom(padded[:-3], padded[1:-2], padded[2:-1], padded[3:], steps)
    return np.vstack((line, corners[-1]))


def _catmull_rom(before: Curve, start: Curve, end: Curve, beyond: Curve, steps: int) -> Curve:
    """Interpolate every segment `start[i]`..`end[i]`, leaning on its two neighbours."""
    along = np.linspace(0.0, 1.0, steps, endpoint=False)[None, :, None]
    before, start, end, beyond = (p[:, None, :] for p in (before, start, end, beyond))
    curve: Curve = 0.5 * (
        2 * start
        + (end - before) * along
        + (2 * before - 5 * start + 4 * end - beyond) * along**2
        + (3 * start - before - 3 * end + beyond) * along**3
    )
    return curve.reshape(-1, 2)


def oval(
    centre: tuple[float, float], radii: tuple[float, float], angle: float = 0.0, samples: int = 48
) -> Curve:
    """Return the outline of an ellipse, turned clockwise by `angle` radians."""
    turn = np.linspace(0.0, 2 * np.pi, samples, endpoint=False)
    x, y = radii[0] * np.cos(turn), radii[1] * np.sin(turn)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack((centre[0] + x * cos - y * sin, centre[1] + x * sin + y * cos), axis=1)


def stroke(line: Curve, width: float | Widths) -> Curve:
    """Return the outline of a brush stroke along `line`, `width` pixels wide (one per point)."""
    direction = np.gradient(line, axis=0)
    length = np.maximum(np.hypot(direction[:, 0], direction[:, 1]), 1e-6)[:, None]
    normal = np.stack((-direction[:, 1], direction[:, 0]), axis=1) / length
    offset = normal * np.broadcast_to(np.asarray(width) / 2, len(line))[:, None]
    return np.vstack((line + offset, (line - offset)[::-1]))


def tapered(count: int, width: float, *, fullest: float = 0.5, tip: float = 0.0) -> Widths:
    """Return `count` widths that swell from `tip` to `width` at `fullest` (0..1) and thin again."""
    along = np.linspace(0.0, 1.0, count)
    rising = along / max(fullest, 1e-6)
    falling = (1 - along) / max(1 - fullest, 1e-6)
    swell = np.sin(np.clip(np.minimum(rising, falling), 0.0, 1.0) * np.pi / 2)
    return tip + (width - tip) * swell


def moved(curve: Curve, dx: float, dy: float) -> Curve:
    """Return the curve, or a single point, moved."""
    shifted: Curve = curve + np.array((dx, dy))
    return shifted


def mirrored(curve: Curve, axis: float = AXIS) -> Curve:
    """Return the curve reflected at the vertical line x = `axis`."""
    return np.stack((2 * axis - curve[:, 0], curve[:, 1]), axis=1)


def closed_symmetric(right_half: Points) -> Curve:
    """Return the smooth outline of a shape given by its right half, as `symmetric` takes it."""
    return closed_curve(symmetric(right_half))


def symmetric(right_half: Points) -> Points:
    """Complete a half outline: offsets from the axis, top to bottom, become all of its points.

    The first and the last point lie on the axis and are not doubled.
    """
    right = [(AXIS + dx, y) for dx, y in right_half]
    left = [(AXIS - dx, y) for dx, y in right_half[-2:0:-1]]
    return right + left
