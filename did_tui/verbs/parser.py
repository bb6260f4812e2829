"""The verbs as argparse has them, and what a shell needs to complete them."""

from __future__ import annotations

import argparse

from did_tui.verbs.table import KINDS, Kind, Verb

EXIT_CODES = """\
exit codes: 0 done, 1 refused or failed, 2 unusable command line, key or file,
3 no such thing, 4 the key may not, 5 no answer, 6 the profile is read-only"""


def add_account(parser: argparse.ArgumentParser) -> None:
    """Add what says who asks."""
    parser.add_argument(
        "-P",
        "--profile",
        metavar="NAME",
        default=argparse.SUPPRESS,
        help="the account of this name in config.toml",
    )
    parser.add_argument(
        "--read-only",
        action="store_const",
        const="yes",
        default=argparse.SUPPRESS,
        help="change nothing at D-ID; talking works",
    )


def add_verbs(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add a command for each kind of resource."""
    for kind in KINDS:
        command = commands.add_parser(
            kind.name,
            help=kind.help,
            epilog=EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        listed = any(verb.name == "list" and not _needed(verb) for verb in kind.verbs)
        add_account(command)
        verbs = command.add_subparsers(dest="verb", metavar="VERB", required=not listed)
        for verb in kind.verbs:
            parser = _add(verbs, kind, verb)
            if listed and verb.name == "list":
                # Without a verb it is the list, whose options have their defaults.
                command.set_defaults(verb="list", **vars(parser.parse_args([])))
                command.add_argument("--json", action="store_true", help="the list as JSON")


def _needed(verb: Verb) -> list[str]:
    return [argument.name for argument in verb.arguments if not argument.name.startswith("-")]


def _add(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], kind: Kind, verb: Verb
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser
    parser = verbs.add_parser(verb.name, help=verb.help, description=f"{verb.help}.")
    for argument in verb.arguments:
        parser.add_argument(argument.name, help=argument.help or None, **argument.options)
    parser.add_argument("--json", action="store_true", help="the whole of it as JSON")
    add_account(parser)
    if verb.deletes:
        parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.set_defaults(module=kind.module)
    return parser


SHELLS = ("bash", "zsh", "fish")


def completion(parser: argparse.ArgumentParser, shell: str) -> str:
    """A script for a shell that completes commands, verbs and options."""
    words = {path: _words(found) for path, found in _parsers(parser, ())}
    if shell == "fish":
        return _fish(words)
    head = "autoload -U +X bashcompinit && bashcompinit\n" if shell == "zsh" else ""
    cases = "\n".join(
        f'        "{" ".join(path)}") words="{" ".join(found)}" ;;' for path, found in words.items()
    )
    return f"""{head}_did_tui() {{
    local path="" word words="" depth=0
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$word" in
            -*) ;;
            *) [ "$depth" -lt 2 ] && path="${{path:+$path }}$word" && depth=$((depth + 1)) ;;
        esac
    done
    case "$path" in
{cases}
    esac
    COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _did_tui did-tui
"""


def _fish(words: dict[tuple[str, ...], list[str]]) -> str:
    lines = ["complete -c did-tui -e"]
    for path, found in words.items():
        seen = " ".join(f"; and __fish_seen_subcommand_from {word}" for word in path)
        if path:
            where = f"true{seen}"
            if len(path) == 1:
                verbs = [word for word in found if not word.startswith("-")]
                if verbs:
                    where += f"; and not __fish_seen_subcommand_from {' '.join(verbs)}"
        else:
            where = "__fish_use_subcommand"
        lines.append(f"complete -c did-tui -n '{where}' -a '{' '.join(found)}'")
    return "\n".join(lines) + "\n"


def _parsers(
    parser: argparse.ArgumentParser, path: tuple[str, ...]
) -> list[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Every parser with the words that lead to it."""
    found = [(path, parser)]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                found += _parsers(child, (*path, name))
    return found


def _words(parser: argparse.ArgumentParser) -> list[str]:
    """What can be the next word: commands, choices and options."""
    words: list[str] = []
    for action in parser._actions:
        if action.option_strings:
            words.append(action.option_strings[-1])
        if action.choices:
            words += [str(choice) for choice in action.choices]
    return words
