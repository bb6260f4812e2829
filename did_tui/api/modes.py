"""D-ID's chat modes (protocol 4.4). A module of its own, so that naming them loads nothing."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

Mode: TypeAlias = Literal[
    "Functional", "TextOnly", "Playground", "Maintenance", "DirectPlayback", "Off"
]
MODES: tuple[Mode, ...] = get_args(Mode)
