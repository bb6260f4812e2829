"""What can be said on the command line, as data: kinds of resource and their verbs.

Nothing here loads the client, so that ``--help`` and completion are quick. ``agents list`` is done
by the function ``agents_list`` of the module that its kind names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a verb, as argparse takes it."""

    name: str
    help: str = ""
    options: dict[str, Any] = field(default_factory=dict)


def arg(name: str, help: str = "", **options: Any) -> Argument:  # noqa: A002 (as argparse has it)
    """An argument of a verb."""
    return Argument(name, help, options)


@dataclass(frozen=True, slots=True)
class Verb:
    """Something that can be done with a kind of resource; ``deletes`` is asked about first."""

    name: str
    help: str
    arguments: tuple[Argument, ...] = ()
    deletes: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource; ``module`` is the one of ``did_tui.verbs`` that does its verbs."""

    name: str
    module: str
    help: str
    verbs: tuple[Verb, ...]


AGENT = arg("agent", "its id, or its name", metavar="AGENT")
KNOWLEDGE = arg("knowledge", "its id, or its name", metavar="KNOWLEDGE")
DOCUMENT = arg("document", "its id, or the part after the #", metavar="DOCUMENT")
FILE = arg("file", "a JSON file, - for standard input", metavar="FILE")
ID = arg("id", metavar="ID")
IDS = arg("id", metavar="ID", nargs="+")
KEY = arg("key", "the client key", metavar="KEY")
DOMAINS = arg(
    "--domain",
    "an origin that may use it, as https://example.com; can be given again",
    action="append",
    required=True,
    metavar="ORIGIN",
)
SAVE = arg("-o", "write it here", dest="output", metavar="FILE")

KINDS: tuple[Kind, ...] = (
    Kind(
        "agents",
        "agents",
        "agents: list, show, create, apply, edit, delete",
        (
            Verb(
                "list",
                "all agents",
                (
                    arg(
                        "--sort",
                        "default: modified_at",
                        choices=("created_at", "modified_at", "chats", "score", "created_by"),
                        default="modified_at",
                    ),
                    arg("--ascending", "the smallest first", action="store_true"),
                    arg("--limit", "no more than N", type=int, metavar="N"),
                    arg("--bare", "ask GET /agents, without pages", action="store_true"),
                ),
            ),
            Verb("show", "one agent as JSON", (AGENT,)),
            Verb("runtime", "what a client sees of it, as JSON", (AGENT,)),
            Verb("create", "a new agent from a file", (FILE,)),
            Verb(
                "apply",
                "create the agent of a file, or change the one of the same name",
                (
                    FILE,
                    arg("--id", "change this one, whatever it is called", metavar="ID"),
                    arg("--dry-run", "only show what would change", action="store_true"),
                ),
            ),
            Verb("export", "the agent as a file that fits git", (AGENT, SAVE)),
            Verb("edit", "the agent as JSON in $EDITOR", (AGENT,)),
            Verb(
                "delete",
                "agents",
                (arg("agent", "ids or names", metavar="AGENT", nargs="+"),),
                True,
            ),
            Verb(
                "test-webhook",
                "have D-ID call an address as at the end of a chat",
                (
                    arg("url", metavar="URL"),
                    arg("--header", "can be given again", action="append", metavar="NAME=VALUE"),
                    arg("--secret", "the id of a secret", metavar="ID"),
                ),
            ),
        ),
    ),
    Kind(
        "knowledge",
        "knowledge",
        "knowledge bases: list, show, create, edit, delete, query",
        (
            Verb("list", "all knowledge bases"),
            Verb("show", "one of them as JSON", (KNOWLEDGE,)),
            Verb(
                "create",
                "a new one",
                (arg("name", metavar="NAME"), arg("description", metavar="DESCRIPTION")),
            ),
            Verb("edit", "its texts", (KNOWLEDGE, arg("--name"), arg("--description"))),
            Verb("delete", "a knowledge base and its documents", (KNOWLEDGE,), True),
            Verb("query", "what an agent would find", (KNOWLEDGE, arg("text", metavar="TEXT"))),
        ),
    ),
    Kind(
        "documents",
        "knowledge",
        "documents of a knowledge base: list, show, create, delete, records",
        (
            Verb("list", "its documents", (KNOWLEDGE,)),
            Verb("show", "one of them as JSON", (KNOWLEDGE, DOCUMENT)),
            Verb(
                "create",
                "add what is at an address",
                (
                    KNOWLEDGE,
                    arg(
                        "source",
                        "an address that D-ID can fetch; the emulator takes files of this machine",
                        metavar="SOURCE",
                    ),
                    arg("--title", "default: the end of the address"),
                    arg(
                        "--type",
                        "default: what the address looks like",
                        choices=("text", "pdf", "powerpoint"),
                    ),
                    arg("--webhook", "an address that is told when it is done", metavar="URL"),
                    arg("--wait", "follow it until it is indexed", action="store_true"),
                ),
            ),
            Verb("delete", "a document", (KNOWLEDGE, DOCUMENT), True),
            Verb("records", "its passages as they were indexed", (KNOWLEDGE, DOCUMENT)),
        ),
    ),
    Kind(
        "chats",
        "chats",
        "chats of an agent: say, export, delete",
        (
            Verb(
                "say",
                "ask an agent in a chat of its own, and print the answer",
                (
                    AGENT,
                    arg("text", metavar="TEXT"),
                    arg("--persist", "D-ID keeps the chat", action="store_true"),
                ),
            ),
            Verb(
                "export",
                "have D-ID make a zip of chats, wait for it and fetch it",
                (
                    AGENT,
                    SAVE,
                    arg("--from", "an ISO time", dest="start", metavar="TIME"),
                    arg("--to", "an ISO time", dest="end", metavar="TIME"),
                    arg("--all", "those too that are not kept", action="store_true"),
                ),
            ),
            Verb("show-export", "the state of an export", (ID,)),
            Verb("delete-export", "an export", (ID,), True),
            Verb("delete", "all chats of an agent", (AGENT,), True),
        ),
    ),
    Kind(
        "sessions",
        "chats",
        "sessions of an agent: list, show, create",
        (
            Verb("list", "the sessions of an agent", (AGENT,)),
            Verb("show", "one of them as JSON", (AGENT, arg("session", metavar="SESSION"))),
            Verb(
                "create",
                "a room for an expressive agent",
                (
                    AGENT,
                    arg("--persist", "D-ID keeps the chat", action="store_true"),
                    arg("--verbose", "D-ID tells more", action="store_true"),
                ),
            ),
            Verb(
                "join",
                "have the avatar come into your own room; its token is read from standard input",
                (
                    AGENT,
                    arg("server", "the address of the LiveKit server", metavar="URL"),
                    arg("room", metavar="ROOM"),
                    arg("--sample-rate", type=int, choices=(16000, 24000, 48000), default=24000),
                ),
            ),
            Verb("speech-token", "a token for speech recognition", (AGENT,)),
        ),
    ),
    Kind(
        "keys",
        "keys",
        "client keys of an agent: list, create, edit, delete",
        (
            Verb("list", "its client keys", (AGENT,)),
            Verb("create", "a new one", (AGENT, DOMAINS, arg("--name"))),
            Verb(
                "edit",
                "who may use it, and its name",
                (
                    AGENT,
                    KEY,
                    arg("--domain", "instead of those it has", action="append", metavar="ORIGIN"),
                    arg("--name"),
                ),
            ),
            Verb("delete", "a client key", (AGENT, KEY), True),
            Verb("show-account", "the account's own (deprecated)"),
            Verb("create-account", "the account's own (deprecated)", (DOMAINS,)),
            Verb("edit-account", "the account's own (deprecated)", (DOMAINS,)),
        ),
    ),
    Kind(
        "presenters",
        "catalogue",
        "faces for agents of type clip: list, show, edit, delete, drivers",
        (
            Verb("list", "all presenters"),
            Verb("show", "one of them as JSON", (ID,)),
            Verb("edit", "some of its fields", (ID, FILE)),
            Verb("delete", "one of your own", (ID,), True),
            Verb("drivers", "the ways in which it moves", (ID,)),
        ),
    ),
    Kind(
        "avatars",
        "catalogue",
        "expressive avatars: list, show; scene avatars: scenes, create, delete",
        (
            Verb("list", "expressive avatars"),
            Verb("show", "one of them as JSON", (ID,)),
            Verb("scenes", "scene avatars, which were trained from a video"),
            Verb("show-scene", "one of them as JSON", (ID,)),
            Verb("create", "a scene avatar from a file", (FILE,)),
            Verb("delete", "a scene avatar", (ID,), True),
        ),
    ),
    Kind(
        "voices",
        "catalogue",
        "voices: list, clone, delete",
        (
            Verb(
                "list",
                "all voices",
                (
                    arg("--provider", metavar="NAME"),
                    arg("--language", "as English or en-US", metavar="NAME"),
                    arg("--id", "only this one", metavar="ID"),
                ),
            ),
            Verb(
                "clone",
                "make a voice from a recording",
                (
                    arg("name", metavar="NAME"),
                    arg("language", metavar="LANGUAGE"),
                    arg("source", "a sound file, or its address", metavar="SOURCE"),
                ),
            ),
            Verb("delete", "one of your own", (ID,), True),
        ),
    ),
    Kind(
        "files",
        "catalogue",
        "pictures and recordings at D-ID: upload, faces, delete",
        (
            Verb("upload", "a picture or a recording", (arg("file", metavar="FILE"),)),
            Verb("faces", "where the faces of a picture are", (arg("url", metavar="URL"),)),
            Verb("delete-image", "a picture", (ID,), True),
            Verb("delete-audio", "a recording", (ID,), True),
        ),
    ),
    Kind(
        "secrets",
        "account",
        "what D-ID keeps for webhooks and models: list, show, create, edit, delete",
        (
            Verb("list", "all secrets, never in clear text"),
            Verb("show", "one of them as JSON", (ID,)),
            Verb("create", "a new one from a file", (FILE,)),
            Verb("edit", "some of its fields", (ID, FILE)),
            Verb("delete", "a secret", (ID,), True),
        ),
    ),
    Kind(
        "account",
        "account",
        "the account: credits, settings, logo",
        (
            Verb("credits", "what is left"),
            Verb("settings", "its settings as JSON"),
            Verb("edit-settings", "some of them", (FILE,)),
            Verb("logo", "where it is"),
            Verb(
                "upload-logo",
                "a picture for the corner",
                (
                    arg("file", metavar="FILE"),
                    arg("--top", type=int, default=0, metavar="N"),
                    arg("--left", type=int, default=0, metavar="N"),
                ),
            ),
            Verb("delete-logo", "the logo", (), True),
        ),
    ),
)


def kind_of(name: str) -> Kind:
    """The kind of that name."""
    return next(kind for kind in KINDS if kind.name == name)


def verb_of(kind: Kind, name: str) -> Verb:
    """The verb of that name."""
    return next(verb for verb in kind.verbs if verb.name == name)
