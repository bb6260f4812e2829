"""Knowledge bases, their documents and records (protocol 2.4).

A document's id is composite, ``knl_1#doc_2``; these methods take it whole or its second part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from did_tui.api.http import Http, path_of
from did_tui.api.inventory import Document, Found, Knowledge, Record, document_key
from did_tui.api.models import rows


class KnowledgeCalls(Http):
    """What can be done with knowledge."""

    async def knowledge_bases(self) -> list[Knowledge]:
        """``GET /knowledge``."""
        return rows(Knowledge, await self._call("GET", "/knowledge"), "knowledge", "knowledges")

    async def knowledge_names(self) -> dict[str, str]:
        """The names of the account's knowledge bases by id."""
        return {base.id: base.name for base in await self.knowledge_bases() if base.id}

    async def knowledge(self, knowledge_id: str) -> Knowledge:
        """``GET /knowledge/{id}``."""
        return Knowledge.parse(await self._call("GET", path_of("knowledge", knowledge_id)))

    async def create_knowledge(
        self, name: str, description: str, *, starter_message: Sequence[str] = ()
    ) -> Knowledge:
        """``POST /knowledge``; both texts are required, ``starter_message`` is deprecated."""
        body: dict[str, Any] = {"name": name, "description": description}
        if starter_message:
            body["starter_message"] = list(starter_message)
        return Knowledge.parse(await self._call("POST", "/knowledge", body=body))

    async def update_knowledge(self, knowledge_id: str, changes: Mapping[str, Any]) -> Knowledge:
        """``PATCH /knowledge/{id}``: name, description, starter_message."""
        path = path_of("knowledge", knowledge_id)
        return Knowledge.parse(await self._call("PATCH", path, body=changes))

    async def delete_knowledge(self, knowledge_id: str) -> None:
        """``DELETE /knowledge/{id}``, with its documents."""
        await self._call("DELETE", path_of("knowledge", knowledge_id))

    async def query_knowledge(self, knowledge_id: str, query: str) -> Found:
        """``POST /knowledge/{id}/query``: what an agent would find."""
        path = path_of("knowledge", knowledge_id, "query")
        return Found.parse(await self._call("POST", path, body={"query": query}))

    async def documents(self, knowledge_id: str) -> list[Document]:
        """``GET /knowledge/{id}/documents``."""
        answer = await self._call("GET", path_of("knowledge", knowledge_id, "documents"))
        return rows(Document, answer, "documents")

    async def document(self, knowledge_id: str, document_id: str) -> Document:
        """``GET /knowledge/{id}/documents/{document}``."""
        return Document.parse(await self._call("GET", _document_path(knowledge_id, document_id)))

    async def create_document(
        self, knowledge_id: str, document_type: str, source_url: str, title: str, webhook: str = ""
    ) -> Document:
        """``POST /knowledge/{id}/documents``: have D-ID fetch, read and index what is there.

        ``document_type`` is ``text``, ``pdf`` or ``powerpoint``; others are D-ID's to refuse.
        """
        body = {"documentType": document_type, "source_url": source_url, "title": title}
        if webhook:
            body["webhook"] = webhook
        path = path_of("knowledge", knowledge_id, "documents")
        return Document.parse(await self._call("POST", path, body=body))

    async def delete_document(self, knowledge_id: str, document_id: str) -> None:
        """``DELETE /knowledge/{id}/documents/{document}``."""
        await self._call("DELETE", _document_path(knowledge_id, document_id))

    async def records(self, knowledge_id: str, document_id: str) -> list[Record]:
        """``GET /knowledge/{id}/documents/{document}/records``: the indexed passages."""
        path = _document_path(knowledge_id, document_id) + "/records"
        return rows(Record, await self._call("GET", path), "records")


def _document_path(knowledge_id: str, document_id: str) -> str:
    return path_of("knowledge", knowledge_id, "documents", document_key(document_id))
