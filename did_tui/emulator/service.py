"""What the emulated D-ID does, without HTTP: agents, chats, streams, answers."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping, Sequence
from typing import Any

from did_tui.emulator.audio import speech_at
from did_tui.emulator.brain import Brain
from did_tui.emulator.characters import OWNER, Faces, character_of, plant
from did_tui.emulator.chats import Chats
from did_tui.emulator.credentials import Caller
from did_tui.emulator.limits import Limits
from did_tui.emulator.notifications import Notifications, address_of
from did_tui.emulator.refusal import Refusal, bad_request, not_found
from did_tui.emulator.store import Store, timestamp
from did_tui.emulator.streams import LiveStream, Streams
from did_tui.emulator.voice import Voice

SORTABLE = {"created_at": "created", "modified_at": "modified", "created_by": "created_by"}
LONGEST_SPEECH = 40_000  # characters (protocol 3.8)
SHORTEST_SPEECH = 3


class Service:
    """One account's D-ID.

    ``addresses`` are the local addresses for media, None for every one of them.
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
    ) -> None:
        self.store, self.brain, self.voice = store, brain, voice
        self.limits = limits or Limits()
        self.faces = Faces(seed or 0)
        self.notifications = Notifications()
        self.streams = Streams(
            self.faces, voice, self.notifications, self.limits, addresses=addresses, seed=seed
        )
        self.chats = Chats(store, brain, self.streams, self.notifications, self.limits)
        if store.empty:
            plant(store)

    async def close(self) -> None:
        """End every stream and let go of everything."""
        self.faces.stop()
        self.chats.close()
        await self.streams.close_all()
        await self.brain.close()
        await self.voice.close()
        self.store.close()

    # Agents

    def agents(self, query: Mapping[str, str]) -> dict[str, Any]:
        """One page of ``GET /agents/me``."""
        field = SORTABLE.get(query.get("sort_by", "created_at"), "created")
        agents = self.store.all("agent")
        descending = query.get("order", "descending") == "descending"
        agents.sort(key=lambda agent: str(agent.get(field, "")), reverse=descending)
        try:
            start, limit = int(query.get("token", 0)), int(query.get("limit", 100))
        except ValueError:
            raise bad_request("limit and token must be numbers") from None
        if start < 0 or not 1 <= limit <= 1000:
            raise bad_request("limit must be between 1 and 1000")
        page: dict[str, Any] = {"agents": agents[start : start + limit]}
        if start + limit < len(agents):
            page["token"] = str(start + limit)
        return page

    def agent(self, agent_id: str) -> dict[str, Any]:
        """The agent, or a refusal."""
        agent = self.store.get("agent", agent_id)
        if agent is None:
            raise not_found("Agent")
        return agent

    def create_agent(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """``POST /agents``: only ``presenter`` is required."""
        _check_agent(body, required=("presenter",))
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
        self.store.put("agent", agent)
        return agent

    def update_agent(self, agent_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """``PATCH /agents/{id}``: nested blocks are replaced whole (protocol 2.1)."""
        self.agent(agent_id)
        _check_agent(body)
        fixed = ("id", "owner_id", "created_by", "created", "status", "provider")
        changes = {key: value for key, value in body.items() if key not in fixed}
        changed = self.store.change("agent", agent_id, lambda agent: agent.update(changes))
        return changed if changed is not None else self.agent(agent_id)

    def delete_agent(self, agent_id: str) -> dict[str, Any]:
        """``DELETE /agents/{id}``: answers with what was deleted."""
        agent = self.agent(agent_id)
        self.store.delete("agent", agent_id)
        self.store.delete("character", agent_id)
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
        if agent.get("knowledge"):
            view["knowledge"] = {"id": agent["knowledge"].get("id")}
        return view

    async def picture(self, agent_id: str) -> bytes:
        """A still picture of the agent, as PNG."""
        character = character_of(self.store, self.agent(agent_id))

        def draw() -> bytes:
            out = io.BytesIO()
            self.faces.get(character.look).still().save(out, "PNG")
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


#: The fields of an agent that are more than text, and what they are.
_AGENT_FIELDS: dict[str, type] = {
    "presenter": dict,
    "llm": dict,
    "knowledge": dict,
    "greetings": list,
    "starter_message": list,
    "triggers": dict,
    "embed": bool,
}


def _check_agent(body: Mapping[str, Any], required: Sequence[str] = ()) -> None:
    """Refuse what would make the agent unreadable."""
    for field in required:
        if field not in body:
            raise bad_request(f"{field} is required")
    for field, kind in _AGENT_FIELDS.items():
        if field in body and not isinstance(body[field], kind):
            raise bad_request(f"{field} must be of type {kind.__name__}")
    presenter = body.get("presenter")
    if presenter is not None:
        if presenter.get("type") not in ("talk", "clip", "expressive"):
            raise bad_request("presenter.type must be one of talk, clip, expressive")
        if not isinstance(presenter.get("voice", {}), dict):
            raise bad_request("presenter.voice must be of type dict")
