"""Who watches the app, forgotten when they are gone."""

from __future__ import annotations

from textual.dom import DOMNode


def forget(node: DOMNode) -> None:
    """Let go of a widget that has left: Textual keeps each text area that ever watched the theme.

    It would do so until the theme changes. The name is private to Textual; where it is another one,
    nothing is let go.
    """
    watched: dict[str, list[tuple[object, object]]] = getattr(node.app, "__watchers", {})
    for watchers in watched.values():
        watchers[:] = [entry for entry in watchers if entry[0] is not node]
