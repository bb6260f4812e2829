"""What goes out in a conversation: messages, and what the agent is to say.

It keeps the pace that the service allows: one message at a time (``conversation``), one utterance
waiting (``speech``), and a request that comes too soon is made again when the service wants it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from did_tui.api.client import Client
from did_tui.api.credentials import new_connection_id
from did_tui.api.errors import DidError, RateLimited, SessionLost, TooManyRequests
from did_tui.live.conversation import Conversation
from did_tui.live.events import Citation, Delayed, Greeted, Rated, Responded, SendFailed, Spoke
from did_tui.live.line import RATE_SECONDS, Known, Line
from did_tui.live.speech import CannotSay, SpeechQueue, Utterance, audio_script, text_script
from did_tui.live.spoken import RECORDING, spoken_ssml
from did_tui.live.streams import Emit

LONGEST_WAIT = 60.0  # seconds that the service may ask us to wait before it counts as a refusal
MOST_TRIES = 3  # of one request that the service wants later

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered to a message; ``interrupted`` where that is not all of it."""

    text: str
    citations: tuple[Citation, ...]
    message_id: str
    interrupted: bool


class NotAnswered(DidError):
    """A message got no answer; the text says why."""


class Talk:
    """The requests of one conversation, over whichever line it has.

    ``recover`` asks for another line, and tells whether there will be one.
    """

    def __init__(
        self,
        client: Client,
        agent_id: str,
        conversation: Conversation,
        known: Known,
        *,
        line: Callable[[], Line | None],
        emit: Emit,
        explain: Callable[[str], None],
        recover: Callable[[str], bool],
    ) -> None:
        self.speech = SpeechQueue()
        self._client, self._agent_id = client, agent_id
        self._conversation, self._known = conversation, known
        self._line, self._emit, self._explain, self._recover = line, emit, explain, recover
        self._requests: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        """The line is gone: nothing of this is on its way any more."""
        for task in self._requests:
            task.cancel()
        self.speech.put_back()
        if self._timer is not None:
            self._timer.cancel()

    # What the user thinks of it

    async def rate(self, message_id: str, score: int) -> None:
        """Tell the service that an answer is good, 1, or bad, -1, or take that back, 0.

        Raises ``DidError``.
        """
        message = self._conversation.message(message_id)
        if message is None or message.role != "assistant" or message.rating == score:
            return
        agent, chat, before = self._agent_id, self._known.chat_id, message.rating_id
        if not score:
            await self._client.unrate(agent, chat, before)
            self._emit(Rated(message_id, 0))
            return
        known = self._known.agent
        cited = message.citations
        knowledge = known.knowledge.id if known is not None and known.knowledge else ""
        mark = 1 if score > 0 else -1
        fields = {
            "knowledge_id": cited[0].knowledge_id if cited else knowledge,
            "message_id": message.wire_id or message.id,
            "matches": [[citation.document_id, citation.id] for citation in cited],
            "score": mark,
        }
        rating = await self._client.rate(agent, chat, fields, rating_id=before)
        self._emit(Rated(message_id, mark, rating.id or before))

    async def give_feedback(self, rating: int, answer: str = "") -> None:
        """Tell the service how the call was, 1 to 5, and why; raises ``DidError``."""
        await self._client.send_feedback(
            self._agent_id, self._known.chat_id, min(max(rating, 1), 5), answer
        )

    # Messages

    def send(self, message_id: str) -> None:
        """Send a message of the transcript, and all that was said before it."""
        line = self._line()
        if line is not None:
            self._spawn(self._send(line, message_id))

    def reply_to(self, message_id: str) -> Reply | None:
        """What was answered, None while that is not all; raises ``NotAnswered``."""
        message = self._conversation.message(message_id)
        if message is None:
            raise NotAnswered("There is nothing to send.")
        if message.state == "failed":
            raise NotAnswered(message.trouble)
        answers = self._conversation.transcript.answers_to(message_id)
        if answers is not None:
            citations = [citation for answer in answers for citation in answer.citations]
            return Reply(
                "\n\n".join(answer.text for answer in answers),
                tuple(dict.fromkeys(citations)),
                answers[-1].id if answers else "",
                any(answer.state == "interrupted" for answer in answers),
            )
        if self._conversation.over:
            raise NotAnswered(self._conversation.trouble or "The conversation has ended.")
        return None

    def speak(self, text: str, *, ssml: bool = False) -> str:
        """Have the agent say a text, after what it has to say already; its id, or nothing."""
        words = (spoken_ssml(text) if ssml else "") or text.strip()
        return self._queue(lambda: text_script(text, ssml=ssml), words)

    def speak_audio(self, url: str) -> str:
        """Have the agent say the recording at an address; its id, or nothing."""
        return self._queue(lambda: audio_script(url), f"{RECORDING} {url.strip()}")

    # What rooms alone take

    def set_language(self, name: str) -> bool:
        """Have the agent listen for a language, here and in later rooms; False where none does."""
        if self._known.expressive is False:
            self._explain("Only expressive agents are told a language.")
            return False
        self._known.room.language = name
        line = self._line()
        room = line.room if line is not None else None
        if room is not None and room.granted:  # else it is told when somebody is there
            self._spawn(self._tell(room.set_language(name)))
        return True

    def present(self, message: Mapping[str, Any]) -> bool:
        """Steer the presentation that the agent shows; False where there can be none."""
        line = self._line()
        room = line.room if line is not None else None
        if room is None or not room.granted:
            never = self._known.expressive is False
            why = "Only expressive agents show slides." if never else "The agent is not there yet."
            self._explain(why)
            return False
        self._spawn(self._tell(room.present(message)))
        return True

    async def _tell(self, telling: Coroutine[Any, Any, None]) -> None:
        try:
            await telling
        except DidError as error:
            self._explain(f"{error} {error.advice}".strip())

    def _queue(self, script: Callable[[], dict[str, Any]], words: str) -> str:
        """Queue an utterance, or explain why that cannot be."""
        if not self._conversation.plan.video:
            self._explain("The agent has no voice in this mode: it answers in text.")
            return ""
        utterance_id = new_connection_id()
        try:
            self.speech.add(Utterance(utterance_id, script(), words))
        except CannotSay as error:
            self._explain(str(error))
            return ""
        self.speak_next()
        return utterance_id

    async def _send(self, line: Line, message_id: str) -> None:
        conversation = self._conversation
        transcript = conversation.transcript_until(message_id)
        try:
            response = await self._patiently(
                lambda: line.stream.ask(
                    self._known.chat_id,
                    transcript,
                    conversation.mode,
                    voiced=conversation.plan.video,
                )
            )
        except SessionLost as error:
            if self._line() is line and not self._recover("the stream is gone at D-ID"):
                self._emit(SendFailed(message_id, str(error), error.advice))
            return
        except DidError as error:
            self._emit(SendFailed(message_id, str(error), error.advice))
            return
        citations = tuple(
            Citation(
                match.title,
                match.data,
                match.source_url,
                match.id,
                match.document_id,
                match.knowledge_id,
            )
            for match in response.matches
        )
        self._emit(Responded(message_id, response.result, citations, response.chatMode))

    async def _patiently(self, request: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do a request, later again where the service asks for that; the last error is raised."""
        for left in reversed(range(MOST_TRIES)):
            try:
                return await request()
            except (RateLimited, TooManyRequests) as error:
                wait = error.retry_after if error.retry_after is not None else RATE_SECONDS
                if not left or wait > LONGEST_WAIT:
                    raise
                await self._wait(str(error), wait)
        raise AssertionError  # the last try returns or raises

    async def _wait(self, reason: str, seconds: float) -> None:
        self._emit(Delayed(reason, time.monotonic() + seconds))
        await asyncio.sleep(seconds)

    def greet(self) -> None:
        """Have one of the agent's greetings said, chosen at random, as D-ID's own clients do."""
        greetings = [
            text
            for text in (self._known.agent.greetings if self._known.agent else [])
            if text.strip()
        ]
        if not greetings:
            return
        text = random.choice(greetings)
        try:
            self.speech.add(Utterance(new_connection_id(), text_script(text), text, greeting=True))
        except CannotSay:
            return  # a greeting less

    def speak_next(self) -> None:
        """Ask for the next utterance if it is time, and look again when it may be."""
        if self._timer is not None:
            self._timer.cancel()
        line, now = self._line(), time.monotonic()
        if line is None or not line.stream.granted or self._conversation.phase != "connected":
            return
        utterance = self.speech.due(now)
        if utterance is not None:
            self._spawn(self._speak(line, utterance))
            return
        wait = self.speech.due_in(now)
        if wait is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(wait, 0.05), self.speak_next)

    async def _speak(self, line: Line, utterance: Utterance) -> None:
        try:
            await line.stream.speak(utterance.script)
        except (TooManyRequests, RateLimited) as error:
            if not self.speech.refused(time.monotonic(), error.retry_after):
                self._explain(f"{error} {error.advice}")
        except SessionLost as error:
            if self._line() is line and not self._recover("the stream is gone at D-ID"):
                self._explain(str(error))
            return
        except DidError as error:
            self.speech.dropped()
            if not utterance.greeting:  # a greeting less; what follows says what is wrong
                self._explain(f"{error} {error.advice}".strip())
        else:
            self.speech.taken(time.monotonic())
            if utterance.greeting:
                self._emit(Greeted(utterance.words, utterance.id))
            else:
                self._emit(Spoke(utterance.id, utterance.words))
            return
        self.speak_next()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)
