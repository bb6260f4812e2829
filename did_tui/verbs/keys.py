"""``did-tui keys …``."""

from __future__ import annotations

from did_tui.api.limits import domain_problems
from did_tui.verbs.desk import Desk, Refused, check
from did_tui.verbs.output import Column, Output, Result, Table, Whole

COLUMNS: tuple[Column, ...] = (
    ("key", lambda key: key.client_key),
    ("name", lambda key: key.name),
    ("origins", lambda key: key.allowed_domains),
    ("created", lambda key: key.created_at),
)


async def keys_list(desk: Desk) -> Output:
    """``keys list``."""
    return Table(await desk.client.client_keys(await desk.agent_id()), COLUMNS)


async def keys_create(desk: Desk) -> Output:
    """``keys create``."""
    options = desk.options
    check(domain_problems(options.domain))
    key = await desk.client.create_client_key(
        await desk.agent_id(), options.domain, name=options.name or ""
    )
    return Result(key.client_key, key.raw)


async def keys_edit(desk: Desk) -> Output:
    """``keys edit``."""
    options = desk.options
    if options.domain is None and options.name is None:
        raise Refused("There is nothing to change: say --domain or --name.")
    if options.domain is not None:
        check(domain_problems(options.domain))
    await desk.client.update_client_key(
        await desk.agent_id(), options.key, domains=options.domain, name=options.name
    )
    return Result(f"updated {options.key}", {"updated": options.key})


async def keys_delete(desk: Desk) -> Output:
    """``keys delete``."""
    agent_id = await desk.agent_id()
    desk.confirm(f"the client key {desk.options.key}")
    await desk.client.delete_client_key(agent_id, desk.options.key)
    return Result(desk.options.key, {"deleted": [desk.options.key]})


async def keys_show_account(desk: Desk) -> Output:
    """``keys show-account``."""
    return Whole((await desk.client.account_key()).raw)


async def keys_create_account(desk: Desk) -> Output:
    """``keys create-account``."""
    check(domain_problems(desk.options.domain))
    key = await desk.client.create_account_key(desk.options.domain)
    return Result(key.client_key, key.raw)


async def keys_edit_account(desk: Desk) -> Output:
    """``keys edit-account``."""
    check(domain_problems(desk.options.domain))
    await desk.client.update_account_key(desk.options.domain)
    return Result("updated", {"allowed_domains": desk.options.domain})
