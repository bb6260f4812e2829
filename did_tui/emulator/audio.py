"""Sound from an address, to be spoken: fetched, decoded, and lips for it (protocol 3.8)."""

from __future__ import annotations

import asyncio
import io
from urllib.parse import urljoin, urlsplit

import av
import httpx
import numpy as np
import numpy.typing as npt

from did_tui.emulator.refusal import bad_request
from did_tui.emulator.sources import is_local
from did_tui.emulator.voice import Speech

RATE = 48_000  # Hz of the sound that is spoken
LARGEST = 15 * 1024 * 1024  # bytes (protocol 3.8)
LONGEST = 300  # seconds of sound; the rest is left out
PATIENCE = 15.0  # seconds for the whole of fetching
REDIRECTS = 3
LIP_STEP = 0.08  # seconds that the lips keep a shape

#: The endings that D-ID takes, and the one format that FFmpeg may see in each: a playlist that
#: pretends to be sound could have it open other addresses.
FORMATS = {"m4a": "mp4", "mp4": "mp4", "flac": "flac", "mp3": "mp3", "wav": "wav"}


async def speech_at(url: object) -> Speech:
    """The sound at an address; a refusal where it cannot be had."""
    kind = _checked(url)
    try:
        async with asyncio.timeout(PATIENCE):
            data = await _fetch(str(url))
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        said = str(error) or type(error).__name__
        raise bad_request(f"audio_url cannot be fetched: {said}") from error
    return await asyncio.to_thread(decoded, data, kind)


def decoded(data: bytes, kind: str) -> Speech:
    """The sound in a file of one of ``FORMATS``, with lip movements made from its loudness."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    blocks: list[npt.NDArray[np.int16]] = []
    count = 0
    try:
        with av.open(io.BytesIO(data), "r", format=FORMATS[kind]) as container:
            for frame in container.decode(audio=0):
                for part in resampler.resample(frame):
                    blocks.append(part.to_ndarray().reshape(-1).astype(np.int16))
                    count += len(blocks[-1])
                if count >= LONGEST * RATE:
                    break
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise bad_request(f"audio_url is not sound that can be read: {error}") from error
    if not count:
        raise bad_request("audio_url has no sound in it")
    samples = np.concatenate(blocks)[: LONGEST * RATE]
    return Speech(RATE, samples.astype("<i2").tobytes(), (), tuple(lips(samples)))


def lips(samples: npt.NDArray[np.int16]) -> list[tuple[float, str]]:
    """Phonemes that open the mouth as far as the sound is loud, and hiss where it hisses."""
    step = int(LIP_STEP * RATE)
    whole = np.pad(samples, (0, -len(samples) % step)).reshape(-1, step).astype(np.float32)
    loud = np.sqrt((whole * whole).mean(axis=1))
    top = max(float(np.percentile(loud, 95)), 1.0)
    crossings = (np.diff(np.signbit(whole), axis=1)).mean(axis=1)
    phonemes = []
    for index, (level, hiss) in enumerate(zip(loud / top, crossings, strict=True)):
        if level * top < 100 or level < 0.08:
            sound = ""
        elif hiss > 0.2:
            sound = "s"
        else:
            sound = "mɪəɛɑ"[min(int(level * 5), 4)]
        phonemes.append((index * LIP_STEP * 1000, sound))
    return phonemes


async def _fetch(url: str) -> bytes:
    async with httpx.AsyncClient(timeout=httpx.Timeout(10, connect=5)) as http:
        for _ in range(REDIRECTS + 1):
            async with http.stream("GET", url) as response:
                if response.has_redirect_location:
                    url = urljoin(url, response.headers["location"])
                    _check_host(url)
                    continue
                response.raise_for_status()
                data = bytearray()
                async for chunk in response.aiter_bytes():
                    data += chunk
                    if len(data) > LARGEST:
                        raise bad_request("audio_url is larger than 15 MB")
                return bytes(data)
    raise bad_request("audio_url redirects too often")


def _checked(url: object) -> str:
    """The ending of an address that may be fetched."""
    if not isinstance(url, str) or len(url) > 4096:
        raise bad_request("script.audio_url must be an address")
    ending = _check_host(url).rpartition(".")[2].lower()
    if ending not in FORMATS:
        raise bad_request(f"script.audio_url must end in one of {', '.join(FORMATS)}")
    return ending


def _check_host(url: str) -> str:
    """The path of an address over HTTPS or on this machine; a refusal for any other."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        raise bad_request(f"script.audio_url is not an address: {error}") from error
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and is_local(host))):
        raise bad_request("script.audio_url must be an https address")
    return parts.path
