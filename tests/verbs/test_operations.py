"""Every operation of the API is in the table, and what the table says is true."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from did_tui.api.client import Client
from did_tui.api.credentials import Credentials
from did_tui.api.errors import ApiError, BadRequest, SessionLost
from did_tui.api.operations import OPERATIONS, Operation, markdown
from did_tui.commandline import parser
from did_tui.verbs.table import kind_of, verb_of

README = Path(__file__).parents[2] / "README.md"

#: The operations of the Agents API's own OpenAPI, by their ids.
AGENTS_OPENAPI = {
    "listmyagents": "GET /agents",
    "createagent": "POST /agents",
    "getagent": "GET /agents/{}",
    "updateagent": "PATCH /agents/{}",
    "deleteagent": "DELETE /agents/{}",
    "createsession": "POST /v2/agents/{}/sessions",
    "listsessions": "GET /agents/{}/sessions",
    "getsession": "GET /agents/{}/sessions/{}",
    "agentchat": "POST /agents/{}/chat/{}",
    "getknowledges": "GET /knowledge",
    "createknowledge": "POST /knowledge",
    "getknowledge": "GET /knowledge/{}",
    "updateknowledge": "PATCH /knowledge/{}",
    "deleteknowledge": "DELETE /knowledge/{}",
    "getdocuments": "GET /knowledge/{}/documents",
    "createdocument": "POST /knowledge/{}/documents",
    "getdocument": "GET /knowledge/{}/documents/{}",
    "deletedocument": "DELETE /knowledge/{}/documents/{}",
}


def test_the_agents_api_is_there_whole() -> None:
    named = {one.operation_id: one for one in OPERATIONS if one.operation_id}
    assert {
        name: f"{one.method} {re.sub(r'{[^}]*}', '{}', one.path)}" for name, one in named.items()
    } == AGENTS_OPENAPI


def test_every_command_of_the_table_exists() -> None:
    commands = parser()._subparsers._group_actions[0].choices  # type: ignore[union-attr]
    assert commands is not None
    for one in OPERATIONS:
        kind, *verb = one.command.split()
        assert kind in commands
        if verb:
            verb_of(kind_of(kind), verb[0])
        assert callable(getattr(Client, one.call)), one


def test_the_readme_has_the_table(request: pytest.FixtureRequest) -> None:
    text = README.read_text(encoding="utf-8")
    pattern = re.compile(r"(?<=<!-- operations -->\n).*?(?=<!-- /operations -->)", re.DOTALL)
    if request.config.getoption("--update-golden"):
        README.write_text(pattern.sub(lambda _: markdown(), text), encoding="utf-8")
    found = pattern.search(README.read_text(encoding="utf-8"))
    assert found is not None
    assert found[0] == markdown()


@pytest.fixture
async def client(url: str) -> AsyncIterator[Client]:
    client = Client(Credentials.parse("demo:emulator"), url)
    yield client
    await client.close()


async def refused(call: Awaitable[object], kind: type[ApiError]) -> None:
    with pytest.raises(kind):
        await call


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    return out.getvalue()


async def test_every_operation_is_done_against_the_emulator(client: Client) -> None:
    agent = await client.create_agent(
        {
            "presenter": {"type": "clip", "presenter_id": "v2_public_otto@emulator"},
            "preview_name": "Ada",
        }
    )
    await agents(client, agent.id)
    await conversations(client, agent.id)
    await chats_and_keys(client, agent.id)
    await client.delete_agent(agent.id)
    await knowledge(client)
    await faces_and_voices(client)
    await the_account(client)

    asked = {f"{one.method} {one.path}" for one in client.log}
    missed = [one for one in OPERATIONS if not any(matches(one, line) for line in asked)]
    assert missed == []
    trouble = [one for one in client.log if one.status in (0, 401, 403) or one.status == 500]
    assert trouble == []


def matches(operation: Operation, line: str) -> bool:
    pattern = re.sub(r"{[^}]*}", "[^/]+", f"{operation.method} {operation.path}")
    return re.fullmatch(pattern, line) is not None


async def agents(client: Client, agent_id: str) -> None:
    assert agent_id in {agent.id for agent in await client.bare_agents()}
    assert agent_id in {agent.id for agent in (await client.agent_page(sort_by="chats")).rows}
    await client.update_agent(agent_id, {"preview_name": "Ada L."})
    assert (await client.agent(agent_id)).name == "Ada L."
    assert (await client.runtime(agent_id)).avatar.type == "clip"
    tested = await client.test_webhook("http://127.0.0.1:9/hook")
    assert not tested.success
    assert tested.error_message
    room: dict[str, Any] = {"server_url": "ws://x", "token": "t", "room_name": "r"}
    assert (await client.speech_token(agent_id)).token
    for call in (client.create_session(agent_id), client.join_session(agent_id, room)):
        await refused(call, BadRequest)
    await refused(client.session(agent_id, "sess_1"), ApiError)
    presenter = {"type": "expressive", "presenter_id": "v2_public_otto@emulator"}
    other = (await client.create_agent({"presenter": presenter})).id
    opened = await client.create_session(other)
    assert opened.session_token
    assert opened.id in {session.id for session in await client.sessions(other)}
    assert (await client.session(other, opened.id)).id == opened.id
    assert await client.join_session(other, room)
    await client.delete_agent(other)


async def conversations(client: Client, agent_id: str) -> None:
    chat = await client.create_chat(agent_id, persist=True)
    message = {"role": "user", "content": "Hello!", "created_at": "now"}
    assert (await client.send_message(agent_id, chat.id, [message])).result
    rating = await client.rate(agent_id, chat.id, {"message_id": "m", "score": 1})
    changed = await client.rate(agent_id, chat.id, {"score": -1}, rating_id=rating.id)
    assert changed.score == -1
    await client.unrate(agent_id, chat.id, rating.id)
    await client.send_feedback(agent_id, chat.id, 5, "good")
    stream = await client.create_stream(agent_id, {})
    await refused(client.send_answer(agent_id, stream, "v=0"), BadRequest)
    await client.send_candidate(agent_id, stream, None)
    await client.speak(agent_id, stream, {"type": "text", "input": "Hello there."})
    await client.delete_stream(agent_id, stream)
    await refused(client.speak(agent_id, stream, {}), SessionLost)


async def chats_and_keys(client: Client, agent_id: str) -> None:
    export_id = await client.start_export(agent_id)
    assert (await client.export(export_id)).agent_id == agent_id
    await client.delete_export(export_id)
    await client.delete_chats(agent_id)
    key = await client.create_client_key(agent_id, ["http://x"], name="x")
    await client.update_client_key(agent_id, key.client_key, domains=["http://y"])
    [found] = await client.client_keys(agent_id)
    assert found.allowed_domains == ["http://y"]
    await client.delete_client_key(agent_id, key.client_key)
    await client.create_account_key(["http://x"])
    await client.update_account_key(["http://y"])
    assert (await client.account_key()).allowed_domains == ["http://y"]


async def knowledge(client: Client) -> None:
    base = await client.create_knowledge("Tarts", "About tarts", starter_message=["Which?"])
    assert (await client.update_knowledge(base.id, {"name": "Pies"})).name == "Pies"
    assert (await client.knowledge(base.id)).name == "Pies"
    assert base.id in {one.id for one in await client.knowledge_bases()}
    document = await client.create_document(base.id, "text", "data:,hello", "Hello")
    assert (await client.document(base.id, document.id)).title == "Hello"
    assert [one.id for one in await client.documents(base.id)] == [document.id]
    assert await client.records(base.id, document.id) == []
    assert (await client.query_knowledge(base.id, "hello")).matches == []
    await client.delete_document(base.id, document.id)
    await client.delete_knowledge(base.id)


async def faces_and_voices(client: Client) -> None:
    [*presenters] = (await client.presenters()).rows
    one = presenters[-1].presenter_id
    await client.update_presenter(one, {"name": "Nora"})
    assert (await client.presenter(one)).name == "Nora"
    assert await client.drivers(one)
    await client.delete_presenter(one)
    [avatar, *_] = await client.expressive_avatars()
    assert (await client.expressive_avatar(avatar.id)).sentiments
    scene = await client.create_scene_avatar({"source_url": "https://x/me.mp4"})
    assert (await client.scene_avatar(scene.id)).state
    assert [found.id for found in (await client.scene_avatars()).rows] == [scene.id]
    await client.delete_scene_avatar(scene.id)
    for options in ({"file": ("me.wav", b"RIFF")}, {"source": "https://x/me.wav"}):
        voice_id = await client.clone_voice("Me", "en", **options)
        [voice] = await client.voices(voice_id=voice_id)
        assert voice.voiceType == "CloneVoice"
        await client.delete_voice(voice_id)
    image = await client.upload_image("a.png", picture())
    assert (await client.detect_faces(image.url)).metadata["width"] == 8
    await client.delete_image(image.id)
    audio = await client.upload_audio("a.wav", b"RIFF")
    await client.delete_audio(audio.id)


async def the_account(client: Client) -> None:
    assert (await client.credits()).remaining > 0
    await client.update_settings({"agents_insights_is_enabled": True})
    assert (await client.settings()).agents_insights_is_enabled
    assert await client.logo() == {}
    await client.upload_logo("l.png", picture(), top=1, left=2)
    assert (await client.logo())["position"] == [1, 2]
    await client.delete_logo()
    secret = await client.create_secret({"type": "bearer", "provider": "x", "token": "t"})
    await client.update_secret(secret.id, {"provider": "y"})
    assert (await client.secret(secret.id)).provider == "y"
    assert [one.id for one in await client.secrets()] == [secret.id]
    await client.delete_secret(secret.id)
