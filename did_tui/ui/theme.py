"""The colours of did-tui, and what moves."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from textual.theme import BUILTIN_THEMES, Theme

AnimationLevel = Literal["none", "basic", "full"]

#: What the setting ``motion`` is to Textual; None: what ``TEXTUAL_ANIMATIONS`` says.
ANIMATIONS: dict[str, AnimationLevel | None] = {"full": None, "reduced": "none", "none": "none"}

DARK = Theme(
    name="did-dark",
    dark=True,
    primary="#7aa2ff",
    secondary="#5fd7c4",
    accent="#c792ea",
    warning="#ffc66d",
    error="#ff7a8a",
    success="#7bd88f",
    foreground="#d8deeb",
    background="#0c0f16",
    surface="#131824",
    panel="#1a2130",
    variables={
        "muted": "#8b95ab",
        "footer-background": "#1a2130",
        "footer-key-foreground": "#7aa2ff",
        "footer-description-foreground": "#aab4c8",
        "input-cursor-background": "#7aa2ff",
        "block-cursor-text-style": "none",
        "scrollbar": "#2a3348",
        "scrollbar-hover": "#3a4766",
        "scrollbar-active": "#7aa2ff",
        "scrollbar-background": "#0c0f16",
    },
)

LIGHT = Theme(
    name="did-light",
    dark=False,
    primary="#1f4fc4",
    secondary="#00695c",
    accent="#7b2fa8",
    warning="#8a5200",
    error="#b3142b",
    success="#17692d",
    foreground="#1b2130",
    background="#fbfbfd",
    surface="#f0f2f7",
    panel="#e4e8f1",
    variables={
        "muted": "#525c70",
        "footer-background": "#e4e8f1",
        "footer-key-foreground": "#1f4fc4",
        "footer-description-foreground": "#3d4658",
        "input-cursor-background": "#1f4fc4",
        "block-cursor-text-style": "none",
        "primary-muted": "#cfdaf7",
        "scrollbar": "#c3cad9",
        "scrollbar-hover": "#a9b3c8",
        "scrollbar-active": "#1f4fc4",
        "scrollbar-background": "#fbfbfd",
    },
)

CONTRAST = Theme(
    name="did-contrast",
    dark=True,
    primary="#ffff00",
    secondary="#00ffff",
    accent="#ffffff",
    warning="#ffd000",
    error="#ff9a9a",
    success="#5cff5c",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#000000",
    variables={
        "muted": "#ffffff",
        "footer-background": "#000000",
        "footer-key-foreground": "#ffff00",
        "footer-description-foreground": "#ffffff",
        "input-cursor-background": "#ffff00",
        "block-cursor-text-style": "bold",
        "primary-muted": "#00308f",
        "scrollbar": "#ffffff",
        "scrollbar-hover": "#ffff00",
        "scrollbar-active": "#ffff00",
        "scrollbar-background": "#000000",
    },
)

_ANSI = BUILTIN_THEMES["ansi-dark"]

#: The sixteen colours that the user has chosen for the terminal, on its own background.
TERMINAL = replace(
    _ANSI,
    name="did-terminal",
    accent="ansi_magenta",
    variables={
        **_ANSI.variables,
        "muted": "ansi_bright_black",
        "footer-background": "ansi_default",
        "footer-key-foreground": "ansi_blue",
        "footer-description-foreground": "ansi_default",
        "block-cursor-text-style": "bold",
        "primary-muted": "ansi_blue",
    },
)

#: By the setting's name.
THEMES = {"dark": DARK, "light": LIGHT, "contrast": CONTRAST, "terminal": TERMINAL}


def name_of(setting: str) -> str:
    """What Textual calls the theme of a setting."""
    return THEMES[setting].name
