"""A drawn talking head: six characters, 512 x 512 pixels, made for 25 frames a second."""

from __future__ import annotations

from did_tui.emulator.face.looks import LOOKS, Look
from did_tui.emulator.face.motion import Mood
from did_tui.emulator.face.portrait import Face
from did_tui.emulator.face.visemes import REST, VISEMES, Mouth, mouth_at, visemes

__all__ = ["LOOKS", "REST", "VISEMES", "Face", "Look", "Mood", "Mouth", "mouth_at", "visemes"]
