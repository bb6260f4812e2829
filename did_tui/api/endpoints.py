"""Where D-ID is (protocol, "Hosts"). A module of its own, so that naming them loads nothing."""

from __future__ import annotations

DEFAULT_API_URL = "https://api.d-id.com"
DEFAULT_WS_URL = "wss://notifications.d-id.com"
