"""What an agent looks and sounds like: choosing, hearing, uploading, training and cloning."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from did_tui.api import limits
from did_tui.api.inventory import CatalogueVoice
from did_tui.api.sources import is_address, is_image
from did_tui.ui import fields
from did_tui.ui.faces import AVATARS, FILES, PRESENTERS
from did_tui.ui.forms import FormField, get
from did_tui.ui.kinds import Also, Place
from did_tui.ui.local import UploadedFile, note_upload
from did_tui.ui.resources import BY_NAME
from did_tui.ui.sample import hear
from did_tui.ui.saving import Target, save
from did_tui.ui.screens.dialogs import Choice, Pick
from did_tui.ui.screens.form import Form, filled_in
from did_tui.ui.text import one_line

if TYPE_CHECKING:
    from did_tui.ui.screens.browser import Browser
    from did_tui.ui.screens.form import Choose

# Choosing


def chooser(browser: Browser) -> Choose:
    """What forms choose with: lists of resources from which one is taken."""

    async def choose(field: FormField, body: Mapping[str, Any]) -> Mapping[str, str] | None:
        if field.pick == "face":
            return await _face(browser, body)
        place = Place(BY_NAME[field.pick])
        block = field.path.rpartition(".")[0]
        words = str(get(body, f"{block}.language") or "") if field.pick == "voices" else ""
        found = await browser.app.push_screen_wait(browser.picker(place, words))
        if found is None:
            return None
        if isinstance(found, CatalogueVoice):
            return {field.path: found.id, f"{block}.type": found.provider}
        return {field.path: place.kind.key(found)}

    return choose


async def _face(browser: Browser, body: Mapping[str, Any]) -> Mapping[str, str] | None:
    """A face of the sort that the presenter is of, and its voice where none is chosen yet."""
    sort = get(body, "presenter.type")
    kind = {"talk": FILES, "expressive": AVATARS}.get(str(sort), PRESENTERS)
    found = await browser.app.push_screen_wait(browser.picker(Place(kind)))
    if found is None:
        return None
    if isinstance(found, UploadedFile):
        return {"presenter.source_url": found.url, "presenter.thumbnail": found.url}
    chosen, voice = kind.key(found), found.raw.get("voice")
    if kind is AVATARS and found.sentiments:
        moods = [
            Choice(number, f"{mood.sentiment}  {mood.description}", str(number + 1))
            for number, mood in enumerate(found.sentiments[:9])
        ]
        number = await browser.app.push_screen_wait(Pick(f"{one_line(found.name)}: mood", moods))
        if number is None:
            return None
        chosen, voice = found.sentiments[number].id, found.sentiments[number].raw.get("voice")
    values = {"presenter.presenter_id": chosen}
    if isinstance(voice, Mapping) and not get(body, "presenter.voice.voice_id"):
        values |= {
            f"presenter.voice.{name}": str(voice[name])
            for name in ("type", "voice_id")
            if voice.get(name)
        }
    return values


# Trying


async def listen(browser: Browser, voice: CatalogueVoice) -> bool:
    """Hear a voice."""
    browser.notify(await _heard(browser, voice, ""), title="Voice")
    return False


async def hear_voice(browser: Browser, body: Mapping[str, Any], block: str) -> str:
    """Hear the voice that a form names."""
    voice_id = str(get(body, f"{block}.voice_id") or "")
    if not voice_id:
        return "No voice is chosen: enter chooses one."
    found = await (await browser.app.client()).voices(voice_id=voice_id)
    if not found:
        return "D-ID lists no such voice."
    return await _heard(browser, found[0], str(get(body, f"{block}.language") or ""))


async def _heard(browser: Browser, voice: CatalogueVoice, language: str) -> str:
    spoken = [one for one in voice.languages if one.previewUrl]
    wanted = [one for one in spoken if language and language in (one.locale, one.language)]
    for one in (*wanted, *spoken):
        return await hear(browser.app, one.previewUrl, voice.name or voice.id)
    return "D-ID has no sample of this voice."


async def find_faces(browser: Browser, body: Mapping[str, Any]) -> str:
    """How many faces D-ID finds in a talk agent's picture."""
    address = str(get(body, "presenter.source_url") or "")
    if not limits.is_web(address, "http", "https", "s3"):
        return "There is no address of a picture yet."
    return await _faces(browser, address)


