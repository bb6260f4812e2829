"""The speaker in a real browser: is every beep heard, and was the latency true?

    python -m bench.browser chromium          # or firefox-esr; add #pcm for PCM

It needs PulseAudio and the browser. A beep is played each second; what the browser plays is
recorded, and each onset is compared with the moment that the latency had promised.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from nullsink import NullSink

from did_tui.live.media.speaker import RATE
from did_tui.live.media.web import WebSpeaker

BEEPS = 10
BLOCK = RATE // 100

#: Firefox plays without a click with these.
PREFERENCES = """user_pref("media.autoplay.default", 0);
user_pref("media.autoplay.blocking_policy", 0);
user_pref("media.cubeb.sandbox", false);
"""


def command(browser: str, profile: str, url: str) -> list[str]:
    """Start the browser without a window."""
    if browser.startswith("firefox"):
        Path(profile, "user.js").write_text(PREFERENCES, encoding="utf-8")
        return [browser, "--headless", "--profile", profile, "--no-remote", url]
    flags = "--headless=new --no-sandbox --disable-gpu".split()
    policy = "--autoplay-policy=no-user-gesture-required"
    return [browser, *flags, policy, f"--user-data-dir={profile}", url]


def feed(speaker: WebSpeaker, promised: list[float], over: threading.Event) -> None:
    """Play 50 ms of 1 kHz each second, and note when each is to be heard."""
    played = 0
    tone = (12_000 * np.sin(2 * np.pi * 1000 * np.arange(BLOCK) / RATE)).astype(np.int16)
    beep = np.repeat(tone, 2).tobytes()
    while not over.wait(0.006):
        for _ in range(speaker.writable() // BLOCK):
            into_second = played % RATE
            if not into_second and speaker.audible:
                promised.append(time.monotonic() + speaker.latency())
            speaker.write(beep if into_second < 5 * BLOCK else bytes(len(beep)))
            played += BLOCK


def main(browser: str, fragment: str) -> int:
    """Print what was heard; 1 if a beep was not."""
    promised: list[float] = []
    over = threading.Event()
    speaker = WebSpeaker(0)
    feeder = threading.Thread(target=feed, args=(speaker, promised, over))
    feeder.start()
    url = speaker.invitation.split()[4] + fragment
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        NullSink() as pulse,
        pulse.record() as heard,
    ):
        program = subprocess.Popen(
            command(browser, profile, url),
            env=pulse.env() | {"HOME": profile},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while len(promised) < BEEPS and program.poll() is None:
            time.sleep(0.1)
        time.sleep(0.5)
        latency = speaker.latency()
        program.terminate()
        program.wait(10)
    over.set()
    feeder.join()
    speaker.close()
    onsets = np.array(heard.onsets(3000))
    settled = promised[3:BEEPS]  # the first ones teach it the latency
    errors = [float(moment - onsets[np.argmin(abs(onsets - moment))]) for moment in settled]
    print(f"{len(onsets)} beeps heard; latency {latency * 1000:.0f} ms;")
    print("promised minus heard:", ", ".join(f"{error * 1000:+.0f} ms" for error in errors))
    return int(max(map(abs, errors)) > 0.4)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], "".join(sys.argv[2:])))
