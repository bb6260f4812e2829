"""What an agent answers: retrieval and a little small talk, or a language model that one brings.

The built-in brain is no language model and says so. It looks the question up in the agent's
knowledge base and answers with the passage that fits, which it cites.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from did_tui.emulator.store import Passage, telling_words

WORDS_A_SECOND = 60.0  # how fast the built-in brain hands out its words, as a model would


@dataclass(frozen=True, slots=True)
class Turn:
    """What is to be answered: the agent, the transcript (the question last) and what was found.

    ``base`` is the emulator's own address, for links to itself.
    """

    agent: Mapping[str, Any]
    messages: Sequence[Mapping[str, Any]]
    passages: Sequence[Passage] = field(default_factory=tuple)
    base: str = ""

    @property
    def question(self) -> str:
        """The last message."""
        return str(self.messages[-1].get("content", "")) if self.messages else ""

    @property
    def name(self) -> str:
        """The agent's name."""
        return str(self.agent.get("preview_name") or "an agent")


class Brain(Protocol):
    """Answers a turn in pieces, in the order in which they are to be read."""

    def answer(self, turn: Turn) -> AsyncIterator[str]:
        """The pieces of the answer."""
        ...

    def cited(self, turn: Turn) -> Sequence[Passage]:
        """The passages that the answer rests on."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class BuiltInBrain:
    """Retrieval and small talk: no network, no model, the same answer each time."""

    def __init__(self, words_a_second: float = WORDS_A_SECOND) -> None:
        self._pause = 1 / words_a_second

    async def answer(self, turn: Turn) -> AsyncIterator[str]:
        """The words of the answer, at the pace of a language model."""
        for piece in re.findall(r"\S+\s*", reply(turn)):
            yield piece
            await asyncio.sleep(self._pause)

    def cited(self, turn: Turn) -> Sequence[Passage]:
        """The passage that was read out, if one was."""
        best = best_passage(turn)
        return () if small_talk(turn) is not None or best is None else (best,)

    async def close(self) -> None:
        """Nothing to let go of."""


class ModelBrain:
    """Any server that speaks OpenAI's chat completions.

    ``url`` is its base address, as ``http://127.0.0.1:11434/v1``.
    """

    def __init__(
        self,
        url: str,
        model: str,
        key: str = "",
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url = url.rstrip("/") + "/chat/completions"
        self._model = model
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.AsyncClient(
            headers=headers, timeout=httpx.Timeout(60, connect=5), transport=transport
        )

    async def answer(self, turn: Turn) -> AsyncIterator[str]:
        """The model's own pieces; a sentence about the trouble where it gives none."""
        said = False
        try:
            async for piece in self._stream(turn):
                said = True
                yield piece
            if not said:
                raise ValueError("it said nothing")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            trouble = str(error) or type(error).__name__
            yield (
                f" My language model stopped: {trouble}"
                if said
                else (f"My language model cannot be reached: {trouble}")
            )

    def cited(self, turn: Turn) -> Sequence[Passage]:
        """The passages that were shown to the model."""
        return turn.passages

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _stream(self, turn: Turn) -> AsyncIterator[str]:
        body = {"model": self._model, "stream": True, "messages": prompt(turn)}
        async with self._http.stream("POST", self._url, json=body) as response:
            if not response.is_success:
                raise ValueError(f"it answered with status {response.status_code}")
            async for line in response.aiter_lines():
                data = line.removeprefix("data:").strip()
                if not line.startswith("data:") or data == "[DONE]":
                    continue
                piece = _piece(json.loads(data))
                if piece:
                    yield piece


def _piece(data: object) -> str:
    """The text in one event of a streamed completion; raises ``ValueError`` for an error in it."""
    if isinstance(data, dict) and data.get("error"):
        raise ValueError(str(data["error"])[:200])
    try:
        piece = data["choices"][0]["delta"]["content"]  # type: ignore[index]
    except (KeyError, IndexError, TypeError):
        return ""
    return piece if isinstance(piece, str) else ""


def prompt(turn: Turn) -> list[dict[str, str]]:
    """The messages for a language model: instructions, what was found, the transcript."""
    llm = turn.agent.get("llm") or {}
    system = [str(llm.get("instructions") or f"You are {turn.name}."), _SPOKEN]
    if turn.passages:
        found = "\n\n".join(f"{passage.title}\n{passage.text}" for passage in turn.passages)
        system.append(f"Answer from these passages where they fit:\n\n{found}")
    transcript = [
        {"role": str(message.get("role", "user")), "content": str(message.get("content", ""))}
        for message in turn.messages
        if message.get("role") in ("user", "assistant")
    ]
    return [{"role": "system", "content": "\n\n".join(system)}, *transcript]


