"""Faces and voices to choose from, in D-ID's forms; pictures and samples are served locally."""

from __future__ import annotations

import io
import time
import wave
from collections.abc import Mapping
from typing import Any

from did_tui.emulator.bodies import NewAvatar, PresenterChange, check
from did_tui.emulator.calls import File
from did_tui.emulator.characters import BIRTHDAY, OWNER, characters, presenter_of
from did_tui.emulator.refusal import Refusal, bad_request
from did_tui.emulator.store import Store, timestamp
from did_tui.emulator.voice import Voice

SENTIMENTS = ("Professional", "Friendly")
AVATAR_SECONDS = (1.0, 4.0)  # after which a scene avatar is started, and done
_GENDERS = {"mira": "female", "kai": "male", "juno": "female", "otto": "male", "noor": "female"}


class Catalogue:
    """What an agent can look and sound like."""

    def __init__(self, store: Store, voice: Voice) -> None:
        self._store, self._voice = store, voice

    # Presenters

    def presenters(self, query: Mapping[str, str], base: str) -> dict[str, Any]:
        """``GET /clips/presenters``."""
        page = page_of([self._presenter(look, base) for look in self._looks()], query, 1000)
        return {"presenters": page[0]} | page[1]

    def presenter(self, presenter_id: str, base: str) -> dict[str, Any]:
        """``GET /clips/presenters/{id}``: a list of one, as D-ID answers."""
        return {"presenters": [self._presenter(self._look(presenter_id), base)]}

    def update_presenter(self, presenter_id: str, body: Mapping[str, Any]) -> None:
        """``PATCH /clips/presenters/{id}``."""
        check(PresenterChange, body)
        look = self._look(presenter_id)
        changed = self._store.get("presenter", look) or {"id": look}
        names = ("name", "gender", "show", "labels", "is_streamable", "is_greenscreen")
        changed |= {name: body[name] for name in names if name in body}
        self._store.put("presenter", changed | {"modified_at": timestamp()})

    def delete_presenter(self, presenter_id: str) -> None:
        """``DELETE /clips/presenters/{id}``."""
        self._store.put("presenter", {"id": self._look(presenter_id), "deleted": True})

    def drivers(self, presenter_id: str, base: str) -> dict[str, Any]:
        """``GET /clips/presenters/{id}/drivers``: each of them has one."""
        look = self._look(presenter_id)
        picture = look_url(look, base)
        driver = {
            "presenter_id": presenter_id,
            "driver_id": f"{look}-driver",
            "name": "calm",
            "gender": _GENDERS.get(look, ""),
            "created_at": BIRTHDAY,
            "modified_at": BIRTHDAY,
            "owner_id": OWNER,
            "width": 512,
            "height": 512,
            "driver_image_url": picture,
            "thumbnail_url": picture,
            "video_url": "",
            "preview_url": picture,
            "talking_preview_url": "",
        }
        return {"clips_drivers": [driver]}

    def _looks(self) -> list[str]:
        gone = {p["id"] for p in self._store.all("presenter") if p.get("deleted")}
        return [look for look in characters() if look not in gone]

    def _look(self, presenter_id: str) -> str:
        for look in self._looks():
            if presenter_id == presenter_of(look):
                return look
        raise Refusal(404, "NotFoundError", "not found")

    def _presenter(self, look: str, base: str) -> dict[str, Any]:
        picture = look_url(look, base)
        changed = self._store.get("presenter", look) or {}
        return {
            "presenter_id": presenter_of(look),
            "name": look.title(),
            "gender": _GENDERS.get(look, ""),
            "owner_id": OWNER,
            "preview_url": picture,
            "talking_preview_url": "",
            "image_url": picture,
            "thumbnail_url": picture,
            "created_at": BIRTHDAY,
            "modified_at": BIRTHDAY,
            "voice": {"type": "microsoft", "voice_id": f"emulator-{look}"},
            "is_streamable": True,
            "is_greenscreen": False,
            "status": "done",
            **{name: value for name, value in changed.items() if name != "id"},
        }

    # Avatars

    def expressives(self, base: str) -> dict[str, Any]:
        """``GET /expressives/avatars``."""
        return {"avatars": [_expressive(look, base) for look in characters()]}

    def expressive(self, avatar_id: str, base: str) -> dict[str, Any]:
        """``GET /expressives/avatars/{id}``."""
        for look in characters():
            if avatar_id == f"avt_{look}":
                return _expressive(look, base)
        raise Refusal(404, "NotFoundError", "not found")

    def scenes(self, query: Mapping[str, str]) -> dict[str, Any]:
        """``GET /scenes/avatars``."""
        page = page_of([_scene(avatar) for avatar in self._store.all("avatar")], query, 100)
        return {"avatars": page[0]} | page[1]

    def scene(self, avatar_id: str) -> dict[str, Any]:
        """``GET /scenes/avatars/{id}``."""
        avatar = self._store.get("avatar", avatar_id)
        if avatar is None:
            raise Refusal(404, "NotFoundError", "not found")
        return _scene(avatar)

    def create_scene(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """``POST /scenes/avatars``: from a video, which the emulator does not look at."""
        check(NewAvatar, body)
        address = body["source_url"].lower()
        endings = (".mp4", ".mov", ".mpeg")
        if not address.startswith(("https:", "s3:")) or not address.endswith(endings):
            raise Refusal(400, "BadRequestError", "invalid source url")
        avatar = {
            **body,
            "id": self._store.new_id("avt_"),
            "object": "scene_avatar",
            "owner_id": OWNER,
            "created_by": OWNER,
            "created_at": timestamp(),
            "modified_at": timestamp(),
            "since": time.time(),
        }
        self._store.put("avatar", avatar)
        return {name: _scene(avatar)[name] for name in ("id", "status", "object", "created_at")}

    def delete_scene(self, avatar_id: str) -> None:
        """``DELETE /scenes/avatars/{id}``."""
        self.scene(avatar_id)
        self._store.delete("avatar", avatar_id)

    # Voices

    def voices(self, query: Mapping[str, str], base: str) -> list[dict[str, Any]]:
        """``GET /tts/voices``, of one provider or the one with an id."""
        found = [_voice(look, base) for look in characters()] + self._store.all("voice")
        for name in ("provider", "id"):
            if query.get(name):
                found = [voice for voice in found if voice[name] == query[name]]
        return found

    def clone(self, fields: Mapping[str, Any], files: Mapping[str, File]) -> str:
        """``POST /tts/voices``: the id of the new voice, which sounds like none in particular."""
        for name in ("name", "language"):
            if not fields.get(name):
                raise bad_request(f"{name} is required")
        if not fields.get("source_url") and not (files.get("file") and files["file"].content):
            raise bad_request("file or source_url is required")
        language = fields["language"]
        voice = {
            "id": self._store.new_id("voice_"),
            "name": fields["name"],
            "gender": "",
            "access": "private",
            "provider": "elevenlabs",
            "languages": [{"language": language, "locale": language}],
            "styles": [],
            "voiceType": "CloneVoice",
        }
        self._store.put("voice", voice)
        return str(voice["id"])

    def delete_voice(self, voice_id: str) -> None:
        """``DELETE /tts/voices/{id}``: of those that were cloned."""
        if not self._store.delete("voice", voice_id):
            raise Refusal(404, "NotFoundError", "voice not found")

    async def sample(self, look: str) -> bytes:
        """How a voice sounds, as WAV."""
        character = characters().get(look)
        if character is None:
            raise Refusal(404, "NotFoundError", "voice not found")
        text = f"Hello, I am {look.title()}. This is how I sound."
        speech = await self._voice.say(text, character.timbre)
        out = io.BytesIO()
        with wave.open(out, "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(speech.rate)
            wav.writeframes(speech.pcm)
        return out.getvalue()


def look_url(look: str, base: str) -> str:
    """Where the picture of a face is."""
    return f"{base}/emulator/looks/{look}.png"


def page_of(
    rows: list[dict[str, Any]], query: Mapping[str, str], most: int
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The rows of one page, and the ``token`` of the next where there is one."""
    start, limit = place_of(query, most)
    after = start + limit
    return rows[start:after], {"token": str(after)} if after < len(rows) else {}


def place_of(query: Mapping[str, str], most: int) -> tuple[int, int]:
    """Where a page begins and how long it is, at ``most`` unless the query says otherwise."""
    try:
        start, limit = int(query.get("token") or 0), int(float(query.get("limit") or most))
    except (ValueError, OverflowError):
        raise bad_request("limit and token must be numbers") from None
    if not 0 <= start < 1 << 40 or not 1 <= limit <= 1000:
        raise bad_request("limit must be between 1 and 1000")
    return start, limit


def _expressive(look: str, base: str) -> dict[str, Any]:
    picture = look_url(look, base)
    return {
        "id": f"avt_{look}",
        "owner_id": OWNER,
        "name": look.title(),
        "is_greenscreen": False,
        "thumbnail_url": picture,
        "gender": _GENDERS.get(look, ""),
        "sentiments": [
            {
                "id": f"public_{look}_{sentiment.lower()}@avt_{look}",
                "sentiment": sentiment,
                "description": f"{look.title()}, {sentiment.lower()}",
                "preview_url": picture,
                "voice": {"type": "microsoft", "voice_id": f"emulator-{look}"},
            }
            for sentiment in SENTIMENTS
        ],
    }


def _scene(avatar: Mapping[str, Any]) -> dict[str, Any]:
    age = time.time() - avatar["since"]
    started, done = AVATAR_SECONDS
    status = "created" if age < started else "started" if age < done else "done"
    return {name: value for name, value in avatar.items() if name != "since"} | {"status": status}


def _voice(look: str, base: str) -> dict[str, Any]:
    language = characters()[look].timbre.voice
    return {
        "id": f"emulator-{look}",
        "name": look.title(),
        "gender": _GENDERS.get(look, ""),
        "access": "public",
        "provider": "microsoft",
        "language": language,
        "languages": [
            {
                "language": "English",
                "locale": language,
                "previewUrl": f"{base}/emulator/voices/{look}.wav",
            }
        ],
        "styles": [],
        "description": "drawn with the emulator's own synthesizer",
    }
