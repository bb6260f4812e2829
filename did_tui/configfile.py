"""config.toml: read as a whole and checked to the last line, written without losing a comment.

It has settings by their names, ``profile = "work"`` for the profile that is used by itself,
``[profiles.work]`` with ``OF_PROFILES`` and settings of its own, ``[keys]``, and ``[tools.NAME]``
for what agents may have done here (``live/tools.py``).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from did_tui.config import BY_NAME, YES_NO, BadSetting, Origin, Value
from did_tui.keystore import KeyPlace
from did_tui.live.tools import Tool, wrong_schema

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

NAME = "config.toml"
OF_PROFILES = (
    "api_url",
    "ws_url",
    "key_file",
    "key_command",
    "keyring",
    "production",
    "confirm",
)
CONFIRM = ("ask", "name")
OF_TOOLS = ("command", "schema", "seconds", "allow", "description")
ALLOW = ("ask", "always")
LONGEST_RUN = 300.0  # seconds that a tool may take
_TOOL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_PROFILE_NAME = re.compile(r"[\w.@-]{1,40}")

HEAD = """\
# Settings of did-tui. Every one of them is also a flag and a variable: `did-tui --help`.
"""


@dataclass(frozen=True, slots=True)
class Profile:
    """An account by its name: where it is, where its key is, and settings of its own."""

    name: str
    api_url: str = ""
    ws_url: str = ""
    key: KeyPlace | None = None
    production: bool = False
    confirm: str = "ask"
    settings: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What the file says; ``profile`` is the name of the one that is used by itself."""

    path: Path
    settings: Mapping[str, Value] = field(default_factory=dict)
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    profile: str = ""
    tools: tuple[Tool, ...] = ()
    #: Keys by the ids of actions, as they are written; ``did_tui/ui/keymap.py`` reads them.
    keys: Mapping[str, Value] = field(default_factory=dict)


# Reading


def read(directory: Path) -> ConfigFile:
    """Read the file, an empty one where there is none; raises ``BadSetting``."""
    path = directory / NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ConfigFile(path)
    except (OSError, UnicodeError) as error:
        raise BadSetting(f"{path} cannot be read: {error}.") from error
    return parse(text, path)


