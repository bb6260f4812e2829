"""What ``--report`` writes: one JSON object about a conversation.

A field that is not measured is null. No text of the conversation, no key, no session id.
"""

from __future__ import annotations

import time
from typing import Any

from did_tui import __version__
from did_tui.live.conversation import Conversation
from did_tui.live.events import STEPS
from did_tui.live.media.playback import Counters, Figures
from did_tui.live.media.speaker import RATE


def report(
    conversation: Conversation,
    counters: Counters | None,
    *,
    agent_id: str,
    frames_shown: int | None,
    bytes_to_terminal: int | None,
    figures: Figures | None = None,
    pictures_not_recorded: int | None = None,
) -> dict[str, Any]:
    """The report.

    ``frames_shown`` and ``bytes_to_terminal`` are None where nothing counts them,
    ``pictures_not_recorded`` where nothing is recorded.
    """
    now = time.monotonic()
    steps = {}
    for step in STEPS:
        progress = conversation.steps[step]
        seconds = progress.seconds(now) if progress.state == "done" else None
        steps[step] = {"state": progress.state, "ms": _ms(seconds)}
    decoded = counters.pictures_decoded if counters else None
    return {
        "did_tui": __version__,
        "agent": agent_id,
        "phase": conversation.phase,
        "mode": conversation.mode,
        "connectivity": conversation.connectivity,
        "reconnections": conversation.reconnections,
        "closed_by": conversation.end_reason,
        "trouble": conversation.trouble or None,
        "messages": len(conversation.messages),
        "steps": steps,
        "connected_ms": _ms(_until(conversation, "channel")),
        "first_picture_ms": _ms(_until(conversation, "picture")),
        "frames": {
            "decoded": decoded,
            "shown": frames_shown,
            # Those that came too late for their sound, and those the terminal was too slow for.
            "dropped": decoded - frames_shown
            if decoded is not None and frames_shown is not None
            else None,
            # What the machine was too slow to encode.
            "not_recorded": pictures_not_recorded,
        },
        "bytes_to_terminal": bytes_to_terminal,
        "sound_ms": {
            "heard": _ms(counters.sound_heard / RATE) if counters else None,
            "concealed": _ms(counters.sound_concealed / RATE) if counters else None,
            "lost": _ms(counters.sound_lost / RATE) if counters else None,
        }
        | _more_sound(figures),
        "sound_minus_picture_ms": _rounded(figures.sound_minus_picture_ms) if figures else None,
        "sync": figures.sync if figures else None,
        "reports_refused": figures.reports_refused if figures else None,
        "drift_ppm": _rounded(figures.drift_ppm) if figures else None,
    }


def _more_sound(figures: Figures | None) -> dict[str, Any]:
    """What became of the sound on its way, and where it was when the conversation ended."""
    if figures is None:
        return {}
    voice = figures.voice
    return {
        "recovered": _ms(voice.recovered / RATE),
        "squeezed": _ms(voice.squeezed / RATE),
        "stretched": _ms(voice.stretched / RATE),
        "gaps": voice.gaps,
        "packets": voice.packets,
        "packets_late": voice.late,
        "packets_broken": voice.broken,
        "restarts": voice.restarts,
        "underflows": figures.underflows,
        "buffer": _rounded(figures.depth_ms),
        "buffer_target": _rounded(figures.target_ms),
        "device": _rounded(figures.device_ms),
    }


def _until(conversation: Conversation, step: Any) -> float | None:
    """Seconds from the first step's beginning to the end of this one."""
    begun = [p.begun for p in conversation.steps.values() if p.begun is not None]
    ended = conversation.steps[step].ended
    if not begun or ended is None or conversation.steps[step].state != "done":
        return None
    return ended - min(begun)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 1)
