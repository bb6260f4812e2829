"""The video that a client shows between a legacy agent's utterances (protocol 2.2)."""

from __future__ import annotations

import io

import av
import numpy as np

from did_tui.emulator.face import Face

FPS = 25
SECONDS = 3  # there, and the same way back: the end is where it began


def idle_video(face: Face) -> bytes:
    """A face that breathes and blinks, as an MP4 (H.264, no sound) that loops without a jump."""
    there = [np.asarray(face.frame(number / FPS)) for number in range(SECONDS * FPS)]
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.height, stream.width = there[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "23"}
        for picture in [*there, *there[-2:0:-1]]:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()
