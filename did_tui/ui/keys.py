"""Every key of the program, in one table: bindings, footer, help and README come from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from textual.binding import ActiveBinding, Binding


@dataclass(frozen=True, slots=True)
class Key:
    """An action and the keys that run it.

    ``place`` is where it works; ``shown`` whether the footer names it there.
    """

    id: str
    keys: str
    action: str
    label: str
    help: str
    place: str
    shown: bool = True
    priority: bool = False


NOTHING: Mapping[str, str] = MappingProxyType({})

#: Keys that are numbers: widgets read them as they come.
DIGITS = "1,2,3,4,5,6,7,8,9"


def _chat(id: str, keys: str, label: str, help: str, *, shown: bool = False) -> Key:  # noqa: A002
    """A key that works wherever the focus is; its action has its id's name."""
    return Key(id, keys, id.replace("-", "_"), label, help, "chat", shown, True)


def _prompt(id: str, keys: str, label: str, help: str, *, shown: bool = False) -> Key:  # noqa: A002
    """A key of the text box."""
    return Key(id, keys, id.replace("-", "_"), label, help, "prompt", shown)


def _talk(id: str, keys: str, label: str, help: str, *, shown: bool = False) -> Key:  # noqa: A002
    """A key that works while the conversation has the focus; the screen acts."""
    action = id.removesuffix("-here").replace("-", "_")
    return Key(id, keys, f"screen.{action}", label, help, "conversation", shown)


def _list(id: str, keys: str, label: str, help: str, *, shown: bool = False) -> Key:  # noqa: A002
    """A key of the lists."""
    return Key(id, keys, id.replace("-", "_"), label, help, "list", shown)


#: Where the digits lead.
PLACES = ("Agents", "Sessions", "Knowledge", "Chats", "Diagnostics", "Account")