_SPOKEN = "Your answer is spoken aloud: a few short sentences, no lists, no headings."


def reply(turn: Turn) -> str:
    """The built-in brain's whole answer."""
    chat = small_talk(turn)
    if chat is not None:
        return chat
    best = best_passage(turn)
    if best is not None:
        return best.text
    topics = [passage.title.split("?")[0].split(":")[0] for passage in turn.passages[:1]]
    hint = f' The nearest that I know about is "{topics[0]}".' if topics else ""
    return (
        "I have nothing about that. I am only the emulator's small brain: I look things up, and I"
        f" do not think.{hint} Ask me what I can do: I shall name some questions."
    )


def best_passage(turn: Turn) -> Passage | None:
    """The passage to read out: the one that shares most of the question's telling words.

    Half of them in its heading, or two thirds anywhere in it, are the least.
    """
    asked = set(map(_stem, telling_words(turn.question)))
    if not asked:
        return None
    best, best_share = None, 0.0
    for passage in turn.passages:
        heading = set(map(_stem, telling_words(passage.title)))
        anywhere = heading | set(map(_stem, telling_words(passage.text)))
        in_heading = len(asked & heading) / len(asked)
        in_all = len(asked & anywhere) / len(asked)
        fits = in_heading >= 1 / 2 or in_all >= 2 / 3
        if fits and in_heading + in_all > best_share:
            best, best_share = passage, in_heading + in_all
    return best


def _stem(word: str) -> str:
    """A word without its commonest endings: enough to know "stories" for "story"."""
    for ending, rest in (("ies", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + rest
    return word


def small_talk(turn: Turn) -> str | None:
    """An answer to what is no question: greetings, thanks, who are you; None for the rest."""
    asked = re.sub(r"[^\w' ]", " ", turn.question.lower())
    asked = " ".join(word for word in asked.split() if word != turn.name.lower())
    count = sum(1 for message in turn.messages if message.get("role") == "user")
    for pattern, answers in _SMALL_TALK:
        if re.fullmatch(pattern, asked):
            description = str(turn.agent.get("preview_description") or "one of the agents here")
            answer = answers[count % len(answers)]
            picture = f"{turn.base}/emulator/pictures/{turn.agent.get('id')}.png"
            about = description[:1].lower() + description[1:]
            return answer.format(
                name=turn.name, about=about, picture=picture, invitation=_invitation(turn)
            )
    return None


def _invitation(turn: Turn) -> str:
    """What one may ask: the agent's own first suggestions."""
    suggested = [str(each) for each in turn.agent.get("starter_message") or ()][:2]
    if not suggested:
        return "Ask me anything that may be in it."
    return "Ask me, for example: " + " Or: ".join(suggested)


_SMALL_TALK: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        r"(hi|hello|hey|good (morning|afternoon|evening)|hiya|hi there|hello there)( you)?",
        (
            "Hello! It is good to see you, even through so few pixels.",
            "Hi! Ask me anything, and watch my lips.",
        ),
    ),
    (
        r"(how are you|how are you (doing|today)|how is it going|how do you do|what's up)",
        (
            "Very well, thank you. Twenty-five times a second, in fact.",
            "Fine! A little square around the edges, but fine.",
        ),
    ),
    (
        r"(who are you|what are you|what is your name|what's your name|introduce yourself)",
        (
            "I am {name}: {about}. My face is drawn and my voice is synthetic, all on this"
            " computer.",
        ),
    ),
    (
        r"((what|how) do you look( like)?|show me (a|your) (picture|photo)( of you)?)",
        ("This is the picture of me that I like best: ![{name}]({picture})",),
    ),
    (
        r"(what can you do|help|what do you know|what can i ask( you)?)",
        ("I answer from a small knowledge base, out loud. {invitation}",),
    ),
    (
        r"(are you (real|human|alive|a robot|a bot|an ai))",
        (
            "No. I am a drawn face with a synthetic voice and a small search engine behind it."
            " D-ID's own agents are a good deal more convincing.",
        ),
    ),
    (
        r"(thanks|thank you|thank you very much|thanks a lot|great|cool|wow|nice)",
        ("You are welcome!", "My pleasure.", "I am glad that you like it."),
    ),
    (
        r"(bye|goodbye|good bye|see you|good night|ciao)",
        ("Goodbye! Press escape, and I will hang up properly.", "See you soon. Mind the step."),
    ),
    (
        r"(test|testing|one two( three)?|can you hear me)",
        ("One, two, three. I read you loud and clear.",),
    ),
)
