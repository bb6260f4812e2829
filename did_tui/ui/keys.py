"""Every key of the program, in one table: bindings, footer, help and README come from it."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding


@dataclass(frozen=True, slots=True)
class Key:
    """An action and the keys that run it.

    ``place`` is where it works; ``shown`` whether the footer names it there.
    """

    id: str
    keys: str
    action: str
    label: str
    help: str
    place: str
    shown: bool = True
    priority: bool = False


KEYS: tuple[Key, ...] = (
    Key(
        "quit", "ctrl+q", "quit", "quit", "Close what is open and leave", "everywhere", False, True
    ),
    Key("open-chat", "enter,c", "chat", "chat", "Talk with the agent face to face", "agents"),
    Key("refresh", "r", "refresh", "refresh", "Load the list again", "agents"),
    Key("leave-list", "q", "app.quit", "quit", "Leave did-tui", "agents"),
    Key(
        "interrupt",
        "ctrl+c",
        "interrupt",
        "interrupt",
        "Stop the agent's speech",
        "chat",
        True,
        True,
    ),
    Key("mute", "f4", "mute", "mute", "Sound off, or on again", "chat", True, True),
    Key(
        "shape", "f5", "shape", "picture", "Draw the picture with other blocks", "chat", True, True
    ),
    Key(
        "layout",
        "f6",
        "layout",
        "layout",
        "Picture beside the words, over all, in the corner, or off",
        "chat",
        True,
        True,
    ),
    Key(
        "captions",
        "f7",
        "captions",
        "captions",
        "Captions under the face; there from the start where there is no sound",
        "chat",
        True,
        True,
    ),
    Key("again", "f2", "again", "again", "Connect again after it has ended", "chat", True, True),
    Key("leave-chat", "escape", "leave", "end", "Close the stream and go back", "chat", True, True),
    Key("leave-player", "escape,q", "app.quit", "quit", "Stop and leave", "player"),
    Key("shape-player", "f5", "shape", "picture", "Draw with other blocks", "player"),
    Key("pause", "space", "pause", "pause", "Stop and go on", "player"),
)


def bindings(place: str) -> list[Binding]:
    """The bindings of a place, for a Textual screen."""
    return [
        Binding(
            key.keys,
            key.action,
            key.label,
            show=key.shown,
            priority=key.priority,
            id=key.id,
            tooltip=key.help,
        )
        for key in KEYS
        if key.place == place
    ]


def as_markdown() -> str:
    """The table of all keys, for the README."""
    rows = ["| where | key | does |", "|---|---|---|"]
    for key in KEYS:
        names = " or ".join(f"`{name}`" for name in key.keys.split(","))
        rows.append(f"| {key.place} | {names} | {key.help} |")
    return "\n".join(rows)
