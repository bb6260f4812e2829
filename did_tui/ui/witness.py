"""What an app remembers of its run, for the diagnostics and for a report to whoever is to help."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from did_tui.config import THEMES
from did_tui.ui import support
from did_tui.ui.accounts import AccountApp
from did_tui.ui.logbook import Logbook
from did_tui.ui.lookout import checks_of
from did_tui.ui.screens.diagnostics import Diagnostics

if TYPE_CHECKING:
    from did_tui.api.requestlog import Request
    from did_tui.live.runner import Runner

DIAGNOSTICS = "diagnostics"  # a mode of Textual's beside the lists
MOST = 8  # conversations whose figures are kept


class WitnessApp(AccountApp):
    """An app with a log, and with the figures of its conversations."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.logbook = Logbook()
        self._figures: dict[Runner, Callable[[], dict[str, Any]]] = {}
        self._ended: deque[dict[str, Any]] = deque(maxlen=MOST)
        super().__init__(*arguments, **options)

    def requests(self) -> Sequence[Request]:
        """What was asked of D-ID lately."""
        client = self._client
        if client is None or not client.done() or client.cancelled() or client.exception():
            return ()
        return tuple(client.result().log)

    def begin_to_watch(self, runner: Runner, figures: Callable[[], dict[str, Any]]) -> None:
        """A conversation has begun, whose figures can be asked for until it ends."""
        self.logbook.add("app", f"a conversation with {runner.agent_id} begins")
        self._figures[runner] = figures

    def figures_of(self, runner: Runner) -> dict[str, Any]:
        """The figures of a conversation that is over; they are kept."""
        told = self._figures.pop(runner)()
        self._ended.append(told)
        return told

    def conversations(self) -> list[dict[str, Any]]:
        """The figures of the last conversations, the newest last."""
        return [*self._ended, *(told() for told in self._figures.values())]

    def support_report(self) -> str:
        """A report without secrets, and without what was said."""
        return support.report(
            self.settings,
            checks_of(self),
            self.requests(),
            self.conversations(),
            self.logbook,
            keys=(self.settings.key, self.secret),
        )

    def action_diagnostics(self, tab: int = 0) -> None:
        """Show what goes on, over what is shown now."""
        if not isinstance(self.screen, Diagnostics):
            self.push_screen(Diagnostics(tab))

    def action_next_theme(self) -> None:
        """Put on the next theme, for now."""
        at = (THEMES.index(self.look.theme) + 1) % len(THEMES)
        self.wear(theme=THEMES[at])
        kept = f"in the settings ({self.key('settings')}) it stays"
        self.notify(f"theme = {THEMES[at]}, for now: {kept}.", timeout=4)
