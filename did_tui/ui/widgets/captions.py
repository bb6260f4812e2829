"""Two lines under the face: the words as they are heard."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from did_tui.live.captions import Captions
from did_tui.live.conversation import Conversation
from did_tui.ui.text import plain


class CaptionLines(Static):
    """The captions of a conversation, hidden while they are off.

    ``switch`` is what the user wants; None leaves it to whether there is sound.
    """

    DEFAULT_CSS = """
    CaptionLines { height: 2; background: $surface; text-wrap: nowrap; display: none; }
    """

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self.switch: bool | None = None
        self._captions = Captions()
        self._drawn = ("", "")

    def toggle(self) -> bool:
        """On, or off again; what it is now."""
        self.switch = not self.display
        self.display = self.switch
        return self.switch

    def follow(self, conversation: Conversation, heard: float, *, silent: bool) -> None:
        """Show what has been heard after so many seconds of sound; ``silent`` where none can be."""
        self.display = silent if self.switch is None else self.switch
        self._captions.follow(conversation, heard)
        lines = self._captions.at(heard, self.size.width)
        if lines != self._drawn:
            self._drawn = lines
            self.update(Content("\n".join(map(plain, lines))))

    def cut(self, heard: float) -> None:
        """The agent was interrupted after so many seconds of sound."""
        self._captions.cut(heard)
