"""``did-tui presenters …``, ``avatars …``, ``voices …`` and ``files …``."""

from __future__ import annotations

from did_tui.api.errors import NotFound
from did_tui.api.inventory import CatalogueVoice
from did_tui.api.sources import is_image
from did_tui.verbs.desk import Desk, Refused, read_file, read_object
from did_tui.verbs.output import Column, Output, Result, Table, Whole

PRESENTER_COLUMNS: tuple[Column, ...] = (
    ("id", lambda presenter: presenter.presenter_id),
    ("name", lambda presenter: presenter.name),
    ("gender", lambda presenter: presenter.gender),
    ("streams", lambda presenter: presenter.is_streamable),
    ("picture", lambda presenter: presenter.picture_url),
)
DRIVER_COLUMNS: tuple[Column, ...] = (
    ("id", lambda driver: driver.driver_id),
    ("name", lambda driver: driver.name),
    ("width", lambda driver: driver.width),
    ("height", lambda driver: driver.height),
)
AVATAR_COLUMNS: tuple[Column, ...] = (
    ("id", lambda avatar: avatar.id),
    ("name", lambda avatar: avatar.name),
    ("gender", lambda avatar: avatar.gender),
    ("presenter ids", lambda avatar: [sentiment.id for sentiment in avatar.sentiments]),
)
SCENE_COLUMNS: tuple[Column, ...] = (
    ("id", lambda avatar: avatar.id),
    ("name", lambda avatar: avatar.name),
    ("state", lambda avatar: avatar.state),
    ("created", lambda avatar: avatar.when_created),
)
VOICE_COLUMNS: tuple[Column, ...] = (
    ("id", lambda voice: voice.id),
    ("name", lambda voice: voice.name),
    ("provider", lambda voice: voice.provider),
    ("gender", lambda voice: voice.gender),
    ("languages", lambda voice: [one.locale or one.language for one in voice.languages]),
    ("access", lambda voice: voice.access),
)


# Presenters


async def presenters_list(desk: Desk) -> Output:
    """``presenters list``."""
    rows, token = [], ""
    while True:
        page = await desk.client.presenters(token=token)
        rows += page.rows
        if not page.token or page.token == token or not page.rows:
            return Table(rows, PRESENTER_COLUMNS)
        token = page.token


async def presenters_show(desk: Desk) -> Output:
    """``presenters show``."""
    presenter = await desk.client.presenter(desk.options.id)
    if not presenter.presenter_id:
        raise NotFound(404, description=f"no presenter {desk.options.id}")
    return Whole(presenter.raw)


async def presenters_edit(desk: Desk) -> Output:
    """``presenters edit``."""
    await desk.client.update_presenter(desk.options.id, read_object(desk.options.file))
    return Result(f"updated {desk.options.id}", {"updated": desk.options.id})


async def presenters_delete(desk: Desk) -> Output:
    """``presenters delete``."""
    desk.confirm(f"the presenter {desk.options.id}")
    await desk.client.delete_presenter(desk.options.id)
    return Result(desk.options.id, {"deleted": [desk.options.id]})


async def presenters_drivers(desk: Desk) -> Output:
    """``presenters drivers``."""
    return Table(await desk.client.drivers(desk.options.id), DRIVER_COLUMNS)


# Avatars


async def avatars_list(desk: Desk) -> Output:
    """``avatars list``."""
    return Table(await desk.client.expressive_avatars(), AVATAR_COLUMNS)


async def avatars_show(desk: Desk) -> Output:
    """``avatars show``."""
    return Whole((await desk.client.expressive_avatar(desk.options.id)).raw)


async def avatars_scenes(desk: Desk) -> Output:
    """``avatars scenes``."""
    rows, token = [], ""
    while True:
        page = await desk.client.scene_avatars(token=token)
        rows += page.rows
        if not page.token or page.token == token or not page.rows:
            return Table(rows, SCENE_COLUMNS)
        token = page.token


async def avatars_show_scene(desk: Desk) -> Output:
    """``avatars show-scene``."""
    return Whole((await desk.client.scene_avatar(desk.options.id)).raw)


async def avatars_create(desk: Desk) -> Output:
    """``avatars create``."""
    made = await desk.client.create_scene_avatar(read_object(desk.options.file))
    return Result(made.id, made.raw)


async def avatars_delete(desk: Desk) -> Output:
    """``avatars delete``."""
    desk.confirm(f"the avatar {desk.options.id}")
    await desk.client.delete_scene_avatar(desk.options.id)
    return Result(desk.options.id, {"deleted": [desk.options.id]})


# Voices


async def voices_list(desk: Desk) -> Output:
    """``voices list``."""
    options = desk.options
    voices = await desk.client.voices(provider=options.provider or "", voice_id=options.id or "")
    wanted = (options.language or "").casefold()
    return Table([voice for voice in voices if _speaks(voice, wanted)], VOICE_COLUMNS)


def _speaks(voice: CatalogueVoice, wanted: str) -> bool:
    names = [name for one in voice.languages for name in (one.language, one.locale)]
    return not wanted or any(name.casefold().startswith(wanted) for name in names)


async def voices_clone(desk: Desk) -> Output:
    """``voices clone``."""
    options = desk.options
    if "://" in options.source:
        voice_id = await desk.client.clone_voice(
            options.name, options.language, source=options.source
        )
    else:
        voice_id = await desk.client.clone_voice(
            options.name, options.language, file=read_file(options.source)
        )
    return Result(voice_id, {"voiceId": voice_id})


async def voices_delete(desk: Desk) -> Output:
    """``voices delete``."""
    desk.confirm(f"the voice {desk.options.id}")
    await desk.client.delete_voice(desk.options.id)
    return Result(desk.options.id, {"deleted": [desk.options.id]})


# Files


async def files_upload(desk: Desk) -> Output:
    """``files upload``: a picture or a recording, whichever the name says."""
    name, content = read_file(desk.options.file)
    image = is_image(name)
    if image is None:
        raise Refused(f"{name} is neither a picture nor a recording, by its name.")
    upload = desk.client.upload_image if image else desk.client.upload_audio
    uploaded = await upload(name, content)
    return Result(f"{uploaded.id} {uploaded.url}", uploaded.raw)


async def files_faces(desk: Desk) -> Output:
    """``files faces``."""
    return Whole((await desk.client.detect_faces(desk.options.url)).raw)


async def files_delete_image(desk: Desk) -> Output:
    """``files delete-image``."""
    desk.confirm(f"the picture {desk.options.id}")
    await desk.client.delete_image(desk.options.id)
    return Result(desk.options.id, {"deleted": [desk.options.id]})


async def files_delete_audio(desk: Desk) -> Output:
    """``files delete-audio``."""
    desk.confirm(f"the recording {desk.options.id}")
    await desk.client.delete_audio(desk.options.id)
    return Result(desk.options.id, {"deleted": [desk.options.id]})
