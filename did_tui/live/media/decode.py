"""From what a packet carries to sound at 48 kHz, two channels, 16 bits.

Opus is decoded by libopus itself through ctypes, because that alone gives what a packet holds of
the packet before it (in-band FEC, RFC 6716 section 2.1.7). The library is the one that PyAV brings
along, else the system's; without either, PyAV decodes, and a lost packet is merely concealed.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from did_tui.live.media.speaker import RATE

Samples = NDArray[np.int16]
"""Sound: an array of shape (frames, 2)."""

LONGEST_PACKET = RATE * 120 // 1000  # frames, RFC 6716 section 2.1.4

_COMPANDED = {"pcmu": ("pcm_mulaw", 8000), "pcma": ("pcm_alaw", 8000), "g722": ("g722", 16000)}


class Decoder(Protocol):
    """Decodes the packets of one source, in their order."""

    clock: int
    """Ticks of the RTP timestamp in a second."""

    def frames(self, payload: bytes) -> int:
        """How many frames at 48 kHz a packet lasts, without decoding it; 0 for a broken one."""

    def decode(self, payload: bytes) -> Samples | None:
        """The sound of a packet; None where it is broken."""

    def recover(self, payload: bytes, frames: int, /) -> Samples | None:
        """The sound before this packet, lost, as far as the packet carries it."""


def decoder_of(codec: str) -> Decoder:
    """A new decoder for the codec of this name, as SDP spells it; raises ValueError."""
    name = codec.lower()
    if name == "opus":
        library = _libopus()
        return LibOpus(library) if library is not None else AvOpus()
    if name in _COMPANDED:
        return Companded(*_COMPANDED[name])
    raise ValueError(f"no decoder for {codec}")


# Opus


def opus_frames(payload: bytes) -> int:
    """How long an Opus packet lasts, in frames at 48 kHz (RFC 6716 section 3.1)."""
    if not payload:
        return 0
    config, code = payload[0] >> 3, payload[0] & 3
    if config < 12:  # SILK
        each = (480, 960, 1920, 2880)[config & 3]
    elif config < 16:  # hybrid
        each = (480, 960)[config & 1]
    else:  # CELT
        each = (120, 240, 480, 960)[config & 3]
    count = (1, 2, 2, payload[1] & 0x3F if len(payload) > 1 else 0)[code]
    total = each * count
    return total if total <= LONGEST_PACKET else 0


def opus_carries_previous(payload: bytes) -> bool:
    """Whether an Opus packet carries its predecessor once more.

    The first bits of a SILK frame are one voice activity flag for each 20 ms and then the flag of
    the redundancy, for each channel (RFC 6716 section 4.2.3). Told only for packets of one frame,
    which is what senders of conversations make.
    """
    if len(payload) < 2 or payload[0] & 0x80 or payload[0] & 3:
        return False
    parts = max(1, opus_frames(payload) // 960)
    channels = 2 if payload[0] & 4 else 1
    return any(
        payload[1] & (0x80 >> ((channel + 1) * (parts + 1) - 1))
        for channel in range(channels)
        if (channel + 1) * (parts + 1) <= 8
    )


class LibOpus:
    """libopus through ctypes; its functions are those of opus.h."""

    clock = RATE

    def __init__(self, library: ctypes.CDLL) -> None:
        """Raises ValueError where libopus has no memory."""
        self._library = library
        error = ctypes.c_int()
        self._state = library.opus_decoder_create(RATE, 2, ctypes.byref(error))
        if not self._state:
            raise ValueError(f"libopus: error {error.value}")
        self._room = np.zeros((LONGEST_PACKET, 2), np.int16)

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._library.opus_decoder_destroy(self._state)
            self._state = None

    def frames(self, payload: bytes) -> int:
        """How many frames a packet lasts."""
        return opus_frames(payload)

    def decode(self, payload: bytes) -> Samples | None:
        """The sound of a packet; None where it is broken."""
        return self._decode(payload, LONGEST_PACKET, 0) if payload else None

    def recover(self, payload: bytes, frames: int) -> Samples | None:
        """The packet before this one, if this one carries it; to be asked before ``decode``."""
        if not opus_carries_previous(payload) or not 0 < frames <= LONGEST_PACKET:
            return None
        return self._decode(payload, frames, 1)

    def _decode(self, payload: bytes, most: int, previous: int) -> Samples | None:
        room = self._room.ctypes.data_as(ctypes.c_void_p)
        got = self._library.opus_decode(self._state, payload, len(payload), room, most, previous)
        return self._room[:got].copy() if got > 0 else None


class AvOpus:
    """Opus through PyAV, which gives no way to the redundancy."""

    clock = RATE

    def __init__(self) -> None:
        self._codec: Any = av.CodecContext.create("libopus", "r")
        self._codec.format, self._codec.layout = "s16", "stereo"
        self._codec.sample_rate = RATE

    def frames(self, payload: bytes) -> int:
        """How many frames a packet lasts."""
        return opus_frames(payload)

    def decode(self, payload: bytes) -> Samples | None:
        """The sound of a packet; None where it is broken."""
        return _decoded(self._codec, payload, samples_of)

    def recover(self, _payload: bytes, _frames: int) -> Samples | None:
        """Nothing."""
        return None


@functools.cache
def _libopus() -> ctypes.CDLL | None:
    package = Path(av.__file__).parent
    places = [*package.parent.glob("av.libs/*opus*"), *package.glob(".dylibs/*opus*")]
    names = [str(place) for place in sorted(places)]
    system = ctypes.util.find_library("opus")
    for name in [*names, *([system] if system else [])]:
        try:
            # It works for less time than to give up Python's lock and get it back can take.
            library = ctypes.PyDLL(name)
            create, decode = library.opus_decoder_create, library.opus_decode
            destroy = library.opus_decoder_destroy
        except (OSError, AttributeError):
            continue
        number, pointer = ctypes.c_int, ctypes.c_void_p
        create.restype, create.argtypes = pointer, [ctypes.c_int32, number, pointer]
        decode.argtypes = [pointer, ctypes.c_char_p, ctypes.c_int32, pointer, number, number]
        destroy.restype, destroy.argtypes = None, [pointer]
        return library
    return None


# The rest


class Companded:
    """G.711 and G.722, which are what WebRTC knows beside Opus (RFC 7874)."""

    clock = 8000  # of G.722 too, whose sound has 16 kHz (RFC 3551 section 4.5.2)

    def __init__(self, codec: str, rate: int) -> None:
        context: Any = av.CodecContext.create(codec, "r")
        context.layout, context.sample_rate = "mono", rate
        self._codec = context
        self._convert = Converter()

    def frames(self, payload: bytes) -> int:
        """How many frames a packet lasts: one byte is one tick."""
        return len(payload) * RATE // self.clock

    def decode(self, payload: bytes) -> Samples | None:
        """The sound of a packet; None where it is broken."""
        return _decoded(self._codec, payload, self._convert)

    def recover(self, _payload: bytes, _frames: int) -> Samples | None:
        """Nothing."""
        return None


class Plain:
    """Sound that is decoded already: what a packet carries is s16 stereo at 48 kHz."""

    clock = RATE

    def frames(self, payload: bytes) -> int:
        """How many frames the payload holds."""
        return len(payload) // 4

    def decode(self, payload: bytes) -> Samples | None:
        """The payload itself."""
        whole = len(payload) // 4 * 4
        return np.frombuffer(payload[:whole], np.int16).reshape(-1, 2)

    def recover(self, _payload: bytes, _frames: int) -> Samples | None:
        """Nothing."""
        return None


class Converter:
    """Any decoded sound, mono or of another rate, as s16 stereo at 48 kHz.

    Mono is as loud on both sides as it was: FFmpeg would make it 3 dB quieter.
    """

    def __init__(self) -> None:
        self._kind: tuple[str, str, int] | None = None
        self._resampler: av.AudioResampler | None = None

    def __call__(self, frame: av.AudioFrame) -> Samples:
        """Convert one frame; the kind of sound may change from one to the next."""
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind == ("s16", "stereo", RATE):
            return samples_of(frame)
        if kind != self._kind or self._resampler is None:
            self._kind = kind
            layout = "mono" if frame.layout.nb_channels == 1 else "stereo"
            self._resampler = av.AudioResampler(format="s16", layout=layout, rate=RATE)
        # Timestamps of the source are of no use here, and jumps in them confuse the resampler.
        frame.pts = None
        parts = [samples_of(part) for part in self._resampler.resample(frame)]
        return np.concatenate(parts) if parts else np.zeros((0, 2), np.int16)


def samples_of(frame: av.AudioFrame) -> Samples:
    """A packed s16 frame, mono or stereo, as an array."""
    mono = frame.layout.nb_channels == 1
    samples = frame.to_ndarray().reshape(-1, 1 if mono else 2).astype(np.int16, copy=False)
    return np.repeat(samples, 2, axis=1) if mono else samples


def _decoded(
    codec: Any, payload: bytes, convert: Callable[[av.AudioFrame], Samples]
) -> Samples | None:
    if not payload:
        return None
    try:
        frames = codec.decode(av.Packet(payload))
    except av.error.FFmpegError:
        return None
    parts = [convert(frame) for frame in frames]
    return np.concatenate(parts) if parts else None
