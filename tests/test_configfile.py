"""config.toml: what it says, what is wrong with it and in which line, and how it is written."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from did_tui import configfile, keystore
from did_tui.config import SETTINGS, BadSetting, NoKey, Settings
from did_tui.configfile import ConfigFile, line_of
from did_tui.keystore import KeyPlace
from did_tui.live.tools import Tool

PATH = Path("/home/me/config.toml")
FILE = """\
# mine
profile = "work"
shape = "half"     # that of the sofa
fps = 20

[profiles.work]
api_url = "https://api.example.com"
key_file = "work.key"
production = true
confirm = "name"
fps = 12
read_only = true

[profiles.home]
key_command = "pass show did-id"
"""


def parsed(text: str = FILE) -> ConfigFile:
    return configfile.parse(text, PATH)


def test_a_flag_beats_the_environment_the_profile_the_file_and_the_default() -> None:
    file = parsed()
    flags = {"fps": "50"}
    env = {"DID_TUI_FPS": "40"}
    bare = ConfigFile(PATH, file.settings)
    for settings, fps, origin, where in (
        (Settings.load(env, flags, file), 50, "flag", "--fps"),
        (Settings.load(env, {}, file), 40, "environment", "DID_TUI_FPS"),
        (Settings.load({}, {}, file), 12, "profile", f"{PATH}, line 11"),
        (Settings.load({}, {}, bare), 20, "file", f"{PATH}, line 4"),
        (Settings.load({}, {}), 25, "default", ""),
    ):
        value = settings.values["fps"]
        assert (settings.look.fps, value.origin, value.where) == (fps, origin, where)
    assert set(Settings.load({}).values) == {setting.name for setting in SETTINGS}


def test_who_asks_whom_comes_from_one_place() -> None:
    file = parsed()
    env = {"DID_API_KEY": "env:key", "DID_API_URL": "https://env.example.com"}
    work = Settings.load({}, {}, file)
    assert (work.profile, work.api_url, work.production) == (
        "work",
        "https://api.example.com",
        True,
    )
    assert work.ws_url == "wss://api.example.com"
    assert work.key_place == KeyPlace("file", "/home/me/work.key")
    assert (work.read_only, work.confirm, work.place) == (True, "name", "work")

    mine = Settings.load(env, {}, file)
    assert (mine.profile, mine.key, mine.api_url) == ("", "env:key", "https://env.example.com")
    assert (mine.read_only, mine.production, mine.key_place) == (False, False, None)

    for said in ({"profile": "home"}, {}):
        home = Settings.load(env | {"DID_TUI_PROFILE": "home"}, said, file)
        assert (home.profile, home.key, home.api_url) == ("home", "", "https://api.d-id.com")
        assert home.ws_url == "wss://notifications.d-id.com"

    keyless = parsed("[profiles.strict]\nread_only = true\n")
    strict = Settings.load(env, {"profile": "strict"}, keyless)
    assert (strict.key, strict.api_url, strict.read_only) == (
        "env:key",
        "https://env.example.com",
        True,
    )
    with pytest.raises(BadSetting, match=r"--profile is 'hom'.*work, home"):
        Settings.load({}, {"profile": "hom"}, file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shape = ", "no TOML"),
        ("a = 1\nshappe = 'half'", "no TOML|line 1: a is no setting"),
        ("# x\nshappe = 'half'", "line 2: shappe is no setting; shape is one"),
        ("shape = 'round'", "shape is 'round' .*line 1.*half, quadrant"),
        ("fps = 0", "fps is '0' .*line 1.* from 1 to 60"),
        ("fps = [1]", "line 1: fps is neither"),
        ("fluent = 'maybe'", "fluent is 'maybe'.*yes, no"),
        ("key = 'a:b'", "line 1: key is not kept here"),
        ("api_url = 'https://x'", "api_url is no setting"),
        ("profile = 'x'", "profile is 'x', and the profiles are: none"),
        ("profiles = 3", "line 1: profiles is no table"),
        ("[profiles]\nx = 3", "line 2: profiles.x is no table"),
        ("[profiles.x]\n\nkey = 'a:b'", "line 3: profiles.x.key is not kept here"),
        ("[profiles.x]\nconfirm = 'twice'", "line 2: profiles.x.confirm is 'twice'"),
        ("[profiles.x]\nproduction = 'perhaps'", "line 2: profiles.x.production"),
        ("[profiles.x]\nread_only = 3", "read_only is '3' .*line 2"),
        ("[profiles.x]\napi_url = 'api.d-id.com'", "line 2: .*begins with https://"),
        ("[profiles.x]\napi_url = 3", "line 2: .*is a text"),
        ("[profiles.x]\nkey_file='a'\nkey_command='b'", "line 3: .*and key_file are both"),
        ("[profiles.x]\nkey_fiel = 'a'", "line 2: .*key_file is one"),
        ("[profiles.'../x']\nfps = 3", "is no name"),
        ("profiles.x.colour = 3", "line 1: profiles.x.colour is no setting; colours is one"),
        ("tools = 3", "line 1: tools is no table"),
        ("[tools]\nx = 3", "line 2: tools.x is no table"),
        ("[tools.'a b']\ncommand = ['x']", "a b is no name"),
        ("[tools.x]\nseconds = 3", "tools.x.command is a list of words"),
        ("[tools.x]\ncommand = 'rm -rf /'", "line 2: tools.x.command is a list of words"),
        ("[tools.x]\ncommand = ['']", "line 2: tools.x.command is a list of words"),
        ("[tools.x]\ncommand = ['x', 3]", "line 2: tools.x.command is a list of words"),
        ("[tools.x]\ncommand = ['x']\nseconds = 0", "line 3: tools.x.seconds is a number"),
        ("[tools.x]\ncommand = ['x']\nseconds = true", "line 3: tools.x.seconds is a number"),
        ("[tools.x]\ncommand = ['x']\nallow = 'yes'", "line 3: tools.x.allow is 'yes', .*ask, alw"),
        ("[tools.x]\ncommand = ['x']\nschema = 3", "line 3: tools.x.schema is no table"),
        ("[tools.x]\ncommand = ['x']\nschema.type = 3", "line 3: tools.x.schema is no JSON Schema"),
        ("[tools.x]\ncomand = ['x']", "line 2: tools.x.comand .*; command is one"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, said: str) -> None:
    with pytest.raises(BadSetting, match=said):
        parsed(text)


def test_tools_are_what_agents_may_have_done_here() -> None:
    text = """
