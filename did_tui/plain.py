"""``did-tui chat AGENT --plain``: a conversation line by line, without a screen.

Each line of standard input is said to the agent. Standard output has the answers and nothing else,
standard error is talk, and neither ever has an escape sequence. The exit codes are those of the
other commands (``did_tui/verbs/run.py``), and 128 and its number for a signal.
"""

from __future__ import annotations

import asyncio
import codecs
import json
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from did_tui.api.errors import DidError
from did_tui.config import NoKey, Settings, log_directory
from did_tui.live.journal import Journal, sweep
from did_tui.live.roomsdk import settle
from did_tui.live.transcript import LONGEST_MESSAGE, Message
from did_tui.text import harmless_json, one_line, plain
from did_tui.ui.local import STREAMS, TRANSCRIPTS
from did_tui.ui.stderr import kept_off_the_screen
from did_tui.verbs.run import DONE, FAILED, NOT_ALLOWED, UNUSABLE, exit_code

if TYPE_CHECKING:
    from did_tui.api.client import Client
    from did_tui.api.models import Agent
    from did_tui.live.runner import Reply, Runner

STDIN = 0
LONGEST_LINE = 1 << 20  # characters without a line's end that are kept
TWICE = 2.0  # seconds in which control+C is pressed twice
QUIET = 1.0  # seconds after a spoken answer
SPEECHLESS = 15.0  # the same for an answer that is never spoken
LOOK = 0.1  # seconds between two looks at whether the agent still speaks
INTERRUPTED = 128 + signal.SIGINT

