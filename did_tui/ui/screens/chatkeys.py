"""What keys and written commands do in a conversation; ``chat`` has the conversation itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work
from textual.app import SystemCommand
from textual.binding import ActiveBinding
from textual.screen import Screen

from did_tui import __version__
from did_tui.api.errors import DidError
from did_tui.live.conversation import Conversation, Message
from did_tui.ui import transcripts
from did_tui.ui.keys import KEYS, bindings, in_order, names
from did_tui.ui.screens.commands import BadCommand, parse, to_present
from did_tui.ui.screens.dialogs import Choice, Help, Passage, Pick
from did_tui.ui.screens.stage import Stage
from did_tui.ui.screens.words import SHAPES
from did_tui.ui.sound import COPYING_SECONDS, Sound
from did_tui.ui.text import plain
from did_tui.ui.transcripts import FORMS
from did_tui.ui.widgets.prompt import Prompt

if TYPE_CHECKING:
    from did_tui.live.media.speaker import Device
    from did_tui.live.runner import Runner
    from did_tui.ui.app import DidTui


class ChatKeys(Screen[None]):
    """A conversation's screen as far as its keys go."""

    app: DidTui
    BINDINGS = [*bindings("everywhere"), *bindings("chat")]

    stage: Stage
    prompt: Prompt
    sound: Sound
    runner: Runner | None
    frozen: bool
    agent_name: str

    @property
    def conversation(self) -> Conversation:
        """What is true about the conversation."""
        raise NotImplementedError

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The keys as the table has them, for the footer, which names those of the focus."""
        active = in_order(super().active_bindings)
        there = self.stage.has_focus
        for key, found in active.items():
            binding = found.binding
            if there and binding.id in ("layout", "captions", "mute"):
                active[key] = found._replace(binding=replace(binding, show=False))
            elif binding.id == "leave-chat":
                label = self._escape_label if self.esc_leaves else binding.description
                active[key] = found._replace(binding=replace(binding, description=label))
            elif binding.id == "interrupt" and not self.conversation.busy:
                active[key] = found._replace(binding=replace(binding, show=False))
            elif binding.id == "interrupt" and self.conversation.deaf:
                active[key] = found._replace(enabled=False)
        return active

    @property
    def _escape_label(self) -> str:
        if self.conversation.over:
            return "back"
        return "end" if self.conversation.phase == "connected" else "cancel"

    # The focus

    def action_write(self) -> None:
        """To the prompt."""
        self.stage.transcript.choose(None)
        self.prompt.focus()

    def action_leave_chat(self) -> None:
        """From the prompt to the conversation; from there, and where there is none, away."""
        if self.esc_leaves:
            self.action_end_chat()
        else:
            self.stage.focus()

    @property
    def esc_leaves(self) -> bool:
        """Whether escape goes back: where the focus is not in the prompt, or nothing is open."""
        return self.stage.has_focus or self.conversation.phase != "connected"

    def action_end_chat(self) -> None:
        """Close the stream at D-ID, then go back."""
        raise NotImplementedError

    # One message

    def action_previous(self) -> None:
        """The message before the chosen one."""
        self._choose(-1)

    def action_next(self) -> None:
        """The message after it."""
        self._choose(1)

    def _choose(self, by: int) -> None:
        messages = self.conversation.messages
        if not messages:
            return
        chosen = self.stage.transcript.chosen
        index = messages.index(chosen) + by if chosen in messages else len(messages) - 1
        self.stage.transcript.choose(messages[max(0, min(index, len(messages) - 1))])

    @property
    def chosen(self) -> Message | None:
        """The chosen message, else the newest answer."""
        answers = [said for said in self.conversation.messages if said.role == "assistant"]
        return self.stage.transcript.chosen or (answers[-1] if answers else None)

    def action_copy(self) -> None:
        """Copy the message, as it was written: what is shown of it."""
        message = self.chosen
        if message is not None:
            self.copy(plain(message.heard_text))

    def action_diagnose(self) -> None:
        """What goes on behind it; the conversation goes on."""
        self.app.action_diagnostics(2)

    def action_copy_report(self) -> None:
        """Copy what whoever mends it needs: versions, the trouble, and the offer."""
        offer = self.runner.unread_offer if self.runner is not None else ""
        versions = f"did-tui {__version__}, aiortc {version('aiortc')}"
        self.copy(plain(f"{versions}\n{self.conversation.trouble}\n\n{offer}"))

    def copy(self, text: str) -> None:
        """Give a text to the terminal's clipboard."""
        self.app.copy(text, f"{len(text)} characters")

    @work(group="rate", exclusive=True)
    async def action_rate(self) -> None:
        """Ask how the answer was."""
        message = self.chosen
        if message is None or message.role != "assistant":
            self.notify("Only answers can be rated.", timeout=3)
            return
        choices = [Choice(1, "Good", "g"), Choice(-1, "Bad", "b")]
        if message.rating:
            choices.append(Choice(0, "Take the rating back", "0"))
        score = await self.app.push_screen_wait(Pick("How was this answer?", choices))
        if score is not None:
            await self.rate(message, score)

    async def rate(self, message: Message | None, score: int) -> None:
        """Tell D-ID how an answer was: 1 good, -1 bad, 0 for no rating."""
        if message is None or self.runner is None:
            self.notify("There is no answer to rate yet.", timeout=3)
            return
        try:
            await self.runner.rate(message.id, score)
        except DidError as error:
            self.notify(f"{error} {error.advice}", title="Not rated", severity="warning")

    @work(group="export", exclusive=True)
    async def action_export(self) -> None:
        """Ask for a form, and keep the transcript in it."""
        choices = [Choice(end, words, end[0]) for end, words in FORMS.items()]
        form = await self.app.push_screen_wait(Pick("Keep the transcript as", choices))
        if form is not None:
            self.export(transcripts.usual_name(self.agent_name, form))

    def export(self, path: Path) -> bool:
        """Keep the transcript in a file that is not there yet; the name's end says how.

        Where picture and sound are recorded, its times are the recording's.
        """
        if self.runner is None:
            self.notify("Nothing was said yet.", timeout=3)
            return False
        try:
            recorder = self.runner.playback.recorder
            zero = recorder.began if recorder is not None else None
            transcripts.write(self.runner.record(zero), path)
        except transcripts.NotKept as error:
            self.notify(str(error), title="Not kept", severity="warning", timeout=8)
            return False
        self.notify(f"The transcript is in {path}.", timeout=6)
        return True

    def action_open(self) -> None:
        """The first passage that the message rests on; else back to the prompt."""
        message = self.stage.transcript.chosen
        if message is not None and message.citations:
            self.action_cite(1)
        else:
            self.action_write()

    def on_stage_passage_asked(self, message: Stage.PassageAsked) -> None:
        """Show it."""
        self.action_cite(message.number)

    def action_cite(self, number: int) -> None:
        """The passage with this number, from 1."""
        message = self.chosen
        if message is not None and 0 < number <= len(message.citations):
            self.app.push_screen(Passage(message.citations, number - 1))

    # Sound

    def action_mute(self) -> None:
        """Sound off, or on again."""
        self.sound.mute()

    def action_louder(self) -> None:
        """Ten per cent louder."""
        self.say_volume(self.sound.louder(0.1))

    def action_quieter(self) -> None:
        """Ten per cent quieter."""
        self.say_volume(self.sound.louder(-0.1))

    def say_volume(self, volume: float) -> None:
        """Say how loud it is now."""
        self.notify(f"Volume {volume:.0%}.", timeout=2)

    @work(group="device", exclusive=True)
    async def action_device(self) -> None:
        """Choose where the sound goes."""
        devices = await asyncio.to_thread(self.sound.devices)
        choices = [Choice(device.sink, _words(device)) for device in devices]
        choices += [
            Choice("web", "In a browser, here or at home through ssh"),
            Choice("none", "Nowhere: captions only"),
        ]
        sinks = [choice.value for choice in choices]
        now = sinks.index(self.sound.sink) if self.sound.sink in sinks else 0
        sink = await self.app.push_screen_wait(Pick("Where the sound goes", choices, now))
        if sink is not None:
            self.sound.choose(sink)

    def action_address(self) -> None:
        """How it can be heard elsewhere, once more."""
        words = self.sound.invitation
        if words:
            self.notify(words, title="Sound", timeout=COPYING_SECONDS)
        else:
            key = self.app.key("device")
            self.notify(f"No browser is used for the sound: press {key} to choose one.", timeout=4)

    def action_microphone(self) -> None:
        """Speak, or stop speaking; or why nobody would hear it."""
        microphone = self.sound.microphone
        why = self.runner.no_microphone_because if self.runner is not None else None
        if microphone is not None and microphone.talking:
            microphone.toggle()
            self.notify("The microphone is off.", timeout=3)
        elif microphone is None or why is None:
            self.notify("Not connected: nobody would hear you.", title="Microphone")
        elif why:
            self.notify(why, title="Microphone", timeout=6)
        else:
            microphone.toggle()
            key = self.app.key("microphone")
            words = f"The microphone is on: speak, and press {key} when you are done."
            self.notify(words, timeout=3)

    # Picture

    def action_captions(self) -> None:
        """The words under the face, or none."""
        on = self.stage.captions.toggle()
        self.notify(f"Captions {'on' if on else 'off'}.", timeout=2)

    async def action_shape(self) -> None:
        """Draw the picture with the next shape."""
        shape = await self.stage.face.next_shape()
        self.notify(f"Drawn with {SHAPES[shape]}.", timeout=2)

    def action_layout(self) -> None:
        """Picture beside the words, over all of it, in the corner, or off."""
        self.stage.next_layout()

    def action_hide(self) -> None:
        """No picture, or the picture again."""
        self.stage.toggle("off")

    def action_fill(self) -> None:
        """Nothing but the picture, or the words again."""
        self.stage.toggle("full")

    def action_freeze(self) -> None:
        """Stop the picture, or let it go on."""
        self.frozen = not self.frozen
        words = "stands still; the sound goes on" if self.frozen else "moves again"
        self.notify(f"The picture {words}.", timeout=2)

    def action_stats(self) -> None:
        """Figures, live."""
        self.stage.stats.toggle()

    # Help

    def action_help(self) -> None:
        """Every key of this place."""
        self.app.push_screen(Help())

    # Commands that are written

    def obey(self, text: str) -> bool | None:
        """Do what a command says; False where that cannot be, None where the text is none."""
        try:
            found = parse(text)
        except BadCommand as error:
            self.notify(str(error), severity="warning", timeout=8)
            return False
        if found is None:
            return None
        command, rest = found
        match command.name:
            case "speak" | "speak-ssml" | "speak-audio" | "language" | "present":
                return self._tell_agent(command.name, rest)
            case "rate":
                answers = [said for said in self.conversation.messages if said.role == "assistant"]
                score = 1 if rest == "good" else -1
                self.run_worker(self.rate(answers[-1] if answers else None, score), group="rate")
            case "export":
                form = Path(rest) if rest else transcripts.usual_name(self.agent_name, "md")
                return self.export(form)
            case "volume":
                self.say_volume(self.sound.set_volume(int(rest) / 100))
            case "mute" | "device" | "help" | "stats":
                getattr(self, f"action_{command.name}")()
            case "end":
                self.action_end_chat()
        return True

    def _tell_agent(self, what: str, text: str) -> bool:
        """Do a command that is about the agent; False where that cannot be."""
        runner = self.runner
        if runner is None or self.conversation.over:
            again = f"Press {self.app.key('again')} to connect again"
            advice = again if self.conversation.over else "Wait a moment"
            self.notify(
                f"Not connected. {advice}; what you wrote is kept.", severity="warning", timeout=8
            )
            return False
        match what:
            case "language":
                told = runner.talk.set_language(text)
                if told:
                    self.notify(f"The agent listens for {text}, if D-ID knows that.", timeout=4)
                return told
            case "present":
                return runner.talk.present(to_present(text))
            case "speak-audio":
                return bool(runner.speak_audio(text))
        return bool(runner.speak(text, ssml=what == "speak-ssml"))


def commands_of(screen: ChatKeys) -> Iterator[SystemCommand]:
    """The keys of a conversation for the palette."""
    seen = {"leave_chat", "write", "cite"}  # these are about the focus, or need a number
    for key in KEYS:
        action = key.action.removeprefix("screen.")
        if key.place not in ("chat", "conversation") or action in seen:
            continue
        seen.add(action)
        if screen.check_action(action, ()):
            name = f"{key.label[0].upper()}{key.label[1:]}  ({names(key, screen.app.keymap)[0]})"
            yield SystemCommand(name, key.help, getattr(screen, f"action_{action}"))


def _words(device: Device) -> str:
    return f"{device.words}, the default" if device.default else device.words
