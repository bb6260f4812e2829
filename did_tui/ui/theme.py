"""The colours of did-tui."""

from __future__ import annotations

from textual.theme import Theme

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
