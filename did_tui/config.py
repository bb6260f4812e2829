"""Settings, and where files belong.

A flag beats the environment, which beats the profile, which beats config.toml, which beats the
default. Nothing here reads a file: ``did_tui/configfile.py`` does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from did_tui.api.client import Client
    from did_tui.configfile import ConfigFile, Profile
    from did_tui.keystore import KeyPlace
    from did_tui.live.tools import Tool

from did_tui.api.endpoints import DEFAULT_API_URL, DEFAULT_WS_URL
from did_tui.api.modes import MODES

SHAPES = ("auto", "half", "quadrant", "sextant", "octant", "braille", "ascii")
GRAPHICS = ("kitty", "sixel")
COLOURS = ("auto", "true", "256", "16", "grey", "none")
THEMES = ("dark", "light", "contrast", "terminal")
MOTIONS = ("full", "reduced", "none")
GLYPHS = ("auto", "unicode", "ascii")
COPIES = ("auto", "osc52", "native", "file")
FPS = 25.0  # what D-ID sends


class BadSetting(Exception):
    """A setting has a value that makes no sense; the text names both, and where it was set."""


class NoKey(Exception):
    """There is no key; the text says where one comes from."""


Origin = Literal["flag", "environment", "profile", "file", "default"]


@dataclass(frozen=True, slots=True)
class Value:
    """What a setting is set to, as text, and who did; ``where`` is the flag, variable or line."""

    text: str
    origin: Origin = "default"
    where: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting: one name as a flag, as ``DID_TUI_…`` and in config.toml.

    It is one of ``choices``, a number ``between`` two, or any text. Without a ``default`` it may be
    left to D-ID. ``at_once`` says that a change needs no new start.
    """

    name: str
    help: str
    default: str = ""
    choices: tuple[str, ...] = ()
    between: tuple[float, float] | None = None
    at_once: bool = True

    def check(self, value: Value) -> None:
        """Raise ``BadSetting`` for a value that it cannot have."""
        text = value.text
        if not text and not self.default:
            return
        if self.choices and text not in self.choices:
            raise BadSetting(f"{self._is(value)} {', '.join(self.choices)}.")
        if self.between is None:
            return
        least, most = self.between
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not least <= number <= most:
            raise BadSetting(f"{self._is(value)} a number from {least:g} to {most:g}.")

    def _is(self, value: Value) -> str:
        where = f" ({value.where})" if value.where else ""
        return f"{self.name} is {value.text!r}{where}, and can be"

    @property
    def takes(self) -> str:
        """What it can be, in words; empty for any text."""
        if self.between is not None:
            least, most = self.between
            return f"{least:,.0f} to {most:,.0f}"
        return ", ".join(self.choices)


YES_NO = ("yes", "no")

SETTINGS: tuple[Setting, ...] = (
    Setting("shape", "What the picture is made of", "auto", SHAPES + GRAPHICS),
    Setting("colours", "How many colours the picture has", "auto", COLOURS),
    Setting("fps", "Frames a second at most", f"{FPS:g}", between=(1, 60), at_once=False),
    Setting(
        "max_kbps",
        "Kilobits a second to the terminal at most; 0 for no bound",
        "0",
        between=(0, 1e9),
        at_once=False,
    ),
    Setting("audio", "Where sound goes: auto, none, pulse:DEVICE, web and others", "auto"),
    Setting(
        "av_offset",
        "Milliseconds that pictures are shown after their sound",
        "0",
        between=(-1000, 1000),
    ),
    Setting("theme", "Colours of the screen; terminal: those that yours has", "dark", THEMES),
    Setting("motion", "What moves; reduced: only the face, none: nothing", "full", MOTIONS),
    Setting("glyphs", "Signs and lines: what the terminal can, or letters", "auto", GLYPHS),
    Setting("copy", "Where copies go: by itself, or only this way", "auto", COPIES),
    Setting("mode", "D-ID's chat mode", "Functional", MODES),
    Setting("compatibility_mode", "The codec: on VP8, off H.264", "on", ("on", "off", "auto")),
    Setting("fluent", "One continuous video, where the agent can", "yes", YES_NO),
    Setting("stream_warmup", "A legacy stream begins with a warm-up clip", "no", YES_NO),
    Setting("session_timeout", "Seconds of silence until D-ID closes", between=(1, 300)),
    Setting("output_resolution", "The longer side in pixels", between=(150, 1080)),
    Setting("relay_only", "Media through D-ID's relay only", "no", YES_NO),
    Setting("persist", "D-ID keeps the chat", "no", YES_NO),
    Setting("transcripts", "This machine keeps what was said", "yes", YES_NO),
    Setting("read_only", "Nothing is changed at D-ID; talking works", "no", YES_NO),
)