async def _faces(browser: Browser, address: str) -> str:
    found = await (await browser.app.client()).detect_faces(address)
    count = len(found.faceCrops)
    size = "×".join(str(found.metadata.get(side, "?")) for side in ("width", "height"))
    if count == 1:
        return f"One face, in a picture of {size}."
    return f"{count or 'No'} faces, in a picture of {size}: a talk agent needs one."


async def faces_of_file(browser: Browser, file: UploadedFile) -> bool:
    """How many faces D-ID finds in an uploaded picture."""
    if file.sort == "image":
        browser.notify(await _faces(browser, file.url), title=one_line(file.name))
    else:
        browser.notify("A recording has no faces.", title=one_line(file.name))
    return False


# Making


async def edit_presenter(browser: Browser, presenter: Any) -> bool:
    """What D-ID lets one change of a presenter of one's own."""
    client = await browser.app.client()
    whole = await client.presenter(presenter.presenter_id)
    target = Target(
        one_line(whole.name),
        whole.raw,
        lambda: client.presenter(presenter.presenter_id),
        lambda patch: client.update_presenter(presenter.presenter_id, patch),
        lambda _patch: {},
    )
    form = Form(
        ("Presenters", target.name, "Edit"),
        fields.PRESENTER,
        target.have,
        lambda after: save(browser.app, target, after),
        chooser(browser),
        trials={"voice.voice_id": lambda body: hear_voice(browser, body, "voice")},
    )
    return await filled_in(browser.app, form)


async def new_scene(browser: Browser, _under: Any) -> bool:
    """A form for a scene avatar, which D-ID trains from a video."""

    async def create(after: dict[str, Any]) -> Mapping[str, str]:
        problems = limits.scene_problems(after)
        if not problems:
            made = await (await browser.app.client()).create_scene_avatar(after)
            browser.notify(f"{made.id} is being trained.")
        return problems

    form = Form(("Scene avatars", "New"), fields.SCENE, {}, create, draft="scene-new")
    return await filled_in(browser.app, form)


async def new_voice(browser: Browser, _under: Any) -> bool:
    """A form for a voice that is cloned from a recording."""

    async def create(after: dict[str, Any]) -> Mapping[str, str]:
        source = str(after.get("source", "")).strip()
        problems = {
            name: "D-ID needs it." for name in ("name", "language", "source") if not after.get(name)
        }
        if not problems:
            client = await browser.app.client()
            options: dict[str, Any] = {"source": source}
            if not is_address(source):
                options = {"file": await read_here(source)}
            made = await client.clone_voice(after["name"], after["language"], **options)
            browser.notify(f"The voice is {made}.")
        return problems

    form = Form(("Voices", "Clone"), fields.VOICE, {}, create, draft="voice-new")
    return await filled_in(browser.app, form)


async def new_file(browser: Browser, _under: Any) -> bool:
    """Upload a picture or a recording."""

    async def create(after: dict[str, Any]) -> Mapping[str, str]:
        path = str(after.get("file", "")).strip()
        image = is_image(path)
        if image is None:
            return {"file": "By its name this is neither a picture nor a recording."}
        client = await browser.app.client()
        upload = client.upload_image if image else client.upload_audio
        made = await upload(*await read_here(path))
        raw = {
            **made.raw,
            "name": Path(path).name,
            "sort": "image" if image else "audio",
            "uploaded_at": datetime.now(UTC).isoformat(),
        }
        state = browser.app.state
        if state is not None and made.id:
            await asyncio.to_thread(note_upload, state, raw)
        browser.notify(f"It is at {made.url}.", title="Uploaded")
        return {}

    form = Form(("Files", "Upload"), fields.FILE, {}, create)
    return await filled_in(browser.app, form)


async def read_here(path: str) -> tuple[str, bytes]:
    """A file of this computer: its name and its bytes; raises ``OSError``."""

    def read() -> tuple[str, bytes]:
        file = Path(path).expanduser()
        return file.name, file.read_bytes()

    return await asyncio.to_thread(read)


FILES_ALSO = (Also("f", "Have D-ID look for faces in it", faces_of_file, writes=True),)
