"""Saving what was edited: only what changed, shown before it is sent, nobody else's work lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.content import Content

from did_tui.api.changes import changes, diff, editable, removed
from did_tui.api.models import Resource
from did_tui.ui.screens.asking import Confirm
from did_tui.ui.text import literal

if TYPE_CHECKING:
    from did_tui.ui.app import DidTui

UNDO_SECONDS = 15 * 60.0


@dataclass(frozen=True, slots=True)
class Target:
    """Something that can be changed: how it was, how to look again, how to send a change.

    ``problems`` says what D-ID would refuse of a change, by path.
    """

    name: str
    before: Mapping[str, Any]
    fetch: Callable[[], Awaitable[Resource]]
    send: Callable[[Mapping[str, Any]], Awaitable[object]]
    problems: Callable[[Mapping[str, Any]], Mapping[str, str]]

    @property
    def have(self) -> dict[str, Any]:
        """It as one writes it."""
        return editable(self.before)


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit that can be taken back: the values from before and those that were sent."""

    target: Target
    old: Mapping[str, Any]
    new: Mapping[str, Any]
    at: float


async def save(
    app: DidTui, target: Target, after: Mapping[str, Any], safe: str = "Keep editing"
) -> Mapping[str, str] | None:
    """Send what changed; what is wrong by path, {} when it is done, None when the user says no.

    ``safe`` is what saying no is called. Raises ``DidError``.
    """
    have = target.have
    patch = changes(have, after)
    problems = dict(target.problems(patch)) | dict.fromkeys(
        removed(have, after), "D-ID documents no way to remove a field."
    )
    if problems:
        return problems
    if not patch:
        app.notify("Nothing was changed.")
        return {}
    if not await _agreed(app, target, have, patch, safe):
        return None
    await target.send(patch)
    old = {key: have[key] for key in patch if key in have}
    app.edits.append(Edit(target, old, patch, app.now()))
    count = f"{len(patch)} field{'s' if len(patch) > 1 else ''}"
    undo = f" · {app.key('undo-edit')} takes it back" if len(old) == len(patch) else ""
    app.notify(f"Saved {count} of “{target.name}”{undo}")
    return {}


async def _agreed(
    app: DidTui, target: Target, have: Mapping[str, Any], patch: Mapping[str, Any], safe: str
) -> bool:
    """Show what will be sent, and what somebody else has changed in the meantime."""
    fields = ", ".join(patch)
    words = coloured(diff(have, {**have, **patch}))
    if any(isinstance(value, dict) for value in patch.values()):
        words += literal("\nD-ID replaces a block as a whole.", "$muted")
    if not await app.push_screen_wait(Confirm(f"Save {fields}?", words, deed="Save", safe=safe)):
        return False
    now = editable((await target.fetch()).raw)
    meanwhile = changes(have, now)
    if not meanwhile:
        return True
    words = literal("Somebody has changed this since you opened it:\n", "$warning")
    words += coloured(diff(have, now))
    lost = [key for key in meanwhile if key in patch]
    if lost:
        words += literal(f"\nYours would replace theirs in {', '.join(lost)}.", "bold $error")
    else:
        words += literal("\nYours touches none of it: theirs stays.", "$muted")
    question = f"“{target.name}” was changed meanwhile"
    agreed = await app.push_screen_wait(Confirm(question, words, deed="Save mine", safe=safe))
    return bool(agreed)


async def undo(app: DidTui) -> bool:
    """Take the last edit back; whether that was done. Raises ``DidError``."""
    now = app.now()
    app.edits[:] = [edit for edit in app.edits if now - edit.at < UNDO_SECONDS]
    if not app.edits:
        app.notify("There is no edit of the last 15 minutes to take back.")
        return False
    edit = app.edits[-1]
    current = editable((await edit.target.fetch()).raw)
    theirs = [key for key in edit.new if changes({key: edit.new[key]}, {key: current.get(key)})]
    missing = [key for key in edit.new if key not in edit.old]
    words = coloured(diff({k: current.get(k) for k in edit.old}, edit.old))
    if theirs:
        words += literal(f"\nSomebody has changed {', '.join(theirs)} since.", "bold $error")
    if missing:
        words += literal(f"\n{', '.join(missing)} stays: it was not there before.", "$warning")
    question = f"Take back the edit of “{edit.target.name}”?"
    if not await app.push_screen_wait(Confirm(question, words, deed="Take back", safe="Leave it")):
        return False
    await edit.target.send(edit.old)
    app.edits.remove(edit)
    app.notify(f"“{edit.target.name}” is as it was.")
    return True


def coloured(lines: Sequence[str]) -> Content:
    """A diff, with what goes in red and what comes in green."""
    styles = {"+": "$success", "-": "$error", "@": "$muted"}
    return Content("\n").join([literal(line, styles.get(line[:1], "")) for line in lines])
