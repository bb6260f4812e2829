"""D-ID's chat modes: what each opens on connecting and what can be done in it (protocol 4.4).

D-ID's SDK opens a stream in every mode. Here a mode without video has none: nobody would see it, it
costs money, and messages that do not name it would not keep it alive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from did_tui.api.modes import MODES, Mode
from did_tui.live.events import Step

STREAM_STEPS: tuple[Step, ...] = ("stream", "answer", "network", "channel", "picture")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a mode opens, and what it allows.

    ``needs`` are the steps without which it is not connected. ``refusal`` says why nothing can be
    asked, where that is so.
    """

    chat: bool
    socket: bool
    video: bool
    refusal: str
    needs: frozenset[Step]

    @property
    def asks(self) -> bool:
        """Whether messages can be sent."""
        return not self.refusal

    @property
    def skipped(self) -> tuple[Step, ...]:
        """The steps that connecting does not take."""
        chat: tuple[Step, ...] = () if self.chat or self.socket else ("chat",)
        return chat if self.video else (*chat, *STREAM_STEPS)


_SPEAKS_ONLY = "This conversation only speaks what it is given: it takes no questions."
_MAINTENANCE = "This agent is under maintenance at D-ID and takes no questions now."


def _plan(chat: bool, socket: bool, video: bool, refusal: str, *needs: Step) -> Plan:
    return Plan(chat, socket, video, refusal, frozenset(needs))


PLANS: Mapping[Mode, Plan] = {
    "Functional": _plan(True, True, True, "", "chat", "channel"),
    "TextOnly": _plan(True, True, False, "", "chat"),
    "Playground": _plan(True, True, False, "", "chat"),
    "Maintenance": _plan(True, True, False, _MAINTENANCE, "chat"),
    "Off": _plan(False, True, True, _SPEAKS_ONLY, "chat", "channel"),
    "DirectPlayback": _plan(False, False, True, _SPEAKS_ONLY, "channel"),
}

#: What to tell the user when the service goes on in another mode than was asked for.
DOWNGRADED: Mapping[Mode, str] = {
    "TextOnly": "D-ID answers in text only now: the account's credits ran out.",
    "Playground": "D-ID answers in text only now: this is its playground.",
    "Maintenance": _MAINTENANCE,
    "Off": "D-ID has switched the chat of this agent off: it can only speak.",
    "DirectPlayback": "D-ID has switched the chat of this agent off: it can only speak.",
}


def known_mode(text: str) -> Mode | None:
    """The mode that goes by this name, None for one that nobody documents."""
    return next((mode for mode in MODES if mode == text), None)
