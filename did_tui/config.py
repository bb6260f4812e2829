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
from did_tui.api.modes import MODES

SHAPES = ("auto", "half", "quadrant", "sextant", "octant", "braille", "ascii")
GRAPHICS = ("kitty", "sixel")
COLOURS = ("auto", "true", "256", "16", "grey", "none")
FPS = 25.0  # what D-ID sends


class BadSetting(Exception):
    """A setting has a value that makes no sense; the text names both."""


@dataclass(frozen=True, slots=True)
class Look:
    """How pictures are drawn.

    ``fps`` is the most frames a second; ``max_kbps`` bounds what is sent to the terminal, in
    kilobits a second, 0 for no bound.
    """

    shape: str = "auto"
    colours: str = "auto"
    fps: float = FPS
    max_kbps: float = 0.0

    @classmethod
    def load(cls, env: Mapping[str, str], flags: Mapping[str, str | None]) -> Look:
        """Read flags by the names of the fields, else ``DID_TUI_…``; raises ``BadSetting``."""

        def value(name: str, default: str) -> str:
            return flags.get(name) or env.get(f"DID_TUI_{name.upper()}") or default

        return cls(
            _one_of("shape", value("shape", "auto"), SHAPES + GRAPHICS),
            _one_of("colours", value("colours", "auto"), COLOURS),
            _number("fps", value("fps", str(FPS)), 1, 60),
            _number("max-kbps", value("max_kbps", "0"), 0, 1e9),
        )


def _one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise BadSetting(f"{name} is {value!r}, and can be {', '.join(known)}.")
    return value


def _number(name: str, value: str, least: float, most: float) -> float:
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise BadSetting(f"{name} is {value!r}, and can be a number from {least:g} to {most:g}.")
    return number


@dataclass(frozen=True, slots=True)
class Talk:
    """How a conversation is held; the stream's options are those of protocol 3.2.

    ``session_timeout`` is in seconds and ``output_resolution`` in pixels, None where D-ID decides.
    ``persist`` keeps the chat at D-ID, ``transcripts`` keeps it here.
    """

    mode: str = "Functional"
    compatibility_mode: str = "on"  # VP8, which needs no licence and loses less on a bad line
    fluent: bool = True
    stream_warmup: bool = False
    session_timeout: int | None = None
    output_resolution: int | None = None
    relay_only: bool = False
    persist: bool = False
    transcripts: bool = True

    @property
    def options(self) -> dict[str, object]:
        """The body of ``POST /agents/{id}/streams``."""
        options: dict[str, object] = {
            "compatibility_mode": self.compatibility_mode,
            "fluent": self.fluent,
        }
        if self.stream_warmup:
            options["stream_warmup"] = True
        if self.session_timeout is not None:
            options["session_timeout"] = self.session_timeout
        if self.output_resolution is not None:
            options["output_resolution"] = self.output_resolution
        return options

    @classmethod
    def load(cls, env: Mapping[str, str], flags: Mapping[str, str | None]) -> Talk:
        """Read flags by the names of the fields, else ``DID_TUI_…``; raises ``BadSetting``."""

        def value(name: str, default: str) -> str:
            return flags.get(name) or env.get(f"DID_TUI_{name.upper()}") or default

        def yes(name: str, default: str) -> bool:
            return _one_of(name, value(name, default).lower(), ("yes", "no")) == "yes"

        def whole(name: str, least: int, most: int) -> int | None:
            text = value(name, "")
            return int(_number(name, text, least, most)) if text else None

        return cls(
            mode=_one_of("mode", value("mode", "Functional"), MODES),
            compatibility_mode=_one_of(
                "compatibility_mode", value("compatibility_mode", "on"), ("on", "off", "auto")
            ),
            fluent=yes("fluent", "yes"),
            stream_warmup=yes("stream_warmup", "no"),
            session_timeout=whole("session_timeout", 1, 300),
            output_resolution=whole("output_resolution", 150, 1080),
            relay_only=yes("relay_only", "no"),
            persist=yes("persist", "no"),
            transcripts=yes("transcripts", "yes"),
        )


class NoKey(Exception):
    """There is no key; the text says where one comes from."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where D-ID is, who asks, how it looks, sounds and talks. ``repr`` never has the key."""

    api_url: str = DEFAULT_API_URL
    ws_url: str = DEFAULT_WS_URL
    key: str = field(default="", repr=False)
    audio: str = "auto"
    av_offset: float = 0.0  # milliseconds that pictures are shown after their sound
    look: Look = field(default_factory=Look)
    talk: Talk = field(default_factory=Talk)

    @classmethod
    def load(
        cls, env: Mapping[str, str] = os.environ, flags: Mapping[str, str | None] | None = None
    ) -> Settings:
        """Read flags by the names of the fields, else the environment; raises ``BadSetting``."""
        flags = flags or {}
        api_url = env.get("DID_API_URL") or DEFAULT_API_URL
        return cls(
            api_url=api_url,
            ws_url=env.get("DID_WS_URL") or notifications_of(api_url),
            key=env.get("DID_API_KEY", ""),
            audio=flags.get("audio") or env.get("DID_TUI_AUDIO") or "auto",
            av_offset=_number(
                "--av-offset",
                flags.get("av_offset") or env.get("DID_TUI_AV_OFFSET") or "0",
                -1000,
                1000,
            ),
            look=Look.load(env, flags),
            talk=Talk.load(env, flags),
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


def state_directory(env: Mapping[str, str] = os.environ) -> Path:
    """Where the program keeps what it must not forget: streams that are open, transcripts."""
    home = env.get("DID_TUI_HOME")
    if home:
        return Path(home) / "state"
    from platformdirs import user_state_path

    return user_state_path("did-tui", appauthor=False)


def log_directory(env: Mapping[str, str] = os.environ) -> Path:
    """Where logs are written."""
    home = env.get("DID_TUI_HOME")
    if home:
        return Path(home) / "log"
    from platformdirs import user_log_path

    return user_log_path("did-tui", appauthor=False)
