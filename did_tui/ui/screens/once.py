"""When a conversation with ``--once`` is over."""

from __future__ import annotations

from did_tui.live.conversation import Conversation
from did_tui.ui.screens.words import why_not_done

QUIET = 1.0  # seconds after a spoken answer
SPEECHLESS = 15.0  # the same for an answer that is never spoken


class Once:
    """Waits until the answer was spoken, or there is nothing to wait for."""

    def __init__(self) -> None:
        self._quiet_since = 0.0

    def over(self, conversation: Conversation, now: float) -> bool:
        """Whether one may go."""
        if why_not_done(conversation):
            return True
        talk = [said for said in conversation.messages if said.role != "tool"]
        asked = [said for said in talk if said.role == "user"]
        last = talk[-1] if talk else None
        answered = bool(asked) and last is not None and last.role == "assistant"
        if not answered or conversation.busy:
            self._quiet_since = now
        spoken = conversation.utterances_done >= len(asked)
        return now - self._quiet_since > (QUIET if spoken else SPEECHLESS)
