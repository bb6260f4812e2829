"""Which web pages may use the emulator, whose key is known to all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

LOOPBACK = r"https?://(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?"
"""Origins of pages that are served on this machine, as a pattern."""


@dataclass(frozen=True, slots=True)
class Origins:
    """Origins that are allowed beside those of this machine; ``*`` is any."""

    more: Sequence[str] = ()

    def allow(self, origin: str | None) -> bool:
        """Whether a request may come from there; programs say nothing about that."""
        known = origin is None or origin in self.more or "*" in self.more
        return known or re.fullmatch(LOOPBACK, origin or "") is not None
