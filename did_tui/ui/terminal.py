"""The way to the terminal: Textual's driver on an outlet that nobody has to wait for."""

from __future__ import annotations

import os
import select
import shutil
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.driver import Driver
    from textual.message import Message

CHUNK = 4096  # bytes of one write, after which it is known how many are pending
CONGESTED = 16_384  # bytes not yet taken by the terminal from which nothing more is painted
PATIENCE = 2.0  # seconds without progress after which leaving does not wait any longer

ANSWER_SECONDS = 0.5  # that leaving waits for a first answer, which would be typed at the prompt

#: DSR 6 (ECMA-48): the terminal answers with the place of its cursor, when it has come that far.
ASK = "\x1b[6n"

#: Ends whatever was cut off: a control string, a synchronized update, a colour.
CUT_OFF = "\x1b\\\x1b[?2026l\x1b[0m"


class Outlet:
    """Writes to a terminal in a thread of its own.

    ``pending`` is what the terminal has not taken yet, in bytes. ``on_eased`` is called in that
    thread when there was too much of it and all of it has gone. Where the terminal is gone (the
    line dropped, the window was closed), everything is swallowed: the program must still end in
    order, so that streams are closed.
    """

    def __init__(self, fileno: int, on_eased: Callable[[], None] = lambda: None) -> None:
        self._fileno = fileno
        self._on_eased = on_eased
        self._changed = threading.Condition()
        self._chunks: deque[bytes] = deque()
        self._round = 0  # counts what was thrown away
        self._stopping = False
        self._congested = False
        self.pending = 0
        self.bytes_written = 0
        self.gone = False
        self._thread = threading.Thread(target=self._run, name="terminal", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        """Hand over; never waits."""
        self.send(text.encode("utf-8", "replace"))

    def send(self, data: bytes) -> None:
        """The same with bytes."""
        with self._changed:
            if self.gone:
                return
            if not self._chunks:
                self._changed.notify_all()
            self._chunks.append(data)
            self.pending += len(data)
            self.bytes_written += len(data)
            self._congested = self._congested or self.pending > CONGESTED

    def clear(self) -> None:
        """Throw away what the terminal has not taken."""
        with self._changed:
            self._chunks.clear()
            self.pending = 0
            self._round += 1
            self._changed.notify_all()

    def close(self, timeout: float) -> None:
        """Wait for the rest to be taken, as long as some is in this many seconds, and stop."""
        with self._changed:
            before = self.pending + 1
            while 0 < self.pending < before and not self.gone:
                before = self.pending
                self._changed.wait_for(lambda: not self.pending, timeout)
            self._stopping = True
            self._round += 1
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._chunks or self._stopping)
                if self._stopping:
                    return
                data, begun = b"".join(self._chunks), self._round
                self._chunks.clear()
            self._send(memoryview(data), begun)

    def _send(self, data: memoryview, begun: int) -> None:
        while data and begun == self._round:
            try:
                taken = os.write(self._fileno, data[:CHUNK])
            except BlockingIOError:  # somebody else made the terminal non-blocking
                select.select([], [self._fileno], [], 0.1)
                continue
            except OSError:
                self.gone = True
                self.clear()
                return
            data = data[taken:]
            with self._changed:
                if begun != self._round:
                    return
                self.pending -= taken
                eased = self._congested and not self.pending
                self._congested = self._congested and not eased
                self._changed.notify_all()
            if eased:
                self._on_eased()


