"""The commands. Each imports what it needs when it runs, so that ``--version`` needs nothing."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from did_tui import pauses
from did_tui.commandline import LIMITS, parser
from did_tui.commands import (
    converse,
    emulated,
    in_browser,
    is_plain,
    kiosk,
    opener,
    serve,
)

if TYPE_CHECKING:
    from did_tui.config import Settings

USAGE_ERROR = 2
WELCOME = "There is no D-ID account here yet. How do you want to begin?"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code: 0 for success, 1 for failure, 2 for a wrong command line."""
    from did_tui.config import BadSetting

    options = parser().parse_args(arguments)
    options.arguments = sys.argv[1:] if arguments is None else list(arguments)
    command = options.command or "open"
    try:
        return {
            "open": _open,
            "chat": _chat,
            "demo": _demo,
            "kiosk": _kiosk,
            "serve": serve,
            "play": _play,
            "doctor": _doctor,
            "devices": _devices,
            "emulator": _emulator,
            "completion": _completion,
            "config": _config,
        }.get(command, _verb)(options)
    except BadSetting as error:
        return _refuse(str(error), USAGE_ERROR)


# The commands


def _open(options: argparse.Namespace) -> int:
    return _run_app(_settings(options), options)


def _chat(options: argparse.Namespace) -> int:
    from did_tui.api.errors import DidError
    from did_tui.config import NoKey

    settings = _settings(options)
    if not is_plain(options):
        return _run_app(settings, options, chat=True)
    try:
        return converse(settings, opener(settings.client()), options)
    except (NoKey, DidError) as error:
        return _refuse(str(error), USAGE_ERROR)


def _kiosk(options: argparse.Namespace) -> int:
    from did_tui.api.errors import DidError
    from did_tui.config import NoKey

    if not _is_terminal() or (options.demo and not _has_emulator()):
        return USAGE_ERROR
    try:
        return kiosk(_settings(options), options, _emulator_arguments(options))
    except (NoKey, DidError) as error:
        return _refuse(str(error), USAGE_ERROR)


def _settings(options: argparse.Namespace, profile: str | None = None) -> Settings:
    """The settings as files and environment have them now, perhaps with another profile."""
    from did_tui.config import Settings, config_directory
    from did_tui.configfile import read

    flags = vars(options) if profile is None else vars(options) | {"profile": profile}
    return Settings.load(flags=flags, file=read(config_directory()))


def _run_app(settings: Settings, options: argparse.Namespace, *, chat: bool = False) -> int:
    from did_tui.api.errors import BadCredentials, DidError
    from did_tui.config import NoKey

    client, welcome = None, ""
    try:
        client = settings.client()
    except (NoKey, BadCredentials) as error:
        if chat or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return _refuse(str(error), USAGE_ERROR)
        welcome = str(error) if settings.key or settings.key_place else WELCOME
    except DidError as error:
        return _refuse(str(error), USAGE_ERROR)
    if not _is_terminal():
        return USAGE_ERROR
    import asyncio

    with pauses.importing():
        from did_tui.ui.app import DidTui, run

    async def open_client() -> object:
        return client

    more = _conversation(options) if chat else _conversation(None)
    app = DidTui(settings, open_client, welcome=welcome, **_files(options), **more)  # type: ignore[arg-type]
    return asyncio.run(run(app))


def _files(options: argparse.Namespace) -> dict[str, object]:
    """Where settings are kept, and how they are read again."""
    from did_tui.config import config_directory

    return {"config": config_directory(), "load": lambda profile: _settings(options, profile)}


def _conversation(options: argparse.Namespace | None) -> dict[str, object]:
    from did_tui.config import state_directory

    if options is None:
        return {"state": state_directory()}
    return {
        "state": state_directory(),
        "record": options.record,
        "agent": options.agent,
        "say": options.say,
        "report": options.report,
        "once": options.once,
    }


def _demo(options: argparse.Namespace) -> int:
    plain = bool(options.agent) and is_plain(options)
    if not (plain or _is_terminal()) or not _has_emulator():
        return USAGE_ERROR
    import asyncio

    from did_tui.config import log_directory
    from did_tui.demo import Emulator

    with Emulator(_emulator_arguments(options), log_directory() / "emulator.log") as emulator:
        if plain:
            return converse(*emulated(_settings(options), emulator, _tell), options)
        with pauses.importing():
            from did_tui.ui.app import DidTui, run

        settings, open_client = emulated(
            _settings(options), emulator, lambda sentence: app.notify(sentence)
        )
        more = _files(options) | _conversation(options)
        app = DidTui(settings, open_client, place="demo", **more)  # type: ignore[arg-type]
        return asyncio.run(run(app))


def _emulator_arguments(options: argparse.Namespace) -> list[str]:
    """The emulator's part of the demo's command line; the key goes by the environment."""
    if options.llm_key:
        os.environ["DID_TUI_LLM_KEY"] = options.llm_key
    arguments = []
    for flag in ("data", "seed", "llm_url", "llm_model"):
        value = getattr(options, flag)
        if value not in (None, ""):
            arguments += [f"--{flag.replace('_', '-')}", str(value)]
    return arguments


