"""Who asks D-ID: the account that is used, and how one goes over to another."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from did_tui import configfile, keystore, pauses
from did_tui.api.endpoints import DEFAULT_API_URL
from did_tui.api.errors import DidError, Forbidden, NotFound
from did_tui.config import BadSetting, NoKey, Settings, log_directory, notifications_of
from did_tui.live.roomsdk import settle
from did_tui.ui.base import TerminalApp
from did_tui.ui.kinds import number
from did_tui.ui.stderr import kept_off_the_screen

if TYPE_CHECKING:
    from did_tui.api.client import Client
    from did_tui.api.credentials import Credentials
    from did_tui.demo import Emulator

OpenClient = Callable[[], Awaitable["Client"]]
#: Settings as they are now with the profile of a name, or with that of the environment.
Load = Callable[[str], Settings]

#: Variables that hold a key of D-ID in other programs, too.
VARIABLES = ("DID_API_KEY", "D_ID_API_KEY", "DID_KEY", "DID_API_TOKEN")

#: What keeps an account from being used; each says why in a sentence.
TROUBLE = (DidError, NoKey, BadSetting, OSError)


class AccountApp(TerminalApp[None]):
    """An app with a connection to D-ID, which can be exchanged for another account's.

    ``config`` is the directory of config.toml, None where there is none; ``load`` reads it again.
    """

    def __init__(
        self,
        settings: Settings,
        open_client: OpenClient,
        *,
        place: str = "",
        config: Path | None = None,
        load: Load | None = None,
        **options: Any,
    ) -> None:
        super().__init__(settings.look, **options)
        self.settings = settings
        self.copies = settings.copies
        self.rebind(settings.keys)
        self.place = place or settings.place
        self.config = config
        self.load = load
        self._open_client = open_client
        self._client: asyncio.Future[Client] | None = None
        self._emulator: Emulator | None = None

    async def run_and_close(self) -> None:
        """Run, and leave nothing open behind, however it ended."""
        with kept_off_the_screen(log_directory()), pauses.short():
            try:
                await self.run_async()
            finally:
                await self.hang_up()
                await asyncio.to_thread(settle)

    async def hang_up(self) -> None:
        """Close every connection that is still open; for every way out."""
        if self._client is not None and self._client.done() and not self._client.exception():
            await self._client.result().close()

    def tell_clashes(self) -> None:
        """Say which keys are not what config.toml wants, and why."""
        if self.clashes:
            self.notify("\n".join(self.clashes), title="Keys", severity="warning", timeout=15)

    @property
    def mark(self) -> str:
        """What must not be overlooked about the account, in words."""
        production = "PRODUCTION" if self.settings.production else ""
        return " ".join(filter(None, (production, "read-only" if self.read_only else "")))

    @property
    def read_only(self) -> bool:
        """Whether nothing is to be changed at D-ID."""
        return self.settings.read_only

    @property
    def place_in_words(self) -> str:
        """Which D-ID this is, for the corner of the screen."""
        if self.settings.profile:
            return "online" if self.settings.endpoint == "D-ID" else self.settings.endpoint
        return "online" if self.place == "D-ID" else self.place

    @property
    def secret(self) -> str:
        """The key in use, to be struck out of what is written down."""
        client = self._client
        known = client is not None and client.done() and not client.cancelled()
        if client is None or not known or client.exception():
            return ""
        return client.result().credentials.secret

    async def client(self) -> Client:
        """The connection to D-ID, made when it is first needed; raises ``DidError``."""
        if self._client is None or (self._client.done() and self._client.exception()):
            self._client = asyncio.ensure_future(self._connect())
        return await asyncio.shield(self._client)

    async def _connect(self) -> Client:
        client = await self._open_client()
        self.connected(client)
        return client

    def connected(self, client: Client) -> None:
        """A connection was made."""

    # Another account

    def is_free(self) -> bool:
        """Whether nothing is open that an account's end would take away; says so if there is."""
        return True

    async def begin_anew(self) -> None:
        """Forget what belongs to the account from before, and show the first list."""

    async def use_profile(self, name: str) -> bool:
        """Go over to a profile, or with no name to the environment's account; whether that was."""
        if self.load is None or not self.is_free():
            return False
        try:
            settings = self.load(name)
            client = await asyncio.to_thread(settings.client)  # a command may have the key
        except TROUBLE as error:
            self.notify(str(error), title="Not switched", severity="error")
            return False
        await self.use(settings, client, settings.place)
        return True

    async def use_key(self, variable: str) -> bool:
        """Use what a variable of the environment holds, for now."""
        if not self.is_free():
            return False
        try:
            own = os.environ.get("DID_API_URL") if variable == "DID_API_KEY" else ""
            url = own or DEFAULT_API_URL
            settings = self.settings.elsewhere(url, notifications_of(url), os.environ[variable])
            client = settings.client()
        except TROUBLE as error:
            self.notify(str(error), title=f"${variable}", severity="error")
            return False
        await self.use(settings, client, settings.place)
        return True

    async def use_demo(self) -> bool:
        """Go over to the built-in emulator."""
        from did_tui.demo import Emulator

        if not self.is_free():
            return False
        try:
            if self._emulator is None:
                log = log_directory() / "emulator.log"
                self._emulator = await asyncio.to_thread(Emulator, (), log)
                self._demo_url = await self._emulator.url()
            url = self._demo_url
            settings = self.settings.elsewhere(url, url.replace("http", "ws", 1), "demo:emulator")
            client = settings.client()
        except TROUBLE as error:
            self.notify(str(error), title="The demo", severity="error")
            return False
        await self.use(settings, client, "demo")
        return True

    async def use(self, settings: Settings, client: Client, place: str) -> None:
        """Go over to an account; the old connection is closed when nothing needs it any more."""
        old = self._client
        await self.streams_closed()
        self.apply(settings)
        self.place = place

        async def open_client() -> Client:
            return client

        self._open_client = open_client
        self._client = asyncio.ensure_future(self._connect())
        await self.begin_anew()
        if old is not None and old.done() and not old.exception():
            await old.result().close()

    async def streams_closed(self) -> None:
        """Wait for what is still being closed."""

    def apply(self, settings: Settings) -> None:
        """Other settings from now on; what cannot change while the app runs stays."""
        self.settings = settings
        self.look = settings.look
        self.copies = settings.copies
        self.rebind(settings.keys)
        self.wear()
        if self._client is not None and self._client.done() and not self._client.exception():
            self._client.result().read_only = settings.read_only

    def end_demo(self) -> None:
        """Take the emulator down, where one was started."""
        if self._emulator is not None:
            self._emulator.__exit__(None, None, None)
            self._emulator = None

    def read_settings(self) -> None:
        """Take over what config.toml says now; who asks whom stays. Raises ``BadSetting``."""
        if self.load is None:
            return
        now, own = self.load(self.settings.profile), self.settings
        self.apply(
            replace(
                now,
                api_url=own.api_url,
                ws_url=own.ws_url,
                key=own.key,
                profile=own.profile,
                key_place=own.key_place,
                read_only=now.read_only if own.profile == now.profile else own.read_only,
                production=now.production and own.profile == now.profile,
            )
        )

    def make_client(self, credentials: Credentials, api_url: str) -> Client:
        """A client of its own for a key that is tried."""
        from did_tui.api.client import Client

        return Client(credentials, api_url, notifications_of(api_url))

    # What config.toml knows

    def profiles(self) -> configfile.ConfigFile | None:
        """The file as it is now; None where there is none or it cannot be used, which is said."""
        if self.config is None:
            return None
        try:
            return configfile.read(self.config)
        except BadSetting as error:
            self.notify(str(error), title="config.toml", severity="error")
            return None

    async def sign_in(self, name: str, key: str, api_url: str) -> None:
        """Keep a key that works, as a profile; the first one is used by itself.

        Raises ``OSError`` or ``BadSetting``.
        """
        assert self.config is not None  # noqa: S101 (who signs in has a place for it)
        directory = self.config
        place = await asyncio.to_thread(keystore.keep, key, name, directory)
        content = {"api_url": api_url, **configfile.key_lines(place, directory)}
        file = configfile.change(directory, configfile.put_profile(name, content))
        if len(file.profiles) == 1:
            configfile.change(directory, configfile.make_default(name))


def found_keys() -> list[str]:
    """The variables of the environment that hold something like a key."""
    return [name for name in VARIABLES if os.environ.get(name, "").strip()]


async def tried(client: Client) -> str:
    """Ask D-ID one harmless thing; a sentence on what the key can do. Raises ``DidError``."""
    try:
        found = await client.credits()
    except NotFound:
        return "The key works; this account never had credits."
    except Forbidden:
        if client.credentials.scheme == "Client-Key":
            return "This is a client key: it talks with its own agents, and does nothing else."
        await client.agent_page(limit=1)
        return "The key works, and may not see the credits."
    return f"The key works: {number(found.remaining)} credits are left."
