"""D-ID's own web SDK, unmodified, in a browser, talks with the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from chromium import Chromium, program
from conftest import KEY, RunningEmulator
from websdk import Talk, Unavailable, download, served

SECONDS = 40.0  # for anything to happen
BASIC = {"type": "basic", "username": "demo", "password": "emulator"}
BEARER = {"type": "bearer", "token": KEY}

pytestmark = pytest.mark.skipif(program() is None, reason="Chromium is not installed")


@dataclass(frozen=True)
class Sdk:
    version: str
    url: str


@pytest.fixture(scope="module", params=["2.0.10", "1.2.10"])
def sdk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sdk]:
    """The page with one version of the SDK; another origin than the emulator's."""
    folder: Path = tmp_path_factory.mktemp("sdk")
    try:
        dist = download(request.param, folder)
    except Unavailable as error:
        pytest.skip(f"D-ID's web SDK is not to be had: {error}")
    with served(dist) as url:
        yield Sdk(request.param, url)


class Control:
    """The emulator's control API."""

    def __init__(self, url: str) -> None:
        self._url = url

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = httpx.get(f"{self._url}/__control/state").json()
        return state

    def order(self, path: str, **body: object) -> None:
        httpx.post(f"{self._url}/__control/{path}", json=body).raise_for_status()

    def agent(self, name: str) -> str:
        headers = {"Authorization": f"Basic {KEY}"}
        agents = httpx.get(f"{self._url}/agents/me", headers=headers).json()["agents"]
        return str(next(agent["id"] for agent in agents if agent["preview_name"] == name))


async def test_a_fluent_conversation(sdk: Sdk, emulator: RunningEmulator) -> None:
    control = Control(emulator.url)
    before = control.state()
    async with Chromium() as browser:
        talk = await Talk.open(browser, sdk.url)
        await talk("create", control.agent("Mira"), emulator.url, BASIC, {"fluent": True})
        connected = await talk("connect")
        assert connected["type"] == "fluent"
        assert connected["interrupt"] is True
        seen = await talk("sees", 25, SECONDS)
        assert seen["bright"] > 0.5
        assert seen["width"] == 512

        answer = await talk("chat", "How do I interrupt you?", SECONDS)
        assert "control and C" in answer["message"]["content"]
        assert answer["response"]["matches"][0]["title"] == "How do I interrupt you?"
        assert answer["response"]["result"] == ""
        await talk("talking", SECONDS)
        await talk("hears", SECONDS)
        await talk("interrupt")
        await talk("silent", 3)  # the answer itself takes ten seconds

        spoken = await talk("speak", "This is said as it stands.")
        assert spoken["status"] == "started"
        await talk("talking", SECONDS)
        await talk("hears", SECONDS)
        await talk("silent", SECONDS)
        assert await talk("rate") == [1, -1, True]
        assert (await talk("feedback"))["rating"] == 5

        assert await talk("reconnect") == "fluent"
        await talk("sees", 5, SECONDS)
        answer = await talk("chat", "Hello", SECONDS)
        assert answer["message"]["content"]
        await talk("disconnect")
        log = await talk.log()
        assert log["errors"] == talk.page.errors == []
        assert len(log["chats"]) == 1, "the chat outlives the stream"
        assert log["states"][-1][0] == "disconnected"
        await talk.page.close()
    assert no_stream_is_new(before, control.state())


async def test_a_legacy_conversation_with_warm_up(sdk: Sdk, emulator: RunningEmulator) -> None:
    control = Control(emulator.url)
    before = control.state()
    async with Chromium() as browser:
        talk = await Talk.open(browser, sdk.url)
        options = {"streamWarmup": True, "compatibilityMode": "off", "sessionTimeout": 100}
        await talk("create", control.agent("Juno"), emulator.url, BEARER, options)
        # The SDK says so when it has seen the warm-up's frames stop.
        connected = await talk("connect")
        assert connected["type"] == "legacy"
        assert connected["connected"] > 1500
        await talk("speak", "Look up.")
        await talk("hears", SECONDS)
        await talk("sees", 5, SECONDS)
        await talk("videoStops", SECONDS)
        await talk("disconnect")
        log = await talk.log()
        assert log["errors"] == talk.page.errors == []
        await talk.page.close()
    assert no_stream_is_new(before, control.state())


async def test_an_idle_close_is_understood_and_survived(
    sdk: Sdk, emulator: RunningEmulator
) -> None:
    control = Control(emulator.url)
    before = control.state()
    async with Chromium() as browser:
        talk = await Talk.open(browser, sdk.url)
        await talk("create", control.agent("Kai"), emulator.url, BASIC, {"fluent": True})
        await talk("connect")
        (mine,) = ids(control.state()) - ids(before)
        control.order(f"streams/{mine}/close", reason="inactivity")
        await talk("ended", SECONDS)
        if sdk.version.startswith("2."):  # the older one does not listen for the reason
            assert ["disconnected", "inactivity"] in (await talk.log())["states"]
        await talk("reconnect")
        answer = await talk("chat", "What is an espresso?", SECONDS)
        assert "eighteen grams" in answer["message"]["content"]
        await talk("disconnect")
        assert len((await talk.log())["chats"]) == 1
        await talk.page.close()
    assert no_stream_is_new(before, control.state())


@pytest.mark.parametrize("sdk", ["2.0.10"], indirect=True)
async def test_an_expressive_conversation(sdk: Sdk, emulator: RunningEmulator) -> None:
    control = Control(emulator.url)
    async with Chromium() as browser:
        talk = await Talk.open(browser, sdk.url)
        await talk("create", control.agent("Iris"), emulator.url, BASIC, {})
        await talk("connect")
        seen = await talk("sees", 25, SECONDS)
        assert seen["bright"] > 0.5
        assert (seen["width"], seen["height"]) == (512, 512)
        assert "Iris" in await talk("greeted", SECONDS)
        await talk("hears", SECONDS)

        answer = await talk("chat", "Why is the sky blue?", SECONDS)
        assert answer["message"]["content"].startswith("Sunlight")
        await talk("talking", SECONDS)
        await talk("hears", SECONDS)
        await talk("interrupt")
        await talk("silent", 3)  # the answer itself takes ten seconds

        await talk("speak", "This is said as it stands.")
        await talk("talking", SECONDS)
        await talk("hears", SECONDS)
        await talk("silent", SECONDS)
        assert await talk("rate") == [1, -1, True]
        assert (await talk("feedback"))["rating"] == 5

        await talk("reconnect")
        await talk("sees", 5, SECONDS)
        answer = await talk("chat", "Hello", SECONDS)
        assert answer["message"]["content"]
        (room,) = control.state()["rooms"]
        assert room["attributes"]["device"] == "Linux, Desktop"
        control.order(f"sessions/{room['id']}/close", reason="ended_by_agent")
        await talk("ended", SECONDS)
        log = await talk.log()
        assert log["errors"] == talk.page.errors == []
        assert ["disconnected", "ended_by_agent"] in log["states"]
        await talk("disconnect")
        await talk.page.close()
    assert control.state()["rooms"] == []


def ids(state: dict[str, Any]) -> set[str]:
    return {stream["id"] for stream in state["streams"] if not stream["lost"]}


def no_stream_is_new(before: dict[str, Any], after: dict[str, Any]) -> bool:
    return ids(after) <= ids(before)
