"""Chats, answers, ratings and feedback of the emulated D-ID (protocol 2.3 and 4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from did_tui.emulator.brain import Brain, Turn
from did_tui.emulator.credentials import Caller
from did_tui.emulator.limits import Limits
from did_tui.emulator.markdown import spoken
from did_tui.emulator.notifications import Notifications, address_of
from did_tui.emulator.refusal import bad_request, not_found
from did_tui.emulator.store import Store, timestamp
from did_tui.emulator.streams import LiveStream, Streams

TEXT_MODES = ("TextOnly", "Playground")
LONGEST_TRANSCRIPT = 1000  # messages of a chat that are kept
MODES = ("Functional", *TEXT_MODES, "Maintenance", "DirectPlayback", "Off")


class Chats:
    """The chats of one account."""

    def __init__(
        self,
        store: Store,
        brain: Brain,
        streams: Streams,
        notifications: Notifications,
        limits: Limits,
    ) -> None:
        self._store, self._brain, self._streams = store, brain, streams
        self._notifications, self._limits = notifications, limits
        self._turns: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Stop answering."""
        for task in self._turns:
            task.cancel()

    def create(
        self,
        agent: Mapping[str, Any],
        body: Mapping[str, Any],
        caller: Caller,
        *,
        playground: bool,
        chat_id: str = "",
    ) -> dict[str, Any]:
        """``POST /agents/{id}/chat``; that of a session has its id from there."""
        now = timestamp()
        mode = self._limits.chat_mode
        chat = {
            "id": chat_id or self._store.new_id("cht_"),
            "agent_id": agent["id"],
            "owner_id": agent["owner_id"],
            "created": now,
            "modified": now,
            "agent_id__created_at": f"{agent['id']}#{now}",
            "agent_id__modified_at": f"{agent['id']}#{now}",
            "chat_mode": "Playground" if playground and mode == "Functional" else mode,
            "external_id": caller.external_id,
            "persist_messages": bool(body.get("persist", False)),
            "plan": "emulator",
            "messages": [],
        }
        self._store.put("chat", chat, parent=agent["id"])
        return chat

    def find(self, agent_id: str, chat_id: str) -> dict[str, Any]:
        """The chat, or a refusal."""
        chat = self._store.get("chat", chat_id)
        if chat is None or chat["agent_id"] != agent_id:
            raise not_found("Chat")
        return chat

    def delete_all(self, agent_id: str) -> list[dict[str, Any]]:
        """``DELETE /agents/{id}/chats``: answers with what was deleted."""
        chats = self._store.all("chat", agent_id)
        for chat in chats:
            self._store.delete("chat", chat["id"])
        return chats

    # Messages

    async def send(
        self,
        agent: Mapping[str, Any],
        chat_id: str,
        body: Mapping[str, Any],
        caller: Caller,
        *,
        playground: bool,
        base: str,
    ) -> dict[str, Any]:
        """``POST /agents/{id}/chat/{chat}``.

        With a stream the text follows on the notifications socket and the data channel, and
        ``result`` is empty; without one, in a text mode or without credits, it is in ``result``
        (protocol 4.2). ``base`` is this emulator's own address, for what the answer links to.
        """
        self.find(agent["id"], chat_id)
        messages = _checked_messages(body.get("messages"))
        self._keep(chat_id, messages)
        mode = "Playground" if playground else body.get("chatMode") or "Functional"
        if mode not in MODES:
            raise bad_request(f"chatMode must be one of {', '.join(MODES)}")
        if mode not in ("Functional", *TEXT_MODES):
            raise bad_request(f"no messages can be sent in mode {mode}")
        stream = None
        if body.get("streamId"):
            stream = self._streams.find(agent["id"], str(body["streamId"]), body.get("sessionId"))
            self._streams.check_pending(stream)
            stream.touch()
            stream.chats.add(chat_id)
        turn = self._turn(agent, messages, base)
        response = self._citations(turn)
        if self._limits.broke:
            mode = "TextOnly"  # with a 200: out of credits (protocol 4.2)
        if stream is None or mode in TEXT_MODES:
            pieces = [piece async for piece in self._brain.answer(turn)]
            text = "".join(pieces).strip()
            answer = {"role": "assistant", "content": text, "created_at": timestamp()}
            self._keep(chat_id, [*messages, answer])
            return response | {"chatMode": mode, "result": text}
        self._limits.spend()
        self._start(turn, stream, address_of(caller), chat_id)
        return response | {"chatMode": mode, "result": ""}

    def hear(self, agent: Mapping[str, Any], stream: LiveStream, text: str, base: str) -> None:
        """Have the agent hear a text as if the user had said it aloud, and answer."""
        event = {
            "event": "transcribe",
            "content": text,
            "role": "user",
            "id": self._store.new_id("msg_"),
            "created_at": timestamp(),
        }
        self._notifications.send(stream.connection, event)
        stream.touch()
        turn = self._turn(agent, [{"role": "user", "content": text}], base)
        self._start(turn, stream, stream.connection)

    async def think(
        self,
        agent: Mapping[str, Any],
        chat_id: str,
        text: str,
        head: Mapping[str, Any],
        *,
        said: str | None = None,
        base: str,
    ) -> AsyncGenerator[str | dict[str, Any]]:
        """The pieces of an answer for a room, then the whole: content, documents, matches.

        It goes into the transcript with ``head``, as far as it came. ``said`` is what to answer,
        where that is known already; then ``text`` may be empty.
        """
        messages = list(self.find(agent["id"], chat_id)["messages"])
        if text:
            messages.append({"role": "user", "content": text, "created_at": timestamp()})
        turn = self._turn(agent, messages or [{"role": "user", "content": ""}], base)
        pieces: list[str] = []
        try:
            async for piece in self._brain.answer(turn) if said is None else _whole(said):
                pieces.append(piece)
                yield piece
        finally:
            content = "".join(pieces).strip()
            self._keep(chat_id, [*messages, {"content": content, **head}])
        cited = self._citations(turn) if said is None else {"documentIds": [], "matches": []}
        yield {"content": content, **cited}

    def _turn(self, agent: Mapping[str, Any], messages: list[dict[str, Any]], base: str) -> Turn:
        knowledge = (agent.get("knowledge") or {}).get("id", "")
        passages = self._store.search(knowledge, str(messages[-1]["content"]))
        return Turn(agent, messages, [passage.at(base) for passage in passages], base)

    def _citations(self, turn: Turn) -> dict[str, Any]:
        cited = self._brain.cited(turn)
        return {
            "documentIds": list(dict.fromkeys(passage.document for passage in cited)),
            "matches": [
                {
                    "id": passage.record,
                    "title": passage.title,
                    "data": passage.text,
                    "document_id": passage.document,
                    "knowledge_id": passage.knowledge,
                    "source_url": f"{turn.base}/emulator/documents/{passage.document}",
                }
                for passage in cited
            ],
        }

    def _keep(self, chat_id: str, messages: Sequence[Mapping[str, Any]]) -> None:
        """Keep the transcript, which each message brings whole: exports are made of it."""
        chat = self._store.get("chat", chat_id)
        if chat is not None:
            kept = list(messages[-LONGEST_TRANSCRIPT:])
            chat |= {"messages": kept, "message_count": len(messages), "modified": timestamp()}
            self._store.put("chat", chat, parent=chat["agent_id"])

    def _start(self, turn: Turn, stream: LiveStream, address: str, chat_id: str = "") -> None:
        stream.answering += 1
        task = asyncio.create_task(self._answer(turn, stream, address, chat_id))
        self._turns.add(task)
        task.add_done_callback(self._turns.discard)

    async def _answer(self, turn: Turn, stream: LiveStream, address: str, chat_id: str) -> None:
        """Send the answer in pieces, then whole, then have it said."""
        stage = stream.peer.stage
        head = {"id": self._store.new_id("msg_"), "role": "assistant", "created_at": timestamp()}
        stage.mood = "thinking"
        try:
            text = ""
            sequence = 0
            async for piece in self._brain.answer(turn):
                text += piece
                partial = {"event": "partial", "content": piece, "sequence": sequence, **head}
                self._notifications.send(address, partial)
                sequence += 1
            text = text.strip()
            self._notifications.send(address, {"event": "answer", "content": text, **head})
            stream.peer.send("chat/answer", quote(text, safe=""))
            self._keep(chat_id, [*turn.messages, {"content": text, **head}])
        finally:
            stage.mood = "listening"
            stream.answering -= 1
        self._streams.say(stream, spoken(text))

    # What users think of it

    def rate(
        self, agent_id: str, chat_id: str, body: Mapping[str, Any], caller: Caller
    ) -> dict[str, Any]:
        """``POST …/ratings``."""
        chat = self.find(agent_id, chat_id)
        changes = _checked_rating(body, required=("message_id", "score"))
        now = timestamp()
        rating = {
            "id": self._store.new_id("rtg_"),
            "owner_id": chat["owner_id"],
            "agent_id": agent_id,
            "chat_id": chat_id,
            "knowledge_id": "",
            "external_id": caller.external_id,
            "matches": [],
            **changes,
            "created_by": chat["owner_id"],
            "created_at": now,
            "modified_at": now,
        }
        self._store.put("rating", rating, parent=chat_id)
        return rating

    def change_rating(
        self, agent_id: str, chat_id: str, rating_id: str, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """``PATCH …/ratings/{id}``: any subset."""
        rating = self._rating(agent_id, chat_id, rating_id)
        rating |= _checked_rating(body) | {"modified_at": timestamp()}
        self._store.put("rating", rating, parent=chat_id)
        return rating

    def delete_rating(self, agent_id: str, chat_id: str, rating_id: str) -> dict[str, Any]:
        """``DELETE …/ratings/{id}``: answers with what was deleted."""
        rating = self._rating(agent_id, chat_id, rating_id)
        self._store.delete("rating", rating_id)
        return rating

    def feedback(self, agent_id: str, chat_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """``POST …/feedback``: one to five stars and some words."""
        chat = self.find(agent_id, chat_id)
        rating, answer = body.get("rating"), body.get("answer", "")
        if isinstance(rating, bool) or not isinstance(rating, int) or not 1 <= rating <= 5:
            raise bad_request("rating must be a whole number from 1 to 5")
        if not isinstance(answer, str):
            raise bad_request("answer must be text")
        given = {"chat_id": chat["id"], "rating": rating, "submitted_at": timestamp()}
        self._store.put("feedback", {"id": chat["id"], "answer": answer, **given})
        return given

    def _rating(self, agent_id: str, chat_id: str, rating_id: str) -> dict[str, Any]:
        self.find(agent_id, chat_id)
        rating = self._store.get("rating", rating_id)
        if rating is None or rating["chat_id"] != chat_id:
            raise not_found("Rating")
        return rating


async def _whole(text: str) -> AsyncGenerator[str]:
    """A text as one piece: D-ID sends a greeting whole, too (protocol 5.4)."""
    yield text


def _checked_rating(body: Mapping[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """The fields of a rating that a client may set."""
    for field in required:
        if field not in body:
            raise bad_request(f"{field} is required")
    if "score" in body and body["score"] not in (1, -1):
        raise bad_request("score must be 1 or -1")
    for field in ("message_id", "knowledge_id"):
        if field in body and not isinstance(body[field], str):
            raise bad_request(f"{field} must be text")
    if not isinstance(body.get("matches", []), list):
        raise bad_request("matches must be a list")
    fields = ("message_id", "knowledge_id", "score", "matches")
    return {field: body[field] for field in fields if field in body}


def _checked_messages(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value:
        raise bad_request("messages must contain at least one message")
    for message in value:
        if not isinstance(message, dict) or not isinstance(message.get("content"), str):
            raise bad_request("each message needs a role and a content")
    if not value[-1]["content"].strip():
        raise bad_request("the last message is empty")
    return value
