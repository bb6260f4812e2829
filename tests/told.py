"""A conversation that is told of events, as a test lists them."""

from __future__ import annotations

from did_tui.live import events as e
from did_tui.live.conversation import Conversation, Effect


class Told:
    """A conversation and a clock that ticks once an event."""

    def __init__(self, *events: e.Event) -> None:
        self.conversation = Conversation()
        self.now = 0.0
        self.tell(*events)

    def tell(self, *events: e.Event) -> list[Effect]:
        effects: list[Effect] = []
        for event in events:
            self.now += 1
            effects += self.conversation.apply(event, self.now)
        return effects

    def phase(self) -> str:
        return self.conversation.phase

    def activity(self) -> str:
        return self.conversation.activity

    def connectivity(self) -> str:
        return self.conversation.connectivity

    def hindrance(self) -> str:
        return self.conversation.hindrance

    @property
    def said(self) -> list[tuple[str, str, str]]:
        return [(m.role, m.text, m.state) for m in self.conversation.messages]
