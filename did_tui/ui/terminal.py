"""The way to the terminal: Textual's driver, made to count and to outlive its terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.driver import Driver


class _Output:
    """A text file that counts what it writes and swallows what can no longer be written.

    When the terminal is gone (the line dropped, the window was closed), every write fails; the
    program must still end in order, so that streams are closed.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self.bytes_written = 0
        self.gone = False

    def write(self, text: str) -> None:
        """Write, unless the terminal is gone."""
        if self.gone:
            return
        try:
            self._file.write(text)
        except (OSError, ValueError):
            self.gone = True
        else:
            self.bytes_written += len(text.encode("utf-8", "replace"))

    def flush(self) -> None:
        """Flush, unless the terminal is gone."""
        if self.gone:
            return
        try:
            self._file.flush()
        except (OSError, ValueError):
            self.gone = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def driver_class() -> type[Driver] | None:
    """The driver to run on, None for Textual's own choice (Windows)."""
    if sys.platform == "win32":
        return None
    from textual.drivers.linux_driver import LinuxDriver

    class TerminalDriver(LinuxDriver):
        """Textual's driver on an output that counts."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._file: Any = _Output(self._file)

        @property
        def bytes_written(self) -> int:
            """Bytes written to the terminal so far."""
            return int(self._file.bytes_written)

    return TerminalDriver
