"""Settings, secrets and uploaded files of the emulated account (protocol 2.7)."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

from did_tui.emulator.bodies import (
    FaceDetection,
    ModelSecret,
    SecretChange,
    SettingsChange,
    TypedSecret,
    check,
)
from did_tui.emulator.calls import File
from did_tui.emulator.limits import Limits
from did_tui.emulator.refusal import Refusal
from did_tui.emulator.sources import Unusable, fetch
from did_tui.emulator.store import Store, timestamp

MOST_FILES = 50  # the oldest goes first
LARGEST_IMAGE = 10 * 1024 * 1024  # bytes (protocol 6)
LARGEST_AUDIO = 15 * 1024 * 1024  # bytes
_IMAGES = ("image/png", "image/jpeg", "image/webp")
_AUDIOS = ("audio/mpeg", "audio/wav", "audio/x-wav", "audio/mp4", "audio/flac", "audio/x-m4a")
_SECRET_FIELDS = ("password", "token", "api_key")


class Account:
    """What belongs to the account as a whole."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self._store, self._limits = store, limits

    # Settings

    def settings(self) -> dict[str, Any]:
        """``GET /settings``."""
        stored = self._store.get("settings", "settings") or {}
        return {
            "agents": {
                "num_embed": 10,
                "num_origins": 10,
                "session_ttl": self._limits.idle_seconds,
                "llm_model": "gpt-4.1-mini",
                "messages_limit": 1000,
            },
            "agents_insights_is_enabled": False,
            "avatars": {"express_slots": 1, "premiumplus_slots": 0},
            **{name: value for name, value in stored.items() if name not in ("id", "modified")},
        }

    def change_settings(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """``POST /settings``."""
        check(SettingsChange, body)
        stored = self._store.get("settings", "settings") or {"id": "settings"}
        names = ("agents_insights_is_enabled", "logo")
        stored |= {name: body[name] for name in names if body.get(name) is not None}
        self._store.put("settings", stored)
        return self.settings()

    def logo(self) -> dict[str, Any] | None:
        """``GET /settings/logo``."""
        logo: dict[str, Any] | None = self.settings().get("logo")
        return logo

    def set_logo(self, fields: Mapping[str, Any], files: Mapping[str, File], base: str) -> None:
        """``POST /settings/logo``."""
        try:
            position = [int(fields["top"]), int(fields["left"])]
        except (KeyError, ValueError):
            raise Refusal(400, "BadRequestError", "top and left must be numbers") from None
        uploaded = self.upload(files.get("logo"), "images", base)
        self.change_settings({"logo": {"url": uploaded["url"], "position": position}})

    def delete_logo(self) -> None:
        """``DELETE /settings/logo``."""
        stored = self._store.get("settings", "settings") or {"id": "settings"}
        stored.pop("logo", None)
        self._store.put("settings", stored)

    # Secrets

    def secrets(self) -> list[dict[str, Any]]:
        """``GET /secrets``."""
        return [_shown(secret) for secret in self._store.all("secret")]

    def secret(self, secret_id: str) -> dict[str, Any]:
        """``GET /secrets/{id}``: never in clear text."""
        return _shown(self._secret(secret_id))

    def create_secret(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """``POST /secrets``."""
        external = str(body.get("provider", "")).startswith("external-")
        check(ModelSecret if external else TypedSecret, body)
        secret = {
            "type": "api_key",
            **body,
            "id": self._store.new_id("sec_"),
            "created_at": timestamp(),
            "last_used_at": "",
        }
        self._store.put("secret", secret)
        return _shown(secret)

    def change_secret(self, secret_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """``PUT /secrets/{id}``."""
        check(SecretChange, body)
        secret = self._secret(secret_id)
        fixed = ("id", "created_at", "last_used_at")
        secret |= {name: value for name, value in body.items() if name not in fixed}
        self._store.put("secret", secret)
        return _shown(secret)

    def delete_secret(self, secret_id: str) -> dict[str, Any]:
        """``DELETE /secrets/{id}``: answers with what was deleted."""
        secret = self.secret(secret_id)
        self._store.delete("secret", secret_id)
        return secret

    def _secret(self, secret_id: str) -> dict[str, Any]:
        secret = self._store.get("secret", secret_id)
        if secret is None:
            raise Refusal(404, "NotFoundError", "Secret not found")
        return secret

    # Files

    def upload(self, file: File | None, kind: str, base: str) -> dict[str, Any]:
        """``POST /images`` or ``/audios``; ``kind`` is ``images`` or ``audios``."""
        noun = kind.removesuffix("s")
        types, largest = (_IMAGES, LARGEST_IMAGE) if kind == "images" else (_AUDIOS, LARGEST_AUDIO)
        if file is None or not file.content:
            raise Refusal(400, "BadRequestError", f"invalid {noun}")
        media_type = file.media_type
        if media_type == "application/octet-stream" and kind == "images":
            media_type = _image_type(file.content)
        if media_type not in types:
            said = "The provided mime type is not supported"
            raise Refusal(415, "UnsupportedMimeTypeError", said)
        if len(file.content) > largest:
            raise Refusal(400, "InvalidFileSizeError", f"{noun} is too large")
        if kind == "images":
            _size(file.content)
        file_id = self._store.new_id(f"{noun[:3]}_")
        content = base64.b64encode(file.content).decode()
        stored = {"id": file_id, "media_type": media_type, "content": content}
        self._store.put("file", stored, parent=kind)
        for old in self._store.all("file")[:-MOST_FILES]:
            self._store.delete("file", old["id"])
        uploaded: dict[str, Any] = {"id": file_id, "url": f"{base}/emulator/files/{file_id}"}
        return uploaded | ({"faces": []} if kind == "images" else {})

    def file(self, file_id: str) -> tuple[bytes, str]:
        """The bytes of an uploaded file, and what they are."""
        stored = self._store.get("file", file_id)
        if stored is None:
            raise Refusal(404, "NotFoundError", "file not found")
        return base64.b64decode(stored["content"]), stored["media_type"]

    def delete_file(self, file_id: str, kind: str) -> None:
        """``DELETE /images/{id}`` or ``/audios/{id}``."""
        if file_id not in {file["id"] for file in self._store.all("file", kind)}:
            raise Refusal(404, "NotFoundError", f"{kind.removesuffix('s')} not found")
        self._store.delete("file", file_id)

    async def detect_faces(
        self, body: Mapping[str, Any], *, from_elsewhere: bool
    ) -> dict[str, Any]:
        """``POST /images/face-detection``: the picture's size; the emulator knows no faces."""
        check(FaceDetection, body)
        if from_elsewhere and not body["source_url"].startswith("data:"):
            raise Refusal(400, "BadRequestError", "invalid image")
        try:
            source = await fetch(body["source_url"], anywhere=self._limits.fetch_anywhere)
        except Unusable as unusable:
            raise Refusal(400, "BadRequestError", f"invalid image: {unusable}") from unusable
        width, height = _size(source.content)
        metadata = {"width": width, "height": height, "length": len(source.content)}
        return {"faceCrops": [], "metadata": metadata}


def _shown(secret: Mapping[str, Any]) -> dict[str, Any]:
    clear = next((str(secret[name]) for name in _SECRET_FIELDS if secret.get(name)), "")
    names = ("id", "provider", "type", "created_at", "last_used_at")
    return {
        **{name: secret[name] for name in names},
        "sanitized_secret": "****" + (clear[-4:] if len(clear) > 8 else ""),
    }


def _image_type(content: bytes) -> str:
    for start, media_type in ((b"\x89PNG", "image/png"), (b"\xff\xd8", "image/jpeg")):
        if content.startswith(start):
            return media_type
    return "image/webp" if content[8:12] == b"WEBP" else "application/octet-stream"


def _size(content: bytes) -> tuple[int, int]:
    """Width and height of a picture."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content)) as image:
            return image.size
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise Refusal(400, "BadRequestError", "invalid image") from error
    except Image.DecompressionBombError as error:
        raise Refusal(400, "InvalidFileSizeError", "image is too large") from error
