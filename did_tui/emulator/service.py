"""What the emulated D-ID does, without HTTP: agents, chats, streams, rooms, answers."""

from __future__ import annotations

import asyncio
import io
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from did_tui.emulator.account import Account
from did_tui.emulator.audio import speech_at
from did_tui.emulator.bodies import AgentChange, NewAgent, check
from did_tui.emulator.brain import Brain
from did_tui.emulator.catalogue import Catalogue, place_of
from did_tui.emulator.characters import OWNER, Faces, character_of, characters, plant
from did_tui.emulator.chats import Chats
from did_tui.emulator.credentials import Caller
from did_tui.emulator.dispatch import LiveKit
from did_tui.emulator.exports import Exports
from did_tui.emulator.keys import ClientKeys
from did_tui.emulator.library import Library
from did_tui.emulator.limits import Limits
from did_tui.emulator.notifications import Notifications, address_of
from did_tui.emulator.refusal import Refusal, bad_request, not_found
from did_tui.emulator.rooms import Rooms
from did_tui.emulator.sessions import Session, Sessions
from did_tui.emulator.store import Store, timestamp
from did_tui.emulator.streams import LiveStream, Streams
from did_tui.emulator.voice import Voice
from did_tui.emulator.webhooks import Webhooks

#: What agents can be sorted by, and the field that has it; the empty ones are counted.
SORTABLE = {
    "created_at": "created",
    "modified_at": "modified",
    "created_by": "created_by",
    "chats": "",
    "score": "",
}
#: Fields of an agent that its runtime view has as they are (protocol 2.2).
_PASSED_ON = ("vision", "end_of_call_feedback")
MAKING_SECONDS = (0.5, 2.0)  # after which a talk agent is started, and done
LONGEST_SPEECH = 40_000  # characters (protocol 3.8)
SHORTEST_SPEECH = 3