KEYS: tuple[Key, ...] = (
    Key(
        "quit", "ctrl+q", "quit", "quit", "Close what is open and leave", "everywhere", False, True
    ),
    *(
        Key(
            f"place-{number}",
            str(number),
            f"app.place({number})",
            name,
            f"Go to {name}",
            "places",
            False,
        )
        for number, name in enumerate(PLACES, 1)
    ),
    Key(
        "settings",
        "comma",
        "app.settings",
        "settings",
        "Every setting, its value and where that comes from",
        "places",
        False,
    ),
    Key(
        "profiles",
        "p",
        "app.profiles",
        "profile",
        "Another account: switch, sign in, try, remove",
        "places",
        False,
    ),
    Key(
        "diagnostics",
        "L",
        "app.diagnostics",
        "diagnostics",
        "Log, network, WebRTC and terminal, over this place",
        "places",
        False,
    ),
    Key(
        "next-theme",
        "T",
        "app.next_theme",
        "theme",
        "The next theme: dark, light, high contrast, the terminal's own",
        "places",
        False,
    ),
    Key(
        "last-place", "minus", "app.last_place", "last", "Go where you were before", "places", False
    ),
    Key(
        "palette",
        "colon",
        "app.palette",
        "go",
        "Go to or do anything (also ctrl+p)",
        "places",
        False,
    ),
    _list("open-row", "enter", "open", "What is in it, or everything about it", shown=True),
    _list("chat", "c", "chat", "Talk with the agent face to face; go on with a chat", shown=True),
    _list("new-row", "n", "new", "Make one", shown=True),
    _list(
        "edit-row",
        "e",
        "edit",
        "Change it in a form; the diff is shown first",
        shown=True,
    ),
    _list("write-row", "E,f4", "JSON", "Change it as JSON in $VISUAL or $EDITOR"),
    _list("clone-row", "C", "clone", "Make another one like it"),
    _list("undo-edit", "u", "undo", "Take the last edit back, for 15 minutes"),
    _list("query", "f", "find", "Ask it: what an agent would find, with scores", shown=True),
    _list("fetch", "o", "fetch", "Fetch the export and unpack it", shown=True),
    _list("listen", "l", "listen", "Hear the voice", shown=True),
    _list("detail", "d", "detail", "Everything about it"),
    _list("json", "v", "json", "The object as D-ID sent it"),
    _list(
        "inside-row",
        "i",
        "inside",
        "What belongs to it: client keys, sessions, exports, drivers",
        shown=True,
    ),
    _list("also", "a", "more", "What else can be done with it", shown=True),
    _list("delete-row", "X,delete", "delete", "Delete it, or all that are marked", shown=True),
    _list("filter", "slash", "filter", "Show only rows that have these words", shown=True),
    _list("sort", "s", "sort", "By the next column"),
    _list("reverse", "S", "reverse", "The last one first"),
    _list("mark", "space", "mark", "Mark a row: copy and delete act on all that are marked"),
    _list("mark-range", "ctrl+@", "range", "Mark from the last mark to here"),
    _list("copy-id", "y", "copy", "Copy the id, or the ids of all that are marked"),
    _list("copy-menu", "Y", "copy …", "Copy the name, the JSON or a curl command"),
    _list("wide", "w", "wide", "The preview, or more columns"),
    _list("refresh-list", "r", "refresh", "Load the list again"),
    _list("back", "escape", "back", "Clear the filter and the marks, then one place back"),
    _list("leave", "q", "leave", "One place back; from a first list, leave did-tui"),
    _list("help-list", "question_mark,f1", "help", "These keys", shown=True),
    Key("change-setting", "enter,e", "change", "change", "Give it another value", "settings"),
    Key(
        "unset-setting",
        "X,delete",
        "unset",
        "default",
        "Take it out of config.toml",
        "settings",
    ),
    Key("edit-settings", "E,f4", "edit_file", "file", "config.toml in your editor", "settings"),
    Key("rebind-keys", "K", "rebind_keys", "keys", "Every key, and another one for it", "settings"),
    Key("leave-settings", "escape,q", "leave", "back", "Where you were before", "settings"),
    Key("help-settings", "question_mark,f1", "help_settings", "help", "These keys", "settings"),
    Key("rebind", "enter,e", "rebind", "press", "Press another key for it", "rebinding"),
    Key("unbind", "X,delete", "unbind", "default", "Its own key again", "rebinding"),
    Key("leave-rebinding", "escape,q", "leave_rebinding", "back", "To the settings", "rebinding"),
    Key("help-rebinding", "question_mark,f1", "help_rebinding", "help", "These keys", "rebinding"),
    Key("tab-earlier", "left_square_bracket", "tab(-1)", "tab", "The tab before", "diagnostics"),
    Key("tab-later", "right_square_bracket", "tab(1)", "tab", "The tab after", "diagnostics"),
    Key("copy-tab", "y", "copy_tab", "copy", "Copy what is shown", "diagnostics"),
    Key(
        "copy-support",
        "Y",
        "copy_support",
        "report",
        "Copy and keep a report without secrets, for whoever is to help",
        "diagnostics",
    ),
    Key("narrow", "slash", "narrow", "filter", "Only lines that have these words", "diagnostics"),
    Key("lines-on", "j,down", "scroll_lines(1)", "down", "Scroll on", "diagnostics", False),
    Key("lines-back", "k,up", "scroll_lines(-1)", "up", "Scroll back", "diagnostics", False),
    Key(
        "leave-diagnostics",
        "escape,q",
        "leave_diagnostics",
        "back",
        "Forget the filter, then where you were before",
        "diagnostics",
    ),
    Key(
        "help-diagnostics",
        "question_mark,f1",
        "help_diagnostics",
        "help",
        "These keys",
        "diagnostics",
    ),
    Key("save", "f2", "save", "save", "Save; a diff is shown before it is sent", "form"),
    Key("go-to-field", "f3", "go_to_field", "go to", "Find a field by its name", "form"),
    Key("edit-field", "f4", "edit_field", "editor", "Write the field in your own editor", "form"),
    Key("try-field", "f6", "try_field", "try", "Try it: hear the voice, call the webhook", "form"),
    Key("restore-field", "ctrl+r", "restore_field", "restore", "The field as it was", "form"),
    Key(
        "leave-form",
        "escape",
        "leave_form",
        "leave",
        "Leave; asks if something was typed",
        "form",
    ),
    Key("help-form", "f1", "help_form", "help", "These keys", "form"),
    Key("found-on", "down,pagedown", "scroll_found(3)", "on", "Scroll on", "query", False),
    Key("found-back", "up,pageup", "scroll_found(-3)", "back", "Scroll back", "query", False),
    Key("leave-query", "escape", "leave_query", "back", "Back to the list", "query"),
    Key("tab-before", "left_square_bracket", "tab(-1)", "tab", "The tab before", "detail"),
    Key("tab-after", "right_square_bracket", "tab(1)", "tab", "The tab after", "detail"),
    Key("chat-here", "c", "chat", "chat", "Talk with the agent face to face", "detail"),
    Key("edit-here", "e", "edit_here", "edit", "Change it in a form", "detail"),
    Key(
        "write-here", "E,f4", "write_here", "JSON", "Change it in your own editor", "detail", False
    ),
    Key("find", "slash", "find", "find", "Find words in the text", "detail"),
    Key("find-next", "n", "hit(1)", "next", "The next place with the words", "detail", False),
    Key("find-before", "N", "hit(-1)", "before", "The place before", "detail", False),
    Key("copy-text", "y", "copy_text", "copy", "Copy the id, or the JSON if it is shown", "detail"),
    Key("scroll-on", "j,down", "scroll(1)", "down", "Scroll on", "detail", False),
    Key("scroll-back", "k,up", "scroll(-1)", "up", "Scroll back", "detail", False),
    Key("leave-detail", "escape,q", "leave_detail", "back", "Back to the list", "detail"),
    Key("help-detail", "question_mark,f1", "help_detail", "help", "These keys", "detail"),
    _chat(
        "interrupt",
        "ctrl+c",
        "interrupt",
        "Copy a selection, or stop the agent's speech",
        shown=True,
    ),
    _chat("again", "f2", "connect", "Connect again after it has ended", shown=True),
    _chat(
        "text-only", "f9", "text only", "Where credits are gone: connect without video", shown=True
    ),
    _chat(
        "copy-report",
        "ctrl+r",
        "copy report",
        "Where D-ID's offer cannot be read: copy it, to report it",
        shown=True,
    ),
    _prompt("send", "enter", "send", "Send the message", shown=True),
    _prompt("newline", "shift+enter,ctrl+j,alt+enter", "new line", "Begin a new line"),
    _prompt("editor", "f4", "editor", "Write the message in $VISUAL or $EDITOR"),
    _prompt("earlier", "up", "earlier", "On the first line: what was sent before"),
    _prompt("later", "down", "later", "On the last line: what was sent after that"),
    _prompt("page-up", "pageup", "back", "Scroll the conversation back"),
    _prompt("page-down", "pagedown", "on", "Scroll the conversation on"),
    _prompt("starter", DIGITS, "starter", "While it is empty: send a starter message"),
    _talk("write", "i,tab,shift+tab", "write", "Back to the prompt", shown=True),
    _talk("open", "enter", "open", "The passage that the answer rests on; else back to the prompt"),
    _talk("previous", "k,up", "previous", "Choose the message before"),
    _talk("next", "j,down", "next", "Choose the message after"),
    _talk("copy", "y", "copy", "Copy the message", shown=True),
    _talk("rate", "R", "rate", "Rate the answer: good or bad", shown=True),
    _talk("cite", DIGITS, "passage", "The passage with this number"),
    _talk("louder", "plus,equals_sign", "louder", "Louder"),
    _talk("quieter", "minus", "quieter", "Quieter"),
    _talk("mute-here", "m", "mute", "Sound off, or on again", shown=True),
    _talk("device", "a", "sound", "Choose where the sound goes", shown=True),
    _talk("address", "w", "address", "How to hear it in a browser at home, once more"),
    _talk("stats", "s", "stats", "Figures of picture and sound, live", shown=True),
    _talk("diagnose", "L", "diagnostics", "Log, network, WebRTC and terminal, over this"),
    _talk("hide", "h", "hide", "Hide the picture, or show it again"),
    _talk("fill", "f", "full", "The picture over all of it, or beside the words"),
    _talk("freeze", "b", "freeze", "Stop the picture, or let it go on; the sound goes on"),
    _talk("export", "e", "export", "Keep the transcript in a file"),
    _talk("end-chat", "x", "end", "Close the stream and go back"),
    _talk("help-here", "question_mark", "help", "These keys"),
    _chat("shape", "f5", "picture", "Draw the picture with other blocks"),
    _chat(
        "layout",
        "f6",
        "layout",
        "Picture beside the words, over all, in the corner, or off",
        shown=True,
    ),
    _chat(
        "captions",
        "f7",
        "captions",
        "Captions under the face; there from the start where there is no sound",
        shown=True,
    ),
    _chat("mute", "f8", "mute", "Sound off, or on again", shown=True),
    _chat("microphone", "ctrl+t", "microphone", "Speak, or stop speaking; or why that cannot be"),
    _chat(
        "leave-chat",
        "escape",
        "commands",
        "From the prompt to the conversation; from there, close the stream and go back",
        shown=True,
    ),
    _chat("help", "f1", "help", "These keys", shown=True),
    Key("leave-player", "escape,q", "app.quit", "quit", "Stop and leave", "player"),
    Key("shape-player", "f5", "shape", "picture", "Draw with other blocks", "player"),
    Key("pause", "space", "pause", "pause", "Stop and go on", "player"),
    Key("hush", "ctrl+c", "hush", "hush", "Stop the agent's speech", "booth", False, True),
    Key("goodbye", "escape", "goodbye", "goodbye", "Say goodbye, for the next one", "visit", False),
)

