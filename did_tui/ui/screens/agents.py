"""The agents of the account; enter on one opens the conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Static

from did_tui.api.errors import ApiError, BadAnswer, DidError
from did_tui.api.models import Agent
from did_tui.ui.keys import bindings
from did_tui.ui.text import literal
from did_tui.ui.widgets.table import Cell, Column, Table
from did_tui.ui.widgets.topbar import TopBar
from did_tui.ui.widgets.video import VideoView

if TYPE_CHECKING:
    from did_tui.api.client import Client
    from did_tui.ui.app import DidTui

COLUMNS = (
    Column("NAME", 14, 2, 9),
    Column("PRESENTER", 10, 0, 6),
    Column("STATUS", 9, 0, 8),
    Column("KNOWLEDGE", 14, 1, 5),
    Column("ABOUT", 16, 3, 4),
)

_STATUS = {
    "ready": ("● ready", "good"),
    "done": ("● ready", "good"),
    "error": ("✗ error", "bad"),
    "rejected": ("✗ rejected", "bad"),
}
MOST_STILLS = 16  # pictures that are kept
PREVIEW_FROM = 116  # columns of the terminal from which there is room for the preview


class AgentsScreen(Screen[None]):
    """A list of agents, with a preview where there is room."""

    app: DidTui
    BINDINGS = [*bindings("everywhere"), *bindings("agents")]
    DEFAULT_CSS = """
    AgentsScreen #middle { height: 1fr; }
    AgentsScreen #list { width: 1fr; height: 1fr; }
    AgentsScreen #notice { width: 1fr; height: 1fr; content-align: center middle; padding: 0 4; }
    AgentsScreen #preview { width: 44; height: 1fr; background: $surface; }
    AgentsScreen #preview VideoView { height: 20; margin: 1 2 0 2; background: $surface; }
    AgentsScreen #about { height: 1fr; padding: 1 2; }
    """
    AUTO_FOCUS: ClassVar[str] = "#list"

    def __init__(self) -> None:
        super().__init__()
        self._names: dict[str, str] = {}
        self._stills: dict[str, bytes] = {}

    def compose(self) -> ComposeResult:
        """Bar, list and preview."""
        yield TopBar()
        with Horizontal(id="middle"):
            yield Static("", id="notice")
            yield Table[Agent](COLUMNS, id="list")
            with Vertical(id="preview"):
                yield VideoView(id="face")
                yield Static("", id="about")
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Begin to load."""
        bar = self.query_one(TopBar)
        bar.crumbs = (self.app.place, "Agents")
        self._say(Content(""))
        self.load()

    def on_resize(self, event: events.Resize) -> None:
        """Show the preview where there is room for it."""
        self.query_one("#preview").display = event.size.width >= PREVIEW_FROM

    @property
    def table(self) -> Table[Agent]:
        """The list."""
        return self.query_one("#list", Table)

    # Loading

    @work(exclusive=True, group="load")
    async def load(self) -> None:
        """Load the agents; what is already shown stays until they are there."""
        bar = self.query_one(TopBar)
        began = self.app.now()
        bar.state, bar.mood = "↻ loading", "busy"
        slow = self.set_interval(0.5, lambda: self._say_loading(began))
        try:
            client = await self.app.client()
            names = await _names_or_none(client)
            agents = [agent async for agent in client.agents()]
        except DidError as error:
            bar.state, bar.mood = "✗ offline", "bad"
            self._say_error(error)
            return
        finally:
            slow.stop()
        self._names = names
        bar.state, bar.mood = f"● {self.app.place_in_words}", "good"
        self.table.fill([(agent, self._cells(agent)) for agent in agents])
        if agents:
            self._say(None)
        else:
            self._say(
                Content.styled("No agents yet.\n\n", "bold")
                + Content.styled(
                    "An agent is a face with a brief. Make one at studio.d-id.com, then press r.",
                    "$muted",
                )
            )
        self.app.warm_up()

    def _cells(self, agent: Agent) -> tuple[Cell, ...]:
        status, colour = _STATUS.get(agent.status, (f"◐ {agent.status or '–'}", "busy"))
        knowledge = agent.knowledge.id if agent.knowledge else ""
        return (
            Cell(agent.name, "strong"),
            Cell(agent.presenter.type or "–"),
            Cell(status, colour),
            Cell(self._names.get(knowledge, knowledge) or "–"),
            Cell(agent.preview_description, "dim"),
        )

    def _say_loading(self, began: float) -> None:
        if not self.table.rows:
            seconds = self.app.now() - began
            self._say(literal(f"Loading agents… {seconds:.0f} s", "$muted"))

    def _say_error(self, error: DidError) -> None:
        if self.table.rows:
            self.notify(str(error), title="Not refreshed", severity="error")
            return
        self._say(
            literal(str(error), "bold $error")
            + literal(f"\n\n{error.advice} Press r to try again.", "$muted")
        )

    def _say(self, notice: Content | None) -> None:
        """Show a notice in the place of the list, or the list."""
        place = self.query_one("#notice", Static)
        place.display = notice is not None
        self.table.display = notice is None
        if notice is not None:
            place.update(notice)
        elif self.focused is None:
            self.table.focus()

    # The preview

    def on_table_highlighted(self, _event: Table.Highlighted) -> None:
        """Show the agent under the cursor."""
        agent = self.table.current
        if agent is not None:
            self._describe(agent)
            self.show_face(agent)

    @work(exclusive=True, group="face")
    async def show_face(self, agent: Agent) -> None:
        """Fetch and show the agent's still picture."""
        view = self.query_one("#face", VideoView)
        if not agent.thumbnail or not self.query_one("#preview").display:
            view.clear()
            return
        if agent.id not in self._stills:
            try:
                still = await (await self.app.client()).picture(agent.thumbnail)
            except DidError:
                still = b""
            while len(self._stills) >= MOST_STILLS:
                self._stills.pop(next(iter(self._stills)))
            self._stills[agent.id] = still
        await view.show_still(self._stills[agent.id])

    def _describe(self, agent: Agent) -> None:
        about = [
            literal(agent.name, "bold $primary"),
            literal(agent.preview_description),
            literal(f"{agent.llm.provider} {agent.llm.model}".strip(), "$muted"),
        ]
        if agent.starter_message:
            about.append(literal("\nAsk for example", "bold $muted"))
            about.extend(literal(f"· {starter}") for starter in agent.starter_message[:3])
        lines = [line for line in about if line.plain.strip()]
        self.query_one("#about", Static).update(Content("\n").join(lines))

    # Keys

    def action_chat(self) -> None:
        """Meet the agent under the cursor."""
        agent = self.table.current
        if agent is not None:
            self.app.meet(agent, self._stills.get(agent.id, b""))

    def on_table_chosen(self, _event: Table.Chosen) -> None:
        """A double click is enter."""
        self.action_chat()

    def action_refresh(self) -> None:
        """Load again."""
        self.load()


async def _names_or_none(client: Client) -> dict[str, str]:
    """The names of knowledge bases, which a key need not be allowed to see."""
    try:
        return await client.knowledge_names()
    except (ApiError, BadAnswer):
        return {}
