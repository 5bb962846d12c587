"""Drawing with a pen whose sheet may be moved, scaled, tilted and mirrored."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]

DARK: Colour = (40, 36, 44)
LIGHT: Colour = (250, 248, 244)
SIZE_PIXELS = 32
_OVERSAMPLING = 8
_CORNERS_OF_AN_ELLIPSE = 36


class Pose(NamedTuple):
    """Where and how a drawing lies on its sheet. The sheet reaches from -1 to 1 both ways, y downwards."""

    x: float = 0.0
    y: float = 0.0
    scale: float = 1.0
    tilt_radians: float = 0.0
    mirrored: bool = False


class Pen:
    """Fills shapes on a sheet of one colour. Coordinates are those of the drawing, before its pose."""

    def __init__(self, background: Colour, pose: Pose) -> None:
        side = SIZE_PIXELS * _OVERSAMPLING
        self._image = Image.new("RGB", (side, side), background)
        self._draw = ImageDraw.Draw(self._image)
        self._pose = pose

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """Fill the polygon with the given corners."""
        self._draw.polygon([self._placed(point) for point in points], fill=colour)

    def ellipse(self, centre: Point, radii: Point, colour: Colour) -> None:
        """Fill an ellipse."""
        turns = [2 * math.pi * corner / _CORNERS_OF_AN_ELLIPSE for corner in range(_CORNERS_OF_AN_ELLIPSE)]
        corners = [(centre[0] + radii[0] * math.cos(turn), centre[1] + radii[1] * math.sin(turn)) for turn in turns]
        self.polygon(corners, colour)

    def box(self, left_top: Point, right_bottom: Point, colour: Colour) -> None:
        """Fill a rectangle."""
        (left, top), (right, bottom) = left_top, right_bottom
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour)

    def picture(self) -> Image.Image:
        """Return the sheet at its final size."""
        return self._image.resize((SIZE_PIXELS, SIZE_PIXELS), Image.Resampling.BOX)

    def _placed(self, point: Point) -> Point:
        x, y = point
        if self._pose.mirrored:
            x = -x
        cos, sin = math.cos(self._pose.tilt_radians), math.sin(self._pose.tilt_radians)
        x, y = cos * x - sin * y, sin * x + cos * y
        half = SIZE_PIXELS * _OVERSAMPLING / 2
        scale = 0.82 * self._pose.scale
        return half * (1 + self._pose.x + scale * x), half * (1 + self._pose.y + scale * y)


def shade(colour: Colour, factor: float) -> Colour:
    """Return a darker colour, or above 1 a lighter one."""
    if factor <= 1:
        return (round(colour[0] * factor), round(colour[1] * factor), round(colour[2] * factor))
    red, green, blue = (round(255 - (255 - channel) / factor) for channel in colour)
    return red, green, blue