class Service:
    """One account's D-ID.

    ``addresses`` are the local addresses for media, None for every one of them; a ``livekit``
    server has the rooms, if one is given.
    """

    def __init__(
        self,
        store: Store,
        brain: Brain,
        voice: Voice,
        *,
        addresses: Sequence[str] | None,
        seed: int | None = None,
        limits: Limits | None = None,
        livekit: LiveKit | None = None,
    ) -> None:
        self.store, self.brain, self.voice = store, brain, voice
        self.limits = limits or Limits()
        self.faces = Faces(seed or 0)
        self.notifications = Notifications()
        self.streams = Streams(
            self.faces, voice, self.notifications, self.limits, addresses=addresses, seed=seed
        )
        self.chats = Chats(store, brain, self.streams, self.notifications, self.limits)
        self.livekit = livekit
        self.sessions = Sessions(store, self.chats, self.limits, livekit)
        self.rooms = Rooms(
            store,
            self.faces,
            voice,
            self.chats,
            self.sessions,
            self.limits,
            addresses=addresses,
        )
        self.webhooks = Webhooks(store, self.limits)
        self.streams.on_end = self._ended
        self.rooms.on_end = self._room_ended
        self.library = Library(store, self.limits, self.webhooks)
        self.keys = ClientKeys(store)
        self.exports = Exports(store)
        self.catalogue = Catalogue(store, voice)
        self.account = Account(store, self.limits)
        if store.empty:
            plant(store)

    def start(self) -> None:
        """Begin what goes on in the background."""
        self.faces.start()
        self.library.resume()

    async def close(self) -> None:
        """End every stream and let go of everything."""
        self.faces.stop()
        self.library.close()
        self.chats.close()
        self.webhooks.close()
        await self.rooms.close_all()
        await self.streams.close_all()
        await self.brain.close()
        await self.voice.close()
        self.store.close()

    def _ended(self, stream: LiveStream) -> None:
        for chat_id in stream.chats:
            self.webhooks.chat_ended(chat_id)

    def _room_ended(self, session: Session) -> None:
        self.webhooks.chat_ended(session.chat_id)

    # Agents

    def agents(self, query: Mapping[str, str]) -> dict[str, Any]:
        """One page of ``GET /agents/me``."""
        start, limit = place_of(query, 100)
        agents = self._sorted_agents(query, start, limit + 1)
        page: dict[str, Any] = {"agents": [self._aged(agent) for agent in agents[:limit]]}
        return page | ({"token": str(start + limit)} if len(agents) > limit else {})

    def all_agents(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """``GET /agents``, which knows no pages."""
        return [self._aged(agent) for agent in self._sorted_agents(query)]

    def _sorted_agents(
        self, query: Mapping[str, str], start: int = 0, limit: int = -1
    ) -> list[dict[str, Any]]:
        sort_by, order = query.get("sort_by", "created_at"), query.get("order", "descending")
        if sort_by not in SORTABLE:
            raise bad_request(f"sort_by must be one of {', '.join(SORTABLE)}")
        if order not in ("ascending", "descending"):
            raise bad_request("order must be one of ascending, descending")
        descending, field = order == "descending", SORTABLE[sort_by]
        if field:
            return self.store.sorted(
                "agent", field, descending=descending, start=start, limit=limit
            )
        counts = self._counts(sort_by)
        agents = self.store.sorted("agent", "created", descending=descending)
        agents.sort(key=lambda agent: counts[agent["id"]], reverse=descending)
        return agents[start : start + limit] if limit >= 0 else agents

    def _counts(self, sort_by: str) -> Counter[str]:
        """How many chats each agent has, or the sum of its ratings."""
        if sort_by == "chats":
            return Counter(chat["agent_id"] for chat in self.store.all("chat"))
        counts: Counter[str] = Counter()
        for rating in self.store.all("rating"):
            counts[rating["agent_id"]] += rating["score"]
        return counts

    def agent(self, agent_id: str) -> dict[str, Any]:
        """The agent, or a refusal."""
        agent = self.store.get("agent", agent_id)
        if agent is None:
            raise not_found("Agent")
        return self._aged(agent)

    def create_agent(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """``POST /agents``: only ``presenter`` is required."""
        check(NewAgent, body)
        now = timestamp()
        agent = {
            **body,
            "id": self.store.new_id("agt_"),
            "owner_id": OWNER,
            "created_by": OWNER,
            "created": now,
            "modified": now,
            "status": "done",
            "access": "unlisted",
            "provider": "d-id-agents",
            "embed": bool(body.get("embed", False)),
            "metadata": {"plan": "emulator"},
        }
        if "knowledge" in body:
            agent["knowledge"] = {"provider": "pinecone", **body["knowledge"]}
        self.store.put("agent", agent)
        self._begin_making(agent)
        return self._aged(agent)

    def update_agent(self, agent_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """``PATCH /agents/{id}``: nested blocks are replaced whole (protocol 2.1)."""
        self.agent(agent_id)
        check(AgentChange, body)
        fixed = ("id", "owner_id", "created_by", "created", "status", "provider", "metadata")
        changes = {key: value for key, value in body.items() if key not in fixed}
        self.store.change("agent", agent_id, lambda agent: agent.update(changes))
        if "presenter" in changes:
            self._begin_making({"id": agent_id, **changes})
        return self.agent(agent_id)

    def delete_agent(self, agent_id: str) -> dict[str, Any]:
        """``DELETE /agents/{id}``: answers with what was deleted."""
        agent = self.agent(agent_id)
        for kind in ("agent", "character", "making"):
            self.store.delete(kind, agent_id)
        for key in self.keys.of_agent(agent_id):
            self.store.delete("client-key", key["client_key"])
        return agent

    def _begin_making(self, agent: Mapping[str, Any]) -> None:
        """A talk agent's idle video takes a moment (protocol 2.1); others are there at once."""
        if agent["presenter"]["type"] == "talk":
            self.store.put("making", {"id": agent["id"], "since": time.time()})
        else:
            self.store.delete("making", agent["id"])

    def _aged(self, agent: dict[str, Any]) -> dict[str, Any]:
        """The agent with the status that its age gives it."""
        making = self.store.get("making", agent["id"])
        if making is not None:
            age = time.time() - making["since"]
            started, done = MAKING_SECONDS
            agent["status"] = "created" if age < started else "started" if age < done else "done"
        return agent

    def runtime(self, agent_id: str) -> dict[str, Any]:
        """``GET /agents/{id}/runtime``: the minimised agent (protocol 2.2)."""
        agent = self.agent(agent_id)
        presenter = agent.get("presenter", {})
        language = (presenter.get("voice") or {}).get("language", "")
        view = {
            "id": agent["id"],
            "owner_id": agent["owner_id"],
            "name": agent.get("preview_name", ""),
            "avatar": {"type": presenter.get("type"), "voice": {"language": language}},
            "greetings": agent.get("greetings", []),
            "starter_message": agent.get("starter_message", []),
            "triggers_available": False,
            "advanced_settings": {"closed_captions_enabled": False},
        }
        view |= {name: agent[name] for name in _PASSED_ON if name in agent}
        if agent.get("knowledge"):
            view["knowledge"] = {"id": agent["knowledge"].get("id")}
        return view

    async def picture(self, agent_id: str) -> bytes:
        """A still picture of the agent, as PNG."""
        return await self.portrait(character_of(self.store, self.agent(agent_id)).look)

    async def portrait(self, look: str) -> bytes:
        """A still picture of a face, as PNG."""
        if look not in characters():
            raise not_found("Look")

        def draw() -> bytes:
            out = io.BytesIO()
            self.faces.get(look).still().save(out, "PNG")
            return out.getvalue()

        return await asyncio.to_thread(draw)

    async def idle_video(self, agent_id: str) -> bytes:
        """What the agent does while it is not talking, as an MP4 that can be looped."""
        character = character_of(self.store, self.agent(agent_id))
        return await asyncio.to_thread(self.faces.idle, character.look)

    def document(self, document_id: str, base: str) -> str:
        """The text of a document, as Markdown."""
        for document in self.store.all("document"):
            if document["id"].endswith(f"#{document_id}"):
                parts = [f"# {document['title']}"]
                parts += [
                    f"## {record['title']}\n{record['data']}"
                    for record in self.store.all("record", document_id)
                ]
                return "\n\n".join(parts).replace("emulator://", base) + "\n"
        raise not_found("Document")

    # Streams

    async def open_stream(
        self, agent_id: str, body: Mapping[str, Any], caller: Caller
    ) -> dict[str, Any]:
        """``POST /agents/{id}/streams``."""
        agent = self.agent(agent_id)
        if agent["status"] not in ("done", "ready"):
            raise Refusal(409, "NotReadyError", "the agent is in process, try again later")
        mode = body.get("compatibility_mode", "auto")
        if mode not in ("on", "off", "auto"):
            raise bad_request("compatibility_mode must be one of on, off, auto")
        character = character_of(self.store, agent)
        return await self.streams.open(agent, character, body, address_of(caller))

    async def accept(self, stream: LiveStream, body: Mapping[str, Any]) -> None:
        """``POST …/sdp``."""
        answer = body.get("answer")
        sdp = answer.get("sdp") if isinstance(answer, Mapping) else answer
        if not isinstance(sdp, str) or not sdp:
            raise bad_request("answer must be an SDP answer")
        try:
            await stream.peer.accept(sdp)
        except Exception as error:  # aiortc raises every kind for a damaged SDP
            raise bad_request(f"answer cannot be read: {error}") from error

    async def add_candidate(self, stream: LiveStream, body: Mapping[str, Any]) -> None:
        """``POST …/ice``: the end of candidates is ``candidate: null`` or no candidate at all."""
        candidate = body.get("candidate")
        if isinstance(candidate, Mapping):
            body, candidate = candidate, candidate.get("candidate")
        try:
            await stream.peer.add_candidate(body if candidate else None)
        except ValueError as error:
            raise bad_request(str(error)) from error

    async def speak(self, stream: LiveStream, body: Mapping[str, Any]) -> dict[str, Any]:
        """``POST …/streams/{stream}``: say a text as it stands, or the sound at an address."""
        if self.limits.broke:
            raise Refusal(402, "InsufficientCreditsError", "not enough credits")
        self.streams.check_pending(stream)
        answer: dict[str, Any] = {"status": "started", "session_id": stream.session_id}
        match body.get("script"):
            case {"type": "text", **script}:
                text = script.get("input")
                if not isinstance(text, str) or not SHORTEST_SPEECH <= len(text) <= LONGEST_SPEECH:
                    size = f"{SHORTEST_SPEECH} to {LONGEST_SPEECH}"
                    raise bad_request(f"script.input must have {size} characters")
                answer["video_id"] = self.streams.say(stream, text, ssml=bool(script.get("ssml")))
            case {"type": "audio", **script}:
                speech = await speech_at(script.get("audio_url"))
                answer["video_id"] = self.streams.play(stream, speech, str(script["audio_url"]))
                answer["duration"] = round(speech.duration, 2)
            case _:
                raise bad_request("script must be of type text or audio")
        self.limits.spend()
        return answer

    # The account

    def credits(self) -> dict[str, Any]:
        """``GET /credits``."""
        left = self.limits.credits
        remaining = 1_000_000 if left is None else left
        now = timestamp()
        entry = {
            "owner_id": OWNER,
            "created_at": now,
            "modified_at": now,
            "remaining": remaining,
            "total": max(remaining, 1),
            "expire_at": "2099-01-01T00:00:00.000Z",
            "plan_group": "emulator",
        }
        return {"credits": [entry], "remaining": remaining, "total": entry["total"]}
