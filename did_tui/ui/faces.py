"""Faces, voices and files as kinds of resource: what an agent can look and sound like."""

from __future__ import annotations

from did_tui.api import inventory as inv
from did_tui.ui import local
from did_tui.ui.kinds import Kind, Place, count, once, paged, status, text, when

PRESENTERS = Kind(
    name="presenters",
    title="Presenters",
    one="presenter",
    aliases=("clips",),
    model=inv.ClipPresenter,
    fields=(
        text("NAME", 18, 2, 9, lambda p: p.name, "strong"),
        text("GENDER", 8, 0, 5, lambda p: p.gender),
        text("VOICE", 16, 1, 4, lambda p: p.voice.voice_id),
        text("ID", 20, 2, 6, lambda p: p.presenter_id, "dim"),
    ),
    pages=paged(lambda client, token: client.presenters(token=token)),
    key=lambda p: str(p.presenter_id),
    picture=lambda p: str(p.picture_url),
    fetch=lambda client, _, p: client.presenter(p.presenter_id),
    delete=lambda client, _, p: client.delete_presenter(p.presenter_id),
    warning="D-ID deletes your own only. This cannot be undone.",
    beside=("drivers",),
    changes=False,
    path="/clips/presenters/{0}",
    empty="D-ID offers no clip presenters to this account.",
)

DRIVERS = Kind(
    name="drivers",
    title="Drivers",
    one="driver",
    model=inv.Driver,
    fields=(
        text("NAME", 18, 2, 9, lambda d: d.name or d.driver_id, "strong"),
        text("GENDER", 8, 0, 5, lambda d: d.gender),
        count("WIDTH", 4, lambda d: d.width),
        count("HEIGHT", 4, lambda d: d.height),
        text("ID", 20, 2, 6, lambda d: d.driver_id, "dim"),
    ),
    pages=once(lambda client, place: client.drivers(owner_presenter(place))),
    key=lambda d: str(d.driver_id),
    label=lambda d: d.name or d.driver_id,
    picture=lambda d: str(d.thumbnail_url),
    changes=False,
    empty="This presenter moves in one way only.",
)

AVATARS = Kind(
    name="avatars",
    title="Avatars",
    one="avatar",
    aliases=("expressive",),
    model=inv.ExpressiveAvatar,
    fields=(
        text("NAME", 18, 2, 9, lambda a: a.name, "strong"),
        text("GENDER", 8, 0, 5, lambda a: a.gender),
        text("MOODS", 16, 2, 4, lambda a: ", ".join(s.sentiment for s in a.sentiments)),
        text("ID", 20, 1, 6, lambda a: a.id, "dim"),
    ),
    pages=once(lambda client, _: client.expressive_avatars()),
    key=lambda a: str(a.id),
    picture=lambda a: str(a.thumbnail_url),
    fetch=lambda client, _, a: client.expressive_avatar(a.id),
    changes=False,
    path="/expressives/avatars/{0}",
    empty="D-ID offers no expressive avatars to this account.",
)

SCENES = Kind(
    name="scenes",
    title="Scene avatars",
    one="scene avatar",
    aliases=("scene-avatars",),
    model=inv.SceneAvatar,
    fields=(
        text("NAME", 18, 2, 9, lambda a: a.name or a.id, "strong"),
        status(lambda a: str(a.state), lambda a: a.when_created),
        when("CREATED", 5, lambda a: a.when_created),
        text("FROM", 20, 2, 4, lambda a: a.source_url, "dim"),
        text("ID", 18, 1, 6, lambda a: a.id, "dim"),
    ),
    pages=paged(lambda client, token: client.scene_avatars(token=token)),
    key=lambda a: str(a.id),
    label=lambda a: a.name or a.id,
    picture=lambda a: str(a.thumbnail_url),
    fetch=lambda client, _, a: client.scene_avatar(a.id),
    delete=lambda client, _, a: client.delete_scene_avatar(a.id),
    path="/scenes/avatars/{0}",
    empty="A scene avatar is trained from a video of somebody. {new-row} trains one.",
)

VOICES = Kind(
    name="voices",
    title="Voices",
    one="voice",
    model=inv.CatalogueVoice,
    fields=(
        text("NAME", 16, 2, 9, lambda v: v.name, "strong"),
        text("LANGUAGES", 18, 2, 8, lambda v: ", ".join(_language(one) for one in v.languages)),
        text("GENDER", 8, 0, 5, lambda v: v.gender),
        text("PROVIDER", 12, 0, 6, lambda v: v.provider),
        text("STYLES", 14, 2, 2, lambda v: ", ".join(v.styles), "dim"),
        text("ID", 20, 1, 3, lambda v: v.id, "dim"),
    ),
    pages=once(lambda client, _: client.voices()),
    key=lambda v: str(v.id),
    can=frozenset(("listen",)),
    delete=lambda client, _, v: client.delete_voice(v.id),
    warning="D-ID deletes your own only, those that were cloned. This cannot be undone.",
    changes=False,
    path="/tts/voices?id={0}",
    empty="D-ID offers no voices to this account.",
)

FILES = Kind(
    name="files",
    title="Files",
    one="file",
    aliases=("images", "audios", "uploads"),
    model=local.UploadedFile,
    fields=(
        text("NAME", 18, 2, 9, lambda f: f.name or f.id, "strong"),
        text("SORT", 7, 0, 6, lambda f: f.sort),
        when("UPLOADED", 5, lambda f: f.uploaded_at),
        text("ADDRESS", 24, 3, 7, lambda f: f.url, "dim"),
    ),
    pages=once(local.uploads),
    key=lambda f: str(f.id),
    picture=lambda f: str(f.url) if f.sort == "image" else "",
    delete=local.delete_upload,
    warning="An agent that was made of it keeps its face. This cannot be undone.",
    changes=False,
    empty="D-ID lists no files; those that were uploaded from this computer are here."
    " {new-row} uploads a picture for a talk agent, or a recording.",
)


def owner_presenter(place: Place) -> str:
    """The id of the presenter that one has come through."""
    return str(getattr(place.parents[-1], "presenter_id", ""))


def _language(language: inv.VoiceLanguage) -> str:
    return language.locale or language.language
