"""Connecting, as a list of steps with their times."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content
from textual.widget import Widget

from did_tui.live.conversation import Conversation, StepProgress
from did_tui.live.events import STEPS, Step

#: What a step is about.
WAITING_FOR: dict[Step, str] = {
    "agent": "asking who the agent is",
    "chat": "opening a message thread and its notifications",
    "stream": "asking for a video stream",
    "answer": "sending our side of the call",
    "network": "looking for a way through the network",
    "channel": "opening the data channel",
    "picture": "waiting for the first picture",
}
IN_A_ROOM: dict[Step, str] = {
    "stream": "asking for a room",
    "network": "entering the room",
    "channel": "waiting for the agent to come in",
}
_MARKS = {"waiting": "○", "running": "◐", "done": "●", "failed": "✗", "skipped": "–"}
_COLOURS = {
    "waiting": "$muted",
    "running": "$warning",
    "done": "$success",
    "failed": "$error",
    "skipped": "$muted",
}


class Checklist(Widget):
    """The seven steps of connecting; each line turns ● with its time, or ✗."""

    DEFAULT_CSS = """
    Checklist { width: 22; height: auto; padding: 0 1; }
    """

    def __init__(self, conversation: Conversation, now: Callable[[], float]) -> None:
        super().__init__()
        self._conversation = conversation
        self._now = now

    def follow(self, conversation: Conversation) -> None:
        """Show another conversation's steps."""
        self._conversation = conversation
        self.refresh()

    def render(self) -> Content:
        """Every step on its line."""
        now = self._now()
        steps = self._conversation.steps
        return Content("\n").join(_line(step, steps[step], now) for step in STEPS)


def waiting_for(conversation: Conversation, now: float) -> str:
    """What connecting waits for right now, in words, and for how long."""
    for step in reversed(STEPS):
        progress = conversation.steps[step]
        if progress.state == "running":
            found = (conversation.room and IN_A_ROOM.get(step)) or WAITING_FOR[step]
            return f"{found}  {progress.seconds(now) or 0:.1f} s"
    return "connecting"


def _line(step: Step, progress: StepProgress, now: float) -> Content:
    mark = Content.styled(_MARKS[progress.state], _COLOURS[progress.state])
    seconds = progress.seconds(now)
    name = Content.styled(f" {step:<9}", "" if progress.state != "waiting" else "$muted")
    took = f"{seconds:6.2f} s" if seconds is not None else ""
    return mark + name + Content.styled(took, "$muted")
