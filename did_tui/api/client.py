"""One async method an endpoint; each module beside this one has a part of them.

Every method raises ``did_tui.api.errors.DidError`` and nothing else. Paths, bodies and statuses are
those of protocol 2 to 5; ``operations.py`` lists them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from did_tui.api.account import AccountCalls
from did_tui.api.agents import AgentCalls
from did_tui.api.catalogue import CatalogueCalls
from did_tui.api.errors import BadAnswer
from did_tui.api.http import path_of
from did_tui.api.knowledge import KnowledgeCalls
from did_tui.api.models import Chat, ChatResponse, Rating, Spoken, Stream


class Client(AgentCalls, KnowledgeCalls, CatalogueCalls, AccountCalls):
    """Everything that D-ID's API does. Below are the calls of which a conversation consists."""

    # Chat

    async def create_chat(
        self,
        agent_id: str,
        *,
        persist: bool = False,
        mode: str = "Functional",
        connection: str | None = None,
    ) -> Chat:
        """``POST /agents/{id}/chat``; raises ``BadAnswer`` where that has no id."""
        path = path_of("agents", agent_id, "chat")
        body = {"persist": persist}
        answer = await self._call(
            "POST", path, body=body, headers=_mode_headers(mode), connection=connection
        )
        chat = Chat.parse(answer)
        if not chat.id:
            raise BadAnswer("D-ID opened a chat and did not say which.")
        return chat

    async def send_message(
        self,
        agent_id: str,
        chat_id: str,
        messages: Sequence[Mapping[str, Any]],
        *,
        stream: Stream | None = None,
        mode: str = "Functional",
        connection: str | None = None,
    ) -> ChatResponse:
        """``POST /agents/{id}/chat/{chat}``: the whole transcript, the new turn last.

        Raises ``BadAnswer`` where that is answered with something else than a chat's answer.
        """
        body: dict[str, Any] = {"chatMode": mode, "messages": list(messages)}
        if stream is not None:
            body |= {"streamId": stream.id, "sessionId": stream.session_id}
        answer = await self._call(
            "POST",
            _chat_path(agent_id, chat_id),
            body=body,
            headers=_mode_headers(mode),
            connection=connection,
        )
        response = ChatResponse.parse(answer)
        if not response.readable:
            raise BadAnswer("D-ID answered the message with something this program cannot read.")
        return response

    async def rate(
        self,
        agent_id: str,
        chat_id: str,
        rating: Mapping[str, Any],
        *,
        rating_id: str = "",
        connection: str | None = None,
    ) -> Rating:
        """``POST …/ratings``, or with an id ``PATCH …/ratings/{id}`` (protocol 2.3)."""
        path = _chat_path(agent_id, chat_id) + "/ratings"
        verb = "PATCH" if rating_id else "POST"
        if rating_id:
            path += path_of(rating_id)
        answer = await self._call(verb, path, body=rating, connection=connection)
        return Rating.parse(answer)

    async def unrate(
        self, agent_id: str, chat_id: str, rating_id: str, *, connection: str | None = None
    ) -> None:
        """``DELETE …/ratings/{id}``."""
        path = _chat_path(agent_id, chat_id) + path_of("ratings", rating_id)
        await self._call("DELETE", path, connection=connection)

    async def send_feedback(
        self,
        agent_id: str,
        chat_id: str,
        rating: int,
        answer: str = "",
        *,
        connection: str | None = None,
    ) -> None:
        """``POST …/feedback``: how the call was, 1 to 5, and why."""
        body = {"rating": rating} | ({"answer": answer} if answer else {})
        path = _chat_path(agent_id, chat_id) + "/feedback"
        await self._call("POST", path, body=body, connection=connection)

    # Streams

    async def create_stream(
        self, agent_id: str, options: Mapping[str, Any], *, connection: str | None = None
    ) -> Stream:
        """``POST /agents/{id}/streams``: an offer and the stream's ids.

        Of an answer that is damaged, the ids alone, where they can be read: to close it by.
        """
        path = path_of("agents", agent_id, "streams")
        try:
            answer = await self._call("POST", path, body=dict(options), connection=connection)
        except BadAnswer as error:
            stream = Stream.salvaged(error.content)
            if stream is None:
                raise
            return stream
        stream = Stream.parse(answer)
        if not stream.id:
            raise BadAnswer("D-ID opened a stream and did not say which.")
        return stream

    async def send_answer(
        self, agent_id: str, stream: Stream, sdp: str, *, connection: str | None = None
    ) -> None:
        """``POST …/sdp``: this side's answer to the offer."""
        body = {"session_id": stream.session_id, "answer": {"type": "answer", "sdp": sdp}}
        path = _stream_path(agent_id, stream) + "/sdp"
        await self._call("POST", path, body=body, connection=connection)

    async def send_candidate(
        self,
        agent_id: str,
        stream: Stream,
        candidate: Mapping[str, Any] | None,
        *,
        connection: str | None = None,
    ) -> None:
        """``POST …/ice``: one local candidate (W3C's ``toJSON`` fields), or None for the end."""
        body = dict(candidate or {}) | {"session_id": stream.session_id}
        path = _stream_path(agent_id, stream) + "/ice"
        await self._call("POST", path, body=body, connection=connection)

    async def speak(
        self,
        agent_id: str,
        stream: Stream,
        script: Mapping[str, Any],
        *,
        connection: str | None = None,
    ) -> Spoken:
        """``POST …/streams/{stream}``: have the agent say this text or play this audio."""
        body = {"script": dict(script), "session_id": stream.session_id}
        path = _stream_path(agent_id, stream)
        return Spoken.parse(await self._call("POST", path, body=body, connection=connection))

    async def delete_stream(
        self, agent_id: str, stream: Stream, *, connection: str | None = None
    ) -> None:
        """``DELETE …/streams/{stream}``, with the body that D-ID wants on it."""
        body = {"session_id": stream.session_id}
        path = _stream_path(agent_id, stream)
        await self._call("DELETE", path, body=body, connection=connection)

    # What lies beside the API

    def notifications_url(self, connection: str) -> str:
        """The address of the notifications socket, credentials inside: never log it."""
        authorization = quote(self.credentials.header(connection), safe="")
        return f"{self.ws_url.rstrip('/')}/?authorization={authorization}"


def _chat_path(agent_id: str, chat_id: str) -> str:
    return path_of("agents", agent_id, "chat", chat_id)


def _mode_headers(mode: str) -> Mapping[str, str]:
    """What a mode adds to a request of the chat (protocol 1.5)."""
    return {"X-Playground-Chat": "true"} if mode == "Playground" else {}


def _stream_path(agent_id: str, stream: Stream) -> str:
    return path_of("agents", agent_id, "streams", stream.id)
