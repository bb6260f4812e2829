"""The speaker in a browser: who gets in, what arrives there, and what is known about it."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import math
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from feeder import wait_until
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from did_tui.live.media import web
from did_tui.live.media.speaker import FRAME_BYTES, RATE, SpeakerError, open_speaker
from did_tui.live.media.web import MOST_LISTENERS, MOST_UNHEARD, PACKET, WebSpeaker


@pytest.fixture
def speaker() -> Iterator[WebSpeaker]:
    playing = WebSpeaker(0)
    yield playing
    playing.close()


def path_of(speaker: WebSpeaker) -> str:
    """The secret part of the address, as the user gets it."""
    return "/" + speaker.invitation.split()[4].rpartition("/")[2]


def get(speaker: WebSpeaker, path: str, host: str = "") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", speaker.port, timeout=5)
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", host or f"127.0.0.1:{speaker.port}")
    connection.endheaders()
    response = connection.getresponse()
    response.text = response.read().decode()  # type: ignore[attr-defined]
    connection.close()
    return response


def tab(speaker: WebSpeaker, codec: str = "pcm", origin: str = "", path: str = "") -> connect:
    """Connect as the page does."""
    here = f"127.0.0.1:{speaker.port}"
    return connect(
        f"ws://{here}{path or path_of(speaker)}/{codec}",
        origin=Origin(origin or f"http://{here}"),
        compression=None,
    )


def play(speaker: WebSpeaker, packets: int, *, hertz: float = 440) -> None:
    """Play a tone in blocks of 10 ms, as fast as it goes."""
    frames = np.arange(packets * PACKET)
    tone = (9000 * np.sin(2 * np.pi * hertz * frames / RATE)).astype(np.int16)
    pcm = np.repeat(tone[:, None], 2, axis=1).tobytes()
    block = RATE // 100 * FRAME_BYTES
    for start in range(0, len(pcm), block):
        speaker.write(pcm[start : start + block])


async def packet(socket: ClientConnection) -> tuple[float, bytes]:
    """The next packet: the frame it begins with, and the rest."""
    while True:
        message = await asyncio.wait_for(socket.recv(), 5)
        if isinstance(message, bytes):
            return struct.unpack("<d", message[:8])[0], message[8:]


# Who gets in


def test_the_page_is_whole_and_loads_nothing_from_elsewhere(speaker: WebSpeaker) -> None:
    page = get(speaker, path_of(speaker))
    text: str = page.text  # type: ignore[attr-defined]
    policy = page.headers["Content-Security-Policy"]
    assert page.status == 200
    assert "NONCE" not in text
    assert "http://" not in text
    assert "https://" not in text
    assert f"connect-src ws://127.0.0.1:{speaker.port};" in policy
    assert "default-src 'none'" in policy
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/favicon.ico", "/x", "//", "/%2e%2e", "/x/pcm"])
def test_without_the_token_there_is_nothing(speaker: WebSpeaker, path: str) -> None:
    assert get(speaker, path).status == 403
    assert get(speaker, path_of(speaker)[:-1]).status == 403
    assert get(speaker, path_of(speaker) + "x").status == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example"])
def test_another_host_name_is_refused(speaker: WebSpeaker, host: str) -> None:
    assert get(speaker, path_of(speaker), host).status == 403


@pytest.mark.parametrize("host", ["localhost:9000", "127.0.0.1", "[::1]:8765"])
def test_the_near_end_of_a_tunnel_is_let_in(speaker: WebSpeaker, host: str) -> None:
    page = get(speaker, path_of(speaker), host)
    assert page.status == 200
    assert f"connect-src ws://{host};" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
async def test_another_pages_script_is_refused(speaker: WebSpeaker, origin: str) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        await tab(speaker, origin=origin)


async def test_unknown_codecs_and_paths_are_refused(speaker: WebSpeaker) -> None:
    with pytest.raises(InvalidStatus, match="404"):
        await tab(speaker, "mp3")
    with pytest.raises(InvalidStatus, match="404"):
        await tab(speaker, "pcm/more")
    with pytest.raises(InvalidStatus, match="403"):
        await tab(speaker, path="/guess")


async def test_a_few_tabs_and_no_more(speaker: WebSpeaker) -> None:
    tabs = [await tab(speaker) for _ in range(MOST_LISTENERS)]
    assert wait_until(lambda: speaker.name == "browser, 4 listening", 2)
    fifth = await tab(speaker)
    with pytest.raises(ConnectionClosed):
        await asyncio.wait_for(fifth.recv(), 5)
    assert fifth.close_reason == "4 tabs listen already."
    for socket in tabs:
        await socket.close()
    assert wait_until(lambda: not speaker.audible, 2)
    assert speaker.name == "browser, not open"


async def test_the_token_is_in_no_log(
    speaker: WebSpeaker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    get(speaker, path_of(speaker))
    get(speaker, path_of(speaker), "evil.example")
    logging.getLogger("websockets.client").setLevel(logging.WARNING)  # the test's own
    async with tab(speaker) as socket:
        await socket.send("nonsense")
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 5)
    logging.getLogger("websockets.client").setLevel(logging.NOTSET)
    assert path_of(speaker)[1:] not in caplog.text
    assert path_of(speaker)[1:] not in speaker.name


# What arrives


async def test_pcm_arrives_frame_for_frame(speaker: WebSpeaker) -> None:
    async with tab(speaker, "pcm") as socket:
        assert wait_until(lambda: speaker.audible, 2)
        left, right = np.arange(960, dtype="<i2"), np.arange(960, dtype="<i2") * 3
        speaker.write(np.stack([left, right], axis=1).tobytes() * 2)
        for number in range(2):
            first, data = await packet(socket)
            assert first == number * PACKET
            assert (np.frombuffer(data, "<i2") == left * 2).all()


async def test_opus_arrives_and_is_the_tone(speaker: WebSpeaker) -> None:
    async with tab(speaker, "opus") as socket:
        assert wait_until(lambda: speaker.audible, 2)
        play(speaker, 20)
        decoder = av.CodecContext.create("opus", "r")
        assert isinstance(decoder, av.AudioCodecContext)
        decoder.sample_rate, decoder.layout = RATE, "stereo"
        sound, firsts, size = [], [], 0
        for _ in range(20):
            first, data = await packet(socket)
            firsts.append(first)
            size += len(data)
            sound += [frame.to_ndarray() for frame in decoder.decode(av.Packet(data))]
    assert (np.diff(firsts) == PACKET).all()
    assert firsts[0] == -312, "libopus looks 6.5 ms ahead"
    assert size < 20 * web.OPUS_BITS / 8 / 50 * 1.5
    heard = np.concatenate(sound, axis=1)[0, RATE // 10 :].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    assert np.argmax(spectrum) * RATE / len(heard) == pytest.approx(440, abs=5)


async def test_the_latency_is_what_the_page_has_heard(speaker: WebSpeaker) -> None:
    assert speaker.latency() == 0
    async with tab(speaker) as socket:
        assert wait_until(lambda: speaker.audible, 2)
        assert math.isnan(speaker.latency())
        began = time.monotonic()

        async def converse() -> None:
            """Play on time, to a page that is always 150 ms behind."""
            written = 0
            while True:
                while written < (time.monotonic() - began) * RATE:
                    speaker.write(bytes(PACKET * FRAME_BYTES))
                    written += PACKET
                await socket.send(json.dumps({"heard": (time.monotonic() - began - 0.15) * RATE}))
                await asyncio.sleep(0.02)

        conversing = asyncio.create_task(converse())
        told: float | None = None
        async with asyncio.timeout(5):
            while told is None:
                message = await socket.recv()
                told = json.loads(message)["latency"] if isinstance(message, str) else None
        assert told == pytest.approx(0.15, abs=0.05)
        assert speaker.latency() == pytest.approx(0.15, abs=0.05)
        conversing.cancel()


@pytest.mark.parametrize("message", ["x" * 2000, "[]", '{"heard": 1e99}', '{"heard": "no"}', "1"])
async def test_a_page_that_talks_nonsense_is_left(speaker: WebSpeaker, message: str) -> None:
    async with tab(speaker) as socket:
        await socket.send(message)
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 5)
    assert wait_until(lambda: not speaker.audible, 2)


async def test_a_tab_that_hears_nothing_is_not_sent_more_and_more(speaker: WebSpeaker) -> None:
    async with tab(speaker) as socket:
        assert wait_until(lambda: speaker.audible, 2)
        for _ in range(30):
            play(speaker, 10)
            await asyncio.sleep(0.01)
        firsts = []
        with pytest.raises(TimeoutError):
            while True:
                async with asyncio.timeout(0.5):
                    firsts.append((await packet(socket))[0])
        assert len(firsts) <= MOST_UNHEARD
        await socket.send(json.dumps({"heard": firsts[-1] + PACKET}))
        await asyncio.sleep(0.2)
        play(speaker, 1)
        assert (await packet(socket))[0] == 300 * PACKET


async def test_flush_reaches_the_page(speaker: WebSpeaker) -> None:
    async with tab(speaker) as socket:
        assert wait_until(lambda: speaker.audible, 2)
        speaker.flush()
        assert json.loads(await asyncio.wait_for(socket.recv(), 5)) == {"flush": True}


# Ports


def test_a_port_that_is_taken_is_said(speaker: WebSpeaker) -> None:
    with pytest.raises(SpeakerError, match=f"Port {speaker.port} of this machine is taken"):
        open_speaker(f"web:{speaker.port}")


@pytest.mark.parametrize("sink", ["web:x", "web:65536", "web:-1", "webb"])
def test_what_is_no_port_is_refused(sink: str) -> None:
    with pytest.raises(SpeakerError, match="Unknown sound output"):
        open_speaker(sink)


def test_the_port_is_free_again_and_the_address_stays() -> None:
    first = WebSpeaker(0)
    first.close()
    first.close()
    second = WebSpeaker(first.port)
    assert second.invitation == first.invitation
    second.close()
    with pytest.raises(SpeakerError, match="closed"):
        second.write(bytes(FRAME_BYTES))


@pytest.mark.skipif(sys.platform != "linux", reason="it reads Linux's table of sockets")
def test_it_listens_on_loopback_only(speaker: WebSpeaker) -> None:
    table = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    rows = [line.split() for line in table.splitlines()]
    listening = "0A"  # linux/net/tcp_states.h
    port = f":{speaker.port:04X}"
    addresses = [row[1] for row in rows if row[1].endswith(port) and row[3] == listening]
    assert addresses == [f"0100007F{port}"]
