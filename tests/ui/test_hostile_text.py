"""Text from a service steers no terminal: every screen is walked through in a real one, and what
comes out is held against what comes out of the same walk with harmless data (``hostile.py
harmless``, which ``DID_TUI_WALK=harmless`` tries)."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
import unicodedata
from pathlib import Path

from hostile import CRAFTED, MARK, Poison

from did_tui.plain import Grown
from did_tui.text import LONGEST, harmless, one_line, shown
from did_tui.ui.terminal import CUT_OFF

WALK = Path(__file__).parent.parent / "hostile.py"
SEED = int(os.environ.get("DID_TUI_SEED", "7"))
SECONDS = 240  # that a busy machine may take

_SEQUENCE = re.compile(
    r"\x1b\[[<=>?]?[0-9;:]*[ -/]*[@-~]"
    r"|\x1b\].*?(?:\x07|\x1b\\)"
    r"|\x1b[P_^X].*?\x1b\\"
    r"|\x1b[ -/]*[0-~]",
    re.DOTALL,
)
#: What steers or hides, and is no sequence of its own: C0 but the line's own, C1, bidirectional
#: controls, zero widths that join nothing.
_STEERS = re.compile("[\x00-\x06\x0b-\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2028\u2029"
                     "\u2060-\u206f\ufeff\U000e0000-\U000e007f]")  # fmt: skip


class Walk:
    """A walk in a terminal of its own."""

    def __init__(self, which: str) -> None:
        self.data = b""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environment = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self._process = subprocess.Popen(
            [sys.executable, str(WALK), which, str(SEED)],
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=slave,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    def take(self) -> bool:
        """Read what there is; whether more may come."""
        if not select.select([self._master], [], [], 0.05)[0]:
            return self._process.poll() is None
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:
            return False
        self.data += data
        os.write(self._master, b"\x1b[1;1R" * data.count(b"\x1b[6n"))
        return True

    def end(self) -> str:
        """All that came, when it has walked everywhere."""
        text, cut, leaving = self.data.decode("utf-8", "replace").partition(CUT_OFF)
        if cut:  # the terminal was slow when it ended: what was being written then was not finished
            text = text[: text.rfind("\x1b")] + leaving
        try:
            out, _ = self._process.communicate(timeout=10)
        finally:
            self._process.kill()
            self._process.wait()
            os.close(self._master)
        assert self._process.returncode == 0, _SEQUENCE.sub("", text)[-2000:]
        assert b"walked everywhere" in out
        return text


def kinds(text: str) -> set[str]:
    """The sequences in what was written, without their numbers."""
    return {
        re.sub("[0-9]+", "N", re.sub("(?<=\x1b\\]52;c;)[A-Za-z0-9+/=]*", "", found))
        if not found.endswith("m")
        else "\x1b[m"
        for found in _SEQUENCE.findall(text)
    }


#: All that the program and Textual send, whatever the data.
OURS = {
    "\x1b[N;NH", "\x1b[C", "\x1b[NC",  # where it is written
    "\x1b[m",
    "\x1bN",  # the cursor kept and brought back (7, 8)
    "\x1b[?Nh", "\x1b[?Nl", "\x1b[?N$p", "\x1b[>Nu", "\x1b[<u",  # modes, and keyboards
    "\x1b[Nn",  # where the cursor is
    "\x1b]N;default\x07",  # the pointer
    "\x1b]N;c;\x07",  # what was copied
}  # fmt: skip


def test_nothing_but_the_programs_own_sequences_reaches_the_terminal() -> None:
    which = os.environ.get("DID_TUI_WALK", "hostile")
    walk = Walk(which)
    end = time.monotonic() + SECONDS
    while walk.take():
        assert time.monotonic() < end, "it has not walked everywhere in time"
    text = walk.end()
    sequences = _SEQUENCE.findall(text)
    left = _SEQUENCE.sub("", text)
    assert (MARK in left) == (which == "hostile"), "the texts have been on the screen"
    assert kinds(text) == OURS
    assert not [one for one in sequences if MARK in one or "31337" in one]
    assert "\x1b" not in left
    assert sorted({f"U+{ord(found):04X}" for found in _STEERS.findall(left)}) == []


def test_the_judge_can_condemn() -> None:
    """Every crafted text would be noticed, if it came through as it is."""
    usual = "\x1b[1;2Hwords\x1b[0m\x1b[?25l"
    for crafted in CRAFTED[:14]:
        written = usual + crafted + usual
        left = _SEQUENCE.sub("", written)
        assert (
            kinds(written) - kinds(usual)
            or [one for one in _SEQUENCE.findall(written) if MARK in one]
            or "\x1b" in left
            or _STEERS.search(left)
        ), crafted.encode()


def test_lines_for_pipes_and_screen_readers_have_none_of_it() -> None:
    """What ``--plain`` writes, whatever an answer is and however it grows."""
    poison = Poison(SEED, hostile=True)
    for _ in range(200):
        grown, whole = Grown(), ""
        for _ in range(4):
            whole += poison.text()
            written = grown.more(whole)
            assert "\x1b" not in written
            assert not _STEERS.search(written), written.encode()


def test_a_megabyte_is_cut_and_lines_stay() -> None:
    assert len(one_line("x" * (1 << 20))) <= LONGEST
    assert harmless("a\nb\tc") == "a\nb\tc"
    assert unicodedata.is_normalized("NFC", harmless("é"))


def test_a_text_that_is_kept_as_it_is_is_shown_with_signs() -> None:
    """Letter for letter: the cursor of a line stands where it seems to."""
    for crafted in CRAFTED:
        assert len(shown(crafted)) == len(crafted)
        assert not _STEERS.search(shown(crafted))
        assert "\x1b" not in shown(crafted)
        assert "\n" not in shown(crafted)
    assert shown("é日😀 [b]") == "é日😀 [b]"
