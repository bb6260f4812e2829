"""Figures of picture and sound, live: what the service sends, what is heard and seen of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from did_tui.ui.text import literal

if TYPE_CHECKING:
    from did_tui.live.media.playback import Figures

RATE = 48_000  # frames of sound a second
MEMORY = 10.0  # seconds over which losses are counted
RECENT = 2.0  # seconds over which speeds are
ENOUGH = 5.0  # seconds of sound from which one can tell what part of it is missing


@dataclass(frozen=True, slots=True)
class Sample:
    """Counters at a moment: pictures and bytes that were sent to the terminal, frames of sound."""

    at: float
    shown: int = 0
    written: int = 0
    heard: int = 0
    concealed: int = 0
    lost: int = 0


class Rates:
    """What counters say about the last seconds."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()

    def add(self, sample: Sample) -> None:
        """Take the counters of now, which never go back."""
        if self._samples and sample.shown < self._samples[-1].shown:
            self._samples.clear()  # another stream
        self._samples.append(sample)
        while self._samples[0].at < sample.at - MEMORY:
            self._samples.popleft()

    def _span(self, seconds: float) -> tuple[Sample, Sample, float]:
        last = self._samples[-1]
        first = next(old for old in self._samples if old.at >= last.at - seconds)
        return first, last, last.at - first.at

    @property
    def fps(self) -> float:
        """Pictures shown a second."""
        if not self._samples:
            return 0.0
        first, last, lasted = self._span(RECENT)
        return (last.shown - first.shown) / lasted if lasted else 0.0

    @property
    def bytes_a_second(self) -> float:
        """What the terminal is sent."""
        if not self._samples:
            return 0.0
        first, last, lasted = self._span(RECENT)
        return (last.written - first.written) / lasted if lasted else 0.0

    @property
    def missing(self) -> float:
        """The part of the sound that did not come, whether it was concealed or not: 0 to 1.

        It is 0 until ``ENOUGH`` was heard.
        """
        if not self._samples:
            return 0.0
        first, last, _ = self._span(MEMORY)
        missing = last.concealed - first.concealed + last.lost - first.lost
        heard = last.heard - first.heard
        return min(1.0, missing / heard) if heard >= ENOUGH * RATE else 0.0


class Stats(Static):
    """A card over the conversation; hidden until it is asked for."""

    DEFAULT_CSS = """
    Stats {
        layer: above; dock: right; width: 52; max-width: 100%; height: auto; display: none;
        background: $panel; padding: 0 1; border-left: outer $primary;
    }
    """

    def toggle(self) -> None:
        """Show it, or hide it."""
        self.display = not self.display

    def tell(self, picture: dict[str, str], sound: dict[str, str]) -> None:
        """Show these figures, by their names."""
        parts = [_table("Picture", picture), _table("Sound", sound)]
        self.update(Content("\n").join(parts))


def _table(title: str, rows: dict[str, str]) -> Content:
    lines = [Content.styled(title, "bold $primary")]
    lines += [
        Content.styled(f"{name:<11}", "$muted") + literal(words)
        for name, words in rows.items()
        if words
    ]
    return Content("\n").join(lines)


def sound_rows(figures: Figures | None, rates: Rates) -> dict[str, str]:
    """What is known about the sound, for people."""
    if figures is None:
        return {}
    voice = figures.voice
    device = "unknown" if figures.device_ms is None else f"{figures.device_ms:.0f} ms"
    rows = {
        "buffer": f"{figures.depth_ms:.0f} ms, wants {figures.target_ms:.0f} ms",
        "device": f"{device}, ran dry {figures.underflows} times",
        "packets": f"{voice.packets}, late {voice.late}, broken {voice.broken}",
        "recovered": f"{_ms(voice.recovered)}",
        "concealed": f"{_ms(voice.concealed)}, now {rates.missing:.1%}",
        "lost": f"{_ms(voice.lost)}, {voice.gaps} gaps, {voice.restarts} restarts",
        "warped": f"{_ms(voice.squeezed)} squeezed, {_ms(voice.stretched)} stretched",
    }
    offset = figures.sound_minus_picture_ms
    if offset is not None:
        refused = f", {figures.reports_refused} refused" if figures.reports_refused else ""
        rows["lips"] = f"{offset:+.0f} ms, by {figures.sync}{refused}"
    if figures.drift_ppm is not None:
        rows["drift"] = f"{figures.drift_ppm:+.0f} ppm"
    return rows


def _ms(frames: int) -> str:
    return f"{frames * 1000 / RATE:,.0f} ms"
