"""The client against answers made by hand, and against the emulator."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest
from conftest import KEY, RunningEmulator

from did_tui.api import errors
from did_tui.api.client import Client
from did_tui.api.credentials import Credentials
from did_tui.api.models import Stream

Answer = Callable[[httpx.Request], httpx.Response]


def client_for(answer: Answer) -> Client:
    return Client(Credentials.parse("user:pass"), transport=httpx.MockTransport(answer))


async def test_agents_come_page_by_page() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url.params.get("token", "")))
        if not asked[-1]:
            return httpx.Response(200, json={"agents": [{"id": "a"}], "token": "next"})
        return httpx.Response(200, json={"agents": [{"id": "b"}]})

    agents = [agent.id async for agent in client_for(answer).agents()]
    assert agents == ["a", "b"]
    assert asked == ["", "next"]


async def test_delete_carries_the_session_id_in_its_body() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    stream = Stream.parse({"id": "strm/1", "session_id": "a; b=c"})
    await client_for(answer).delete_stream("agt 1", stream, connection="0123456789abc")
    request = seen[0]
    assert request.method == "DELETE"
    assert request.url.raw_path == b"/agents/agt%201/streams/strm%2F1"
    assert json.loads(request.content) == {"session_id": "a; b=c"}
    assert request.headers["authorization"] == "Basic user:pass~0123456789abc"


@pytest.mark.parametrize("body", [b"<html>hello</html>", b'{"cut": ', b"\xff\xfe"])
async def test_an_answer_that_is_no_json(body: bytes) -> None:
    client = client_for(lambda _request: httpx.Response(200, content=body))
    with pytest.raises(errors.BadAnswer, match="did not answer with JSON"):
        await client.agent_page()


async def test_no_network_is_said_in_words() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("All connection attempts failed", request=request)

    with pytest.raises(errors.Unreachable, match=r"api\.d-id\.com cannot be reached"):
        await client_for(answer).agent_page()


async def test_a_slow_service_is_said_in_words() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("", request=request)

    with pytest.raises(errors.Unreachable, match="did not answer in time"):
        await client_for(answer).agent_page()


@pytest.mark.parametrize("url", ["nonsense", "http://[::1", "ftp://x", "http://", ""])
async def test_a_url_that_is_none(url: str) -> None:
    client = Client(Credentials.parse("user:pass"), url)
    with pytest.raises(errors.Unreachable):
        await client.agent_page()
    await client.close()


def test_the_socket_address_holds_the_credentials_escaped() -> None:
    client = Client(Credentials.parse("user:p+ss"), ws_url="wss://n.example")
    assert (
        client.notifications_url("abc")
        == "wss://n.example/?authorization=Basic%20user%3Ap%2Bss~abc"
    )


async def test_a_picture_is_fetched_without_the_key() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=b"PNG")

    assert await client_for(answer).picture("http://elsewhere/x.png") == b"PNG"
    assert "authorization" not in seen[0].headers


async def test_a_picture_without_end_is_cut_off() -> None:
    async def endless() -> object:
        while True:
            yield b"x" * 1024 * 1024

    client = client_for(lambda _request: httpx.Response(200, content=endless()))  # type: ignore[arg-type]
    with pytest.raises(errors.BadAnswer, match="sent more than"):
        await client.picture("http://elsewhere/x.png")


async def test_the_gateways_echo_of_the_key_is_struck_out() -> None:
    said = "'user:pass' not a valid key=value pair in Authorization header: 'Basic user:pass'."
    client = client_for(lambda _request: httpx.Response(403, json={"message": said}))
    with pytest.raises(errors.UnknownRoute) as refused:
        await client.agent_page()
    assert "user:pass" not in str(refused.value) + refused.value.description


@pytest.mark.parametrize(
    ("name", "value"),
    [("SSL_CERT_FILE", "/nonexistent"), ("ALL_PROXY", "socks5://127.0.0.1:9"), ("ALL_PROXY", "x")],
)
async def test_a_setting_of_the_environment_that_is_wrong(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    client = Client(Credentials.parse("user:pass"), "https://api.invalid")
    with pytest.raises(errors.Unreachable):
        await client.agent_page()
    await client.close()


async def test_what_is_on_this_machine_is_not_asked_for_through_a_proxy(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    client = Client(Credentials.parse(KEY), emulator.url)
    assert (await client.agent_page()).rows
    await client.close()


async def test_a_password_in_the_address_is_not_repeated() -> None:
    client = Client(Credentials.parse("user:pass"), "https://me:hunter2@127.0.0.1:9")
    with pytest.raises(errors.Unreachable) as refused:
        await client.agent_page()
    assert "hunter2" not in str(refused.value)
    await client.close()


async def test_json_that_is_nested_without_end_is_no_answer() -> None:
    client = client_for(lambda _request: httpx.Response(200, content=b"[" * 200_000))
    with pytest.raises(errors.BadAnswer):
        await client.agent_page()
    client = client_for(lambda _request: httpx.Response(500, content=b"[" * 200_000))
    with pytest.raises(errors.ServiceFailure):
        await client.agent_page()


async def test_a_cursor_that_comes_again_ends_the_list() -> None:
    page = {"agents": [{"id": "a"}], "token": "same"}
    client = client_for(lambda _request: httpx.Response(200, json=page))
    assert len([agent async for agent in client.agents()]) == 2


# Against the emulator


@pytest.fixture
async def client(emulator: RunningEmulator) -> object:
    client = Client(Credentials.parse(KEY), emulator.url, emulator.ws_url)
    yield client
    await client.close()


async def test_the_emulator_lists_its_agents(client: Client) -> None:
    agents = [agent async for agent in client.agents(limit=2)]
    assert {agent.name for agent in agents} >= {"Mira", "Kai", "Juno", "Otto"}
    assert {agent.presenter.type for agent in agents} == {"talk", "clip", "expressive"}
    names = await client.knowledge_names()
    assert all(agent.knowledge and agent.knowledge.id in names for agent in agents)
    picture = await client.picture(agents[0].thumbnail)
    assert picture.startswith(b"\x89PNG")


async def test_a_wrong_key(emulator: RunningEmulator) -> None:
    client = Client(Credentials.parse("demo:wrong"), emulator.url)
    with pytest.raises(errors.NotSignedIn) as refused:
        await client.agent_page()
    assert "DID_API_KEY" in refused.value.advice
    await client.close()


async def test_an_agent_that_does_not_exist(client: Client) -> None:
    with pytest.raises(errors.NotFound):
        await client.runtime("agt_none")


async def test_an_answer_to_a_message_is_one_or_a_failure() -> None:
    """Where nothing says that it was taken, nobody waits a minute for its answer."""
    taken: list[object] = [{"matches": []}, {"result": None, "chatMode": "Functional"}]
    taken += [{"result": ""}, {"result": "Hi", "matches": 5}]
    for body in [*taken, b"", "hi", [], 5, None, {}, {"error": "no"}, {"result": 5, "matches": []}]:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        client = client_for(lambda _request, said=content: httpx.Response(200, content=said))  # type: ignore[misc]
        if body in taken:
            await client.send_message("a", "c", [])
            continue
        with pytest.raises(errors.BadAnswer, match="answered the message with something"):
            await client.send_message("a", "c", [])


async def test_text_without_a_stream_is_in_the_response(client: Client) -> None:
    mira = next(a for a in [a async for a in client.agents()] if a.name == "Mira")
    chat = await client.create_chat(mira.id)
    question = {"role": "user", "content": "How do I interrupt you?", "created_at": "now"}
    response = await client.send_message(mira.id, chat.id, [question])
    assert "control and C" in response.result
    assert response.matches[0].title == "How do I interrupt you?"