def parse(text: str, path: Path) -> ConfigFile:
    """Read a text, and check all of it; raises ``BadSetting`` with the line of what is wrong."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadSetting(f"{path} is no TOML: {error}.") from error
    reading = _Reading(text, path)
    profiles = content.pop("profiles", {})
    chosen = content.pop("profile", "")
    tools = content.pop("tools", {})
    if not isinstance(tools, Mapping):
        raise reading.bad((), "tools", "is no table: write [tools.NAME]")
    keys = reading.keys(content.pop("keys", {}))
    if not isinstance(profiles, Mapping):
        raise reading.bad((), "profiles", "is no table: write [profiles.NAME]")
    settings = reading.settings((), content, "file", ("profile", "profiles", "tools"))
    found = {name: reading.profile(name, table) for name, table in profiles.items()}
    if not isinstance(chosen, str) or (chosen and chosen not in found):
        known = ", ".join(found) or "none"
        raise reading.bad((), "profile", f"is {chosen!r}, and the profiles are: {known}")
    usable = tuple(reading.tool(name, table) for name, table in tools.items())
    return ConfigFile(path, settings, found, chosen, usable, keys)


@dataclass(frozen=True, slots=True)
class _Reading:
    text: str
    path: Path

    def bad(self, table: tuple[str, ...], name: str, said: str) -> BadSetting:
        """An error at a name in a table."""
        dotted = ".".join((*table, name))
        return BadSetting(f"{self.where(table, name)}: {dotted} {said}.")

    def where(self, table: tuple[str, ...], name: str) -> str:
        """The file, and the line where it can be told."""
        line = line_of(self.text, table, name)
        return f"{self.path}, line {line}" if line else str(self.path)

    def settings(
        self,
        table: tuple[str, ...],
        content: Mapping[str, Any],
        origin: Origin,
        others: tuple[str, ...],
    ) -> Mapping[str, Value]:
        """The settings in a table, where ``others`` are known, too."""
        found = {}
        for name, given in content.items():
            if name in others:
                continue
            if name == "key":
                raise self.bad(
                    table,
                    name,
                    "is not kept here, where everybody sees it who is shown the file:"
                    " say key_file, key_command or keyring = true in a profile",
                )
            if name not in BY_NAME:
                near = _nearest(name, (*BY_NAME, *others))
                raise self.bad(table, name, f"is no setting{near}")
            text = _text_of(given)
            if text is None:
                raise self.bad(table, name, "is neither a text, a number, nor true or false")
            value = Value(text, origin, self.where(table, name))
            BY_NAME[name].check(value)
            found[name] = value
        return found

    def keys(self, content: Any) -> Mapping[str, Value]:
        """What ``[keys]`` says, of which only the form is checked."""
        if not isinstance(content, Mapping):
            raise self.bad((), "keys", "is no table: write [keys]")
        for name, given in content.items():
            if not isinstance(given, str):
                raise self.bad(("keys",), name, f"is {given!r}, and is a text")
        return {
            name: Value(given, "file", self.where(("keys",), name))
            for name, given in content.items()
        }

    def profile(self, name: str, content: Any) -> Profile:
        """One profile."""
        table = ("profiles", name)
        if not isinstance(content, Mapping):
            raise self.bad(("profiles",), name, "is no table: write [profiles.NAME]")
        if not is_name(name):
            raise self.bad(("profiles",), name, "is no name: letters, digits and . _ - @")
        settings = self.settings(table, content, "profile", OF_PROFILES)
        texts = {one: self._text(table, content, one) for one in ("api_url", "ws_url", "confirm")}
        for one in ("api_url", "ws_url"):
            schemes = ("http://", "https://") if one == "api_url" else ("ws://", "wss://")
            if texts[one] and not texts[one].startswith(schemes):
                raise self.bad(table, one, f"is {texts[one]!r}, and begins with {schemes[1]}")
        confirm = texts["confirm"] or "ask"
        if confirm not in CONFIRM:
            raise self.bad(table, "confirm", f"is {confirm!r}, and can be {', '.join(CONFIRM)}")
        return Profile(
            name,
            texts["api_url"],
            texts["ws_url"],
            self._key(table, content),
            self._yes(table, content, "production"),
            confirm,
            settings,
        )

    def tool(self, name: str, content: Any) -> Tool:
        """One tool that agents may use."""
        table = ("tools", name)
        if not isinstance(content, Mapping):
            raise self.bad(("tools",), name, "is no table: write [tools.NAME]")
        if not _TOOL_NAME.fullmatch(name):
            raise self.bad(("tools",), name, "is no name: letters, digits and . _ -")
        for one in content:
            if one not in OF_TOOLS:
                raise self.bad(table, one, f"is nothing of a tool{_nearest(one, OF_TOOLS)}")
        command = content.get("command")
        words = command if isinstance(command, list) else []
        if not words or not all(isinstance(word, str) for word in words) or not words[0]:
            said = 'is a list of words, as ["notify-send", "Agent"]: no shell reads it'
            raise self.bad(table, "command", said)
        seconds = content.get("seconds", 10)
        timed = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if not timed or not 0 < seconds <= LONGEST_RUN:
            raise self.bad(table, "seconds", f"is a number up to {LONGEST_RUN:g}")
        allow = content.get("allow", "ask")
        if allow not in ALLOW:
            raise self.bad(table, "allow", f"is {allow!r}, and can be {', '.join(ALLOW)}")
        schema = content.get("schema", {})
        wrong = wrong_schema(schema)
        if wrong:
            raise self.bad(table, "schema", wrong)
        description = self._text(table, content, "description")
        return Tool(name, tuple(words), schema, float(seconds), allow, description)

    def _key(self, table: tuple[str, ...], content: Mapping[str, Any]) -> KeyPlace | None:
        file, command = (self._text(table, content, f"key_{one}") for one in ("file", "command"))
        keyring = self._yes(table, content, "keyring")
        named = [
            one
            for one, there in (("key_file", file), ("key_command", command), ("keyring", keyring))
            if there
        ]
        if len(named) > 1:
            raise self.bad(table, named[1], f"and {named[0]} are both there: one says where it is")
        if file:
            path = Path(file).expanduser()
            return KeyPlace("file", str(path if path.is_absolute() else self.path.parent / path))
        if command:
            return KeyPlace("command", command)
        return KeyPlace("keyring", table[1]) if keyring else None

    def _text(self, table: tuple[str, ...], content: Mapping[str, Any], name: str) -> str:
        given = content.get(name, "")
        if not isinstance(given, str):
            raise self.bad(table, name, f"is {given!r}, and is a text")
        return given

    def _yes(self, table: tuple[str, ...], content: Mapping[str, Any], name: str) -> bool:
        given = _text_of(content.get(name, False))
        if given not in YES_NO:
            raise self.bad(table, name, f"is {content[name]!r}, and can be true or false")
        return given == "yes"


def _text_of(given: Any) -> str | None:
    """A value of TOML as a flag would have it."""
    if isinstance(given, bool):
        return "yes" if given else "no"
    if isinstance(given, int | float):
        return f"{given}"
    return given if isinstance(given, str) else None


def _nearest(name: str, known: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    return f"; {near[0]} is one" if near else f": there are {', '.join(known)}"


def is_name(name: str) -> bool:
    """Whether a profile can be called that; the name is also that of a file."""
    return bool(_PROFILE_NAME.fullmatch(name)) and name.strip(".") != ""


_HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?$")


def line_of(text: str, table: tuple[str, ...], name: str) -> int:
    """The line, from 1, where a name of a table is set; 0 where that is written in another way."""
    here: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header:
            here = _parts(header[1])
            if here == (*table, name):
                return number
        elif here == table[: len(here)] and "=" in line:
            said = _parts(line.partition("=")[0])
            if (*here, *said)[: len(table) + 1] == (*table, name):
                return number
    return 0


def _parts(dotted: str) -> tuple[str, ...]:
    found = re.findall(r'"([^"]*)"|\'([^\']*)\'|([^\s.\'"]+)', dotted)
    return tuple(a or b or c for a, b, c in found)


# Writing


def change(directory: Path, edit: Callable[[TOMLDocument], None]) -> ConfigFile:
    """Change the file with all its comments kept; raises ``OSError`` or ``BadSetting``.

    What the change would make of it is read first: a file that cannot be used is not written.
    """
    import tomlkit

    from did_tui.files import write_private

    path = directory / NAME
    text = path.read_text(encoding="utf-8") if path.exists() else HEAD
    parse(text, path)
    document = tomlkit.parse(text)
    edit(document)
    text = tomlkit.dumps(document)
    found = parse(text, path)
    write_private(path, text)
    return found


def replace(directory: Path, text: str) -> ConfigFile:
    """Write the file anew as a whole; raises ``OSError`` or ``BadSetting``."""
    from did_tui.files import write_private

    found = parse(text, directory / NAME)
    write_private(directory / NAME, text)
    return found


_COMPLAINT = "#! "


def with_complaint(text: str, said: str) -> str:
    """A text to be corrected, with what is wrong as its first line."""
    return f"{_COMPLAINT}{said}\n{text}"


def without_complaint(text: str) -> str:
    """The text alone."""
    return "".join(
        line for line in text.splitlines(keepends=True) if not line.startswith(_COMPLAINT)
    )


def set_to(name: str, text: str) -> Callable[[TOMLDocument], None]:
    """The change that sets one setting, or takes it out where the text is empty."""

    def edit(document: TOMLDocument) -> None:
        if text:
            document[name] = _toml_of(name, text)
        else:
            document.pop(name, None)

    return edit


def set_key(name: str, text: str) -> Callable[[TOMLDocument], None]:
    """The change that gives an action other keys, or its own where the text is empty."""

    def edit(document: TOMLDocument) -> None:
        import tomlkit

        keys = document.setdefault("keys", tomlkit.table())
        if text:
            keys[name] = text
        else:
            keys.pop(name, None)

    return edit


def make_default(profile: str) -> Callable[[TOMLDocument], None]:
    """The change that has a profile used where nothing else is said; empty for none."""

    def edit(document: TOMLDocument) -> None:
        if profile:
            document["profile"] = profile
        else:
            document.pop("profile", None)

    return edit


def put_profile(name: str, content: Mapping[str, str | bool]) -> Callable[[TOMLDocument], None]:
    """The change that adds a profile, or sets these names of one."""

    def edit(document: TOMLDocument) -> None:
        import tomlkit

        profiles = document.setdefault("profiles", tomlkit.table(is_super_table=True))
        profile = profiles.setdefault(name, tomlkit.table())
        for key, value in content.items():
            if value in ("", False):
                profile.pop(key, None)
            else:
                profile[key] = value

    return edit


def remove_profile(name: str) -> Callable[[TOMLDocument], None]:
    """The change that takes a profile out; what was used by itself is so no more."""

    def edit(document: TOMLDocument) -> None:
        profiles = document.get("profiles", {})
        profiles.pop(name, None)
        if not profiles:
            document.pop("profiles", None)
        if document.get("profile") == name:
            document.pop("profile")

    return edit


def key_lines(place: KeyPlace, directory: Path) -> dict[str, str | bool]:
    """What a profile says of where its key is; a file beside config.toml by its relative path."""
    said: dict[str, str | bool] = {"key_file": "", "key_command": "", "keyring": False}
    if place.sort == "keyring":
        return said | {"keyring": True}
    if place.sort == "command":
        return said | {"key_command": place.value}
    path = Path(place.value)
    inside = path.is_relative_to(directory)
    return said | {"key_file": path.relative_to(directory).as_posix() if inside else str(path)}


def _toml_of(name: str, text: str) -> str | bool | int | float:
    setting = BY_NAME[name]
    if setting.choices == YES_NO:
        return text == "yes"
    if setting.between is not None:
        number = float(text)
        return int(number) if number.is_integer() else number
    return text
