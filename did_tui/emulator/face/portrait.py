"""The talking head: puts the painted layers together, a frame at a time."""

from __future__ import annotations

import random
from copy import copy
from dataclasses import replace

from PIL import Image

from did_tui.emulator.face.bust import paint_bust
from did_tui.emulator.face.eyes import BrowPictures, EyePictures
from did_tui.emulator.face.head import BROW_DX, BROW_Y, EYE_DX, EYE_Y, MOUTH_Y
from did_tui.emulator.face.jaw import Jaw
from did_tui.emulator.face.layers import Layer, place
from did_tui.emulator.face.looks import Look
from did_tui.emulator.face.motion import EXPRESSIONS, Bearing, Idle, Mood, Pose, Temper
from did_tui.emulator.face.mouth import MouthPictures
from did_tui.emulator.face.shapes import AXIS
from did_tui.emulator.face.visemes import REST, Mouth
from did_tui.emulator.face.warp import turned

_NECK_Y = 452.0
"""The height about which the head tilts."""
# How far things move from the middle to the end of a turn (across) or a nod (down), pixels.
# Features slide over the head, the nose most of all: that is what reads as a turn.
_HEAD_TURN = (7.0, 5.0)
_FEATURES_TURN = (8.0, 6.0)
_NOSE_TURN = (12.0, 7.5)
_GLASSES_TURN = (8.8, 6.6)
_BREATH = 3.0
"""How far the shoulders sink in breathing out, pixels."""
_BODY_PHASES = 4
"""Steps of the body's position within a pixel."""

_LEFT, _RIGHT = -1, 1
_FRIENDLY = replace(EXPRESSIONS["neutral"], smile=0.95, squint=0.25, brow_left=2.0, brow_right=2.0)


class Face:
    """A drawn person who moves, blinks and speaks.

    It remembers its mood from frame to frame, so every conversation needs one of its own
    (`twin`). Painting takes a few tenths of a second, a frame a few thousandths.
    """

    def __init__(self, look: Look, seed: int = 0) -> None:
        self.look = look
        rng = random.Random(f"{look.name} {seed}")
        self._idle = Idle(rng.getrandbits(32))
        self._bust = paint_bust(look, rng)
        self._bodies = _breathing_bodies(self._bust.body)
        self._eyes = EyePictures(look)
        self._brows = BrowPictures(look)
        self._mouths = MouthPictures(look)
        self._jaw = Jaw(self._bust.jaw)
        self._temper = Temper()

    def twin(self) -> Face:
        """Return the same person with a mood of their own, for a second conversation; cheap."""
        twin = copy(self)
        twin._temper = Temper()
        return twin

    def frame(
        self,
        t: float,
        mouth: Mouth = REST,
        *,
        mood: Mood = "neutral",
        speaking: bool = False,
        energy: float = 0.0,
    ) -> Image.Image:
        """Return the face `t` seconds into its life, RGB 512 x 512.

        `energy` (0..1) is the loudness of the speech, which moves head and brows. Moods blend
        into each other over time, so the picture also depends on the frames before.
        """
        bearing = self._temper.advance(t, mood, speaking, energy)
        pose = self._idle.pose(t, bearing)
        return self._draw(pose, bearing, mouth, self._idle.brow_play(t, bearing))

    def still(self) -> Image.Image:
        """Return a friendly picture that never changes, RGB 512 x 512."""
        return self._draw(Pose(breath=0.5), Bearing(_FRIENDLY), REST, 0.0)

    def _draw(self, pose: Pose, bearing: Bearing, mouth: Mouth, brow_play: float) -> Image.Image:
        bust = self._bust
        picture = bust.backdrop.copy()
        head = self._draw_head(pose, bearing, mouth, brow_play)
        sink = pose.breath * _BREATH
        pivot = (AXIS - bust.head.left, _NECK_Y - bust.head.top)
        dx, dy = _slide(pose, _HEAD_TURN)
        head = turned(head, pose.roll, pivot, dx, dy + 0.6 * sink)
        picture.paste(head, (bust.head.left, bust.head.top), head)
        sunk = round(sink * _BODY_PHASES)
        body = self._bodies[sunk % _BODY_PHASES]
        picture.paste(body.picture, (body.left, body.top + sunk // _BODY_PHASES), body.picture)
        return picture

    def _draw_head(
        self, pose: Pose, bearing: Bearing, mouth: Mouth, brow_play: float
    ) -> Image.Image:
        """Return the head upright and in its own canvas, RGBA."""
        bust, expression = self._bust, bearing.expression
        canvas, outline = bust.head.picture.copy(), bust.outline.copy()
        shape = _mouth_in_mood(mouth, bearing)
        self._jaw.drop(canvas, outline, shape.open)
        place(canvas, bust.nose, *_slide(pose, _NOSE_TURN))
        dx, dy = _slide(pose, _FEATURES_TURN)
        x, y = AXIS - bust.head.left + dx, dy - bust.head.top
        gaze = (pose.gaze_x, pose.gaze_y)
        lid = max(expression.lid, pose.blink)
        for side, lift in ((_LEFT, expression.brow_left), (_RIGHT, expression.brow_right)):
            eye = self._eyes.layer(side, lid, expression.squint, gaze)
            place(canvas, eye, x + side * EYE_DX, y + EYE_Y)
            brow = self._brows.layer(side, expression.worry)
            up = lift + brow_play - 2.0 * pose.blink
            place(canvas, brow, x + side * BROW_DX, y + BROW_Y - up)
        place(canvas, self._mouths.layer(shape, _smile_while(shape, bearing)), x, y + MOUTH_Y)
        if bust.moustache is not None:
            place(canvas, bust.moustache, dx, dy - 4.0 * shape.open)
        if bust.glasses is not None:
            place(canvas, bust.glasses, *_slide(pose, _GLASSES_TURN))
        for hair in bust.fringe:
            place(canvas, hair)
        canvas.putalpha(outline)
        return canvas


def _slide(pose: Pose, turn: tuple[float, float]) -> tuple[float, float]:
    """Return how far the pose moves something (across, down), pixels."""
    return pose.yaw * turn[0], pose.pitch * turn[1]


def _mouth_in_mood(mouth: Mouth, bearing: Bearing) -> Mouth:
    """Part silent lips as far as the mood does; speech has the say over them."""
    grin = bearing.expression.grin * (1.0 - bearing.speaking) * (1.0 - mouth.press)
    return replace(mouth, open=max(mouth.open, grin))


def _smile_while(mouth: Mouth, bearing: Bearing) -> float:
    """Return how much of the mood's smile the spoken shape leaves."""
    rounded = max(-mouth.width, 0.0)
    return bearing.expression.smile * (1.0 - 0.45 * bearing.speaking) * (1.0 - 0.6 * rounded)


def _breathing_bodies(body: Layer) -> list[Layer]:
    """Return the body at every part of a pixel that it sinks by while breathing."""
    layers = []
    for phase in range(_BODY_PHASES):
        width, height = body.picture.size
        top = body.picture.crop((0, -1, width, height + 1))
        lower = body.picture.crop((0, -2, width, height))
        between = Image.blend(top, lower, phase / _BODY_PHASES)
        layers.append(Layer(between, body.left, body.top - 1))
    return layers
