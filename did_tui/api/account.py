"""Credits, settings and secrets of the account (protocol 2.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from did_tui.api.http import Http, path_of
from did_tui.api.inventory import AccountSettings, Credits, Secret
from did_tui.api.models import rows


class AccountCalls(Http):
    """What belongs to the account as a whole."""

    async def credits(self) -> Credits:
        """``GET /credits``; ``NotFound`` for an account that never had any."""
        return Credits.read(await self._call("GET", "/credits"))

    async def settings(self) -> AccountSettings:
        """``GET /settings``; empty where D-ID answers null."""
        return AccountSettings.parse(await self._call("GET", "/settings") or {})

    async def update_settings(self, changes: Mapping[str, Any]) -> AccountSettings:
        """``POST /settings``: ``agents_insights_is_enabled`` and ``logo`` can be changed."""
        return AccountSettings.parse(await self._call("POST", "/settings", body=changes) or {})

    async def logo(self) -> Mapping[str, Any]:
        """``GET /settings/logo``: ``url`` and ``position``; empty where there is none."""
        answer = await self._call("GET", "/settings/logo")
        return answer if isinstance(answer, Mapping) else {}

    async def upload_logo(self, name: str, content: bytes, *, top: int, left: int) -> None:
        """``POST /settings/logo``."""
        form = {"top": str(top), "left": str(left)}
        files = {"logo": (name, content)}
        await self._call("POST", "/settings/logo", form=form, files=files)

    async def delete_logo(self) -> None:
        """``DELETE /settings/logo``."""
        await self._call("DELETE", "/settings/logo")

    async def secrets(self) -> list[Secret]:
        """``GET /secrets``."""
        return rows(Secret, await self._call("GET", "/secrets"), "secrets")

    async def secret(self, secret_id: str) -> Secret:
        """``GET /secrets/{id}``."""
        return Secret.parse(await self._call("GET", path_of("secrets", secret_id)))

    async def create_secret(self, secret: Mapping[str, Any]) -> Secret:
        """``POST /secrets``: basic, bearer, api_key, or an external model's."""
        return Secret.parse(await self._call("POST", "/secrets", body=secret))

    async def update_secret(self, secret_id: str, changes: Mapping[str, Any]) -> Secret:
        """``PUT /secrets/{id}``."""
        return Secret.parse(await self._call("PUT", path_of("secrets", secret_id), body=changes))

    async def delete_secret(self, secret_id: str) -> None:
        """``DELETE /secrets/{id}``."""
        await self._call("DELETE", path_of("secrets", secret_id))
