"""The still parts of a portrait, painted once and cut into layers."""

from __future__ import annotations

import random
from dataclasses import dataclass

from PIL import Image

from did_tui.emulator.face.backdrop import paint_backdrop
from did_tui.emulator.face.beard import paint_beard, paint_moustache
from did_tui.emulator.face.clothes import paint_clothes
from did_tui.emulator.face.glasses import paint_glasses
from did_tui.emulator.face.hair import paint_hair, paint_tresses
from did_tui.emulator.face.head import paint_ears, paint_face, paint_neck, paint_nose
from did_tui.emulator.face.jaw import JAW_DROP
from did_tui.emulator.face.layers import Layer, cut_out
from did_tui.emulator.face.looks import Look, Skin
from did_tui.emulator.face.paint import (
    SIZE,
    Box,
    Colour,
    Film,
    Mask,
    carried_over_edges,
    fill,
    mix,
    outside,
    overlap,
    shifted,
    soft,
    union,
)
from did_tui.emulator.face.shapes import AXIS, oval

HEAD_MARGIN = 18
"""Empty pixels around the head, for it to move in."""

_HEAD_BOTTOM = 482
"""Where the neck ends, behind every collar."""
_JAW_TOP = 316
_FRINGE_BOXES: tuple[Box, Box] = ((120, 150, 256, 470), (256, 150, 392, 470))
"""The halves of the face in which features move."""


@dataclass(frozen=True, slots=True)
class Bust:
    """The layers of one character.

    The backdrop and the body lie in the whole picture; everything else lies in the head's own
    canvas, whose upper left corner is at `head.left`, `head.top` of the whole picture.
    """

    backdrop: Image.Image
    """RGB, the size of the whole picture."""
    body: Layer
    head: Layer
    """Skull, neck and hair: RGB, its colours carried beyond its outline."""
    outline: Mask
    """What of the head's canvas is head."""
    jaw: Layer
    """The lower face, RGBA; it is stretched downwards as the mouth opens."""
    nose: Layer
    fringe: tuple[Layer, ...]
    """The hair that may fall over moving features."""
    moustache: Layer | None
    glasses: Layer | None


def paint_bust(look: Look, rng: random.Random) -> Bust:
    """Paint all layers of one character."""
    behind, face, front, body = Film(), Film(), Film(), Film()
    paint_hair(look.hair, behind, front, rng)
    if not look.hair.covers_neck:
        paint_neck(look, behind)
    if not look.hair.covers_ears:
        paint_ears(look, behind)
    paint_face(look, face, front.mask(), rng)
    if look.beard:
        paint_beard(look, face, rng)
    paint_clothes(look.clothes, body, rng)
    paint_tresses(look.hair, body, rng)
    _light_rim((behind, face, front, body), look.rim)

    skin, hair = face.picture(), front.picture()
    head = behind.picture()
    head.alpha_composite(skin)
    head.alpha_composite(hair)
    box = _with_margin(head.getchannel("A"))
    x, y = box[:2]
    return Bust(
        backdrop=paint_backdrop(look.backdrop, rng),
        body=cut_out(body.picture()),
        head=Layer(_on_skin(head.crop(box), look.skin), x, y),
        outline=head.getchannel("A").crop(box),
        jaw=cut_out(_below(skin, _JAW_TOP)).from_origin(x, y),
        nose=_cut_nose(look, face).from_origin(x, y),
        fringe=tuple(piece.from_origin(x, y) for piece in _cut_fringe(hair, skin)),
        moustache=_cut_moustache(look, rng).from_origin(x, y) if look.beard else None,
        glasses=_cut_glasses(look.glasses).from_origin(x, y) if look.glasses else None,
    )


def _light_rim(films: tuple[Film, ...], colour: Colour) -> None:
    """Light the right edge of the whole figure, which frees dark hair from a dark wall."""
    figure = union(*(film.mask() for film in films))
    edge = overlap(figure, outside(shifted(figure, -6, 3)))
    throat = soft(fill([oval((AXIS, 440), (82, 60))]), 8)
    glow = overlap(soft(edge, 2.4), figure, outside(throat))
    for film in films:
        film.tint(glow, colour, 0.75)


def _with_margin(head: Mask) -> Box:
    """Return the box of the head's canvas in the whole picture; it may reach beyond that."""
    left, top, right, _ = head.getbbox() or (0, 0, SIZE, SIZE)
    return left - HEAD_MARGIN, top - HEAD_MARGIN, right + HEAD_MARGIN, _HEAD_BOTTOM


def _on_skin(head: Image.Image, skin: Skin) -> Image.Image:
    """Return the head as RGB, on skin: the open jaw must not have an edge of another colour."""
    ground = Image.new("RGB", head.size, mix(skin.base, skin.shade, 0.5))
    near = soft(head.getchannel("A"), 2).point(lambda value: 255 if value else 0)
    ground.paste(carried_over_edges(head), mask=near)
    return ground


def _below(picture: Image.Image, top: int) -> Image.Image:
    """Return the picture with everything above y = `top` cleared."""
    lower = picture.copy()
    lower.paste((0, 0, 0, 0), (0, 0, SIZE, top))
    return lower


def _cut_nose(look: Look, face: Film) -> Layer:
    """Paint the nose and cut it with its surroundings, so that it can slide over the face."""
    paint_nose(look, face)
    patch = face.picture()
    feathered = soft(fill([oval((AXIS, 272), (38, 52))]), 8)
    patch.putalpha(feathered)
    return cut_out(patch)


def _cut_fringe(hair: Image.Image, skin: Image.Image) -> list[Layer]:
    """Cut the front hair where features move, in two halves, which are small."""
    face = skin.getchannel("A")
    moving = union(soft(face, 3), shifted(face, 0, JAW_DROP + 4))
    over_features = overlap(hair.getchannel("A"), moving)
    pieces = []
    for left, top, right, bottom in _FRINGE_BOXES:
        reach = over_features.crop((left, top, right, bottom)).getbbox()
        if reach is not None:
            box = (left + reach[0], top + reach[1], left + reach[2], top + reach[3])
            pieces.append(Layer(hair.crop(box), box[0], box[1]))
    return pieces


def _cut_moustache(look: Look, rng: random.Random) -> Layer:
    film = Film()
    paint_moustache(look, film, rng)
    return cut_out(film.picture())


def _cut_glasses(colour: Colour) -> Layer:
    film = Film()
    paint_glasses(colour, film)
    return cut_out(film.picture())
