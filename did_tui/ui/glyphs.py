"""What a terminal is sent that has no colours, or no signs but those of ASCII. Pure."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping

from rich.cells import cell_len

from did_tui.ui.terminal import in_browser

_SGR = re.compile(r"\x1b\[([0-9;:]*)m")
_NOT_ASCII = re.compile("[^\x00-\x7f]")

#: Signs of this program and of Textual's borders, scroll bars and buttons; each is one cell wide.
_TWINS = {
    **dict.fromkeys("●◉•█▓", "*"),
    **dict.fromkeys("◐▒", "~"),
    **dict.fromkeys("○◌⊙", "o"),
    **dict.fromkeys("✗✕×✘", "x"),
    **dict.fromkeys("✓✔", "+"),
    **dict.fromkeys("▌▐▎▏▍▋▊▉▕┃│║┆┊⎸", "|"),
    **dict.fromkeys("─━═╌┄▔▁▂▃▄▅▆▇▀╸╺⎺⎽", "-"),
    **dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼╔╗╚╝┏┓┗┛▗▖▝▘▛▜▙▟", "+"),
    **dict.fromkeys("→▸▶▷›»❯⌊", ">"),
    **dict.fromkeys("←◂◀‹«⏎↵", "<"),
    **dict.fromkeys("↑▲△", "^"),
    **dict.fromkeys("↓▼▽", "v"),
    **dict.fromkeys("“”„″", '"'),
    **dict.fromkeys("‘’‚′", "'"),
    **dict.fromkeys("–—‑‐−", "-"),
    **dict.fromkeys("…·", "."),
    **dict.fromkeys("░⋯", ":"),
    "↻": "@",
    "⭘": "o",
    "\u00a0": " ",
}


def colourless(text: str) -> str:
    """The text with every colour out of its SGR sequences; bold, reverse and the like stay."""
    return _SGR.sub(_without_colours, text)


def _without_colours(found: re.Match[str]) -> str:
    codes = found[1].split(";")
    kept, at = [], 0
    while at < len(codes):
        first = codes[at].partition(":")[0]
        code = int(first or 0)
        if code in (38, 48, 58):
            if ":" not in codes[at] and at + 1 < len(codes):
                at += {"2": 4, "5": 2}.get(codes[at + 1], 1)
        elif not (30 <= code <= 39 or 40 <= code <= 49 or code == 59 or 90 <= code <= 107):
            kept.append(codes[at])
        at += 1
    return f"\x1b[{';'.join(kept)}m" if kept else ""


def as_ascii(text: str) -> str:
    """The text in ASCII, as wide as it was: signs by their twins, letters without accents."""
    return text if text.isascii() else _NOT_ASCII.sub(lambda found: _twin(found[0]), text)


def _twin(sign: str) -> str:
    if sign in _TWINS:
        return _TWINS[sign]
    width = cell_len(sign)
    plain = "".join(one for one in unicodedata.normalize("NFKD", sign) if one.isascii())
    return plain if len(plain) == width and plain.isprintable() else "?" * width


def wants_ascii(env: Mapping[str, str] = os.environ) -> bool:
    """Whether a terminal has few signs: its fonts are small, or its locale has another encoding."""
    if in_browser(env):  # whatever the terminal is that it was started in
        return False
    if env.get("TERM", "") in ("linux", "dumb") or env.get("TERM", "").startswith(("vt1", "vt2")):
        return True
    locale = next(filter(None, map(env.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "")
    encoding = locale.partition(".")[2].partition("@")[0].lower().replace("-", "")
    return bool(encoding) and encoding != "utf8"
