"""Where there is no account yet: three ways in, and the place to sign in."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from textual import events, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from did_tui.api.credentials import Credentials
from did_tui.api.endpoints import DEFAULT_API_URL
from did_tui.api.errors import BadCredentials, DidError, NotSignedIn
from did_tui.config import BadSetting
from did_tui.configfile import is_name
from did_tui.keystore import has_keyring
from did_tui.ui.accounts import found_keys, tried
from did_tui.ui.keys import bindings
from did_tui.ui.screens.asking import Confirm
from did_tui.ui.screens.dialogs import Dialog
from did_tui.ui.text import literal, one_line

if TYPE_CHECKING:
    from did_tui.ui.app import DidTui

LEFT = 28  # columns of what a way is called
ENOUGH = 8  # letters of a key after which it is said what is wrong with it
LONGEST_PASTE = 8192  # letters: a curl command with all its headers


def has_demo() -> bool:
    """Whether the emulator's own libraries are installed."""
    return all(find_spec(name) is not None for name in ("starlette", "uvicorn"))


class Welcome(Screen[None]):
    """Three ways in; ``why`` says why there is no account."""

    app: DidTui
    BINDINGS = [*bindings("everywhere")]
    DEFAULT_CSS = """
    Welcome { align: center middle; }
    Welcome > Vertical { width: 76; max-width: 96%; height: auto; }
    Welcome #title { text-style: bold; color: $primary; }
    Welcome #why { color: $muted; margin: 0 0 1 0; }
    Welcome OptionList, Welcome OptionList:focus {
        height: auto; border: none; padding: 0; background: $background;
        background-tint: $background 0%;
    }
    Welcome OptionList > .option-list--option { padding: 0 1; }
    Welcome OptionList > .option-list--option-highlighted,
    Welcome OptionList:focus > .option-list--option-highlighted {
        color: $foreground; background: $primary 30%; text-style: none;
    }
    Welcome OptionList:nocolor > .option-list--option-highlighted,
    Welcome OptionList:nocolor:focus > .option-list--option-highlighted { text-style: reverse; }
    Welcome #terminal { color: $muted; margin: 1 0 0 0; }
    """

    def __init__(self, why: str) -> None:
        super().__init__()
        self._why = why
        self._ways = [("demo", "Look around first", _DEMO if has_demo() else _NO_DEMO)]
        self._ways.append(("sign in", "Sign in with an API key", _SIGN_IN))
        self._ways += [(name, f"Use ${name}", "found in your environment") for name in found_keys()]

    def compose(self) -> ComposeResult:
        """The ways, and what this terminal is."""
        with Vertical():
            yield Static("did-tui — talk to D-ID agents in your terminal", id="title")
            yield Static(literal(f"\n{self._why}"), id="why")
            yield OptionList(
                *(
                    Option(
                        Content.styled(f"{number}  ", "bold $primary")
                        + literal(f"{title:<{LEFT}}", "bold")
                        + literal(words, "$muted")
                    )
                    for number, (_, title, words) in enumerate(self._ways, 1)
                )
            )
            yield Static("", id="terminal")

    def on_resize(self, event: events.Resize) -> None:
        """Say what this terminal is."""
        shape, colours = self.app.shape_and_colours
        words = f"This terminal: {event.size.width}×{event.size.height}, "
        words += f"{'24-bit' if colours == 'true' else colours} colours, {shape} blocks"
        self.query_one("#terminal", Static).update(
            literal(f"{words}\n\nenter or its number chooses · {self.app.key('quit')} leaves")
        )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """That way."""
        self.action_way(self._ways[event.option_index][0])

    def on_key(self, event: events.Key) -> None:
        """A number chooses it."""
        if event.key.isdecimal() and 0 < int(event.key) <= len(self._ways):
            event.stop()
            self.action_way(self._ways[int(event.key) - 1][0])

    def action_way(self, way: str) -> None:
        """Go in; the app does it, since this screen ends with that."""
        if way == "demo" and not has_demo():
            self.notify(_NO_DEMO, severity="warning")
        elif way == "demo":
            self.notify("The built-in D-ID is starting…")
            self.app.run_worker(self.app.use_demo(), group="profiles", exclusive=True)
        elif way == "sign in":
            self.app.run_worker(
                sign_in(self.app, self.app.settings.profile), group="profiles", exclusive=True
            )
        else:
            self.app.run_worker(self.app.use_key(way), group="profiles", exclusive=True)


_DEMO = "a built-in pretend D-ID; nothing is sent"
_NO_DEMO = "needs: python3 -m pip install 'did-tui[demo]'"
_SIGN_IN = "from studio.d-id.com, Settings, API"


