"""The last line of a screen: the keys that work now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.widgets import Footer

if TYPE_CHECKING:
    from textual.screen import Screen


class KeyLine(Footer):
    """Textual's footer, made anew only where it would be another one: that takes 6 ms."""

    def __init__(self) -> None:
        super().__init__(compact=True, show_command_palette=False)
        self._shown: list[object] = []

    def bindings_changed(self, screen: Screen[Any]) -> None:
        """Textual says so on every ``refresh_bindings``."""
        if not screen.app.app_focus:
            return
        shown: list[object] = [
            (screen.app.get_key_display(one.binding), one.binding, one.enabled, one.tooltip)
            for one in screen.active_bindings.values()
            if one.binding.show
        ]
        if shown != self._shown:
            self._shown = shown
            super().bindings_changed(screen)