BY_NAME = {setting.name: setting for setting in SETTINGS}

_NOTHING: Mapping[str, Value] = {}


@dataclass(frozen=True, slots=True)
class Layers:
    """Where settings come from, the first that has one wins."""

    flags: Mapping[str, str | None] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    profile: Mapping[str, Value] = field(default_factory=dict)
    file: Mapping[str, Value] = field(default_factory=dict)

    def find(self, name: str) -> Value:
        """What a setting is; raises ``BadSetting`` for what it cannot be."""
        value = self._first(name)
        BY_NAME[name].check(value)
        return value

    def _first(self, name: str) -> Value:
        variable = f"DID_TUI_{name.upper()}"
        if given := self.flags.get(name):
            return Value(str(given), "flag", f"--{name.replace('_', '-')}")
        if given := self.env.get(variable):
            text = given.lower() if BY_NAME[name].choices == YES_NO else given
            return Value(text, "environment", variable)
        if name in self.profile:
            return self.profile[name]
        return self.file.get(name) or Value(BY_NAME[name].default)

    def text(self, name: str) -> str:
        """The same as text alone."""
        return self.find(name).text

    def yes(self, name: str) -> bool:
        """Whether it is switched on."""
        return self.text(name) == "yes"

    def whole(self, name: str) -> int | None:
        """A whole number, None where D-ID decides."""
        text = self.text(name)
        return int(float(text)) if text else None