def driver_class(env: Mapping[str, str] = os.environ) -> type[Driver] | None:
    """The driver to run on, None for Textual's own choice (Windows, or another driver)."""
    if in_browser(env):
        from did_tui.ui.web import BrowserDriver

        return BrowserDriver
    if sys.platform == "win32" or env.get("TEXTUAL_DRIVER"):
        return None
    from textual._xterm_parser import XTermParser
    from textual.drivers.linux_driver import LinuxDriver
    from textual.events import CursorPosition

    class TerminalDriver(LinuxDriver):
        """Textual's driver on an outlet of our own."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            assert self._file is not None  # noqa: S101
            self._descriptor = self._file.fileno()
            self._size = self._size or grid_size(self._descriptor)
            self._outlet: Outlet | None = None
            self._written_before = 0
            self._asked = self._answered = 0
            self._leaving = self._left = False

        def start_application_mode(self) -> None:
            """Begin, or begin again after having been suspended."""
            self._outlet = Outlet(self._descriptor, self._eased)
            self._asked = self._answered = 0
            self._leaving = self._left = False
            super().start_application_mode()  # type: ignore[no-untyped-call]

        def _get_terminal_size(self) -> tuple[int, int]:
            """Textual asks the environment first, where a size stays that was true once."""
            return grid_size(self._descriptor)

        def run_input_thread(self) -> None:
            """Take what was typed before there was somebody to read single keys, then go on."""
            for message in XTermParser().feed(typed_early(self.fileno)):
                self.process_message(message)
            super().run_input_thread()

        def write(self, data: str) -> None:
            """Hand over; never waits."""
            if self._leaving:
                data = data.replace(ASK, "")
            if self._outlet is not None and not self._left:
                self._asked += data.count(ASK)
                sent = getattr(self._app, "sent", None)
                self._outlet.write(sent(data) if sent is not None else data)

        def disable_input(self) -> None:
            """Take what the terminal has still to answer, then read no more.

            One that has answered before is given more time than one that may never answer.
            """
            self._leaving = True
            self._cut_off()
            answered, since = self._answered, time.monotonic()
            while self._answered < self._asked and not (self._outlet and self._outlet.gone):
                patience = PATIENCE if self._answered else ANSWER_SECONDS
                if time.monotonic() > since + patience:
                    break
                time.sleep(0.01)
                if answered != self._answered:
                    answered, since = self._answered, time.monotonic()
            self._asked = self._answered
            super().disable_input()

        def stop_application_mode(self) -> None:
            """Give the terminal back as it was; what it has not taken is not sent any more.

            Nor is what is painted later, while the conversation is still being closed.
            """
            self._cut_off()
            super().stop_application_mode()
            self._left = True

        def _cut_off(self) -> None:
            """Throw away what a slow terminal has not taken."""
            if self._outlet is not None and self._outlet.pending > CONGESTED:
                self._outlet.clear()
                self.write(CUT_OFF)

        def close(self) -> None:
            """Wait for the terminal a little, then stop."""
            super().close()
            if self._outlet is not None:
                self._outlet.close(PATIENCE)
                self._written_before += self._outlet.bytes_written
                self._outlet = None

        @property
        def bytes_written(self) -> int:
            """Bytes handed over so far."""
            now = self._outlet.bytes_written if self._outlet is not None else 0
            return self._written_before + now

        @property
        def pending(self) -> int:
            """Bytes that the terminal has not taken yet."""
            return self._outlet.pending if self._outlet is not None else 0

        @property
        def cell(self) -> tuple[int, int] | None:
            """Width and height of a cell in pixels, None where the terminal does not tell."""
            return cell_size(self._descriptor)

        def process_message(self, message: Message) -> None:
            """Keep answers to our questions from going the long way; input thread."""
            if isinstance(message, CursorPosition):
                self._answered += 1
                answered = getattr(self._app, "terminal_answered", None)
                if answered is not None:
                    answered(message.time, message.x, message.y)
            else:
                super().process_message(message)

        def _eased(self) -> None:
            eased = getattr(self._app, "terminal_eased", None)
            if eased is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(eased)

    return TerminalDriver


def in_browser(env: Mapping[str, str] = os.environ) -> bool:
    """Whether ``textual-serve`` shows this program in a browser."""
    return env.get("TEXTUAL_DRIVER", "").endswith(":WebDriver")


def typed_early(fileno: int) -> str:
    """What waits at a terminal that has just left its line mode: it was typed at the start.

    Line mode has made a line feed of each enter, which is control and J to an application; here it
    is enter again.
    """
    try:
        waits = select.select([fileno], [], [], 0)[0]
        typed = os.read(fileno, CHUNK) if waits else b""
    except (OSError, ValueError):
        return ""  # the terminal is gone, and nobody types any more
    return typed.decode(errors="replace").replace("\n", "\r")


def grid_size(fileno: int) -> tuple[int, int]:
    """Columns and rows of a terminal now.

    ``COLUMNS`` and ``LINES`` count only where the terminal does not know (a serial line says 0×0):
    a shell or a multiplexer that exported them does not change them when it is resized.
    """
    try:
        cols, rows = os.get_terminal_size(fileno)
    except OSError:
        cols = rows = 0
    if not cols or not rows:
        cols, rows = shutil.get_terminal_size()
    return cols, rows


def cell_size(fileno: int) -> tuple[int, int] | None:
    """Width and height of a cell in pixels (``TIOCGWINSZ``), None where they make no sense."""
    import fcntl
    import termios

    try:
        answer = fcntl.ioctl(fileno, termios.TIOCGWINSZ, bytes(8))
    except OSError:
        return None
    rows, cols, width, height = struct.unpack("HHHH", answer)
    if not rows or not cols:
        return None
    cell = width // cols, height // rows
    sane = 2 <= cell[0] <= 200 and 4 <= cell[1] <= 400 and 0.2 <= cell[0] / cell[1] <= 2
    return cell if sane else None


def capabilities(env: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """The shape and the depth of colours that a terminal is trusted with before it was asked.

    ``NO_COLOR`` (no-color.org), ``COLORTERM`` and ``TERM`` are what there is to know. The Linux
    console and older terminals get letters: their fonts and colours are anybody's guess.
    """
    term = env.get("TERM", "")
    if env.get("NO_COLOR"):
        return "ascii", "none"
    if in_browser(env):
        return "half", "true"
    if term in ("linux", "dumb", "") or term.startswith(("vt1", "vt2", "ansi", "cons")):
        return "ascii", "none"
    if env.get("COLORTERM", "").lower() in ("truecolor", "24bit") or term.endswith("-direct"):
        return "half", "true"
    if term in ("xterm-kitty", "xterm-ghostty", "alacritty", "foot", "wezterm", "contour"):
        return "half", "true"
    return "half", "256" if "256" in term else "16"


def chosen(shape: str, colours: str, trusted: tuple[str, str]) -> tuple[str, str]:
    """Shape and colours from what the user wants (``auto`` for no wish) and what is trusted."""
    if shape == "auto":
        wants_colours = colours not in ("auto", "none") and trusted[0] == "ascii"
        shape = "half" if wants_colours else trusted[0]
    if colours == "auto":
        colours = trusted[1]
        if colours == "none" and shape not in ("ascii", "braille"):
            colours = "16"
    return shape, colours


#: Seconds of the clock that Textual stamps its events with.
now = time.perf_counter if sys.platform == "win32" else time.monotonic
