"""Sound from an address: what is fetched, decoded and refused, and how the lips move to it."""

from __future__ import annotations

import io
import threading
import wave
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from did_tui.emulator.audio import LARGEST, LIP_STEP, RATE, decoded, lips, speech_at
from did_tui.emulator.refusal import Refusal


def wav(samples: np.ndarray, rate: int = 16_000) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return out.getvalue()


def tone(seconds: float, rate: int = 16_000, hz: float = 200, level: float = 12_000) -> np.ndarray:
    return level * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)


FILES = {
    "/tone.wav": wav(tone(0.5)),
    "/junk.mp3": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n",
    "/silent.wav": wav(np.zeros(0)),
    "/huge.wav": b"RIFF" + bytes(LARGEST),
}
MOVED = {
    "/moved.wav": "/tone.wav",
    "/out.wav": "http://d-id.example/x.wav",
    "/round.wav": "/round.wav",
}


class Files(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path in MOVED:
            self.send_response(302)
            self.send_header("Location", MOVED[self.path])
            self.end_headers()
            return
        content = FILES.get(self.path)
        self.send_response(404 if content is None else 200)
        self.end_headers()
        try:
            self.wfile.write(content or b"")
        except OSError:
            pass  # the reader had enough

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def files() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("name", ["/tone.wav", "/moved.wav"])
async def test_sound_is_fetched_and_decoded(files: str, name: str) -> None:
    speech = await speech_at(files + name)
    assert speech.rate == RATE
    assert speech.duration == pytest.approx(0.5, abs=0.05)
    assert np.abs(np.frombuffer(speech.pcm, np.int16)).max() > 10_000
    assert {sound for _, sound in speech.phonemes} & set("ɛɑ")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("/none.wav", "404"),
        ("/junk.mp3", "not sound"),
        ("/silent.wav", "sound"),
        ("/huge.wav", "15 MB"),
        ("/out.wav", "https"),
        ("/round.wav", "too often"),
    ],
)
async def test_what_is_no_sound(files: str, name: str, said: str) -> None:
    with pytest.raises(Refusal) as refused:
        await speech_at(files + name)
    assert refused.value.status == 400
    assert said in refused.value.description


@pytest.mark.parametrize(
    "url",
    [
        None,
        5,
        "",
        "x.wav",
        "file:///etc/hostname.wav",
        "http://192.0.2.1/x.wav",
        "http://localhost.example/x.wav",
        "https://",
        "https://[/x.wav",
        "https://d-id.example/x.m3u8",
        "http://127.0.0.1/x",
        "https://d-id.example/" + "x" * 5000 + ".wav",
    ],
)
async def test_addresses_that_are_not_fetched(url: object) -> None:
    with pytest.raises(Refusal) as refused:
        await speech_at(url)
    assert refused.value.status == 400


async def test_nothing_listens_there() -> None:
    with pytest.raises(Refusal, match="cannot be fetched"):
        await speech_at("http://127.0.0.1:1/x.wav")


def test_a_file_is_read_as_what_it_is_called() -> None:
    with pytest.raises(Refusal):
        decoded(FILES["/tone.wav"], "flac")


def test_lips_are_shut_in_silence_and_open_as_it_is_loud() -> None:
    quiet, loud = np.zeros(RATE // 2), tone(0.5, RATE)
    hiss = np.random.default_rng(1).normal(0, 8000, RATE // 2)
    sound = np.concatenate([quiet, loud, hiss]).clip(-32768, 32767).astype(np.int16)
    shapes = [shape for _, shape in lips(sound)]
    half = int(0.5 / LIP_STEP)
    assert set(shapes[: half - 1]) == {""}
    assert set(shapes[half + 1 : 2 * half - 1]) <= set("ɛɑ")
    assert set(shapes[2 * half + 2 :]) == {"s"}