@dataclass(frozen=True, slots=True)
class Look:
    """How pictures are drawn, and everything else on the screen.

    ``fps`` is the most frames a second; ``max_kbps`` bounds what is sent to the terminal, in
    kilobits a second, 0 for no bound.
    """

    shape: str = "auto"
    colours: str = "auto"
    fps: float = FPS
    max_kbps: float = 0.0
    theme: str = "dark"
    motion: str = "full"
    glyphs: str = "auto"

    @classmethod
    def load(cls, env: Mapping[str, str], flags: Mapping[str, str | None]) -> Look:
        """Read flags, else the environment; raises ``BadSetting``."""
        return cls.of(Layers(flags, env))

    @classmethod
    def of(cls, layers: Layers) -> Look:
        """Read it from wherever settings come from; raises ``BadSetting``."""
        return cls(
            layers.text("shape"),
            layers.text("colours"),
            float(layers.text("fps")),
            float(layers.text("max_kbps")),
            layers.text("theme"),
            layers.text("motion"),
            layers.text("glyphs"),
        )


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
        """Read flags, else the environment; raises ``BadSetting``."""
        return cls.of(Layers(flags, env))

    @classmethod
    def of(cls, layers: Layers) -> Talk:
        """Read it from wherever settings come from; raises ``BadSetting``."""
        return cls(
            mode=layers.text("mode"),
            compatibility_mode=layers.text("compatibility_mode"),
            fluent=layers.yes("fluent"),
            stream_warmup=layers.yes("stream_warmup"),
            session_timeout=layers.whole("session_timeout"),
            output_resolution=layers.whole("output_resolution"),
            relay_only=layers.yes("relay_only"),
            persist=layers.yes("persist"),
            transcripts=layers.yes("transcripts"),
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """Where D-ID is, who asks, how it looks, sounds and talks. ``repr`` never has the key.

    ``key`` is the environment's; that of a profile is fetched from ``key_place`` when it is needed.
    ``profile`` is empty where the environment says who asks. ``values`` has every setting with its
    origin, ``keys`` what config.toml wants keys to be. With ``confirm`` "name", a
    name is typed before anything is deleted. ``tools`` are what agents may have done here.
    """

    api_url: str = DEFAULT_API_URL
    ws_url: str = DEFAULT_WS_URL
    key: str = field(default="", repr=False)
    audio: str = "auto"
    av_offset: float = 0.0  # milliseconds that pictures are shown after their sound
    copies: str = "auto"
    look: Look = field(default_factory=Look)
    talk: Talk = field(default_factory=Talk)
    profile: str = ""
    key_place: KeyPlace | None = None
    read_only: bool = False
    production: bool = False
    confirm: str = "ask"
    values: Mapping[str, Value] = field(default_factory=dict, repr=False)
    tools: tuple[Tool, ...] = ()
    keys: Mapping[str, Value] = field(default_factory=dict, repr=False)

    @classmethod
    def load(
        cls,
        env: Mapping[str, str] = os.environ,
        flags: Mapping[str, str | None] | None = None,
        file: ConfigFile | None = None,
    ) -> Settings:
        """Read flags, else the environment, else the profile, else the file.

        Who asks whom comes from one place as a whole, so that no key goes to another's service: the
        profile that ``flags`` or ``DID_TUI_PROFILE`` name, else the environment's ``DID_API_KEY``
        and ``DID_API_URL``, else the file's own profile. Raises ``BadSetting``.
        """
        flags = flags or {}
        profile = _chosen(env, flags, file)
        layers = Layers(
            flags,
            env,
            profile.settings if profile is not None else _NOTHING,
            file.settings if file is not None else _NOTHING,
        )
        common = cls(
            audio=layers.text("audio"),
            av_offset=float(layers.text("av_offset")),
            copies=layers.text("copy"),
            look=Look.of(layers),
            talk=Talk.of(layers),
            read_only=layers.yes("read_only"),
            values={setting.name: layers.find(setting.name) for setting in SETTINGS},
            tools=file.tools if file is not None else (),
            keys=file.keys if file is not None else _NOTHING,
        )
        own = profile is not None and profile.key is not None
        api_url = "" if own else env.get("DID_API_URL", "")
        ws_url = "" if own else env.get("DID_WS_URL", "")
        if profile is not None and profile.api_url:
            api_url, ws_url = profile.api_url, profile.ws_url
        api_url = api_url or DEFAULT_API_URL
        common = replace(
            common,
            api_url=api_url,
            ws_url=ws_url or notifications_of(api_url),
            key="" if own else env.get("DID_API_KEY", ""),
        )
        if profile is None:
            return common
        return replace(
            common,
            profile=profile.name,
            key_place=profile.key,
            production=profile.production,
            confirm=profile.confirm,
        )

    @property
    def place(self) -> str:
        """What the account is called on the screen: its profile, else its endpoint."""
        return self.profile or self.endpoint

    @property
    def endpoint(self) -> str:
        """What the service is called."""
        if self.api_url == DEFAULT_API_URL:
            return "D-ID"
        return self.api_url.partition("://")[2].rpartition("@")[2].partition("/")[0] or "?"

    def elsewhere(self, api_url: str, ws_url: str, key: str) -> Settings:
        """The same for another service, as the emulator is: nothing of the profile's account."""
        strict = self.values.get("read_only", Value("no")).origin in ("flag", "environment")
        return replace(
            self,
            api_url=api_url,
            ws_url=ws_url,
            key=key,
            profile="",
            key_place=None,
            read_only=self.read_only and strict,
            production=False,
            confirm="ask",
        )

    def client(self) -> Client:
        """A client for this endpoint; raises ``NoKey``, ``BadSetting`` or ``DidError``."""
        from did_tui.api.client import Client
        from did_tui.api.credentials import Credentials

        key = self.key_place.read() if self.key_place is not None else self.key
        if not key.strip():
            raise NoKey(
                "No D-ID key: set DID_API_KEY to a key from studio.d-id.com (Settings, API),"
                " or look around first with: did-tui demo"
            )
        client = Client(Credentials.parse(key), self.api_url, self.ws_url)
        client.read_only = self.read_only
        return client


def _chosen(
    env: Mapping[str, str], flags: Mapping[str, str | None], file: ConfigFile | None
) -> Profile | None:
    """The profile that is used, None for the environment; raises ``BadSetting``."""
    wanted, where = flags.get("profile") or "", "--profile"
    if not wanted:
        wanted, where = env.get("DID_TUI_PROFILE", ""), "DID_TUI_PROFILE"
    if not wanted and (env.get("DID_API_KEY") or env.get("DID_API_URL")):
        return None
    profiles = file.profiles if file is not None else {}
    if not wanted:
        return profiles.get(file.profile) if file is not None else None
    if wanted not in profiles:
        known = f"there are {', '.join(profiles)}" if profiles else "there are none"
        raise BadSetting(f"{where} is {wanted!r}, and no profile has that name: {known}.")
    return profiles[wanted]


def notifications_of(api_url: str) -> str:
    """The notifications address that belongs to an API's: a key goes to one service only."""
    if api_url == DEFAULT_API_URL:
        return DEFAULT_WS_URL
    return api_url.replace("http", "ws", 1)


def config_directory(env: Mapping[str, str] = os.environ) -> Path:
    """Where config.toml is, and keys that are kept in files."""
    home = env.get("DID_TUI_HOME")
    if home:
        return Path(home)
    from platformdirs import user_config_path

    return user_config_path("did-tui", appauthor=False)


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
