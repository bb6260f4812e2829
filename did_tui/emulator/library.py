"""Knowledge bases and their documents: really fetched, read, cut and indexed (protocol 2.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from did_tui.emulator.bodies import KnowledgeChange, NewDocument, NewKnowledge, Query, check
from did_tui.emulator.characters import OWNER
from did_tui.emulator.limits import Limits
from did_tui.emulator.refusal import bad_request, not_found
from did_tui.emulator.sources import Unusable, check_address, fetch, read, type_of
from did_tui.emulator.store import Store, timestamp
from did_tui.emulator.webhooks import Webhooks

MOST_DOCUMENTS = 5
MOST_MATCHES = 8
PAUSE = 0.4  # seconds in each state, so that a client sees them
_PENDING = ("created", "processing")


class Library:
    """The knowledge of one account."""

    def __init__(self, store: Store, limits: Limits, webhooks: Webhooks) -> None:
        self._store, self._limits, self._webhooks = store, limits, webhooks
        self._tasks: set[asyncio.Task[None]] = set()

    def resume(self) -> None:
        """Go on with the documents that were not done when the emulator ended."""
        for document in self._store.all("document"):
            if document["status"] in _PENDING:
                self._start(document["id"])

    def close(self) -> None:
        """Stop indexing."""
        for task in self._tasks:
            task.cancel()

    # Knowledge bases

    def bases(self) -> list[dict[str, Any]]:
        """``GET /knowledge``."""
        return [self._with_status(base) for base in self._store.all("knowledge")]

    def base(self, knowledge_id: str) -> dict[str, Any]:
        """``GET /knowledge/{id}``, or a refusal."""
        base = self._store.get("knowledge", knowledge_id)
        if base is None:
            raise not_found("Knowledge")
        return self._with_status(base)

    def create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """``POST /knowledge``."""
        check(NewKnowledge, body)
        now = timestamp()
        base = {
            **body,
            "id": self._store.new_id("knl_"),
            "type": "knowledge",
            "owner_id": OWNER,
            "created_by": OWNER,
            "created_at": now,
            "modified_at": now,
        }
        self._store.put("knowledge", base)
        return self._with_status(base)

    def update(self, knowledge_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """``PATCH /knowledge/{id}``."""
        check(KnowledgeChange, body)
        base = self.base(knowledge_id)
        changes = {k: body[k] for k in ("name", "description", "starter_message") if k in body}
        base |= changes | {"modified_at": timestamp()}
        self._store.put("knowledge", base)
        return base

    def delete(self, knowledge_id: str) -> dict[str, Any]:
        """``DELETE /knowledge/{id}``, with its documents."""
        self.base(knowledge_id)
        deleted = [
            gone
            for document in self._store.all("document", knowledge_id)
            for gone in self._delete(document)
        ]
        self._store.delete("knowledge", knowledge_id)
        return {"knowledge": True, "deletedDocuments": deleted}

    def query(self, knowledge_id: str, body: Mapping[str, Any], base: str) -> dict[str, Any]:
        """``POST /knowledge/{id}/query``: what an agent would find, best first, with scores."""
        check(Query, body)
        self.base(knowledge_id)
        found = self._store.search(knowledge_id, body["query"], MOST_MATCHES)
        matches = [
            {
                "id": passage.record,
                "data": passage.at(base).text,
                "title": passage.title,
                "document_id": f"{knowledge_id}#{passage.document}",
                "knowledge_id": knowledge_id,
                "source_url": f"{base}/emulator/documents/{passage.document}",
                "score": round(passage.score, 4),
            }
            for passage in found
        ]
        return {
            "documentIds": list(dict.fromkeys(match["document_id"] for match in matches)),
            "matches": matches,
            "result": matches[0]["data"] if matches else "",
        }

    def _with_status(self, base: Mapping[str, Any]) -> dict[str, Any]:
        """The base with the status that its documents give it; an empty one has an empty status."""
        states = {document["status"] for document in self._store.all("document", base["id"])}
        status = ""
        if states & set(_PENDING):
            status = "processing"
        elif "done" in states:
            status = "done"
        elif states:
            status = "error"
        return {**base, "status": status}

    # Documents

    def documents(self, knowledge_id: str, base: str) -> list[dict[str, Any]]:
        """``GET /knowledge/{id}/documents``."""
        self.base(knowledge_id)
        return [view(document, base) for document in self._store.all("document", knowledge_id)]

    def document(self, knowledge_id: str, document_id: str, base: str) -> dict[str, Any]:
        """``GET …/documents/{id}``; the id is the part after the ``#``."""
        return view(self._document(knowledge_id, document_id), base)

    def add(
        self, knowledge_id: str, body: Mapping[str, Any], base: str, *, from_elsewhere: bool
    ) -> dict[str, Any]:
        """``POST /knowledge/{id}/documents``: it is fetched and indexed in the background.

        ``from_elsewhere``: a web page of another machine may have nothing fetched that is local.
        """
        check(NewDocument, body)
        self.base(knowledge_id)
        if len(self._store.all("document", knowledge_id)) >= MOST_DOCUMENTS:
            raise bad_request(f"a knowledge can hold at most {MOST_DOCUMENTS} documents")
        address = body["source_url"]
        try:
            check_address(address, anywhere=self._limits.fetch_anywhere)
        except Unusable as unusable:
            raise bad_request(str(unusable)) from unusable
        if from_elsewhere and not address.startswith("data:"):
            raise bad_request("a web page may add documents by a data: address only")
        if from_elsewhere and body.get("webhook"):
            raise bad_request("a web page may have nothing called")
        now = timestamp()
        document_id = f"{knowledge_id}#{self._store.new_id('doc_')}"
        document = {
            "id": document_id,
            "type": "document",
            "documentType": body.get("documentType") or type_of(address),
            "title": body["title"],
            "source_url": address,
            "status": "created",
            "owner_id": OWNER,
            "created_by": OWNER,
            "created_at": now,
            "modified_at": now,
        }
        if body.get("webhook"):
            document["webhook"] = body["webhook"]
        self._store.put("document", document, parent=knowledge_id)
        self._start(document_id)
        return view(document, base)

    def remove(self, knowledge_id: str, document_id: str) -> list[dict[str, Any]]:
        """``DELETE …/documents/{id}``: what became of its parts."""
        return self._delete(self._document(knowledge_id, document_id))

    def records(self, knowledge_id: str, document_id: str, base: str) -> list[dict[str, Any]]:
        """``GET …/documents/{id}/records``: the indexed passages."""
        document = self._document(knowledge_id, document_id)
        shared = {
            "document_id": document["id"],
            "knowledge_id": knowledge_id,
            "source_url": view(document, base)["source_url"],
            "owner_id": OWNER,
            "created_at": document["created_at"],
            "modified_at": document["modified_at"],
        }
        return [
            {**record, "data": record["data"].replace("emulator://", base), **shared}
            for record in self._store.all("record", _key(document))
        ]

    def _document(self, knowledge_id: str, document_id: str) -> dict[str, Any]:
        self.base(knowledge_id)
        document = self._store.get("document", f"{knowledge_id}#{document_id}")
        if document is None:
            raise not_found("Document")
        return document

    def _delete(self, document: Mapping[str, Any]) -> list[dict[str, Any]]:
        self._forget(_key(document))
        self._store.delete("document", document["id"])
        return [{"id": document["id"], "s3": True, "embeddings": True, "document": True}]

    def _forget(self, key: str) -> None:
        """Take a document's passages out of the index."""
        self._store.unindex(key)
        for record in self._store.all("record", key):
            self._store.delete("record", record["id"])

    # How a document is made

    def _start(self, document_id: str) -> None:
        task = asyncio.create_task(self._make(document_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _make(self, document_id: str) -> None:
        await asyncio.sleep(PAUSE)
        document = self._move(document_id, "processing")
        if document is None:
            return
        await asyncio.sleep(PAUSE)
        try:
            source = await fetch(document["source_url"], anywhere=self._limits.fetch_anywhere)
            passages = await read(source, document["documentType"], document["title"])
        except Unusable as unusable:
            status = "rejected" if unusable.rejected else "error"
            self._move(document_id, status, error=str(unusable))
        except TimeoutError:
            self._move(document_id, "error", error="the document took too long to read")
        else:
            if self._store.get("document", document_id) is not None:
                self._index(document_id, passages)
                self._move(document_id, "done")

    def _move(self, document_id: str, status: str, **more: Any) -> dict[str, Any] | None:
        """Write a document's new status, unless it has been deleted meanwhile."""
        document = self._store.get("document", document_id)
        if document is None:
            return None
        document |= {"status": status, "modified_at": timestamp(), **more}
        self._store.put("document", document, parent=document_id.partition("#")[0])
        if status not in _PENDING:
            self._webhooks.document_done(document)
        return document

    def _index(self, document_id: str, passages: list[tuple[str, str]]) -> None:
        knowledge_id, _, key = document_id.partition("#")
        self._forget(key)
        for heading, text in passages:
            record_id = self._store.new_id("rec_")
            record = {"id": record_id, "type": "record", "title": heading, "data": text}
            self._store.put("record", record, parent=key)
            self._store.index(record_id, key, knowledge_id, heading, text)


def view(document: Mapping[str, Any], base: str) -> dict[str, Any]:
    """A document as a client sees it: with the address of what was read of it.

    What came in the address itself, or with the emulator, is where the emulator shows it.
    """
    here = f"{base}/emulator/documents/{_key(document)}"
    source = document["source_url"]
    shown = here if source.startswith(("data:", "emulator:")) else source
    return {**document, "source_url": shown, "parsed_url": here}


def _key(document: Mapping[str, Any]) -> str:
    return str(document["id"]).rpartition("#")[2]