_ENDED = {
    "inactivity": "D-ID closed the stream because nobody said anything for a while.",
    "network": "The connection to D-ID was lost.",
    "message_limit": "D-ID ended the session: the limit of messages is reached.",
    "time_limit": "D-ID ended the session: the limit of time is reached.",
    "ended_by_agent": "The agent has ended the conversation.",
}
_AGAIN = "The next line connects again."


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for.

    ``stream`` writes an answer while it comes, ``as_json`` each answer as one line of JSON.
    ``once`` leaves when ``say`` was answered; ``state`` is where is kept what is open.
    """

    agent: str
    say: Sequence[str] = ()
    stream: bool = False
    as_json: bool = False
    once: bool = False
    report: Path | None = None
    record: Path | None = None
    state: Path | None = None


def converse(settings: Settings, open_client: Callable[[], Awaitable[Client]], wish: Wish) -> int:
    """Hold a conversation; the exit code."""
    with kept_off_the_screen(log_directory()):
        try:
            return asyncio.run(_Line(settings, open_client, wish).run())
        except KeyboardInterrupt:  # before there is anything to be closed
            return INTERRUPTED
        finally:
            settle()


class Grown:
    """Tells what of a text that grows has not been written yet."""

    def __init__(self) -> None:
        self._written = ""

    @property
    def begun(self) -> bool:
        """Whether anything was written."""
        return bool(self._written)

    def more(self, text: str) -> str:
        """What is to be written now; the whole again, on a new line, where it became another."""
        text = plain(text)
        before, self._written = self._written, text
        return text[len(before) :] if text.startswith(before) else f"\n{text}"


class Lines:
    """The lines of standard input, read by a thread that the end of the program need not wait for.

    No more is read while there are lines to be had.
    """

    def __init__(self, fileno: int = STDIN) -> None:
        self._fileno = fileno
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[str] = deque()
        self._rest = ""
        self._over = False
        self._came = asyncio.Event()
        self._wanted = threading.Semaphore(0)
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        threading.Thread(target=self._read, name="stdin", daemon=True).start()

    async def next(self) -> str | None:
        """The next line without its end, None where there is none any more."""
        while not self._waiting and not self._over:
            self._came.clear()
            self._wanted.release()
            await self._came.wait()
        if self._waiting:
            return self._waiting.popleft()
        rest, self._rest = self._rest, ""
        return rest or None

    def _read(self) -> None:
        while True:
            self._wanted.acquire()
            try:
                data = os.read(self._fileno, 65536)
            except OSError:  # the terminal is gone
                data = b""
            with suppress(RuntimeError):  # the program has ended
                self._loop.call_soon_threadsafe(self._take, data)
            if not data:
                return

    def _take(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + self._decode(data, not data)).split("\n")
        self._waiting.extend(line.removesuffix("\r") for line in lines)
        if len(self._rest) > LONGEST_LINE:
            self._waiting.append(self._rest)
            self._rest = ""
        self._over = not data
        self._came.set()


class _Line:
    """One conversation, from the first line to the last."""

    _leaving: asyncio.Future[int]

    def __init__(
        self, settings: Settings, open_client: Callable[[], Awaitable[Client]], wish: Wish
    ) -> None:
        self._settings, self._open_client, self._wish = settings, open_client, wish
        self._runner: Runner | None = None
        self._name = wish.agent
        self._typed = sys.stdin.isatty()
        self._seen = self._typed and sys.stdout.isatty()  # a person sees the answers
        self._sounds = wish.record is not None  # somebody hears it, or will
        self._prompting = False
        self._phase = "new"
        self._asked = 0
        self._answering = ""  # the id of the question whose answer is written while it comes
        self._grown = Grown()
        self._told: set[str] = set()  # ids of greetings
        self._interrupted_at = float("-inf")
        self._code = DONE

    async def run(self) -> int:
        """Connect, talk, close; the exit code."""
        self._leaving = asyncio.get_running_loop().create_future()
        self._catch_signals()
        talking = asyncio.create_task(self._whole())
        ends: list[asyncio.Future[Any]] = [talking, self._leaving]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        code = self._leaving.result() if self._leaving.done() else None
        talking.cancel()
        with suppress(asyncio.CancelledError):
            try:
                await talking
            except (NoKey, DidError) as error:
                if code is None:
                    self._say(f"{error} {getattr(error, 'advice', '')}".strip())
                    code = exit_code(error) if isinstance(error, DidError) else UNUSABLE
        return self._code if code is None else code

    async def _whole(self) -> None:
        client = await self._open_client()
        try:
            agent = await client.find_agent(self._wish.agent)
            self._name = one_line(agent.name) or self._name
            if self._wish.state is not None:
                self._say((await sweep(client, Journal(self._wish.state / STREAMS))).said)
            self._say(f"Connecting with {self._name}.")
            runner = self._runner = await self._new_runner(client, agent)
            opening = asyncio.create_task(runner.open())
            try:
                await self._talk()
            finally:
                opening.cancel()
                await self._close(runner)
        finally:
            await client.close()

    async def _new_runner(self, client: Client, agent: Agent) -> Runner:
        live = await asyncio.to_thread(__import__, "did_tui.live.runner", fromlist=["Runner"])
        from did_tui.live.media.output import Output

        loop = asyncio.get_running_loop()

        def tell(sentence: str) -> None:
            with suppress(RuntimeError):  # the program has ended
                loop.call_soon_threadsafe(news, sentence)

        def news(sentence: str) -> None:
            # The address for a browser holds a secret, which belongs on a screen and in no file.
            if sentence != output.invitation or sys.stderr.isatty():
                self._say(sentence)

        output = Output(self._settings.audio, on_news=tell)
        self._say(output.hint)
        self._sounds = self._sounds or output.sink != "none"
        playback = live.Playback(
            sink=self._settings.audio, open_speaker=lambda _sink: output, on_trouble=tell
        )
        if self._wish.record is not None:
            playback.recorder = live.Recorder(self._wish.record, on_trouble=tell)
        talk, state = self._settings.talk, self._wish.state
        runner: Runner = live.Runner(
            client,
            agent.id,
            playback,
            options=talk.options,
            mode=talk.mode,
            persist=talk.persist,
            relay_only=talk.relay_only,
            journal=Journal(state / STREAMS) if state is not None else None,
            archive=live.Archive(state / TRANSCRIPTS) if state and talk.transcripts else None,
            presenter=agent.presenter.type,
            # Nobody can be asked here: what is to be asked about is not done.
            tools=live.ToolBox(self._settings.tools),
            changed=self._changed,
            explain=self._say,
        )
        return runner

    # Talking

    async def _talk(self) -> None:
        for text in self._wish.say:
            await self._ask(text)
        if not self._wish.once:
            lines = Lines()
            while (line := await self._next(lines)) is not None:
                if line:
                    await self._ask(line)
                if self._code and not self._typed and self._phase == "failed":
                    return
        if self._wish.once or not self._typed:
            await self._spoken()

    async def _next(self, lines: Lines) -> str | None:
        if not self._typed:
            await self._spoken()  # nobody here waits for what is said next
        self._prompt("You: ")
        self._prompting = self._seen
        line = await lines.next()
        self._prompting = False
        if line is None:
            self._prompt("\n")
            return None
        text = plain(line).strip()
        if len(text) > LONGEST_MESSAGE:
            self._failed(text, f"Too long: {len(text)} of {LONGEST_MESSAGE} characters.")
            return ""
        return text

    async def _ask(self, text: str) -> None:
        """Say something to the agent, and write what it answers."""
        runner = self._runner
        assert runner is not None  # noqa: S101 (there is one while it talks)
        if runner.conversation.over:
            await runner.open()
        plan = runner.conversation.plan
        if plan.video and not plan.asks:  # it repeats what it is told, and answers nothing
            self._asked += bool(runner.speak(text))
            return
        begun = time.monotonic()
        asking = asyncio.create_task(runner.ask(text))
        await asyncio.sleep(0)  # it has been said
        questions = [said.id for said in runner.conversation.messages if said.role == "user"]
        self._answering = questions[-1] if questions and self._wish.stream else ""
        try:
            reply = await asking
        except DidError as error:
            self._failed(text, str(error))
            return
        finally:
            asking.cancel()
            self._answering = ""
        self._asked += 1
        if self._wish.as_json:
            self._write_json(text, reply, time.monotonic() - begun)
            return
        self._write_answer(reply.text, end="\n")
        self._grown = Grown()
        titles = dict.fromkeys(one_line(cited.title) for cited in reply.citations)
        self._say(f"Sources: {'; '.join(titles)}" if titles else "")

    def _write_json(self, question: str, reply: Reply, seconds: float) -> None:
        cited = [{"title": one.title, "url": one.source_url} for one in reply.citations]
        value: dict[str, Any] = {"question": question, "answer": reply.text, "citations": cited}
        value |= {"interrupted": reply.interrupted, "seconds": round(seconds, 3)}
        self._write(harmless_json(json.dumps(value, ensure_ascii=False)) + "\n")

    def _failed(self, question: str, why: str) -> None:
        self._code = FAILED
        if self._runner is not None and self._runner.conversation.hindrance == "key":
            self._code = NOT_ALLOWED
        if self._grown.begun:
            self._write("\n")
            self._grown = Grown()
        if self._wish.as_json:
            line = json.dumps({"question": question, "error": why}, ensure_ascii=False)
            self._write(harmless_json(line) + "\n")
        self._say(why)

    async def _spoken(self) -> None:
        """Wait until what was answered was heard, where it is heard or kept."""
        runner, since = self._runner, time.monotonic()
        while runner is not None and self._asked:
            conversation, now = runner.conversation, time.monotonic()
            if conversation.over or not conversation.plan.video or not self._sounds:
                return
            since = now if conversation.busy else since
            said = conversation.utterances_done >= self._asked
            if now - since > (QUIET if said else SPEECHLESS):
                return
            await asyncio.sleep(LOOK)

    # What the conversation says

    def _changed(self) -> None:
        """Something has happened: tell it, if it has not been told."""
        runner = self._runner
        if runner is None:
            return
        conversation = runner.conversation
        for message in conversation.messages:
            # What nobody asked for: no way of D-ID's has brought it as an answer.
            unasked = message.role == "assistant" and message.source is None
            if unasked and message.id not in self._told:
                self._told.add(message.id)
                self._say(f"{self._name}: {plain(message.text)}")
        if self._answering:
            self._write_what_came(conversation.messages)
        if conversation.phase != self._phase:
            self._phase = conversation.phase
            self._tell_phase(runner)

    def _write_what_came(self, messages: Sequence[Message]) -> None:
        ids = [message.id for message in messages]
        if self._answering not in ids:
            return
        after = messages[ids.index(self._answering) + 1 :]
        answers = [one.text for one in after if one.role == "assistant" and one.source]
        self._write_answer("\n\n".join(answers))

    def _write_answer(self, text: str, end: str = "") -> None:
        """Write what is new of an answer."""
        first = not self._grown.begun
        piece = self._grown.more(text) + end
        if first and piece:
            self._prompt(f"{self._name}: ")
        self._write(piece)

    def _tell_phase(self, runner: Runner) -> None:
        conversation = runner.conversation
        match conversation.phase:
            case "connected":
                self._say("Connected.")
            case "connecting" if conversation.in_words:
                self._say(f"{conversation.in_words[:1].upper()}{conversation.in_words[1:]}.")
            case "failed":
                self._say(f"{conversation.trouble} {conversation.advice} {self._again}".strip())
            case "disconnected" if conversation.end_reason != "user":
                ended = _ENDED.get(conversation.end_reason or "", conversation.trouble)
                self._say(f"{ended or 'D-ID ended the session.'} {self._again}".strip())

    @property
    def _again(self) -> str:
        return _AGAIN if self._typed and not self._wish.once else ""

    # Signals

    def _catch_signals(self) -> None:
        if sys.platform == "win32":
            return
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._leave, 128 + number)

    def _interrupt(self) -> None:
        """Control+C: the agent is to be silent; twice: leave."""
        now, runner = time.monotonic(), self._runner
        if runner is None or now - self._interrupted_at < TWICE:
            self._leave(INTERRUPTED)
            return
        self._interrupted_at = now
        if runner.conversation.busy:
            runner.interrupt()
        self._say("Press control+C once more to leave.")

    def _leave(self, code: int) -> None:
        if not self._leaving.done():
            self._leaving.set_result(code)

    async def _close(self, runner: Runner) -> None:
        closing = asyncio.create_task(runner.close())
        await asyncio.wait([closing])
        if self._wish.record is not None and self._wish.record.exists():
            self._say(f"The recording is in {self._wish.record}")
        if self._wish.report is None:
            return
        from did_tui.live.report import report

        playback = runner.playback
        contents = report(
            runner.conversation,
            playback.counters,
            agent_id=runner.agent_id,
            frames_shown=None,
            bytes_to_terminal=None,
            figures=playback.figures,
            pictures_not_recorded=playback.recorder.pictures_lost if playback.recorder else None,
        )
        try:
            self._wish.report.write_text(json.dumps(contents, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            self._code = FAILED
            self._say(f"The report cannot be written: {error}")

    # Writing

    def _write(self, text: str) -> None:
        """Write to whoever reads the answers; leave where nobody does any more."""
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError:
            # Nothing more is written at the end either.
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self._leave(DONE)

    def _say(self, sentence: str) -> None:
        """Tell the person, on a line of its own; nobody need be there."""
        if sentence:
            before, after = ("\n", "You: ") if self._prompting else ("", "")
            self._to_person(f"{before}{plain(sentence)}\n{after}")

    def _prompt(self, words: str) -> None:
        """What stands before what is written, where a person writes and reads it."""
        if self._seen:
            self._to_person(words)

    @staticmethod
    def _to_person(text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()
