"""Text from outside that cannot steer a terminal on which it is shown or read. Pure."""

from __future__ import annotations

import re

_LINE_ENDS = re.compile(r"\r\n?|[\u2028\u2029\x85\x0b\x0c]")

#: C0, DEL, C1; bidirectional controls; zero-width and other invisible formatting; surrogates.
INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def harmless(text: str) -> str:
    """The text without what steers or hides; lines and tabs are kept."""
    return INVISIBLE.sub("", _LINE_ENDS.sub("\n", text))