def _play(options: argparse.Namespace) -> int:
    if not _is_terminal():
        return USAGE_ERROR
    if not options.file.exists():
        return _refuse(f"There is no file {options.file}.")
    with pauses.importing():
        from did_tui.ui.player import play

    settings = _settings(options)
    sink = "none" if options.no_audio else settings.audio
    return play(options.file, sink, settings)


def _doctor(options: argparse.Namespace) -> int:
    from did_tui.ui.doctor import STUN, Wishes, examine

    wishes = Wishes(options.json, not options.no_faces, options.stun or STUN, options.agent)
    return examine(_settings(options), wishes)


def _devices(options: argparse.Namespace) -> int:
    from did_tui.ui.sound import list_devices

    return list_devices(_settings(options).audio)


def _emulator(options: argparse.Namespace) -> int:
    if not _has_emulator():
        return USAGE_ERROR
    from did_tui.emulator.command import CannotServe, Options, livekit_of, run

    try:
        livekit = livekit_of(options)
    except CannotServe as error:
        return _refuse(str(error), USAGE_ERROR)
    if options.worker and livekit:
        from did_tui.emulator.worker import run as work

        return work(livekit, until_eof=options.until_eof)
    names = [*(flag.replace("-", "_") for flag, _, _ in LIMITS), "fetch_anywhere"]
    limits = {name: getattr(options, name) for name in names}
    return run(
        Options(
            host=options.host,
            port=options.port,
            data=options.data,
            seed=options.seed,
            llm_url=options.llm_url,
            llm_model=options.llm_model,
            llm_key=options.llm_key or os.environ.get("DID_TUI_LLM_KEY", ""),
            limits={name: value for name, value in limits.items() if value is not None},
            until_eof=options.until_eof,
            allow_origins=options.allow_origin,
            livekit=livekit,
            workers=max(options.workers, 0),
        )
    )


def _verb(options: argparse.Namespace) -> int:
    from did_tui.config import Settings, config_directory
    from did_tui.configfile import read
    from did_tui.verbs.run import run

    # What verbs have of the same name, such as --mode, is something else.
    flags = {name: getattr(options, name, None) for name in ("profile", "read_only")}
    return run(options, Settings.load(flags=flags, file=read(config_directory())))


def _completion(options: argparse.Namespace) -> int:
    from did_tui.verbs.parser import completion

    sys.stdout.write(completion(parser(), options.shell))
    return 0


def _config(options: argparse.Namespace) -> int:
    from did_tui.config import config_directory
    from did_tui.configfile import NAME
    from did_tui.text import one_line

    if options.what == "path":
        print(config_directory() / NAME)
        return 0
    settings = _settings(options)
    if options.what == "keys":
        return _keys(settings)
    key = settings.key_place.words if settings.key_place else "environment" if settings.key else "-"
    rows = [
        ("profile", settings.profile or "-", ""),
        ("api_url", settings.api_url, ""),
        ("key", key, ""),
        *((name, one.text, one.where or one.origin) for name, one in settings.values.items()),
    ]
    for name, value, where in rows:
        print(f"{name:<20} {one_line(value) or '-':<20} {one_line(where)}".rstrip())
    return 0


def _keys(settings: Settings) -> int:
    """Every action by its id, with its keys; 1 where config.toml wants what cannot be."""
    from did_tui.ui import keymap
    from did_tui.ui.keys import KEYS, names

    wanted = keymap.read(settings.keys)
    for one in KEYS:
        origin = "file" if one.id in wanted.keys else ""
        shown = " ".join(names(one, wanted.keys))
        print(f"{one.id:<18} {shown:<28} {one.place:<13} {origin or one.help}".rstrip())
    for complaint in wanted.complaints:
        print(f"did-tui: {complaint}", file=sys.stderr)
    return 1 if wanted.complaints else 0


# What can be in the way


def _is_terminal() -> bool:
    if in_browser() or (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    _refuse("This needs a terminal: standard input and standard error must be one.")
    return False


def _has_emulator() -> bool:
    from importlib.util import find_spec

    missing = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
    # Its parent is a folder that several packages share, and may not be there at all.
    if find_spec("livekit") is None or find_spec("livekit.protocol") is None:
        missing.append("livekit-protocol")
    if not missing:
        return True
    _refuse(
        f"The emulator needs {' and '.join(missing)}: install did-tui with its extra,"
        " python3 -m pip install 'did-tui[demo]'."
    )
    return False


def _tell(sentence: str) -> None:
    print(f"did-tui: {sentence}", file=sys.stderr)


def _refuse(sentence: str, code: int = 1) -> int:
    _tell(sentence)
    return code


if __name__ == "__main__":
    sys.exit(main())
