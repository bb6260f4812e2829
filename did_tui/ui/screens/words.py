"""What a conversation's state is called on the screen. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from did_tui.live.conversation import Conversation
from did_tui.ui.keys import NOTHING, key_of
from did_tui.ui.widgets.checklist import waiting_for

if TYPE_CHECKING:
    from did_tui.live.media.playback import Figures

MISSING = 0.01  # of the sound: more than that is trouble
APART = 80.0  # milliseconds between lips and sound: more than that is trouble

SHAPES = {
    "half": "half blocks",
    "quadrant": "quadrants",
    "sextant": "sextants (Unicode 13)",
    "octant": "octants (Unicode 16)",
    "braille": "braille dots",
    "ascii": "letters",
}

_STATES = {
    "new": ("◐ connecting", "busy"),
    "connecting": ("◐ connecting", "busy"),
    "connected": ("● connected", "good"),
    "disconnecting": ("◐ closing the stream", "busy"),
    "disconnected": ("○ ended", "state"),
    "failed": ("✗ not connected", "bad"),
}
_ACTIVITIES = {
    "idle": "listening",
    "loading": "thinking",
    "working": "using a tool",
    "talking": "talking",
    "interrupted": "interrupted",
}
_MODES = {
    "TextOnly": "text only",
    "Playground": "playground, text only",
    "Maintenance": "under maintenance",
    "DirectPlayback": "speaks only",
    "Off": "speaks only",
}
_ENDED = {
    "inactivity": "D-ID closed the stream because nobody said anything for a while.",
    "network": "The connection to D-ID was lost.",
    "user": "The conversation has ended.",
    "message_limit": "D-ID ended the session: the limit of messages is reached.",
    "time_limit": "D-ID ended the session: the limit of time is reached.",
    "ended_by_agent": "The agent has ended the conversation.",
}


def state(conversation: Conversation, *, leaving: bool) -> tuple[str, str]:
    """The words in the corner, and their mood."""
    recovery = conversation.recovery
    if leaving and not conversation.over:
        return _STATES["disconnecting"]
    if conversation.phase == "connecting" and recovery is not None:
        return f"◐ reconnecting {recovery.attempt} of {recovery.most}", "busy"
    if conversation.phase == "connected" and conversation.resuming:
        return "◐ reconnecting", "busy"
    if conversation.phase == "connected" and conversation.mode != "Functional":
        return f"● {_MODES.get(conversation.mode, conversation.mode)}", "busy"
    if conversation.phase == "connected" and conversation.connectivity == "weak":
        return "● weak line", "busy"
    return _STATES[conversation.phase]


def waits(conversation: Conversation, now: float) -> str:
    """What is being waited for while it connects or closes."""
    delayed = conversation.waits_until(now)
    if delayed is not None:
        return f"again in {delayed.until - now:.0f} s: {delayed.reason}"
    return conversation.in_words or waiting_for(conversation, now)


def activity(conversation: Conversation) -> str:
    """What the agent does."""
    return _ACTIVITIES[conversation.activity]


def ended(
    conversation: Conversation, now: float, keymap: Mapping[str, str] = NOTHING
) -> tuple[str, str]:
    """Why it is over and what to do about it; empty where it is not."""
    again = key_of("again", keymap)
    if conversation.phase == "failed":
        key = f"Press {again} to connect again."
        if conversation.hindrance == "credits":
            text = key_of("text-only", keymap)
            key = f"Press {text} to go on in text, {again} to connect again."
        if conversation.hindrance == "offer":
            report = key_of("copy-report", keymap)
            key = f"Press {report} to copy a report, {again} to connect again."
        if conversation.retry_at is not None and conversation.retry_at > now:
            key = f"Press {again} in {conversation.retry_at - now:.0f} s to connect again."
        return conversation.trouble, f"{conversation.advice} {key}".strip()
    if conversation.phase == "disconnected":
        reason = conversation.end_reason or "service"
        words = _ENDED.get(reason, "") if reason != "service" else conversation.trouble
        words = words or conversation.trouble or "D-ID ended the session."
        return words, f"Press {again} to connect again; the conversation is kept."
    return "", ""


def why_not_done(conversation: Conversation) -> str:
    """What kept a question from its answer; empty where nothing does."""
    asked = [said for said in conversation.messages if said.role == "user"]
    failed = next((said.trouble for said in asked if said.state == "failed"), "")
    if failed or not conversation.over:
        return failed
    return conversation.trouble or ended(conversation, 0.0)[0]


def volume(share: float, *, muted: bool, keymap: Mapping[str, str] = NOTHING) -> str:
    """How loud it is; empty where it is as loud as can be."""
    if muted:
        return f"muted ({key_of('mute', keymap)})"
    return f"volume {share:.0%}" if share < 1 else ""


def delay(figures: Figures | None) -> str:
    """How long sound takes from its arrival to the ear: buffer and device."""
    if figures is None or figures.device_ms is None:
        return ""
    return f"{figures.depth_ms:.0f}+{figures.device_ms:.0f} ms"


def apart(figures: Figures | None) -> str:
    """How far sound and lips are apart."""
    if figures is None or figures.sound_minus_picture_ms is None:
        return ""
    return f"lips {figures.sound_minus_picture_ms:+.0f} ms"


def trouble(
    conversation: Conversation, figures: Figures | None, missing: float, now: float
) -> list[str]:
    """What one should know: that it closes soon, that a part of the sound is missing."""
    found = []
    left = conversation.closes_in(now)
    if left is not None:
        found.append(f"D-ID closes this in {left:.0f} s unless you say something")
    delayed = conversation.waits_until(now)
    if delayed is not None:
        found.append(f"again in {delayed.until - now:.0f} s: {delayed.reason}")
    if missing > MISSING:
        found.append(f"sound lost {missing:.1%}")
    if figures is not None and abs(figures.sound_minus_picture_ms or 0) > APART:
        found.append(apart(figures))
    return found
