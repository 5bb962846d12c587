"""Captions, and the pictures that they describe.

One caption with its picture: "red apple on cream", a red apple somewhere near the middle of a cream sheet.
"""

import random
from typing import NamedTuple

from PIL import Image

from benchmarks.image_base.kinds import KINDS, Draw
from benchmarks.image_base.pen import Colour, Pen, Pose

COLOURS: dict[str, Colour] = {
    "red": (214, 54, 52),
    "orange": (238, 138, 44),
    "yellow": (244, 208, 62),
    "green": (84, 170, 76),
    "blue": (64, 110, 214),
    "purple": (142, 76, 182),
    "pink": (240, 140, 180),
    "brown": (140, 94, 60),
}
BACKGROUNDS: dict[str, Colour] = {
    "white": (255, 255, 255),
    "cream": (250, 236, 200),
    "grey": (160, 164, 170),
    "navy": (32, 44, 92),
    "mint": (190, 234, 208),
    "black": (16, 16, 20),
}


class Caption(NamedTuple):
    """What a picture shows."""

    kind: str
    colour: str
    background: str

    @property
    def text(self) -> str:
        """Return the caption as the model reads it."""
        return f"{self.colour} {self.kind} on {self.background}"


def all_captions() -> list[Caption]:
    """Return every caption, always in the same order."""
    return [Caption(kind, colour, background) for kind in KINDS for colour in COLOURS for background in BACKGROUNDS]


def held_out(caption: Caption) -> bool:
    """Tell whether training leaves a caption out: one in ten, every word of which it meets in others."""
    return random.Random(f"held out {caption.text}").random() < 0.1


def drawn(caption: Caption, draw: random.Random) -> Image.Image:
    """Return a picture of 32 by 32 pixels, in a pose drawn at random."""
    return posed(KINDS[caption.kind], COLOURS[caption.colour], BACKGROUNDS[caption.background], draw)


def posed(kind: Draw, colour: Colour, background: Colour, draw: random.Random) -> Image.Image:
    """Return a picture of anything that can be drawn, in a pose drawn at random."""
    pose = Pose(
        x=draw.uniform(-0.06, 0.06),
        y=draw.uniform(-0.06, 0.06),
        scale=draw.uniform(0.92, 1.05),
        tilt_radians=draw.uniform(-0.1, 0.1),
        mirrored=draw.random() < 0.5,
    )
    pen = Pen(background, pose)
    kind(pen, colour)
    return pen.picture()