[tools.note]
command = ["tee", "note.json"]
seconds = 2.5
allow = "always"
[tools.note.schema]
required = ["text"]
[tools.look]
command = ["date"]
"""
    note, look = Settings.load({}, {}, parsed(text)).tools
    assert note == Tool("note", ("tee", "note.json"), {"required": ["text"]}, 2.5, "always")
    assert (look.seconds, look.allow, look.schema) == (10.0, "ask", {})


def test_the_line_of_a_name() -> None:
    assert line_of(FILE, (), "fps") == 4
    assert line_of(FILE, ("profiles", "work"), "fps") == 11
    assert line_of(FILE, ("profiles", "home"), "fps") == 0
    assert line_of('[profiles."a b"] # c\nfps = 3', ("profiles", "a b"), "fps") == 2


def test_what_is_written_keeps_every_comment(tmp_path: Path) -> None:
    configfile.change(tmp_path, configfile.set_to("colours", "256"))
    path = tmp_path / "config.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text(FILE, encoding="utf-8")

    configfile.change(tmp_path, configfile.set_to("shape", "braille"))
    configfile.change(tmp_path, configfile.set_to("fps", ""))
    configfile.change(tmp_path, configfile.set_to("fluent", "no"))
    configfile.change(tmp_path, configfile.put_profile("new", {"keyring": True, "api_url": ""}))
    configfile.change(tmp_path, configfile.make_default("new"))
    found = configfile.change(tmp_path, configfile.remove_profile("work"))
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# mine\n")
    assert "# that of the sofa" in text
    assert "work.key" not in text
    assert found == configfile.read(tmp_path)
    assert found.profile == "new"
    assert {name: value.text for name, value in found.settings.items()} == {
        "shape": "braille",
        "fluent": "no",
    }
    assert found.profiles["new"].key == KeyPlace("keyring", "new")
    found = configfile.change(tmp_path, configfile.remove_profile("new"))
    assert (list(found.profiles), found.profile) == (["home"], "")


def test_a_file_that_cannot_be_used_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("shape = 'round'\n", encoding="utf-8")
    with pytest.raises(BadSetting):
        configfile.change(tmp_path, configfile.set_to("fps", "12"))
    path.write_text("shape = 'half'\n", encoding="utf-8")
    with pytest.raises(BadSetting, match="fps is '99'"):
        configfile.change(tmp_path, configfile.set_to("fps", "99"))
    assert path.read_text(encoding="utf-8") == "shape = 'half'\n"


# Keys


def test_a_key_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    place = keystore.keep("user:secret", "work", tmp_path)
    assert place == KeyPlace("file", str(tmp_path / "keys" / "work.key"))
    assert configfile.key_lines(place, tmp_path)["key_file"] == "keys/work.key"
    assert place.read() == "user:secret"
    assert "secret" not in repr(place) + place.words
    path = Path(place.value)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(BadSetting, match=r"mode is 0640.*chmod 600"):
        place.read()
    path.chmod(0o600)
    path.write_text(" \n", encoding="utf-8")
    with pytest.raises(NoKey, match="is empty"):
        place.read()
    place.forget()
    with pytest.raises(NoKey, match="No such file"):
        place.read()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.exit('locked')", "gave no key: locked"),
        ("pass", "exit code 0"),
    ],
)
def test_a_command_that_gives_no_key_says_why(code: str, said: str) -> None:
    with pytest.raises(NoKey, match=said):
        KeyPlace("command", f'"{sys.executable}" -c "{code}"').read()


def test_a_command_gives_the_key() -> None:
    command = f'"{sys.executable}" -c "print(\'user:secret\')"'
    assert KeyPlace("command", command).read() == "user:secret"
    with pytest.raises(NoKey, match="cannot be run"):
        KeyPlace("command", os.devnull).read()


def test_the_keyring_is_used_where_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[tuple[str, str], str] = {}
    ring = SimpleNamespace(
        get_keyring=lambda: SimpleNamespace(priority=5),
        get_password=lambda *name: kept.get(name),
        set_password=lambda service, name, key: kept.update({(service, name): key}),
        delete_password=lambda *name: kept.pop(name),
    )
    monkeypatch.setitem(sys.modules, "keyring", ring)
    errors = SimpleNamespace(KeyringError=ValueError)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    place = keystore.keep("user:secret", "work", tmp_path)
    assert place == KeyPlace("keyring", "work")
    assert place.read() == "user:secret"
    place.forget()
    assert kept == {}
    with pytest.raises(NoKey, match="no key of the profile work"):
        place.read()
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(BadSetting, match="needs the package keyring"):
        place.read()
