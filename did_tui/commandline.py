"""The command line as argparse has it; ``did_tui/__main__.py`` runs what it names."""

from __future__ import annotations

import argparse
from pathlib import Path

from did_tui import __version__
from did_tui.commands import add_kiosk, add_plain, add_serve


def parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    root = argparse.ArgumentParser(
        prog="did-tui",
        description="Talk face to face with D-ID's digital humans, from any terminal.",
        epilog="Without a command it opens the list of agents. DID_API_KEY is the key;"
        " DID_API_URL and DID_WS_URL point at another service.",
    )
    root.add_argument("--version", action="version", version=f"did-tui {__version__}")
    _add_audio(root)
    _add_look(root)

    from did_tui.verbs.parser import add_account, add_verbs

    add_account(root)
    root.set_defaults(command="")
    commands = root.add_subparsers(dest="command", metavar="COMMAND")

    chat = commands.add_parser("chat", help="talk with one agent")
    chat.add_argument("agent", metavar="AGENT", help="its id, or its name")
    _add_conversation(chat)
    add_account(chat)

    demo = commands.add_parser("demo", help="look around with the built-in emulator, no account")
    demo.add_argument("agent", nargs="?", metavar="AGENT", help="talk with this one at once")
    _add_conversation(demo)
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
    return root


def _add_conversation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--say", action="append", default=[], metavar="TEXT", help="say this first")
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="write a JSON report at the end"
    )
    parser.add_argument("--record", type=Path, metavar="FILE.mp4", help="keep picture and sound")
    parser.add_argument("--once", action="store_true", help="leave when the answer was spoken")
    add_plain(parser)
    _add_talk(parser)
    _add_audio(parser)
    _add_look(parser)


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