_PLACES = {key.id: number for number, key in enumerate(KEYS)}

#: What is printed on keys that Textual calls otherwise.
SIGNS = {
    "escape": "esc",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "question_mark": "?",
    "slash": "/",
    "comma": ",",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "colon": ":",
    "ctrl+@": "ctrl+space",
    "pageup": "pgup",
    "pagedown": "pgdn",
}


def sign_of(name: str) -> str:
    """What is printed on a key, and on those that are held down with it."""
    held, plus, last = name.rpartition("+")
    return SIGNS.get(name) or f"{held}{plus}{SIGNS.get(last, last)}"


def names(key: Key, keymap: Mapping[str, str] = NOTHING) -> list[str]:
    """What is printed on the keys; ``keymap`` has those that the user has changed."""
    if key.keys == DIGITS:
        return ["1…9"]
    return [sign_of(name) for name in keymap.get(key.id, key.keys).split(",")]


_BY_ID = {key.id: key for key in KEYS}
_NAMED = re.compile(r"\{([a-z0-9-]+)\}")


def key_of(action: str, keymap: Mapping[str, str] = NOTHING) -> str:
    """What is printed on the key that runs an action now; the first one where it has several.

    ``action`` is its id. ``KeyError`` where there is none of that id.
    """
    return names(_BY_ID[action], keymap)[0]


