"""Images as small files, to be kept and to be looked at."""

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

KEPT_PIXELS = 192
"""Longest side of a picture that is kept."""
_LOSSLESS_PIXELS = 96
"""Up to this side pictures are kept exactly."""


def small_webp(picture: "Image") -> bytes:
    """Return a picture as a small WebP file, exact where the picture is small itself."""
    small = picture.copy()
    small.thumbnail((KEPT_PIXELS, KEPT_PIXELS))
    sink = io.BytesIO()
    small.save(sink, "WEBP", lossless=max(small.size) <= _LOSSLESS_PIXELS, quality=80, method=6)
    return sink.getvalue()
