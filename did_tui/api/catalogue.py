"""Faces and voices that an agent can have, and the files they are made of (protocol 2.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from did_tui.api.http import Http, path_of
from did_tui.api.inventory import (
    CatalogueVoice,
    ClipPresenter,
    Driver,
    ExpressiveAvatar,
    FaceDetection,
    SceneAvatar,
    Upload,
)
from did_tui.api.models import Page, rows


class CatalogueCalls(Http):
    """What there is to choose from, and what one adds to it."""

    # Clip presenters

    async def presenters(self, *, limit: int = 1000, token: str = "") -> Page[ClipPresenter]:
        """``GET /clips/presenters``: a page."""
        answer = await self._call("GET", "/clips/presenters", query=_page(limit, token))
        return Page.read(ClipPresenter, answer, "presenters")

    async def presenter(self, presenter_id: str) -> ClipPresenter:
        """``GET /clips/presenters/{id}``, which answers with a list of one."""
        answer = await self._call("GET", path_of("clips", "presenters", presenter_id))
        if isinstance(answer, Mapping) and "presenters" not in answer:
            return ClipPresenter.parse(answer)
        found = rows(ClipPresenter, answer, "presenters")
        return next(
            (one for one in found if one.presenter_id == presenter_id),
            found[0] if found else ClipPresenter.parse({}),
        )

    async def update_presenter(self, presenter_id: str, changes: Mapping[str, Any]) -> None:
        """``PATCH /clips/presenters/{id}``."""
        await self._call("PATCH", path_of("clips", "presenters", presenter_id), body=changes)

    async def delete_presenter(self, presenter_id: str) -> None:
        """``DELETE /clips/presenters/{id}``."""
        await self._call("DELETE", path_of("clips", "presenters", presenter_id))

    async def drivers(self, presenter_id: str) -> list[Driver]:
        """``GET /clips/presenters/{id}/drivers``: the ways in which a presenter moves."""
        answer = await self._call("GET", path_of("clips", "presenters", presenter_id, "drivers"))
        return rows(Driver, answer, "clips_drivers")

    # Avatars

    async def expressive_avatars(self) -> list[ExpressiveAvatar]:
        """``GET /expressives/avatars``."""
        answer = await self._call("GET", "/expressives/avatars")
        return rows(ExpressiveAvatar, answer, "avatars")

    async def expressive_avatar(self, avatar_id: str) -> ExpressiveAvatar:
        """``GET /expressives/avatars/{id}``."""
        path = path_of("expressives", "avatars", avatar_id)
        return ExpressiveAvatar.parse(await self._call("GET", path))

    async def scene_avatars(self, *, limit: int = 100, token: str = "") -> Page[SceneAvatar]:
        """``GET /scenes/avatars``: a page of the avatars that this account has trained."""
        answer = await self._call("GET", "/scenes/avatars", query=_page(limit, token))
        return Page.read(SceneAvatar, answer, "avatars")

    async def scene_avatar(self, avatar_id: str) -> SceneAvatar:
        """``GET /scenes/avatars/{id}``."""
        return SceneAvatar.parse(await self._call("GET", path_of("scenes", "avatars", avatar_id)))

    async def create_scene_avatar(self, avatar: Mapping[str, Any]) -> SceneAvatar:
        """``POST /scenes/avatars``: train one from the video at ``source_url``."""
        return SceneAvatar.parse(await self._call("POST", "/scenes/avatars", body=avatar))

    async def delete_scene_avatar(self, avatar_id: str) -> None:
        """``DELETE /scenes/avatars/{id}``."""
        await self._call("DELETE", path_of("scenes", "avatars", avatar_id))

    # Voices

    async def voices(self, *, provider: str = "", voice_id: str = "") -> list[CatalogueVoice]:
        """``GET /tts/voices``, of one provider or one of them where that is given."""
        query = {name: v for name, v in (("provider", provider), ("id", voice_id)) if v}
        return rows(CatalogueVoice, await self._call("GET", "/tts/voices", query=query), "voices")

    async def clone_voice(
        self, name: str, language: str, *, file: tuple[str, bytes] | None = None, source: str = ""
    ) -> str:
        """``POST /tts/voices``: the id of a voice made from a recording.

        ``file`` is a name and its bytes; ``source`` an address instead.
        """
        form = {"name": name, "language": language} | ({"source_url": source} if source else {})
        files = {"file": file} if file else {"file": ("", b"")}
        answer = await self._call("POST", "/tts/voices", form=form, files=files)
        return str(answer.get("voiceId", "")) if isinstance(answer, Mapping) else ""

    async def delete_voice(self, voice_id: str) -> None:
        """``DELETE /tts/voices/{id}``."""
        await self._call("DELETE", path_of("tts", "voices", voice_id))

    # Files

    async def upload_image(self, name: str, content: bytes) -> Upload:
        """``POST /images``: a picture for a talk agent; its ``url`` is a ``source_url``."""
        answer = await self._call("POST", "/images", files={"image": (name, content)})
        return Upload.parse(answer)

    async def delete_image(self, image_id: str) -> None:
        """``DELETE /images/{id}``."""
        await self._call("DELETE", path_of("images", image_id))

    async def detect_faces(self, source_url: str) -> FaceDetection:
        """``POST /images/face-detection``."""
        body = {"source_url": source_url}
        return FaceDetection.parse(await self._call("POST", "/images/face-detection", body=body))

    async def upload_audio(self, name: str, content: bytes) -> Upload:
        """``POST /audios``: a recording that an agent can say."""
        answer = await self._call("POST", "/audios", files={"audio": (name, content)})
        return Upload.parse(answer)

    async def delete_audio(self, audio_id: str) -> None:
        """``DELETE /audios/{id}``."""
        await self._call("DELETE", path_of("audios", audio_id))


def _page(limit: int, token: str) -> dict[str, str]:
    return {"limit": str(limit)} | ({"token": token} if token else {})
