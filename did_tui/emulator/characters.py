"""The agents that the emulator is born with, and the face and voice of any other."""

from __future__ import annotations

import json
import re
import threading
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import Any

from did_tui.emulator.face import LOOKS, Face
from did_tui.emulator.idle import idle_video
from did_tui.emulator.store import Store
from did_tui.emulator.voice import Timbre

BIRTHDAY = "2026-01-05T09:00:00.000Z"  # seed data carry the same time in every run
PAUSE = 0.02  # seconds between two looks at whether somebody waits for a face
OWNER = "auth0|emulator"


@dataclass(frozen=True, slots=True)
class Character:
    """How an agent of the emulator looks and sounds."""

    look: str
    timbre: Timbre


class Faces:
    """Painted faces by look, each painted once; thread-safe.

    Painting takes some tenths of a second, so all of them are painted ahead in a thread.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._faces: dict[str, Face] = {}
        self._idle: dict[str, bytes] = {}
        self._locks = {look: threading.Lock() for look in LOOKS}
        self._asked: list[str] = []
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._paint_ahead, name="faces", daemon=True)

    def start(self) -> None:
        """Begin to paint ahead."""
        self._thread.start()

    def stop(self) -> None:
        """Paint no more."""
        self._closed.set()

    def get(self, look: str) -> Face:
        """The face, painted now if it is not yet there; none is painted ahead meanwhile."""
        self._asked.append(look)
        try:
            return self._painted(look)
        finally:
            self._asked.remove(look)

    def _painted(self, look: str) -> Face:
        with self._locks[look]:
            if look not in self._faces:
                self._faces[look] = Face(LOOKS[look], self._seed)
            return self._faces[look]

    def idle(self, look: str) -> bytes:
        """The idle video, made now if it is not yet there: that takes a second."""
        face = self.get(look).twin()
        with self._locks[look]:
            if look not in self._idle:
                self._idle[look] = idle_video(face)
            return self._idle[look]

    def _paint_ahead(self) -> None:
        for look in LOOKS:
            while self._asked and not self._closed.wait(PAUSE):
                pass
            if self._closed.is_set():
                return
            self._painted(look)


def character_of(store: Store, agent: Mapping[str, Any]) -> Character:
    """The face and the voice that the presenter names.

    Where it names none: those it was born with, or some that follow from the agent's id.
    """
    known = characters()
    stored = store.get("character", str(agent["id"]))
    if stored is not None and stored.get("look") in LOOKS:
        born = Character(stored["look"], Timbre(**stored["timbre"]))
    else:
        born = known[list(known)[zlib.crc32(str(agent["id"]).encode()) % len(known)]]
    presenter = agent.get("presenter") or {}
    look, voice = _chosen_look(presenter), _chosen_voice(presenter)
    return Character(
        look or born.look, known[voice or look].timbre if voice or look else born.timbre
    )


def characters() -> dict[str, Character]:
    """The faces that there are, each with the voice that goes with it."""
    return {entry["look"]: Character(entry["look"], _timbre(entry)) for entry in _entries()}


def presenter_of(look: str) -> str:
    """What D-ID would call a face as a clip presenter."""
    return f"v2_public_{look}@emulator"


def _chosen_look(presenter: Mapping[str, Any]) -> str:
    """The face that a presenter names, empty where it is none of the emulator's."""
    named = str(presenter.get("presenter_id") or presenter.get("source_url") or "")
    for look in characters():
        endings = (presenter_of(look), f"@avt_{look}", f"/emulator/looks/{look}.png")
        if named.endswith(endings):
            return look
    return ""


def _chosen_voice(presenter: Mapping[str, Any]) -> str:
    voice = presenter.get("voice") or {}
    named = str(voice.get("voice_id", "")).removeprefix("emulator-")
    return named if named in characters() else ""


def plant(store: Store) -> None:
    """Put the agents and their knowledge into an empty store."""
    for entry in _entries():
        knowledge_id = store.new_id("knl_")
        agent_id = store.new_id("agt_")
        name = entry["agent"]["preview_name"]
        store.put(
            "knowledge",
            {
                "id": knowledge_id,
                "type": "knowledge",
                "name": f"{name}'s knowledge",
                "description": entry["agent"]["preview_description"],
                "owner_id": OWNER,
                "created_by": OWNER,
                "status": "done",
                "created_at": BIRTHDAY,
                "modified_at": BIRTHDAY,
            },
        )
        for file in entry["documents"]:
            _plant_document(store, knowledge_id, file)
        presenter = {
            "voice": {
                "type": "microsoft",
                "voice_id": f"emulator-{entry['look']}",
                "language": entry["timbre"]["voice"],
            },
            **entry["agent"]["presenter"],
        }
        store.put(
            "agent",
            {
                "id": agent_id,
                "owner_id": OWNER,
                "created_by": OWNER,
                "created": BIRTHDAY,
                "modified": BIRTHDAY,
                "status": "done",
                "access": "unlisted",
                "provider": "d-id-agents",
                "embed": False,
                "metadata": {"plan": "emulator"},
                "knowledge": {"id": knowledge_id, "provider": "pinecone"},
                **entry["agent"],
                "presenter": presenter,
            },
        )
        client_key = store.new_id("ck_")
        store.put(
            "client-key",
            {
                "id": client_key,
                "client_key": client_key,
                "allowed_domains": ["http://localhost"],
                "name": "born with the agent",
                "resource_id": agent_id,
                "created_at": BIRTHDAY,
            },
            parent=agent_id,
        )
        store.put(
            "character", {"id": agent_id, "look": entry["look"], "timbre": asdict(_timbre(entry))}
        )


def _timbre(entry: Mapping[str, Any]) -> Timbre:
    return Timbre(**entry["timbre"])


def _plant_document(store: Store, knowledge_id: str, file: str) -> None:
    text = (resources.files("did_tui.emulator") / "seed" / file).read_text(encoding="utf-8")
    document_id = store.new_id("doc_")
    title = text.partition("\n")[0].removeprefix("# ")
    store.put(
        "document",
        {
            "id": f"{knowledge_id}#{document_id}",
            "type": "document",
            "documentType": "text",
            "title": title,
            "source_url": f"emulator:///seed/{file}",
            "status": "done",
            "owner_id": OWNER,
            "created_by": OWNER,
            "created_at": BIRTHDAY,
            "modified_at": BIRTHDAY,
        },
        parent=knowledge_id,
    )
    for heading, passage in passages(text):
        record_id = store.new_id("rec_")
        store.put(
            "record",
            {"id": record_id, "type": "record", "title": heading, "data": passage},
            parent=document_id,
        )
        store.index(record_id, document_id, knowledge_id, heading, passage)


def passages(markdown: str) -> Iterator[tuple[str, str]]:
    """The second-level sections of a document: heading and text."""
    for section in re.split(r"^## ", markdown, flags=re.MULTILINE)[1:]:
        heading, _, body = section.partition("\n")
        yield heading.strip(), body.strip()


@cache
def _entries() -> list[dict[str, Any]]:
    file = resources.files("did_tui.emulator") / "seed" / "agents.json"
    entries: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return entries
