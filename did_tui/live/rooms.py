"""A V2 session: a LiveKit room in which an expressive agent is met (protocol 5).

D-ID names the room and gives a token for it. What is said goes out as text streams, what the agent
does comes in as data packets (``roomwire``); there is no DELETE, a session ends when it is left.
A connection that is lost is taken up again by the SDK; where that fails, the next line enters the
same room, and a new one if no agent is there.
"""

from __future__ import annotations

import asyncio
import math
import os
import platform
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av

from did_tui.api.client import Client
from did_tui.api.errors import DidError, Unreachable
from did_tui.api.inventory import Session
from did_tui.api.models import ChatResponse
from did_tui.api.modes import Mode
from did_tui.live import roomsdk, roomwire
from did_tui.live.echo import EchoCanceller
from did_tui.live.events import (
    Event,
    Resuming,
    SessionEnded,
    StepBegun,
    StepDone,
    StreamGranted,
)
from did_tui.live.media.microphone import Microphone
from did_tui.live.roommedia import Reception, Voice
from did_tui.live.tools import ToolBox, ToolFailed
from did_tui.live.transcript import Message

if TYPE_CHECKING:
    from livekit import rtc

SIGNAL_SECONDS = 5.0  # of one attempt to reach the room server
JOIN_SECONDS = 15.0
AGENT_SECONDS = 20.0  # in which an agent comes into a new room (protocol 5.2)
BACK_SECONDS = 5.0  # in which it comes back, or is in a room that is entered again
SEND_SECONDS = 10.0
LAST_SECONDS = 2.0  # from the agent's last word to the end of the room
HANG_UP_SECONDS = 2.0
STATS_SECONDS = 1.0
LONGEST_CHAT = 1999  # characters: D-ID wants fewer than 2000
TOOL_ERROR = 1500  # LiveKit's APPLICATION_ERROR
LONGEST_ERROR = 256  # bytes of it (protocol 5.5)

_SYSTEMS = {"Darwin": "Mac OS X", "Windows": "Windows", "Linux": "Linux"}


class NoWayIn(DidError):
    """A room could not be entered; another one may do."""

    def __init__(self, reason: str, advice: str = "Check the network.") -> None:
        super().__init__(reason)
        self.advice = advice


class NoRoomServer(NoWayIn):
    """What D-ID named is no room, or its server is not LiveKit: trying again does not help."""


class RoomLost(Unreachable):
    """Nothing can be said in a room that is not connected."""


@dataclass(slots=True)
class Kept:
    """What outlives a line: the session that may be entered again, and the user's language.

    The language is D-ID's name or code for what is to be listened for; empty: the agent's own.
    """

    session: Session | None = None
    language: str = ""


