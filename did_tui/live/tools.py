"""Client tools: what an agent may have done on this machine, and nothing else (protocol 5.5).

A tool is a command of the user's own, named in config.toml. It gets the arguments as JSON on its
standard input and answers on its standard output. No shell reads any of it, the account's key is
not in its environment, and it has a time and a length. What is not in the list is not run; what is
to be asked about is asked about each time, until the user says otherwise.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from did_tui.live.events import Event, ToolCalled, ToolReturned

Allow: TypeAlias = Literal["ask", "always"]
Verdict: TypeAlias = Literal["once", "always", "no"]

LONGEST_ANSWER = 15 * 1024  # bytes that LiveKit carries back
MOST_AT_ONCE = 4
REAPING_SECONDS = 1.0
LONGEST_REASON = 120  # characters of what is wrong with arguments
_OURS = ("DID_", "LIVEKIT_")  # variables that are not a tool's business


class ToolFailed(Exception):
    """A tool gives no answer; the text goes to the agent, and into the transcript."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool of config.toml; ``schema`` is JSON Schema of its arguments, empty for any object."""

    name: str
    command: tuple[str, ...]
    schema: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 10.0
    allow: Allow = "ask"
    description: str = ""


Ask: TypeAlias = Callable[[Tool, str], Awaitable[Verdict]]


async def nobody(_tool: Tool, _given: str) -> Verdict:
    """The answer where there is nobody to ask."""
    return "no"


class ToolBox:
    """The tools that may be called; ``ask`` gets a tool and its arguments in one line."""

    def __init__(self, tools: Sequence[Tool], ask: Ask = nobody) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._ask = ask
        self._allowed: set[str] = set()
        self._asking = asyncio.Lock()
        self._at_work = 0

    @property
    def names(self) -> list[str]:
        """What can be called."""
        return list(self._tools)

    async def run(
        self, name: str, payload: str, call_id: str, emit: Callable[[Event], None]
    ) -> str:
        """Run a tool if it may, and return its answer; raises ``ToolFailed``."""
        own_id = f"rpc:{call_id}"
        emit(ToolCalled(own_id, name, payload, client=True))
        said, failed = "it was cut short", True
        self._at_work += 1
        try:
            said = await self._run(name, payload)
            failed = False
        except ToolFailed as error:
            said = str(error)
            raise
        finally:
            self._at_work -= 1
            emit(ToolReturned(own_id, said, failed))
        return said

    async def _run(self, name: str, payload: str) -> str:
        tool = self._tools.get(name)
        if tool is None:
            raise ToolFailed(f"No handler registered for client tool: {name}")
        if self._at_work > MOST_AT_ONCE:
            raise ToolFailed(f"{MOST_AT_ONCE} tools run already.")
        given = checked(tool, payload)
        if tool.allow == "ask":
            async with self._asking:
                await self._ask_for(tool, given)
        return await answer_of(tool, given)

    async def _ask_for(self, tool: Tool, given: str) -> None:
        if tool.name in self._allowed:
            return
        verdict = await self._ask(tool, given)
        if verdict == "no":
            raise ToolFailed("The user did not allow this.")
        if verdict == "always":
            self._allowed.add(tool.name)


def wrong_schema(schema: object) -> str:
    """What is wrong with a schema, in words; empty where it can be used."""
    if not isinstance(schema, Mapping):
        return "is no table"
    if not schema:
        return ""
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"is no JSON Schema: {error.message[:LONGEST_REASON]}"
    return ""


def checked(tool: Tool, payload: str) -> str:
    """The arguments as the command gets them; raises ``ToolFailed`` where they do not fit."""
    try:
        given = json.loads(payload or "{}")
    except (ValueError, RecursionError):
        raise ToolFailed("The arguments are no JSON.") from None
    if not isinstance(given, dict):
        raise ToolFailed("The arguments are no JSON object.")
    if tool.schema:
        from jsonschema import Draft202012Validator

        wrong = next(iter(Draft202012Validator(tool.schema).iter_errors(given)), None)
        if wrong is not None:
            raise ToolFailed(f"The arguments do not fit: {wrong.message[:LONGEST_REASON]}")
    return json.dumps(given, ensure_ascii=False, separators=(",", ":"))


async def answer_of(tool: Tool, given: str, env: Mapping[str, str] = os.environ) -> str:
    """What the command says to these arguments; raises ``ToolFailed``.

    It and all that it has started are ended when its time is over, when it says too much, and when
    nobody waits for it any more.
    """
    clean = {name: value for name, value in env.items() if not name.startswith(_OURS)}
    try:
        process = await asyncio.create_subprocess_exec(
            *tool.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=clean,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else ""
        raise ToolFailed(f"{tool.name} cannot be started: {why or error}.") from error
    try:
        async with asyncio.timeout(tool.seconds):
            out = await _talk(process, given.encode())
            code = await process.wait()
    except TimeoutError:
        raise ToolFailed(f"{tool.name} took longer than {tool.seconds:g} s.") from None
    finally:
        await _reap(process)
    if len(out) > LONGEST_ANSWER:
        raise ToolFailed(f"{tool.name} said more than {LONGEST_ANSWER // 1024} KiB.")
    if code:
        raise ToolFailed(f"{tool.name} failed with {code}.")
    return out.decode("utf-8", "replace").strip()


async def _talk(process: asyncio.subprocess.Process, given: bytes) -> bytes:
    """Hand over the arguments, and take what comes: as much as may be, and one byte more."""
    writer, reader = process.stdin, process.stdout
    if writer is None or reader is None:
        return b""  # both are pipes: asyncio's types do not say so
    with suppress(ConnectionError):  # it need not want them
        writer.write(given)
        await writer.drain()
    writer.close()
    out = b""
    while len(out) <= LONGEST_ANSWER:
        part = await reader.read(LONGEST_ANSWER + 1 - len(out))
        if not part:
            return out
        out += part
    _end(process)
    while await reader.read(LONGEST_ANSWER):
        pass  # asyncio calls a process gone when its output has been read
    return out


async def _reap(process: asyncio.subprocess.Process) -> None:
    """End a command and wait until it is gone; one that has got away keeps nobody waiting."""
    _end(process)
    with suppress(TimeoutError):
        async with asyncio.timeout(REAPING_SECONDS):
            if process.stdout is not None:
                await process.stdout.read()
            await process.wait()


def _end(process: asyncio.subprocess.Process) -> None:
    """End a command and what it has started."""
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
