"""What is measured of a conversation, and where it is told: the status line and the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from did_tui.live.conversation import Conversation
from did_tui.ui.screens import words
from did_tui.ui.screens.stage import Stage
from did_tui.ui.sound import Sound
from did_tui.ui.widgets.stats import Rates, Sample, sound_rows
from did_tui.ui.widgets.statusline import StatusLine

if TYPE_CHECKING:
    from did_tui.live.media.playback import Figures
    from did_tui.ui.app import DidTui


class Gauges:
    """Looks at the counters of picture and sound, and shows them."""

    def __init__(self, app: DidTui, stage: Stage, sound: Sound) -> None:
        self.line = StatusLine()
        self._app, self._stage, self._sound = app, stage, sound
        self._rates = Rates()

    @property
    def _figures(self) -> Figures | None:
        return self._sound.playback.figures if self._sound.playback is not None else None

    def look(self, conversation: Conversation, lasted: float) -> None:
        """Show how it is now, so many seconds after it began."""
        counters = self._sound.playback.counters if self._sound.playback is not None else None
        now = self._app.now()
        self._rates.add(
            Sample(
                now,
                self._stage.face.frames_shown,
                self._app.bytes_written,
                counters.sound_heard if counters else 0,
                counters.sound_concealed if counters else 0,
                counters.sound_lost if counters else 0,
            )
        )
        match conversation.phase:
            case "new" | "connecting":
                self.line.say("◐", "$warning", words.waits(conversation, now))
            case "connected":
                self._tell(conversation, lasted, now)
            case "disconnecting":
                self.line.say("◐", "$warning", "closing the stream at D-ID")
            case "disconnected" | "failed":
                self.line.say("○", "$muted", "not connected")
        if self._stage.stats.display:
            self._tell_stats()

    def _tell(self, conversation: Conversation, lasted: float, now: float) -> None:
        sound, figures = self._sound, self._figures
        video = conversation.plan.video
        missing = 0.0 if sound.silent else self._rates.missing
        trouble = words.trouble(conversation, figures if video else None, missing, now)
        told = [
            sound.microphone_in_words,
            words.volume(sound.volume, muted=sound.muted, keymap=self._app.keymap),
            *self._pace(),
            words.delay(figures),
            words.apart(figures),
            sound.name,
        ]
        self.line.tell(
            words.activity(conversation),
            lasted,
            level=sound.level if video else None,
            trouble=trouble,
            words=[word for word in told if word not in trouble] if video else [],
        )

    def _pace(self) -> list[str]:
        """Frames shown and bytes sent a second, and what slows them."""
        told = [f"{self._rates.fps:.0f} fps"]
        if self._app.paced:
            told.append(f"{self._rates.bytes_a_second / 1024:.0f} KB/s")
            told.append(self._app.pace.in_words.partition(":")[0])
        return told

    def _tell_stats(self) -> None:
        face, figures, rates = self._stage.face, self._figures, self._rates
        shape, colours = face.style_names
        picture = {
            "shown": f"{rates.fps:.1f} a second, {face.frames_shown} in all",
            "sent": f"{rates.bytes_a_second / 1024:,.0f} KB/s to the terminal",
            "drawn with": f"{words.SHAPES.get(shape, shape)}, colours: {colours}",
            "terminal": self._app.pace.in_words if self._app.paced else "",
        }
        if figures is not None:
            picture["decoded"] = f"{figures.pictures_decoded}, dropped {figures.pictures_dropped}"
        muted, keymap = self._sound.muted, self._app.keymap
        volume = words.volume(self._sound.volume, muted=muted, keymap=keymap)
        sound = {"speaker": " · ".join(filter(None, [self._sound.name, volume]))}
        self._stage.stats.tell(picture, sound | sound_rows(figures, rates))