class Room:
    """One stay in a room, from the session that is asked for to leaving it.

    ``emit`` gets events, ``see`` pictures and ``hear`` sound with their positions; ``hear`` is
    called in a thread of its own, the others in the event loop. ``named`` gets the id of the chat,
    ``echo`` who takes the agent's voice out of the microphone's, while there is somebody. ``tools``
    are what the agent may call.
    """

    def __init__(
        self,
        client: Client,
        agent_id: str,
        connection: str,
        emit: Callable[[Event], None],
        kept: Kept,
        *,
        see: Callable[[av.VideoFrame, float], None],
        hear: Callable[[bytes, float], None],
        named: Callable[[str], None],
        microphone: Microphone | None = None,
        echo: Callable[[EchoCanceller | None], None] = lambda _echo: None,
        tools: ToolBox | None = None,
        persist: bool = False,
        relay_only: bool = False,
    ) -> None:
        self.takes_voice: bool | None = None
        self._client, self._agent_id, self._connection = client, agent_id, connection
        self._emit_event, self._kept, self._named = emit, kept, named
        self._microphone, self._tools, self._echo = microphone, tools, echo
        self._persist, self._relay_only = persist, relay_only
        self._reception = Reception(see, hear)
        self._sdk: Any = None
        self._room: rtc.Room | None = None
        self._session: Session | None = None
        self._joining: asyncio.Future[None] | None = None
        self._agent = asyncio.Event()
        self._absence: asyncio.TimerHandle | None = None
        self._last: SessionEnded | None = None  # what the agent said will follow
        self._over = self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending: asyncio.Future[None] | None = None
        self._counted = (0, 0)
        self._received = 0

    # Coming in

    async def open(self, options: Mapping[str, Any]) -> None:  # noqa: ARG002 (those of streams)
        """Have a room, enter it and wait for the agent; events tell when it is connected.

        Raises ``DidError``. Whatever happens, ``close`` must be called.
        """
        self._emit(StepBegun("stream"))
        # Before a session is asked for, which costs something: without a library it is in vain.
        self._sdk = await asyncio.to_thread(roomsdk.load)
        kept, self._kept.session = self._kept.session, None
        if kept is not None:
            try:
                await self._enter(kept, BACK_SECONDS, anew=False)
            except NoWayIn:
                await self._leave()
            else:
                return
        session = await self._client.create_session(
            self._agent_id, chat_persist=self._persist, connection=self._connection
        )
        await self._enter(session, AGENT_SECONDS, anew=True)

    async def _enter(self, session: Session, patience: float, *, anew: bool) -> None:
        """Enter the room of a session, in which an agent is to be soon; raises ``NoWayIn``."""
        address = roomwire.room_url(session.session_url)
        if not address or not session.session_token:
            raise NoRoomServer("D-ID named no room for this session.", "Please report this.")
        self._session, sdk = session, self._sdk
        self._emit(StepDone("stream"))
        self._emit(StepDone("chat"))
        self._named(f"cht_{session.id}")
        granted = StreamGranted(
            fluent=True,
            interruptible=session.interrupt_enabled,
            warmup=False,
            timeout=math.inf,  # D-ID does not say how long it waits
            room=True,
            anew=anew,
        )
        self._emit(granted)
        self._emit(StepBegun("network"))
        self._room = room = sdk.Room()
        self._listen_to(room)
        # Shielded: a room that was entered must be known to close(), which leaves it.
        self._joining = asyncio.ensure_future(
            room.connect(address, session.session_token, self._options())
        )
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                await asyncio.shield(self._joining)
        except sdk.ConnectError as error:
            raise _no_way_in(error.message) from None  # its text may hold the token
        except TimeoutError:
            raise NoWayIn("The room does not answer.") from None
        self._emit(StepDone("network"))
        self._emit(StepBegun("channel"))
        self._move_in(room)
        try:
            async with asyncio.timeout(patience):
                await self._agent.wait()
        except TimeoutError:
            raise NoWayIn(
                f"No agent came into the room for {patience:.0f} s.",
                "Connect again in a moment.",
            ) from None
        self._kept.session = session
        if self._kept.language:  # what was said to the session before this one is not known here
            self._spawn(self._listen_again(self._kept.language))
        self._emit(StepDone("channel"))
        self._emit(StepBegun("picture"))

    def _options(self) -> rtc.RoomOptions:
        sdk = self._sdk
        options: rtc.RoomOptions = sdk.RoomOptions(dynacast=True, connect_timeout=SIGNAL_SECONDS)
        if self._relay_only:
            relay = sdk.IceTransportType.TRANSPORT_RELAY
            options.rtc_config = sdk.RtcConfiguration(ice_transport_type=relay)
        return options

    def _listen_to(self, room: rtc.Room) -> None:
        """Hear what happens in a room; what an earlier one still says is of no interest."""
        loop = asyncio.get_running_loop()

        def on(name: Any, act: Callable[..., None]) -> None:
            def happened(*parts: Any) -> None:
                if room is self._room and not self._closing:
                    act(*parts)

            # Not called by the SDK, which would keep to itself what goes wrong there.
            room.on(name, lambda *parts: loop.call_soon(happened, *parts))

        on("data_received", lambda packet: self._heard(packet.topic or "", packet.data))
        on("participant_connected", lambda _who: self._somebody_came())
        on("participant_disconnected", lambda _who: self._somebody_left(room))
        on("track_subscribed", lambda track, _what, _who: self._take(track))
        on("track_unsubscribed", lambda track, _what, _who: self._drop(track))
        on("reconnecting", lambda: self._emit(Resuming(on=True)))
        on("reconnected", lambda: self._emit(Resuming(on=False)))
        on("disconnected", self._put_out)

    def _move_in(self, room: rtc.Room) -> None:
        """What D-ID's own clients do when they are in."""
        here = room.local_participant
        for name in self._tools.names if self._tools is not None else ():
            here.register_rpc_method(name, self._run_tool)
        self._spawn(here.set_attributes({"timezone": zone(), "device": device()}))
        self.takes_voice = here.permissions.can_publish
        if self._microphone is not None and self.takes_voice:
            self._echo(EchoCanceller(self._sdk))
            self._spawn(self._send_voice(Voice(self._microphone), room))
        if room.remote_participants:
            self._somebody_came()

    async def _send_voice(self, voice: Voice, room: rtc.Room) -> None:
        try:
            await voice.run(self._sdk, room)
        except self._sdk.participant.PublishTrackError:
            self.takes_voice = False
            self._emit(StepDone("channel"))  # whoever looks turns the microphone off, and says so

    def _emit(self, event: Event) -> None:
        if not self._closing:
            self._emit_event(event)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # What happens in it

    def _heard(self, topic: str, data: bytes) -> None:
        event = roomwire.from_packet(topic, data)
        if isinstance(event, SessionEnded):
            self._last = self._last or event
            asyncio.get_running_loop().call_later(LAST_SECONDS, self._end, event)
        elif event is not None:
            self._emit(event)

    def _somebody_came(self) -> None:
        self._agent.set()
        if self._absence is not None:
            self._absence.cancel()
            self._absence = None

    def _somebody_left(self, room: rtc.Room) -> None:
        """Whoever it was: D-ID's rooms have one agent. After a resumption it may be a rumour."""
        if room.remote_participants or self._absence is not None:
            return
        wait = LAST_SECONDS if self._last is not None else BACK_SECONDS
        loop = asyncio.get_running_loop()
        self._absence = loop.call_later(wait, self._end, SessionEnded("network", "the agent left"))

    def _put_out(self, reason: int) -> None:
        names = {number: name for name, number in self._sdk.DisconnectReason.items()}
        event = roomwire.ended_by(names.get(reason, "UNKNOWN_REASON"))
        if event is not None:
            self._end(event)

    def _end(self, event: SessionEnded) -> None:
        """The session is over, by the reason that the agent gave, if it gave one."""
        if self._over or self._closing:
            return
        self._over = True
        if self._last is not None or event.said == "the agent left" or event.reason == "service":
            self._kept.session = None
        self._emit(self._last or event)

    def _take(self, track: rtc.Track) -> None:
        self._reception.take(self._sdk, track, track.kind == self._sdk.TrackKind.KIND_VIDEO)
        self._somebody_came()

    def _drop(self, track: rtc.Track | None) -> None:
        if track is not None:
            self._reception.drop(track.sid)

    async def _run_tool(self, call: rtc.RpcInvocationData) -> str:
        tools = self._tools or ToolBox(())
        try:
            return await tools.run(call.method, call.payload, call.request_id, self._emit)
        except ToolFailed as error:
            said = str(error).encode()[:LONGEST_ERROR].decode(errors="ignore")
            raise self._sdk.RpcError(TOOL_ERROR, said) from None

    # Saying something

    @property
    def granted(self) -> bool:
        """Whether there is an agent that could say something."""
        return self._agent.is_set()

    async def ask(
        self,
        chat_id: str,  # noqa: ARG002 (a room has one chat, which knows what was said)
        said: Sequence[Message],
        mode: Mode,  # noqa: ARG002
        *,
        voiced: bool,  # noqa: ARG002
    ) -> ChatResponse:
        """Say the last of these messages; the answer comes as data packets."""
        await self._send(roomwire.CHAT, said[-1].text[:LONGEST_CHAT])
        return ChatResponse()

    async def speak(self, script: Mapping[str, Any]) -> None:
        """Have the agent say a script, after what it is saying."""
        session = self._session
        chat = f"cht_{session.id}" if session is not None else ""
        await self._send(roomwire.SPEAK, roomwire.speak(script, self._agent_id, chat))

    async def set_language(self, name: str) -> None:
        """Have the agent listen for a language; raises ``RoomLost``."""
        await self._send(roomwire.LANGUAGE, roomwire.language(name))

    async def _listen_again(self, name: str) -> None:
        with suppress(RoomLost):  # the next line says it
            await self.set_language(name)

    async def present(self, message: Mapping[str, Any]) -> None:
        """Steer the presentation that the agent shows; raises ``RoomLost``."""
        await self._send(roomwire.PRESENTATION, roomwire.presentation(message))

    def interrupt(self, video_id: str) -> None:  # noqa: ARG002 (there is only one utterance)
        """Stop what is being said."""
        self._spawn(self._interrupt())

    async def _interrupt(self) -> None:
        with suppress(RoomLost):  # then nothing is being said any more
            await self._send(roomwire.INTERRUPT, "")

    async def _send(self, topic: str, text: str) -> None:
        room = self._room
        if room is None or not room.isconnected():
            raise RoomLost("The room is not connected.")
        try:
            async with asyncio.timeout(SEND_SECONDS):
                # Not compressed: nobody knows whether D-ID's agents read that.
                await room.local_participant.send_text(text, topic=topic, compress=False)
        except (self._sdk.StreamError, TimeoutError) as error:
            raise RoomLost("The room did not take what was said.") from error

    async def packets(self) -> int:
        """A number that grows as long as pictures or packets come."""
        pictures, grown = self._counted
        if self._reception.pictures != pictures:
            self._counted = self._reception.pictures, grown + 1
        elif await self._anything_comes():
            self._counted = pictures, grown + 1
        return self._counted[1]

    async def _anything_comes(self) -> bool:
        room = self._room
        if room is None or self._closing or not room.isconnected():
            return False
        try:
            async with asyncio.timeout(STATS_SECONDS):
                stats = await room.get_rtc_stats()
        except (TimeoutError, RuntimeError):
            return False
        parts = [*stats.publisher_stats, *stats.subscriber_stats]
        found = sum(
            part.inbound_rtp.received.packets_received
            for part in parts
            if part.WhichOneof("stats") == "inbound_rtp"
        )
        before, self._received = self._received, found
        return found != before

    # Leaving

    async def close(self) -> None:
        """Leave the room; takes two seconds at most, never raises."""
        if self._ending is None:
            self._closing = True
            self._ending = asyncio.ensure_future(self._leave())
        await asyncio.shield(self._ending)

    async def _leave(self) -> None:
        if self._absence is not None:
            self._absence.cancel()
            self._absence = None
        self._echo(None)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, self._reception.close(), return_exceptions=True)
        room, joining = self._room, self._joining
        self._room = self._joining = None
        self._agent.clear()
        if room is not None and joining is not None:
            # Not cancelled when it takes longer: what is half left would stay half entered.
            leaving = asyncio.create_task(_left(room, joining))
            _LEAVING.add(leaving)
            leaving.add_done_callback(_LEAVING.discard)
            await asyncio.wait([leaving], timeout=HANG_UP_SECONDS)


_LEAVING: set[asyncio.Task[None]] = set()


async def _left(room: rtc.Room, joining: asyncio.Future[None]) -> None:
    await asyncio.wait([joining])
    if not joining.cancelled() and joining.exception() is None:
        await room.disconnect()
        roomsdk.forget(room)


def _no_way_in(said: str) -> NoWayIn:
    """LiveKit's words for a connection that failed as what a user can do about it."""
    reason, advice = roomwire.refusal(said)
    kind = NoRoomServer if reason == roomwire.NO_SERVER else NoWayIn
    return kind(reason, advice)


def device() -> str:
    """What D-ID's clients say about the machine."""
    return f"{_SYSTEMS.get(platform.system(), 'Unknown')}, Desktop"


def zone(env: Mapping[str, str] = os.environ, link: Path = Path("/etc/localtime")) -> str:
    """The name of the machine's time zone in IANA's list, as far as it can be told."""
    named = env.get("TZ", "").removeprefix(":")
    if "/" in named and not named.startswith("/"):
        return named
    _, found, name = str(link.resolve()).partition("zoneinfo/")
    return name if found else "UTC"
