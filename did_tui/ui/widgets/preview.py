"""What stands beside a list: the picture of what is under the cursor, and what it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from did_tui.api.errors import DidError
from did_tui.api.models import Agent, Resource
from did_tui.ui.kinds import Kind, name_of
from did_tui.ui.local import KeptChat
from did_tui.ui.text import literal, one_line
from did_tui.ui.widgets.video import VideoView

if TYPE_CHECKING:
    from did_tui.ui.app import DidTui

MOST_STILLS = 16  # pictures that are kept
MOST_LETTERS = 4000  # of a transcript that are shown
MOST_LINES = 40  # fields of a resource that are shown


class Preview(Vertical):
    """A face where the kind has pictures, and words under it."""

    app: DidTui
    DEFAULT_CSS = """
    Preview { width: 44; height: 1fr; background: $surface; }
    Preview VideoView { height: 20; margin: 1 2 0 2; background: $surface; }
    Preview #about { height: 1fr; padding: 1 2; }
    """

    def __init__(self, kind: Kind) -> None:
        super().__init__(id="preview")
        self._kind = kind
        self._shown: tuple[str, str] | None = None
        self._about = Content()
        self.stills: dict[str, bytes] = {}

    def compose(self) -> ComposeResult:
        """Picture and words."""
        yield VideoView(id="face")
        yield Static("", id="about")

    def on_mount(self) -> None:
        """Kinds without pictures have more room for words."""
        self.query_one(VideoView).display = self._kind.picture is not None

    def tell(self, resource: Resource | None) -> None:
        """Show a resource."""
        if resource is None:
            self._say(Content())
            self._shown = None
            self.query_one("#face", VideoView).clear()
            return
        if isinstance(resource, KeptChat):
            self._say(literal(resource.text[:MOST_LETTERS]))
            return
        lines = _agent(resource) if isinstance(resource, Agent) else _anything(self._kind, resource)
        self._say(Content("\n").join([line for line in lines if line.plain.strip()]))
        if self._kind.picture is None:
            return
        address = self._kind.picture(resource)
        if self._shown != (self._kind.key(resource), address):
            self._shown = (self._kind.key(resource), address)
            self.show_face(address)

    def _say(self, about: Content) -> None:
        if not about.is_same(self._about):  # it is drawn anew for each letter of a filter
            self._about = about
            self.query_one("#about", Static).update(about)

    @work(exclusive=True, group="face")
    async def show_face(self, address: str) -> None:
        """Fetch and show a still picture."""
        view = self.query_one("#face", VideoView)
        if not address:
            view.clear()
            return
        if address not in self.stills:
            try:
                still = await (await self.app.client()).picture(address)
            except DidError:
                still = b""
            while len(self.stills) >= MOST_STILLS:
                self.stills.pop(next(iter(self.stills)))
            self.stills[address] = still
        await view.show_still(self.stills[address])


def _agent(agent: Agent) -> Iterator[Content]:
    yield literal(agent.name, "bold $primary")
    yield literal(agent.preview_description)
    yield literal(f"{agent.llm.provider} {agent.llm.model}".strip(), "$muted")
    if agent.starter_message:
        yield literal("\nAsk for example", "bold $muted")
        for starter in agent.starter_message[:3]:
            yield literal(f"· {starter}")
    if agent.llm.instructions:
        yield literal("\nInstructions", "bold $muted")
        yield literal(agent.llm.instructions[:600])


def _anything(kind: Kind, resource: Resource) -> Iterator[Content]:
    yield literal(one_line(kind.label(resource) or name_of(resource))[:200], "bold $primary")
    if resource.note:
        yield literal(resource.note, "$warning")
    for number, (path, value) in enumerate(flat(resource.raw, kind.hides)):
        if number >= MOST_LINES:
            break
        yield literal(f"{path}  ", "$muted") + literal(one_line(value)[:400])


def flat(
    raw: Mapping[str, Any], hides: frozenset[str], path: str = ""
) -> Iterator[tuple[str, str]]:
    """The leaves of an object as lines: where, and what; fields that hold a secret are left out."""
    for key, value in raw.items():
        where = f"{path}{one_line(key)[:60]}"
        if key in hides:
            continue
        if isinstance(value, Mapping) and value and path.count(".") < 4:
            yield from flat(value, hides, f"{where}.")
        elif isinstance(value, str):
            yield where, value
        else:
            yield where, json.dumps(value, ensure_ascii=False)[:2000]
