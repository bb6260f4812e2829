"""What the agents answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from did_tui.emulator.brain import BuiltInBrain, ModelBrain, Turn, prompt, reply
from did_tui.emulator.characters import plant
from did_tui.emulator.store import Passage, Store


@pytest.fixture
def store() -> Store:
    store = Store(seed=1)
    plant(store)
    return store


def turn(store: Store, name: str, *questions: str) -> Turn:
    agent = next(a for a in store.all("agent") if a["preview_name"] == name)
    messages = [{"role": "user", "content": question} for question in questions]
    return Turn(agent, messages, store.search(agent["knowledge"]["id"], questions[-1]))


@pytest.mark.parametrize(
    ("name", "question", "title"),
    [
        ("Mira", "how do you get into a terminal?", "How does your face get into a terminal"),
        ("Mira", "How do I interrupt you?", "How do I interrupt you?"),
        ("Mira", "can I interrupt", "How do I interrupt you?"),
        ("Mira", "How do I use the real D-ID?", "How do I use the real D-ID"),
        ("Mira", "what does it cost", "What does it cost?"),
        ("Mira", "are there other agents?", "Which agents are there?"),
        ("Mira", "What is D-ID?", "What is D-ID?"),
        ("Mira", "Is there a link to the documentation?", "Where is the documentation?"),
        ("Kai", "What are the steps to brew a mug?", "What are the steps"),
        ("Kai", "How much coffee do I need?", "How much coffee"),
        ("Kai", "why is my coffee so bitter", "Why is my coffee bitter?"),
        ("Kai", "What is an espresso?", "What is an espresso?"),
        ("Juno", "How far away is the moon?", "How far away is the Moon?"),
        ("Juno", "why do the stars twinkle", "Why do stars twinkle?"),
        ("Otto", "Tell me about the lighthouse.", "The lighthouse"),
        ("Otto", "tell me a story", ""),
        ("Noor", "I cannot sleep", "I cannot sleep"),
        ("Noor", "Give me one calm minute.", "Give me one calm minute"),
    ],
)
def test_questions_find_their_passage(store: Store, name: str, question: str, title: str) -> None:
    asked = turn(store, name, question)
    cited = BuiltInBrain().cited(asked)
    assert len(cited) == 1
    assert cited[0].title.startswith(title)
    assert reply(asked) == cited[0].text


def test_what_one_may_ask_is_said_by_its_words_and_not_by_where_it_stands(store: Store) -> None:
    for question in ("What can you do?", "Zxqv plugh?"):
        assert "picture" not in reply(turn(store, "Mira", question))
    asked = turn(store, "Mira", "What can you do?")
    assert str(asked.agent["starter_message"][0]) in reply(asked)
    nothing = Turn({"preview_name": "Nobody"}, asked.messages)
    assert reply(nothing).endswith("Ask me anything that may be in it.")


def test_every_suggestion_is_answered_from_the_knowledge(store: Store) -> None:
    for agent in store.all("agent"):
        for starter in agent["starter_message"]:
            asked = turn(store, agent["preview_name"], starter)
            assert BuiltInBrain().cited(asked), starter


@pytest.mark.parametrize("question", ["hello", "Hi Mira!", "who are you?", "thanks", "bye"])
def test_small_talk_cites_nothing(store: Store, question: str) -> None:
    asked = turn(store, "Mira", question)
    assert BuiltInBrain().cited(asked) == ()
    assert len(reply(asked)) > 10


def test_it_says_what_it_is(store: Store) -> None:
    assert "drawn" in reply(turn(store, "Kai", "Who are you?"))
    nothing = reply(turn(store, "Kai", "What is the capital of Mongolia?"))
    assert "I look things up, and I do not think" in nothing


async def test_it_hands_out_its_words_one_by_one(store: Store) -> None:
    asked = turn(store, "Mira", "How do I interrupt you?")
    pieces = [piece async for piece in BuiltInBrain(words_a_second=1e9).answer(asked)]
    assert len(pieces) > 10
    assert "".join(pieces) == reply(asked)


def sse(*deltas: str) -> bytes:
    lines = [json.dumps({"choices": [{"delta": {"content": delta}}]}) for delta in deltas]
    return "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"]).encode()


async def collect(pieces: AsyncIterator[str]) -> str:
    return "".join([piece async for piece in pieces])


async def test_a_language_model_is_streamed(store: Store) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=sse("It is ", "five."))

    brain = ModelBrain("http://m/v1/", "tiny", "k3y", transport=httpx.MockTransport(answer))
    said = await collect(brain.answer(turn(store, "Mira", "How do I interrupt you?")))
    assert said == "It is five."
    assert str(seen[0].url) == "http://m/v1/chat/completions"
    assert seen[0].headers["authorization"] == "Bearer k3y"
    body = json.loads(seen[0].content)
    assert body["model"] == "tiny"
    assert "control and C" in body["messages"][0]["content"]
    assert body["messages"][-1] == {"role": "user", "content": "How do I interrupt you?"}
    await brain.close()


@pytest.mark.parametrize(
    "response",
    [httpx.Response(500), httpx.Response(200, content=b"data: {cut\n\n"), httpx.ConnectError("no")],
)
async def test_a_language_model_that_fails_is_said_in_words(
    store: Store, response: httpx.Response | Exception
) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        if isinstance(response, Exception):
            raise response
        return response

    brain = ModelBrain("http://m/v1", "tiny", transport=httpx.MockTransport(answer))
    assert "cannot be reached" in await collect(brain.answer(turn(store, "Mira", "hello")))
    await brain.close()


def test_the_prompt_holds_instructions_passages_and_transcript() -> None:
    passage = Passage("r", "d", "k", "Title", "Text", 1.0)
    agent = {"preview_name": "Ada", "llm": {"instructions": "Be brief."}}
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    made = prompt(Turn(agent, messages, [passage]))
    assert "Be brief." in made[0]["content"]
    assert "Title\nText" in made[0]["content"]
    assert [message["role"] for message in made] == ["system", "user", "assistant"]
