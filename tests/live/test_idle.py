"""The film of a face that says nothing."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from collections.abc import Callable

import av
import numpy as np
import pytest

from did_tui.api.client import Client
from did_tui.api.credentials import Credentials
from did_tui.api.models import RuntimeAgent
from did_tui.live.conversation import Conversation
from did_tui.live.media.idle import FADE, Crossing, IdleLoop, blended
from did_tui.live.media.playback import Playback
from did_tui.ui.screens.idleface import QUIET, IdleFace


def film(pictures: int, form: str = "mp4") -> bytes:
    """A film at 25 pictures a second, each a little brighter."""
    data = io.BytesIO()
    with av.open(data, "w", format=form) as file:
        stream = file.add_stream("mpeg4", rate=25, width=64, height=64, pix_fmt="yuv420p")
        for number in range(pictures):
            grey = np.full((64, 64, 3), 20 + number * 20, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(grey)))
        file.mux(stream.encode(None))
    return data.getvalue()


def until(happened: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_it_begins_again_at_its_end() -> None:
    came: list[int] = []
    loop = IdleLoop(film(5), lambda: came.append(1))
    loop.start()
    loop.start()
    until(lambda: len(came) > 12)
    assert loop.take() is not None
    assert loop.taken == 1
    loop.stop()
    assert loop.take() is None
    assert not loop.running
    until(lambda: not any(thread.name == "idle" for thread in threading.enumerate()))
    before = len(came)
    loop.start()
    until(lambda: len(came) > before)
    loop.stop()


@pytest.mark.parametrize("data", [b"", b"no film", film(5)[:400], film(5, "avi")])
def test_what_is_no_film_shows_nothing(data: bytes) -> None:
    loop = IdleLoop(data, lambda: None)
    loop.start()
    until(lambda: not any(thread.name == "idle" for thread in threading.enumerate()))
    assert loop.take() is None
    loop.stop()


def grey(level: int, size: int = 64, form: str = "yuv420p") -> av.VideoFrame:
    picture = np.full((size, size, 3), level, np.uint8)
    return av.VideoFrame.from_ndarray(picture).reformat(format=form)


def level(frame: av.VideoFrame | None) -> float:
    assert frame is not None
    return float(frame.to_ndarray(format="rgb24").mean())


def test_one_source_fades_into_the_other() -> None:
    crossing = Crossing()
    assert level(crossing.next(grey(40), "film", 0.0)) == pytest.approx(40, abs=3)
    seen = [level(crossing.next(grey(200, 96), "stream", 1.0 + number / 25)) for number in range(8)]
    assert seen == sorted(seen)
    assert seen[0] == pytest.approx(40, abs=3), "no jump"
    assert max(np.diff(seen)) < 160 * 0.04 / FADE + 3
    last = grey(90)
    assert crossing.next(last, "stream", 1.4) is last, "and then nothing is mixed any more"


@pytest.mark.parametrize("over", [grey(200, 63, "rgb24"), grey(200, 64, "rgb24")])
def test_what_cannot_be_mixed_is_shown_as_it_is(over: av.VideoFrame) -> None:
    assert blended(grey(40), over, 0.5) is over


class Pictures(Playback):
    """Gives one picture of a stream when it has one."""

    picture: av.VideoFrame | None = None

    def take_picture(self) -> av.VideoFrame | None:
        picture, self.picture = self.picture, None
        return picture


async def test_the_film_goes_on_until_the_stream_is_seen_and_after_its_last_picture() -> None:
    """Dark is the film and bright the stream: between two of one there is none of the other."""
    now, dark, bright = [0.0], film(1), grey(240)
    stream, client = Pictures(), Client(Credentials.parse("a:b"))

    async def fetched(_url: str) -> bytes:
        return dark

    client.picture = fetched  # type: ignore[method-assign,assignment]
    face = IdleFace(lambda: None, lambda: now[0])
    face.attach(stream)
    conversation = Conversation()
    conversation.phase = "connected"
    agent = RuntimeAgent.parse({"idle_video": "http://127.0.0.1/idle.mp4"})
    face.look(conversation, agent, client)

    async def of_the_film() -> float:
        async with asyncio.timeout(20):
            while True:
                face.look(conversation, agent, client)
                taken = face.take()
                if taken is not None:
                    return level(taken)
                await asyncio.sleep(0.01)

    assert await of_the_film() < 40
    conversation.speaking = True
    assert await of_the_film() < 40, "nothing of the stream is to be seen yet"
    for _ in range(12):
        now[0] += 0.04
        stream.picture = bright
        shown = face.take()
        await asyncio.sleep(0.05)  # the film would have its next picture
        face.look(conversation, agent, client)
        assert face.take() is None
    assert level(shown) > 230
    conversation.speaking = False  # told before the last pictures are seen
    for _ in range(3):
        now[0] += 0.04
        stream.picture = bright
        assert level(face.take()) > 230
        face.look(conversation, agent, client)
        assert face.take() is None
    now[0] += QUIET + 0.01
    assert await of_the_film() > 230, "it begins with what stood there"
    now[0] += FADE
    assert await of_the_film() < 40
    conversation.phase = "disconnected"
    face.look(conversation, agent, client)
    assert face.take() is None
    face.close()
