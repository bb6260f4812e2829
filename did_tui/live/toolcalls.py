"""The tools that an agent uses while it talks: a line of the transcript for each call. Pure.

A tool that runs on this side is told of twice, by the call itself and by D-ID's events; it is one
line.
"""

from __future__ import annotations

from dataclasses import dataclass

from did_tui.live.events import ToolCalled, ToolReturned
from did_tui.live.transcript import Message, Transcript, well_formed

LONGEST_LINE = 300  # characters of what goes in, and of what comes out
MOST_RUNNING = 32  # calls that are waited for; the oldest is given up


@dataclass(slots=True)
class _Call:
    message: Message
    name: str
    blocking: bool
    client: bool
    merged: bool = False


class ToolCalls:
    """What tools are at work, and what became of the others."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._running: dict[str, _Call] = {}

    @property
    def working(self) -> bool:
        """Whether a tool is at work that the agent waits for."""
        return any(call.blocking for call in self._running.values())

    def call(self, event: ToolCalled, now: float) -> None:
        """A tool is called."""
        if not event.id or event.id in self._running:
            return
        message = self._same_call(event)
        if message is None:
            message = self._transcript.note_tool(_words(event), now)
        while len(self._running) >= MOST_RUNNING:
            self._drop(next(iter(self._running)), "nothing came back", failed=True)
        self._running[event.id] = _Call(message, event.name, event.blocking, event.client)

    def _same_call(self, event: ToolCalled) -> Message | None:
        """The line of the same call, told by the other side."""
        for call in self._running.values():
            if call.name == event.name and call.client != event.client and not call.merged:
                call.merged = True
                return call.message
        return None

    def give_back(self, event: ToolReturned) -> None:
        """A tool has returned; of a call that is told of twice, the first to say so is shown."""
        self._drop(event.id, event.output, failed=event.failed)

    def stop(self) -> None:
        """The room is left: nothing comes back any more."""
        for call_id in list(self._running):
            self._drop(call_id, "the connection was lost", failed=True)

    def _drop(self, call_id: str, output: str, *, failed: bool) -> None:
        call = self._running.pop(call_id, None)
        if call is None or call.message.state != "running":
            return
        said = _short(well_formed(output))
        if failed:
            call.message.state, call.message.trouble = "failed", said or "it gave no reason"
        else:
            call.message.state = "done"
            if said:
                call.message.text += f" → {said}"


def _words(event: ToolCalled) -> str:
    return f"{_short(well_formed(event.name))}({_short(well_formed(event.given))})"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_LINE else f"{text[: LONGEST_LINE - 1]}…"
