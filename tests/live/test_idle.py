"""The film of a face that says nothing."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable

import av
import numpy as np
import pytest

from did_tui.live.media.idle import IdleLoop


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
