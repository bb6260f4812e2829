"""Makes the clip that the benchmarks play: a talking head, 512 x 512, 25 fps, 10 s.

The head is the emulator's drawn agent: it sways, blinks and speaks. Grain is laid over it, as every
camera and codec leaves some. The same seed gives the same pictures.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
# The meters multiply small matrices: more threads only get into the way of what is measured.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import av  # noqa: E402
import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402

from did_tui.emulator.face import LOOKS, REST, VISEMES, Face, mouth_at  # noqa: E402

FPS = 25
SECONDS = 10.0
SIZE = 512
SEED = 7
GRAIN = 2.0  # standard deviation, of 255

CODECS = {
    ".mp4": (
        "libx264",
        {
            "crf": "20",
            "preset": "medium",
            "tune": "zerolatency",
            "x264-params": "threads=1:keyint=250:bframes=0",
        },
    ),
    ".webm": ("libvpx", {"crf": "10", "b": "2M", "deadline": "good", "cpu-used": "4"}),
}
BT601, LIMITED = 5, 1  # what an untagged stream is taken for, and its range


def speech(seconds: float, rng: random.Random) -> list[tuple[float, str]]:
    """Mouth shapes and when they begin, in ms: words of a few sounds with pauses between."""
    shapes = sorted(set(VISEMES) - {"sil"})
    said: list[tuple[float, str]] = []
    moment = 400.0
    while moment < seconds * 1000:
        for _ in range(rng.randint(4, 22)):
            said.append((moment, rng.choice(shapes)))
            moment += rng.uniform(55, 130)
        said.append((moment, "sil"))
        moment += rng.uniform(120, 700)
    return said


def pictures(
    seconds: float = SECONDS, seed: int = SEED, look: str = "mira"
) -> Iterator[npt.NDArray[np.uint8]]:
    """The frames, (512, 512, 3) red, green, blue."""
    said = speech(seconds, random.Random(seed))
    grain = np.random.default_rng(seed)
    face = Face(LOOKS[look], seed)
    for number in range(round(seconds * FPS)):
        moment = number / FPS
        mouth = mouth_at(said, moment * 1000) if said else REST
        drawn = face.frame(moment, mouth, speaking=True, energy=0.3 + 0.5 * mouth.open)
        pixels = np.asarray(drawn, np.float32)
        noise = grain.standard_normal((SIZE, SIZE, 1), dtype=np.float32) * GRAIN
        yield np.clip(pixels + noise + 0.5, 0, 255).astype(np.uint8)


def write(path: Path, frames: Iterator[npt.NDArray[np.uint8]]) -> None:
    """Encode frames as H.264 (.mp4) or VP8 (.webm)."""
    codec, options = CODECS[path.suffix]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width = stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.colorspace = BT601
        stream.codec_context.color_range = LIMITED
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(
                format="yuv420p", dst_colorspace="ITU601", interpolation="AREA"
            )
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def ensure(path: Path | None = None) -> Path:
    """The clip at this place, made if it is not there yet."""
    if path is None:
        path = Path(tempfile.gettempdir()) / "did-tui-bench" / f"talk{SIZE}.mp4"
    if not path.exists():
        print(f"making {path}", file=sys.stderr)
        path.parent.mkdir(parents=True, exist_ok=True)
        half_done = path.with_stem(f"{path.stem}.part")
        write(half_done, pictures())
        half_done.rename(path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="where to write it: .mp4 (H.264) or .webm (VP8)")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--look", choices=sorted(LOOKS), default="mira")
    options = parser.parse_args()
    if options.file.suffix not in CODECS:
        parser.error(f"the file's name must end in {' or '.join(CODECS)}")
    write(options.file, pictures(options.seconds, options.seed, options.look))
    print(f"{options.file}: {options.file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
