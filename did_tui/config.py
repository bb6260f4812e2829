"""Settings: a flag beats the environment, which beats the default; and where files belong."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from did_tui.api.client import Client

from did_tui.api.endpoints import DEFAULT_API_URL, DEFAULT_WS_URL


class NoKey(Exception):
    """There is no key; the text says where one comes from."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where D-ID is, who asks, and where sound goes. The key never shows in ``repr``."""

    api_url: str = DEFAULT_API_URL
    ws_url: str = DEFAULT_WS_URL
    key: str = field(default="", repr=False)
    audio: str = "auto"

    @classmethod
    def load(cls, env: Mapping[str, str] = os.environ, *, audio: str | None = None) -> Settings:
        """Read the environment; flags that are None were not given."""
        api_url = env.get("DID_API_URL") or DEFAULT_API_URL
        return cls(
            api_url=api_url,
            ws_url=env.get("DID_WS_URL") or notifications_of(api_url),
            key=env.get("DID_API_KEY", ""),
            audio=audio or env.get("DID_TUI_AUDIO") or "auto",
        )

    @property
    def place(self) -> str:
        """What the endpoint is called on the screen."""
        if self.api_url == DEFAULT_API_URL:
            return "D-ID"
        return self.api_url.partition("://")[2].rpartition("@")[2].partition("/")[0] or "?"

    def client(self) -> Client:
        """A client for this endpoint; raises ``NoKey`` or ``DidError``."""
        from did_tui.api.client import Client
        from did_tui.api.credentials import Credentials

        if not self.key.strip():
            raise NoKey(
                "No D-ID key: set DID_API_KEY to a key from studio.d-id.com (Settings, API),"
                " or look around first with: did-tui demo"
            )
        return Client(Credentials.parse(self.key), self.api_url, self.ws_url)


def notifications_of(api_url: str) -> str:
    """The notifications address that belongs to an API's: a key goes to one service only."""
    if api_url == DEFAULT_API_URL:
        return DEFAULT_WS_URL
    return api_url.replace("http", "ws", 1)


def log_directory(env: Mapping[str, str] = os.environ) -> Path:
    """Where logs are written."""
    home = env.get("DID_TUI_HOME")
    if home:
        return Path(home) / "log"
    from platformdirs import user_log_path

    return user_log_path("did-tui", appauthor=False)