def told(sentence: str, keymap: Mapping[str, str] = NOTHING) -> str:
    """A sentence of this program's in which the key of an action stands for its ``{id}``."""
    return _NAMED.sub(
        lambda found: key_of(found[1], keymap) if found[1] in _BY_ID else found[0], sentence
    )


def keys_of(action: str, keymap: Mapping[str, str] = NOTHING) -> list[str]:
    """The keys that run an action now, as Textual calls them."""
    return keymap.get(action, _BY_ID[action].keys).split(",")


def bindings(place: str) -> list[Binding]:
    """The bindings of a place, for a Textual screen or widget."""
    return [
        Binding(
            key.keys,
            key.action,
            key.label,
            show=key.shown,
            priority=key.priority,
            id=key.id,
            tooltip=key.help,
        )
        for key in KEYS
        if key.place == place and key.keys != DIGITS
    ]


def in_order(active: dict[str, ActiveBinding]) -> dict[str, ActiveBinding]:
    """Active bindings as the table has them, for the footer; what is in no table comes last."""
    last = len(KEYS)
    found = sorted(active.items(), key=lambda item: _PLACES.get(item[1].binding.id or "", last))
    return dict(found)


def as_markdown() -> str:
    """The table of all keys, for the README."""
    rows = ["| where | key | does | in `[keys]` |", "|---|---|---|---|"]
    for key in KEYS:
        shown = " or ".join(f"`{name}`" for name in names(key))
        own = "" if key.keys == DIGITS else f"`{key.id}`"
        rows.append(f"| {key.place} | {shown} | {key.help} | {own} |")
    return "\n".join(rows)
