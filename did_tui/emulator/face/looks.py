"""Who can be drawn: six characters, as data only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from did_tui.emulator.face.paint import Colour

HairStyle = Literal["long", "short", "curly", "swept", "scarf"]
ClothesStyle = Literal["blouse", "hoodie", "pullover", "jacket", "drape"]


@dataclass(frozen=True, slots=True)
class Backdrop:
    """The wall behind: a vertical gradient and a warm or cool glow."""

    top: Colour
    bottom: Colour
    glow: Colour


@dataclass(frozen=True, slots=True)
class Skin:
    """One complexion, from highlight to the colour of thin dark lines."""

    light: Colour
    base: Colour
    shade: Colour
    line: Colour
    blush: Colour
    blush_strength: float = 0.4


@dataclass(frozen=True, slots=True)
class Skull:
    """The outline of the head: half widths from the axis and the y of the chin, pixels."""

    cheek: float = 126.0
    jaw: float = 100.0
    chin: float = 50.0
    chin_y: float = 412.0


@dataclass(frozen=True, slots=True)
class Eyes:
    """Both eyes; sizes in pixels."""

    iris: Colour
    lash: Colour = (34, 18, 24)
    lash_width: float = 8.5
    wing: float = 8.0
    height: float = 1.0
    lid: Colour | None = None
    """Eye shadow; None is bare skin."""


@dataclass(frozen=True, slots=True)
class Brows:
    """Both eyebrows; sizes in pixels."""

    colour: Colour
    width: float = 9.0
    arch: float = 10.0
    bushy: float = 0.0


@dataclass(frozen=True, slots=True)
class Lips:
    """The mouth at rest; thicknesses in pixels."""

    colour: Colour
    upper: float = 12.0
    lower: float = 16.0
    half_width: float = 48.0


@dataclass(frozen=True, slots=True)
class Hair:
    """Hair, or the cloth that covers it."""

    style: HairStyle
    base: Colour
    dark: Colour
    light: Colour

    @property
    def covers_ears(self) -> bool:
        """Whether the ears are hidden."""
        return self.style in ("long", "curly", "scarf")

    @property
    def covers_neck(self) -> bool:
        """Whether the neck is hidden."""
        return self.style == "scarf"


@dataclass(frozen=True, slots=True)
class Clothes:
    """What is seen of the clothes: the main cloth, its second tone and an accent."""

    style: ClothesStyle
    base: Colour
    second: Colour
    accent: Colour


@dataclass(frozen=True, slots=True)
class Look:
    """Everything that makes one character different from another."""

    name: str
    backdrop: Backdrop
    rim: Colour
    skin: Skin
    eyes: Eyes
    brows: Brows
    lips: Lips
    hair: Hair
    clothes: Clothes
    skull: Skull = field(default_factory=Skull)
    nose_width: float = 24.0
    beard: bool = False
    glasses: Colour | None = None
    freckles: bool = False
    lines: float = 0.0
    """How deep the years have drawn their lines, 0..1."""


MIRA = Look(
    name="mira",
    backdrop=Backdrop(top=(18, 26, 58), bottom=(26, 84, 110), glow=(84, 190, 205)),
    rim=(128, 224, 236),
    skin=Skin(
        light=(255, 226, 200),
        base=(243, 190, 160),
        shade=(198, 112, 96),
        line=(128, 56, 52),
        blush=(236, 112, 104),
    ),
    eyes=Eyes(iris=(48, 142, 122), lid=(186, 112, 100)),
    brows=Brows(colour=(96, 40, 36), width=8.5, arch=11.0),
    lips=Lips(colour=(204, 62, 76), upper=12.0, lower=16.0),
    hair=Hair(style="long", base=(122, 36, 34), dark=(62, 16, 26), light=(206, 84, 58)),
    clothes=Clothes(
        style="blouse", base=(242, 236, 226), second=(196, 190, 198), accent=(212, 168, 84)
    ),
    skull=Skull(cheek=124.0, jaw=97.0, chin=46.0, chin_y=412.0),
)

KAI = Look(
    name="kai",
    backdrop=Backdrop(top=(24, 20, 60), bottom=(66, 56, 124), glow=(150, 132, 240)),
    rim=(255, 202, 140),
    skin=Skin(
        light=(206, 142, 102),
        base=(158, 98, 66),
        shade=(92, 46, 38),
        line=(56, 24, 24),
        blush=(176, 80, 58),
        blush_strength=0.3,
    ),
    eyes=Eyes(iris=(104, 62, 28), lash=(22, 12, 16), lash_width=7.0, wing=3.0),
    brows=Brows(colour=(24, 14, 16), width=11.5, arch=8.0),
    lips=Lips(colour=(142, 62, 62), upper=12.0, lower=17.0, half_width=50.0),
    hair=Hair(style="short", base=(26, 20, 24), dark=(12, 8, 12), light=(84, 66, 74)),
    clothes=Clothes(
        style="hoodie", base=(36, 74, 122), second=(22, 46, 84), accent=(236, 232, 220)
    ),
    skull=Skull(cheek=124.0, jaw=106.0, chin=58.0, chin_y=416.0),
    nose_width=30.0,
)

JUNO = Look(
    name="juno",
    backdrop=Backdrop(top=(62, 18, 46), bottom=(138, 50, 74), glow=(255, 150, 150)),
    rim=(255, 226, 206),
    skin=Skin(
        light=(255, 222, 188),
        base=(240, 188, 150),
        shade=(196, 116, 86),
        line=(124, 62, 48),
        blush=(238, 120, 96),
        blush_strength=0.5,
    ),
    eyes=Eyes(iris=(70, 120, 190), lash=(52, 30, 28), lash_width=7.5, wing=6.0),
    brows=Brows(colour=(150, 92, 44), width=8.0, arch=10.0),
    lips=Lips(colour=(214, 84, 84), upper=11.0, lower=15.0, half_width=46.0),
    hair=Hair(style="curly", base=(214, 148, 60), dark=(142, 82, 34), light=(255, 214, 128)),
    clothes=Clothes(
        style="pullover", base=(40, 148, 140), second=(24, 104, 104), accent=(246, 208, 96)
    ),
    skull=Skull(cheek=125.0, jaw=103.0, chin=50.0, chin_y=408.0),
    nose_width=22.0,
    glasses=(58, 30, 48),
    freckles=True,
)

OTTO = Look(
    name="otto",
    backdrop=Backdrop(top=(16, 40, 38), bottom=(52, 98, 74), glow=(176, 216, 140)),
    rim=(224, 248, 204),
    skin=Skin(
        light=(255, 214, 188),
        base=(232, 170, 142),
        shade=(184, 100, 86),
        line=(124, 62, 56),
        blush=(226, 98, 88),
        blush_strength=0.5,
    ),
    eyes=Eyes(iris=(74, 122, 158), lash=(64, 42, 42), lash_width=5.5, wing=0.0, height=0.88),
    brows=Brows(colour=(172, 166, 164), width=13.0, arch=8.0, bushy=1.0),
    lips=Lips(colour=(184, 84, 80), upper=9.0, lower=14.0, half_width=44.0),
    hair=Hair(style="swept", base=(188, 188, 194), dark=(118, 118, 130), light=(246, 246, 248)),
    clothes=Clothes(style="jacket", base=(120, 78, 48), second=(84, 50, 34), accent=(186, 44, 52)),
    skull=Skull(cheek=127.0, jaw=112.0, chin=66.0, chin_y=414.0),
    nose_width=31.0,
    beard=True,
    lines=1.0,
)

NOOR = Look(
    name="noor",
    backdrop=Backdrop(top=(54, 30, 22), bottom=(124, 74, 40), glow=(255, 190, 110)),
    rim=(255, 222, 176),
    skin=Skin(
        light=(246, 204, 164),
        base=(218, 162, 118),
        shade=(160, 92, 66),
        line=(96, 46, 38),
        blush=(214, 104, 80),
        blush_strength=0.35,
    ),
    eyes=Eyes(iris=(112, 70, 34), lash=(20, 12, 18), lash_width=9.0, wing=10.0, lid=(146, 84, 78)),
    brows=Brows(colour=(46, 26, 24), width=9.5, arch=10.0),
    lips=Lips(colour=(176, 54, 72), upper=13.0, lower=17.0),
    hair=Hair(style="scarf", base=(34, 132, 142), dark=(14, 78, 94), light=(122, 208, 204)),
    clothes=Clothes(style="drape", base=(34, 132, 142), second=(14, 78, 94), accent=(232, 188, 92)),
    skull=Skull(cheek=120.0, jaw=94.0, chin=46.0, chin_y=410.0),
    nose_width=25.0,
)

IRIS = Look(
    name="iris",
    backdrop=Backdrop(top=(44, 14, 60), bottom=(150, 44, 96), glow=(255, 176, 96)),
    rim=(255, 196, 150),
    skin=Skin(
        light=(228, 172, 130),
        base=(190, 126, 88),
        shade=(126, 68, 56),
        line=(74, 34, 34),
        blush=(206, 88, 80),
        blush_strength=0.4,
    ),
    eyes=Eyes(iris=(62, 128, 96), lash=(20, 10, 18), lash_width=8.5, wing=9.0, lid=(120, 70, 130)),
    brows=Brows(colour=(30, 16, 26), width=9.0, arch=12.0),
    lips=Lips(colour=(190, 46, 92), upper=13.0, lower=17.0, half_width=49.0),
    hair=Hair(style="curly", base=(46, 22, 42), dark=(20, 8, 22), light=(142, 66, 122)),
    clothes=Clothes(
        style="jacket", base=(232, 176, 62), second=(170, 112, 34), accent=(74, 36, 96)
    ),
    skull=Skull(cheek=123.0, jaw=98.0, chin=48.0, chin_y=411.0),
    nose_width=26.0,
)

LOOKS: dict[str, Look] = {look.name: look for look in (MIRA, KAI, JUNO, OTTO, NOOR, IRIS)}
