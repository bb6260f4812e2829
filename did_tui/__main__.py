"""The commands. Each imports what it needs when it runs, so that ``--version`` needs nothing."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from did_tui import __version__
from did_tui.commands import (
    add_kiosk,
    add_plain,
    add_serve,
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

    options = _parser().parse_args(arguments)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="did-tui",
        description="Talk face to face with D-ID's digital humans, from any terminal.",
        epilog="Without a command it opens the list of agents. DID_API_KEY is the key;"
        " DID_API_URL and DID_WS_URL point at another service.",
    )
    parser.add_argument("--version", action="version", version=f"did-tui {__version__}")
    _add_audio(parser)
    _add_look(parser)

    from did_tui.verbs.parser import add_account, add_verbs

    add_account(parser)
    parser.set_defaults(command="")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    chat = commands.add_parser("chat", help="talk with one agent")
    chat.add_argument("agent", metavar="AGENT", help="its id, or its name")
    chat.add_argument("--say", action="append", default=[], metavar="TEXT", help="say this first")
    chat.add_argument("--report", type=Path, metavar="FILE", help="write a JSON report at the end")
    chat.add_argument("--record", type=Path, metavar="FILE.mp4", help="keep picture and sound")
    chat.add_argument("--once", action="store_true", help="leave when the answer was spoken")
    add_plain(chat)
    _add_talk(chat)
    _add_audio(chat)
    _add_look(chat)
    add_account(chat)

    demo = commands.add_parser("demo", help="look around with the built-in emulator, no account")
    demo.add_argument("agent", nargs="?", metavar="AGENT", help="talk with this one at once")
    demo.add_argument("--say", action="append", default=[], metavar="TEXT", help="say this first")
    demo.add_argument("--report", type=Path, metavar="FILE", help="write a JSON report at the end")
    demo.add_argument("--record", type=Path, metavar="FILE.mp4", help="keep picture and sound")
    demo.add_argument("--once", action="store_true", help="leave when the answer was spoken")
    add_plain(demo)
    _add_talk(demo)
    _add_audio(demo)
    _add_look(demo)
    _add_emulator(demo)

    booth = commands.add_parser("kiosk", help="one agent on a screen that nobody looks after")
    add_kiosk(booth)
    _add_talk(booth)
    _add_audio(booth)
    _add_look(booth)
    _add_emulator(booth)
    add_account(booth)

    served = commands.add_parser("serve", help="one of these commands in a browser")
    add_serve(served)

    play = commands.add_parser("play", help="show a video file, to tune the terminal")
    play.add_argument("file", type=Path, metavar="FILE")
    play.add_argument("--no-audio", action="store_true", help="without sound")
    _add_audio(play)
    _add_look(play)

    doctor = commands.add_parser("doctor", help="what works here, and what helps where it does not")
    doctor.add_argument("--json", action="store_true", help="as JSON, for programs")
    doctor.add_argument("--no-faces", action="store_true", help="without the drawn faces")
    doctor.add_argument(
        "--stun",
        metavar="HOST:PORT",
        default="",
        help="a STUN server to try UDP with, or none (default: Google's)",
    )
    doctor.add_argument(
        "--agent", metavar="ID", default="", help="open a stream of it for a moment, to try relays"
    )
    _add_audio(doctor)
    _add_look(doctor)
    add_account(doctor)

    devices = commands.add_parser("devices", help="where sound can go, and how to hear it at home")
    _add_audio(devices)

    config = commands.add_parser("config", help="every setting, and where its value comes from")
    config.add_argument("what", nargs="?", choices=("show", "path", "keys"), default="show")
    _add_talk(config)
    _add_audio(config)
    _add_look(config)
    add_account(config)

    completion = commands.add_parser("completion", help="a script that completes these commands")
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))

    add_verbs(commands)

    from did_tui.emulator.usage import CONTROL, add_livekit

    emulator = commands.add_parser(
        "emulator",
        help="serve a local stand-in for D-ID's API",
        epilog=CONTROL,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    emulator.add_argument("--host", default="127.0.0.1", help="address (default: %(default)s)")
    emulator.add_argument("--port", type=int, default=8787, help="default: %(default)s, 0: any")
    emulator.add_argument("--until-eof", action="store_true", help="end when standard input ends")
    emulator.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="let web pages from there use it too, *: from anywhere (default: this machine's)",
    )
    _add_emulator(emulator)
    _add_limits(emulator)
    add_livekit(emulator)
    return parser


def _add_audio(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--audio",
        metavar="SINK",
        default=argparse.SUPPRESS,
        help="where sound goes: auto, none, pulse[:DEVICE], web[:PORT], wav:FILE and others,"
        " see did-tui devices",
    )
    parser.add_argument(
        "--av-offset",
        metavar="MS",
        default=argparse.SUPPRESS,
        help="show pictures so many milliseconds later than their sound, or earlier with a minus",
    )


def _add_talk(parser: argparse.ArgumentParser) -> None:
    from did_tui.api.modes import MODES

    parser.add_argument(
        "--mode",
        choices=MODES,
        default=argparse.SUPPRESS,
        help="how to talk: TextOnly is without video, DirectPlayback only speaks what is written",
    )
    parser.add_argument(
        "--fluent",
        choices=("yes", "no"),
        default=argparse.SUPPRESS,
        help="one stream without pauses, which can be interrupted (default: yes)",
    )
    parser.add_argument(
        "--relay-only",
        choices=("yes", "no"),
        default=argparse.SUPPRESS,
        help="send media through D-ID's relay only",
    )
    parser.add_argument(
        "--session-timeout",
        metavar="S",
        default=argparse.SUPPRESS,
        help="seconds of silence until D-ID closes the stream, up to 300",
    )
    parser.add_argument(
        "--output-resolution",
        metavar="PX",
        default=argparse.SUPPRESS,
        help="ask for pictures of so many pixels, 150 to 1080",
    )


def _add_look(parser: argparse.ArgumentParser) -> None:
    from did_tui.config import COLOURS, GLYPHS, GRAPHICS, MOTIONS, SHAPES, THEMES

    parser.add_argument(
        "--shape",
        choices=SHAPES + GRAPHICS,
        default=argparse.SUPPRESS,
        help="what the picture is made of (default: half blocks where the terminal has colours)",
    )
    parser.add_argument(
        "--colours", choices=COLOURS, default=argparse.SUPPRESS, help="how many colours it has"
    )
    parser.add_argument(
        "--fps", metavar="N", default=argparse.SUPPRESS, help="at most N frames a second"
    )
    parser.add_argument(
        "--max-kbps",
        metavar="N",
        default=argparse.SUPPRESS,
        help="send the terminal at most N kilobits a second",
    )
    parser.add_argument(
        "--theme",
        choices=THEMES,
        default=argparse.SUPPRESS,
        help="colours of the screen; terminal: those that yours has",
    )
    parser.add_argument(
        "--motion",
        choices=MOTIONS,
        default=argparse.SUPPRESS,
        help="what moves; reduced: only the face, none: nothing",
    )
    parser.add_argument(
        "--glyphs",
        choices=GLYPHS,
        default=argparse.SUPPRESS,
        help="signs and lines: what the terminal can, or letters",
    )


def _add_emulator(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, metavar="FILE", help="keep agents and chats here")
    parser.add_argument("--seed", type=int, metavar="N", help="the same ids in every run")
    parser.add_argument(
        "--llm-url", default="", metavar="URL", help="answer with an OpenAI-compatible server"
    )
    parser.add_argument("--llm-model", default="", metavar="NAME", help="its model")
    parser.add_argument(
        "--llm-key",
        default="",
        metavar="KEY",
        help="its key; better in DID_TUI_LLM_KEY, which no process list shows",
    )


#: The emulator's limits: flag, type, what it says.
LIMITS: tuple[tuple[str, type, str], ...] = (
    ("idle-seconds", float, "close a stream after so long without a message (default: 120)"),
    ("linger-seconds", float, "keep a stream that its peer left without a DELETE (default: 10)"),
    ("session-seconds", float, "end a room's session after so long (default: 0, never)"),
    ("session-messages", int, "messages to a room until it ends (default: 0, any number)"),
    ("sessions", int, 'open streams before "Max user sessions reached" (default: 10)'),
    ("credits", int, "answers until 402 and TextOnly (default: without end)"),
    ("pending", int, "requests that may wait on a stream (default: 4)"),
    ("requests-a-minute", int, "requests until 429 (default: 0, without limit)"),
    ("chat-mode", str, "the mode that new chats are given (default: Functional)"),
)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    for flag, kind, said in LIMITS:
        metavar = "MODE" if kind is str else "N"
        parser.add_argument(f"--{flag}", type=kind, metavar=metavar, help=said)
    parser.add_argument(
        "--fetch-anywhere",
        action="store_true",
        default=None,
        help="fetch documents and call webhooks of other machines too",
    )


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
    from did_tui.ui.player import play

    settings = _settings(options)
    sink = "none" if options.no_audio else settings.audio
    return play(options.file, sink, settings.look, settings.av_offset)


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

    sys.stdout.write(completion(_parser(), options.shell))
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
