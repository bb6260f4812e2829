"""Client tools: nothing runs that is not listed and allowed, and nothing runs on for ever."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from did_tui.live import events as e
from did_tui.live import tools
from did_tui.live.tools import (
    LONGEST_ANSWER,
    Tool,
    ToolBox,
    ToolFailed,
    Verdict,
    answer_of,
    checked,
)

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def python(code: str, **more: Any) -> Tool:
    return Tool("look", (sys.executable, "-c", code), **{"allow": "always", **more})


ECHO = "import sys; sys.stdout.write(sys.stdin.read())"


async def test_it_gets_the_arguments_and_answers() -> None:
    heard: list[e.Event] = []
    box = ToolBox([python(ECHO, schema=SCHEMA)])
    answer = await box.run("look", '{"city": "Haifa; rm -rf ~ $(x)"}', "7", heard.append)
    assert json.loads(answer) == {"city": "Haifa; rm -rf ~ $(x)"}
    assert heard == [
        e.ToolCalled("rpc:7", "look", '{"city": "Haifa; rm -rf ~ $(x)"}', client=True),
        e.ToolReturned("rpc:7", answer),
    ]


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ("{", "no JSON"),
        ("[" * 99999, "no JSON"),
        ("3", "no JSON object"),
        ("{}", "'city' is a required property"),
        ('{"city": 3}', "3 is not of type 'string'"),
        ('{"city": "x", "more": 1}', "'more' was unexpected"),
    ],
)
def test_arguments_that_do_not_fit(payload: str, why: str) -> None:
    with pytest.raises(ToolFailed, match=why):
        checked(python("", schema=SCHEMA), payload)
    assert checked(python(""), "") == "{}"


async def test_what_is_not_listed_or_not_allowed_does_not_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    tool = Tool("touch", ("touch", str(trace)))
    verdicts: list[Verdict] = ["no", "once", "no", "always"]
    asked: list[str] = []

    async def ask(_tool: Tool, given: str) -> Verdict:
        asked.append(given)
        return verdicts.pop(0)

    heard: list[e.Event] = []
    box = ToolBox([tool], ask)
    with pytest.raises(ToolFailed, match="No handler registered for client tool: rm"):
        await box.run("rm", "{}", "1", heard.append)
    with pytest.raises(ToolFailed, match="did not allow"):
        await box.run("touch", "{}", "2", heard.append)
    with pytest.raises(ToolFailed, match="did not allow"):
        await ToolBox([tool]).run("touch", "{}", "3", heard.append)
    assert not trace.exists()
    assert [type(event) for event in heard] == [e.ToolCalled, e.ToolReturned] * 3
    await box.run("touch", "{}", "4", heard.append)
    assert trace.exists()
    with pytest.raises(ToolFailed):
        await box.run("touch", "{}", "5", heard.append)
    for call in ("6", "7"):
        await box.run("touch", "{}", call, heard.append)
    assert len(asked) == 4, "what is always allowed is not asked about again"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import time; time.sleep(60)", "longer than 0.5 s"),
        ("import sys; sys.exit(3)", "failed with 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "failed with -11"),
        ("while True: print('x' * 9999)", "said more than 15 KiB"),
        # What it leaves behind holds its output open.
        ("import subprocess; subprocess.Popen(['sleep', '60'])", "longer than 0.5 s"),
    ],
)
async def test_tools_that_hang_fail_or_flood(code: str, why: str) -> None:
    began = time.monotonic()
    with pytest.raises(ToolFailed, match=why):
        await answer_of(python(code, seconds=0.5 if "longer" in why else 20.0), "{}")
    assert time.monotonic() - began < 20


async def test_what_cannot_be_started() -> None:
    with pytest.raises(ToolFailed, match="cannot be started: No such file"):
        await answer_of(Tool("look", ("/nowhere/at-all",)), "{}")


async def test_the_key_is_not_in_its_environment() -> None:
    code = "import os; print(sorted(n for n in os.environ if 'KEY' in n or n == 'MINE'))"
    env = {"DID_API_KEY": "a:b", "LIVEKIT_API_KEY": "c", "MINE": "1"}
    assert await answer_of(python(code), "{}", env) == "['MINE']"


async def test_a_call_that_nobody_waits_for_is_ended(tmp_path: Path) -> None:
    trace = tmp_path / "alive"
    code = f"import time; open({str(trace)!r}, 'w'); time.sleep(60)"
    heard: list[e.Event] = []
    call = asyncio.create_task(ToolBox([python(code)]).run("look", "{}", "1", heard.append))
    while not trace.exists():
        await asyncio.sleep(0.01)
    call.cancel()
    await asyncio.wait([call])
    assert heard[-1] == e.ToolReturned("rpc:1", "it was cut short", failed=True)


async def test_few_run_at_once() -> None:
    heard: list[e.Event] = []
    box = ToolBox([python("import time; time.sleep(60)")])
    calls = [
        asyncio.create_task(box.run("look", "{}", f"{n}", heard.append))
        for n in range(tools.MOST_AT_ONCE)
    ]
    await asyncio.sleep(0)
    with pytest.raises(ToolFailed, match="run already"):
        await box.run("look", "{}", "one more", heard.append)
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)


async def test_it_need_not_read_what_it_is_given() -> None:
    given = json.dumps({"text": "x" * 1_000_000})
    assert await answer_of(python("print('done')"), given) == "done"
    assert len(await answer_of(python(f"print('y' * {LONGEST_ANSWER - 1})"), "{}")) < LONGEST_ANSWER
