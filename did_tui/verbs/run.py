"""Runs one verb: ``did-tui agents list``.

Standard output is data, standard error is talk. The exit codes are:

    0  done
    1  D-ID refused or failed, or what was asked for did not come about
    2  the command line, the key or an input file cannot be used; nothing was confirmed
    3  no such thing
    4  D-ID refused the key, or the key may not do that
    5  no answer
    6  the profile is read-only, and this would change something; nothing was sent
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import os
import sys

from did_tui.api.errors import (
    BadCredentials,
    DidError,
    Forbidden,
    NotSignedIn,
    ReadOnly,
    Unreachable,
)
from did_tui.api.operations import OPERATIONS
from did_tui.api.readonly import is_allowed
from did_tui.config import NoKey, Settings
from did_tui.text import plain
from did_tui.verbs.desk import NOT_FOUND, Desk, Refused, Undone
from did_tui.verbs.output import Output, written

DONE, FAILED, UNUSABLE, NOT_THERE, NOT_ALLOWED, NO_ANSWER, READ_ONLY = range(7)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Do what ``options`` say; the exit code."""
    try:
        output = asyncio.run(_done(options, settings))
        sys.stdout.write(written(output, as_json=options.json))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has seen enough; nothing more is written at the end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (Refused, NoKey) as refused:
        return _say(str(refused), UNUSABLE)
    except Undone as undone:
        return _say(str(undone), FAILED)
    except DidError as error:
        return _say(f"{error}\n{error.advice}".strip(), exit_code(error))
    except KeyboardInterrupt:
        return 130
    return DONE


def exit_code(error: DidError) -> int:
    """The exit code that an error of D-ID's has."""
    for kinds, code in (
        (BadCredentials, UNUSABLE),
        (NOT_FOUND, NOT_THERE),
        ((NotSignedIn, Forbidden), NOT_ALLOWED),
        (Unreachable, NO_ANSWER),
        (ReadOnly, READ_ONLY),
    ):
        if isinstance(error, kinds):
            return code
    return FAILED


async def _done(options: argparse.Namespace, settings: Settings) -> Output:
    if settings.read_only and changes_something(options.command, options.verb):
        raise ReadOnly  # before anything is asked or an editor is opened
    client = settings.client()
    try:
        module = importlib.import_module(f"did_tui.verbs.{options.module}")
        verb = getattr(module, f"{options.command}_{options.verb}".replace("-", "_"))
        output: Output = await verb(Desk(client, options))
        return output
    finally:
        await client.close()


def changes_something(command: str, verb: str) -> bool:
    """Whether a verb is nothing but a request that a read-only profile may not make."""
    asked = [one for one in OPERATIONS if one.command == f"{command} {verb}"]
    return any(not is_allowed(one.method, one.path) for one in asked)


def _say(text: str, code: int) -> int:
    for line in plain(text).splitlines():
        print(f"did-tui: {line}", file=sys.stderr)
    return code