async def sign_in(app: DidTui, name: str = "") -> None:
    """Ask for a key, and go over to its profile."""
    file = app.profiles()
    if file is None:
        app.notify("There is no place to keep a key.", severity="warning")
        return
    if not name and not file.profiles:
        name = "default"
    signed_in = await app.push_screen_wait(SignIn(name, frozenset(file.profiles)))
    if signed_in:
        await app.use_profile(signed_in)


class KeyLine(Input):
    """A line for a key, which never shows it; what is pasted may have been broken over lines."""

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.insert_text_at_cursor(" ".join(event.text.split())[:LONGEST_PASTE])


class SignIn(Dialog[str | None]):
    """A key, tried before it is kept; the name of its profile, None for none."""

    app: DidTui
    DEFAULT_CSS = """
    SignIn .row { height: 1; }
    SignIn .label { width: 10; color: $muted; }
    SignIn .row.-here .label { color: $primary; text-style: bold; }
    SignIn Input, SignIn Input:focus {
        width: 1fr; height: 1; border: none; padding: 0; background: $surface;
    }
    SignIn #said { margin: 1 0; min-height: 3; }
    """
    title_text = "Sign in"
    hint_text = "tab next · enter try and keep · esc back"

    def __init__(self, name: str, taken: frozenset[str]) -> None:
        super().__init__()
        self._name, self._taken = name, taken

    def compose(self) -> ComposeResult:
        """Key, name and address, and what there is to say about them."""
        where = "the system's keyring" if has_keyring() else "a file that only you can read"
        lines = (
            ("Key", KeyLine(password=True, compact=True, id="key", placeholder="paste it here")),
            ("Name", Input(self._name, compact=True, id="name", placeholder="of the profile")),
            ("Address", Input("", compact=True, id="address", placeholder=DEFAULT_API_URL)),
        )
        with self.frame():
            yield Static(
                literal(
                    "Any form will do: user:password, base64 of it, a header, a curl command."
                    f" It is tried once, kept in {where}, and never shown.\n",
                    "$muted",
                )
            )
            for label, line in lines:
                with Horizontal(classes="row"):
                    yield Static(label, classes="label")
                    yield line
            yield Static("", id="said")

    def on_mount(self) -> None:
        """Begin with the key."""
        self.query_one("#key").focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Show which line it is."""
        for row in self.query(".row"):
            row.set_class(event.widget in row.children, "-here")

    def _text(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    def _say(self, text: str, style: str = "") -> None:
        self.query_one("#said", Static).update(literal(text, style))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what is wrong with the key as soon as there is something of it."""
        event.stop()
        text = self._text("key")
        if event.input.id != "key" or len(text) < ENOUGH:
            self._say("")
            return
        try:
            credentials = Credentials.parse(text)
        except BadCredentials as error:
            self._say(f"✗ {error}", "$error")
        else:
            self._say(f"This has the form of a key ({credentials.scheme}). Enter tries it.")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Try it."""
        event.stop()
        self._try()

    @work(exclusive=True, group="sign in")
    async def _try(self) -> None:
        name, address = self._text("name"), self._text("address").rstrip("/")
        try:
            credentials = Credentials.parse(self._text("key"))
        except BadCredentials as error:
            self._refuse("key", str(error))
            return
        if not is_name(name):
            self._refuse("name", "A profile needs a name: letters, digits and . _ - @")
            return
        if address and not address.startswith(("https://", "http://")):
            self._refuse("address", "An address begins with https://")
            return
        self._say("Trying the key…", "$warning")
        client = self.app.make_client(credentials, address or DEFAULT_API_URL)
        try:
            said = await tried(client)
        except DidError as error:
            self._refuse("key", f"{str(error).rstrip('.')}. {_advice(error)}")
            return
        finally:
            await client.close()
        if name in self._taken and not await self._replaced(name):
            self._refuse("name", "Choose another name.")
            return
        try:
            key = f"{credentials.scheme} {credentials.secret}"
            await self.app.sign_in(name, key, address)
        except (OSError, BadSetting) as error:
            self._refuse("key", f"The key works, and cannot be kept: {error}")
            return
        self.query_one("#key", Input).value = ""
        self.notify(said, title=name)
        self.dismiss(name)

    async def _replaced(self, name: str) -> bool:
        question = Confirm(
            f"Replace the key of “{one_line(name)}”?",
            "There is a profile of that name. The rest of it stays.",
            deed="Replace",
        )
        agreed = await self.app.push_screen_wait(question)
        return bool(agreed)

    def _refuse(self, where: str, why: str) -> None:
        self._say(f"✗ {why}", "$error")
        self.query_one(f"#{where}").focus()


def _advice(error: DidError) -> str:
    if isinstance(error, NotSignedIn):
        return "It may have been replaced or deleted: make a new one at studio.d-id.com."
    return error.advice
