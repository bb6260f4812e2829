"""``did-tui agents …``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from did_tui.api.agentfile import NotOneAgent, plan
from did_tui.api.changes import changes, diff, editable, removed, text_of
from did_tui.api.limits import agent_problems, webhook_problems
from did_tui.api.models import Agent
from did_tui.verbs.desk import Desk, Refused, Undone, check, read_object, write_file
from did_tui.verbs.editor import Draft
from did_tui.verbs.output import Column, Output, Result, Table, Whole

COLUMNS: tuple[Column, ...] = (
    ("id", lambda agent: agent.id),
    ("name", lambda agent: agent.preview_name),
    ("state", lambda agent: agent.state),
    ("type", lambda agent: agent.presenter.type),
    ("model", lambda agent: agent.llm.model or agent.llm.provider),
    ("modified", lambda agent: agent.modified),
)


async def agents_list(desk: Desk) -> Output:
    """``agents list``."""
    if desk.options.bare:
        return Table(await desk.client.bare_agents(), COLUMNS)
    order = "ascending" if desk.options.ascending else "descending"
    most = desk.options.limit
    if most is not None and most < 1:
        raise Refused("--limit is at least 1.")
    rows: list[Agent] = []
    pages = desk.client.agent_pages(
        limit=min(most or 100, 100),
        sort_by=desk.options.sort,
        order=order,  # type: ignore[arg-type]
    )
    async for page in pages:
        rows += page.rows
        if most is not None and len(rows) >= most:
            break
    return Table(rows[:most], COLUMNS)


async def agents_show(desk: Desk) -> Output:
    """``agents show``."""
    return Whole((await desk.client.agent(await desk.agent_id())).raw)


async def agents_runtime(desk: Desk) -> Output:
    """``agents runtime``."""
    return Whole((await desk.client.runtime(await desk.agent_id())).raw)


async def agents_create(desk: Desk) -> Output:
    """``agents create``."""
    wanted = editable(read_object(desk.options.file))
    check(agent_problems(wanted), desk.options.file)
    made = await desk.client.create_agent(wanted, elevenlabs_key=_elevenlabs_key())
    return Result(made.id, made.raw)


async def agents_export(desk: Desk) -> Output:
    """``agents export``."""
    kept = editable((await desk.client.agent(await desk.agent_id())).raw)
    if not desk.options.output:
        return Whole(kept)
    write_file(desk.options.output, text_of(kept).encode())
    return Result(desk.options.output, {"file": desk.options.output})


async def agents_apply(desk: Desk) -> Output:
    """``agents apply``: the file's ``id``, ``--id`` or its name say which agent is meant."""
    options = desk.options
    try:
        made = await plan(desk.client, read_object(options.file), options.id)
    except NotOneAgent as error:
        raise Refused(f"{error} Say which agent it is with --id.") from None
    check(made.problems, options.file)
    before, patch, lines = made.before, made.patch, made.diff
    for key in made.kept:
        desk.say(
            f"{key} is not in the file and stays as it is: D-ID documents no way to remove it."
        )
    action = "update" if before else "create"
    if before and not patch:
        return _applied("unchanged", before, patch, [])
    if options.dry_run:
        return _applied(f"would {action}", before, patch, lines)
    desk.say("\n".join(lines))
    if before:
        after = await desk.client.update_agent(before.id, patch, elevenlabs_key=_elevenlabs_key())
    else:
        after = await desk.client.create_agent(made.wanted, elevenlabs_key=_elevenlabs_key())
    return _applied(f"{action}d", after, patch, lines, shown=False)


def _applied(
    what: str,
    agent: Agent | None,
    patch: Mapping[str, Any],
    lines: list[str],
    *,
    shown: bool = True,
) -> Result:
    agent_id = agent.id if agent else ""
    head = " ".join(filter(None, (what, agent_id)))
    value = {"action": what, "id": agent_id, "changes": sorted(patch), "diff": lines}
    return Result("\n".join([head, *lines] if shown else [head]), value)


async def agents_edit(desk: Desk) -> Output:
    """``agents edit``: again and again until it can be saved or is left as it is."""
    before = await desk.client.agent(await desk.agent_id())
    have = editable(before.raw)
    draft = Draft(f"{before.name}, {before.id}", text_of(have))
    while True:
        wanted = draft.edit()
        if wanted is None:
            draft.discard()
            return Result(f"unchanged {before.id}", {"action": "unchanged", "id": before.id})
        patch = changes(have, wanted)
        gone = removed(have, wanted)
        problems = agent_problems(patch, creating=False)
        if gone:
            problems |= dict.fromkeys(gone, "D-ID documents no way to remove a field.")
        if problems:
            draft.complain([f"{field}: {said}" for field, said in problems.items()])
            continue
        if not patch:
            draft.discard()
            return Result(f"unchanged {before.id}", {"action": "unchanged", "id": before.id})
        now = await desk.client.agent(before.id)
        if changes(have, editable(now.raw)):
            raise Undone(
                f"{before.name} was changed meanwhile; your text is in {draft.path},"
                f" what has changed:\n" + "\n".join(diff(have, editable(now.raw)))
            )
        lines = diff(have, {**have, **patch})
        desk.say("\n".join(lines))
        with draft.kept_on_failure(desk.say):
            after = await desk.client.update_agent(
                before.id, patch, elevenlabs_key=_elevenlabs_key()
            )
        draft.discard()
        return _applied("updated", after, patch, lines, shown=False)


async def agents_delete(desk: Desk) -> Output:
    """``agents delete``."""
    agents = [await desk.agent(name) for name in desk.options.agent]
    desk.confirm(", ".join(f"{agent.name} ({agent.id})" for agent in agents))
    for agent in agents:
        await desk.client.delete_agent(agent.id)
    ids = [agent.id for agent in agents]
    return Result("\n".join(ids), {"deleted": ids})


async def agents_test_webhook(desk: Desk) -> Output:
    """``agents test-webhook``."""
    options = desk.options
    headers = dict(_header(text) for text in options.header or ())
    check(webhook_problems({"url": options.url}))
    tested = await desk.client.test_webhook(
        options.url, headers=headers, secret_id=options.secret or ""
    )
    if not tested.success:
        desk.say(f"The webhook failed: {tested.error_message or tested.status_code}")
    return Whole(tested.raw)


def _header(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Refused(f"A header is written as NAME=VALUE, and not {text}.")
    return name, value


def _elevenlabs_key() -> str:
    """A key of one's own for voices; the environment has it, which no process list shows."""
    return os.environ.get("DID_TUI_ELEVENLABS_KEY", "")
