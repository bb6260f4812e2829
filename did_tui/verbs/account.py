"""``did-tui secrets …`` and ``did-tui account …``."""

from __future__ import annotations

from did_tui.api.limits import secret_problems
from did_tui.verbs.desk import Desk, check, read_file, read_object
from did_tui.verbs.output import Column, Output, Result, Table, Whole

SECRET_COLUMNS: tuple[Column, ...] = (
    ("id", lambda secret: secret.id),
    ("provider", lambda secret: secret.provider),
    ("type", lambda secret: secret.type),
    ("secret", lambda secret: secret.sanitized_secret),
    ("last used", lambda secret: secret.last_used_at),
)
CREDIT_COLUMNS: tuple[Column, ...] = (
    ("remaining", lambda credit: credit.remaining),
    ("total", lambda credit: credit.total),
    ("plan", lambda credit: credit.plan_group),
    ("expires", lambda credit: credit.expire_at),
)


async def secrets_list(desk: Desk) -> Output:
    """``secrets list``."""
    return Table(await desk.client.secrets(), SECRET_COLUMNS)


async def secrets_show(desk: Desk) -> Output:
    """``secrets show``."""
    return Whole((await desk.client.secret(desk.options.id)).raw)


async def secrets_create(desk: Desk) -> Output:
    """``secrets create``: from a file, so that no process list shows it."""
    wanted = read_object(desk.options.file)
    check(secret_problems(wanted), desk.options.file)
    made = await desk.client.create_secret(wanted)
    return Result(made.id, made.raw)


async def secrets_edit(desk: Desk) -> Output:
    """``secrets edit``."""
    changed = await desk.client.update_secret(desk.options.id, read_object(desk.options.file))
    return Result(f"updated {changed.id}", changed.raw)


async def secrets_delete(desk: Desk) -> Output:
    """``secrets delete``."""
    desk.confirm(f"the secret {desk.options.id}")
    await desk.client.delete_secret(desk.options.id)
    return Result(desk.options.id, {"deleted": [desk.options.id]})


async def account_credits(desk: Desk) -> Output:
    """``account credits``."""
    found = await desk.client.credits()
    return Whole(found.raw) if desk.options.json else Table(found.credits, CREDIT_COLUMNS)


async def account_settings(desk: Desk) -> Output:
    """``account settings``."""
    return Whole((await desk.client.settings()).raw)


async def account_edit_settings(desk: Desk) -> Output:
    """``account edit-settings``."""
    return Whole((await desk.client.update_settings(read_object(desk.options.file))).raw)


async def account_logo(desk: Desk) -> Output:
    """``account logo``."""
    return Whole(await desk.client.logo())


async def account_upload_logo(desk: Desk) -> Output:
    """``account upload-logo``."""
    name, content = read_file(desk.options.file)
    await desk.client.upload_logo(name, content, top=desk.options.top, left=desk.options.left)
    return Result(name, {"uploaded": name})


async def account_delete_logo(desk: Desk) -> Output:
    """``account delete-logo``."""
    desk.confirm("the logo")
    await desk.client.delete_logo()
    return Result("deleted", {"deleted": ["logo"]})
