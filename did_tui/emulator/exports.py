"""Exports of chats: a zip of JSON files, made after a moment, in parts (protocol 2.3)."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from did_tui.emulator.bodies import NewExport, check
from did_tui.emulator.characters import OWNER
from did_tui.emulator.refusal import Refusal
from did_tui.emulator.store import Store, timestamp

CHATS_A_PART = 100
CREATED_SECONDS, STARTED_SECONDS = 0.3, 1.0


class Exports:
    """The exports of one account."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """``POST /agents/chats/exports``; a ``token`` goes on where another one ended."""
        check(NewExport, body)
        if self._store.get("agent", body["agent_id"]) is None:
            raise Refusal(400, "BadRequestError", "Agent not found")
        start, end = _time(body.get("from")), _time(body.get("to"))
        if start and end and start > end:
            raise Refusal(400, "RangeError", "Invalid date range")
        token = body.get("token", "")
        if token and not token.isdecimal():
            raise Refusal(400, "BadRequestError", "Invalid token")
        export = {
            "id": self._store.new_id("exp_"),
            "asked": {**body, "token": token},
            "since": time.time(),
            "created_at": timestamp(),
        }
        self._store.put("export", export, parent=body["agent_id"])
        return {"export_id": export["id"]}

    def get(self, export_id: str, base: str) -> dict[str, Any]:
        """``GET /agents/chats/exports/{id}``."""
        export = self._find(export_id)
        asked = {k: v for k, v in export["asked"].items() if k != "token"}
        view = {
            **asked,
            "export_id": export_id,
            "owner_id": OWNER,
            "created_by": OWNER,
            "created_at": export["created_at"],
            "modified": export["created_at"],
        }
        age = time.time() - export["since"]
        if age < CREATED_SECONDS:
            return view | {"status": "created"}
        if age < STARTED_SECONDS:
            return view | {"status": "started"}
        return view | self._outcome(export, base)

    def delete(self, export_id: str, base: str) -> dict[str, Any]:
        """``DELETE /agents/chats/exports/{id}``: answers with what was deleted."""
        view = self.get(export_id, base)
        self._store.delete("export", export_id)
        return view

    def archive(self, export_id: str) -> bytes:
        """The zip of an export: a JSON file a chat."""
        chats, _ = self._part(self._find(export_id))
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for chat in chats:
                archive.writestr(f"{chat['id']}.json", json.dumps(chat, indent=2))
        return out.getvalue()

    def _find(self, export_id: str) -> dict[str, Any]:
        export = self._store.get("export", export_id)
        if export is None:
            raise Refusal(404, "NotFoundError", "export not found")
        return export

    def _outcome(self, export: Mapping[str, Any], base: str) -> dict[str, Any]:
        asked = export["asked"]
        chats, more = self._part(export)
        if not chats:
            said = "No chats found"
            if asked["token"]:
                said = "All chats in dates range have been exported"
            elif asked.get("from") or asked.get("to"):
                said = "No chats found in range"
            return {"status": "error", "error": said}
        result = {"result_url": f"{base}/emulator/exports/{export['id']}.zip"}
        return {
            "status": "partial" if more else "done",
            "completed_at": timestamp(),
            "result": result | ({"token": more} if more else {}),
            "total_files_count": len(chats),
            "total_files_size": len(self.archive(export["id"])),
        }

    def _part(self, export: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str]:
        """The chats of one part, and the token of the next."""
        asked = export["asked"]
        start, end = _time(asked.get("from")), _time(asked.get("to"))
        chats = [
            chat
            for chat in self._store.all("chat", asked["agent_id"])
            if (chat["persist_messages"] or not asked.get("persistent_chats", True))
            and (start is None or _known_time(chat["created"]) >= start)
            and (end is None or _known_time(chat["created"]) <= end)
        ]
        first = int(asked["token"] or 0)
        after = first + CHATS_A_PART
        return chats[first:after], str(after) if after < len(chats) else ""


def _time(text: object) -> datetime | None:
    if not text:
        return None
    try:
        return _known_time(str(text))
    except (ValueError, OverflowError):
        raise Refusal(400, "BadRequestError", "Invalid date format") from None


def _known_time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone()
