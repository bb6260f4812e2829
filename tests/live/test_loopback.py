"""A real conversation over WebRTC on this machine: pictures are decoded, the voice is heard."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from conftest import KEY, RunningEmulator
from nullsink import NullSink, needs_pulse

from did_tui.api.client import Client
from did_tui.api.credentials import Credentials
from did_tui.live import wire
from did_tui.live.media.playback import Playback
from did_tui.live.media.recorder import Recorder
from did_tui.live.media.speaker import SilentSpeaker, Speaker
from did_tui.live.runner import STREAM_OPTIONS, Runner

SECONDS = 20.0


class Call:
    """A runner on the emulator, and what it showed."""

    def __init__(
        self,
        client: Client,
        agent_id: str,
        playback: Playback,
        options: Mapping[str, Any] = STREAM_OPTIONS,
        **more: Any,
    ) -> None:
        self.explained: list[str] = []
        self.pictures: list[np.ndarray] = []
        self.runner = Runner(
            client, agent_id, playback, options=options, explain=self.explained.append, **more
        )
        self.playback = playback
        playback._on_picture = self._picture

    def _picture(self) -> None:
        frame = self.playback.take_picture()
        assert frame is not None
        self.pictures.append(frame.to_ndarray(format="gray8")[::8, ::8].astype(int))

    async def until(self, happened: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS):
            while not happened():
                await asyncio.sleep(0.02)

    @property
    def answers(self) -> list[str]:
        return [m.text for m in self.runner.conversation.messages if m.role == "assistant"]


def client_of(emulator: RunningEmulator) -> Client:
    return Client(Credentials.parse(KEY), emulator.url, emulator.ws_url)


async def agent_named(client: Client, name: str) -> str:
    return next(agent.id for agent in [a async for a in client.agents()] if agent.name == name)


def silent(_sink: str) -> Speaker:
    return SilentSpeaker()


async def test_a_fluent_agent_answers_moves_and_goes(emulator: RunningEmulator) -> None:
    client = client_of(emulator)
    call = Call(client, await agent_named(client, "Mira"), Playback(open_speaker=silent))
    conversation = call.runner.conversation
    call.runner.say("How do I interrupt you?")  # before it is connected: it waits
    await call.runner.open()
    await call.until(lambda: conversation.phase == "connected")
    await call.until(lambda: conversation.activity == "talking")
    assert conversation.fluent
    assert "control and C" in call.answers[-1]
    assert conversation.messages[-1].citations[0].title == "How do I interrupt you?"
    assert all(progress.state == "done" for progress in conversation.steps.values())
    await call.until(lambda: len(call.pictures) > 30)
    mouth = [picture[36:50, 24:40] for picture in call.pictures]
    assert max(np.abs(a - b).mean() for a in mouth[::5] for b in mouth[::5]) > 2, "a still picture"
    call.runner.interrupt()
    await call.until(lambda: conversation.messages[-1].state == "interrupted")
    closing = time.monotonic()
    await call.runner.close()
    assert time.monotonic() - closing < 4
    assert conversation.phase == "disconnected"
    assert conversation.end_reason == "user"
    assert not call.runner.talk.set_language("German")
    assert not call.runner.talk.present({"slide": 3})
    assert all("Only expressive agents" in sentence for sentence in call.explained)
    await client.close()


async def test_a_legacy_agent_shows_pictures_only_while_it_talks(
    emulator: RunningEmulator,
) -> None:
    client = client_of(emulator)
    call = Call(client, await agent_named(client, "Juno"), Playback(open_speaker=silent))
    conversation = call.runner.conversation
    call.runner.say("Why do stars twinkle?")
    await call.runner.open()
    await call.until(lambda: conversation.activity == "talking")
    await call.until(lambda: len(call.pictures) > 10)
    call.runner.interrupt()
    assert call.explained == ["This agent cannot be interrupted: it does not stream fluently."]
    await call.until(lambda: conversation.activity == "idle")
    await asyncio.sleep(0.5)
    shown = len(call.pictures)
    await asyncio.sleep(0.5)
    assert len(call.pictures) <= shown + 1
    await call.runner.close()
    await client.close()


@pytest.mark.parametrize("told", [True, False])
async def test_a_legacy_stream_with_warm_up_is_connected_when_that_has_ended(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    heard = wire.from_channel
    if not told:  # then it is seen: the pictures stand still
        monkeypatch.setattr(
            wire, "from_channel", lambda data: None if data == "stream/ready" else heard(data)
        )
    client = client_of(emulator)
    agent_id = await agent_named(client, "Juno")
    call = Call(client, agent_id, Playback(open_speaker=silent), {"stream_warmup": True})
    conversation = call.runner.conversation
    await call.runner.open()
    await call.until(lambda: conversation.steps["channel"].state == "done")
    assert conversation.phase == "connecting"
    began = time.monotonic()
    await call.until(lambda: conversation.activity == "idle" and not conversation.warming)
    assert time.monotonic() - began > 1
    await call.runner.close()
    await client.close()


async def test_h264_is_decoded_as_well(emulator: RunningEmulator) -> None:
    client = client_of(emulator)
    options = {"fluent": True, "compatibility_mode": "off"}
    agent_id = await agent_named(client, "Otto")
    call = Call(client, agent_id, Playback(open_speaker=silent), options)
    await call.runner.open()
    await call.until(lambda: len(call.pictures) > 20)
    assert call.pictures[-1].std() > 20, "there is a face in it"
    await call.runner.close()
    await client.close()


async def test_closing_in_the_middle_of_connecting_leaves_nothing(
    emulator: RunningEmulator,
) -> None:
    client = client_of(emulator)
    agent_id = await agent_named(client, "Mira")
    for wait in (0.0, 0.005, 0.02, 0.05, 0.1):
        call = Call(client, agent_id, Playback(open_speaker=silent))
        opening = asyncio.create_task(call.runner.open())
        await asyncio.sleep(wait)
        await call.runner.close()
        await opening
        assert call.runner.conversation.phase in ("disconnected", "failed", "connecting", "new")
    await client.close()


async def test_an_agent_that_does_not_exist_fails_in_words(emulator: RunningEmulator) -> None:
    client = client_of(emulator)
    call = Call(client, "agt_nobody", Playback(open_speaker=silent))
    await call.runner.open()
    conversation = call.runner.conversation
    assert conversation.phase == "failed"
    assert "knows nothing of that name" in conversation.trouble
    assert conversation.advice
    await call.runner.close()
    await client.close()


async def test_a_conversation_is_recorded(emulator: RunningEmulator, tmp_path: Path) -> None:
    client = client_of(emulator)
    playback = Playback(open_speaker=silent)
    playback.recorder = Recorder(tmp_path / "call.mp4")
    call = Call(client, await agent_named(client, "Mira"), playback)
    call.runner.say("How do I interrupt you?")
    await call.runner.open()
    await call.until(lambda: call.runner.conversation.activity == "talking")
    await asyncio.sleep(3)
    await call.runner.close()
    await client.close()
    assert playback.recorder.trouble == ""
    with av.open(str(tmp_path / "call.mp4")) as file:
        moments = [frame.time or 0.0 for frame in file.decode(video=0)]
    with av.open(str(tmp_path / "call.mp4")) as file:
        blocks = [np.abs(block.to_ndarray()).max() for block in file.decode(audio=0)]
    assert len(moments) > 30
    assert moments[-1] > 2
    assert max(blocks) > 0.05, "the voice is in it"


async def test_a_second_conversation_uses_the_warm_connection(emulator: RunningEmulator) -> None:
    client = client_of(emulator)
    agent_id = await agent_named(client, "Mira")
    seen: list[set[int]] = []
    for _ in range(2):
        call = Call(client, agent_id, Playback(open_speaker=silent))
        await call.runner.open()
        pool: Any = client._http["local"]._transport
        seen.append({id(connection) for connection in pool._pool.connections})
        await call.runner.close()
    assert seen[0] & seen[1]
    assert pool._pool._keepalive_expiry > 60, "also when the user thinks for a minute"
    await client.close()


@needs_pulse
async def test_the_voice_is_heard(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with NullSink() as pulse:
        for name, value in pulse.env().items():
            monkeypatch.setenv(name, value)
        client = client_of(emulator)
        trouble: list[str] = []
        playback = Playback(sink="pulse", on_trouble=trouble.append)
        with pulse.record() as heard:
            call = Call(client, await agent_named(client, "Kai"), playback)
            call.runner.say("What is an espresso?")
            await call.runner.open()
            await call.until(lambda: call.runner.conversation.activity == "talking")
            await asyncio.sleep(3)
            await call.runner.close()
        assert trouble == []
        samples = heard.pcm.astype(float).mean(axis=1)
        loud = np.abs(samples) > 300
        assert loud.sum() > 48_000 * 0.5, "the voice was not heard"
        assert playback.counters.sound_heard > 48_000 * 2
        await client.close()
